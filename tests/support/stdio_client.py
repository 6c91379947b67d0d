"""A client of a real server process: raw lines in and out, every wait bounded."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

PATIENCE = 30.0
"""Seconds after which a test gives up; no test waits this long unless it fails."""

SERVE = (sys.executable, "-c", "import sys; from connect_mcp.server.main import main; sys.exit(main(sys.argv[1:]))")
_ROOTS = [str(Path(__file__).parents[2] / root) for root in ("installer", "server")]


class Client:
    """A running server.

    Attributes:
        process: the server's process.
        stderr: the file that its stderr goes to.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", stderr: IO[bytes]) -> None:
        self.process = process
        self.stderr = stderr
        self._unread = b""
        self._ids = 0

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, method: str, params: Any = None, *, ident: object = None) -> object:
        """Send a request; its id is returned."""
        self._ids += 1
        ident = self._ids if ident is None else ident
        self.write(line({"jsonrpc": "2.0", "id": ident, "method": method, "params": params or {}}))
        return ident

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self.write(line({"jsonrpc": "2.0", "method": method, "params": params or {}}))

    def read(self) -> Any:
        """The next message; the line must be one JSON value in UTF-8."""
        return json.loads(self.read_line().decode("utf-8"))

    def read_line(self) -> bytes:
        """The next line; AssertionError if none comes."""
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self._unread:
            chunk = self._read_some(deadline)
            assert chunk, f"stdout was closed after {self._unread!r}; stderr: {self.errors()}"
            self._unread += chunk
        found, _, self._unread = self._unread.partition(b"\n")
        return found

    def ask(self, method: str, params: Any = None) -> Any:
        """Send a request and read its answer, which must be the next message."""
        ident = self.send(method, params)
        answer = self.read()
        assert answer["id"] == ident
        return answer

    def call(self, name: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Call a tool; its CallToolResult."""
        return self.ask("tools/call", {"name": name, "arguments": dict(arguments or {})})["result"]

    def initialize(self, revision: str = "2025-11-25") -> Any:
        """Do the handshake; the result of initialize."""
        info = {"name": "test", "version": "1"}
        answer = self.ask("initialize", {"protocolVersion": revision, "capabilities": {}, "clientInfo": info})
        self.notify("notifications/initialized")
        return answer["result"]

    def close(self) -> list[Any]:
        """Close the server's stdin and read what it still says; it must end by itself."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        deadline = time.monotonic() + PATIENCE
        while chunk := self._read_some(deadline):
            self._unread += chunk
        assert self._unread == b"" or self._unread.endswith(b"\n")
        self.process.wait(PATIENCE)
        return [json.loads(said) for said in self._unread.splitlines()]

    def end_by(self, number: signal.Signals) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def errors(self) -> str:
        """What was written to stderr so far."""
        self.stderr.seek(0)
        return self.stderr.read().decode("utf-8")

    def _read_some(self, deadline: float) -> bytes:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            assert selector.select(deadline - time.monotonic()), f"nothing was said; stderr: {self.errors()}"
        return os.read(self.process.stdout.fileno(), 1 << 16)


def line(message: Any) -> bytes:
    """A message as one line."""
    return json.dumps(message).encode() + b"\n"


@contextmanager
def server(
    tmp_path: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    command: tuple[str, ...] = SERVE,
) -> Iterator[Client]:
    """Run a server with the environment of the test and `env`; it is killed at the end if it still runs."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(_ROOTS), **(env or {})}
    with (tmp_path / "stderr").open("w+b") as stderr:
        process = subprocess.Popen(
            [*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=environment
        )
        try:
            yield Client(process, stderr)
        finally:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
