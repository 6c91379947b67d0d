"""What all reports show alike."""

from collections.abc import Iterator, Mapping
from typing import Literal

from connect_mcp.base.text import shortened

from ..result import Outcome, Result

WIDTH = 400
"""Characters of a line of an exchange."""

MARKS: Mapping[str, str] = {"kit": ">", "subject": "<", "stderr": "!", "event": "*"}
"""Who said a line: the kit, the server, its standard error, or what happened."""

TOLD: tuple[Outcome, ...] = ("bug-in-the-case", "fail", "inconclusive", "warn")
"""The outcomes that are told in detail, in this order."""

Level = Literal["error", "warning", "note"]


def exchange(result: Result) -> Iterator[str]:
    """What was said, a line each; its texts are safe to print."""
    for line in result.exchange:
        yield f"{MARKS[line.by]} {shortened(line.text, WIDTH)}"
