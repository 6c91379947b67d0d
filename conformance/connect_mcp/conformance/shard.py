"""A part of a run, for the jobs of a CI matrix: `--shard I/N`."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from connect_mcp.base.errors import Misuse
from connect_mcp.base.record import record
from connect_mcp.base.text import printable

T = TypeVar("T")

MOST = 256
"""Jobs that a matrix of GitHub's may have."""


@record
class Shard:
    """One of so many parts, which together are the whole.

    Attributes:
        index: which, from 1.
        count: how many there are.
    """

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def part(self, items: Sequence[T], weight: Callable[[T], int] = lambda item: 1) -> tuple[T, ...]:
        """The items that are in this part, in their order.

        The heaviest are dealt out first, each to the part with the least, so that any two parts differ by the weight of
        one item at most.
        """
        loads = [0] * self.count
        mine = []
        for place in sorted(range(len(items)), key=lambda place: -weight(items[place])):
            lightest = loads.index(min(loads))
            loads[lightest] += weight(items[place])
            if lightest == self.index - 1:
                mine.append(place)
        return tuple(items[place] for place in sorted(mine))


WHOLE = Shard(1, 1)


def shard(text: str) -> Shard:
    """A part as `I/N`.

    Raises:
        Misuse: where there is no such part.
    """
    index, slash, count = text.partition("/")
    if slash and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count) <= MOST:
        return Shard(int(index), int(count))
    raise Misuse(f"--shard takes I/N with I from 1 to N, not {printable(text)!r}", mend="--shard 1/4")
