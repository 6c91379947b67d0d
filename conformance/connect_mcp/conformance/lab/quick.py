"""The channels by which four hosts lend a program their own MCP client: the real host, exact calls, and no model.

They are what the hosts' editor extensions and SDKs use; none is promised to stay as it is. All four run until their
standard input closes, and answer a request at a time.
"""

import contextlib
import json
import queue
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

from connect_mcp.base.errors import Refused
from connect_mcp.base.text import printable, shortened

from .evidence import Returned
from .model.dialect import content
from .model.naming import named
from .model.script import Call, Offered, Script, Seen

_LOOK_AGAIN = 0.1  # seconds until a host is asked again whether a server is there
_NOT_YET = ("pending", "starting", "connecting")
_MEND = "see whether its channel has changed"
_LONGEST = 64 << 20  # bytes of one message


class Unwilling(Exception):
    """What the host answered in place of a result: it, or the server behind it, could not or would not."""


class Gone(Exception):
    """The host ended, or said nothing for too long."""


class Channel(ABC):
    """A host that was started to be spoken to; `open` comes first.

    Args:
        process: the host, whose standard input and output are pipes.
        patience: seconds to wait for an answer.
        keep: where what it says is kept, too; None where it is not.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", patience: float = 120.0, keep: IO[bytes] | None = None):
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._in, self._out = process.stdin, process.stdout
        self._patience = patience
        self._keep = keep
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._last = 0
        self._listener = threading.Thread(target=self._listen, name="a host's channel", daemon=True)
        self._listener.start()

    @abstractmethod
    def open(self) -> None:
        """Do what comes before everything else.

        Raises:
            Unwilling: where the host refuses, as everything here that asks it.
            Gone: where it ends or falls silent, likewise.
        """

    @abstractmethod
    def tools(self, server: str) -> tuple[str, ...]:
        """The server's tools as the host lists them, when it is ready or was given up; none in that case."""

    @abstractmethod
    def call(self, server: str, tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The result of a call, as MCP has it."""

    def close(self) -> None:
        """Let the host end, and hear it out."""
        with contextlib.suppress(OSError):
            self._in.close()
        self._listener.join(self._patience)

    @abstractmethod
    def _messages(self) -> Iterator[bytes]:
        """What the host says, one after the other, until it ends."""

    @abstractmethod
    def _framed(self, message: bytes) -> bytes:
        """A message as it is put on the wire."""

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for message in self._messages():
                if self._keep is not None:
                    self._keep.write(message.strip() + b"\n")
                with contextlib.suppress(ValueError):
                    value = json.loads(message)
                    if isinstance(value, dict):
                        self._said.put(value)
        self._said.put(None)
        self._out.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._in.write(self._framed(json.dumps(message).encode()))
            self._in.flush()
        except (OSError, ValueError):
            raise Gone("the host ended") from None

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _heard(self) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + self._patience
        while True:
            try:
                value = self._said.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise Gone(f"the host did not answer within {self._patience:.0f} s") from None
            if value is None:
                self._said.put(None)
                raise Gone("the host ended before it answered")
            yield value

    def _rpc(self, method: str, params: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
        """A request of JSON-RPC; `more` goes into the message."""
        identity = self._next()
        self._send({**more, "id": identity, "method": method, "params": params})
        for message in self._heard():
            if message.get("id") == identity and "method" not in message:
                if "error" in message:
                    raise Unwilling(_text_of(message["error"]))
                return _object(message.get("result"))
        raise AssertionError  # what is heard ends with an exception


class _Lines(Channel):
    """One value a line."""

    def _messages(self) -> Iterator[bytes]:
        return iter(lambda: self._out.readline(_LONGEST), b"")

    def _framed(self, message: bytes) -> bytes:
        return message + b"\n"


class CodexAppServer(_Lines):
    """`codex app-server`, as seen with codex 0.169.0.

    A server is started once for the list, and once more for the thread that calls its tools.
    """

    def open(self) -> None:
        """Shake hands."""
        self.request("initialize", {"clientInfo": {"name": "connect-mcp", "version": "1"}})
        self._send({"method": "initialized"})

    def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The result of any request."""
        return self._rpc(method, params, {})

    def tools(self, server: str) -> tuple[str, ...]:
        """Their names, sorted."""
        status = self.request("mcpServerStatus/list", {})
        found = [one for one in status.get("data") or () if one.get("name") == server]
        return tuple(sorted(name for one in found for name in one.get("tools") or ()))

    def call(self, server: str, tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """In a thread of its own."""
        thread = self.request("thread/start", {})["thread"]["id"]
        call = {"threadId": thread, "server": server, "tool": tool, "arguments": arguments}
        return self.request("mcpServer/tool/call", call)


class ClaudeControl(_Lines):
    """Claude Code's control requests (`-p --input-format stream-json`), as seen with claude 2.1.197."""

    def open(self) -> None:
        """Shake hands."""
        self.request(subtype="initialize")

    def request(self, **request: Any) -> dict[str, Any]:
        """The answer to any control request."""
        identity = str(self._next())
        self._send({"type": "control_request", "request_id": identity, "request": request})
        for message in self._heard():
            response = _object(message.get("response"))
            if message.get("type") == "control_response" and response.get("request_id") == identity:
                if response.get("subtype") != "success":
                    raise Unwilling(str(response.get("error")))
                return _object(response.get("response"))
        raise AssertionError  # what is heard ends with an exception

    def server(self, name: str) -> dict[str, Any]:
        """The state of one server once it is no longer pending; empty where there is none of the name."""

        def states() -> list[dict[str, Any]]:
            found = self.request(subtype="mcp_status").get("mcpServers") or ()
            return [one for one in found if one.get("name") == name]

        return _settled(states, self._patience)

    def tools(self, server: str) -> tuple[str, ...]:
        """Their own names, in order."""
        return tuple(str(tool.get("name")) for tool in self.server(server).get("tools") or ())

    def call(self, server: str, tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """An isError result comes as a refusal."""
        return self.request(subtype="mcp_call", tool=f"mcp__{server}__{tool}", arguments=arguments)


class CopilotSdk(Channel):
    """`copilot --headless --stdio`, which its SDK speaks to, as seen with copilot 1.0.102.

    Calls are those that an app of the server may make, which wants `COPILOT_MCP_APPS` in its environment; and a model
    of one's own must be named there, which nothing is asked of, or it wants an account.
    """

    _session: Mapping[str, str]

    def open(self) -> None:
        """Begin a session, which starts the servers."""
        self.request("connect", {})
        session = self.request("session.create", {"requestMcpApps": True})
        self._session = {"sessionId": str(session.get("sessionId"))}

    def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The result of any request."""
        return self._rpc(method, params, {"jsonrpc": "2.0"})

    def tools(self, server: str) -> tuple[str, ...]:
        """Their own names, in order."""

        def states() -> list[dict[str, Any]]:
            found = self.request("session.mcp.list", self._session).get("servers") or ()
            return [one for one in found if one.get("name") == server]

        if _settled(states, self._patience).get("status") != "connected":
            return ()
        listed = self.request("session.mcp.listTools", {**self._session, "serverName": server})
        return tuple(str(tool.get("name")) for tool in listed.get("tools") or ())

    def call(self, server: str, tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """As an app of the server's."""
        call = {"serverName": server, "toolName": tool, "arguments": arguments, "originServerName": server}
        return self.request("session.mcp.apps.callTool", {**self._session, **call})

    def _messages(self) -> Iterator[bytes]:
        while head := self._out.readline(1000):
            length = 0
            while head.strip():
                name, _, value = head.partition(b":")
                if name.strip().lower() == b"content-length":
                    length = int(value)
                head = self._out.readline(1000)
            if not 0 < length <= _LONGEST:
                return
            yield self._out.read(length)

    def _framed(self, message: bytes) -> bytes:
        return b"Content-Length: %d\r\n\r\n%b" % (len(message), message)


class VSCodeExtension(_Lines):
    """An extension of ours in VS Code, behind `vscode/channel.cjs`, as seen with code-server 4.139.1 (VS Code 1.139.1).

    VS Code gives an extension the content of a result, without a mark where it is an error.
    """

    _names: tuple[str, ...] = ()

    def open(self) -> None:
        """Nothing: the extension waits for us."""

    def tools(self, server: str) -> tuple[str, ...]:
        """By the names that a model would see; there is no other server."""
        self._names = tuple(self._rpc("tools", {}, {}).get("tools") or ())
        return self._names

    def call(self, server: str, tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """As any extension may; VS Code asks a person first where the tool is not annotated as read-only."""
        found = named(server)(tool, [Offered(name, None, "", None) for name in self._names])
        if found is None:
            raise Unwilling(f"VS Code has no tool that is plainly {tool!r}")
        return self._rpc("call", {"name": found.name, "arguments": arguments}, {})


def converse(
    kind: type[Channel],
    process: "subprocess.Popen[bytes]",
    keep: IO[bytes],
    server: str,
    script: Script,
    patience: float = 120.0,
) -> Returned:
    """Have a host list a server's tools and make a script's calls, one after the other; then let it end.

    Args:
        kind: how it is spoken to.
        process: the host.
        keep: where what it says is kept.
        server: the name of the server's entry.
        script: the calls.
        patience: seconds to wait for an answer.

    Returns:
        What came back until the host was done, ended or fell silent.

    Raises:
        Refused: where the host does not even begin, or answers in another way than it did, which is not the server's
            doing.
    """
    channel = _opened(kind, process, patience, keep)
    tools: tuple[str, ...] = ()
    results: list[Seen] = []
    try:
        tools = channel.tools(server)
        for call in (call for step in script.steps for call in step):
            results.append(_result(channel, server, call))
    except Gone:
        pass
    except (Unwilling, LookupError, TypeError, AttributeError) as error:  # only a call may be refused
        why = shortened(printable(f"{type(error).__name__}: {error}"), 300)
        raise Refused("the host answers otherwise than it did", why=why, mend=_MEND) from None
    finally:
        channel.close()
    return Returned(tools, tuple(results))


def _opened(kind: type[Channel], process: "subprocess.Popen[bytes]", patience: float, keep: IO[bytes]) -> Channel:
    channel = kind(process, patience, keep)
    try:
        channel.open()
    except (Unwilling, Gone) as error:
        channel.close()
        why = shortened(printable(str(error)), 300)
        raise Refused("the host cannot be spoken with", why=why, mend=_MEND) from None
    return channel


def _result(channel: Channel, server: str, call: Call) -> Seen:
    try:
        result = channel.call(server, call.tool, call.arguments)
    except Unwilling as error:
        return Seen(call.tool, str(error), True)
    return Seen(call.tool, content(result.get("content")), result.get("isError") is True)


def _settled(states: Callable[[], Sequence[dict[str, Any]]], patience: float) -> dict[str, Any]:
    """The state of a server as soon as it is there or was given up; empty where the host knows of none."""
    end = time.monotonic() + patience
    while found := states():
        if found[0].get("status") not in _NOT_YET or time.monotonic() > end:
            return found[0]
        time.sleep(_LOOK_AGAIN)
    return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text_of(error: Any) -> str:
    return str(_object(error).get("message") or error)
