"""What a tool call takes over its REST round trip, and what the first one costs.

Run as `python -m tests.bench.calls`.

The API is a process of its own on loopback that answers at once over kept-alive connections. Its round trip is
measured by a bare socket; the same request is made by a tool call over stdio, the two in turn, so that a change in
the machine's load meets both alike; the median of the rounds counts. A call that fails before any request shows what
stdio and the core take of it, and httpx2 alone what the HTTP library takes.
"""

import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2

ROUNDS = 400
TOGETHER = 1000
BUDGET_MS = 2.0
KEY = "arc_test_bench_0123456789"
CALL = {"name": "get_current_user", "arguments": {}}
REFUSED = {"name": "get_ticket", "arguments": {}}

UPSTREAM = r"""
import socket, threading
BODY = b'{"id": "7b0e", "username": "ada", "display_name": "Ada", "scopes": ["members:view"]}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
def serve(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    unread = b""
    while chunk := connection.recv(65536):
        unread += chunk
        while b"\r\n\r\n" in unread:
            unread = unread.partition(b"\r\n\r\n")[2]
            connection.sendall(ANSWER)
listening = socket.create_server(("127.0.0.1", 0), backlog=128)
print(listening.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=listening.accept()[:1], daemon=True).start()
"""


def main() -> None:
    with upstream() as base_url, tempfile.TemporaryDirectory() as home:
        env = {"HOME": home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        env |= {"ARYTHMATIC_API_BASE_URL": base_url, "ARYTHMATIC_API_KEY": KEY}
        print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, median of {ROUNDS} rounds\n")
        with Server(env) as server:
            first, cpu = server.first_call()
            print(f"first call {first * 1000:6.1f} ms, of it {cpu * 1000:.1f} ms CPU of the server's")
            rounds(server, base_url)
            together(server)


def rounds(server: "Server", base_url: str) -> None:
    bare, call = [], []
    with Bare(base_url) as connection:
        server.call()
        cpu = server.cpu()
        for _ in range(ROUNDS):
            bare.append(connection.round_trip())
            call.append(server.call())
        cpu = (server.cpu() - cpu) / ROUNDS
    local = [server.call(REFUSED) for _ in range(ROUNDS)]
    library = asyncio.run(by_library(base_url))
    for name, took in (
        ("bare socket", bare),
        ("tool call", call),
        ("tool call that asks no API", local),
        ("httpx2 alone, in this process", library),
    ):
        quick, usual, slow = (sorted(took)[int(len(took) * part)] * 1000 for part in (0.1, 0.5, 0.9))
        print(f"{name:30} {usual:6.2f} ms  (10 %: {quick:.2f}, 90 %: {slow:.2f})")
    over = (statistics.median(call) - statistics.median(bare)) * 1000
    print(f"over the round trip {over:.2f} ms, budget {BUDGET_MS} ms; server's CPU per call {cpu * 1000:.2f} ms")


async def by_library(base_url: str) -> list[float]:
    took = []
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as client:
        for _ in range(ROUNDS):
            start = time.perf_counter()
            (await client.get(base_url + "/auth/me/")).json()
            took.append(time.perf_counter() - start)
    return took


def together(server: "Server") -> None:
    start = time.perf_counter()
    idents = {server.send("tools/call", CALL) for _ in range(TOGETHER)}
    answered = {server.read()["id"] for _ in range(TOGETHER)}
    took = time.perf_counter() - start
    assert answered == idents
    print(f"{TOGETHER} calls at once {took:6.2f} s, {took / TOGETHER * 1000:.2f} ms each")


@contextlib.contextmanager
def upstream() -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-c", UPSTREAM], stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/api/v1"
        finally:
            process.kill()


class Bare:
    """One kept-alive connection and nothing around it."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"GET {parts.path}/auth/me/ HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {KEY}\r\n\r\n"
        self._request = head.encode()

    def round_trip(self) -> float:
        start = time.perf_counter()
        self._socket.sendall(self._request)
        json.loads(self._socket.recv(65536).partition(b"\r\n\r\n")[2])
        return time.perf_counter() - start

    def __enter__(self) -> "Bare":  # noqa: PYI034 - Python 3.10 has no Self
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


class Server:
    """Our server over stdio."""

    def __init__(self, env: dict[str, str]) -> None:
        command = [sys.executable, "-m", "connect_mcp", "serve"]
        self._process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._ids = 0
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
        self.send("initialize", hello)
        self.send("tools/list", {})
        self.read(), self.read()

    def send(self, method: str, params: object) -> int:
        self._ids += 1
        message = {"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        return self._ids

    def read(self) -> dict[str, object]:
        assert self._process.stdout
        answer: dict[str, object] = json.loads(self._process.stdout.readline())
        return answer

    def call(self, params: object = CALL) -> float:
        start = time.perf_counter()
        self.send("tools/call", params)
        result = self.read()["result"]
        took = time.perf_counter() - start
        assert isinstance(result, dict)
        assert result["isError"] is (params is REFUSED), result
        return took

    def first_call(self) -> tuple[float, float]:
        cpu = self.cpu()
        took = self.call()
        return took, self.cpu() - cpu

    def cpu(self) -> float:
        """Seconds of processor time so far; Linux only."""
        try:
            with open(f"/proc/{self._process.pid}/stat", encoding="ascii") as file:
                fields = file.read().rpartition(")")[2].split()
        except FileNotFoundError:
            return float("nan")
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> "Server":  # noqa: PYI034 - Python 3.10 has no Self
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(5)
        self._process.stdout.close()


if __name__ == "__main__":
    main()
