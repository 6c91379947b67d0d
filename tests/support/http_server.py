"""Our server over HTTP as a real process, and requests to it, in the form of each revision."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2

from connect_mcp.server.revisions import MODERN
from support.stdio_client import PATIENCE, SERVE
from support.talking import ABSENT, META, NEWEST, initialize, request

JSON = {"Content-Type": "application/json"}
BOTH = {**JSON, "Accept": "application/json, text/event-stream"}
_ANNOUNCED = "connect-mcp: serving "


class HttpServer:
    """The server while it runs.

    Attributes:
        process: its process.
        url: where its endpoint is.
        port: of the URL.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.url = self._announced()
        self.port = httpx2.URL(self.url).port or 0

    def end_by(self, number: signal.Signals) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def errors(self) -> str:
        """What it wrote to stderr besides its URL, once it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def _announced(self) -> str:
        assert self.process.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stderr, selectors.EVENT_READ)
            assert selector.select(PATIENCE), "no URL was written"
        line = self.process.stderr.readline().decode()
        assert line.startswith(_ANNOUNCED), line + self.process.stderr.read().decode()
        return line.removeprefix(_ANNOUNCED).rstrip("\n")


@contextlib.contextmanager
def http_server(*arguments: str, env: Mapping[str, str] | None = None) -> Iterator[HttpServer]:
    """Run a server; it is killed at the end if it still runs."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(env or {})}
    process = subprocess.Popen(
        [*SERVE, "--transport", "http", *arguments], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )
    try:
        yield HttpServer(process)
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def begin(client: httpx2.Client, url: str, revision: str, **headers: str) -> dict[str, str]:
    """Begin a session, if the revision has them; the headers of its requests."""
    if revision in MODERN:
        return {**BOTH, "MCP-Protocol-Version": revision, **headers}
    answer = client.post(url, content=initialize(revision), headers={**BOTH, **headers})
    assert (answer.status_code, answer.json()["result"]["protocolVersion"]) == (200, revision)
    ours = {**BOTH, "Mcp-Session-Id": answer.headers["mcp-session-id"], "MCP-Protocol-Version": revision, **headers}
    note = client.post(url, content=request("notifications/initialized", ident=ABSENT), headers=ours)
    assert (note.status_code, note.content) == (202, b"")
    return ours


def said(revision: str, method: str, ident: object = 1, **params: Any) -> bytes:
    """A request in the form of the revision; `_meta` is added to what the revision wants there."""
    meta = {**(META if revision == NEWEST else {}), **params.pop("_meta", {})}
    return request(method, {**params, **({"_meta": meta} if meta else {})}, ident)


def routed(revision: str, body: bytes) -> dict[str, str]:
    """The headers that repeat parts of a body, where the revision wants them."""
    if revision not in MODERN:
        return {}
    message = json.loads(body)
    params = message.get("params", {})
    name = params.get("name", params.get("uri"))
    return {"Mcp-Method": message["method"], **({} if name is None else {"Mcp-Name": name})}


def events(body: bytes) -> list[Any]:
    """The messages in a stream of events, each framed as it must be; comments are left out."""
    *whole, rest = body.split(b"\n\n")
    assert rest == b""
    messages = []
    for event in whole:
        if event.startswith(b":"):
            continue
        name, data = event.split(b"\n")
        assert name == b"event: message"
        assert data.startswith(b"data: ")
        messages.append(json.loads(data.removeprefix(b"data: ")))
    return messages
