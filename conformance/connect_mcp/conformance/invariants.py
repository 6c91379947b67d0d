"""What holds whatever is said to a server: it answers each request once, under its id, with valid messages alone.

Knows no transport: it is told what was sent and what came, line by line, and says what is wrong. The fuzzer finds with
it what a replay then shows again.
"""

import json
import math
from typing import Any, Literal

from connect_mcp.base.record import record
from connect_mcp.base.text import printable, shortened

from .requirement import MODERN
from .schemas import BATCHES, faults
from .session import META_REVISION
from .wire import Seen, classified, decode, encode, id_key, is_id

Broke = Literal["died", "silent", "twice", "stranger", "malformed", "secret"]
"""Which invariant was broken: the server ended or read no more; left a request without an answer; answered one twice;
answered what nobody had asked; said what is no valid message; or said the secret that it was started with."""

_DEEPEST, _LONGEST, _MEMBERS = 64, 1 << 20, frozenset({"jsonrpc", "id", "method", "params"})
_SAFE = (1 << 53) - 1  # the whole numbers that every JSON parser keeps


@record
class Problem:
    """An invariant that was broken.

    Attributes:
        kind: which.
        what: one sentence, safe to print.
    """

    kind: Broke
    what: str


class Invariants:
    """Follows one conversation.

    Args:
        revision: the one that is spoken.
        strict: whether a request with a member that JSON-RPC does not know must be answered as well.
        secret: bytes that the server must not say; empty for none.
        over_http: whether a request may be refused by an error without an id, since HTTP says which one it is about.

    Attributes:
        due: the requests that must still be answered: their methods, by their ids as JSON text.
    """

    def __init__(self, revision: str, *, strict: bool = False, secret: bytes = b"", over_http: bool = False) -> None:
        self.revision = revision
        self.due: dict[str, str] = {}
        self._strict = strict
        self._secret = secret
        self._over_http = over_http
        self._may: dict[str, str] = {}
        self._undeclared: set[str] = set()  # requests of no revision, where each says which one it is of
        self._done: set[str] = set()
        self._strays = 0  # how many lines an error without an id may be about

    def sent(self, line: bytes) -> None:
        """A line was sent, without its line end."""
        if not line.strip():
            return
        try:
            value = json.loads(line.decode(), parse_constant=_constant)
        except (ValueError, RecursionError):
            self._strays += 1
            return
        if isinstance(value, list):
            self._strays += 1
        for item in value if isinstance(value, list) else [value]:
            self._sent(item, is_fine=not isinstance(value, list) and len(line) < _LONGEST)

    def _sent(self, item: Any, *, is_fine: bool) -> None:
        kind, problem = classified(item)
        if kind == "request" and self.revision == MODERN and not _declares(item):
            self._undeclared.add(id_key(item["id"]))
        if kind == "notification" and not problem:
            self._cancelled(item)
            return
        if kind == "request" and not problem and is_fine and not self._is_odd(item):
            self.due[id_key(item["id"])] = item["method"]
            return
        self._strays += 1
        if isinstance(item, dict) and "id" in item:
            method = item.get("method")
            self._may[id_key(item["id"])] = method if isinstance(method, str) else ""

    def _cancelled(self, item: dict[str, Any]) -> None:
        """A request that is cancelled may be answered, and need not be."""
        params = item.get("params")
        if item["method"] != "notifications/cancelled" or not isinstance(params, dict):
            return
        key = id_key(params.get("requestId"))
        if self.due.get(key) != "initialize" and key in self.due:
            self._may[key] = self.due.pop(key)

    def received(self, line: bytes) -> Problem | None:
        """A line came: what is wrong with it."""
        if self._secret and self._secret in line:
            return Problem("secret", "the server said the secret that it was started with")
        whole = decode(line, 0.0)
        if whole.kind == "batch" and self.revision != BATCHES:
            return Problem("malformed", f"the server sent an array, and {self.revision} has no batches")
        found = [problem for seen in whole.messages() if (problem := self._received(seen)) is not None]
        return found[0] if found else None

    def _received(self, seen: Seen) -> Problem | None:
        if seen.kind == "none" or seen.problem:
            what = f"the server sent what is no message: {printable(seen.problem)}"
            return Problem("malformed", f"{what}: {printable(shortened(encode(seen.value).decode(), 100))}")
        if seen.kind in ("request", "notification"):
            return self._valid(seen, None)
        if seen.kind == "error" and not is_id(seen.id):
            if self._over_http:
                self._refused()
                return self._valid(seen, None)
            self._strays -= 1
            stray = Problem("stranger", "the server sent an error without an id, and all that it was sent was readable")
            return stray if self._strays < 0 else self._valid(seen, None)
        key = id_key(seen.id)
        method = self.due.pop(key, None) or self._may.pop(key, None)
        if method is None:
            if key in self._done:
                return Problem("twice", f"the request with id {printable(key)} was answered more than once")
            return Problem("stranger", f"an answer has the id {printable(key)}, which no request had")
        self._done.add(key)
        if key in self._undeclared:
            return None  # a server of both eras may take it for one of the other
        return self._valid(seen, method)

    def _refused(self) -> None:
        """A request was refused: the one that waits the longest, as far as can be told."""
        if self.due:
            key = next(iter(self.due))
            self._may[key] = self.due.pop(key)

    def _valid(self, seen: Seen, method: str | None) -> Problem | None:
        found = faults(seen.value, self.revision, method or None)
        if not found:
            return None
        about = f"the answer to {printable(method)}" if method else f"a {seen.kind} of the server"
        return Problem("malformed", f"in {about}, {found[0]}")

    def silent(self) -> Problem | None:
        """What is wrong where nothing more comes."""
        if not self.due:
            return None
        key, method = next(iter(self.due.items()))
        more = f" (nor were {len(self.due) - 1} others)" if len(self.due) > 1 else ""
        return Problem("silent", f"{printable(method)} with id {printable(key)} was not answered{more}")

    def _is_odd(self, request: dict[str, Any]) -> bool:
        """Whether a request that keeps all rules is beyond what every parser takes: it need not be answered."""
        return bool(set(request) - _MEMBERS and not self._strict) or _is_beyond_parsers(request)


def _declares(request: dict[str, Any]) -> bool:
    """Whether a request says which revision it is of."""
    params = request.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return isinstance(meta, dict) and META_REVISION in meta


def _is_beyond_parsers(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str):
                if any("\ud800" <= char <= "\udfff" for char in item):
                    return True
            elif isinstance(item, int | float) and (not math.isfinite(item) or abs(item) > _SAFE):
                return True
        if not below:
            return False
        level = below
    return True


def _constant(name: str) -> None:
    raise ValueError(name)
