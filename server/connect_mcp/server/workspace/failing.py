"""The workspace's application made to fail, so that a client can be shown every way in which an API fails.

Put around the application where `workspace serve --allow-failures` serves it, or in a test; nothing else ever does.
`faults.GRAMMAR` is the description for users.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connect_mcp.server.workspace.api import Problem, forbidden, invalid
from connect_mcp.server.workspace.app import API_ROOT, EMBEDDED_KEY, answer_problem, caller, sent_object
from connect_mcp.server.workspace.faults import Fault, read_fault
from connect_mcp.server.workspace.form import Form
from connect_mcp.server.workspace.keys import KEYS

HEADER = "X-Workspace-Fail"
RULES_PATH = "/workspace/failures"
TRANSPORT = "workspace transport"
"""The key of a request's ASGI state under which the server puts the connection's transport."""

_OVERSIZE = 16 * 1024 * 1024
_CHUNK = 64 * 1024
_CUT = b'{"results": [{"id": "'
_JSON = "application/json"
_PAGE = b"<!doctype html><html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>\n"
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class _Rule:
    """A fault that waits for requests; `left` is how many more it will meet."""

    text: str
    fault: Fault
    method: str
    path: str
    left: int

    def fits(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and fnmatchcase(path, self.path)

    def shown(self) -> dict[str, Any]:
        return {"fail": self.text, "method": self.method, "path": self.path, "times": self.left}


class Failing:
    """The workspace's application, able to fail as it is told."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._rules: list[_Rule] = []
        self._admin = Starlette(
            routes=[
                Route(RULES_PATH, self._list, methods=["GET"]),
                Route(RULES_PATH, self._add, methods=["POST"]),
                Route(RULES_PATH, self._drop, methods=["DELETE"]),
            ],
            exception_handlers={Problem: answer_problem},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] == RULES_PATH:
            await self._admin(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            fault = self._fault(request)
        except ValueError as error:
            await JSONResponse({"detail": f"{HEADER}: {error}."}, 400)(scope, receive, send)
            return
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._fail(fault, request, send)

    def _fault(self, request: Request) -> Fault | None:
        text = request.headers.get(HEADER)
        if text is not None:
            return read_fault(text)
        path = request.url.path.removeprefix(API_ROOT)
        rule = next((rule for rule in self._rules if rule.fits(request.method, path)), None)
        if rule is None:
            return None
        rule.left -= 1
        self._rules = [each for each in self._rules if each.left > 0]
        return rule.fault

    async def _fail(self, fault: Fault, request: Request, send: Send) -> None:
        body = await request.body()
        if not await _waited(fault.latency, request.receive):
            return
        if fault.acts:
            await self._app(request.scope, _replaying(body, request.receive), _nowhere)
        if fault.kind:
            await _KINDS[fault.kind](fault, request, send)
        elif fault.status is not None:
            detail = f"This request fails with {fault.status} on purpose."
            await _answer(fault, send, json.dumps({"detail": detail}).encode())
        elif not fault.acts:
            await self._app(request.scope, _replaying(body, request.receive), send)

    async def _list(self, request: Request) -> Response:
        _require_administrator(request)
        return JSONResponse({"results": [rule.shown() for rule in self._rules]})

    async def _add(self, request: Request) -> Response:
        _require_administrator(request)
        form = Form(sent_object(request, await request.body()))
        text = form.text("fail", 500)
        method = form.text_if_given("method", 10) or "*"
        path = form.text_if_given("path", 500) or "*"
        left = form.whole("times", 1, 1_000_000, default=1)
        form.check()
        try:
            fault = read_fault(text)
        except ValueError as error:
            raise invalid("fail", str(error)) from None
        self._rules.append(_Rule(text, fault, method, path, left))
        return JSONResponse(self._rules[-1].shown(), 201)

    async def _drop(self, request: Request) -> Response:
        _require_administrator(request)
        self._rules = []
        return Response(status_code=204)


def _require_administrator(request: Request) -> None:
    if caller(request) is not KEYS[EMBEDDED_KEY]:
        raise forbidden("Only the administrator's key makes the workspace fail.")


async def _waited(seconds: float, receive: Receive) -> bool:
    """Wait, and whether the client is still there afterwards; `receive` has nothing but its departure to tell."""
    if not seconds:
        return True
    gone = asyncio.ensure_future(receive())
    left, _ = await asyncio.wait([gone], timeout=seconds)
    gone.cancel()
    return not left


def _replaying(body: bytes, receive: Receive) -> Receive:
    """What was read already, once more, and then what comes."""
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return unread.pop() if unread else await receive()

    return replay


async def _nowhere(message: Message) -> None:
    """Lose an answer."""


async def _answer(
    fault: Fault, send: Send, body: bytes, media_type: str = _JSON, *, status: int = 200, **headers: str
) -> None:
    headers = {"content-type": media_type, "content-length": str(len(body)), **headers}
    if fault.retry_after:
        headers["retry-after"] = fault.retry_after
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": fault.status or status, "headers": named})
    for start in range(0, len(body), _CHUNK):
        await send({"type": "http.response.body", "body": body[start : start + _CHUNK], "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _html(fault: Fault, request: Request, send: Send) -> None:
    await _answer(fault, send, _PAGE, "text/html; charset=utf-8")


async def _bad_json(fault: Fault, request: Request, send: Send) -> None:
    await _answer(fault, send, _CUT)


async def _wrong_type(fault: Fault, request: Request, send: Send) -> None:
    await _answer(fault, send, b'"neither an object nor a list"')


async def _empty(fault: Fault, request: Request, send: Send) -> None:
    await _answer(fault, send, b"")


async def _oversize(fault: Fault, request: Request, send: Send) -> None:
    frame = b'{"padding": "%s"}'
    padding = b"." * (int(fault.value or _OVERSIZE) - len(frame % b""))
    await _answer(fault, send, frame % padding)


async def _bad_gzip(fault: Fault, request: Request, send: Send) -> None:
    await _answer(fault, send, b'{"not": "compressed"}', content_encoding="gzip")


async def _redirect(fault: Fault, request: Request, send: Send) -> None:
    await _answer(fault, send, b"", status=302, location=fault.value)


async def _truncate(fault: Fault, request: Request, send: Send) -> None:
    head = f"HTTP/1.1 {fault.status or 200} \r\ncontent-type: {_JSON}\r\ncontent-length: 4096\r\n\r\n"
    await _close(request, head.encode() + _CUT)


async def _drop(fault: Fault, request: Request, send: Send) -> None:
    await _close(request, b"")


async def _garbage(fault: Fault, request: Request, send: Send) -> None:
    await _close(request, b"SSH-2.0-workspace\r\n\r\n")


async def _reset(fault: Fault, request: Request, send: Send) -> None:
    _transport(request).get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
    _transport(request).abort()
    await request.receive()


async def _close(request: Request, last_words: bytes) -> None:
    """Close the connection behind the web server's back, and wait until it has noticed."""
    _transport(request).write(last_words)
    _transport(request).close()
    await request.receive()


def _transport(request: Request) -> asyncio.WriteTransport:
    transport: asyncio.WriteTransport = request.scope["state"][TRANSPORT]
    return transport


_KINDS: dict[str, Callable[[Fault, Request, Send], Awaitable[None]]] = {
    "html": _html,
    "badjson": _bad_json,
    "wrongtype": _wrong_type,
    "empty": _empty,
    "oversize": _oversize,
    "badgzip": _bad_gzip,
    "redirect": _redirect,
    "truncate": _truncate,
    "drop": _drop,
    "reset": _reset,
    "garbage": _garbage,
}
