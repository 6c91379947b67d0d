"""Whatever a subject does, a run ends in bounded time and memory, and says what happened."""

import sys
import time
from pathlib import Path

import psutil
import pytest

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


def words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
