"""The HTTP of the scripted model: bounded requests, answers whole or streamed, and an end that leaves nothing."""

import contextlib
import json
import socket
import socketserver
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote

from connect_mcp.base.record import record
from connect_mcp.base.text import printable

from ...session import Json
from .dialect import Event

_LONGEST = 64 << 20  # bytes of a request: a result of megabytes is in the history of every later one
_QUIET = 600.0  # seconds that a connection may be silent: hosts keep theirs while a slow tool runs
_LINE = 80  # bytes of a line that says how long a chunk is


@record
class Request:
    """What came. No header is kept: they hold the host's key.

    Attributes:
        method: as in HTTP.
        path: of the URL, without its query, which may hold a key as well.
        body: its bytes, unpacked.
        unreadable: why the body could not be read; empty where it could.
    """

    method: str
    path: str
    body: bytes
    unreadable: str = ""


@record
class Reply:
    """What is answered: a value, or events.

    Attributes:
        value: the body as JSON.
        status: as in HTTP.
        events: where they are given, what is streamed in the place of the value.
        end: what follows the last event, as it stands on the wire.
    """

    value: Json = None
    status: int = 200
    events: Iterable[Event] | None = None
    end: bytes = b""


class _Unreadable(ValueError):
    """A body that cannot be read; its text says why."""


class Loopback(socketserver.ThreadingTCPServer):
    """A server on a free port of loopback, which runs from its making to `end`.

    Not `http.server.HTTPServer`: that looks up this machine's name, which takes its time without a network.

    Args:
        answer: what is answered, in the thread of the connection.
        listener: a listening socket, where it is not to be a new one. It is closed at the end.

    Attributes:
        port: where it listens.
    """

    allow_reuse_address = True
    request_queue_size = 64
    daemon_threads = False  # so that the end waits for them

    def __init__(self, answer: Callable[[Request], Reply], listener: socket.socket | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Connection, bind_and_activate=listener is None)
        if listener is not None:
            self.socket.close()
            self.socket = listener
        self.port: int = self.socket.getsockname()[1]
        self.answer = answer
        self._open: set[socket.socket] = set()
        self._opening = threading.Lock()
        self._ended = False
        self._bugs: list[Exception] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="scripted model")
        self._thread.start()

    def end(self) -> None:
        """Hang up, and wait for every thread; a bug of ours in one of them is raised here."""
        self.shutdown()
        self._thread.join()
        with self._opening:
            self._ended = True
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for the next request
        self.server_close()
        if self._bugs:
            raise self._bugs[0]

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection, in a thread of its own."""
        with self._opening:
            if self._ended:
                return
            self._open.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            with self._opening:
                self._open.discard(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A host that hangs up is none of our business; anything else is a bug of ours. Nothing goes to stderr."""
        error = sys.exc_info()[1]
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self._bugs.append(error)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _QUIET
    disable_nagle_algorithm = True  # events are small, and each is written at once
    server: Loopback

    def _do(self) -> None:
        path = printable(unquote(self.path.partition("?")[0]))
        try:
            request = Request(self.command, path, self._body())
        except _Unreadable as error:
            self.close_connection = True  # where the next request begins is not known
            request = Request(self.command, path, b"", str(error))
        reply = self.server.answer(request)
        if reply.events is None:
            self._say(reply.status, reply.value)
        else:
            self._stream(reply.events, reply.end)

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = _do  # noqa: N815 - http.server's names

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            raw = b"".join(self._chunks())
        else:
            length = self.headers.get("Content-Length") or "0"
            if not (length.isascii() and length.isdigit() and len(length) < 20):
                raise _Unreadable("the length of the body is no number")
            raw = self.rfile.read(_bounded(int(length)))
        return _unpacked(raw) if self.headers.get("Content-Encoding") == "gzip" else raw

    def _chunks(self) -> Iterator[bytes]:
        total, size = 0, -1
        while size != 0:
            head = self.rfile.readline(_LINE).partition(b";")[0].strip()
            if not head or head.strip(b"0123456789abcdefABCDEF"):
                raise _Unreadable("the body is not chunked as it should be")
            size = int(head, 16)
            total = _bounded(total + size)
            yield self.rfile.read(size)
            self.rfile.readline(_LINE)

    def _stream(self, events: Iterable[Event], end: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for name, data in events:
            head = f"event: {name}\n" if name else ""
            self._chunk(f"{head}data: {json.dumps(data)}\n\n".encode())
        if end:
            self._chunk(end)
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _say(self, status: int, value: Json) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing goes to stderr."""


def _bounded(length: int) -> int:
    if length > _LONGEST:
        raise _Unreadable("the body is too long")
    return length


def _unpacked(data: bytes) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        whole = unpacking.decompress(data, _LONGEST)
    except zlib.error:
        raise _Unreadable("the body is no gzip") from None
    if not unpacking.eof:
        raise _Unreadable("the body is too long, or not all of it")
    return whole
