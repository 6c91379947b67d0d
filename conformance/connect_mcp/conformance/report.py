"""What came of replaying sessions, as data, as JSON and as text for a person."""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
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


def for_report(text: str, secrets: Iterable[str] = ()) -> str:
    """Part of what a server said, for a report: without the secrets of this machine and these, on one line, short."""
    known = [*telling_values(os.environ), *known_values(), *secrets]
    return shortened(printable(masked(text[: 20 * _WIDTH], known)), _WIDTH)


def as_text(results: Sequence[Replayed], secrets: Collection[str] = ()) -> str:
    """A report for a person, one paragraph per session; `secrets` are values that the server was given."""
    return "".join(f"{line}\n" for result in results for line in _lines(result, secrets))


def as_data(results: Sequence[Replayed], secrets: Collection[str] = ()) -> dict[str, Json]:
    """The same as a JSON document."""
    outcomes = {result.outcome for result in results}
    overall = next((outcome for outcome in ("fail", "inconclusive") if outcome in outcomes), "pass")
    return {"version": JSON_VERSION, "outcome": overall, "sessions": [_data(result, secrets) for result in results]}


def _lines(result: Replayed, secrets: Collection[str]) -> Iterator[str]:
    word = result.outcome if result.outcome == "pass" else result.outcome.upper()
    by = f", recorded from {result.host}" if result.host else ""
    compared = "1 message" if result.answers == 1 else f"{result.answers} messages"
    did = "judged" if result.adapted else "compared"
    yield f"{word}  {printable(result.path)}{by}: {compared} {did} in {result.seconds:.2f} s"
    if result.reason:
        yield f"  {masked(result.reason, secrets)}"
    for difference in result.differences[:_SHOWN_DIFFERENCES]:
        where = f"line {difference.number}: " if difference.number else ""
        yield f"  {where}{masked(difference.what, secrets)}"
        for change in difference.changes[:_SHOWN_CHANGES]:
            yield from _change_lines(change, secrets)
        if (more := len(difference.changes) - _SHOWN_CHANGES) > 0:
            yield f"    and {more} more"
    if (more := len(result.differences) - _SHOWN_DIFFERENCES) > 0:
        yield f"  and {more} more differences"
    for note in result.notes:
        yield f"  note: {masked(note, secrets)}"


def _change_lines(change: Change, secrets: Collection[str]) -> Iterator[str]:
    path = for_report(change.path, secrets)
    if change.got is None or change.expected is None:
        kept = change.expected if change.got is None else change.got
        sign, word = ("-", "missing") if change.got is None else ("+", "not recorded")
        yield f"    {sign} {path}: {word}" + (
            "" if kept in (None, "present") else f" ({for_report(str(kept), secrets)})"
        )
        return
    yield f"    {path}"
    yield f"    - {for_report(change.expected, secrets)}"
    yield f"    + {for_report(change.got, secrets)}"


def _data(result: Replayed, secrets: Collection[str]) -> dict[str, Json]:
    differences: list[Json] = [
        {
            "line": difference.number,
            "what": masked(difference.what, secrets),
            "changes": [
                {
                    "path": for_report(change.path, secrets),
                    "expected": None if change.expected is None else for_report(change.expected, secrets),
                    "got": None if change.got is None else for_report(change.got, secrets),
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
        "reason": masked(result.reason, secrets),
        "answers": result.answers,
        "differences": differences,
        "notes": [masked(note, secrets) for note in result.notes],
        "adapted": result.adapted,
        "seconds": round(result.seconds, 3),
    }
