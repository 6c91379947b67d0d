"""Is a message that a server sent well-formed JSON-RPC, and does it fit the revision of MCP in force?

A message is classified first (has it a method, an id, a result, an error?), since a schema of "any message" accepts
too much: a request whose id is null passes as a notification, and a message with both result and error passes too. Then
its part that belongs to MCP is held against the definition for its method. The definitions are data:
`fixtures/protocol/`, one file per revision.

An error about a request that could not be read has `"id": null` in JSON-RPC, which the schemas of all revisions of MCP
forbid, and no id at all in those of the later ones: both are accepted.
"""

import functools
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from connect_mcp.base.record import record
from connect_mcp.base.text import printable, shortened

from .session import META_REVISION, Json

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

REVISIONS: tuple[str, ...] = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
MODERN = "2026-07-28"
BATCHES = "2025-03-26"

Rule = Literal["json-rpc", "method", "schema", "format"]

_MOST = 20  # faults of one message: a list of a thousand tools may have the same one a thousand times
_LOOKED_AT = 200
_SHOWN = 80


@record
class Fault:
    """One thing that is wrong with a message.

    Attributes:
        rule: `json-rpc`: the envelope; `method`: a request or notification that the revision does not have, or none for
            servers; `schema`: a member that is missing or of the wrong kind; `format`: a text of the wrong form (no
            URI, no base64).
        path: where, as `result.tools[3].inputSchema`; "" for the message itself.
        what: the rest of a sentence whose subject is the path, safe to print: "is a string; it must be an object".
    """

    rule: Rule
    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path or 'the message'} {self.what}"


def faults(
    message: Json, revision: str, request_method: str | None = None, *, with_task: bool = False
) -> tuple[Fault, ...]:
    """What is wrong with a message that a server sent; at most twenty faults.

    Args:
        message: a parsed line, or the item of a batch.
        revision: the one in force for it; "" where none is yet, which checks the envelope alone.
        request_method: for a response, the method of the request that it answers; None where that is not known.
        with_task: whether that request asked for a task (`params.task`, 2025-11-25).
    """
    if isinstance(message, list):
        return tuple(_batch_faults(message, revision))
    if not isinstance(message, dict):
        return (Fault("json-rpc", "", f"is {_kind(message)}; it must be an object"),)
    envelope = tuple(_envelope_faults(message))
    if envelope or not revision:
        return envelope
    return tuple(_limited(_rules(revision).faults(message, request_method, with_task)))


def line_faults(
    line: bytes, revision: str, request_method: str | None = None, *, with_task: bool = False
) -> tuple[Fault, ...]:
    """What is wrong with a line of a server's standard output, without its line end; see `faults`."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return (Fault("json-rpc", "", "is not UTF-8"),)
    try:
        message = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        return (Fault("json-rpc", "", "is nested too deeply to be read"),)
    except _NotJson as problem:
        return (Fault("json-rpc", "", str(problem)),)
    except ValueError:
        return (Fault("json-rpc", "", "is not one JSON value"),)
    return faults(message, revision, request_method, with_task=with_task)


class Conversation:
    """Follows a conversation, so that each message of the server is held against what it answers.

    Args:
        revision: the one in force from the start, for instance a session's; "" where `initialize` will say it.
    """

    def __init__(self, revision: str = "") -> None:
        self.revision = revision
        self._open: dict[str, tuple[str, str, bool]] = {}

    def sent(self, message: Json) -> None:
        """Take note of what the host sent, whatever it is."""
        for item in message if isinstance(message, list) else [message]:
            if isinstance(item, dict) and isinstance(method := item.get("method"), str) and "id" in item:
                params = item.get("params")
                params = params if isinstance(params, dict) else {}
                self._open[_key(item["id"])] = (method, self._revision_of(params), "task" in params)

    def received(self, message: Json) -> tuple[Fault, ...]:
        """What is wrong with a message from the server."""
        if isinstance(message, list):
            inside = (fault for item in message for fault in self._one(item))
            return tuple(_limited((*faults(message, BATCHES if self.revision == BATCHES else ""), *inside)))
        return self._one(message)

    def _one(self, message: Json) -> tuple[Fault, ...]:
        if not isinstance(message, dict) or "method" in message or not is_id(message.get("id")):
            return faults(message, self.revision)
        asked = self._open.pop(_key(message["id"]), None)
        if asked is None:
            return (*faults(message, self.revision), Fault("json-rpc", "id", "is that of no request without an answer"))
        method, revision, with_task = asked
        result = message.get("result")
        if method == "initialize" and isinstance(result, dict) and result.get("protocolVersion") in REVISIONS[:-1]:
            self.revision = revision = cast("str", result["protocolVersion"])
        return faults(message, revision or self.revision, method, with_task=with_task)

    def _revision_of(self, params: Mapping[str, Json]) -> str:
        meta = params.get("_meta")
        if isinstance(meta, dict) and META_REVISION in meta:
            self.revision = self.revision or MODERN  # for the notifications that come meanwhile
            return MODERN
        return ""


def is_id(value: Json) -> bool:
    """Whether the value may be a request's id: a string or an integer."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, (str, int)) and not isinstance(value, bool)


