"""Where things are in a JSON or JSONC text: an iterative scanner that steps over what it need not look into.

Every pattern is unrolled, so that none can match one text in two ways: time stays linear on any input, and no recursion
depends on it. Validity is not judged here; the json module does that (see `jsonc`).
"""

import json
import json.scanner
import re
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any, Literal, NamedTuple

from .deep import with_deep_stack
from .model import Fault, Member, Value

BLANK = " \t\r\n"
_STRING = r'"[^"\\]*(?:"|(?:\\[\s\S][^"\\]*)+")'
_COMMENT = r"//[^\r\n]*(?![^\r\n])|/\*[^*]*(?:\*(?!/)[^*]*)*\*/"
_TRIVIA = rf"[ \t\r\n]*(?:(?:{_COMMENT})[ \t\r\n]*)*"

COMMENT = re.compile(_COMMENT)
_STRING_RE = re.compile(_STRING)
_SCALAR = re.compile(rf'{_STRING}|[^ \t\r\n"{{}}\[\],:/]+')
_SPACE = re.compile(r"[ \t\r\n]*")
_KEY = re.compile(rf"({_STRING})[ \t\r\n]*:[ \t\r\n]*")
_NEXT = re.compile(r"[ \t\r\n]*([,}\]])[ \t\r\n]*")
_TRAILING = re.compile(rf",(?={_TRIVIA}[}}\]])")
# A bound on the repetitions bounds the memory that one match takes; the callers loop.
_TO_BRACKET = re.compile(rf'[^"{{}}\[\]/]*(?:(?:{_STRING}|{_COMMENT})[^"{{}}\[\]/]*){{0,1000}}(?:([{{\[])|([}}\]]))?')
_TO_ODDITY = re.compile(rf'[^"/,]*(?:(?:{_STRING}|,(?!{_TRIVIA}[}}\]]))[^"/,]*){{0,1000}}')
_TOKEN = re.compile(rf"({_STRING})({_TRIVIA}:)?|{_COMMENT}|([{{}}\[\]])")
_CONSTANT = re.compile(rf"{_STRING}|{_COMMENT}|(-?Infinity|NaN)")

_DECODER = json.JSONDecoder()

MEND = "mend it there and run the command again"


class Slot(NamedTuple):
    """Where one member or item lies; for an item, `start`, `key_end` and `value` are the same.

    Attributes:
        key: the decoded key, "" for an item.
        start: where the key begins.
        key_end: just after the key.
        value: where the value begins.
        end: just after the value.
        comma: the offset of the comma that follows, or -1.
    """

    key: str
    start: int
    key_end: int
    value: int
    end: int
    comma: int


class JsonNode:
    """A value in a text, looked into when that is asked for; an empty map at the very end is a text without a value."""

    __slots__ = ("_end", "_members", "_nodes", "_slots", "parent", "start", "text")

    def __init__(self, text: str, start: int, end: int | None, parent: "JsonNode | None") -> None:
        self.text = text
        self.start = start
        self.parent = parent
        self._end = end
        self._slots: list[Slot] | None = None
        self._nodes: list[JsonNode] = []
        self._members: list[Member] | None = None

    @property
    def end(self) -> int:
        """The offset just after the value."""
        if self._end is None:
            self._look()
        assert self._end is not None
        return self._end

    @property
    def kind(self) -> Literal["map", "list", "scalar", "null"]:
        """A `null` that is written out is a scalar: the user put it there, and only the user takes it away."""
        if self.is_void or self.text[self.start] == "{":
            return "map"
        return "list" if self.text[self.start] == "[" else "scalar"

    @property
    def is_void(self) -> bool:
        """Whether this is the root of a text that holds nothing but blanks and comments."""
        return self.start == len(self.text)

    def slots(self) -> list[Slot]:
        """Where the members or items lie, in file order."""
        if self._slots is None:
            self._look()
        assert self._slots is not None
        return self._slots

    def nodes(self) -> list["JsonNode"]:
        """The values of the members or items, in file order."""
        self.slots()
        return self._nodes

    def members(self) -> Sequence[Member]:
        """A map's members."""
        if self._members is None:
            self._members = [
                Member(slot.key, slot.start, node) for slot, node in zip(self.slots(), self._nodes, strict=True)
            ]
        return self._members

    def items(self) -> Sequence["JsonNode"]:
        """A list's items."""
        return self.nodes()

    def value(self) -> Value:
        """The plain value; a number too long for an int is a float."""
        return decoded(self.text[self.start : self.end])

    def _look(self) -> None:
        """Find what lies inside. What the root holds is looked into at once, so that it need not be passed twice."""
        text, slots, nodes = self.text, [], []
        if self.is_void or self.kind == "scalar":
            self._slots, self._end = [], self.start if self.is_void else _scalar_end(text, self.start)
            return
        is_map, close = text[self.start] == "{", "}" if text[self.start] == "{" else "]"
        at = after_trivia(text, self.start + 1)
        while not text.startswith(close, at):
            key, start, key_end, at = _key(text, at) if is_map else ("", at, at, at)
            if text[at : at + 1] not in ("{", "["):
                node = JsonNode(text, at, _scalar_end(text, at), self)
            elif self.parent is None and text[at] == "{":
                node = JsonNode(text, at, None, self)
            else:
                node = JsonNode(text, at, _bracket_end(text, at), self)
            end = node.end
            after, at = _separator(text, end)
            comma = after if text[after] == "," else -1
            slots.append(Slot(key, start, key_end, node.start, end, comma))
            nodes.append(node)
            if comma < 0:
                if text[after] != close:
                    raise Fault(after, "expected a comma or a closing bracket", MEND)
                at = after
        self._slots, self._nodes, self._end = slots, nodes, at + 1


