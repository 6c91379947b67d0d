"""What came of replaying sessions, as data, as JSON and as text for a person."""

import os
from collections.abc import Iterator, Sequence
from typing import Literal

from connect_mcp.base.masking import masked, telling_values
from connect_mcp.base.record import record
from connect_mcp.base.secrets import known_values
from connect_mcp.base.text import printable, shortened

from .comparison import Change
from .session import Json

Outcome = Literal["pass", "fail", "inconclusive"]

JSON_VERSION = 1

_SHOWN_CHANGES, _SHOWN_DIFFERENCES, _WIDTH = 8, 20, 160


@record
class Difference:
    """One way in which the server did not do what was recorded.

    Attributes:
        number: the line of the session file that it is about, or None for something that was not recorded at all.
        what: one sentence, safe to print.
        changes: what differs inside an answer; its texts are not safe to print.
    """

    number: int | None
    what: str
    changes: tuple[Change, ...] = ()


@record
class Replayed:
    """The outcome of one session at one server.

    Attributes:
        path: the session file.
        host: which host it was recorded from, with its version, as far as known.
        outcome: `pass`, `fail`, or `inconclusive` where the server died or stopped answering.
        reason: for an inconclusive one, why.
        answers: how many recorded messages of the server were compared.
        differences: what was not as recorded.
        seconds: the whole replay.
        notes: what was done otherwise than recorded, and why; safe to print.
        adapted: whether the session was adapted to the server, so that nothing was compared with the recording.
    """

    path: str
    host: str
    outcome: Outcome
    reason: str
    answers: int
    differences: tuple[Difference, ...]
    seconds: float
    notes: tuple[str, ...] = ()
    adapted: bool = False


def for_report(text: str) -> str:
    """Part of what a server said, for a report: without secrets and control characters, and short."""
    return shortened(printable(masked(text[: 20 * _WIDTH], [*telling_values(os.environ), *known_values()])), _WIDTH)


def as_text(results: Sequence[Replayed]) -> str:
    """A report for a person, one paragraph per session."""
    return "".join(f"{line}\n" for result in results for line in _lines(result))


def as_data(results: Sequence[Replayed]) -> dict[str, Json]:
    """The same as a JSON document."""
    outcomes = {result.outcome for result in results}
    overall = next((outcome for outcome in ("fail", "inconclusive") if outcome in outcomes), "pass")
    return {"version": JSON_VERSION, "outcome": overall, "sessions": [_data(result) for result in results]}


def _lines(result: Replayed) -> Iterator[str]:
    word = result.outcome if result.outcome == "pass" else result.outcome.upper()
    by = f", recorded from {result.host}" if result.host else ""
    compared = "1 message" if result.answers == 1 else f"{result.answers} messages"
    did = "judged" if result.adapted else "compared"
    yield f"{word}  {printable(result.path)}{by}: {compared} {did} in {result.seconds:.2f} s"
    if result.reason:
        yield f"  {result.reason}"
    for difference in result.differences[:_SHOWN_DIFFERENCES]:
        where = f"line {difference.number}: " if difference.number else ""
        yield f"  {where}{difference.what}"
        for change in difference.changes[:_SHOWN_CHANGES]:
            yield from _change_lines(change)
        if (more := len(difference.changes) - _SHOWN_CHANGES) > 0:
            yield f"    and {more} more"
    if (more := len(result.differences) - _SHOWN_DIFFERENCES) > 0:
        yield f"  and {more} more differences"
    for note in result.notes:
        yield f"  note: {note}"


def _change_lines(change: Change) -> Iterator[str]:
    path = for_report(change.path)
    if change.got is None or change.expected is None:
        kept = change.expected if change.got is None else change.got
        sign, word = ("-", "missing") if change.got is None else ("+", "not recorded")
        yield f"    {sign} {path}: {word}" + ("" if kept in (None, "present") else f" ({for_report(str(kept))})")
        return
    yield f"    {path}"
    yield f"    - {for_report(change.expected)}"
    yield f"    + {for_report(change.got)}"


def _data(result: Replayed) -> dict[str, Json]:
    differences: list[Json] = [
        {
            "line": difference.number,
            "what": difference.what,
            "changes": [
                {
                    "path": for_report(change.path),
                    "expected": None if change.expected is None else for_report(change.expected),
                    "got": None if change.got is None else for_report(change.got),
                }
                for change in difference.changes
            ],
        }
        for difference in result.differences
    ]
    return {
        "path": result.path,
        "host": result.host,
        "outcome": result.outcome,
        "reason": result.reason,
        "answers": result.answers,
        "differences": differences,
        "notes": list(result.notes),
        "adapted": result.adapted,
        "seconds": round(result.seconds, 3),
    }
