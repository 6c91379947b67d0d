"""A client of the core, in memory: every message that comes back is encoded, decoded and checked as to its form."""

import json
from typing import Any

from connect_mcp.server import wire
from connect_mcp.server.core import Core
from connect_mcp.server.exchange import Call, Turn
from connect_mcp.server.notes import Note
from connect_mcp.server.offer import Offer, chosen
from connect_mcp.server.revisions import MODERN
from support import mcp_shapes

ABSENT = object()
NEWEST = MODERN[-1]
META = {"io.modelcontextprotocol/protocolVersion": NEWEST, "io.modelcontextprotocol/clientCapabilities": {}}


class Talk:
    """One conversation.

    Args:
        revision: negotiated by initialize, or named in each request where it is modern; None for neither yet.
        offer: what is offered; everything if None.
    """

    def __init__(self, revision: str | None = "2025-11-25", offer: Offer | None = None) -> None:
        self.core = Core(offer or Offer(chosen()))
        self.turn = Turn()
        self.revision = ""
        self._methods: dict[Any, tuple[str, str]] = {}
        if revision == NEWEST:
            assert "result" in self.say(request("server/discover", {"_meta": META}, ident="discover"))[0]
        elif revision is not None:
            [answer] = self.say(initialize(revision))
            assert answer["result"]["protocolVersion"] == revision
            assert self.say(request("notifications/initialized", ident=ABSENT)) == []

    def say(self, line: bytes) -> list[Any]:
        """Send one line; what comes back at once."""
        self._expect(line)
        self.turn = self.core.receive(line)
        return self._checked(self.turn.send)

    def ask(self, method: str, params: Any = ABSENT, ident: object = 1, **meta: object) -> list[Any]:
        """Send a request in the form of the revision; what comes back at once."""
        return self.say(self.line(method, params, ident, **meta))

    def line(self, method: str, params: Any = ABSENT, ident: object = 1, **meta: object) -> bytes:
        """A request in the form of the revision; `meta` is added to its `_meta`."""
        named = {**(META if self.revision == NEWEST else {}), **meta}
        if named:
            params = {**({} if params is ABSENT else params), "_meta": named}
        return request(method, params, ident)

    def finish(self, call: Call, result: dict[str, Any]) -> list[Any]:
        """Give a call its result; what comes back."""
        return self._checked(self.core.finish(call, result))

    def tell(self, call: Call, note: Note) -> list[Any]:
        """Let a call report; what comes back."""
        return self._checked(self.core.tell(call, note))

    def abandon(self) -> list[Any]:
        """End the connection; what comes back."""
        return self._checked(self.core.abandon().send)

    def _expect(self, line: bytes) -> None:
        """Remember what is asked under which id, and which revision its answer must have."""
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            return
        for message in said if isinstance(said, list) else [said]:
            if isinstance(message, dict) and mcp_shapes.is_id(message.get("id")) and "method" in message:
                modern = "io.modelcontextprotocol/" in repr(message.get("params")) or (
                    message["method"] in ("server/discover", "subscriptions/listen")
                )
                self._methods[message["id"]] = (str(message["method"]), NEWEST if modern else "")

    def _checked(self, messages: list[Any]) -> list[Any]:
        decoded = [json.loads(wire.encode(message)) for message in messages]
        for message in decoded:
            for part in message if isinstance(message, list) else [message]:
                self._check(part)
        return decoded

    def _check(self, message: Any) -> None:
        method, revision = self._methods.get(message.get("id"), (None, ""))
        if method == "initialize" and "result" in message:
            self.revision = message["result"]["protocolVersion"]
        if revision == NEWEST and not self.revision and "result" in message:
            self.revision = NEWEST
        if "method" in message:
            revision = NEWEST if "acknowledged" in message["method"] else ""
        check(message, revision or self.revision, method)


def check(message: Any, revision: str, method: str | None) -> None:
    """Fail on a message of the wrong form."""
    assert mcp_shapes.message_problem(message, revision, method) == ""


def initialize(revision: object) -> bytes:
    """The first request of the revisions that begin with it."""
    info = {"name": "k", "version": "1"}
    return request("initialize", {"protocolVersion": revision, "capabilities": {}, "clientInfo": info})


def request(method: object, params: object = ABSENT, ident: object = 1, **more: object) -> bytes:
    """A message as one line; what is ABSENT is left out."""
    message = {"jsonrpc": "2.0", "id": ident, "method": method, **more}
    if params is not ABSENT:
        message["params"] = params
    return json.dumps({key: value for key, value in message.items() if value is not ABSENT}).encode()


def gist(message: Any) -> Any:
    """The part of a message that tables speak of: id with code or result, or method and params."""
    if isinstance(message, list):
        return [gist(part) for part in message]
    if "method" in message:
        return {"method": message["method"], "params": message["params"]}
    told = {"id": message["id"]} if "id" in message else {}
    return {**told, "code": message["error"]["code"]} if "error" in message else {**told, "result": message["result"]}


def error(code: int, ident: object = ABSENT) -> dict[str, object]:
    """The gist of an error."""
    return {"code": code} if ident is ABSENT else {"id": ident, "code": code}
