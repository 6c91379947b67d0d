"""Start an MCP server the way a host does, ask what tools it has, and end it again.

Speaks the `initialize` era of the protocol, which every host in use today starts with.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence

from .errors import Refused
from .masking import masked, telling_values
from .process import Child
from .record import record, replace
from .secrets import known_values
from .text import printable, shortened
from .version import __version__

_PAGES = 100  # more than any real server has; fewer than an endless chain of cursors
_STRAY_LINES, _STRAY_WIDTH = 20, 200
_AT_EOF = 2.0  # how long hosts wait for a server after they closed its input, at most, in seconds (cline, qwen: 2 s)
_SLICE = 0.25  # how often to look whether a server that holds its output open has ended, in seconds

_CHOICES = frozenset({"oneOf", "anyOf", "allOf"})
_ANSWERS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "roots/list": ("roots", {"roots": []}),
    "elicitation/create": ("elicitation", {"action": "cancel"}),
}
"""What a server may ask of a client with a capability, and the answer where nobody is there."""


@record
class Ready:
    """What a server said of itself.

    Attributes:
        tools: the names of its tools in its order, safe to print.
        seconds: from starting the process to the last page of the tool list.
        server_info: `serverInfo` as the server gave it: not safe to print.
        revision: the protocol revision that it answered with, safe to print.
        stray: the first lines on its standard output that are no MCP messages, safe to print, secrets masked; some
            hosts drop a server over one.
        strays_late: whether such a line, or a blank one, came after its first answer.
        first_page: how many of the tools are on the first page of its list; some hosts read no further.
        choices: those of its tools whose input schema is a choice at its top (oneOf, anyOf, allOf), safe to print; some
            hosts drop them.
        lingers: whether it went on when its input was closed; some hosts then leave it running.
    """

    tools: tuple[str, ...]
    seconds: float
    server_info: Mapping[str, object]
    revision: str
    stray: tuple[str, ...]
    strays_late: bool
    first_page: int
    choices: tuple[str, ...] = ()
    lingers: bool = False


def handshake(
    argv: Sequence[str],
    env: Mapping[str, str] | None,
    cwd: str | os.PathLike[str] | None,
    *,
    revision: str = "2025-11-25",
    client_name: str = "connect-mcp",
    timeout: float = 30.0,
    secrets: Iterable[str] = (),
    capabilities: Mapping[str, object] | None = None,
) -> Ready:
    """Start `argv`, do `initialize`, `notifications/initialized` and `tools/list` (every page), and close its input.

    Args:
        argv: the server's command.
        env: its whole environment; None passes ours on.
        cwd: its working folder; None for ours.
        revision: the protocol revision to ask for.
        client_name: the client to present; some servers answer by it.
        timeout: seconds for the exchange as a whole; ending the process is bounded by itself.
        secrets: further values that must not be shown, beside those of telling variables in `env`.
        capabilities: what the client says that it can do; a person is never asked, and there are no roots.

    Raises:
        Refused: where the server cannot be started, ends, does not answer in time, answers an error, or answers what no
            client can use; `why` has the last lines that it wrote. Secrets are masked.
    """
    with Child(argv, env=env, cwd=cwd) as child:
        telling = telling_values(os.environ if env is None else env)
        hidden = [*telling, *secrets, *known_values(argv)]
        exchange = _Exchange(child, argv[0], hidden, child.started + timeout, timeout)
        ready = exchange.ready(revision, client_name, capabilities)
        child.close_stdin()
        lingers = child.wait(_AT_EOF) is None
        if lingers:
            child.stop(after_eof=0)
        return replace(ready, lingers=lingers)


class Conversation:
    """One client's side of one handshake, over whatever carries it; see `_ask` and `_send`.

    Args:
        name: what the server is called in messages, safe to print.
        secrets: values to mask in what the server says.
        started: when the server was started or first asked (`time.monotonic`).
    """

    def __init__(self, name: str, secrets: Sequence[str], started: float) -> None:
        self._name = name
        self._secrets = secrets
        self._started = started
        self._stray: list[str] = []
        self._last_id = 0
        self._first_page = 0
        self._late = False
        self._capabilities: dict[str, object] = {}
        self._choices: list[str] = []

    def ready(self, revision: str, client_name: str, capabilities: Mapping[str, object] | None = None) -> Ready:
        """Do the handshake, and ask for the tools.

        Args:
            revision: the protocol revision to ask for.
            client_name: the client to present.
            capabilities: what the client says that it can do.

        Raises:
            Refused: where the server does not answer, or answers what no client can use.
        """
        client = {"name": client_name, "version": __version__}
        self._capabilities = dict(capabilities or {})
        said: dict[str, object] = {"capabilities": self._capabilities, "clientInfo": client}
        answer = self._ask("initialize", {"protocolVersion": revision, **said})
        agreed, info, offered = (answer.get(key) for key in ("protocolVersion", "serverInfo", "capabilities"))
        if not isinstance(agreed, str) or not isinstance(info, dict) or not isinstance(offered, dict):
            raise self._refused("answered `initialize` without protocolVersion, serverInfo and capabilities", answer)
        self._agreed(agreed)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"}, "notifications/initialized")
        tools = self._tools() if "tools" in offered else ()
        seconds = time.monotonic() - self._started
        return Ready(
            tools,
            seconds,
            info,
            printable(agreed),
            tuple(self._stray),
            self._late,
            self._first_page,
            tuple(self._choices),
        )

    def _ask(self, method: str, params: dict[str, object]) -> dict[str, object]:
        """Send a request under the next id, and wait for its result."""
        raise NotImplementedError

    def _send(self, message: dict[str, object], what: str) -> None:
        """Send a message that nothing answers."""
        raise NotImplementedError

    def _agreed(self, revision: str) -> None:
        """Take note of the revision that the server answered with."""

    def _tools(self) -> tuple[str, ...]:
        names: list[str] = []
        cursors: list[str] = []
        for _ in range(_PAGES):
            answer = self._ask("tools/list", {"cursor": cursors[-1]} if cursors else {})
            names += self._names(answer)
            self._first_page = self._first_page or len(names)
            cursor = answer.get("nextCursor")
            if cursor is None:
                return tuple(names)
            if not isinstance(cursor, str) or cursor in cursors:
                raise self._refused("answered `tools/list` with a nextCursor that leads nowhere", cursor)
            cursors.append(cursor)
        raise self._refused(f"answered `tools/list` with more than {_PAGES} pages")

    def _names(self, answer: dict[str, object]) -> list[str]:
        tools = answer.get("tools")
        if not isinstance(tools, list):
            raise self._refused("answered `tools/list` without a list of tools", answer)
        names = []
        for tool in tools:
            name = tool.get("name") if isinstance(tool, dict) else None
            if not isinstance(name, str):
                raise self._refused("answered `tools/list` with a tool that has no name", tool)
            names.append(printable(name))
            schema = tool.get("inputSchema")
            if isinstance(schema, dict) and not _CHOICES.isdisjoint(schema):
                self._choices.append(names[-1])
        return names

    def _result(self, method: str, message: dict[str, object]) -> dict[str, object]:
        """The result in an answer."""
        if isinstance(error := message.get("error"), dict):
            raise self._refused(f"answered `{method}` with an error", error.get("message", error))
        if isinstance(result := message.get("result"), dict):
            return result
        raise self._refused(f"answered `{method}` with neither a result nor an error", message)

    def _reply(self, message: dict[str, object]) -> None:
        """Answer what the server asks of its client; a notification asks nothing."""
        if "id" not in message:
            return
        answer: dict[str, object] = {"jsonrpc": "2.0", "id": message["id"]}
        capability, result = _ANSWERS.get(str(message["method"]), ("", {}))
        if message["method"] == "ping" or capability in self._capabilities:
            answer["result"] = result
        else:
            answer["error"] = {"code": -32601, "message": "Method not found"}
        self._send(answer, "an answer")

    def _refused(self, what: str, evidence: object = None) -> Refused:
        return Refused(f"{self._name} {what}", why="\n".join(self._reasons(evidence)))

    def _reasons(self, evidence: object) -> list[str]:
        if evidence is None:
            return []
        text = evidence if isinstance(evidence, str) else json.dumps(evidence)
        return [f"it said: {self._safe(text, 300)}"]

    def _safe(self, text: str, width: int) -> str:
        # Cut first and leave room: a secret must be masked whole, and a flood must not be searched.
        return shortened(printable(masked(text[: width * 20], self._secrets)), width)


class _Exchange(Conversation):
    """The handshake with a child process."""

    def __init__(self, child: Child, program: str, secrets: list[str], deadline: float, timeout: float) -> None:
        super().__init__(f"`{printable(program)}`", secrets, child.started)
        self._child = child
        self._deadline = deadline
        self._timeout = timeout
        self._strays = 0

    def _ask(self, method: str, params: dict[str, object]) -> dict[str, object]:
        self._last_id += 1
        self._send({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}, method)
        while True:
            message = self._message(method)
            if "method" in message:
                self._reply(message)
            elif message.get("id") != self._last_id:
                self._note(json.dumps(message))
            else:
                return self._result(method, message)

    def _message(self, method: str) -> dict[str, object]:
        while True:
            line = self._line(method)
            with contextlib.suppress(ValueError, RecursionError):
                message = json.loads(line)
                if isinstance(message, dict) and message.get("jsonrpc") == "2.0":
                    return message
            self._note(line.decode("utf-8", "backslashreplace"))

    def _line(self, method: str) -> bytes:
        while (remaining := self._deadline - time.monotonic()) > 0:
            gone = self._child.wait(0) is not None
            line = self._child.read_line(min(_SLICE, remaining))
            if line is not None:
                return line
            if gone or self._child.ended:
                raise self._gone(method)
        raise self._refused(f"did not answer `{method}` within {self._timeout:g} s")

    def _send(self, message: dict[str, object], what: str) -> None:
        data = json.dumps(message).encode() + b"\n"
        if not self._child.send(data, max(self._deadline - time.monotonic(), 0)):
            if self._child.wait(_SLICE) is None:
                raise self._refused(f"did not read `{what}` within {self._timeout:g} s")
            raise self._gone(what)

    def _gone(self, method: str) -> Refused:
        code = self._child.wait(1.0)
        if code is None:
            return self._refused(f"closed its standard output before it answered `{method}`")
        self._child.wait_for_errors(_SLICE)
        ending = f"exited with code {code}" if code >= 0 else f"was ended by signal {-code}"
        return self._refused(f"{ending} before it answered `{method}`")

    def _note(self, line: str) -> None:
        self._strays += 1
        self._late = self._late or self._last_id > 1
        if line.strip() and len(self._stray) < _STRAY_LINES:
            self._stray.append(self._safe(line, _STRAY_WIDTH))

    def _reasons(self, evidence: object) -> list[str]:
        why = super()._reasons(evidence)
        if self._strays:
            count = "a line" if self._strays == 1 else f"{self._strays} lines"
            why.append(f"it wrote {count} on standard output that are not MCP: {'; '.join(self._stray[:3])}")
        if errors := self._child.stderr_tail(width=4000):  # masked whole, then cut
            why.append("its last lines on standard error:")
            why += [f"  {self._safe(line, 300)}" for line in errors]
        return why
