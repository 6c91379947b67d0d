"""The host's side in a replay: it sends, waits within bounds, and says how a server came to its end.

Whatever the server does, every call here returns within its time.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator
from typing import Protocol, cast

from connect_mcp.base.process import Child
from connect_mcp.base.text import printable

from .comparison import Change, Matching
from .report import Difference, for_report
from .session import Event, Json, parsed_message

UNPROMISED = frozenset({"notifications/progress", "notifications/message"})
"""Notifications whose number nobody promises."""

FENCE = "connect-mcp-fence"
"""The id of the ping that tells a slow server from one that will not answer."""

_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_DRAIN = 2.0  # seconds to read what is left of a server's output
_MOST_DIFFERENCES = 1000
_UNCLAIMED = 1000  # messages that nobody asked for, before a server is said to flood

Message = dict[str, Json]


class Peer(Protocol):
    """A server, as lines in and lines out; `Child` is one over stdio."""

    started: float

    @property
    def ended(self) -> bool:
        """Whether no line will come any more, and all were read."""

    def send(self, data: bytes, timeout: float = 10.0) -> bool:
        """Send a line with its end; False where it was not taken in time."""

    def read_line(self, timeout: float) -> bytes | None:
        """The next line without its LF; None where none came in time or the output ended."""

    def close_stdin(self) -> None:
        """Say that nothing more will be sent."""

    def signal(self, number: int) -> None:
        """Send a signal, where there is a process."""

    def wait(self, timeout: float) -> int | None:
        """The exit code, or None where it still runs."""

    def stderr_tail(self, lines: int = 10, width: int = 300) -> tuple[str, ...]:
        """The last lines of error output, safe to print."""


class Inconclusive(Exception):
    """A replay cannot go on, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Inbox:
    """What the server wrote and nothing has claimed yet."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.strays: list[bytes] = []

    def add(self, line: bytes) -> Json:
        """Keep the messages in a line until they are claimed; its value, or None where it is no message."""
        value: Json = parsed_message(line)
        several = value if isinstance(value, list) else [value]
        if not value or not all(isinstance(item, dict) for item in several):
            value = None
            self.strays += [line] if line.strip() else []
        else:
            self.messages += cast("list[Message]", several)
        if len(self.messages) + len(self.strays) > _UNCLAIMED:
            raise Inconclusive(f"the server wrote more than {_UNCLAIMED} messages that were not recorded")
        return value

    def claim(self, fits: Callable[[Message], bool]) -> Message | None:
        """The first message that fits, which nobody else gets."""
        for index, message in enumerate(self.messages):
            if fits(message):
                return self.messages.pop(index)
        return None


class Player:
    """The host's side of one session.

    Args:
        peer: the server.
        matching: what stands for what.
        timeout: seconds to wait for a message beyond the time that the recorded one took.

    Attributes:
        client: the host's name and version, as it gave them.
        answers: how many messages of the server were looked at.
        differences: what was not as it should be.
        notes: what was done otherwise than recorded, and why.
        end_patience: seconds for a server to end after its input did.
        fence_patience: seconds for an answer to the ping that tells a slow server from one that will not answer.
    """

    end_patience = 5.0
    fence_patience = 5.0

    def __init__(self, peer: Peer, matching: Matching, timeout: float) -> None:
        self.peer = peer
        self.matching = matching
        self.timeout = timeout
        self.inbox = Inbox()
        self.methods: dict[str, str] = {}  # of the requests sent and not answered, by their id as JSON text
        self.signalled = self.closed = False
        self.last = 0.0  # when the recorded event before this one happened
        self.client = ""
        self.answers = 0
        self.differences: list[Difference] = []
        self.notes: list[str] = []

    def play(self, events: Iterator[Event]) -> None:
        """Play all events, and end the server as its host did.

        Raises:
            Inconclusive: where it cannot be played to its end.
        """
        exited: Event | None = None
        for event in events:
            if event.ev == "host":
                self.send_event(event)
            elif event.ev == "server":
                self.expect(event)
            elif event.ev == "eof" and event.more["of"] == "stdin":
                self.close()
            elif event.ev == "signal":
                self.send_signal(str(event.more["name"]))
            elif event.ev == "exit":
                exited = event
            self.last = event.t
        self.close()
        self.end(exited)

    def send_event(self, event: Event) -> None:
        """Send what the host sent."""
        raise NotImplementedError

    def expect(self, event: Event) -> None:
        """Wait for what the server had sent."""
        raise NotImplementedError

    def end(self, exited: Event | None) -> None:
        """Judge how the server ended, and what else it wrote; its input is closed."""
        raise NotImplementedError

    def arrived(self, line: bytes) -> None:
        """A line came."""
        self.inbox.add(line)

    # What is sent

    def note_request(self, message: Message, method: str) -> None:
        """Remember a request, so that its answer can be named."""
        if "id" in message:
            self.methods[key_of(self.matching.filled_value(message["id"]))] = method
        params = message.get("params")
        info: Json = None
        if isinstance(params, dict):
            meta = params.get("_meta")
            modern = meta.get("io.modelcontextprotocol/clientInfo") if isinstance(meta, dict) else None
            info = params.get("clientInfo") if method == "initialize" else modern
        if not self.client and isinstance(info, dict):
            self.client = f"{info.get('name')} {info.get('version')}"

    def send_message(self, message: Json, end: str = "\n") -> None:
        """Send a message with values for its placeholders."""
        self.write(line_of(self.matching.filled_value(message)) + end.encode())

    def send_raw(self, raw: bytes, end: str) -> None:
        """Send a line that is no message, with values for its placeholders."""
        text = self.matching.filled(raw.decode("utf-8", "surrogateescape"))
        self.write(text.encode("utf-8", "surrogateescape") + end.encode())

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            Inconclusive: where the server does not take them.
        """
        if self.peer.send(data, self.timeout):
            return
        if not isinstance(self.peer, Child):
            raise Inconclusive("the server could not be reached any more")
        if self.peer.wait(0.5) is None and not self.peer.ended:
            raise Inconclusive(f"the server did not read its input for {self.timeout:g} s")
        raise Inconclusive(f"the server {self.ending()} before the host had sent everything")

    def close(self) -> None:
        """End the server's input."""
        self.closed = True
        self.peer.close_stdin()

    def send_signal(self, name: str) -> None:
        """Send a signal by its name; one that this system does not have is left out."""
        number = getattr(signal, name, None) if name.startswith("SIG") else None
        if number is not None:
            self.signalled = True
            self.peer.signal(number)

    # What comes

    def awaited(self, event: Event, about: str, fits: Callable[[Message], bool]) -> Message | None:
        """The message that a recorded one asks for; None, with the difference noted, where it will not come."""
        found: list[Message] = []

        def is_there() -> bool:
            message = self.inbox.claim(fits)
            found.extend([message] if message is not None else [])
            return message is not None

        self.wait_for(is_there, about, event, self.timeout + max(event.t - self.last, 0.0))
        return found[0] if found else None

    def wait_for(self, is_there: Callable[[], bool], about: str, event: Event, patience: float) -> bool:
        """Read until `is_there`, or until it is clear that it will not be: then the difference is noted.

        Raises:
            Inconclusive: where the server died or answers nothing any more.
        """
        deadline = time.monotonic() + patience
        while not is_there():
            line = self.peer.read_line(min(0.25, max(deadline - time.monotonic(), 0)))
            if line is not None:
                self.arrived(line)
                if time.monotonic() < deadline:
                    continue
            elif self.gone():
                if not (self.closed or self.signalled):
                    raise Inconclusive(f"the server {self.ending()} before {about} came")
                self.differs(event.number, f"{about} never came: the server {self.ending()}")
                return False
            if time.monotonic() >= deadline:
                if self.closed or not self.answers_a_ping():
                    raise Inconclusive(f"{about} did not come within {patience:.1f} s{self._said()}")
                self.differs(event.number, f"{about} did not come within {patience:.1f} s; a later ping was answered")
                return False
        return True

    def _said(self) -> str:
        """The last line that was no message: it often says why no message comes."""
        if not self.inbox.strays:
            return ""
        return f"; it wrote {for_report(self.inbox.strays[-1].decode('utf-8', 'backslashreplace'))}"

    def answers_a_ping(self) -> bool:
        """Whether the server still answers; what else it says meanwhile is kept."""
        if not self.peer.send(line_of({"jsonrpc": "2.0", "id": FENCE, "method": "ping"}) + b"\n", 1.0):
            return False
        deadline = time.monotonic() + self.fence_patience
        while (remaining := deadline - time.monotonic()) > 0:
            line = self.peer.read_line(remaining)
            if line is not None:
                self.arrived(line)
            if self.inbox.claim(lambda got: "method" not in got and got.get("id") == FENCE) is not None:
                return True
            if line is None and self.peer.ended:
                return False
        return False

    def gone(self) -> bool:
        """Whether nothing will come any more; a process that the server left behind may hold its output open."""
        if self.peer.ended:
            return True
        if self.peer.wait(0) is None:
            return False
        line = self.peer.read_line(0.25)
        if line is not None:
            self.arrived(line)
        return line is None

    def drain(self) -> None:
        """Take in what was written and not read yet; a server that still runs may never stop writing."""
        deadline = time.monotonic() + _DRAIN
        while time.monotonic() < deadline and (line := self.peer.read_line(0)) is not None:
            self.arrived(line)

    def ending(self) -> str:
        """How the server ended, in a few words."""
        code = self.peer.wait(1.0)
        if code is None or not isinstance(self.peer, Child):
            return "closed its standard output" if isinstance(self.peer, Child) else "closed the connection"
        how = f"exited with code {code}" if code >= 0 else f"was ended by signal {-code}"
        words = self.peer.stderr_tail(lines=1, width=2000)
        return f"{how} ({for_report(words[0])})" if words else how

    def judge_strays(self) -> None:
        """Each line that is no message is a difference, of many the first."""
        for stray in self.inbox.strays[:3]:
            text = for_report(stray.decode("utf-8", "backslashreplace"))
            self.differs(None, f"a line that is no message was not recorded: {text}")

    def differs(self, number: int | None, what: str, changes: tuple[Change, ...] = ()) -> None:
        """Note a difference about a line of the session; of very many the first are kept."""
        if len(self.differences) < _MOST_DIFFERENCES:
            self.differences.append(Difference(number, what, changes))


def about_answer(method: str | None, key: str) -> str:
    """What an answer is called in a report."""
    return f"the answer to {printable(method)} (id {printable(key)})" if method else f"the answer {printable(key)}"


def is_answer_to(key: str) -> Callable[[Message], bool]:
    """Tells the answer to the request of this id."""
    return lambda got: "method" not in got and "id" in got and key_of(got["id"]) == key


def key_of(identity: Json) -> str:
    """An id as JSON text: 1, 1.0 and "1" are three different ids."""
    return repr(identity) if type(identity) is int else _COMPACT.encode(identity)


def line_of(value: Json) -> bytes:
    """A message as a line without its end."""
    try:
        return _COMPACT.encode(value).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