def scan(text: str) -> JsonNode:
    """The root of a text.

    Raises:
        Fault: for a comment that is never closed; its nodes raise it for brackets and strings.
    """
    return JsonNode(text, after_trivia(text, int(text.startswith("\ufeff"))), None, None)


def after_trivia(text: str, at: int) -> int:
    """The offset of the first thing from `at` that is neither blank nor a comment.

    Raises:
        Fault: for a comment that is never closed.
    """
    while True:
        at = _end(_SPACE, text, at)
        if not text.startswith("/", at):
            return at
        comment = COMMENT.match(text, at)
        if comment is None:
            raise _open_comment(text, at)
        at = comment.end()


def oddities(text: str) -> Iterator[tuple[Literal["comment", "trailing-comma"], int, int]]:
    """What JSONC has beyond JSON, with start and end, in file order; it ends at a string that is never closed.

    Raises:
        Fault: for a comment that is never closed.
    """
    at, comments = 0, [(0, 0)]
    while (at := _end(_TO_ODDITY, text, at)) < len(text):
        if text[at] == "/":
            comment = COMMENT.match(text, at)
            if comment is None:
                raise _open_comment(text, at)
            comments.append(comment.span())
            yield ("comment", *comment.span())
            at = comment.end()
        elif text[at] == ",":
            if _TRAILING.match(text, at) and _before(text, at, comments) not in "{[,:":
                yield "trailing-comma", at, at + 1
            at += 1
        else:
            string = _STRING_RE.match(text, at)
            if string is None:
                return
            at = string.end()


def blanked(text: str) -> str:
    """The text as plain JSON of the same length: spaces for comments, trailing commas and the byte order mark."""
    parts, at = [], 0
    if text.startswith("\ufeff"):
        parts, at = [" "], 1
    for _, start, end in oddities(text):
        parts += [text[at:start], " " * (end - start)]
        at = end
    return "".join([*parts, text[at:]])


def duplicates(text: str) -> Iterator[int]:
    """The offsets of the keys that their map already has, in a text that is valid."""
    maps: list[set[str]] = []
    for token in _TOKEN.finditer(text):
        bracket = token[3]
        if bracket is None:
            if token[2] is not None:
                key = _string(token[1])
                if key in maps[-1]:
                    yield token.start()
                maps[-1].add(key)
        elif bracket in "{[":
            maps.append(set())
        else:
            maps.pop()


def deepest(text: str) -> int:
    """The offset of the bracket that is nested deepest."""
    depth = most = where = 0
    for token in _TOKEN.finditer(text):
        if token[3] is not None:
            depth += 1 if token[3] in "{[" else -1
            if depth > most:
                most, where = depth, token.start()
    return where


def constant(text: str) -> int:
    """The offset of the first NaN or Infinity outside strings and comments."""
    return next((match.start() for match in _CONSTANT.finditer(text) if match[1]), 0)


