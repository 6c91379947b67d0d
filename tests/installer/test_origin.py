"""Giving back the bytes from before our changes, through any number of transactions that did nothing else."""

from pathlib import Path

import pytest

from connect_mcp.base.folders import Folders
from connect_mcp.installer.apply import Target, take_out, write
from connect_mcp.installer.editors.model import Change, Put, Remove, Section
from connect_mcp.installer.history import undo

SERVERS = Section(("mcpServers",))
MINE = '{\n  // mine\n  "mcpServers": { "mine": {"command": "m"}, },   \n}'


@pytest.fixture
def ours(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "config", tmp_path / "state", tmp_path / "data")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mcp.json"
    path.write_text(MINE)
    return path


def put(config: Path, ours: Folders, name: str = "x", command: str = "a", drop: tuple[str, ...] = ()) -> None:
    change = Put(SERVERS, name, {"command": command} if command else {}, frozenset((key,) for key in drop))
    do(config, ours, change)


def do(config: Path, ours: Folders, *changes: Change) -> None:
    write([Target(str(config), "jsonc", changes, ("cursor",))], ours, command="test")


def out(config: Path, ours: Folders, *names: str) -> None:
    changes = tuple(Remove(SERVERS, name) for name in names)
    take_out([Target(str(config), "jsonc", changes, ("cursor",))], ours, command="test")


def test_an_entry_that_was_put_and_changed_twice_leaves_no_trace(config: Path, ours: Folders) -> None:
    for command in ("a", "b", "c"):
        put(config, ours, command=command)
    out(config, ours, "x")
    assert config.read_text() == MINE


def test_several_entries_from_several_commands_leave_no_trace_when_all_go(config: Path, ours: Folders) -> None:
    put(config, ours, "x")
    put(config, ours, "y")
    put(config, ours, "x", "b")
    out(config, ours, "x", "y")
    assert config.read_text() == MINE


def test_a_file_that_we_made_and_changed_goes_with_its_folders(tmp_path: Path, ours: Folders) -> None:
    config = tmp_path / "a" / "b" / "mcp.json"
    put(config, ours, "x")
    put(config, ours, "x", "b")
    out(config, ours, "x")
    assert not (tmp_path / "a").exists()


def test_what_else_was_done_in_between_stays(config: Path, ours: Folders) -> None:
    put(config, ours, "x")
    put(config, ours, "stays")
    put(config, ours, "x", "b")
    out(config, ours, "x")
    assert '"stays"' in config.read_text()
    assert '"x"' not in config.read_text()
    assert "// mine" in config.read_text()


def test_what_somebody_else_wrote_in_between_stays(config: Path, ours: Folders) -> None:
    put(config, ours, "x")
    config.write_text(config.read_text().replace("// mine", "// mine, and changed"))
    put(config, ours, "x", "b")
    out(config, ours, "x")
    assert "// mine, and changed" in config.read_text()
    assert '"x"' not in config.read_text()


def test_an_entry_that_was_there_before_us_is_not_brought_back(config: Path, ours: Folders) -> None:
    put(config, ours, "mine", "ours")
    out(config, ours, "mine")
    assert '"mine"' not in config.read_text()


def test_a_change_that_is_turned_back_gives_the_bytes_back_though_the_editor_would_not(
    tmp_path: Path, ours: Folders
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[mcp_servers.x]\ncommand = "a"')  # no line end: the editor adds one
    section = Section(("mcp_servers",))
    off = Put(section, "x", {"enabled": False})
    write([Target(str(config), "toml", (off,), ours=False)], ours, command="disable")
    on = Put(section, "x", {}, frozenset({("enabled",)}))
    take_out([Target(str(config), "toml", (on,), ours=False)], ours, command="enable")
    assert config.read_text() == '[mcp_servers.x]\ncommand = "a"'


def test_what_was_undone_does_not_lead_astray(config: Path, ours: Folders) -> None:
    put(config, ours, "x")
    put(config, ours, "x", "b")
    undo(ours)
    out(config, ours, "x")
    assert config.read_text() == MINE


def test_of_several_ways_to_the_same_bytes_one_is_found(config: Path, ours: Folders) -> None:
    put(config, ours, "x")
    put(config, ours, "y")
    out(config, ours, "y")  # the same bytes as before `y`, reached by another way
    out(config, ours, "x")
    assert config.read_text() == MINE


def test_a_switch_does_not_make_an_entry_ours(config: Path, ours: Folders) -> None:
    from connect_mcp.installer.journal import Journal

    change = Put(SERVERS, "mine", {"disabled": True})
    write([Target(str(config), "jsonc", (change,), ("cursor",), ours=False)], ours, command="disable")
    assert Journal(ours).installed() == ()
