"""JSON and JSONC: comments, trailing commas and a byte order mark are read wherever they stand.

Which of them a host survives is the host's business: see `Format.quirks`. What is written is strict JSON, but for a
trailing comma where the map already ends with one.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache

from .json_scan import BLANK, MEND, blanked, constant, decode, deepest, duplicates, oddities, scan
from .json_write import rewritten
from .model import Fault, Format, Node, Quirk, Rewrite, Splice, Table, Tree, Value

_SENTENCES = {
    "Expecting property name": "expected a key in double quotes",
    "Expecting ',' delimiter": "expected a comma or a closing bracket",
    "Expecting ':' delimiter": "expected a colon after the key",
    "Expecting value": "expected a value",
    "Extra data": "something follows the end of the document",
    "Unterminated string": "this string is never closed",
    "Invalid control character": "a line break or another control character inside a string",
    "Invalid \\": "a backslash sequence that JSON does not have",
}


class _Jsonc:
    """The format; it has no state."""

    name = "jsonc"

    def parse(self, text: str) -> Node:
        """The root, with everything below it scanned when it is asked for."""
        return scan(text)

    def splices(self, text: str, root: Node, rewrites: Sequence[Rewrite]) -> list[Splice]:
        """What carries out the rewrites in the style of their neighbours."""
        return [splice for rewrite in rewrites for splice in rewritten(rewrite)]

    def load(self, text: str) -> Tree:
        """The document as the json module reads it, once what JSON lacks is blanked; numbers keep their spelling."""
        tree = _strict(text)
        if tree is not None:
            return tree
        plain = blanked(text)
        if not plain.strip(BLANK):
            return Table()
        try:
            return _load(plain)
        except json.JSONDecodeError as error:
            raise _fault(error, plain) from None

    def tree(self, value: Value) -> Tree:
        """How `load` reads the value back; two surrogates that make up one character become it."""
        return _load(json.dumps(value, default=_plain))

    def quirks(self, text: str) -> list[Quirk]:
        """Comments, trailing commas, a byte order mark, keys given twice."""
        tree = _strict(text)
        found: list[Quirk] = []
        if tree is None:
            tree = self.load(text)
            found += [Quirk("bom", 0)] if text.startswith("\ufeff") else []
            found += [Quirk(kind, start) for kind, start, _ in oddities(text)]
        if _has_duplicates(tree):
            found += [Quirk("duplicate-key", offset) for offset in duplicates(text)]
        return sorted(found, key=lambda quirk: quirk.offset)


JSONC: Format = _Jsonc()


class _Constant(Exception):
    """NaN or Infinity, which Python's json reads though JSON has neither."""


def _refuse_constant(name: str) -> Tree:
    raise _Constant(name)


# `tuple` makes a number a tuple of the characters that spell it, at C speed: equal to nothing but the same spelling.
_DECODER = json.JSONDecoder(
    object_pairs_hook=Table, parse_int=tuple, parse_float=tuple, parse_constant=_refuse_constant
)


@lru_cache(maxsize=1)
def _strict(text: str) -> Tree:
    """The tree of a text without anything that JSON lacks, kept since it is asked for twice; None for any other."""
    try:
        return _load(text)
    except json.JSONDecodeError:
        return None


def _load(text: str) -> Tree:
    try:
        return decode(_DECODER, text)
    except _Constant as error:
        raise Fault(constant(text), f"{error} is not JSON", MEND) from None
    except RecursionError:
        raise Fault(deepest(text), "this is nested too deep to be read safely", MEND) from None


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else list(value)  # type: ignore[call-overload]


def _has_duplicates(tree: Tree) -> bool:
    todo = [tree]
    while todo:
        value = todo.pop()
        if isinstance(value, Table):
            if len(dict(value)) < len(value):
                return True
            todo += [inner for _, inner in value if isinstance(inner, (Table, list))]
        elif isinstance(value, list):
            todo += [inner for inner in value if isinstance(inner, (Table, list))]
    return False


def _fault(error: json.JSONDecodeError, text: str) -> Fault:
    if error.pos >= len(text.rstrip(BLANK)):
        return Fault(error.pos, "the document ends here before it is complete", "put back what is missing")
    what = next((ours for theirs, ours in _SENTENCES.items() if error.msg.startswith(theirs)), error.msg.lower())
    if text[error.pos] == "'":
        what += ", and a single quote is none"
    elif text[error.pos] == "#":
        what += "; a comment begins with //"
    return Fault(error.pos, what, MEND)
