"""Switching off and on again, over every config fixture of every host, byte for byte."""

import json
from pathlib import Path

import pytest

from connect_mcp.base.machine import this_machine
from connect_mcp.installer.editors.model import NAMES
from connect_mcp.installer.hosts.all_hosts import HOSTS, find
from connect_mcp.installer.hosts.model import Host
from support.cli import CommandLine

CONFIGS = Path(__file__).parents[2] / "fixtures" / "configs"
SWITCHED = [host for host in HOSTS if host.off or host.off_names]
AFTERS = sorted(path for host in SWITCHED for path in CONFIGS.glob(f"{host.id}/*/after.*"))

each_host = pytest.mark.parametrize("host", list(HOSTS), ids=lambda host: host.id)


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@each_host
def test_every_row_says_how_a_server_is_switched_off(host: Host) -> None:
    assert bool(host.off or host.off_names) is not bool(host.off_by_hand)
    if host.off_names:
        location = host.off_names.locate(this_machine(), "/nowhere")
        assert location.section.keyed_by == NAMES


@pytest.mark.parametrize("after", AFTERS, ids=lambda path: f"{path.parent.parent.name}/{path.parent.name}")
def test_off_and_on_again_gives_every_byte_back(
    connect_mcp: CommandLine, home: Path, tmp_path: Path, after: Path
) -> None:
    case = json.loads((after.parent / "case.json").read_text(encoding="utf-8"))
    name = (case.get("spec") or json.loads((CONFIGS / "spec.json").read_text(encoding="utf-8")))["name"]
    host, scope = find(after.parent.parent.name), case["scope"]
    machine = this_machine()
    content = after.read_bytes().replace(b"/home/user/project", str(tmp_path).encode())
    path = put(Path(host.locate(machine, scope, str(tmp_path)).path), content)
    place = ["--scope", scope, *([] if scope == "user" else ["--project", str(tmp_path)])]
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}

    off = connect_mcp("disable", host.id, "--name", name, *place, "--json")
    assert off.code == 0, off.err or off.out
    (fact,) = off.data["hosts"]
    if fact["action"] == "unchanged":  # a fixture that is off to begin with
        return
    (told,) = connect_mcp("status", host.id, *place[2:], "--json").data["hosts"]
    found = [server for file in told["files"] if file["scope"] == scope for server in file["servers"]]
    if scope == "user" or host.off:
        assert [server["off"] for server in found if server["name"] == host.entry_key(name)] == [True]
    again = connect_mcp("disable", host.id, "--name", name, *place)
    assert "is off already" in again.out
    assert connect_mcp("enable", host.id, "--name", name, *place).code == 0
    assert path.read_bytes() == content
    assert {path: path.read_bytes() for path in before if path.exists()} == before


CODEX = '[mcp_servers.x]\ncommand = "a"  # mine\n'


def test_a_key_that_was_there_is_turned_and_not_taken_out(connect_mcp: CommandLine, home: Path) -> None:
    before = CODEX + "enabled = true # yes\n\n[other]\n"
    path = put(home / ".codex" / "config.toml", before.encode())
    connect_mcp("disable", "codex", "--name", "x")
    assert "enabled = false # yes" in path.read_text()
    path.write_text(path.read_text() + "a = 1\n")  # somebody else writes meanwhile
    connect_mcp("enable", "codex", "--name", "x")
    assert path.read_text() == before + "a = 1\n"


def test_what_a_person_switched_off_is_switched_on(connect_mcp: CommandLine, home: Path) -> None:
    path = put(home / ".config" / "opencode" / "opencode.json", b"")
    path.write_text('{"mcp": {"x": {"type": "local", "command": ["a"], "enabled": false, "disabled": true}}}')
    assert connect_mcp("enable", "opencode", "--name", "x").code == 0
    assert path.read_text() == '{"mcp": {"x": {"type": "local", "command": ["a"]}}}'


def test_somebody_elses_server_does_not_become_ours_by_it(connect_mcp: CommandLine, home: Path) -> None:
    put(home / ".codex" / "config.toml", CODEX.encode())
    connect_mcp("disable", "codex", "--name", "x")
    (file,) = connect_mcp("status", "codex", "--json").data["hosts"][0]["files"]
    (server,) = file["servers"]
    assert (server["ours"], server["state"]) == (False, "disabled")


