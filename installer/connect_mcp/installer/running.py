"""Whether a host is running: some write their own state over a file that was edited behind their back."""

from collections.abc import Sequence
from fnmatch import fnmatch


def running(patterns: Sequence[str]) -> str | None:
    """The path of a running program that matches one of the patterns (`fnmatch`, any case), or None."""
    import psutil

    for process in psutil.process_iter(["exe"]):
        path = process.info["exe"] or ""
        if any(fnmatch(path.lower().replace("\\", "/"), pattern.lower()) for pattern in patterns):
            return str(path)
    return None
