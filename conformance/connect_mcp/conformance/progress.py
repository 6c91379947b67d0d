"""How far a run is, for a person at a terminal: one line that lives, and each failure above it as it comes."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from .result import Outcome, Result

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

_TOLD: Sequence[Outcome] = ("fail", "inconclusive", "bug-in-the-case")
_PER_SECOND = 4


class Progress:
    """What is shown on standard error while a run goes on; nothing where that is no terminal.

    Args:
        expected: what a baseline makes of a result: what it expects is no failure.
        quiet: whether nothing is shown at a terminal either.
    """

    def __init__(self, expected: Callable[[Result], Result] = lambda result: result, *, quiet: bool = False) -> None:
        self._expected = expected
        self._shown = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._began = time.monotonic()
        self._done = self._all = self._failed = 0
        self._now = "starting the server"
        self._live: Live | None = None

    def __enter__(self) -> "Progress":  # noqa: PYI034 - Self is new in Python 3.11
        if self._shown:
            from rich.console import Console  # loaded for a person alone
            from rich.live import Live

            console = Console(stderr=True, highlight=False)
            self._live = Live(
                console=console,
                get_renderable=self._line,
                refresh_per_second=_PER_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def through(self, results: Iterable[Result], count: int) -> Iterator[Result]:
        """The same results, each told of on its way.

        Args:
            results: what comes of the checks.
            count: how many there will be.
        """
        self._all = count
        for result in results:
            self._done += 1
            self._now = result.requirement
            if self._expected(result).outcome in _TOLD:
                self.failed(f"{result.outcome.upper()}  {result.requirement} ({result.revision}): {result.why}")
            yield result

    def at(self, what: str) -> None:
        """Something else begins: the visit of a host, the fuzzer."""
        self._now = what

    def failed(self, what: str) -> None:
        """Something does not work, in one line that is safe to print."""
        self._failed += 1
        if self._live is not None:
            from rich.text import Text

            self._live.console.print(Text(what, "red", no_wrap=True, overflow="ellipsis"))

    def _line(self) -> "Text":
        from rich.text import Text

        done = f"{self._done} of {self._all}  " if self._all else ""
        failed = f"{self._failed} failed  " if self._failed else ""
        seconds = f"{time.monotonic() - self._began:.0f} s  "
        return Text(f"{done}{failed}{seconds}{self._now}", no_wrap=True, overflow="ellipsis")
