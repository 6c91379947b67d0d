"""What a server is known to break: a file of lines, each of which turns a failure into an expected one.

    # connect-mcp conformance baseline 1
    PARSE-TRUNC 2025-11-25   the SDK drops unreadable lines
    TOOL-UNKNOWN *

A line names a requirement, a revision (or `*` for all that are checked), and why. One whose requirement is kept by now
is stale, and fails itself: known gaps do not stay known for longer than they are gaps. What could not be checked is
expected by no line, since a server that cannot be spoken with would pass with a baseline of its gaps.
"""

import os
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path

from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.record import record, replace
from connect_mcp.base.text import printable

from .requirement import REVISIONS, all_requirements
from .result import BROKEN, Result

HEAD = "# connect-mcp conformance baseline 1"


@record
class Known:
    """One line.

    Attributes:
        number: of the line, from 1.
        requirement: its id.
        revision: one, or `*`.
        reason: why it is so; may be empty.
    """

    number: int
    requirement: str
    revision: str
    reason: str

    def covers(self, result: Result) -> bool:
        """Whether the line is about this result."""
        return self.requirement == result.requirement and self.revision in ("*", result.revision)


def read(path: str | os.PathLike[str]) -> tuple[Known, ...]:
    """The lines of a baseline.

    Raises:
        Refused: where it cannot be read, or a line of it cannot be meant, with its place.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Refused("the baseline cannot be read", place=Place(str(path)), why=why or "") from None
    known = {row.id for row in all_requirements()}
    return tuple(
        _line(path, number, line, known)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.startswith("#")
    )


def applied(
    results: Iterable[Result],
    lines: Sequence[Known],
    path: str | os.PathLike[str],
    undecided: Container[str] = (),
) -> tuple[Result, ...]:
    """Results with what the lines expect as `expected`, and with a failure where a line is stale.

    Args:
        results: what came of a run; a line about none of them is not stale.
        lines: of the baseline.
        path: where they stand.
        undecided: requirements of which these results do not show that they are kept.
    """
    found = tuple(results)
    changed = [expected(result, lines) for result in found]
    for line in lines:
        if line.requirement in undecided:
            continue
        about = [result for result in found if line.covers(result)]
        if about and not any(result.outcome in (*BROKEN, "inconclusive") for result in about):
            at = next(index for index, result in enumerate(found) if line.covers(result))
            here = f"line {line.number} of {printable(os.fspath(path))}"
            why = f"{here} expects this to fail, and it does not: take it out"
            changed[at] = replace(about[0], outcome="fail", why=why, mend=f"Delete {here}: {_shown(line)}")
    return tuple(changed)


def written(results: Iterable[Result], subject: str, reasons: Mapping[tuple[str, str], str]) -> str:
    """A baseline that holds everything that is broken.

    Args:
        results: what came of a run.
        subject: the server, safe to print.
        reasons: those that are known already, by requirement and revision.
    """
    lines = [HEAD, f"# what {subject} is known to break: requirement, revision, and why"]
    for result in results:
        if result.outcome in BROKEN:
            reason = reasons.get((result.requirement, result.revision)) or result.why
            lines.append(f"{result.requirement} {result.revision}   {reason}".rstrip())
    return "".join(f"{line}\n" for line in lines)


def require_checked(results: Iterable[Result]) -> None:
    """Make sure that there is something to hold a server to.

    Raises:
        Refused: where nothing that it does could be checked, and why.
    """
    found = tuple(results)
    outcomes = {result.outcome for result in found}
    if "pass" not in outcomes and ("inconclusive" in outcomes or outcomes.isdisjoint(BROKEN)):
        why = next((result.why for result in found if result.why), "")
        raise Refused("nothing that this server does could be checked", why=why, mend="start it by hand, and look")


def unchecked(results: Iterable[Result]) -> str:
    """A sentence on what could not be checked, of which a baseline holds no line; empty where all could."""
    found = dict.fromkeys(result.requirement for result in results if result.outcome == "inconclusive")
    return f"could not be checked, which no line makes expected: {', '.join(found)}" if found else ""


def expected(result: Result, lines: Sequence[Known]) -> Result:
    """The result, as `expected` where it is broken and a line is about it."""
    line = next((line for line in lines if line.covers(result)), None)
    if line is None or result.outcome not in BROKEN:
        return result
    reason = f" ({printable(line.reason)})" if line.reason and line.reason != result.why else ""
    return replace(result, outcome="expected", why=f"{result.why}{reason}")


def _shown(line: Known) -> str:
    return printable(f"{line.requirement} {line.revision}   {line.reason}".rstrip())


def _line(path: str | os.PathLike[str], number: int, line: str, known: set[str]) -> Known:
    ident, revision, reason = [*line.split(None, 2), "", ""][:3]
    place = Place(os.fspath(path), number)
    if ident not in known:
        raise Refused(f"there is no requirement {printable(ident)}", place=place, mend="connect-mcp conformance list")
    if revision not in ("*", *REVISIONS):
        named = printable(revision) or "none"
        raise Refused(f"a revision or * stands after the requirement, not {named}", place=place)
    return Known(number, ident, revision, reason)
