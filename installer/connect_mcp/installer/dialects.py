"""What each host accepts in its config file, by the schemas in fixtures/config-schemas.

A schema is JSON Schema 2020-12, of which `KEYWORDS` are used, with one keyword of our own: `x-consequence` says what
the host does where a value breaks the rules of this schema or of one below it. It is judged here on the editors' own
nodes, so that every fault has its place in the text and nothing is looked into that no rule is about. A command does
not wait for the jsonschema package, whose import alone takes ten times as long as Python's start; it is the oracle in
the tests.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast

from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.record import record
from connect_mcp.base.text import printable

from .editors import engine
from .editors.formats import format_named
from .editors.model import Fault as Unreadable
from .editors.model import Node
from .hosts.model import Host, Location

if TYPE_CHECKING:
    from .editors.yaml_nodes import Found

Consequence: TypeAlias = Literal["file", "entry", "ignored"]
"""What the host does: it reads nothing of the file; it cannot use the entry; it does not read the key."""

KeyOrIndex: TypeAlias = "str | int"
Schema: TypeAlias = "Mapping[str, Any]"

SHARED: Mapping[str, str] = {"vscode-insiders": "vscode", "vscodium": "vscode"}
"""Hosts that have another host's dialect."""


@record
class Fault:
    """One rule of a host that its file breaks.

    Attributes:
        path: the keys and, in lists, indexes from the top of the document to what is wrong.
        line: the line of its key, or of the item, from 1.
        column: the column, in characters from 1.
        consequence: what the host does about it.
        what: the rule, in plain words and without any value of the file: that may be a secret.
    """

    path: tuple[KeyOrIndex, ...]
    line: int
    column: int
    consequence: Consequence
    what: str

    @property
    def name(self) -> str:
        """The path for people, safe to print: `mcp_servers.files.args[0]`."""
        parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return printable("".join(parts).removeprefix("."))


def faults(host: Host, location: Location, text: str) -> tuple[Fault, ...]:
    """What in a config file keeps the host from reading it, or a part of it, in file order.

    Args:
        host: whose file it is.
        location: how the file is laid out.
        text: what is in it; a blank one has no faults.

    Raises:
        Refused: where the text cannot be read at all.
    """
    if not text.strip():
        return ()
    fmt = format_named(location.format)
    try:
        quirks = [quirk for quirk in fmt.quirks(text) if quirk.kind in location.rejects] if location.rejects else []
        found = [_Broken(quirk.offset, (), "file", engine.QUIRK_TEXT[quirk.kind]) for quirk in quirks]
        found += _Judge(schema_of(host)).judged_whole(fmt.parse(text))
    except Unreadable as unreadable:
        place = Place(location.path, *engine.position(text, unreadable.offset))
        raise Refused(unreadable.what, place=place, mend=unreadable.mend) from None
    position = engine.positions(text)
    return tuple(
        Fault(broken.path, *position(broken.offset), broken.consequence, broken.what)
        for broken in sorted(dict.fromkeys(found), key=lambda broken: broken.offset)
    )


def refuse_rejected(host: Host, location: Location, before: str, after: str) -> None:
    """Refuse a write that would leave a file which the host reads nothing of.

    A fault that the write mends does not count, nor one for which the host only skips an entry.

    Args:
        host: whose file it is.
        location: how the file is laid out.
        before: what is in it.
        after: what would be in it.

    Raises:
        Refused: with the place in the file as it is.
    """
    if not before.strip() or not rejects_files(host):
        return
    rejected = [fault for fault in faults(host, location, after) if fault.consequence == "file"]
    if not rejected:
        return
    first = rejected[0]
    now = next((fault for fault in faults(host, location, before) if fault.path == first.path), None)
    more = f", and {len(rejected) - 1} more like it (`connect-mcp doctor {host.id}`)" if rejected[1:] else ""
    raise Refused(
        f"{host.title} reads nothing of this file because of {first.name or 'its layout'}",
        place=Place(location.path, now.line, now.column) if now else Place(location.path),
        why=first.what,
        mend=f"correct it there{more}, or repeat the command with --force",
    )


def rejects_files(host: Host) -> bool:
    """Whether this host is known to read nothing of a file because of a part of it."""
    return '"x-consequence": "file"' in _source(host.id)


def schema_of(host: Host) -> Schema:
    """The schema of a host's dialect.

    Raises:
        FileNotFoundError: where the host has none, which is a mistake in its row.
    """
    schema: Schema = json.loads(_source(host.id))
    return schema


