"""The machine that hosts are looked up on, as a value: its platform, home, environment, and a view of its files.

Everything that asks "where does this host keep its config?" takes a `Machine`. `this_machine()` makes the real one,
at the edge; a test makes one of any platform with files of its own, and paths come out as that platform spells them.
"""

import ntpath
import os
import posixpath
import sys
from collections.abc import Iterator, Mapping
from typing import Literal, Protocol

from .errors import Refused
from .record import field, record

Platform = Literal["linux", "macos", "windows"]

_VARIABLES = {
    "XDG_CONFIG_HOME": "~/.config",
    "APPDATA": "~/AppData/Roaming",
    "LOCALAPPDATA": "~/AppData/Local",
}
"""Variables that a path may begin with, and what they mean where they are not set."""

_PATHEXT = ".COM;.EXE;.BAT;.CMD"
_POSIX_PATH = "/bin:/usr/bin"
"""What POSIX systems search when PATH is not set."""


class Files(Protocol):
    """What a machine can be asked about its files; paths are native and absolute."""

    def exists(self, path: str) -> bool:
        """Whether there is anything at `path`; a dangling link counts as nothing."""

    def is_dir(self, path: str) -> bool:
        """Whether `path` is a folder."""

    def is_executable(self, path: str) -> bool:
        """Whether `path` is a file that this user may run."""

    def glob(self, folder: str, pattern: str) -> list[str]:
        """The existing paths under `folder` that match a pattern relative to it, sorted."""

    def real(self, path: str) -> str:
        """`path` with its links followed and its dots taken out."""

    def read(self, path: str, most: int = -1) -> bytes | None:
        """A file's content, or its first `most` bytes; None where it cannot be read."""

    def mode(self, path: str) -> int | None:
        """A file's permission bits; None where there is none, or the system has no such bits."""


@record
class Machine:
    """One machine, seen by one user.

    Attributes:
        platform: which system it is; decides how paths are spelled.
        home: the user's home folder.
        env: the environment variables; never shown, since they may hold secrets.
        cwd: the working folder.
        files: its file system.
    """

    platform: Platform
    home: str
    env: Mapping[str, str] = field(repr=False)
    cwd: str
    files: Files = field(repr=False)

    def variable(self, name: str) -> str | None:
        """An environment variable, or None where it is unset or empty; Windows does not tell upper from lower case."""
        value = self.env.get(name)
        if value is None and self.platform == "windows":
            value = next((value for key, value in self.env.items() if key.upper() == name.upper()), None)
        return value or None

    def path(self, template: str) -> str:
        """The native path for one written with `/` that may begin with `~`, `$NAME` or `%NAME%`.

        Of the variables only `XDG_CONFIG_HOME`, `APPDATA` and `LOCALAPPDATA` are known; where one is not set, its usual
        value is taken. A relative path is taken from the working folder.
        """
        head, _, rest = template.partition("/")
        if head == "~":
            return self.join(self.home, rest)
        name = head.strip("$%")
        if name != head:
            return self.join(self.variable(name) or self.path(_VARIABLES[name]), rest)
        return self.join(self.cwd, template)

    def join(self, *parts: str) -> str:
        """Parts put together in this platform's spelling; a later absolute part wins."""
        if self.platform == "windows":
            return ntpath.normpath(ntpath.join(*parts))
        return posixpath.normpath(posixpath.join(*parts))

    def parent(self, path: str) -> str:
        """The folder that holds `path`; a root is its own parent."""
        return ntpath.dirname(path) if self.platform == "windows" else posixpath.dirname(path)

    def upward(self, folder: str) -> Iterator[str]:
        """A folder and all that hold it, the innermost first."""
        while True:
            yield folder
            above = self.parent(folder)
            if above == folder:
                return
            folder = above

    def exists(self, path: str) -> bool:
        """Whether there is anything at `path`."""
        return self.files.exists(path)

    def is_dir(self, path: str) -> bool:
        """Whether `path` is a folder."""
        return self.files.is_dir(path)

    def glob(self, template: str) -> list[str]:
        """The existing paths that match a template, sorted; its part up to the first `*` is taken literally."""
        folder, _, _ = template.partition("*")
        folder = folder.rpartition("/")[0]
        return self.files.glob(self.path(folder), template[len(folder) + 1 :])

    def which(self, name: str, path: str | None = None) -> str | None:
        """The program that `name` starts, as the system looks it up, or None.

        Args:
            name: a bare name, which is looked up, or a path, which only has to be there.
            path: the PATH to search instead of this machine's own.
        """
        if "/" in name or (self.platform == "windows" and "\\" in name):
            return self._program(self.join(self.cwd, name))
        if path is None:
            path = self.variable("PATH") or ("" if self.platform == "windows" else _POSIX_PATH)
        for folder in path.split(";" if self.platform == "windows" else ":"):
            # An empty folder in PATH means the working folder on POSIX, and nothing on Windows.
            if folder or self.platform != "windows":
                found = self._program(self.join(self.cwd, folder, name))
                if found:
                    return found
        return None

    def _program(self, path: str) -> str | None:
        endings = [""]
        if self.platform == "windows":
            known = (self.variable("PATHEXT") or _PATHEXT).lower().split(";")
            if ntpath.splitext(path)[1].lower() not in known:
                endings = known
        return next((path + ending for ending in endings if self.files.is_executable(path + ending)), None)


class DiskFiles:
    """The file system of the machine that this runs on."""

    def exists(self, path: str) -> bool:
        """Whether there is anything at `path`; what may not be looked at counts: it is not missing."""
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return False
        except OSError:
            return True
        return True

    def is_dir(self, path: str) -> bool:
        """Whether `path` is a folder."""
        return os.path.isdir(path)

    def is_executable(self, path: str) -> bool:
        """Whether `path` is a file that this user may run."""
        return os.path.isfile(path) and os.access(path, os.X_OK)

    def glob(self, folder: str, pattern: str) -> list[str]:
        """The existing paths under `folder` that match a pattern relative to it, sorted."""
        import glob  # loads re, which a command that never globs should not pay for

        found = glob.glob(pattern, root_dir=folder)
        return sorted(os.path.normpath(os.path.join(folder, path)) for path in found)

    def real(self, path: str) -> str:
        """`path` with its links followed and its dots taken out."""
        return os.path.realpath(path)

    def read(self, path: str, most: int = -1) -> bytes | None:
        """A file's content, or its first `most` bytes; None where it cannot be read."""
        if not os.path.isfile(path):  # opening a pipe would wait for its writer
            return None
        try:
            with open(path, "rb") as file:
                return file.read(most)
        except OSError:
            return None

    def mode(self, path: str) -> int | None:
        """A file's permission bits; None where there is none, or the system has no such bits."""
        try:
            return os.stat(path).st_mode & 0o7777 if os.name == "posix" else None
        except OSError:
            return None


def this_machine() -> Machine:
    """The machine that this runs on, as the current user and folder see it.

    Raises:
        Refused: where the working folder is gone.
    """
    try:
        cwd = os.getcwd()
    except OSError:
        raise Refused("the working folder no longer exists", mend="change to a folder that exists") from None
    names: dict[str, Platform] = {"darwin": "macos", "win32": "windows", "cygwin": "windows"}
    return Machine(
        platform=names.get(sys.platform, "linux"),
        home=os.path.expanduser("~"),
        env=dict(os.environ),
        cwd=cwd,
        files=DiskFiles(),
    )
