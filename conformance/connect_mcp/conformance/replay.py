"""Playing a recorded host's side at a server, and comparing what the server answers with what was recorded.

Strict: what the host sent is sent in the same order, and what it had been answered before it went on is waited for
before going on. The server's answers are matched to the recorded ones by id, its requests and notifications by method;
progress and log notifications may differ, since nobody promises their number. Whatever the server does, a replay ends.
"""

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from connect_mcp.base.process import Child
from connect_mcp.base.text import printable

from .comparison import Change, Matching
from .report import Difference, Outcome, Replayed, for_report
from .session import Event, Json, Session, parsed_message

_UNPROMISED = frozenset({"notifications/progress", "notifications/message"})
_FENCE = "connect-mcp-fence"
_FENCE_PATIENCE = 5.0  # seconds for an answer to the ping that tells a slow server from one that will not answer
_END_PATIENCE = 5.0  # seconds for a server to end after its input did
_UNCLAIMED = 1000  # messages that no recorded one asked for, before a server is said to flood


def replay(
    path: str | os.PathLike[str],
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    timeout: float = 10.0,
    values: Mapping[str, str] | None = None,
) -> Replayed:
    """Replay one session at a new process of a server.

    Args:
        path: the session file.
        argv: the server's command.
        env: its whole environment; None passes ours on.
        cwd: its working folder; None for ours.
        timeout: seconds to wait for a message beyond the time that the recorded one took.
        values: values of placeholders by their name (`secret:1`), for a server that checks them.

    Raises:
        Refused: where the session cannot be read or the server cannot be started.
    """
    session = Session(path)
    given = dict(values or {})
    ours = os.environ if env is None else env
    folder = os.fspath(cwd) if cwd is not None else os.getcwd()
    matching = Matching(lambda name: given.get(name) or _made_up(name, ours, folder))
    with Child(argv, env=env, cwd=cwd) as child:
        player = _Player(child, matching, timeout)
        reason = ""
        try:
            player.play(session.events())
        except _Inconclusive as stopped:
            reason = stopped.reason
        seconds = time.monotonic() - child.started
    header = session.header
    host = " ".join(part for part in (header.host or player.client, header.host_version) if part)
    outcome: Outcome = "inconclusive" if reason else "fail" if player.differences else "pass"
    return Replayed(session.path, printable(host), outcome, reason, player.answers, tuple(player.differences), seconds)


def _made_up(name: str, env: Mapping[str, str], cwd: str) -> str:
    kind, _, number = name.partition(":")
    if kind == "home":
        return env.get("HOME") or os.path.expanduser("~")
    if kind == "cwd":
        return cwd
    if kind == "user":
        return env.get("USER") or env.get("USERNAME") or "user"
    if kind == "tmp":
        return os.path.join(tempfile.gettempdir(), f"connect-mcp-replay-{number}")
    if kind == "uuid":
        return f"00000000-0000-4000-8000-{int(number):012d}"
    return f"replayed-secret-{number}"


class _Inconclusive(Exception):
    """The replay cannot go on, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Inbox:
    """What the server wrote and nothing recorded has claimed yet."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Json]] = []
        self.strays: list[bytes] = []

    def add(self, line: bytes) -> None:
        value = parsed_message(line)
        several = value if isinstance(value, list) else [value]
        if value and all(isinstance(item, dict) for item in several):
            self.messages += cast("list[dict[str, Json]]", several)
        elif line.strip():
            self.strays.append(line)
        if len(self.messages) + len(self.strays) > _UNCLAIMED:
            raise _Inconclusive(f"the server wrote more than {_UNCLAIMED} messages that were not recorded")

    def claim(self, fits: Callable[[dict[str, Json]], bool]) -> dict[str, Json] | None:
        for index, message in enumerate(self.messages):
            if fits(message):
                return self.messages.pop(index)
        return None


