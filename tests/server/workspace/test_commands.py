"""`connect-mcp workspace …`, in this process where it ends by itself and as a process where it serves."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from connect_mcp.server.workspace.app import EMBEDDED_KEY, MEMBER_KEY, READ_ONLY_KEY
from connect_mcp.server.workspace.seed import seeded_id
from connect_mcp.server.workspace.store import FILE_NAME
from support.cli import CommandLine
from support.workspace_api import Api
from support.workspace_server import COMMAND, PATIENCE, environment, served

GENERAL = f"/channels/{seeded_id('channel', 'makers/general')}/messages/"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="a terminal and signals as POSIX has them")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


def test_the_first_line_says_where_the_workspace_is_and_which_keys_it_has(tmp_path: Path) -> None:
    with served(tmp_path) as workspace:
        assert {key["key"] for key in workspace.said["keys"]} == {EMBEDDED_KEY, MEMBER_KEY, READ_ONLY_KEY}
        for key in workspace.said["keys"]:
            me = workspace.ask("GET", "/auth/me/", key["key"]).json()
            assert (me["username"], me["scopes"]) == (key["username"], key["scopes"])


def test_for_a_person_the_same_is_one_plain_line(tmp_path: Path) -> None:
    command = [*COMMAND, "serve", "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        url, _, keys = process.stdout.readline().partition(" ")
        process.kill()
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/api/v1")
    assert keys == f"(keys: {EMBEDDED_KEY}, {MEMBER_KEY}, {READ_ONLY_KEY})\n"


def test_ipv6_loopback_is_served_too(tmp_path: Path) -> None:
    if not _has_ipv6():
        pytest.skip("this machine has no ::1")
    with served(tmp_path, "--host", "::1") as workspace:
        assert workspace.url.startswith("http://[::1]:")
        assert workspace.ask("GET", "/auth/me/").status_code == 200


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_with_the_file_whole(tmp_path: Path, number: signal.Signals) -> None:
    with served(tmp_path) as workspace:
        assert workspace.ask("POST", GENERAL, json={"body": "Kept"}).status_code == 201
        workspace.process.send_signal(number)
        assert workspace.process.wait(PATIENCE) == 0
    assert [file.name for file in tmp_path.iterdir()] == [FILE_NAME]
    assert Api(tmp_path).get(GENERAL)["results"][0]["body"] == "Kept"


@POSIX
def test_a_request_under_way_does_not_keep_it(tmp_path: Path) -> None:
    with served(tmp_path, "--allow-failures") as workspace:
        address = httpx2.URL(workspace.url)
        assert address.port is not None
        with socket.create_connection((address.host, address.port)) as client:
            client.sendall(
                b"GET /api/v1/auth/me/ HTTP/1.1\r\nHost: localhost\r\nX-Workspace-Fail: latency=3600\r\n\r\n"
            )
            assert workspace.ask("GET", "/auth/me/").status_code == 200
            workspace.process.terminate()
            assert workspace.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "", "name.invalid", "a" * 100 + ".invalid"])
def test_other_addresses_than_loopback_are_refused(run: CommandLine, tmp_path: Path, host: str) -> None:
    ran = run("workspace", "serve", "--host", host, "--data-dir", str(tmp_path / "data"))
    assert ran.code == 2
    assert "loopback addresses only" in ran.err
    assert not (tmp_path / "data").exists()


def test_a_port_in_use_is_refused(run: CommandLine, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = run("workspace", "serve", "--port", str(taken.getsockname()[1]), "--data-dir", str(tmp_path))
    assert ran.code == 1
    assert "--port 0" in ran.err


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_cannot_be_is_refused(run: CommandLine, tmp_path: Path, port: str) -> None:
    assert run("workspace", "serve", f"--port={port}", "--data-dir", str(tmp_path)).code == 2


def test_a_page_that_gives_its_own_name_our_address_gets_nothing(tmp_path: Path) -> None:
    ours = ("localhost", "LOCALHOST:80", "127.0.0.1", "127.1.2.3:5", "[::1]:80")
    others = ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "")
    with served(tmp_path) as workspace:
        for host in ours + others:
            answer = workspace.ask("GET", "/auth/me/", headers={"Host": host})
            assert answer.status_code == (200 if host in ours else 400), host


def test_several_servers_share_one_workspace(tmp_path: Path) -> None:
    with served(tmp_path) as one, served(tmp_path) as other:
        posted = one.ask("POST", GENERAL, json={"body": "From one"}).json()
        assert other.ask("GET", GENERAL).json()["results"][0] == posted


def test_a_reset_reaches_a_running_server(run: CommandLine, tmp_path: Path) -> None:
    with served(tmp_path) as workspace:
        before = workspace.ask("GET", GENERAL).json()
        workspace.ask("POST", GENERAL, json={"body": "Soon gone"})
        ran = run("workspace", "reset", "--yes", "--data-dir", str(tmp_path))
        assert (ran.code, ran.out) == (0, f"{tmp_path / FILE_NAME} is back to its seed.\n")
        after = workspace.ask("GET", GENERAL).json()
        assert [message["id"] for message in after["results"]] == [message["id"] for message in before["results"]]
        assert workspace.ask("POST", GENERAL, json={"body": "Stays"}).status_code == 201


def test_a_reset_asks_and_off_a_terminal_nobody_can_answer(run: CommandLine, tmp_path: Path) -> None:
    Api(tmp_path).post(GENERAL, {"body": "Kept"})
    ran = run("workspace", "reset", "--data-dir", str(tmp_path))
    assert ran.code == 2
    assert "connect-mcp workspace reset --yes" in ran.err
    assert Api(tmp_path).get(GENERAL)["results"][0]["body"] == "Kept"


@POSIX
@pytest.mark.parametrize(
    ("answer", "code", "kept"), [(b"y\n", 0, False), (b"\n", 1, True), (b"no\n", 1, True), (b"\x04", 1, True)]
)
def test_on_a_terminal_only_a_yes_resets(tmp_path: Path, answer: bytes, code: int, kept: bool) -> None:
    import pty

    Api(tmp_path).post(GENERAL, {"body": "Kept?"})
    ours, theirs = pty.openpty()
    command = [*COMMAND, "reset", "--data-dir", str(tmp_path)]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment())
    os.close(theirs)
    asked = b""
    while b"[y/N]" not in asked:
        asked += os.read(ours, 4096)
    os.write(ours, answer)
    assert process.wait(PATIENCE) == code
    os.close(ours)
    assert (Api(tmp_path).get(GENERAL)["results"][0]["body"] == "Kept?") is kept


def test_a_file_that_is_no_workspace_is_not_reset(run: CommandLine, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"my precious notes, not a database at all" * 50)
    ran = run("workspace", "reset", "--yes", "--data-dir", str(tmp_path))
    assert ran.code == 1
    assert f"{tmp_path / FILE_NAME} cannot be reset" in ran.err
    assert (tmp_path / FILE_NAME).read_bytes().startswith(b"my precious notes")


def test_the_path_is_the_file_in_the_users_folder_or_in_the_one_named(
    run: CommandLine, tmp_path: Path, home: Path
) -> None:
    assert run("workspace", "path", "--data-dir", str(tmp_path)).out == f"{tmp_path / FILE_NAME}\n"
    path = Path(run("workspace", "path").out.rstrip("\n"))
    assert home in path.parents
    assert not path.exists()


@pytest.mark.parametrize("argv", [[], ["explode"], ["serve", "--port", "many"], ["path", "--yes"]])
def test_a_command_line_that_cannot_be_meant_is_usage(run: CommandLine, argv: list[str]) -> None:
    assert run("workspace", *argv).code == 2


def test_the_help_describes_the_failures(run: CommandLine) -> None:
    assert "X-Workspace-Fail" in run("workspace", "serve", "--help").out


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
