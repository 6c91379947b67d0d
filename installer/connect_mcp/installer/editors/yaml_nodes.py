"""Values in a YAML text with their positions, and what a YAML scalar means.

Parsers of YAML 1.1 and 1.2 read `yes`, `017`, `1:30` or `2024-01-01` differently. Such a scalar is `Verbatim`: never
taken for the same as a value that we would write, and written back, where that is asked for, exactly as it was.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .model import Fault, Member, Value
from .yaml_lines import next_line

Kind = Literal["map", "list", "scalar", "null", "alias"]
Style = Literal["", "block", "flow", "pair", "plain", "'", '"', "|", ">", "*"]
"""How a value is written; "" is an absent one, "pair" the braceless map in `[a: b]`."""

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_FLOAT = re.compile(r"-?[0-9]{1,17}\.[0-9]{1,17}")
_AMBIGUOUS = re.compile(
    r"""y|n|yes|no|on|off|true|false|null|=|<<
    | [-+]?(?: 0b[01_]+ | 0o[0-7_]+ | 0x[0-9a-f_]+ | \.(?:inf|nan)
      | (?:[0-9][0-9_]*(?::[0-9_]+)*(?:\.[0-9_]*)? | \.[0-9][0-9_]*)(?:e[-+]?[0-9]+)? )
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[t \t].*)?""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")
_ESCAPED = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "\t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
}


class Verbatim(str):
    """A scalar whose spelling is part of its meaning: an odd number, an alias, a tagged value."""

    source = ""
    """How it is written, on one line; "" where it spans lines."""


def verbatim(text: str, source: str) -> Verbatim:
    """A scalar that reads `text` and is written `source`."""
    made = Verbatim(text)
    made.source = source
    return made


def is_null(text: str) -> bool:
    """Whether an unquoted scalar stands for nothing."""
    return text in _NULL


def spelled(number: float) -> str:
    """A float as parsers of both versions of YAML read it: with a point, also before an exponent."""
    text = repr(float(number))
    if text in {"inf", "-inf", "nan"}:
        return text.replace("inf", ".inf").replace("nan", ".nan")
    mantissa, e, exponent = text.partition("e")
    return mantissa + (".0" if e and "." not in mantissa else "") + e + exponent


def plain_value(text: str) -> Value:
    """What an unquoted scalar without a tag stands for."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and spelled(float(text)) == text:
        return float(text)
    return verbatim(text, text) if _AMBIGUOUS.fullmatch(text) else text


@dataclass(eq=False, slots=True)
class Found:
    """A value in a text: a `model.Node`.

    Attributes:
        text: the whole document.
        start: where it starts, its anchor and tag included.
        head: past its anchor and tag, or, where it has none, past what it is the value of (`:`, `-`).
        body: where it starts without anchor and tag.
        column: of a block collection, that of its keys or dashes; of a block scalar, that of its parent (-1 for none).
        anchor: its anchor's name, or "".
        tag: its tag, or "".
        comma: of a flow collection, the offset past a comma that ends it, or -1.
    """

    text: str
    parent: "Found | None"
    start: int
    head: int
    body: int
    until: int
    kind: Kind = "null"
    style: Style = ""
    column: int = -1
    anchor: str = ""
    tag: str = ""
    comma: int = -1
    children: list["Child"] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The offset past its last character, comments and line breaks after it left out."""
        node = self
        while node.style == "block":
            node = node.children[-1].node
        return node.until

    @property
    def last(self) -> "Found":
        """The innermost value that ends where this one does."""
        node = self
        while node.style == "block":
            node = node.children[-1].node
        return node

    def name(self) -> str:
        """The key that this is the value of, or ""."""
        owner = self.parent
        if owner is None or owner.kind != "map":
            return ""
        return next((child.name() for child in owner.children if child.node is self), "")

    def members(self) -> Sequence[Member]:
        """A map's members in file order, duplicates included; a key that is no scalar gets a name of its own."""
        return [Member(child.name(), child.at, child.node) for child in self.children]

    def items(self) -> Sequence["Found"]:
        """A list's items."""
        return [child.node for child in self.children]

    def walk(self) -> Iterator["Found"]:
        """This value and all in it, keys left out, the shallow and the late ones first."""
        order = [self]
        for node in order:
            yield node
            order.extend(child.node for child in reversed(node.children))

    def repeated(self) -> "Found | None":
        """Of an alias, the value that it repeats; None where there is none."""
        *_, root = self.lineage()
        name = self.text[self.start + 1 : self.until]
        anchored = [node for node in root.walk() if node.anchor == name and node.start < self.start]
        return max(anchored, key=lambda node: node.start, default=None)

    def lineage(self) -> Iterator["Found"]:
        """This value and all that it lies in, from the inside out."""
        node: Found | None = self
        while node is not None:
            yield node
            node = node.parent

    def value(self) -> Value:
        """The plain value; a map's last duplicate wins."""
        done: dict[int, Value] = {}
        for node in reversed(list(self.walk())):
            if node.kind == "map":
                done[id(node)] = {child.name(): done[id(child.node)] for child in node.children}
            elif node.kind == "list":
                done[id(node)] = [done[id(child.node)] for child in node.children]
            else:
                done[id(node)] = node.scalar()
        return done[id(self)]

    def scalar(self) -> Value:
        """The value of a scalar, an alias or nothing."""
        source = self.text[self.start : self.until]
        if self.kind == "alias":
            return verbatim(source, source)
        if self.style == "plain" and not self.tag:
            return plain_value(self.decoded())
        decoded = self.decoded()
        if self.tag:
            return verbatim(decoded, source if "\n" not in source and "\r" not in source else "")
        return None if self.style == "" else decoded

    def decoded(self) -> str:
        """A scalar's text, without quotes, escapes and folding."""
        source = self.text[self.body : self.until]
        if self.style in ("|", ">") or "\n" in source or "\r" in source:
            return self._folded()
        if self.style == "'":
            return source[1:-1].replace("''", "'")
        return _ESCAPE.sub(_unescape, source[1:-1]) if self.style == '"' else source

    def _folded(self) -> str:
        from .yaml_load import decode  # lazily, since few scalars span lines and the parser is slow to import

        stop = self.until
        if self.style in ("|", ">"):
            stop = next_line(self.text, stop)
        try:
            return decode(self.text[self.body : stop], self.column if self.style in ("|", ">") else -1)
        except Fault:
            return self.text[self.body : stop]


@dataclass(eq=False, slots=True)
class Child:
    """A member of a map or an item of a list.

    Attributes:
        at: where it starts: its key's anchor, its key, its `?` or its dash.
        key: None in a list.
        after: past its `:` or dash; -1 where there is neither.
        comma: in a flow collection, where the comma after it stands, or -1.
    """

    at: int
    key: Found | None
    after: int
    node: Found
    explicit: bool = False
    comma: int = -1

    def name(self) -> str:
        """The key as text; one that is no plain or quoted scalar gets a name that no real key has."""
        key = self.key
        if key is None or key.kind not in ("scalar", "null") or key.tag:
            return f"\0{self.at}"
        return key.decoded() if key.style else ""


def absent(text: str, at: int, parent: Found | None) -> Found:
    """A value that is not there (yet)."""
    return Found(text, parent, at, at, at, at)


def _unescape(found: "re.Match[str]") -> str:
    digits = found[1] or found[2] or found[3]
    if digits is None:
        return _ESCAPED.get(found[4], found[4])
    code = int(digits, 16)
    return chr(code) if code <= 0x10FFFF else "\ufffd"
