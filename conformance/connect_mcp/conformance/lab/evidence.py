"""What happened in one run of a host: what its server saw on the wire, what its model saw, and what was left behind."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connect_mcp.base.errors import Refused
from connect_mcp.base.record import record
from connect_mcp.conformance.session import Event, Json, Session

from ..visit import HANDSHAKES, server_info
from .model.script import Seen, Turn


@record
class Exchange:
    """A request of the host's, and what it was answered.

    Attributes:
        method, params: the request.
        asked: seconds after the server was started.
        answered: likewise; None where no answer came.
        result, error: the answer, one of them; both None where none came.
    """

    method: str
    params: Mapping[str, Json]
    asked: float
    answered: float | None = None
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None


@record
class Start:
    """One process of the server, as its recording shows it.

    Attributes:
        session: the recording.
        spawned: seconds after the host was started.
        exchanges: the host's requests, in order.
        told: the methods of its notifications, in order.
        stray: lines on standard output that are no JSON object.
        ending: what ended it, in order, each with the seconds after its start: `eof` of its input, the name of a signal
            that it was sent, `closed` where it closed its output or died, and `exit` where its end was seen.
        exit: its exit code, or the name of the signal that it died of; None where it was killed together with the
            recorder, or was still running at the end.
        stderr: the end of what it wrote there.
    """

    session: Path
    spawned: float
    exchanges: tuple[Exchange, ...]
    told: tuple[str, ...]
    stray: tuple[str, ...]
    ending: tuple[tuple[float, str], ...]
    exit: int | str | None
    stderr: str

    @property
    def revision(self) -> str | None:
        """The protocol revision that was agreed on, as the recorder saw it."""
        return Session(self.session).header.revision

    @property
    def server_info(self) -> Mapping[str, Any]:
        """What it says of itself; empty where it was not asked, or says nothing."""
        handshakes = (one.result for method in HANDSHAKES for one in self.of(method))
        return next(filter(None, map(server_info, handshakes)), {})

    @property
    def ready(self) -> float | None:
        """When the last page of its tools was answered, in seconds after its start; None where that never came."""
        pages = [one for one in self.of("tools/list") if one.result is not None]
        return pages[-1].answered if pages else None

    @property
    def tools(self) -> tuple[str, ...]:
        """The names of the tools that it listed, each once."""
        listed = [tool for one in self.of("tools/list") if one.result for tool in one.result.get("tools") or ()]
        return tuple(dict.fromkeys(str(tool.get("name")) for tool in listed if isinstance(tool, Mapping)))

    @property
    def calls(self) -> tuple[Exchange, ...]:
        """The calls that reached it."""
        return self.of("tools/call")

    def of(self, method: str) -> tuple[Exchange, ...]:
        """The requests of that method."""
        return tuple(one for one in self.exchanges if one.method == method)


@record
class Leftover:
    """A process that was still there after the host had ended.

    Attributes:
        name: the program's name.
        is_server: whether it is the server or was started by it.
    """

    name: str
    is_server: bool


@record
class Returned:
    """What a host's own channel gave back, where it was spoken with and had no model.

    Attributes:
        tools: the names of the server's tools, as the host lists them.
        results: what came of the calls, in order; `call` is the tool's name. Fewer than calls where the host ended.
    """

    tools: tuple[str, ...]
    results: tuple[Seen, ...]


@record
class Evidence:
    """One run.

    Attributes:
        host_id, version: the host, and the version of the program that ran.
        starts: the processes of the server, in the order of their start.
        turns: what the host asked of its model, in order; their times are seconds after the host's start.
        exit: the host's exit code; None where it was ended because its time was over.
        seconds: how long it ran.
        output, errors: the end of what it printed.
        left: the processes that it left behind; they were ended.
        cut_off: whether its network was cut off.
        shown: pictures of the run, where the host has a face.
        returned: what its channel gave back, where it had no model.
    """

    host_id: str
    version: str
    starts: tuple[Start, ...]
    turns: tuple[Turn, ...]
    exit: int | None
    seconds: float
    output: str
    errors: str
    left: tuple[Leftover, ...]
    cut_off: bool
    shown: tuple[Path, ...] = ()
    returned: Returned | None = None


def start_of(recording: Path, spawned: float) -> Start:
    """What a recording shows; one that was cut off in the middle of a line is read as far as it goes."""
    asked: dict[Json, Exchange] = {}
    told: list[str] = []
    stray: list[str] = []
    ending: list[tuple[float, str]] = []
    stderr: list[str] = []
    code: int | str | None = None
    for event in _events(recording):
        if event.ev == "host" and isinstance(event.msg, dict):
            _host_says(event, event.msg, asked, told)
        elif event.ev == "server":
            if not isinstance(event.msg, dict):
                stray.append(_text(event))
            else:
                _server_says(event, event.msg, asked)
        elif event.ev == "stderr":
            stderr.append(_text(event))
        elif event.ev == "eof" and event.more.get("of") in ("stdin", "stdout"):
            ending.append((event.t, "eof" if event.more["of"] == "stdin" else "closed"))
        elif event.ev == "signal":
            ending.append((event.t, str(event.more["name"])))
        elif event.ev == "exit":
            ending.append((event.t, "exit"))
            name, number = event.more.get("signal"), event.more.get("code")
            code = str(name) if name else number if isinstance(number, int) else None
    ended = tuple(ending)
    return Start(
        recording, spawned, tuple(asked.values()), tuple(told), tuple(stray), ended, code, "\n".join(stderr[-20:])
    )


def _events(recording: Path) -> list[Event]:
    found: list[Event] = []
    try:
        for event in Session(recording).events():
            found.append(event)
    except Refused:
        pass
    return found


def _host_says(event: Event, message: Mapping[str, Json], asked: "dict[Json, Exchange]", told: list[str]) -> None:
    method, params = message.get("method"), message.get("params")
    if not isinstance(method, str):
        return
    if "id" not in message:
        told.append(method)
        return
    identity = message["id"]
    if isinstance(identity, (str, int)):
        asked[f"{len(asked)} {identity!r}" if identity in asked else identity] = Exchange(
            method, params if isinstance(params, dict) else {}, event.t
        )


def _server_says(event: Event, message: Mapping[str, Json], asked: "dict[Json, Exchange]") -> None:
    identity, result, error = message.get("id"), message.get("result"), message.get("error")
    if "method" in message or not isinstance(identity, (str, int)) or identity not in asked:
        return
    before = asked[identity]
    asked[identity] = Exchange(
        before.method,
        before.params,
        before.asked,
        event.t,
        result if isinstance(result, dict) else None,
        error if isinstance(error, dict) else None,
    )


def _text(event: Event) -> str:
    if event.raw is None:
        import json

        return json.dumps(event.msg, ensure_ascii=False)
    return event.raw.decode(errors="replace")


def offered(turns: Sequence[Turn]) -> tuple[str, ...]:
    """The names of all tools that the model was offered in any turn, as the host gives them, each once."""
    return tuple(dict.fromkeys(tool.full for turn in turns for tool in turn.offered))
