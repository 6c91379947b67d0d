"""The scripted model: an HTTP server on loopback that speaks to every host in the dialect that it asks in."""

import contextlib
import json
import socket
import socketserver
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from urllib.parse import unquote, urlsplit

from ...session import Json
from .anthropic import ANTHROPIC
from .chat import CHAT
from .dialect import USAGE, Dialect, Event
from .gemini import GEMINI, STREAMED, WHOLE
from .naming import named
from .responses import RESPONSES
from .script import UNANSWERED, Answer, NameOf, Script, Turn

_LONGEST = 64 << 20  # bytes of a request: a result of megabytes is in the history of every later one
_KEPT = 256 << 10  # bytes of a request that a turn keeps
_MOST = 1000  # requests in all: a host that goes on for ever is told so
_TIMES = (
    4  # that a call is made: a host may repeat a request, and one that forgets its history (Continue) goes on for ever
)
_QUIET = 600.0  # seconds that a connection may be silent: hosts keep theirs while a slow tool runs


class _Nonsense(ValueError):
    """A request that means nothing; its text says why."""


class ScriptedModel:
    """The model while it runs.

    Args:
        script: what it does.
        name_of: finds the server's tool among those that are offered.
        listener: a listening socket on loopback, where it is not to be a free port of this network namespace. It is
            closed at the end.

    Attributes:
        url: without a path: "http://127.0.0.1:PORT".
    """

    def __init__(self, script: Script, name_of: NameOf | None = None, listener: socket.socket | None = None) -> None:
        self._script = script
        self._name_of = name_of or named()
        self._lock = threading.Lock()
        self._turns: list[Turn] = []
        self._unknown: list[str] = []
        self._asked = 0
        self._server = _Server(self, listener)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="scripted model")
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The requests that it answered so far, in the order in which it did."""
        with self._lock:
            return tuple(self._turns)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The requests that it could make nothing of, each as its method and path, and why."""
        with self._lock:
            return tuple(self._unknown)

    def __enter__(self) -> "ScriptedModel":  # noqa: PYI034 - Self is new in Python 3.11
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def admits(self) -> bool:
        """Count a request; whether there were not too many."""
        with self._lock:
            self._asked += 1
            return self._asked <= _MOST

    def wonders(self, request: str) -> None:
        """Keep a request that it could make nothing of."""
        with self._lock:
            self._unknown.append(request)

    def answers(self, dialect: Dialect, path: str, body: bytes) -> tuple[bool, Json, Iterable[Event]]:
        """Do one turn: whether the answer is streamed, the answer as one value, and as events."""
        at = time.monotonic()
        asked = dialect.read(path, _value(body))
        answer = self._bounded(self._script.answer(asked, self._name_of))
        seen = self._script.seen(asked)
        turn = Turn(
            at=at,
            path=path,
            dialect=dialect.name,
            model=asked.model,
            streamed=asked.streamed,
            offered=asked.offered,
            seen=seen,
            answered=answer,
            body=body[:_KEPT],
        )
        with self._lock:
            self._turns.append(turn)
        return asked.streamed, dialect.whole(asked, answer), dialect.events(asked, answer)

    def _bounded(self, answer: Answer) -> Answer:
        """The answer, unless its calls were made too often."""
        ids = [made.id for made in answer.calls]
        before = sum([made.id for made in turn.answered.calls] == ids for turn in self.turns)
        if not ids or before < _TIMES:
            return answer
        return Answer(text=UNANSWERED.format(tool=answer.calls[0].tool.full, times=before))


def _value(body: bytes) -> Mapping[str, Json]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise _Nonsense("the body is no JSON") from None
    if not isinstance(value, dict):
        raise _Nonsense("the body is no JSON object")
    return value


_DIALECTS: Mapping[str, Dialect] = {
    "/messages": ANTHROPIC,
    "/responses": RESPONSES,
    "/chat/completions": CHAT,
    WHOLE: GEMINI,
    STREAMED: GEMINI,
}
"""Which dialect a request is in, by the end of its path: hosts differ in what they put before it."""