class _Rules:
    """The definitions of one revision."""

    def __init__(self, revision: str) -> None:
        self.revision = revision
        self._table = _table(revision)
        for definition in self._table["$defs"].values():
            _put_in(definition, self._table["$defs"])
        self._made: dict[str, Validator] = {}

    def faults(self, message: dict[str, Json], request_method: str | None, with_task: bool) -> Iterator[Fault]:
        if "method" in message:
            kind = "requests" if "id" in message else "notifications"
            name = self._table[kind].get(message["method"])
            if name is None:
                yield Fault("method", "method", f"is {_shown(message['method'])}: {self._unknown(kind)}")
            else:
                yield from self._checked(name, message.get("params", {}), "params")
        elif "error" in message:
            yield from self._checked("Error", message["error"], "error")
        else:
            task = self._table["with_task"] if with_task else None
            yield from self._checked(
                task or self._table["results"].get(request_method, "Result"), message["result"], "result"
            )

    def _unknown(self, kind: str) -> str:
        if not self._table[kind]:
            return f"in {self.revision} a server sends no {kind}"
        return f"{self.revision} has no such {kind.removesuffix('s')} from a server"

    def _checked(self, name: str, value: Json, at: str) -> Iterator[Fault]:
        if name not in self._made:
            from jsonschema import Draft202012Validator  # slow to import, and not every command judges messages

            self._made[name] = Draft202012Validator(self._table["$defs"][name])
        errors = itertools.islice(self._made[name].iter_errors(value), _LOOKED_AT)
        for error in sorted(errors, key=_position):
            path = at + "".join(map(_step, error.absolute_path))
            yield Fault("format" if error.validator == "pattern" else "schema", path, _sentence(error))


@functools.cache
def _rules(revision: str) -> _Rules:
    return _Rules(revision)


def _table(revision: str) -> dict[str, Any]:
    """A revision's file, with what it extends."""
    from connect_mcp.base.fixtures import fixtures

    own = json.loads((fixtures() / "protocol" / f"{revision}.json").read_text(encoding="utf-8"))
    base: dict[str, Any] = _table(own["extends"]) if "extends" in own else {"with_task": None}
    merged = {**base, **own}
    for kind in ("results", "notifications", "requests", "$defs"):
        entries = {**base.get(kind, {}), **own.get(kind, {})}
        merged[kind] = {name: entry for name, entry in entries.items() if entry is not None}
    return merged


def _put_in(schema: Any, definitions: Mapping[str, Any]) -> None:
    """Put the definitions themselves where a schema refers to them: looking references up takes a third of the time.

    A definition that refers to itself then holds itself.
    """
    if isinstance(schema, list):
        for item in schema:
            _put_in(item, definitions)
    elif isinstance(schema, dict):
        for item in schema.values():
            _put_in(item, definitions)
        if "$ref" in schema:
            referred = definitions[schema.pop("$ref").removeprefix("#/$defs/")]
            rest = {**schema}
            schema.clear()
            schema.update({"allOf": [referred, *rest.pop("allOf", [])], **rest})


def _batch_faults(items: list[Json], revision: str) -> Iterator[Fault]:
    if revision != BATCHES:
        yield Fault("json-rpc", "", f"is an array; only {BATCHES} has batches")
    elif not items:
        yield Fault("json-rpc", "", "is an empty array; a batch has at least one message")
    elif len({isinstance(item, dict) and "method" in item for item in items}) > 1:
        yield Fault("json-rpc", "", "is an array of both responses and others; a batch holds one or the other")


