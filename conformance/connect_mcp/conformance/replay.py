"""Playing a recorded host's side at a server, and comparing what the server answers with what was recorded.

Strict: what the host sent is sent in the same order, and what it had been answered before it went on is waited for
before going on. The server's answers are matched to the recorded ones by id, its requests and notifications by method;
progress and log notifications may differ, since nobody promises their number. Whatever the server does, a replay ends.

Adapted (see `adapted`), for another server than the recorded one: what the host does is kept, what it asks for is this
server's. Judged (see `judged`), for what the fuzzer found: every byte as it was, and only the invariants count.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from connect_mcp.base.process import Child
from connect_mcp.base.record import field, record, replace
from connect_mcp.base.text import printable

from .comparison import Matching
from .player import (
    UNPROMISED,
    Inconclusive,
    Message,
    Peer,
    Player,
    about_answer,
    is_answer_to,
    key_of,
)
from .report import Outcome, Replayed, for_report
from .session import Event, Json, Session


@record
class Calls:
    """Which tools an adapted replay may call.

    Attributes:
        any_tool: also those that are not annotated as read-only.
        examples: arguments by the tool's name; a tool that has some may be called.
    """

    any_tool: bool = False
    examples: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)


@record
class Server:
    """The server that sessions are played at, anew for each: a command, or a URL.

    Attributes:
        argv: its command; empty where there is a URL.
        env: its whole environment; None passes ours on.
        cwd: its working folder; None for ours.
        url: where it listens.
        headers: what every request to the URL carries besides.
        old: whether the URL is spoken with over the transport of 2024-11-05.
    """

    argv: Sequence[str] = ()
    env: Mapping[str, str] | None = None
    cwd: str | os.PathLike[str] | None = None
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    old: bool = False

    @contextmanager
    def opened(self) -> "Iterator[Peer]":
        """A new conversation with it, ended with the block.

        Raises:
            Refused: where it cannot be started.
        """
        if self.url:
            from .http_peer import HttpPeer

            with HttpPeer(self.url, self.headers, old=self.old) as peer:
                yield peer
        else:
            with Child(self.argv, env=self.env, cwd=self.cwd) as child:
                yield child


def replay(
    path: str | os.PathLike[str],
    server: Server,
    *,
    timeout: float = 10.0,
    values: Mapping[str, str] | None = None,
    adapted: Calls | None = None,
) -> Replayed:
    """Replay one session at a server.

    Args:
        path: the session file.
        server: the server.
        timeout: seconds to wait for a message beyond the time that the recorded one took.
        values: values of placeholders by their name (`secret:1`), for a server that checks them.
        adapted: where the session is to be adapted to the server, which tools may be called.

    Raises:
        Refused: where the session cannot be read or the server cannot be started.
    """
    session = Session(path)
    given = dict(values or {})
    ours = os.environ if server.env is None else server.env
    folder = os.fspath(server.cwd) if server.cwd is not None else os.getcwd()
    from .judged import Judged, judgement, variables

    judged = adapted is None and judgement(session.header) is not None
    if judged:
        server = replace(server, env={**ours, **variables(session.header)})
    matching = Matching(lambda name: given.get(name) or made_up(name, ours, folder))
    with server.opened() as peer:
        if judged:
            player: Player = Judged(peer, matching, timeout, session.header)
        elif adapted is None:
            player = _Strict(peer, matching, timeout)
        else:
            from .adapted import Adapted, Script

            player = Adapted(peer, matching, timeout, Script.of(session), adapted)
        reason = ""
        try:
            player.play(session.events())
        except Inconclusive as stopped:
            reason = stopped.reason
        seconds = time.monotonic() - peer.started
    header = session.header
    host = " ".join(part for part in (header.host or player.client, header.host_version) if part)
    if not reason and not player.answers and not player.differences:
        reason = "the session holds nothing that could be compared"
    outcome: Outcome = "inconclusive" if reason else "fail" if player.differences else "pass"
    return Replayed(
        session.path,
        printable(host),
        outcome,
        reason,
        player.answers,
        tuple(player.differences),
        seconds,
        tuple(player.notes),
        adapted is not None,
    )


def made_up(name: str, env: Mapping[str, str], cwd: str) -> str:
    """A value for a placeholder that nobody gave one for."""
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


class _Strict(Player):
    """Every message as it was recorded."""

    def __init__(self, peer: Peer, matching: Matching, timeout: float) -> None:
        super().__init__(peer, matching, timeout)
        self._ids: dict[str, Json] = {}  # of the server's requests: its own id now, by the recorded one as JSON text

    def send_event(self, event: Event) -> None:
        if event.raw is not None:
            self.send_raw(event.raw, event.end)
            return
        if isinstance(event.msg, dict) and "method" not in event.msg and "id" in event.msg:
            mine = self._ids.get(key_of(event.msg["id"]), event.msg["id"])
            self.send_message({**event.msg, "id": mine}, event.end)
            return
        for message in event.msg if isinstance(event.msg, list) else [event.msg]:
            if isinstance(message, dict) and isinstance(method := message.get("method"), str):
                self.note_request(message, method)
        self.send_message(event.msg, event.end)

    def expect(self, event: Event) -> None:
        if event.raw is not None:
            self._expect_stray(event, event.raw)
            return
        for message in event.msg if isinstance(event.msg, list) else [event.msg]:
            if isinstance(message, dict):
                self._expect_message(event, message)

    def _expect_message(self, event: Event, expected: Message) -> None:
        method = expected.get("method")
        if method in UNPROMISED:
            return
        about, fits = self._sought(expected)
        got = self.awaited(event, about, fits)
        if got is None:
            return
        self.answers += 1
        if method is None:
            self.methods.pop(key_of(got["id"]), None)  # answered: a second answer would be one too many
        elif "id" in expected:
            self._ids[key_of(expected["id"])] = got.get("id")
            got = {**got, "id": expected["id"]}
        changes = tuple(self.matching.changes(expected, got, ""))
        if ("error" in expected) != ("error" in got):
            wanted, came = ("an error", "a result") if "error" in expected else ("a result", "an error")
            self.differs(event.number, f"{about} is {came}, and {wanted} was recorded", changes)
        elif changes:
            self.differs(event.number, f"{about} differs", changes)

    def _sought(self, expected: Message) -> tuple[str, Callable[[Message], bool]]:
        """What a recorded message is called in a report, and which message now is the same one."""
        method = expected.get("method")
        if isinstance(method, str):
            kind = "request" if "id" in expected else "notification"
            asks = "id" in expected
            return f"the {kind} {printable(method)}", lambda got: got.get("method") == method and ("id" in got) is asks
        key = key_of(self.matching.filled_value(expected.get("id")))
        return about_answer(self.methods.get(key), key), is_answer_to(key)

    def _expect_stray(self, event: Event, stray: bytes) -> None:
        patience = self.timeout + max(event.t - self.last, 0.0)
        self.wait_for(lambda: self._claimed_stray(stray), "a line that is no message", event, patience)

    def _claimed_stray(self, stray: bytes) -> bool:
        wanted = self.matching.filled(stray.decode("utf-8", "replace"))
        for index, line in enumerate(self.inbox.strays):
            got = line.rstrip(b"\r").decode("utf-8", "replace")
            if not any(self.matching.changes(wanted, got, "line")):
                del self.inbox.strays[index]
                return True
        return False

    def end(self, exited: Event | None) -> None:
        """Let the server end as its host would, and look at what it wrote that was never recorded."""
        if isinstance(self.peer, Child):
            code = self.peer.wait(self.end_patience)
            recorded = exited.more.get("code") if exited and not self.signalled else None
            if exited and recorded is not None and code != recorded:
                did = (
                    self.ending()
                    if code is not None
                    else f"still ran {self.end_patience:g} s after its input had ended"
                )
                self.differs(exited.number, f"the server {did}; it had exited with code {recorded}")
            self.peer.stop(after_eof=0.0, after_term=1.0)  # its input ended long ago
        self.drain()
        for message in self.inbox.messages:
            self._judge_unclaimed(message)
        self.judge_strays()

    def _judge_unclaimed(self, message: Message) -> None:
        method = message.get("method")
        if method in UNPROMISED or (method is None and self.methods.pop(key_of(message.get("id")), "")):
            return  # an answer that the recorded host did not stay for
        what = f"{printable(str(method))}" if method else f"an answer with id {for_report(key_of(message.get('id')))}"
        self.differs(None, f"the server sent {what}, which was not recorded")
