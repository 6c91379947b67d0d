"""The log file of `serve --log-file`: what was called, how long it took and how it ended, never with what.

On the way to the first tools/list answer: the standard library only, and only what starts fast.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MODE = 0o600


class Log:
    """Appends lines to a file that only its owner may read. May be used on any thread.

    Args:
        path: the file; made if it is not there.
        now: seconds since 1970.

    Raises:
        OSError: if it cannot be opened for writing.
    """

    def __init__(self, path: str, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), _MODE)
        if os.name != "nt":
            os.fchmod(self._file, _MODE)

    def write(self, level: str, text: str) -> None:
        """One line; a disk that is full costs the line and nothing else."""
        from connect_mcp.base.masking import masked  # not at the top: it costs more to load than to list the tools

        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._now()))
        printable = "".join(char if char.isprintable() else " " for char in masked(text))
        try:
            os.write(self._file, f"{when} {level} {printable}\n".encode("utf-8", "replace"))
        except OSError:
            return
