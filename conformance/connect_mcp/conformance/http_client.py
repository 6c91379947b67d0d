"""HTTP as the rules need it: requests as raw as they are given, and what comes back as events.

The kit's one HTTP client, made with the standard library alone. Whatever the server does, what is kept of its answers
is bounded; who waits for them brings a thread and a time.
"""

import base64
import contextlib
import http.client
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import SplitResult, urljoin, urlsplit

from connect_mcp.base.errors import Misuse
from connect_mcp.base.masking import masked
from connect_mcp.base.record import field, record
from connect_mcp.base.text import printable

from .wire import LONGEST

UNREAD = 2000
"""Messages of one conversation that wait to be read."""

NO_ANSWER = (OSError, http.client.HTTPException)
"""What is raised where a server gives no answer of HTTP."""


class Unreachable(OSError):
    """Nobody takes connections.

    Attributes:
        why: what the system says to that, safe to print.
        mend: what to look at.
    """

    def __init__(self, why: str, mend: str) -> None:
        super().__init__(why)
        self.why, self.mend = why, mend

    def __str__(self) -> str:
        return f"cannot be reached ({self.why}): {self.mend}"


_CHUNK = 65536
_QUIET = 300.0  # seconds that a stream may be silent; who opened it closes it long before
_MOST_LINES = 100_000  # of one stream
_LINE_END = re.compile(rb"\r\n|\n|\r")
_PORTS = {"http": 80, "https": 443}


@record
class Event:
    """An event of a stream, or a whole body that is none.

    Attributes:
        data: the value of each line of data.
        fields: the values of the other fields that the format has, by their names; of several the last.
        unknown: the names of further fields, which clients leave out.
        whole: whether a blank line ended it; clients drop one that the end of the stream cut off.
    """

    data: tuple[bytes, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[bytes, ...] = ()
    whole: bool = True

    @property
    def line(self) -> bytes:
        """Its message as one line; empty where a client would see none."""
        return b"\n".join(self.data).replace(b"\n", b" ").replace(b"\r", b" ").strip() if self.whole else b""

    @property
    def id(self) -> str | None:
        """Its id; None where it has none that a client would take."""
        ident = self.fields.get("id")
        return None if ident is None or "\0" in ident else ident

    @property
    def type(self) -> str:
        """Its type."""
        return self.fields.get("event") or "message"


class Endpoint:
    """A URL that requests are sent to.

    Args:
        url: the URL.
        headers: further headers for each request; their values are secret where their names say so.
        timeout: seconds to wait for a connection and for the server to take a request.

    Attributes:
        name: what it is called where people read it.

    Raises:
        Misuse: where the URL is none of http or https.
    """

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float) -> None:
        self._parts = _split(url)
        self._url = url
        self._headers = {"User-Agent": "connect-mcp-conformance", **headers}
        self.timeout = timeout
        self.name = printable(
            masked(f"{self._parts.scheme}://{self._parts.netloc.rpartition('@')[2]}{self._parts.path}")
        )

    def beside(self, reference: str) -> "Endpoint | None":
        """What a server calls another of its URLs; None where that is not at the same scheme, host and port."""
        try:
            there = Endpoint(urljoin(self._url, reference), self._headers, self.timeout)
        except Misuse:
            return None
        return there if there.origin == self.origin else None

    @property
    def origin(self) -> tuple[str, str | None, int]:
        """Its scheme, host and port."""
        return self._parts.scheme, self._parts.hostname, self._parts.port or _PORTS[self._parts.scheme]

    def reach(self) -> http.client.HTTPConnection:
        """A connection.

        Raises:
            Unreachable: where nobody takes it.
        """
        scheme, host, port = self.origin
        connection: http.client.HTTPConnection
        if scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host or "", port, timeout=self.timeout, context=context)
        else:
            connection = http.client.HTTPConnection(host or "", port, timeout=self.timeout)
        try:
            connection.connect()
        except (OSError, UnicodeError) as error:
            raise _unreachable(error) from None
        return connection

    def send(
        self, connection: http.client.HTTPConnection, method: str, headers: Mapping[str, str], body: bytes | None
    ) -> None:
        """Send a request.

        Raises:
            OSError, http.client.HTTPException: where it was not taken.
        """
        path = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        # A server may answer before it has read everything, and close: what it said is there to be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body, {**self._headers, **headers})
        connection.sock.settimeout(_QUIET)

    def request(self, method: str, headers: Mapping[str, str], body: bytes | None) -> http.client.HTTPConnection:
        """Send a request, and give the connection that its answer comes on.

        Raises:
            OSError, http.client.HTTPException: where it cannot be sent.
        """
        connection = self.reach()
        try:
            self.send(connection, method, headers, body)
        except NO_ANSWER:
            connection.close()
            raise
        return connection


