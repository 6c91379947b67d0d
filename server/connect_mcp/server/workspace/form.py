"""Reading the JSON object of a request, with all that is wrong with it said at once."""

import re
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TypeVar

from connect_mcp.server.workspace.api import Problem

REQUIRED = "This field is required."
NULL = "This field may not be null."
BLANK = "This field may not be blank."
NO_TEXT = "Not a valid string."
NO_UUID = "Must be a valid UUID."

TITLE = 200
BODY = 20_000

_WHOLE = "non_field_errors"
_SURROGATE = re.compile("[\ud800-\udfff]")
_NEVER = datetime.max.replace(tzinfo=timezone.utc)
T = TypeVar("T")


class Form:
    """Fields are asked for one by one, what is wrong is gathered, and `check` raises it.

    A field that is wrong reads as its empty value, which never gets used because of `check`.
    """

    def __init__(self, sent: object) -> None:
        self._fields = sent if isinstance(sent, dict) else {}
        self.errors: dict[str, Any] = {}
        if not isinstance(sent, dict):
            self.wrong(_WHOLE, no_object(sent))

    def has(self, name: str) -> bool:
        """Whether the field was sent at all, null included."""
        return name in self._fields

    def text(self, name: str, limit: int) -> str:
        """A text that must be there and not blank, without the blanks around it; at most `limit` characters."""
        return self._read(name, "", lambda value: a_text(value, limit))

    def text_if_given(self, name: str, limit: int) -> str | None:
        """The same, but None when it was not sent."""
        return self.text(name, limit) if self.has(name) else None

    def text_or_blank(self, name: str, limit: int) -> str:
        """The same, but it may be missing or blank."""
        return self._read(name, "", lambda value: a_text(value, limit, blank=True), optional=True)

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of a few texts."""
        return self._read(name, "", lambda value: _one_of(value, choices))

    def flag(self, name: str) -> bool:
        """True or false; false when it was not sent."""
        return self._read(name, False, _a_flag, optional=True)

    def identity(self, name: str) -> str:
        """A UUID, in canonical form."""
        return self._read(name, "", a_uuid)

    def identity_or_null(self, name: str) -> str | None:
        """The same, or None for null, which must be sent as such."""
        if self.has(name) and self._fields[name] is None:
            return None
        return self.identity(name)

    def whole(self, name: str, low: int, high: int, *, default: int) -> int:
        """A whole number from `low` to `high`."""
        return self._read(name, default, lambda value: _a_whole(value, low, high), optional=True)

    def moment_if_given(self, name: str) -> datetime | None:
        """A time; one without a zone is UTC; None when it was not sent, or is null."""
        if self._fields.get(name) is None:
            return None
        return self._read(name, _NEVER, _a_moment)

    def each(self, name: str, low: int, high: int, parse: Callable[[object], T]) -> list[T]:
        """A list of `low` to `high` items, each read by `parse`, whose ValueErrors become the field's messages."""
        found = []
        for item in self._items(name, low, high):
            try:
                found.append(parse(item))
            except ValueError as error:
                self.wrong(name, str(error))
        return found

    def nested(self, name: str, low: int, high: int, read: "Callable[[Form], T]") -> list[T]:
        """A list of `low` to `high` objects, each read as a form of its own; their errors stand in the same order."""
        forms = [Form(item) for item in self._items(name, low, high)]
        found = [read(form) for form in forms]
        if any(form.errors for form in forms):
            self.errors[name] = [form.errors for form in forms]
        return found

    def wrong(self, name: str, *messages: str) -> None:
        """Something else is wrong with a field; where there is no object at all, its fields have nothing to add."""
        if _WHOLE not in self.errors:
            self.errors.setdefault(name, []).extend(messages)

    def check(self) -> None:
        """Go on only if nothing was wrong.

        Raises:
            Problem: 400 with each field's messages.
        """
        if self.errors:
            raise Problem(400, self.errors)

    def _read(self, name: str, empty: T, parse: Callable[[Any], T], *, optional: bool = False) -> T:
        if optional and not self.has(name):
            return empty
        try:
            return parse(self._sent(name))
        except ValueError as error:
            self.wrong(name, str(error))
            return empty

    def _items(self, name: str, low: int, high: int) -> list[Any]:
        nothing: list[Any] = []
        return self._read(name, nothing, lambda value: _a_list(value, low, high))

    def _sent(self, name: str) -> object:
        if not self.has(name):
            raise ValueError(REQUIRED)
        if self._fields[name] is None:
            raise ValueError(NULL)
        return self._fields[name]


def no_object(value: object) -> str:
    """The message about a value that should have been an object."""
    return f"Invalid data. Expected a dictionary, but got {type(value).__name__}."


def a_text(value: object, limit: int, *, blank: bool = False) -> str:
    """A text that SQLite and UTF-8 can hold, stripped.

    Raises:
        ValueError: it is no text, too long, blank, or holds a NUL or half a surrogate pair.
    """
    if not isinstance(value, str):
        raise ValueError(NO_TEXT)
    text = value.strip()
    if "\0" in text:
        raise ValueError("Null characters are not allowed.")
    if half := _SURROGATE.search(text):
        raise ValueError(f"Surrogate characters are not allowed: U+{ord(half.group()):X}.")
    if not text and not blank:
        raise ValueError(BLANK)
    if len(text) > limit:
        raise ValueError(f"Ensure this field has no more than {limit} characters.")
    return text


def a_uuid(value: object) -> str:
    """A UUID in canonical form.

    Raises:
        ValueError: it is none.
    """
    try:
        return str(uuid.UUID(value if isinstance(value, str) else ""))
    except ValueError:
        raise ValueError(NO_UUID) from None


def _one_of(value: object, choices: tuple[str, ...]) -> str:
    text = a_text(value, BODY)
    if text not in choices:
        raise ValueError(f'"{text}" is not a valid choice.')
    return text


def _a_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Must be a valid boolean.")
    return value


def _a_whole(value: object, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("A valid integer is required.")
    if value < low:
        raise ValueError(f"Ensure this value is greater than or equal to {low}.")
    if value > high:
        raise ValueError(f"Ensure this value is less than or equal to {high}.")
    return value


def _a_moment(value: object) -> datetime:
    text = a_text(value, 40)
    try:
        # Python 3.10 does not read the Z.
        moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
        return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        raise ValueError("Datetime has wrong format. Use an ISO 8601 time, such as 2030-01-31T18:00:00Z.") from None


def _a_list(value: object, low: int, high: int) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f'Expected a list of items but got type "{type(value).__name__}".')
    if len(value) < low:
        raise ValueError(f"Ensure this field has at least {low} elements.")
    if len(value) > high:
        raise ValueError(f"Ensure this field has no more than {high} elements.")
    return value
