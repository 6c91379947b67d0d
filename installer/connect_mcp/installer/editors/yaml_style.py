"""How the neighbours of a place write YAML, and how a value is written in that way."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .model import Value
from .yaml_nodes import Child, Found, Verbatim, plain_value, spelled

_WORD = re.compile(r"[A-Za-z/][A-Za-z0-9_./@+-]*")
"""Strings that need no quotes anywhere, unless they mean something else (`yes`)."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\xa0\xad\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}

FREE_TEXT = {"env", "envs", "headers"}
"""Maps whose values a host takes as strings whatever they look like."""

_ENOUGH = 500
"""How many values around a place are looked at for their style."""


@dataclass(frozen=True)
class Style:
    """One neighbourhood's habits.

    Attributes:
        step: columns from a map's keys to those of a block map in it.
        dash: columns from a map's keys to the dashes of a block list in it.
        gap: blanks after a dash.
        flow_entries: whether a new child of the container itself is written in one line.
        flow_lists: whether lists of scalars in entries are.
        flow_maps: whether maps like `env` are.
        pad: whether braces have blanks inside.
        quote: the quote for what needs or gets one.
        plain: whether strings go without quotes where they can.
        plain_keys: whether keys do.
    """

    step: int = 2
    dash: int = 2
    gap: int = 1
    flow_entries: bool = False
    flow_lists: bool = True
    flow_maps: bool = False
    pad: bool = False
    quote: str = '"'
    plain: bool = True
    plain_keys: bool = True

    def key(self, key: str) -> str:
        """A map's key."""
        return key if self.plain_keys and is_word(key) else self._quoted(key)

    def inline(self, value: Value, *, quoted: bool = False) -> str:
        """A value in one line."""
        if isinstance(value, Mapping):
            pairs = (
                f"{self.key(key)}: {self.inline(item, quoted=quoted or key in FREE_TEXT)}"
                for key, item in value.items()
            )
            pad = " " if self.pad and value else ""
            return "{" + pad + ", ".join(pairs) + pad + "}"
        if isinstance(value, Sequence) and not isinstance(value, str):
            return f"[{', '.join(self.inline(item, quoted=quoted) for item in value)}]"
        return self._scalar(value, quoted=quoted)

    def value(self, value: Value, key: str, column: int, *, flow: bool | None = None) -> str:
        """What comes after `key:` in a block map whose keys stand at `column`: from a blank or a line break on.

        Args:
            value: the value.
            key: its key.
            column: of the key.
            flow: in one line or not; None for as the neighbours do it.
        """
        quoted = key in FREE_TEXT
        if isinstance(value, Mapping) and value and not (self.flow_maps and quoted if flow is None else flow):
            inner = column + self.step
            return f"\n{' ' * inner}{self.block(value, inner, quoted=quoted)}"
        if isinstance(value, Sequence) and not isinstance(value, str) and value:
            nested = any(isinstance(item, Mapping) for item in value)
            if not (self.flow_lists and not nested if flow is None else flow):
                inner = column + self.dash
                return "".join(f"\n{' ' * inner}{self.item(item, inner, flow=flow)}" for item in value)
        return " " + self.inline(value, quoted=quoted)

    def block(self, pairs: Mapping[str, Value], column: int, *, quoted: bool = False) -> str:
        """Pairs as a block map at `column`; the first line is not indented."""
        lines = (self.pair(key, value, column, quoted=quoted) for key, value in pairs.items())
        return f"\n{' ' * column}".join(lines)

    def pair(self, key: str, value: Value, column: int, *, quoted: bool = False, flow: bool | None = None) -> str:
        """One pair of a block map at `column`; the first line is not indented."""
        if quoted and isinstance(value, str):
            return f"{self.key(key)}: {self._scalar(value, quoted=True)}"
        return f"{self.key(key)}:{self.value(value, key, column, flow=flow)}"

    def item(self, value: Value, column: int, *, flow: bool | None = None) -> str:
        """One item of a block list whose dashes stand at `column`; the first line is not indented."""
        if isinstance(value, Mapping) and value and not flow:
            return f"-{' ' * self.gap}{self.block(value, column + 1 + self.gap)}"
        return f"-{' ' * self.gap}{self.inline(value)}"

    def _scalar(self, value: Any, *, quoted: bool) -> str:
        if isinstance(value, Verbatim) and value.source:
            return value.source
        if isinstance(value, str):
            return str(value) if self.plain and not quoted and is_word(value) else self._quoted(value)
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        return str(value) if isinstance(value, int) else spelled(value)

    def _quoted(self, text: str) -> str:
        if self.quote == "'" and not _UNPRINTABLE.search(text):
            return "'" + text.replace("'", "''") + "'"
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + _UNPRINTABLE.sub(_escape, escaped) + '"'


def is_word(text: str) -> bool:
    """Whether every parser reads `text` without quotes as this string, in block and in flow."""
    return _WORD.fullmatch(text) is not None and type(plain_value(text)) is str


def style_near(container: Found) -> Style:
    """The habits around a place: those of the container's own children first, then of what lies further out."""
    seen: dict[str, Any] = {}
    for around in container.lineage():
        for node in islice(around.walk(), _ENOUGH):
            for child in reversed(node.children):
                for name, habit in _habits(node, child):
                    if around.parent is not None or not name.startswith("flow"):  # only siblings say what fits a line
                        seen.setdefault(name, habit)
    last = container.children[-1].node if container.children else None
    seen["flow_entries"] = last is not None and last.style == "flow" and last.kind == "map" and bool(last.children)
    return Style(**seen)


def _habits(node: Found, child: Child) -> Iterable[tuple[str, Any]]:
    """What one child shows, as fields of `Style`."""
    value, block = child.node, node.style == "block"
    if value.style == "block" and block and node.kind == "map":
        yield ("step" if value.kind == "map" else "dash"), value.column - node.column
    if value.kind == "list" and block and value.children and _is_flat(value):
        yield "flow_lists", value.style == "flow"
    if value.kind == "map" and block and value.children and child.name() in FREE_TEXT:
        yield "flow_maps", value.style == "flow"
    if block and node.kind == "list" and value.style and "\n" not in node.text[child.at : value.start]:
        yield "gap", max(1, value.start - child.after)
    if value.style == "flow" and value.kind == "map" and value.children:
        yield "pad", node.text[value.body + 1] == " "
    if child.key is not None and child.key.kind == "scalar":
        yield from _quoting(child.key, "plain_keys")
    if value.kind == "scalar":
        yield from _quoting(value, "plain")


def _is_flat(value: Found) -> bool:
    return all(not child.node.children for child in value.children)


def _quoting(scalar: Found, field: str) -> Iterable[tuple[str, Any]]:
    if scalar.style in ("'", '"'):
        yield "quote", scalar.style
        if is_word(scalar.text[scalar.body + 1 : scalar.until - 1]):
            yield field, False
    elif scalar.style == "plain" and is_word(scalar.text[scalar.body : scalar.until]):
        yield field, True


def _escape(found: "re.Match[str]") -> str:
    code = ord(found[0])
    return _SHORT.get(found[0]) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
