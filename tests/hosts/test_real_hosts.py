"""The main job, end to end: one command writes the bundled server into real hosts' configs, and they use it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import CommandLine
from support.http_server import http_server
from support.real_hosts import ClaudeControl, CodexAppServer, HostPrograms, install

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]

HOSTS = ("codex", "claude-code", "opencode")


@pytest.fixture(scope="session")
def programs() -> HostPrograms:
    return install()


@pytest.fixture
def connect_mcp(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def configured(connect_mcp: CommandLine, home: Path) -> Path:
    """A home in which our server was configured for the three hosts, by the command that a user types."""
    ran = connect_mcp("configure", *HOSTS, "--embedded", "--yes", "--json")
    assert ran.code == 0, ran.out
    assert [fact["verified"]["tools"] for fact in ran.data["hosts"]] == [47, 47, 47]
    return home


@pytest.fixture
def codex(programs: HostPrograms, configured: Path, tmp_path: Path) -> Iterator[CodexAppServer]:
    server = CodexAppServer(programs, configured, tmp_path)
    yield server
    server.close()


@pytest.fixture
def claude(programs: HostPrograms, configured: Path, tmp_path: Path) -> Iterator[ClaudeControl]:
    control = ClaudeControl(programs, configured, tmp_path)
    yield control
    control.close()


def test_codex_reads_the_entry(programs: HostPrograms, configured: Path) -> None:
    listed = programs.run(configured, "codex", "mcp", "list", "--json")
    (entry,) = json.loads(listed.stdout)
    assert entry["name"] == "connect"
    assert entry["enabled"] is True
    assert entry["transport"]["args"] == ["serve", "--embedded"]


def test_codex_lists_47_tools_and_gets_a_real_answer(codex: CodexAppServer) -> None:
    assert len(codex.tools("connect")) == 47
    result = codex.call("connect", "list_workspaces", {})
    assert not result.get("isError")
    workspaces = json.loads(result["content"][0]["text"])["results"]
    assert workspaces
    assert all(workspace["slug"] for workspace in workspaces)


def test_claude_code_connects(programs: HostPrograms, configured: Path) -> None:
    listed = programs.run(configured, "claude", "mcp", "list").stdout
    assert "connect: " in listed
    assert "Connected" in listed


def test_claude_code_lists_47_tools_and_gets_a_real_answer(claude: ClaudeControl) -> None:
    state = claude.server("connect")
    assert state["status"] == "connected"
    assert len(state["tools"]) == 47
    answer = claude.call("connect", "list_workspaces", {})
    assert "slug" in json.dumps(answer)


def test_opencode_connects(programs: HostPrograms, configured: Path) -> None:
    listed = programs.run(configured, "opencode", "mcp", "list").stdout
    assert "connect" in listed
    assert "connected" in listed
    assert "failed" not in listed


TOKEN = {"FAR_TOKEN": "what-the-server-wants"}


@pytest.fixture
def far(connect_mcp: CommandLine, home: Path) -> Iterator[Path]:
    """A home in which our server over HTTP was configured for the three hosts: once with its token, once without."""
    with http_server("--embedded", "--port", "0", "--token-env", "FAR_TOKEN", env=TOKEN) as server:
        options = ("--url", server.url, "--no-verify", "--yes")
        secret = ("--secret", "FAR_TOKEN=Authorization", "--secrets", "reference")
        assert connect_mcp("configure", *HOSTS, "--name", "far", *secret, *options).code == 0
        assert connect_mcp("configure", *HOSTS, "--name", "locked", *options).code == 0
        yield home


def lines(listed: str) -> dict[str, str]:
    """What a host says of each server, by its name: the line that it stands in."""
    return {name: line for line in listed.splitlines() for name in ("far", "locked") if f"{name} " in f"{line} "}


def test_claude_code_reaches_a_remote_server_and_fills_in_its_token(programs: HostPrograms, far: Path) -> None:
    said = programs.run(far, "claude", "mcp", "list", env=TOKEN).stdout.replace(":", " ")
    assert "Connected" in lines(said)["far"]
    assert "Connected" not in lines(said)["locked"]


def test_opencode_reaches_a_remote_server_and_fills_in_its_token(programs: HostPrograms, far: Path) -> None:
    said = lines(programs.run(far, "opencode", "mcp", "list", env=TOKEN).stdout)
    assert "connected" in said["far"]
    assert "needs authentication" in said["locked"]


def test_codex_reaches_a_remote_server_and_fills_in_its_token(programs: HostPrograms, far: Path) -> None:
    server = CodexAppServer(programs, far, far, TOKEN)
    try:
        assert len(server.tools("far")) == 47
        assert server.tools("locked") == ()
    finally:
        server.close()


HOSTS_OWN_ADD = {
    "codex": ("codex", "mcp", "add", "mine", "--env", "A=b", "--", "echo", "hi"),
    "claude-code": ("claude", "mcp", "add", "-s", "user", "mine", "--", "echo", "hi"),
    "opencode": ("opencode", "mcp", "add", "mine", "--env", "A=b", "--", "echo", "hi"),
}
FILES = {
    "codex": ".codex/config.toml",
    "claude-code": ".claude.json",
    "opencode": ".config/opencode/opencode.jsonc",
}


@pytest.mark.parametrize("host", HOSTS)
def test_a_file_that_the_host_wrote_itself_comes_back_byte_for_byte(
    programs: HostPrograms, connect_mcp: CommandLine, home: Path, host: str
) -> None:
    (home / ".codex").mkdir()
    wrote = programs.run(home, *HOSTS_OWN_ADD[host])
    assert wrote.returncode == 0, wrote.stderr
    path = home / FILES[host]
    before = path.read_bytes()
    assert b"mine" in before

    assert connect_mcp("configure", host, "--embedded", "--no-verify").code == 0
    once = path.read_bytes()
    assert once != before
    assert connect_mcp("configure", host, "--embedded", "--no-verify").code == 0
    assert path.read_bytes() == once
    assert connect_mcp("remove", host, "--yes").code == 0
    assert path.read_bytes() == before