class _Player:
    """The host's side of one session."""

    def __init__(self, child: Child, matching: Matching, timeout: float) -> None:
        self._child = child
        self._matching = matching
        self._timeout = timeout
        self._inbox = _Inbox()
        self._methods: dict[str, str] = {}  # of the requests sent, by their id as JSON text
        self._ids: dict[str, Json] = {}  # of the server's requests: its own id now, by the recorded one as JSON text
        self._signalled = self._closed = False
        self._last = 0.0  # when the recorded event before this one happened
        self.client = ""
        self.answers = 0
        self.differences: list[Difference] = []

    def play(self, events: Iterator[Event]) -> None:
        exited: Event | None = None
        for event in events:
            if event.ev == "host":
                self._send(event)
            elif event.ev == "server":
                self._expect(event)
            elif event.ev == "eof" and event.more["of"] == "stdin":
                self._close()
            elif event.ev == "signal":
                self._signal(str(event.more["name"]))
            elif event.ev == "exit":
                exited = event
            self._last = event.t
        self._end(exited)

    def _send(self, event: Event) -> None:
        if isinstance(event.msg, dict) and "method" not in event.msg and "id" in event.msg:
            mine = self._ids.get(_key(event.msg["id"]), event.msg["id"])
            self._write(_line({**event.msg, "id": mine}, self._matching) + event.end.encode())
            return
        for message in event.msg if isinstance(event.msg, list) else [event.msg]:
            if isinstance(message, dict) and isinstance(method := message.get("method"), str):
                self._note_request(message, method)
        if event.raw is None:
            data = _line(event.msg, self._matching)
        else:
            text = event.raw.decode("utf-8", "surrogateescape")
            data = self._matching.filled(text).encode("utf-8", "surrogateescape")
        self._write(data + event.end.encode())

    def _note_request(self, message: dict[str, Json], method: str) -> None:
        if "id" in message:
            self._methods[_key(self._matching.filled_value(message["id"]))] = method
        params = message.get("params")
        if method == "initialize" and isinstance(params, dict) and isinstance(info := params.get("clientInfo"), dict):
            self.client = f"{info.get('name')} {info.get('version')}"

    def _write(self, data: bytes) -> None:
        if self._child.send(data, self._timeout):
            return
        if self._child.wait(0.5) is None and not self._child.ended:
            raise _Inconclusive(f"the server did not read its input for {self._timeout:g} s")
        raise _Inconclusive(f"the server {self._ending()} before the host had sent everything")

    def _close(self) -> None:
        self._closed = True
        self._child.close_stdin()

    def _signal(self, name: str) -> None:
        number = getattr(signal, name, None) if name.startswith("SIG") else None
        if number is not None:
            self._signalled = True
            self._child.signal(number)

    def _expect(self, event: Event) -> None:
        if event.raw is not None:
            self._expect_stray(event)
            return
        for message in event.msg if isinstance(event.msg, list) else [event.msg]:
            if isinstance(message, dict):
                self._expect_message(event, message)

    def _expect_message(self, event: Event, expected: dict[str, Json]) -> None:
        method = expected.get("method")
        if method in _UNPROMISED:
            return
        about, fits = self._sought(expected)
        got = self._awaited(event, about, fits)
        if got is None:
            return
        self.answers += 1
        if method is None:
            self._methods.pop(_key(got["id"]), None)  # answered: a second answer would be one too many
        elif "id" in expected:
            self._ids[_key(expected["id"])] = got.get("id")
            got = {**got, "id": expected["id"]}
        changes = tuple(self._matching.changes(expected, got, ""))
        if ("error" in expected) != ("error" in got):
            wanted, came = ("an error", "a result") if "error" in expected else ("a result", "an error")
            self._differs(event.number, f"{about} is {came}, and {wanted} was recorded", changes)
        elif changes:
            self._differs(event.number, f"{about} differs", changes)

    def _sought(self, expected: dict[str, Json]) -> tuple[str, Callable[[dict[str, Json]], bool]]:
        """What a recorded message is called in a report, and which message now is the same one."""
        method, identity = expected.get("method"), expected.get("id")
        if isinstance(method, str):
            kind = "request" if "id" in expected else "notification"
            asks = "id" in expected
            return f"the {kind} {printable(method)}", lambda got: got.get("method") == method and ("id" in got) is asks
        key = _key(self._matching.filled_value(identity))
        asked = self._methods.get(key)
        about = f"the answer to {printable(asked)} (id {printable(key)})" if asked else f"the answer {printable(key)}"
        return about, lambda got: "method" not in got and "id" in got and _key(got["id"]) == key

    def _expect_stray(self, event: Event) -> None:
        self._awaited(event, "a line that is no message", lambda got: False, stray=event.raw)

    def _awaited(
        self, event: Event, about: str, fits: Callable[[dict[str, Json]], bool], *, stray: bytes | None = None
    ) -> dict[str, Json] | None:
        """The message that a recorded one asks for; None, with the difference noted, where it will not come."""
        patience = self._timeout + max(event.t - self._last, 0.0)
        deadline = time.monotonic() + patience
        while True:
            if stray is not None and self._claimed_stray(stray):
                return None
            if (message := self._inbox.claim(fits)) is not None:
                return message
            line = self._child.read_line(min(0.25, max(deadline - time.monotonic(), 0)))
            if line is not None:
                self._inbox.add(line)
            elif self._gone():
                if not (self._closed or self._signalled):
                    raise _Inconclusive(f"the server {self._ending()} before {about} came")
                self._differs(event.number, f"{about} never came: the server {self._ending()}")
                return None
            elif time.monotonic() >= deadline:
                if self._closed or not self._answers_a_ping():
                    raise _Inconclusive(f"{about} did not come within {patience:.1f} s")
                self._differs(event.number, f"{about} did not come within {patience:.1f} s; a later ping was answered")
                return None

    def _claimed_stray(self, stray: bytes) -> bool:
        wanted = self._matching.filled(stray.decode("utf-8", "replace"))
        for index, line in enumerate(self._inbox.strays):
            got = line.rstrip(b"\r").decode("utf-8", "replace")
            if not any(self._matching.changes(wanted, got, "line")):
                del self._inbox.strays[index]
                return True
        return False

    def _answers_a_ping(self) -> bool:
        """Whether the server still answers; what else it says meanwhile is kept."""
        if not self._child.send(_line({"jsonrpc": "2.0", "id": _FENCE, "method": "ping"}, self._matching) + b"\n", 1.0):
            return False
        deadline = time.monotonic() + _FENCE_PATIENCE
        while (remaining := deadline - time.monotonic()) > 0:
            line = self._child.read_line(remaining)
            if line is not None:
                self._inbox.add(line)
            if self._inbox.claim(lambda got: "method" not in got and got.get("id") == _FENCE) is not None:
                return True
            if line is None and self._child.ended:
                return False
        return False

    def _gone(self) -> bool:
        """Whether nothing will come any more; a process that the server left behind may hold its output open."""
        if self._child.ended:
            return True
        if self._child.wait(0) is None:
            return False
        line = self._child.read_line(0.25)
        if line is not None:
            self._inbox.add(line)
        return line is None

    def _ending(self) -> str:
        code = self._child.wait(1.0)
        if code is None:
            return "closed its standard output"
        how = f"exited with code {code}" if code >= 0 else f"was ended by signal {-code}"
        words = self._child.stderr_tail(lines=1, width=2000)
        return f"{how} ({for_report(words[0])})" if words else how

    def _end(self, exited: Event | None) -> None:
        """Let the server end as its host would, and look at what it wrote that was never recorded."""
        self._close()
        code = self._child.wait(_END_PATIENCE)
        recorded = exited.more.get("code") if exited and not self._signalled else None
        if exited and recorded is not None and code != recorded:
            did = self._ending() if code is not None else f"still ran {_END_PATIENCE:g} s after its input had ended"
            self._differs(exited.number, f"the server {did}; it had exited with code {recorded}")
        self._child.stop()
        while (line := self._child.read_line(0)) is not None:
            self._inbox.add(line)
        for message in self._inbox.messages:
            self._judge_unclaimed(message)
        for stray in self._inbox.strays[:3]:
            text = for_report(stray.decode("utf-8", "backslashreplace"))
            self._differs(None, f"a line that is no message was not recorded: {text}")

    def _judge_unclaimed(self, message: dict[str, Json]) -> None:
        method = message.get("method")
        if method in _UNPROMISED or (method is None and self._methods.pop(_key(message.get("id")), "")):
            return  # an answer that the recorded host did not stay for
        what = f"{printable(str(method))}" if method else f"an answer with id {for_report(_key(message.get('id')))}"
        self._differs(None, f"the server sent {what}, which was not recorded")

    def _differs(self, number: int | None, what: str, changes: tuple[Change, ...] = ()) -> None:
        self.differences.append(Difference(number, what, changes))


def _key(identity: Json) -> str:
    """An id as JSON text: 1, 1.0 and "1" are three different ids."""
    return json.dumps(identity, ensure_ascii=False)


def _line(value: Json, matching: Matching) -> bytes:
    filled = matching.filled_value(value)
    try:
        return json.dumps(filled, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(filled, separators=(",", ":")).encode()
