"""What came of checking one requirement in one revision, as data that any report can be made from."""

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from connect_mcp.base.masking import masked
from connect_mcp.base.record import record
from connect_mcp.base.text import printable, shortened

Outcome = Literal[
    "pass", "fail", "warn", "expected", "not-applicable", "not-observed", "inconclusive", "bug-in-the-case"
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

BROKEN: Sequence[Outcome] = ("fail", "warn")
"""Those of a rule that is broken, which a baseline may make expected; it says nothing of what could not be checked."""


@record
class Line:
    """One line of the exchange that shows why; its text is safe to print, without secrets, and cut.

    Attributes:
        t: seconds since the subject was started.
        by: `kit` or `subject` for what went over the wire, `stderr`, or `event` for what happened (it exited).
        text: what was sent or said.
    """

    t: float
    by: Literal["kit", "subject", "stderr", "event"]
    text: str


@record
class Result:
    """The outcome of one requirement in one revision.

    Attributes:
        requirement: its id.
        revision: the protocol revision that was spoken.
        outcome: `pass`; `fail` where a MUST is broken, `warn` where a SHOULD or a rule of JSON-RPC alone is;
            `expected` where a baseline knows of it; `not-applicable` where the subject lacks what the rule is about;
            `not-observed` where the subject never did what the rule is about; `inconclusive` where the subject kept it
            from being checked; `bug-in-the-case` where our own check is at fault.
        why: one sentence, safe to print; empty for a pass.
        exchange: what was said, as far as it shows why; empty for a pass.
        seconds: how long it took.
        mend: what to do about it; empty for what the requirement says.
    """

    requirement: str
    revision: str
    outcome: Outcome
    why: str = ""
    exchange: tuple[Line, ...] = ()
    seconds: float = 0.0
    mend: str = ""


def quoted(text: str, secrets: Iterable[str], width: int = 600) -> str:
    """What a subject said, or a text that quotes it, fit to be shown.

    Args:
        text: of any length, with anything in it.
        secrets: values to mask besides what looks like a secret.
        width: how many characters of it are kept.

    Returns:
        One line without control characters and secrets.
    """
    return shortened(printable(masked(text[: 4 * width], secrets)), width)


class Ended(Exception):
    """A case is over before its end, and why.

    Attributes:
        why: one sentence, safe to print.
        exchange: what was said, where the case is over because of another conversation than its own.
    """

    def __init__(self, why: str, exchange: tuple[Line, ...] = ()) -> None:
        super().__init__(why)
        self.why = printable(why)
        self.exchange = exchange


class Broken(Ended):
    """The subject broke the rule."""


class NotApplicable(Ended):
    """The subject lacks what the rule is about."""


class NotObserved(Ended):
    """The subject never did what the rule is about."""


class Inconclusive(Ended):
    """The subject kept the rule from being checked."""


class Absent(Inconclusive):
    """Nobody is there: what was started ended before it said anything, or nobody answers at the URL."""
