"""What a server cannot help because of the SDK that it is built on: baselines that ship with the kit.

Each is a file of `fixtures/baselines/`, in the form of `baseline`, with two comments more: `# sdk:` says which SDK it
is, and `# known by:` what a server on it shows, as requirements with a part of what was said of them. The lines come
from the smallest server on that SDK. None is applied unless the user names it, and what shows is always printed.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from connect_mcp.base.errors import Misuse
from connect_mcp.base.fixtures import fixtures
from connect_mcp.base.record import record, replace

from .baseline import Known, read
from .result import BROKEN, Result

AUTO = "auto"
"""In place of a name: whichever the server's behaviour shows."""

_COMMENT = re.compile(r"# (sdk|known by): *(.*)")


@record
class Mark:
    """A requirement that servers on an SDK break, and a part of what is said of it then; `passes` for one they keep."""

    requirement: str
    said: str
    how: Literal["breaks", "passes"]

    def shows(self, results: Iterable[Result]) -> bool:
        """Whether it shows in one of the revisions."""
        about = [result for result in results if result.requirement == self.requirement]
        if self.how == "passes":
            return any(result.outcome == "pass" for result in about)
        return any(result.outcome in BROKEN and self.said in result.why for result in about)


@record
class Baseline:
    """What servers on one SDK cannot help.

    Attributes:
        name: as `--sdk` takes it.
        title: the SDK.
        marks: what a server on it shows.
        lines: what it breaks, and why.
    """

    name: str
    title: str
    marks: tuple[Mark, ...]
    lines: tuple[Known, ...]


def names() -> tuple[str, ...]:
    """The SDKs that there is a baseline of."""
    return tuple(sorted(path.stem for path in (fixtures() / "baselines").glob("*.txt")))


def load(name: str) -> Baseline:
    """The baseline of an SDK.

    Raises:
        Misuse: where there is none of that name.
    """
    if name not in names():
        known = ", ".join((*names(), AUTO))
        raise Misuse(f"there is no baseline of an SDK {name!r}", why=f"there are {known}", mend="--sdk auto")
    path = fixtures() / "baselines" / f"{name}.txt"
    said = {found[1]: found[2] for line in _lines(path) if (found := _COMMENT.match(line))}
    marks = tuple(_mark(text) for text in said.get("known by", "").split(";") if text.strip())
    return Baseline(name, said.get("sdk", name), marks, read(path))


def fingerprint(results: Sequence[Result]) -> Baseline | None:
    """The SDK whose marks all show, of several the one with the most; None where there is none."""
    found = [one for one in map(load, names()) if one.marks and all(mark.shows(results) for mark in one.marks)]
    return max(found, key=lambda one: len(one.marks), default=None)


def chosen(results: Sequence[Result], named: str | None) -> Baseline | None:
    """The SDK that is named, with `auto` the one that shows; None where none is named, or none shows.

    Raises:
        Misuse: where there is none of that name.
    """
    return fingerprint(results) if named == AUTO else load(named) if named else None


def excused(results: Iterable[Result], baseline: Baseline) -> tuple[Result, ...]:
    """Results with what the SDK's servers cannot help as `expected`, each with its reason; a line may well be stale."""
    return tuple(_excused(result, baseline) for result in results)


def told(results: Sequence[Result], taken: Baseline | None, named: str | None) -> str:
    """A line for the report: which SDK shows, and what was made of it; empty where none does and none was asked for."""
    if taken is not None and named != AUTO:
        return f"--sdk {taken.name}: what a server on {taken.title} cannot help is expected"
    shown = taken or fingerprint(results)
    if shown is None:
        return "--sdk auto: the behaviour of no SDK shows that there is a baseline of" if named else ""
    marks = "; ".join(f"{mark.requirement} {mark.said or mark.how}" for mark in shown.marks)
    what = f"it behaves like a server on {shown.title} ({marks})"
    if taken is not None:
        return f"--sdk auto: {what}: what those cannot help is expected"
    return f"{what}; with --sdk {shown.name}, what those cannot help is expected"


def _excused(result: Result, baseline: Baseline) -> Result:
    line = next((line for line in baseline.lines if line.covers(result)), None)
    if line is None or result.outcome not in BROKEN:
        return result
    return replace(result, outcome="expected", why=f"{result.why} ({baseline.title}: {line.reason})")


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _mark(text: str) -> Mark:
    ident, _, said = text.strip().partition(" ")
    return Mark(ident, "", "passes") if said == "passes" else Mark(ident, said, "breaks")
