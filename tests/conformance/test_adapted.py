import json
import sys
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.conformance.player import Player
from connect_mcp.conformance.replay import Calls, Server, replay
from connect_mcp.conformance.report import Replayed, as_data, as_text
from connect_mcp.conformance.session import FORMAT, META_REVISION
from support.http_server import http_server
from support.servers import server

Event = dict[str, object]
ANY = Calls(any_tool=True)
MODERN = {
    META_REVISION: "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "modern", "version": "2"},
    "io.modelcontextprotocol/clientCapabilities": {"sampling": {}},
}
LOG = 'log = open(LOG, "a")\ndef handle(line, usual=handle): log.write(line.decode()); log.flush(); usual(line)\n'
ERROR = "say({'jsonrpc': '2.0', 'id': m['id'], 'error': {'code': -32601, 'message': 'no'}})"


def request(identity: int, method: str, **params: Any) -> Event:
    given = {"params": params} if params else {}
    return {"ev": "host", "msg": {"jsonrpc": "2.0", "id": identity, "method": method, **given}}


def notification(method: str, **params: Any) -> Event:
    given = {"params": params} if params else {}
    return {"ev": "host", "msg": {"jsonrpc": "2.0", "method": method, **given}}


def answer(identity: int, **result: Any) -> Event:
    return {"ev": "server", "msg": {"jsonrpc": "2.0", "id": identity, "result": result}}


def error(identity: int) -> Event:
    return {"ev": "server", "msg": {"jsonrpc": "2.0", "id": identity, "error": {"code": -32601, "message": "m"}}}


START = [
    request(
        5,
        "initialize",
        protocolVersion="2025-11-25",
        capabilities={"roots": {}},
        clientInfo={"name": "h", "version": "1"},
    ),
    answer(5, protocolVersion="2025-11-25"),
    notification("notifications/initialized"),
]
LIST = [request(6, "tools/list"), answer(6, tools=[])]
CALL = [request(7, "tools/call", name="theirs", arguments={"x": 1}, _meta={"progressToken": 7}), answer(7, content=[])]
END: list[Event] = [{"ev": "eof", "of": "stdin"}]
PROBE = [request(1, "server/discover", _meta=MODERN), error(1)]


def session(folder: Path, *events: Event) -> Path:
    path = folder / "adapted.jsonl"
    lines = [{"format": FORMAT, "version": 1}, *({"t": 0, **event} for event in events)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def play(
    folder: Path, faults: str, *events: Event, calls: Calls = ANY, timeout: float = 20
) -> tuple[Replayed, list[dict[str, Any]]]:
    """What came of it, and what the server got."""
    log = folder / "log"
    log.write_text("", encoding="utf-8")
    command = server(folder, LOG.replace("LOG", repr(str(log)), 1) + faults)
    result = replay(session(folder, *events), Server(command), timeout=timeout, adapted=calls)
    return result, [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def test_the_host_keeps_its_ids_and_order_and_calls_this_servers_tool_with_arguments_that_fit(tmp_path: Path) -> None:
    faults = "TOOLS[0]['inputSchema'] = {'type': 'object', 'properties': {'n': {'type': 'integer'}}, 'required': ['n']}"
    result, got = play(tmp_path, faults, *START, *LIST, *CALL, *END)
    assert (result.outcome, result.answers, result.differences, result.notes) == ("pass", 3, (), ())
    assert [(message["method"], message.get("id")) for message in got] == [
        ("initialize", 5),
        ("notifications/initialized", None),
        ("tools/list", 6),
        ("tools/call", 7),
    ]
    assert got[0]["params"]["capabilities"] == {"roots": {}}
    assert got[3]["params"] == {"_meta": {"progressToken": 7}, "name": "echo", "arguments": {"n": 1}}
    assert "3 messages judged in " in as_text([result])
    assert as_data([result])["sessions"][0]["adapted"] is True  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    ("faults", "shown"),
    [
        (
            "del TOOLS[1]['inputSchema']",
            "not what 2025-11-25 has: tools/list: result.tools[1] has no inputSchema",
        ),
        (
            "def call(n, a): return {'content': [{'type': 'text'}]}",
            "not what 2025-11-25 has: tools/call: result.content[0] has no text",
        ),
        (
            f"def answer(m, usual=answer):\n    {ERROR} if m['id'] == 6 else usual(m)",
            'the answer to tools/list is an error: -32601, "no"',
        ),
        (
            f"def answer(m, usual=answer):\n    {ERROR} if m['id'] == 7 else usual(m)",
            'the answer to tools/call is an error: -32601, "no"',
        ),
        ("say('ready\\x1b[1m')", "a line that is no message was not recorded: ready\\x1b[1m"),
        (
            "def answer(m, usual=answer): usual(m); m['id'] == 6 and usual(m)",
            "not what 2025-11-25 has: id is that of no request without an answer",
        ),
        (
            "def answer(m, usual=answer): usual(m); say({'jsonrpc': '2.0', 'id': 1, 'method': 'tools/list'})",
            'tools/list: method is "tools/list": 2025-11-25 has no such request from a server',
        ),
        (
            "say([{'jsonrpc': '2.0', 'id': 6, 'result': {}}])",
            "only 2025-03-26 has batches",
        ),
        (
            "import atexit; atexit.register(time.sleep, 600)",
            "the server still ran 0.5 s after its input had ended",
        ),
    ],
)
def test_what_the_host_could_not_use_fails_with_a_line_that_names_it(
    tmp_path: Path, faults: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Player, "end_patience", 0.5)
    result, _ = play(tmp_path, faults, *START, *LIST, *CALL, *END)
    assert result.outcome == "fail"
    assert shown in as_text([result])


def test_a_notification_that_no_revision_has_is_noted_and_skipped(tmp_path: Path) -> None:
    faults = "def answer(m, usual=answer): usual(m); say({'jsonrpc': '2.0', 'method': 'x/odd'})"
    result, _ = play(tmp_path, faults, *START, *LIST, *END)
    assert (result.outcome, result.differences) == ("pass", ())
    assert result.notes == (
        'x/odd: method is "x/odd": 2025-11-25 has no such notification from a server; hosts skip what they do not know',
    )


def test_a_call_without_an_answer_fails_where_the_server_answers_a_later_ping(tmp_path: Path) -> None:
    faults = "def answer(m, usual=answer): m['id'] == 7 or usual(m)"
    result, _ = play(tmp_path, faults, *START, *LIST, *CALL, *END, timeout=0.5)
    assert [difference.what for difference in result.differences] == [
        "the answer to tools/call (id 7) did not come within 0.5 s; a later ping was answered"
    ]


def test_a_server_that_never_stops_talking_is_not_listened_to_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Player, "fence_patience", 0.2)
    faults = """
def answer(m, usual=answer):
    usual(m)
    while m["method"] == "initialize":
        say({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x" * 100}})
"""
    result, _ = play(tmp_path, faults, *START, *LIST, *END, timeout=0.5)
    assert result.outcome == "inconclusive"
    assert "the answer to tools/list (id 6) did not come within" in result.reason


