import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.folders import folders
from support.cli import CommandLine


def cursor(data: dict[str, Any]) -> dict[str, Any]:
    (host,) = [host for host in data["hosts"] if host["host"] == "cursor"]
    (file,) = host["files"]
    found: dict[str, Any] = file
    return found


def test_a_machine_without_hosts_says_so(connect_mcp: CommandLine) -> None:
    ran = connect_mcp("status")
    assert ran.code == 0
    assert "no host was found on this machine" in ran.out


def test_our_entry_is_present_changed_by_hand_and_then_wiped(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    path = home / ".cursor" / "mcp.json"
    content = json.loads(path.read_text())

    content["mcpServers"]["connect"]["disabled"] = True  # the user's own key is no change of ours
    path.write_text(json.dumps(content))
    assert cursor(connect_mcp("status", "--json").data)["servers"][0]["state"] == "present"

    content["mcpServers"]["connect"]["args"] = ["serve"]
    path.write_text(json.dumps(content))
    assert cursor(connect_mcp("status", "--json").data)["servers"][0]["state"] == "changed"

    path.write_text('{"mcpServers": {}}')
    assert cursor(connect_mcp("status", "--json").data)["servers"][0]["state"] == "missing"
    assert "gone since we put it" in connect_mcp("status").out


def test_other_peoples_servers_are_listed_by_name_alone(connect_mcp: CommandLine, home: Path) -> None:
    (home / ".cursor").mkdir()
    (home / ".cursor" / "mcp.json").write_text('{"mcpServers": {"a\\u001b[31m": {"command": "secret-command"}}}')
    ran = connect_mcp("status")
    assert "`a\\x1b[31m`" in ran.out
    assert "secret-command" not in ran.out


def test_a_file_that_cannot_be_read_is_named_with_its_place_and_the_rest_goes_on(
    connect_mcp: CommandLine, home: Path
) -> None:
    (home / ".cursor").mkdir()
    (home / ".cursor" / "mcp.json").write_text('{\n  "mcpServers": [\n')
    (home / ".codex").mkdir()
    ran = connect_mcp("status")
    assert ran.code == 0
    assert "cannot be read" in ran.out
    assert "OpenAI Codex" in ran.out


def test_a_file_that_is_the_users_and_the_projects_is_told_once(
    connect_mcp: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    data = connect_mcp("status", "--json").data
    assert cursor(data)["scope"] == "user"


def test_a_file_in_the_state_folders_place_keeps_nobody_from_looking(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    state = folders().state
    shutil.rmtree(state)
    state.touch()
    ran = connect_mcp("status")
    assert ran.code == 0
    assert "`connect`" in ran.out


def test_looking_makes_no_file(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("status")
    connect_mcp("doctor")
    assert list(home.iterdir()) == []
