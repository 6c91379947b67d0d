import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.conformance.player import Player
from connect_mcp.conformance.replay import Server, replay
from connect_mcp.conformance.report import Replayed, as_data, as_text
from connect_mcp.conformance.session import FORMAT
from support.cli import shape
from support.processes import is_gone
from support.recording import converse
from support.servers import server

PLANTED = "arc_live_planted_00000000"
CLIENT = {"name": "tester", "version": "1"}
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT}


def message(method: str, params: object = None, identity: object = None) -> bytes:
    data = {"jsonrpc": "2.0", "method": method, "params": params, "id": identity}
    return json.dumps({key: value for key, value in data.items() if value is not None}).encode()


CONVERSATION = [
    message("initialize", INITIALIZE, 10),
    message("notifications/initialized"),
    message("tools/list", {}, 11),
    message("tools/call", {"name": "echo", "arguments": {"text": "hello"}}, 12),
    message("tools/call", {"name": "fail", "arguments": {"key": PLANTED}}, "thirteen"),
]


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A session of the honest server."""
    out = tmp_path / "session.jsonl"
    code, _, errors = converse(out, server(tmp_path), CONVERSATION)
    assert (code, errors) == (0, b"")
    return out


def play(session: Path, command: Sequence[str], timeout: float = 60.0) -> Replayed:
    return replay(session, Server(command), timeout=timeout)


def hand_written(folder: Path, *events: dict[str, object]) -> Path:
    path = folder / "written.jsonl"
    lines = [{"format": FORMAT, "version": 1}, *({"t": 0, **event} for event in events)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_the_server_it_was_recorded_from_passes(tmp_path: Path, recorded: Path) -> None:
    result = play(recorded, server(tmp_path))
    assert (result.outcome, result.differences, result.answers) == ("pass", (), 4)
    assert result.host == "tester 1"
    assert as_text([result]).startswith(f"pass  {recorded}, recorded from tester 1: 4 messages compared in ")


def test_a_server_that_differs_only_in_what_varies_passes(tmp_path: Path, recorded: Path) -> None:
    faults = """
INFO = {"name": "small", "version": "9.9"}
TOOLS.reverse()
def say(message, usual=say):
    usual({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}})
    usual(json.dumps(message, indent=None, sort_keys=True))
"""
    assert play(recorded, server(tmp_path, faults)).outcome == "pass"


@pytest.mark.parametrize(
    ("faults", "shown"),
    [
        (
            "def call(n, a, usual=call): return {**usual(n, a), 'isError': False}",
            'line 11: the answer to tools/call (id "thirteen") differs\n    result.isError\n    - true\n    + false\n',
        ),
        (
            "TOOLS = [*TOOLS[1:], tool('extra')]",
            "line 7: the answer to tools/list (id 11) differs\n"
            "    - result.tools[echo]: missing\n    + result.tools[extra]: not recorded\n",
        ),
        (
            "TOOLS[0]['description'] = 'Else \\x1b[31m'",
            'result.tools[echo].description\n    - "Does something."\n    + "Else \\u001b[31m"\n',
        ),
        (
            "def result(m, p, usual=result): return {**usual(m, p), 'protocolVersion': '2024-11-05'}\n",
            'result.protocolVersion\n    - "2025-11-25"\n    + "2024-11-05"\n',
        ),
        (
            "def answer(m, usual=answer):\n"
            "    if m['id'] == 12: say({'jsonrpc': '2.0', 'id': 12, 'error': {'code': -32603, 'message': 'broken'}})\n"
            "    else: usual(m)",
            "the answer to tools/call (id 12) is an error, and a result was recorded",
        ),
        (
            "def answer(m, usual=answer): usual(m); usual(m)",
            "the server sent an answer with id 10, which was not recorded",
        ),
        (
            "say({'jsonrpc': '2.0', 'method': 'notifications/odd'})",
            "the server sent notifications/odd, which was not recorded",
        ),
        (
            f"say('Welcome, {PLANTED} \\x1b[2J')",
            "a line that is no message was not recorded: Welcome, ******** \\x1b[2J",
        ),
        (
            "import atexit; atexit.register(os._exit, 3)",
            "the server exited with code 3; it had exited with code 0",
        ),
    ],
)
def test_one_difference_fails_with_a_line_that_names_it(
    tmp_path: Path, recorded: Path, faults: str, shown: str
) -> None:
    result = play(recorded, server(tmp_path, faults))
    assert result.outcome == "fail"
    assert shown in as_text([result])


def test_a_missing_answer_fails_where_the_server_answers_a_later_ping(tmp_path: Path, recorded: Path) -> None:
    faults = "def answer(m, usual=answer): m['id'] == 12 or usual(m)"
    result = play(recorded, server(tmp_path, faults), timeout=0.5)
    assert result.outcome == "fail"
    assert [difference.number for difference in result.differences] == [9]
    assert "the answer to tools/call (id 12) did not come" in as_text([result])
    assert result.answers == 3


def test_a_server_that_stops_answering_is_inconclusive(
    tmp_path: Path, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Player, "fence_patience", 0.5)
    faults = "def answer(m, usual=answer): m['id'] == 12 and time.sleep(600) or usual(m)"
    result = play(recorded, server(tmp_path, faults), timeout=0.5)
    assert (result.outcome, result.differences) == ("inconclusive", ())
    assert "the answer to tools/call (id 12) did not come within" in result.reason


def test_a_server_that_dies_is_inconclusive_and_its_last_words_are_told(tmp_path: Path, recorded: Path) -> None:
    faults = f"""
