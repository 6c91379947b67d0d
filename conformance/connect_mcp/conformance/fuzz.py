"""Fuzzing: hypothesis makes up what to say, and whatever it is, the invariants must hold.

Examples are sent one after the other to one process. One that breaks an invariant is sent again to a new process: where
it breaks it there too, hypothesis makes it as small as it can; where not, what the first process had been sent before
is made smaller, message by message. What is left is saved as a session that `conformance replay` plays.
"""

import os
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connect_mcp.base.errors import Refused
from connect_mcp.base.masking import masked
from connect_mcp.base.record import record
from connect_mcp.base.text import printable
from connect_mcp.base.version import __version__

from .arguments import arguments_for
from .invariants import Broke, Invariants, Problem
from .judged import JUDGED
from .requirement import MODERN
from .result import Ended
from .session import Header, Json, Writer
from .talk import modern_meta
from .trial import Trial, initialize_params
from .wire import decode, encode

if TYPE_CHECKING:
    from .made import Example, Strategy

_SETTLE = 0.02  # seconds for what comes after all was answered, while looking for something that breaks
_SHRINK = 30.0  # seconds for making what was found in it smaller
_PAUSE = 0.004  # seconds between the writes of a chunked example
_GRACE = 0.2  # of the timeout: for an answer after a later request had its own; a tool call has all of it at first
_SEARCH, _EACH = 20.0, 0.2  # seconds for one sort of example: at least, and for each one
_HISTORY = 400  # messages sent to a process before there is a new one
_MOST_UNSHRUNK = 3  # times that a history is looked at, in one sort of example


@record
class Found:
    """An invariant that was broken.

    Attributes:
        kind: which.
        what: one sentence, safe to print.
        sort: which sort of example it was.
        revision: which revision was spoken.
        messages: how many messages are left that break it, the handshake apart.
        again: whether a new process that was sent them broke it again.
        session: the file that `conformance replay` shows it with.
    """

    kind: Broke
    what: str
    sort: str
    revision: str
    messages: int
    again: bool
    session: str = ""


@record
class Fuzzed:
    """The outcome of fuzzing.

    Attributes:
        seed: what the examples were made from.
        examples: how many were sent, by their sort and revision.
        found: what was broken.
        notes: what was left out and why, safe to print.
    """

    seed: int
    examples: Mapping[str, int]
    found: tuple[Found, ...] = ()
    notes: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """The outcome for a person."""
        for one in self.found:
            how = "" if one.again else ", which a new process that was sent the same did not do"
            yield f"FUZZ  {one.kind}: {one.what}  ({one.revision}, {one.sort}){how}"
            yield f"  {_count(one.messages, 'message')} after the handshake: {printable(one.session)}"
            yield f"  again: connect-mcp conformance replay {printable(one.session)} -- COMMAND"
            yield ""
        counts = ", ".join(f"{count} {name}" for name, count in self.examples.items())
        yield f"  fuzzed with --seed {self.seed}: {counts or 'nothing was sent'}; {_count(len(self.found), 'finding')}"
        yield from (f"  note: {note}" for note in self.notes)

    def data(self) -> dict[str, object]:
        """The same as JSON."""
        from connect_mcp.base.record import values

        return {
            "seed": self.seed,
            "examples": dict(self.examples),
            "found": [values(one) for one in self.found],
            "notes": list(self.notes),
        }


@record
class Event:
    """What went over the wire: `host` and `server` are bytes, of which a server's are a line without its line end."""

    t: float
    ev: str
    data: bytes


class _Broken(Exception):
    """An example broke an invariant. Hypothesis tells the kinds apart by their type."""


_KINDS: Mapping[Broke, type[_Broken]] = {
    kind: type(f"_Broken_{kind}", (_Broken,), {})
    for kind in ("died", "silent", "twice", "stranger", "malformed", "secret")
}


SORTS = ("calls", "envelopes", "orders", "chunks")
"""The sorts of examples."""


