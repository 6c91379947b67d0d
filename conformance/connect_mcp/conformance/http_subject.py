"""A subject over Streamable HTTP: each message is a POST of its own, and what comes back is lines again.

Requests are made with the standard library alone and as raw as the rules need them. Whatever the server does, each call
returns within its time, and what is kept of an answer is bounded.
"""

import contextlib
import http.client
import json
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from connect_mcp.base.errors import Misuse
from connect_mcp.base.masking import masked, telling_values
from connect_mcp.base.record import record
from connect_mcp.base.text import printable

from .wire import LONGEST, encode

_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_META_VERSION = "io.modelcontextprotocol/protocolVersion"
_UNREAD = 2000  # messages that wait to be read
_EVENT_LINES = 100_000
_MOST_EVENTS = 500  # before the answer that they should lead to


@record
class HttpAnswer:
    """What a request was answered with.

    Attributes:
        status: HTTP's.
        headers: by their names in lower case.
        messages: the JSON texts in the body, one for a plain answer, one an event for a stream.
        body: the body, as far as it was kept.
        event_ids: of the events of a stream, in their order; not each event has one.
    """

    status: int
    headers: Mapping[str, str]
    messages: tuple[bytes, ...]
    body: bytes
    event_ids: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def error_code(self) -> int | None:
        """The code of the JSON-RPC error in the body; None where there is none."""
        for message in self.messages:
            with contextlib.suppress(ValueError, RecursionError):
                value = json.loads(message)
                error = value.get("error") if isinstance(value, dict) else None
                if isinstance(error, dict) and isinstance(error.get("code"), int):
                    return int(error["code"])
        return None


