"""Ask a server behind a URL for its tools, the way a host does: over Streamable HTTP, or over SSE (2024-11-05).

Bounded in time and size. A redirect is followed only to the same server, so that headers reach nobody else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from connect_mcp.base.errors import Refused
from connect_mcp.base.handshake import Conversation, Ready
from connect_mcp.base.masking import telling_values

from .spec import Transport
from .web import PLAIN, body, chunks, origin, reason, redirected, said_plainly, shown

if TYPE_CHECKING:
    import httpx2

_ANSWER_BYTES = 16 << 20
_REDIRECTS = 5
_BOTH = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", **PLAIN}
_STREAM = {"Accept": "text/event-stream", **PLAIN}


class LoginWanted(Refused):
    """The server is there, and answers nobody whom it does not know (401, 403)."""


def reach(
    url: str,
    headers: Mapping[str, str],
    *,
    transport: Transport,
    revision: str,
    timeout: float,
    client_name: str,
    capabilities: Mapping[str, object] | None = None,
) -> Ready:
    """Do `initialize`, `notifications/initialized` and `tools/list` (every page) at a URL.

    Args:
        url: the server's.
        headers: what the host sends with every request.
        transport: "http" or "sse".
        revision: the protocol revision to ask for.
        timeout: seconds for all of it.
        client_name: the client to present.
        capabilities: what the client says that it can do.

    Raises:
        LoginWanted: where the server refuses to talk to whom it does not know.
        Refused: where it is not reached, does not answer in time, or answers what no client can use; secrets masked.
    """
    import httpx2  # takes longer to load than all of the installer

    secrets = list(telling_values(headers))
    secrets += [value.partition(" ")[2] for value in secrets]
    started = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(said_plainly(url, secrets))
        client = stack.enter_context(httpx2.Client(headers=dict(headers), timeout=timeout))
        kind = _Events if transport == "sse" else _Requests
        conversation = kind(client, url, secrets, started, timeout)
        stack.callback(conversation.end)
        return conversation.ready(revision, client_name, capabilities)


class _Http(Conversation):
    """What the two transports share: an address, a deadline, and what a status means."""

    def __init__(self, client: httpx2.Client, url: str, secrets: Sequence[str], started: float, timeout: float) -> None:
        super().__init__(shown(url), secrets, started)
        self._client = client
        self._url = url
        self._deadline = started + timeout

    def end(self) -> None:
        """Take leave; nothing is said where that fails."""

    @contextmanager
    def _opened(self, method: str, headers: Mapping[str, str], content: bytes = b"") -> Iterator[httpx2.Response]:
        """One request, sent on to where the same server redirects it.

        Raises:
            Refused: for an answer that is none of 2xx.
        """
        for _ in range(_REDIRECTS):
            left = max(self._deadline - time.monotonic(), 0.01)
            with self._client.stream(method, self._url, content=content, headers=headers, timeout=left) as answer:
                if answer.status_code in (307, 308) or (method == "GET" and answer.is_redirect):
                    self._url = redirected(answer, self._url)
                    continue
                self._accept(answer)
                yield answer
                return
        raise self._refused("leads from one address to the next without end")

    def _accept(self, answer: httpx2.Response) -> None:
        status = answer.status_code
        if 200 <= status < 300:
            return
        said = body(answer, _ANSWER_BYTES, self._deadline, self._url).decode("utf-8", "replace").strip()
        if status in (401, 403):
            refusal = self._refused(f"answered {status} {reason(answer)}", said or None)
            raise LoginWanted(refusal.what, why=refusal.why)
        mend = self._other_transport if status in (400, 404, 405, 406, 415) else ""
        refusal = self._refused(f"answered {status} {reason(answer)}", said or None)
        raise Refused(refusal.what, why=refusal.why, mend=mend)

    _other_transport = ""

    def _request(self, method: str, params: dict[str, object]) -> bytes:
        self._last_id += 1
        return json.dumps({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}).encode()

    def _answer(self, message: object) -> dict[str, object] | None:
        """The message if it answers the last request; what the server asks meanwhile is answered."""
        for one in message if isinstance(message, list) else [message]:
            if not isinstance(one, dict):
                continue
            if "method" in one:
                self._reply(one)
            elif one.get("id") == self._last_id:
                return one
        return None

    def _parsed(self, data: bytes) -> object:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise self._refused("answered what is not JSON", data.decode("utf-8", "replace")) from None


class _Requests(_Http):
    """Streamable HTTP: every message is a request, whose answer is JSON or a stream of events."""

    _other_transport = "if it speaks SSE, the transport before this one: --transport sse"
    _session: str | None = None
    _revision: str | None = None

    def _ask(self, method: str, params: dict[str, object]) -> dict[str, object]:
        with self._opened("POST", self._headers(), self._request(method, params)) as answer:
            self._session = answer.headers.get("mcp-session-id", self._session)
            arriving = chunks(answer, _ANSWER_BYTES, self._deadline, self._url)
            if answer.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/event-stream":
                messages: Iterator[object] = (self._parsed(data) for name, data in events(arriving) if data)
            else:
                messages = iter([self._parsed(b"".join(arriving))])
            for message in messages:
                if (found := self._answer(message)) is not None:
                    return self._result(method, found)
        raise self._refused(f"did not answer `{method}`")

    def _send(self, message: dict[str, object], what: str) -> None:
        with self._opened("POST", self._headers(), json.dumps(message).encode()):
            pass

    def _agreed(self, revision: str) -> None:
        self._revision = revision

    def _headers(self) -> dict[str, str]:
        named = {"Mcp-Session-Id": self._session, "MCP-Protocol-Version": self._revision}
        return {**_BOTH, **{name: value for name, value in named.items() if value is not None}}

    def end(self) -> None:
        if self._session is None:
            return
        with suppress(Exception):  # a courtesy: the server may not know it, or be gone
            self._client.delete(self._url, headers=self._headers(), timeout=2.0)


class _Events(_Http):
    """SSE: one long stream brings the address for requests and then every answer."""

    _other_transport = "if it speaks Streamable HTTP: --transport http"

    def __init__(self, client: httpx2.Client, url: str, secrets: Sequence[str], started: float, timeout: float) -> None:
        super().__init__(client, url, secrets, started, timeout)
        self._stack = ExitStack()
        self._arriving = self._subscribed()

    def _subscribed(self) -> Iterator[tuple[str, bytes]]:
        answer = self._stack.enter_context(self._opened("GET", _STREAM))
        if answer.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/event-stream":
            refusal = self._refused("answered without a stream of events")
            raise Refused(refusal.what, mend=self._other_transport)
        return events(chunks(answer, _ANSWER_BYTES, self._deadline, self._url))

    def ready(self, revision: str, client_name: str, capabilities: Mapping[str, object] | None = None) -> Ready:
        from urllib.parse import urljoin

        for name, data in self._arriving:
            if name == "endpoint":
                stream, self._url = self._url, urljoin(self._url, data.decode("utf-8", "replace").strip())
                if origin(self._url) != origin(stream):
                    raise self._refused("names an address on another server for requests", self._url)
                return super().ready(revision, client_name, capabilities)
        raise self._refused("closed its stream of events before it named an address for requests")

    def _ask(self, method: str, params: dict[str, object]) -> dict[str, object]:
        with self._opened("POST", _BOTH, self._request(method, params)):
            pass
        for name, data in self._arriving:
            if name == "message" and data and (found := self._answer(self._parsed(data))) is not None:
                return self._result(method, found)
        raise self._refused(f"closed its stream of events before it answered `{method}`")

    def _send(self, message: dict[str, object], what: str) -> None:
        with self._opened("POST", _BOTH, json.dumps(message).encode()):
            pass

    def end(self) -> None:
        self._stack.close()


def events(arriving: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """The events of a `text/event-stream` with their names; CR, LF and CRLF end a line."""
    name = "message"
    data: list[bytes] = []
    for line in _lines(arriving):
        key, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            if data:
                yield name, b"\n".join(data)
            name, data = "message", []
        elif key == b"event":
            name = value.decode("utf-8", "replace")
        elif key == b"data":
            data.append(value)


def _lines(arriving: Iterator[bytes]) -> Iterator[bytes]:
    unfinished: list[bytes] = []
    after_cr = False
    for chunk in arriving:
        if after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        after_cr = chunk.endswith(b"\r")
        first, *others = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        unfinished.append(first)
        if others:
            yield b"".join(unfinished)
            yield from others[:-1]
            unfinished = [others[-1]]