def call(name, arguments):
    print("cannot open \\x1b[1m{PLANTED}", file=sys.stderr)
    sys.exit(4)
"""
    result = play(recorded, server(tmp_path, faults))
    assert result.outcome == "inconclusive"
    assert result.reason == (
        "the server exited with code 4 (cannot open \\x1b[1m********) before the answer to tools/call (id 12) came"
    )


def test_a_flooding_server_is_inconclusive(tmp_path: Path, recorded: Path) -> None:
    result = play(recorded, server(tmp_path, "while True: os.write(1, b'noise\\n' * 1000)"))
    assert "more than 1000 messages that were not recorded" in result.reason


def test_a_server_that_ignores_the_end_is_told_and_ended(
    tmp_path: Path, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Player, "end_patience", 0.5)
    mark = tmp_path / "pid"
    faults = f"""
open({str(mark)!r}, "w").write(str(os.getpid()))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
import atexit
atexit.register(time.sleep, 600)
"""
    result = play(recorded, server(tmp_path, faults))
    assert "the server still ran 0.5 s after its input had ended; it had exited with code 0" in as_text([result])
    assert is_gone(int(mark.read_text()))


def test_a_command_that_cannot_be_started_is_refused(recorded: Path) -> None:
    with pytest.raises(Refused, match="was not found"):
        play(recorded, ["no-such-program-here"])


def test_a_secret_is_replaced_by_a_value_in_requests_and_answers_alike(tmp_path: Path, recorded: Path) -> None:
    assert PLANTED not in recorded.read_text(encoding="utf-8")
    chosen = replay(recorded, Server(server(tmp_path)), timeout=60, values={"secret:1": "chosen"})
    assert chosen.outcome == "pass"
    faults = "def call(n, a, usual=call): return usual(n, {**a, 'text': a.get('key', 'none')})"
    text = as_text([play(recorded, server(tmp_path, faults))])
    assert "replayed-secret-1" in text


def test_what_the_server_asks_is_answered_as_the_host_did_with_the_servers_own_id(tmp_path: Path) -> None:
    faults = """
def handle(line, usual=handle, number=[IDENTITY]):
    message = json.loads(line)
    if message.get("method") == "initialize":
        say({"jsonrpc": "2.0", "id": number[0], "method": "roots/list"})
        assert json.loads(sys.stdin.buffer.readline())["id"] == number[0]
    usual(line)
