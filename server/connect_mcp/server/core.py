"""The protocol without I/O: one line of bytes in, messages and calls out.

A transport hands each line to `Core.receive`, sends what the `Turn` says, runs the calls that it starts and hands
their results to `Core.finish`. The core holds no thread, clock, file or log. It keeps JSON-RPC 2.0 and the revisions
of MCP that begin with `initialize`.

On the way to the first tools/list answer: the standard library only, and only what starts fast.
"""

from __future__ import annotations

from connect_mcp.server import wire
from connect_mcp.server.results import Failure, failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602

_UNKNOWN = object()
"""The id of a request whose id could not be read."""


class Revision:
    """What one revision of the specification does differently.

    Attributes:
        batches: a client may send an array of messages.
        null_id: an error about an unreadable request carries `"id": null`; later schemas want no id at all there.
    """

    __slots__ = ("batches", "name", "null_id")

    def __init__(self, name: str, *, batches: bool, null_id: bool) -> None:
        self.name = name
        self.batches = batches
        self.null_id = null_id


REVISIONS = {
    row.name: row
    for row in (
        Revision("2024-11-05", batches=False, null_id=True),
        Revision("2025-03-26", batches=True, null_id=True),
        Revision("2025-06-18", batches=False, null_id=True),
        Revision("2025-11-25", batches=False, null_id=False),
    )
}
NEWEST = "2025-11-25"

_UNNEGOTIATED = Revision("", batches=False, null_id=True)  # before initialize only JSON-RPC is in force


class Call:
    """One tools/call under way; two calls are never equal, whatever their ids."""

    __slots__ = ("arguments", "batch", "id", "name")

    def __init__(self, ident: str | float, name: str, arguments: dict[str, Any], batch: _Batch | None) -> None:
        self.id = ident
        self.name = name
        self.arguments = arguments
        self.batch = batch


class Turn:
    """What follows from a line: messages to send, calls to start, calls to stop."""

    __slots__ = ("send", "start", "stop")

    def __init__(self) -> None:
        self.send: list[Any] = []
        self.start: list[Call] = []
        self.stop: list[Call] = []


class _Batch:
    """The answers to a batch, held back until the last one is there."""

    __slots__ = ("answers", "open")

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.open = 1  # the reading of the batch itself


