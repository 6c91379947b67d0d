"""Writing one file so that at every moment it is the old one or the new one, whole.

The new bytes go into a temporary file beside the real one (links are followed before, never replaced), with its mode,
owner and extended attributes; it is synced, the original is looked at once more, and then the one is renamed over the
other. What cannot be kept that way is refused, naming `--in-place`: a file that is mounted on its own, a folder that
takes no new files, another owner, a second hard link. In place means through the existing file, so that all of those
stay what they are; for the moment of writing the file is then neither old nor new, and only a journal can mend it.

On Windows the rename is tried again while another program holds the file open. It drops the file's own access list
(the folder's rules apply); `ReplaceFileW` would keep it, and is left for later. Extended attributes are copied on
Linux; Python has no call for them on macOS.
"""

import contextlib
import errno
import os
import stat
import time

from .errors import Place, Refused
from .folders import missing_folders
from .record import record
from .system import SYSTEM, System

IN_PLACE = "repeat the command with --in-place, which writes through the existing file"

_TRIES = 20
_PAUSE = 0.05
_CHUNK = 1 << 20
_BINARY: int = getattr(os, "O_BINARY", 0)
_NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)


class Changed(Exception):
    """The file is not what it was when it was read: read it again and start over."""


@record
class Seen:
    """A file as it was read.

    Attributes:
        data: its bytes; None where there is no file.
        stat: what the system said about it; None where there is no file.
    """

    data: bytes | None
    stat: os.stat_result | None

    def same(self, other: "Seen") -> bool:
        """Whether both are the same file with the same bytes, owner, mode and number of links."""
        if self.stat is None or other.stat is None:
            return self.stat is other.stat
        fields = ("st_dev", "st_ino", "st_mode", "st_uid", "st_gid", "st_nlink")
        return self.data == other.data and all(getattr(self.stat, name) == getattr(other.stat, name) for name in fields)


def look(path: str, system: System = SYSTEM) -> Seen:
    """Read a file, or see that there is none.

    Raises:
        Refused: for a folder, a device, a pipe, a loop of links, or a file that may not be read.
    """
    try:
        kind = system(os.stat, path).st_mode
        if not stat.S_ISREG(kind):
            raise Refused(
                f"this is {'a folder' if stat.S_ISDIR(kind) else 'not a regular file'}, and a config is a file",
                place=Place(path),
                mend="move it away and run the command again",
            )
        source = system(os.open, path, os.O_RDONLY | _BINARY | _NONBLOCK)
        try:
            about = system(os.fstat, source)
            return Seen(_read_all(source, system), about)
        finally:
            system(os.close, source)
    except FileNotFoundError:
        return Seen(None, None)
    except OSError as error:
        raise refusal(error, path, "read") from None


def check(path: str, seen: Seen, *, in_place: bool = False, system: System = SYSTEM) -> None:
    """Refuse what is known beforehand not to work, or to leave a file that is not what it was.

    Args:
        path: the real path.
        seen: the file as it was read.
        in_place: whether it is to be written through.
        system: the operating system.

    Raises:
        Refused: for a read-only file, a second hard link, another owner, and another user's folder under sudo.
    """
    if seen.stat is None:
        _check_folder(path, system)
        return
    if not system(os.access, path, os.W_OK) and system(os.access, path, os.F_OK):  # one that is gone is `Changed`
        raise Refused(
            "this file is read-only", place=Place(path), mend="make it writable, or change it where it is made"
        )
    if not system.windows and seen.stat.st_uid != os.geteuid():
        _check_owner(path, seen.stat, in_place, system)
    if seen.stat.st_nlink > 1 and not in_place:
        raise Refused(
            "this file has a second name (a hard link), which replacing it would leave with the old content",
            place=Place(path),
            mend=IN_PLACE,
        )


def put(
    path: str,
    data: bytes,
    seen: Seen,
    *,
    temp: str,
    mode: int | None = None,
    in_place: bool = False,
    system: System = SYSTEM,
) -> None:
    """Make the file hold `data`, if it still is as it was seen.

    Args:
        path: the real path, links followed; its folder is there.
        data: the new content.
        seen: the file as it was read.
        temp: the temporary file, in the same folder and not there yet; whoever dies leaves it behind.
        mode: permissions of a new file; those that the umask leaves where it is None. An existing file keeps its own.
        in_place: write through the existing file; a new one is made the usual way.
        system: the operating system.

    Raises:
        Changed: where it is not as it was seen; nothing was written.
        Refused: where it cannot be written; the file is whole, the old or the new one, unless it was written in place.
    """
    check(path, seen, in_place=in_place, system=system)
    try:
        if in_place and seen.stat is not None:
            _write_through(path, data, seen, system)
        else:
            _replace(path, data, seen, temp, mode, system)
    except OSError as error:
        raise refusal(error, path, "written", in_place=in_place) from None


def delete(path: str, seen: Seen, *, system: System = SYSTEM) -> None:
    """Remove a file, if it still is as it was seen.

    Raises:
        Changed: where it is not; nothing was done.
        Refused: where it cannot be removed.
    """
    check(path, seen, system=system)
    try:
        if not look(path, system).same(seen):
            raise Changed
        system(os.unlink, path)
        sync_folder(os.path.dirname(path), system)
    except OSError as error:
        raise refusal(error, path, "removed") from None


def save(path: str, data: bytes, *, system: System = SYSTEM) -> None:
    """Replace a small file of our own, mode 0600, in a private folder; callers exclude one another.

    Raises:
        OSError: where it cannot be written; it is the old one, whole.
    """
    temp = f"{path}.tmp"
    with contextlib.suppress(FileNotFoundError):
        system(os.unlink, temp)
    create(temp, data, system=system)
    _rename(temp, path, system)


