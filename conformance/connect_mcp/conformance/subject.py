"""A subject: any server, as lines in and lines out, bounded in time, memory and output whatever it does."""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from connect_mcp.base.masking import masked, secret_values, telling_values
from connect_mcp.base.process import Bounds, Child
from connect_mcp.base.text import printable

from .guard import Guard
from .wire import LONGEST

_BOUNDS = Bounds(line=LONGEST)


class Link(Protocol):
    """An open conversation with a subject; whatever is sent and comes back is one message in a line."""

    transport: Literal["stdio", "http", "sse"]
    started: float

    @property
    def vanished(self) -> bool:
        """Whether nobody is there, for a reason that nothing said in this conversation can be."""

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more and everything that came was read."""

    @property
    def idle(self) -> bool:
        """Whether nothing can come before more is sent, and everything that came was read; not known over stdio."""

    def send(self, data: bytes, timeout: float) -> bool:
        """Send these bytes as they are; False where they were not taken in time."""

    def read(self, timeout: float) -> bytes | None:
        """The next line without its line feed; None where none came in time or the output ended."""

    def ending(self) -> str:
        """How the subject came to its end, in a few words safe to print once masked; empty where it has not."""

    def errors(self) -> tuple[str, ...]:
        """The last lines that it wrote on standard error, safe to print once masked."""

    def close(self) -> None:
        """End the conversation and, where we started it, the subject with all that it started."""


class Subject(Protocol):
    """A server that conversations can be opened with."""

    transport: Literal["stdio", "http", "sse"]
    name: str
    secrets: Sequence[str]

    def open(self, *, deaf: bool = False, more_env: Mapping[str, str] | None = None) -> Link:
        """A new conversation: over stdio, with a new process, which may be given more variables.

        Raises:
            Refused: where it cannot be started.
        """


class StdioLink:
    """A process of a server."""

    transport: Literal["stdio", "http", "sse"] = "stdio"

    def __init__(self, child: Child, guard: Guard, patience: float) -> None:
        self._patience = patience
        self.child = child
        self.started = child.started
        self._guard = guard
        self._drained = False
        guard.watch(child.pid)

    @property
    def ended(self) -> bool:
        """Whether its output is over: closed and read, or its process gone and nothing left to read."""
        return self.child.ended or self._drained

    @property
    def vanished(self) -> bool:
        """A process is there for this conversation alone: whatever ends it happens in it."""
        return False

    @property
    def idle(self) -> bool:
        """A process may say something at any time."""
        return False

    @property
    def dropped(self) -> int:
        """How many bytes of its output went beyond our bounds."""
        return self.child.dropped

    def send(self, data: bytes, timeout: float) -> bool:
        """Write to its standard input."""
        return self.child.send(data, timeout)

    def read(self, timeout: float) -> bytes | None:
        """The next line of its standard output; a process that is gone is waited for no longer than it takes to see."""
        deadline = time.monotonic() + timeout
        while True:
            gone = self.child.wait(0) is not None
            line = self.child.read_line(max(0, min(0.25, deadline - time.monotonic())))
            if gone and line is None:
                self._drained = True  # what a dead server left running may hold its output open
            if line is not None or self.ended or time.monotonic() >= deadline:
                return line

    @property
    def gone(self) -> bool:
        """Whether its process has ended."""
        return self.child.wait(0) is not None

    def ending(self) -> str:
        """How the process ended; empty where it runs and its output is open."""
        code = self.child.wait(0.5 if self.ended else 0)
        if code is None:
            return "closed its standard output" if self.ended else ""
        return f"exited with code {code}" if code >= 0 else f"was ended by signal {-code}"

    def errors(self) -> tuple[str, ...]:
        """The last lines of its standard error; of a process that is gone, also those that are still on their way."""
        return self.child.stderr_tail(lines=6, width=2000)

    def close(self) -> None:
        """End the process and its group, as a host does it: end of input, SIGTERM, SIGKILL."""
        try:
            self.child.stop(after_eof=self._patience, after_term=self._patience)
        finally:
            self._guard.forget(self.child.pid)


class StdioSubject:
    """A server that is started by a command.

    Args:
        argv: the command.
        guard: sees to it that its processes end with us.
        env: its whole environment; None passes ours on.
        cwd: its working folder; None for ours.
        patience: seconds that a process has to end after its input did, and again after SIGTERM, before it is killed.
    """

    transport: Literal["stdio", "http", "sse"] = "stdio"

    def __init__(
        self,
        argv: Sequence[str],
        guard: Guard,
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        patience: float = 1.0,
    ) -> None:
        self._patience = patience
        self._argv = tuple(argv)
        self._env = env
        self._cwd = cwd
        self._guard = guard
        secret = telling_values(os.environ if env is None else env) | secret_values({"args": list(argv)})
        self.secrets: Sequence[str] = sorted(secret)
        self.name = printable(masked(" ".join(argv), secret))

    def open(self, *, deaf: bool = False, more_env: Mapping[str, str] | None = None) -> StdioLink:
        """Start a process of it, with more variables in its environment where some are given.

        `deaf` leaves its standard error unread, so that the pipe fills up.
        """
        env = self._env
        if more_env:
            env = {**(os.environ if env is None else env), **more_env}
        return StdioLink(
            Child(self._argv, env=env, cwd=self._cwd, bounds=_BOUNDS, deaf=deaf), self._guard, self._patience
        )
