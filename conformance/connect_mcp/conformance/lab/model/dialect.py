"""A dialect: how the makers of models let a program ask theirs. One module for each, and what they share."""

import json
from collections.abc import Callable, Iterator, Mapping

from connect_mcp.base.record import record

from ...session import Json
from .script import Answer, Asked

Event = tuple[str, Json]
"""The name of an event, empty where the dialect names none, and its data."""

USAGE = 8
"""The tokens that every answer says it took, either way: few, so that no host thinks its context full."""


@record
class Dialect:
    """One way of asking.

    Attributes:
        name: what it is called in turns.
        read: what a request says: from the URL's path and the body.
        whole: the answer as one value.
        events: the answer as it is streamed.
        fault: an error of this text, as the dialect writes it.
        end: what follows the last event, as it stands on the wire.
    """

    name: str
    read: Callable[[str, Mapping[str, Json]], Asked]
    whole: Callable[[Asked, Answer], Json]
    events: Callable[[Asked, Answer], Iterator[Event]]
    fault: Callable[[str], Json]
    end: bytes = b""


def member(value: Json, key: str) -> Json:
    """A member of what should be an object; None where it has none or is none."""
    return value.get(key) if isinstance(value, dict) else None


def members(value: Json, key: str) -> list[Json]:
    """A member that should be a list; empty where it is none."""
    found = member(value, key)
    return found if isinstance(found, list) else []


def text(value: Json, key: str) -> str:
    """A member that should be a text; empty where it is none."""
    found = member(value, key)
    return found if isinstance(found, str) else ""


def content(value: Json) -> str:
    """The texts of a result's content, which is one or a list of blocks; a block without a text stands as its type."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(_block(block) for block in value)
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _block(block: Json) -> str:
    said = member(block, "text")
    return said if isinstance(said, str) else f"[{text(block, 'type') or 'nothing'}]"


def pieces(whole: str) -> Iterator[str]:
    """A text in pieces, as a stream brings it: at least two where it has two characters."""
    size = max(1, min(200, (len(whole) + 1) // 2))
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
