"""The stdio transport: lines in through descriptor 0, lines out through descriptor 1, and nothing else on either.

A few threads, so that nothing waits for anything else: the main one reads and answers, one writes, one waits for
signals, and one runs the calls (`calls`, started by the first call).

On the way to the first tools/list answer: the standard library only, and only what starts fast.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time

from connect_mcp.server import wire
from connect_mcp.server.core import Core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Protocol

    from connect_mcp.server.core import Note
    from connect_mcp.server.exchange import Call, Turn

    class Runner(Protocol):
        """What runs the calls."""

        def start(
            self, call: Call, done: Callable[[Call, dict[str, Any]], None], tell: Callable[[Call, Note], None]
        ) -> None:
            """Run `call` in the background; its result goes to `done`, its notes to `tell`, on any thread."""

        def stop(self, call: Call) -> None:
            """Stop `call`; its result no longer matters."""

        def close(self, seconds: float) -> bool:
            """Stop everything; whether all of it ended within `seconds`."""


MAX_LINE = 32 * 1024 * 1024
"""Bytes of the longest message that is read."""

MAX_UNSENT = 64 * 1024 * 1024
"""Bytes of answers that wait for a client to read them before this server stops reading more requests."""

CALLS_AFTER_EOF = 1.5
"""Seconds that running calls get after the client closed its side; a host waits about two for the process to go."""

UNREAD_AFTER_EOF = 2.0
"""Seconds that a client which closed its side may leave our last answers without reading any more of them."""

_CHUNK = 65536


def take_over() -> tuple[int, int]:
    """Private descriptors for the two protocol streams.

    From here on whatever a library or a child process prints lands on stderr, and nobody else reads the client's
    messages.

    Raises:
        OSError: if the process was started without a stdin or stdout.
    """
    os.fstat(1)  # or the copy of 0 would become 1
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # no stderr either
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
    os.close(nothing)
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (source, sink):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return source, sink


def leave_on_signals() -> None:
    """End the process at SIGTERM and SIGINT at once, with exit code 0. Comes before any other thread is started.

    Hosts give 1 to 100 ms before they kill, and interpreter shutdown takes longer than that. Nothing is lost: answers
    are written as they come, and whoever asks for the end no longer waits for more.
    """
    signals = (signal.SIGTERM, signal.SIGINT)
    if sys.platform == "win32":
        for number in signals:
            signal.signal(number, lambda _number, _frame: os._exit(0))
        return

    def leave() -> None:
        signal.sigwait(signals)
        os._exit(0)

    # A handler would run on the main thread only, and not before its next read returns if the signal came just before.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    threading.Thread(target=leave, name="signals", daemon=True).start()


def serve(core: Core, calls: Runner, source: int, sink: int) -> int:
    """Talk to one client until it closes its side or can no longer be written to; the exit code is returned."""
    connection = _Connection(core, calls, _Writer(sink))
    for line in lines(source, MAX_LINE):
        connection.receive(line)
    return connection.end()


def lines(source: int, limit: int) -> Iterator[bytes | None]:
    """The lines of a descriptor without their LF, an unfinished last one too; None for one longer than `limit`."""
    line, skipping = bytearray(), False
    while chunk := _read(source):
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            line += piece
            yield None if skipping or len(line) > limit else bytes(line)
            line, skipping = bytearray(), False
        line += rest
        if len(line) > limit:
            line, skipping = bytearray(), True
    if line or skipping:
        yield None if skipping else bytes(line)


def _read(source: int) -> bytes:
    while True:
        try:
            return os.read(source, _CHUNK)
        except BlockingIOError:  # a host that made its pipe non-blocking made ours so too
            select.select([source], [], [])
        except OSError:  # a socket that was reset rather than closed
            return b""


class _Writer:
    """Writes lines in the order in which they were put, on a thread of its own.

    A client that does not read cannot keep this server from reading its requests, up to `MAX_UNSENT`.
    """

    def __init__(self, sink: int) -> None:
        self._sink = sink
        self._changed = threading.Condition()
        self._unsent: list[bytes] = []
        self._size = 0
        threading.Thread(target=self._run, name="writer", daemon=True).start()

    def put(self, line: bytes) -> None:
        """Queue one line; waits while too much is unsent."""
        with self._changed:
            self._changed.wait_for(lambda: self._size < MAX_UNSENT)
            self._unsent.append(line)
            self._size += len(line)
            self._changed.notify_all()

    def drain(self, seconds: float) -> None:
        """Wait until everything is written, or nothing more was for `seconds`: a slow reader loses no answer."""
        with self._changed:
            while self._size and self._changed.wait(seconds):
                pass

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._unsent))
                batch, self._unsent = b"".join(self._unsent), []
            try:
                self._write(batch)
            except OSError:  # nobody is left who could be answered
                os._exit(0)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                written = os.write(self._sink, rest[:_CHUNK])  # a pipe takes no more at once, and `drain` sees it move
            except BlockingIOError:
                select.select([], [self._sink], [])
                continue
            rest = rest[written:]
            with self._changed:
                self._size -= written
                self._changed.notify_all()


class _Connection:
    """The core, made safe to use from the reading thread and from the one that runs the calls."""

    def __init__(self, core: Core, calls: Runner, writer: _Writer) -> None:
        self._core = core
        self._calls = calls
        self._writer = writer
        self._changed = threading.Condition()

    def receive(self, line: bytes | None) -> None:
        with self._changed:
            if line is None:
                self._send([self._core.reject_long(MAX_LINE)])
                return
            turn = self._core.receive(line)
            self._send(turn.send)
        self._act(turn)

    def end(self) -> int:
        """Answer what is still open and stop."""
        deadline = time.monotonic() + CALLS_AFTER_EOF
        with self._changed:
            self._changed.wait_for(lambda: self._core.idle, deadline - time.monotonic())
            turn = self._core.abandon()
            self._send(turn.send)
        self._act(turn)
        self._writer.drain(UNREAD_AFTER_EOF)
        if not self._calls.close(0.2):
            os._exit(0)  # a name look-up or the like, which cannot be stopped, would keep the process
        return 0

    def _act(self, turn: Turn) -> None:
        for call in turn.stop:
            self._calls.stop(call)
        for call in turn.start:
            self._calls.start(call, self._done, self._tell)

    def _done(self, call: Call, result: dict[str, Any]) -> None:
        with self._changed:
            self._send(self._core.finish(call, result))
            self._changed.notify_all()

    def _tell(self, call: Call, note: Note) -> None:
        with self._changed:
            self._send(self._core.tell(call, note))

    def _send(self, messages: list[Any]) -> None:
        for message in messages:
            self._writer.put(wire.encode(message))