def decoded(text: str) -> Value:
    """The plain value of one JSON or JSONC value.

    Raises:
        json.JSONDecodeError: where it is none.
        RecursionError: where it is nested too deep.
    """
    try:
        return _plain(text)
    except json.JSONDecodeError:
        return _plain(blanked(text))


def _plain(text: str) -> Value:
    value: Value
    try:
        value = decode(_DECODER, text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python limits the digits of an int
        value = decode(json.JSONDecoder(parse_int=_number), text)
    return value


def _number(literal: str) -> int | float:
    try:
        return int(literal)
    except ValueError:
        return float(literal)


def decode(decoder: json.JSONDecoder, text: str) -> Any:
    """What the decoder makes of a text, with room to recurse where it needs that.

    Where Python counts C's own recursion apart and allows little of it, the json module's Python half does the work.

    Raises:
        json.JSONDecodeError: where it is not JSON.
        RecursionError: where it is nested too deep even so.
    """
    try:
        return decoder.decode(text)
    except RecursionError:
        pass
    try:
        return with_deep_stack(decoder.decode, text)
    except RecursionError:
        slow: Any = copy(decoder)
        slow.parse_object = json.decoder.JSONObject  # type: ignore[attr-defined]
        slow.scan_once = json.scanner.py_make_scanner(slow)  # type: ignore[attr-defined]
        return with_deep_stack(slow.decode, text)


def _string(literal: str) -> str:
    try:
        return str(json.loads(literal))
    except json.JSONDecodeError:
        return literal[1:-1]


def _separator(text: str, end: int) -> tuple[int, int]:
    """Where the comma or bracket after a value is, and where the next thing begins."""
    following = _NEXT.match(text, end)
    if following:
        after, at = following.start(1), following.end()
        return after, after_trivia(text, at) if text.startswith("/", at) else at
    after = after_trivia(text, end)
    if after == len(text):
        raise Fault(after, "the document ends here before it is complete", MEND)
    return after, after_trivia(text, after + 1)


def _key(text: str, at: int) -> tuple[str, int, int, int]:
    """The key at `at`, decoded, its start and end, and where its value begins."""
    simple = _KEY.match(text, at)
    if simple:
        literal, key_end, value = simple[1], simple.end(1), simple.end()
    else:
        string = _STRING_RE.match(text, at)
        if string is None:
            raise Fault(at, "expected a key in double quotes", MEND)
        literal, key_end = string[0], string.end()
        colon = after_trivia(text, key_end)
        if not text.startswith(":", colon):
            raise Fault(colon, "expected a colon after the key", MEND)
        value = colon + 1
    if text[value : value + 1] in ("/", *BLANK):
        value = after_trivia(text, value)
    return _string(literal) if "\\" in literal else literal[1:-1], at, key_end, value


def _scalar_end(text: str, start: int) -> int:
    scalar = _SCALAR.match(text, start)
    if scalar is None:
        what = "this string is never closed" if text.startswith('"', start) else "expected a value"
        raise Fault(start, what, MEND)
    return scalar.end()


def _bracket_end(text: str, start: int) -> int:
    """Just after the bracket that closes the one at `start`."""
    depth, at, match = 1, start + 1, _TO_BRACKET.match
    while depth:
        found = match(text, at)
        assert found is not None
        bracket = found.lastindex
        if bracket == 1:
            depth += 1
        elif bracket == 2:
            depth -= 1
        elif found.end() == at or found.end() == len(text):
            raise _unclosed(text, start, found.end())
        at = found.end()
    return at


def _unclosed(text: str, start: int, at: int) -> Fault:
    if at == len(text):
        return Fault(start, "this bracket is never closed", MEND)
    return Fault(at, "this string is never closed", MEND) if text[at] == '"' else _open_comment(text, at)


def _before(text: str, at: int, comments: list[tuple[int, int]]) -> str:
    """The last character before `at` that is neither blank nor in one of the comments."""
    index = len(comments) - 1
    while at > 0:
        if text[at - 1] in BLANK:
            at -= 1
        elif comments[index][1] == at:
            at = comments[index][0]
            index -= 1
        else:
            return text[at - 1]
    return "{"


def _open_comment(text: str, at: int) -> Fault:
    if text.startswith("/*", at):
        return Fault(at, "this comment is never closed", MEND)
    return Fault(at, "a slash that begins no comment", MEND)


def _end(pattern: "re.Pattern[str]", text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
