"""Hosts' own locks, against the hosts themselves: they find ours as they find their own."""

import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from connect_mcp.base.folders import folders
from connect_mcp.base.host_locks import Held, HostLock, hold
from connect_mcp.installer.apply import Target, write
from connect_mcp.installer.editors.model import Put, Section
from connect_mcp.installer.hosts import own_locks
from support.real_hosts import HostPrograms, install

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]

CLINE = ".cline/data/settings/cline_mcp_settings.json"
COPILOT = ".copilot/mcp-config.json"
CLAUDE = ".claude.json"
ADDS = {
    CLINE: ("cline", "mcp", "add", "--yes"),
    COPILOT: ("copilot", "mcp", "add"),
    CLAUDE: ("claude", "mcp", "add", "-s", "user"),
}
LOCKS: dict[str, HostLock] = {CLINE: own_locks.CLINE, COPILOT: own_locks.COPILOT, CLAUDE: own_locks.CLAUDE_CODE}
WAITING = (CLINE, COPILOT)


@pytest.fixture(scope="session")
def programs() -> HostPrograms:
    return install()


def adding(programs: HostPrograms, home: Path, file: str, name: str) -> subprocess.Popen[str]:
    """The host's own command that adds a server, started."""
    argv = programs.argv(*ADDS[file], name, "--", "echo", "hi")
    return subprocess.Popen(
        argv,
        env=programs.environment(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def added(programs: HostPrograms, home: Path, file: str, name: str) -> None:
    with adding(programs, home, file, name) as process:
        said = process.communicate()[0]
    assert process.returncode == 0, said


def ours(home: Path, file: str) -> Held:
    """The host's lock, in our hands."""
    held = hold(LOCKS[file].at(str(home / file)))
    assert held is not None
    return held


def test_hosts_wait_for_our_lock_and_say_so_in_the_end(programs: HostPrograms, home: Path) -> None:
    for file in WAITING:
        added(programs, home, file, "one")
    before = {file: (home / file).read_bytes() for file in WAITING}
    with ExitStack() as stack:
        for file in WAITING:
            stack.callback(ours(home, file).release)
        renewed = time.time() + 60  # as a long transaction would
        os.utime(LOCKS[CLINE].at(str(home / CLINE)).path, (renewed, renewed))
        waiting = [stack.enter_context(adding(programs, home, file, "two")) for file in WAITING]
        said = [process.communicate()[0] for process in waiting]
    assert [process.returncode for process in waiting] == [1, 1], said
    assert "Timed out waiting for MCP settings lock" in said[0]
    assert "writer lock timed out" in said[1]
    assert {file: (home / file).read_bytes() for file in WAITING} == before
    for file in WAITING:
        added(programs, home, file, "two")
    assert not Path(LOCKS[CLINE].at(str(home / CLINE)).path).exists()


def test_claude_code_sees_our_lock_as_its_own_and_takes_a_stale_one_away(programs: HostPrograms, home: Path) -> None:
    added(programs, home, CLAUDE, "one")
    lock, held = home / ".claude.json.lock", ours(home, CLAUDE)
    added(
        programs, home, CLAUDE, "two"
    )  # it does not wait for itself either: it writes without the lock, and leaves it
    assert lock.is_dir()
    then = time.time() - 11
    os.utime(lock, (then, then))
    added(programs, home, CLAUDE, "three")
    assert not lock.exists()
    held.release()


def test_a_host_and_we_write_at_once_and_nothing_is_lost(programs: HostPrograms, home: Path) -> None:
    for file in WAITING:
        added(programs, home, file, "first")
    state, count = folders(home / "ours", home / "ours", home / "ours"), 0
    with ExitStack() as stack:
        adds = [stack.enter_context(adding(programs, home, file, "theirs")) for file in WAITING]
        while any(process.poll() is None for process in adds):
            count += 1
            put = Put(Section(("mcpServers",)), f"ours-{count}", {"type": "stdio", "command": "echo"})
            targets = [Target(str(home / file), "jsonc", (put,), lock=LOCKS[file]) for file in WAITING]
            write(targets, state, command="configure")
        said = [process.communicate()[0] for process in adds]
    assert [process.returncode for process in adds] == [0, 0], said
    names = ["first", "theirs", *(f"ours-{number + 1}" for number in range(count))]
    for file in WAITING:
        text = (home / file).read_text()
        assert [name for name in names if f'"{name}"' not in text] == [], file
