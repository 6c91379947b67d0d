"""A person at a terminal: the keys they press, and what the screen shows."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

PATIENCE = 30.0
"""Seconds to wait for what must come."""
DOWN = "\x1b[B"
RETURN = "\r"
_DRAWING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>][0-9A-Za-z]?|\r")
_CURSOR_ASKED = "\x1b[6n"


class Keyboard:
    """A program with a pseudo-terminal of 100 columns as its input and output; ended with the block."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], *, kind: str = "xterm-256color") -> None:
        import pty  # not on Windows, where these tests are skipped

        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            argv,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**env, "TERM": kind},
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(theirs)
        self.raw = ""

    def __enter__(self) -> Keyboard:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    @property
    def seen(self) -> str:
        """What was printed until now, without the signs that move and colour."""
        return _DRAWING.sub("", self.raw)

    def wait_for(self, text: str) -> None:
        """Until `text` was printed."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} did not come: {self.seen!r}"
            ended = self._process.poll() is not None
            assert self._read(0.1) or not ended, f"it ended without {text!r}: {self.seen!r}"

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, with time to draw what each does."""
        for key in keys:
            os.write(self._ours, key.encode())
            while self._read(0.2):
                pass

    def end(self) -> int:
        """Wait until it ends.

        Returns:
            Its exit code.
        """
        end = time.monotonic() + PATIENCE
        while self._process.poll() is None:
            assert time.monotonic() < end, f"it did not end: {self.seen!r}"
            self._read(0.05)
        while self._read(0.05):
            pass
        return self._process.returncode

    def _read(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            text = os.read(self._ours, 65536).decode("utf-8", "replace")
        except OSError:  # what Linux says when the other side is closed
            return False
        self.raw += text
        if _CURSOR_ASKED in text:  # a terminal answers where its cursor is
            os.write(self._ours, b"\x1b[1;1R")
        return bool(text)


def _own_terminal() -> None:
    """Make it the terminal that Ctrl-C comes from, of 100 columns."""
    import fcntl
    import struct
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
