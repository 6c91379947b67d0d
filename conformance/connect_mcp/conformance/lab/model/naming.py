"""Which of the tools that a host offers is the server's tool of a name.

Every host makes names of its own: it puts the server's name before the tool's, replaces characters, and cuts a long
name at its end, in its middle or around a hash. What is found here is found by likeness, and never guessed between two.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from .script import NameOf, Offered

_SHORTENED = 60  # characters of an offered name from which on it may have been cut: the shortest limit that is known
_BETWEEN = 14  # characters that may stand where something was cut out: a hash, or dots
_LEAST = 8  # characters of the server's name of a tool that must be left of it
_CLEARLY = 4  # characters by which one candidate must be better than the next, since a hash may begin alike by chance

_Rest = Callable[[str], "str | None"]


def named(server: str = "", *, bare: bool = True) -> NameOf:
    """The finder for the tools of one server.

    Args:
        server: the server's name in the host's configuration, where it is known. A name that holds it comes before one
            that does not, and `get` is not taken for the server's `widget_get`.
        bare: whether a name may be meant that does not hold the server's. Seven hosts put that of their entry before a
            tool's name, and there False keeps a tool of the host's own from being taken for one of a server that never
            started; Continue puts none, and VS Code the name that the server gives itself.
    """
    ours = _plain(server)

    def name_of(tool: str, offered: Sequence[Offered]) -> Offered | None:
        if ours:
            found = _found(tool, offered, lambda name: _after(ours, name))
            if found or not bare:
                return found[0] if len(found) == 1 else None
        found = _found(tool, offered, _plain)
        return found[0] if len(found) == 1 else None

    return name_of


def _found(tool: str, offered: Sequence[Offered], rest: _Rest) -> list[Offered]:
    """Who it may be; several where that cannot be told.

    A name with odd characters in it is no surer a match where they were replaced and nothing else than where a hash was
    added: that is what Cline does, and `a_b` is another tool then.
    """
    plain = _plain(tool)
    rests = [(one, left) for one in offered if (left := rest(one.full)) is not None]
    exact = [one for one, left in rests if left == plain and _ends(one.full, tool)]
    exact = exact or [one for one, left in rests if _ends(left, plain) and _ends(one.full, tool)]
    if len(exact) == 1:
        return exact
    replaced = [one for one, left in rests if plain and left == plain]
    replaced = replaced or [one for one, left in rests if plain and _ends(left, plain)]
    hashed = [one for one, left in rests if re.search(rf"(?:^|_){re.escape(plain)}_[0-9a-f]{{6,12}}$", left)]
    longest = max((len(one.full) for one in offered), default=0)
    cut = [(one, left) for one, left in rests if len(one.full) == longest >= _SHORTENED]
    return replaced + hashed or _best((_left(left, plain), one) for one, left in cut)


def _after(server: str, name: str) -> str | None:
    """What follows the server's name in an offered name; None where it is not in it."""
    found = re.search(rf"(?:^|_){re.escape(server)}_(.*)", _plain(name))
    return found[1] if found else None


def _plain(name: str) -> str:
    """A name as all hosts would leave it: letters and digits of ASCII, and `_` for everything between them."""
    name = re.sub(r"\bxn--([a-z0-9-]+)", _punycode, name.lower())
    return re.sub(r"[^0-9a-z]+", "_", name).strip("_")


def _punycode(found: re.Match[str]) -> str:
    """What Copilot has written as in a domain's name."""
    try:
        return found[1].encode("ascii").decode("punycode")
    except UnicodeError:
        return found[0]


def _ends(name: str, tail: str) -> bool:
    """Whether a name is the tail, or ends in it after something that parts a server's name from a tool's."""
    return name.endswith(tail) and (len(name) == len(tail) or not name[-len(tail) - 1].isalnum())


def _best(scored: Iterable[tuple[int, Offered]]) -> list[Offered]:
    """The one of which clearly the most is left; both where two are alike."""
    ranked = sorted(scored, key=lambda pair: pair[0], reverse=True)
    return [one for score, one in ranked if score >= _LEAST and score > ranked[0][0] - _CLEARLY]


def _left(name: str, tool: str) -> int:
    """How many characters of a tool's name are left in an offered name, wherever in that it begins."""
    starts = [0, *(found.end() for found in re.finditer("_", name))]
    return max(_kept(name[at:], tool) for at in starts)


def _kept(rest: str, tool: str) -> int:
    """What is left of a tool's name in a shorter one: its beginning, and its end after something short in between."""
    head = _common(rest, tool)
    tail = _common(rest[head:][::-1], tool[head:][::-1])
    return head + tail if len(rest) < len(tool) and len(rest) - head - tail <= _BETWEEN else 0


def _common(one: str, other: str) -> int:
    """The length of their common beginning."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