class _Rejected(Exception):
    """A request that is answered with a JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Core:
    """One conversation with one client.

    Args:
        tools: the tools as tools/list shows them.
        server: name, title and version, as initialize shows them.
    """

    def __init__(self, tools: list[dict[str, Any]], server: dict[str, str]) -> None:
        self._tools = tools
        self._names = {tool["name"] for tool in tools}
        self._server = server
        self._revision = _UNNEGOTIATED
        self._calls: set[Call] = set()
        self._methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "initialize": self._initialize,
            "ping": lambda _: {},
            "tools/list": self._list_tools,
        }

    @property
    def idle(self) -> bool:
        """Whether no call is under way."""
        return not self._calls

    def receive(self, line: bytes) -> Turn:
        """Take one line, with or without its line end; a blank one is nothing."""
        turn = Turn()
        if not line.strip(b" \t\r\n"):
            return turn
        try:
            message = wire.parse(line)
        except ValueError:
            turn.send.append(self._error(_UNKNOWN, PARSE_ERROR, "Parse error: not one JSON value in UTF-8"))
        except RecursionError:
            turn.send += self._too_deep(wire.outline(line))
        else:
            self._take(message, turn)
        return turn

    def reject_long(self, limit: int) -> dict[str, Any]:
        """The answer to a line of more than `limit` bytes, which was not kept."""
        return self._error(_UNKNOWN, INVALID_REQUEST, f"Invalid request: a message has at most {limit} bytes")

    def finish(self, call: Call, result: dict[str, Any]) -> list[Any]:
        """The messages to send now that `call` has its result: none if it was cancelled meanwhile."""
        if call not in self._calls:
            return []
        self._calls.remove(call)
        return _deliver(call.batch, _answer(call.id, result))

    def abandon(self) -> Turn:
        """Stop every call that is under way, and answer it: the client has closed the connection."""
        turn = Turn()
        cancelled = failure(
            Failure("CANCELLED", "The connection was closed before this call was done.", hint="Its outcome is unknown.")
        )
        for call in list(self._calls):
            turn.stop.append(call)
            turn.send += self.finish(call, cancelled)
        return turn

    def _take(self, message: Any, turn: Turn) -> None:
        if not isinstance(message, list):
            turn.send += _one_or_none(self._message(message, turn, None))
        elif not message:
            turn.send.append(self._error(_UNKNOWN, INVALID_REQUEST, "Invalid request: an empty batch"))
        elif not self._revision.batches:
            turn.send.append(self._error(_UNKNOWN, INVALID_REQUEST, "Invalid request: this revision has no batches"))
        else:
            batch = _Batch()
            for item in message:
                batch.answers += _one_or_none(self._message(item, turn, batch))
            turn.send += _deliver(batch, None)

    def _message(self, message: Any, turn: Turn, batch: _Batch | None) -> dict[str, Any] | None:
        """The answer to one message, if it is due and known already."""
        if not isinstance(message, dict):
            return self._error(_UNKNOWN, INVALID_REQUEST, "Invalid request: a message is an object")
        method = message.get("method")
        if "method" not in message and ("result" in message or "error" in message):
            return None  # an answer, though this server asks nothing
        if "id" not in message and isinstance(method, str):
            self._notified(message, turn)
            return None
        ident = message.get("id")
        if not _is_id(ident):
            ident = _UNKNOWN
        try:
            if ident is _UNKNOWN and "id" in message:
                raise _Rejected(INVALID_REQUEST, "Invalid request: id must be a string or an integer")
            return self._request(ident, method, message, turn, batch)
        except _Rejected as rejected:
            return self._error(ident, rejected.code, rejected.message)

    def _request(
        self, ident: Any, method: object, message: dict[str, Any], turn: Turn, batch: _Batch | None
    ) -> dict[str, Any] | None:
        if message.get("jsonrpc") != "2.0":
            raise _Rejected(INVALID_REQUEST, 'Invalid request: jsonrpc must be "2.0"')
        if not isinstance(method, str):
            raise _Rejected(INVALID_REQUEST, "Invalid request: method must be a string")
        params = message.get("params")
        if params is None:
            params = {}
        if not isinstance(params, dict):
            raise _Rejected(INVALID_PARAMS, "Invalid params: params must be an object")
        if method != "tools/call" and method not in self._methods:
            raise _Rejected(METHOD_NOT_FOUND, f"Method not found: {method[:100]}")
        if self._revision is _UNNEGOTIATED and method not in ("initialize", "ping"):
            raise _Rejected(INVALID_REQUEST, "Invalid request: initialize comes first")
        if method == "tools/call":
            self._start_call(ident, params, turn, batch)
            return None
        if method == "initialize" and batch is not None:
            raise _Rejected(INVALID_REQUEST, "Invalid request: initialize cannot be part of a batch")
        return _answer(ident, self._methods[method](params))

    def _notified(self, message: dict[str, Any], turn: Turn) -> None:
        """Act on a notification; one that is unknown or malformed is nothing, since none is ever answered."""
        params = message.get("params")
        if message.get("jsonrpc") != "2.0" or message["method"] != "notifications/cancelled":
            return
        ident = params.get("requestId") if isinstance(params, dict) else None
        if not _is_id(ident):
            return
        for call in [call for call in self._calls if _same_id(call.id, ident)]:
            self._calls.remove(call)
            turn.stop.append(call)
            turn.send += _deliver(call.batch, None)

    def _initialize(self, params: dict[str, Any]) -> dict[str, Any]:
        asked = params.get("protocolVersion")
        if not isinstance(asked, str):
            raise _Rejected(INVALID_PARAMS, "Invalid params: protocolVersion must be a string")
        for name in ("capabilities", "clientInfo"):
            if not isinstance(params.get(name, {}), dict):
                raise _Rejected(INVALID_PARAMS, f"Invalid params: {name} must be an object")
        self._revision = REVISIONS.get(asked, REVISIONS[NEWEST])
        return {"protocolVersion": self._revision.name, "capabilities": {"tools": {}}, "serverInfo": self._server}

    def _list_tools(self, params: dict[str, Any]) -> dict[str, Any]:
        if params.get("cursor") is not None:
            raise _Rejected(INVALID_PARAMS, "Invalid params: no such cursor, all tools are on one page")
        return {"tools": self._tools}

    def _start_call(self, ident: str | float, params: dict[str, Any], turn: Turn, batch: _Batch | None) -> None:
        name, arguments = params.get("name"), params.get("arguments")
        if not isinstance(name, str):
            raise _Rejected(INVALID_PARAMS, "Invalid params: name must be a string")
        if not isinstance(arguments, dict | None):
            raise _Rejected(INVALID_PARAMS, "Invalid params: arguments must be an object")
        if name not in self._names:
            raise _Rejected(INVALID_PARAMS, f"Unknown tool: {name[:100]}")
        call = Call(ident, name, arguments or {}, batch)
        if batch is not None:
            batch.open += 1
        self._calls.add(call)
        turn.start.append(call)

    def _too_deep(self, message: Any) -> list[Any]:
        """The answer to a message of which only the outline could be read: its id still counts."""
        if isinstance(message, dict) and ("id" not in message or "method" not in message):
            return []
        ident = message["id"] if isinstance(message, dict) and _is_id(message["id"]) else _UNKNOWN
        return [self._error(ident, INVALID_REQUEST, "Invalid request: nested too deeply")]

    def _error(self, ident: Any, code: int, message: str) -> dict[str, Any]:
        error = {"code": code, "message": message}
        if ident is not _UNKNOWN:
            return {"jsonrpc": "2.0", "id": ident, "error": error}
        if self._revision.null_id:
            return {"jsonrpc": "2.0", "id": None, "error": error}
        return {"jsonrpc": "2.0", "error": error}


def _answer(ident: Any, result: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": ident, "result": result}


def _one_or_none(answer: Any) -> list[Any]:
    return [] if answer is None else [answer]


def _deliver(batch: _Batch | None, answer: Any) -> list[Any]:
    """What can be sent once one part of a batch is done, or at once where there is no batch."""
    if batch is None:
        return _one_or_none(answer)
    batch.answers += _one_or_none(answer)
    batch.open -= 1
    return [batch.answers] if batch.open == 0 and batch.answers else []


def _is_id(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, str | int) or (isinstance(value, float) and value.is_integer())


def _same_id(one: str | float, other: Any) -> bool:
    return isinstance(one, str) == isinstance(other, str) and one == other
