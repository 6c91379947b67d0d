"""The protocol without I/O: one message in, messages and calls out.

A transport hands each line to `Core.receive`, sends what the `Turn` says, runs the calls that it starts and hands
their results to `Core.finish`; what a call reports meanwhile goes through `Core.tell`. The core holds no thread, clock,
file or log. It keeps JSON-RPC 2.0 and all revisions of MCP, those that begin with `initialize` and those in which each
request says its revision itself; which one applies is decided message by message.

How a transport over HTTP drives it: one `Core` lives as long as what the client takes for one conversation. That is a
session for the revisions with initialize, and a single POST where the revision is modern; a core costs nothing to
make, and all cores share one `Offer`. For each POST:

- `turn = core.receive(body)`, on a core made with `spoken=REVISIONS[…]` where the header names the revision, so that
  even an unreadable body is answered in its form. The header must equal what the body's `_meta` says, which is the
  transport's to check, as are Origin, Host, the other headers and sessions.
- Nothing in `turn.send`, nothing in `turn.start` and not `core.listening`: a notification or an answer, so 202.
- An answer in `turn.send` and no more to come: its status follows from `error.code` (-32601 is 404 and -32022 is 400 in
  modern revisions), and it is sent as JSON or as one event.
- A call in `turn.start`: run it; what `tell` and `finish` return for it belongs to this POST's stream and to no other.
  As a single JSON answer only the last of it is sent, so `tell` is not asked.
- `core.listening`: the acknowledgement is the first event of a stream that stays open until the client goes.
- `turn.stop`: calls of the same session that the client cancelled. A client that closes a modern request's stream
  cancels it: stop the core's calls with `core.abandon()`, whose messages nobody reads.
- At shutdown the messages of `core.abandon()` end the open streams.

On the way to the first tools/list answer: the standard library only, and only what starts fast.
"""

from __future__ import annotations

from connect_mcp.server import wire
from connect_mcp.server.answers import answer, finished, not_found, notification, outcome
from connect_mcp.server.exchange import (
    ABSENT,
    INVALID_REQUEST,
    LEVEL,
    LEVELS,
    META,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    REVISION,
    Asked,
    Batch,
    Call,
    Rejected,
    Turn,
    deliver,
    invalid,
    is_id,
    modern_revision,
    named_level,
    one_or_none,
    same_id,
)
from connect_mcp.server.offer import SERVER
from connect_mcp.server.results import Failure, failure
from connect_mcp.server.revisions import INVALID_PARAMS, LEGACY, MODERN, NEWEST_LEGACY, NONE_YET, REVISIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol, TypeAlias

    from connect_mcp.server.offer import Offer
    from connect_mcp.server.revisions import Revision

    class Note(Protocol):
        """What a call reports while it runs.

        Attributes:
            level: one of `LEVELS`.
            text: one sentence without secrets.
            step: whether it is progress too.
        """

        level: str
        text: str
        step: bool

    Method: TypeAlias = "Callable[[Asked, dict[str, Any], Turn], dict[str, Any] | None]"

_FILTERS = {"toolsListChanged": bool, "promptsListChanged": bool, "resourcesListChanged": bool}
"""What may be listened to, besides resources, and the type of each choice."""


MOST_CALLS = 2000
"""How many calls may run or wait for their turn: each holds memory, and is answered when the client goes."""

_TOO_MANY = failure(
    Failure(
        "RATE_LIMITED",
        f"{MOST_CALLS} calls wait already.",
        retryable=True,
        hint="Nothing was sent. Call again when some of them are answered.",
    )
)


