import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connect_mcp.server.stdio import lines
from support.stdio_client import PATIENCE, SERVE, Client, line, server
from support.upstream import KEY, Answer, Upstream, as_json


@pytest.fixture
def held(api: Upstream) -> Iterator[threading.Event]:
    """The API answers nothing until this event is set."""
    event = threading.Event()
    api.answer = lambda _: Answer(wait_for=event)
    yield event
    event.set()


def test_a_whole_session_says_nothing_but_protocol(client: Client) -> None:
    assert client.initialize()["serverInfo"]["name"] == "connect-mcp"
    assert len(client.ask("tools/list")["result"]["tools"]) == 47
    assert client.call("get_current_user")["structuredContent"] == {"id": "1"}
    assert client.close() == []
    assert client.process.returncode == 0
    assert client.errors() == ""


def test_without_settings_the_tools_are_listed_and_each_call_says_what_mends_it(tmp_path: Path) -> None:
    with server(tmp_path) as client:
        client.initialize()
        assert len(client.ask("tools/list")["result"]["tools"]) == 47
        for _ in range(2):
            result = client.call("list_workspaces")
            assert result["isError"] is True
            error = result["structuredContent"]
            assert error["code"] == "UNAUTHENTICATED"
            assert "ARYTHMATIC_API_BASE_URL" in error["message"]
            assert "ARYTHMATIC_API_KEY" in error["message"]
            assert "/admin/api-keys" in error["hint"]
            assert "--embedded" in error["hint"]


def test_the_embedded_workspace_answers_without_settings(tmp_path: Path) -> None:
    with server(tmp_path, "--embedded", "--data-dir", str(tmp_path / "data")) as client:
        client.initialize()
        [first, *_] = client.call("list_workspaces")["structuredContent"]["results"]
        channels = client.call("list_channels", {"workspace_slug": first["slug"]})["structuredContent"]["results"]
        posted = client.call("post_channel_message", {"channel_id": channels[0]["id"], "body": "hello é👍"})
        assert posted["structuredContent"]["body"] == "hello é👍"
        assert client.close() == []
        assert (client.process.returncode, client.errors()) == (0, "")
    assert list((tmp_path / "data").rglob("*")), "the data went to the folder that was named"


def test_a_request_may_come_in_pieces_or_with_others(client: Client) -> None:
    ping = '{"jsonrpc":"2.0","id":"é","method":"ping"}\n'.encode()
    middle = ping.index("é".encode()) + 1
    for piece in (ping[:5], ping[5:middle], ping[middle:-1], ping[-1:] + ping + ping[:3]):
        client.write(piece)
    assert [client.read()["id"] for _ in range(2)] == ["é", "é"]
    client.write(ping[3:])
    assert client.read()["result"] == {}


def test_lines_are_cut_at_lf_alone_wherever_the_chunks_end() -> None:
    source, sink = os.pipe()
    with os.fdopen(sink, "wb") as writer:
        writer.write(b"a\r\n\n" + "\u2028".encode() + b"\x0b\x85\n" + b"x" * 11 + b"\n" + b"y" * 10 + b"\nlast")
    try:
        assert list(lines(source, 10)) == [b"a\r", b"", b"\xe2\x80\xa8\x0b\x85", None, b"y" * 10, b"last"]
    finally:
        os.close(source)


def test_a_line_beyond_all_bounds_is_refused_and_not_kept(client: Client) -> None:
    client.initialize()
    block = b"x" * (1 << 20)
    for _ in range(40):
        client.write(block)
    client.write(b"\n")
    assert client.read()["error"]["code"] == -32600
    assert client.ask("ping")["result"] == {}


