"""A child process that speaks in lines, bounded in memory, in time and in what it leaves behind.

Used wherever a server is started that is not ours. Whatever the child does - floods its output, never reads its input,
ignores end of input and SIGTERM, forks - every call here returns within its time, buffers keep to their bounds, and
`stop()` ends the child's whole process group.

On Windows the child gets a process group of its own, so that Ctrl-Break reaches it alone, and a job object, which holds
together what it starts in turn, and ends it all when we end. What it starts before it is in the job is out of reach.
"""

import contextlib
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import IO, Any

from .errors import Refused
from .record import record
from .text import printable, shortened

_CHUNK = 65536
_ABSENT = 0.02  # seconds without anybody who waits for a line, after which a thread takes over
_LAST_WORDS = 0.5  # seconds for the last error output of a child that has ended to be read: what it says tells why
_PER_LINE = 64  # what an empty line costs in memory, roughly: a flood of them must hit the bound as well


@record
class Bounds:
    """How much of a child's output is kept, in bytes.

    Attributes:
        line: the longest line of output; what goes beyond is cut off and counted.
        unread: lines of output that nobody has read yet; beyond it the newest are dropped and counted.
        stderr_head, stderr_tail: the beginning and the end that are kept of its error output.
    """

    line: int = 16 << 20
    unread: int = 32 << 20
    stderr_head: int = 8 << 10
    stderr_tail: int = 64 << 10


class _Lines:
    """Lines made from chunks by one thread and taken by another; at most `bounds.unread` bytes wait."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._partial = bytearray()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._finished = False
        self._changed = threading.Condition()
        self.dropped = 0
        self.unterminated = False

    def feed(self, chunk: bytes) -> None:
        *whole, rest = chunk.split(b"\n")
        with self._changed:
            for piece in whole:
                self._extend(piece)
                self._close_line()
            self._extend(rest)
            self._changed.notify_all()

    def finish(self) -> None:
        with self._changed:
            if self._partial:
                self.unterminated = True
                self._close_line()
            self._finished = True
            self._changed.notify_all()

    def take(self, timeout: float) -> bytes | None:
        with self._changed:
            if timeout > 0:
                self._changed.wait_for(lambda: self._waiting or self._finished, timeout)
            if not self._waiting:
                return None
            line = self._waiting.popleft()
            self._size -= len(line) + _PER_LINE
            return line

    @property
    def ended(self) -> bool:
        with self._changed:
            return self._finished and not self._waiting

    def _extend(self, piece: bytes) -> None:
        room = self._bounds.line - len(self._partial)
        self._partial += piece[:room]
        self.dropped += max(0, len(piece) - room)

    def _close_line(self) -> None:
        line = bytes(self._partial)
        self._partial.clear()
        if self._size + len(line) + _PER_LINE > self._bounds.unread:
            self.dropped += len(line) + 1
            return
        self._size += len(line) + _PER_LINE
        self._waiting.append(line)


class _Attended:
    """Lines that are read by whoever waits for them, and by a thread where nobody does, so that no pipe fills up.

    A line that one thread reads for another costs two switches between them: more than a quick server takes to answer.
    """

    def __init__(self, stream: IO[bytes], lines: _Lines) -> None:
        os.set_blocking(stream.fileno(), False)
        self._stream = stream
        self._lines = lines
        self._reading = threading.Lock()
        self._over = False
        self._waited_for = False
        self._until = 0.0  # when the last who waited counts as gone
        self._abandoned = threading.Event()

    def take(self, timeout: float) -> bytes | None:
        deadline = time.monotonic() + timeout
        self._waited_for = True
        try:
            while (line := self._lines.take(0)) is None and not self._over:
                if not _is_ready(self._stream, max(deadline - time.monotonic(), 0)):
                    return None
                self._read()
            return self._lines.take(0) if line is None else line
        finally:
            self._until = time.monotonic() + _ABSENT
            self._waited_for = False

    def pump(self) -> None:
        """Read while nobody waits; the thread's work."""
        while not self._over:
            if self._is_attended():
                self._abandoned.wait(_ABSENT)
            elif _is_ready(self._stream, None) and not self._is_attended():
                self._read()
        self._abandoned.wait()  # until then somebody may ask whether it is ready, and its number is not another's
        _close(self._stream)

    def abandon(self) -> None:
        """From now on nobody waits for what it brings."""
        self._abandoned.set()

    def _is_attended(self) -> bool:
        return (self._waited_for or time.monotonic() < self._until) and not self._abandoned.is_set()

    def _read(self) -> None:
        with self._reading:
            if self._over:
                return
            try:
                chunk = os.read(self._stream.fileno(), _CHUNK)
            except BlockingIOError:
                return  # the other one was faster
            except OSError:
                chunk = b""  # the pipe broke, which ends it like an end of file
            if chunk:
                self._lines.feed(chunk)
            else:
                self._over = True
                self._lines.finish()


