"""One row per rule of JSON-RPC and MCP that the core keeps: what is sent, what comes back."""

from typing import Any

import pytest

from connect_mcp.server.exchange import Turn
from connect_mcp.server.offer import Offer
from connect_mcp.server.results import success
from connect_mcp.server.revisions import LEGACY, REVISIONS
from connect_mcp.server.revisions import NEWEST_LEGACY as NEWEST
from connect_mcp.server.tools.model import READS, Tool
from support.talking import ABSENT, Talk, error, gist, initialize, request

WAIT = Tool("wait", "Wait", "Waits.", READS, returns={})
TOOLS = [WAIT.listing()]


def core(revision: str | None = NEWEST) -> Talk:
    """A conversation with a server of one tool, in this revision; None: nobody has said anything yet."""
    return Talk(revision, Offer([WAIT]))


PING = {"id": 1, "result": {}}
DEEP = "[" * 40_000 + "]" * 40_000

ROWS: dict[str, tuple[bytes, list[Any]]] = {
    # framing
    "a line ended by CR": (request("ping") + b"\r", [PING]),
    "spaces and tabs around and inside": (b' \t{ "jsonrpc" :\t"2.0" , "id":1, "method":"ping" } \t', [PING]),
    "line separators inside a text": (
        '{"jsonrpc":"2.0","id":"a\u2028b\u2029c\u0085","method":"ping"}'.encode(),
        [{"id": "a\u2028b\u2029c\u0085", "result": {}}],
    ),
    "a byte order mark": (b"\xef\xbb\xbf" + request("ping"), [PING]),
    "an empty line": (b"", []),
    "a blank line": (b" \t\r", []),
    "a message of 16 MiB": (request("ping", {"_meta": {"x": "x" * (16 << 20)}}), [PING]),
    "a request that is nested 40000 deep": (
        b'{"jsonrpc":"2.0","id":"d","method":"ping","params":{"_meta":' + DEEP.encode() + b'},"x":{"y":1}}',
        [error(-32600, "d")],
    ),
    "a notification that is nested 40000 deep": (
        b'{"jsonrpc":"2.0","method":"notifications/x","params":{"_meta":' + DEEP.encode() + b"}}",
        [],
    ),
    "an answer that is nested 40000 deep": (b'{"jsonrpc":"2.0","id":4,"result":' + DEEP.encode() + b"}", []),
    "a list that is nested 40000 deep": (DEEP.encode(), [error(-32600)]),
    "brackets in a deep message's texts": (
        b'{"id":7,"a":"]}\\"[{","jsonrpc":"2.0","method":"ping","params":{"_meta":' + DEEP.encode() + b"}}",
        [error(-32600, 7)],
    ),
    "a million brackets that are never closed": (b"[" * 1_000_000, [error(-32600)]),
    # not JSON
    "a truncated request": (b'{"jsonrpc":"2.0","id":1,"method":"ping"', [error(-32700)]),
    "plain text": (b"hello world", [error(-32700)]),
    "bytes that are not UTF-8": (b'{"jsonrpc":"2.0","id":1,"method":"\xff\xfe"}', [error(-32700)]),
    "UTF-16": ('{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-16"), [error(-32700)]),
    "two values on one line": (request("ping") + b" " + request("ping"), [error(-32700)]),
    "NaN": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}', [error(-32700)]),
    "a number of 5000 digits": (b'{"jsonrpc":"2.0","id":' + b"1" * 5000 + b',"method":"ping"}', [error(-32700)]),
    "a Content-Length header": (b"Content-Length: 42\r", [error(-32700)]),
    # not a request
    "a number": (b"42", [error(-32600)]),
    "a text": (b'"ping"', [error(-32600)]),
    "null": (b"null", [error(-32600)]),
    "an empty object": (b"{}", [error(-32600)]),
    "an empty batch": (b"[]", [error(-32600)]),
    "a batch outside 2025-03-26": (b"[" + request("ping") + b"]", [error(-32600)]),
    "no jsonrpc": (request("ping", jsonrpc=ABSENT, ident=501), [error(-32600, 501)]),
    "jsonrpc 1.0": (request("ping", jsonrpc="1.0"), [error(-32600, 1)]),
    "jsonrpc as a number": (request("ping", jsonrpc=2.0), [error(-32600, 1)]),
    "a method that is a number": (request(1, ident=503), [error(-32600, 503)]),
    "neither id nor a method that is a text": (request(1, ident=ABSENT), [error(-32600)]),
    "an id and nothing else": (request(ABSENT, ident="x"), [error(-32600, "x")]),
    "id null": (request("ping", ident=None), [error(-32600)]),
    "id 1.5": (request("ping", ident=1.5), [error(-32600)]),
    "id true": (request("ping", ident=True), [error(-32600)]),
    "id as a list": (request("ping", ident=[1]), [error(-32600)]),
    "id infinite": (b'{"jsonrpc":"2.0","id":1e999,"method":"ping"}', [error(-32600)]),
    "params as a list": (request("ping", [1]), [error(-32602, 1)]),
    "params as a text": (request("ping", "x"), [error(-32602, 1)]),
    "params null": (request("ping", None), [PING]),
    "a member that nobody knows": (request("ping", zzz=1), [PING]),
    # notifications and answers are never answered
    "an unknown notification": (request("notifications/whatever", ident=ABSENT), []),
    "a request's method without an id": (request("tools/list", {}, ident=ABSENT), []),
    "a call without an id": (request("tools/call", {"name": "wait"}, ident=ABSENT), []),
    "a notification with a text for params": (request("notifications/initialized", "x", ident=ABSENT), []),
    "a notification of jsonrpc 1.0": (request("notifications/initialized", ident=ABSENT, jsonrpc="1.0"), []),
    "a cancellation of nothing": (request("notifications/cancelled", {"requestId": 9}, ident=ABSENT), []),
    "a cancellation with an object for an id": (
        request("notifications/cancelled", {"requestId": {}}, ident=ABSENT),
        [],
    ),
    "a cancellation without params": (request("notifications/cancelled", ident=ABSENT), []),
    "a result that nobody asked for": (b'{"jsonrpc":"2.0","id":987654,"result":{}}', []),
    "an error that nobody asked for": (b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"x"}}', []),
    "an answer that is malformed": (b'{"id":[],"result":7}', []),
    # methods
    "ping": (request("ping"), [PING]),
    "an unknown method": (request("does/not_exist"), [error(-32601, 1)]),
    "server/discover without _meta": (request("server/discover"), [error(-32602, 1)]),
    "subscriptions/listen without _meta": (request("subscriptions/listen"), [error(-32602, 1)]),
    "_meta as a list": (request("ping", {"_meta": []}), [error(-32602, 1)]),
    "_meta null": (request("ping", {"_meta": None}), [PING]),
    "logging/setLevel": (request("logging/setLevel", {"level": "info"}), [PING]),
    "logging/setLevel to nothing": (request("logging/setLevel", {}), [error(-32602, 1)]),
    "logging/setLevel to null": (request("logging/setLevel", {"level": None}), [error(-32602, 1)]),
    "logging/setLevel to what is none": (request("logging/setLevel", {"level": "shouty"}), [error(-32602, 1)]),
    "resources/list": (request("resources/list"), [error(-32601, 1)]),
    "prompts/list": (request("prompts/list"), [error(-32601, 1)]),
    "completion/complete": (request("completion/complete", {}), [error(-32601, 1)]),
    "initialize without params": (request("initialize", {}), [error(-32602, 1)]),
    "initialize with a number for a revision": (initialize(20250618), [error(-32602, 1)]),
    "initialize with a list for capabilities": (
        request("initialize", {"protocolVersion": NEWEST, "capabilities": []}),
        [error(-32602, 1)],
    ),
    "tools/list": (request("tools/list"), [{"id": 1, "result": {"tools": TOOLS}}]),
    "tools/list with what one host sends": (
        request("tools/list", {"_meta": {"progressToken": 0}}),
        [{"id": 1, "result": {"tools": TOOLS}}],
    ),
    "tools/list with a cursor that was never given": (request("tools/list", {"cursor": "!!"}), [error(-32602, 1)]),
    "tools/list with an empty cursor": (request("tools/list", {"cursor": ""}), [error(-32602, 1)]),
    "tools/list with a number for a cursor": (request("tools/list", {"cursor": 5}), [error(-32602, 1)]),
    "a call of an unknown tool": (request("tools/call", {"name": "nope"}), [error(-32602, 1)]),
    "a call without a name": (request("tools/call", {}), [error(-32602, 1)]),
    "a call with a list for a name": (request("tools/call", {"name": ["wait"]}), [error(-32602, 1)]),
    "a call with a list of arguments": (request("tools/call", {"name": "wait", "arguments": [1]}), [error(-32602, 1)]),
    "a call with an empty list of arguments": (
        request("tools/call", {"name": "wait", "arguments": []}),
        [error(-32602, 1)],
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_every_line_gets_the_answer_that_the_specification_gives_it(row: str) -> None:
    made = core()
    line, answers = ROWS[row]
    assert [gist(message) for message in made.say(line)] == answers
    assert made.say(request("ping", ident="alive")) == [{"jsonrpc": "2.0", "id": "alive", "result": {}}]


def test_a_request_that_is_nested_5000_deep_is_answered_under_its_id() -> None:
    """With a result or an error: how deep the interpreter reads differs from version to version."""
    deep = b"[" * 5000 + b"]" * 5000
    [answer] = core().say(b'{"jsonrpc":"2.0","id":"d","method":"ping","params":{"_meta":{"x":' + deep + b"}}}")
    assert answer["id"] == "d"


@pytest.mark.parametrize("ident", ["abc", "7", "", "é\u2028x", 0, -5, 2**53 - 1, 2**53 + 1, 10**30])
def test_an_id_comes_back_as_it_was(ident: object) -> None:
    [answer] = core().say(request("ping", ident=ident))
    assert answer["id"] == ident
    assert type(answer["id"]) is type(ident)


@pytest.mark.parametrize("revision", LEGACY)
def test_each_supported_revision_is_echoed(revision: str) -> None:
    [answer] = core(None).say(initialize(revision))
    assert answer["result"]["protocolVersion"] == revision
    assert answer["result"]["capabilities"] == {"logging": {}, "tools": {}}
    assert answer["result"]["serverInfo"]["name"] == "connect-mcp"


@pytest.mark.parametrize("revision", ["1999-01-01", "2026-07-28", ""])
def test_an_unknown_revision_is_answered_with_the_newest(revision: str) -> None:
    [answer] = core(None).say(initialize(revision))
    assert answer["result"]["protocolVersion"] == NEWEST == max(LEGACY)


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("line", [b"{", b"42", b'{"jsonrpc":"2.0","id":null,"method":"ping"}'])
def test_an_unreadable_request_has_id_null_up_to_2025_06_18_and_none_later(revision: str, line: bytes) -> None:
    [answer] = core(revision).say(line)
    assert answer.get("id", ABSENT) is (None if revision <= "2025-06-18" else ABSENT)


def test_before_initialize_only_ping_is_served() -> None:
    made = core(None)
    assert [gist(message) for message in made.say(request("ping"))] == [PING]
    assert [gist(message) for message in made.say(request("tools/list"))] == [error(-32602, 1)]
    assert [gist(message) for message in made.say(request("tools/call", {"name": "wait"}))] == [error(-32602, 1)]
    assert [gist(message) for message in made.say(request("server/discover"))] == [error(-32602, 1)]
    assert [gist(message) for message in made.say(b"{")] == [error(-32700, None)]
    assert made.say(initialize(NEWEST))[0]["result"]["protocolVersion"] == NEWEST


def test_a_failed_or_second_initialize_does_not_destroy_the_session() -> None:
    made = core("2025-06-18")
    assert "error" in made.say(request("initialize", {}))[0]
    assert "result" in made.say(request("tools/list"))[0]
    assert made.say(initialize("2025-06-18"))[0]["result"]["protocolVersion"] == "2025-06-18"
    assert "result" in made.say(request("tools/list"))[0]


def test_the_same_list_is_sent_each_time() -> None:
    made = core()
    assert said(made, request("tools/list")).send == said(made, request("tools/list")).send


def test_a_call_is_started_with_its_arguments_and_answered_when_it_is_done() -> None:
    made = core()
    turn = said(made, request("tools/call", {"name": "wait", "arguments": {"a": 1}}, ident="c"))
    [call] = turn.start
    assert (call.name, call.arguments, turn.send, made.core.idle) == ("wait", {"a": 1}, [], False)
    [answer] = made.finish(call, success({"x": 1}))
    assert answer["id"] == "c"
    assert answer["result"]["structuredContent"] == {"x": 1}
    assert made.core.idle
    assert made.finish(call, success({})) == []


@pytest.mark.parametrize("arguments", [{}, {"arguments": None}])
def test_a_call_may_leave_its_arguments_out(arguments: dict[str, Any]) -> None:
    [call] = said(core(), request("tools/call", {"name": "wait", **arguments})).start
    assert call.arguments == {}


def test_a_cancelled_call_is_stopped_and_not_answered() -> None:
    made = core()
    [call] = said(made, request("tools/call", {"name": "wait"}, ident=7)).start
    assert said(made, cancel("7")).stop == []
    turn = said(made, cancel(7))
    assert (turn.stop, turn.send) == ([call], [])
    assert made.finish(call, success({})) == []
    assert said(made, cancel(7)).stop == []


def said(made: Talk, line: bytes) -> Turn:
    """What follows from a line, its messages checked."""
    made.say(line)
    return made.turn


def cancel(ident: object) -> bytes:
    return request("notifications/cancelled", {"requestId": ident}, ident=ABSENT)


def test_calls_that_run_when_the_client_goes_are_answered_as_cancelled() -> None:
    made = core()
    calls = [said(made, request("tools/call", {"name": "wait"}, ident=ident)).start[0] for ident in (1, 2)]
    answers = made.abandon()
    assert {message["id"] for message in answers} == {1, 2}
    assert len(calls) == 2
    for message in answers:
        assert message["result"]["isError"] is True
        assert message["result"]["structuredContent"]["code"] == "CANCELLED"
    assert made.core.idle


def batch(*lines: bytes) -> bytes:
    return b"[" + b",".join(lines) + b"]"


def test_a_batch_on_2025_03_26_is_answered_as_one_batch() -> None:
    [answer] = core("2025-03-26").say(batch(request("ping", ident="b1"), request("tools/list", ident="b2")))
    assert [(part["id"], list(part["result"])) for part in answer] == [("b1", []), ("b2", ["tools"])]


def test_a_batch_waits_for_its_calls() -> None:
    made = core("2025-03-26")
    turn = said(
        made,
        batch(
            request("tools/call", {"name": "wait"}, ident=1),
            request("ping", ident=2),
            b"3",
            request("tools/call", {"name": "wait"}, ident=4),
            request("notifications/x", ident=ABSENT),
        ),
    )
    first, second = turn.start
    assert turn.send == []
    assert made.finish(second, success({})) == []
    [answer] = made.finish(first, success({}))
    assert [part.get("id") for part in answer] == [2, None, 4, 1]


def test_a_batch_whose_calls_are_cancelled_is_answered_without_them() -> None:
    made = core("2025-03-26")
    said(made, batch(request("tools/call", {"name": "wait"}, ident=1), request("ping", ident=2)))
    [answer] = made.say(cancel(1))
    assert [part["id"] for part in answer] == [2]
    said(made, batch(request("tools/call", {"name": "wait"}, ident=1)))
    assert made.say(cancel(1)) == []


def test_a_batch_of_notifications_is_not_answered() -> None:
    assert core("2025-03-26").say(batch(request("notifications/x", ident=ABSENT))) == []


def test_initialize_cannot_be_part_of_a_batch() -> None:
    made = core("2025-03-26")
    [answer] = made.say(batch(initialize("2025-06-18")))
    assert [gist(part) for part in answer] == [error(-32600, 1)]
    assert made.say(batch(request("ping"))) != []


def test_a_line_that_was_too_long_to_keep_is_refused() -> None:
    assert gist(core().core.reject_long(10)) == error(-32600)
