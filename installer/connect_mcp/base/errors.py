"""What can go wrong that is not our own bug, as data that one place prints.

A command raises `Refused` (exit code 1) or `Misuse` (exit code 2); the command line's boundary turns either into
lines for a person or into JSON. Anything else that escapes is a bug of ours (exit code 3) and goes to a log.
"""

from .record import record


@record
class Place:
    """Where in a file something is: a path, and a line and column counted from 1 in characters, where known."""

    path: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        if self.line is None:
            return self.path
        return f"{self.path}:{self.line}" + (f":{self.column}" if self.column is not None else "")


class Refused(Exception):
    """Something was not done, and nothing was changed.

    Attributes:
        what: one sentence, what was refused or failed.
        place: the file, line and column it is about, if any.
        why: one sentence, the reason, where `what` does not say it.
        mend: the command or step that mends it, if there is one.
    """

    exit_code = 1

    def __init__(self, what: str, *, place: Place | None = None, why: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.place = place
        self.why = why
        self.mend = mend

    def __str__(self) -> str:
        head = f"{self.place}: {self.what}" if self.place else self.what
        return "\n".join(line for line in (head, self.why, self.mend and f"mend: {self.mend}") if line)


class Misuse(Refused):
    """The command line asks for something that cannot be meant."""

    exit_code = 2
