"""The REST client: one request in, one JSON object out, every failure a code.

What an exception of the HTTP library says never goes further: it may quote the request, and with it the key.
"""

import asyncio
import json
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx2

from connect_mcp.base.version import __version__
from connect_mcp.server import wire
from connect_mcp.server.results import Failure
from connect_mcp.server.settings import API_SUFFIX, BASE_URL, KEY_PAGE, Settings
from connect_mcp.server.tools.requests import HttpRequest

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
TOTAL_SECONDS = 50.0
"""Two hosts give up after 60 s; until then they are told what happened."""

MAX_BODY = 8 * 1024 * 1024
"""Bytes of the largest answer that is read."""

_SHORTEST_SECRET = 8


class _Meaning(NamedTuple):
    """What an HTTP status means to the caller of a tool."""

    code: str
    message: str
    hint: str | None = None
    transient: bool = False


_STATUSES = {
    400: _Meaning("INVALID_ARG", "The API rejected the request as invalid"),
    401: _Meaning(
        "UNAUTHENTICATED",
        "The API did not accept the key",
        f"It may be wrong, revoked or expired. A new one is made at {KEY_PAGE}.",
    ),
    403: _Meaning(
        "FORBIDDEN",
        "The owner of the API key may not do this",
        "The tool's description names the scope that it needs; an administrator of the workspace can grant it.",
    ),
    404: _Meaning("NOT_FOUND", "The API found nothing there", "Check the id: list and search tools give valid ones."),
    408: _Meaning("UPSTREAM_TIMEOUT", "The API waited too long for the request", transient=True),
    409: _Meaning("CONFLICT", "The API refused the request because of the present state of things"),
    410: _Meaning("NOT_FOUND", "The API says that this is gone"),
    412: _Meaning("CONFLICT", "The API refused the request because of the present state of things"),
    413: _Meaning("INVALID_ARG", "The API says that the request is too large"),
    422: _Meaning("INVALID_ARG", "The API rejected the request as invalid"),
    429: _Meaning("RATE_LIMITED", "The API asks to slow down", transient=True),
    500: _Meaning("UPSTREAM_ERROR", "The API failed", transient=True),
    502: _Meaning("UPSTREAM_ERROR", "The API is not available at present", transient=True),
    503: _Meaning("UPSTREAM_ERROR", "The API is not available at present", transient=True),
    504: _Meaning("UPSTREAM_TIMEOUT", "The API did not answer its gateway in time", transient=True),
}
_NOT_ACTED = {429, 503}
"""Statuses that say that nothing was done, so that even a POST may be repeated."""

_UNSURE = "It may have been carried out all the same: look before you repeat it."


class Api:
    """The Connect API at one base URL. Use it on one event loop, and close it there.

    Args:
        settings: where the API is, and the key.
        transport: what carries the requests; the network if None.
    """

    def __init__(self, settings: Settings, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._client = httpx2.AsyncClient(
            headers={
                "Authorization": f"Bearer {settings.key}",
                "Accept": "application/json",
                "User-Agent": f"connect-mcp/{__version__}",
            },
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=TOTAL_SECONDS),
            follow_redirects=False,
            transport=transport,
        )

    async def close(self) -> None:
        """Give the connections up."""
        await self._client.aclose()

    async def send(self, request: HttpRequest) -> dict[str, Any]:
        """The API's answer as an object: a bare list becomes `{"results": […]}`, nothing becomes `{"ok": true}`.

        Raises:
            Failure: for every way in which there is no such answer.
        """
        try:
            status, headers, body = await asyncio.wait_for(self._exchange(request), TOTAL_SECONDS)
        except asyncio.TimeoutError:
            raise _timeout(request, TOTAL_SECONDS) from None
        body = self._without_key(body)
        if HTTPStatus(200) <= status < HTTPStatus(300):
            return _value(request, body)
        raise self._refusal(request, status, headers, body)

    async def _exchange(self, request: HttpRequest) -> tuple[int, httpx2.Headers, bytes]:
        content = None if request.body is None else json.dumps(request.body).encode()
        url = self._settings.base_url + request.target
        headers = {} if content is None else {"Content-Type": "application/json"}
        answered = False
        try:
            async with self._client.stream(request.method, url, content=content, headers=headers) as response:
                answered = True
                return response.status_code, response.headers, await _read(response)
        except httpx2.ConnectTimeout:
            raise _unreachable(f"The API did not take a connection within {CONNECT_SECONDS:.0f} s.", None) from None
        except httpx2.TimeoutException:
            raise _timeout(request, READ_SECONDS) from None
        except httpx2.DecodingError:
            raise _bad("The API's answer is not encoded as it says.") from None
        except (httpx2.ConnectError, httpx2.ProxyError, httpx2.UnsupportedProtocol) as error:
            raise _no_connection(error) from None
        except httpx2.TransportError as error:
            raise _broken(request, error, answered) from None

    def _without_key(self, body: bytes) -> bytes:
        """An API that echoes what it was sent must not put the key before a model."""
        key = self._settings.key
        return body.replace(key.encode(), b"[API key]") if len(key) >= _SHORTEST_SECRET else body

    def _refusal(self, request: HttpRequest, status: int, headers: httpx2.Headers, body: bytes) -> Failure:
        if HTTPStatus(300) <= status < HTTPStatus(400):
            return self._redirected(status, headers)
        said = _said(body)
        meaning = _STATUSES.get(status) or _Meaning(
            "UPSTREAM_ERROR", "The API gave an unexpected answer", transient=status >= HTTPStatus(500)
        )
        hint = meaning.hint
        if status == HTTPStatus(404) and API_SUFFIX not in self._settings.base_url:
            hint = f"{BASE_URL} does not end in {API_SUFFIX}, without which every call answers 404."
        sure = request.repeatable or status in _NOT_ACTED
        if meaning.transient and not sure:
            hint = _UNSURE
        detail = _detail(said)
        return Failure(
            meaning.code,
            f"{meaning.message}: {detail}" if detail else f"{meaning.message} (HTTP {status}).",
            retryable=meaning.transient and sure,
            hint=hint,
            details=said if isinstance(said, dict) and set(said) - {"detail"} else None,
            status=status,
            retry_after_ms=retry_after_ms(headers.get("Retry-After"), time.time()) if meaning.transient else None,
        )

    def _redirected(self, status: int, headers: httpx2.Headers) -> Failure:
        """The key goes to the address that the user gave, and nowhere else."""
        try:
            target = httpx2.URL(self._settings.base_url + "/").join(headers.get("Location", ""))
            where = f"{target.scheme}://{target.netloc.decode('ascii')}"
        except httpx2.InvalidURL:
            where = "another address"
        return Failure(
            "UPSTREAM_ERROR",
            f"The API redirects to {where}; redirects are not followed, so that the key stays here.",
            hint=f"If that is where the API is now, set {BASE_URL} to it.",
            status=status,
        )


