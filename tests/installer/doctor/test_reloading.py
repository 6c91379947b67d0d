"""Hosts that run with what their files said before: real processes under a host's name."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import CommandLine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sleep is POSIX")


@contextmanager
def running(folder: Path, name: str, home: Path) -> Iterator[None]:
    """A program of that name, which does nothing, with that home folder."""
    program = folder / name
    shutil.copy(str(shutil.which("sleep")), program)
    process = subprocess.Popen([program, "60"], env={**os.environ, "HOME": str(home)})
    try:
        yield
    finally:
        process.kill()
        process.wait()


def found(connect_mcp: CommandLine) -> list[str]:
    return [finding["id"] for finding in connect_mcp("doctor", "cursor", "--no-start", "--json").data["findings"]]


def test_a_host_that_was_started_before_its_file_was_changed_is_named(
    connect_mcp: CommandLine, home: Path, tmp_path: Path
) -> None:
    with running(tmp_path, "cursor", home):
        time.sleep(0.05)
        connect_mcp("configure", "cursor", "--embedded", "--no-verify")
        assert found(connect_mcp) == ["host-not-reloaded"]
    assert found(connect_mcp) == []


def test_one_that_was_started_after_it_is_not(connect_mcp: CommandLine, home: Path, tmp_path: Path) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    past = time.time() - 60
    os.utime(home / ".cursor" / "mcp.json", (past, past))
    with running(tmp_path, "cursor", home):
        assert found(connect_mcp) == []


def test_somebody_elses_is_not(connect_mcp: CommandLine, home: Path, tmp_path: Path) -> None:
    with running(tmp_path, "cursor", tmp_path):
        connect_mcp("configure", "cursor", "--embedded", "--no-verify")
        assert found(connect_mcp) == []
