"""Addresses, and reading one page of which nothing is known: bounded in time and size, and on no other host.

Nothing is asked here that a person did not name.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.masking import looks_secret, masked
from connect_mcp.base.text import printable

if TYPE_CHECKING:
    import httpx2

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_REDIRECTS = 5
_PORTS = {"http": 80, "https": 443}

PLAIN = {"Accept-Encoding": "identity"}
"""Asks for an answer that is as long as it says: a small compressed one may fill the memory."""

PAGE_BYTES = 1 << 20
PAGE_SECONDS = 15.0


def checked(url: str, *, force: bool = False) -> SplitResult:
    """A URL that a server can be reached at, in its parts.

    Args:
        url: as it was given.
        force: whether a password may stand in it.

    Raises:
        Misuse: where it is none, or none that a host could use.
        Refused: for a user name or password in it.
    """
    said = printable(masked(url))
    if any(not char.isprintable() or char.isspace() for char in url) or "\\" in url:
        raise Misuse(f"`{said}` is not a URL", why="it holds a blank, a backslash or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Misuse(f"`{said}` is not a URL", why=printable(str(error))) from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise Misuse(f"`{said}` is not a URL of a server", why="it must begin with https:// or http:// and a host")
    if parts.fragment:
        raise Misuse(f"`{said}` has a # in it", why="what follows it is never sent to a server")
    if "@" in parts.netloc and not force:
        raise Refused(
            "a user name or password stands in the URL",
            why="it would be kept in clear in the host's file, and most hosts do not send it",
            mend="send it as a header: --header Authorization, or use --force",
        )
    return parts


def doubts(parts: SplitResult) -> list[str]:
    """What a person should know of a URL that is about to be written, as sentences."""
    found = []
    if parts.scheme == "http" and not is_loopback(parts):
        found.append(f"http://{parts.hostname} is not encrypted: headers and answers can be read on the way")
    if secret_query(parts):
        found.append("a secret stands in the URL, so it is kept in clear in the host's file")
    return found


def is_loopback(parts: SplitResult) -> bool:
    """Whether a URL leads to this machine by its very name."""
    host = (parts.hostname or "").lower()
    return host in _LOOPBACK or host.endswith(".localhost") or host.startswith("127.")


def secret_query(parts: SplitResult) -> frozenset[str]:
    """The values in a URL that its names say are secret, and a password in it."""
    from urllib.parse import parse_qsl

    values = {value for name, value in parse_qsl(parts.query) if looks_secret(name) and value}
    return frozenset(values | ({parts.password} if parts.password else set()))


def origin(url: str) -> tuple[str, str, int | None]:
    """What decides whether two URLs lead to the same server: scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)


def page(url: str) -> bytes:
    """What a URL answers, as JSON is asked for.

    Raises:
        Refused: where it does not answer in time, with more than a page, with an error, or from another host.
    """
    import httpx2  # nothing else in the installer needs it, and it takes longer to load than all of the installer

    deadline = time.monotonic() + PAGE_SECONDS
    headers = {"Accept": "application/json", **PLAIN}
    with said_plainly(url), httpx2.Client(timeout=PAGE_SECONDS, headers=headers) as client:
        for _ in range(_REDIRECTS + 1):
            with client.stream("GET", url) as answer:
                if answer.is_redirect:
                    url = redirected(answer, url)
                    continue
                if answer.status_code != 200:
                    raise Refused(f"{shown(url)} answered {answer.status_code}", why=reason(answer))
                return body(answer, PAGE_BYTES, deadline, url)
    raise Refused(f"{shown(url)} leads from one address to the next without end")


def redirected(answer: httpx2.Response, url: str) -> str:
    """Where a redirect leads.

    Raises:
        Refused: where that is another host, which nobody has named; plain HTTP may become HTTPS.
    """
    from urllib.parse import urljoin

    target = urljoin(url, answer.headers.get("location", ""))
    scheme, host, port = origin(target)
    if (scheme, host, port) != origin(url) and (scheme, host, port) != ("https", origin(url)[1], 443):
        raise Refused(
            f"{shown(url)} leads on to {shown(target)}",
            why="that is another server than the one that was named, so nothing was sent there",
            mend=f"name it, if it is the right one: {shown(target)}",
        )
    return target


def body(answer: httpx2.Response, limit: int, deadline: float, url: str) -> bytes:
    """A whole answer.

    Raises:
        Refused: as `chunks`.
    """
    return b"".join(chunks(answer, limit, deadline, url))


def chunks(answer: httpx2.Response, limit: int, deadline: float, url: str) -> Iterator[bytes]:
    """An answer as it comes.

    Raises:
        Refused: where it is longer than `limit` bytes, is compressed though that was not asked for, or does not end
            before `deadline` (`time.monotonic`).
    """
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise Refused(f"{shown(url)} sent a compressed answer", why="one that is not was asked for")
    size = 0
    for chunk in answer.iter_raw():
        size += len(chunk)
        if size > limit:
            raise Refused(f"{shown(url)} answered more than {limit >> 10} KB")
        if time.monotonic() > deadline:
            raise Refused(f"{shown(url)} did not finish its answer in time")
        yield chunk


@contextmanager
def said_plainly(url: str, secrets: Iterable[str] = ()) -> Iterator[None]:
    """Turn what goes wrong on the way into a refusal.

    Raises:
        Refused: in place of the HTTP library's own errors.
    """
    import httpx2

    try:
        yield
    except httpx2.TimeoutException:
        raise Refused(f"{shown(url)} did not answer in time") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ValueError, OSError) as error:
        why = printable(masked(str(error) or type(error).__name__, secrets))
        raise Refused(f"{shown(url)} could not be reached", why=why) from None


def shown(url: str) -> str:
    """A URL for people, without its secrets."""
    return printable(masked(url, secret_query(urlsplit(url))))


def reason(answer: httpx2.Response) -> str:
    """What a status code means; "" for one that nobody knows."""
    from http import HTTPStatus

    try:
        return HTTPStatus(answer.status_code).phrase
    except ValueError:
        return ""