def _envelope_faults(message: dict[str, Json]) -> Iterator[Fault]:
    if message.get("jsonrpc") != "2.0":
        yield _wrong("jsonrpc", message, 'must be "2.0"')
    if "method" in message:
        yield from _asking_faults(message)
    else:
        yield from _answering_faults(message)


def _asking_faults(message: dict[str, Json]) -> Iterator[Fault]:
    if not isinstance(message["method"], str):
        yield _wrong("method", message, "must be a string")
    if "id" in message and not is_id(message["id"]):
        yield _wrong("id", message, "must be a string or an integer")
    if "params" in message and not isinstance(message["params"], dict):
        yield _wrong("params", message, "must be an object")
    for key in ("result", "error"):
        if key in message:
            yield Fault("json-rpc", key, "stands beside a method; a message asks or answers")


def _answering_faults(message: dict[str, Json]) -> Iterator[Fault]:
    if "result" not in message and "error" not in message:
        yield Fault("json-rpc", "", "has no method, no result and no error")
        return
    if "result" in message and "error" in message:
        yield Fault("json-rpc", "", "has both result and error; it must have one of them")
    is_about_nothing = "result" not in message and message.get("id") is None
    if not is_about_nothing and not is_id(message.get("id")):
        yield _wrong("id", message, "must be that of the request, a string or an integer")


def _wrong(key: str, message: Mapping[str, Json], must: str) -> Fault:
    return Fault(
        "json-rpc", key, f"is {_shown(message[key])}; it {must}" if key in message else f"is missing; it {must}"
    )


def _sentence(error: Any) -> str:
    """A validation error of jsonschema (whose own types say too little), as a sentence about its path."""
    wanted, got = error.validator_value, error.instance
    if error.validator == "required":
        missing = [name for name in wanted if name not in got]
        return f"has no {' and no '.join(missing)}"
    if error.validator == "anyOf":
        return f"has neither {' nor '.join(form['required'][0] for form in wanted)}"
    if error.validator == "type":
        kinds = [wanted] if isinstance(wanted, str) else wanted
        return f"is {_kind(got)}; it must be {' or '.join(map(_named, kinds))}"
    if error.validator == "pattern":
        return f"is no {error.schema['title']}: {_shown(got)}"
    if error.validator == "maxItems":
        return f"has {len(got)} items; it may have {wanted}"
    limits = {"const": "must be", "enum": "must be one of", "minimum": "must be at least", "maximum": "may be at most"}
    allowed = ", ".join(map(_shown, wanted)) if isinstance(wanted, list) else _shown(wanted)
    return f"is {_shown(got)}; it {limits[str(error.validator)]} {allowed}"


def _limited(found: Iterable[Fault]) -> Iterator[Fault]:
    """Each fault once, and not too many: one missing member is reported by the schema once per name in its list."""
    seen: set[Fault] = set()
    for fault in found:
        if fault not in seen:
            seen.add(fault)
            yield fault
        if len(seen) >= _MOST:
            return


def _position(error: "ValidationError") -> tuple[list[tuple[int, str]], str]:
    """An order that is the same every time: the validator's own is not."""
    path = [(key, "") if isinstance(key, int) else (-1, key) for key in error.absolute_path]
    return path, str(error.validator)


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if key.isidentifier() else f"[{_shown(key)}]"


_NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}


def _kind(value: Json) -> str:
    return _named(_NAMES.get(type(value), "null"))


def _named(kind: str) -> str:
    if kind == "null":
        return kind
    return f"an {kind}" if kind[0] in "aio" else f"a {kind}"


def _shown(value: Json) -> str:
    """A value in a sentence: what it is, and a short one itself, without secrets."""
    if isinstance(value, (dict, list)):
        return _kind(value)
    from connect_mcp.base.masking import masked

    return printable(masked(shortened(json.dumps(value, ensure_ascii=False), _SHOWN)))


def _key(identity: Json) -> str:
    return json.dumps(int(identity) if isinstance(identity, float) and identity.is_integer() else identity)


class _NotJson(Exception):
    """What is not JSON, though Python reads it."""


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _NotJson("has an object with the same key twice")
    return value


def _no_constant(name: str) -> None:
    raise _NotJson(f"holds {name}, which is not JSON")
