"""Replaying what the fuzzer found: the invariants judge the answers, not what was recorded.

The host's bytes are sent as they were, in the same writes. A recorded answer is waited for, whatever is in it now, so
that what follows is said at the same point.
"""

import time
from collections.abc import Mapping
from typing import Any

from connect_mcp.base.process import Child

from .comparison import Change, Matching
from .invariants import Invariants
from .player import Inconclusive, Peer, Player, is_answer_to, key_of, line_of
from .session import Event, Header

JUDGED = "judged"
"""The member of a session's header that says so; it tells how: `strict`, and the `secret` that the server was given."""

_PAUSE = 0.02  # seconds between the writes of one line
_SETTLE = 0.2  # seconds for what comes after all was answered


def judgement(header: Header) -> Mapping[str, Any] | None:
    """What a session's header says of how it is to be judged; None where its own answers are the measure."""
    said = header.more.get(JUDGED)
    return said if isinstance(said, dict) else None


def variables(header: Header) -> dict[str, str]:
    """The variables that the server is to be given besides."""
    secret = (judgement(header) or {}).get("secret")
    pair = (secret.get("name"), secret.get("value")) if isinstance(secret, dict) else (None, None)
    return {pair[0]: pair[1]} if isinstance(pair[0], str) and isinstance(pair[1], str) else {}


class Judged(Player):
    """Every byte as it was, and only the invariants count."""

    def __init__(self, peer: Peer, matching: Matching, timeout: float, header: Header) -> None:
        super().__init__(peer, matching, timeout)
        said = judgement(header) or {}
        secret = next(iter(variables(header).values()), "")
        self._law = Invariants(
            header.revision or "",
            strict=said.get("strict") is True,
            secret=secret.encode(),
            over_http=not isinstance(peer, Child),
        )
        self._begun = b""
        self._broken = False

    def send_event(self, event: Event) -> None:
        """Send the bytes that were sent."""
        raw = line_of(event.msg) if event.raw is None else event.raw
        self._sent(raw + event.end.encode())
        self.send_raw(raw, event.end)
        if not event.end:
            time.sleep(_PAUSE)

    def expect(self, event: Event) -> None:
        """Wait for the answer that had come here."""
        message = event.msg
        if self._broken or not isinstance(message, dict) or "method" in message or "id" not in message:
            return
        key = key_of(message["id"])
        if key in self._law.due:
            self.awaited(event, f"the answer {key}", is_answer_to(key))

    def arrived(self, line: bytes) -> None:
        """A line came."""
        if line.strip():
            self.answers += 1
            problem = self._law.received(line)
            if problem is not None:
                self.differs(None, problem.what)
        super().arrived(line)
        self.inbox.strays.clear()  # each was judged already

    def differs(self, number: int | None, what: str, changes: tuple[Change, ...] = ()) -> None:
        """What does not come is what the invariants tell of; the first of all that is wrong counts."""
        if not self._broken:
            self._broken = True
            super().differs(None, what, changes)

    def close(self) -> None:
        """The host has said all: now everything must be answered."""
        if not self.closed:
            self._wait()
        super().close()

    def end(self, exited: Event | None) -> None:
        """Nothing is promised of how it ends."""

    def _wait(self) -> None:
        deadline = time.monotonic() + self.timeout
        calm: float | None = None
        while not self._broken:
            now = time.monotonic()
            if not self._law.due:
                calm = deadline = calm or now + _SETTLE
            line = self.peer.read_line(max(0.0, min(0.25, deadline - now)))
            if line is not None:
                self.arrived(line)
            elif self.gone():
                self.differs(None, f"the server {self.ending()}")
            elif time.monotonic() >= deadline:
                silent = self._law.silent()
                if silent is not None:
                    self.differs(None, silent.what)
                return

    def _sent(self, data: bytes) -> None:
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            self._law.sent(line)

    def write(self, data: bytes) -> None:
        """Send bytes; a server that is gone is what was looked for."""
        try:
            super().write(data)
        except Inconclusive as stopped:
            self.differs(None, stopped.reason)
