"""Comparing what a server answered with what was recorded, where some things vary from one run to the next.

What varies is a small table: patterns for what may stand inside a text, and names of members whose values differ every
time. Everything else is equal or is a change, and in a list of tools nothing varies. A value that took another's place
is remembered, so that a cursor or an id which the host sends back later is the one that this server gave.

An id that the host sent first must come back as it is; one that the server made may be another one.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import cast

from connect_mcp.base.record import record

from .redaction import UUID
from .session import PLACEHOLDER, Json

TEXT_PATTERNS: Mapping[str, str] = {
    "uuid": UUID,
    "time": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?",
    "duration": r"(?<![\w.])\d+(?:\.\d+)? ?(?:ms|µs|s|seconds|milliseconds)(?!\w)",
}
"""What varies inside a text, by name; each stands for any other text of the same form."""

PLACEHOLDER_PATTERNS: Mapping[str, str] = {"uuid": UUID, "tmp": r"[^\s\"']+", "secret": r"[^\s\"']+"}
"""What a placeholder that has no value yet may stand for; the others have one from the start."""


@record
class Varying:
    """A member whose value differs every time.

    Attributes:
        name: what it is called in a report.
        path: matches the end of the member's path.
        kind: the type that both values must have.
        returned: whether the host sends the value back, so that the new one must be remembered.
    """

    name: str
    path: re.Pattern[str]
    kind: type
    returned: bool = False


VARYING: tuple[Varying, ...] = (
    Varying("server version", re.compile(r"serverInfo\.version$"), str),
    Varying("cursor", re.compile(r"\.(?:nextCursor|cursor|next|previous)$"), str, returned=True),
    Varying("duration", re.compile(r"(?:_ms|Ms|[sS]econds|[dD]uration|[eE]lapsed|[uU]ptime)$"), float),
    Varying("time", re.compile(r"(?:_at|At|[tT]imestamp|[tT]ime)$"), float),
)

_ID = re.compile(r"(?:[._]id|[a-z]I[dD])$")
"""Members whose value a server may have made to tell its things apart."""

NAMED: Mapping[str, str] = {"tools": "name", "prompts": "name", "resources": "uri", "resourceTemplates": "uriTemplate"}
"""Lists whose order is not promised, and the member by which their items are told apart."""

_VARIES = re.compile("|".join([PLACEHOLDER.pattern, *(f"(?:{pattern})" for pattern in TEXT_PATTERNS.values())]))
_FIXED = re.compile(r"result\.(?:tools|prompts|resourceTemplates)\[")
_WORD = re.compile(r"[A-Za-z0-9._:/+=~-]{1,200}")
_LONG_ENOUGH = 8  # characters: a shorter value that the host sends is one of its own that happens to be the same
_DEEPEST = 200


@record
class Change:
    """One difference inside an answer.

    Attributes:
        path: where, as `result.tools[echo].description`.
        expected: the recorded value as JSON text, or None where there was none.
        got: the server's, likewise.
    """

    path: str
    expected: str | None
    got: str | None


class Matching:
    """What stands for what in one replayed session.

    Args:
        value_of: makes a value for a placeholder that the host uses first, by its name (`uuid:1`).
    """

    def __init__(self, value_of: Callable[[str], str]) -> None:
        self._value_of = value_of
        self._values: dict[str, str] = {}  # by a placeholder's name
        self._returned: dict[str, str] = {}  # by the recorded value of what the host sends back
        self._made: dict[str, Json] = {}  # this server's ids by the recorded ones, as JSON text
        self._sent: set[str] = set()  # ids that the host sent first, as JSON text

    def filled(self, text: str) -> str:
        """`text` with a value for every placeholder."""
        return PLACEHOLDER.sub(lambda found: self._value(found[1]), text) if "{{" in text else text

    def filled_value(self, value: Json, name: str = "") -> Json:
        """`value` with a value for every placeholder, and this server's own cursors and ids for the recorded ones."""
        if isinstance(value, dict):
            of_message = ("requestId", "id" if "jsonrpc" in value else "")  # these are no ids of the server's things
            return {
                self.filled(key): self.filled_value(item, "" if key in of_message else key)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.filled_value(item, name) for item in value]
        if _is_id(value, f".{name}"):
            if (key := json.dumps(value)) in self._made:
                return self._made[key]
            self._sent.add(key)
        if isinstance(value, str):
            is_returned = value in self._returned and (name == "cursor" or len(value) >= _LONG_ENOUGH)
            return self._returned[value] if is_returned else self.filled(value)
        return value

    def changes(self, expected: Json, got: Json, path: str) -> list[Change]:
        """Every difference between a recorded value and a server's."""
        found: list[Change] = []
        self._compare(expected, got, path, found)
        return found

    def _compare(self, expected: Json, got: Json, path: str, found: list[Change]) -> None:
        if isinstance(expected, str) and isinstance(got, str):
            self._texts(expected, got, path, found)
        elif isinstance(expected, (dict, list)) and type(expected) is type(got):
            if path.count(".") + path.count("[") > _DEEPEST:
                found += [_change(path, expected, got)] if expected != got else []
            elif isinstance(expected, dict):
                self._members(expected, cast("dict[str, Json]", got), path, found)
            else:
                self._items(expected, cast("list[Json]", got), path, found)
        else:
            same = _type(expected) is _type(got) and expected == got
            if same and not _ID.search(path):
                return  # nothing to learn from it either
            if not self._varies(expected, got, path) and not same:
                found.append(_change(path, expected, got))

    def _value(self, name: str) -> str:
        if name not in self._values:
            self._values[name] = self._value_of(name)
        return self._values[name]

    def _members(self, expected: dict[str, Json], got: dict[str, Json], path: str, found: list[Change]) -> None:
        if "{{" in " ".join(expected):
            expected = {self.filled(key): item for key, item in expected.items()}
        for key, item in expected.items():
            if key not in got:
                found.append(Change(f"{path}.{key}" if path else key, _json(item), None))
            elif not _is_plainly(item, got[key], key):  # most are, and that is all of it
                self._compare(item, got[key], f"{path}.{key}" if path else key, found)
        found += [
            Change(f"{path}.{key}" if path else key, None, _json(item))
            for key, item in got.items()
            if key not in expected
        ]

    def _items(self, expected: list[Json], got: list[Json], path: str, found: list[Change]) -> None:
        label = NAMED.get(path.rpartition(".")[2])
        ours, theirs = (_by_name(items, label) if label else None for items in (expected, got))
        if ours is not None and theirs is not None:
            for name in [*ours, *(name for name in theirs if name not in ours)]:
                here = f"{path}[{name}]"
                if name in ours and name in theirs:
                    self._compare(ours[name], theirs[name], here, found)
                else:
                    found.append(
                        Change(here, "present" if name in ours else None, "present" if name in theirs else None)
                    )
            return
        if len(expected) != len(got):
            found.append(Change(path, _count(expected), _count(got)))
        for index, (one, other) in enumerate(zip(expected, got, strict=False)):
            self._compare(one, other, f"{path}[{index}]", found)

    def _texts(self, expected: str, got: str, path: str, found: list[Change]) -> None:
        if expected == got or self._varies(expected, got, path) or self._same_form(expected, got, path):
            return
        inside = _document(expected), _document(got)
        if inside[0] is not None and inside[1] is not None:  # a tool's text is often JSON itself
            self._compare(*inside, path, found)
        else:
            found.append(_change(path, self.filled(expected), got))

    def _varies(self, expected: Json, got: Json, path: str) -> bool:
        if _FIXED.match(path):
            return False
        if _is_id(expected, path) and _is_id(got, path) and type(expected) is type(got):
            return self._is_made(json.dumps(expected), got)
        for row in VARYING:
            if row.path.search(path) and _type(expected) is _type(got) is row.kind:
                if row.returned:
                    self._returned[cast("str", expected)] = cast("str", got)
                return True
        return False

    def _is_made(self, recorded: str, got: Json) -> bool:
        """Whether an id of this server may stand for a recorded one; a word for the same thing throughout.

        Numbers are counted anew for each kind of thing, so one may stand for several: the last is what is sent back.
        """
        if recorded in self._sent:
            return False
        if isinstance(got, int):
            self._made[recorded] = got
        return self._made.setdefault(recorded, got) == got

    def _same_form(self, expected: str, got: str, path: str) -> bool:
        """Whether the texts are equal but for what varies; what stood in its place is remembered."""
        pieces: list[str] = []
        open_names: list[str] = []
        at = 0
        for found in (PLACEHOLDER if _FIXED.match(path) else _VARIES).finditer(expected):
            pieces.append(re.escape(expected[at : found.start()]))
            pieces.append(self._piece(found, open_names))
            at = found.end()
        if not at:
            return False
        match = re.fullmatch("".join([*pieces, re.escape(expected[at:])]), got, re.DOTALL)
        if match:
            self._values.update({name: match[f"v{index}"] for index, name in enumerate(open_names)})
            if _VARIES.fullmatch(expected) and not PLACEHOLDER.fullmatch(expected):
                self._returned[expected] = got
        return match is not None

    def _piece(self, found: re.Match[str], open_names: list[str]) -> str:
        name = found[1]
        if name is None:
            return next(f"(?:{form})" for form in TEXT_PATTERNS.values() if re.fullmatch(form, found[0]))
        if name in open_names:
            return f"(?P=v{open_names.index(name)})"
        pattern = PLACEHOLDER_PATTERNS.get(name.partition(":")[0])
        if name in self._values or pattern is None:
            return re.escape(self._value(name))
        open_names.append(name)
        return f"(?P<v{len(open_names) - 1}>{pattern})"


