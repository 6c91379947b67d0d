"""Whatever a subject does, a run ends in bounded time and memory, and says what happened."""

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from connect_mcp.conformance.commands import main
from connect_mcp.conformance.trial import Options
from support.processes import program
from support.subjects import ROWS, results

BEGINNING = """
import json, os, signal, sys, time
ANSWER = {"jsonrpc": "2.0", "result": {}}
def deaf(): signal.signal(signal.SIGTERM, signal.SIG_IGN)
def always(act):
    while True: act()
def each(act):
    while sys.stdin.readline(): act()
def say(message): os.write(1, json.dumps(message).encode() + b"\\n")
def answered():
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        if asked.get("method") == "initialize":
            said = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "x", "version": "1"}}
            say({"jsonrpc": "2.0", "id": asked["id"], "result": said})
            return
"""

HOSTILE = {
    "floods-stdout": "answered(); always(lambda: os.write(1, b'noise\\n' * 10000))",
    "floods-messages": 'answered(); always(lambda: os.write(1, b\'{"jsonrpc":"2.0","method":"a/b"}\\n\' * 1000))',
    "floods-long-messages": "answered(); always(lambda: say({**ANSWER, 'id': 7, 'result': {'x': ['y'] * 500000}}))",
    "floods-stderr": "answered(); always(lambda: os.write(2, b'noise ' * 10000))",
    "one-line-of-a-gigabyte": "answered(); [os.write(1, b'x' * (1 << 20)) for _ in range(1024)]; time.sleep(600)",
    "never-answers": "time.sleep(600)",
    "never-reads": "answered(); time.sleep(600)",
    "closes-its-output": "answered(); os.close(1); time.sleep(600)",
    "ignores-everything": "deaf(); answered(); always(lambda: time.sleep(1))",
    "forks-and-dies": "answered()\nif os.fork(): os._exit(0)\ndeaf(); time.sleep(600)",
    "answers-everybody": "answered(); [say({**ANSWER, 'id': n}) for n in range(100000)]; time.sleep(600)",
    "ids-that-are-none": "answered(); each(lambda: say({**ANSWER, 'id': {'a': []}}))",
    "deep-messages": "answered(); each(lambda: os.write(1, b'[' * 100000 + b']' * 100000 + b'\\n'))",
    "long-numbers": "answered(); each(lambda: os.write(1, b'{\"jsonrpc\":\"2.0\",\"id\":' + b'9' * 10000 + b'}\\n'))",
}
if sys.platform == "win32":
    del HOSTILE["forks-and-dies"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_run_against_it_ends_and_is_no_success(tmp_path: Path, name: str) -> None:
    command = program(tmp_path, BEGINNING + HOSTILE[name])
    rows = [ROWS["PING-EMPTY"], ROWS["STDOUT-PURE"]]
    before, began = psutil.Process().memory_info().rss, time.monotonic()
    found = results(command, rows, ["2025-11-25"], Options(timeout=0.6, jobs=2))
    assert time.monotonic() - began < 60
    assert psutil.Process().memory_info().rss - before < 300 << 20
    assert {one.outcome for one in found if one.requirement != "STDOUT-PURE"} <= {"fail", "inconclusive"}
    assert not [child for child in psutil.Process().children(recursive=True) if str(tmp_path) in " ".join(words(child))]


DESERTS = """
answered()
if os.fork() == 0:
    os.setsid()
    deaf()
    time.sleep(600)
for line in sys.stdin.buffer: pass
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a session of its own is out of reach elsewhere")
def test_a_child_in_a_session_of_its_own_does_not_outlive_the_run(tmp_path: Path) -> None:
    command = program(tmp_path, BEGINNING + DESERTS)
    argv = ["conformance", "run", "--only", "PING-EMPTY", "--revision", "2025-11-25", "--timeout", "0.6"]

    done = subprocess.run([sys.executable, "-m", "connect_mcp", *argv, "--", *command], timeout=100, check=False)

    assert done.returncode == 1
    assert not [process for process in psutil.process_iter() if str(tmp_path) in " ".join(words(process))]


def words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


SPITEFUL = r"""
import json, os, sys
SAID = "<script>alert(1)</script>\x1b[31m\x9b2J\u202e\x07]]>" + chr(0xD800) + " @me ![x](http://e) | ``` "
SECRET = os.environ.get("SPITEFUL_API_KEY", "") + " " + sys.argv[-1]
TEXT = SAID + SECRET
os.write(2, TEXT.encode("utf-8", "replace") + b"\n")
TOOL = {"name": TEXT, "description": TEXT, "inputSchema": {"type": SAID, "properties": {"x": {"title": TEXT}}}}
FINE = {"name": "t", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}
INFO = {"name": TEXT, "version": TEXT}
RESULTS = {
    "initialize": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {TEXT: 1}}, "serverInfo": INFO},
    "ping": {TEXT: TEXT},
    "tools/list": {"tools": [TOOL, FINE], "nextCursor": TEXT},
    "tools/call": {"content": [{"type": SAID, "text": TEXT}]},
}
for line in sys.stdin.buffer:
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError):
        os.write(1, TEXT.encode("utf-8", "surrogatepass") + b"\n")
        continue
    if isinstance(asked, dict) and "id" in asked:
        method = asked.get("method")
        known = isinstance(method, str) and method in RESULTS
        answer = {"result": RESULTS[method]} if known else {"error": {"code": TEXT, "message": TEXT}}
        os.write(1, json.dumps({"jsonrpc": "2.0", "id": asked["id"], **answer}).encode() + b"\n")