class _Ends:
    """The beginning and the end of a stream of bytes, and how many in between were dropped."""

    def __init__(self, bounds: Bounds) -> None:
        self._head_limit, self._tail_limit = bounds.stderr_head, bounds.stderr_tail
        self._head, self._tail = b"", bytearray()
        self._lock = threading.Lock()
        self.dropped = 0

    def feed(self, chunk: bytes) -> None:
        with self._lock:
            room = self._head_limit - len(self._head)
            self._head += chunk[:room]
            self._tail += chunk[room:]
            excess = len(self._tail) - self._tail_limit
            if excess > 0:
                del self._tail[:excess]
                self.dropped += excess

    def finish(self) -> None:
        """Nothing waits for the end of this stream."""

    def pieces(self) -> tuple[bytes, int, bytes]:
        with self._lock:
            return self._head, self.dropped, bytes(self._tail)


class Child:
    """A running child process; leaving the `with` block ends it and everything in its process group.

    Args:
        argv: the command; a bare name is looked up on the PATH of `env`, as the system does it.
        env: its whole environment; None passes ours on.
        cwd: its working folder; None for ours.
        bounds: how much of its output is kept.
        deaf: whether its error output is left unread until it is stopped, so that its pipe fills up.
        by_threads: whether threads alone touch its pipes, as on Windows, where nobody can ask whether one is ready.
        kernel32: Windows' own functions for job objects; None for those of this system, where it has them.

    Raises:
        Refused: where it cannot be started, with the reason.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        bounds: Bounds | None = None,
        deaf: bool = False,
        by_threads: bool = sys.platform == "win32",
        kernel32: Any = None,
    ) -> None:
        self.started = time.monotonic()
        self._kernel32 = _kernel32() if kernel32 is None else kernel32
        self._process = _spawn(argv, env, cwd)
        self._job = self._held_together()
        self._lines = _Lines(bounds or Bounds())
        self._errors = _Ends(bounds or Bounds())
        self._outbox: queue.SimpleQueue[tuple[bytes, threading.Event] | None] = queue.SimpleQueue()
        self._input_broken = False
        self._input_closed = False
        self._stopped = False
        self._heard_out = False
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._input = process.stdin
        self._writer: threading.Thread | None = None
        self._attended: _Attended | None = None
        if by_threads:
            self._writer = _start(self._write)
            self._readers = [_start(_pump, process.stdout, self._lines)]
        else:
            os.set_blocking(process.stdin.fileno(), False)
            self._attended = _Attended(process.stdout, self._lines)
            self._readers = [_start(self._attended.pump)]
        self._unread = process.stderr
        if not deaf:
            self._listen()

    def __enter__(self) -> "Child":  # noqa: PYI034 - Self is new in Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The child's process id, which on POSIX is also that of its process group."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the child's standard output has ended and every line of it was read."""
        return self._lines.ended

    @property
    def unterminated(self) -> bool:
        """Whether the child's standard output ended in the middle of a line."""
        return self._lines.unterminated

    @property
    def dropped(self) -> int:
        """How many bytes of standard output were dropped because they went beyond the bounds."""
        return self._lines.dropped

    def send(self, data: bytes, timeout: float = 10.0) -> bool:
        """Write all of `data` to the child's standard input, as one write if the pipe takes it.

        Returns:
            False where the child did not take it within `timeout` seconds, or no longer reads: nothing can be sent any
            more.
        """
        if self._input_broken or self._input_closed:
            return False
        if self._writer is None:
            data = self._written(data)
            if not data:
                return not self._input_broken
            os.set_blocking(self._input.fileno(), True)
            self._writer = _start(self._write)  # the pipe is full: this one waits for the child to read
        written = threading.Event()
        self._outbox.put((data, written))
        if not written.wait(timeout):
            self._input_broken = True
        return not self._input_broken

    def read_line(self, timeout: float) -> bytes | None:
        """The next line of standard output without its LF; None where none came in time or the output `ended`.

        A last line without LF counts as a line. A line longer than the bound is cut, and `dropped` counts the rest.
        """
        return (self._attended or self._lines).take(timeout)

    def stderr(self) -> bytes:
        """The error output so far: all of it where it is within the bounds, else its beginning and its end."""
        head, _, tail = self._errors.pieces()
        return head + tail

    def stderr_tail(self, lines: int = 10, width: int = 300) -> tuple[str, ...]:
        """The last lines of error output, each safe to print and cut to `width` characters; blank ones are left out.

        Of a child that has ended those are waited for that are still on their way, once: others may hold the pipe open.
        """
        if not self._heard_out and self.wait(0) is not None:
            self._heard_out = True
            self.wait_for_errors(_LAST_WORDS)
        head, dropped, tail = self._errors.pieces()
        text = (tail if dropped else head + tail).decode("utf-8", "replace")
        kept = [line for line in text.split("\n") if line.strip()][-lines:]
        return tuple(shortened(printable(line.rstrip("\r")), width) for line in kept)

    def wait_for_errors(self, timeout: float) -> None:
        """Wait until all error output was read, which may be later than the child's end; others may hold it open."""
        for reader in self._readers[1:]:
            reader.join(timeout)

    def close_stdin(self) -> None:
        """Close the child's standard input once everything sent has been written; returns at once."""
        if not self._input_closed:
            self._input_closed = True
            if self._writer is None:
                _close(self._input)
            else:
                self._outbox.put(None)

    def signal(self, number: int) -> None:
        """Send the child (not its group) a signal; a child that is gone is left alone."""
        self._process.send_signal(number)

    def wait(self, timeout: float) -> int | None:
        """The exit code (negative: the signal that ended it), or None where it still runs after `timeout` seconds."""
        if timeout > 0 and self._process.poll() is None:
            _wait_for(self._process, timeout)
        return self._process.poll()

    def stop(self, *, after_eof: float = 2.0, after_term: float = 2.0, after_kill: float = 2.0) -> int | None:
        """End the child the way a host does: close its input, wait, SIGTERM to the group, wait, SIGKILL to the group.

        What the child left in its group goes with it. May be called again. What has left the group on purpose (a
        daemon) is out of reach; a pipe that it still holds open is abandoned.

        Returns:
            The exit code, or None where the system could not end it.
        """
        if self._stopped:
            return self._process.returncode
        self._stopped = True
        self._listen()
        if self._attended is not None:
            self._attended.abandon()
        try:
            self.close_stdin()
            if self.wait(after_eof) is None:
                self._signal_group(terminate=True)
                self.wait(after_term)
        finally:
            # Right after the leader was reaped: its id cannot have been given to another group in the meantime.
            self._signal_group(terminate=False)
            self._let_go()
            code = self.wait(after_kill)
            for thread in (*self._readers, *([self._writer] if self._writer else [])):
                thread.join(0.5)
        return code

    def _held_together(self) -> int | None:
        """The job object that the child and what it starts hang on; None where there is none."""
        if self._kernel32 is None:
            return None
        from .jobs import end_with_us  # with ctypes, which no other system needs here

        return end_with_us(self._process.pid, self._kernel32, with_all=True)

    def _let_go(self) -> None:
        """Close the job object, which ends what is left in it."""
        if self._job is not None:
            self._kernel32.CloseHandle(self._job)
            self._job = None

    def _listen(self) -> None:
        if len(self._readers) == 1:
            self._readers.append(_start(_pump, self._unread, self._errors))

    def _signal_group(self, *, terminate: bool) -> None:
        try:
            if sys.platform == "win32":
                if self._process.poll() is None:
                    self._process.send_signal(signal.CTRL_BREAK_EVENT) if terminate else self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGTERM if terminate else signal.SIGKILL)
        except OSError:
            return  # nobody is left in the group (macOS says "not permitted" of a group of zombies)

    def _write(self) -> None:
        """The writer thread, then the only one that touches the pipe: a child which never reads blocks nobody else."""
        while (item := self._outbox.get()) is not None:
            data, written = item
            while data:
                data = self._written(data)
            written.set()
        _close(self._input)

    def _written(self, data: bytes) -> bytes:
        """What is left of `data` once the pipe has taken what it takes; nothing where it is broken."""
        try:
            return data[os.write(self._input.fileno(), data) :]
        except BlockingIOError:
            return data
        except OSError:
            self._input_broken = True
            return b""


