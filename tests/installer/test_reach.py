"""A server behind a URL, asked as a host asks it: ours and the official SDK's, and some that do as they like."""

import json
import os
import socket
import time
from collections.abc import Iterator

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.handshake import Ready
from connect_mcp.installer.reach import LoginWanted, events, reach
from connect_mcp.installer.spec import Transport
from support.http_server import http_server
from support.small_sdk_server import sdk_server
from support.web_server import Asked, Said, web_server

PATIENCE = 30.0


def ask(
    url: str, headers: dict[str, str] | None = None, *, transport: Transport = "http", timeout: float = PATIENCE
) -> Ready:
    return reach(
        url, headers or {}, transport=transport, revision="2025-11-25", timeout=timeout, client_name="connect-mcp"
    )


def test_our_own_server_lists_its_tools_and_is_left_politely() -> None:
    with http_server("--embedded") as server:
        ready = ask(server.url)
        assert (len(ready.tools), ready.revision) == (47, "2025-11-25")


def test_the_sdks_server_is_asked_over_streamable_http() -> None:
    with sdk_server("streamable-http") as url:
        assert ask(f"{url}/mcp").tools == ("one", "two")


def test_the_sdks_server_is_asked_over_sse() -> None:
    with sdk_server("sse") as url:
        assert ask(f"{url}/sse", transport="sse").tools == ("one", "two")
        with pytest.raises(Refused) as caught:
            ask(f"{url}/sse")
        assert "--transport sse" in caught.value.mend


def test_a_token_opens_the_door_and_its_lack_is_no_fault_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOOR", "hunter2hunter2")
    with http_server("--embedded", "--token-env", "DOOR") as server:
        with pytest.raises(LoginWanted, match="answered 401 Unauthorized"):
            ask(server.url)
        assert len(ask(server.url, {"Authorization": "Bearer hunter2hunter2"}).tools) == 47


def result(asked: Asked, **changed: object) -> dict[str, object]:
    """What a small server answers to a request."""
    message = json.loads(asked.body)
    results: dict[str, object] = {
        "initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "x"}},
        "tools/list": {"tools": [{"name": "t"}]},
    }
    return {"jsonrpc": "2.0", "id": message.get("id"), "result": results.get(message["method"]), **changed}


def as_json(asked: Asked) -> Said:
    if b"notifications/" in asked.body or asked.method == "DELETE":
        return Said(202)
    return Said(200, json.dumps(result(asked)).encode(), {"Content-Type": "application/json", "Mcp-Session-Id": "s1"})


def as_events(asked: Asked) -> Said:
    if b'"method"' not in asked.body:
        return Said(202)
    noise = b': hello\r\nid: 7\r\n\r\ndata: {"jsonrpc":"2.0","method":"notifications/message"}\r\n\r\n'
    question = b'event: message\rdata: {"jsonrpc":"2.0",\rdata: "id":"q","method":"ping"}\r\r'
    return Said(
        200,
        iter([noise, question, b"data: ", json.dumps(result(asked)).encode(), b"\n\n"]),
        {"Content-Type": "text/event-stream; charset=utf-8"},
    )


def test_the_session_the_revision_and_the_headers_go_along_with_every_request() -> None:
    with web_server(as_json) as server:
        assert ask(f"{server.url}/mcp", {"X-Mine": "1"}).tools == ("t",)
    methods = [json.loads(asked.body)["method"] if asked.body else asked.method for asked in server.asked]
    assert methods == ["initialize", "notifications/initialized", "tools/list", "DELETE"]
    assert {asked.headers["x-mine"] for asked in server.asked} == {"1"}
    assert [asked.headers.get("mcp-session-id") for asked in server.asked] == [None, "s1", "s1", "s1"]
    assert [asked.headers.get("mcp-protocol-version") for asked in server.asked] == [None, *["2025-06-18"] * 3]


