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
from functools import lru_cache
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
        found += _broken(schema_of(host), fmt.parse(text))
    except Unreadable as unreadable:
        place = Place(location.path, *engine.position(text, unreadable.offset))
        raise Refused(unreadable.what, place=place, mend=unreadable.mend) from None
    return tuple(
        Fault(broken.path, *engine.position(text, broken.offset), broken.consequence, broken.what)
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


class _At(NamedTuple):
    """A value that is judged, and what holds for the faults in it unless a schema says otherwise."""

    node: Node
    offset: int
    path: tuple[KeyOrIndex, ...] = ()
    consequence: Consequence = "entry"
    what: str = ""


class _Unknown:
    """A value of which it is not known what the host reads: no rule is broken by it."""


_UNKNOWN = _Unknown()

# A number in YAML 1.2. An unquoted scalar that parsers of 1.1 and 1.2 read differently and that is none is not judged.
_NUMBER = re.compile(
    r"[-+]?(?:[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|\.inf)|\.nan"
)


def _broken(schema: Schema, root: Node) -> Iterator[_Broken]:
    return _Judge(schema).judged(schema, _At(root, root.start))


class _Judge:
    """Judges a document by one schema."""

    def __init__(self, document: Schema) -> None:
        self._document = document

    def judged(self, schema: Schema, at: _At) -> Iterator[_Broken]:
        """The rules of `schema` that the value breaks; one of the wrong type breaks that rule alone."""
        at = at._replace(
            consequence=schema.get("x-consequence", at.consequence), what=schema.get("description", at.what)
        )
        if "type" in schema and not any(_is(at, name) for name in _names(schema["type"])):
            yield _fault(at)
            return
        for keyword, rule in schema.items():
            if check := _CHECKS.get(keyword):
                yield from check(self, rule, at, schema)

    def suits(self, schema: Schema, at: _At) -> bool:
        """Whether the value breaks no rule of `schema`, not even one for a key that is merely not read."""
        return next(self.judged(schema, at), None) is None

    def referred(self, reference: str, at: _At, schema: Schema) -> Iterator[_Broken]:
        """`$ref` to a definition in the same file; what is said beside it goes before what it says of itself."""
        target: Any = self._document
        for key in reference.removeprefix("#/").split("/"):
            target = target[key]
        named = {key: schema[key] for key in ("x-consequence", "description") if key in schema}
        return self.judged({**target, **named}, at)

    def all_of(self, rules: Sequence[Schema], at: _At, schema: Schema) -> Iterator[_Broken]:
        """`allOf`."""
        for rule in rules:
            yield from self.judged(rule, at)

    def any_of(self, rules: Sequence[Schema], at: _At, schema: Schema) -> Iterator[_Broken]:
        """`anyOf`."""
        if not any(self.suits(rule, at) for rule in rules):
            yield _fault(at)

    def not_(self, rule: Schema, at: _At, schema: Schema) -> Iterator[_Broken]:
        """`not`."""
        if self.suits(rule, at):
            yield _fault(at)

    def if_(self, rule: Schema, at: _At, schema: Schema) -> Iterator[_Broken]:
        """`if`, `then` and `else`."""
        return self.judged(schema.get("then" if self.suits(rule, at) else "else", {}), at)

    def properties(self, rules: Mapping[str, Schema], at: _At, schema: Schema) -> Iterator[_Broken]:
        """`properties`."""
        for key, inner in _members(at).items():
            if key in rules:
                yield from self.judged(rules[key], inner)

    def other_properties(self, rule: Schema, at: _At, schema: Schema) -> Iterator[_Broken]:
        """`additionalProperties`."""
        for key, inner in _members(at).items():
            if key not in schema.get("properties", {}):
                yield from self.judged(rule, inner)

    def names(self, rule: Schema, at: _At, schema: Schema) -> Iterator[_Broken]:
        """`propertyNames`."""
        for key, inner in _members(at).items():
            yield from self.judged(rule, inner._replace(node=_Name(key, inner.offset)))

    def items(self, rule: Schema, at: _At, schema: Schema) -> Iterator[_Broken]:
        """`items`."""
        if _kind(at) == "list":
            for index, item in enumerate(_resolved(at.node).items()):
                yield from self.judged(rule, at._replace(node=item, offset=item.start, path=(*at.path, index)))

    def required(self, keys: Sequence[str], at: _At, schema: Schema) -> Iterator[_Broken]:
        """`required`."""
        if _kind(at) == "map":
            there = _members(at)
            for key in keys:
                if key not in there:
                    yield _fault(at._replace(what=f"{key} is missing: {at.what}"))

    def enum(self, values: Sequence[object], at: _At, schema: Schema) -> Iterator[_Broken]:
        """`enum`, of scalars."""
        value = _scalar(at)
        if value is not _UNKNOWN and not any(type(value) is type(known) and value == known for known in values):
            yield _fault(at)

    def const(self, value: object, at: _At, schema: Schema) -> Iterator[_Broken]:
        """`const`, of a scalar."""
        return self.enum((value,), at, schema)

    def least(self, limit: float, at: _At, schema: Schema) -> Iterator[_Broken]:
        """`minimum`."""
        if _is(at, "number") and (value := _scalar(at)) is not _UNKNOWN and not cast("float", value) >= limit:
            yield _fault(at)

    def above(self, limit: float, at: _At, schema: Schema) -> Iterator[_Broken]:
        """`exclusiveMinimum`."""
        if _is(at, "number") and (value := _scalar(at)) is not _UNKNOWN and not cast("float", value) > limit:
            yield _fault(at)

    def length(self, limit: int, at: _At, schema: Schema) -> Iterator[_Broken]:
        """`minLength`."""
        value = _scalar(at)
        if isinstance(value, str) and len(value) < limit:
            yield _fault(at)

    def pattern(self, pattern: str, at: _At, schema: Schema) -> Iterator[_Broken]:
        """`pattern`."""
        value = _scalar(at)
        if isinstance(value, str) and not re.search(pattern, value):
            yield _fault(at)


_CHECKS: Mapping[str, Callable[[_Judge, Any, _At, Schema], Iterator[_Broken]]] = {
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


class _Name:
    """A key, judged as a value."""

    kind: Literal["scalar"] = "scalar"

    def __init__(self, name: str, start: int) -> None:
        self._name = name
        self.start = start

    def members(self) -> tuple[()]:
        return ()

    def items(self) -> tuple[()]:
        return ()

    def value(self) -> str:
        return self._name


def _names(wanted: str | Sequence[str]) -> Sequence[str]:
    return (wanted,) if isinstance(wanted, str) else wanted


def _fault(at: _At) -> _Broken:
    return _Broken(at.offset, at.path, at.consequence, at.what)


def _members(at: _At) -> dict[str, _At]:
    """A map's members by key, the last where one is there twice; none for what is no map."""
    if _kind(at) != "map":
        return {}
    return {
        member.key: at._replace(node=member.node, offset=member.key_start, path=(*at.path, member.key))
        for member in _resolved(at.node).members()
    }


def _resolved(node: Node) -> Node:
    """The value that an alias repeats, or the alias itself where that is not to be found."""
    while node.kind == "alias":
        repeated = cast("Found", node).repeated()
        if repeated is None:
            break
        node = repeated
    return node


def _kind(at: _At) -> str:
    return _resolved(at.node).kind


def _scalar(at: _At) -> object:
    """The value of a scalar; `_UNKNOWN` where it is not known; a value of a type of its own for a map or list."""
    node = _resolved(at.node)
    if node.kind in ("map", "list"):
        return node
    value = None if node.kind == "null" else node.value()
    if isinstance(value, str) and type(value) is not str:  # `yaml_nodes.Verbatim`
        spelling = getattr(value, "source", "")
        return _number(spelling) if _NUMBER.fullmatch(spelling) else _UNKNOWN
    return value


def _number(spelling: str) -> float:
    if spelling.startswith(("0o", "0x")):
        return float(int(spelling, 0))
    return float(spelling.replace(".inf", "inf").replace(".nan", "nan"))


def _is(at: _At, wanted: str) -> bool:
    kind = _kind(at)
    if kind in ("map", "list"):
        return wanted == {"map": "object", "list": "array"}[kind]
    value = _scalar(at)
    if value is _UNKNOWN:
        return True
    if wanted in ("integer", "number"):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and (wanted == "number" or isinstance(value, int) or cast("float", value).is_integer())
    return isinstance(value, {"string": str, "boolean": bool, "null": type(None)}.get(wanted, ()))