def _kernel32() -> Any:
    """Windows' own functions for job objects; None on other systems."""
    if sys.platform != "win32":
        return None
    from .jobs import kernel32

    return kernel32()


def _spawn(
    argv: Sequence[str], env: Mapping[str, str] | None, cwd: str | os.PathLike[str] | None
) -> "subprocess.Popen[bytes]":
    name = printable(argv[0]) if argv else ""
    command = list(argv)
    try:
        if sys.platform == "win32":
            import shutil  # CreateProcess does not look up `npx.cmd` when asked for `npx`

            command[0] = shutil.which(command[0], path=(os.environ if env is None else env).get("PATH")) or command[0]
            flags = subprocess.CREATE_NEW_PROCESS_GROUP
        else:
            flags = 0
        return subprocess.Popen(
            command,
            env=None if env is None else dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # a group of its own, also where it would otherwise be stopped by our terminal
            creationflags=flags,
        )
    except FileNotFoundError:
        if cwd is not None and not os.path.isdir(cwd):
            raise Refused(
                f"`{name}` was not started", why=f"the folder {printable(os.fspath(cwd))} is not there"
            ) from None
        raise Refused(f"`{name}` was not found", why=_why_not_found(argv[0])) from None
    except (OSError, ValueError, IndexError) as error:
        reason = printable(getattr(error, "strerror", None) or "the command cannot be passed to the system")
        if isinstance(error, PermissionError):
            reason = _why_not_permitted(argv[0]) or reason
        raise Refused(f"`{name}` was not started", why=reason) from None


