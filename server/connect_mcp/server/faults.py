"""What it means when the API refuses, misbehaves or is not there: from statuses and exceptions to codes and hints.

What an exception of the HTTP library says never goes further: it may quote the request, and with it the key.
"""

import socket
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx2

from connect_mcp.server import wire
from connect_mcp.server.results import Failure
from connect_mcp.server.settings import API_SUFFIX, BASE_URL, KEY_PAGE
from connect_mcp.server.tools.requests import HttpRequest

UNSURE = "It may have been carried out all the same: look before you repeat it."

_NETWORK = f"Check {BASE_URL} and the network."
_TOO_MANY_REQUESTS, _UNAVAILABLE, _NOT_FOUND = 429, 503, 404
_LONGEST_NAME = 200


class Passing(Failure):
    """A failure after which the request may be sent again: the API has not acted on it, or doing so twice does no more.

    Attributes:
        pause: seconds to wait before.
        attempts: how many attempts there may be, the first included.
    """

    pause = 0.0
    attempts = 1


class Answer(NamedTuple):
    """What came back: the HTTP status, the headers, and the body, whole."""

    status: int
    headers: httpx2.Headers
    body: bytes


class _Meaning(NamedTuple):
    """What an HTTP status means to the caller of a tool."""

    code: str
    message: str
    hint: str | None = None
    transient: bool = False


_STATE = "The API refused the request because of the present state of things"
_INVALID = "The API rejected the request as invalid"
_ABSENT = "The API is not available at present"

_STATUSES = {
    400: _Meaning("INVALID_ARG", _INVALID),
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
    407: _Meaning(
        "UPSTREAM_UNREACHABLE",
        "The proxy on the way to the API wants a user name and password",
        "They belong into HTTPS_PROXY in the env of this server's entry.",
    ),
    408: _Meaning("UPSTREAM_TIMEOUT", "The API waited too long for the request", transient=True),
    409: _Meaning("CONFLICT", _STATE),
    410: _Meaning("NOT_FOUND", "The API says that this is gone"),
    412: _Meaning("CONFLICT", _STATE),
    413: _Meaning("INVALID_ARG", "The API says that the request is too large"),
    414: _Meaning("INVALID_ARG", "The API says that the request is too large"),
    422: _Meaning("INVALID_ARG", _INVALID),
    423: _Meaning("CONFLICT", _STATE),
    429: _Meaning("RATE_LIMITED", "The API asks to slow down", transient=True),
    500: _Meaning("UPSTREAM_ERROR", "The API failed", transient=True),
    502: _Meaning("UPSTREAM_ERROR", _ABSENT, transient=True),
    503: _Meaning("UPSTREAM_ERROR", _ABSENT, transient=True),
    504: _Meaning("UPSTREAM_TIMEOUT", "The API did not answer its gateway in time", transient=True),
    511: _Meaning(
        "UPSTREAM_UNREACHABLE",
        "The network asks for a login before it lets anybody through",
        "Log in to the network with a browser, then try again.",
    ),
}


def refused(request: HttpRequest, answer: Answer, base_url: str, now: float) -> Failure:
    """What a status other than success means.

    A throttle looks at a request before anything is done, so after 429 even a POST may be made again. 503 says that of
    itself only where it also says when to come back; from a gateway it may mean that the API went away half-way.

    Args:
        request: what was asked.
        answer: what came back.
        base_url: the API's, for hints.
        now: seconds since 1970.
    """
    status = answer.status
    meaning = _STATUSES.get(status) or _Meaning(
        "UPSTREAM_ERROR", "The API gave an unexpected answer", transient=status >= 500
    )
    said, wait = _said(answer.body), _wait(answer.headers, now)
    not_acted = status == _TOO_MANY_REQUESTS or (status == _UNAVAILABLE and wait is not None)
    hint = meaning.hint
    if status == _NOT_FOUND:
        hint = _not_found_hint(request, base_url)
    sure = request.repeatable or not_acted
    if meaning.transient and not sure:
        hint = UNSURE
    detail = _detail(said)
    failed = (Passing if not_acted and wait is not None else Failure)(
        meaning.code,
        f"{meaning.message}: {detail}" if detail else f"{meaning.message} (HTTP {status}).",
        retryable=meaning.transient and sure,
        hint=hint,
        details=said if isinstance(said, dict) and set(said) - {"detail"} else None,
        status=status,
        retry_after_ms=wait if meaning.transient else None,
    )
    if isinstance(failed, Passing) and wait is not None:
        failed.pause, failed.attempts = wait / 1000, 3
    return failed


