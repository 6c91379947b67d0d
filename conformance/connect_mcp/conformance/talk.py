"""The client's side of one conversation: it sends, waits within bounds, and remembers what was said.

Silence cannot be waited for cheaply: after what must not be answered, a request that is answered in any case is sent
(a fence), and once its answer is there, a little more is allowed: `Pace` says how much.
"""

import contextlib
import json
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from connect_mcp.base.record import record
from connect_mcp.base.text import printable

from .requirement import MODERN
from .result import Absent, Broken, Ended, Inconclusive, Line, NotApplicable, quoted
from .subject import Link
from .watch import Watch
from .wire import Seen, decode, encode, id_key

if TYPE_CHECKING:
    from .trial import Tour, Trial

_FENCE_PATIENCE = 1.0  # seconds before another method is tried as the fence
_GLANCE = 0.1  # seconds between two looks whether anything is still under way
_FLOOD = 2000  # messages that nobody asked for, before a subject is said to flood us
_FLOOD_SIZE = 24 << 20  # the same in bytes, of which each may take ten or more once it is parsed
_KEPT, _WIDTH = 400, 600  # lines of the exchange, and characters of each, that are remembered

_Said: TypeAlias = tuple[float, Literal["kit", "subject"], str, int]
"""When and by whom what was said, as it was, and its size in bytes: made fit to be shown where it is shown."""

BATCHES = "2025-03-26"
"""The one revision in which several messages may come in an array."""

META = "io.modelcontextprotocol/"
CLIENT = {"name": "connect-mcp-conformance", "version": "1"}