class Incoming:
    """An answer whose head is there.

    Attributes:
        status: HTTP's.
        headers: by their names in lower case.

    Raises:
        OSError, http.client.HTTPException: where no head comes.
    """

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._response = connection.getresponse()
        self.status = self._response.status
        self.headers = {name.lower(): value for name, value in self._response.getheaders()}

    @property
    def kind(self) -> str:
        """The content type without its parameters."""
        return content_type(self.headers)

    @property
    def streams(self) -> bool:
        """Whether it is a stream of events."""
        return self.kind == "text/event-stream"

    def events(self) -> Iterator[Event]:
        """The events of a stream, as they come; of what is none, the body as one.

        Raises:
            OSError, http.client.HTTPException: where the connection breaks.
        """
        if self.streams:
            yield from events(self._chunks())
            return
        body = self._response.read(LONGEST)
        if body.strip():
            yield Event((body,))

    def close(self) -> None:
        """Read no more of it; its connection may be closed already, and is only gone with this."""
        self._response.close()

    def told(self) -> str:
        """Its status, in words."""
        return printable(f"HTTP {self.status} {self._response.reason}"[:100])

    def _chunks(self) -> Iterator[bytes]:
        while chunk := self._response.read1(_CHUNK):
            yield chunk


class Stream:
    """A request and its answer, read by a thread of its own as it comes.

    Raises:
        OSError, http.client.HTTPException: where the request cannot be sent.
    """

    def __init__(self, endpoint: Endpoint, method: str, headers: Mapping[str, str], body: bytes | None) -> None:
        self._connection = endpoint.request(method, headers, body)
        self._socket = self._connection.sock
        self._head: Incoming | None = None
        self._failure: Exception | None = None
        self._headed = threading.Event()
        self._ended = threading.Event()
        self._events: queue.Queue[Event | None] = queue.Queue(UNREAD)
        threading.Thread(target=self._read, daemon=True).start()

    def head(self, timeout: float) -> Incoming:
        """The answer, once its head is there.

        Raises:
            OSError, http.client.HTTPException: where it does not come, or not in time.
        """
        if not self._headed.wait(max(timeout, 0)):
            raise TimeoutError("no answer came in time")
        if self._head is None:
            raise self._failure or http.client.HTTPException()
        return self._head

    def next(self, timeout: float) -> Event | None:
        """The next event; None where none came in time or it is over."""
        with contextlib.suppress(queue.Empty):
            event = self._events.get(timeout=max(timeout, 0.001))
            if event is not None:
                return event
            self._ended.set()
        return None

    def until(self, seconds: float) -> Iterator[Event]:
        """The events that come within so many seconds, up to its end."""
        deadline = time.monotonic() + seconds
        while not self.over and (left := deadline - time.monotonic()) > 0:
            event = self.next(left)
            if event is not None:
                yield event

    @property
    def over(self) -> bool:
        """Whether the server ended it and everything in it was read."""
        return self._ended.is_set()

    def check_end(self) -> None:
        """Make sure that it came to its end.

        Raises:
            OSError, http.client.HTTPException: where it broke, or goes on.
        """
        if not self.over:
            raise TimeoutError("the answer did not end")
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Break it off."""
        shut(self._socket)

    def _read(self) -> None:
        try:
            self._head = Incoming(self._connection)
            self._headed.set()
            for event in self._head.events():
                self._events.put(event, timeout=_QUIET)
        except (*NO_ANSWER, ValueError, queue.Full) as error:
            self._failure = error
        finally:
            if self._head is not None:
                self._head.close()
            self._connection.close()
            self._headed.set()
            with contextlib.suppress(queue.Full):
                self._events.put(None, timeout=1)


def events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """The events in a stream of text/event-stream, as WHATWG's HTML standard reads it; comments are left out."""
    data: list[bytes] = []
    fields: dict[str, str] = {}
    unknown: list[bytes] = []
    size = 0
    for number, line in enumerate(_lines(chunks)):
        if number == _MOST_LINES:
            return
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 0 else line
        if not line:
            if data or fields or unknown:
                yield Event(tuple(data), fields, tuple(unknown))
            data, fields, unknown, size = [], {}, [], 0
            continue
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        size += len(line)
        if not name or size > LONGEST:
            continue
        if name == b"data":
            data.append(value)
        elif name in (b"event", b"id", b"retry"):
            fields[name.decode()] = value.decode("utf-8", "replace")
        else:
            unknown.append(name)
    if data or fields or unknown:
        yield Event(tuple(data), fields, tuple(unknown), whole=False)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines, which CR, LF or both end; what has no end comes last. Of one that is too long the beginning is kept."""
    rest = bytearray()
    after_cr = False
    for chunk in chunks:
        piece = chunk[1:] if after_cr and chunk.startswith(b"\n") else chunk
        after_cr = chunk.endswith(b"\r")
        first, *more = _LINE_END.split(piece)
        rest += first[: max(0, LONGEST - len(rest))]
        if more:
            yield bytes(rest)
            yield from more[:-1]
            rest = bytearray(more[-1])
    if rest:
        yield bytes(rest)


def content_type(headers: Mapping[str, str]) -> str:
    """The content type that headers name, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def header_value(text: str) -> str:
    """A text as the value of a header: as it is, or in base64 where a header cannot carry it."""
    if text.isascii() and text.isprintable() and text == text.strip() and not text.startswith("=?base64?"):
        return text
    return in_base64(text)