_ASIDES: Mapping[tuple[str, str], Json] = {
    ("HEAD", "/"): {},
    ("GET", "/"): {},
    ("GET", "/models"): {"object": "list", "data": [], "models": []},
    ("POST", "/messages/count_tokens"): {"input_tokens": USAGE},
    ("POST", ":countTokens"): {"totalTokens": USAGE},
}
"""What hosts ask besides, by the end of the path: whether anybody is there, which models, how long a text is."""


class _Server(socketserver.ThreadingTCPServer):
    """Not `http.server.HTTPServer`: that looks up this machine's name, which takes its time without a network."""

    allow_reuse_address = True
    request_queue_size = 64
    daemon_threads = False  # so that closing waits for them

    def __init__(self, model: ScriptedModel, listener: socket.socket | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=listener is None)
        self.model = model
        self._open: set[socket.socket] = set()
        self._opening = threading.Lock()
        if listener is not None:
            self.socket.close()
            self.socket = listener
            self.server_address = listener.getsockname()

    def finish_request(self, request: "socket.socket | tuple[bytes, socket.socket]", client_address: object) -> None:
        assert isinstance(request, socket.socket)
        with self._opening:
            self._open.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            with self._opening:
                self._open.discard(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A host that hangs up is none of our business; nothing goes to stderr."""

    def server_close(self) -> None:
        """Wake the threads that wait for a host's next request, and wait for them."""
        with self._opening:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection of a host. No header is kept or written down: they hold the host's key."""

    protocol_version = "HTTP/1.1"
    timeout = _QUIET
    server: _Server

    def _do(self) -> None:
        path = unquote(urlsplit(self.path).path)
        try:
            body = self._body()
        except _Nonsense as error:
            self.close_connection = True
            self._wonder(path, error, 400)
            return
        dialect = next((row for tail, row in _DIALECTS.items() if path.endswith(tail)), None)
        if not self.server.model.admits():
            self._say(400, {"error": {"message": f"more than {_MOST} requests"}})
        elif dialect is not None and self.command == "POST":
            self._turn(dialect, path, body)
        else:
            self._aside(path)

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = _do  # noqa: N815 - http.server's names

    def _turn(self, dialect: Dialect, path: str, body: bytes) -> None:
        try:
            streamed, whole, events = self.server.model.answers(dialect, path, body)
        except _Nonsense as error:
            self.server.model.wonders(f"{self.command} {path}: {error}")
            self._say(400, dialect.fault(str(error)))
            return
        if streamed:
            self._stream(events, dialect.end)
        else:
            self._say(200, whole)

    def _aside(self, path: str) -> None:
        for (method, tail), value in _ASIDES.items():
            if self.command == method and (path == tail or (tail != "/" and path.endswith(tail))):
                self._say(200, value)
                return
        self._wonder(path, "nobody knows this path", 404)

    def _wonder(self, path: str, why: object, status: int) -> None:
        self.server.model.wonders(f"{self.command} {path}: {why}")
        self._say(status, {"error": {"message": str(why), "type": "invalid_request_error"}})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            raw = b"".join(self._chunks())
        else:
            length = self.headers.get("Content-Length") or "0"
            if not (length.isascii() and length.isdigit() and int(length) <= _LONGEST):
                raise _Nonsense("the length of the body is no number or too much")
            raw = self.rfile.read(int(length))
        return _unpacked(raw) if self.headers.get("Content-Encoding") == "gzip" else raw

    def _chunks(self) -> Iterator[bytes]:
        total = 0
        while True:
            head = self.rfile.readline(80).partition(b";")[0].strip()
            try:
                size = int(head, 16)
            except ValueError:
                raise _Nonsense("the body is not chunked as it should be") from None
            total += size
            if size < 0 or total > _LONGEST:
                raise _Nonsense("the body is too long")
            if size:
                yield self.rfile.read(size)
            self.rfile.readline(80)
            if not size:
                return

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


def _unpacked(data: bytes) -> bytes:
    try:
        opened = zlib.decompressobj(wbits=31)
        whole = opened.decompress(data, _LONGEST)
    except zlib.error:
        raise _Nonsense("the body is no gzip") from None
    if not opened.eof:
        raise _Nonsense("the body is too long")
    return whole
