"""Where things are in a TOML text: header blocks and key/value pairs with their offsets, found without recursion.

The verifying parser has accepted the text before this runs, so values are skipped rather than checked. Nothing here
merges tables: `toml_tree` does.
"""

import importlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, Union

from .deep import with_deep_stack
from .model import Fault

BOM = "\ufeff"

tomllib: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

_TRIVIA = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")
_KEY = re.compile(r"""[ \t]*(?:([A-Za-z0-9_-]+)|("[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\n]*'))[ \t]*""")
_BASIC = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"')
_LITERAL = re.compile(r"'[^'\n]*'")
_BASIC_STOP = re.compile(r'\\.|"{3,5}', re.DOTALL)
_LITERAL_STOP = re.compile(r"'{3,5}")
_STRUCTURE = re.compile(r"""[\[\]{}"'#]""")
_SCALAR = re.compile(r"[^,\]}#\r\n]+")
_QUOTE_OR_COMMENT = re.compile(r"""["'#]""")


@dataclass(frozen=True, slots=True)
class Key:
    """One part of a key as it is spelled at `text[start:end]`."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A key and its value; also an item of an array, which has no keys.

    Attributes:
        home: the block, inline table or array that it stands in.
        keys: the parts of its key, several where it is dotted.
        begin: where its line begins; inline, where its key (or an item's value) begins.
        value_start: where the value begins.
        value_end: where the value ends.
        end: where the next line begins, past a comment behind the value; inline, the same as `value_end`.
    """

    home: "Home"
    keys: tuple[Key, ...]
    begin: int
    value_start: int
    value_end: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A header with the pairs under it; the first block of a document has no header.

    Attributes:
        keys: the parts of the header's key; none for the first block.
        many: whether it is an item of an array of tables, `[[…]]`.
        begin: where the header's line begins.
        start: where its first bracket is.
        header_end: where the line after the header begins.
        pairs: what stands under it.
    """

    keys: tuple[Key, ...]
    many: bool
    begin: int
    start: int
    header_end: int
    pairs: list[Pair] = field(default_factory=list)

    @property
    def end(self) -> int:
        """Where the line after its last statement begins: comments that follow are not in it."""
        return self.pairs[-1].end if self.pairs else self.header_end


@dataclass(frozen=True, slots=True, eq=False)
class Brace:
    """An inline table or an array, from its opening bracket to behind the closing one."""

    start: int
    end: int
    pairs: Sequence[Pair]


Home: TypeAlias = Union[Block, "Brace", None]


def document_start(text: str) -> int:
    """Where the document begins, behind a byte order mark."""
    return 1 if text.startswith(BOM) else 0


def scan(text: str) -> list[Block]:
    """The blocks of a document in file order, the headerless one first.

    Raises:
        Fault: for a statement that is none.
    """
    start = document_start(text)
    at = _past_trivia(text, start)
    # With no statement at all, what comes first goes below the comments rather than above them.
    blocks = [Block((), False, start, start, len(text) if at == len(text) else start)]
    while at < len(text):
        begin = max(text.rfind("\n", 0, at) + 1, start)
        if text[at] == "[":
            blocks.append(_header(text, begin, at))
            at = blocks[-1].header_end
        else:
            pair = _line(text, begin, at, blocks[-1])
            blocks[-1].pairs.append(pair)
            at = pair.end
        at = _past_trivia(text, at)
    return blocks


def scan_table(text: str, start: int) -> Brace:
    """The inline table whose brace opens at `start`, one level deep.

    Raises:
        Fault: for what is not an inline table.
    """
    return _scan_inline(text, start, "}")


def scan_array(text: str, start: int) -> Brace:
    """The array whose bracket opens at `start`, one level deep.

    Raises:
        Fault: for what is not an array.
    """
    return _scan_inline(text, start, "]")


def comments(text: str) -> list[int]:
    """The offsets of all comments.

    Raises:
        Fault: for a string without an end.
    """
    found, at = [], 0
    while match := _QUOTE_OR_COMMENT.search(text, at):
        if match.group() == "#":
            found.append(match.start())
            at = _line_end(text, match.start())
        else:
            at = _string_end(text, match.start())
    return found


def after_comma(text: str, at: int) -> int | None:
    """Where the comma that follows an inline value ends, or None where none follows."""
    at = _past_trivia(text, at)
    return at + 1 if text.startswith(",", at) else None


def decode(text: str, start: int, end: int) -> Any:
    """The value that is written at `text[start:end]`.

    Raises:
        Fault: for what is not one value.
    """
    source = f"value = {text[start:end]}"
    try:
        try:
            return tomllib.loads(source)["value"]
        except RecursionError:
            return with_deep_stack(tomllib.loads, source)["value"]
    except (ValueError, RecursionError):
        raise Fault(start, "this value cannot be read") from None


def _header(text: str, begin: int, start: int) -> Block:
    many = text.startswith("[[", start)
    keys, at = _keys(text, start + 1 + many)
    close = "]]" if many else "]"
    if not text.startswith(close, at):
        raise Fault(at, f"expected {close} at the end of a table's header")
    return Block(keys, many, begin, start, _next_line(text, at + len(close)))


def _line(text: str, begin: int, at: int, home: Block) -> Pair:
    keys, start, end = _assignment(text, at)
    return Pair(home, keys, begin, start, end, _next_line(text, end))


def _assignment(text: str, at: int) -> tuple[tuple[Key, ...], int, int]:
    keys, at = _keys(text, at)
    if not text.startswith("=", at):
        raise Fault(at, "expected = after a key")
    at += 1
    while text.startswith((" ", "\t"), at):
        at += 1
    return keys, at, _value_end(text, at)


def _scan_inline(text: str, start: int, close: str) -> Brace:
    found: list[tuple[tuple[Key, ...], int, int]] = []
    at = _past_trivia(text, start + 1)
    while not text.startswith(close, at):
        found.append(_assignment(text, at) if close == "}" else ((), at, _value_end(text, at)))
        at = _past_trivia(text, found[-1][2])
        if text.startswith(",", at):
            at = _past_trivia(text, at + 1)
        elif not text.startswith(close, at):
            raise Fault(at, f"expected a comma or {close}")
    pairs: list[Pair] = []
    brace = Brace(start, at + 1, pairs)
    pairs += [Pair(brace, keys, keys[0].start if keys else at, at, end, end) for keys, at, end in found]
    return brace


def _keys(text: str, at: int) -> tuple[tuple[Key, ...], int]:
    keys = []
    while match := _KEY.match(text, at):
        which = match.lastindex or 1
        start, end = match.span(which)
        quoted = which == 2
        keys.append(Key(_unquote(text, start, end) if quoted else match.group(1), start, end))
        at = match.end()
        if not text.startswith(".", at):
            return tuple(keys), at
        at += 1
    raise Fault(at, "expected a key")


def _unquote(text: str, start: int, end: int) -> str:
    inner = text[start + 1 : end - 1]
    return str(decode(text, start, end)) if text[start] == '"' and "\\" in inner else inner


def _value_end(text: str, start: int) -> int:
    first = text[start : start + 1]
    if first and first in "[{":
        return _bracket_end(text, start)
    if first and first in "\"'":
        return _string_end(text, start)
    match = _SCALAR.match(text, start)
    if not match:
        raise Fault(start, "expected a value")
    return start + len(match.group().rstrip(" \t"))


def _bracket_end(text: str, start: int) -> int:
    depth, at = 0, start
    while match := _STRUCTURE.search(text, at):
        at = match.end()
        if match.group() in "\"'":
            at = _string_end(text, match.start())
        elif match.group() == "#":
            at = _line_end(text, at)
        else:
            depth += 1 if match.group() in "[{" else -1
            if depth == 0:
                return at
    raise Fault(start, "this bracket is never closed")


def _string_end(text: str, start: int) -> int:
    if text.startswith(('"""', "'''"), start):
        stop = _BASIC_STOP if text[start] == '"' else _LITERAL_STOP
        match = stop.search(text, start + 3)
        while match and match.group()[0] == "\\":
            match = stop.search(text, match.end())
    else:
        match = (_BASIC if text[start] == '"' else _LITERAL).match(text, start)
    if not match:
        raise Fault(start, "this string is never closed")
    return match.end()


def _past_trivia(text: str, at: int) -> int:
    match = _TRIVIA.match(text, at)
    assert match is not None  # it matches the empty string too
    return match.end()


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return end if end >= 0 else len(text)


def _next_line(text: str, at: int) -> int:
    match = _REST_OF_LINE.match(text, at)
    if not match:
        raise Fault(at, "expected the end of the line")
    return match.end()
