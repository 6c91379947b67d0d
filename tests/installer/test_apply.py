import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base import locks
from connect_mcp.base.errors import Refused
from connect_mcp.base.folders import Folders, folders
from connect_mcp.base.host_locks import HostLock
from connect_mcp.base.system import System
from connect_mcp.installer.apply import Target, Transaction, pending, plan, plan_out, recover, take_out, write
from connect_mcp.installer.editors.model import Put, Remove, Section
from connect_mcp.installer.history import past, undo
from connect_mcp.installer.journal import Journal
from support.systems import Counting, dying, failing

# The children only run what is tested and end at once; pytest-xdist's own thread in the parent is no concern of theirs.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

SERVERS = Section(("mcpServers",))
OLD = b'\xef\xbb\xbf{\r\n\t"mcpServers": {\r\n\t\t"a/b": {"command": "x"} // theirs\r\n\t},\r\n\t"theme": "dark",\r\n}'


@pytest.fixture
def ours(tmp_path: Path) -> Folders:
    return folders(tmp_path / "ours/config", tmp_path / "ours/state", tmp_path / "ours/data")


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    folder = tmp_path / "hosts"
    folder.mkdir()
    return folder


@pytest.fixture
def config(hosts: Path) -> Path:
    path = hosts / "mcp.json"
    path.write_bytes(OLD)
    return path


def adding(path: Path, name: str = "connect", **known: Any) -> Target:
    put = Put(SERVERS, name, {"command": f"/bin/{name}", "args": ["serve"]})
    return Target(str(path), "jsonc", (put,), hosts=("cursor",), **known)


def removing(path: Path, name: str = "connect", host: str = "cursor", **known: Any) -> Target:
    return Target(str(path), "jsonc", (Remove(SERVERS, name),), hosts=(host,), **known)


def add(path: Path, ours: Folders, name: str = "connect", **known: Any) -> Transaction:
    return write([adding(path, name)], ours, command="configure cursor", **known)


def names(path: Path) -> list[str]:
    """The servers in a strict JSON file."""
    return list(json.loads(path.read_bytes())["mcpServers"])


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder: files by their bytes, folders and dangling links by None."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_an_edit_changes_its_own_bytes_alone(config: Path, ours: Folders) -> None:
    result = add(config, ours)
    new = config.read_bytes()
    assert new.startswith(OLD[: OLD.index(b" // theirs")])
    assert new.endswith(b'\r\n\t},\r\n\t"theme": "dark",\r\n}')
    assert b"\n" not in new.replace(b"\r\n", b"")
    assert result.id == 1
    assert [(item.before, item.after) for item in result.files] == [(OLD, new)]


def test_planning_writes_nothing_anywhere(config: Path, ours: Folders, tmp_path: Path) -> None:
    before = tree(tmp_path)
    planned = plan([adding(config), adding(config.parent / "not/there.json")])
    assert [item.before for item in planned] == [OLD, None]
    assert all(item.changed for item in planned)
    assert tree(tmp_path) == before


def test_a_plan_is_used_again_where_the_file_is_still_the_same(config: Path, ours: Folders) -> None:
    target = adding(config)
    known = plan([target])
    assert write([target], ours, command="configure", known=known).files[0].edit is known[0].edit


def test_a_plan_is_made_anew_where_the_file_is_another(config: Path, ours: Folders) -> None:
    target = adding(config)
    known = plan([target])
    config.write_bytes(b"{}")
    write([target], ours, command="configure", known=known)
    assert names(config) == ["connect"]


def test_nothing_to_change_touches_nothing(config: Path, ours: Folders) -> None:
    add(config, ours)
    before, journal = config.stat(), tree(ours.state / "journal")
    again = add(config, ours)
    assert (again.id, again.files) == (None, ())
    assert config.stat().st_mtime_ns == before.st_mtime_ns
    assert config.stat().st_ino == before.st_ino
    assert tree(ours.state / "journal") == journal


def test_what_does_not_parse_is_refused_untouched(config: Path, ours: Folders) -> None:
    for broken in (b'{"mcpServers": {', b"\xff\xfe{\x00}\x00", b'{"a": "\xff"}'):
        config.write_bytes(broken)
        with pytest.raises(Refused) as refusal:
            add(config, ours)
        assert str(config) in str(refusal.value)
        assert config.read_bytes() == broken
    assert list(Journal(ours).records("open", "done", notes=[])) == []


@pytest.mark.parametrize("hops", [1, 2])
@pytest.mark.parametrize("relative", [False, True])
def test_links_are_followed_and_stay_links(
    config: Path, ours: Folders, tmp_path: Path, hops: int, relative: bool
) -> None:
    (tmp_path / "links").mkdir()
    link = config
    for hop in range(hops):
        next_link = tmp_path / "links" / f"link{hop}"
        next_link.symlink_to(os.path.relpath(link, next_link.parent) if relative else link)
        link = next_link
    add(link, ours)
    assert link.is_symlink()
    assert not config.is_symlink()
    assert b"connect" in config.read_bytes()
    assert len(os.listdir(tmp_path / "links")) == hops
    undo(ours)
    assert (config.read_bytes(), link.is_symlink()) == (OLD, True)