def test_streams_may_be_one_socket_that_does_not_block(tmp_path: Path) -> None:
    """Hosts on Node and Bun hand sockets down, and what is not blocking for them is not for the server."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with ours, theirs, (tmp_path / "stderr").open("w+b") as stderr:
        process = subprocess.Popen(SERVE, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=stderr, env=environment)
        theirs.close()
        ours.settimeout(PATIENCE)
        ours.sendall(line({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "x"}}))
        for number in range(1, 51):
            ours.sendall(line({"jsonrpc": "2.0", "id": number, "method": "tools/list"}))
        with ours.makefile("rb") as answers:
            assert [json.loads(answers.readline())["id"] for _ in range(51)] == list(range(51))
        ours.shutdown(socket.SHUT_WR)
        assert process.wait(PATIENCE) == 0
        stderr.seek(0)
        assert stderr.read() == b""


def test_ping_is_answered_while_a_call_runs(client: Client, held: threading.Event) -> None:
    client.initialize()
    call = client.send("tools/call", {"name": "get_current_user"})
    assert client.ask("ping")["result"] == {}
    held.set()
    assert client.read()["id"] == call


def test_calls_run_side_by_side(client: Client, api: Upstream) -> None:
    together = threading.Barrier(5, timeout=PATIENCE)

    def answer(_: object) -> Answer:
        together.wait()
        return as_json({"ok": 1})

    api.answer = answer
    client.initialize()
    calls = {client.send("tools/call", {"name": "get_current_user"}) for _ in range(5)}
    assert {client.read()["id"] for _ in range(5)} == calls


def test_more_calls_than_run_at_once_are_all_answered(client: Client) -> None:
    client.initialize()
    calls = [client.send("tools/call", {"name": "get_current_user"}) for _ in range(200)]
    answers = [client.read() for _ in calls]
    assert sorted(answer["id"] for answer in answers) == calls
    assert all(answer["result"]["isError"] is False for answer in answers)


def test_a_cancelled_call_is_not_answered(client: Client, held: threading.Event) -> None:
    client.initialize()
    for _ in range(20):  # more than run at once: some are cancelled while they wait
        call = client.send("tools/call", {"name": "get_current_user"})
        client.notify("notifications/cancelled", {"requestId": call})
    held.set()
    assert client.call("get_current_user")["isError"] is False
    assert client.close() == []


def test_everything_read_before_eof_is_answered(client: Client) -> None:
    client.initialize()
    ids = [client.send("tools/list") for _ in range(5)] + [client.send("tools/call", {"name": "get_current_user"})]
    client.write(b'{"jsonrpc":"2.0","id":"unfinished line","method":"ping"}')
    said = client.close()
    assert {answer["id"] for answer in said} == {*ids, "unfinished line"}
    assert client.process.returncode == 0


def test_a_client_that_reads_slowly_after_eof_loses_no_answer(client: Client) -> None:
    client.initialize()
    assert client.process.stdin is not None
    ids = [client.send("tools/list") for _ in range(8)]  # the answers are many times what a pipe holds
    client.process.stdin.close()
    said = []
    for _ in ids:
        time.sleep(0.5)
        said.append(client.read()["id"])
    assert said == ids
    assert client.close() == []
    assert client.process.returncode == 0


def test_a_client_that_reads_nothing_after_eof_does_not_keep_the_server(client: Client) -> None:
    client.initialize()
    assert client.process.stdin is not None
    for _ in range(8):
        client.send("tools/list")
    client.process.stdin.close()
    assert client.process.wait(PATIENCE) == 0


def test_a_call_that_still_runs_after_eof_is_answered_as_cancelled(client: Client, held: threading.Event) -> None:
    client.initialize()
    call = client.send("tools/call", {"name": "get_current_user"})
    [answer] = client.close()
    assert not held.is_set()
    assert answer["id"] == call
    assert answer["result"]["isError"] is True
    assert answer["result"]["structuredContent"]["code"] == "CANCELLED"
    assert (client.process.returncode, client.errors()) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("busy", [False, True])
def test_a_signal_ends_it_without_a_traceback(
    client: Client, held: threading.Event, number: signal.Signals, busy: bool
) -> None:
    client.initialize()
    if busy:
        client.send("tools/call", {"name": "get_current_user"})
        assert client.ask("ping")["result"] == {}
    assert client.end_by(number) == 0
    assert client.errors() == ""


def test_a_client_that_stops_reading_ends_it_without_a_traceback(client: Client) -> None:
    client.initialize()
    assert client.process.stdout is not None
    client.process.stdout.close()
    client.send("tools/list")
    assert client.process.wait(PATIENCE) == 0
    assert client.errors() == ""


def test_a_client_may_write_much_before_it_reads(client: Client) -> None:
    client.initialize()
    for number in range(100):  # the answers are many times what a pipe holds
        client.write(line({"jsonrpc": "2.0", "id": f"n{number}", "method": "tools/list"}))
    assert [client.read()["id"] for _ in range(100)] == [f"n{number}" for number in range(100)]


NOISY = """
import sys
from connect_mcp.server import main, stdio
serve = stdio.serve
def noisy(*given):
    import os, subprocess
    print("printed")
    os.write(1, b"written\\n")
    subprocess.run([sys.executable, "-c", "print('from a child'); print(repr(__import__('sys').stdin.read()))"])
    return serve(*given)
