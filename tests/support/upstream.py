"""A REST API on a real loopback socket that records what it is asked and answers as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "arc_test_planted_0123456789"
"""The key that servers under test send to it; it must show nowhere."""


@dataclass(frozen=True)
class Asked:
    """One request as it came in: the target is path and query, not decoded."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; None for no body."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Answer:
    """What to answer.

    Attributes:
        status: None closes the connection without an answer.
        body: sent as it is.
        missing: how many bytes more than `body` the length announces.
        raw: sent instead of any HTTP.
        wait_for: held until this event.
    """

    status: int | None = 200
    body: bytes = b'{"id": "1"}'
    headers: dict[str, str] = field(default_factory=dict)
    missing: int = 0
    raw: bytes = b""
    wait_for: threading.Event | None = None


def as_json(value: Any, status: int = 200, **headers: str) -> Answer:
    """An answer with a JSON body; a header's name is written with underscores."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


class Upstream:
    """The API while it runs.

    Attributes:
        url: its base URL, `/api/v1` included.
        asked: every request so far.
        answer: from a request to its answer; may be replaced at any time.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answer] = with_space(Answer())
        self.url = ""


SPACE = {"results": [{"id": "space-1", "slug": "w"}], "next": None, "previous": None}


def with_space(answer: Answer) -> Callable[[Asked], Answer]:
    """`answer` for everything but the look-up of a workspace, which finds `SPACE`."""
    return lambda asked: as_json(SPACE) if asked.target.startswith("/api/v1/spaces/?slug=") else answer


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Run an API on a free port."""
    api = Upstream()

    class Endpoint(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body leave together, or each answer waits 40 ms for an acknowledgement

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, self.path, dict(self.headers.items()), body)
            api.asked.append(asked)
            answer = api.answer(asked)
            if answer.wait_for is not None:
                answer.wait_for.wait(20)
            if answer.status is None or answer.raw:
                self.wfile.write(answer.raw)
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(answer.body) + answer.missing))
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = self.close_connection or bool(answer.missing)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in http.server
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that went away is part of some tests."""

    server = Server(("127.0.0.1", 0), Endpoint)
    api.url = f"http://127.0.0.1:{server.server_address[1]}/api/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
