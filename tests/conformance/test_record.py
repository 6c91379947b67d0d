import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from connect_mcp.base.folders import folders
from connect_mcp.base.secrets import Store
from connect_mcp.conformance.dictation import finished, is_scribe
from connect_mcp.conformance.session import Session
from support.processes import is_gone, program
from support.recording import PATIENCE, converse, end, events, reader, record_command, said, start, writer

PLANTED = "arc_live_planted_00000000"

ECHO = """
import os
while chunk := os.read(0, 65536):
    while chunk:
        chunk = chunk[os.write(1, chunk):]
"""


def noise() -> bytes:
    """Every byte value, split lines, CRLF, blank lines, a megabyte in one line, and no line end at the end."""
    made = random.Random(7)
    return b"".join(
        [
            bytes(range(256)),
            b"\r\n\n\n\r\r\n",
            b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n',
            b'{"a": 1, "a": 2}\n{"cut',
            bytes(made.randrange(256) for _ in range(20_000)),
            b"\n" + b"x" * (1 << 20) + b"\n",
            b"last",
        ]
    )


def test_every_byte_passes_both_ways_unchanged(tmp_path: Path) -> None:
    out, sent = tmp_path / "session.jsonl", noise()
    process = start(out, program(tmp_path, ECHO))
    try:
        received, errors = process.communicate(sent, timeout=PATIENCE)
    finally:
        end(process)
    assert received == sent
    assert (process.returncode, errors) == (0, b"")
    for side in ("host", "server"):
        lines = [event for event in events(out) if event.ev == side]
        recorded = b"".join(
            (json.dumps(event.msg).encode() if event.raw is None else event.raw) + event.end.encode() for event in lines
        )
        assert recorded == sent


@pytest.mark.parametrize("ending", ["\n", ""])
def test_a_last_long_line_that_takes_a_while_to_redact_is_not_lost(tmp_path: Path, ending: str) -> None:
    out, words = tmp_path / "session.jsonl", "token=abcdefgh key: 12345678 "
    code = f"import sys\nsys.stdout.write('{{\"a\": \"' + {words!r} * 40_000 + '\"}}' + {ending!r})"
    assert converse(out, program(tmp_path, code), []) == (0, f'{{"a": "{words * 40_000}"}}{ending}'.encode(), b"")
    recorded = out.read_text(encoding="utf-8")
    assert "abcdefgh" not in recorded
    assert len(recorded) > 100_000


def test_standard_error_passes_unchanged_and_is_recorded(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    code = "import os; os.write(2, b'one\\n\\xff\\xfe\\r\\n{}\\nlast')"
    assert converse(out, program(tmp_path, code), []) == (0, b"", b"one\n\xff\xfe\r\n{}\nlast")
    assert said(out, "stderr") == [b"one", b"\xff\xfe", b"{}", b"last"]


def test_what_a_server_says_as_it_dies_is_passed_on_before_the_end_of_its_output(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    code = "import os, time; os.close(1); time.sleep(0.02); os.write(2, b'why\\n'); os._exit(4)"
    process = start(out, program(tmp_path, code))
    try:
        assert reader(process).read() == b""
        process.kill()  # at once, as Codex does
        process.wait(PATIENCE)
    finally:
        end(process)
    assert said(out, "stderr") == [b"why"]


def test_a_part_of_a_line_is_passed_on_before_the_rest_comes(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    process = start(out, program(tmp_path, ECHO))
    try:
        for piece in (b'{"jso', b'nrpc":"2.0",', b'"id":1}\n'):
            writer(process).write(piece)
            assert reader(process).read(len(piece)) == piece
        writer(process).close()
        assert process.wait(PATIENCE) == 0
    finally:
        end(process)
    assert said(out, "host") == said(out, "server") == [{"jsonrpc": "2.0", "id": 1}]


def test_a_line_is_recorded_before_it_is_passed_on(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    process = start(out, program(tmp_path, ECHO))
    try:
        writer(process).write(b'{"id":1}\n')
        reader(process).readline()
        process.kill()  # at once, like a host that gives its server no time at all
        process.wait(PATIENCE)
        assert said(out, "host") == said(out, "server") == [{"id": 1}]
    finally:
        end(process)


def test_a_host_that_gives_a_millisecond_between_its_signal_and_the_kill_finds_all_that_was_said(
    tmp_path: Path,
) -> None:
    for number in range(3):
        out = tmp_path / f"session-{number}.jsonl"
        process = start(out, program(tmp_path, ECHO))
        try:
            for identity in range(5):
                writer(process).write(b'{"id":%d}\n' % identity)
                reader(process).readline()
            process.send_signal(signal.SIGTERM)
            time.sleep(0.001)
            process.kill()
            process.wait(PATIENCE)
            assert said(out, "host") == said(out, "server") == [{"id": identity} for identity in range(5)]
        finally:
            end(process)


@pytest.mark.parametrize(
    ("asked", "answered", "revision"),
    [
        ({"protocolVersion": "2025-06-18"}, {"protocolVersion": "2025-03-26"}, "2025-03-26"),
        (
            {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}},
            {"resultType": "complete"},
            "2026-07-28",
        ),
    ],
)
def test_the_header_names_the_revision_even_where_the_host_kills_the_recorder(
    tmp_path: Path, asked: dict[str, object], answered: dict[str, object], revision: str
) -> None:
    out = tmp_path / "session.jsonl"
    code = f"""
        import json, sys
        for line in sys.stdin:
            print(json.dumps({{"jsonrpc": "2.0", "id": 1, "result": {answered!r}}}), flush=True)
    """
    process = start(out, program(tmp_path, code))
    try:
        writer(process).write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "m", "params": asked}).encode() + b"\n")
        reader(process).readline()
        process.kill()
        process.wait(PATIENCE)
    finally:
        end(process)
    assert len(said(out, "server")) == 1
    assert Session(out).header.revision == revision