"""
    session = hand_written(
        tmp_path,
        {"ev": "host", "msg": json.loads(CONVERSATION[0])},
        {"ev": "server", "msg": {"jsonrpc": "2.0", "id": "then", "method": "roots/list"}},
        {"ev": "host", "msg": {"jsonrpc": "2.0", "id": "then", "result": {"roots": []}}},
        {"ev": "host", "msg": json.loads(CONVERSATION[2])},
    )
    result = play(session, server(tmp_path, faults.replace("IDENTITY", "77")))
    assert (result.outcome, result.differences) == ("pass", ())


def test_answers_may_come_in_another_order_than_recorded(tmp_path: Path) -> None:
    first, second = ({"jsonrpc": "2.0", "id": number, "method": "ping"} for number in (1, 2))
    session = hand_written(
        tmp_path,
        {"ev": "host", "msg": first},
        {"ev": "host", "msg": second},
        {"ev": "server", "msg": {"jsonrpc": "2.0", "id": 2, "result": {}}},
        {"ev": "server", "msg": {"jsonrpc": "2.0", "id": 1, "result": {}}},
        {"ev": "eof", "of": "stdin"},
    )
    assert play(session, server(tmp_path)).outcome == "pass"


PAGES = """
def result(method, params, usual=result):
    if method != "tools/list":
        return usual(method, params)
    page = {None: 0, "new-1": 1, "new-2": 2}[params.get("cursor")]
    return {"tools": [TOOLS[page]], **({"nextCursor": f"new-{page + 1}"} if page < 2 else {})}
"""


def pages(folder: Path, *answers: dict[str, object]) -> Path:
    """A session in which the host lists three pages, calls a tool in between, and gets these answers."""
    asked = [{}, {"cursor": "old-1"}, None, {"cursor": "old-2"}]
    calls = [
        message("tools/call", {"name": "echo", "arguments": {}}, number)
        if params is None
        else message("tools/list", params, number)
        for number, params in enumerate(asked, 1)
    ]
    events: list[dict[str, object]] = []
    for number, (call, answer) in enumerate(zip(calls, answers, strict=True), 1):
        events.append({"ev": "host", "msg": json.loads(call)})
        events.append({"ev": "stderr", "raw": "working"})
        events.append({"ev": "server", "msg": {"jsonrpc": "2.0", "id": number, "result": answer}})
    return hand_written(folder, *events, {"ev": "eof", "of": "stdin"}, {"ev": "exit", "code": 0, "signal": None})


def listed(name: str, **more: str) -> dict[str, object]:
    described = {"name": name, "description": "Does something.", "inputSchema": {"type": "object", "properties": {}}}
    return {"tools": [described], **more}


def three_pages(folder: Path, *, is_error: bool) -> Path:
    """A host that lists two pages, calls a tool, and lists the last."""
    called = {"content": [{"type": "text", "text": "echo: {}"}], "isError": is_error}
    first, second = listed("echo", nextCursor="old-1"), listed("fail", nextCursor="old-2")
    return pages(folder, first, second, called, listed("whoami"))


def test_a_host_that_pages_sends_the_cursors_of_this_server(tmp_path: Path) -> None:
    session = three_pages(tmp_path, is_error=False)
    result = play(session, server(tmp_path, PAGES))
    assert (result.outcome, result.differences, result.answers) == ("pass", (), 4)


def test_an_answer_that_differs_is_told_where_the_server_then_dies(tmp_path: Path) -> None:
    session = three_pages(tmp_path, is_error=True)
    dies = PAGES + "def call(n, a, usual=call): return sys.stdin.close() or usual(n, a)\n"
    result = play(session, server(tmp_path, dies))
    assert result.outcome == "inconclusive"
    assert [difference.number for difference in result.differences] == [10]


def test_malformed_lines_are_sent_byte_for_byte(tmp_path: Path) -> None:
    mark = tmp_path / "seen"
    faults = f"""
