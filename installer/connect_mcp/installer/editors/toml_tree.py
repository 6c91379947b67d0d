"""The logical tree of a TOML document: all the definitions of one table merged, each knowing where it is written.

A table can come in pieces: under its header, as a part of dotted keys above, as the parent in other tables' headers.
`TableNode.blocks` and `TableNode.pairs` are those pieces, and removing them removes the table.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias, Union, cast

from .model import Fault, KeyPath, Member, Value
from .toml_scan import Block, Brace, Home, Key, Pair, decode, scan, scan_array, scan_table


class TableNode:
    """A table, wherever its parts are written.

    Attributes:
        parent: the table, or the array of tables, that holds it; None for the document.
        key: its key there; None for the document and for an item.
        given: the pair or item whose value it is, where it is an inline table.
        blocks: the header blocks that are in it, its own included, in file order.
        pairs: the pairs from outside that run through it or give it, in file order.
    """

    kind: Literal["map"] = "map"

    def __init__(
        self, text: str, parent: "TableNode | TablesNode | None", key: str | None, start: int, given: Pair | None = None
    ) -> None:
        self.parent = parent
        self.key = key
        self.start = start
        self.given = given
        self.blocks: list[Block] = []
        self.pairs: list[Pair] = [given] if given else []
        self._text = text
        self._home: Home = None
        self._children: dict[str, TomlNode] = {}
        self._key_starts: dict[str, int] = {}

    @property
    def home(self) -> Home:
        """Where its own pairs stand: the block under its header, or its braces; None where it has neither."""
        self._look_inside()
        return self._home

    @property
    def children(self) -> dict[str, "TomlNode"]:
        """What it holds, by key, in the order of first definition."""
        self._look_inside()
        return self._children

    @property
    def path(self) -> KeyPath:
        """The keys from the top of the document; items of arrays add none."""
        keys: list[str] = []
        node: TableNode | TablesNode | None = self
        while node is not None:
            if node.key is not None:
                keys.append(node.key)
            node = node.parent
        return tuple(reversed(keys))

    def members(self) -> Sequence[Member]:
        """Its members; TOML has no duplicates."""
        return [Member(key, self._key_starts[key], node) for key, node in self.children.items()]

    def items(self) -> Sequence["TomlNode"]:
        """None: it is no list."""
        return ()

    def value(self) -> Value:
        """The plain value."""
        return _value_of(self) if self.given is None else _decoded(self._text, self.given)

    def open(self, block: Block) -> "TableNode":
        """The table that `block` is the header of, made where it is new.

        Raises:
            Fault: where the header contradicts what is there.
        """
        node = self
        for index, key in enumerate(block.keys):
            many = block.many and index == len(block.keys) - 1
            child = node._children.get(key.name)
            if child is None:
                made = TablesNode(node, key.name, block.start) if many else None
                child = node._put(key, made or TableNode(self._text, node, key.name, block.start))
            if isinstance(child, TablesNode):
                child.blocks.append(block)
                if many:
                    child.tables.append(TableNode(self._text, child, None, block.start))
                child = child.tables[-1]
            elif many or not isinstance(child, TableNode) or child.given:
                raise _twice(key)
            child.blocks.append(block)
            node = child
        if node._home is not None:
            raise _twice(block.keys[-1])
        node._home = block
        return node

    def add(self, pair: Pair) -> None:
        """Take in a pair that stands in this table's home.

        Raises:
            Fault: where its key contradicts what is there.
        """
        node = self
        for key in pair.keys[:-1]:
            child = node._children.get(key.name)
            if child is None:
                child = node._put(key, TableNode(self._text, node, key.name, pair.keys[0].start))
            if not isinstance(child, TableNode) or child.given:
                raise _twice(key)
            child.pairs.append(pair)
            node = child
        key = pair.keys[-1]
        if key.name in node._children:
            raise _twice(key)
        node._put(key, _given(self._text, node, key.name, pair))

    def enter(self, blocks: list[Block]) -> None:
        """Be the document that consists of `blocks`."""
        self.blocks = blocks
        self._home = blocks[0]

    def _put(self, key: Key, node: "TomlNode") -> "TomlNode":
        self._children[key.name] = node
        self._key_starts[key.name] = key.start
        return node

    def _look_inside(self) -> None:
        if self.given is not None and self._home is None:
            self._home = scan_table(self._text, self.given.value_start)
            for pair in self._home.pairs:
                self.add(pair)


class TablesNode:
    """An array of tables, `[[…]]`.

    Attributes:
        parent: the table that holds it.
        key: its key there.
        start: where its first header is.
        tables: its items.
        blocks: the header blocks of all its items, in file order.
        pairs: none; it is never written as a value.
        given: None, likewise.
    """

    kind: Literal["list"] = "list"

    def __init__(self, parent: TableNode, key: str, start: int) -> None:
        self.parent = parent
        self.key = key
        self.start = start
        self.tables: list[TableNode] = []
        self.blocks: list[Block] = []
        self.pairs: list[Pair] = []
        self.given: Pair | None = None

    @property
    def path(self) -> KeyPath:
        """The keys from the top of the document."""
        return (*self.parent.path, self.key)

    def members(self) -> Sequence[Member]:
        """None: it is no map."""
        return ()

    def items(self) -> Sequence["TomlNode"]:
        """Its tables."""
        return self.tables

    def value(self) -> Value:
        """The plain value."""
        return _value_of(self)


class ValueNode:
    """A scalar or an array, given as a value.

    Attributes:
        kind: which of the two.
        given: the pair or item whose value it is.
        start: where the value begins.
        blocks: none.
        pairs: `given`.
    """

    def __init__(self, text: str, given: Pair) -> None:
        self.kind: Literal["list", "scalar"] = "list" if text[given.value_start] == "[" else "scalar"
        self.given = given
        self.start = given.value_start
        self.blocks: list[Block] = []
        self.pairs = [given]
        self._text = text
        self._brace: Brace | None = None

    @property
    def home(self) -> Brace:
        """An array's items."""
        if self._brace is None:
            self._brace = scan_array(self._text, self.start)
        return self._brace

    def members(self) -> Sequence[Member]:
        """None: it is no map."""
        return ()

    def items(self) -> Sequence["TomlNode"]:
        """An array's items."""
        return [_given(self._text, None, None, item) for item in self.home.pairs] if self.kind == "list" else ()

    def value(self) -> Value:
        """The plain value."""
        return _decoded(self._text, self.given)


