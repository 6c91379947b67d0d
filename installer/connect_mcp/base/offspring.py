"""The processes that a process starts, with all that those start in turn: who of them is left, and an end to them.

On Linux those that lose their parent come to us, a session of their own notwithstanding, so that none is missed;
elsewhere those are found that were seen as descendants while they had a parent.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .record import record

if TYPE_CHECKING:
    import psutil  # loaded where processes are looked at

_SUBREAPER = 36  # prctl.h


def adopt_orphans(platform: str = sys.platform) -> bool:
    """Have processes that lose their parent come to this one; whether the system can do that (Linux)."""
    if platform != "linux":
        return False
    import ctypes

    return bool(ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0) == 0)


@record
class Found:
    """A process that is still there.

    Attributes:
        name: its program.
        command: its command line; empty where it cannot be read.
        process: the process.
    """

    name: str
    command: tuple[str, ...]
    process: "psutil.Process"

    def variable(self, name: str) -> str:
        """The value of a variable that it was started with; "" where there is none, or it cannot be read."""
        import psutil

        try:
            return str(self.process.environ().get(name, ""))
        except (psutil.Error, OSError):
            return ""

    def kill(self) -> None:
        """End it, if it has not ended by itself."""
        import psutil

        with contextlib.suppress(psutil.Error):
            self.process.kill()


class Offspring:
    """The processes that this one starts from now on, with what those start; they end with a `with` block."""

    def __init__(self) -> None:
        import psutil

        self._adopting = adopt_orphans()
        self._before = set(psutil.Process().children(recursive=True))
        self._seen: set[psutil.Process] = set()

    def __enter__(self) -> "Offspring":  # noqa: PYI034 - Self is new in Python 3.11
        return self

    def __exit__(self, *_error: object) -> None:
        self.end()

    def remember(self) -> None:
        """Take note of those that there are now, before they lose their parent; nothing where orphans come to us."""
        if not self._adopting:
            self.living()

    def living(self) -> list[Found]:
        """Those that live now."""
        import psutil

        self._seen |= set(psutil.Process().children(recursive=True)) - self._before
        for process in list(self._seen):
            with contextlib.suppress(psutil.Error):
                self._seen |= set(process.children(recursive=True))
        return [found for process in self._seen if (found := _found(process))]

    def left(self, seconds: float, but: Callable[[Found], bool]) -> list[Found]:
        """Those that still live after so long, without those that are not meant; none as soon as there are none.

        To be called when whoever was started here was waited for.
        """
        end = time.monotonic() + seconds
        while True:
            _reap(self._seen)
            left = [one for one in self.living() if not but(one)]
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.05)

    def end(self, but: Callable[[Found], bool] = lambda _: False) -> None:
        """End all of them, without those that are not meant."""
        import psutil

        for _ in range(20):  # one that is being ended may start another
            left = [one for one in self.living() if not but(one)]
            if not left:
                break
            # The oldest first: whoever started another would still do something about its end.
            for found in sorted(left, key=lambda found: found.process.create_time()):
                found.kill()
            psutil.wait_procs([found.process for found in left], timeout=1)
        _reap(self._seen)


def _found(process: "psutil.Process") -> Found | None:
    import psutil

    try:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Found(process.name(), tuple(process.cmdline()), process)
    except psutil.AccessDenied:
        return Found("", (), process)
    except psutil.Error:
        return None


def _reap(processes: "Iterable[psutil.Process]") -> None:
    """Take leave of orphans that came to us and ended."""
    import psutil

    if sys.platform == "win32":
        return
    for process in processes:
        with contextlib.suppress(OSError, psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE and process.ppid() == os.getpid():
                os.waitpid(process.pid, os.WNOHANG)