def test_a_tool_that_may_change_something_is_not_called_unasked(tmp_path: Path) -> None:
    result, got = play(tmp_path, "", *START, *LIST, *CALL, *END, calls=Calls())
    assert result.outcome == "pass"
    assert got[-1]["method"] == "tools/list"
    assert result.notes == (
        "tools/call was left out, since no tool may be called: none is annotated as read-only (--call-tools calls any)",
    )
    faults = "TOOLS[2]['annotations'] = {'readOnlyHint': True}"
    assert play(tmp_path, faults, *START, *LIST, *CALL, calls=Calls())[1][-1]["params"]["name"] == "whoami"
    examples = Calls(examples={"fail": {"a": 1}})
    assert play(tmp_path, "", *START, *LIST, *CALL, calls=examples)[1][-1]["params"]["arguments"] == {"a": 1}


def test_each_call_of_a_session_is_made_with_the_next_tool_that_may_be_called(tmp_path: Path) -> None:
    calls = [event for number in range(7, 11) for event in (request(number, "tools/call", name="x"), answer(number))]
    faults = "for row in (TOOLS[0], TOOLS[2]): row['annotations'] = {'readOnlyHint': True}"
    result, got = play(tmp_path, faults, *START, *LIST, *calls, *END, calls=Calls())
    assert (result.outcome, result.answers) == ("pass", 6)
    assert [message["params"]["name"] for message in got[3:]] == ["echo", "whoami", "echo", "whoami"]


def test_a_host_that_follows_pages_gets_the_tools_of_all_of_them(tmp_path: Path) -> None:
    faults = """
def result(m, p, usual=result):
    if m != "tools/list": return usual(m, p)
    at = int(p.get("cursor", "0"))
    return {"tools": TOOLS[at:at + 1], **({"nextCursor": str(at + 1)} if at < 2 else {})}
TOOLS[2]["annotations"] = {"readOnlyHint": True}
"""
    _, got = play(tmp_path, faults, *START, *LIST, *CALL, *END, calls=Calls())
    assert [(message.get("id"), message.get("params", {}).get("cursor")) for message in got[2:5]] == [
        (6, None),
        (8, "1"),
        (9, "2"),
    ]
    assert got[-1]["params"]["name"] == "whoami"
    first_page_only = [request(6, "tools/list"), answer(6, tools=[], nextCursor="x")]
    _, got = play(tmp_path, faults, *START, *first_page_only, *CALL, *END, calls=Calls())
    assert len(got) == 3
    endless = faults.replace("str(at + 1)", "'1'")
    assert "the same cursor again" in as_text([play(tmp_path, endless, *START, *LIST, *END)[0]])


def test_lists_that_the_server_does_not_offer_are_left_out(tmp_path: Path) -> None:
    more = [request(8, "prompts/list"), answer(8, prompts=[]), notification("notifications/cancelled", requestId=8)]
    result, got = play(tmp_path, "", *START, *LIST, *more, *END)
    assert (result.outcome, [message["method"] for message in got][-1]) == ("pass", "tools/list")
    assert result.notes == ("prompts/list was left out: the server does not offer prompts",)


