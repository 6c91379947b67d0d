"""A server at a URL, written by the command that a user types: real hosts list it, reach it and see its tools."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import CommandLine
from support.http_server import HttpServer, http_server
from support.real_hosts import ClaudeControl, CodexAppServer, HostPrograms, install
from support.small_sdk_server import sdk_server

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]

TOKEN = "hunter2-hunter2"


@pytest.fixture(scope="session")
def programs() -> HostPrograms:
    return install()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    """Our own server on loopback, which wants a token."""
    monkeypatch.setenv("DOOR", TOKEN)
    with http_server("--embedded", "--token-env", "DOOR") as running:
        yield running


@pytest.fixture
def configured(server: HttpServer, home: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    header = ("--header", f"Authorization=Bearer {TOKEN}", "--secrets", "inline")
    hosts = ("codex", "claude-code", "opencode")
    ran = CommandLine(capsys)("configure", *hosts, "--name", "far", "--url", server.url, *header, "--json")
    assert ran.code == 0, ran.out
    assert [fact["verified"]["tools"] for fact in ran.data["hosts"]] == [47, 47, 47]
    assert TOKEN not in ran.out
    return home


def test_codex_reaches_it(programs: HostPrograms, configured: Path, server: HttpServer, tmp_path: Path) -> None:
    (listed,) = json.loads(programs.run(configured, "codex", "mcp", "list", "--json").stdout)
    assert (listed["name"], listed["transport"]["url"]) == ("far", server.url)
    codex = CodexAppServer(programs, configured, tmp_path)
    try:
        assert len(codex.tools("far")) == 47
        assert not codex.call("far", "list_workspaces", {}).get("isError")
    finally:
        codex.close()


def test_claude_code_reaches_it(programs: HostPrograms, configured: Path, tmp_path: Path) -> None:
    listed = programs.run(configured, "claude", "mcp", "list").stdout
    assert "far: " in listed
    assert "Connected" in listed
    claude = ClaudeControl(programs, configured, tmp_path)
    try:
        assert len(claude.server("far")["tools"]) == 47
    finally:
        claude.close()


def test_opencode_reaches_it(programs: HostPrograms, configured: Path) -> None:
    listed = programs.run(configured, "opencode", "mcp", "list").stdout
    assert "far" in listed
    assert "connected" in listed
    assert "failed" not in listed


def test_hosts_that_speak_sse_reach_a_server_over_it(
    programs: HostPrograms, home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with sdk_server("sse") as url:
        hosts = ("claude-code", "opencode")
        ran = CommandLine(capsys)("configure", *hosts, "--name", "old", "--url", f"{url}/sse", "--transport", "sse")
        assert ran.code == 0, ran.out
        assert ran.out.count("2 tools") == 2
        claude = ClaudeControl(programs, home, tmp_path)
        try:
            assert len(claude.server("old")["tools"]) == 2
        finally:
            claude.close()
        listed = programs.run(home, "opencode", "mcp", "list").stdout
        assert "connected" in listed
        assert "failed" not in listed
