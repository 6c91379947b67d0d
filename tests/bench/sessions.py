"""What recording, replaying, judging and a whole run cost by themselves. Run as `python -m tests.bench.sessions`.

The subject is a program that echoes what it reads, or answers at once, so that nearly all of the time is ours. Recorded
and direct round trips are made in turn, so that a change in the machine's load meets both alike.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from connect_mcp.conformance.redaction import Redactor
from connect_mcp.conformance.schemas import faults
from connect_mcp.conformance.session import FORMAT

ROUNDS = 400
MOST_RECORDED = 10_000_000  # bytes of one size
IN_A_PIPE = 60_000  # bytes that can be sent before anything is read
ECHO = "import os\nwhile chunk := os.read(0, 65536): os.write(1, chunk)"
RELAY = """
import os, subprocess, sys, threading
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
def pass_on(source, sink):
    while chunk := os.read(source, 65536):
        while chunk:
            chunk = chunk[os.write(sink, chunk):]
    os.close(sink)
threading.Thread(target=pass_on, args=(0, server.stdin.fileno()), daemon=True).start()
pass_on(server.stdout.fileno(), 1)
os._exit(0)
"""
ANSWERS = r"""
import json, sys
for line in sys.stdin.buffer:
    message = json.loads(line)
    result = {"content": [{"type": "text", "text": "x" * 200}], "isError": False}
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}) + "\n")
    sys.stdout.flush()
"""
REPLAY = r"""
import resource, sys, time
from connect_mcp.conformance.replay import Server, replay
def used():
    mine = resource.getrusage(resource.RUSAGE_SELF)
    return mine.ru_utime + mine.ru_stime
began, cpu = time.monotonic(), used()
result = replay(sys.argv[1], Server([sys.executable, "-c", sys.argv[2]]), timeout=60)
assert result.outcome == "pass", result
theirs = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.monotonic() - began, used() - cpu, theirs.ru_utime + theirs.ru_stime,
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
RUN = r"""
import resource, sys, time
from connect_mcp.conformance.engine import run
from connect_mcp.conformance.guard import Guard
from connect_mcp.conformance.requirement import all_requirements
from connect_mcp.conformance.subject import StdioSubject
from connect_mcp.conformance.trial import Options, Trial
class Counted(StdioSubject):
    started = 0
    def open(self, **how):
        Counted.started += 1
        return super().open(**how)
began = time.monotonic()
with Guard() as guard:
    trial = Trial(Counted(sys.argv[2:], guard), Options())
    results = list(run(trial, all_requirements(), [sys.argv[1]]))
assert not [one for one in results if one.outcome in ("fail", "warn", "inconclusive", "bug-in-the-case")], results
mine, theirs = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
print(len(results), Counted.started, time.monotonic() - began, mine.ru_utime + mine.ru_stime,
      theirs.ru_utime + theirs.ru_stime, mine.ru_maxrss)
"""


def main() -> None:
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory() as folder:
        recording(Path(folder))
        replaying(Path(folder))
        checking(Path(folder))
    redacting()
    judging()


