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
