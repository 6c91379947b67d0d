import json
from pathlib import Path

import pytest

from support.cli import CommandLine

PLANTED = "arc_live_planted_00000000"
OLD = f'{{"mcpServers": {{"git": {{"command": "g", "env": {{"TOKEN": "{PLANTED}"}}}}}}}}\n'


@pytest.fixture
def cursor(home: Path) -> Path:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text(OLD)
    return path


def configure(connect_mcp: CommandLine, *argv: str) -> None:
    assert connect_mcp("configure", *argv, "--embedded", "--no-verify").code == 0


def test_undo_says_what_it_did_and_how_to_take_that_back(connect_mcp: CommandLine, cursor: Path) -> None:
    configure(connect_mcp, "cursor")
    new = cursor.read_text()
    ran = connect_mcp("undo")
    assert ran.out.splitlines() == [
        "undid: connect-mcp configure cursor --name connect --scope user",
        "  ~/.cursor/mcp.json: its old bytes are back",
        "undo with: connect-mcp undo 2",
    ]
    assert cursor.read_text() == OLD
    assert connect_mcp("undo", "2").code == 0
    assert cursor.read_text() == new


def test_the_list_says_what_can_be_undone_and_how_far(connect_mcp: CommandLine, cursor: Path) -> None:
    configure(connect_mcp, "cursor")
    configure(connect_mcp, "claude-code")
    cursor.write_text(cursor.read_text() + "\n")
    connect_mcp("undo")
    ran = connect_mcp("undo", "--list")
    assert [line.split("  ")[-1].strip() for line in ran.out.splitlines()] == [
        "connect-mcp undo 2",
        "~/.claude.json: its exact bytes can come back",
        "connect-mcp configure claude-code --name connect --scope user",
        "undone; connect-mcp undo 3 puts it back",
        "connect-mcp configure cursor --name connect --scope user",
        "~/.cursor/mcp.json: written since; that change alone can be taken out",
    ]
    listed = connect_mcp("undo", "--list", "--json").data["list"]
    assert [(one["id"], one["undoes"], one["undone_by"]) for one in listed] == [
        (3, 2, None),
        (2, None, 3),
        (1, None, None),
    ]
    assert [file["outlook"] for one in listed for file in one["files"]] == ["exact", "ours"]
    assert 0 <= listed[0]["age"] < 60


def test_undoing_an_older_command_says_which_ones_wrote_since(connect_mcp: CommandLine, cursor: Path) -> None:
    configure(connect_mcp, "cursor", "--name", "one")
    configure(connect_mcp, "cursor", "--name", "two")
    ran = connect_mcp("undo", "1")
    assert "~/.cursor/mcp.json: transaction 2 wrote to it since, so only this change was taken out" in ran.out
    assert list(json.loads(cursor.read_text())["mcpServers"]) == ["git", "two"]


def test_a_dry_run_shows_the_way_back_without_secrets_and_writes_nothing(
    connect_mcp: CommandLine, cursor: Path, home: Path
) -> None:
    configure(connect_mcp, "cursor")
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    ran = connect_mcp("undo", "--dry-run")
    assert "~/.cursor/mcp.json: its old bytes would come back" in ran.out
    assert any(line.startswith("-") and '"connect"' in line for line in ran.out.splitlines())
    assert PLANTED not in ran.out + connect_mcp("undo", "--dry-run", "--json").out
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_a_file_that_does_not_parse_any_more_can_be_skipped(connect_mcp: CommandLine, cursor: Path, home: Path) -> None:
    configure(connect_mcp, "cursor", "claude-code")
    cursor.write_text("{")
    ran = connect_mcp("undo")
    assert ran.code == 1
    assert f"connect-mcp undo 1 --skip {cursor}" in ran.err
    assert (home / ".claude.json").exists()
    ran = connect_mcp("undo", "1", "--skip", str(cursor))
    assert "~/.cursor/mcp.json: left as it is, as you asked" in ran.out
    assert not (home / ".claude.json").exists()
    assert cursor.read_text() == "{"


def test_a_file_that_was_deleted_is_not_said_to_hold_anything(connect_mcp: CommandLine, cursor: Path) -> None:
    configure(connect_mcp, "cursor")
    cursor.unlink()
    assert "~/.cursor/mcp.json: it was removed since, and is not made again" in connect_mcp("undo").out
    assert not cursor.exists()


def test_what_is_dropped_is_said_before_and_cannot_be_undone_after(
    connect_mcp: CommandLine, cursor: Path, home: Path
) -> None:
    configure(connect_mcp, "cursor")
    asked = connect_mcp("undo", "--purge")
    assert asked.code == 2
    assert "(1 transaction, " in asked.err
    assert "--yes" in asked.err
    assert connect_mcp("undo", "--purge", "--dry-run", "--json").data["dropped"] == [1]
    assert connect_mcp("undo", "--purge", "--yes").code == 0
    assert not [
        path for path in (home / ".local").rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes()
    ]
    assert "nothing to undo" in connect_mcp("undo").err
    assert "as we put it" in connect_mcp("status").out
    configure(connect_mcp, "cursor", "--name", "two")
    assert [one["id"] for one in connect_mcp("undo", "--list", "--json").data["list"]] == [2]


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("7",), 1, "there is no transaction 7 to undo"),
        (("--list", "--purge"), 2, "exclude each other"),
        (("--list", "1"), 2, "--list is about all transactions"),
        (("1", "--skip", "elsewhere.json"), 2, "transaction 1 did not write"),
        (("1", "--skip", "~/.cursor/mcp.json"), 2, "wrote no other file"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    connect_mcp: CommandLine, cursor: Path, argv: tuple[str, ...], code: int, said: str
) -> None:
    configure(connect_mcp, "cursor")
    before = cursor.read_text()
    ran = connect_mcp("undo", *argv)
    assert (ran.code, said in ran.err) == (code, True), ran.err
    assert cursor.read_text() == before


def test_an_entry_stays_for_the_hosts_that_share_it(connect_mcp: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    place = ("--config", str(path))
    configure(connect_mcp, "cursor", *place)
    configure(connect_mcp, "claude-code", *place)
    made = path.read_text()
    ran = connect_mcp("remove", "claude-code", *place)
    assert f"stays in {path} for Cursor; --all-hosts takes it out" in ran.out
    assert path.read_text() == made
    assert connect_mcp("remove", "cursor", *place).code == 0
    assert not path.exists()
    for _ in range(2):
        assert connect_mcp("undo").code == 0
    assert path.read_text() == made
    assert connect_mcp("remove", "claude-code", "--all-hosts", *place, "--json").data["hosts"][0]["kept_for"] == []
    assert not path.exists()