"""
"""Every text that it says holds markup, terminal sequences, half a surrogate pair and the secrets that it was given."""

REPORTS = ("junit", "sarif", "markdown", "html", "baseline.txt")
ENV_SECRET, ARGV_SECRET = "planted-in-its-environment", "planted-in-its-arguments"
SESSION = [
    {"format": "connect-mcp session", "version": 1, "revision": "2025-11-25"},
    {"t": 0, "ev": "host", "msg": {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}},
    {"t": 0, "ev": "server", "msg": {"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}},
]


@pytest.mark.parametrize(
    "argv",
    [
        ["run", "--profile", "codex", "sdk-python", "--fuzz", "--examples", "2", "--verbose"],
        ["run", "--strict", "--json"],
        ["baseline", "{folder}/baseline.txt"],
        ["replay", "{folder}/session.jsonl"],
        ["replay", "{folder}/session.jsonl", "--json"],
        ["replay", "{folder}/session.jsonl", "--adapted"],
    ],
    ids=" ".join,
)
def test_what_a_server_says_draws_nothing_and_tells_no_secret(
    tmp_path: Path, argv: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPITEFUL_API_KEY", ENV_SECRET)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "session.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in SESSION), encoding="utf-8")
    asked = [f"--{kind}={tmp_path / kind}" for kind in REPORTS[:4]] if argv[0] == "run" else []
    ours = [word.format(folder=tmp_path) for word in argv]
    server = program(tmp_path, SPITEFUL, "spiteful.py")
    main([*ours, *asked, "--", *server, "--token", ARGV_SECRET])
    shown = capsys.readouterr()
    sessions = [path.read_text(encoding="utf-8") for path in tmp_path.glob("connect-mcp-fuzz/*")]
    reports = [path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path.name in REPORTS]
    for text in (shown.out, shown.err, *reports, *sessions):
        assert ENV_SECRET not in text
        assert ARGV_SECRET not in text
    for text in (shown.out, shown.err, *reports):
        assert all(char.isprintable() or char == "\n" for char in text)
    assert (argv[0] == "run" and "--json" not in argv) is bool(sessions)
    assert not (tmp_path / "html").exists() or "<script" not in (tmp_path / "html").read_text(encoding="utf-8")
    assert shown.out


def test_a_surface_draws_nothing_and_is_the_same_when_read_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = program(tmp_path, SPITEFUL, "spiteful.py")
    assert main(["surface", "--", *server, "x"]) == 0
    text = capsys.readouterr().out
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "\\ud800" in text
    (tmp_path / "surface.json").write_text(text, encoding="utf-8")
    assert main(["surface", "--check", str(tmp_path / "surface.json"), "--strict", "--", *server, "x"]) == 0
    assert capsys.readouterr().out.startswith("no changes")
