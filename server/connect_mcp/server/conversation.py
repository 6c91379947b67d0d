"""The core over HTTP: which POST each of its messages belongs to. All of it runs on one event loop's thread."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from connect_mcp.server.results import Failure, failure

if TYPE_CHECKING:
    from connect_mcp.server.core import Core, Note
    from connect_mcp.server.exchange import Call
    from connect_mcp.server.stdio import Runner

END = object()
"""What `Reply.next` gives when nothing more will come."""

_ENDED = Failure("CANCELLED", "The session ended before this call was done.", hint="Its outcome is unknown.")


class Reply:
    """What one HTTP request is answered with, message by message.

    Args:
        streamed: whether the client takes notifications before the answer.

    Attributes:
        streamed: as above.
        open: how many calls may still add to it.
        owed: whether it was asked for; a notification is answered with nothing.
    """

    def __init__(self, *, streamed: bool) -> None:
        self.streamed = streamed
        self.open = 0
        self.owed = False
        self._messages: asyncio.Queue[Any] = asyncio.Queue()

    def put(self, messages: list[Any]) -> None:
        """Add messages; notifications only where the client takes them."""
        for message in messages:
            if self.streamed or not is_notification(message):
                self._messages.put_nowait(message)

    def close(self) -> None:
        """Nothing more will come."""
        self._messages.put_nowait(END)

    async def next(self) -> Any:
        """The next message, or `END`."""
        return await self._messages.get()


class Conversation:
    """A core, the calls that it started, and the replies that wait for them.

    Args:
        core: of this conversation alone.
        calls: shared by all conversations.
        loop: the event loop that all of this runs on.
        now: seconds, by a clock that is never set back.

    Attributes:
        used: when something last happened, by that clock.
        streams: the open replies that wait for no call.
    """

    def __init__(
        self, core: Core, calls: Runner, loop: asyncio.AbstractEventLoop, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._core = core
        self._calls = calls
        self._loop = loop
        self._now = now
        self._replies: dict[Call, Reply] = {}
        self.streams: set[Reply] = set()
        self.used = now()

    @property
    def idle(self) -> bool:
        """Whether nobody waits for anything."""
        return not self._replies and not self.streams

    def receive(self, body: bytes, *, streamed: bool) -> Reply:
        """Take the body of a POST; what it is answered with."""
        self.used = self._now()
        reply = Reply(streamed=streamed)
        turn = self._core.receive(body)
        # A batch that only waited for a call which is cancelled here is the answer to the POST that brought the batch.
        owners = {
            id(call.asked.batch.answers): self._replies.get(call, reply) for call in turn.stop if call.asked.batch
        }
        for message in turn.send:
            owners.get(id(message), reply).put([message])
        for call in turn.stop:
            self._calls.stop(call)
            self._leave(call)
        for call in turn.start:
            if call not in turn.stop:
                reply.open += 1
                reply.owed = True
                self._replies[call] = reply
                self._calls.start(call, self._on_the_loop(self._done), self._on_the_loop(self._tell))
        if self._core.listening:
            self.streams.add(reply)
        elif not reply.open:
            reply.close()
        return reply

    def stream(self) -> Reply:
        """A reply that stays open until the conversation ends or its client goes."""
        reply = Reply(streamed=True)
        self.streams.add(reply)
        return reply

    def drop(self, reply: Reply) -> None:
        """Nobody reads this stream any more."""
        self.streams.discard(reply)
        self.used = self._now()

    def end(self) -> None:
        """Stop the calls and answer them, and close every reply."""
        for call in list(self._replies):
            self._calls.stop(call)
            self._done(call, failure(_ENDED))
        answers = self._core.abandon().send
        for reply in self.streams:
            reply.put(answers)
            reply.close()
        self.streams = set()

    def _done(self, call: Call, result: dict[str, Any]) -> None:
        if call in self._replies:
            self._replies[call].put(self._core.finish(call, result))
            self._leave(call)

    def _tell(self, call: Call, note: Note) -> None:
        if call in self._replies and self._replies[call].streamed:
            self._replies[call].put(self._core.tell(call, note))

    def _leave(self, call: Call) -> None:
        """Take a call out that is over, and close its reply if it was the last one in it."""
        self.used = self._now()
        reply = self._replies.pop(call, None)
        if reply is not None:
            reply.open -= 1
            if not reply.open:
                reply.close()

    def _on_the_loop(self, act: Callable[[Call, Any], None]) -> Callable[[Call, Any], None]:
        """`act` for the thread of the calls."""

        def later(call: Call, value: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, so nobody waits any more
                self._loop.call_soon_threadsafe(act, call, value)

        return later


class Sessions:
    """The conversations of the revisions that have sessions, by their ids: so many at most, and none idle for long.

    Args:
        most: how many there may be. The one that was idle the longest makes room for a new one.
        seconds: how long one may be idle.
        now: seconds, by the clock of the conversations.
    """

    def __init__(self, most: int, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._now = now
        self._sessions: dict[str, Conversation] = {}

    def open(self, conversation: Conversation) -> str | None:
        """Keep a conversation; its id, which nobody can guess. None if too many are busy."""
        self._expire()
        if len(self._sessions) >= self._most:
            idle = [ident for ident, kept in self._sessions.items() if kept.idle]
            if not idle:
                return None
            self.close(min(idle, key=lambda ident: self._sessions[ident].used))
        ident = secrets.token_urlsafe(32)
        self._sessions[ident] = conversation
        return ident

    def find(self, ident: str) -> Conversation | None:
        """The conversation of this id, if it has not ended."""
        self._expire()
        return self._sessions.get(ident)

    def close(self, ident: str) -> None:
        """End a conversation that is kept."""
        self._sessions.pop(ident).end()

    def close_all(self) -> None:
        """End all of them."""
        for ident in list(self._sessions):
            self.close(ident)

    def _expire(self) -> None:
        last = self._now() - self._seconds
        for ident in [ident for ident, kept in self._sessions.items() if kept.idle and kept.used < last]:
            self.close(ident)


def is_notification(message: Any) -> bool:
    """Whether a message of ours is a notification; the others are answers."""
    return isinstance(message, dict) and "method" in message
