"""The server over HTTP: a real process, real sockets, and one row for each rule of Streamable HTTP."""

import base64
import concurrent.futures
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import anyio
import httpx2
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp.client import Client

from connect_mcp.server.calls import Calls
from connect_mcp.server.http import Endpoint
from connect_mcp.server.http_checks import Gate
from connect_mcp.server.offer import Offer, chosen
from connect_mcp.server.revisions import LEGACY, MODERN, REVISIONS
from connect_mcp.server.toolbox import open_toolbox
from support.examples import examples
from support.http_server import BOTH, HttpServer, begin, events, http_server, routed, said
from support.stdio_client import PATIENCE, SERVE
from support.talking import ABSENT, META, NEWEST, gist, initialize, request
from support.upstream import Answer, Upstream, as_json, upstream

A, B, C, D, E = EVERY = tuple(REVISIONS)
KEY = "arc_test_planted_0123456789"
TOKEN = "token-planted-0123456789"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the embedded workspace."""
    home = tmp_path_factory.mktemp("http")
    folders = [f"--{kind}-dir={home}" for kind in ("config", "state", "data")]
    with http_server("--embedded", *folders, env={"HOME": str(home)}) as running:
        yield running.url
        assert running.end_by(signal.SIGTERM) == 0
        assert running.errors() == ""


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=PATIENCE, trust_env=False, verify=False) as opened:
        del opened.headers["accept"]  # a row says what is accepted
        yield opened


@pytest.fixture
def api() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture
def held(api: Upstream) -> Iterator[threading.Event]:
    """The API answers nothing until this event is set."""
    event = threading.Event()
    api.answer = lambda _: Answer(wait_for=event)
    yield event
    event.set()


@pytest.fixture
def server(api: Upstream) -> Iterator[HttpServer]:
    """A server in front of an API."""
    with http_server(env={"ARYTHMATIC_API_BASE_URL": api.url, "ARYTHMATIC_API_KEY": KEY}) as running:
        yield running


# one row per rule

NO = None
"""Instead of a header's value: the header is not sent."""


class Row(NamedTuple):
    """One request and its answer.

    Attributes:
        revisions: where it holds.
        method: HTTP's.
        headers: what differs from what a client of the revision sends; NO for a header that it leaves out.
        body: what is sent; for a revision where it depends on it.
        status: HTTP's.
        gist: of the answer's message; None for no body, a function where it depends on the revision.
        answered: headers that the answer must have.
    """

    revisions: tuple[str, ...]
    method: str
    headers: dict[str, str | None]
    body: bytes | Callable[[str], bytes]
    status: int
    gist: Any
    answered: Mapping[str, str] = MappingProxyType({})


def asks(method: str, ident: object = 1, **params: Any) -> Callable[[str], bytes]:
    return lambda revision: said(revision, method, ident, **params)