seen = open({str(mark)!r}, "wb", 0)
def handle(line):
    seen.write(line)
    line == b"last" and say({{"jsonrpc": "2.0", "id": 1, "result": {{}}}})
"""
    session = hand_written(
        tmp_path,
        {"ev": "host", "raw": '{"cut', "end": "\r\n"},
        {"ev": "host", "base64": "//4="},
        {"ev": "host", "msg": {"a": ["é"]}},
        {"ev": "host", "raw": "last", "end": ""},
        {"ev": "eof", "of": "stdin"},
        {"ev": "server", "msg": {"jsonrpc": "2.0", "id": 1, "result": {}}},
    )
    assert play(session, server(tmp_path, faults)).outcome == "pass"
    assert mark.read_bytes() == b'{"cut\r\n\xff\xfe\n' + '{"a":["é"]}\n'.encode() + b"last"


def test_a_session_in_which_the_server_says_nothing_proves_nothing(tmp_path: Path) -> None:
    session = hand_written(tmp_path, {"ev": "host", "msg": json.loads(message("notifications/initialized"))})
    result = play(session, server(tmp_path))
    assert (result.outcome, result.reason) == ("inconclusive", "the session holds nothing that could be compared")


def test_a_recorded_signal_is_sent(tmp_path: Path) -> None:
    mark = tmp_path / "seen"
    faults = f"""
signal.signal(signal.SIGUSR1, lambda *_: open({str(mark)!r}, "w").write("seen"))
"""
    session = hand_written(
        tmp_path,
        {"ev": "host", "msg": json.loads(message("ping", None, 1))},
        {"ev": "server", "msg": {"jsonrpc": "2.0", "id": 1, "result": {}}},
        {"ev": "signal", "name": "SIGUSR1"},
        {"ev": "host", "msg": json.loads(message("ping", None, 2))},
        {"ev": "server", "msg": {"jsonrpc": "2.0", "id": 2, "result": {}}},
    )
    assert play(session, server(tmp_path, faults)).outcome == "pass"
    assert mark.read_text() == "seen"


def test_the_report_as_json_says_the_same(tmp_path: Path, recorded: Path) -> None:
    good = play(recorded, server(tmp_path))
    bad = play(recorded, server(tmp_path, "TOOLS = TOOLS[1:]", "bad.py"))
    data = json.loads(json.dumps(as_data([good, bad])))
    shape("conformance-replay").validate(data)
    assert (data["version"], data["outcome"]) == (1, "fail")
    assert [session["outcome"] for session in data["sessions"]] == ["pass", "fail"]
    assert data["sessions"][1]["differences"] == [
        {
            "line": 7,
            "what": "the answer to tools/list (id 11) differs",
            "changes": [{"path": "result.tools[echo]", "expected": "present", "got": None}],
        }
    ]


def test_the_bundled_server_passes_its_own_recording(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "connect_mcp", "serve", "--embedded", "--data-dir"]
    lines = [*CONVERSATION[:3], message("tools/call", {"name": "list_workspaces", "arguments": {}}, 12)]
    out = tmp_path / "bundled.jsonl"
    assert converse(out, [*command, str(tmp_path / "one")], lines)[0] == 0
    result = play(out, [*command, str(tmp_path / "two")])
    assert (result.outcome, result.differences, result.answers) == ("pass", (), 3)


@pytest.mark.skipif(sys.platform != "linux", reason="a session of its own is out of reach elsewhere")
def test_a_child_in_a_session_of_its_own_does_not_outlive_a_replay(tmp_path: Path, recorded: Path) -> None:
    left = tmp_path / "left"
    fault = (
        "if os.fork() == 0:\n    os.setsid()\n    os.closerange(0, 3)\n"
        f"    open({str(left)!r}, 'w').write(str(os.getpid()))\n    time.sleep(600)"
    )
    command = [sys.executable, "-m", "connect_mcp", "conformance", "replay", str(recorded), "--"]
    done = subprocess.run([*command, *server(tmp_path, fault)], capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout
    assert is_gone(int(left.read_text()))
