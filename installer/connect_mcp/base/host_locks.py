"""Hosts' own locks: what a host takes while it rewrites its config file, taken by us in the same way.

They are polite: what keeps a file whole is that it is looked at once more before it is replaced. With the host's lock
the host does not write in between either, and where it is writing already, we wait for it. A lock is held for the
moment of writing alone, since hosts wait no more than some seconds for it.

How each kind works was seen with the real programs (`strace`, and each run against a lock that was held):

- "folder": an empty folder, made by mkdir and removed by rmdir; its time of change is renewed while it is held
  (proper-lockfile, which Claude Code uses). Claude Code itself does not wait: it goes on without the lock.
- "owned-folder": a folder with a file `owner.<token>` in it. Cline renames a full folder into place, which on POSIX
  replaces an empty one, so that a folder counts only with an owner in it.
- "file": a lock of the system's (flock) on a file that stays there and that the host knows by its inode (Copilot).
"""

import contextlib
import errno
import os
import time
from typing import Literal, NamedTuple

from .errors import Place, Refused
from .locks import release
from .system import SYSTEM, System

PATIENCE = 15.0
"""Seconds that we wait for a host; longer than any of them takes an untouched lock for a living one."""

_PAUSE = 0.025
_BINARY: int = getattr(os, "O_BINARY", 0)
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)

Kind = Literal["folder", "owned-folder", "file"]


class PlacedLock(NamedTuple):
    """A host's lock on this machine.

    Attributes:
        owner: the host, for people.
        kind: how it works, see above.
        path: where it is.
        stale: seconds after which the host takes a lock that nobody renews for one that was left behind; None where the
            system lets go of it together with the process.
    """

    owner: str
    kind: Kind
    path: str
    stale: float | None = None


class HostLock(NamedTuple):
    """How a host keeps others away from one of its files.

    Attributes:
        owner: the host, for people.
        kind: how it works, see above.
        name: the lock's name in the config's folder; `{}` stands for the config's own name.
        real: whether that folder and name are the real file's, links followed.
        stale: as in `PlacedLock`.
    """

    owner: str
    kind: Kind
    name: str = "{}.lock"
    real: bool = False
    stale: float | None = None

    def at(self, path: str) -> PlacedLock:
        """The lock of the config file at `path`."""
        folder, file = os.path.split(os.path.realpath(path) if self.real else path)
        return PlacedLock(self.owner, self.kind, os.path.join(folder, self.name.format(file)), self.stale)


class Held:
    """A host's lock in our hands. `release` has to be called."""

    def __init__(self, lock: PlacedLock, system: System, *, descriptor: int | None = None) -> None:
        self._lock = lock
        self._system = system
        self._descriptor = descriptor
        self._folder = 0
        self._owner = ""
        self._renewed = system.clock()

    def take(self) -> None:
        """Make the folder that is the lock.

        Raises:
            FileExistsError: where somebody else has it.
            OSError: where it cannot be made; nothing is left then.
        """
        self._system(os.mkdir, self._lock.path)
        try:
            self._folder = self._system(os.stat, self._lock.path).st_ino
            if self._lock.kind == "owned-folder":
                self._put_owner()
        except BaseException:
            self.release()
            raise

    def _put_owner(self) -> None:
        token = f"{os.getpid()}.{int(self._system.clock() * 1000)}.{os.urandom(8).hex()}"
        path = os.path.join(self._lock.path, f"owner.{token}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY | _NOFOLLOW
        try:
            file = self._system(os.open, path, flags, 0o600)
        except FileNotFoundError:  # somebody took our folder for one that was left behind
            raise FileExistsError from None
        self._owner = os.path.basename(path)
        try:
            self._system(os.write, file, token.encode("ascii"))
        finally:
            self._system(os.close, file)
        if self._system(os.listdir, self._lock.path) != [self._owner]:  # one was moved over ours while it was empty
            raise FileExistsError

    def renew(self) -> None:
        """Show that we are alive, where it is time for that; to be called between the steps of something long."""
        stale, now = self._lock.stale, self._system.clock()
        if self._descriptor is None and stale is not None and now - self._renewed > stale / 4:
            with contextlib.suppress(OSError):
                self._system(os.utime, self._lock.path, (now, now))
            self._renewed = now

    def release(self) -> None:
        """Let go of it; a folder that has become somebody else's meanwhile stays."""
        if self._descriptor is not None:
            release(self._descriptor)
            return
        with contextlib.suppress(OSError):
            if self._owner:
                self._system(os.unlink, os.path.join(self._lock.path, self._owner))
        with contextlib.suppress(OSError):
            if self._system(os.stat, self._lock.path).st_ino == self._folder:
                self._system(os.rmdir, self._lock.path)  # one that is not empty is somebody else's, and stays


def hold(lock: PlacedLock, *, patience: float = PATIENCE, system: System = SYSTEM) -> Held | None:
    """Take a host's lock, waiting for whoever holds it.

    Returns:
        What holds it, or None where nobody can hold it: its folder or file is not there or may not be written, or it is
        not known how the host locks it on this platform.

    Raises:
        Refused: where it is still held after `patience` seconds, naming the host, or cannot be made.
    """
    waited = 0.0
    while True:
        try:
            return _taken(lock, system)
        except (FileExistsError, BlockingIOError):
            if _removed_as_stale(lock, system):
                continue
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return None
        except OSError as error:
            if error.errno in (errno.EROFS, errno.ELOOP):
                return None
            why = error.strerror or type(error).__name__
            raise Refused(f"{lock.owner}'s lock could not be taken", place=Place(lock.path), why=why) from None
        if waited >= patience:
            raise Refused(
                f"{lock.owner} has been writing to this file for {patience:.0f} seconds",
                place=Place(lock.path),
                why=_holder(lock),
                mend=f"wait until {lock.owner} is done, or quit it, and run the command again",
            )
        system(time.sleep, _PAUSE)
        waited += _PAUSE


def _taken(lock: PlacedLock, system: System) -> Held | None:
    if lock.kind != "file":
        held = Held(lock, system)
        held.take()
        return held
    if system.windows:
        return None
    import fcntl

    descriptor = system(os.open, lock.path, os.O_RDWR | _NOFOLLOW)
    try:
        system(fcntl.flock, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        release(descriptor)
        raise
    return Held(lock, system, descriptor=descriptor)


def _removed_as_stale(lock: PlacedLock, system: System) -> bool:
    """Take away a folder that the host itself would take for one that was left behind; False for any other."""
    if lock.stale is None:
        return False
    try:
        if system.clock() - system(os.stat, lock.path).st_mtime <= lock.stale:
            return False
        names = system(os.listdir, lock.path) if lock.kind == "owned-folder" else []
        for name in names:  # by name, so that the owner of a folder that takes its place keeps it
            if name.startswith("owner."):
                system(os.unlink, os.path.join(lock.path, name))
        system(os.rmdir, lock.path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _holder(lock: PlacedLock) -> str:
    """By whom it is held, as a sentence; "" where the lock does not say it."""
    with contextlib.suppress(OSError):
        for name in os.listdir(lock.path) if lock.kind == "owned-folder" else []:
            process = name.removeprefix("owner.").partition(".")[0]
            if process.isdecimal():
                return f"its lock is held by process {process}"
    return ""
