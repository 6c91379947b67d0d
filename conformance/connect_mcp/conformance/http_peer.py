"""A server behind a URL, spoken with over Streamable HTTP as if its messages were lines.

Every line that is sent is one POST; what comes back, as JSON or as a stream of events, are the lines that are read. A
stream for the server's own messages is opened once the handshake is done, as hosts do it. Whatever the server does, no
call here waits longer than it says, and what is kept of its answers has a bound.
"""

import contextlib
import http.client
import json
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from urllib.parse import urlsplit

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.text import printable

from .http_subject import events, header_value
from .session import META_REVISION, Json, parsed_message

_LONGEST = 16 << 20  # bytes of one answer, or of one event
_WAITING = 10_000  # lines that nobody has read yet
_QUIET = 300.0  # seconds that a stream may be silent
_NAMED: Mapping[str, str] = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_SESSION = "Mcp-Session-Id"
_BROKEN = (OSError, http.client.HTTPException, ValueError)


class HttpPeer:
    """A conversation with a server over Streamable HTTP.

    Args:
        url: where it listens.
        headers: what every request carries besides, such as `Authorization`.

    Raises:
        Misuse: where the URL is none.
        Refused: where nobody listens there.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.started = time.monotonic()
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Misuse(f"{printable(url)} is no http:// or https:// URL", mend="--url http://127.0.0.1:8000/mcp")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port or (443 if self._secure else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._more = dict(headers or {})
        self._lines: queue.Queue[bytes] = queue.Queue(_WAITING)
        self._session = self._revision = ""
        self._initialize_id: Json = None
        self._closed = False
        self._open: dict[http.client.HTTPConnection, socket.socket] = {}
        try:
            connection = self._connection(10.0)
            connection.connect()
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise Refused(f"nobody answers at {printable(url)}", why=printable(str(why))) from None

    def __enter__(self) -> "HttpPeer":  # noqa: PYI034 - Self is new in Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_stdin()
        for opened in list(self._open.values()):
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it, which then closes it

    @property
    def ended(self) -> bool:
        """Whether the conversation was closed and every line of it was read."""
        return self._closed and not self._open and self._lines.empty()

    def send(self, data: bytes, timeout: float = 10.0) -> bool:
        """POST a line; a request is waited for until its headers are there, so that the next comes after it."""
        message = parsed_message(data.rstrip(b"\r\n"))
        answered = threading.Event()
        refused: list[bool] = []

        def run() -> None:
            if not self._post(data, message, answered):
                refused.append(True)
            answered.set()

        threading.Thread(target=run, daemon=True).start()
        waits = not (isinstance(message, dict) and "id" in message and message.get("method") == "tools/call")
        if waits and not answered.wait(timeout):
            return isinstance(message, dict) and "id" in message  # it may still be answered
        return not refused

    def read_line(self, timeout: float) -> bytes | None:
        """The next message that came."""
        try:
            return self._lines.get(timeout=max(timeout, 0)) if timeout > 0 else self._lines.get_nowait()
        except queue.Empty:
            return None

    def close_stdin(self) -> None:
        """End the conversation: a session is ended with DELETE, where the server has it."""
        if self._closed:
            return
        self._closed = True
        if self._session:
            try:
                connection = self._connection(2.0)
                connection.request("DELETE", self._path, headers=self._headers({}))
                connection.getresponse().read(1024)
                connection.close()
            except (OSError, http.client.HTTPException):
                return

    def signal(self, number: int) -> None:
        """There is no process of ours."""

    def wait(self, timeout: float) -> int | None:
        """There is no process of ours: 0 once the conversation is closed."""
        return 0 if self._closed else None

    def stderr_tail(self, lines: int = 10, width: int = 300) -> tuple[str, ...]:
        """There is no error output."""
        return ()

    # Below: what runs in threads of its own, one for each request

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def _connect(self, connection: http.client.HTTPConnection) -> None:
        connection.connect()
        self._open[connection] = connection.sock

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        named = {
            "Accept": "application/json, text/event-stream",
            "User-Agent": "connect-mcp-conformance",
            **({_SESSION: self._session} if self._session else {}),
            **({"MCP-Protocol-Version": self._revision} if self._revision else {}),
        }
        return {**named, **more, **self._more}

    def _post(self, data: bytes, message: Json, answered: threading.Event) -> bool:
        """Send it and take in what comes back; False where the server could not be spoken with."""
        if isinstance(message, dict) and message.get("method") == "initialize":
            self._initialize_id = message.get("id")
        more = {"Content-Type": "application/json", **_modern_headers(message)}
        connection = self._connection(_QUIET)
        try:
            self._connect(connection)
            connection.request("POST", self._path, data.rstrip(b"\r\n"), self._headers(more))
            response = connection.getresponse()
            self._session = self._session or response.headers.get(_SESSION, "")
            if not (isinstance(message, dict) and message.get("method") == "initialize"):
                answered.set()
            for line in _lines(response):
                self._take(line)
            if response.status >= 400 and not response.headers.get("Content-Type", "").startswith("application/json"):
                self._take(f"HTTP {response.status} {response.reason}".encode())
        except _BROKEN:
            return False
        finally:
            self._open.pop(connection, None)
            connection.close()
        if isinstance(message, dict) and message.get("method") == "notifications/initialized":
            threading.Thread(target=self._listen, daemon=True).start()
        return True

    def _listen(self) -> None:
        """The stream of the server's own messages, which it need not have."""
        connection = self._connection(_QUIET)
        try:
            self._connect(connection)
            connection.request("GET", self._path, headers=self._headers({"Accept": "text/event-stream"}))
            response = connection.getresponse()
            if response.status == http.client.OK:
                for line in _lines(response):
                    self._take(line)
        except _BROKEN:
            return  # closed from our side, or never there
        finally:
            self._open.pop(connection, None)
            connection.close()

    def _take(self, line: bytes) -> None:
        message = parsed_message(line)
        if isinstance(message, dict) and self._initialize_id is not None and message.get("id") == self._initialize_id:
            result = message.get("result")
            agreed = result.get("protocolVersion") if isinstance(result, dict) else None
            self._revision = agreed if isinstance(agreed, str) and agreed.isascii() and agreed.isprintable() else ""
            self._initialize_id = None
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            return  # a flood: whoever reads has long seen enough


def _modern_headers(message: Json) -> dict[str, str]:
    """What a request that names its own revision repeats in headers."""
    if not isinstance(message, dict) or not isinstance(method := message.get("method"), str):
        return {}
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    revision = meta.get(META_REVISION) if isinstance(meta, dict) else None
    if not isinstance(params, dict) or not isinstance(revision, str):
        return {}
    named = params.get(_NAMED.get(method, ""))
    more = {"Mcp-Name": header_value(named)} if isinstance(named, str) else {}
    return {"MCP-Protocol-Version": header_value(revision), "Mcp-Method": header_value(method), **more}


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The messages in an answer, each as a line."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        yield from events(response)
        return
    body = response.read(_LONGEST)
    if kind == "application/json" and body.strip():
        try:
            yield json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()
        except (ValueError, RecursionError):
            yield body.replace(b"\n", b" ")
