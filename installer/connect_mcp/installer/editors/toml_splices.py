"""Rewrites of TOML tables as splices.

A new block goes below its siblings and their comments, above what leads into the next table (`toml_style` says which
comments are whose). Taking a table out takes the lines of its statements, and of the blank lines around them those
above; no comment outside of it goes.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from .model import KeyPath, Rewrite, Splice, Value
from .toml_scan import Block, Brace, Pair, after_comma, document_start
from .toml_style import (
    BLANK,
    Look,
    below,
    blank_lines_above,
    blank_lines_below,
    cousin_of,
    dotted,
    equals_like,
    gap_above,
    headers_in,
    home_of,
    indent,
    line_break,
    look_like,
    prefix_like,
    style_for,
    style_of,
    tables_in,
)
from .toml_tree import TableNode, TablesNode, TomlNode, ValueNode
from .toml_values import inline, key_text

_COMMENT_BEHIND = re.compile(r"(?:[ \t]*#[^\r\n]*)?")
_REST = re.compile(r"[ \t]*\r?\n")


def plan(text: str, root: TableNode, rewrites: Sequence[Rewrite]) -> list[Splice]:
    """The splices that carry out `rewrites` in a document; disjoint, and in order where two meet.

    Raises:
        Fault: for a value that TOML cannot hold.
    """
    planned = _Plan(text, root.blocks)
    for container, pairs in [(rewrite.container, planned.take_out(rewrite)) for rewrite in rewrites]:
        planned.put_in(cast("TomlNode", container), pairs)
    return planned.splices()


@dataclass(frozen=True, slots=True)
class _NewBlock:
    """A header block to be written."""

    path: KeyPath
    many: bool
    look: Look
    pairs: Sequence[tuple[KeyPath, Value]]

    def lines(self) -> list[str]:
        """Its lines, without the blank ones above."""
        header = f"[[{key_text(*self.path)}]]" if self.many else f"[{key_text(*self.path)}]"
        look = self.look
        pairs = [f"{look.body}{key_text(*path)}{look.equals}{inline(value, look.equals)}" for path, value in self.pairs]
        return [look.head + header, *pairs]


@dataclass
class _Plan:
    """What the rewrites of one document amount to, gathered before splices are made of it.

    Attributes:
        text: the document.
        blocks: its blocks.
        gone: the pairs and items that go.
        cuts: the line ranges that go.
        replaced: the values that are replaced where they stand.
        lines: pairs to be written; of what is written at one place they come first, being part of the block above.
        headers: blocks to be written.
        braces: the inline tables and arrays that change, with what is written behind which of their items.
    """

    text: str
    blocks: Sequence[Block]
    gone: set[Pair] = field(default_factory=set)
    cuts: list[tuple[int, int]] = field(default_factory=list)
    replaced: list[Splice] = field(default_factory=list)
    lines: list[Splice] = field(default_factory=list)
    headers: list[Splice] = field(default_factory=list)
    braces: dict[Brace, dict[Pair | None, list[str]]] = field(default_factory=dict)

    def take_out(self, rewrite: Rewrite) -> list[tuple[str | None, Value]]:
        """Note what goes or is replaced in a container; what is to be inserted there is returned."""
        container = cast("TomlNode", rewrite.container)
        children: list[tuple[str | None, TomlNode]]
        if isinstance(container, TableNode):
            children = list(container.children.items())
        else:
            children = [(None, item) for item in container.items()]
        anew: list[tuple[str | None, Value]] = []
        for index, value in rewrite.replace.items():
            key, node = children[index]
            if node.given is not None:
                text = inline(value, equals_like(self.text, node.given))
                self.replaced.append(Splice(node.given.value_start, node.given.value_end, text))
            else:
                self._remove(node)
                anew.append((key, value))
        for index in rewrite.delete:
            self._remove(children[index][1])
        return [*anew, *rewrite.insert]

    def put_in(self, container: TomlNode, pairs: Sequence[tuple[str | None, Value]]) -> None:
        """Note what is to be inserted into a container."""
        if not pairs:
            return
        members = [(key or "", value) for key, value in pairs]
        if isinstance(container, TablesNode):
            new = [self._block(container, container.path, value, many=True) for _, value in pairs]
            self._write_blocks(below(self.text, container.blocks[-1]), [block for blocks in new for block in blocks])
        elif isinstance(container, ValueNode):
            self._write_inline(container.home, _last(container.home.pairs), [inline(value) for _, value in pairs])
        elif isinstance(brace := home_of(container), Brace):
            self._add_inline(container, brace, members)
        else:
            self._add_members(container, members)

    def splices(self) -> list[Splice]:
        """All of it as splices."""
        written = [*self.lines, *self.headers]
        cuts = _tidied(self.text, sorted(self.cuts), {splice.start for splice in written})
        in_braces = [splice for brace in self.braces for splice in self._brace_splices(brace)]
        return [*self.replaced, *written, *in_braces, *(Splice(start, end, "") for start, end in cuts)]

    def _remove(self, node: TomlNode) -> None:
        for pair in node.pairs:
            self.gone.add(pair)
            if isinstance(pair.home, Brace):
                self.braces.setdefault(pair.home, {})
            else:
                self.cuts.append((pair.begin, pair.end))
        self.cuts += [(block.begin, block.end) for block in node.blocks]

    def _add_members(self, table: TableNode, members: Sequence[tuple[str, Value]]) -> None:
        pairs: list[tuple[KeyPath, Value]] = []
        blocks: list[_NewBlock] = []
        gap = 0
        for key, value in members:
            style = style_for(table, key, value)
            if style == "header":
                blocks += self._blocks(table, key, value)
                continue
            if isinstance(value, Mapping):
                gap = self._gap_between_pairs(table)
            if isinstance(value, Mapping) and style == "dotted":
                pairs += dotted((key,), value, tables_in(table))
            else:
                pairs.append(((key,), value))
        if pairs and home_of(table) is None:
            look = look_like(self.text, [*reversed(table.blocks), *reversed(self.blocks)], self._head(table))
            blocks.insert(0, _NewBlock(table.path, False, look, pairs))
        elif pairs:
            self._add_pairs(table, pairs, gap)
        if blocks:
            self._write_blocks(self._place_for_blocks(table), blocks)

    def _add_pairs(self, table: TableNode, pairs: Sequence[tuple[KeyPath, Value]], gap: int) -> None:
        """Write pairs below the last one of a table, or under its header."""
        home = home_of(table)
        assert isinstance(home, Block)
        anchor = _last(home.pairs if table.home is home else table.pairs)
        prefix = prefix_like(self.text, table, anchor)
        if anchor:
            at = anchor.begin if anchor in self.gone else anchor.end
            before, equals = indent(self.text, anchor.begin), equals_like(self.text, anchor)
        else:
            siblings = headers_in(table.parent) if table.parent else ()
            look = look_like(self.text, [*siblings, *reversed(self.blocks)], self._head(table))
            at, before, equals = home.header_end, look.body, look.equals
        new = [f"{before}{prefix}{key_text(*path)}{equals}{inline(value, equals)}" for path, value in pairs]
        self.lines.append(self._written(at, [""] * gap + new))

    def _add_inline(self, table: TableNode, brace: Brace, members: Sequence[tuple[str, Value]]) -> None:
        anchor = _last(brace.pairs if table.home is brace else table.pairs)
        prefix, equals = prefix_like(self.text, table, anchor), equals_like(self.text, anchor or table.given)
        self._write_inline(
            brace, anchor, [f"{prefix}{key_text(key)}{equals}{inline(value, equals)}" for key, value in members]
        )

    def _blocks(self, table: TableNode, key: str, value: Value) -> list[_NewBlock]:
        """The blocks that give `key` = `value` in `table`; maps that hold only maps need no header of their own."""
        path = (*table.path, key)
        if isinstance(value, (list, tuple)):
            return [block for item in value for block in self._block(table, path, item, many=True)]
        todo, blocks = [(path, value)], []
        while todo:
            path, value = todo.pop(0)
            assert isinstance(value, Mapping)
            if value and all(isinstance(inner, Mapping) for inner in value.values()):
                todo += [((*path, name), inner) for name, inner in value.items()]
            else:
                blocks += self._block(table, path, value)
        return blocks

    def _block(
        self, siblings: TableNode | TablesNode, path: KeyPath, value: Value, *, many: bool = False
    ) -> list[_NewBlock]:
        """The block of one new table, and those of the maps in it that the siblings give under headers."""
        assert isinstance(value, Mapping)
        models = [*headers_in(siblings), *reversed(siblings.blocks), *reversed(self.blocks)]
        look = look_like(self.text, models, self._head(siblings))
        pairs: list[tuple[KeyPath, Value]] = []
        below_it: list[_NewBlock] = []
        for key, inner in value.items():
            cousin = cousin_of(tables_in(siblings), key) if isinstance(inner, Mapping) else None
            if isinstance(inner, Mapping) and cousin and style_of(cousin) == "header":
                own = [cousin.home] if isinstance(cousin.home, Block) else []
                head = indent(self.text, own[0].begin) if own else look.head
                inner_look = look_like(self.text, [*own, *models], head)
                below_it.append(_NewBlock((*path, key), False, inner_look, [((name,), v) for name, v in inner.items()]))
            elif isinstance(inner, Mapping) and inner and cousin and style_of(cousin) == "dotted":
                pairs += [((key, name), leaf) for name, leaf in inner.items()]
            else:
                pairs.append(((key,), inner))
        return [_NewBlock(path, many, look, pairs), *below_it]

    def _head(self, node: TableNode | TablesNode) -> str:
        """The indentation of a header in `node`: that of its siblings, else of its own header."""
        own = [node.home] if isinstance(node, TableNode) and isinstance(node.home, Block) and node.home.keys else []
        return next((indent(self.text, block.begin) for block in (*headers_in(node), *own)), "")

    def _place_for_blocks(self, table: TableNode) -> int:
        if table.parent is None:
            return len(self.text)
        homes = [pair.home for pair in table.pairs[-1:] if isinstance(pair.home, Block)]
        return below(self.text, max([*homes, *table.blocks[-1:]], key=lambda block: block.begin))

    def _gap_between_pairs(self, table: TableNode) -> int:
        """How many blank lines part the last two maps that are given by pairs."""
        given = [node for node in tables_in(table) if style_of(node) != "header"]
        return gap_above(self.text, given[-1].pairs[0].begin) or 0 if len(given) > 1 else 0

    def _write_blocks(self, at: int, blocks: Sequence[_NewBlock]) -> None:
        above = self.text[document_start(self.text) : at]
        content = above.rstrip(BLANK)
        there = above.count("\n", len(content)) - above.endswith("\n") if content else 0
        first = content or any(splice.start == at for splice in self.lines)
        lines: list[str] = []
        for block in blocks:
            gap = block.look.gap if lines else max(block.look.gap - there, 0) if first else 0
            lines += [""] * gap + block.lines()
        self.headers.append(self._written(at, lines))

    def _written(self, at: int, lines: Sequence[str]) -> Splice:
        """Whole lines at a line's beginning, or at the end of a text without a final newline, which stays so."""
        end = line_break(self.text, at)
        body = end.join(lines)
        if at == document_start(self.text) or self.text[at - 1] == "\n":
            return Splice(at, at, body + end)
        return Splice(at, at, end + body if self.text.strip(BLANK) else end + body + end)

    def _write_inline(self, brace: Brace, anchor: Pair | None, texts: Iterable[str]) -> None:
        self.braces.setdefault(brace, {}).setdefault(anchor, []).extend(texts)

    def _brace_splices(self, brace: Brace) -> list[Splice]:
        """Take out and put in between the brackets, so that commas are where they must be."""
        new = self.braces[brace]
        spread = any(map(self._leads_a_line, (brace.start + 1, *(pair.end for pair in brace.pairs)), brace.pairs))
        splices: list[Splice] = []
        before: Pair | None = None
        kept = False
        for pair in brace.pairs:
            texts = new.get(pair, [])
            if pair not in self.gone:
                splices += self._behind(brace, before, pair, texts) if texts else []
            elif texts:  # take its place
                splices.append(Splice(pair.begin, pair.end, ", ".join(texts)))
            elif spread:
                splices.append(self._without_line(pair))
            elif kept and before:
                splices.append(Splice(before.end, pair.end, ""))
            stays = pair not in self.gone or bool(texts)
            if stays and not kept and not spread:
                splices.append(Splice(brace.pairs[0].begin, pair.begin, ""))
            kept, before = kept or stays, pair
        if kept or (spread and not new.get(None)):
            return splices
        inside = ", ".join(new.get(None, []))
        return [
            Splice(
                brace.start + 1, brace.end - 1, f" {inside} " if inside and self.text[brace.start] == "{" else inside
            )
        ]

    def _leads_a_line(self, after: int, pair: Pair) -> bool:
        return "\n" in self.text[after : pair.begin]

    def _without_line(self, pair: Pair) -> Splice:
        """Take an item and the comma behind it out of an array of several lines, and its line if that is all."""
        end = after_comma(self.text, pair.end) or pair.end
        begin = self.text.rfind("\n", 0, pair.begin) + 1
        next_line = _REST.match(self.text, end)
        if next_line and not self.text[begin : pair.begin].strip(BLANK):
            return Splice(begin, next_line.end(), "")
        return Splice(pair.begin, end, "")

    def _behind(self, brace: Brace, before: Pair | None, pair: Pair, texts: Sequence[str]) -> list[Splice]:
        """Put in behind a pair or item: on new lines where the last one has a line of its own."""
        text = self.text
        between = text[before.end if before else brace.start + 1 : pair.begin]
        if pair is not brace.pairs[-1] or "\n" not in between:
            separator = between if between.strip(" \t") == "," else ", "
            return [Splice(pair.end, pair.end, "".join(separator + new for new in texts))]
        comma = after_comma(text, pair.end)
        behind = _COMMENT_BEHIND.match(text, comma or pair.end)
        assert behind is not None  # it matches the empty string too
        lead = line_break(text, pair.begin) + indent(text, text.rfind("\n", 0, pair.begin) + 1)
        lines = ",".join(lead + new for new in texts) + ("," if comma else "")
        own = Splice(behind.end(), behind.end(), lines)
        return [own] if comma else [Splice(pair.end, pair.end, ","), own]


def _tidied(text: str, ranges: Iterable[tuple[int, int]], written: Collection[int]) -> list[tuple[int, int]]:
    """Line ranges to cut, with the blank lines that would be left over, but never across a place that is written at."""
    joined: list[tuple[int, int]] = []
    for start, end in ranges:
        if joined and not text[joined[-1][1] : start].strip(BLANK) and _free(written, joined[-1][1], start):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [_with_blank_lines(text, start, end, written) for start, end in joined]


def _with_blank_lines(text: str, start: int, end: int, written: Collection[int]) -> tuple[int, int]:
    above, under = blank_lines_above(text, start), blank_lines_below(text, end)
    if above == document_start(text):
        return (start, under) if _free(written, end, under - 1) else (start, end)
    if above < start and (under > end or end == len(text)) and _free(written, above + 1, start):
        return above, end
    return start, end


def _free(written: Collection[int], first: int, last: int) -> bool:
    return not any(first <= at <= last for at in written)


def _last(pairs: Sequence[Pair]) -> Pair | None:
    return pairs[-1] if pairs else None
