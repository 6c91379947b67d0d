"""Servers that are switched off, and servers that were copied, as real hosts see them."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.cli import CommandLine
from support.real_hosts import ClaudeControl, HostPrograms, install

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]


@pytest.fixture(scope="session")
def programs() -> HostPrograms:
    return install()


@pytest.fixture
def connect_mcp(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


def state_in_claude(programs: HostPrograms, home: Path, project: Path, name: str) -> str:
    control = ClaudeControl(programs, home, project)
    try:
        return str(control.server(name)["status"])
    finally:
        control.close()


def in_codex(programs: HostPrograms, home: Path, name: str) -> dict[str, Any]:
    listed = programs.run(home, "codex", "mcp", "list", "--json")
    (entry,) = [entry for entry in json.loads(listed.stdout) if entry["name"] == name]
    found: dict[str, Any] = entry
    return found


def test_each_host_sees_the_server_off_and_then_on_again(
    programs: HostPrograms, connect_mcp: CommandLine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = ("codex", "claude-code", "opencode")
    monkeypatch.chdir(tmp_path)  # Claude Code keeps the switch for each project
    assert connect_mcp("configure", *hosts, "--embedded", "--no-verify").code == 0

    assert connect_mcp("disable", *hosts).code == 0
    assert in_codex(programs, home, "connect")["enabled"] is False
    assert state_in_claude(programs, home, tmp_path, "connect") == "disabled"
    assert "disabled" in programs.run(home, "opencode", "mcp", "list", cwd=tmp_path).stdout

    assert connect_mcp("enable", *hosts).code == 0
    assert in_codex(programs, home, "connect")["enabled"] is True
    assert state_in_claude(programs, home, tmp_path, "connect") == "connected"
    assert "disabled" not in programs.run(home, "opencode", "mcp", "list", cwd=tmp_path).stdout


def test_what_a_host_wrote_itself_is_copied_so_that_the_others_read_it(
    programs: HostPrograms, connect_mcp: CommandLine, home: Path
) -> None:
    (home / ".codex").mkdir()
    header = "Authorization: Bearer ${TOKEN}"
    add = ["claude", "mcp", "add", "-s", "user"]
    assert (
        programs.run(home, *add, "--transport", "http", "far", "https://x.example/mcp", "--header", header).returncode
        == 0
    )
    assert programs.run(home, *add, "near", "-e", "A=b", "--", "echo", "hi").returncode == 0

    ran = connect_mcp("copy", "--from", "claude-code", "--to", "codex,opencode")
    assert ran.code == 0, ran.out + ran.err
    far = in_codex(programs, home, "far")["transport"]
    assert (far["type"], far["url"], far["bearer_token_env_var"]) == (
        "streamable_http",
        "https://x.example/mcp",
        "TOKEN",
    )
    near = in_codex(programs, home, "near")["transport"]
    assert (near["command"], near["args"], near["env"]) == ("echo", ["hi"], {"A": "b"})

    merged = json.loads(programs.run(home, "opencode", "debug", "config").stdout)["mcp"]
    assert (merged["far"]["type"], merged["far"]["url"]) == ("remote", "https://x.example/mcp")
    assert merged["near"]["command"] == ["echo", "hi"]
    assert merged["near"]["environment"] == {"A": "b"}
