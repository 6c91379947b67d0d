"""What every endpoint is made of: its row, the call it answers, the ways to refuse, and pages.

Shapes follow Django REST framework, which the real API is built on: `{"detail": …}`, `{"field": ["…"]}`, and
cursor pages `{"next": …, "previous": …, "results": […]}`.
"""

import base64
import json
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from connect_mcp.server.workspace.keys import READ, WRITE

Json = dict[str, Any]
Row = sqlite3.Row

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


class Problem(Exception):
    """An answer that is not a success.

    Attributes:
        status: the HTTP status.
        body: the JSON object to answer.
    """

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


def not_found() -> Problem:
    """404, the same for what does not exist and for what the caller may not know of."""
    return Problem(404, {"detail": "Not found."})


def forbidden(detail: str) -> Problem:
    """403 with the reason."""
    return Problem(403, {"detail": detail})


def missing_scope(scope: str) -> Problem:
    """403 that names the scope which the key lacks."""
    return forbidden(f"You do not have permission to perform this action. The API key lacks the scope {scope}.")


def invalid(field: str, message: str) -> Problem:
    """400 about one field."""
    return Problem(400, {field: [message]})


@dataclass(frozen=True)
class Call:
    """A request whose sender is known, inside its transaction.

    Attributes:
        db: the connection, in a transaction that ends with the call.
        member_id: the id of the member the API key speaks for.
        scopes: what the key may do.
        ids: the ids in the path, by name, in canonical form.
        query: the query parameters.
        body: the JSON object that was sent; empty if there was none.
        url: the request's own address, for the links of a page.
        now: the time of the request, as the API writes it.
    """

    db: sqlite3.Connection
    member_id: str
    scopes: tuple[str, ...]
    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    url: str
    now: str

    def all(self, sql: str, *values: object) -> list[Row]:
        """The rows that a statement gives."""
        return self.db.execute(sql, values).fetchall()

    def one(self, sql: str, *values: object) -> Row:
        """The one row that a statement gives.

        Raises:
            Problem: 404, it gives none.
        """
        row: Row | None = self.db.execute(sql, values).fetchone()
        if row is None:
            raise not_found()
        return row

    def exists(self, sql: str, *values: object) -> bool:
        """Whether a statement gives any row."""
        return self.db.execute(sql, values).fetchone() is not None

    def change(self, sql: str, *values: object) -> int:
        """Run a statement that changes rows; the number of rows changed."""
        return self.db.execute(sql, values).rowcount

    def add(self, table: str, **values: object) -> str:
        """Insert a row under a fresh id; the id."""
        fresh = str(uuid.uuid4())
        insert(self.db, table, id=fresh, **values)
        return fresh

    def require(self, scope: str) -> None:
        """Go on only with this scope.

        Raises:
            Problem: 403, the key lacks it.
        """
        if scope not in self.scopes:
            raise missing_scope(scope)

    def choice(self, name: str, choices: tuple[str, ...], default: str = "") -> str:
        """A query parameter with few values; absent or empty gives the default.

        Raises:
            Problem: 400, it has another value.
        """
        value = self.query.get(name) or default
        if value and value not in choices:
            raise invalid(name, f'"{value}" is not a valid choice.')
        return value


def insert(db: sqlite3.Connection, table: str, **values: object) -> None:
    """Insert one row; table and column names come from this package's own code, values are always bound."""
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    db.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))  # noqa: S608


@dataclass(frozen=True)
class Endpoint:
    """One row of the API.

    Attributes:
        method: the HTTP method.
        path: the path under /api/v1, ids as `{name}`; they must be UUIDs.
        answer: what to answer, from the call; None is an empty body.
        status: the status of a success.
        scope: what the key must be able to do; by default READ for GET and WRITE for the rest.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    answer: Callable[[Call], Json | None]
    status: int = 200
    scope: str = ""

    @property
    def writes(self) -> bool:
        """Whether the call may change anything, so that its transaction takes the write lock at once."""
        return self.method != "GET"

    @property
    def needs(self) -> str:
        """The scope without which the call is refused."""
        return self.scope or (WRITE if self.writes else READ)


def page(
    call: Call, sql: str, values: tuple[object, ...], render: Callable[[Call, Row], Json], *, newest_first: bool = True
) -> Json:
    """One page of a list, as `limit` and `cursor` of the query ask for it.

    A cursor names a row and a direction, not a number of rows to skip: nothing repeats or goes missing while others
    add to the list.

    Args:
        call: the request.
        sql: a SELECT whose column `seq` is unique among its rows and gives their order.
        values: what its marks stand for.
        render: a row as JSON.
        newest_first: descending order of `seq`.

    Raises:
        Problem: 404, the cursor is not one of ours, as Django REST framework answers it.
    """
    limit, cursor = _limit(call.query.get("limit", "")), call.query.get("cursor")
    backwards, key = _decoded(cursor) if cursor else (False, None)
    descending = newest_first is not backwards
    bounded = f"SELECT * FROM ({sql})"  # noqa: S608 -- statements of this package; values are bound
    if key is not None:
        bounded += f" WHERE seq {'<' if descending else '>'} ?"
        values = (*values, key)
    bounded += f" ORDER BY seq {'DESC' if descending else 'ASC'} LIMIT ?"
    found = call.all(bounded, *values, limit + 1)
    rows, more = found[:limit], len(found) > limit
    if backwards:
        rows.reverse()
    after, before = (True, more) if backwards else (more, key is not None)
    return {
        "next": _link(call.url, False, rows[-1]["seq"]) if rows and after else None,
        "previous": _link(call.url, True, rows[0]["seq"]) if rows and before else None,
        "results": [render(call, row) for row in rows],
    }


def _limit(text: str) -> int:
    """Django REST framework's way: too much is the most, nonsense is the default."""
    try:
        wanted = int(text)
    except ValueError:
        return DEFAULT_LIMIT
    return min(wanted, MAX_LIMIT) if wanted > 0 else DEFAULT_LIMIT


def _link(url: str, backwards: bool, key: int | str) -> str:
    cursor = base64.urlsafe_b64encode(json.dumps([int(backwards), key]).encode()).decode()
    parts = urlsplit(url)
    others = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "cursor"]
    return urlunsplit(parts._replace(query=urlencode([*others, ("cursor", cursor)])))


def _decoded(cursor: str) -> tuple[bool, int | str]:
    try:
        direction, key = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        raise _unknown_cursor() from None
    if direction not in (0, 1) or not _is_key(key):
        raise _unknown_cursor()
    return bool(direction), key


def _is_key(key: object) -> bool:
    if isinstance(key, int):
        return abs(key) < 2**63
    return isinstance(key, str) and key.isprintable()


def _unknown_cursor() -> Problem:
    return Problem(404, {"detail": "Invalid cursor"})
