"""What a call reports while it runs: said anywhere below the call, heard by whoever runs it.

`note("info", "The API asks to slow down; trying again in 2 s.", step=True)` becomes a log message for a client that
wants those, progress for one that wants that, and a line of the log file. No text holds a secret or an argument.
"""

from collections.abc import Callable
from contextvars import ContextVar


class Note:
    """One report.

    Attributes:
        level: debug, info, notice, warning or error, as in MCP's logging.
        text: one sentence.
        step: whether it is progress too.
    """

    __slots__ = ("level", "step", "text")

    def __init__(self, level: str, text: str, *, step: bool = False) -> None:
        self.level = level
        self.text = text
        self.step = step


def _nobody(_note: Note) -> None:
    """Outside of a call nobody listens."""


_LISTENER: ContextVar[Callable[[Note], None]] = ContextVar("listener", default=_nobody)


def note(level: str, text: str, *, step: bool = False) -> None:
    """Report to whoever listens to the present task."""
    _LISTENER.get()(Note(level, text, step=step))


def listen(listener: Callable[[Note], None]) -> None:
    """From here on `listener` hears what the present task, and those it starts, report."""
    _LISTENER.set(listener)
