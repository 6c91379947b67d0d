"""Secrets on their way into real hosts' servers: from the store, and from the host's own environment."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from connect_mcp.base.folders import folders
from connect_mcp.base.secrets import Store
from support import servers
from support.cli import CommandLine
from support.real_hosts import CodexAppServer, HostPrograms, install

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]

HOSTS = ("codex", "claude-code", "opencode")
PLANTED = "planted-0123456789"

# Ends at once unless it was given the secret, and not the text that was to be replaced by it.
PICKY = f"""
if os.environ.get("GITHUB_TOKEN") != "{PLANTED}":
    sys.exit("no token")
"""


@pytest.fixture(scope="session")
def programs() -> HostPrograms:
    return install()


@pytest.fixture
def connect_mcp(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


def configure(connect_mcp: CommandLine, folder: Path, *options: str) -> None:
    command = servers.server(folder, PICKY)
    ran = connect_mcp("configure", *HOSTS, "--name", "gh", "--no-verify", "--yes", *options, "--", *command)
    assert ran.code == 0, ran.err


def see_it(programs: HostPrograms, home: Path, env: Mapping[str, str]) -> dict[str, bool]:
    """Which hosts have the server's tools."""
    codex = CodexAppServer(programs, home, home, env)
    try:
        tools = codex.tools("gh")
    finally:
        codex.close()
    claude = programs.run(home, "claude", "mcp", "list", env=env).stdout
    opencode = programs.run(home, "opencode", "mcp", "list", env=env).stdout
    return {"codex": bool(tools), "claude-code": "Connected" in claude, "opencode": "connected" in opencode}


def test_hosts_start_a_server_with_what_the_store_has(
    programs: HostPrograms, connect_mcp: CommandLine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", PLANTED)
    configure(connect_mcp, tmp_path, "--env", "GITHUB_TOKEN")
    monkeypatch.delenv("GITHUB_TOKEN")
    assert see_it(programs, home, {}) == dict.fromkeys(HOSTS, True)
    holding = [path for path in home.rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes()]
    assert [os.fspath(path) for path in holding] == [Store(folders().config).path]
    Store(folders().config).restore("GITHUB_TOKEN", None)
    assert see_it(programs, home, {}) == dict.fromkeys(HOSTS, False)


def test_hosts_put_in_what_a_reference_names(
    programs: HostPrograms, connect_mcp: CommandLine, home: Path, tmp_path: Path
) -> None:
    configure(connect_mcp, tmp_path, "--secret", "GITHUB_TOKEN", "--secrets", "reference")
    assert see_it(programs, home, {"GITHUB_TOKEN": PLANTED}) == dict.fromkeys(HOSTS, True)
    assert see_it(programs, home, {"GITHUB_TOKEN": "another"}) == dict.fromkeys(HOSTS, False)
