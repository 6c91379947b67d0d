"""Running a program in our own place where the system cannot replace a process by another: on Windows.

Streams are inherited, so that not a byte passes through us. Ctrl-C and Ctrl-Break reach every program of a console by
themselves, so we only outlive them. Whoever ends us by force ends the program as well: both hang on one job object.
"""

import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import Refused
from .jobs import end_with_us
from .text import printable


def stand_in(command: Sequence[str], env: Mapping[str, str], kernel32: Any = None) -> int:
    """Run a program with our streams and give its exit code.

    Args:
        command: the program, looked up on the PATH of `env` with the endings that Windows knows, and its arguments.
        env: its whole environment.
        kernel32: Windows' own functions for job objects; None where there are none.

    Raises:
        Refused: where it cannot be started.
    """
    name = printable(command[0])
    program = shutil.which(command[0], path=env.get("PATH"))
    if program is None:
        raise Refused(f"`{name}` was not found", why="no folder on the PATH that this was started with holds it")
    for each in ("SIGINT", "SIGBREAK"):
        if number := getattr(signal, each, None):
            signal.signal(number, lambda *_: None)  # a function: what is ignored would be ignored by the child as well
    children: list[subprocess.Popen[bytes]] = []
    ended: list[int] = []

    def end(number: int, frame: object) -> None:
        ended.append(number)
        for child in children:
            child.terminate()

    signal.signal(signal.SIGTERM, end)
    try:
        child = subprocess.Popen([program, *command[1:]], env=dict(env))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the command cannot be passed to the system"
        raise Refused(f"`{name}` was not started", why=printable(str(reason))) from None
    children.append(child)
    if ended:  # before there was anything to end
        child.terminate()
    job = end_with_us(child.pid, kernel32) if kernel32 is not None else None
    code = child.wait()
    del job
    return code - (1 << 32) if code >= 1 << 31 else code  # Windows' codes have 32 bits and no sign; Python's have one
