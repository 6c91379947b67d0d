"""Nothing that the kit started outlives it, not even where the kit itself is killed without a word.

One small process holds the other end of a pipe and a list of process groups; when the pipe closes, it ends those that
are left. On Windows there are no process groups, and it does nothing: there each process hangs on a job object that
ends with us (base/process.py).
"""

import subprocess
import sys
import threading

_PROGRAM = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
groups = set()
for line in sys.stdin.buffer:
    (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


class Guard:
    """Ends the process groups that are still watched when this process is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Guard":  # noqa: PYI034 - Self is new in Python 3.11
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def watch(self, group: int) -> None:
        """From now on `group` ends with us."""
        self._tell(b"+%d\n" % group)

    def forget(self, group: int) -> None:
        """`group` was ended."""
        self._tell(b"-%d\n" % group)

    def close(self) -> None:
        """The run is over."""
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()
                self._process.wait()
                self._process = None

    def _tell(self, line: bytes) -> None:
        if sys.platform == "win32":
            return
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _PROGRAM],
                    stdin=subprocess.PIPE,
                    bufsize=0,
                    start_new_session=True,
                )
            assert self._process.stdin is not None
            self._process.stdin.write(line)
