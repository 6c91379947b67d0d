"""What the fuzzer says: hypothesis strategies for arguments, envelopes, orders of messages and chunked writes.

An `Example` is data that is turned into bytes when it is sent: ids are given then, so that one process can be sent
many. Loaded by the fuzzer alone, since hypothesis takes a while to import.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from connect_mcp.base.record import record

from .arguments import instance_of, resolved
from .wire import encode

Strategy = st.SearchStrategy
_DEEPEST = 4


@record
class Ident:
    """Stands for the id of the request of this number in the example."""

    number: int


@record
class Example:
    """Something to say.

    Attributes:
        messages: JSON values, or bytes for a line that is none.
        styles: what sort of ids the requests have, in turn.
        cuts: where the bytes are cut into writes, each a fraction of the whole; empty for one write.
    """

    messages: tuple[Any, ...]
    styles: tuple[int, ...] = (0,)
    cuts: tuple[float, ...] = ()

    def lines(self, first: int) -> list[bytes]:
        """The lines to send; `first` is a number that no id was made of yet."""
        return [one if isinstance(one, bytes) else encode(self._filled(one, first)) for one in self.messages]

    def writes(self, first: int) -> list[bytes]:
        """The bytes of each write."""
        data = b"".join(line + b"\n" for line in self.lines(first))
        places = sorted({int(cut * len(data)) for cut in self.cuts} - {0})
        return [data[low:high] for low, high in zip([0, *places], [*places, len(data)], strict=True) if low < high]

    def _filled(self, value: Any, first: int) -> Any:
        if isinstance(value, Ident):
            style = self.styles[value.number % len(self.styles)]
            return _STYLES[style](first + value.number)
        if isinstance(value, dict):
            return {key: self._filled(item, first) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, first) for item in value]
        return value


_STYLES = (
    lambda number: number,
    lambda number: f"f-{number}",
    lambda number: str(number),
    lambda number: -number,
    lambda number: (1 << 53) - 1 - number,
    lambda number: f"é\u2028{number}",
)

_TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "\x00", "\n", "\u2028", "../../etc/passwd", "'; --", "{{x}}", "<b>", "é" * 300, "\ud800"]),
)
_NUMBERS = st.one_of(st.integers(-10, 10), st.sampled_from([1 << 31, 1 << 53, 1 << 64, -1, 0.5, 1e308, -0.0]))
_SCALARS = st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS)
ANYTHING: Strategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=6,
)
_NESTED = st.sampled_from([8, 40]).map(lambda depth: _nest(depth))


def _nest(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def valid(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Strategy[Any]:
    """Values that a schema accepts, as far as its common keywords go."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return st.just(instance_of(schema, root, depth))
    if "const" in schema:
        return st.just(schema["const"])
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return st.sampled_from(schema["enum"])
    if isinstance(schema.get("$ref"), str):
        return valid(resolved(schema["$ref"], root), root, depth + 1)
    for name in ("anyOf", "oneOf"):
        if isinstance(schema.get(name), list) and schema[name] and "properties" not in schema:
            return st.one_of([valid(one, root, depth + 1) for one in schema[name]])
    kinds = schema.get("type")
    named = kinds if isinstance(kinds, list) else [kinds]
    return st.one_of([_typed(kind, schema, root, depth) for kind in named])


def _typed(kind: Any, schema: dict[str, Any], root: Mapping[str, Any], depth: int) -> Strategy[Any]:
    if kind == "object" or "properties" in schema:
        return _objects(schema, root, depth)
    if kind == "array":
        low = schema.get("minItems") or 0
        high = min(schema.get("maxItems") or low + 3, low + 3)
        inner = valid(schema.get("items", {}), root, depth + 1)
        return st.lists(inner, min_size=low, max_size=high, unique_by=repr if schema.get("uniqueItems") else None)
    if kind in ("integer", "number"):
        return _numbers(schema, whole=kind == "integer")
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    if kind == "string":
        return _strings(schema, root, depth)
    return ANYTHING


