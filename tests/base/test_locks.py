import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.locks import attempt, hold, release, take
from connect_mcp.base.system import System
from support.systems import Counting

HOLD = """
import sys
from connect_mcp.base.locks import hold
hold(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_keeps_another_process_out_and_dies_with_its_holder(tmp_path: Path) -> None:
    path = str(tmp_path / "a.lock")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert attempt(path) is None
        system = Counting()
        with pytest.raises(Refused) as refusal:
            hold(path, patience=0.1, system=system)
        assert f"process {holder.pid}" in refusal.value.why
        assert system.calls.count("sleep") == 5
        holder.kill()
    release(hold(path, patience=0))


def test_a_lock_that_nobody_made_is_not_made_to_look(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        attempt(str(tmp_path / "a.lock"), make=False)
    assert os.listdir(tmp_path) == []


def test_a_lock_on_an_open_file_lasts_until_the_last_process_has_closed_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file, path.open("rb") as other:
        assert take(file.fileno())
        assert take(file.fileno())
        assert not take(other.fileno())
        holder = subprocess.Popen(["sleep", "600"], stdout=file)
        file.close()
        assert not take(other.fileno())
        holder.kill()
        holder.wait()
        assert take(other.fileno())


def test_windows_locks_a_byte_beyond_the_holders_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    msvcrt = types.ModuleType("msvcrt")
    positions = []

    def locking(lock: int, _mode: int, count: int) -> None:
        positions.append(os.lseek(lock, 0, os.SEEK_CUR))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError from None
        assert count == 1

    msvcrt.LK_NBLCK, msvcrt.locking = 2, locking  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)
    windows = System(platform="win32")
    path = tmp_path / "a.lock"
    lock = hold(str(path), system=windows)
    assert path.read_text() == str(os.getpid())
    assert attempt(str(path), system=windows) is None
    release(lock)
    assert set(positions) == {1 << 30}
