"""Benchmarks: ratios to `python -c pass` measured in the same run. Never timed tests.

Run as `python -m tests.bench`.

Each subject is run in turn with the baseline, so that a change in the machine's load meets both alike; the median
of the runs counts. The budgets beside the figures are those of the design.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from connect_mcp.base.secrets import Store
from connect_mcp.installer.editors import engine
from connect_mcp.installer.editors.engine import edit
from connect_mcp.installer.editors.model import Format, Put, Section, Value

RUNS = 15
ENTRY: dict[str, Value] = {
    "command": "/opt/connect/bin/connect-mcp",
    "args": ["serve", "--embedded"],
    "env": {"A": "b"},
}


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        env = {"HOME": home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, median of {RUNS} runs\n")
        ours = [sys.executable, "-m", "connect_mcp"]
        dry_run = [*ours, "configure", "cursor", "--embedded", "--dry-run"]
        write = [*ours, "configure", "cursor", "--embedded", "--no-verify"]
        compare("configure cursor --dry-run", "6.0", lambda: once(dry_run, env), env)
        compare("configure cursor --no-verify", "6.0", lambda: once(write, env), env)
        started = [*ours, "run", "--config-dir", kept(home), "--secret", "A", "--", "true"]
        compare("run: to `true`", "3.0", lambda: once(started, env), env)
        compare("serve: spawn to tools/list", "4.0", lambda: to_tools_list([*ours, "serve", "--embedded"], env)[0], env)
        resident = to_tools_list([*ours, "serve", "--embedded"], env)[1]
        print(f"{'serve: resident after tools/list':44} {resident:8.1f} MB      budget 25 MB")
    print()
    edits()


def kept(home: str) -> str:
    """A settings folder with a secret in its store."""
    folder = os.path.join(home, "settings")
    Store(folder).put("A", "x")
    return folder


def compare(name: str, budget: str, subject: Callable[[], float], env: dict[str, str]) -> None:
    """Time a subject and the baseline alternately; print the ratio of the medians."""
    bare, ours = [], []
    for _ in range(RUNS):
        bare.append(once([sys.executable, "-c", "pass"], env))
        ours.append(subject())
    base, took = statistics.median(bare), statistics.median(ours)
    print(
        f"{name:44} {took * 1000:8.1f} ms  = {took / base:4.1f} x python -c pass ({base * 1000:.1f} ms)"
        f"  budget {budget} x"
    )


def once(command: list[str], env: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def to_tools_list(command: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Seconds from spawn to the tools/list answer, and the process's resident megabytes then."""
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]
    start = time.perf_counter()
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write("".join(json.dumps(message) + "\n" for message in messages).encode())
        server.stdin.flush()
        answers = [json.loads(server.stdout.readline()) for _ in range(2)]
        took = time.perf_counter() - start
        assert len(answers[1]["result"]["tools"]) == 47
        return took, resident(server.pid)


def resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return float("nan")
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def edits() -> None:
    """Large edits: each at one size and at twice that, which shows whether the cost is linear."""
    from connect_mcp.installer.editors.jsonc import JSONC
    from connect_mcp.installer.editors.toml import TOML
    from connect_mcp.installer.editors.yaml import YAML

    for what, fmt, section, make, size in (
        ("JSON, 20 servers and much else", JSONC, Section(("mcpServers",)), big_json_text, 5_000_000),
        ("JSONC, comments, all servers", JSONC, Section(("mcpServers",)), json_text, 5_000_000),
        ("TOML, all servers", TOML, Section(("mcp_servers",)), toml_text, 200_000),
        ("YAML, all servers", YAML, Section(("mcpServers",), keyed_by="name"), yaml_text, 200_000),
    ):
        for length in (size // 2, size):
            text = make(length)
            took = min(timed_edit(text, fmt, section) for _ in range(3))
            parsing = min(timed_loads(text, fmt) for _ in range(2))
            rest = took - parsing
            print(f"{what:31} {len(text):>9,} bytes {took:7.3f} s, of it {parsing:.3f} s verifying, ours {rest:.3f} s")


def timed_edit(text: str, fmt: Format, section: Section) -> float:
    engine._loaded.cache_clear()  # each run is a first run
    start = time.perf_counter()
    assert edit(text, fmt, [Put(section, "connect", ENTRY)]).changed
    return time.perf_counter() - start


def timed_loads(text: str, fmt: Format) -> float:
    """What the verifying parser alone takes: the text before and the text after."""
    start = time.perf_counter()
    fmt.load(text)
    fmt.load(text)
    return time.perf_counter() - start


JSON_SERVER = """\
    // server {0}
    "server-{0}": {{"command": "/usr/bin/node", "args": ["a.js", "--port", "{0}"], "timeout": 20.0}},
"""
TOML_SERVER = """\
# server {0}
[mcp_servers.server-{0}]
command = "/usr/bin/node"
args = ["a.js", "{0}"]
env = {{ PORT = "{0}" }}

"""
YAML_SERVER = """\
  # server {0}
  - name: server-{0}
    command: /usr/bin/node
    args: [a.js, --port]
    env:
      PORT: "{0}"
"""


def big_json_text(length: int) -> str:
    """A file like `~/.claude.json`: a few servers, and the state of many projects."""
    history = [{"display": "explain what this does and why it is there " * 3, "pastedContents": {}}] * 30
    project = {"allowedTools": [], "history": history, "mcpServers": {}, "lastCost": 0.25}
    count = length // len(json.dumps(project, indent=2))
    servers = {f"server-{i}": {"command": "/usr/bin/node", "args": ["a.js"], "timeout": 20.0} for i in range(20)}
    projects = {f"/home/someone/project-{i}": project for i in range(count)}
    return json.dumps({"numStartups": 5, "mcpServers": servers, "projects": projects}, indent=2)


def json_text(length: int) -> str:
    return '{\n  "mcpServers": {\n' + repeat(JSON_SERVER, length).rstrip(",\n") + "\n  }\n}\n"


def toml_text(length: int) -> str:
    return repeat(TOML_SERVER, length)


def yaml_text(length: int) -> str:
    return "name: lab\nversion: 0.0.1\nmcpServers:\n" + repeat(YAML_SERVER, length)


def repeat(server: str, length: int) -> str:
    return "".join(server.format(i) for i in range(length // len(server.format(10000))))


if __name__ == "__main__":
    main()