def test_an_answer_among_events_is_found_and_the_servers_question_answered() -> None:
    with web_server(as_events) as server:
        assert ask(server.url).tools == ("t",)
    answers = [json.loads(asked.body) for asked in server.asked if b'"q"' in asked.body]
    assert answers == [{"jsonrpc": "2.0", "id": "q", "result": {}}] * len(answers)
    assert answers


def test_a_redirect_on_the_same_server_is_followed_and_no_other() -> None:
    def moved(asked: Asked) -> Said:
        return Said(307, headers={"Location": "/mcp/"}) if asked.path == "/mcp" else as_json(asked)

    with web_server(moved) as server:
        assert ask(f"{server.url}/mcp").tools == ("t",)
    with (
        web_server(as_json) as other,
        web_server(lambda asked: Said(308, headers={"Location": f"{other.url}/mcp"})) as server,
    ):
        with pytest.raises(Refused) as caught:
            ask(server.url, {"Authorization": "Bearer hunter2hunter2"})
        assert "leads on to" in caught.value.what
        assert other.asked == []


def test_requests_over_sse_go_to_the_same_server_alone() -> None:
    def answer(asked: Asked) -> Said:
        return Said(200, b"event: endpoint\ndata: https://x.example/m\n\n", {"Content-Type": "text/event-stream"})

    with web_server(answer) as server, pytest.raises(Refused, match="names an address on another server"):
        ask(server.url, transport="sse")


def slowly() -> Iterator[bytes]:
    for _ in range(200):
        yield b": still there\n\n"
        time.sleep(0.02)


JSON_TYPE = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (Said(200, b"<html>", {"Content-Type": "text/html"}), "answered what is not JSON"),
        (Said(200, b"[" * 100_000, JSON_TYPE), "answered what is not JSON"),
        (Said(200, b"{}", JSON_TYPE), "did not answer `initialize`"),
        (Said(200, b'{"jsonrpc":"2.0","id":1,"result":{}}', JSON_TYPE), "without protocolVersion"),
        (Said(200, b'{"jsonrpc":"2.0","id":1,"error":{"message":"no \\u001b[31m"}}', JSON_TYPE), "with an error"),
        (Said(500, b"hunter2hunter2 broke"), "answered 500 Internal Server Error"),
        (Said(403, b"go away"), "answered 403 Forbidden"),
        (Said(200, slowly(), {"Content-Type": "text/event-stream"}), "did not finish its answer in time"),
        (Said(200, iter([b"x" * (1 << 20)] * 17), {"Content-Type": "text/event-stream"}), "more than 16384 KB"),
        (Said(307, headers={"Location": "/"}), "from one address to the next"),
    ],
)
def test_whatever_a_server_answers_ends_in_a_sentence(said: Said, what: str) -> None:
    with web_server(lambda asked: said) as server, pytest.raises(Refused) as caught:
        ask(server.url, {"X-Api-Key": "hunter2hunter2"}, timeout=1.0)
    assert what in caught.value.what
    assert "hunter2" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_the_host_would() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        transports: tuple[Transport, ...] = ("http", "sse")
        for transport in transports:
            with pytest.raises(Refused, match="did not answer in time"):
                ask(f"http://127.0.0.1:{silent.getsockname()[1]}/", transport=transport, timeout=0.3)
        assert time.monotonic() - started < PATIENCE / 2


def test_nobody_is_there() -> None:
    with pytest.raises(Refused, match="could not be reached"):
        ask("http://127.0.0.1:9/mcp")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_the_same_in_pieces_of_any_size(size: int) -> None:
    stream = b"data: a\r\ndata: b\r\n\r\nevent: x\rdata:c\r\r: no\n\ndata: d\n\ndata: unfinished\n"
    pieces = (stream[at : at + size] for at in range(0, len(stream), size))
    assert list(events(pieces)) == [("message", b"a\nb"), ("x", b"c"), ("message", b"d")]


def test_a_proxys_variables_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server(lambda asked: Said(502)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(Refused, match="answered 502"):
            ask("http://x.example/mcp")
    assert proxy.asked[0].path == "http://x.example/mcp"
    assert "HTTP_PROXY" in os.environ
