import json
import os
import stat
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.folders import Folders, folders
from connect_mcp.installer import journal as module
from connect_mcp.installer.apply import Target, recover, write
from connect_mcp.installer.editors.model import Change, Put, Remove, Section
from connect_mcp.installer.history import purge, undo
from connect_mcp.installer.journal import Journal, change_data, change_from
from support.systems import Counting, dying

# The children only run what is tested and end at once; pytest-xdist's own thread in the parent is no concern of theirs.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

SERVERS = Section(("mcpServers",))
DAY = 24 * 3600.0


@pytest.fixture
def ours(tmp_path: Path) -> Folders:
    return folders(tmp_path / "ours", tmp_path / "ours", tmp_path / "ours")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mcp.json"
    path.write_bytes(b"{}")
    return path


def add(config: Path, ours: Folders, name: str, *, at: float = 0.0, size: int = 0) -> int | None:
    put = Put(SERVERS, name, {"command": "x" * (size + 1)})
    system = Counting(clock=lambda: at)
    return write([Target(str(config), "jsonc", (put,))], ours, command=f"configure {name}", system=system).id


def kept(ours: Folders) -> list[str]:
    return sorted(path.name for path in (ours.state / "journal").glob("0*"))


def test_only_the_owner_may_look_into_it(config: Path, ours: Folders) -> None:
    old = os.umask(0)
    try:
        add(config, ours, "one")
    finally:
        os.umask(old)
    for folder in ("journal", "locks"):
        for path in (ours.state / folder, *(ours.state / folder).rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_record_says_what_was_done(config: Path, ours: Folders) -> None:
    add(config, ours, "one", at=1234.5)
    (record,) = Journal(ours).records("done", notes=[])
    assert (record.id, record.time, record.command, record.undoes) == (1, 1234.5, "configure one", ())
    (file,) = record.files
    assert (file.path, file.before, file.after, file.mode) == (
        str(config),
        b"{}",
        config.read_bytes(),
        stat.S_IMODE(config.stat().st_mode),
    )
    assert file.changes == (Put(SERVERS, "one", {"command": "x"}),)


@pytest.mark.parametrize(
    "change",
    [
        Remove(Section(("a", "b.c")), 'na"me'),
        Remove(Section(("mcpServers",), "name"), "connect"),
        Put(SERVERS, "ünï", {"env": {"A": "1"}, "args": ["a", 1, 1.5, True, None, {}]}),
        Put(SERVERS, "x", {}, frozenset({("url",), ("env", "OLD")}), {"name": "n", "version": "1"}),
    ],
)
def test_a_change_survives_being_written_down(change: Change) -> None:
    assert change_from(json.loads(json.dumps(change_data(change)))) == change


def test_the_order_of_an_entrys_keys_survives_too() -> None:
    put = Put(SERVERS, "x", {"z": 1, "a": {"y": 1, "b": 2}})
    again = change_from(json.loads(json.dumps(change_data(put))))
    assert isinstance(again, Put)
    assert json.dumps(again.entry) == json.dumps(put.entry)


def test_the_number_of_transactions_is_bounded(config: Path, ours: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    for number in range(5):
        add(config, ours, f"server-{number}")
    undo(ours, system=Counting(clock=lambda: 0.0))
    assert kept(ours) == ["00000004.done", "00000005.undone", "00000006.done"]


def test_their_age_is_bounded_but_the_newest_stays(config: Path, ours: Folders) -> None:
    add(config, ours, "one", at=0)
    add(config, ours, "two", at=50 * DAY)
    add(config, ours, "three", at=91 * DAY)
    assert kept(ours) == ["00000002.done", "00000003.done"]
    add(config, ours, "four", at=1000 * DAY)
    assert kept(ours) == ["00000004.done"]
    assert len(Journal(ours).installed()) == 4


def test_their_size_is_bounded_but_the_newest_stays(
    config: Path, ours: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 20_000)
    add(config, ours, "small")
    add(config, ours, "other")
    assert kept(ours) == ["00000001.done", "00000002.done"]
    add(config, ours, "large", size=30_000)
    assert kept(ours) == ["00000003.done"]
    assert undo(ours, system=Counting(clock=lambda: 0.0)).id == 3


def test_a_record_that_cannot_be_read_is_skipped_with_a_note(config: Path, ours: Folders) -> None:
    for name in ("one", "two", "three", "four"):
        add(config, ours, name)
    folder = ours.state / "journal"
    (folder / "00000002.done/record.json").write_text('{"version": 2}')
    (folder / "00000003.done/0.before").write_bytes(b"not what it was")
    (folder / "00000004.done/record.json").write_text("[" * 100_000)
    (folder / "00000009.open").mkdir()
    (folder / "something else").mkdir()
    notes: list[str] = []
    assert [record.id for record in Journal(ours).records("open", "done", "undone", notes=notes)] == [1]
    assert [note.split()[1] for note in notes] == ["9", "4", "3", "2"]
    assert "version 2" in notes[3]
    assert [("transaction 9" in line) for line in recover(ours)] == [True]
    assert add(config, ours, "five") == 10
    assert len(undo(ours, system=Counting(clock=lambda: 0.0)).notes) == 0
    assert len(undo(ours, system=Counting(clock=lambda: 0.0)).notes) == 3


def test_a_damaged_list_of_what_is_installed_is_an_empty_one(config: Path, ours: Folders) -> None:
    add(config, ours, "one")
    (ours.state / "journal/installed.json").write_text("{")
    assert Journal(ours).installed() == ()
    add(config, ours, "two")
    assert [row.name for row in Journal(ours).installed()] == ["two"]


def test_a_journal_that_may_not_be_looked_at_is_not_taken_for_an_empty_one(ours: Folders) -> None:
    folder = ours.state / "journal"
    folder.parent.mkdir()
    folder.symlink_to(folder)  # no user can look into it, not even root
    looking = (
        lambda: Journal(ours).installed(),
        lambda: Journal(ours).unsettled(),
        lambda: list(Journal(ours).records("done", notes=[])),
        lambda: purge(ours),
    )
    for look in looking:
        with pytest.raises(Refused) as refusal:
            look()
        assert "mbolic link" in str(refusal.value)


def test_what_was_being_made_when_its_process_died_is_removed(config: Path, ours: Folders) -> None:
    add(config, ours, "one")
    left = ours.state / "journal/00000002.new"
    left.mkdir()
    (left / "0.before").write_bytes(b"{}")
    assert Journal(ours).unsettled()
    assert recover(ours) == []
    assert kept(ours) == ["00000001.done"]


def test_what_is_dropped_halfway_leaves_whole_transactions_and_no_number_twice(config: Path, ours: Folders) -> None:
    for name in ("one", "two", "three"):
        add(config, ours, name)
    undo(ours, system=Counting(clock=lambda: 0.0))
    number, highest = 0, 4
    while Journal(ours).size():
        number += 1
        child = os.fork()
        if child == 0:
            try:
                purge(ours, system=dying(number))
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        notes: list[str] = []
        list(Journal(ours).records("open", "done", "undone", notes=notes))
        assert notes == []
        if number % 7 == 0:
            found = add(config, ours, f"later-{number}")
            assert found is not None
            assert found > highest
            highest = found
    assert {row.name for row in Journal(ours).installed()} >= {"one", "two"}