def test_what_the_server_asks_is_answered_as_the_host_did_and_otherwise_refused(tmp_path: Path) -> None:
    faults = """
def answer(m, usual=answer):
    if m["method"] == "tools/list":
        for number, method in enumerate(("roots/list", "ping", "sampling/createMessage")):
            say({"jsonrpc": "2.0", "id": number, "method": method, **PARAMS.get(method, {})})
            log.write(json.dumps(json.loads(sys.stdin.buffer.readline()), sort_keys=True) + "\\n")
    usual(m)
PARAMS = {"sampling/createMessage": {"params": {"messages": [], "maxTokens": 1}}}
"""
    asked: list[Event] = [
        {"ev": "server", "msg": {"jsonrpc": "2.0", "id": "theirs", "method": "roots/list"}},
        {"ev": "host", "msg": {"jsonrpc": "2.0", "id": "theirs", "result": {"roots": [{"uri": "file:///x"}]}}},
    ]
    result, got = play(tmp_path, faults, *START, *asked, *LIST, *END)
    assert (result.outcome, result.differences) == ("pass", ())
    assert got[3:] == [
        {"jsonrpc": "2.0", "id": 0, "result": {"roots": [{"uri": "file:///x"}]}},
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        {"jsonrpc": "2.0", "id": 2, "error": {"code": -32601, "message": "Method not found"}},
    ]


def test_what_the_server_asks_once_the_host_has_gone_is_not_answered(tmp_path: Path) -> None:
    faults = "import atexit; atexit.register(say, {'jsonrpc': '2.0', 'id': 1, 'method': 'roots/list'})"
    result, _ = play(tmp_path, faults, *START, *LIST, *END)
    assert (result.outcome, result.differences) == ("pass", ())


REFUSES = f"def answer(m, usual=answer):\n    {ERROR} if m['method'] == 'server/discover' else usual(m)"
SILENT = "def answer(m, usual=answer): m['method'] == 'server/discover' or usual(m)"
MODERN_REST = [
    request(2, "subscriptions/listen", _meta=MODERN, notifications={}),
    request(3, "tools/list", _meta={**MODERN, "progressToken": 1}),
    answer(3, tools=[]),
    request(4, "tools/call", _meta=MODERN, name="theirs"),
    answer(4, content=[]),
    notification("notifications/cancelled", requestId=2),
]


@pytest.mark.parametrize(("faults", "timeout"), [(REFUSES, 20), (SILENT, 0.5)], ids=["refuses", "silent"])
def test_a_modern_host_falls_back_to_initialize_at_an_older_server(tmp_path: Path, faults: str, timeout: float) -> None:
    found = [PROBE[0], answer(1, supportedVersions=["2026-07-28"])]
    result, got = play(tmp_path, faults, *found, *MODERN_REST, *END, timeout=timeout)
    if timeout == 20:
        assert (result.outcome, result.differences) == ("pass", ())
    assert [message["method"] for message in got] == [
        "server/discover",
        "initialize",
        "notifications/initialized",
        "tools/list",
        "tools/call",
    ]
    assert got[1]["params"] == {
        "protocolVersion": "2025-11-25",
        "capabilities": {"sampling": {}},
        "clientInfo": {"name": "modern", "version": "2"},
    }
    assert got[3]["params"] == {"_meta": {"progressToken": 1}}
    assert "_meta" not in got[4]["params"]
    assert "the server has no server/discover: the host falls back to initialize" in result.notes


def test_a_server_that_dies_of_the_probe_is_inconclusive(tmp_path: Path) -> None:
    faults = "def answer(m, usual=answer): m['method'] == 'server/discover' and sys.exit(9) or usual(m)"
    result, _ = play(tmp_path, faults, *PROBE, *START, *LIST, *END)
    assert result.outcome == "inconclusive"
    assert "exited with code 9" in result.reason


def bundled(folder: Path) -> Server:
    return Server([sys.executable, "-m", "connect_mcp", "serve", "--embedded", "--data-dir", str(folder / "data")])


def test_a_host_that_fell_back_when_recorded_is_modern_at_a_modern_server(tmp_path: Path) -> None:
    path = session(tmp_path, *PROBE, *START, *LIST, *CALL, *END)
    result = replay(path, bundled(tmp_path), timeout=60, adapted=Calls())
    assert (result.outcome, result.differences, result.answers, result.notes) == ("pass", (), 3, ())


def test_a_host_is_the_same_over_http(tmp_path: Path) -> None:
    with http_server("--embedded", "--data-dir", str(tmp_path / "data")) as http:
        at = Server(url=http.url)
        for events in ([*START, *LIST, *CALL, *END], [*PROBE, *MODERN_REST, *END]):
            result = replay(session(tmp_path, *events), at, timeout=60, adapted=Calls())
            assert (result.outcome, result.differences, result.answers) == ("pass", (), 3)
