"""Every protocol fact that a stdio server can keep or break, one row each: by which number it is known, in which
revisions it holds, what is sent, and what ours answers. The numbers are those of the list of 99 facts that the
conformance kit starts from; every number is in exactly one of the three tables here.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from connect_mcp.server.exchange import LEVELS
from connect_mcp.server.revisions import LEGACY, REVISIONS
from support.talking import ABSENT, META, NEWEST, Talk, error, gist, initialize, request

EVERY = tuple(REVISIONS)
OLD = tuple(LEGACY)
NEW = (NEWEST,)
A, B, C, D, E = EVERY


class Ask(NamedTuple):
    """A request in the form of the revision."""

    method: str
    params: Any = ABSENT
    ident: object = 1


class Such:
    """Equal to whatever a function says yes to."""

    def __init__(self, fits: Callable[[Any], object]) -> None:
        self.fits = fits

    def __eq__(self, other: object) -> bool:
        return bool(self.fits(other))

    __hash__ = object.__hash__


class Row(NamedTuple):
    """One fact.

    Attributes:
        numbers: those it has in the list.
        revisions: where it holds.
        sent: in order; a list is a batch.
        answers: the gist of all that comes back at once; a function where it depends on the revision.
        fresh: nothing was said before on the connection.
    """

    numbers: tuple[int, ...]
    revisions: tuple[str, ...]
    sent: tuple[Ask | bytes, ...]
    answers: list[Any] | Callable[[str], list[Any]]
    fresh: bool = False


def result(fits: Callable[[Any], object], ident: object = 1) -> dict[str, Any]:
    """The gist of an answer whose result fits."""
    return {"id": ident, "result": Such(fits)}


def holding(*names: str) -> dict[str, Any]:
    """The gist of a result that has these members."""
    return result(lambda value: set(names) <= value.keys())


def unreadable(code: int) -> Callable[[str], list[Any]]:
    """An error about a request whose id nobody knows: null up to 2025-06-18, absent after."""
    return lambda revision: [error(code, None) if revision <= C else error(code)]


def raw(text: str) -> tuple[bytes, ...]:
    return (text.encode(),)


PING = {"id": 1, "result": {}}
DEEP = "[" * 40_000 + "]" * 40_000
LIST = Ask("tools/list")
TOOLS = holding("tools")
IDS = ("abc", "7", "", "é\u2028x", 0, -5, 2**53 - 1)


def meta(**changes: object) -> dict[str, object]:
    """What a modern request carries, with changes by the last part of a name."""
    named = {**META, **{f"io.modelcontextprotocol/{name}": value for name, value in changes.items()}}
    return {name: value for name, value in named.items() if value is not ABSENT}


def initialized(revision: str) -> dict[str, Any]:
    return result(lambda value: value["protocolVersion"] == revision)


ROWS: dict[str, Row] = {
    "a result is one line, whatever is in it": Row((2,), EVERY, (LIST,), [TOOLS]),
    "a request ended by CRLF": Row((5,), EVERY, (request("tools/list", {"_meta": META}) + b"\r\n",), [TOOLS]),
    "blanks around and inside": Row((6,), OLD, raw(' \t{ "jsonrpc":\t"2.0" , "id":1, "method":"ping" } '), [PING]),
    "line separators inside a text": Row(
        (7,),
        OLD,
        raw('{"jsonrpc":"2.0","id":"a\u2028b\u2029c\u0085","method":"ping"}'),
        [{"id": "a\u2028b\u2029c\u0085", "result": {}}],
    ),
    "a byte order mark": Row((9,), OLD, (b"\xef\xbb\xbf" + request("ping"),), [PING]),
    "an empty line": Row((10,), EVERY, (b"\n", b"", b" \r\n"), []),
    "a message of 1 MiB": Row((11,), OLD, (request("ping", {"_meta": {"x": "x" * (1 << 20)}}),), [PING]),
    "a message of 16 MiB": Row((12,), OLD, (request("ping", {"_meta": {"x": "x" * (16 << 20)}}),), [PING]),
    "40000 nested lists": Row(
        (13,),
        EVERY,
        raw('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"x":' + DEEP + "}}}"),
        [error(-32600, 1)],
    ),
    # the handshake
    "initialize": Row(
        (17, 18), OLD, (), lambda revision: [], fresh=False
    ),  # Talk checks its form and its revision on the way
    "initialize with a revision that is none": Row(
        (19, 21), (D,), (initialize("1999-01-01"),), [initialized(D)], fresh=True
    ),
    "initialize with a revision that has none": Row((20,), (D,), (initialize(E),), [initialized(D)], fresh=True),
    "ping before initialize": Row((22,), (D,), (request("ping"),), [PING], fresh=True),
    "tools/list before initialize": Row((23,), (D,), (request("tools/list"),), [error(-32602, 1)], fresh=True),
    "tools/list before initialize, then initialize": Row(
        (24,), (D,), (request("tools/list", ident=0), initialize(D)), [error(-32602, 0), initialized(D)], fresh=True
    ),
    "server/discover of one era, then initialize of the other": Row(
        (25,),
        (D,),
        (request("server/discover", {"_meta": META}, ident=0), initialize(D), request("tools/list", ident=2)),
        [
            {"id": 0, "result": Such(lambda value: value["supportedVersions"] == [E])},
            initialized(D),
            {**TOOLS, "id": 2},
        ],
        fresh=True,
    ),
    "a second initialize": Row(
        (26,), (D,), (initialize(D), request("ping", ident=2)), [initialized(D), {**PING, "id": 2}]
    ),
    "initialize without params": Row((27,), OLD, (request("initialize", {}),), [error(-32602, 1)]),
    "tools/list after a failed initialize": Row(
        (28,), OLD, (request("initialize", {}, ident=0), LIST), [error(-32602, 0), TOOLS]
    ),
    # envelopes
    "ping": Row((36,), OLD, (request("ping"),), [PING]),
    "ids of all kinds": Row(
        (37,),
        EVERY,
        tuple(Ask("does/not_exist", ident=ident) for ident in IDS),
        [error(-32601, ident) for ident in IDS],
    ),
    "an unknown method": Row((38,), EVERY, (Ask("does/not_exist"),), [error(-32601, 1)]),
    "a truncated request": Row((39,), EVERY, raw('{"jsonrpc":"2.0","id":1,"method":"ping"'), unreadable(-32700)),
    "plain text": Row((40,), EVERY, raw("hello world"), unreadable(-32700)),
    "bytes that are not UTF-8": Row(
        (41,), EVERY, (b'{"jsonrpc":"2.0","id":1,"method":"\xff\xfe"}',), unreadable(-32700)
    ),
    "a number": Row((42,), EVERY, raw("42"), unreadable(-32600)),
    "an empty list": Row((43,), EVERY, raw("[]"), unreadable(-32600)),
    "no jsonrpc": Row((44,), EVERY, raw('{"id":501,"method":"ping"}'), [error(-32600, 501)]),
    "jsonrpc 1.0": Row((45,), EVERY, (request("ping", jsonrpc="1.0"),), [error(-32600, 1)]),
    "a method that is a number": Row((46,), EVERY, (request(1, ident=503),), [error(-32600, 503)]),
    "an id that is null": Row((47,), EVERY, (request("ping", ident=None),), unreadable(-32600)),
    "an id that is a fraction": Row((48,), EVERY, (request("ping", ident=1.5),), unreadable(-32600)),
    "params as a list": Row((49,), EVERY, (request("ping", [1]),), [error(-32602, 1)]),
    "params as a text": Row((50,), EVERY, (request("ping", "x"),), [error(-32602, 1)]),
    "an unknown notification": Row((51,), EVERY, (request("notifications/x", ident=ABSENT),), []),
    "a request's method without an id": Row((52,), EVERY, (request("tools/list", {}, ident=ABSENT),), []),
    "a cancellation that is malformed": Row(
        (53,), EVERY, (request("notifications/cancelled", {"requestId": {}}, ident=ABSENT),), []
    ),
    "an answer that nobody asked for": Row((54,), EVERY, raw('{"jsonrpc":"2.0","id":987654,"result":{}}'), []),
    "a member that nobody knows": Row((55,), EVERY, (request("tools/list", {"_meta": META}, zzz=1),), [TOOLS]),
    "a batch where there are batches": Row(
        (59,),
        (B,),
        (b"[" + request("ping", ident="b1") + b"," + request("tools/list", ident="b2") + b"]",),
        [[{"id": "b1", "result": {}}, {**TOOLS, "id": "b2"}]],
    ),
    "a batch where there are none": Row((60,), (A, C, D, E), (b"[" + request("ping") + b"]",), unreadable(-32600)),
    # what is offered
    "tools/list": Row((61,), EVERY, (LIST,), [TOOLS]),
    "a call of an unknown tool": Row(
        (65,), EVERY, (Ask("tools/call", {"name": "no_such_tool_xyz"}),), [error(-32602, 1)]
    ),
    "a call without a name": Row((66,), EVERY, (Ask("tools/call", {}),), [error(-32602, 1)]),
    "a call with a list of arguments": Row(
        (67,), EVERY, (Ask("tools/call", {"name": "get_current_user", "arguments": [1]}),), [error(-32602, 1)]
    ),
    "a cursor that was never given": Row(
        (72,),
        EVERY,
        tuple(Ask(f"{kind}/list", {"cursor": "!!bogus!!"}) for kind in ("tools", "prompts", "resources")),
        [error(-32602, 1)] * 3,
    ),
    "a cursor that is a number": Row((73,), EVERY, (Ask("tools/list", {"cursor": 5}),), [error(-32602, 1)]),
    "everything is on the first page": Row(
        (74,), EVERY, (LIST,), [result(lambda value: "nextCursor" not in value and len(value["tools"]) == 47)]
    ),
    "what is not declared": Row(
        (75,),
        EVERY,
        (
            Ask("completion/complete", {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {}}),
            Ask("resources/subscribe", {"uri": "connect://me"}, 2),
        ),
        [error(-32601, 1), error(-32601, 2)],
    ),
    "a resource that does not exist": Row(
        (76, 77, 93),
        EVERY,
        (Ask("resources/read", {"uri": "connect://nobody"}),),
        lambda revision: [error(-32602 if revision == E else -32002, 1)],
    ),
    "resources/read without a uri": Row((78,), EVERY, (Ask("resources/read", {}),), [error(-32602, 1)]),
    "resources": Row(
        (79,),
        EVERY,
        (Ask("resources/list"), Ask("resources/templates/list", ident=2)),
        [holding("resources"), {**holding("resourceTemplates"), "id": 2}],
    ),
    "an unknown prompt": Row((80,), EVERY, (Ask("prompts/get", {"name": "nope"}),), [error(-32602, 1)]),
    "a prompt's argument that is missing": Row(
        (81,), EVERY, (Ask("prompts/get", {"name": "weekly_digest"}),), [error(-32602, 1)]
    ),
    "a log level that is none": Row(
        (82,), OLD, (request("logging/setLevel", {"level": "shouty"}),), [error(-32602, 1)]
    ),
    "a log level": Row(
        (82,), OLD, tuple(request("logging/setLevel", {"level": level}) for level in LEVELS), [PING] * len(LEVELS)
    ),
    "a cancellation of nothing": Row(
        (84,), EVERY, (request("notifications/cancelled", {"requestId": 4711}, ident=ABSENT),), []
    ),
    # the era without a handshake
    "server/discover as the first line": Row(
        (87,),
        NEW,
        (request("server/discover", {"_meta": META}),),
        [result(lambda value: value["supportedVersions"] == [E] and "logging" in value["capabilities"])],
        fresh=True,
    ),
    "tools/list as the first line": Row(
        (88,),
        NEW,
        (request("tools/list", {"_meta": META}),),
        [result(lambda value: (value["resultType"], value["cacheScope"]) == ("complete", "public"))],
        fresh=True,
    ),
    "a modern request without _meta": Row(
        (89,),
        NEW,
        (request("server/discover", {}), request("tools/list", {}, ident=2), request("server/discover", ident=3)),
        [error(-32602, 1), error(-32602, 2), error(-32602, 3)],
        fresh=True,
    ),
    "_meta without capabilities": Row(
        (90,),
        NEW,
        (request("tools/list", {"_meta": meta(clientCapabilities=ABSENT)}),),
        [error(-32602, 1)],
    ),
    "_meta with and without who the client is": Row(
        (90,),
        NEW,
        (
            request("tools/list", {"_meta": meta(clientInfo={"name": "k", "version": "1"})}),
            request("tools/list", {"_meta": meta(clientInfo=ABSENT)}),
        ),
        [TOOLS, TOOLS],
    ),
    "a revision that is not supported": Row(
        (91,), NEW, (request("tools/list", {"_meta": meta(protocolVersion="1900-01-01")}),), [error(-32022, 1)]
    ),
    "a legacy revision where each request stands alone": Row(
        (91,), NEW, (request("tools/list", {"_meta": meta(protocolVersion=D)}),), [error(-32022, 1)]
    ),
    "a revision that is no text": Row(
        (91,), NEW, (request("tools/list", {"_meta": meta(protocolVersion=20260728)}),), [error(-32602, 1)]
    ),
    "what this era no longer has": Row(
        (92,),
        NEW,
        (Ask("ping"), Ask("logging/setLevel", {"level": "info"}, 2), Ask("initialize", {}, 3)),
        [error(-32601, 1), error(-32601, 2), error(-32601, 3)],
    ),
    "a log level in _meta that is none": Row(
        (96,), NEW, (request("tools/list", {"_meta": meta(logLevel="shouty")}),), [error(-32602, 1)]
    ),
    "subscriptions/listen": Row(
        (97,),
        NEW,
        (
            Ask("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, "s"),
            request("notifications/cancelled", {"requestId": "s"}, ident=ABSENT),
        ),
        [
            {
                "method": "notifications/subscriptions/acknowledged",
                "params": {"_meta": {"io.modelcontextprotocol/subscriptionId": "s"}, "notifications": {}},
            }
        ],
    ),
    "subscriptions/listen to what is none": Row(
        (97,),
        NEW,
        (
            Ask("subscriptions/listen", {}),
            Ask("subscriptions/listen", {"notifications": {"toolsListChanged": 1}}, 2),
            Ask("subscriptions/listen", {"notifications": {"resourceSubscriptions": [1]}}, 3),
        ),
        [error(-32602, 1), error(-32602, 2), error(-32602, 3)],
    ),
}

ELSEWHERE = {
    1: "test_stdio.py: test_a_whole_session_says_nothing_but_protocol",
    3: "test_stdio.py: test_a_request_may_come_in_pieces_or_with_others",
    4: "test_stdio.py: test_a_request_may_come_in_pieces_or_with_others",
    8: "test_stdio.py: test_a_request_may_come_in_pieces_or_with_others",
    14: "test_stdio.py: test_the_key_is_nowhere_in_what_it_says",
    15: "test_streams.py: test_a_stderr_that_nobody_reads_holds_nothing_up",
    16: "test_stdio.py: test_what_a_library_prints_goes_to_stderr_and_a_child_reads_nothing",
    29: "test_offered.py: test_what_is_declared_is_served_and_nothing_else",
    30: "test_streams.py: test_nothing_is_said_unasked",
    31: "test_streams.py: test_it_ends_by_itself_and_cleanly",
    32: "test_streams.py: test_it_ends_by_itself_and_cleanly",
    33: "test_stdio.py: test_everything_read_before_eof_is_answered",
    34: "test_streams.py: test_it_ends_by_itself_and_cleanly",
    35: "test_stdio.py: test_a_call_that_still_runs_after_eof_is_answered_as_cancelled",
    56: "test_streams.py: test_thirty_requests_back_to_back_get_thirty_answers",
    57: "test_checks.py: test_each_fact_holds",
    58: "test_checks.py: test_each_fact_holds",
    62: "test_offered.py: test_every_schema_is_an_object_schema_without_what_hosts_refuse",
    63: "test_offered.py: test_names_are_unique_and_fit_every_host",
    64: "test_checks.py: test_lists_are_the_same_bytes_each_time",
    68: "test_offered.py: test_wrong_arguments_are_the_tools_own_error",
    69: "test_offered.py: test_wrong_arguments_are_the_tools_own_error",
    70: "test_offered.py: test_a_result_is_structured_where_the_revision_has_that",
    71: "test_calls.py: test_a_bug_is_told_without_its_text_and_the_next_call_is_served",
    83: "test_offered.py: test_progress_rises_under_the_clients_token_and_ends_with_the_answer",
    85: "test_stdio.py: test_a_cancelled_call_is_not_answered",
    86: "test_stdio.py: test_ping_is_answered_while_a_call_runs",
    99: "test_streams.py: test_another_process_gives_the_same_lists",
}

NOT_OURS = {
    94: "no tool needs input from the user",
    95: "no tool needs a capability of the client",
    98: "for servers of the modern era alone; ours serves both",
}

CASES = [(name, revision) for name, row in ROWS.items() for revision in row.revisions]


@pytest.mark.parametrize(("name", "revision"), CASES, ids=[f"{name} - {revision}" for name, revision in CASES])
def test_each_fact_holds(name: str, revision: str) -> None:
    """Talk checks the form of each message too: its members, its codes, and that it is of its revision."""
    row = ROWS[name]
    talk = Talk(None if row.fresh else revision)
    got = [gist(message) for sent in row.sent for message in talk.say(_line(talk, sent))]
    assert got == (row.answers(revision) if callable(row.answers) else row.answers)
    assert "result" in talk.ask("tools/list", ident="alive")[0] or row.fresh


def _line(talk: Talk, sent: Ask | bytes) -> bytes:
    return sent if isinstance(sent, bytes) else talk.line(*sent)


def test_an_unsupported_revision_is_told_which_there_are() -> None:
    [answer] = Talk(E).say(request("tools/list", {"_meta": meta(protocolVersion="1900-01-01")}))
    assert answer["error"]["data"] == {"supported": [E], "requested": "1900-01-01"}


def test_a_resource_that_does_not_exist_is_named() -> None:
    [answer] = Talk(D).ask("resources/read", {"uri": "connect://nobody"})
    assert answer["error"]["data"] == {"uri": "connect://nobody"}


@pytest.mark.parametrize("revision", EVERY)
@pytest.mark.parametrize("method", ["tools/list", "resources/list", "resources/templates/list", "prompts/list"])
def test_lists_are_the_same_bytes_each_time(revision: str, method: str) -> None:
    talk = Talk(revision)
    first = json.dumps(talk.ask(method))
    talk.say(b"{")
    talk.ask("tools/call", {"name": "nope"})
    assert json.dumps(talk.ask(method)) == first == json.dumps(Talk(revision).ask(method))


def test_every_fact_is_in_one_of_the_tables() -> None:
    told = {number for row in ROWS.values() for number in row.numbers}
    assert sorted([*told, *ELSEWHERE, *NOT_OURS]) == list(range(1, 100))


@pytest.mark.parametrize("place", sorted(set(ELSEWHERE.values())))
def test_a_fact_that_is_tested_elsewhere_is(place: str) -> None:
    file, name = place.split(": ")
    assert re.search(rf"^def {name}\(", (Path(__file__).parent / file).read_text(encoding="utf-8"), re.MULTILINE)