def test_a_dangling_links_target_is_made_and_undo_leaves_it_dangling(hosts: Path, ours: Folders) -> None:
    (hosts / "mcp.json").symlink_to("dotfiles/cursor/mcp.json")
    before = tree(hosts)
    add(hosts / "mcp.json", ours)
    assert (hosts / "mcp.json").is_symlink()
    assert names(hosts / "dotfiles/cursor/mcp.json") == ["connect"]
    undo(ours)
    assert tree(hosts) == before


def test_two_names_of_one_file_are_one_edit(config: Path, ours: Folders) -> None:
    config.write_bytes(b"{}")
    link = config.with_name("link.json")
    link.symlink_to("mcp.json")
    result = write([adding(config, "one"), adding(link, "two"), adding(link, "one")], ours, command="configure")
    assert len(result.files) == 1
    assert names(config) == ["one", "two"]


def test_two_sections_of_one_file_are_one_edit_and_one_way_back(config: Path, ours: Folders) -> None:
    local = Section(("projects", "/home/user/project", "mcpServers"))
    targets = [
        adding(config),
        Target(str(config), "jsonc", (Put(local, "connect", {"command": "y"}),), ("claude-code",)),
    ]
    result = write(targets, ours, command="configure")
    assert [len(item.changes) for item in result.files] == [2]
    assert [(row.section, row.hosts) for row in Journal(ours).installed()] == [
        (SERVERS, ("cursor",)),
        (local, ("claude-code",)),
    ]
    assert (undo(ours).files[0].how, config.read_bytes()) == ("exact", OLD)


def test_modes_are_kept_and_a_new_file_gets_the_one_it_was_given(config: Path, ours: Folders) -> None:
    config.chmod(0o640)
    write([adding(config), adding(config.with_name("new.json"), mode=0o600)], ours, command="configure")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (config, config.with_name("new.json"))]
    assert modes == [0o640, 0o600]