class Holding:
    """Equal to a result that has these members."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dict) and self.names <= other.keys()

    __hash__ = object.__hash__


def refused(code: int, ident: object = ABSENT) -> dict[str, Any]:
    return {"code": code} if ident is ABSENT else {"id": ident, "code": code}


def unreadable(code: int) -> Callable[[str], dict[str, Any]]:
    """The id of what cannot be read is null up to 2025-06-18, and absent after."""
    return lambda revision: refused(code, None) if revision <= C else refused(code)


OLD, NEW = tuple(LEGACY), tuple(MODERN)
LISTED = {"id": 1, "result": Holding("tools")}
NOTE = request("notifications/cancelled", {"requestId": 99}, ABSENT)
RESPONSE = b'{"jsonrpc":"2.0","id":7,"result":{}}'
TOOL = "get_current_user"
AS_JSON = {"content-type": "application/json"}
AS_EVENTS = {"content-type": "text/event-stream", "x-accel-buffering": "no", "cache-control": "no-cache, no-transform"}


def in_base64(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


ROWS: dict[str, Row] = {
    # answers
    "a request": Row(EVERY, "POST", {}, asks("tools/list"), 200, LISTED, AS_JSON),
    "a request of a client that takes events only": Row(
        EVERY, "POST", {"Accept": "text/event-stream"}, asks("tools/list"), 200, LISTED, AS_EVENTS
    ),
    "a request of a client that says nothing of what it takes": Row(
        EVERY, "POST", {"Accept": NO}, asks("tools/list"), 200, LISTED, AS_JSON
    ),
    "a request of a client that takes anything": Row(
        EVERY, "POST", {"Accept": "*/*"}, asks("tools/list"), 200, LISTED, AS_JSON
    ),
    "a call": Row(
        EVERY, "POST", {}, asks("tools/call", name=TOOL), 200, {"id": 1, "result": Holding("content")}, AS_JSON
    ),
    "an id that is a text": Row(EVERY, "POST", {}, asks("tools/list", "1"), 200, {**LISTED, "id": "1"}),
    "a notification": Row(EVERY, "POST", {}, NOTE, 202, None),
    "a notification that nobody knows": Row(EVERY, "POST", {}, request("notifications/x", ident=ABSENT), 202, None),
    "a response": Row(OLD, "POST", {}, RESPONSE, 202, None),
    "a response, where a client has nothing to answer": Row(NEW, "POST", {}, RESPONSE, 400, refused(-32600)),
    "ping": Row(OLD, "POST", {}, asks("ping"), 200, {"id": 1, "result": {}}),
    "an unknown method": Row(OLD, "POST", {}, asks("x"), 200, refused(-32601, 1)),
    "an unknown method, stateless": Row(NEW, "POST", {}, asks("x"), 404, refused(-32601, 1), AS_JSON),
    "ping, stateless": Row(NEW, "POST", {}, asks("ping"), 404, refused(-32601, 1)),
    "initialize, stateless": Row(NEW, "POST", {}, asks("initialize"), 404, refused(-32601, 1)),
    "a level for a session, stateless": Row(
        NEW, "POST", {}, asks("logging/setLevel", level="info"), 404, refused(-32601, 1)
    ),
    "an unknown tool": Row(OLD, "POST", {}, asks("tools/call", name="x"), 200, refused(-32602, 1)),
    "an unknown tool, stateless": Row(NEW, "POST", {}, asks("tools/call", name="x"), 400, refused(-32602, 1)),
    "an unknown resource": Row(OLD, "POST", {}, asks("resources/read", uri="x:y"), 200, refused(-32002, 1)),
    "an unknown resource, stateless": Row(NEW, "POST", {}, asks("resources/read", uri="x:y"), 400, refused(-32602, 1)),
    "a subscription of a client that takes no events": Row(
        NEW,
        "POST",
        {"Accept": "application/json"},
        asks("subscriptions/listen", notifications={}),
        406,
        refused(-32600),
    ),
    # bodies
    "no JSON": Row(EVERY, "POST", {}, b"{", 400, unreadable(-32700)),
    "no UTF-8": Row(EVERY, "POST", {}, b'"\xff"', 400, unreadable(-32700)),
    "no message": Row(EVERY, "POST", {}, b"1", 400, unreadable(-32600)),
    "an empty body": Row(EVERY, "POST", {}, b"", 400, refused(-32700)),
    "a batch": Row((B,), "POST", {}, b"[%s,%s]" % (request("ping"), NOTE), 200, [{"id": 1, "result": {}}], AS_JSON),
    "a batch of notifications": Row((B,), "POST", {}, b"[%s]" % NOTE, 202, None),
    "a batch that holds a call": Row(
        (B,),
        "POST",
        {},
        b"[%s,%s]" % (said(B, "tools/call", 1, name=TOOL), said(B, "ping", 2)),
        200,
        [{"id": 2, "result": {}}, {"id": 1, "result": Holding("content")}],
    ),
    "a batch where there are none": Row((A, C, D, E), "POST", {}, b"[%s]" % request("ping"), 400, unreadable(-32600)),
    "a body of 5 MiB": Row(EVERY, "POST", {}, b" " * (5 << 20), 413, refused(-32600)),
    "a type that browsers send to other sites": Row(
        EVERY, "POST", {"Content-Type": "text/plain"}, asks("tools/list"), 415, refused(-32600)
    ),
    "no type": Row(EVERY, "POST", {"Content-Type": NO}, asks("tools/list"), 415, refused(-32600)),
    "a type with a parameter": Row(
        EVERY, "POST", {"Content-Type": "Application/JSON; charset=utf-8"}, asks("tools/list"), 200, LISTED
    ),
    "an answer that nobody could read": Row(
        EVERY, "POST", {"Accept": "text/html"}, asks("tools/list"), 406, refused(-32600)
    ),
    # sessions
    "no session": Row(OLD, "POST", {"Mcp-Session-Id": NO}, asks("tools/list"), 400, refused(-32600)),
    "a notification without a session": Row(OLD, "POST", {"Mcp-Session-Id": NO}, NOTE, 400, refused(-32600)),
    "no JSON and no session": Row(OLD, "POST", {"Mcp-Session-Id": NO}, b"{", 400, refused(-32700, None)),
    "an unknown session": Row(OLD, "POST", {"Mcp-Session-Id": "x"}, asks("tools/list"), 404, refused(-32600)),
    "initialize in an unknown session": Row(
        OLD, "POST", {"Mcp-Session-Id": "x"}, lambda revision: initialize(revision), 404, refused(-32600)
    ),
    "a session where there are none": Row(NEW, "POST", {"Mcp-Session-Id": "x"}, asks("tools/list"), 200, LISTED),
    "initialize that cannot be meant": Row(
        OLD, "POST", {"Mcp-Session-Id": NO}, request("initialize", {}), 200, refused(-32602, 1)
    ),
    "initialize that wants no answer": Row(
        OLD, "POST", {"Mcp-Session-Id": NO}, request("initialize", {}, ABSENT), 400, refused(-32600)
    ),
    "a stream without a session": Row(OLD, "GET", {"Mcp-Session-Id": NO}, b"", 400, refused(-32600)),
    "a stream of an unknown session": Row(OLD, "GET", {"Mcp-Session-Id": "x"}, b"", 404, refused(-32600)),
    "a stream for who takes none": Row(OLD, "GET", {"Accept": "application/json"}, b"", 406, refused(-32600)),
    "a stream where there are none": Row(NEW, "GET", {}, b"", 405, refused(-32600), {"allow": "POST"}),
    "the end of no session": Row(OLD, "DELETE", {"Mcp-Session-Id": NO}, b"", 400, refused(-32600)),
    "the end of an unknown session": Row(OLD, "DELETE", {"Mcp-Session-Id": "x"}, b"", 404, refused(-32600)),
    "the end of a session": Row(OLD, "DELETE", {}, b"", 204, None),
    "the end of a session where there are none": Row(NEW, "DELETE", {}, b"", 405, refused(-32600), {"allow": "POST"}),
    "another method": Row(EVERY, "PUT", {}, b"{}", 405, refused(-32600), {"allow": "POST, GET, DELETE"}),
    # revisions
    "no revision": Row(OLD, "POST", {"MCP-Protocol-Version": NO}, asks("tools/list"), 200, LISTED),
    "an unknown revision": Row(
        OLD, "POST", {"MCP-Protocol-Version": "1900-01-01"}, asks("tools/list"), 400, refused(-32022, 1)
    ),
    "a notification of an unknown revision": Row(
        EVERY, "POST", {"MCP-Protocol-Version": "1900-01-01"}, NOTE, 400, refused(-32022)
    ),
    "a stream of an unknown revision": Row(
        EVERY, "GET", {"MCP-Protocol-Version": "1900-01-01"}, b"", 400, refused(-32022)
    ),
    "a stateless header on a request of a session": Row(
        OLD, "POST", {"MCP-Protocol-Version": NEWEST}, asks("tools/list"), 400, refused(-32602, 1)
    ),
    "a stateless request under the header of a session": Row(
        OLD, "POST", {}, request("tools/list", {"_meta": META}), 400, refused(-32020, 1)
    ),
    "an unknown revision, stateless": Row(
        NEW,
        "POST",
        {"MCP-Protocol-Version": "1900-01-01"},
        asks("tools/list", _meta={"io.modelcontextprotocol/protocolVersion": "1900-01-01"}),
        400,
        refused(-32022, 1),
    ),
    "a revision that is another than that of the header": Row(
        NEW,
        "POST",
        {},
        asks("tools/list", _meta={"io.modelcontextprotocol/protocolVersion": "1900-01-01"}),
        400,
        refused(-32020, 1),
    ),
    "a revision that is no text": Row(
        NEW,
        "POST",
        {},
        asks("tools/list", _meta={"io.modelcontextprotocol/protocolVersion": 5}),
        400,
        refused(-32602, 1),
    ),
    "a request that does not say its revision itself": Row(
        NEW, "POST", {}, request("tools/list"), 400, refused(-32602, 1)
    ),
    "a request that does not say what the client can do": Row(
        NEW,
        "POST",
        {},
        request("tools/list", {"_meta": {"io.modelcontextprotocol/protocolVersion": NEWEST}}),
        400,
        refused(-32602, 1),
    ),
    # the headers that repeat the body
    "no revision in the headers": Row(
        NEW, "POST", {"MCP-Protocol-Version": NO}, asks("tools/list"), 400, refused(-32020, 1)
    ),
    "no method in the headers": Row(NEW, "POST", {"Mcp-Method": NO}, asks("tools/list"), 400, refused(-32020, 1)),
    "another method in the headers": Row(
        NEW, "POST", {"Mcp-Method": "prompts/list"}, asks("tools/list"), 400, refused(-32020, 1)
    ),
    "a method in other letters": Row(
        NEW, "POST", {"Mcp-Method": "Tools/List"}, asks("tools/list"), 400, refused(-32020, 1)
    ),
    "no name in the headers": Row(
        NEW, "POST", {"Mcp-Name": NO}, asks("tools/call", name=TOOL), 400, refused(-32020, 1)
    ),
    "another name in the headers": Row(
        NEW, "POST", {"Mcp-Name": "list_workspaces"}, asks("tools/call", name=TOOL), 400, refused(-32020, 1)
    ),
    "a name in base64": Row(
        NEW,
        "POST",
        {"Mcp-Name": in_base64("connect://me")},
        asks("resources/read", uri="connect://me"),
        200,
        {"id": 1, "result": Holding("contents")},
    ),
    "another name in base64": Row(
        NEW, "POST", {"Mcp-Name": in_base64("x")}, asks("tools/call", name=TOOL), 400, refused(-32020, 1)
    ),
    "a name in broken base64": Row(
        NEW, "POST", {"Mcp-Name": "=?base64?!?="}, asks("tools/call", name=TOOL), 400, refused(-32020, 1)
    ),
    "no headers for a notification": Row(NEW, "POST", {"Mcp-Method": NO}, NOTE, 202, None),
    # who asks
    "a page of this machine": Row(EVERY, "POST", {"Origin": "http://localhost:3000"}, asks("tools/list"), 200, LISTED),
    "a page of another site": Row(
        EVERY, "POST", {"Origin": "https://evil.example"}, asks("tools/list"), 403, refused(-32600)
    ),
    "a page of another site with a name like ours": Row(
        EVERY, "POST", {"Origin": "http://localhost.evil.example"}, asks("tools/list"), 403, refused(-32600)
    ),
    "a page with our name as a user": Row(
        EVERY, "POST", {"Origin": "http://localhost@evil.example"}, asks("tools/list"), 403, refused(-32600)
    ),
    "a page of no site": Row(EVERY, "POST", {"Origin": "null"}, asks("tools/list"), 403, refused(-32600)),
    "a stream for a page of another site": Row(
        EVERY, "GET", {"Origin": "https://evil.example"}, b"", 403, refused(-32600)
    ),
    "this machine by its name": Row(EVERY, "POST", {"Host": "LocalHost:99"}, asks("tools/list"), 200, LISTED),
    "this machine by its other address": Row(EVERY, "POST", {"Host": "[::1]"}, asks("tools/list"), 200, LISTED),
    "another name that leads here": Row(
        EVERY, "POST", {"Host": "evil.example"}, asks("tools/list"), 421, refused(-32600)
    ),
    "an address of another machine": Row(
        EVERY, "POST", {"Host": "192.0.2.1"}, asks("tools/list"), 421, refused(-32600)
    ),
    "a name that is none": Row(EVERY, "POST", {"Host": "[::1"}, asks("tools/list"), 421, refused(-32600)),
}


@pytest.mark.parametrize(("name", "revision"), [(name, of) for name, row in ROWS.items() for of in row.revisions])
def test_each_rule_holds(
    name: str, revision: str, url: str, client: httpx2.Client, begun: dict[str, dict[str, str]]
) -> None:
    row = ROWS[name]
    body = row.body if isinstance(row.body, bytes) else row.body(revision)
    if row.method == "DELETE" or revision not in begun:
        begun[revision] = begin(client, url, revision)
    named = {**begun[revision], **repeated(revision, body), **row.headers}
    headers = {key: value for key, value in named.items() if value is not NO}
    answer = client.request(row.method, url, headers=headers, content=body)
    assert answer.status_code == row.status
    expected = row.gist(revision) if callable(row.gist) else row.gist
    assert told(answer) == expected
    assert {key: answer.headers.get(key) for key in row.answered} == row.answered
    assert "mcp-session-id" not in answer.headers
    if row.method == "DELETE":
        del begun[revision]


@pytest.fixture(scope="module")
def begun() -> dict[str, dict[str, str]]:
    """By revision, the headers of a session that rows may share."""
    return {}


def repeated(revision: str, body: bytes) -> dict[str, str]:
    try:
        message = json.loads(body)
    except ValueError:
        return {}
    return routed(revision, body) if isinstance(message, dict) and "method" in message else {}


def told(answer: httpx2.Response) -> Any:
    if not answer.content:
        return None
    if answer.headers["content-type"] == "text/event-stream":
        [message] = events(answer.content)
        return gist(message)
    return gist(answer.json())


def test_another_path_is_nothing(url: str, client: httpx2.Client) -> None:
    assert client.post(url + "/x", content=b"{}", headers=BOTH).status_code == 404


def test_a_header_that_is_there_twice_is_a_mismatch(url: str, client: httpx2.Client) -> None:
    """Somebody on the way may have acted on the other one."""
    headers = [*begin(client, url, NEWEST).items(), ("Mcp-Method", "tools/list"), ("Mcp-Method", "tools/list")]
    answer = client.post(url, content=said(NEWEST, "tools/list"), headers=headers)
    assert (answer.status_code, told(answer)) == (400, refused(-32020, 1))


def test_an_unsupported_revision_is_answered_with_those_that_are(url: str, client: httpx2.Client) -> None:
    headers = {**BOTH, "MCP-Protocol-Version": "1900-01-01"}
    answer = client.post(url, content=request("tools/list"), headers=headers)
    assert answer.json()["error"]["data"] == {"supported": MODERN, "requested": "1900-01-01"}


# sessions


def test_a_session_has_an_id_that_nobody_can_guess(url: str, client: httpx2.Client) -> None:
    ids = {begin(client, url, D)["Mcp-Session-Id"] for _ in range(20)}
    assert len(ids) == 20
    assert all(len(one) == 43 and all("!" <= char <= "~" for char in one) for one in ids)


def test_nothing_is_left_of_a_session_that_was_ended(url: str, client: httpx2.Client) -> None:
    headers = begin(client, url, D)
    with client.stream("GET", url, headers=headers) as stream:
        assert (stream.status_code, stream.headers["content-type"]) == (200, "text/event-stream")
        assert client.delete(url, headers=headers).status_code == 204
        assert stream.read() == b": alive\n\n"
    assert client.post(url, content=said(D, "ping"), headers=headers).status_code == 404
    assert client.get(url, headers=headers).status_code == 404


def test_a_session_has_only_so_many_streams(url: str, client: httpx2.Client) -> None:
    headers = begin(client, url, D)
    streams = [client.stream("GET", url, headers=headers) for _ in range(9)]
    opened = [stream.__enter__() for stream in streams]
    assert [stream.status_code for stream in opened] == [200] * 8 + [409]
    for stream in streams:
        stream.__exit__(None, None, None)


@pytest.mark.parametrize("revision", EVERY)
def test_many_clients_are_served_at_once(url: str, revision: str) -> None:
    """All use the same ids, and each gets its own answers."""

    def one(number: int) -> str:
        with httpx2.Client(timeout=PATIENCE, trust_env=False, verify=False) as client:
            headers = begin(client, url, revision)
            for ident in range(5):
                body = said(revision, "tools/call", ident, name="search_content", arguments={"query": f"q{number}"})
                answer = client.post(url, content=body, headers={**headers, **routed(revision, body)}).json()
                assert (answer["id"], answer["result"]["isError"]) == (ident, False)
            return headers.get("Mcp-Session-Id", str(number))

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        assert len(set(pool.map(one, range(12)))) == 12


# streams


@pytest.mark.parametrize("revision", EVERY)
def test_what_a_call_reports_comes_before_its_answer_as_events(revision: str, url: str, client: httpx2.Client) -> None:
    headers, body = told_all(client, url, revision)
    answer = client.post(url, content=body, headers=headers)
    assert {key: answer.headers.get(key) for key in AS_EVENTS} == AS_EVENTS
    first, last = events(answer.content)
    assert (first["method"], first["params"]["level"]) == ("notifications/message", "debug")
    assert (last["id"], last["result"]["isError"]) == (1, False)


@pytest.mark.parametrize("revision", EVERY)
def test_a_client_that_takes_no_events_gets_the_answer_alone(revision: str, url: str, client: httpx2.Client) -> None:
    headers, body = told_all(client, url, revision)
    answer = client.post(url, content=body, headers={**headers, "Accept": "application/json"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["id"] == 1


def told_all(client: httpx2.Client, url: str, revision: str) -> tuple[dict[str, str], bytes]:
    """A call by a client that wants to be told all that is logged."""
    headers = begin(client, url, revision)
    meta = {"io.modelcontextprotocol/logLevel": "debug"} if revision == NEWEST else {}
    if revision != NEWEST:
        client.post(url, content=said(revision, "logging/setLevel", level="debug"), headers=headers)
    body = said(revision, "tools/call", name=TOOL, _meta=meta)
    return {**headers, **routed(revision, body)}, body


def test_a_batch_streams_what_its_calls_report_and_then_all_answers(url: str, client: httpx2.Client) -> None:
    headers, _ = told_all(client, url, B)
    body = b"[%s,%s]" % (said(B, "tools/call", 1, name=TOOL), said(B, "tools/call", 2, name=TOOL))
    *notes, answers = events(client.post(url, content=body, headers=headers).content)
    assert [note["method"] for note in notes] == ["notifications/message"] * 2
    assert sorted(answer["id"] for answer in answers) == [1, 2]


def test_a_call_is_cancelled_by_a_notification(
    server: HttpServer, client: httpx2.Client, api: Upstream, held: threading.Event
) -> None:
    headers = begin(client, server.url, D)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        calls = [
            pool.submit(client.post, server.url, content=said(D, "tools/call", 7, name=TOOL), headers=taken)
            for taken in (headers, {**headers, "Accept": "application/json"})
        ]
        until(lambda: len(api.asked) == 2)
        assert client.post(server.url, content=said(D, "ping"), headers=headers).json()["result"] == {}
        note = request("notifications/cancelled", {"requestId": 7}, ABSENT)
        assert client.post(server.url, content=note, headers=headers).status_code == 202
        streamed, whole = (call.result(PATIENCE) for call in calls)
    assert (streamed.status_code, streamed.headers["content-type"], streamed.content) == (200, "text/event-stream", b"")
    assert (whole.status_code, whole.content) == (202, b"")


def test_a_batch_is_answered_once_the_call_that_it_waited_for_is_cancelled(
    server: HttpServer, client: httpx2.Client, api: Upstream, held: threading.Event
) -> None:
    headers = begin(client, server.url, B)
    batch = b"[%s,%s]" % (said(B, "tools/call", 7, name=TOOL), said(B, "ping", 8))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.post, server.url, content=batch, headers=headers)
        until(lambda: bool(api.asked))
        note = request("notifications/cancelled", {"requestId": 7}, ABSENT)
        answer = client.post(server.url, content=note, headers=headers)
        assert (answer.status_code, answer.content) == (202, b"")
        assert call.result(PATIENCE).json() == [{"jsonrpc": "2.0", "id": 8, "result": {}}]


def test_a_subscription_is_open_until_the_server_ends(server: HttpServer, client: httpx2.Client) -> None:
    body = said(NEWEST, "subscriptions/listen", "s", notifications={"toolsListChanged": True})
    headers = {**begin(client, server.url, NEWEST), **routed(NEWEST, body)}
    with client.stream("POST", server.url, content=body, headers=headers) as stream:
        chunks = stream.iter_raw()
        [first] = events(next(chunks))
        assert first["method"] == "notifications/subscriptions/acknowledged"
        assert server.end_by(signal.SIGTERM) == 0
        [last] = events(b"".join(chunks))
        assert (last["id"], last["result"]["resultType"]) == ("s", "complete")


@pytest.mark.parametrize("revision", [D, E])
def test_an_answer_that_takes_long_becomes_a_stream_that_is_kept_alive(
    revision: str, held: threading.Event, inside: httpx2.ASGITransport
) -> None:
    """Nothing on the way that closes quiet connections may close this one."""

    async def use() -> bytes:
        async with httpx2.AsyncClient(transport=inside, base_url=INSIDE) as client:
            headers = {**BOTH, "MCP-Protocol-Version": revision}
            if revision == D:
                begun = await client.post("", content=initialize(D), headers=BOTH)
                headers["Mcp-Session-Id"] = begun.headers["mcp-session-id"]
            body = said(revision, "tools/call", name=TOOL)
            threading.Timer(0.1, held.set).start()
            answer = await client.post("", content=body, headers={**headers, **routed(revision, body)})
            return bytes(answer.content)

    sent = anyio.run(use)
    assert sent.startswith(b": alive\n\n: alive\n\n")
    [answer] = events(sent)
    assert answer["result"]["isError"] is False


@pytest.fixture
def inside(api: Upstream, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx2.ASGITransport]:
    """The application in this process, so that its errors are seen and its quiet times are short."""
    monkeypatch.setenv("ARYTHMATIC_API_BASE_URL", api.url)
    monkeypatch.setenv("ARYTHMATIC_API_KEY", KEY)
    calls = Calls(lambda: open_toolbox(embedded=False, profile=None, config=None, state=None, data=None))
    gate = Gate(anywhere=False, token=None)
    yield httpx2.ASGITransport(app=Endpoint(Offer(chosen()), calls, gate, quiet=0.001))
    until(lambda: calls.close(PATIENCE))


INSIDE = "http://localhost/mcp"
REV = "io.modelcontextprotocol/protocolVersion"
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, 1, 1.5, True, "x", [], {}, [[]], {"a": 1}, TOOL, "connect://me", "\ud800"]
)
METHODS = st.sampled_from(
    ["initialize", "ping", "tools/list", "tools/call", "resources/read", "prompts/get", "logging/setLevel", NEWEST, 5]
)
METAS = VALUES | st.just(META) | st.fixed_dictionaries({REV: VALUES | st.sampled_from(EVERY)})
PARAMS = st.fixed_dictionaries({}, optional={"name": VALUES, "uri": VALUES, "arguments": VALUES, "_meta": METAS})
MESSAGES = st.fixed_dictionaries(
    {}, optional={"jsonrpc": st.just("2.0"), "id": VALUES, "method": METHODS, "params": PARAMS | VALUES}
)
BODIES = st.binary(max_size=20) | (MESSAGES | st.lists(MESSAGES, max_size=3)).map(
    lambda said: json.dumps(said).encode()
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "MCP-Protocol-Version": st.sampled_from([*EVERY, "", "x"]),
        "Mcp-Method": METHODS.filter(lambda method: method != 5),
        "Mcp-Name": st.sampled_from([TOOL, "", "=?base64?", "=?base64??=", "=?base64?8J+Y?=", "=?base64?e?="]),
        "Mcp-Session-Id": st.sampled_from(["", "x"]),
        "Accept": st.sampled_from(["", "*/*", ",;", "text/event-stream", "application/json;q=0"]),
        "Origin": st.sampled_from(["", "http://[", "http://localhost:99999", "http://127.0.0.1"]),
        "Host": st.sampled_from(["", "[", "localhost:x", "127.0.0.1@x", "[::1]:1"]),
        "Content-Type": st.sampled_from(["", "application/json"]),
    },
)


@settings(examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(st.tuples(HEADERS, BODIES), min_size=3, max_size=10))
def test_whatever_is_sent_is_answered(bodies: list[tuple[dict[str, str], bytes]], inside: httpx2.ASGITransport) -> None:
    """An error of ours would come out of the application as it is."""

    async def use() -> list[int]:
        async with httpx2.AsyncClient(transport=inside, base_url=INSIDE) as client:
            begun = await client.post("", content=initialize(B), headers=BOTH)
            session = {"Mcp-Session-Id": begun.headers["mcp-session-id"]}
            posts = [
                await client.post("", content=body, headers={**BOTH, **extra, **headers})
                for headers, body in bodies
                for extra in ({}, session)
            ]
            return [post.status_code for post in posts]

    assert {status for status in anyio.run(use) if status >= 500} == set()


# disconnection


@pytest.mark.parametrize(("revision", "outcomes"), [(D, 2), (NEWEST, 1)])
@pytest.mark.parametrize("accept", ["application/json", "application/json, text/event-stream"])
def test_going_away_cancels_a_stateless_call_and_no_other(
    revision: str,
    outcomes: int,
    accept: str,
    api: Upstream,
    held: threading.Event,
    client: httpx2.Client,
    tmp_path: Path,
) -> None:
    """What was cancelled has no outcome in the log; a call that ends later says that its time has passed."""
    log = tmp_path / "log"
    env = {"ARYTHMATIC_API_BASE_URL": api.url, "ARYTHMATIC_API_KEY": KEY}
    with (
        http_server("--log-file", str(log), env=env) as server,
        httpx2.Client(timeout=PATIENCE, trust_env=False, verify=False) as client,
    ):
        headers = {**begin(client, server.url, revision), "Accept": accept}
        body = said(revision, "tools/call", name=TOOL)
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as leaving:
            leaving.sendall(raw(server.port, {**headers, **routed(revision, body)}, body))
            until(lambda: len(api.asked) == 1)
        if revision == NEWEST:
            until(lambda: stopped(server, client, headers, revision))
        held.set()
        other = said(revision, "tools/call", name=TOOL)
        assert client.post(server.url, content=other, headers={**headers, **routed(revision, other)}).status_code == 200
        until(lambda: log.read_text().count(f"{TOOL}: done") == outcomes)


def stopped(server: HttpServer, client: httpx2.Client, headers: dict[str, str], revision: str) -> bool:
    """Whether the server has noticed that the other connection is closed: it no longer has it."""
    body = said(revision, "tools/list")
    client.post(server.url, content=body, headers={**headers, **routed(revision, body)})
    connections = psutil.Process(server.process.pid).net_connections("tcp")
    return sum(one.laddr.port == server.port and one.status == psutil.CONN_ESTABLISHED for one in connections) == 1


def raw(port: int, headers: dict[str, str], body: bytes) -> bytes:
    """A POST as bytes."""
    lines = ["POST /mcp HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# the process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_answers_what_is_under_way_and_ends_the_server(
    number: signal.Signals, server: HttpServer, client: httpx2.Client, api: Upstream, held: threading.Event
) -> None:
    headers = begin(client, server.url, D)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        call = pool.submit(client.post, server.url, content=said(D, "tools/call", name=TOOL), headers=headers)
        stream = pool.submit(client.get, server.url, headers=headers)
        until(lambda: bool(api.asked))
        assert server.end_by(number) == 0
        result = call.result(PATIENCE).json()["result"]
        assert (result["isError"], result["structuredContent"]["code"]) == (True, "CANCELLED")
        assert stream.result(PATIENCE).content == b": alive\n\n"
    assert server.errors() == ""


def test_a_client_that_sends_half_a_request_does_not_keep_the_server(server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as slow:
        slow.sendall(raw(server.port, BOTH, b"{" * 100)[:-50])
        assert server.end_by(signal.SIGTERM) == 0
    assert server.errors() == ""


def test_a_body_that_does_not_say_its_length_is_bounded_too(url: str, client: httpx2.Client) -> None:
    block = b" " * (1 << 20)
    answer = client.post(url, content=iter([block] * 5), headers=BOTH)
    assert (answer.status_code, told(answer)) == (413, refused(-32600))


# who may come


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer x", 401),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Bearer {TOKEN}\u00fc", 401),
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
    ],
)
def test_with_a_token_only_who_knows_it_is_answered(
    authorization: str | None, status: int, guarded: HttpServer, client: httpx2.Client
) -> None:
    named = BOTH if authorization is None else {**BOTH, "Authorization": authorization}
    headers = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
    answer = client.post(guarded.url, content=initialize(D), headers=headers)
    assert answer.status_code == status
    assert (answer.headers.get("www-authenticate") == "Bearer") == (status == 401)
    assert TOKEN not in answer.text


@pytest.fixture(scope="module")
def guarded() -> Iterator[HttpServer]:
    with http_server("--token-env", "PLANTED", "--embedded", env={"PLANTED": TOKEN}) as running:
        yield running
        assert running.end_by(signal.SIGTERM) == 0
        assert running.errors() == ""


def test_with_a_token_other_machines_may_come_by_any_name() -> None:
    with (
        http_server("--token-env=PLANTED", "--host=0.0.0.0", env={"PLANTED": TOKEN}) as server,
        httpx2.Client(timeout=PATIENCE, trust_env=False, verify=False) as client,
    ):
        url = f"http://127.0.0.1:{server.port}/mcp"
        headers = {**BOTH, "Authorization": f"Bearer {TOKEN}", "Host": "connect.example"}
        for origin, status in ((None, 200), ("http://connect.example", 200), ("http://evil.example", 403)):
            named = headers if origin is None else {**headers, "Origin": origin}
            assert client.post(url, content=initialize(D), headers=named).status_code == status
        assert client.post(url, content=initialize(D), headers=BOTH).status_code == 401


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--host=0.0.0.0"], "other machines can reach 0.0.0.0"),
        (["--host=::"], "other machines can reach ::"),
        (["--host=no.such.host.invalid"], "--host no.such.host.invalid has no address"),
        (["--port=65536"], "--port is a number up to 65535, not 65536"),
        (["--port=-1"], "--port is a number up to 65535, not -1"),
        (["--port=x"], "--port is a number up to 65535, not x"),
        (["--token-env=NOT_THERE"], "--token-env NOT_THERE: there is no such variable"),
        (["--token-env=EMPTY"], "--token-env EMPTY: there is no such variable, or nothing in it"),
        (["--token-env=SPACED"], "--token-env SPACED: it holds a character that no token has"),
        (["--transport=sse"], "--transport is stdio or http, not sse"),
        (["--transport=stdio", "--host=::1"], "--host belongs to --transport http"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], problem: str) -> None:
    env = {"PYTHONPATH": ":".join(sys.path), "EMPTY": "", "SPACED": "a b"}
    command = [*SERVE, "--transport=http", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"connect-mcp serve: {problem}")


def test_a_port_that_is_taken_is_a_failure(server: HttpServer) -> None:
    command = [*SERVE, "--transport=http", f"--port={server.port}"]
    env = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"connect-mcp serve: cannot listen on port {server.port}: ")


# a real client


@pytest.mark.parametrize(("mode", "revision"), [("legacy", D), ("auto", E), (E, E)])
def test_the_clients_of_the_sdk_list_and_call(mode: Any, revision: str, server: HttpServer, api: Upstream) -> None:
    spaces = {"results": [{"id": "1", "slug": "w"}], "next": None}
    api.answer = lambda _: as_json(spaces)

    async def use() -> None:
        with anyio.fail_after(PATIENCE):
            async with Client(server.url, mode=mode) as client:
                assert client.protocol_version == revision
                assert len((await client.list_tools()).tools) == 47
                result = await client.call_tool("list_workspaces", {})
                assert (result.is_error, result.structured_content) == (False, spaces)

    anyio.run(use)
    assert server.end_by(signal.SIGTERM) == 0
    assert server.errors() == ""