@lru_cache(maxsize=4)
def _source(identity: str) -> str:
    from connect_mcp.base.fixtures import fixtures  # a command without an existing file to judge needs no schema

    return (fixtures() / "config-schemas" / f"{SHARED.get(identity, identity)}.json").read_text(encoding="utf-8")


class _Broken(NamedTuple):
    """A fault with its offset in the text."""

    offset: int
    path: tuple[KeyOrIndex, ...]
    consequence: Consequence
    what: str


class _Says(NamedTuple):
    """What holds for a fault unless a schema says otherwise."""

    consequence: Consequence
    what: str


class _Unknown:
    """A value of which it is not known what the host reads: no rule is broken by it."""


_UNKNOWN = _Unknown()

_KINDS = {"map": "object", "list": "array"}
_TYPES: Mapping[str, type] = {"string": str, "boolean": bool, "null": type(None)}

# A number in YAML 1.2. An unquoted scalar that parsers of 1.1 and 1.2 read differently and that is none is not judged.
_NUMBER = re.compile(
    r"[-+]?(?:[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|\.inf)|\.nan"
)


class _Value:
    """A value in the text, and its place; what is in it is looked at once, when a rule first asks.

    Attributes:
        offset: of its key, or of the item.
        parent: what it is in; None for the document.
        key: its key or index there.
        members: a map's members by key, the last where one is there twice; none for what is no map.
        items: a list's items; none for what is no list.
        scalar: the value of a scalar; `_UNKNOWN` where it is not known; the node itself for a map or list.
    """

    def __init__(self, node: Node, offset: int, parent: "_Value | None" = None, key: KeyOrIndex = "") -> None:
        self.offset = offset
        self.parent = parent
        self.key = key
        self._node = _resolved(node)
        self.kind = self._node.kind

    @property
    def path(self) -> tuple[KeyOrIndex, ...]:
        """The keys and indexes from the top to it."""
        return (*self.parent.path, self.key) if self.parent else ()

    @cached_property
    def members(self) -> "Mapping[str, _Value]":
        if self.kind != "map":
            return {}
        return {member.key: _Value(member.node, member.key_start, self, member.key) for member in self._node.members()}

    @cached_property
    def items(self) -> "Sequence[_Value]":
        if self.kind != "list":
            return ()
        return [_Value(node, node.start, self, index) for index, node in enumerate(self._node.items())]

    @cached_property
    def scalar(self) -> object:
        if self.kind in _KINDS:
            return self._node
        value = None if self.kind == "null" else self._node.value()
        if isinstance(value, str) and type(value) is not str:  # `yaml_nodes.Verbatim`
            spelling = getattr(value, "source", "")
            return _number(spelling) if _NUMBER.fullmatch(spelling) else _UNKNOWN
        return value

    def suits(self, name: str) -> bool:
        """Whether it is of that type, in JSON Schema's words."""
        if self.kind in _KINDS:
            return name == _KINDS[self.kind]
        value = self.scalar
        if value is _UNKNOWN:
            return True
        if name in ("integer", "number"):
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            return number and (name == "number" or isinstance(value, int) or cast("float", value).is_integer())
        return name in _TYPES and isinstance(value, _TYPES[name])


class _Name(_Value):
    """A key, judged as a value at its place."""

    def __init__(self, value: _Value) -> None:
        self.offset = value.offset
        self.parent = value.parent
        self.key = value.key
        self.kind = "scalar"
        self.scalar = value.key


