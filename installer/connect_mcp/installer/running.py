"""Whether a host is running: some write their own state over a file that was edited behind their back."""

from collections.abc import Sequence
from fnmatch import fnmatch

from connect_mcp.base.errors import Refused
from connect_mcp.base.text import printable

from .hosts.model import Host


def running(patterns: Sequence[str]) -> str | None:
    """The path of a running program that matches one of the patterns (`fnmatch`, any case), or None."""
    import psutil

    for process in psutil.process_iter(["exe"]):
        path = process.info["exe"] or ""
        if any(fnmatch(path.lower().replace("\\", "/"), pattern.lower()) for pattern in patterns):
            return str(path)
    return None


def must_be_closed(host: Host, *, force: bool) -> None:
    """Refuse to write to a host that runs and would write its own state over that.

    Raises:
        Refused: where it runs, unless `force`.
    """
    if not host.closed_first or force:
        return
    if program := running(host.closed_first):
        raise Refused(
            f"{host.title} is running, and would write its own state over this file",
            why=f"seen: {printable(program)}",
            mend=f"quit {host.title} and run the command again, or use --force",
        )
