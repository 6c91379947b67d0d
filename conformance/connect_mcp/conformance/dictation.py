"""What the recorder tells the process that writes the recording, and how to know that all of it is written.

The recorder (record.py) says everything to the scribe (scribe.py) through a pipe before it passes it on, so that no
byte waits until it is redacted. What is in the pipe outlasts the recorder: a host that kills it, or its whole process
group, has lost nothing, since the scribe is in a session of its own and reads to the end of its pipe before it ends.
What was not wholly said to it was not passed on either.

As long as the recording is not whole its file is locked. Secrets reach the scribe through its environment and its pipe,
never as arguments.
"""

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

from connect_mcp.base import locks

from .session import KINDS, Header, Json, Kind

_NAMES = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGBREAK")
SIGNALS: tuple[signal.Signals, ...] = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
"""Those that a host may send a server, as far as the system has them."""

HEAD = struct.Struct("<BdI")
"""What stands before a piece: its kind, by its place in KINDS; seconds since the server's start; how many bytes follow.

Those are what passed, or, for an event that is no line, its further keys as JSON.
"""

FAILED = 1
"""The scribe's exit code where no error of the system says why; such an error has a greater number."""

# Without `site`: what that found is on the path that is handed over.
_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from connect_mcp.conformance.scribe import main; main()"

_PIPE = 1 << 20  # bytes; what Linux grants anyone
_TICK = 0.01


def finished(path: str | os.PathLike[str], seconds: float) -> bool:
    """Wait until a recording is whole, or at least as whole as it will be.

    Args:
        path: the recording; one that is not there, or on a file system without locks, is not waited for.
        seconds: how long to wait.

    Returns:
        Whether nobody writes it any more.
    """
    end = time.monotonic() + seconds
    while _is_held(path):
        if time.monotonic() > end:
            return False
        time.sleep(_TICK)
    return True


def is_scribe(command: Sequence[str]) -> bool:
    """Whether a process with this command line is a scribe."""
    return _PROGRAM in command


def _is_held(path: str | os.PathLike[str]) -> bool:
    try:
        with open(path, "rb") as file:
            return not locks.take(file.fileno())
    except OSError:
        return False


class Dictation:
    """The recorder's end of the pipe; safe to use from several threads, `event` from a signal handler too.

    Args:
        recording: the open recording, empty, which belongs to the scribe from now on.
        header: its first line, which it has when this returns.
    """

    def __init__(self, recording: int, header: Header) -> None:
        self._recording = recording
        self._header = header
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._refused = ""
        # Re-entrant, since a signal handler may interrupt the thread that holds it. That is the main thread, which
        # sends events alone: they are shorter than what a pipe takes in one piece.
        self._lock = threading.RLock()
        with contextlib.suppress(OSError):  # the scribe writes the header once more, and says what is in the way
            locks.take(recording)
            os.write(recording, header.encoded(room=True))

    def start(self, began: float, argv: Sequence[str], cwd: str, env: Mapping[str, str]) -> None:
        """Start the process; where that fails, `finish` says why, and nothing is written.

        Args:
            began: when the server was started, in seconds of the monotonic clock.
            argv: the server's command, which may hold secrets.
            cwd: its working folder.
            env: its environment, which the scribe is given, since it tells which values are secret.
        """
        self._began = began
        try:
            # The lock is on the open file, which we share with the scribe, and stays when we close it.
            with _held_back():
                self._process = subprocess.Popen(
                    [sys.executable, "-S", "-c", _PROGRAM, *sys.path],
                    stdin=subprocess.PIPE,
                    stdout=self._recording,
                    stderr=subprocess.DEVNULL,  # a host may wait until nobody holds ours any more
                    bufsize=0,
                    env=env,
                    start_new_session=True,
                    creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                )
        except OSError as error:
            self._refused = error.strerror or "the process that writes it was not started"
        os.close(self._recording)
        header = self._header
        about = [header.host, header.host_version, header.recorded, dict(header.more)]
        self._widen()
        self._send(json.dumps({"header": about, "argv": list(argv), "cwd": cwd}).encode() + b"\n")

    def passes(self, ev: Kind, data: bytes) -> None:
        """These bytes, at most 64 kB of them, are about to be passed on."""
        with self._lock:
            self._send(HEAD.pack(KINDS.index(ev), time.monotonic() - self._began, len(data)) + data)

    def event(self, ev: Kind, more: Mapping[str, Json], at: float | None = None) -> None:
        """Something else happens, now, or at that time of the monotonic clock."""
        data = json.dumps(more).encode()
        with self._lock:
            t = (time.monotonic() if at is None else at) - self._began
            self._send(HEAD.pack(KINDS.index(ev), t, len(data)) + data)

    def finish(self) -> str:
        """Wait until everything is written; why that was not possible, "" where it was."""
        process = self._process
        if process is None:
            return self._refused
        with self._lock:
            self._hang_up()
        code = process.wait()
        if code < 0:
            return f"the process that writes it was ended by {signal_name(-code)}"
        if code == FAILED:
            return "the process that writes it failed"
        return os.strerror(code) if code else ""

    def _send(self, data: bytes) -> None:
        pipe = self._process.stdin if self._process else None
        try:
            while data and pipe and not pipe.closed:
                data = data[os.write(pipe.fileno(), data) :]
        except OSError:
            self._hang_up()  # it died: the session goes on without it

    def _hang_up(self) -> None:
        if self._process and self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _widen(self) -> None:
        """Let the pipe take what passes while the scribe starts, where the system has that."""
        if self._process and self._process.stdin and sys.platform == "linux":
            import fcntl

            with contextlib.suppress(OSError):
                fcntl.fcntl(self._process.stdin.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)


@contextlib.contextmanager
def _held_back() -> Iterator[None]:
    """What is started here never gets one of the signals, not even before it ignores them; we get ours afterwards."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def signal_name(number: int) -> str:
    """What a signal is called; its number where it has no name, such as a realtime signal."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
