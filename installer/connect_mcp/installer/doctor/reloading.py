"""Whether a host is running with a config older than its file."""

import os
from collections.abc import Iterator
from fnmatch import fnmatch

from ..configured import ConfiguredFile
from .model import Finding, Sight
from .words import place


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
            if any(_is_of(name, host.detection.commands, host.closed_first) for name in names if name):
                earliest = min(process.info["create_time"], started.get(host.id, float("inf")))
                started[host.id] = earliest
    for file in files:
        since = started.get(file.host.id)
        if since is not None and os.stat(file.location.path).st_mtime > since:
            what = f"{file.host.title} is running since before this file was changed"
            why = "it may still work with what the file said then"
            yield file, [Finding("host-not-reloaded", "note", what, place(file), why, file.host.reload)]


def _is_of(path: str, commands: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    name = path.replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe")
    return name in commands or any(fnmatch(path.lower().replace("\\", "/"), pattern.lower()) for pattern in patterns)