def _objects(schema: dict[str, Any], root: Mapping[str, Any], depth: int) -> Strategy[Any]:
    properties = schema.get("properties")
    rows = {name: valid(row, root, depth + 1) for name, row in (properties or {}).items()}
    required = [name for name in schema.get("required") or [] if isinstance(name, str)]
    needed = {name: rows.get(name, ANYTHING) for name in required}
    return st.fixed_dictionaries(needed, optional={name: row for name, row in rows.items() if name not in needed})


def _numbers(schema: dict[str, Any], *, whole: bool) -> Strategy[Any]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None and isinstance(schema.get("exclusiveMinimum"), int):
        low = schema["exclusiveMinimum"] + 1
    if high is None and isinstance(schema.get("exclusiveMaximum"), int):
        high = schema["exclusiveMaximum"] - 1
    bottom = low if low is not None else (high - 1000 if high is not None else -1000)
    top = high if high is not None else bottom + 2000
    return st.integers(int(bottom), int(top)) if whole else st.floats(bottom, top, allow_nan=False)


def _strings(schema: dict[str, Any], root: Mapping[str, Any], depth: int) -> Strategy[str]:
    if "format" in schema or "pattern" in schema:
        made = instance_of(schema, root, depth)
        return st.just(made) | st.from_regex(schema["pattern"]) if "pattern" in schema else st.just(made)
    low = schema.get("minLength") or 0
    high = schema.get("maxLength")
    return st.text(
        st.characters(codec="utf-8"), min_size=low, max_size=min(high, low + 30) if high is not None else low + 30
    )


@st.composite
def nearly_valid(draw: Any, schema: Mapping[str, Any]) -> Any:
    """Arguments with one thing wrong: a member is missing, of another kind, or one too many."""
    value = draw(valid(schema, schema))
    if not isinstance(value, dict):
        return value
    how = draw(st.sampled_from(["missing", "other", "more", "whole"]))
    names = sorted(value)
    if how == "whole":
        return draw(st.one_of(ANYTHING, _NESTED))
    if how == "more" or not names:
        return {**value, draw(st.one_of(st.just("no_such_argument"), _TEXTS)): draw(ANYTHING)}
    name = draw(st.sampled_from(names))
    if how == "missing":
        return {key: item for key, item in value.items() if key != name}
    return {**value, name: draw(st.one_of(ANYTHING, _NESTED))}


def _styles() -> Strategy[tuple[int, ...]]:
    return st.lists(st.integers(0, len(_STYLES) - 1), min_size=1, max_size=3).map(tuple)


def request(method: Any, params: Any, number: int = 0, meta: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A request; `meta` is put into its params where the revision wants it in each."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": Ident(number), "method": method}
    if meta and (params is None or isinstance(params, dict)):
        params = {**(params or {}), "_meta": dict(meta)}
    if params is not None:
        message["params"] = params
    return message


@st.composite
def calls(draw: Any, tools: Sequence[Mapping[str, Any]], examples: Mapping[str, Any], meta: Any) -> Example:
    """A call of a tool, with arguments that its schema accepts or nearly accepts."""
    tool = draw(st.sampled_from(list(tools)))
    schema = tool["inputSchema"] if isinstance(tool.get("inputSchema"), dict) else {}
    forms = [valid(schema, schema), nearly_valid(schema)]
    if tool["name"] in examples:
        forms.append(st.just(dict(examples[tool["name"]])))
    arguments = draw(st.one_of(forms))
    params = {"name": tool["name"], "arguments": arguments}
    return Example((request("tools/call", params, 0, meta),), draw(_styles()))


