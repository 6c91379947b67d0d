"""How a TOML file is laid out, so that what is added looks like its neighbours.

Which comments are whose: a block ends behind its last statement's line. Comment lines right below are its own too,
unless a header follows them without a blank line between: then they belong to that header, as does everything that
stands behind a blank line.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .model import KeyPath, Value
from .toml_scan import Block, Home, Pair, document_start
from .toml_tree import TableNode, TablesNode, TomlNode

Style: TypeAlias = Literal["header", "dotted", "inline"]
"""How a map is given: under a header of its own, by dotted keys, or as an inline table."""

BLANK = " \t\r\n"

_COMMENT_LINES = re.compile(r"(?:[ \t]*#[^\n]*(?:\n|\Z))+")
_COMMENT = re.compile(r"[ \t]*#")
_BLANK_LINE = re.compile(r"[ \t]*(?:\r?\n|\Z)")
_INDENT = re.compile(r"[ \t]*")


@dataclass(frozen=True, slots=True)
class Look:
    """How a block is laid out.

    Attributes:
        gap: how many blank lines stand above its header.
        head: the indentation of its header.
        body: the indentation of its pairs.
        equals: the equals sign with the blanks around it.
    """

    gap: int
    head: str
    body: str
    equals: str


def look_like(text: str, models: Iterable[Block], head: str) -> Look:
    """The look of a new block whose header is indented by `head`; each trait is that of the first model that has it."""
    gap, body, equals = None, None, " = "
    for block in models:
        if gap is None and block.keys:
            gap = gap_above(text, block.begin)
        if body is None and block.pairs:
            above = indent(text, block.begin) if block.keys else ""
            body = indent(text, block.pairs[0].begin).removeprefix(above)
            equals = equals_like(text, block.pairs[0])
        if gap is not None and body is not None:
            break
    return Look(1 if gap is None else gap, head, head + (body or ""), equals)


def equals_like(text: str, pair: Pair | None) -> str:
    """The equals sign as a neighbour has it, without extra blanks that align it."""
    return "=" if pair and pair.keys and pair.keys[-1].end + 1 == pair.value_start else " = "


def line_break(text: str, at: int) -> str:
    """The line end of the line above `at`, else of the line there; LF in a text of one line."""
    end = text.rfind("\n", 0, at)
    end = end if end >= 0 else text.find("\n", at)
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def indent(text: str, begin: int) -> str:
    """The blanks that a line begins with."""
    match = _INDENT.match(text, begin)
    return match.group() if match else ""


def below(text: str, block: Block) -> int:
    """Where the line after a block and its own comments begins."""
    comments = _COMMENT_LINES.match(text, block.end)
    return comments.end() if comments and _BLANK_LINE.match(text, comments.end()) else block.end


def blank_lines_above(text: str, at: int) -> int:
    """Where the blank lines right above the line at `at` begin; `at` where there are none."""
    start = document_start(text)
    content = len(text[start:at].rstrip(BLANK))
    return text.index("\n", start + content, at) + 1 if content else start


def blank_lines_below(text: str, at: int) -> int:
    """Where the blank lines from `at` on end; `at` where there are none."""
    while at < len(text) and (match := _BLANK_LINE.match(text, at)):
        at = match.end()
    return at


def gap_above(text: str, begin: int) -> int | None:
    """How many blank lines stand above a line and its leading comments; None at the top of the document."""
    for line in _lines_above(text, begin):
        if not _COMMENT.match(text, line):
            break
        begin = line
    above = blank_lines_above(text, begin)
    return text.count("\n", above, begin) if above > document_start(text) else None


def style_for(table: TableNode, key: str, value: Value) -> Style:
    """How a value is to be given as `key` in `table`: as its siblings are, else as its cousins of that key.

    With nothing to follow, what stands in the first two levels, and what holds more than scalars, gets a header.
    """
    depth = len(table.path)
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, Mapping) for item in value):
        return "header" if depth < 2 else "inline"
    if not isinstance(value, Mapping):
        return "inline"
    siblings = [node for node in table.children.values() if isinstance(node, (TableNode, TablesNode))]
    if siblings and depth:
        return style_of(siblings[-1])
    cousin = cousin_of(tables_in(table.parent), key) if table.parent else None
    if cousin:
        return style_of(cousin)
    return (
        "header"
        if depth < 2 or any(isinstance(inner, (Mapping, list, tuple)) for inner in value.values())
        else "inline"
    )


def style_of(node: TableNode | TablesNode) -> Style:
    """How a table is given."""
    if node.given is not None:
        return "inline"
    return "header" if node.blocks else "dotted"


def tables_in(node: TableNode | TablesNode) -> Sequence[TableNode]:
    """The tables directly in a table or an array of tables."""
    children: Iterable[TomlNode] = node.children.values() if isinstance(node, TableNode) else node.tables
    return [child for child in children if isinstance(child, TableNode)]


def cousin_of(tables: Sequence[TableNode], key: str) -> TableNode | None:
    """The last table of that key in `tables`, else the last one of any key that holds only plain values."""
    nephews = [(name, node) for table in reversed(tables) for name, node in table.children.items()]
    grown = [(name, node) for name, node in nephews if isinstance(node, TableNode)]
    same = (node for name, node in grown if name == key)
    plain = (node for _, node in grown if node.children and not tables_in(node))
    return next(same, None) or next(plain, None)


def headers_in(node: TableNode | TablesNode) -> Iterator[Block]:
    """The blocks whose headers name the tables directly in `node`, last first."""
    for table in reversed(tables_in(node)):
        if isinstance(table.home, Block):
            yield table.home


def home_of(table: TableNode) -> Home:
    """Where pairs of the table can be written: where its own stand, else where dotted ones do."""
    return table.home or (table.pairs[-1].home if table.pairs else None)


def prefix_like(text: str, table: TableNode, pair: Pair | None) -> str:
    """The dotted part that a key of `table` needs in the home of `pair`, spelled as `pair` spells it."""
    parts = 0
    node = table
    while pair and node.home is not pair.home and isinstance(node.parent, TableNode):
        parts += 1
        node = node.parent
    return text[pair.keys[0].start : pair.keys[parts - 1].end] + "." if pair and parts else ""


def dotted(path: KeyPath, value: Mapping[str, Value], cousins: Sequence[TableNode]) -> list[tuple[KeyPath, Value]]:
    """The pairs that give a map by dotted keys; a map in it is given as its cousins are, where that is dotted too."""
    if not value:
        return [(path, value)]
    pairs: list[tuple[KeyPath, Value]] = []
    for key, inner in value.items():
        cousin = cousin_of(cousins, key) if isinstance(inner, Mapping) and inner else None
        if isinstance(inner, Mapping) and cousin and style_of(cousin) == "dotted":
            pairs += [((*path, key, name), leaf) for name, leaf in inner.items()]
        else:
            pairs.append(((*path, key), inner))
    return pairs


def _lines_above(text: str, at: int) -> Iterator[int]:
    """Where the lines above the line at `at` begin, going up."""
    start = document_start(text)
    while at > start:
        at = max(text.rfind("\n", 0, at - 1) + 1, start)
        yield at
