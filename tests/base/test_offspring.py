"""Whatever a process starts is found and ended, whoever its parent is by then."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from connect_mcp.base.offspring import Offspring

linux = pytest.mark.skipif(sys.platform != "linux", reason="orphans that come back are Linux's")

_LEAVES_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True, stdout=-3)
print(child.pid)
"""


@linux
def test_an_orphan_in_a_session_of_its_own_is_found_and_ended() -> None:
    offspring = Offspring()
    done = subprocess.run([sys.executable, "-c", _LEAVES_A_CHILD], stdout=subprocess.PIPE, check=True)
    orphan = int(done.stdout)

    left = offspring.left(0.2, but=lambda found: False)

    assert [found.process.pid for found in left] == [orphan]
    assert "time.sleep(600)" in left[0].command[-1]
    offspring.end()
    assert not psutil.pid_exists(orphan)


@linux
def test_what_is_left_by_design_is_not_waited_for_but_ended_all_the_same() -> None:
    offspring = Offspring()
    done = subprocess.run([sys.executable, "-c", _LEAVES_A_CHILD], stdout=subprocess.PIPE, check=True)

    began = time.monotonic()
    left = offspring.left(5, but=lambda found: "sleep(600)" in found.command[-1])

    assert not left
    assert time.monotonic() - began < 4
    offspring.end()
    assert not psutil.pid_exists(int(done.stdout))


def test_a_process_that_was_there_before_is_left_alone() -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        offspring = Offspring()
        offspring.end()

        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_what_is_not_meant_is_left_alone_until_all_of_them_are() -> None:
    offspring = Offspring()
    processes = [subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({n})"]) for n in (601, 602)]

    offspring.end(but=lambda found: "sleep(602)" in found.command[-1])

    assert [one.process.pid for one in offspring.living()] == [processes[1].pid]
    offspring.end()
    assert not offspring.living()
    for process in processes:
        process.wait(5)


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_a_descendant_that_ignores_sigterm_is_ended_too() -> None:
    offspring = Offspring()
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)

    offspring.end()

    process.wait(5)
    process.stdout.close()
    assert not offspring.living()


_AVENGES_ITS_CHILDREN = """
import os, subprocess, sys
for _ in range(30):
    subprocess.Popen(["sleep", "600"])
print("here", flush=True)
os.wait()
open(sys.argv[1], "w").close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no `sleep`")
def test_nobody_has_the_time_to_do_anything_about_the_end_of_what_it_started(tmp_path: Path) -> None:
    for turn in range(5):
        noticed = tmp_path / str(turn)
        offspring = Offspring()
        command = [sys.executable, "-S", "-c", _AVENGES_ITS_CHILDREN, str(noticed)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
            assert parent.stdout is not None
            assert parent.stdout.readline()

            offspring.end()

        assert not noticed.exists()