def _why_not_permitted(program: str) -> str:
    """Why the system refuses to run what a path names; empty where that is not seen."""
    if os.path.isdir(program):
        return "it is a folder"
    return "it may not be executed" if os.path.isfile(program) and not os.access(program, os.X_OK) else ""


def _why_not_found(program: str) -> str:
    if os.path.exists(program):
        return "it is there, but the interpreter that its first line names is not"
    if os.path.dirname(program):
        return "there is no such file"
    return "no folder on the PATH that it would be started with holds it"


def _start(target: Callable[..., None], *args: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread


def _is_ready(stream: IO[bytes], timeout: float | None) -> bool:
    """Whether the stream has something to read, or its end, within `timeout` seconds; None waits for it."""
    asked = select.poll()
    asked.register(stream.fileno(), select.POLLIN)
    return bool(asked.poll(None if timeout is None else timeout * 1000))


def _wait_for(process: "subprocess.Popen[bytes]", timeout: float) -> None:
    """Wait until a process has ended, or so many seconds."""
    try:
        if not hasattr(os, "pidfd_open"):
            raise OSError
        descriptor = os.pidfd_open(process.pid)
    except OSError:  # no Linux, or one that does not allow it: Popen looks every so often
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
        return
    try:
        asked = select.poll()
        asked.register(descriptor, select.POLLIN)
        asked.poll(timeout * 1000)
    finally:
        os.close(descriptor)


def _pump(stream: IO[bytes], sink: _Lines | _Ends) -> None:
    try:
        while chunk := os.read(stream.fileno(), _CHUNK):
            sink.feed(chunk)
    except OSError:
        pass  # the pipe broke, which ends it like an end of file
    finally:
        _close(stream)
        sink.finish()


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:
        return
