"""The REST client: one request in, one JSON object out, every failure a code.

A request is sent again only where that cannot do anything twice: GET, PUT and DELETE, after 429 or 503 with
Retry-After or where no connection came about; GET and PUT also where a connection ended without an answer. POST and
PATCH are sent once. The API says of none of them that a second one does nothing more, and whoever called the tool
learns whether it is safe to repeat the call (`retryable`), and decides.
"""

import asyncio
import functools
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from urllib.request import getproxies

import httpx2

from connect_mcp.base.version import __version__
from connect_mcp.server import faults, wire
from connect_mcp.server.results import Failure
from connect_mcp.server.settings import BASE_URL, Settings, is_local
from connect_mcp.server.tools.requests import HttpRequest


class Bounds(NamedTuple):
    """How long things may take, in seconds, and how large an answer may be.

    Two hosts give up after 60 s; until then they are told what happened.

    Attributes:
        connect: to take a connection.
        read: without a byte.
        attempt: one request and its answer.
        waiting: all pauses before further attempts together.
        total: everything.
        body: bytes of an answer.
    """

    connect: float = 5.0
    read: float = 30.0
    attempt: float = 40.0
    waiting: float = 15.0
    total: float = 50.0
    body: int = 8 * 1024 * 1024


class Wait(NamedTuple):
    """A pause before a request is sent again.

    Attributes:
        seconds: how long it is.
        why: how the attempt before ended.
        attempt: the number of the attempt that follows; the first one was 1.
        attempts: how many there are at most.
    """

    seconds: float
    why: Failure
    attempt: int
    attempts: int


_SENT_AGAIN = ("GET", "PUT", "DELETE")
_SHORTEST_SECRET = 8
_LEAST = 1.0
"""Seconds that a further attempt must have, or there is no point in it."""

_KEPT_ALIVE = 30.0
"""Seconds that an idle connection is kept: calls come seconds apart, and a new one costs several round trips."""

_url = functools.lru_cache(maxsize=64)(httpx2.URL)  # parsing it takes as long as the rest of making a request
_OK, _NO_CONTENT, _REDIRECTS, _REFUSALS = 200, 204, 300, 400


