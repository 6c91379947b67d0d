import json
import shutil
from pathlib import Path

import pytest

from connect_mcp.base.machine import this_machine
from connect_mcp.installer.hosts.all_hosts import HOSTS
from connect_mcp.installer.hosts.model import Host
from support.cli import CommandLine


def cursor_file(home: Path) -> Path:
    return home / ".cursor" / "mcp.json"


def test_what_a_host_wiped_comes_back_and_undo_takes_it_out_again(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "codex", "--embedded", "--no-verify")
    was = cursor_file(home).read_text()
    cursor_file(home).write_text('{"mcpServers": {}, "theme": "dark"}')
    ran = connect_mcp("configure", "--reapply")
    assert ran.code == 0
    assert "Cursor: `connect` in ~/.cursor/mcp.json: put back" in ran.out
    assert "OpenAI Codex: `connect` in ~/.codex/config.toml: is as we put it" in ran.out
    assert json.loads(cursor_file(home).read_text()) == {**json.loads(was), "theme": "dark"}
    assert connect_mcp("undo").code == 0
    assert cursor_file(home).read_text() == '{"mcpServers": {}, "theme": "dark"}'


def test_a_file_that_is_gone_is_made_again(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    was = cursor_file(home).read_bytes()
    shutil.rmtree(home / ".cursor")
    assert connect_mcp("configure", "--reapply").code == 0
    assert cursor_file(home).read_bytes() == was


@pytest.mark.parametrize("host", [host for host in HOSTS if "user" in host.scopes], ids=lambda host: host.id)
def test_every_hosts_entry_comes_back_as_it_was(connect_mcp: CommandLine, home: Path, host: Host) -> None:
    location = host.locate(this_machine())
    forced = ["--force"] if host.before_create(this_machine(), location) else []  # a program for Windows alone
    assert connect_mcp("configure", host.id, "--name", "x", "--no-verify", *forced, "--", "/opt/x", "a").code == 0
    path = Path(location.path)
    was = path.read_bytes()
    path.unlink()
    ran = connect_mcp("configure", "--reapply", host.id, *forced)
    assert ran.code == 0, ran.out
    assert path.read_bytes() == was


def test_what_was_changed_by_hand_stays_and_that_is_said(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    was = cursor_file(home).read_text()
    content = json.loads(was)
    content["mcpServers"]["connect"]["args"] = ["serve"]
    cursor_file(home).write_text(json.dumps(content))
    ran = connect_mcp("configure", "--reapply")
    assert ran.code == 0
    assert "left as it is: it was changed by hand since; --force puts back what we wrote" in ran.out
    assert json.loads(cursor_file(home).read_text()) == content
    assert connect_mcp("configure", "--reapply", "--force").code == 0
    assert json.loads(cursor_file(home).read_text()) == json.loads(was)


def test_a_project_that_is_gone_is_not_made_again(connect_mcp: CommandLine, home: Path, tmp_path: Path) -> None:
    project = tmp_path / "a" / "project"
    project.mkdir(parents=True)
    connect_mcp("configure", "cursor", "--scope", "project", "--project", str(project), "--embedded", "--no-verify")
    shutil.rmtree(tmp_path / "a")
    ran = connect_mcp("configure", "--reapply")
    assert "its folder is gone" in ran.out
    assert not (tmp_path / "a").exists()


def test_a_file_that_cannot_be_read_is_left_and_named(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "codex", "--embedded", "--no-verify")
    cursor_file(home).write_text('{"mcpServers": {')
    (home / ".codex" / "config.toml").write_text("")
    ran = connect_mcp("configure", "--reapply", "--json")
    assert ran.code == 1
    told = {fact["hosts"][0]: fact["action"] for fact in ran.data["reapplied"]}
    assert told == {"cursor": "left", "codex": "put back"}


def test_what_an_entry_needs_beside_it_comes_back_with_it(connect_mcp: CommandLine, home: Path) -> None:
    argv = ["configure", "vscode", "--name", "x", "--secret", "MY_TOKEN", "--secrets", "reference", "--no-verify"]
    assert connect_mcp(*argv, "--", "/opt/x").code == 0
    path = home / ".config" / "Code" / "User" / "mcp.json"
    was = path.read_bytes()
    assert b'"inputs"' in was
    path.write_text("{}")
    assert connect_mcp("configure", "--reapply").code == 0
    assert json.loads(path.read_bytes()) == json.loads(was)


def test_a_dry_run_shows_it_and_writes_nothing(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    cursor_file(home).write_text("{}")
    ran = connect_mcp("configure", "--reapply", "--dry-run")
    assert '+    "connect"' in ran.out
    assert cursor_file(home).read_text() == "{}"


def test_nothing_recorded_is_nothing_to_do(connect_mcp: CommandLine, home: Path) -> None:
    ran = connect_mcp("configure", "--reapply")
    assert ran.code == 0
    assert "nothing that we put" in ran.out
    assert list(home.iterdir()) == []


def test_a_file_that_its_host_would_not_read_is_not_added_to(connect_mcp: CommandLine, home: Path) -> None:
    assert connect_mcp("configure", "codex", "--embedded", "--no-verify").code == 0
    path = home / ".codex" / "config.toml"
    broken = '[mcp_servers.mine]\ncommand = "a"\nurl = "https://x"\n'
    path.write_text(broken)
    ran = connect_mcp("configure", "--reapply")
    assert ran.code == 1
    assert "config.toml:3:1: OpenAI Codex reads nothing of this file" in ran.err
    assert path.read_text() == broken
    assert connect_mcp("configure", "--reapply", "--force").code == 0
