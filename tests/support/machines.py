"""Machines of every platform whose files are a dictionary."""

import fnmatch
import ntpath
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from connect_mcp.base.machine import Machine, Platform

HOMES: dict[Platform, str] = {"linux": "/home/user", "macos": "/Users/user", "windows": "C:\\Users\\user"}


@dataclass(frozen=True)
class FakeFiles:
    """Files by path, with their content; None stands for a folder. The folders above them are there as well."""

    content: Mapping[str, bytes | None]
    executable: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)

    def exists(self, path: str) -> bool:
        return path in self._all()

    def is_dir(self, path: str) -> bool:
        return path in self._all() and self.content.get(path) is None and path not in self.executable

    def is_executable(self, path: str) -> bool:
        return path in self.executable

    def glob(self, folder: str, pattern: str) -> list[str]:
        paths = ntpath if "\\" in folder else posixpath
        parts = pattern.split("/")
        return sorted(path for path in self._all() if _matches(path, folder, parts, paths.sep))

    def real(self, path: str) -> str:
        return self.links.get(path, path)

    def read(self, path: str, most: int = -1) -> bytes | None:
        content = self.content.get(path)
        return content if content is None or most < 0 else content[:most]

    def mode(self, path: str) -> int | None:
        return self.modes.get(path, 0o600) if self.exists(path) else None

    def _all(self) -> set[str]:
        found = set()
        for path in (*self.content, *self.executable):
            paths = ntpath if "\\" in path else posixpath
            while path not in found:
                found.add(path)
                path = paths.dirname(path)
        return found


def _matches(path: str, folder: str, parts: list[str], separator: str) -> bool:
    """Whether `path` lies under `folder` and matches part by part, since `*` does not cross a folder."""
    if not path.startswith(folder + separator):
        return False
    found = path[len(folder) + 1 :].split(separator)
    return len(found) == len(parts) and all(map(fnmatch.fnmatchcase, found, parts))


def machine(
    platform: Platform = "linux",
    *,
    env: Mapping[str, str] | None = None,
    files: Mapping[str, bytes | None] | None = None,
    executable: frozenset[str] = frozenset(),
    links: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> Machine:
    """A machine of a platform, whose user is called `user`, with these files and no others."""
    home = HOMES[platform]
    return Machine(platform, home, env or {}, cwd or home, FakeFiles(files or {}, executable, links or {}))