class Api:
    """The Connect API at one base URL. Use it on one event loop, and close it there.

    Args:
        settings: where the API is, and the key.
        transport: what carries the requests; the network if None.
        bounds: what is too long or too large.

    Raises:
        Failure: UPSTREAM_UNREACHABLE where the environment names a proxy or certificates that cannot be used.
    """

    def __init__(
        self, settings: Settings, transport: httpx2.AsyncBaseTransport | None = None, bounds: Bounds | None = None
    ) -> None:
        self.base_url = settings.base_url
        self._key = settings.key.encode()
        self._bounds = bounds or Bounds()
        self._send, self._close = _carrier(settings) if transport is None else _direct(transport)
        self._headers = httpx2.Headers(
            {
                "Authorization": f"Bearer {settings.key}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "User-Agent": f"connect-mcp/{__version__}",
            }
        )
        timeout = httpx2.Timeout(self._bounds.read, connect=self._bounds.connect, pool=self._bounds.total)
        self._extensions = {"timeout": timeout.as_dict()}

    async def close(self) -> None:
        """Give the connections up."""
        await self._close()

    async def send(self, request: HttpRequest, on_wait: Callable[[Wait], None] | None = None) -> dict[str, Any]:
        """The API's answer as an object: a bare list becomes `{"results": […]}`, nothing becomes `{"ok": true}`.

        Args:
            request: what to ask.
            on_wait: told of each pause before the request is sent again.

        Raises:
            Failure: for every way in which there is no such answer.
        """
        end, waited, attempt = time.monotonic() + self._bounds.total, 0.0, 1
        while True:
            try:
                return await self._attempt(request, min(self._bounds.attempt, end - time.monotonic()))
            except faults.Passing as failed:
                waited += failed.pause
                too_late = waited > self._bounds.waiting or time.monotonic() + failed.pause + _LEAST > end
                if request.method not in _SENT_AGAIN or attempt >= failed.attempts or too_late:
                    raise
                attempt += 1
                if on_wait is not None:
                    on_wait(Wait(failed.pause, failed, attempt, failed.attempts))
                await asyncio.sleep(failed.pause)

    async def _attempt(self, request: HttpRequest, seconds: float) -> dict[str, Any]:
        try:
            answer = await asyncio.wait_for(self._exchange(request), seconds)
        except asyncio.TimeoutError:
            raise faults.timed_out(request, seconds) from None
        if (
            len(self._key) >= _SHORTEST_SECRET
        ):  # an API that echoes what it was sent must not put the key before a model
            answer = answer._replace(body=answer.body.replace(self._key, b"[API key]"))
        if _OK <= answer.status < _REDIRECTS:
            return self._value(request, answer)
        if _REDIRECTS <= answer.status < _REFUSALS:
            raise faults.redirected(answer, self.base_url)
        raise faults.refused(request, answer, self.base_url, time.time())

    async def _exchange(self, request: HttpRequest) -> faults.Answer:
        outgoing, response = self._outgoing(request), None
        try:
            response = await self._send(outgoing)
            return faults.Answer(response.status_code, response.headers, await self._read(response))
        except httpx2.ConnectTimeout:
            raise faults.unreachable(
                f"The API did not take a connection within {self._bounds.connect:.0f} s."
            ) from None
        except httpx2.TimeoutException:
            raise faults.timed_out(request, self._bounds.read) from None
        except httpx2.DecodingError:
            raise faults.bad("The API's answer is not encoded as it says.") from None
        except (httpx2.ConnectError, httpx2.ProxyError, httpx2.UnsupportedProtocol) as error:
            raise faults.not_connected(error) from None
        except httpx2.TransportError as error:
            raise faults.broken(request, error, response is not None) from None
        finally:
            if response is not None:
                await response.aclose()

    def _outgoing(self, request: HttpRequest) -> httpx2.Request:
        headers, content = self._headers, None
        if request.body is not None:
            content = json.dumps(request.body).encode()
            headers = httpx2.Headers(headers)
            headers["Content-Type"] = "application/json"
        try:
            return httpx2.Request(
                request.method,
                _url(self.base_url + request.target),
                headers=headers,
                content=content,
                extensions=dict(self._extensions),
            )
        except httpx2.InvalidURL:
            raise Failure("INVALID_ARG", "An argument is too long to be part of a request's address.") from None

    async def _read(self, response: httpx2.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._bounds.body:
                raise faults.bad(f"The API's answer is larger than {self._bounds.body} bytes.")
        return bytes(body)

    def _value(self, request: HttpRequest, answer: faults.Answer) -> dict[str, Any]:
        if not answer.body and (request.method != "GET" or answer.status == _NO_CONTENT):
            return {"ok": True}
        if "json" not in answer.headers.get("Content-Type", "json").lower():
            raise faults.not_json(answer, self.base_url)
        try:
            value = wire.parse(answer.body)
        except (ValueError, RecursionError):
            raise faults.not_json(answer, self.base_url) from None
        if isinstance(value, list):
            return {"results": value}
        if not isinstance(value, dict):
            raise faults.bad("The API's answer is neither an object nor a list.")
        return value


_Send = Callable[[httpx2.Request], Awaitable[httpx2.Response]]
_Close = Callable[[], Awaitable[None]]


def _carrier(settings: Settings) -> tuple[_Send, _Close]:
    """What carries requests over the network: through the environment's proxies, but for an API on this machine.

    A client of the HTTP library costs a third of a millisecond a request over its transport, for redirects, cookies
    and authentication, none of which is wanted here; it is taken only where it has a proxy to choose.
    """
    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=_KEPT_ALIVE)
    local = is_local(settings.base_url)
    try:
        httpx2.URL(settings.base_url)
        # Reading the trusted certificates takes a third of the first call; without TLS none is trusted.
        plain = settings.base_url.startswith("http:")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else httpx2.create_ssl_context()
        if local or not getproxies():
            return _direct(httpx2.AsyncHTTPTransport(verify=context, limits=limits))
        client = httpx2.AsyncClient(verify=context, limits=limits)
    except (ValueError, ImportError, OSError, httpx2.InvalidURL):
        raise Failure(
            "UPSTREAM_UNREACHABLE",
            "The proxy or the certificates that this server's environment names cannot be used.",
            hint=f"Check HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE, SSL_CERT_DIR and {BASE_URL} in the server's env.",
        ) from None

    async def send(request: httpx2.Request) -> httpx2.Response:
        return await client.send(request, stream=True, auth=None, follow_redirects=False)

    return send, client.aclose


def _direct(transport: httpx2.AsyncBaseTransport) -> tuple[_Send, _Close]:
    return transport.handle_async_request, transport.aclose
