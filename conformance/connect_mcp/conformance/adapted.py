"""Playing a recorded host at a server that it was not recorded with.

What makes the host what it is stays: its ids, its order, the revision and the capabilities that it names, its extra
calls, its way to end. What it asks for is this server's: tools that this server has, with arguments that their schemas
accept; lists only where the server offers them. Nothing is compared with the recording. Instead every message of the
server is held against the protocol, and every request of the host must be answered in a way that the host can use.
"""

import json
import time
from collections.abc import Mapping
from typing import cast

from connect_mcp.base.process import Child
from connect_mcp.base.record import field, record
from connect_mcp.base.text import printable

from .arguments import instance_of
from .comparison import Matching
from .player import FENCE, Inconclusive, Message, Peer, Player, about_answer, is_answer_to, key_of
from .replay import Calls
from .report import for_report
from .schemas import MODERN, REVISIONS, Conversation
from .session import META_REVISION, Event, Json, Session

_META = "io.modelcontextprotocol/"
_NEEDED = {"tools/": "tools", "prompts/": "prompts", "resources/": "resources", "completion/": "completions"}
_LISTS = {"tools/list": "tools", "prompts/list": "prompts", "resources/list": "resources"}
_MUST_WORK = frozenset({"initialize", "server/discover", *_LISTS, "resources/templates/list"})
_MODERN_ONLY = frozenset({"server/discover", "subscriptions/listen"})
_LEGACY_ONLY = frozenset({"initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"})
_MOST_FAULTS, _MOST_PAGES = 20, 100
_NEWEST_LEGACY = REVISIONS[-2]


@record
class Script:
    """What has to be known of a session before it is played.

    Attributes:
        highest_id: the highest integer among the host's ids.
        meta: the `_meta` with which the host says its revision, capabilities and name in each modern request.
        initializes: whether the host sends `initialize` in it.
        replies: what the host answered when it was asked, by the method, as members of a response.
        follows_pages: whether the host asks for the next page of a list; None where the session does not show it.
    """

    highest_id: int = 0
    meta: Mapping[str, Json] = field(default_factory=dict)
    initializes: bool = False
    replies: Mapping[str, Message] = field(default_factory=dict)
    follows_pages: bool | None = None

    @staticmethod
    def of(session: Session) -> "Script":
        """Read it from a session."""
        highest, initializes = 0, False
        meta: Mapping[str, Json] = {}
        asked: dict[str, str] = {}
        replies: dict[str, Message] = {}
        cursor, follows = False, False
        for event in session.events():
            message = event.msg
            if not isinstance(message, dict):
                continue
            method, identity = message.get("method"), message.get("id")
            result = message.get("result")
            if event.ev == "server":
                if isinstance(method, str) and "id" in message:
                    asked[key_of(identity)] = method
                cursor = cursor or (isinstance(result, dict) and "nextCursor" in result)
            elif isinstance(method, str):
                highest = max(highest, identity if isinstance(identity, int) else 0)
                initializes = initializes or method == "initialize"
                params = message.get("params")
                follows = follows or (isinstance(params, dict) and "cursor" in params)
                meta = meta or _modern_meta(params)
            elif (answered := asked.get(key_of(identity))) is not None:
                replies[answered] = {key: message[key] for key in ("result", "error") if key in message}
        return Script(highest, meta, initializes, replies, follows if cursor else None)


