"""Whatever answers at a URL, a run ends in bounded time and says what happened."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connect_mcp.conformance.requirement import all_requirements
from connect_mcp.conformance.trial import Options
from support.processes import program
from support.subjects import ROWS, at_its_url, results_over_http

OK = b"HTTP/1.1 200 OK\r\nContent-Type: "


def say(head: bytes, data: bytes = b"", times: int = 0, pause: float = 0.0) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(head)
            for _ in range(times):
                connection.sendall(data)
                time.sleep(pause)

    return answer


JSON, EVENTS = OK + b"application/json\r\n\r\n", OK + b"text/event-stream\r\n\r\n"
ANSWERS: dict[str, Callable[[socket.socket], None]] = {
    "says-nothing": lambda connection: time.sleep(3),
    "closes-at-once": lambda connection: None,
    "is-no-http": say(b"SSH-2.0-someone\r\n\r\n"),
    "drips": say(JSON, b" ", 60, 0.1),
    "endless-body": say(JSON, b"x" * 9999, 9999),
    "endless-events": say(EVENTS, b'data: {"jsonrpc":"2.0","method":"a/b"}\n\n', 90000),
    "endless-headers": say(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 90000),
    "a-page": say(OK + b"text/html\r\nContent-Length: 6\r\n\r\n<html>"),
    "endless-comments": say(EVENTS, b":\n" * 1000, 9000),
    "one-event-without-end": say(EVENTS, b"data: x\n" * 1000, 90000),
    "one-line-without-end": say(EVENTS + b"data: ", b"x" * 9999, 90000),
    "always-hangs-up": say(EVENTS + b"id: 1\nretry: 0\ndata:\n\n"),
    "hangs-up-for-a-year": say(EVENTS + b"id: 1\nretry: 31536000000\ndata:\n\n"),
}
OLD: dict[str, Callable[[socket.socket], None]] = {
    "names-nothing": say(EVENTS, b":\n", 100, 0.1),
    "ends-at-once": say(EVENTS + b"event: endpoint\ndata: /x\n\n"),
    "names-another-server": say(EVENTS + b"event: endpoint\ndata: http://127.0.0.1:1/x\n\n", b":\n", 100, 0.1),
    "names-no-url": say(EVENTS + b"event: endpoint\ndata: http://[\n\n", b":\n", 100, 0.1),
    "takes-nothing": say(EVENTS + b"event: endpoint\ndata: /x\n\n", b":\n", 100, 0.1),
    "floods": say(EVENTS + b"event: endpoint\ndata: /x\n\n", b'data: {"jsonrpc":"2.0","method":"a/b"}\n\n', 90000),
}
"""What GET is answered with, where POST is status 405."""


@contextlib.contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    with listening_with(lambda connection, request: answer(connection)) as url:
        yield url


@contextlib.contextmanager
def listening_with(answer: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    def take(connection: socket.socket) -> None:
        with connection:
            answer(connection, connection.recv(65536))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=take, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"


@contextlib.contextmanager
def refusing_post(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    def by_method(connection: socket.socket, request: bytes) -> None:
        refused = say(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
        (refused if request.startswith(b"POST") else answer)(connection)

    with listening_with(by_method) as url:
        yield url


@pytest.mark.parametrize("name", OLD)
def test_a_run_over_the_old_transport_ends_and_is_no_success(name: str) -> None:
    began = time.monotonic()
    with refusing_post(OLD[name]) as url:
        found = results_over_http(url, [ROWS["PING-EMPTY"], ROWS["INIT-SCHEMA"]], ["2025-11-25"], Options(timeout=0.7))
    assert time.monotonic() - began < 30
    assert {one.outcome for one in found} <= {"inconclusive", "fail"}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_run_against_it_ends_and_is_no_success(name: str) -> None:
    rows = [ROWS[ident] for ident in ("HTTP-TYPE", "HTTP-BODY", "PING-EMPTY", "INIT-SCHEMA")]
    began = time.monotonic()
    with answering(ANSWERS[name]) as url:
        found = results_over_http(url, rows, ["2025-11-25"], Options(timeout=0.7, jobs=4))
    assert time.monotonic() - began < 30
    outcomes = {one.requirement: one.outcome for one in found}
    assert outcomes["PING-EMPTY"] == "inconclusive"
    assert outcomes["INIT-SCHEMA"] == "fail"
    assert "bug-in-the-case" not in outcomes.values()


def test_where_nobody_listens_is_no_success() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    found = results_over_http(f"http://127.0.0.1:{port}/mcp", [ROWS["PING-EMPTY"]], ["2025-11-25"])
    assert [(one.outcome, "cannot be reached" in one.why) for one in found] == [("inconclusive", True)]


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    yield f"http://127.0.0.1:{port}/mcp"


@contextlib.contextmanager
def without_tls() -> Iterator[str]:
    with answering(say(b"SSH-2.0-someone\r\n\r\n")) as url:
        yield url.replace("http:", "https:")


def turned_away(status: str, body: bytes = b"<html>") -> "contextlib.AbstractContextManager[str]":
    kind = b"application/json" if body.startswith(b"{") else b"text/html"
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode() + b"Content-Type: " + kind + b"\r\n\r\n"
    return answering(say(head, body, 1))


NOT_THERE: dict[str, tuple["contextlib.AbstractContextManager[str]", str]] = {
    "nobody-listens": (nobody(), "cannot be reached (Connection refused): does it run"),
    "no-such-host": (contextlib.nullcontext("http://no-such-host.invalid/mcp"), "is the host's name right?"),
    "no-host-at-all": (contextlib.nullcontext("http://a..b/mcp"), "is the host's name right?"),
    "no-tls": (without_tls(), "does it speak https?"),
    "wants-credentials": (turned_away("401 Unauthorized"), "HTTP 401 Unauthorized (it wants credentials"),
    "wants-them-in-json": (turned_away("401 Unauthorized", b'{"detail":"no"}'), "(it wants credentials"),
    "another-path": (turned_away("404 Not Found"), "HTTP 404 Not Found (is the path of the URL right?)"),
    "a-proxy-alone": (turned_away("502 Bad Gateway"), "HTTP 502 Bad Gateway (what stands before"),
}


@pytest.mark.parametrize("name", NOT_THERE)
def test_where_no_server_is_nothing_is_judged_and_one_sentence_says_why(name: str) -> None:
    place, why = NOT_THERE[name]
    began = time.monotonic()
    with place as url:
        found = results_over_http(url, all_requirements(), ["2025-11-25"], Options(timeout=20))
    assert time.monotonic() - began < 15, "nothing is waited for that cannot come"
    assert {one.outcome for one in found} == {"inconclusive", "not-applicable"}
    (reason,) = {one.why for one in found if one.outcome == "inconclusive"}
    assert why in reason


def test_a_server_that_refuses_in_the_words_of_json_rpc_is_there() -> None:
    body = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}'
    with turned_away("401 Unauthorized", body) as url:
        found = results_over_http(url, [ROWS["INIT-SCHEMA"]], ["2025-11-25"], Options(timeout=0.7))
    assert [one.outcome for one in found] == ["fail"]


DIES = """
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        said = self.rfile.read(int(self.headers["Content-Length"]))
        if sys.argv[1].encode() in said:
            os._exit(1)
        message = json.loads(said)
        method = message.get("method") if isinstance(message, dict) else None
        info = {"name": "dies", "version": "1"}
        result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": info}
        result = result if method == "initialize" else {}
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}) if "id" in message else ""
        self.send_response(200 if body else 202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_address[1]}/mcp", flush=True)
server.serve_forever()
"""


@pytest.mark.parametrize(
    ("word", "judged"), [("somethingNew", {"INIT-EXTRA"}), ("does/not_exist", {"INIT-EXTRA", "HTTP-TYPE", "METHOD-NF"})]
)
def test_a_server_that_dies_of_one_check_fails_that_one_and_leaves_the_rest_unjudged(
    tmp_path: Path, word: str, judged: set[str]
) -> None:
    rows = [ROWS[ident] for ident in ("INIT-EXTRA", "HTTP-TYPE", "METHOD-NF", "ID-ECHO")]
    with at_its_url([*program(tmp_path, DIES), word]) as url:
        found = results_over_http(url, rows, ["2025-11-25"], Options(timeout=5, jobs=1))
        after = results_over_http(url, rows, ["2025-11-25"], Options(timeout=5, jobs=1))
    outcomes = {one.requirement: one.outcome for one in found}
    assert [ident for ident, outcome in outcomes.items() if outcome == "fail"] == [
        row.id for row in rows if row.id in judged
    ][-1:]
    assert {ident for ident, outcome in outcomes.items() if outcome == "inconclusive"} <= set(outcomes) - judged
    assert {one.outcome for one in after} == {"inconclusive"}
