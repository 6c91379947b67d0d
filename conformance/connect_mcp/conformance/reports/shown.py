"""What all reports show alike."""

from collections.abc import Iterator, Mapping
from typing import Literal

from connect_mcp.base.text import printable, shortened

from ..fuzz import Found
from ..invariants import Broke
from ..result import Outcome, Result

WIDTH = 400
"""Characters of a line of an exchange."""

MARKS: Mapping[str, str] = {"kit": ">", "subject": "<", "stderr": "!", "event": "*"}
"""Who said a line: the kit, the server, its standard error, or what happened."""

TOLD: tuple[Outcome, ...] = ("bug-in-the-case", "fail", "inconclusive", "warn")
"""The outcomes that are told in detail, in this order."""

BROKEN: Mapping[Broke, str] = {
    "died": "The server ended, or read no more",
    "silent": "A request was left without an answer",
    "twice": "A request was answered twice",
    "stranger": "What nobody had asked was answered",
    "malformed": "What was said is no valid message",
    "secret": "A secret was said that the server had been started with",
}
"""What the fuzzer finds, in words."""

Level = Literal["error", "warning", "note"]


def exchange(result: Result) -> Iterator[str]:
    """What was said, a line each; its texts are safe to print."""
    for line in result.exchange:
        yield f"{MARKS[line.by]} {shortened(line.text, WIDTH)}"


def again(found: Found) -> str:
    """The command that shows what the fuzzer found once more."""
    return f"connect-mcp conformance replay {printable(found.session)} -- COMMAND"


def about(found: Found) -> str:
    """When it breaks, in a sentence."""
    messages = "1 message" if found.messages == 1 else f"{found.messages} messages"
    how = "" if found.again else "; a new process that was sent the same did not do it"
    return f"It takes {messages} after the handshake{how}."
