"""Locks between our own processes: files in our state folder, held until closed or until the process dies."""

import contextlib
import os
import time

from .errors import Place, Refused
from .system import SYSTEM, System

PATIENCE = 15.0
"""Seconds that a command waits for another one."""

_PAUSE = 0.02
_FAR = 1 << 30
"""The byte that is locked on Windows, beyond the text, since a locked byte cannot be read by others."""


def hold(path: str, *, patience: float = PATIENCE, system: System = SYSTEM) -> int:
    """Take the lock at `path`, waiting for whoever holds it; the file is made where it is missing, and never removed.

    Returns:
        The descriptor that holds it: give it to `release`.

    Raises:
        Refused: when it is still held after `patience` seconds, naming the process.
        OSError: where the file cannot be made or the file system has no locks.
    """
    waited = 0.0
    while (lock := attempt(path, system=system)) is None:
        if waited >= patience:
            raise Refused(
                f"another command has been writing for {patience:.0f} seconds",
                place=Place(path),
                why=f"the lock is held by process {_holder(path) or 'unknown'}",
                mend="wait for that process to end, or end it, and run the command again",
            )
        system(time.sleep, _PAUSE)
        waited += _PAUSE
    return lock


def attempt(path: str, *, make: bool = True, system: System = SYSTEM) -> int | None:
    """Take the lock at `path` if it is free.

    Args:
        path: the lock file.
        make: whether to make the file where it is missing.
        system: the operating system.

    Returns:
        The descriptor that holds it, or None where another process does.

    Raises:
        FileNotFoundError: where there is no such file and none is to be made.
        OSError: where the file cannot be opened or the file system has no locks.
    """
    flags = os.O_RDWR | (os.O_CREAT if make else 0) | getattr(os, "O_BINARY", 0)
    lock = system(os.open, path, flags, 0o600)
    try:
        taken = take(lock, system=system)
        if taken:  # the number is for the message of those who wait in vain
            system(os.ftruncate, lock, 0)
            system(os.write, lock, str(os.getpid()).encode("ascii"))
    except BaseException:
        release(lock)
        raise
    if taken:
        return lock
    release(lock)
    return None


def release(lock: int) -> None:
    """Let go of a lock."""
    with contextlib.suppress(OSError):  # closing lets go even where it reports an error
        os.close(lock)


def take(lock: int, *, system: System = SYSTEM) -> bool:
    """Take the lock on an open file, unless another process holds it; whether it is ours now.

    It lasts until the file is closed; but for Windows, until the last process has closed it that inherited it open.

    Raises:
        OSError: where the file system has no locks.
    """
    if system.windows:
        import msvcrt

        os.lseek(lock, _FAR, os.SEEK_SET)
        try:
            system(msvcrt.locking, lock, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except PermissionError:
            return False
        os.lseek(lock, 0, os.SEEK_SET)
        return True
    import fcntl

    try:
        system(fcntl.flock, lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read(20)
    except (OSError, ValueError):
        return ""
