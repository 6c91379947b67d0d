"""Conversations with servers at a URL: what a client sends of itself, and which transport it finds."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.conformance.http_subject import HttpLink, HttpSubject, SseLink, is_old
from connect_mcp.conformance.requirement import MODERN, REVISIONS, all_requirements
from connect_mcp.conformance.talk import modern_meta
from connect_mcp.conformance.trial import Options
from connect_mcp.conformance.watch import RULES
from support.subjects import FOLDER, ROWS, at_its_url, reference_over_http, results_over_http

LEGACY = "2025-11-25"
OF_THE_SDK = (
    "HTTP-RESUME",
    "HTTP-PRIMING",
    "HTTP-EVENT",
    "HTTP-GET",
    "HTTP-ONE",
    "HTTP-SSE",
    "HTTP-PARAM",
    "HTTP-NAME",
)


def said(link: HttpLink | SseLink, fits: Callable[[Any], bool], seconds: float = 10) -> Any:
    """The first message that fits."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        line = link.read(0.2)
        if line is not None and fits(message := json.loads(line)):
            return message
    raise AssertionError(link.errors())


def begin(link: HttpLink | SseLink) -> None:
    client = {"name": "test", "version": "1"}
    params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": client}
    assert link.send(json.dumps({"jsonrpc": "2.0", "id": "hi", "method": "initialize", "params": params}).encode(), 10)
    assert said(link, lambda message: message.get("id") == "hi")["result"]["protocolVersion"] == LEGACY
    assert link.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}', 10)


def call(name: str, arguments: dict[str, Any], **meta: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments, "_meta": meta}
    return {"jsonrpc": "2.0", "id": name, "method": "tools/call", "params": params}


def test_a_server_is_asked_which_transport_it_has() -> None:
    with reference_over_http() as new, reference_over_http("only-modern") as newest:
        assert not is_old(new, {}, 10)
        assert not is_old(newest, {}, 10)
    with reference_over_http("", "--sse") as old:
        assert is_old(old, {}, 10)
        assert not is_old(old.replace("/sse", "/nothing"), {}, 10)
    assert not is_old(new, {}, 1), "nobody listens there any more"


def test_the_old_transport_carries_every_check_that_any_transport_does() -> None:
    with reference_over_http("", "--sse") as url:
        found = results_over_http(url, all_requirements(), ["2024-11-05", LEGACY])
    assert {one.outcome for one in found} == {"pass", "not-applicable"}
    passed = {one.requirement for one in found if one.outcome == "pass"}
    assert len(passed) > 80
    assert not [ident for ident in passed - set(RULES) if ROWS[ident].transport != "any"]
    apart = [one.why for one in found if ROWS[one.requirement].transport == "http" and one.requirement not in RULES]
    assert apart
    assert all(why.endswith("the server is spoken with over sse") for why in apart)


def test_our_headers_go_to_no_other_server_than_the_one_that_was_named() -> None:
    elsewhere = reference_over_http("http://127.0.0.1:1/elsewhere", "--sse")
    with elsewhere as url, pytest.raises(Refused, match="did not say where it takes messages") as refused:
        HttpSubject(url, {}, 10, old=True).open()
    assert "not at the same scheme, host and port" in refused.value.why


def test_what_is_no_stream_is_refused_with_its_status() -> None:
    with reference_over_http("", "--sse") as url, pytest.raises(Refused) as refused:
        HttpSubject(url.replace("/sse", "/nothing"), {}, 10, old=True).open()
    assert refused.value.why == "HTTP 404 Not Found"


def test_a_call_whose_server_hangs_up_is_fetched_when_it_says_so() -> None:
    with reference_over_http("hangs-up") as url:
        link = HttpSubject(url, {}, 10).open()
        begin(link)
        link.send(json.dumps(call("wait", {"ms": 300}, progressToken="t")).encode(), 10)
        steps = said(link, lambda message: message.get("method") == "notifications/progress")
        assert steps["params"]["progress"] == 1
        assert said(link, lambda message: message.get("id") == "wait")["result"]["content"][0]["text"] == "done"
        assert link.read(0.3) is None
        link.close()


@pytest.mark.parametrize("listens", [True, False])
def test_the_servers_own_messages_come_where_they_are_listened_to(listens: bool) -> None:
    with reference_over_http() as url:
        link = HttpSubject(url, {}, 10, listens=listens).open()
        begin(link)
        time.sleep(0.3)
        link.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}', 10)  # whereupon this server sends a ping
        lines = [link.read(0.5) for _ in range(2)]
        assert any(line and b'"ping"' in line for line in lines) is listens
        link.close()


def test_a_parameter_goes_into_its_header_once_the_tools_were_listed() -> None:
    with reference_over_http() as url:
        subject = HttpSubject(url, {}, 10)
        link = subject.open()
        assert isinstance(link, HttpLink)
        message = call("add", {"a": 2, "b": 3}, **modern_meta())
        assert "Mcp-Param-A" not in link.headers_for(message)
        listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": modern_meta()}}
        link.send(json.dumps(listing).encode(), 10)
        said(link, lambda got: got.get("id") == 1)
        headers = link.headers_for(message)
        assert headers["Mcp-Param-A"] == "2"
        assert headers["Mcp-Name"] == "add"
        assert headers["MCP-Protocol-Version"] == MODERN == REVISIONS[-1]
        another = subject.open()
        another.send(json.dumps(message).encode(), 10)
        assert said(another, lambda got: got.get("id") == "add")["result"]["structuredContent"] == {"sum": 5}


def test_what_cannot_name_its_revision_is_of_the_one_that_was_spoken_before() -> None:
    with reference_over_http() as url:
        link = HttpSubject(url, {}, 10).open()
        assert isinstance(link, HttpLink)
        notification = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        assert "MCP-Protocol-Version" not in link.headers_for(notification)
        listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": modern_meta()}}
        link.send(json.dumps(listing).encode(), 10)
        said(link, lambda got: got.get("id") == 1)
        others: list[Any] = [notification, None, [], {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": "x"}]
        for message in others:
            assert link.headers_for(message)["MCP-Protocol-Version"] == MODERN
        assert link.headers_for({**listing, "params": "x"})["Mcp-Method"] == "tools/list"
        assert "Mcp-Method" not in link.headers_for(notification)
        begin(link)
        assert link.headers_for(notification)["MCP-Protocol-Version"] == LEGACY
        link.close()


def test_an_initialize_that_fails_leaves_the_session_as_it_was() -> None:
    with reference_over_http() as url:
        link = HttpSubject(url, {}, 10).open()
        assert isinstance(link, HttpLink)
        begin(link)
        session = link.session
        assert session
        link.send(b'{"jsonrpc":"2.0","id":"again","method":"initialize","params":{}}', 10)
        assert "error" in said(link, lambda message: message.get("id") == "again")
        assert link.session == session
        link.close()


def test_the_official_sdk_resumes_streams_and_compares_parameters_as_the_rules_say() -> None:
    rows = [row for row in ROWS.values() if row.id.startswith(OF_THE_SDK)]
    with at_its_url([sys.executable, str(FOLDER / "sdk" / "resumable.py")]) as url:
        found = results_over_http(url, rows, [LEGACY, MODERN], Options(timeout=30, strict=True, jobs=4))
    shown = {one.requirement for one in found if one.outcome == "pass"}
    assert {row.id for row in rows} - shown == {"HTTP-GET-2026"}, "which is for servers of one revision"
    assert {one.outcome for one in found} <= {"pass", "not-applicable", "not-observed"}
