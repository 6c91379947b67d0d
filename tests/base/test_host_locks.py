import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.host_locks import Held, HostLock, PlacedLock, hold
from connect_mcp.base.system import System
from support.systems import Counting

FOLDER = HostLock("Claude Code", "folder", real=True, stale=10)
OWNED = HostLock("Cline", "owned-folder", stale=10)
FILE = HostLock("Copilot", "file", ".writer.lock")
FOLDERS = pytest.mark.parametrize("lock", [FOLDER, OWNED], ids=["folder", "owned-folder"])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mcp.json"
    path.write_bytes(b"{}")
    return path


def taken(lock: PlacedLock, system: System) -> Held:
    held = hold(lock, system=system)
    assert held is not None
    return held


def of_the_host(lock: PlacedLock, age: float) -> Path:
    """The lock as the host holds it, last touched some seconds ago."""
    path = Path(lock.path)
    path.mkdir()
    if lock.kind == "owned-folder":
        (path / "owner.4711.1795261422329.abc").write_text("4711.1795261422329.abc")
    then = path.stat().st_mtime - age
    os.utime(path, (then, then))
    return path


@FOLDERS
def test_a_folder_is_there_while_the_lock_is_held_and_gone_after_it(config: Path, lock: HostLock) -> None:
    held = taken(lock.at(str(config)), Counting())
    (folder,) = config.parent.glob("*.lock")
    assert folder.name == "mcp.json.lock"
    assert [file.name.startswith(f"owner.{os.getpid()}.") for file in folder.iterdir()] == [True] * (lock is OWNED)
    held.release()
    assert os.listdir(config.parent) == ["mcp.json"]


@FOLDERS
def test_we_wait_for_the_host_and_go_on_when_it_lets_go(config: Path, lock: HostLock) -> None:
    folder = of_the_host(lock.at(str(config)), age=0)

    def let_go(_: int, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if function.__name__ == "sleep" and system.calls.count("sleep") == 3:
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

    system = Counting(let_go)
    taken(lock.at(str(config)), system).release()
    assert system.calls.count("sleep") == 3


@FOLDERS
def test_a_lock_that_the_host_renews_is_a_refusal_in_the_end(config: Path, lock: HostLock) -> None:
    folder = of_the_host(lock.at(str(config)), age=0)

    def renew(*_: object) -> None:
        os.utime(folder, (system.clock(), system.clock()))

    system = Counting(renew)
    with pytest.raises(Refused, match=f"{lock.owner} has been writing to this file for 15 seconds") as refusal:
        hold(lock.at(str(config)), system=system)
    assert ("process 4711" in refusal.value.why) is (lock is OWNED)
    assert folder.is_dir()


@FOLDERS
@pytest.mark.parametrize(("age", "waits"), [(9.0, True), (11.0, False)])
def test_a_lock_that_was_left_behind_is_taken_over_as_late_as_the_host_would(
    config: Path, lock: HostLock, age: float, waits: bool
) -> None:
    of_the_host(lock.at(str(config)), age)
    system = Counting()
    taken(lock.at(str(config)), system).release()
    assert ("sleep" in system.calls) is waits
    assert system.slept < 1.5
    assert os.listdir(config.parent) == ["mcp.json"]


def test_an_empty_folder_that_cline_moves_its_own_over_is_not_ours(config: Path) -> None:
    place, theirs = OWNED.at(str(config)), config.with_name("theirs")

    def move_over(_: int, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if function is os.open and not theirs.exists() and not Path(place.path, "owner.1").exists():
            theirs.mkdir()
            (theirs / "owner.1").touch()
            theirs.rename(place.path)

    with pytest.raises(Refused):
        hold(place, patience=0.1, system=Counting(move_over))
    assert os.listdir(place.path) == ["owner.1"]


@FOLDERS
def test_a_folder_that_became_somebody_elses_is_left_to_them(config: Path, lock: HostLock) -> None:
    held = taken(lock.at(str(config)), Counting())
    (folder,) = config.parent.glob("*.lock")
    folder.rename(config.with_name("stale"))
    of_the_host(lock.at(str(config)), age=0)
    held.release()
    assert folder.is_dir()


@FOLDERS
def test_a_lock_is_renewed_where_the_writing_takes_long(config: Path, lock: HostLock) -> None:
    system = Counting()
    held = taken(lock.at(str(config)), system)
    held.renew()
    assert "utime" not in system.calls
    system.slept += 6
    held.renew()
    (folder,) = config.parent.glob("*.lock")
    assert system.clock() - folder.stat().st_mtime < 1
    held.release()


@FOLDERS
def test_a_kill_between_any_two_calls_leaves_nothing_that_the_host_would_not_take_away(
    config: Path, lock: HostLock
) -> None:
    counting = Counting()
    taken(lock.at(str(config)), counting).release()
    for number in range(1, len(counting.calls) + 1):

        class Killed(BaseException):
            pass

        def die(call: int, *_: object, number: int = number) -> None:
            if call >= number:
                raise Killed

        with pytest.raises(Killed):
            taken(lock.at(str(config)), Counting(die)).release()
        later = Counting()
        taken(lock.at(str(config)), later).release()
        assert later.slept < 11
        assert os.listdir(config.parent) == ["mcp.json"], number


def test_the_systems_lock_is_taken_on_the_hosts_own_file_and_never_makes_it(config: Path) -> None:
    place = FILE.at(str(config))
    assert hold(place, system=Counting()) is None
    assert os.listdir(config.parent) == ["mcp.json"]
    Path(place.path).touch()
    held = taken(place, Counting())
    with open(place.path, "rb") as theirs:
        with pytest.raises(BlockingIOError):
            fcntl.flock(theirs, fcntl.LOCK_SH | fcntl.LOCK_NB)
        with pytest.raises(Refused, match="Copilot"):
            hold(place, system=Counting())
        held.release()
        fcntl.flock(theirs, fcntl.LOCK_SH | fcntl.LOCK_NB)
    assert hold(place, system=Counting(platform="win32")) is None


def test_links_are_followed_only_where_the_host_follows_them(config: Path, tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    config.rename(tmp_path / "dotfiles/real.json")
    config.symlink_to("dotfiles/real.json")
    assert FOLDER.at(str(config)).path == str(tmp_path / "dotfiles/real.json.lock")
    assert OWNED.at(str(config)).path == str(tmp_path / "mcp.json.lock")


@FOLDERS
def test_where_no_lock_can_be_made_there_is_none(config: Path, lock: HostLock) -> None:
    assert hold(lock.at(str(config.parent / "not/there.json")), system=Counting()) is None
