import signal
import sys
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.handshake import Ready, handshake
from support.processes import is_gone
from support.servers import server

PLANTED = "arc_live_planted_00000000"
PATIENCE = 60.0  # for a busy machine; a good server answers at once


def shake(argv: list[str], timeout: float = PATIENCE, env: dict[str, str] | None = None) -> Ready:
    return handshake(argv, env, None, timeout=timeout)


def refusal(argv: list[str], timeout: float = PATIENCE, env: dict[str, str] | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        shake(argv, timeout, env)
    return caught.value


def test_a_good_server_is_ready_with_its_tools(tmp_path: Path) -> None:
    ready = shake(server(tmp_path))
    assert ready.tools == ("echo", "fail", "whoami")
    assert ready.server_info == {"name": "small", "version": "1.0"}
    assert ready.revision == "2025-11-25"
    assert ready.stray == ()
    assert 0 < ready.seconds < PATIENCE


def test_every_page_of_the_tool_list_is_asked_for(tmp_path: Path) -> None:
    faults = """
def result(method, params, usual=result):
    if method != "tools/list":
        return usual(method, params)
    page = int(params.get("cursor", "0"))
    return {"tools": [TOOLS[page]], **({"nextCursor": str(page + 1)} if page < 2 else {})}
"""
    assert shake(server(tmp_path, faults)).tools == ("echo", "fail", "whoami")


def test_the_server_is_ended_by_closing_its_input(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    faults = f"""
import atexit
atexit.register(lambda: open({str(mark)!r}, "w").write("clean"))
"""
    shake(server(tmp_path, faults))
    assert mark.read_text() == "clean"


def test_a_server_that_asks_something_first_is_answered(tmp_path: Path) -> None:
    faults = """
def handle(line, usual=handle):
    if json.loads(line).get("method") == "initialize":
        say({"jsonrpc": "2.0", "id": "p", "method": "ping"})
        say({"jsonrpc": "2.0", "id": "r", "method": "roots/list"})
        say({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
        assert json.loads(sys.stdin.buffer.readline()) == {"jsonrpc": "2.0", "id": "p", "result": {}}
        assert json.loads(sys.stdin.buffer.readline())["error"]["code"] == -32601
    usual(line)
"""
    assert shake(server(tmp_path, faults)).stray == ()


def test_what_is_no_message_on_stdout_is_told_and_masked(tmp_path: Path) -> None:
    faults = f"""
say("Welcome to \\x1b[31msmall!")
say('{{"level": "info", "token": "{PLANTED}"}}')
say("")
os.write(1, b"\\xff\\xfe\\n")
"""
    assert shake(server(tmp_path, faults)).stray == (
        "Welcome to \\x1b[31msmall!",
        '{"level": "info", "token": "********"}',
        "\\xff\\xfe",
    )


def test_names_that_would_control_a_terminal_are_shown_as_escapes(tmp_path: Path) -> None:
    assert shake(server(tmp_path, 'TOOLS = [tool("\\x1b[2Jx")]')).tools == ("\\x1b[2Jx",)


def test_a_server_without_tools_has_none(tmp_path: Path) -> None:
    faults = """
def result(method, params):
    assert method == "initialize"
    return {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": INFO}
"""
    assert shake(server(tmp_path, faults)).tools == ()


def test_a_command_that_is_not_there_is_refused() -> None:
    assert "was not found" in refusal(["no-such-program-here"]).what


def test_a_server_that_exits_is_refused_with_its_code_and_last_words(tmp_path: Path) -> None:
    faults = f"""
print("missing \\x1b[31msetting", file=sys.stderr)
print("password: hunter2, key {PLANTED}, word swordfish", file=sys.stderr)
raise SystemExit(7)
"""
    caught = refusal(server(tmp_path, faults), env={"A_TOKEN": "swordfish"})
    assert "exited with code 7 before it answered `initialize`" in caught.what
    assert "missing \\x1b[31msetting" in caught.why
    assert not [secret for secret in ("hunter2", PLANTED, "swordfish") if secret in str(caught)]


def test_a_server_that_dies_of_a_signal_says_which(tmp_path: Path) -> None:
    faults = """
def result(method, params, usual=result):
    if method == "tools/list":
        os.kill(os.getpid(), signal.SIGKILL)
    return usual(method, params)
"""
    caught = refusal(server(tmp_path, faults))
    assert f"was ended by signal {int(signal.SIGKILL)} before it answered `tools/list`" in caught.what


def test_a_server_whose_child_holds_its_output_open_is_seen_to_be_gone(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    faults = f"""
pid = os.fork()
if pid == 0:
    time.sleep(600)
open({str(mark)!r}, "w").write(str(pid))
os._exit(5)
"""
    assert "exited with code 5" in refusal(server(tmp_path, faults)).what
    assert is_gone(int(mark.read_text()))


def test_a_server_that_never_answers_is_refused_in_time_and_left_nowhere(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    faults = f"""
open({str(mark)!r}, "w").write(str(os.getpid()))
def answer(message): pass
"""
    assert "did not answer `initialize` within 2 s" in refusal(server(tmp_path, faults), timeout=2).what
    assert is_gone(int(mark.read_text()))


def test_a_server_that_only_floods_is_refused_in_time(tmp_path: Path) -> None:
    caught = refusal(server(tmp_path, "while True: os.write(1, b'noise\\n' * 1000)"), timeout=2)
    assert "did not answer `initialize` within 2 s" in caught.what
    assert "not MCP: noise; noise; noise" in caught.why


def test_an_error_answer_is_refused_with_its_message(tmp_path: Path) -> None:
    faults = f"""
def answer(message):
    say({{"jsonrpc": "2.0", "id": message["id"], "error": {{"code": -1, "message": "no \\x1b licence {PLANTED}"}}}})
"""
    caught = refusal(server(tmp_path, faults))
    assert "answered `initialize` with an error" in caught.what
    assert caught.why == "it said: no \\x1b licence ********"


@pytest.mark.parametrize(
    ("faults", "what"),
    [
        ("def result(method, params): return {}", "without protocolVersion, serverInfo and capabilities"),
        ("def result(method, params): return []", "with neither a result nor an error"),
        ("TOOLS = 7", "without a list of tools"),
        ("TOOLS = [{}]", "with a tool that has no name"),
        (
            "def result(m, p, usual=result): return {**usual(m, p), 'nextCursor': 'again'}",
            "with a nextCursor that leads nowhere",
        ),
        (
            "def result(m, p, usual=result): return {**usual(m, p), 'nextCursor': p.get('cursor', '') + 'x'}",
            "with more than 100 pages",
        ),
    ],
)
def test_answers_that_no_client_can_use_are_refused(tmp_path: Path, faults: str, what: str) -> None:
    assert what in refusal(server(tmp_path, faults)).what


def test_a_server_that_closes_its_output_but_lives_is_refused_for_that(tmp_path: Path) -> None:
    caught = refusal(server(tmp_path, "os.close(1); time.sleep(600)"), timeout=PATIENCE)
    assert "closed its standard output" in caught.what


def test_the_handshake_needs_no_event_loop_and_no_heavy_module() -> None:
    import subprocess

    code = "import connect_mcp.base.handshake, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"asyncio", "argparse", "httpx2", "mcp", "starlette", "psutil", "tomlkit"} & set(loaded)