def header_bytes(text: str) -> str:
    """A text whose bytes in UTF-8 are to be the value of a header as they are: `http.client` writes Latin-1."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def in_base64(text: str) -> str:
    """A text as the value of a header, in base64."""
    return f"=?base64?{base64.b64encode(text.encode('utf-8', 'surrogatepass')).decode()}?="


def _unreachable(error: Exception) -> Unreachable:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"its certificate is not trusted: {error.verify_message}"
        mend = "SSL_CERT_FILE can name a file with the certificates of those who are"
    elif isinstance(error, ssl.SSLError):
        why, mend = f"no TLS: {error.reason}", "does it speak https?"
    elif isinstance(error, (socket.gaierror, UnicodeError)):
        why, mend = getattr(error, "strerror", None) or "no such host", "is the host's name right?"
    else:
        why, mend = getattr(error, "strerror", None) or type(error).__name__, "does it run, and is the URL right?"
    return Unreachable(printable(why), mend)


def shut(opened: socket.socket | None) -> None:
    """Break a connection off; the thread that reads it then ends."""
    if opened is not None:
        with contextlib.suppress(OSError):
            opened.shutdown(socket.SHUT_RDWR)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # which is an error where it is none
        if parts.scheme in _PORTS and parts.hostname:
            return parts
    except ValueError:
        pass
    raise Misuse(f"{printable(url)!r} is no http:// or https:// URL", mend="--url http://127.0.0.1:8000/mcp")