class HttpSubject:
    """A server at a URL.

    Args:
        url: its endpoint.
        headers: further headers for each request; their values are secret where their names say so.
        timeout: seconds to wait for a connection and for each piece of an answer.

    Raises:
        Misuse: where the URL is none of http or https.
    """

    transport: Literal["stdio", "http"] = "http"

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Misuse(f"{printable(url)!r} is no URL of a server", mend="--url http://127.0.0.1:8000/mcp")
        self.name = printable(masked(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"))
        self.secrets: Sequence[str] = list(telling_values(headers))
        self._parts = parts
        self._headers = dict(headers)
        self.timeout = timeout

    def open(self, *, deaf: bool = False, more_env: Mapping[str, str] | None = None) -> "HttpLink":
        """A new conversation; there is no process that could be deaf, or given variables."""
        return HttpLink(self)

    def connect(self, method: str, headers: Mapping[str, str], body: bytes | None) -> http.client.HTTPConnection:
        """Send a request, and give the connection that its answer comes on.

        Raises:
            OSError: where it cannot be sent.
        """
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=self.timeout, context=context
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self.timeout)
        path = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        connection.request(method, path, body, {**self._headers, **headers})
        return connection


class HttpLink:
    """One conversation over HTTP: a session, where the server makes one.

    Attributes:
        session: the session's id; None where there is none.
    """

    transport: Literal["stdio", "http"] = "http"

    def __init__(self, subject: HttpSubject) -> None:
        self.started = time.monotonic()
        self.session: str | None = None
        self._subject = subject
        self._version: str | None = None
        self._lines: queue.Queue[bytes] = queue.Queue(_UNREAD)
        self._ending = ""
        self._open: set[http.client.HTTPConnection] = set()

    @property
    def ended(self) -> bool:
        """Whether the server no longer takes connections and everything that came was read."""
        return bool(self._ending) and self._lines.empty()

    def send(self, data: bytes, timeout: float) -> bool:
        """Post each line; a notification is over when its answer came, a request when it was sent."""
        sent = [self._post(line) for line in data.split(b"\n") if line.strip()]
        return all(sent)

    def read(self, timeout: float) -> bytes | None:
        """The next message that came back."""
        try:
            return self._lines.get(timeout=max(timeout, 0.001))
        except queue.Empty:
            return None

    def ending(self) -> str:
        """Why the server can no longer be reached."""
        return self._ending

    def errors(self) -> tuple[str, ...]:
        """What a server logs stays with it."""
        return ()

    def close(self) -> None:
        """End the session, and every stream that is still open."""
        if self.session is not None and not self._ending:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.exchange("DELETE", {"Mcp-Session-Id": self.session})
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                if connection.sock is not None:
                    connection.sock.close()

    def headers_for(self, message: Any) -> dict[str, str]:
        """The headers that a client sends with a message."""
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if not isinstance(message, dict):
            message = {}
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        meta = params.get("_meta")
        named = meta.get(_META_VERSION) if isinstance(meta, dict) else None
        method = message.get("method")
        if isinstance(named, str):
            headers["MCP-Protocol-Version"] = header_value(named)
            if isinstance(method, str):
                headers["Mcp-Method"] = header_value(method)
            if isinstance(subject := params.get(_NAMED_BY.get(str(method), "")), str):
                headers["Mcp-Name"] = header_value(subject)
        elif method != "initialize":
            if self._version:
                headers["MCP-Protocol-Version"] = self._version
            if self.session is not None:
                headers["Mcp-Session-Id"] = self.session
        return headers

    def exchange(self, method: str, headers: Mapping[str, str], body: Any = None) -> HttpAnswer:
        """One raw request and its whole answer; of a stream, all up to its end or to the first answer in it.

        Raises:
            OSError, http.client.HTTPException: where there was none.
        """
        data = body if isinstance(body, bytes) or body is None else encode(body)
        connection = self._subject.connect(method, headers, data)
        found: list[HttpAnswer | OSError | http.client.HTTPException] = []

        def read() -> None:
            try:
                found.append(self._answer(connection, method))
            except (OSError, http.client.HTTPException) as error:
                found.append(error)

        # The socket's own timeout is one for each piece: what comes byte by byte would never end.
        if not self._within_its_time(connection, read):
            raise TimeoutError("the answer did not end")
        if isinstance(found[0], HttpAnswer):
            return found[0]
        raise found[0]

    def _within_its_time(self, connection: http.client.HTTPConnection, read: Callable[[], None]) -> bool:
        """Read in a thread of its own; a connection that takes longer than it may is closed."""
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        thread.join(self._subject.timeout)
        if thread.is_alive():
            with contextlib.suppress(OSError):
                if connection.sock is not None:
                    connection.sock.shutdown(socket.SHUT_RDWR)
            return False
        return True

    def _answer(self, connection: http.client.HTTPConnection, method: str) -> HttpAnswer:
        try:
            response = connection.getresponse()
            messages, rest = [], b""
            ids: list[str] = []
            if _kind(response) == "text/event-stream" and response.status == 200:
                for event in [] if method == "GET" else events(response, ids):
                    messages.append(event)
                    if b'"result"' in event or b'"error"' in event or len(messages) == _MOST_EVENTS:
                        break
            else:
                rest = response.read(LONGEST)
                messages = [rest] if rest.strip() else []
            names = {name.lower(): value for name, value in response.getheaders()}
            return HttpAnswer(response.status, names, tuple(messages), rest, tuple(ids))
        finally:
            connection.close()

    def _post(self, line: bytes) -> bool:
        message: Any = None
        with contextlib.suppress(ValueError, RecursionError):
            message = json.loads(line)
        try:
            connection = self._subject.connect("POST", self.headers_for(message), line)
        except OSError as error:
            self._ending = f"cannot be reached ({printable(error.strerror or type(error).__name__)})"
            return False
        self._open.add(connection)
        fields = message if isinstance(message, dict) else {}
        first = fields.get("method") == "initialize"
        asks = not fields or ("method" in fields and "id" in fields)
        if fields and asks and not first:
            threading.Thread(target=self._take, args=(connection,), daemon=True).start()
        else:
            self._within_its_time(connection, lambda: self._take(connection, first=first, asks=asks))
        return True

    def _take(self, connection: http.client.HTTPConnection, *, first: bool = False, asks: bool = True) -> None:
        """Read an answer to its end; each message in it becomes a line.

        What asks nothing may be refused with an error in the body, which is no answer in the sense of JSON-RPC.
        """
        try:
            response = connection.getresponse()
            if not asks and response.status >= 400:
                return
            if first and (session := response.getheader("Mcp-Session-Id")):
                self.session = session
            if _kind(response) == "text/event-stream":
                for event in events(response):
                    self._put(event, first)
            elif _kind(response) == "application/json":
                body = response.read(LONGEST).replace(b"\n", b" ")  # JSON may be spread over lines in a body
                if body.strip():
                    self._put(body, first)
        except (OSError, http.client.HTTPException, ValueError):
            pass  # no answer came, or its end is missing: the case that waits for it says so
        finally:
            self._open.discard(connection)
            connection.close()

    def _put(self, line: bytes, first: bool) -> None:
        if first:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                agreed = json.loads(line)["result"]["protocolVersion"]
                self._version = agreed if isinstance(agreed, str) and agreed.isprintable() else None
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(line)


def _kind(response: http.client.HTTPResponse) -> str:
    return (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()


def events(response: http.client.HTTPResponse, ids: list[str] | None = None) -> Iterator[bytes]:
    """The data of each event of a stream, as one line; the ids of events are added to `ids`."""
    data: list[bytes] = []
    for _ in range(_EVENT_LINES):
        line = response.readline(LONGEST)
        if not line:
            return
        line = line.rstrip(b"\r\n")
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b"id:") and ids is not None and len(ids) < _MOST_EVENTS:
            ids.append(line[3:].strip().decode("utf-8", "replace"))
        elif not line and data:
            event = b"\n".join(data)
            data = []
            if event.strip():
                yield event.replace(b"\n", b" ")


def header_value(text: str) -> str:
    """A text as the value of a header: as it is, or in base64 where a header cannot carry it."""
    import base64

    if text.isascii() and text.isprintable() and text == text.strip() and not text.startswith("=?base64?"):
        return text
    return f"=?base64?{base64.b64encode(text.encode('utf-8', 'surrogatepass')).decode()}?="
