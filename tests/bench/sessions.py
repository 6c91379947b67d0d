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
CALLS, PLAYS = 2_000, 5
TOOLS: tuple[tuple[str, dict[str, str]], ...] = (
    ("get_current_user", {}),
    ("list_channels", {"workspace_slug": "makers"}),
    ("search_content", {"query": "lathe"}),
    ("list_feed_posts", {"workspace_slug": "makers"}),
    ("list_workspace_members", {"workspace_slug": "makers"}),
    ("list_notifications", {}),
)
BARE = r"""
import resource, subprocess, sys, time
def used(who):
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime
lines = open(sys.argv[1], "rb").readlines()
began, cpu = time.monotonic(), used(resource.RUSAGE_SELF)
answers = []
with subprocess.Popen(sys.argv[3:], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
    for line in lines:
        server.stdin.write(line)
        server.stdin.flush()
        answers.append(server.stdout.readline() if b'"id"' in line else b"\n")
    server.stdin.close()
print(time.monotonic() - began, used(resource.RUSAGE_SELF) - cpu, used(resource.RUSAGE_CHILDREN))
with open(sys.argv[2], "wb") as file:
    file.writelines(answers)
"""
REPLAY = r"""
import resource, sys, time
from connect_mcp.conformance.replay import Server, replay
def used(who):
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime
began, cpu = time.monotonic(), used(resource.RUSAGE_SELF)
result = replay(sys.argv[1], Server(sys.argv[2:]), timeout=60)
assert result.outcome == "pass", result
print(time.monotonic() - began, used(resource.RUSAGE_SELF) - cpu, used(resource.RUSAGE_CHILDREN))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
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
        remembering(Path(folder))
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
    """A session of several tools at the bundled server, against a client that writes its lines and reads the answers.

    The two are made in turn. That client neither parses nor compares, so that what is above it is all of the kit's.
    """
    command = bundled(folder)
    said, answers, path = folder / "said", folder / "answers", folder / "session.jsonl"
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
    messages: list[dict[str, object]] = [
        {"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": "b", "method": "tools/list"},
    ]
    for number in range(CALLS):
        name, arguments = TOOLS[number % len(TOOLS)]
        params = {"name": name, "arguments": arguments}
        messages.append({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})
    said.write_text("".join(json.dumps(message) + "\n" for message in messages), encoding="utf-8")
    bare_client = [BARE, str(said), str(answers), *command]
    figures(bare_client)
    with path.open("w", encoding="utf-8") as file, answers.open(encoding="utf-8") as came:
        file.write(json.dumps({"format": FORMAT, "version": 1}) + "\n")
        for message, answer in zip(messages, came, strict=True):
            file.write(json.dumps({"t": 0, "ev": "host", "msg": message}) + "\n")
            if answer.strip():
                file.write(json.dumps({"t": 0, "ev": "server", "msg": json.loads(answer)}) + "\n")
    plays = [(figures(bare_client), figures([REPLAY, str(path), *command])) for _ in range(PLAYS)]
    ratios = sorted(ours[0] / bare[0] for bare, ours in plays)
    bare, ours = (
        [statistics.median(column) for column in zip(*rows, strict=True)] for rows in zip(*plays, strict=True)
    )
    each, middle = 1000 / CALLS, statistics.median(ratios)
    print(
        f"replaying {CALLS} calls at the bundled server: {ours[0] * each:.2f} ms a call, {middle:.2f} x a bare client "
        f"({bare[0] * each:.2f} ms; {ratios[0]:.2f} to {ratios[-1]:.2f} in {PLAYS} plays), budget 1.10 x; CPU a call: "
        f"{ours[1] * each:.2f} ms of ours, {bare[1] * each:.2f} of the bare client's, {ours[2] * each:.2f} of its"
    )


def figures(program: list[str]) -> list[float]:
    done = subprocess.run([sys.executable, "-c", *program], capture_output=True, text=True, check=True)
    return list(map(float, done.stdout.split()))


def bundled(folder: Path) -> list[str]:
    return [sys.executable, "-m", "connect_mcp", "serve", "--embedded", "--data-dir", str(folder / "workspace")]


def remembering(folder: Path) -> None:
    """The kit's memory against the session's length, at a server that does next to nothing."""
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
        wall, ours, theirs, resident = figures([REPLAY, str(path), sys.executable, "-c", ANSWERS])
        each, mine, its = (seconds / count * 1000 for seconds in (wall, ours, theirs))
        print(
            f"replaying {count:6} calls: {each:.3f} ms a call, of it {mine:.3f} ms CPU of ours "
            f"and {its:.3f} ms of the subject's; {resident / 1024:.0f} MB resident"
        )


def checking(folder: Path) -> None:
    """A run of all requirements at the bundled server: how often it is started, and whose time it is."""
    for revision in ("2025-11-25", "2026-07-28"):
        count, started, wall, ours, theirs, resident = figures([RUN, revision, *bundled(folder)])
        print(
            f"checking {count:.0f} requirements in {revision}: {wall:.1f} s, {started:.0f} processes; "
            f"{ours:.2f} s CPU of ours ({ours / count * 1000:.1f} ms each), {theirs:.2f} s of the subject's: "
            f"{ours / (ours + theirs):.0%} of it is ours; {resident / 1024:.0f} MB resident"
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