stdio.serve = noisy
sys.exit(main.main([]))
"""


def test_what_a_library_prints_goes_to_stderr_and_a_child_reads_nothing(tmp_path: Path) -> None:
    with server(tmp_path, command=(sys.executable, "-c", NOISY)) as client:
        client.initialize()
        assert client.close() == []
        assert set(client.errors().split("\n")) == {"printed", "written", "from a child", "''", ""}


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_it_serves_without_a_stderr(tmp_path: Path, closed: str) -> None:
    if closed.endswith("full") and not Path("/dev/full").exists():
        pytest.fail("this system has no /dev/full")
    command = ("sh", "-c", f'exec "$@" {closed}', "sh", *SERVE)
    with server(tmp_path, command=command) as client:
        client.initialize()
        assert client.call("get_current_user")["isError"] is True
        assert client.close() == []
        assert client.process.returncode == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_without_a_stream_to_serve_on_it_says_so(tmp_path: Path, closed: str) -> None:
    with server(tmp_path, command=("sh", "-c", f'exec "$@" {closed}', "sh", *SERVE)) as client:
        assert client.process.wait(PATIENCE) == 1
        assert client.errors() == "connect-mcp serve: there is no stdin and stdout to serve on\n"


def test_only_what_starts_fast_is_imported_before_the_tools_are_listed(tmp_path: Path) -> None:
    """-X importtime says what is imported, and when: nothing comes until the first call."""
    command = (SERVE[0], "-X", "importtime", *SERVE[1:])
    with server(tmp_path, "--embedded", "--data-dir", str(tmp_path / "data"), command=command) as client:
        client.initialize()
        client.ask("tools/list")
        before = imported(client.errors())
        client.call("get_current_user")
        after = imported(client.errors())
    assert {"asyncio", "httpx2", "starlette"} <= after
    slow = {"asyncio", "argparse", "dataclasses", "typing", "inspect", "logging", "urllib", "pathlib", "subprocess"}
    assert not before & slow
    ours = {"connect_mcp"} | {name for name in before if name.endswith("_hack")}  # a .pth file of setuptools
    assert before - ours <= sys.stdlib_module_names
    assert len(before) > 10


def imported(importtime: str) -> set[str]:
    """The top-level packages in what `-X importtime` wrote, those of the interpreter's own start aside."""
    names = [row.rsplit("|", 1)[1].strip() for row in importtime.splitlines() if row.startswith("import time:")]
    started = names.index("site") + 1
    return {name.split(".")[0] for name in names[started:]}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--port", "1"], "--port belongs to --transport http"),
        (["--embedded=yes"], "--embedded takes no value"),
        (["x"], "unknown argument: x"),
        (["--data-dir"], "--data-dir needs a folder"),
        (["--data-dir="], "--data-dir needs a folder"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_named(arguments: list[str], problem: str, tmp_path: Path) -> None:
    with server(tmp_path, *arguments) as client:
        assert client.process.wait(PATIENCE) == 2
        assert client.errors().startswith(f"connect-mcp serve: {problem}\n\nusage: connect-mcp serve ")


def test_help_says_how_it_is_used() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([*SERVE, "--help"], capture_output=True, text=True, env=environment, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: connect-mcp serve [--embedded | --profile NAME]")


def test_the_key_is_nowhere_in_what_it_says(client: Client, api: Upstream) -> None:
    api.answer = lambda asked: Answer(500, json.dumps({"detail": f"you sent {asked.headers}"}).encode())
    client.initialize()
    failed = json.dumps(client.call("get_current_user"))
    api.answer = lambda asked: as_json(asked.headers)
    echoed = json.dumps(client.call("get_current_user"))
    client.close()
    assert api.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert "[API key]" in failed
    assert "[API key]" in echoed
    for said in (failed, echoed, client.errors()):
        assert KEY not in said