def recording(folder: Path) -> None:
    """What the recorder adds to a round trip, both directions together, and what any program in between would add."""
    prose = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    for size in (200, 2_000, 50_000, 200_000, 1_000_000):
        for name, text in (("x", "x" * size), ("text", (prose * (size // len(prose) + 1))[:size])):
            line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"text": text}}).encode() + b"\n"
            out = folder / f"{name}-{size}.jsonl"
            command = [sys.executable, "-c", ECHO]
            relay = [sys.executable, "-c", RELAY, *command]
            recorder = [sys.executable, "-m", "connect_mcp", "conformance", "record", "--out", str(out), "--", *command]
            with Echo(command) as direct, Echo(relay) as relayed, Echo(recorder) as recorded:
                times = list(_in_turn((direct, relayed, recorded), line))
            usual = [statistics.median(column) * 1000 for column in zip(*times, strict=True)]
            print(
                f"recording a round trip of {size:7} bytes of {name:4} each way adds {usual[2] - usual[0]:5.2f} ms "
                f"to {usual[0]:.2f} ms; a program that only passes it on adds {usual[1] - usual[0]:.2f} ms"
            )


def _in_turn(programs: Sequence["Echo"], line: bytes) -> Iterator[list[float]]:
    """The times of many round trips; after each there is a pause, as long as a model would take to read so much."""
    for number in range(max(20, min(ROUNDS, MOST_RECORDED // len(line)))):
        times = [program.round_trip(line) for program in programs]
        if number >= 5:
            yield times
        time.sleep(len(line) / 1e6)


class Echo:
    """A program that sends back what it gets."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def __enter__(self) -> "Echo":  # noqa: PYI034 - Self is new in Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def round_trip(self, line: bytes) -> float:
        assert self.process.stdout is not None
        began = time.perf_counter()
        sender = threading.Thread(target=self._send, args=(line,)) if len(line) > IN_A_PIPE else None
        sender.start() if sender else self._send(line)
        missing = len(line)
        while missing:
            missing -= len(self.process.stdout.read(1 << 20) or b"")
        seconds = time.perf_counter() - began
        if sender:
            sender.join()
        return seconds

    def _send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        rest = memoryview(line)
        while rest:
            rest = rest[self.process.stdin.write(rest) :]


def replaying(folder: Path) -> None:
    """The kit's own time for a message, against the subject's, and its memory against the session's length."""
    for count in (1_000, 20_000):
        path = folder / f"long-{count}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.write(json.dumps({"format": FORMAT, "version": 1}) + "\n")
            result = {"content": [{"type": "text", "text": "x" * 200}], "isError": False}
            for number in range(count):
                call = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": "echo"}}
                answer = {"jsonrpc": "2.0", "id": number, "result": result}
                file.write(json.dumps({"t": 0, "ev": "host", "msg": call}) + "\n")
                file.write(json.dumps({"t": 0, "ev": "server", "msg": answer}) + "\n")
        done = subprocess.run(
            [sys.executable, "-c", REPLAY, str(path), ANSWERS], capture_output=True, text=True, check=True
        )
        wall, ours, theirs, resident = map(float, done.stdout.split())
        each, mine, its = (seconds / count * 1000 for seconds in (wall, ours, theirs))
        print(
            f"replaying {count:6} calls: {each:.3f} ms a call, of it {mine:.3f} ms CPU of ours "
            f"and {its:.3f} ms of the subject's; {resident / 1024:.0f} MB resident"
        )


def checking(folder: Path) -> None:
    """A run of all requirements at the bundled server: how often it is started, and whose time it is."""
    command = [sys.executable, "-m", "connect_mcp", "serve", "--embedded", "--data-dir", str(folder / "workspace")]
    for revision in ("2025-11-25", "2026-07-28"):
        done = subprocess.run(
            [sys.executable, "-c", RUN, revision, *command], capture_output=True, text=True, check=True
        )
        count, started, wall, ours, theirs, resident = map(float, done.stdout.split())
        print(
            f"checking {count:.0f} requirements in {revision}: {wall:.1f} s, {started:.0f} processes; "
            f"{ours / count * 1000:.1f} ms CPU of ours each, {theirs:.1f} s of the subject's; "
            f"{resident / 1024:.0f} MB resident"
        )


def redacting() -> None:
    """Time must grow with the length alone, whatever a line holds."""
    lines: dict[str, Callable[[int], str]] = {
        "secrets in a text": lambda n: json.dumps({"a": "token=abcdefgh key: 12345678 " * n}),
        "secrets under keys": lambda n: json.dumps([{"api_key": f"abcdefgh{i}", "name": f"v{i}"} for i in range(n)]),
        "nothing": lambda n: json.dumps([f"hello world number {i}" for i in range(n)]),
    }
    for name, made in lines.items():
        seconds = []
        for count in (10_000, 40_000):
            line = made(count).encode()
            redactor = Redactor({"MY_TOKEN": "s3cretvalue", "USER": "ada"}, "/home/ada", "/work", ["/tmp"])
            began = time.perf_counter()
            redactor.message_fields(line)
            seconds.append(time.perf_counter() - began)
        rate = len(line) / 1e6
        growth = seconds[1] / seconds[0]
        print(
            f"redacting {rate:.1f} MB, {name:18}: {seconds[1] * 1000:6.0f} ms; 4 times the length takes {growth:.1f} x"
        )


def judging() -> None:
    """A tools/list answer of 50 tools, and a call's."""
    schema = {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(8)}, "required": ["p1"]}
    hints = {"readOnlyHint": True, "destructiveHint": False}
    tools = [
        {"name": f"t{i}", "description": "d" * 300, "inputSchema": schema, "annotations": hints} for i in range(50)
    ]
    for name, method, result in (
        ("50 tools", "tools/list", {"tools": tools}),
        ("one call", "tools/call", {"content": [{"type": "text", "text": "x" * 500}], "isError": False}),
    ):
        message = {"jsonrpc": "2.0", "id": 1, "result": result}
        times = []
        for _ in range(30):
            began = time.perf_counter()
            assert faults(message, "2025-11-25", method) == ()  # type: ignore[arg-type]
            times.append(time.perf_counter() - began)
        usual = statistics.median(times) * 1000
        print(f"judging the answer with {name}: {usual:.2f} ms, the first {times[0] * 1000:.0f} ms")
    print(f"\n{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB resident")


if __name__ == "__main__":
    main()
