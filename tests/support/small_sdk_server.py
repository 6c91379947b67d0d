"""A server of the official SDK with two tools, on a free port of loopback, over Streamable HTTP or SSE."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

PATIENCE = 30.0
SDK = """
import sys, warnings
warnings.simplefilter("ignore")
from mcp.server import MCPServer
server = MCPServer("sdk")
for name in ("one", "two"):
    server.add_tool(lambda: "", name=name)
server.run(sys.argv[1], port=int(sys.argv[2]))
"""


@contextlib.contextmanager
def sdk_server(transport: str) -> Iterator[str]:
    """The official SDK's server on a free port of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", SDK, transport, str(port)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + PATIENCE
        while not _is_open(port):
            assert time.monotonic() < end, "the SDK's server did not start"
            assert process.poll() is None
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