def modern_meta(revision: str = MODERN, capabilities: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The `_meta` that every request has where each stands alone."""
    return {
        META + "protocolVersion": revision,
        META + "clientInfo": CLIENT,
        META + "clientCapabilities": dict(capabilities or {}),
    }


@record
class Answer:
    """The answer to a request.

    Attributes:
        seen: the message.
        seconds: from sending the request to its coming.
    """

    seen: Seen
    seconds: float

    @property
    def result(self) -> Any:
        """Its result; None where it is an error."""
        return self.seen.value.get("result")

    @property
    def error(self) -> Any:
        """Its error; None where it is a result."""
        return self.seen.value.get("error")

    @property
    def code(self) -> Any:
        """The error's code; None where it is a result."""
        return self.error.get("code") if isinstance(self.error, dict) else None

    def __str__(self) -> str:
        if isinstance(self.error, dict):
            return f"error {self.code}"
        return "a result" if "result" in self.seen.value else "neither a result nor an error"


class Talk:
    """One conversation.

    Args:
        link: with whom.
        trial: what is known of the subject.
        revision: which revision is spoken.
        watch: judges every message that comes.

    Attributes:
        judged: how often something was checked; a case that checks nothing proves nothing.
        strays: how many answers came since the case began that no request of the case claims as its own.
        info: the result of the handshake.
        sought, found: bytes that are looked for in all that the subject says, and whether they were in it.
    """

    def __init__(self, link: Link, trial: "Trial", revision: str, watch: Watch) -> None:
        self.link = link
        self.trial = trial
        self.revision = revision
        self.modern = revision == MODERN
        self.judged = 0
        self.strays = 0
        self.info: dict[str, Any] = {}
        self.sought, self.found = b"", False
        self._watch = watch
        self._said: set[int] = set()
        self._timeout = trial.options.timeout
        self._pace = trial.options.pace
        self._fences: set[str] = set()
        self._fenced: set[str] = set()
        self._exchange: deque[Line | _Said] = deque(maxlen=_KEPT)
        self._inbox: list[Seen] = []
        self._inbox_size = 0
        self._sent_at: dict[str, float] = {}
        self._last_id = 0

    # What is sent

    def send(self, message: Any, end: bytes = b"\n") -> None:
        """Send a message as it is given."""
        self._watch.sent(message)
        self._write(encode(message) + end)

    def send_bytes(self, *pieces: bytes, pause: float = 0.05) -> None:
        """Send bytes as they are, one write each, with a pause between them."""
        for line in b"".join(pieces).split(b"\n"):
            self._watch.sent(_value(line))
        self._write(*pieces, pause=pause)

    def _write(self, *pieces: bytes, pause: float = 0.0) -> None:
        for index, piece in enumerate(pieces):
            if index:
                time.sleep(pause)
            self._note("kit", piece[: 4 * _WIDTH].decode("utf-8", "backslashreplace").rstrip("\n"), len(piece))
            if not self.link.send(piece, self._timeout):
                raise self._lost(self._gone() or "did not read its input")

    def request(self, method: str, params: Any = None, *, ident: Any = None, **meta: Any) -> Any:
        """Send a request in the form of the revision and give its id."""
        message = self.message(method, params, ident=ident, **meta)
        self._sent_at[id_key(message["id"])] = time.monotonic()
        self.send(message)
        return message["id"]

    def message(self, method: str, params: Any = None, *, ident: Any = None, **meta: Any) -> dict[str, Any]:
        """A request in the form of the revision; `meta` are further members of `_meta`."""
        if ident is None:
            self._last_id += 1
            ident = self._last_id
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": ident, "method": method}
        if self.modern:
            meta = {**modern_meta(), **meta}
        if params is not None or meta:
            message["params"] = {**(params or {}), **({"_meta": meta} if meta else {})}
        return message

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self.send({"jsonrpc": "2.0", "method": method, **({} if params is None else {"params": params})})

    def ask(self, method: str, params: Any = None, **meta: Any) -> Answer:
        """Send a request and wait for its answer."""
        return self.answer(self.request(method, params, **meta))

    # What comes back

    def answer(self, ident: Any, patience: float | None = None) -> Answer:
        """The answer to the request of this id.

        Raises:
            Broken: where it did not come, because the subject died, stopped answering, or answers others alone.
        """
        key = id_key(ident)
        began = self._sent_at.get(key, time.monotonic())
        found = self.wait(lambda seen: seen.kind in ("result", "error") and id_key(seen.id) == key, patience)
        if found is None:
            raise Broken(f"the request with id {printable(key)} was not answered, and later ones were")
        return Answer(found, time.monotonic() - began)

    def first_answer(self, ident: Any) -> Answer | None:
        """The answer to the very first request, or None where only a ping sent after it is answered, or nothing is."""
        self._sent_at["probe"] = time.monotonic()
        deadline = time.monotonic() + self._timeout
        pinged = answered = False
        probe = ""
        while (now := time.monotonic()) < deadline:
            if found := self._claim(_answers(ident)):
                return Answer(found, now - self._sent_at[id_key(ident)])
            if pinged and self.link.idle:
                return None
            if not pinged and (self.link.idle or now - self._sent_at["probe"] > self._pace.before_fence):
                pinged = True
                probe = self._new_fence()
                self.send({"jsonrpc": "2.0", "id": probe, "method": "ping"})
            if probe in self._fenced and not answered:
                answered, deadline = True, min(deadline, now + self._pace.grace)
            self._glance(min(self._pace.before_fence, deadline - now))
        return None

    def claimed(self, ident: Any) -> Answer | None:
        """The answer to this request where it has come already."""
        found = self._claim(_answers(ident))
        return None if found is None else Answer(found, 0.0)

    def wait(self, fits: Any, patience: float | None = None) -> Seen | None:
        """The first message that `fits`; None where a fence that was sent later was answered and it still did not come.

        Raises:
            Broken: where the subject died or stopped answering altogether.
        """
        deadline = time.monotonic() + (self._timeout if patience is None else patience)
        fence: str | None = None
        fence_due = min(time.monotonic() + self._pace.before_fence, deadline)
        fenced = False
        while True:
            if (found := self._claim(fits)) is not None:
                return found
            now = time.monotonic()
            if fence in self._fenced and not fenced:
                fenced, deadline = True, min(deadline, now + self._pace.grace) if patience is None else deadline
            if now >= deadline or (fence is not None and self.link.idle):
                if fenced or (patience is not None and self.alive()):
                    return None
                raise self._silent()
            if fence is None and now >= fence_due:
                fence = self._send_fence()
            self._glance((fence_due if fence is None else deadline) - now)

    def silence(self, *, expecting: bool = False) -> list[Seen]:
        """Everything that nobody asked for and that came until some time after a fence was answered.

        Args:
            expecting: whether one answer is due; where it came before the fence's, no more is waited for.

        Raises:
            Broken: where the fence was not answered: the subject is no longer alive.
        """
        self.fence()
        if expecting and unasked(self._inbox):
            return self.unclaimed()
        return self.listen(self._pace.silence)

    def listen(self, seconds: float) -> list[Seen]:
        """Everything that comes of itself within so many seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.read(left)
        return self.unclaimed()

    def fence(self) -> None:
        """Make sure that the subject still answers.

        Where one method has no answer for a while another one is tried too; it is the fence from then on where it alone
        was answered, since a subject may as well be slow.

        Raises:
            Broken: where it does not.
        """
        first, *rest = methods = self._fence_methods()
        sent = [self._send_fence(first)]
        deadline = time.monotonic() + self._timeout
        another = time.monotonic() + _FENCE_PATIENCE
        while True:
            if answered := self._fenced.intersection(sent):
                if sent[0] not in answered:
                    self.trial.fence_method = methods[-1]
                return
            now, idle = time.monotonic(), self.link.idle
            if now >= deadline or (idle and not rest):
                raise self._silent("then ")
            if rest and (idle or now >= another):
                sent.append(self._send_fence(rest.pop()))
            self._glance((another if rest else deadline) - now)

    @property
    def never_there(self) -> bool:
        """Whether the subject is gone, and never said anything."""
        return not self._said and bool(self.link.ending())

    def alive(self) -> bool:
        """Whether the subject still answers."""
        try:
            self.fence()
        except Ended:
            return False
        return True

    def unclaimed(self) -> list[Seen]:
        """What came so far and nobody asked for; it is taken out."""
        came, self._inbox, self._inbox_size = self._inbox, [], 0
        self.strays += len(unasked(came))
        return came

    # What is judged

    def check(self, ok: object, why: str, *shown: Any) -> None:
        """Judge the subject.

        Args:
            ok: whether it kept the rule.
            why: what it did instead.
            shown: what shows that, where it is no part of the exchange: messages or parts of them.

        Raises:
            Broken: with `why`, where not `ok`.
        """
        self.judged += 1
        if not ok:
            for value in shown:
                self._note("subject", encode(value).decode("utf-8", "replace"), 0)
            raise Broken(why)

    def expect_result(self, answer: Answer, about: str) -> Any:
        """The result of an answer, which must be one."""
        self.check("result" in answer.seen.value, f"{about} was answered with {answer}", *self._unless_said(answer))
        return answer.result

    def expect_error(self, answer: Answer, about: str, *codes: int) -> None:
        """An answer must be an error, with one of these codes where some are given."""
        wanted = " or ".join(str(code) for code in codes) or "an error"
        self.check(answer.error is not None, f"{about} was answered with {answer}, not with {wanted}")
        self.check(not codes or answer.code in codes, f"{about} was answered with {answer}, not with {wanted}")

    def needs(self, capability: str) -> dict[str, Any]:
        """The server's capability of this name.

        Raises:
            NotApplicable: where it was not declared.
        """
        found = self.trial.known(self.revision).capabilities.get(capability)
        if not isinstance(found, dict):
            raise NotApplicable(f"the server does not declare {capability}")
        return found

    def fits(self, answer: Answer, method: str, about: str) -> Any:
        """The result of an answer, which must fit what the revision says of the results of `method`."""
        from .schemas import faults

        result = self.expect_result(answer, about)
        found = faults(answer.seen.value, self.revision, method)
        self.check(not found, f"in the answer to {about}, {found[0] if found else ''}", *self._unless_said(answer))
        return result

    @property
    def tour(self) -> "Tour":
        """What the server offers in this revision."""
        return self.trial.tour(self.revision)

    @contextlib.contextmanager
    def preparing(self, what: str) -> Iterator[None]:
        """What is done here is no part of the rule: where it fails, nothing is known."""
        try:
            yield
        except Broken as broken:
            raise Inconclusive(f"{what} failed: {broken.why}", self.exchange()) from None

    def _unless_said(self, answer: Answer) -> list[Any]:
        """The answer, where it came in another conversation than this one."""
        return [] if id(answer.seen) in self._said else [answer.seen.value]

    @contextlib.contextmanager
    def another(self, **how: Any) -> Iterator["Talk"]:
        """Another conversation, whose exchange is shown where it breaks the rule."""
        with self.trial.open(self.revision, **how) as other:
            try:
                yield other
            except Broken:
                self._exchange.extend(other.exchange())
                raise

    # The exchange

    def begin(self) -> None:
        """A case begins: what was said before is no part of it."""
        self.unclaimed()
        self.judged = self.strays = 0
        self._exchange.clear()

    def exchange(self, most: int = 14) -> tuple[Line, ...]:
        """The exchange since the case began: its beginning and its end, with secrets masked."""
        lines = list(self._exchange)
        if ending := self.link.ending():
            lines += [Line(self.now(), "stderr", self._safe(text)) for text in self.link.errors()]
            lines.append(Line(self.now(), "event", f"the server {ending}"))
        elif self.link.transport != "stdio":  # where a refusal may be all that came back
            lines += [Line(self.now(), "event", self._safe(text)) for text in self.link.errors()]
        if len(lines) > most:
            first, last = lines[: most // 2], lines[-(most - most // 2) :]
            left_out = Line(self._shown(lines[most // 2]).t, "event", f"{len(lines) - most} lines are left out")
            lines = [*first, left_out, *last]
        return tuple(map(self._shown, lines))

    def note(self, by: Literal["kit", "subject"], text: str) -> None:
        """Note what was said outside of messages."""
        self._note(by, text, len(text))

    def happened(self, text: str) -> None:
        """Note something that is no message."""
        self._exchange.append(Line(self.now(), "event", text))

    def now(self) -> float:
        """Seconds since the subject was started."""
        return round(time.monotonic() - self.link.started, 4)

    def _note(self, by: Any, text: str, size: int) -> None:
        self._exchange.append((self.now(), by, text, size))

    def _shown(self, line: "Line | _Said") -> Line:
        if isinstance(line, Line):
            return line
        t, by, text, size = line
        return Line(t, by, self._safe(text) + (f" ({size} bytes in all)" if size > _WIDTH else ""))

    def _safe(self, text: str) -> str:
        return quoted(text, self.trial.secrets, _WIDTH)

    # The wire

    def read(self, timeout: float) -> None:
        """Take in one more line, if one comes in time.

        Raises:
            Broken: where the subject is gone.
        """
        if self.trial.stopping:
            raise Inconclusive("the run was interrupted")
        line = self.link.read(max(timeout, 0))
        if line is None:
            if self.link.ended and (gone := self._gone()):
                raise self._lost(gone)
            return
        self.found = self.found or bool(self.sought and self.sought in line)
        self._note("subject", line[: 4 * _WIDTH].decode("utf-8", "backslashreplace"), len(line))
        whole = decode(line, self.now())
        if whole.kind == "batch" and self.revision != BATCHES:
            self._take(Seen(whole.t, None, "none", f"an array, and {self.revision} has no batches"))
        for seen in whole.messages():
            self._take(seen)

    def _glance(self, timeout: float) -> None:
        """The same, for no longer than it takes to see that a connection was closed without a message."""
        self.read(min(timeout, _GLANCE))

    def _take(self, seen: Seen) -> None:
        self._watch.judge(seen, self.exchange)
        self._said.add(id(seen))
        if seen.kind in ("result", "error") and isinstance(seen.id, str) and seen.id in self._fences - self._fenced:
            self._fenced.add(seen.id)  # also where it comes late: it is nobody's answer
            return
        if seen.kind == "request" and not self.modern:
            self._reply(seen)
        self._inbox.append(seen)
        self._inbox_size += seen.size
        if len(self._inbox) > _FLOOD:
            raise Broken(f"the server wrote more than {_FLOOD} messages that nobody asked for")
        if self._inbox_size > _FLOOD_SIZE:
            raise Broken(f"the server wrote more than {_FLOOD_SIZE >> 20} MiB that nobody asked for")

    def _reply(self, seen: Seen) -> None:
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": seen.id}
        if seen.method == "ping":
            answer["result"] = {}
        else:
            answer["error"] = {"code": -32601, "message": "Method not found"}
        with contextlib.suppress(Broken):
            self.send(answer)

    def _claim(self, fits: Any) -> Seen | None:
        for index, seen in enumerate(self._inbox):
            if fits(seen):
                self._inbox_size -= seen.size
                return self._inbox.pop(index)
        return None

    def _fence_methods(self) -> list[str]:
        """What a subject answers at any time; another one than the first only where there is one."""
        if self.modern:
            return ["server/discover"]
        return ["ping", "tools/list"] if self.trial.fence_method == "ping" else ["tools/list", "ping"]

    def _send_fence(self, method: str = "") -> str:
        ident = self._new_fence()
        method = method or self._fence_methods()[0]
        self.request(method, {} if method == "tools/list" else None, ident=ident)
        return ident

    def _new_fence(self) -> str:
        ident = f"fence-{len(self._fences) + 1}"
        self._fences.add(ident)
        return ident

    def _gone(self) -> str:
        return self.link.ending()

    def _lost(self, how: str) -> Ended:
        """The subject is gone: what we said may be the reason, or nobody was there to hear it."""
        return (Absent if self.link.vanished else Broken)(f"the server {how}")

    def _silent(self, then: str = "") -> Broken:
        if self.link.idle:
            told = "".join(f" ({self._safe(text)})" for text in self.link.errors()[-1:])
            return Broken(f"the server {then}sent no message{told}")
        return Broken(f"the server {then}answered nothing for {self._timeout:g} s")


def _value(line: bytes) -> Any:
    """The JSON value of what we send, as far as it has one."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(line)
    return None


def _answers(ident: Any) -> Any:
    key = id_key(ident)
    return lambda seen: seen.kind in ("result", "error") and id_key(seen.id) == key


def unasked(came: Sequence[Seen]) -> list[Seen]:
    """Of what came, that which is an answer or no message at all; notifications and requests may come at any time."""
    return [seen for seen in came if seen.kind in ("result", "error", "none", "batch")]


def told(seen: Seen) -> str:
    """A message in a few words, for a reason."""
    if seen.kind == "none":
        return f"a line that is no message ({seen.problem})"
    if seen.kind == "error":
        error = seen.value.get("error")
        return f"error {error.get('code')}" if isinstance(error, dict) else "an error"
    return {"result": "a result", "batch": "a batch"}.get(seen.kind, f"{seen.kind} {printable(seen.method[:80])}")