def fuzz(
    trial: Trial,
    revisions: Sequence[str],
    *,
    examples: int,
    seed: int | None,
    out: Path,
    sorts: Sequence[str] = SORTS,
) -> Fuzzed:
    """Look for what breaks an invariant.

    Args:
        trial: the subject.
        revisions: those to speak; one that the subject does not speak is left out.
        examples: how many of each sort in each revision.
        seed: what they are made from; None for one made up here.
        out: the folder for the sessions; made where something is found.
        sorts: the sorts of examples to send.

    Raises:
        Refused: where hypothesis is not installed, or a session cannot be written.
    """
    try:
        import hypothesis  # noqa: F401 - slow to import, and not every installation has it
    except ImportError:
        raise Refused("--fuzz needs hypothesis, which is not installed", mend="pip install hypothesis") from None
    chosen = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    counts: dict[str, int] = {}
    found: list[Found] = []
    notes: list[str] = []
    for revision in revisions:
        missing = trial.look_once(revision).missing
        if missing is not None:
            notes.append(missing.why)
            continue
        for sort, strategy, why in _sorts(trial, revision):
            if sort not in sorts:
                continue
            if strategy is None:
                notes.append(f"{revision}: no {sort}: {why}")
                continue
            hunt = _Hunt(trial, revision, sort, strategy, max(_SEARCH, _EACH * examples))
            try:
                hunt.run(examples, chosen)
            finally:
                hunt.close()
            counts[f"{sort} ({revision})"] = hunt.sent
            if hunt.sent < examples and not hunt.best:
                notes.append(f"{revision}: {sort} stopped after {hunt.sent} of {examples}: {hunt.stopped}")
            found += [hunt.saved(one, out, chosen) for one in hunt.best.values()]
    return Fuzzed(chosen, counts, tuple(found), tuple(notes))


def _sorts(trial: Trial, revision: str) -> "Iterator[tuple[str, Strategy[Example] | None, str]]":
    from . import made

    meta = modern_meta() if revision == MODERN else None
    try:
        tools = [tool for tool in trial.tour(revision).tools if arguments_for(tool, trial.options)[0] is not None]
        why = "no tool is annotated as read-only, and --call-tools was not given"
    except Ended as ended:
        tools, why = [], ended.why
    yield "calls", made.calls(tools, trial.options.examples, meta) if tools else None, why
    yield "envelopes", made.envelopes(meta), ""
    yield "orders", made.orders(meta), ""
    if trial.subject.transport == "stdio":
        yield "chunks", made.chunks(meta), ""


@record
class _Case:
    """What broke an invariant: the writes that do it, and what went over the wire when they last did."""

    problem: Problem
    writes: tuple[bytes, ...]
    events: tuple[Event, ...]
    again: bool = True

    @property
    def size(self) -> tuple[int, int]:
        return len(self.writes), sum(map(len, self.writes))


