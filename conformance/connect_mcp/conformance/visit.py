"""One visit of a host at a server: what the host would say, in its order, and what it would see.

The server is started with the environment that the host gives, asked what the host asks, and ended as the host ends it.
The kit waits longer than the host would, so that it can say how much too late an answer came.
"""

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from typing import Any, cast

from connect_mcp.base.errors import Refused
from connect_mcp.base.process import Child
from connect_mcp.base.record import field, record, replace

from .adapted import Adapted, Script
from .comparison import Matching
from .player import Inconclusive, Message, Peer, key_of
from .profiles import Profile
from .replay import Calls, Server, made_up
from .report import for_report
from .session import META_REVISION, Event, Json

_META = "io.modelcontextprotocol/"
_ORPHAN_PATIENCE = 10.0  # seconds for a server to end that its host leaves to itself
_STAY = 0.75  # seconds for which a host that leaves its servers to themselves is there at least, as far as seen
_HERE = Event(0, 0.0, "host")

HANDSHAKES = ("initialize", "server/discover")
"""The requests whose answers say who a server is."""


@record
class Seen:
    """What came of a visit.

    Attributes:
        failure: why the server cannot be used at all, safe to print; "" where it can.
        ready: seconds from the server's start to the answer with its tools; None where it never came.
        revision: what it answered the host's revision with.
        server_info: its `serverInfo`, as it gave it; empty where it gave none.
        tools: what it lists, as far as the host asks for it.
        has_more: whether there are pages that the host does not ask for.
        called: the name of the tool that was called; "" where none was.
        call_seconds: how long the call took.
        call_result: its answer.
        asked: the methods of what the server asked the host.
        strays: lines that are no JSON: before the first answer, and later ones.
        blanks: how many blank lines there were.
        faults: what breaks the protocol, safe to print.
        ends: whether the server ended when the host was done with it.
        end_seconds: how long that took; None where it did not.
        notes: what was left out, and why.
    """

    failure: str = ""
    ready: float | None = None
    revision: str = ""
    server_info: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[Mapping[str, Any], ...] = ()
    has_more: bool = False
    called: str = ""
    call_seconds: float = 0.0
    call_result: Mapping[str, Any] | None = None
    asked: tuple[str, ...] = ()
    strays: tuple[int, int] = (0, 0)
    blanks: int = 0
    faults: tuple[str, ...] = ()
    ends: bool = True
    end_seconds: float | None = None
    notes: tuple[str, ...] = ()


def visit(profile: Profile, server: Server, calls: Calls, *, timeout: float = 10.0, name: str = "server") -> Seen:
    """Visit a server as a host.

    Args:
        profile: the host.
        server: the server; a command is started with the environment given here.
        calls: which tools may be called.
        timeout: seconds to wait for each answer, whatever the host does.
        name: what the server is called in the host's config.
    """
    env = dict(server.env or {})
    matching = Matching(lambda placeholder: made_up(placeholder, env, os.getcwd()))
    try:
        with server.opened() as peer:
            guest = _Guest(peer, matching, timeout, profile, calls, name)
            try:
                guest.stay()
                failure = ""
            except Inconclusive as stopped:
                failure = stopped.reason
            guest.leave()
            return replace(guest.seen(), failure=failure)
    except Refused as refused:
        return Seen(failure=refused.what + (f" ({refused.why})" if refused.why else ""))


