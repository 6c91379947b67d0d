import json
from pathlib import Path

from support.cli import CommandLine

PLANTED = "arc_live_planted_00000000"
TWO = f"""{{"mcpServers": {{"git": {{"command": "g", "env": {{"TOKEN": "{PLANTED}"}}}}, "github": {{"command": "h"}}}}}}
"""


def written(home: Path, content: str) -> Path:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text(content)
    return path


def test_only_the_entry_of_exactly_that_name_goes(connect_mcp: CommandLine, home: Path) -> None:
    path = written(home, TWO)
    assert connect_mcp("remove", "cursor", "--name", "git").code == 0
    assert json.loads(path.read_text()) == {"mcpServers": {"github": {"command": "h"}}}


def test_a_name_that_is_not_there_is_refused_and_the_others_are_named(connect_mcp: CommandLine, home: Path) -> None:
    path = written(home, TWO)
    ran = connect_mcp("remove", "cursor", "--name", "gi")
    assert ran.code == 1
    assert "its entries there: `git`, `github`" in ran.err
    assert path.read_text() == TWO


def test_when_one_host_has_no_such_entry_no_file_is_touched(connect_mcp: CommandLine, home: Path) -> None:
    path = written(home, TWO)
    assert connect_mcp("remove", "cursor", "claude-code", "--name", "git").code == 1
    assert path.read_text() == TWO


def test_a_dry_run_shows_what_goes_without_its_secrets(connect_mcp: CommandLine, home: Path) -> None:
    path = written(home, TWO)
    ran = connect_mcp("remove", "cursor", "--name", "git", "--dry-run")
    assert ran.code == 0
    assert '-{"mcpServers": {"git": {"command": "g", "env": {"TOKEN": "********"}}' in ran.out
    assert PLANTED not in ran.out
    assert path.read_text() == TWO


def test_what_configure_made_goes_without_a_trace(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    ran = connect_mcp("remove", "cursor", "--json")
    path = str(home / ".cursor" / "mcp.json")
    assert ran.data["hosts"] == [{"host": "cursor", "path": path, "name": "connect", "kept_for": []}]
    assert not (home / ".cursor").exists()


def test_remove_can_be_undone(connect_mcp: CommandLine, home: Path) -> None:
    path = written(home, TWO)
    connect_mcp("remove", "cursor", "--name", "git")
    assert connect_mcp("undo").code == 0
    assert path.read_text() == TWO


def test_all_that_we_put_goes_in_one_transaction_and_comes_back_in_one(connect_mcp: CommandLine, home: Path) -> None:
    path = written(home, TWO)
    connect_mcp("configure", "cursor", "codex", "--embedded", "--no-verify")
    connect_mcp("configure", "cursor", "--name", "other", "--no-verify", "--", "/opt/x")
    ran = connect_mcp("remove", "--all", "--json")
    assert [(fact["hosts"], fact["name"]) for fact in ran.data["removed"]] == [
        (["cursor"], "connect"),
        (["codex"], "connect"),
        (["cursor"], "other"),
    ]
    assert path.read_text() == TWO
    assert not (home / ".codex").exists()
    assert connect_mcp("undo").code == 0
    assert set(json.loads(path.read_text())["mcpServers"]) == {"git", "github", "connect", "other"}
    assert (home / ".codex" / "config.toml").exists()


def test_all_of_one_host_leaves_the_others(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "codex", "--embedded", "--no-verify")
    assert connect_mcp("remove", "--all", "cursor").code == 0
    assert not (home / ".cursor").exists()
    assert (home / ".codex" / "config.toml").exists()
    assert "there is nothing that we put" in connect_mcp("remove", "--all", "cursor").out


def test_an_entry_that_a_host_wiped_is_forgotten(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    (home / ".cursor" / "mcp.json").write_text("{}")
    assert connect_mcp("remove", "--all").code == 0
    assert (home / ".cursor" / "mcp.json").read_text() == "{}"
    assert "nothing that we put" in connect_mcp("remove", "--all").out


def test_somebody_elses_servers_are_not_ours_to_remove(connect_mcp: CommandLine, home: Path) -> None:
    path = written(home, TWO)
    assert "nothing that we put" in connect_mcp("remove", "--all").out
    assert connect_mcp("remove").code == 2
    assert path.read_text() == TWO
