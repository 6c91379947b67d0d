"""Rewriting a YAML block collection, or an empty document: what is inserted and deleted are whole lines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from .model import Fault, Rewrite, Splice, Value
from .yaml_lines import after_comments, after_trivia, line_end, line_start, next_line, starts_line
from .yaml_nodes import Child, Found
from .yaml_style import FREE_TEXT, style_near

_EMPTY = {"list": "[]", "map": "{}"}
_BLOCK_SCALARS = ("|", ">")


class BlockRewrite:
    """One rewrite of one block collection."""

    def __init__(self, container: Found, rewrite: Rewrite) -> None:
        self._text = container.text
        self._container = container
        self._children = container.children
        self._rewrite = rewrite
        self._column = max(container.column, 0)
        self._style = style_near(container)
        self._quoted = container.name() in FREE_TEXT

    def splices(self) -> Iterator[Splice]:
        """The splices; those that put something before others at one offset come first."""
        rewrite = self._rewrite
        for index, value in rewrite.replace.items():
            child = self._children[index]
            yield from self._replaced(child, value) if child.key is not None else self._replaced_item(child, value)
        if rewrite.delete and len(rewrite.delete) == len(self._children):
            yield from self._emptied()
        elif rewrite.delete:
            yield from self._deleted()
        if rewrite.insert:
            yield self._inserted()

    def _inserted(self) -> Splice:
        root = self._container.parent is None
        at = self._end_of_document() if root else after_comments(self._text, self._container.end, self._column)
        lines = (" " * self._column + self._rendered(key, value) for key, value in self._rewrite.insert)
        return Splice(at, at, self._as_lines(at, "\n".join(lines)))

    def _rendered(self, key: str | None, value: Value) -> str:
        flow = (self._style.flow_entries and isinstance(value, Mapping)) or None
        if key is None:
            return self._style.item(value, self._column, flow=flow)
        return self._style.pair(key, value, self._column, quoted=self._quoted, flow=flow)

    def _end_of_document(self) -> int:
        """After the last line that is not blank, comments included; where there is no value, after all lines."""
        text, root = self._text, self._container
        if root.style == "" and line_start(text, root.end) == root.end:
            return after_trivia(text, root.end, blank=True)
        return after_trivia(text, next_line(text, root.end), blank=root.style == "")

    def _as_lines(self, at: int, lines: str) -> str:
        """Whole lines for a place at the start of a line, or at the end of a text that lacks its last line break."""
        if line_start(self._text, at) == at:
            return lines + "\n"
        if len(self._children) - 1 in self._rewrite.delete:
            return lines
        last = self._container.last
        clipped = last.style in _BLOCK_SCALARS and "-" not in self._text[last.body : last.body + 3]
        if clipped and next_line(self._text, last.until) == at:
            raise Fault(
                at,
                "the text that ends this file would change if a line were added after it",
                "end the file with a line break and run the command again",
            )
        return "\n" + lines

    def _deleted(self) -> Iterator[Splice]:
        """Some children go, others stay."""
        gone = sorted(self._rewrite.delete)
        if gone[0] == 0 and not starts_line(self._text, self._children[0].at):
            kept = next(index for index in range(len(self._children)) if index not in gone)
            joined = self._joined(self._children[0], self._children[kept])
            gone = [index for index in gone if index > kept or (index > 0 and joined.end < self._children[kept].at)]
            yield joined
        for index in gone:
            yield self._lines_of(self._children[index])

    def _joined(self, first: Child, kept: Child) -> Splice:
        """The child on the line of a dash goes; the next that stays takes its place, unless comments lie between."""
        text = self._text
        if "#" not in text[next_line(text, first.node.end) : kept.at]:
            return Splice(first.at, kept.at, "")
        line = line_start(text, first.at)
        return Splice(line + len(text[line : first.at].rstrip()), line_end(text, first.node.end), "")

    def _emptied(self) -> Iterator[Splice]:
        """All children go; an empty collection stays where nothing comes instead."""
        container = self._container
        if not starts_line(self._text, container.body):
            if self._rewrite.insert:
                raise _by_hand(container.body)
            yield Splice(container.body, container.end, _EMPTY[container.kind])
            return
        if not self._rewrite.insert:
            blank = "" if line_start(self._text, container.head) == container.head else " "
            yield Splice(container.head, container.head, blank + _EMPTY[container.kind])
        for child in self._children:
            yield self._lines_of(child)

    def _lines_of(self, child: Child) -> Splice:
        """A child's lines, with the comments in it.

        A text without a last line break stays one where this child is all that changes.
        """
        text, rewrite = self._text, self._rewrite
        start, end = line_start(text, child.at), after_comments(text, child.node.end, self._column)
        alone = len(rewrite.delete) == 1 and not rewrite.insert and not rewrite.replace
        if alone and line_start(text, end) != end and not self._follows_block_scalar(child):
            start = max(self._container.head, _break_before(text, start))
        return Splice(start, end, "")

    def _follows_block_scalar(self, child: Child) -> bool:
        index = self._children.index(child)
        return index > 0 and self._children[index - 1].node.last.style in _BLOCK_SCALARS

    def _replaced_item(self, child: Child, value: Value) -> Iterator[Splice]:
        yield Splice(child.at, child.node.end, self._style.item(value, self._column))

    def _replaced(self, child: Child, value: Value) -> Iterator[Splice]:
        old, new = child.node, self._new_value(child, value)
        if old.style == "block":
            yield from self._block_replaced(child, new)
        elif new.startswith("\n"):
            if old.end > child.after:
                yield Splice(child.after, old.end, "")
            at = after_comments(self._text, old.end, self._column)
            yield Splice(at, at, self._as_lines(at, new[1:]))
        elif old.style == "":
            yield Splice(child.after, old.end, new)
        elif old.style in _BLOCK_SCALARS:  # a comment after its indicator stays
            header_end = old.body + len(self._text[old.body : old.body + 3].split()[0])
            yield Splice(old.start, header_end, new[1:])
            yield Splice(min(line_end(self._text, header_end), old.end), old.end, "")
        else:
            yield Splice(old.start, old.end, new[1:])

    def _new_value(self, child: Child, value: Value) -> str:
        """What comes after the colon; a list or map stays in the style of the one that was there."""
        old, style = child.node, self._style
        if self._quoted:
            return " " + style.inline(value, quoted=True)
        flow = None
        if old.children and old.kind == _kind(value):
            flow = old.style != "block"
            style = replace(style, dash=old.column - self._column) if old.kind == "list" and not flow else style
        return style.value(value, child.name(), self._column, flow=flow)

    def _block_replaced(self, child: Child, new: str) -> Iterator[Splice]:
        """A block collection gives way to another, or to something on the line of its key."""
        text, old = self._text, child.node
        if not starts_line(text, old.body):
            raise _by_hand(old.body)
        start, end = line_start(text, old.body), next_line(text, old.end)
        broken = line_start(text, end) == end
        if new.startswith("\n"):
            yield Splice(child.after, old.head, "")
            yield Splice(start, end, new[1:] + ("\n" if broken else ""))
        else:
            yield Splice(child.after, old.head, new)
            yield Splice(start if broken else _break_before(text, start), end, "")


def _kind(value: Value) -> str:
    if isinstance(value, Mapping):
        return "map"
    return "list" if isinstance(value, Sequence) and not isinstance(value, str) else "scalar"


def _break_before(text: str, start: int) -> int:
    """Where the line break before the line at `start` begins."""
    return start - 2 if text[max(0, start - 2) : start] == "\r\n" else max(0, start - 1)


def _by_hand(offset: int) -> Fault:
    return Fault(offset, "this place cannot be edited safely", "make the change by hand")
