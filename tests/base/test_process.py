import functools
import hashlib
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.process import Bounds, Child
from support.kernel32 import Kernel32
from support.processes import is_gone, program

SOON = 30.0  # long enough for a busy machine; nothing waits for it when all is well

Start = Callable[..., Child]


@pytest.fixture(params=[False, True], ids=["by who waits", "by threads"])
def start(request: pytest.FixtureRequest) -> Start:
    """Both ways in which a child's pipes are read and written; Windows has the second alone."""
    return functools.partial(Child, by_threads=request.param)


def read(child: Child) -> bytes:
    line = child.read_line(SOON)
    assert line is not None
    return line


def test_lines_go_in_and_come_out(tmp_path: Path, start: Start) -> None:
    code = """
        import sys
        for line in sys.stdin.buffer:
            sys.stdout.buffer.write(b"<" + line.strip() + b">\\n")
    """
    with start(program(tmp_path, code)) as child:
        assert child.send(b"one\ntwo\n")
        assert (read(child), read(child)) == (b"<one>", b"<two>")
        child.close_stdin()
        assert child.read_line(SOON) is None
        assert child.ended
        assert child.wait(SOON) == 0


def test_a_last_line_without_a_line_end_is_a_line(tmp_path: Path, start: Start) -> None:
    with start(program(tmp_path, "import sys; sys.stdout.write('a\\r\\n\\nlast')")) as child:
        assert [read(child) for _ in range(3)] == [b"a\r", b"", b"last"]
        assert child.read_line(SOON) is None
        assert child.ended


def test_waiting_for_a_line_ends_in_time_while_the_child_says_nothing(tmp_path: Path, start: Start) -> None:
    with start(program(tmp_path, "import sys; sys.stdin.read()")) as child:
        assert child.read_line(0.05) is None
        assert not child.ended


def test_a_flood_on_stdout_keeps_to_the_bound_and_is_counted(tmp_path: Path, start: Start) -> None:
    code = """
        import os
        for number in range(4000):
            os.write(1, b"%06d" % number + b"x" * 993 + b"\\n")
    """
    bounds = Bounds(unread=100_000)
    with start(program(tmp_path, code), bounds=bounds) as child:
        assert child.wait(SOON) == 0
        child.stop()
        lines = []
        while (line := child.read_line(0)) is not None:
            lines.append(line)
    assert lines[0].startswith(b"000000")
    assert sum(map(len, lines)) <= bounds.unread
    assert sum(len(line) + 1 for line in lines) + child.dropped == 4000 * 1000


def test_a_line_longer_than_the_bound_is_cut_and_the_next_one_is_whole(tmp_path: Path, start: Start) -> None:
    code = "import os; os.write(1, b'y' * 300_000 + b'\\nnext\\n')"
    with start(program(tmp_path, code), bounds=Bounds(line=1000)) as child:
        assert read(child) == b"y" * 1000
        assert read(child) == b"next"
        assert child.dropped == 299_000


def test_blank_lines_without_end_keep_to_the_bound_too(tmp_path: Path, start: Start) -> None:
    with start(program(tmp_path, "import os\nwhile True: os.write(1, b'\\n' * 65536)")) as child:
        assert read(child) == b""
        deadline = time.monotonic() + SOON
        while not child.dropped and time.monotonic() < deadline:
            time.sleep(0.01)
        assert child.dropped
        assert child.stop(after_eof=0, after_term=SOON) == -signal.SIGTERM


def test_a_flood_on_stderr_blocks_nobody_and_its_end_is_kept(tmp_path: Path, start: Start) -> None:
    code = """
        import os
        for number in range(5000):
            os.write(2, b"%06d" % number + b"e" * 993 + b"\\n")
        os.write(2, b"the \\x1b[31mreason\\n\\n")
        os.write(1, b"done\\n")
    """
    with start(program(tmp_path, code)) as child:
        assert read(child) == b"done"
        child.stop()
        assert child.stderr_tail()[-1] == "the \\x1b[31mreason"
        assert len(child.stderr_tail(lines=3, width=50)) == 3
        assert child.stderr_tail(lines=2, width=6)[0].startswith("004999…")


def test_the_last_words_of_a_child_are_there_once_it_has_ended(tmp_path: Path, start: Start) -> None:
    for _ in range(5):
        with start(program(tmp_path, "import os; os.write(2, b'why\\n' * 10_000); os._exit(3)")) as child:
            assert child.wait(SOON) == 3
            assert child.stderr_tail(lines=1) == ("why",)
            assert len(child.stderr()) == 40_000


def test_a_child_that_never_reads_cannot_block_the_sender(tmp_path: Path, start: Start) -> None:
    with start(program(tmp_path, "import time; time.sleep(600)")) as child:
        assert not child.send(b"x" * 10_000_000, timeout=0.2)
        assert not child.send(b"more")
        assert child.stop(after_eof=0.05, after_term=SOON) == -signal.SIGTERM