_METHODS = (
    "ping",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/read",
    "resources/templates/list",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "server/discover",
    "does/not_exist",
)
_PARAMS: Mapping[str, Mapping[str, Any]] = {
    "tools/call": {"name": "no_such_tool_xyz", "arguments": {}},
    "resources/read": {"uri": "nowhere://does-not-exist"},
    "prompts/get": {"name": "no_such_prompt_xyz"},
    "completion/complete": {"ref": {"type": "ref/prompt", "name": "no_such"}, "argument": {"name": "a", "value": ""}},
}
_GARBAGE = st.one_of(
    st.binary(max_size=20).map(lambda data: data.replace(b"\n", b" ")),
    st.sampled_from(
        [b"{", b"[]", b"[1]", b"null", b'"', b"{}", b"NaN", b'{"jsonrpc": "2.0"', b"\xff", b"\xef\xbb\xbf1"]
    ),
)


@st.composite
def envelopes(draw: Any, meta: Any) -> Example:
    """A message that is nearly a request."""
    if draw(st.booleans()) and draw(st.booleans()):
        return Example((draw(_GARBAGE),))
    method = draw(st.sampled_from(_METHODS))
    message = request(method, dict(_PARAMS.get(method, {})), 0, meta)
    how = draw(st.sampled_from(["version", "id", "method", "params", "missing", "more", "answer", "member"]))
    if how == "version":
        message["jsonrpc"] = draw(st.one_of(st.sampled_from(["1.0", "2", 2, 2.0, None]), ANYTHING))
    elif how == "id":
        message["id"] = draw(st.one_of(st.none(), st.booleans(), st.just(1.5), st.just({}), st.just([1])))
    elif how == "method":
        # A method that there is would be one that may change something.
        message["method"] = draw(st.none() | st.integers() | st.just([]) | st.text(max_size=5).map("x/".__add__))
    elif how == "params":
        message["params"] = draw(ANYTHING.filter(lambda value: not _names_a_tool(value)))
    elif how == "missing":
        del message[draw(st.sampled_from(["jsonrpc", "id", "method"]))]
    elif how == "more":
        message[draw(st.sampled_from(["zzz", "Jsonrpc", "auth"]))] = draw(ANYTHING)
    elif how == "answer":
        message = {"jsonrpc": "2.0", "id": Ident(0), draw(st.sampled_from(["result", "error"])): draw(ANYTHING)}
    else:
        members = dict(message.get("params", {}))
        members[draw(st.sampled_from(["cursor", "_meta", "uri", "ref", "zzz"]))] = draw(ANYTHING)
        message["params"] = members
    return Example((message,), draw(_styles()))


def _names_a_tool(value: Any) -> bool:
    return isinstance(value, dict) and "name" in value


@st.composite
def _messages(draw: Any, most: int, meta: Any) -> tuple[Any, ...]:
    messages: list[Any] = []
    for number in range(draw(st.integers(1, most))):
        what = draw(st.sampled_from(["request", "request", "request", "cancel", "notify", "garbage"]))
        if what == "request":
            method = draw(st.sampled_from(_METHODS))
            messages.append(request(method, dict(_PARAMS.get(method, {})), number, meta))
        elif what == "cancel":
            target = Ident(draw(st.integers(0, number)))
            messages.append(_notification("notifications/cancelled", {"requestId": target, "reason": "fuzz"}))
        elif what == "notify":
            # Those of a revision with `initialize` would be of the other era where each request stands alone.
            named = [] if meta else ["notifications/initialized", "notifications/roots/list_changed"]
            messages.append(_notification(draw(st.sampled_from(["x/y", *named])), {}))
        else:
            messages.append(draw(_GARBAGE))
    return tuple(messages)


def _notification(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


@st.composite
def orders(draw: Any, meta: Any) -> Example:
    """Messages in some order, all sent at once."""
    return Example(draw(_messages(8, meta)), draw(_styles()))


@st.composite
def chunks(draw: Any, meta: Any) -> Example:
    """Messages whose bytes are written in pieces, cut anywhere."""
    cuts = draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=6))
    return Example(draw(_messages(3, meta)), draw(_styles()), tuple(cuts))
