"""The embedded workspace: Connect's REST API on Starlette and one SQLite file, to try everything without an account."""

import json
import re
import sqlite3
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connect_mcp.server.workspace import (
    articles,
    chat,
    conversations,
    discovery,
    feed,
    notifications,
    polls,
    quizzes,
    search,
    tickets,
)
from connect_mcp.server.workspace.api import Call, Endpoint, Json, Problem, missing_scope, not_found
from connect_mcp.server.workspace.form import no_object
from connect_mcp.server.workspace.keys import EMBEDDED_KEY, KEYS, MEMBER_KEY, READ_ONLY_KEY, Key
from connect_mcp.server.workspace.store import Clock, Store, Unavailable, stamp

__all__ = ["API_ROOT", "EMBEDDED_KEY", "MEMBER_KEY", "READ_ONLY_KEY", "open_workspace"]

API_ROOT = "/api/v1"
_UUID = re.compile("[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
ENDPOINTS = (
    *discovery.ENDPOINTS,
    *search.ENDPOINTS,
    *chat.ENDPOINTS,
    *feed.ENDPOINTS,
    *conversations.ENDPOINTS,
    *articles.ENDPOINTS,
    *polls.ENDPOINTS,
    *quizzes.ENDPOINTS,
    *notifications.ENDPOINTS,
    *tickets.ENDPOINTS,
)


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


def open_workspace(folder: Path, clock: Clock = _utc_now) -> Starlette:
    """The API over the workspace kept in a folder, as an ASGI application that needs no lifespan.

    Nothing is touched before the first request, which makes and seeds the file where it is missing. Any number of
    processes may open the same folder. A file that cannot be opened or stays locked answers 503.

    Args:
        folder: holds the database; made with mode 0700 if missing.
        clock: the time, aware of its zone: of requests, and of the seeding that all seeded times are relative to.
    """
    store = Store(folder, clock)
    app = Starlette(
        routes=[
            Route(API_ROOT + endpoint.path, _answering(endpoint, store, clock), methods=[endpoint.method])
            for endpoint in ENDPOINTS
        ],
        exception_handlers={Problem: answer_problem, HTTPException: _http_problem, Unavailable: _unavailable},
    )
    app.router.redirect_slashes = False  # a path without its last slash is unknown, as to the real API
    return app


def _answering(endpoint: Endpoint, store: Store, clock: Clock) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        _refuse_slashes_in_ids(request)
        key = caller(request)
        if endpoint.needs not in key.scopes:
            raise missing_scope(endpoint.needs)
        ids = {name: _uuid(value) for name, value in request.path_params.items()}
        body = sent_object(request, await request.body()) if endpoint.writes else {}
        now = stamp(clock())

        def work(db: sqlite3.Connection) -> Json | None:
            member = db.execute("SELECT id FROM members WHERE username = ?", (key.username,)).fetchone()
            return endpoint.answer(
                Call(
                    db=db,
                    member_id=member["id"],
                    scopes=key.scopes,
                    ids=ids,
                    query=request.query_params,
                    body=body,
                    url=str(request.url),
                    now=now,
                )
            )

        found = await store.run(work, writes=endpoint.writes)
        return Response(status_code=endpoint.status) if found is None else JSONResponse(found, endpoint.status)

    return answer


def _refuse_slashes_in_ids(request: Request) -> None:
    """Paths are matched decoded: an id that hides a slash would reach another endpoint than the caller named."""
    if b"%2f" in request.scope.get("raw_path", b"").lower():
        raise not_found()


def _uuid(text: str) -> str:
    """An id of a path in canonical form. Starlette could check it, with a costly pattern for every route."""
    if not _UUID.fullmatch(text):
        raise not_found()
    return str(uuid.UUID(text))


def caller(request: Request) -> Key:
    """The key that a request carries.

    Raises:
        Problem: 401, it carries none, or none of the workspace's.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not value.strip():
        raise Problem(401, {"detail": "Authentication credentials were not provided."})
    key = KEYS.get(value.strip())
    if key is None:
        raise Problem(401, {"detail": "Invalid API key."})
    return key


def sent_object(request: Request, raw: bytes) -> Json:
    """The JSON object that was sent; an empty body is an empty object.

    Raises:
        Problem: 400 or 415, it is not one.
    """
    if not raw:
        return {}
    media_type = request.headers.get("content-type", "")
    if media_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, {"detail": f'Unsupported media type "{media_type}" in request.'})
    try:
        value = json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Problem(400, {"detail": f"JSON parse error - {error}"}) from None
    if not isinstance(value, dict):
        raise Problem(400, {"non_field_errors": [no_object(value)]})
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


async def answer_problem(request: Request, problem: Exception) -> Response:
    """The answer that a `Problem` stands for; Starlette's type of an exception handler wants any exception."""
    assert isinstance(problem, Problem)
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None
    return JSONResponse(problem.body, problem.status, headers)


async def _http_problem(request: Request, problem: Exception) -> Response:
    """What the router refuses, in the API's shape."""
    assert isinstance(problem, HTTPException)
    detail = {404: "Not found.", 405: f'Method "{request.method}" not allowed.'}.get(problem.status_code)
    return JSONResponse({"detail": detail or problem.detail}, problem.status_code, problem.headers)


async def _unavailable(request: Request, problem: Exception) -> Response:
    detail = f"The embedded workspace cannot be used now: {problem}"
    return JSONResponse({"detail": detail}, 503, {"Retry-After": "1"})
