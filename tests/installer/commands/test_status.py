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


def states(data: dict[str, Any], host: str) -> dict[tuple[str, str], dict[str, Any]]:
    (found,) = [one for one in data["hosts"] if one["host"] == host]
    return {(file["scope"], server["name"]): server for file in found["files"] for server in file["servers"]}


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_an_entry_that_another_scopes_entry_hides_says_which_file_wins(
    connect_mcp: CommandLine, home: Path, tmp_path: Path
) -> None:
    write(home / ".cursor" / "mcp.json", '{"mcpServers": {"x": {"command": "a"}, "mine": {"command": "a"}}}')
    write(tmp_path / ".cursor" / "mcp.json", '{"mcpServers": {"x": {"command": "b"}}}')
    found = states(connect_mcp("status", "--project", str(tmp_path), "--json").data, "cursor")
    assert found["user", "x"]["state"] == "shadowed"
    assert found["user", "x"]["shadowed_by"] == {"scope": "project", "path": str(tmp_path / ".cursor" / "mcp.json")}
    assert found["user", "mine"]["state"] == found["project", "x"]["state"] == "present"
    shown = connect_mcp("status", "cursor", "--project", str(tmp_path)).out
    assert f"`x`: shadowed by the entry of project scope in {tmp_path}/.cursor/mcp.json" in shown


def test_three_scopes_of_one_host_stand_in_its_own_order(connect_mcp: CommandLine, home: Path, tmp_path: Path) -> None:
    entry = {"type": "stdio", "command": "a"}
    servers = {"mcpServers": {"x": entry}}
    write(home / ".claude.json", json.dumps({**servers, "projects": {str(tmp_path): servers}}))
    write(tmp_path / ".mcp.json", json.dumps(servers))
    found = states(connect_mcp("status", "--project", str(tmp_path), "--json").data, "claude-code")
    assert {scope: server["state"] for (scope, _), server in found.items()} == {
        "local": "present",
        "project": "shadowed",
        "user": "shadowed",
    }
    assert found["user", "x"]["shadowed_by"]["scope"] == "local"


def test_an_entry_that_the_host_does_not_take_is_broken_and_hides_nothing(
    connect_mcp: CommandLine, home: Path, tmp_path: Path
) -> None:
    write(home / ".cursor" / "mcp.json", '{"mcpServers": {"x": {"command": "a"}}}')
    write(tmp_path / ".cursor" / "mcp.json", '{"mcpServers": {"x": {"command": 7}}}')
    write(home / ".codex" / "config.toml", '[mcp_servers."a b"]\ncommand = "a"\n')
    data = connect_mcp("status", "--project", str(tmp_path), "--json").data
    assert states(data, "cursor")["project", "x"]["state"] == "broken"
    assert states(data, "cursor")["user", "x"]["state"] == "present"
    assert "silently never starts" in states(data, "codex")["user", "a b"]["why"]


def test_what_is_off_says_so_in_whatever_way_the_host_keeps_it(
    connect_mcp: CommandLine, home: Path, tmp_path: Path
) -> None:
    write(home / ".codex" / "config.toml", '[mcp_servers.x]\ncommand = "a"\nenabled = false\n')
    off = {"mcpServers": {"x": {"command": "a"}}, "projects": {str(tmp_path): {"disabledMcpServers": ["x"]}}}
    write(home / ".claude.json", json.dumps(off))
    data = connect_mcp("status", "--project", str(tmp_path), "--json").data
    assert states(data, "codex")["user", "x"]["state"] == "disabled"
    assert states(data, "claude-code")["user", "x"]["state"] == "disabled"
    assert states(connect_mcp("status", "--json").data, "claude-code")["user", "x"]["state"] == "present"


def test_ours_in_a_file_that_cannot_be_read_is_broken_and_not_missing(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    (home / ".cursor" / "mcp.json").write_text('{"mcpServers": {')
    assert cursor(connect_mcp("status", "--json").data)["servers"][0]["state"] == "broken"


def test_what_we_put_into_another_project_is_told_as_well(connect_mcp: CommandLine, home: Path, tmp_path: Path) -> None:
    connect_mcp("configure", "cursor", "--scope", "project", "--project", str(tmp_path), "--embedded", "--no-verify")
    (found,) = connect_mcp("status", "--json").data["hosts"]
    path = tmp_path / ".cursor" / "mcp.json"
    assert found["elsewhere"] == [{"path": str(path), "name": "connect", "state": "present"}]
    path.unlink()
    assert "`connect`: gone since we put it" in connect_mcp("status").out


def test_named_hosts_are_told_alone_and_also_where_they_are_not_here(connect_mcp: CommandLine, home: Path) -> None:
    write(home / ".cursor" / "mcp.json", "{}")
    data = connect_mcp("status", "codex", "vscode", "--json").data
    assert [host["host"] for host in data["hosts"]] == ["codex", "vscode"]
    assert connect_mcp("status", "nothing").code == 2
