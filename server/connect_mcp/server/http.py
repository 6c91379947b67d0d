"""Streamable HTTP: the core behind one endpoint, as a thin Starlette application on uvicorn.

Modern revisions are stateless: each POST has a core of its own, and a client that goes away cancels what it asked for.
The revisions before have sessions, which keep theirs; there, going away cancels nothing.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from connect_mcp.server import wire
from connect_mcp.server.conversation import END, Conversation, Reply, Sessions, is_notification
from connect_mcp.server.core import Core
from connect_mcp.server.exchange import PARSE_ERROR
from connect_mcp.server.http_checks import (
    ONLY_JSON,
    PROTOCOL_VERSION,
    SESSION_ID,
    Accepted,
    Gate,
    Refusal,
    accepted,
    check_is_json,
    check_modern,
    is_loopback,
    is_modern,
    is_request,
    status_of,
    unsupported,
)
from connect_mcp.server.offer import Offer
from connect_mcp.server.options import Usage
from connect_mcp.server.revisions import LEGACY, MODERN, NONE_YET, REVISIONS, Revision

if TYPE_CHECKING:
    from connect_mcp.server.stdio import Runner

PATH = "/mcp"

MAX_BODY = 4 * 1024 * 1024
"""Bytes of the longest message that is read."""

BODY_SECONDS = 30.0
"""How long a client may take to send one."""

MOST_SESSIONS = 256
IDLE_SECONDS = 3600.0

MOST_STREAMS = 8
"""How many GET streams one session may have at a time."""

MOST_CONNECTIONS = 1000

QUIET_SECONDS = 15.0
"""Less than what proxies and clients wait for the next byte of an answer."""

_SECONDS_TO_FINISH = 1
_BACKLOG = 128
_QUIET, _GONE = object(), object()
_EVENTS = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",  # a proxy must not hold events back
}
_ALIVE = b": alive\n\n"


def listen(host: str, port: int, token: str | None) -> socket.socket:
    """A socket that accepts connections.

    Args:
        host: a name or address; its first address is used.
        port: 0 for any that is free.
        token: what clients must know, if anything.

    Raises:
        Usage: the host has no address, or other machines can reach it and there is no token.
        OSError: the port cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise Usage(f"--host {host} has no address on this machine") from None
    if token is None and not all(is_loopback(str(address[0])) for *_, address in found):
        raise Usage(f"other machines can reach {host}: name a variable that holds a bearer token, --token-env NAME")
    family, _, _, _, address = found[0]
    return socket.create_server((str(address[0]), int(address[1])), family=family, backlog=_BACKLOG)


