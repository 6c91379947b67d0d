"""Any order of commands, undos, crashes and hosts' own writing: what is not ours is never lost, and bytes come back."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connect_mcp.base.errors import Refused
from connect_mcp.base.folders import Folders, folders
from connect_mcp.base.host_locks import HostLock
from connect_mcp.base.system import System
from connect_mcp.installer.apply import Target, recover, take_out, write
from connect_mcp.installer.editors import engine
from connect_mcp.installer.editors.formats import format_named
from connect_mcp.installer.editors.model import Change, Put, Remove, Section
from connect_mcp.installer.history import past, purge, undo
from connect_mcp.installer.journal import Journal
from support.examples import examples
from support.systems import Counting, dying

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

LAYOUTS = {
    "shared.json": ("jsonc", Section(("mcpServers",)), '{"mcpServers": {"theirs": {"command": "t0"}}} // kept\r\n'),
    "config.toml": ("toml", Section(("mcp_servers",)), '# kept\n[mcp_servers.theirs]\ncommand = "t0" # t\n'),
    "config.yaml": (
        "yaml",
        Section(("mcpServers",), "name"),
        "# kept\nmcpServers:\n  - name: theirs\n    command: t0\n",
    ),
}
"""Three files of three formats: the format, where the servers are, and what may be there already."""

FILES = st.lists(st.sampled_from(list(LAYOUTS)), min_size=1, unique=True)
NAMES = st.sampled_from(["one", "two"])
HOSTS = st.sampled_from(["a", "b"])
OUTCOMES = {
    "exact": {"exact", "deleted", "same"},
    "ours": {"reversed", "left"},
    "nothing": {"same", "gone", "left"},
}
"""What undo may do to a file, by what the list promised."""

Bytes = dict[str, bytes | None]


class WayBack(RuleBasedStateMachine):
    @initialize(there=st.sets(st.sampled_from(list(LAYOUTS))))
    def begin(self, there: set[str]) -> None:
        self.folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="way-back-")))
        self.hosts, self.ours = self.folder / "hosts", _folders(self.folder / "ours")
        self.hosts.mkdir()
        self.steps: dict[int, tuple[Bytes, Bytes]] = {}
        self.theirs = dict.fromkeys(there, "t0")
        self.wiped: set[str] = set()
        for name in there:
            (self.hosts / name).write_bytes(LAYOUTS[name][2].encode())

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def bytes(self) -> Bytes:
        paths = {name: self.hosts / name for name in LAYOUTS}
        return {name: path.read_bytes() if path.exists() else None for name, path in paths.items()}

    def entries(self, name: str) -> dict[str, object]:
        fmt, section, _ = LAYOUTS[name]
        text = (self.bytes()[name] or b"").decode()
        return dict(engine.read(text, format_named(fmt), section))

    def targets(self, files: list[str], host: str, change: Callable[[Section], Change]) -> list[Target]:
        lock = HostLock("host", "owned-folder", stale=10)
        return [
            Target(str(self.hosts / name), LAYOUTS[name][0], (change(LAYOUTS[name][1]),), (host,), lock=lock)
            for name in files
        ]

    def noted(self, act: Callable[[], int | None]) -> int | None:
        before = self.bytes()
        number = act()
        if number is not None:
            self.steps[number] = (before, self.bytes())
        return number

    @rule(files=FILES, name=NAMES, host=HOSTS, value=st.sampled_from(["x", "y"]), extra=st.booleans())
    def configure(self, files: list[str], name: str, host: str, value: str, extra: bool) -> None:
        targets = self.targets(files, host, lambda section: _put(section, name, value, extra))
        self.noted(lambda: write(targets, self.ours, command="configure", system=Counting()).id)
        assert all(name in self.entries(file) for file in files)

    @rule(files=FILES, name=NAMES, host=HOSTS, all_hosts=st.booleans())
    def remove(self, files: list[str], name: str, host: str, all_hosts: bool) -> None:
        targets = self.targets(files, host, lambda section: Remove(section, name))
        before = [sorted(self.entries(file)) for file in files]
        users = {row.path: row.hosts for row in Journal(self.ours).installed() if row.name == name}

        def act() -> int | None:
            done = take_out(targets, self.ours, command="remove", all_hosts=all_hosts, system=Counting())
            for item in done.planned:
                others = set(users.get(item.path, ())) - {host}
                assert set(item.kept.get(name, ())) == (set() if all_hosts else others)
            return done.id

        self.noted(act)
        for file, was in zip(files, before, strict=True):
            stays = not all_hosts and bool(set(users.get(str(self.hosts / file), ())) - {host})
            assert sorted(self.entries(file)) == [one for one in was if one != name or stays]

    @rule()
    def undo_the_last(self) -> None:
        with contextlib.suppress(Refused):
            self.undone(None)

    @precondition(lambda self: self.steps)
    @rule(data=st.data())
    def undo_any(self, data: st.DataObject) -> None:
        with contextlib.suppress(Refused):
            self.undone(data.draw(st.sampled_from(sorted(self.steps))))

    @precondition(lambda self: self.steps)
    @rule(data=st.data())
    def undo_and_back(self, data: st.DataObject) -> None:
        before, rows = self.bytes(), Journal(self.ours).installed()
        try:
            number = self.undone(data.draw(st.sampled_from(sorted(self.steps))))
        except Refused:
            return
        self.undone(number)
        assert self.bytes() == before
        assert {row.key: row for row in Journal(self.ours).installed()} == {row.key: row for row in rows}

    def undone(self, wanted: int | None) -> int:
        before = self.bytes()
        listed = {one.id: one for one in past(self.ours, [], system=Counting())}
        try:
            done = undo(self.ours, wanted, system=Counting())
        except Refused:
            assert self.bytes() == before
            raise
        assert done.number is not None
        promised = dict(listed[done.id].files)
        was, left = self.steps[done.id]
        for file in done.files:
            name = os.path.basename(file.path)
            assert file.how in OUTCOMES[promised[file.path]], (file, promised)
            if before[name] == left[name]:
                assert self.bytes()[name] == was[name]
        self.steps[done.number] = (before, self.bytes())
        return done.number

    @precondition(lambda self: self.theirs)
    @rule(data=st.data(), value=st.sampled_from(["t1", "t2"]))
    def host_writes(self, data: st.DataObject, value: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.theirs)))
        path, old = self.hosts / name, self.theirs[name]
        path.write_bytes(path.read_bytes().replace(old.encode(), value.encode()))
        self.theirs[name] = value

    @rule(name=st.sampled_from(list(LAYOUTS)), entry=NAMES)
    def host_wipes(self, name: str, entry: str) -> None:
        fmt, section, _ = LAYOUTS[name]
        path = self.hosts / name
        if path.exists():
            edit = engine.edit(path.read_bytes().decode(), format_named(fmt), [Remove(section, entry)])
            path.write_bytes(edit.new.encode())
            self.wiped.add(f"{name}/{entry}")

    @rule(name=st.sampled_from(list(LAYOUTS)))
    def host_deletes(self, name: str) -> None:
        (self.hosts / name).unlink(missing_ok=True)
        self.theirs.pop(name, None)
        self.wiped |= {f"{name}/one", f"{name}/two"}

    @rule(files=FILES, name=NAMES, call=st.integers(1, 120))
    def crash(self, files: list[str], name: str, call: int) -> None:
        before = self.bytes()
        self.die(lambda system: self.cut_off(files, name, system), call)
        recover(self.ours, system=Counting())
        assert not Journal(self.ours).unsettled()
        new = {record.id for record in Journal(self.ours).records("done", notes=[])} - set(self.steps)
        for number in new:
            self.steps[number] = (before, self.bytes())
        if not new:
            assert self.bytes() == before

    @precondition(lambda self: self.steps)
    @rule(data=st.data(), call=st.integers(1, 120))
    def crash_in_undo(self, data: st.DataObject, call: int) -> None:
        wanted, before = data.draw(st.sampled_from(sorted(self.steps))), self.bytes()
        self.die(lambda system: undo(self.ours, wanted, system=system), call)
        recover(self.ours, system=Counting())
        new = {record.id for record in Journal(self.ours).records("done", notes=[])} - set(self.steps)
        for number in new:
            self.steps[number] = (before, self.bytes())
        if not new:
            assert self.bytes() == before

    def cut_off(self, files: list[str], name: str, system: System) -> None:
        targets = self.targets(files, "a", lambda section: _put(section, name, "z", False))
        write(targets, self.ours, command="configure", system=system)

    def die(self, act: Callable[[System], object], call: int) -> None:
        child = os.fork()
        if child == 0:
            try:
                act(dying(call))
            finally:
                os._exit(1)
        os.waitpid(child, 0)

    @rule()
    def forget_the_past(self) -> None:
        purge(self.ours, system=Counting())
        self.steps.clear()

    @invariant()
    def what_is_theirs_is_there(self) -> None:
        for name, value in getattr(self, "theirs", {}).items():
            assert self.entries(name)["theirs"] in ({"command": value}, {"name": "theirs", "command": value})
            assert b"kept" in (self.bytes()[name] or b"")

    @invariant()
    def what_is_ours_is_known(self) -> None:
        if not hasattr(self, "folder"):
            return
        known = {f"{os.path.basename(row.real)}/{row.name}" for row in Journal(self.ours).installed()}
        there = {f"{name}/{entry}" for name in LAYOUTS for entry in self.entries(name) if entry != "theirs"}
        assert there <= known
        assert known - there <= self.wiped  # what was wiped once may be so again after an undo

    @invariant()
    def nothing_is_left_lying_about(self) -> None:
        if hasattr(self, "folder"):
            stray = {path.name for path in self.hosts.iterdir()} - set(LAYOUTS)
            assert not {name for name in stray if not name.endswith(".lock")}  # a crash's is stale in ten seconds


def _folders(path: Path) -> Folders:
    return folders(path, path, path)


def _put(section: Section, name: str, value: str, extra: bool) -> Put:
    return Put(section, name, {"command": value, **({"env": {"A": value}} if extra else {})})


TestWayBack = WayBack.TestCase
TestWayBack.settings = settings(examples(60), stateful_step_count=20)