class Core:
    """One conversation with one client.

    Args:
        offer: what the server offers.
        spoken: the revision in force before the client names one in a message.
    """

    def __init__(self, offer: Offer, spoken: Revision = NONE_YET) -> None:
        self._offer = offer
        self._session = NONE_YET if spoken.modern else spoken
        self._spoken = spoken
        self._level: str | None = None
        self._calls: set[Call] = set()
        self._subscriptions: list[Asked] = []
        shared = self._shared_methods()
        self._legacy: dict[str, Method] = {
            **shared,
            "initialize": self._initialize,
            "ping": lambda _asked, _params, _turn: {},
            "logging/setLevel": self._set_level,
        }
        self._modern: dict[str, Method] = {
            **shared,
            "server/discover": self._discover,
            "subscriptions/listen": self._listen,
        }

    def _shared_methods(self) -> dict[str, Method]:
        """The methods that all revisions have, so far as there is something to offer."""
        offer = self._offer
        methods: dict[str, Method] = {
            "tools/list": _listing("tools", offer.listed_tools),
            "tools/call": self._call_tool,
        }
        if "resources" in offer.capabilities:
            methods["resources/list"] = _listing("resources", offer.listed_resources)
            methods["resources/templates/list"] = _listing("resourceTemplates", offer.listed_templates)
            methods["resources/read"] = self._read_resource
        if "prompts" in offer.capabilities:
            methods["prompts/list"] = _listing("prompts", offer.listed_prompts)
            methods["prompts/get"] = self._get_prompt
        return methods

    @property
    def idle(self) -> bool:
        """Whether no call is under way."""
        return not self._calls

    @property
    def listening(self) -> bool:
        """Whether the client waits for notifications of changes."""
        return bool(self._subscriptions)

    def receive(self, line: bytes) -> Turn:
        """Take one line, with or without its line end; a blank one is nothing."""
        turn = Turn()
        if not line.strip(b" \t\r\n"):
            return turn
        try:
            message = wire.parse(line)
        except ValueError:
            turn.send.append(self._unreadable(PARSE_ERROR, "Parse error: not one JSON value in UTF-8"))
        except RecursionError:
            turn.send += self._too_deep(wire.outline(line))
        else:
            self._take(message, turn)
        return turn

    def reject_long(self, limit: int) -> dict[str, Any]:
        """The answer to a line of more than `limit` bytes, which was not kept."""
        return self._unreadable(INVALID_REQUEST, f"Invalid request: a message has at most {limit} bytes")

    def tell(self, call: Call, note: Note) -> list[Any]:
        """The messages to send about what `call` reports: none if the client does not want it, or the call is over."""
        if call not in self._calls:
            return []
        messages = self._logged(call, note.level, {"tool": call.name, "message": note.text})
        if note.step and call.asked.token is not ABSENT:
            call.steps += 1
            about = {"progressToken": call.asked.token, "progress": call.steps, "message": note.text}
            messages.append(notification("notifications/progress", call.asked.revision.shaped("progress", about)))
        return messages

    def finish(self, call: Call, result: dict[str, Any]) -> list[Any]:
        """The messages to send now that `call` has its result: none if it was cancelled meanwhile."""
        if call not in self._calls:
            return []
        logged = self._logged(call, *outcome(call, result))
        self._calls.remove(call)
        return [*logged, *deliver(call.asked.batch, finished(call, result))]

    def abandon(self) -> Turn:
        """Stop every call that is under way, and answer it, and end the subscriptions: the connection ends."""
        turn = Turn()
        cancelled = failure(
            Failure("CANCELLED", "The connection was closed before this call was done.", hint="Its outcome is unknown.")
        )
        for call in list(self._calls):
            turn.stop.append(call)
            turn.send += self.finish(call, cancelled)
        for asked in self._subscriptions:
            turn.send.append(answer(asked, {"_meta": {META + "subscriptionId": asked.id}}))
        self._subscriptions = []
        return turn

    def _take(self, message: Any, turn: Turn) -> None:
        if not isinstance(message, list):
            turn.send += one_or_none(self._message(message, turn, None))
        elif not message:
            turn.send.append(self._unreadable(INVALID_REQUEST, "Invalid request: an empty batch"))
        elif not self._session.batches:
            turn.send.append(self._unreadable(INVALID_REQUEST, "Invalid request: this revision has no batches"))
        else:
            batch = Batch()
            for item in message:
                batch.answers += one_or_none(self._message(item, turn, batch))
            turn.send += deliver(batch, None)

    def _message(self, message: Any, turn: Turn, batch: Batch | None) -> dict[str, Any] | None:
        """The answer to one message, if it is due and known already."""
        if not isinstance(message, dict):
            return self._unreadable(INVALID_REQUEST, "Invalid request: a message is an object")
        method = message.get("method")
        if "method" not in message and ("result" in message or "error" in message):
            return None  # an answer, though this server asks nothing
        if "id" not in message and isinstance(method, str):
            self._notified(message, turn)
            return None
        if not is_id(message.get("id")):
            return self._unreadable(INVALID_REQUEST, "Invalid request: id must be a string or an integer")
        try:
            return self._request(message, turn, batch)
        except Rejected as rejected:
            return {"jsonrpc": "2.0", "id": message["id"], "error": rejected.error}

    def _request(self, message: dict[str, Any], turn: Turn, batch: Batch | None) -> dict[str, Any] | None:
        method, params = message.get("method"), message.get("params")
        if message.get("jsonrpc") != "2.0":
            raise Rejected(INVALID_REQUEST, 'Invalid request: jsonrpc must be "2.0"')
        if not isinstance(method, str):
            raise Rejected(INVALID_REQUEST, "Invalid request: method must be a string")
        if params is None:
            params = {}
        if not isinstance(params, dict):
            raise invalid("params must be an object")
        meta = params.get("_meta")
        if meta is None:
            meta = {}
        if not isinstance(meta, dict):
            raise invalid("_meta must be an object")
        asked = self._asked(message["id"], method, meta, batch)
        methods = self._modern if asked.revision.modern else self._legacy
        if method not in methods:
            raise Rejected(METHOD_NOT_FOUND, f"Method not found: {method[:100]}")
        result = methods[method](asked, params, turn)
        return None if result is None else answer(asked, result)

    def _asked(self, ident: Any, method: str, meta: dict[str, Any], batch: Batch | None) -> Asked:
        """The request with the revision that is in force for it."""
        if REVISION in meta or (method in self._modern and method not in self._legacy):
            if batch is not None:
                raise Rejected(INVALID_REQUEST, f"Invalid request: no batches in {', '.join(MODERN)}")
            self._spoken = modern_revision(meta)
            level = named_level(meta[LEVEL]) if LEVEL in meta else None
            return Asked(ident, method, self._spoken, meta, level, batch)
        if self._session is NONE_YET and method in self._legacy and method not in ("initialize", "ping"):
            raise invalid(f"initialize comes first, or _meta must hold {REVISION}")
        if method == "initialize" and batch is not None:
            raise Rejected(INVALID_REQUEST, "Invalid request: initialize cannot be part of a batch")
        return Asked(ident, method, self._session, meta, None, batch)

    def _notified(self, message: dict[str, Any], turn: Turn) -> None:
        """Act on a notification; one that is unknown or malformed is nothing, since none is ever answered."""
        params = message.get("params")
        if message.get("jsonrpc") != "2.0" or message["method"] != "notifications/cancelled":
            return
        ident = params.get("requestId") if isinstance(params, dict) else None
        if not is_id(ident):
            return
        self._subscriptions = [asked for asked in self._subscriptions if not same_id(asked.id, ident)]
        for call in [call for call in self._calls if same_id(call.asked.id, ident)]:
            self._calls.remove(call)
            turn.stop.append(call)
            turn.send += deliver(call.asked.batch, None)

    def _initialize(self, _asked: Asked, params: dict[str, Any], _turn: Turn) -> dict[str, Any]:
        named = params.get("protocolVersion")
        if not isinstance(named, str):
            raise invalid("protocolVersion must be a string")
        for name in ("capabilities", "clientInfo"):
            if not isinstance(params.get(name, {}), dict):
                raise invalid(f"{name} must be an object")
        self._session = self._spoken = REVISIONS[named if named in LEGACY else NEWEST_LEGACY]
        self._level = None
        return {
            "protocolVersion": self._session.name,
            "capabilities": self._offer.capabilities,
            "serverInfo": self._session.shaped("server", SERVER),
            "instructions": self._offer.instructions,
        }

    def _discover(self, _asked: Asked, _params: dict[str, Any], _turn: Turn) -> dict[str, Any]:
        return {
            "supportedVersions": MODERN,
            "capabilities": self._offer.capabilities,
            "instructions": self._offer.instructions,
        }

    def _set_level(self, _asked: Asked, params: dict[str, Any], _turn: Turn) -> dict[str, Any]:
        self._level = named_level(params.get("level"))
        return {}

    def _listen(self, asked: Asked, params: dict[str, Any], turn: Turn) -> None:
        """Open a subscription. Nothing that is offered here ever changes, so that none of its types is honoured."""
        wanted = params.get("notifications")
        if not isinstance(wanted, dict):
            raise invalid("notifications must be an object")
        for name, kind in _FILTERS.items():
            if not isinstance(wanted.get(name, False), kind):
                raise invalid(f"{name} must be a boolean")
        uris = wanted.get("resourceSubscriptions", [])
        if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
            raise invalid("resourceSubscriptions must be a list of strings")
        self._subscriptions.append(asked)
        about = {"_meta": {META + "subscriptionId": asked.id}, "notifications": {}}
        turn.send.append(notification("notifications/subscriptions/acknowledged", about))

    def _call_tool(self, asked: Asked, params: dict[str, Any], turn: Turn) -> None:
        name, arguments = params.get("name"), params.get("arguments")
        if not isinstance(name, str):
            raise invalid("name must be a string")
        if not isinstance(arguments, dict | None):
            raise invalid("arguments must be an object")
        if name not in self._offer.tools:
            raise Rejected(INVALID_PARAMS, f"Unknown tool: {name[:100]}")
        self._begin(Call(asked, name, arguments or {}), turn)

    def _read_resource(self, asked: Asked, params: dict[str, Any], turn: Turn) -> None:
        uri = params.get("uri")
        if not isinstance(uri, str):
            raise invalid("uri must be a string")
        found = self._offer.resource(uri)
        if found is None:
            raise Rejected(**not_found(asked, uri, {}))
        self._begin(Call(asked, *found, uri), turn)

    def _get_prompt(self, asked: Asked, params: dict[str, Any], _turn: Turn) -> dict[str, Any]:
        name, arguments = params.get("name"), params.get("arguments")
        if not isinstance(name, str):
            raise invalid("name must be a string")
        if not isinstance(arguments, dict | None):
            raise invalid("arguments must be an object")
        if name not in self._offer.prompts:
            raise Rejected(INVALID_PARAMS, f"Unknown prompt: {name[:100]}")
        prompt = self._offer.prompts[name]
        try:
            text = prompt.told(arguments or {})
        except ValueError as error:
            raise invalid(str(error)) from None
        return {
            "description": prompt.description,
            "messages": [{"role": "user", "content": {"type": "text", "text": text}}],
        }

    def _begin(self, call: Call, turn: Turn) -> None:
        if call.asked.batch is not None:
            call.asked.batch.open += 1
        self._calls.add(call)
        if len(self._calls) > MOST_CALLS:
            turn.send += self.finish(call, _TOO_MANY)
        else:
            turn.start.append(call)

    def _logged(self, call: Call, level: str, data: dict[str, Any]) -> list[Any]:
        """What is logged about a call, if the client wants to be told that much."""
        wanted = call.asked.level if call.asked.revision.modern else self._level
        if wanted is None or LEVELS.index(level) < LEVELS.index(wanted):
            return []
        return [notification("notifications/message", {"level": level, "logger": "connect", "data": data})]

    def _too_deep(self, message: Any) -> list[Any]:
        """The answer to a message of which only the outline could be read: its id still counts."""
        told = "Invalid request: nested too deeply"
        if not isinstance(message, dict):
            return [self._unreadable(INVALID_REQUEST, told)]
        if "id" not in message or "method" not in message:
            return []
        if not is_id(message["id"]):
            return [self._unreadable(INVALID_REQUEST, told)]
        return [{"jsonrpc": "2.0", "id": message["id"], "error": {"code": INVALID_REQUEST, "message": told}}]

    def _unreadable(self, code: int, message: str) -> dict[str, Any]:
        """An error about a request whose id could not be read."""
        ident = {"id": None} if self._spoken.null_id else {}
        return {"jsonrpc": "2.0", **ident, "error": {"code": code, "message": message}}


def _listing(name: str, listed: Callable[[Revision], list[dict[str, Any]]]) -> Method:
    """A list method; everything is on one page, so that no cursor was ever given out."""

    def method(asked: Asked, params: dict[str, Any], _turn: Turn) -> dict[str, Any]:
        if params.get("cursor") is not None:
            raise invalid("there is no such cursor, everything is on one page")
        return {name: listed(asked.revision)}

    return method