class _Judge:
    """Judges a document by one schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def judged_whole(self, root: Node) -> Iterator[_Broken]:
        """The rules that the document breaks."""
        return self.judged(self._schema, _Value(root, root.start), _Says("entry", ""))

    def judged(self, schema: Schema, value: _Value, says: _Says) -> Iterator[_Broken]:
        """The rules of `schema` that the value breaks; one of the wrong type breaks that rule alone."""
        if "x-consequence" in schema or "description" in schema:
            says = _Says(schema.get("x-consequence", says.consequence), schema.get("description", says.what))
        if "type" in schema:
            wanted = schema["type"]
            if not any(map(value.suits, (wanted,) if isinstance(wanted, str) else wanted)):
                yield _fault(value, says)
                return
        for keyword, rule in schema.items():
            if check := _CHECKS.get(keyword):
                yield from check(self, rule, value, says, schema)

    def suits(self, schema: Schema, value: _Value) -> bool:
        """Whether the value breaks no rule of `schema`, not even one for a key that is merely not read."""
        return next(self.judged(schema, value, _Says("file", "")), None) is None

    def referred(self, reference: str, value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`$ref` to a definition in the same file; what is said beside it goes before what it says of itself."""
        target: Any = self._schema
        for key in reference.removeprefix("#/").split("/"):
            target = target[key]
        named = {key: schema[key] for key in ("x-consequence", "description") if key in schema}
        return self.judged({**target, **named} if named else target, value, says)

    def all_of(self, rules: Sequence[Schema], value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`allOf`."""
        for rule in rules:
            yield from self.judged(rule, value, says)

    def any_of(self, rules: Sequence[Schema], value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`anyOf`."""
        if not any(self.suits(rule, value) for rule in rules):
            yield _fault(value, says)

    def not_(self, rule: Schema, value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`not`."""
        if self.suits(rule, value):
            yield _fault(value, says)

    def if_(self, rule: Schema, value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`if`, `then` and `else`."""
        return self.judged(schema.get("then" if self.suits(rule, value) else "else", {}), value, says)

    def properties(self, rules: Mapping[str, Schema], value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`properties`."""
        for key, member in value.members.items():
            if key in rules:
                yield from self.judged(rules[key], member, says)

    def other_properties(self, rule: Schema, value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`additionalProperties`."""
        named = schema.get("properties", ())
        for key, member in value.members.items():
            if key not in named:
                yield from self.judged(rule, member, says)

    def names(self, rule: Schema, value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`propertyNames`."""
        for member in value.members.values():
            yield from self.judged(rule, _Name(member), says)

    def items(self, rule: Schema, value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`items`."""
        for item in value.items:
            yield from self.judged(rule, item, says)

    def required(self, keys: Sequence[str], value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`required`."""
        if value.kind == "map":
            for key in keys:
                if key not in value.members:
                    yield _fault(value, says._replace(what=f"{key} is missing: {says.what}"))

    def enum(self, known: Sequence[object], value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`enum`, of scalars."""
        found = value.scalar
        if found is not _UNKNOWN and not any(type(found) is type(one) and found == one for one in known):
            yield _fault(value, says)

    def const(self, known: object, value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`const`, of a scalar."""
        return self.enum((known,), value, says, schema)

    def least(self, limit: float, value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`minimum`."""
        if _is_number(value) and not cast("float", value.scalar) >= limit:
            yield _fault(value, says)

    def above(self, limit: float, value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`exclusiveMinimum`."""
        if _is_number(value) and not cast("float", value.scalar) > limit:
            yield _fault(value, says)

    def length(self, limit: int, value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`minLength`."""
        if isinstance(value.scalar, str) and len(value.scalar) < limit:
            yield _fault(value, says)

    def pattern(self, pattern: str, value: _Value, says: _Says, schema: Schema) -> Iterator[_Broken]:
        """`pattern`."""
        if isinstance(value.scalar, str) and not re.search(pattern, value.scalar):
            yield _fault(value, says)


_CHECKS: Mapping[str, Callable[[_Judge, Any, _Value, _Says, Schema], Iterator[_Broken]]] = {
    "$ref": _Judge.referred,
    "enum": _Judge.enum,
    "const": _Judge.const,
    "minLength": _Judge.length,
    "pattern": _Judge.pattern,
    "minimum": _Judge.least,
    "exclusiveMinimum": _Judge.above,
    "required": _Judge.required,
    "propertyNames": _Judge.names,
    "properties": _Judge.properties,
    "additionalProperties": _Judge.other_properties,
    "items": _Judge.items,
    "allOf": _Judge.all_of,
    "anyOf": _Judge.any_of,
    "not": _Judge.not_,
    "if": _Judge.if_,
}

KEYWORDS = frozenset({*_CHECKS, "type", "then", "else", "x-consequence", "description"})
"""The keywords that are understood, beside those that say nothing about a value."""


def _fault(value: _Value, says: _Says) -> _Broken:
    return _Broken(value.offset, value.path, says.consequence, says.what)


def _resolved(node: Node) -> Node:
    """The value that an alias repeats, or the alias itself where that is not to be found."""
    while node.kind == "alias":
        repeated = cast("Found", node).repeated()
        if repeated is None:
            break
        node = repeated
    return node


def _is_number(value: _Value) -> bool:
    return value.scalar is not _UNKNOWN and value.suits("number")


def _number(spelling: str) -> float:
    if spelling.startswith(("0o", "0x")):
        return float(int(spelling, 0))
    return float(spelling.replace(".inf", "inf").replace(".nan", "nan"))
