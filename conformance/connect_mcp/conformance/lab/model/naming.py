"""Which of the tools that a host offers is the server's tool of a name.

Every host makes names of its own (HOST-LAB's table): it puts the server's name before the tool's, replaces characters,
and cuts a long name at its end, in its middle or around a hash. What is found here is found by likeness and never
guessed between two.
"""

import re
from collections.abc import Iterable, Sequence

from .script import NameOf, Offered

_SHORTENED = 40  # characters of an offered name from which on it may have been cut: the shortest limit seen is 63
_BETWEEN = 14  # characters that may stand where something was cut out: a hash, or dots
_LEAST = 8  # characters of the server's name that must be left of it
_CLEARLY = 4  # characters by which one candidate must be better than the next, since a hash may begin alike by chance


def named(server: str = "") -> NameOf:
    """The finder for the tools of one server.

    Args:
        server: the server's name in the host's configuration. Where it is given, a name that holds it comes before one
            that does not, so that `get` is not taken for the server's `widget_get`, nor for a tool of the host's own.
    """

    def name_of(tool: str, offered: Sequence[Offered]) -> Offered | None:
        for candidates in _candidates(server, tool, offered):
            if len(candidates) == 1:
                return candidates[0]
            if candidates:
                return None
        return None

    return name_of


def _candidates(server: str, tool: str, offered: Sequence[Offered]) -> Iterable[list[Offered]]:
    """Who it may be, the surest first."""
    ours, plain = _plain(server), _plain(tool)
    if ours:
        with_server = [one for one in offered if _ends(_plain(one.full), f"{ours}_{plain}")]
        exact = [one for one in with_server if one.full.endswith(tool)]
        yield exact if len(exact) == 1 else with_server
    yield [one for one in offered if one.full == tool]
    yield [one for one in offered if _ends(one.full, tool)]
    yield [one for one in offered if plain and _ends(_plain(one.full), plain)]
    yield _best((_left(one.full, plain), one) for one in offered)


def _plain(name: str) -> str:
    """A name as all hosts would leave it: letters and digits of ASCII, and `_` for everything between them."""
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")


def _ends(name: str, tail: str) -> bool:
    """Whether a name is the tail, or ends in it after something that parts a server's name from a tool's."""
    return name.endswith(tail) and (len(name) == len(tail) or not name[-len(tail) - 1].isalnum())


def _best(scored: Iterable[tuple[int, Offered]]) -> list[Offered]:
    """The one of which clearly the most is left; both where two are alike."""
    ranked = sorted(scored, key=lambda pair: pair[0], reverse=True)
    return [one for score, one in ranked if score >= _LEAST and score > ranked[0][0] - _CLEARLY]


def _left(full: str, tool: str) -> int:
    """How many characters of a tool's name are left in a name that may have been shortened; 0 where it was not."""
    name = _plain(full)
    return max((_kept(name[at:], tool, len(full)) for at in _starts(name)), default=0)


def _starts(name: str) -> Iterable[int]:
    yield 0
    for found in re.finditer("_", name):
        yield found.end()


def _kept(rest: str, tool: str, length: int) -> int:
    """What is left of a tool's name: its beginning, something in between, and its end."""
    head = _common(rest, tool)
    tail = _common(rest[head:][::-1], tool[head:][::-1])
    between = len(rest) - head - tail
    whole = head == len(tool) and rest[head : head + 1] == "_"
    if between > _BETWEEN or not (whole or length >= _SHORTENED):
        return 0
    return head + tail


def _common(one: str, other: str) -> int:
    """The length of their common beginning."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
