"""Runs are made in processes that end when they are told to, and take what they started with them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from support.processes import is_gone

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no signals to tell it by")

TWO_RUNS = """\
import sys
from pathlib import Path
from connect_mcp.conformance.lab.drive import Server
from connect_mcp.conformance.lab.install import Program
from connect_mcp.conformance.lab.model.script import Script
from connect_mcp.conformance.lab.recipe import Recipe
from connect_mcp.conformance.lab.runs import Run, make

if __name__ == "__main__":
    program = Program(Path(sys.executable), "1", "")
    sleeper = Recipe("codex", "", "1", "", "responses", ("-S", "-c", "import time; time.sleep(600)"), 1.0, "")
    folders = [Path(sys.argv[1]) / name for name in ("first", "second")]
    list(make([Run(sleeper, program, Server(("server",)), Script(()), folder) for folder in folders], 1))
"""


def sleeping(folder: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if "time.sleep(600)" in " ".join(process.info["cmdline"] or ()) and process.info["cwd"] == str(folder)
    ]


def test_one_that_is_told_to_end_twice_ends_its_host_and_begins_no_other(tmp_path: Path) -> None:
    program = tmp_path / "two_runs.py"
    program.write_text(TWO_RUNS, encoding="utf-8")
    maker = subprocess.Popen([sys.executable, str(program), str(tmp_path)])
    try:
        end = time.monotonic() + 60
        while not (hosts := sleeping(tmp_path / "first" / "project")):
            assert time.monotonic() < end, "the host was not started"
            time.sleep(0.05)
        worker = hosts[0].ppid()

        for _ in range(2):
            os.kill(worker, signal.SIGTERM)

        assert is_gone(worker)
        assert is_gone(hosts[0].pid)
        assert maker.wait(60) == 0, "the runs that were not made are refused"
        assert not (tmp_path / "second").exists()
    finally:
        maker.kill()
        maker.wait()
