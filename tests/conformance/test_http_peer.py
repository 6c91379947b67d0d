"""Servers over HTTP that misbehave, as real sockets: whatever they do, a replay ends and says why."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.conformance.http_peer import HttpPeer
from connect_mcp.conformance.player import Player
from connect_mcp.conformance.replay import Server, replay
from connect_mcp.conformance.session import FORMAT
from connect_mcp.conformance.target import by_url
from support.subjects import reference_over_http

Handler = Callable[[socket.socket, bytes], None]
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{}}'
SPREAD = b'{\n  "jsonrpc": "2.0",\n  "id": 1, "result": {}}'


@contextmanager
def listening(handle: Handler) -> Iterator[tuple[str, list[bytes]]]:
    """A server of raw answers: its URL, and the requests that it got."""
    seen: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            request = _request(connection)
            if request:
                seen.append(request)
                try:
                    handle(connection, request)
                except OSError:
                    return

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/mcp", seen
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(body: bytes, kind: str = "application/json", status: str = "200 OK", more: str = "") -> Handler:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode()
    return lambda connection, request: connection.sendall(head + body)


def stream(*pieces: bytes) -> Handler:
    def handle(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for piece in pieces:
            connection.sendall(piece)

    return handle


@pytest.mark.parametrize(
    ("handler", "line"),
    [
        (answering(ANSWER), ANSWER),
        (answering(SPREAD), SPREAD.replace(b"\n", b" ")),
        (answering(ANSWER, "application/json; charset=utf-8"), ANSWER),
        (stream(b"event: message\ndata: " + ANSWER + b"\n\n"), ANSWER),
        (stream(b": hello\r\nid: 7\r\ndata:" + ANSWER + b"\r\n\r\n"), ANSWER),
        (stream(b'data: {"jsonrpc":"2.0",\n', b'data: "id":1}\n', b"\n"), b'{"jsonrpc":"2.0", "id":1}'),
        (answering(b"not here", "text/plain", "404 Not Found"), b"HTTP 404 Not Found"),
        (answering(b"{cut", "application/json"), b"{cut"),
        (answering(ANSWER, "application/json", "400 Bad Request"), ANSWER),
    ],
)
def test_what_comes_back_is_read_as_a_line(handler: Handler, line: bytes) -> None:
    with listening(handler) as (url, _), HttpPeer(url) as peer:
        assert peer.send(PING, 10)
        assert peer.read_line(10) == line
        assert peer.read_line(0.05) is None


def test_where_nothing_is_asked_nothing_is_said_of_the_status() -> None:
    with listening(answering(b"", "text/plain", "202 Accepted")) as (url, _), HttpPeer(url) as peer:
        note = b'{"jsonrpc":"2.0","method":"notifications/a"}'
        for line in (note, b"[" + note + b"," + note + b"]"):
            assert peer.send(line + b"\n", 10)
            assert peer.read_line(0.05) is None


def test_a_session_and_a_revision_are_repeated_and_the_session_is_ended() -> None:
    def handle(connection: socket.socket, request: bytes) -> None:
        result = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "n", "version": "1"}}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()
        is_first = b'"initialize"' in request
        more = "Mcp-Session-Id: s-1\r\n" if is_first else ""
        (answering(body, more=more) if is_first else answering(b"", "text/plain", "202 Accepted"))(connection, request)

    with listening(handle) as (url, seen):
        with HttpPeer(url, {"X-Key": "k"}) as peer:
            assert peer.send(b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}\n', 10)
            assert peer.read_line(10)
            assert peer.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n', 10)
            meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
            call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "é", "_meta": meta}}
            assert peer.send(json.dumps(call).encode() + b"\n", 10)
            deadline = time.monotonic() + 10
            while len(seen) < 4 and time.monotonic() < deadline:
                time.sleep(0.01)
        first, *rest = [request.lower() for request in seen]
    assert b"mcp-session-id" not in first
    assert all((b"mcp-session-id: s-1" in request) is (b"tools/call" not in request) for request in rest)
    assert all(b"x-key: k" in request for request in (first, *rest))
    assert {request.split()[0] for request in rest} == {b"post", b"get", b"delete"}
    (called,) = [request for request in rest if b"tools/call" in request]
    assert b"mcp-protocol-version: 2026-07-28" in called
    assert b"mcp-method: tools/call" in called
    assert b"mcp-name: =?base64?w6k=?=" in called.replace(b"W6K=", b"w6k=")
    (initialized,) = [request for request in rest if b"notifications/initialized" in request]
    assert b"mcp-protocol-version: 2025-06-18" in initialized


def endless(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    while True:
        connection.sendall(b'data: {"jsonrpc":"2.0","method":"notifications/odd"}\n\n' * 100)


def session(folder: Path) -> Path:
    path = folder / "session.jsonl"
    events = [
        {"format": FORMAT, "version": 1},
        {"t": 0, "ev": "host", "msg": json.loads(PING)},
        {"t": 0, "ev": "server", "msg": json.loads(ANSWER)},
    ]
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (lambda connection, request: time.sleep(5), "did not come within 0.5 s"),
        (lambda connection, request: None, "no answer of HTTP (RemoteDisconnected)"),
        (lambda connection, request: connection.sendall(b"SSH-2.0-x\r\n"), "no answer of HTTP (BadStatusLine)"),
        (endless, "wrote more than 1000 messages"),
        (answering(b"", "text/plain", "202 Accepted"), "did not come within 0.5 s"),
        (answering(b"x", "text/html", "502 Bad Gateway"), "did not come within 0.5 s; it wrote HTTP 502 Bad Gateway"),
    ],
)
def test_a_replay_ends_whatever_the_server_does(
    tmp_path: Path, handler: Handler, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Player, "fence_patience", 0.2)
    with listening(handler) as (url, _):
        began = time.monotonic()
        # A flood is seen by its thousandth message, which takes as long as the machine is busy.
        result = replay(session(tmp_path), Server(url=url), timeout=10 if handler is endless else 0.5)
        assert time.monotonic() - began < 30
    assert result.outcome == "inconclusive"
    assert reason in result.reason


def test_a_url_that_is_none_is_misuse_and_one_that_nobody_answers_is_refused() -> None:
    for url in ("file:///etc/passwd", "127.0.0.1:1", "http://"):
        with pytest.raises(Misuse, match="no http"):
            HttpPeer(url)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Refused, match="nobody answers at"):
        HttpPeer(f"http://127.0.0.1:{port}/mcp")


def test_a_session_is_replayed_over_the_old_transport_too(tmp_path: Path) -> None:
    with reference_over_http("", "--sse") as url:
        target = by_url(url, {}, 10)
        assert target.server.old
        assert replay(session(tmp_path), target.server, timeout=10).outcome == "pass"