class Adapted(Player):
    """The host of a session, at any server.

    Args:
        peer, matching, timeout: as for any player.
        script: what is known of the session.
        calls: which tools may be called.

    Attributes:
        conversation: follows what is said.
        answered: what was answered, by method, the last of each.
        tools: what the server listed.
        called: the name of the tool that was called last.
    """

    def __init__(self, peer: Peer, matching: Matching, timeout: float, script: Script, calls: Calls) -> None:
        super().__init__(peer, matching, timeout)
        self.conversation = Conversation()
        self.answered: dict[str, Message] = {}
        self.tools: list[Message] = []
        self.called = ""
        self._next_tool = 0
        self.script = script
        self._calls = calls
        self._era = ""
        self._capabilities: Mapping[str, Json] = {}
        self._left_out: set[str] = set()
        self.last_id = script.highest_id
        self._faults: set[str] = set()

    @property
    def is_modern(self) -> bool:
        """Whether each request says its revision itself."""
        return self._era == "modern"

    def next_id(self) -> int:
        """An id that the host has not used."""
        self.last_id += 1
        return self.last_id

    # What is sent

    def send_event(self, event: Event) -> None:
        """Send what the host would send this server."""
        if event.raw is not None:
            self.send_raw(event.raw, event.end)
        elif isinstance(event.msg, dict) and isinstance(method := event.msg.get("method"), str):
            self._send(event, event.msg, method)
        elif isinstance(event.msg, list):
            self.conversation.sent(event.msg)
            self.send_message(event.msg, event.end)

    def _send(self, event: Event, message: Message, method: str) -> None:
        why = self.why_not(message, method)
        adapted = None if why else self.adapted(message, method)
        if adapted is None:
            if "id" in message:
                self._left_out.add(key_of(self.matching.filled_value(message["id"])))
            if why:
                self.note(why)
            return
        self.say(adapted, event.end)

    def say(self, message: Message, end: str = "\n") -> None:
        """Send a message, and follow it."""
        filled = cast("Message", self.matching.filled_value(message))
        self.note_request(filled, str(filled["method"]))
        self.conversation.sent(filled)
        self.send_message(message, end)

    def why_not(self, message: Message, method: str) -> str:
        """Why the host would not send this to this server; empty where it would, or where it goes without saying."""
        needed = next((name for prefix, name in _NEEDED.items() if method.startswith(prefix)), None)
        if needed and self._era and needed not in self._capabilities:
            return f"{printable(method)} was left out: the server does not offer {needed}"
        return ""

    def adapted(self, message: Message, method: str) -> Message | None:
        """The message for this server and its era; None where there is none."""
        if method == "notifications/cancelled" and self._is_about_nothing(message):
            return None
        if self._era == "modern" and (method in _LEGACY_ONLY or method == "notifications/initialized"):
            return None
        if self._era == "legacy" and method in _MODERN_ONLY:
            return None
        if method in ("tools/call", "prompts/get", "resources/read"):
            own = self._own(method)
            if own is None:
                return None
            params = message.get("params")
            meta = params.get("_meta") if isinstance(params, dict) else None
            message = {**message, "params": {**({"_meta": meta} if meta is not None else {}), **own}}
        return self._in_era(message)

    def _is_about_nothing(self, message: Message) -> bool:
        params = message.get("params")
        about = params.get("requestId") if isinstance(params, dict) else None
        return key_of(self.matching.filled_value(about)) in self._left_out

    def _in_era(self, message: Message) -> Message:
        """With the `_meta` of a modern request, or without it, as the server wants it."""
        params = message.get("params")
        given = params if isinstance(params, dict) else {}
        meta = given.get("_meta")
        members = dict(meta) if isinstance(meta, dict) else {}
        if self._era == "modern" and "id" in message and META_REVISION not in members:
            members = {**self.script.meta, **members}
        elif self._era == "legacy" and META_REVISION in members:
            members = {key: value for key, value in members.items() if not key.startswith(_META)}
        else:
            return message
        rest = {key: value for key, value in given.items() if key != "_meta"}
        changed: Message = {**({"_meta": members} if members else {}), **rest}
        without = {key: value for key, value in message.items() if key != "params"}
        return {**without, "params": changed} if changed or "params" in message else without

    def _own(self, method: str) -> Message | None:
        """Params that ask for something this server has."""
        if method == "tools/call":
            return self._own_call()
        kind = "prompts" if method == "prompts/get" else "resources"
        listed = self.answered.get(f"{kind}/list", {}).get("result")
        items = listed.get(kind) if isinstance(listed, dict) else None
        first = items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else None
        if first is None:
            self.note(f"{method} was left out: the server lists no {kind}")
            return None
        if kind == "resources":
            return {"uri": first.get("uri")}
        arguments = first.get("arguments")
        names = (
            [item.get("name") for item in arguments if isinstance(item, dict)] if isinstance(arguments, list) else []
        )
        return {"name": first.get("name"), "arguments": {str(name): "a" for name in names}}

    def _own_call(self) -> Message | None:
        why = "the server lists none"
        for tool in [*self.tools[self._next_tool :], *self.tools[: self._next_tool]]:
            arguments, why = self._arguments(tool)
            if arguments is not None:
                self.called = str(tool["name"])
                self._next_tool = self.tools.index(tool) + 1  # so that a session with many calls meets many tools
                return {"name": tool["name"], "arguments": arguments}
        self.note(f"tools/call was left out, since no tool may be called: {why}")
        return None

    def _arguments(self, tool: Message) -> tuple[Message | None, str]:
        from .arguments import accepts  # loads jsonschema, and only some sessions call a tool

        name, schema, hints = tool.get("name"), tool.get("inputSchema"), tool.get("annotations")
        if isinstance(name, str) and name in self._calls.examples:
            return dict(self._calls.examples[name]), ""
        is_read_only = isinstance(hints, dict) and hints.get("readOnlyHint") is True
        if not is_read_only and not self._calls.any_tool:
            return None, "none is annotated as read-only (--call-tools calls any)"
        if not isinstance(name, str) or not isinstance(schema, dict):
            return None, "none has a name and a schema"
        made = instance_of(schema, schema, 0)
        if not isinstance(made, dict) or not accepts(schema, made):
            return None, "no arguments could be made from their schemas (--example gives some)"
        return made, ""

    # What comes

    def expect(self, event: Event) -> None:
        """Wait for the answers that the host waited for."""
        message = event.msg
        for one in message if isinstance(message, list) else [message]:
            if isinstance(one, dict) and "method" not in one and "id" in one:
                self.expect_answer(event, key_of(self.matching.filled_value(one["id"])))

    def expect_answer(self, event: Event, key: str) -> None:
        """Wait for the answer to the request of this id, and use it as the host does."""
        if key in self._left_out or key not in self.methods:
            return
        method = self.methods[key]
        if method == "server/discover":
            got = self._probed(key)
        else:
            got = self.awaited(event, about_answer(method, key), is_answer_to(key))
        if got is not None:
            self.answers += 1
            self.methods.pop(key, None)
            self.answered[method] = got
            self._use(event, method, got)
        if method == "server/discover":
            self._settle(event, got)

    def _probed(self, key: str) -> Message | None:
        """The answer to `server/discover`, which an older server may leave unanswered."""
        deadline = time.monotonic() + self.timeout
        while (got := self.inbox.claim(is_answer_to(key))) is None:
            if time.monotonic() >= deadline:
                self.note(f"server/discover was not answered within {self.timeout:g} s")
                return None
            line = self.peer.read_line(min(0.25, max(deadline - time.monotonic(), 0)))
            if line is not None:
                self.arrived(line)
            elif self.gone():
                raise Inconclusive(f"the server {self.ending()} at server/discover, which hosts send to find its era")
        return got

    def _use(self, event: Event, method: str, got: Message) -> None:
        error, result = got.get("error"), got.get("result")
        if isinstance(error, dict):
            if method == "tools/call" or (method in _MUST_WORK and method != "server/discover"):
                said = for_report(json.dumps([error.get("code"), error.get("message")], ensure_ascii=False)[1:-1])
                self.differs(event.number, f"the answer to {method} is an error: {said}")
        elif isinstance(result, dict):
            if method == "initialize":
                self._era = "legacy"
                self._capabilities = _object(result.get("capabilities"))
            elif method in _LISTS:
                self._take_list(event, method, result)

    def _take_list(self, event: Event, method: str, result: Message) -> None:
        items = result.get(_LISTS[method])
        found = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        pages, seen = 1, set[str]()
        while "nextCursor" in result and self.script.follows_pages is not False and pages < _MOST_PAGES:
            cursor = json.dumps(result["nextCursor"])
            if cursor in seen:
                self.differs(event.number, f"{method} gives the same cursor again and again")
                break
            seen.add(cursor)
            pages += 1
            result = self._page(event, method, result["nextCursor"])
            more = result.get(_LISTS[method])
            found += [item for item in more if isinstance(item, dict)] if isinstance(more, list) else []
        if method == "tools/list":
            self.tools = found

    def _page(self, event: Event, method: str, cursor: Json) -> Message:
        identity = self.next_id()
        self.say(self._in_era({"jsonrpc": "2.0", "id": identity, "method": method, "params": {"cursor": cursor}}))
        key = key_of(identity)
        got = self.awaited(event, f"the next page of {method}", is_answer_to(key))
        self.methods.pop(key, None)
        if got is None:
            return {}
        self.answers += 1
        return _object(got.get("result"))

    def _settle(self, event: Event, got: Message | None) -> None:
        """After `server/discover`: the server is modern, or the host falls back to `initialize`."""
        result = _object(got.get("result")) if got else {}
        versions = result.get("supportedVersions")
        if isinstance(versions, list) and MODERN in versions:
            self._era = "modern"
            self._capabilities = _object(result.get("capabilities"))
        elif not self.script.initializes:
            self.note("the server has no server/discover: the host falls back to initialize")
            self._initialize(event)

    def _initialize(self, event: Event) -> None:
        meta = self.script.meta
        params: Message = {
            "protocolVersion": _NEWEST_LEGACY,
            "capabilities": meta.get(_META + "clientCapabilities", {}),
            "clientInfo": meta.get(_META + "clientInfo", {"name": "host", "version": "0"}),
        }
        identity = self.next_id()
        self.say({"jsonrpc": "2.0", "id": identity, "method": "initialize", "params": params})
        self.expect_answer(event, key_of(identity))
        self.say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def arrived(self, line: bytes) -> None:
        """A line came: it is judged, and answered where it asks for something."""
        value = self.inbox.add(line)
        if value is None:
            return
        self._judge(value)
        for message in value if isinstance(value, list) else [value]:
            if isinstance(message, dict) and "method" in message:
                self.inbox.messages.remove(message)
                if "id" in message:
                    self.reply(message)

    def _judge(self, value: Json) -> None:
        message = value if isinstance(value, dict) else {}
        for fault in self.conversation.received(value):
            method = self.methods.get(key_of(message.get("id"))) if "method" not in message else message["method"]
            about = f"{method}: " if isinstance(method, str) else ""
            text = printable(f"{about}{fault}")
            if fault.rule == "method" and "id" not in message:
                self.note(f"{text}; hosts skip what they do not know")
                continue
            if text not in self._faults and len(self._faults) < _MOST_FAULTS:
                self._faults.add(text)
                self.differs(None, f"not what {self.conversation.revision or 'JSON-RPC'} has: {text}")

    def reply(self, message: Message) -> None:
        """Answer what the server asks, as the host did; a host that was never asked answers a ping and no more."""
        method = str(message["method"])
        usual: Message = {"error": {"code": -32601, "message": "Method not found"}}
        replies: Mapping[str, Message] = {"ping": {"result": {}}, "*": usual, **self.script.replies}
        if self.closed:
            return  # nobody is there to answer any more
        if reply := replies.get(method, replies["*"]):  # an empty one: this host never answers
            self.send_message({"jsonrpc": "2.0", "id": message["id"], **reply})

    def end(self, exited: Event | None) -> None:
        """The server ends once its input did."""
        if isinstance(self.peer, Child):
            if self.peer.wait(self.end_patience) is None and not self.signalled:
                self.differs(None, f"the server still ran {self.end_patience:g} s after its input had ended")
            self.peer.stop(after_eof=0.0, after_term=1.0)  # its input ended long ago
        self.drain()
        self.judge_strays()

    def answers_a_ping(self) -> bool:
        """Whether the server still answers."""
        self.conversation.sent({"jsonrpc": "2.0", "id": FENCE, "method": "ping"})
        return super().answers_a_ping()

    def note(self, text: str) -> None:
        """Say once what was done otherwise than recorded."""
        if text not in self.notes:
            self.notes.append(text)


def _modern_meta(params: Json) -> Mapping[str, Json]:
    meta = params.get("_meta") if isinstance(params, dict) else None
    if not isinstance(meta, dict) or META_REVISION not in meta:
        return {}
    return {key: value for key, value in meta.items() if key.startswith(_META)}


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
