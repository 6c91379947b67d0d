"""`pytest --mcp-server`: real runs of pytest in an empty project."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from connect_mcp.conformance.pytest_plugin import words
from support.processes import is_gone, program
from support.servers import server
from support.subjects import reference

TWO = ["--mcp-only", "PARSE-TRUNC", "--mcp-only", "INIT-*"]


def run(folder: Path, server: list[str], *argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "--mcp-server", shlex.join(server), *argv]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_every_requirement_is_an_item_that_pytest_chooses_among(tmp_path: Path) -> None:
    ran = run(tmp_path, reference(), "--collect-only", "-k", "PARSE-TRUNC")
    assert "mcp::PARSE-TRUNC[2025-11-25]" in ran.stdout
    assert "mcp::PARSE-TRUNC[2026-07-28]" in ran.stdout


def test_a_correct_server_passes(tmp_path: Path) -> None:
    ran = run(tmp_path, reference(), *TWO, "--mcp-strict")
    assert ran.returncode == 0, ran.stdout
    assert "failed" not in ran.stdout


def test_a_broken_rule_fails_with_what_was_said_and_is_run_again_first(tmp_path: Path) -> None:
    broken = reference("PARSE-TRUNC")
    ran = run(tmp_path, broken, *TWO, "--mcp-strict")
    assert ran.returncode == 1
    assert "FAIL  PARSE-TRUNC" in ran.stdout
    assert "mend: " in ran.stdout
    assert "Traceback" not in ran.stdout
    again = run(tmp_path, broken, *TWO, "--mcp-strict", "--lf")
    assert again.returncode == 1
    assert "passed" not in again.stdout


def test_workers_share_the_items(tmp_path: Path) -> None:
    ran = run(tmp_path, reference(), *TWO, "-n", "2")
    assert ran.returncode == 0, ran.stdout
    assert "passed" in ran.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_server_is_checked_in_a_revision_that_it_speaks(tmp_path: Path, workers: tuple[str, ...]) -> None:
    ran = run(tmp_path, reference("only-oldest"), "--mcp-only", "PING-EMPTY", "-vv", *workers)
    assert "mcp::PING-EMPTY[2024-11-05]" in ran.stdout
    assert "1 passed" in ran.stdout


def test_what_counts_in_strict_runs_alone_is_a_warning(tmp_path: Path) -> None:
    broken = [*TWO, "--mcp-revision", "2025-11-25"]
    ran = run(tmp_path, reference("PARSE-TRUNC"), *broken)
    assert ran.returncode == 0, ran.stdout
    assert "1 warning" in ran.stdout
    assert "PytestWarning: PARSE-TRUNC: " in ran.stdout
    of_errors = run(tmp_path, reference("PARSE-TRUNC"), *broken, "-W", "error")
    assert of_errors.returncode == 1
    assert "WARN  PARSE-TRUNC" in of_errors.stdout
    assert "Traceback" not in of_errors.stdout


@pytest.mark.parametrize(
    ("command", "system", "expected"),
    [
        ("'a b/python' \"it's.py\" a\\ b", "linux", ["a b/python", "it's.py", "a b"]),
        (
            r'"C:\Program Files\python.exe" C:\srv\new.py #1',
            "win32",
            [r"C:\Program Files\python.exe", r"C:\srv\new.py", "#1"],
        ),
    ],
)
def test_a_command_is_split_as_the_system_writes_paths(command: str, system: str, expected: list[str]) -> None:
    assert words(command, system) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        ["--mcp-revision", "1999-01-01"],
        ["--mcp-only", "NOPE"],
        ["--mcp-timeout", "0"],
        ["--mcp-timeout", "nan"],
        ["--mcp-server", "'python server.py"],
        ["--mcp-server", " "],
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(tmp_path: Path, wrong: list[str]) -> None:
    ran = run(tmp_path, reference(), *wrong)
    assert ran.returncode == 4
    assert "Traceback" not in ran.stdout + ran.stderr


def test_nothing_of_the_kit_is_loaded_where_no_server_is_named(tmp_path: Path) -> None:
    (tmp_path / "test_empty.py").write_text(
        "import sys\n\ndef test_it():\n"
        "    loaded = {name for name in sys.modules if name.startswith('connect_mcp.conformance.')}\n"
        "    assert loaded == {'connect_mcp.conformance.pytest_plugin'}\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout


DESERTS = """
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 3)
    with open({left!r}, "a") as left:
        left.write(f"{{os.getpid()}}\\n")
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a session of its own, and the environment of a process")
def test_a_child_in_a_session_of_its_own_does_not_outlive_the_run_and_others_do(tmp_path: Path) -> None:
    left = tmp_path / "left"
    deserter = server(tmp_path, DESERTS.format(left=str(left)))
    with subprocess.Popen(program(tmp_path, "input()", "other.py"), stdin=subprocess.PIPE) as other:
        ran = run(tmp_path, deserter, "--mcp-only", "PING-EMPTY")
        assert "1 passed" in ran.stdout
        assert other.poll() is None, "what is not of this run is left alone"
        other.communicate(b"\n")
    pids = [int(line) for line in left.read_text().split()]
    assert pids
    assert all(map(is_gone, pids))