def _is_plainly(expected: Json, got: Json, key: str) -> bool:
    """Whether a member is the same text, number or constant, and nothing can be learned from it."""
    kind = type(expected)
    if kind is not type(got) or kind is dict or kind is list or expected != got:
        return False
    return kind is str or not _ID.search(f".{key}")


def _is_id(value: Json, path: str) -> bool:
    """Whether a value stands where ids do and is one: a number, or a word; what is a placeholder is known as one."""
    if not _ID.search(path) or isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, str) and bool(_WORD.fullmatch(value)))


def _type(value: Json) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _by_name(items: list[Json], label: str) -> dict[str, Json] | None:
    """The items by their name, or None where they cannot be told apart by it."""
    named = {item[label]: item for item in items if isinstance(item, dict) and isinstance(item.get(label), str)}
    return cast("dict[str, Json]", named) if len(named) == len(items) else None


def _document(text: str) -> Json:
    if not text.startswith(("{", "[")):
        return None
    try:
        return cast("Json", json.loads(text))
    except (ValueError, RecursionError):
        return None


def _change(path: str, expected: Json, got: Json) -> Change:
    return Change(path, _json(expected), _json(got))


def _json(value: Json) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply to be shown)"


def _count(items: list[Json]) -> str:
    return "1 item" if len(items) == 1 else f"{len(items)} items"