def redirected(answer: Answer, base_url: str) -> Failure:
    """The key goes to the address that the user gave, and nowhere else."""
    try:
        target = urlsplit(urljoin(base_url + "/", answer.headers.get("Location", "")))
        where = f"{target.scheme}://{target.netloc.rpartition('@')[2]}"
    except ValueError:
        where = "another address"
    if not where.isprintable() or len(where) > _LONGEST_NAME:
        where = "another address"
    return Failure(
        "UPSTREAM_ERROR",
        f"The API redirects to {where}; redirects are not followed, so that the key stays here.",
        hint=_missing_suffix(base_url) or f"If that is where the API is now, set {BASE_URL} to it.",
        status=answer.status,
    )


def not_json(answer: Answer, base_url: str) -> Failure:
    """A body in which there is no JSON: a web page, for instance of a network that wants a login first."""
    if "html" in answer.headers.get("Content-Type", "").lower() or answer.body.lstrip()[:1] == b"<":
        return bad(
            "A web page came back instead of the API's answer.",
            _missing_suffix(base_url)
            or f"Check {BASE_URL}; on a network that asks for a login (a captive portal), log in with a browser first.",
        )
    if not answer.body:
        return bad("The API's answer is empty.")
    return bad("The API's answer is not JSON, or was cut short.", _missing_suffix(base_url))


def bad(message: str, hint: str | None = None) -> Failure:
    """An answer that cannot be one of the API's."""
    return Failure("BAD_UPSTREAM_RESPONSE", message, hint=hint)


def timed_out(request: HttpRequest, seconds: float) -> Failure:
    """No answer, or only part of one, within `seconds`."""
    return Failure(
        "UPSTREAM_TIMEOUT",
        f"The API did not answer within {seconds:.0f} s.",
        retryable=request.repeatable,
        hint=None if request.repeatable else UNSURE,
    )


def unreachable(message: str, hint: str = _NETWORK) -> Passing:
    """Nothing was sent, because there was nobody to send it to."""
    return Passing("UPSTREAM_UNREACHABLE", message, retryable=True, hint=hint)


def not_connected(error: BaseException) -> Failure:
    """No connection came about."""
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _insecure(f"its certificate was not accepted ({cause.verify_message.rstrip('.')})")
        if isinstance(cause, ssl.SSLError):
            return _insecure("it does not speak TLS, or not a version of it that is safe")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return unreachable("The name of the API's host was not found.")
    if isinstance(error, httpx2.ProxyError):
        return unreachable(
            "The proxy on the way to the API refused.", "Check HTTPS_PROXY in this server's environment."
        )
    failed = unreachable("The API could not be reached.")
    failed.pause, failed.attempts = 0.25, 2
    return failed


def broken(request: HttpRequest, error: BaseException, answered: bool) -> Failure:
    """A connection that ended, or went wrong, before the answer was complete."""
    if answered:
        return bad("The API's answer was cut short.")
    if isinstance(error, httpx2.RemoteProtocolError) and not str(error).startswith("Server disconnected"):
        return bad("What answers at the API's address does not speak HTTP.")
    failed = Passing(
        "UPSTREAM_UNREACHABLE",
        "The API closed the connection without an answer.",
        retryable=request.repeatable,
        hint=None if request.repeatable else UNSURE,
    )
    if request.method in ("GET", "PUT"):  # a kept connection may have been closed just then; a DELETE may have acted
        failed.attempts = 2
    return failed


def retry_after_ms(header: str | None, now: float) -> int | None:
    """A Retry-After header (seconds, or an HTTP date) in milliseconds from `now` (seconds since 1970)."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        return min(int(header[:10]), _A_YEAR) * 1000
    moment = _moment(header)
    return None if moment is None else min(max(0, round((moment - now) * 1000)), _A_YEAR * 1000)


_A_YEAR = 365 * 24 * 3600


def _wait(headers: Mapping[str, str], now: float) -> int | None:
    """When to come back, by the API's own clock where it tells the time."""
    return retry_after_ms(headers.get("Retry-After"), _moment(headers.get("Date", "")) or now)


def _moment(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


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


def _not_found_hint(request: HttpRequest, base_url: str) -> str | None:
    if "cursor=" in request.target:
        return "If it is the cursor that is not valid, or no longer: leave it out to begin at the first page."
    return _missing_suffix(base_url) or _STATUSES[_NOT_FOUND].hint


def _missing_suffix(base_url: str) -> str | None:
    if base_url.endswith(API_SUFFIX):
        return None
    return f"{BASE_URL} does not end in {API_SUFFIX}, without which every call answers 404."


def _insecure(why: str) -> Failure:
    return Failure(
        "UPSTREAM_UNREACHABLE",
        f"No secure connection to the API: {why}.",
        hint=f"Check {BASE_URL}; behind a proxy with its own certificates, set SSL_CERT_FILE in the server's env.",
    )


def _causes(error: BaseException | None) -> list[BaseException]:
    causes: list[BaseException] = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes
