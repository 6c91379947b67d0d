"""The system calls that writing is made of, through one place, so that a test can fail or kill at any one of them."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class System:
    """The operating system as the code that writes sees it.

    `system(os.fsync, fd)` is `os.fsync(fd)`. A test gives an object of its own class, which counts the calls, raises
    from one, or ends the process there.

    Attributes:
        platform: as `sys.platform`; "win32" takes the Windows branches, wherever this runs.
        environ: the environment; only asked whether this is sudo.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        platform: str = sys.platform,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.platform = platform
        self.environ = environ
        self.clock = clock

    def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Make one system call."""
        return function(*args, **kwargs)

    @property
    def windows(self) -> bool:
        """Whether owners, modes and folder syncing are absent, and a file that is held open cannot be replaced."""
        return self.platform == "win32"

    @property
    def sudo(self) -> bool:
        """Whether root's rights were borrowed by another user, whose files root should not come to own."""
        return not self.windows and os.geteuid() == 0 and "SUDO_UID" in self.environ


SYSTEM = System()
"""The real one."""