def test_undo_takes_a_switch_back(connect_mcp: CommandLine, home: Path) -> None:
    path = put(home / ".codex" / "config.toml", CODEX.encode())
    connect_mcp("disable", "codex", "--name", "x")
    assert "switched on" not in connect_mcp("undo").out
    assert path.read_text() == CODEX


def test_a_host_that_keeps_it_elsewhere_says_how_a_person_does_it(connect_mcp: CommandLine, home: Path) -> None:
    path = put(home / ".cursor" / "mcp.json", b'{"mcpServers": {"x": {"command": "a"}}}')
    ran = connect_mcp("disable", "cursor", "--name", "x")
    assert ran.code == 1
    assert "Settings > MCP" in ran.err
    assert path.read_bytes() == b'{"mcpServers": {"x": {"command": "a"}}}'


def test_one_host_that_cannot_keeps_all_others_as_they_were(connect_mcp: CommandLine, home: Path) -> None:
    path = put(home / ".codex" / "config.toml", CODEX.encode())
    put(home / ".cursor" / "mcp.json", b'{"mcpServers": {"x": {"command": "a"}}}')
    assert connect_mcp("disable", "codex", "cursor", "--name", "x").code == 1
    assert path.read_text() == CODEX


def test_a_server_that_is_not_there_is_refused_and_the_others_are_named(connect_mcp: CommandLine, home: Path) -> None:
    put(home / ".codex" / "config.toml", CODEX.encode())
    ran = connect_mcp("disable", "codex", "--name", "y")
    assert ran.code == 1
    assert "its servers: `x`" in ran.err


def test_a_dry_run_shows_the_line_and_writes_nothing(connect_mcp: CommandLine, home: Path) -> None:
    path = put(home / ".codex" / "config.toml", CODEX.encode())
    assert "+enabled = false" in connect_mcp("disable", "codex", "--name", "x", "--dry-run").out
    assert path.read_text() == CODEX


@pytest.mark.parametrize("host", [host for host in HOSTS if host.off_names], ids=lambda host: host.id)
def test_a_server_that_is_removed_while_it_is_off_is_on_when_it_comes_back(
    connect_mcp: CommandLine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: Host
) -> None:
    monkeypatch.chdir(tmp_path)
    add = ["configure", host.id, "--name", "x", "--no-verify", "--", "/opt/x"]
    assert connect_mcp(*add).code == 0
    assert connect_mcp("disable", host.id, "--name", "x").code == 0
    assert connect_mcp("remove", host.id, "--name", "x").code == 0
    assert [path for path in home.rglob("*") if path.is_file() and ".local" not in path.parts] == []
    assert connect_mcp(*add).code == 0
    (told,) = connect_mcp("status", host.id, "--json").data["hosts"]
    assert [server["state"] for file in told["files"] for server in file["servers"]] == ["present"]


def test_a_server_of_the_same_name_stays_off_when_another_is_removed(
    connect_mcp: CommandLine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    theirs = put(tmp_path / ".mcp.json", b'{"mcpServers": {"x": {"command": "theirs"}}}')
    assert connect_mcp("configure", "claude-code", "--name", "x", "--no-verify", "--", "/opt/x").code == 0
    assert connect_mcp("disable", "claude-code", "--name", "x").code == 0
    assert connect_mcp("remove", "--all").code == 0
    (told,) = connect_mcp("status", "claude-code", "--json").data["hosts"]
    assert [server["off"] for file in told["files"] for server in file["servers"]] == [True]
    assert theirs.exists()


def test_a_list_in_a_projects_settings_counts_as_well(
    connect_mcp: CommandLine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put(home / ".gemini" / "settings.json", b'{"mcpServers": {"x": {"command": "a"}}, "mcp": {"excluded": ["y"]}}')
    theirs = put(tmp_path / ".gemini" / "settings.json", b'{"mcp": {"excluded": ["x", "z"]}}')
    assert "switched off" in connect_mcp("status", "gemini-cli").out
    assert "is off already" in connect_mcp("disable", "gemini-cli", "--name", "x").out
    assert connect_mcp("enable", "gemini-cli", "--name", "x").code == 0
    assert theirs.read_bytes() == b'{"mcp": {"excluded": ["z"]}}'
    assert "switched off" not in connect_mcp("status", "gemini-cli").out