async def _read(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BODY:
            raise _bad(f"The API's answer is larger than {MAX_BODY} bytes.")
    return bytes(body)


def _value(request: HttpRequest, body: bytes) -> dict[str, Any]:
    if not body and request.method != "GET":
        return {"ok": True}
    try:
        value = wire.parse(body)
    except (ValueError, RecursionError):
        raise _bad("The API's answer is not JSON, or was cut short.") from None
    if isinstance(value, list):
        return {"results": value}
    if not isinstance(value, dict):
        raise _bad("The API's answer is neither an object nor a list.")
    return value


def _said(body: bytes) -> Any:
    """The JSON of an error's body, if it is that."""
    try:
        return wire.parse(body)
    except (ValueError, RecursionError):
        return None


def _detail(said: Any) -> str:
    """What an error's body says, in one line: `detail`, or the messages by field."""
    if not isinstance(said, dict):
        return ""
    if isinstance(said.get("detail"), str):
        return str(said["detail"])
    fields = []
    for name, messages in said.items():
        texts = messages if isinstance(messages, list) else [messages]
        fields.append(f"{name}: {' '.join(text for text in texts if isinstance(text, str))}")
    return "; ".join(fields)


def retry_after_ms(header: str | None, now: float) -> int | None:
    """A Retry-After header (seconds, or an HTTP date) in milliseconds from `now` (seconds since 1970)."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        return int(header) * 1000
    try:
        return max(0, round((parsedate_to_datetime(header).timestamp() - now) * 1000))
    except (ValueError, OverflowError):
        return None


def _bad(message: str) -> Failure:
    return Failure("BAD_UPSTREAM_RESPONSE", message)


def _unreachable(message: str, hint: str | None) -> Failure:
    return Failure("UPSTREAM_UNREACHABLE", message, retryable=True, hint=hint)


def _timeout(request: HttpRequest, seconds: float) -> Failure:
    return Failure(
        "UPSTREAM_TIMEOUT",
        f"The API did not answer within {seconds:.0f} s.",
        retryable=request.repeatable,
        hint=None if request.repeatable else _UNSURE,
    )


def _no_connection(error: BaseException) -> Failure:
    causes = _causes(error)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return _unreachable("The name of the API's host was not found.", f"Check {BASE_URL} and the network.")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Failure(
            "UPSTREAM_UNREACHABLE",
            "No secure connection to the API: its certificate was not accepted, or it does not speak TLS.",
            hint=f"Check {BASE_URL}; behind a proxy with its own certificates, set SSL_CERT_FILE in the server's env.",
        )
    return _unreachable("The API could not be reached.", f"Check {BASE_URL} and the network.")


def _broken(request: HttpRequest, error: BaseException, answered: bool) -> Failure:
    """A connection that ended, or went wrong, before the answer was complete."""
    if answered:
        return _bad("The API's answer was cut short.")
    if isinstance(error, httpx2.RemoteProtocolError) and not str(error).startswith("Server disconnected"):
        return _bad("What answers at the API's address does not speak HTTP.")
    return Failure(
        "UPSTREAM_UNREACHABLE",
        "The API closed the connection without an answer.",
        retryable=request.repeatable,
        hint=None if request.repeatable else _UNSURE,
    )


def _causes(error: BaseException | None) -> list[BaseException]:
    causes: list[BaseException] = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes
