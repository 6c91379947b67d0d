"""Whether a host is running with a config older than its file."""

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from ..configured import ConfiguredFile
from .model import Finding, Sight
from .words import place

if TYPE_CHECKING:
    import psutil


def hosts_have_read_their_files(sight: Sight) -> Iterator[tuple[ConfiguredFile, list[Finding]]]:
    """A note for each file that was changed after its host was started."""
    import psutil

    files = [file for file in sight.files if file.exists and file.entries]
    if not files:
        return
    started: dict[str, float] = {}
    for process in psutil.process_iter(["exe", "cmdline", "create_time"]):
        names = [process.info["exe"] or "", *(process.info["cmdline"] or [])[:2]]
        for host in sight.hosts:
            mine = any(_is_of(name, host.detection.commands, host.closed_first) for name in names if name)
            if mine and _home_of(process) == sight.machine.home:
                started[host.id] = min(process.info["create_time"], started.get(host.id, float("inf")))
    for file in files:
        since = started.get(file.host.id)
        if since is not None and os.stat(file.location.path).st_mtime > since:
            what = f"{file.host.title} is running since before this file was changed"
            why = "it may still work with what the file said then"
            yield file, [Finding("host-not-reloaded", "note", what, place(file), why, file.host.reload)]


def _home_of(process: "psutil.Process") -> str | None:
    """The home folder whose files a program reads; None where that may not be known, since it is somebody else's."""
    import psutil

    try:
        env = process.environ()
    except (psutil.Error, OSError):
        return None
    return env.get("HOME") or env.get("USERPROFILE")


def _is_of(path: str, commands: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    name = path.replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe")
    return name in commands or any(fnmatch(path.lower().replace("\\", "/"), pattern.lower()) for pattern in patterns)
