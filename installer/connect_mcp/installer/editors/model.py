"""What an edit is made of: values, trees with positions, changes to one server's entry, and splices.

Nothing here reads a file or knows a format. A format module (`jsonc`, `yaml`, `toml`) turns a text into `Node`s with
positions and a `Rewrite` of one container into `Splice`s; `engine` plans the rewrites and verifies the outcome.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias, Union

from connect_mcp.base.record import field, record

Value: TypeAlias = Union[str, int, float, bool, None, Sequence["Value"], Mapping[str, "Value"]]
"""A plain value that an entry can hold; maps keep their order."""

KeyPath: TypeAlias = tuple[str, ...]

NAMES = ""
"""As `Section.keyed_by`: the items are the names themselves."""

Tree: TypeAlias = object
"""What a verifying parser reads, comparable with `==`: maps are `Table`s, lists are `list`s, scalars are whatever the
format returns, so long as two that differ in meaning or in number spelling differ (and `True` never equals 1)."""


class Table(tuple[tuple[str, Tree], ...]):
    """A map as its pairs in file order, duplicates included: order and duplicates count in a comparison."""

    __slots__ = ()


class Splice(NamedTuple):
    """Replace `text[start:end]` (offsets in characters, a leading BOM counts as one) by `text`."""

    start: int
    end: int
    text: str


@record
class Section:
    """Where a host keeps its servers: a key path from the top, to a map of entries by name or to a list of them.

    Attributes:
        path: the keys from the top of the document.
        keyed_by: None for a map; for a list, the key of an entry that holds its name (Continue: `name`); `NAMES` for a
            list of bare names, whose entries hold nothing else (those that are switched off).
    """

    path: KeyPath
    keyed_by: str | None = None


@record
class Put:
    """Give the entry `name` these values.

    An entry that is there keeps every key not named here; a map inside it (`env`) is merged key by key; a list or
    scalar is replaced.

    Attributes:
        entry: what the entry must hold, in the order in which a new one is written.
        drop: key paths inside an existing entry that contradict `entry` and go.
        top: top-level keys written first when the document holds nothing yet (Continue needs `name` and `version`).
    """

    section: Section
    name: str
    entry: Mapping[str, Value]
    drop: frozenset[KeyPath] = frozenset()
    top: Mapping[str, Value] = field(default_factory=dict)


@record
class Remove:
    """Take the entry `name` out; a document without it stays as it is."""

    section: Section
    name: str


Change: TypeAlias = Put | Remove


class Fault(Exception):
    """A text that this format cannot read, or that must not be edited, with the offset of the culprit.

    Attributes:
        offset: character offset into the text (a BOM counts as one).
        what: one sentence, lower case, without the position: "expected a comma or a closing brace".
        mend: what a person can do about it, or "".
    """

    def __init__(self, offset: int, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.offset = offset
        self.what = what
        self.mend = mend


class Quirk(NamedTuple):
    """Something legal in the format that some host is known to reject: see `Format.quirks`."""

    kind: Literal["comment", "trailing-comma", "bom", "duplicate-key"]
    offset: int


class Node(Protocol):
    """A value in a text. Nodes may be built lazily: a big file is only looked into along the section's path."""

    @property
    def kind(self) -> Literal["map", "list", "scalar", "null", "alias"]:
        """What it is; "null" also stands for a value that is absent (`mcpServers:` in YAML).

        An "alias" (YAML's `*name`) repeats a value from elsewhere in the text, and cannot be edited where it stands.
        """

    @property
    def start(self) -> int:
        """The offset that a message about this value points at."""

    def members(self) -> Sequence["Member"]:
        """A map's members in file order, duplicates included."""

    def items(self) -> Sequence["Node"]:
        """A list's items."""

    def value(self) -> Value:
        """The plain value, decoded; a map's last duplicate wins."""


class Member(NamedTuple):
    """One member of a map."""

    key: str
    key_start: int
    node: Node


@record
class Rewrite:
    """All that happens to one container, planned together so that its splices cannot overlap.

    `replace` and `delete` hold indexes into the container's members (or items). Deleted and replaced are disjoint.
    Never rewritten together: a container and one of its descendants inside a replaced or deleted child.

    Attributes:
        container: a map or list node; or a "null" node or an empty document's root, to be filled with `insert`.
        insert: pairs to append after the last member; the key is None in a list.
    """

    container: Node
    replace: Mapping[int, Value] = field(default_factory=dict)
    delete: frozenset[int] = frozenset()
    insert: tuple[tuple[str | None, Value], ...] = ()


class Format(Protocol):
    """One text format. Implementations are modules' singletons without state."""

    name: str

    def __hash__(self) -> int:
        """Identity will do."""

    def parse(self, text: str) -> Node:
        """The document's root, found by our own iterative scanner.

        An empty, blank or comment-only text is an empty map. Only what lies on the way to the section need be looked
        at closely; full validity is `load`'s business, which always runs too.

        Raises:
            Fault: for what the scanner cannot read or must not edit.
        """

    def splices(self, text: str, root: Node, rewrites: Sequence[Rewrite]) -> list[Splice]:
        """The splices that carry out `rewrites`, in any order, disjoint, in the style of their neighbours.

        Raises:
            Fault: where this place cannot be edited without touching what is not ours.
        """

    def load(self, text: str) -> Tree:
        """The whole document as read by a parser that is not ours, for verifying; a blank text is `Table()`.

        Raises:
            Fault: where that parser rejects the text, at its line and column.
        """

    def tree(self, value: Value) -> Tree:
        """How `load` must read a value back that we wrote."""

    def quirks(self, text: str) -> list[Quirk]:
        """What is legal here but rejected by some hosts, in file order."""


@record
class Edit:
    """An edit that was verified and not yet written.

    Attributes:
        old: the text before.
        new: the text after.
        steps: one list of splices per change, each against the text that the step before left.
    """

    old: str
    new: str
    steps: tuple[tuple[Splice, ...], ...]

    @property
    def changed(self) -> bool:
        """Whether anything is different at all."""
        return self.old != self.new