TomlNode: TypeAlias = Union[TableNode, TablesNode, ValueNode]


def document(text: str) -> TableNode:
    """The root of a document.

    Raises:
        Fault: for a text that is no TOML.
    """
    blocks = scan(text)
    root = TableNode(text, None, None, blocks[0].start)
    root.enter(blocks)
    for block in blocks:
        table = root.open(block) if block.keys else root
        for pair in block.pairs:
            table.add(pair)
    return root


def _given(text: str, parent: TableNode | None, key: str | None, pair: Pair) -> TomlNode:
    if text[pair.value_start] == "{":
        return TableNode(text, parent, key, pair.value_start, pair)
    return ValueNode(text, pair)


def _decoded(text: str, pair: Pair) -> Value:
    return cast("Value", decode(text, pair.value_start, pair.value_end))


def _value_of(top: "TableNode | TablesNode") -> Value:
    """The plain value of a table that comes in pieces, built from the top so that depth costs no stack."""
    built: dict[str, Value] = {}
    todo: list[tuple[TomlNode, dict[str, Value] | list[Value], str]] = [(top, built, "")]
    for node, into, key in todo:  # which grows, so that what is in one container comes in order
        made: dict[str, Value] | list[Value] = {} if isinstance(node, TableNode) else []
        value: Value = made if node.given is None else node.value()
        if isinstance(into, dict):
            into[key] = value
        else:
            into.append(value)
        if node.given is None and isinstance(node, TableNode):
            todo += [(child, made, name) for name, child in node.children.items()]
        elif isinstance(node, TablesNode):
            todo += [(table, made, "") for table in node.tables]
    return built[""]


def _twice(key: Key) -> Fault:
    return Fault(
        key.start,
        f"{key.name!r} is defined twice here",
        "take one of the two out and run the command again",
    )