def test_more_than_a_pipe_takes_arrives_whole_and_in_order(tmp_path: Path, start: Start) -> None:
    code = """
        import hashlib, sys, time
        time.sleep(0.2)
        print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())
    """
    sent = [b"%d" % number * 50_000 for number in range(20)]
    with start(program(tmp_path, code)) as child:
        assert all(child.send(piece, SOON) for piece in sent)
        child.close_stdin()
        assert read(child).decode().strip() == hashlib.sha256(b"".join(sent)).hexdigest()


def test_sending_to_a_child_that_is_gone_says_so(tmp_path: Path, start: Start) -> None:
    with start(program(tmp_path, "raise SystemExit(3)")) as child:
        assert child.wait(SOON) == 3
        assert not child.send(b"x" * 1_000_000)


def test_a_child_that_ignores_eof_and_sigterm_is_killed(tmp_path: Path, start: Start) -> None:
    code = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("ready")
        while True:
            time.sleep(1)
    """
    with start(program(tmp_path, code)) as child:
        assert read(child) == b"ready"
        assert child.stop(after_eof=0.05, after_term=0.05, after_kill=SOON) == -signal.SIGKILL
        assert child.stop() == -signal.SIGKILL
    assert is_gone(child.pid)


@pytest.mark.parametrize("parent_goes_first", [True, False])
def test_what_the_child_started_goes_with_it(tmp_path: Path, start: Start, parent_goes_first: bool) -> None:
    code = f"""
        import os, signal, time
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        print(pid)
        if not {parent_goes_first}:
            time.sleep(600)
    """
    with start(program(tmp_path, code)) as child:
        grandchild = int(read(child))
        assert child.stop(after_eof=SOON if parent_goes_first else 0.05, after_term=SOON) is not None
    assert is_gone(grandchild)
    assert is_gone(child.pid)


def test_no_thread_stays_behind(tmp_path: Path, start: Start) -> None:
    before = threading.active_count()
    with start(program(tmp_path, "import time; time.sleep(600)")) as child:
        assert not child.send(b"x" * 10_000_000, timeout=0.05)
        assert threading.active_count() == before + 3
    assert threading.active_count() == before


def test_leaving_the_block_by_an_exception_ends_the_child(tmp_path: Path, start: Start) -> None:
    def fail(child: Child) -> None:
        raise KeyError(child.pid)

    with pytest.raises(KeyError) as failed, start(program(tmp_path, "import sys; sys.stdin.read()")) as child:
        fail(child)
    assert is_gone(failed.value.args[0])


def test_a_signal_reaches_the_child(tmp_path: Path, start: Start) -> None:
    with start(program(tmp_path, "import time; time.sleep(600)")) as child:
        child.signal(signal.SIGTERM)
        assert child.wait(SOON) == -signal.SIGTERM
        child.signal(signal.SIGTERM)


def test_the_child_gets_exactly_the_environment_and_folder_it_is_given(tmp_path: Path) -> None:
    code = "import os; print(os.getcwd(), sorted(os.environ))"
    folder = tmp_path / "work"
    folder.mkdir()
    with Child(program(tmp_path, code), env={"ONLY": "1", "LC_CTYPE": "C.UTF-8"}, cwd=folder) as child:
        assert read(child).decode() == f"{folder} ['LC_CTYPE', 'ONLY']"


def test_what_cannot_be_started_is_refused_with_the_reason(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    plain = tmp_path / "plain"
    plain.write_text("data")
    cases: list[tuple[list[str], str | None, str]] = [
        (["no-such-program-here"], None, "PATH"),
        ([str(tmp_path / "missing")], None, "no such file"),
        ([str(script)], None, "interpreter"),
        ([str(plain)], None, "may not be executed"),
        ([sys.executable], str(tmp_path / "nowhere"), "is not there"),
        ([sys.executable, "a\0b"], None, "cannot be passed"),
        ([], None, "cannot be passed"),
    ]
    for argv, cwd, why in cases:
        with pytest.raises(Refused) as refusal:
            Child(argv, cwd=cwd)
        assert why in refusal.value.why


def test_an_argument_is_never_shown_since_it_may_be_a_secret() -> None:
    with pytest.raises(Refused) as refusal:
        Child(["no-such-program-here", "--token", "hunter2"])
    assert "hunter2" not in str(refusal.value)


def test_on_windows_the_child_hangs_on_a_job_that_is_closed_once() -> None:
    system = Kernel32()
    child = Child([sys.executable, "-c", "input()"], kernel32=system)
    assert ("OpenProcess", 0x0101, False, child.pid) in system.asked
    assert ("CloseHandle", 11) not in system.asked
    child.stop()
    child.stop()
    assert system.asked.count(("CloseHandle", 11)) == 1


def test_where_windows_gives_no_job_the_child_runs_all_the_same() -> None:
    system = Kernel32("AssignProcessToJobObject")
    with Child([sys.executable, "-c", "print(1)"], kernel32=system) as child:
        assert (child.read_line(60) or b"").strip() == b"1"