def serve(offer: Offer, calls: Runner, listening: socket.socket, token: str | None) -> None:
    """Answer requests at a socket until SIGINT or SIGTERM, then end what is under way, within a second.

    Args:
        offer: what is served.
        calls: runs the calls; it is the caller's to close.
        listening: from `listen`; it is closed at the end.
        token: what clients must know; None for nothing.
    """
    host, port = listening.getsockname()[:2]
    gate = Gate(anywhere=not is_loopback(host), token=token)
    endpoint = Endpoint(offer, calls, gate)
    server = _Server(endpoint)

    def leave(*_: object) -> None:
        server.should_exit = True

    # uvicorn puts these back at its end and raises what it caught once more: with the default, that would be an error.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    sys.stderr.write(f"connect-mcp: serving http://{f'[{host}]' if ':' in host else host}:{port}{PATH}\n")
    sys.stderr.flush()
    server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """uvicorn, which ends the conversations before it waits for their connections."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(
            uvicorn.Config(
                Starlette(routes=[Route(PATH, endpoint)]),
                http="h11",
                ws="none",
                lifespan="off",
                loop="asyncio",
                log_config=None,
                log_level="critical",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=_SECONDS_TO_FINISH,
            )
        )
        self._endpoint = endpoint

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._endpoint.end()
        await super().shutdown(sockets)


class Endpoint:
    """The MCP endpoint, as an ASGI application.

    Args:
        offer: what is served.
        calls: runs the calls.
        gate: who is let in.
        quiet: after so many seconds without a message a stream says that it is alive, and an answer becomes a stream.
    """

    def __init__(self, offer: Offer, calls: Runner, gate: Gate, quiet: float = QUIET_SECONDS) -> None:
        self._offer = offer
        self._calls = calls
        self._gate = gate
        self._quiet = quiet
        self._sessions = Sessions(MOST_SESSIONS, IDLE_SECONDS)
        self._once: set[Conversation] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        client = _Client(scope, receive, send, self._quiet)
        try:
            self._gate.check(request.headers)
            await self._methods(request.method)(request, client)
        except Refusal as refusal:
            await client.whole(refusal.message, refusal.status, headers=refusal.headers)
        except ClientDisconnect:
            return

    def end(self) -> None:
        """End every conversation."""
        self._sessions.close_all()
        for conversation in self._once:
            conversation.end()

    def _methods(self, method: str) -> Callable[[Request, _Client], Awaitable[None]]:
        methods = {"POST": self._post, "GET": self._get, "DELETE": self._delete}
        if method not in methods:
            raise Refusal(405, "this endpoint has POST, GET and DELETE", headers={"Allow": ", ".join(methods)})
        return methods[method]

    async def _post(self, request: Request, client: _Client) -> None:
        check_is_json(request.headers)
        taken = accepted(request.headers)
        body = await _body(request)
        message = _glance(body)
        if is_modern(request.headers, message):
            check_modern(request.headers, message)
            if is_request(message) and message["method"] == "subscriptions/listen" and not taken.events:
                raise Refusal(406, "a subscription is answered with text/event-stream")
            await self._answer_once(body, taken, client)
        elif SESSION_ID not in request.headers and (message is None or _begins(message)):
            await self._initialize(body, taken, client)
        else:
            reply = self._session(request).receive(body, streamed=taken.events)
            await client.deliver(reply, taken, modern=False)

    async def _answer_once(self, body: bytes, taken: Accepted, client: _Client) -> None:
        """Answer a request that stands alone."""
        conversation = self._conversation(REVISIONS[MODERN[-1]])
        self._once.add(conversation)
        try:
            reply = conversation.receive(body, streamed=taken.events)
            await client.deliver(reply, taken, modern=True)
        finally:
            self._once.discard(conversation)
            conversation.end()

    async def _initialize(self, body: bytes, taken: Accepted, client: _Client) -> None:
        """Begin a session; or say why not, also to who sends what cannot be read and has no session."""
        conversation = self._conversation(NONE_YET)
        answer = await conversation.receive(body, streamed=False).next()
        headers = {}
        if "result" in answer:
            ident = self._sessions.open(conversation)
            if ident is None:
                raise Refusal(503, "too many sessions are busy", headers={"Retry-After": "10"})
            headers = {SESSION_ID: ident}
        await client.whole(answer, status_of(answer, modern=False), taken, headers)

    async def _get(self, request: Request, client: _Client) -> None:
        _check_legacy(request)
        conversation = self._session(request)
        taken = accepted(request.headers)
        if not taken.events:
            raise Refusal(406, "a stream is text/event-stream")
        if len(conversation.streams) >= MOST_STREAMS:
            raise Refusal(409, "this session has too many streams")
        reply = conversation.stream()
        try:
            await client.stream(reply)
        finally:
            conversation.drop(reply)

    async def _delete(self, request: Request, client: _Client) -> None:
        _check_legacy(request)
        self._session(request)
        self._sessions.close(request.headers[SESSION_ID])
        await client.nothing(204)

    def _session(self, request: Request) -> Conversation:
        """The conversation that a request belongs to."""
        ident = request.headers.get(SESSION_ID)
        if ident is None:
            raise Refusal(400, "Mcp-Session-Id is missing: it is in the answer to initialize, which comes first")
        conversation = self._sessions.find(ident)
        if conversation is None:
            raise Refusal(404, "there is no such session, or no longer: begin again with initialize")
        return conversation

    def _conversation(self, spoken: Revision) -> Conversation:
        return Conversation(Core(self._offer, spoken), self._calls, asyncio.get_running_loop())


class _Client:
    """Whoever waits for an answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, quiet: float) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._quiet = quiet

    async def deliver(self, reply: Reply, taken: Accepted, *, modern: bool) -> None:
        """Send a reply, in the form that it asks for, until it ends or the client goes.

        Args:
            reply: what to send.
            taken: what the client takes.
            modern: whether the status of an answer follows from its error.
        """
        gone = asyncio.ensure_future(self._gone())
        try:
            message = await _next(reply, gone, self._quiet if taken.events else None)
            if message is _GONE:
                return
            if message is END and not (reply.owed and taken.events):
                await self.nothing(202)
            elif message is END or message is _QUIET or is_notification(message):
                await self._stream(reply, message, gone)
            else:
                await self.whole(message, status_of(message, modern=modern), taken)
        finally:
            gone.cancel()

    async def stream(self, reply: Reply) -> None:
        """Send a reply as events from the start on, until it ends or the client goes."""
        gone = asyncio.ensure_future(self._gone())
        try:
            await self._stream(reply, _QUIET, gone)
        finally:
            gone.cancel()

    async def whole(
        self, message: Any, status: int, taken: Accepted = ONLY_JSON, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send one message and no more."""
        if taken.json:
            response = Response(wire.encode(message), status, headers, "application/json")
        else:
            response = Response(_event(message), status, {**_EVENTS, **(headers or {})})
        await response(self._scope, self._receive, self._send)

    async def nothing(self, status: int) -> None:
        """Send a status and no body."""
        await Response(None, status)(self._scope, self._receive, self._send)

    async def _stream(self, reply: Reply, message: Any, gone: asyncio.Future[None]) -> None:
        """Send `message` and what follows it as events."""
        headers = [(name.encode(), value.encode()) for name, value in _EVENTS.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        while message is not END and message is not _GONE:
            data = _ALIVE if message is _QUIET else _event(message)
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            message = await _next(reply, gone, self._quiet)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue


async def _next(reply: Reply, gone: asyncio.Future[None], seconds: float | None) -> Any:
    """The next message of a reply, or `END`; `_GONE` once nobody waits for it, `_QUIET` if none comes for so long."""
    coming = asyncio.ensure_future(reply.next())
    try:
        done, _ = await asyncio.wait({coming, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not coming.done():
            coming.cancel()
    if coming in done:
        return coming.result()
    return _GONE if gone in done else _QUIET


def _event(message: Any) -> bytes:
    """A message as one event; it is one line, so that it needs no more than one `data`."""
    return b"event: message\ndata: " + wire.encode(message) + b"\n"


async def _body(request: Request) -> bytes:
    """The body, if it is not too long and comes soon enough.

    One that is too long is read to its end all the same, though not kept: a client that is still sending would not see
    the answer.
    """
    body = bytearray()
    size = 0

    async def read() -> None:
        nonlocal size
        async for chunk in request.stream():
            size += len(chunk)
            if size <= MAX_BODY:
                body.extend(chunk)

    try:
        await asyncio.wait_for(read(), BODY_SECONDS)
    except asyncio.TimeoutError:
        raise Refusal(408, "the body did not come in time", headers={"Connection": "close"}) from None
    if size > MAX_BODY:
        raise Refusal(413, f"a message has at most {MAX_BODY} bytes")
    if not body.strip():
        raise Refusal(400, "Parse error: there is no body", PARSE_ERROR)
    return bytes(body)


def _glance(body: bytes) -> Any:
    """What the body says as far as it can be read; the core reads it again, and says what is wrong with it."""
    try:
        return wire.parse(body)
    except ValueError:
        return None
    except RecursionError:
        return wire.outline(body)


def _begins(message: Any) -> bool:
    return is_request(message) and bool(message["method"] == "initialize")


def _check_legacy(request: Request) -> None:
    """Refuse what only the revisions with sessions have."""
    spoken = request.headers.get(PROTOCOL_VERSION)
    if spoken in MODERN:
        raise Refusal(405, f"{spoken} has POST alone", headers={"Allow": "POST"})
    if spoken is not None and spoken not in LEGACY:
        raise unsupported(spoken)