class _Guest(Adapted):
    """The host, while it is there."""

    fence_patience = 1.0  # no host asks whether a silent server still lives

    def __init__(
        self, peer: Peer, matching: Matching, timeout: float, profile: Profile, calls: Calls, name: str
    ) -> None:
        replies = {method: dict(reply or {}) for method, reply in profile.replies.items()}
        client = {key: _named(text, name) for key, text in profile.client.items()}
        meta: Message = {
            META_REVISION: "2026-07-28",
            _META + "clientInfo": cast("Json", client),
            _META + "clientCapabilities": dict(profile.capabilities),
        }
        script = Script(profile.first_id - 1, meta, True, replies, profile.follows_pages)
        super().__init__(peer, matching, timeout, script, calls)
        self._profile = profile
        self._client = client
        self._arrivals: dict[str, float] = {}
        self._seen = Seen()
        self._asked: list[str] = []
        self._stays_until = 0.0
        self._strays = [0, 0]
        self._blanks = 0

    def seen(self) -> Seen:
        """What it has seen."""
        faults = [difference.what for difference in self.differences]
        handshakes = [self.answered.get(method, {}).get("result") for method in HANDSHAKES]
        return replace(
            self._seen,
            server_info=next(filter(None, map(server_info, handshakes)), {}),
            tools=tuple(self.tools),
            asked=tuple(dict.fromkeys(self._asked)),
            strays=(self._strays[0], self._strays[1]),
            blanks=self._blanks,
            faults=tuple(faults),
            notes=tuple(self.notes),
        )

    def stay(self) -> None:
        """The handshake, the lists, and a call.

        Raises:
            Inconclusive: where the server dies or falls silent.
        """
        profile = self._profile
        if profile.probes:
            self._ask("server/discover", {"_meta": dict(self.script.meta)})
        if not self.is_modern:
            params: Message = {
                "protocolVersion": profile.revision,
                "capabilities": dict(profile.capabilities),
                "clientInfo": cast("Json", self._client),
            }
            self._ask("initialize", params)
            result = self.answered.get("initialize", {}).get("result")
            if not isinstance(result, dict):
                raise Inconclusive("the server refused to initialize")
            self._seen = replace(self._seen, revision=str(result.get("protocolVersion")))
            self.say({"jsonrpc": "2.0", "method": "notifications/initialized"})
        else:
            self._seen = replace(self._seen, revision="2026-07-28")
        self._stays_until = time.monotonic() + _STAY
        begun = [self._begin(step["method"], step.get("params")) for step in profile.opening]
        listed = [key for key in begun if key and self.methods.get(key) == "tools/list"]
        for key in begun:
            if key and self.methods.get(key) != "subscriptions/listen":
                self.expect_answer(_HERE, key)
        self._note_tools(listed)
        self._call()

    def leave(self) -> None:
        """End the server as the host does."""
        if self._profile.leaves_orphan:
            self._linger()
        began = time.monotonic()
        code = self.peer.wait(0)
        for what, after in self._profile.shutdown:
            if isinstance(self.peer, Child):
                code = self.peer.wait(max(0.0, began + after - time.monotonic()))
            if code is not None:
                break
            if what == "eof":
                self.peer.close_stdin()
            else:
                self.peer.signal(getattr(signal, what))
        if code is None and isinstance(self.peer, Child):
            code = self.peer.wait(_ORPHAN_PATIENCE)
        seconds = time.monotonic() - began if code is not None else None
        # A server at a URL is nobody's to end: other clients have it as well.
        ends = code is not None or not isinstance(self.peer, Child)
        self._seen = replace(self._seen, ends=ends, end_seconds=seconds)
        self.closed = True
        self.peer.close_stdin()
        if isinstance(self.peer, Child):
            self.peer.stop(after_eof=0.0, after_term=1.0)  # its input ended long ago
        try:
            self.drain()
        except Inconclusive:
            return  # a flood, of which enough was seen

    def _linger(self) -> None:
        """Be there as long as the host is: a server that asks something meanwhile, and is answered, ends as usual."""
        with contextlib.suppress(Inconclusive):
            while (left := self._stays_until - time.monotonic()) > 0 and not self.gone():
                line = self.peer.read_line(min(left, 0.1))
                if line is not None:
                    self.arrived(line)

    def arrived(self, line: bytes) -> None:
        """A line came; when it came counts."""
        before = len(self.inbox.strays)
        if not line.strip():
            self._blanks += 1
        super().arrived(line)
        if len(self.inbox.strays) > before:
            self._strays[1 if self._arrivals else 0] += 1
        for message in self.inbox.messages:
            self._arrivals.setdefault(key_of(message.get("id")), time.monotonic() - self.peer.started)

    def reply(self, message: Message) -> None:
        """Answer a request of the server as this host does, or never."""
        self._asked.append(str(message["method"]))
        super().reply(message)

    def _ask(self, method: str, params: Message) -> None:
        key = self._begin(method, params)
        if key:
            self.expect_answer(_HERE, key)

    def _begin(self, method: str, params: Mapping[str, Any] | None) -> str:
        """Send a request with the host's next id; the id as JSON text, or "" where the host leaves it out."""
        message: Message = {"jsonrpc": "2.0", "method": method, "id": self.next_id()}
        if params is not None:
            message["params"] = dict(params)
        adapted = None if self.why_not(message, method) else self.adapted(message, method)
        if adapted is None:
            self.last_id -= 1
            return ""
        self.say(adapted)
        return key_of(message["id"])

    def _note_tools(self, keys: list[str]) -> None:
        result = self.answered.get("tools/list", {}).get("result")
        if not keys or not isinstance(result, dict):
            return
        ready = max((self._arrivals[key] for key in keys if key in self._arrivals), default=None)
        has_more = "nextCursor" in result and not self._profile.follows_pages
        self._seen = replace(self._seen, ready=ready, has_more=has_more)

    def _call(self) -> None:
        identity = self.last_id + 1
        params = {key: _filled(value, identity) for key, value in self._profile.call.items()}
        began = time.monotonic()
        key = self._begin("tools/call", params)
        if not key:
            return
        self.expect_answer(_HERE, key)
        answer = self.answered.get("tools/call")
        self._seen = replace(
            self._seen,
            called=for_report(self.called),
            call_seconds=time.monotonic() - began,
            call_result=answer,
        )
        if self._profile.after_call is not None:
            note = cast("Message", _filled(dict(self._profile.after_call), identity))
            self.say({"jsonrpc": "2.0", **note})


def server_info(result: Any) -> Mapping[str, Any]:
    """What a server says of itself in the result of `initialize`, or in one of the modern revision."""
    if not isinstance(result, dict):
        return {}
    meta = result.get("_meta")
    found = result.get("serverInfo") or (meta.get(_META + "serverInfo") if isinstance(meta, dict) else None)
    return found if isinstance(found, dict) else {}


def _named(value: Json, name: str) -> Json:
    return value.replace("{server}", name) if isinstance(value, str) else value


def _filled(value: Any, identity: int) -> Json:
    if isinstance(value, dict):
        return {key: _filled(item, identity) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, identity) for item in value]
    return identity if value == "$id" else cast("Json", value)
