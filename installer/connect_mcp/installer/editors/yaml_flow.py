"""Rewriting a YAML flow collection: `[a, {b: c}]`, on one line or many."""

import re
from collections.abc import Collection, Iterator, Sequence

from .model import Fault, Rewrite, Splice, Value
from .yaml_lines import ends_line, line_start, next_line, starts_line
from .yaml_nodes import Child, Found
from .yaml_style import FREE_TEXT, style_near

_BLANKS_TO_SPARE = re.compile(r"[ \t]+(?=[,\]}])")


class FlowRewrite:
    """One rewrite of one flow collection."""

    def __init__(self, container: Found, rewrite: Rewrite) -> None:
        if container.style == "pair":
            raise Fault(container.start, "a pair without braces cannot be edited", "put it in braces")
        self._text = container.text
        self._container = container
        self._children = container.children
        self._rewrite = rewrite
        self._style = style_near(container)

    def splices(self) -> Iterator[Splice]:
        """The splices, in no order."""
        gone = self._rewrite.delete
        for index, value in self._rewrite.replace.items():
            yield self._replaced(self._children[index], value)
        new = [self._rendered(key, value) for key, value in self._rewrite.insert]
        if len(gone) == len(self._children):
            yield from self._filled(new)
        elif len(self._children) - 1 in gone:
            yield from self._tail(new)
        else:
            yield from self._deleted(gone)
            if new:
                yield from self._appended(new)

    def _rendered(self, key: str | None, value: Value) -> str:
        if key is None:
            return self._style.inline(value)
        return f"{self._style.key(key)}: {self._inline(value, key)}"

    def _inline(self, value: Value, key: str) -> str:
        return self._style.inline(value, quoted=key in FREE_TEXT or self._container.name() in FREE_TEXT)

    def _replaced(self, child: Child, value: Value) -> Splice:
        old, text = child.node, self._inline(value, child.name())
        if old.style != "":
            return Splice(old.start, old.end, text)
        if child.after < 0:
            return Splice(old.end, old.end, f": {text}")
        blanks = _BLANKS_TO_SPARE.match(self._text, old.end)
        return Splice(child.after, blanks.end() if blanks else old.end, f" {text}")

    def _filled(self, new: Sequence[str]) -> Iterator[Splice]:
        """A collection that is empty, or loses all it has, gets `new`; comments in it stay."""
        text, start, end = self._text, self._container.body + 1, self._container.end - 1
        if self._children:
            first, past = self._children[0].at, _past(self._children[-1])
            if text[start:first].strip() or text[past:end].strip():
                start, end = first, past
        elif text[start:end].strip(" \t"):
            start = end
        pad = " " if new and self._style.pad and self._container.kind == "map" else ""
        yield Splice(start, end, pad + ", ".join(new) + pad)

    def _appended(self, new: Sequence[str]) -> Iterator[Splice]:
        text, last = self._text, self._children[-1]
        trailing = self._container.comma >= 0
        end = self._container.comma if trailing else last.node.end
        if starts_line(text, last.at) and ends_line(text, end):
            if not trailing:
                yield Splice(end, end, ",")
            indent, at = text[line_start(text, last.at) : last.at], next_line(text, end)
            yield Splice(at, at, ",\n".join(indent + item for item in new) + ("," if trailing else "") + "\n")
        elif trailing:
            yield Splice(end, end, f" {', '.join(new)},")
        else:
            yield Splice(end, end, f", {', '.join(new)}")

    def _tail(self, new: Sequence[str]) -> Iterator[Splice]:
        """The last children go; `new` comes after the last that stays."""
        gone = self._rewrite.delete
        kept = max(index for index in range(len(self._children)) if index not in gone)
        yield from self._deleted([index for index in gone if index < kept])
        start, end, tail = self._children[kept].node.end, self._children[-1].node.end, self._children[kept + 1 :]
        if new or not all(self._has_own_lines(child) for child in tail):
            yield Splice(start, end, "".join(f", {item}" for item in new))
            return
        if self._container.comma < 0:
            comma = self._children[kept].comma
            yield Splice(comma, comma + 1, "")
        for child in tail:
            yield self._own_lines(child)

    def _deleted(self, gone: Collection[int]) -> Iterator[Splice]:
        """Children with others after them go."""
        for index in gone:
            child = self._children[index]
            if self._has_own_lines(child):
                yield self._own_lines(child)
            else:
                yield Splice(child.at, self._children[index + 1].at, "")

    def _has_own_lines(self, child: Child) -> bool:
        return starts_line(self._text, child.at) and ends_line(self._text, _past(child))

    def _own_lines(self, child: Child) -> Splice:
        return Splice(line_start(self._text, child.at), next_line(self._text, _past(child)), "")


def _past(child: Child) -> int:
    """Past a child and the comma after it."""
    return child.comma + 1 if child.comma >= 0 else child.node.end