class _Hunt:
    """One sort of example in one revision.

    Attributes:
        sent: how many examples were sent before something broke.
        best: the smallest case of each kind.
        stopped: why it did not go on; empty where it did.
    """

    def __init__(self, trial: Trial, revision: str, sort: str, strategy: "Strategy[Example]", seconds: float) -> None:
        self.sent = 0
        self.best: dict[Broke, _Case] = {}
        self.stopped = ""
        self._lab = trial
        self._revision = revision
        self._sort = sort
        self._strategy = strategy
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._unshrunk = 0
        self._process: _Process | None = None

    def run(self, examples: int, seed: int) -> None:
        """Send so many examples, and make those that break something small."""
        import hypothesis

        settings = hypothesis.settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
            suppress_health_check=list(hypothesis.HealthCheck),
            verbosity=hypothesis.Verbosity.quiet,
            print_blob=False,
            report_multiple_bugs=True,
        )
        check = hypothesis.seed(seed)(settings(hypothesis.given(self._strategy)(self._try)))
        try:
            check()
        except Exception:
            if not self.best:  # else it is what was found, or that it could not be made smaller in time
                raise

    def close(self) -> None:
        """End the process that is left."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _try(self, example: "Example") -> None:
        if self._is_over():
            return
        if not self.best:
            self.sent += 1
            case = self._in_passing(example)
        else:
            case = self._anew(tuple(example.writes(1)))
        if case is None:
            return
        if not self.best:
            self._seconds, self._deadline = _SHRINK, time.monotonic() + _SHRINK
        known = self.best.get(case.problem.kind)
        if known is None or case.size < known.size:
            self.best[case.problem.kind] = case
        if case.again:
            raise _KINDS[case.problem.kind]

    def _is_over(self) -> bool:
        if time.monotonic() > self._deadline:
            self.stopped = self.stopped or f"{self._seconds:g} s were over"
        return bool(self.stopped)

    def _in_passing(self, example: "Example") -> _Case | None:
        """Send an example to the process that has been sent others; where it breaks something, see whether alone."""
        process = self._process
        if process is None:
            process = self._process = _Process(self._lab, self._revision)
        writes = example.writes(process.next_id)
        problem = process.say(writes, _SETTLE)
        if problem is None:
            if len(process.said) > _HISTORY:
                self.close()
            return None
        history = tuple(process.said)
        events = tuple(process.events)
        self.close()
        case = self._anew(tuple(example.writes(1)))
        if case is not None:
            return case
        self._unshrunk += 1
        if self._unshrunk >= _MOST_UNSHRUNK:
            self.stopped = "what breaks it depends on what was said before"
        return self._smaller(_Case(problem, history, events, again=False))

    def _anew(self, writes: tuple[bytes, ...]) -> _Case | None:
        """Say something to a new process."""
        process = _Process(self._lab, self._revision, has_past=False, hasty=bool(self.best))
        try:
            problem = process.say(writes, _SETTLE if self.best else self._lab.options.pace.silence)
        finally:
            process.close()
        return None if problem is None else _Case(problem, writes, tuple(process.events))

    def _smaller(self, case: _Case) -> _Case:
        """Leave out of a history whatever does not matter."""
        until = time.monotonic() + _SHRINK
        whole = self._anew(case.writes)
        if whole is None or whole.problem.kind != case.problem.kind:
            return case
        best, size = whole, max(1, len(case.writes) // 2)
        while time.monotonic() < until:
            at, cut = 0, False
            while at < len(best.writes) and time.monotonic() < until:
                less = self._anew(best.writes[:at] + best.writes[at + size :])
                if less is not None and less.problem.kind == best.problem.kind and less.writes:
                    best, cut = less, True
                else:
                    at += size
            if size == 1 and not cut:
                break
            size = max(1, size // 2)
        return best

    def saved(self, case: _Case, out: Path, seed: int) -> Found:
        """Write the session of a case."""
        lines = b"".join(case.writes).count(b"\n")
        path = _path(out, f"{self._sort}-{self._revision}-{case.problem.kind}")
        more: dict[str, Json] = {
            "recorder": f"connect-mcp {__version__}",
            "redacted": True,
            JUDGED: {
                "by": "invariants",
                "broken": case.problem.kind,
                "strict": self._lab.options.strict,
                "secret": {"name": SECRET, "value": secret_value()},
                "seed": seed,
            },
        }
        _write(
            path,
            Header("connect-mcp fuzz", __version__, self._revision, time.strftime("%Y-%m-%d"), more),
            case,
            self._lab.subject.secrets,
        )
        problem = case.problem
        what = masked(problem.what, self._lab.secrets)
        return Found(problem.kind, what, self._sort, self._revision, lines, case.again, os.fspath(path))


class _Process:
    """A new process of the subject, with the handshake behind it.

    Args:
        trial: the subject.
        revision: which revision is spoken.
        has_past: whether it is sent one example after the other.
        hasty: whether a tool call that is not answered is waited for no longer than any other request.

    Attributes:
        events: what went over the wire.
        said: the writes that it was sent, the handshake apart.
        next_id: a number that no id was made of yet.
    """

    def __init__(self, trial: Trial, revision: str, *, has_past: bool = True, hasty: bool = False) -> None:
        self.events: list[Event] = []
        self.said: list[bytes] = []
        self.next_id = 1
        self._lab = trial
        self._revision = revision
        self._has_past = has_past
        self._hasty = hasty
        secret, over_http = secret_value(), trial.subject.transport == "http"
        self._law = Invariants(revision, strict=trial.options.strict, secret=secret.encode(), over_http=over_http)
        self._link = trial.subject.open(more_env={SECRET: secret})
        self._fence = "server/discover" if revision == MODERN else trial.fence_method
        self._problem: Problem | None = None
        self._begun = b""
        if revision != MODERN:
            hello = {"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": initialize_params(revision)}
            self._write(encode(hello) + b"\n")
            self._await(0.0)
            self._write(encode({"jsonrpc": "2.0", "method": "notifications/initialized"}) + b"\n")

    def say(self, writes: Sequence[bytes], settle: float) -> Problem | None:
        """Say this, and after it a request that is answered in any case; what is wrong with what comes back."""
        for index, piece in enumerate(writes):
            if index:
                time.sleep(_PAUSE)
            self.said.append(piece)
            if not self._write(piece):
                return self._problem
        self.next_id += b"".join(writes).count(b"\n")
        fence: dict[str, Any] = {"jsonrpc": "2.0", "id": self._probe(), "method": self._fence}
        if self._revision == MODERN:
            fence["params"] = {"_meta": modern_meta()}
        if self._has_past:
            self.said.append(encode(fence) + b"\n")
        if self._write(encode(fence) + b"\n"):
            self._await(settle, f'"{fence["id"]}"')
        return self._problem

    def _probe(self) -> str:
        """An id for a probe: in a history that is sent again, the earlier ones have theirs already."""
        return f"probe-{self.next_id}" if self._has_past else "last"

    def close(self) -> None:
        """End it."""
        self._link.close()

    def _write(self, piece: bytes) -> bool:
        self.events.append(Event(self._now(), "host", piece))
        *lines, self._begun = (self._begun + piece).split(b"\n")
        for line in lines:
            self._law.sent(line)
        if not self._link.send(piece, self._lab.options.timeout):
            self._ended("did not read its input")
            return False
        return True

    def _await(self, settle: float, fence: str = "") -> None:
        """Read until all is answered, and a little more."""
        deadline = time.monotonic() + self._lab.options.timeout
        calm: float | None = None
        while self._problem is None:
            now = time.monotonic()
            if self._law.due:
                is_call = "tools/call" in self._law.due.values() and not self._hasty
                if fence and fence not in self._law.due and not is_call:
                    deadline, fence = min(deadline, now + _GRACE * self._lab.options.timeout), ""
                until = deadline
            else:
                calm = until = calm or now + settle
            line = self._link.read(max(0.0, until - now))
            if line is not None:
                self.events.append(Event(self._now(), "server", line))
                if line.strip():
                    self._problem = self._law.received(line)
                    self._reply(line)
            elif self._link.ended:
                self._ended("ended")
            elif time.monotonic() >= until:
                self._problem = self._law.silent()
                return

    def _reply(self, line: bytes) -> None:
        """Answer what the server asks, which it may wait for."""
        seen = decode(line, 0.0)
        if seen.kind == "request" and self._revision != MODERN:
            refused = {"code": -32601, "message": "Method not found"}
            answer = {"result": {}} if seen.method == "ping" else {"error": refused}
            self._write(encode({"jsonrpc": "2.0", "id": seen.id, **answer}) + b"\n")

    def _ended(self, otherwise: str) -> None:
        ending = self._link.ending() or otherwise
        last = self._link.errors()
        words = f" ({printable(last[-1])})" if last else ""
        self._problem = self._problem or Problem("died", f"the server {ending}{words}")

    def _now(self) -> float:
        return round(time.monotonic() - self._link.started, 4)


SECRET = "CONNECT_MCP_FUZZ_TOKEN"  # noqa: S105 - the name of a variable
"""The variable that the subject is given a made-up secret in."""


def secret_value() -> str:
    """A value that no server has a reason to say, the same in every run."""
    return "fuzz-" + "7c1e5a90" * 3


def _write(path: Path, header: Header, case: _Case, secrets: Iterable[str]) -> None:
    from .redaction import Redactor

    given = {f"SECRET_{number}": value for number, value in enumerate(secrets)}  # in its arguments, or its headers
    redactor = Redactor({**os.environ, SECRET: secret_value(), **given}, os.path.expanduser("~"), os.getcwd(), [])
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Refused(f"{path} cannot be written", why=error.strerror or "") from None
    try:
        log = Writer(descriptor, header)
        for event in case.events:
            if event.ev == "server":
                log.line(event.t, "server", redactor.message_fields(event.data))
                continue
            *lines, rest = event.data.split(b"\n")
            for line in lines:
                log.line(event.t, "host", exact(line))
            if rest:
                log.line(event.t, "host", exact(rest) + b', "end": ""')
    except OSError as error:
        raise Refused(f"{path} cannot be written", why=error.strerror or "") from None
    finally:
        os.close(descriptor)


def exact(line: bytes) -> bytes:
    """The member of an event that gives these bytes again, every one."""
    import base64

    from .session import member

    try:
        return member("raw", line.decode())
    except UnicodeDecodeError:
        return member("base64", base64.b64encode(line).decode())


def _path(out: Path, name: str) -> Path:
    """A file that there is not yet."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{out} cannot be made", why=error.strerror or "") from None
    path, number = out / f"{name}.jsonl", 1
    while path.exists():
        number += 1
        path = out / f"{name}-{number}.jsonl"
    return path


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
