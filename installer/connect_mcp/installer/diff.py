"""Changes and paths as people read them: without secrets and without control characters."""

from collections.abc import Iterable, Sequence

from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import masked
from connect_mcp.base.text import printable

from .apply import Planned


def diffs(planned: Sequence[Planned], secrets: Iterable[str]) -> dict[str, str]:
    """The unified diff of every planned file by its path; "" where nothing changes."""
    known = list(secrets)
    return {one.path: unified(one.edit.old, one.edit.new, one.path, known) for one in planned}


def changed_paths(planned: Sequence[Planned]) -> frozenset[str]:
    """The paths, as the targets named them, of the files that change."""
    return frozenset(target.path for one in planned if one.changed for target in one.targets)


def unified(before: str, after: str, path: str, secrets: Iterable[str] = ()) -> str:
    """The unified diff of one file; "" where nothing changes. A missing file is the empty text."""
    import difflib

    known = list(secrets)
    names = (path if before else "/dev/null", path if after else "/dev/null")
    lines = difflib.unified_diff(_lines(before), _lines(after), *names, lineterm="")
    return "\n".join(masked(printable(line.removesuffix("\r")), known) for line in lines)


def short(path: str, machine: Machine) -> str:
    """A path for people, with the home folder as `~`."""
    home = machine.home.rstrip("/\\")
    inside = home and path.startswith((f"{home}/", f"{home}\\"))
    return printable(f"~{path[len(home) :]}" if inside else path)


def _lines(text: str) -> list[str]:
    """Lines as diff shows them: a last line without an end says so."""
    if not text:
        return []
    *lines, last = text.split("\n")
    return lines if not last else [*lines, last, "\\ no newline at the end of the file"]
