"""The scripted model takes whatever a host sends, is reached from this machine alone, and leaves nothing behind."""

import gzip
import http.client
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

import psutil
import pytest

from connect_mcp.conformance.lab.model.script import DONE, Call, Offered, Script
from connect_mcp.conformance.lab.model.server import ScriptedModel
from support.model_clients import Chat, Tool, posted

SCRIPT = Script(((Call("echo", {"text": "hear"}),),))
ASK = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
CHAT = "/v1/chat/completions"


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel(SCRIPT) as running:
        yield running


def connected(model: ScriptedModel) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(model.url).port or 0), 30)


def rest(connection: socket.socket) -> bytes:
    """What comes until the other side ends."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def raw(model: ScriptedModel, *data: bytes) -> bytes:
    """Send bytes as they are; what comes until the other side ends."""
    with connected(model) as connection:
        for piece in data:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        return rest(connection)


def request(*headers: str, body: bytes = b"", line: str = f"POST {CHAT} HTTP/1.1") -> bytes:
    return "\r\n".join([line, "Host: here", *headers, "", ""]).encode() + body


def asked(model: ScriptedModel, method: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(model.url).netloc, timeout=30)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_it_listens_on_loopback_alone(model: ScriptedModel) -> None:
    listening = {
        connection.laddr.ip
        for connection in psutil.Process().net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == urlsplit(model.url).port
    }

    assert model.url.startswith("http://127.0.0.1:")
    assert listening == {"127.0.0.1"}


def test_it_listens_where_it_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with ScriptedModel(SCRIPT, listener=listener) as model:
            assert model.url == f"http://127.0.0.1:{port}"
            assert posted(model.url, CHAT, ASK)[0] == 200
        assert listener.fileno() == -1


def test_no_thread_and_no_socket_is_left_though_hosts_keep_their_connections_open() -> None:
    before = set(threading.enumerate())
    with ScriptedModel(SCRIPT) as model:
        silent, half, idle = (connected(model) for _ in range(3))  # one that is answered was taken after the others
        idle.sendall(request(f"Content-Length: {len(ASK)}", body=ASK))
        assert idle.recv(12) == b"HTTP/1.1 200"
        half.sendall(request("Content-Length: 1000", body=b'{"model"'))
        started = time.monotonic()
    took = time.monotonic() - started

    assert set(threading.enumerate()) == before
    assert took < 10
    assert rest(idle).startswith(b" OK\r\n")
    assert rest(silent) == b""
    for connection in (idle, silent, half):
        connection.close()
    with pytest.raises(ConnectionError):
        connected(model)


def test_one_connection_serves_many_requests(model: ScriptedModel) -> None:
    connection = http.client.HTTPConnection(urlsplit(model.url).netloc, timeout=30)
    for body in (ASK, b"nonsense", ASK):
        connection.request("POST", CHAT, body)
        response = connection.getresponse()
        assert (response.status, bool(response.read())) == (400 if body == b"nonsense" else 200, True)
    connection.close()

    assert len(model.turns) == 2


@pytest.mark.parametrize("streamed", [True, False])
def test_hosts_at_the_same_time_each_get_through_their_script(streamed: bool) -> None:
    steps = tuple((Call("echo", {"text": str(step)}),) for step in range(5))

    def conversation(url: str, number: int) -> str:
        host = Chat(url, [Tool("lab_echo")], streamed=streamed)
        while (answered := host.ask()).calls:
            host.give(answered.calls[0], f"{number} heard {answered.calls[0].arguments['text']}")
        return answered.text

    # Four at most: a call that is made more often is taken for that of a host which forgets.
    with ScriptedModel(Script(steps)) as model, ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(partial(conversation, model.url), range(4)))

    assert texts == ["\n".join([DONE, *(f"{number} heard {step}" for step in range(5))]) for number in range(4)]
    assert len(model.turns) == 24


def test_a_body_may_come_in_chunks(model: ScriptedModel) -> None:
    pieces = [ASK[:7], ASK[7:]]
    chunked = b"".join(b"%X;note=x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"

    answer = raw(model, request("Transfer-Encoding: chunked", body=chunked), request("Content-Length: 2", body=b"{}"))

    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert model.turns[0].body == ASK


def test_a_body_may_be_packed(model: ScriptedModel) -> None:
    packed = gzip.compress(ASK)

    assert posted(model.url, CHAT, packed, {"Content-Encoding": "gzip"})[0] == 200
    assert model.turns[0].body == ASK


def bomb() -> bytes:
    """A hundred megabytes of nothing, packed."""
    packing = zlib.compressobj(wbits=31)
    return b"".join(packing.compress(bytes(1 << 20)) for _ in range(100)) + packing.flush()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (request("Content-Length: many"), "the length of the body is no number"),
        (request("Content-Length: -1"), "the length of the body is no number"),
        (request(f"Content-Length: {'9' * 30}"), "the length of the body is no number"),
        (request("Content-Length: ٣"), "the length of the body is no number"),
        (request(f"Content-Length: {65 << 20}"), "the body is too long"),
        (request("Transfer-Encoding: chunked", body=b"zz\r\n"), "the body is not chunked as it should be"),
        (request("Transfer-Encoding: chunked", body=b"-5\r\nhello"), "the body is not chunked as it should be"),
        (request("Transfer-Encoding: chunked", body=b"2\r\n{}\r\n"), "the body is not chunked as it should be"),
        (request("Transfer-Encoding: chunked", body=b"fffffffff\r\n"), "the body is too long"),
        (request("Content-Encoding: gzip", "Content-Length: 2", body=b"{}"), "the body is no gzip"),
        (
            request("Content-Encoding: gzip", f"Content-Length: {len(bomb())}", body=bomb()),
            "the body is too long, or not all of it",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_body_that_cannot_be_read_is_refused_and_noted(model: ScriptedModel, data: bytes, why: str) -> None:
    answer = raw(model, data)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"] == why
    assert model.unknown == (f"POST {CHAT}: {why}",)
    assert posted(model.url, CHAT, ASK)[0] == 200


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00 hello", b"GET\r\n\r\n", b"\r\n" * 9, request(line="BREW /pot HTTP/1.1")]
)
def test_what_is_no_request_to_it_does_not_stop_it(model: ScriptedModel, data: bytes) -> None:
    raw(model, data)

    assert posted(model.url, CHAT, ASK)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("HEAD", "/", b""),
        ("GET", "/", b"{}"),
        ("GET", "/v1/models?client_version=1", b'{"object": "list", "data": [], "models": []}'),
        ("POST", "/v1/messages/count_tokens?beta=true", b'{"input_tokens": 8}'),
        ("POST", "/v1beta/models/x:countTokens", b'{"totalTokens": 8}'),
    ],
)
def test_what_hosts_ask_besides_is_answered(model: ScriptedModel, method: str, path: str, body: bytes) -> None:
    assert asked(model, method, path) == (200, body)
    assert (model.turns, model.unknown) == ((), ())


@pytest.mark.parametrize(
    ("method", "path", "noted"),
    [
        ("GET", "/v2/brand/new?key=sk-secret", "GET /v2/brand/new"),
        ("GET", CHAT, f"GET {CHAT}"),
        ("DELETE", "/v1/files/%1b%5b31m%e2%80%ae", "DELETE /v1/files/\\x1b[31m\\u202e"),
        ("POST", "/", "POST /"),
    ],
)
def test_a_path_that_nobody_knows_is_noted_so_that_a_host_that_changed_shows(
    model: ScriptedModel, method: str, path: str, noted: str
) -> None:
    assert asked(model, method, path)[0] == 404
    assert model.unknown == (f"{noted}: nobody knows this path",)


def test_a_host_that_goes_on_for_ever_is_refused(model: ScriptedModel) -> None:
    connection = http.client.HTTPConnection(urlsplit(model.url).netloc, timeout=30)
    statuses = []
    for _ in range(1010):
        connection.request("GET", "/nowhere")
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()

    assert statuses == [404] * 1000 + [400] * 10
    assert len(model.unknown) == 1000


def test_a_bug_in_a_thread_is_not_lost() -> None:
    def broken(tool: str, offered: Sequence[Offered]) -> Offered | None:
        raise ZeroDivisionError

    body = json.dumps({"tools": [{"type": "function", "function": {"name": "echo"}}]}).encode()

    with pytest.raises(ZeroDivisionError), ScriptedModel(SCRIPT, broken) as model:
        assert raw(model, request(f"Content-Length: {len(body)}", body=body)) == b""
