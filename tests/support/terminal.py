"""Our command line on a terminal of its own, with somebody who types."""

import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE = 60.0


def at_a_terminal(
    argv: Sequence[str], typed: Sequence[tuple[str, str]], home: Path, env: Mapping[str, str] | None = None
) -> tuple[str, int]:
    """Run a command line; what the screen showed, and the exit code.

    Args:
        argv: its arguments.
        typed: what to wait for on the screen, and what to type then; a terminal drops what was typed before a hidden
            question is asked.
        home: the home folder.
        env: further variables.
    """
    main, worker = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "connect_mcp", *argv],
        stdin=worker,
        stdout=worker,
        stderr=worker,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **(env or {})},
        start_new_session=True,
        preexec_fn=_own_terminal,
    )
    os.close(worker)
    screen = bytearray()

    def pump() -> None:
        try:
            while chunk := os.read(main, 4096):
                screen.extend(chunk)
        except OSError:  # Linux: the other end is closed
            return

    reader = threading.Thread(target=pump)
    reader.start()
    seen = 0
    for question, answer in typed:
        end = time.monotonic() + PATIENCE
        while question not in screen[seen:].decode(errors="replace"):
            assert time.monotonic() < end, screen.decode(errors="replace")
            assert process.poll() is None, screen.decode(errors="replace")
            time.sleep(0.01)
        seen = len(screen)
        os.write(main, answer.encode())
    code = process.wait(PATIENCE)
    reader.join(10)
    os.close(main)
    return screen.decode(), code


def _own_terminal() -> None:
    """Make the terminal the one that `/dev/tty` means in the new process, where getpass asks."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