def test_a_signal_is_recorded_before_it_is_passed_on(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    code = """
        import os, signal, time
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, frame: os.write(1, signal.Signals(number).name.encode() + b"\\n"))
        os.write(1, b"%d\\n" % os.getpid())
        while True:
            time.sleep(1)
    """
    process = start(out, program(tmp_path, code))
    try:
        server = int(reader(process).readline())
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            process.send_signal(number)
            assert reader(process).readline().decode().strip() == number.name
        process.kill()
        process.wait(PATIENCE)
        names = [event.more["name"] for event in events(out) if event.ev == "signal"]
        assert names == ["SIGINT", "SIGHUP", "SIGTERM"]
        os.kill(server, signal.SIGKILL)
    finally:
        end(process)


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_kept(tmp_path: Path, code: int) -> None:
    out = tmp_path / "session.jsonl"
    assert converse(out, program(tmp_path, f"raise SystemExit({code})"), [])[0] == code
    assert events(out)[-1].more == {"code": code, "signal": None}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT])
def test_a_server_that_dies_of_a_signal_takes_the_recorder_along(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "session.jsonl"
    code = f"""
        import os, signal
        if {int(number)} != signal.SIGKILL:
            signal.signal({int(number)}, signal.SIG_DFL)
        os.kill(os.getpid(), {int(number)})
    """
    assert converse(out, program(tmp_path, code), [])[0] == -number
    assert events(out)[-1].more == {"code": None, "signal": number.name}


def test_a_server_that_closes_its_output_is_seen_to_while_it_lives(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    code = "import os, sys; os.close(1); sys.stdin.read(); os.write(2, b'still here')"
    process = start(out, program(tmp_path, code))
    try:
        assert reader(process).read() == b""
        assert process.poll() is None
        assert process.communicate(timeout=PATIENCE)[1] == b"still here"
    finally:
        end(process)
    assert next(event.more["of"] for event in events(out) if event.ev == "eof") == "stdout"


def test_a_host_that_stops_reading_is_felt_by_the_server(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    code = """
        import os
        while True:
            os.write(1, b"tick\\n")
    """
    process = start(out, program(tmp_path, code))
    try:
        reader(process).readline()
        reader(process).close()
        assert process.wait(PATIENCE) != 0
    finally:
        end(process)
    assert {"of": "stdout"} in [event.more for event in events(out) if event.ev == "closed"]


def test_a_process_that_outlives_the_server_and_holds_its_output_does_not_hold_the_recorder(tmp_path: Path) -> None:
    out, mark = tmp_path / "session.jsonl", tmp_path / "pid"
    code = f"""
        import os, time
        pid = os.fork()
        if pid == 0:
            time.sleep(600)
        open({str(mark)!r}, "w").write(str(pid))
        os.write(1, b"bye\\n")
    """
    process = start(out, program(tmp_path, code))
    try:
        assert process.wait(PATIENCE) == 0
        assert reader(process).readline() == b"bye\n"
    finally:
        end(process)
        os.kill(int(mark.read_text()), signal.SIGKILL)
    assert is_gone(int(mark.read_text()))


def test_a_host_that_hands_over_a_socket_that_does_not_block_is_served(tmp_path: Path) -> None:
    out, sent = tmp_path / "session.jsonl", noise()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    descriptor = theirs.fileno()
    process = subprocess.Popen(record_command(out, program(tmp_path, ECHO)), stdin=descriptor, stdout=descriptor)
    theirs.close()
    try:
        with ours:
            sender = threading.Thread(target=_send_all, args=(ours, sent))
            sender.start()
            received = b""
            while chunk := ours.recv(65536):
                received += chunk
            sender.join(PATIENCE)
        assert received == sent
        assert process.wait(PATIENCE) == 0
    finally:
        end(process)


def _send_all(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def test_a_planted_secret_is_nowhere_in_the_recording(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    code = """
        import os, sys
        key = os.environ["ARYTHMATIC_API_KEY"]
        for line in sys.stdin.buffer:
            os.write(2, b"using " + key.encode() + b" and " + os.environ["ODD_TOKEN"].encode() + b"\\n")
            os.write(1, line)
            os.write(1, b"not json " + key.encode() + b"\\xff\\n")
            os.write(1, key[:10].encode())
            os.write(1, key[10:].encode() + b"\\n")
            os.write(1, b'{"id": 1, "x": "' + key.replace("_", "\\\\u005f").encode() + b'"}\\n')
            os.write(1, b"no line end: " + key.encode())
    """
    lines = [json.dumps({"jsonrpc": "2.0", "method": "x", "params": {"key": PLANTED, "my": "swordfish"}}).encode()]
    env = {"ARYTHMATIC_API_KEY": PLANTED, "ODD_TOKEN": "swordfish"}
    code_, received, errors = converse(out, program(tmp_path, code), lines, env)
    assert (code_, PLANTED.encode() in received, PLANTED.encode() in errors) == (0, True, True)
    stored = out.read_bytes()
    for secret in (PLANTED.encode(), b"swordfish", b"planted"):
        assert secret not in stored
    assert said(out, "stderr") == [b"using {{secret:1}} and {{secret:2}}"]
    spawned = events(out)[0]
    assert spawned.ev == "spawn"
    assert {"ARYTHMATIC_API_KEY", "ODD_TOKEN", "HOME"} <= set(spawned.more["env"] or [])  # type: ignore[arg-type]


def test_a_secret_that_the_server_gets_from_the_store_is_nowhere_in_the_recording(tmp_path: Path) -> None:
    Store(folders().config).put("HANDLE", "swordfish")
    code = """
        import os, sys
        for stream in (sys.stdout, sys.stderr):
            stream.write("it is " + os.environ["HANDLE"] + chr(10))
    """
    wrapped = [sys.executable, "-m", "connect_mcp", "run", "--secret", "HANDLE", "--", *program(tmp_path, code)]
    out = tmp_path / "session.jsonl"
    ended, received, errors = converse(out, wrapped, [])
    assert (ended, received, errors) == (0, b"it is swordfish\n", b"it is swordfish\n")
    assert b"swordfish" not in out.read_bytes()
    assert said(out, "stderr") == [b"it is {{secret:1}}"]


def test_home_and_working_folder_are_nowhere_in_the_recording(tmp_path: Path, home: Path) -> None:
    out, work = tmp_path / "session.jsonl", tmp_path / "work"
    work.mkdir()
    process = start(out, program(tmp_path, ECHO), cwd=work)
    try:
        process.communicate(json.dumps({"root": f"file://{work}/a", "rc": f"{home}/.rc"}).encode(), timeout=PATIENCE)
    finally:
        end(process)
    assert said(out, "host") == [{"root": "file://{{cwd}}/a", "rc": "{{home}}/.rc"}]
    assert str(work).encode() not in out.read_bytes()


def test_a_server_can_be_started_in_another_folder_than_the_hosts_and_neither_is_in_the_recording(
    tmp_path: Path, home: Path
) -> None:
    out, work, theirs = tmp_path / "session.jsonl", tmp_path / "work", tmp_path / "theirs"
    work.mkdir()
    theirs.mkdir()
    says = 'import os; os.write(1, (os.getcwd() + "\\n").encode()); ' + "os.read(0, 1)"
    process = start(out, program(tmp_path, says), cwd=theirs, options=["--cwd", str(work)])
    try:
        received, _ = process.communicate(f"{theirs}\n".encode(), timeout=PATIENCE)
    finally:
        end(process)
    assert received.decode() == f"{work}\n"
    assert said(out, "server") == [b"{{cwd}}"]
    assert str(theirs).encode() not in out.read_bytes()


def test_a_second_start_leaves_the_first_recording_alone(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    for number in range(3):
        assert converse(out, program(tmp_path, ECHO), [b"%d" % number])[0] == 0
    names = ["session.jsonl", "session-2.jsonl", "session-3.jsonl"]
    assert [said(tmp_path / name, "host") for name in names] == [[b"0"], [b"1"], [b"2"]]
    assert out.stat().st_mode & 0o777 == 0o600


def test_the_header_says_where_the_recording_comes_from(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    converse(out, program(tmp_path, ECHO), [])
    header = Session(out).header
    assert (header.host, header.host_version, header.more["redacted"]) == ("tester", "1", True)


def test_what_cannot_be_recorded_or_started_is_refused_in_one_line(tmp_path: Path) -> None:
    code, received, errors = converse(tmp_path / "none" / "session.jsonl", program(tmp_path, ECHO), [])
    assert (code, received) == (1, b"")
    assert b"the recording cannot be written" in errors
    code, received, errors = converse(tmp_path / "session.jsonl", ["no-such-program-here", PLANTED], [])
    assert (code, received) == (1, b"")
    assert b"`no-such-program-here` was not started" in errors
    assert PLANTED.encode() not in errors
    assert not list(tmp_path.glob("*.jsonl"))


def test_a_server_that_is_marked_is_known_by_its_environment_and_its_number(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    code = "import os; print(os.getpid(), os.environ['CONNECT_MCP_RECORDING'])"
    process = start(out, program(tmp_path, code), options=["--mark"])
    try:
        said_there, _ = process.communicate(timeout=PATIENCE)
    finally:
        end(process)
    number, path = said_there.decode().split()
    assert Path(path) == out
    assert out.with_suffix(".pid").read_text() == number
    assert "CONNECT_MCP_RECORDING" not in json.dumps([event.more for event in events(out)])


def test_a_server_that_is_not_marked_has_the_environment_that_the_host_gave(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    code = "import os; print(sorted(os.environ))"
    process = start(out, program(tmp_path, code))
    try:
        said_there, _ = process.communicate(timeout=PATIENCE)
    finally:
        end(process)
    assert b"CONNECT_MCP_RECORDING" not in said_there
    assert [path.name for path in tmp_path.glob("session*")] == ["session.jsonl"]


def test_a_secret_in_the_servers_command_is_in_no_recording(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    code = "import sys; print(sys.argv[2]); sys.stderr.write(sys.argv[2])"
    command = [*program(tmp_path, code), "--password", "battery-staple-2"]
    assert converse(out, command, []) == (0, b"battery-staple-2\n", b"battery-staple-2")
    assert "battery-staple-2" not in out.read_text(encoding="utf-8")
    assert said(out, "server") == said(out, "stderr") == [b"{{secret:1}}"]


@pytest.mark.parametrize("size", [50_000, 5_000_000])
@pytest.mark.parametrize("of", ["the process", "its group"])
def test_a_host_that_kills_it_right_after_a_long_answer_has_lost_nothing(tmp_path: Path, size: int, of: str) -> None:
    out, sent = tmp_path / "session.jsonl", {"id": 1, "text": "a word or two, " * (size // 15)}
    process = start(out, program(tmp_path, ECHO), own_group=True)
    try:
        line = json.dumps(sent).encode() + b"\n"
        sender = threading.Thread(target=_write_all, args=(process, line))
        sender.start()
        assert _read_exactly(process, len(line)) == line
        os.kill(process.pid, signal.SIGKILL) if of == "the process" else os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        sender.join(PATIENCE)
        assert said(out, "host") == said(out, "server") == [sent]
    finally:
        end(process)


def test_what_happened_is_recorded_in_its_order(tmp_path: Path) -> None:
    out, count = tmp_path / "session.jsonl", 300
    process = start(out, program(tmp_path, ECHO))
    try:
        for number in range(count):
            writer(process).write(b"%d\n" % number)
            reader(process).readline()
        process.kill()
        process.wait(PATIENCE)
    finally:
        end(process)
    lines = [event for event in events(out) if event.ev in ("host", "server")]
    expected = [(side, b"%d" % number) for number in range(count) for side in ("host", "server")]
    assert [(event.ev, event.raw) for event in lines] == expected
    times = [event.t for event in lines]
    assert times == sorted(times)


def test_a_line_without_an_end_is_recorded_where_the_host_kills_the_recorder(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    process = start(out, program(tmp_path, ECHO))
    try:
        writer(process).write(b'{"half": ')
        assert _read_exactly(process, 9) == b'{"half": '
        process.kill()
        process.wait(PATIENCE)
    finally:
        end(process)
    lines = [(event.ev, event.raw, event.end) for event in events(out) if event.ev in ("host", "server")]
    assert lines == [("host", b'{"half": ', ""), ("server", b'{"half": ', "")]


def test_the_recording_is_there_with_its_header_when_the_server_starts(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    code = f"""
        import os
        print(oct(os.stat({str(out)!r}).st_mode & 0o777), open({str(out)!r}).readline())
    """
    ended, received, _ = converse(out, program(tmp_path, code), [])
    mode, header = received.decode().split(" ", 1)
    assert (ended, mode, json.loads(header)["host"]) == (0, "0o600", "tester")


# The process that writes the recording


def scribe_of(process: "subprocess.Popen[bytes]") -> psutil.Process:
    (scribe,) = [child for child in psutil.Process(process.pid).children() if is_scribe(child.cmdline())]
    return scribe


@contextmanager
def recorded(out: Path, folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", psutil.Process]]:
    """A recorder that has passed one line on, and its scribe; both are gone at the end."""
    process = start(out, program(folder, ECHO))
    scribe = None
    try:
        writer(process).write(b"1\n")
        assert reader(process).readline() == b"1\n"
        scribe = scribe_of(process)
        yield process, scribe
    finally:
        end(process)
        if scribe and scribe.is_running():
            scribe.kill()


def test_a_scribe_that_dies_holds_up_nothing_and_is_told_of_at_the_end(tmp_path: Path) -> None:
    out, sent = tmp_path / "session.jsonl", noise()
    with recorded(out, tmp_path) as (process, scribe):
        scribe.kill()
        received, errors = process.communicate(sent, timeout=PATIENCE)
    assert (process.returncode, received) == (0, sent)
    assert errors == b"connect-mcp: the recording is not whole: the process that writes it was ended by SIGKILL\n"


def test_a_full_disk_holds_up_nothing_and_is_told_of_at_the_end(tmp_path: Path) -> None:
    out, sent = tmp_path / "session.jsonl", noise()
    command = record_command(out, program(tmp_path, ECHO))
    limited = ["sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *command]
    done = subprocess.run(limited, input=sent, capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (0, sent)
    assert done.stderr == b"connect-mcp: the recording is not whole: File too large\n"


def test_the_signals_that_end_servers_do_not_end_the_scribe(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    with recorded(out, tmp_path) as (process, scribe):
        assert os.getsid(scribe.pid) == scribe.pid
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            scribe.send_signal(number)
        assert process.communicate(b"2\n", timeout=PATIENCE) == (b"2\n", b"")
    assert said(out, "server") == [b"1", b"2"]
    assert events(out)[-1].ev == "exit"


def test_a_host_does_not_wait_for_the_scribe_where_it_kills_the_recorder_and_a_reader_can(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    with recorded(out, tmp_path) as (process, scribe):
        scribe.suspend()
        writer(process).write(b"2\n")
        assert reader(process).readline() == b"2\n"
        process.kill()
        assert process.communicate(timeout=PATIENCE) == (b"", b"")
        assert not finished(out, 0.2)
        scribe.resume()
        assert finished(out, PATIENCE)
        assert is_gone(scribe.pid)
    assert said(out, "host") == said(out, "server") == [b"1", b"2"]


def test_a_host_can_end_a_recorder_that_waits_for_its_scribe(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    with recorded(out, tmp_path) as (process, scribe):
        scribe.suspend()
        writer(process).close()
        assert reader(process).read() == b""
        _until(lambda: len(psutil.Process(process.pid).children()) == 1)  # the server has ended
        time.sleep(0.2)
        assert process.poll() is None
        process.terminate()
        assert process.wait(PATIENCE) == -signal.SIGTERM
        scribe.resume()
        assert events(out)[-1].more == {"code": 0, "signal": None}


def test_no_secret_is_in_the_arguments_of_the_scribe(tmp_path: Path) -> None:
    out, planted = tmp_path / "session.jsonl", "battery-staple-2"
    command = [*program(tmp_path, ECHO), "--password", planted]
    process = start(out, command, {"ODD_TOKEN": "swordfish"})
    try:
        writer(process).write(f"{planted} swordfish\n".encode())
        reader(process).readline()
        given = " ".join(scribe_of(process).cmdline())
    finally:
        end(process)
    assert planted not in given
    assert "swordfish" not in given
    assert said(out, "server") == [b"{{secret:1}} {{secret:2}}"]


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _write_all(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    while data:
        data = data[writer(process).write(data) :]


def _read_exactly(process: "subprocess.Popen[bytes]", count: int) -> bytes:
    received = b""
    while len(received) < count and (chunk := reader(process).read(count - len(received))):
        received += chunk
    return received
