"""What a host leaves of its server, with real hosts: every process of it is known, however it is called."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from connect_mcp.conformance.lab.all_recipes import selected
from connect_mcp.conformance.lab.drive import Server
from connect_mcp.conformance.lab.evidence import Evidence, Leftover
from connect_mcp.conformance.lab.model.script import Call, Script
from connect_mcp.conformance.lab.runs import Run, make
from support.real_hosts import install
from support.scenario_servers import with_faults
from support.servers import server

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.xdist_group("hosts"),
    pytest.mark.skipif(sys.platform == "win32", reason="shells and sessions are POSIX's"),
]

_SESSION = "import os, sys; os.setsid(); os.execv(sys.argv[1], sys.argv[1:])"
"""A program in a session of its own, which nobody reaches who ends the host's group."""

_FORKS = """
import subprocess
_quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True, **_quiet)
"""

_TALKS_MUCH = """
def call(name, arguments):
    for _ in range(40):
        os.write(2, b"token=abcdefgh key: 12345678 " * 3_500 + bytes([10]))
    os.write(2, b"the last line" + bytes([10]))
    return {"content": [{"type": "text", "text": "done"}]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where a run has its files; after it no process is left that knows of it."""
    yield tmp_path / "run"
    assert not [process.name() for process in psutil.process_iter() if _knows(process, tmp_path)]


def _knows(process: psutil.Process, folder: Path) -> bool:
    try:
        return str(folder) in " ".join([*process.cmdline(), *process.environ().values()])
    except psutil.Error:
        return False


def run(host: str, command: Sequence[str], folder: Path) -> Evidence:
    """A run in which the server was called."""
    (recipe,) = selected([host])
    program = install().installed[recipe.executable]
    wanted = Run(
        recipe, program, Server(tuple(command)), Script(((Call("echo", {"text": "x"}),),)), folder, patient=True
    )
    ((_, evidence),) = make([wanted], 1)
    assert isinstance(evidence, Evidence), evidence
    assert [len(start.calls) for start in evidence.starts] == [1]
    return evidence


def left(host: str, command: Sequence[str], folder: Path) -> tuple[Leftover, ...]:
    """What is left after a run in which the server was called."""
    return run(host, command, folder).left


def behind_a_shell(*command: str) -> tuple[str, ...]:
    """A shell that waits for the server, and ends by the signals that the server does not mind."""
    return ("/bin/sh", "-c", '"$@"; exit $?', "sh", *command)


def test_a_server_that_a_shell_becomes_is_ended_with_its_group(folder: Path) -> None:
    assert left("codex", ("/bin/sh", "-c", 'exec "$@"', "sh", *with_faults("deaf").command), folder) == ()


def test_a_server_whose_shell_ended_before_it_is_left_since_the_host_then_kills_nobody(folder: Path) -> None:
    (found,) = left("codex", behind_a_shell(*with_faults("deaf").command), folder)

    assert found.is_server


def test_a_server_behind_a_shell_and_in_a_session_of_its_own_is_left(folder: Path) -> None:
    apart = (sys.executable, "-c", _SESSION, *with_faults("deaf").command)

    (found,) = left("codex", behind_a_shell(*apart), folder)

    assert found.is_server


def test_a_child_that_outlives_its_server_is_the_servers(folder: Path, tmp_path: Path) -> None:
    (found,) = left("codex", server(tmp_path, _FORKS), folder)

    assert found.is_server


def test_a_server_whose_host_kills_what_it_started_is_not_left_since_that_was_our_recorder(folder: Path) -> None:
    assert left("claude-code", with_faults("deaf").command, folder) == ()


def test_a_server_that_the_shell_before_it_did_not_end_is_left_there_too(folder: Path) -> None:
    (found,) = left("claude-code", behind_a_shell(*with_faults("deaf").command), folder)

    assert found.is_server


def test_what_was_said_before_a_host_killed_the_recorder_is_waited_for(folder: Path, tmp_path: Path) -> None:
    """Codex kills it 5 ms after its signal, when the scribe has a second of work or more before it."""
    evidence = run("codex", server(tmp_path, _TALKS_MUCH), folder)

    assert evidence.starts[0].stderr.endswith("the last line")
    assert evidence.left == ()
