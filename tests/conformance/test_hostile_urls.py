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
}


@contextlib.contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    def take(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            answer(connection)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=take, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"


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
