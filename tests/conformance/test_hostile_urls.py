"""Whatever answers at a URL, a run ends in bounded time and says what happened."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from connect_mcp.conformance.trial import Options
from support.subjects import ROWS, results_over_http

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