def create(path: str, data: bytes, *, system: System = SYSTEM) -> None:
    """Make a file, mode 0600, and sync it.

    Raises:
        OSError: where it cannot be made, or is there.
    """
    target = system(os.open, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY | _NOFOLLOW, 0o600)
    try:
        _write_all(target, data, system)
        system(os.fsync, target)
    finally:
        system(os.close, target)


def rename_folder(old: str, new: str, *, system: System = SYSTEM) -> None:
    """Rename a folder of our own, trying again on Windows while something holds a file in it.

    Raises:
        OSError: where it cannot be renamed.
    """
    _rename(old, new, system)


def sync_folder(path: str, system: System = SYSTEM) -> None:
    """Make names in a folder durable; Windows has no call for that.

    Raises:
        OSError: where the disk fails.
    """
    if system.windows:
        return
    folder = system(os.open, path, os.O_RDONLY)
    try:
        system(os.fsync, folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems do not sync folders
            raise
    finally:
        system(os.close, folder)


def refusal(error: OSError, path: str, verb: str, *, in_place: bool = False) -> Refused:
    """What to tell a person about a failed system call.

    Args:
        error: the failure.
        path: the file it is about.
        verb: what could not be done: "read", "written", "removed".
        in_place: whether the existing file was being written through, so that this is no way out.
    """
    mend = _mend(error, path, in_place) if verb == "written" else ""
    reason = error.strerror or type(error).__name__
    return Refused(f"this could not be {verb}: {reason[:1].lower()}{reason[1:]}", place=Place(path), mend=mend)


def _mend(error: OSError, path: str, in_place: bool) -> str:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
        return "make room on that disk and run the command again"
    if getattr(error, "winerror", None) in (5, 32, 33):
        return "close the program that holds this file open and run the command again"
    if error.errno in (errno.EBUSY, errno.EXDEV) and not in_place:
        return IN_PLACE
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        if not in_place and os.path.exists(path):
            return IN_PLACE
        return "make its folder writable, or change the file where it is made"
    return ""


def _check_folder(path: str, system: System) -> None:
    if not system.sudo:
        return
    missing = missing_folders(os.path.dirname(path))
    folder = os.path.dirname(missing[-1] if missing else path)
    if system(os.stat, folder).st_uid != 0:
        raise Refused(
            "this would be a new file of root's in another user's folder",
            place=Place(path),
            why="under sudo, root would come to own what that user must be able to change",
            mend="run the command without sudo",
        )


def _check_owner(path: str, about: os.stat_result, in_place: bool, system: System) -> None:
    if system.sudo:
        raise Refused(
            f"this file belongs to another user (uid {about.st_uid})",
            place=Place(path),
            why="under sudo, our journal and locks would be root's, and that user's next command would fail on them",
            mend="run the command as that user, without sudo",
        )
    if os.geteuid() != 0 and not in_place:
        raise Refused(
            f"this file belongs to another user (uid {about.st_uid}), and replacing it would make it yours",
            place=Place(path),
            mend=IN_PLACE,
        )


def _replace(path: str, data: bytes, seen: Seen, temp: str, mode: int | None, system: System) -> None:
    # With 0666 the kernel applies the umask; everything else starts closed and is opened when it is whole.
    first = 0o666 if mode is None and seen.stat is None else 0o600
    target = system(os.open, temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY | _NOFOLLOW, first)
    try:
        try:
            _write_all(target, data, system)
            if not system.windows:
                _dress(target, path, seen.stat, mode, system)
            system(os.fsync, target)
        finally:
            system(os.close, target)
        _rename(temp, path, system, seen)
    except BaseException:
        with contextlib.suppress(OSError):
            system(os.unlink, temp)
        raise
    sync_folder(os.path.dirname(path), system)


def _dress(target: int, path: str, about: os.stat_result | None, mode: int | None, system: System) -> None:
    """Give the temporary file what the original has: owner, extended attributes (access lists among them), mode."""
    if about is None:
        if mode is not None:
            system(os.fchmod, target, mode)
        return
    mine = system(os.fstat, target)
    if (mine.st_uid, mine.st_gid) != (about.st_uid, about.st_gid):
        system(os.fchown, target, about.st_uid, about.st_gid)
    if hasattr(os, "listxattr"):
        with contextlib.suppress(OSError):  # some file systems have none, and some attributes are not ours to set
            for name in system(os.listxattr, path):
                system(os.setxattr, target, name, system(os.getxattr, path, name))
    system(os.fchmod, target, stat.S_IMODE(about.st_mode))


def _rename(old: str, new: str, system: System, seen: Seen | None = None) -> None:
    for left in reversed(range(_TRIES)):
        if seen is not None and not look(new, system).same(seen):
            raise Changed
        try:
            system(os.replace, old, new)
        except PermissionError:
            if not system.windows or not left:
                raise
            system(time.sleep, _PAUSE)
        else:
            return


def _write_through(path: str, data: bytes, seen: Seen, system: System) -> None:
    """Write over the existing bytes, then cut: until it is done the file is a head of the new and a tail of the old."""
    if not look(path, system).same(seen):
        raise Changed
    target = system(os.open, path, os.O_WRONLY | _BINARY)
    try:
        _write_all(target, data, system)
        system(os.ftruncate, target, len(data))
        system(os.fsync, target)
    finally:
        system(os.close, target)


def _write_all(target: int, data: bytes, system: System) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[system(os.write, target, rest) :]


def _read_all(source: int, system: System) -> bytes:
    parts = []
    while part := system(os.read, source, _CHUNK):
        parts.append(part)
    return b"".join(parts)