def test_a_write_by_somebody_else_in_between_is_taken_up(config: Path, ours: Folders) -> None:
    config.write_bytes(b'{"mcpServers": {}}')
    theirs = [b'{"mcpServers": {"theirs": {"command": "y"}}}']

    def interfere(_: int, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if theirs and function is os.open and ".connect-mcp-" in str(args[0]):
            config.write_bytes(theirs.pop())

    add(config, ours, system=Counting(interfere))
    assert names(config) == ["theirs", "connect"]
    assert undo(ours).files[0].how == "exact"
    assert names(config) == ["theirs"]


def test_a_file_that_never_holds_still_is_refused_in_the_end(config: Path, ours: Folders, hosts: Path) -> None:
    def interfere(_: int, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if function is os.open and ".connect-mcp-" in str(args[0]):
            hosts.joinpath("theirs").write_bytes(b"{}")
            hosts.joinpath("theirs").replace(config)

    with pytest.raises(Refused, match="keeps writing"):
        add(config, ours, system=Counting(interfere))
    assert config.read_bytes() == b"{}"
    assert os.listdir(hosts) == ["mcp.json"]
    assert not Journal(ours).unsettled()


def test_where_the_second_file_fails_the_first_is_put_back(config: Path, ours: Folders, hosts: Path) -> None:
    full = hosts / "full"
    full.mkdir()
    before = tree(hosts)

    def no_room(_: int, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if function is os.replace and str(full) in str(args[1]):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(Refused, match="no space left"):
        write([adding(config), adding(full / "a/b.json")], ours, command="configure", system=Counting(no_room))
    assert tree(hosts) == before
    assert not Journal(ours).unsettled()
    assert Journal(ours).installed() == ()


def test_what_is_known_not_to_work_is_refused_before_anything_is_written(
    config: Path, ours: Folders, hosts: Path
) -> None:
    linked = hosts / "linked.json"
    linked.write_bytes(b"{}")
    os.link(linked, hosts / "second.json")
    before = config.stat().st_ino
    with pytest.raises(Refused, match="hard link"):
        write([adding(config), adding(linked)], ours, command="configure")
    assert config.stat().st_ino == before
    write([adding(config), adding(linked)], ours, command="configure", in_place=True)
    assert config.stat().st_ino == before
    assert names(hosts / "second.json") == ["connect"]
    assert {item.how for item in undo(ours).files} == {"exact"}
    assert (config.read_bytes(), linked.read_bytes(), config.stat().st_ino) == (OLD, b"{}", before)


ADD_ONE = """
import sys
from connect_mcp.base.folders import folders
from connect_mcp.installer.apply import Target, write
from connect_mcp.installer.editors.model import Put, Section

path, ours, name = sys.argv[1:]
put = Put(Section(("mcpServers",)), name, {"command": "/bin/" + name})
sys.stdin.read()
write([Target(path, "jsonc", (put,))], folders(ours, ours, ours), command="configure")
"""


def test_eight_processes_adding_eight_servers_at_once_leave_all_eight(hosts: Path, ours: Folders) -> None:
    path = hosts / "new/mcp.json"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    added = [f"server-{number}" for number in range(8)]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", ADD_ONE, str(path), str(ours.state), name],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
        )
        for name in added
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()  # all of them start now
        writer.stdin = None
    errors = [writer.communicate()[1].decode() for writer in writers]
    assert errors == [""] * 8
    assert sorted(names(path)) == added
    assert os.listdir(path.parent) == ["mcp.json"]
    assert len(Journal(ours).installed()) == 8
    for _ in added:
        undo(ours)
    assert tree(hosts) == {}


def files(found: dict[str, bytes | None]) -> dict[str, bytes]:
    """The files of a tree: an empty folder that could not be removed does no harm."""
    return {path: data for path, data in found.items() if data is not None}


class Scenario:
    """A command that changes files, what they were, and what the whole folder is before and after it."""

    def __init__(self, folder: Path, act: "Act", *, prepared: "Sequence[Act]") -> None:
        self.hosts = folder / "hosts"
        self.ours = folders(folder / "ours", folder / "ours", folder / "ours")
        self.act = act
        self.hosts.mkdir(parents=True)
        (self.hosts / "mcp.json").write_bytes(OLD)
        for earlier in prepared:
            earlier(self.hosts, self.ours, Counting())
        self.before = tree(self.hosts)

    def run(self, system: System) -> None:
        self.act(self.hosts, self.ours, system)


def one(hosts: Path, ours: Folders, system: System) -> None:
    add(hosts / "mcp.json", ours, system=system)


def both(hosts: Path, ours: Folders, system: System) -> None:
    write([adding(hosts / "mcp.json"), adding(hosts / "new/er/mcp.json")], ours, command="configure", system=system)


def through(hosts: Path, ours: Folders, system: System) -> None:
    add(hosts / "mcp.json", ours, in_place=True, system=system)


def out(hosts: Path, ours: Folders, system: System) -> None:
    targets = [removing(hosts / "mcp.json"), removing(hosts / "new/er/mcp.json")]
    take_out(targets, ours, command="remove", system=system)


def back(hosts: Path, ours: Folders, system: System) -> None:
    undo(ours, system=system)


def more(hosts: Path, ours: Folders, system: System) -> None:
    add(hosts / "mcp.json", ours, "more", system=system)


def back_below_more(hosts: Path, ours: Folders, system: System) -> None:
    assert {file.how for file in undo(ours, 1, system=system).files} == {"reversed", "deleted"}


def forth_again(hosts: Path, ours: Folders, system: System) -> None:
    undo(ours, 2, system=system)


def locked(hosts: Path, ours: Folders, system: System) -> None:
    locks_of = (HostLock("One", "folder", real=True, stale=10), HostLock("Two", "owned-folder", "{}.own", stale=10))
    config = hosts / "mcp.json"
    targets = [adding(config, lock=locks_of[0]), adding(config, lock=locks_of[1]), adding(hosts / "new/er/mcp.json")]
    write(targets, ours, command="configure", system=system)


Act = Callable[[Path, Folders, System], object]
SCENARIOS = pytest.mark.parametrize(
    ("act", "prepared"),
    [
        (one, ()),
        (both, ()),
        (locked, ()),
        (through, ()),
        (out, (both,)),
        (back, (both,)),
        (back_below_more, (both, more)),
        (forth_again, (both, back)),
    ],
    ids=["one", "both", "hosts-locks", "in-place", "take-out", "undo", "undo-older", "undo-undo"],
)


def calls_of(folder: Path, act: Act, prepared: Sequence[Act]) -> tuple[int, dict[str, bytes | None]]:
    """How many system calls a command makes, and what it leaves."""
    scenario, system = Scenario(folder, act, prepared=prepared), Counting()
    scenario.run(system)
    assert scenario.before != tree(scenario.hosts)
    return len(system.calls), tree(scenario.hosts)


def settled(scenario: Scenario, after: dict[str, bytes | None]) -> dict[str, bytes | None]:
    """Check that everything is whole and settled, and that a following write works; what the folder held before it."""
    assert not Journal(scenario.ours).unsettled()
    found = unlocked(tree(scenario.hosts))
    assert files(found) in (files(scenario.before), files(after))
    put = {row.real for row in Journal(scenario.ours).installed() if row.name == "connect"}
    ours = {path for path, data in found.items() if data and b"/bin/connect" in data}
    assert {os.path.relpath(path, os.path.realpath(scenario.hosts)) for path in put} == ours
    if scenario.act is locked:
        (scenario.hosts / "mcp.json").write_bytes(b"{}")
        locked(scenario.hosts, scenario.ours, Counting())
    else:
        add(scenario.hosts / "mcp.json", scenario.ours, "later", system=Counting())
        assert b"/bin/later" in (scenario.hosts / "mcp.json").read_bytes()
    assert tree(scenario.hosts) == unlocked(tree(scenario.hosts))
    assert not list(scenario.ours.state.rglob("*.tmp"))
    return found


def unlocked(found: dict[str, bytes | None]) -> dict[str, bytes | None]:
    """A tree without the hosts' locks in it, which who died holding one leaves for ten seconds."""
    return {path: data for path, data in found.items() if not path.startswith(("mcp.json.lock", "mcp.json.own"))}


@SCENARIOS
def test_killed_at_any_system_call_a_file_is_the_old_or_the_new_one(
    tmp_path: Path, act: Act, prepared: Sequence[Act]
) -> None:
    count, after = calls_of(tmp_path / "count", act, prepared)
    assert count > 40
    ends = set()
    for number in range(1, count + 1):
        scenario = Scenario(tmp_path / str(number), act, prepared=prepared)
        child = os.fork()
        if child == 0:
            try:
                scenario.run(dying(number))
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42, number
        if act is not through:
            for path, data in files(unlocked(tree(scenario.hosts))).items():
                assert path.endswith(".tmp") or data in (scenario.before.get(path), after.get(path)), number
        started = any(path.suffix == ".open" for path in scenario.ours.state.glob("journal/*"))
        assert len(pending(scenario.ours)) == started
        recover(scenario.ours, system=Counting())
        assert pending(scenario.ours) == []
        found = settled(scenario, after)
        assert found in (scenario.before, after), number
        ends.add(found == after)
    assert ends == {True, False}


@SCENARIOS
def test_failing_at_any_system_call_a_command_is_done_or_refused(
    tmp_path: Path, act: Act, prepared: Sequence[Act]
) -> None:
    count, after = calls_of(tmp_path / "count", act, prepared)
    for number in range(1, count + 1):
        scenario = Scenario(tmp_path / str(number), act, prepared=prepared)
        try:
            scenario.run(failing(number, errno.ENOSPC))
        except Refused:
            assert settled(scenario, after) == scenario.before, number
        else:
            assert files(settled(scenario, after)) == files(after), number


@SCENARIOS
def test_where_every_later_call_fails_too_the_next_command_puts_things_right(
    tmp_path: Path, act: Act, prepared: Sequence[Act]
) -> None:
    count, after = calls_of(tmp_path / "count", act, prepared)
    for number in range(1, count + 1):
        scenario = Scenario(tmp_path / str(number), act, prepared=prepared)
        try:
            scenario.run(failing(number, errno.EIO, forever=True))
        except Refused:
            recover(scenario.ours, system=Counting())
            settled(scenario, after)
        else:
            assert files(settled(scenario, after)) == files(after), number


def test_what_others_wrote_after_a_crash_is_left_and_said(hosts: Path, ours: Folders) -> None:
    one, two = hosts / "one.json", hosts / "two.json"
    for path in (one, two):
        path.write_bytes(b"{}")
    child = os.fork()
    if child == 0:
        try:
            system = Counting(lambda *_: os._exit(42) if b"connect" in one.read_bytes() else None)
            write([adding(one), adding(two)], ours, command="configure", system=system)
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    one.write_bytes(b'{"mcpServers": {}, "theirs": 1}')
    assert [str(one) in line for line in pending(ours)] == [True]
    assert [f"left as another program wrote it: {one}" in line for line in recover(ours)] == [True]
    assert (one.read_bytes(), two.read_bytes()) == (b'{"mcpServers": {}, "theirs": 1}', b"{}")


def test_what_cannot_be_settled_stands_in_nobodys_way(config: Path, ours: Folders, hosts: Path) -> None:
    other = hosts / "other.json"
    child = os.fork()
    if child == 0:
        try:
            add(other, ours, system=Counting(lambda *_: os._exit(42) if other.exists() else None))
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    other.unlink()
    other.mkdir()
    assert add(config, ours).id is not None
    assert ["cannot be settled now" in line for line in recover(ours)] == [True]
    other.rmdir()
    assert ["is rolled back" in line or "is done" in line for line in recover(ours)] == [True]


def test_what_another_process_is_at_work_on_is_left_to_it(config: Path, ours: Folders) -> None:
    other = config.with_name("other.json")
    other.write_bytes(b"{}")
    seen: list[list[str]] = []

    def meanwhile(_: int, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if function is os.replace and str(args[1]) == str(config):
            seen.append(pending(ours) + recover(ours))
            add(other, ours)

    add(config, ours, system=Counting(meanwhile))
    assert seen == [[]]
    assert b"connect" in config.read_bytes()
    assert names(other) == ["connect"]


def test_a_lock_that_is_not_let_go_of_is_a_refusal(
    config: Path, ours: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(ours)
    journal.make_locks_folder()
    lock = locks.hold(journal.lock_of(str(config)))
    still = System()

    class Fast(System):
        def __call__(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
            return None if function.__name__ == "sleep" else still(function, *args, **kwargs)

    with pytest.raises(Refused, match=f"process {os.getpid()}"):
        add(config, ours, system=Fast())
    locks.release(lock)
    assert config.read_bytes() == OLD


def test_undo_gives_exact_bytes_back_again_and_again(config: Path, ours: Folders) -> None:
    add(config, ours, "one")
    first = config.read_bytes()
    add(config, ours, "two")
    assert (undo(ours).command, config.read_bytes()) == ("configure cursor", first)
    assert (undo(ours).id, config.read_bytes()) == (1, OLD)
    with pytest.raises(Refused, match="nothing to undo"):
        undo(ours)


def test_undo_removes_the_file_and_the_folders_that_we_made_where_they_are_empty(hosts: Path, ours: Folders) -> None:
    add(hosts / "a/b/mcp.json", ours)
    (hosts / "a/theirs").touch()
    assert undo(ours).files[0].how == "deleted"
    assert tree(hosts) == {"a": None, "a/theirs": b""}


def test_undo_after_an_edit_elsewhere_takes_only_ours_back(config: Path, ours: Folders) -> None:
    add(config, ours)
    config.write_bytes(config.read_bytes().replace(b'"dark"', b'"light"'))
    assert undo(ours).files[0].how == "reversed"
    assert config.read_bytes() == OLD.replace(b'"dark"', b'"light"')


def test_undo_leaves_a_file_that_was_deleted_or_holds_nothing_of_ours(config: Path, ours: Folders) -> None:
    add(config, ours)
    config.write_bytes(b"{}")
    assert undo(ours).files[0].how == "left"
    assert config.read_bytes() == b"{}"
    add(config, ours)
    config.unlink()
    assert undo(ours).files[0].how == "gone"
    assert not config.exists()
    assert Journal(ours).installed() == ()


def test_undo_of_an_older_transaction_keeps_the_newer_one(config: Path, ours: Folders) -> None:
    config.write_bytes(b'{\n  "mcpServers": {}\n}\n')
    add(config, ours, "one")
    add(config, ours, "two")
    assert undo(ours, 1).files[0].how == "reversed"
    assert names(config) == ["two"]
    with pytest.raises(Refused, match="undone already\nmend: connect-mcp undo 3 puts it back"):
        undo(ours, 1)


def test_undo_refuses_a_file_that_does_not_parse_any_more(config: Path, ours: Folders) -> None:
    add(config, ours)
    config.write_bytes(b"{")
    with pytest.raises(Refused):
        undo(ours)
    assert config.read_bytes() == b"{"
    config.write_bytes(OLD)
    assert undo(ours).id == 1


def test_taking_out_gives_the_bytes_from_before_back(config: Path, ours: Folders) -> None:
    add(config, ours, "one")
    first = config.read_bytes()
    add(config, ours, "two")
    for name, before in (("two", first), ("one", OLD)):
        planned = plan_out([removing(config, name)], ours)
        assert [item.after for item in planned] == [before]
        take_out([removing(config, name)], ours, command="remove")
        assert config.read_bytes() == before
    assert Journal(ours).installed() == ()


def test_taking_out_removes_a_file_and_folders_that_we_made_and_undo_makes_them_again(
    hosts: Path, ours: Folders
) -> None:
    path = hosts / "a/b/mcp.json"
    write([adding(path, mode=0o600)], ours, command="configure")
    made = tree(hosts)
    take_out([removing(path)], ours, command="remove cursor")
    assert tree(hosts) == {}
    assert undo(ours).command == "remove cursor"
    assert tree(hosts) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [row.name for row in Journal(ours).installed()] == ["connect"]
    take_out([removing(path)], ours, command="remove cursor")
    assert tree(hosts) == {}


def test_taking_out_after_others_wrote_takes_the_entry_alone(config: Path, ours: Folders) -> None:
    add(config, ours)
    theirs = config.read_bytes().replace(b'"dark"', b'"light"')
    config.write_bytes(theirs)
    take_out([removing(config)], ours, command="remove")
    assert b"connect" not in config.read_bytes()
    assert b'"light"' in config.read_bytes()


def test_taking_out_an_entry_that_was_there_before_us_does_not_bring_the_old_one_back(
    config: Path, ours: Folders
) -> None:
    config.write_bytes(b'{"mcpServers": {"connect": {"command": "theirs"}, "b": {"command": "y"}}}')
    add(config, ours)
    take_out([removing(config)], ours, command="remove")
    assert names(config) == ["b"]


def test_what_we_put_is_known_to_be_present_changed_or_missing(config: Path, ours: Folders) -> None:
    add(config, ours)
    (row,) = Journal(ours).installed()
    assert (row.path, row.format, row.section, row.name, row.hosts) == (
        str(config),
        "jsonc",
        SERVERS,
        "connect",
        ("cursor",),
    )
    assert row.state({"command": "/bin/connect", "args": ["serve"], "disabled": True}) == "present"
    assert row.state({"command": "/bin/connect", "args": []}) == "changed"
    assert row.state(None) == "missing"


def sharing(path: Path, *hosts: str, command: str = "x") -> list[Target]:
    put = Put(SERVERS, "connect", {"command": command})
    return [Target(str(path), "jsonc", (put,), hosts=(host,)) for host in hosts]


def leaving(path: Path, *hosts: str) -> list[Target]:
    return [Target(str(path), "jsonc", (Remove(SERVERS, "connect"),), hosts=(host,)) for host in hosts]


def users(ours: Folders) -> list[tuple[str, ...]]:
    return [row.hosts for row in Journal(ours).installed()]


def test_an_entry_goes_with_the_last_host_that_uses_it(config: Path, ours: Folders) -> None:
    write(sharing(config, "claude-code", "copilot", "vscode"), ours, command="configure")
    made = config.read_bytes()
    first = take_out(leaving(config, "copilot"), ours, command="remove copilot")
    assert [item.kept for item in first.planned] == [{"connect": ("claude-code", "vscode")}]
    assert (first.files, config.read_bytes(), users(ours)) == ((), made, [("claude-code", "vscode")])
    take_out(leaving(config, "claude-code", "vscode"), ours, command="remove claude-code vscode")
    assert (config.read_bytes(), users(ours)) == (OLD, [])
    undo(ours)
    assert undo(ours).files == ()
    assert (config.read_bytes(), users(ours)) == (made, [("claude-code", "copilot", "vscode")])
    take_out(leaving(config, "copilot"), ours, command="remove copilot", all_hosts=True)
    assert (config.read_bytes(), users(ours)) == (OLD, [])


def test_a_host_that_comes_later_is_recorded_though_nothing_is_written(config: Path, ours: Folders) -> None:
    write(sharing(config, "claude-code"), ours, command="configure")
    made = config.stat()
    assert write(sharing(config, "copilot"), ours, command="configure").files == ()
    assert config.stat().st_ino == made.st_ino
    assert users(ours) == [("claude-code", "copilot")]
    with pytest.raises(Refused, match="used by copilot as well") as refusal:
        undo(ours, 1)
    assert "connect-mcp undo 2" in refusal.value.mend
    undo(ours)
    assert users(ours) == [("claude-code",)]
    assert undo(ours).files[0].how == "exact"


def test_what_was_there_already_is_not_ours(config: Path, ours: Folders) -> None:
    config.write_bytes(b'{"mcpServers": {"connect": {"command": "x"}}}')
    assert write(sharing(config, "claude-code"), ours, command="configure").id is None
    assert users(ours) == []


def test_hosts_that_share_a_file_and_want_different_entries_are_refused(config: Path, ours: Folders) -> None:
    both_of_them = [*sharing(config, "claude-code"), *sharing(config, "copilot", command="y")]
    with pytest.raises(Refused, match="claude-code and copilot share this file"):
        write(both_of_them, ours, command="configure")
    assert config.read_bytes() == OLD


def test_a_crash_leaves_our_record_as_it_was_or_as_it_is_to_be(config: Path, ours: Folders) -> None:
    write(sharing(config, "a", "b"), ours, command="configure", system=Counting())
    made, before, after = config.read_bytes(), [("a", "b")], [("b",)]
    number = 0
    ends: list[list[tuple[str, ...]]] = []
    while after not in ends or before not in ends or ends[-1] != after:
        number += 1
        child = os.fork()
        if child == 0:
            try:
                take_out(leaving(config, "a"), ours, command="remove", system=dying(number))
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        recover(ours, system=Counting())
        assert (pending(ours), config.read_bytes()) == ([], made)
        ends.append(users(ours))
        assert ends[-1] in (before, after)
        if ends[-1] == after:
            undo(ours, system=Counting())
            assert users(ours) == before


INPUTS = Section(("inputs",), "id")


def asking(path: Path, name: str, *inputs: str) -> Target:
    """An entry that names inputs, and what they ask, as VS Code has it."""
    entry = Put(SERVERS, name, {"command": name, "env": {one.upper(): f"${{input:{one}}}" for one in inputs}})
    questions = tuple(Put(INPUTS, one, {"type": "promptString", "password": True}) for one in inputs)
    return Target(str(path), "jsonc", (entry, *questions), hosts=("vscode",))


def test_what_an_entry_needs_goes_with_the_last_one_that_names_it(config: Path, ours: Folders) -> None:
    for name, needed in (("one", ("key", "base-url")), ("two", ("key",))):
        write([asking(config, name, *needed)], ours, command="configure")
    assert [row.name for row in Journal(ours).installed()] == ["one", "two"]
    take_out([removing(config, "one", "vscode")], ours, command="remove")
    assert b"base-url" not in config.read_bytes()
    assert b'"id": "key"' in config.read_bytes()
    take_out([removing(config, "two", "vscode")], ours, command="remove")
    assert b'"id": "key"' not in config.read_bytes()
    assert undo(ours).files[0].how == "exact"
    assert b'"id": "key"' in config.read_bytes()


@pytest.mark.parametrize(
    "theirs",
    [
        b'{"mcpServers": {}, "inputs": [{"id": "key", "type": "pickString"}]}',
        b'{"mcpServers": {"theirs": {"command": "${input:key}"}}, "inputs": []}',
    ],
    ids=["theirs", "named-by-theirs"],
)
def test_what_others_need_or_made_stays(config: Path, ours: Folders, theirs: bytes) -> None:
    config.write_bytes(theirs)
    write([asking(config, "one", "key")], ours, command="configure")
    assert (b"pickString" in config.read_bytes()) is (b"pickString" in theirs)
    config.write_bytes(config.read_bytes() + b"\n")  # so that the entry goes through the editor
    take_out([removing(config, "one", "vscode")], ours, command="remove")
    assert b'"id": "key"' in config.read_bytes()


def test_what_was_changed_since_we_put_it_stays(config: Path, ours: Folders) -> None:
    write([asking(config, "one", "key")], ours, command="configure")
    config.write_bytes(config.read_bytes().replace(b'"password": true', b'"password": false'))
    take_out([removing(config, "one", "vscode")], ours, command="remove")
    assert b'"id": "key"' in config.read_bytes()


def test_a_hosts_lock_is_held_for_the_moment_of_writing_alone(config: Path, ours: Folders) -> None:
    lock = HostLock("Host", "folder", stale=10)
    seen: list[bool] = []

    def look(_: int, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        there = config.with_name("mcp.json.lock").exists()
        if function is os.replace and str(args[1]) in (str(config), str(config.with_name("new.json"))):
            seen.append(there)
        if function is os.replace and str(args[1]).endswith(".done"):
            assert not there

    targets = [adding(config, lock=lock), adding(config.with_name("new.json"), lock=lock)]
    write(targets, ours, command="configure", system=Counting(look))
    targets = [removing(config, lock=lock), removing(config.with_name("new.json"), lock=lock)]
    take_out(targets, ours, command="remove", system=Counting(look))
    undo(ours, system=Counting(look))
    undo(ours, system=Counting(look))
    assert seen == [True] * 6
    assert os.listdir(config.parent) == ["mcp.json"]


def test_what_the_host_wrote_while_we_waited_for_it_is_taken_up(config: Path, ours: Folders) -> None:
    theirs = b'{"mcpServers": {"theirs": {"command": "y"}}}'
    lock = config.with_name("mcp.json.lock")
    lock.mkdir()

    def let_go(_: int, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if function.__name__ == "sleep" and lock.exists():
            config.write_bytes(theirs)
            lock.rmdir()

    target = adding(config, lock=HostLock("Host", "folder", stale=10))
    write([target], ours, command="configure", system=Counting(let_go))
    assert names(config) == ["theirs", "connect"]
    assert [record.id for record in Journal(ours).records("done", notes=[])] == [1]


def test_where_the_host_keeps_its_lock_nothing_is_written_and_it_is_named(config: Path, ours: Folders) -> None:
    lock = config.with_name("mcp.json.lock")
    lock.mkdir()
    system = Counting(lambda *_: os.utime(lock, (system.clock(), system.clock())))
    target = adding(config, lock=HostLock("Claude Code", "folder", stale=10))
    with pytest.raises(Refused, match="Claude Code has been writing"):
        write([target], ours, command="configure", system=system)
    assert (config.read_bytes(), lock.is_dir()) == (OLD, True)
    assert not Journal(ours).unsettled()


def test_on_a_read_only_file_system_it_is_not_said_that_anything_is_left_to_put_back(
    config: Path, ours: Folders
) -> None:
    def read_only(_: int, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if function in (os.open, os.unlink, os.mkdir) and ".connect-mcp-" in str(args[0]):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with pytest.raises(Refused, match="ead-only") as refusal:
        add(config, ours, system=Counting(read_only))
    assert "put back" not in str(refusal.value)
    assert not Journal(ours).unsettled()


def test_undoing_leaves_what_others_made_of_our_values(config: Path, ours: Folders) -> None:
    add(config, ours)
    changed = Put(SERVERS, "connect", {"command": "/bin/new", "timeout": 5})
    write([Target(str(config), "jsonc", (changed,))], ours, command="configure again")
    config.write_bytes(config.read_bytes().replace(b"/bin/new", b"/bin/newer").replace(b"dark", b"light"))
    assert undo(ours).files[0].how == "reversed"
    assert b"/bin/newer" in config.read_bytes()
    assert b"timeout" not in config.read_bytes()


def test_undoing_a_change_of_an_entry_that_is_gone_makes_no_piece_of_it(config: Path, ours: Folders) -> None:
    add(config, ours)
    changed = Put(SERVERS, "connect", {"command": "/bin/new"})
    write([Target(str(config), "jsonc", (changed,))], ours, command="configure again")
    undo(ours, 1)
    before = config.read_bytes()
    assert b"connect" not in before
    assert undo(ours).files[0].how in ("left", "same")
    assert config.read_bytes() == before
    assert Journal(ours).installed() == ()


def test_what_was_taken_back_in_another_way_cannot_be_taken_back_again(config: Path, ours: Folders) -> None:
    add(config, ours)
    undo(ours)
    undo(ours, 2)
    undo(ours, 1)
    with pytest.raises(Refused, match="transaction 3 is undone already") as refusal:
        undo(ours, 3)
    assert "connect-mcp undo 4" in refusal.value.mend
    assert [one.undone_by for one in past(ours, [])] == [None, 4, 3, 4]
    undo(ours, 4)
    assert b"/bin/connect" in config.read_bytes()
    assert undo(ours, 3).files[0].how == "exact"
    assert config.read_bytes() == OLD


def test_what_does_not_come_back_is_not_said_to_be_ours_again(config: Path, ours: Folders) -> None:
    add(config, ours)
    take_out([removing(config)], ours, command="remove")
    config.unlink()
    assert undo(ours).files[0].how == "gone"
    assert Journal(ours).installed() == ()


def test_undoing_an_undo_leaves_what_was_put_since(config: Path, ours: Folders) -> None:
    add(config, ours)
    undo(ours)
    other = Put(SERVERS, "connect", {"command": "/bin/other"})
    write([Target(str(config), "jsonc", (other,))], ours, command="configure again")
    before = config.read_bytes()
    assert [outlook for one in past(ours, []) for _, outlook in one.files] == ["exact", "nothing"]
    assert undo(ours, 2).files[0].how == "left"
    assert config.read_bytes() == before


def test_an_undo_can_be_undone_also_where_others_wrote_since(config: Path, ours: Folders) -> None:
    add(config, ours)
    undo(ours)
    config.write_bytes(config.read_bytes().replace(b"dark", b"light"))
    assert undo(ours, 2).files[0].how == "reversed"
    assert b"/bin/connect" in config.read_bytes()
    assert undo(ours, 3).files[0].how == "exact"
    assert config.read_bytes() == OLD.replace(b"dark", b"light")
    assert [one.status for one in Journal(ours).records("done", "undone", notes=[])] == [
        "done",
        "undone",
        "done",
        "undone",
    ]


def test_hosts_that_share_an_entry_add_up(config: Path, ours: Folders) -> None:
    def put(host: str, command: str) -> Target:
        return Target(str(config), "jsonc", (Put(SERVERS, "connect", {"command": command}),), hosts=(host,))

    write([put("claude-code", "x"), put("copilot", "x")], ours, command="configure")
    write([put("cursor", "y")], ours, command="configure")
    assert [row.hosts for row in Journal(ours).installed()] == [("claude-code", "copilot", "cursor")]
    undo(ours)
    assert [row.hosts for row in Journal(ours).installed()] == [("claude-code", "copilot")]


def test_a_secret_in_a_config_goes_nowhere_but_into_the_journals_copies(
    config: Path, ours: Folders, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = b"sk-planted-0123456789"
    config.write_bytes(b'{"mcpServers": {"theirs": {"command": "x", "env": {"KEY": "' + secret + b'"}}}}')
    add(config, ours)
    take_out([removing(config, "theirs")], ours, command="remove")
    said = [repr(undo(ours)), repr(undo(ours)), repr(recover(ours)), repr(pending(ours))]
    for broken in (b"{" + config.read_bytes(), config.read_bytes() + secret, b"[" + config.read_bytes() + b"]"):
        config.write_bytes(broken)
        with pytest.raises(Refused) as refusal:
            add(config, ours)
        said.append(str(refusal.value))
    holding = {path for path in (tmp_path / "ours").rglob("*") if path.is_file() and secret in path.read_bytes()}
    assert holding
    assert {path.suffix for path in holding} == {".before", ".after"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in holding} == {0o600}
    assert secret.decode() not in "".join((*said, *capfd.readouterr()))


BLOCKED = """
import importlib, sys
sys.modules.update(dict.fromkeys(("fcntl", "pwd", "grp", "termios"), None))
for name in sys.argv[1:]:
    importlib.import_module(name)
heavy = {"tempfile", "shutil", "uuid", "hashlib", "platformdirs", "ruamel", "tomllib", "asyncio", "argparse"}
print(sorted(heavy & sys.modules.keys()))
"""


def test_every_module_imports_without_what_windows_lacks_and_without_heavy_ones() -> None:
    modules = [f"connect_mcp.base.{name}" for name in ("system", "folders", "locks", "atomic")]
    modules += ["connect_mcp.installer.journal", "connect_mcp.installer.apply", "connect_mcp.installer.history"]
    done = subprocess.run(
        [sys.executable, "-S", "-c", BLOCKED, *modules],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.stderr, done.stdout.strip()) == ("", "[]")
