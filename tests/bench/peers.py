"""Our server beside others, in one run: start, memory, a call over its REST round trip, and a thousand calls at once.

Run as `python -m tests.bench.peers`; with `--peers` also for three others, each installed by pip into a virtual
environment of its own under .cache: a server with one tool on `mcp`, one on `fastmcp`, and `arythmatic-connect-mcp`.

All are asked for the same thing, which they get from the same API on loopback. The subjects take turns, so that a
change in the machine's load meets all alike; medians count.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

from .__main__ import once, resident
from .calls import CALL, KEY, Bare, upstream

CACHE = Path(__file__).parents[2] / ".cache" / "bench-peers"
STARTS, ROUNDS, TOGETHER = 9, 200, 1000
PATIENCE = 120.0

ONE_TOOL = """
import os, {http}
from {module} import {kind}
server = {kind}("one")
client = {http}.AsyncClient(headers={{"Authorization": "Bearer " + os.environ["ARYTHMATIC_API_KEY"]}}, trust_env=False)
@server.tool()
async def get_current_user() -> dict:
    return (await client.get(os.environ["ARYTHMATIC_API_BASE_URL"] + "/auth/me/")).json()
server.run({run})
"""
MCP = ONE_TOOL.format(http="httpx2", module="mcp.server.mcpserver", kind="MCPServer", run='"stdio"')
FASTMCP = ONE_TOOL.format(http="httpx", module="fastmcp", kind="FastMCP", run='"stdio", show_banner=False')


class Peer(NamedTuple):
    """A server to compare with.

    Attributes:
        name: as the table calls it.
        wanted: what pip installs.
        run: arguments of the environment's Python.
    """

    name: str
    wanted: tuple[str, ...]
    run: tuple[str, ...]


PEERS = (
    Peer("one tool on mcp", ("mcp>=2.3,<3",), ("-c", MCP)),
    Peer("one tool on fastmcp", ("fastmcp", "httpx"), ("-c", FASTMCP)),
    Peer(
        "arythmatic-connect-mcp 0.2.0",
        ("arythmatic-connect-mcp==0.2.0", "mcp<2"),
        (
            "-c",
            "import sys; from importlib.metadata import entry_points as e; sys.argv[1:] = []; "
            "[s] = e(group='console_scripts', name='arythmatic-connect-mcp'); s.load()()",
        ),
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description="Compare servers side by side.")
    parser.add_argument("--peers", action="store_true", help="install three other servers and measure them too")
    wanted = PEERS if parser.parse_args().peers else ()
    commands = {"connect-mcp": [sys.executable, "-m", "connect_mcp", "serve"]}
    for peer in wanted:
        commands[peer.name] = [installed(peer), *peer.run]
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}\n")
    with upstream() as base_url, tempfile.TemporaryDirectory() as home:
        env = {"HOME": home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        env |= {"ARYTHMATIC_API_BASE_URL": base_url, "ARYTHMATIC_API_KEY": KEY, "FASTMCP_CHECK_FOR_UPDATES": "off"}
        compare_starts(commands, env)
        compare_calls(commands, env, base_url)
    print(f"\nload average {os.getloadavg()[0]:.1f}")


def installed(peer: Peer) -> str:
    """The Python of the peer's environment, which is made when it is not there or for something else."""
    venv = CACHE / peer.name.replace(" ", "-")
    stamp, made = venv / "installed.txt", "\n".join((sys.version, *peer.wanted))
    python = str(venv / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != made:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--prefer-binary"]
        subprocess.run([*pip, *peer.wanted], check=True)
        stamp.write_text(made, encoding="utf-8")
    return python


def compare_starts(commands: dict[str, list[str]], env: dict[str, str]) -> None:
    """Spawn to the answer to tools/list, and what is resident then."""
    bare: list[float] = []
    took: dict[str, list[float]] = {name: [] for name in commands}
    memory: dict[str, float] = {}
    tools: dict[str, int] = {}
    for _ in range(STARTS):
        bare.append(once([sys.executable, "-c", "pass"], env))
        for name, command in commands.items():
            start = time.perf_counter()
            with closing(Server(command, env)) as server:
                tools[name] = server.hello()
                took[name].append(time.perf_counter() - start)
                memory[name] = server.resident()
    base = statistics.median(bare)
    print(f"median of {STARTS} starts; python -c pass {base * 1000:.0f} ms")
    for name, times in took.items():
        usual = statistics.median(times)
        print(
            f"{name:30} spawn to tools/list {usual * 1000:7.0f} ms = {usual / base:5.1f} x   "
            f"{memory[name]:5.1f} MB resident   {tools[name]} tools"
        )


def compare_calls(commands: dict[str, list[str]], env: dict[str, str], base_url: str) -> None:
    """A call less the bare round trip of its request, one by one, and then many at once."""
    bare: list[float] = []
    took: dict[str, list[float]] = {name: [] for name in commands}
    together: dict[str, tuple[int, float]] = {}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(closing(Server(command, env))) for name, command in commands.items()}
        for server in servers.values():
            server.hello()
            server.call()
        with Bare(base_url) as connection:
            for _ in range(ROUNDS):
                bare.append(connection.round_trip())
                for name, server in servers.items():
                    took[name].append(server.call())
        for name, server in servers.items():
            together[name] = server.together(TOGETHER)
    base = statistics.median(bare)
    print(f"\nmedian of {ROUNDS} rounds; bare REST round trip {base * 1000:.2f} ms")
    for name, times in took.items():
        over = (statistics.median(times) - base) * 1000
        answered, seconds = together[name]
        print(
            f"{name:30} call over it {over:6.2f} ms   {answered:5} of {TOGETHER} at once answered in {seconds:6.2f} s"
        )


class Server:
    """A server over stdio, started at once; its stderr goes nowhere."""

    def __init__(self, command: Sequence[str], env: dict[str, str]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        self._ids = 0

    def hello(self) -> int:
        """Do the handshake and list the tools: how many there are."""
        who = {"name": "bench", "version": "1"}
        self._ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": who})
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        result = self._ask("tools/list", {})["result"]
        return len(result["tools"])

    def call(self) -> float:
        """Seconds of one call."""
        start = time.perf_counter()
        answer = self._ask("tools/call", CALL)
        took = time.perf_counter() - start
        assert not answer["result"].get("isError"), answer
        return took

    def together(self, count: int) -> tuple[int, float]:
        """Send many calls without waiting: how many were answered well, and the seconds until the last."""
        start = time.perf_counter()
        first = self._ids + 1
        sending = threading.Thread(target=lambda: [self._request("tools/call", CALL) for _ in range(count)])
        watchdog = threading.Timer(PATIENCE, self._process.kill)
        sending.start()
        watchdog.start()
        waited, well = set(range(first, first + count)), 0
        while waited and (answer := self._read()):
            waited.remove(answer["id"])
            well += "result" in answer and not answer["result"].get("isError")
        watchdog.cancel()
        sending.join()
        return well, time.perf_counter() - start

    def resident(self) -> float:
        """Megabytes in memory."""
        return resident(self._process.pid)

    def _ask(self, method: str, params: object) -> dict[str, Any]:
        ident = self._request(method, params)
        answer = self._read()
        assert answer["id"] == ident
        return answer

    def _request(self, method: str, params: object) -> int:
        self._ids += 1
        self._send({"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params})
        return self._ids

    def _send(self, message: object) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        """The next answer; empty when there will be none."""
        assert self._process.stdout
        while line := self._process.stdout.readline():
            message: dict[str, Any] = json.loads(line)
            if "id" in message:
                return message
        return {}

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


if __name__ == "__main__":
    main()
