"""A web server on loopback that answers what a test says, and keeps what it was asked."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Asked(NamedTuple):
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Said(NamedTuple):
    """One answer."""

    status: int = 200
    body: bytes | Iterator[bytes] = b""
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


@dataclass
class WebServer:
    """The server while it runs."""

    url: str
    asked: list[Asked] = field(default_factory=list)


@contextlib.contextmanager
def web_server(answer: Callable[[Asked], Said]) -> Iterator[WebServer]:
    """Run a server whose answers `answer` gives; a body in pieces is sent as they come."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, body)
            server.asked.append(asked)
            said = answer(asked)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            with contextlib.suppress(OSError):  # a client that has seen enough hangs up
                if isinstance(said.body, bytes):
                    self.send_header("Content-Length", str(len(said.body)))
                    self.end_headers()
                    self.wfile.write(said.body)
                else:
                    self.send_header("Connection", "close")
                    self.end_headers()
                    for piece in said.body:
                        self.wfile.write(piece)
                        self.wfile.flush()

        do_GET = do_POST = do_DELETE = _do  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Nothing goes to stderr."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server = WebServer(f"http://127.0.0.1:{httpd.server_port}")
    thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
