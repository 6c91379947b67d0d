"""What stands in for exec on Windows, run here as far as it goes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.stand_in import stand_in
from support.processes import is_gone

STAND_IN = """
import os, sys
from connect_mcp.base.stand_in import stand_in
sys.exit(stand_in(sys.argv[1:], dict(os.environ, SET_HERE="yes")))
"""


def started(*command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", STAND_IN, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )


def test_streams_environment_and_exit_code_pass_through() -> None:
    with started("sh", "-c", "cat; echo $SET_HERE; exit 7") as process:
        out, _ = process.communicate("in\n", 60)
    assert (out, process.returncode) == ("in\nyes\n", 7)


def test_an_interrupt_is_the_programs_to_answer_and_its_end_is_ours() -> None:
    with started("sh", "-c", "trap 'echo got it; exit 5' INT; echo ready; while :; do sleep 0.05; done") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)  # the console's Ctrl-C would reach both
        child = int(subprocess.check_output(["pgrep", "-P", str(process.pid)], text=True).split()[0])
        os.kill(child, signal.SIGINT)
        assert process.stdout.readline() == "got it\n"
        assert process.wait(60) == 5


def test_ending_us_ends_the_program() -> None:
    with started("sh", "-c", "echo $$; exec sleep 600") as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.terminate()
        assert is_gone(child)


def test_what_is_not_there_or_cannot_be_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="`no-such-program` was not found"):
        stand_in(["no-such-program"], {"PATH": str(tmp_path)})
    odd = tmp_path / "odd"
    odd.write_text("\0")
    odd.chmod(0o755)
    with pytest.raises(Refused, match="was not started"):
        stand_in([str(odd)], {"PATH": str(tmp_path)})
