"""Bytes to messages and back: the kit's own wire code, shared with no server.

A line is looked at structurally before anything else, since the schemas alone accept too much: a request whose id is
null validates as a notification, and a message with both a result and an error validates as well.
"""

import json
from collections.abc import Iterator
from typing import Any, Literal

from connect_mcp.base.record import record

Kind = Literal["request", "notification", "result", "error", "batch", "none"]

LONGEST = 16 << 20
"""Bytes of a line that are kept; a longer one is no message to us."""


@record
class Seen:
    """One line from a subject.

    Attributes:
        t: when it came, in seconds since the subject was started.
        value: its JSON value; None where it has none.
        kind: what sort of message it is; `none` for none.
        problem: why it is no valid message; empty where it is one.
        notes: what else is odd about its JSON: member names that occur twice, text that is no Unicode.
        cut_off: whether it is the beginning of a JSON object or array that goes on in the next line.
        size: of the line, in bytes.
    """

    t: float
    value: Any
    kind: Kind
    problem: str = ""
    notes: tuple[str, ...] = ()
    cut_off: bool = False
    size: int = 0

    @property
    def id(self) -> Any:
        """The message's id; None where it has none."""
        return self.value.get("id") if isinstance(self.value, dict) else None

    @property
    def method(self) -> str:
        """The message's method; empty where it has none."""
        method = self.value.get("method") if isinstance(self.value, dict) else None
        return method if isinstance(method, str) else ""

    @property
    def params(self) -> dict[str, Any]:
        """The message's params; empty where it has none."""
        params = self.value.get("params") if isinstance(self.value, dict) else None
        return params if isinstance(params, dict) else {}

    @property
    def meta(self) -> dict[str, Any]:
        """The `_meta` of its params; empty where it has none."""
        meta = self.params.get("_meta")
        return meta if isinstance(meta, dict) else {}

    def messages(self) -> "Iterator[Seen]":
        """The message, or those of a batch."""
        if self.kind != "batch" or not self.value:
            yield self
            return
        for item in self.value:
            kind, problem = classified(item)
            yield Seen(self.t, item, kind, problem, size=self.size // len(self.value))


def encode(message: Any) -> bytes:
    """A message as one line without its line end."""
    try:
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can carry
        return json.dumps(message, separators=(",", ":")).encode()


def decode(line: bytes, t: float) -> Seen:
    """What a line is; a carriage return at its end is white space, as JSON has it."""
    if len(line) >= LONGEST:
        return Seen(t, None, "none", f"a line of {LONGEST >> 20} MiB or more")
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return Seen(t, None, "none", f"the bytes are not UTF-8 from byte {error.start} on")
    if text.startswith("\ufeff"):
        return Seen(t, None, "none", "the line begins with a byte order mark")
    notes: list[str] = []
    try:
        value = json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, notes), parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        return Seen(t, None, "none", _why_no_json(text, error), cut_off=_goes_on(text, error))
    if "\\u" in text and _has_lone_surrogate(value):
        notes.append("it holds half of a surrogate pair, which is no Unicode character")
    kind, problem = classified(value)
    return Seen(t, value, kind, problem, tuple(notes), size=len(line))


def classified(value: Any) -> tuple[Kind, str]:
    """What sort of message a JSON value is, and why it is no valid one (empty where it is)."""
    if isinstance(value, list):
        problems = [classified(item)[1] for item in value]
        if not value:
            return "batch", "an empty batch"
        return "batch", next((problem for problem in problems if problem), "")
    if not isinstance(value, dict):
        return "none", "the JSON value is no object"
    if "method" in value:
        return ("request" if "id" in value else "notification"), _call_problem(value)
    if "result" in value or "error" in value:
        return ("error" if "error" in value else "result"), _answer_problem(value)
    return "none", "it has none of method, result and error"


def is_id(value: Any) -> bool:
    """Whether a request may have this id."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def id_key(value: Any) -> str:
    """An id as a text that tells 7 from "7" and from 7.0."""
    return json.dumps(value)


def _call_problem(value: dict[str, Any]) -> str:
    if value.get("jsonrpc") != "2.0":
        return 'jsonrpc is not "2.0"'
    if not isinstance(value["method"], str):
        return "method is no string"
    if "result" in value or "error" in value:
        return "it is a call and an answer in one"
    if "id" in value and not is_id(value["id"]):
        return "the id of a request is a string or an integer"
    if "params" in value and not isinstance(value["params"], dict):
        return "params is no object"
    return ""


def _answer_problem(value: dict[str, Any]) -> str:
    if value.get("jsonrpc") != "2.0":
        return 'jsonrpc is not "2.0"'
    if "result" in value and "error" in value:
        return "it has both a result and an error"
    if "result" in value:
        if not is_id(value.get("id")):
            return "the id of a result is that of its request, a string or an integer"
        return "" if isinstance(value["result"], dict) else "result is no object"
    return _error_problem(value)


def _error_problem(value: dict[str, Any]) -> str:
    error = value["error"]
    # An error about an unreadable request has the id null in JSON-RPC and none in the newer schemas of MCP.
    if value.get("id") is not None and not is_id(value["id"]):
        return "the id of an error is that of its request, or null"
    if not isinstance(error, dict):
        return "error is no object"
    code = error.get("code")
    if not isinstance(code, int) or isinstance(code, bool):
        return "error.code is no integer"
    return "" if isinstance(error.get("message"), str) else "error.message is no string"


def _unique(pairs: list[tuple[str, Any]], notes: list[str]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        notes.append(f"an object has the member {json.dumps(twice)} more than once")
    return value


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _why_no_json(text: str, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply to be read"
    if not text.strip():
        return "a blank line"
    return f"it is no JSON value ({error.args[0] if error.args else error})"


def _goes_on(text: str, error: Exception) -> bool:
    """Whether a text that is no JSON is the beginning of an object or array: the parser failed at its very end."""
    begins = text.lstrip()[:1] in ("{", "[")
    return begins and isinstance(error, json.JSONDecodeError) and error.pos >= len(text.rstrip())


def _has_lone_surrogate(value: Any) -> bool:
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            try:
                item.encode()
            except UnicodeEncodeError:  # half of a pair is all that UTF-8 cannot carry
                return True
        elif isinstance(item, dict):
            rest += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            rest += item
    return False
