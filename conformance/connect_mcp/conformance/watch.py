"""Rules about everything that a subject ever says: each message is judged as it comes, in every conversation."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from connect_mcp.base.text import printable

from .requirement import MODERN
from .result import Line
from .wire import Seen, id_key, is_id


class Observed:
    """What was seen of the rules of this module in one revision, over all its conversations."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.judged: dict[str, int] = {}
        self.broken: dict[str, tuple[str, tuple[Line, ...]]] = {}

    def note(self, rule: str, problem: str, exchange: Callable[[], tuple[Line, ...]]) -> None:
        """A rule was judged; the first problem is kept, with what had been said before it."""
        with self._lock:
            self.judged[rule] = self.judged.get(rule, 0) + 1
            if problem and rule not in self.broken:
                self.broken[rule] = (problem, exchange()[-6:])


class Watch:
    """One conversation, as far as the rules need to know it.

    Args:
        revision: which revision is spoken.
        observed: where what is judged is noted.
    """

    def __init__(self, revision: str, observed: Observed) -> None:
        self.revision = revision
        self.modern = revision == MODERN
        self.asked: dict[str, str] = {}
        self.answered: set[str] = set()
        self.muddied = False
        self._observed = observed

    def sent(self, message: Any) -> None:
        """We sent this."""
        for item in message if isinstance(message, list) else [message]:
            if isinstance(item, dict) and is_id(item.get("id")) and isinstance(item.get("method"), str):
                self.asked[id_key(item["id"])] = item["method"]
            else:
                self.muddied = True

    def judge(self, seen: Seen, exchange: Callable[[], tuple[Line, ...]]) -> None:
        """The subject said this: every rule that has something to say about it is noted."""
        for rule, judge in RULES.items():
            problem = judge(self, seen)
            if problem is not None:
                self._observed.note(rule, problem, exchange)


def _purity(_watch: Watch, seen: Seen) -> str | None:
    return f"a line is no message: {printable(seen.problem)}" if seen.kind == "none" else ""


Rule = Callable[[Watch, Seen], "str | None"]
"""None where the message is none of its business, else what is wrong with it, or nothing."""

RULES: Mapping[str, Rule] = {
    "STDOUT-PURE": _purity,
}
"""By the id of the requirement."""
