"""Bringing about what the files of fixtures/errors describe: a real server process, a real socket, a real failure."""

import json
import select
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from connect_mcp.base.fixtures import fixtures
from connect_mcp.server.workspace.app import EMBEDDED_KEY
from support.stdio_client import SERVE, Client, server
from support.upstream import Answer, Asked, Upstream, as_json, upstream
from support.workspace_server import Served, served

Fixture = dict[str, Any]

FOLDER = fixtures() / "errors"
_LONGEST = 60.0
"""Seconds: the server itself gives up after 50 at the latest."""

_MIB = 1024 * 1024
_CUT = b'{"results": [{"id": "'
_ANSWERS = {
    "closed": Answer(status=None),
    "truncated": Answer(body=_CUT, missing=100),
    "not-http": Answer(raw=b"SSH-2.0-someone\r\n\r\n"),
    "bad-gzip": Answer(body=b'{"not": "compressed"}', headers={"Content-Encoding": "gzip"}),
    "oversized": Answer(body=b'{"padding": "%s"}' % (b"." * 9 * _MIB), headers={"Content-Type": "application/json"}),
}


def names() -> list[str]:
    """The fixtures, without their extension."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def fixture(name: str) -> Fixture:
    """One of them."""
    found: Fixture = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


class Replays:
    """Plays fixtures, with one server process for all that share its settings.

    Args:
        folder: for the processes' homes and data.
        stack: ends them.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._clients: dict[str, Client] = {}
        self._upstream: Upstream | None = None
        self._workspace: Served | None = None

    @property
    def times_asked(self) -> int:
        """How many requests the HTTP server has had so far."""
        return 0 if self._upstream is None else len(self._upstream.asked)

    def against_an_upstream(self, case: Fixture) -> Any:
        """The result of the fixture's call where a bare HTTP server, or a socket, does what `upstream` says."""
        with ExitStack() as places:
            said = case["upstream"] or {}
            fault = said.get("fault")
            if fault is None or fault in _ANSWERS:
                if self._upstream is None:
                    self._upstream = self._stack.enter_context(upstream())
                url = self._upstream.url
                self._upstream.answer = _answer(case)
            else:
                url = places.enter_context(_PLACES[fault](self._folder))
            return self._result(case, url, EMBEDDED_KEY)

    def against_the_workspace(self, case: Fixture) -> Any:
        """The result of the same call where the embedded workspace, served over loopback, fails as `workspace` says."""
        if self._workspace is None:
            self._workspace = self._stack.enter_context(served(self._folder / "workspace", "--allow-failures"))
        by = case["workspace"]
        if "fail" in by:
            self._workspace.fail(by["fail"], times=9)
        try:
            return self._result(case, self._workspace.url, by.get("key", EMBEDDED_KEY))
        finally:
            self._workspace.stop_failing()

    def _result(self, case: Fixture, url: str, key: str) -> Any:
        by = case.get("server", {})
        if "base_path" in by:
            url = url.removesuffix("/api/v1") + by["base_path"]
        environ = by.get("env", {"ARYTHMATIC_API_BASE_URL": url, "ARYTHMATIC_API_KEY": key})
        client = self._client(environ, by.get("missing_module", ""))
        client.send("tools/call", {"name": case["call"]["tool"], "arguments": case["call"]["arguments"]})
        if case.get("client") == "closes":
            (answer,) = client.close()
            self._clients = {name: each for name, each in self._clients.items() if each is not client}
        else:
            assert client.process.stdout is not None
            select.select([client.process.stdout], [], [], _LONGEST)
            answer = client.read()
        return answer["result"]

    def _client(self, environ: dict[str, str], missing: str) -> Client:
        """A server with these settings, initialized; the one from before where it is as good."""
        name = json.dumps([environ, missing])
        if name not in self._clients:
            home = Path(tempfile.mkdtemp(dir=self._folder))
            command = SERVE
            if missing:
                blocked = f"import sys; sys.modules[{missing!r}] = None\n"
                command = (*SERVE[:-1], blocked + SERVE[-1])
            env = {"HOME": str(home), "NO_PROXY": "*", **environ}
            client = self._stack.enter_context(server(home, env=env, command=command))
            client.initialize()
            self._clients[name] = client
        return self._clients[name]


def _answer(case: Fixture) -> Any:
    """What the upstream answers; a look-up of a workspace by slug succeeds unless it is what the fixture is about."""
    said = case["upstream"]
    if said is None:
        return _never_asked
    if "fault" in said:
        answer = _ANSWERS[said["fault"]]
    else:
        body = said["text"].encode() if "text" in said else json.dumps(said["body"]).encode()
        answer = Answer(said["status"], body, said.get("headers", {}))

    def answered(asked: Asked) -> Answer:
        if asked.method == "GET" and "/spaces/?slug=" in asked.target and not said.get("look_up"):
            return as_json({"results": [{"id": "b7a1a2a0-0000-4000-8000-000000000000"}], "next": None})
        return answer

    return answered


def _never_asked(asked: Asked) -> Answer:
    return as_json({"detail": f"nobody should ask for {asked.target}"}, 418)


@contextmanager
def _refused(folder: Path) -> Iterator[str]:
    """A port that is taken and that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/api/v1"


@contextmanager
def _unknown_name(folder: Path) -> Iterator[str]:
    """A name that never exists (RFC 6761)."""
    yield "https://api.connect.invalid/api/v1"


@contextmanager
def _silent(folder: Path) -> Iterator[str]:
    """A listener that takes connections and says nothing: the system takes them, nobody accepts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"


@contextmanager
def _reset(folder: Path) -> Iterator[str]:
    """A listener that reads a request and resets the connection."""

    def converse(client: socket.socket) -> None:
        client.recv(65536)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with _listening(converse) as port:
        yield f"http://127.0.0.1:{port}/api/v1"


@contextmanager
def _no_tls(folder: Path) -> Iterator[str]:
    """A listener that answers a TLS greeting in plain HTTP."""

    def converse(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with _listening(converse) as port:
        yield f"https://127.0.0.1:{port}/api/v1"


@contextmanager
def _untrusted(folder: Path) -> Iterator[str]:
    """A listener whose certificate nobody has signed but itself."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names], check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def converse(client: socket.socket) -> None:
        try:
            context.wrap_socket(client, server_side=True).close()
        except (ssl.SSLError, ConnectionError):
            return

    with _listening(converse) as port:
        yield f"https://127.0.0.1:{port}/api/v1"


@contextmanager
def _listening(converse: Any) -> Iterator[int]:
    """Have a short conversation with everybody who connects."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                client, _ = listening.accept()
                with client:
                    if closing.is_set():
                        return
                    converse(client)

        closing = threading.Event()
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            closing.set()
            socket.create_connection(listening.getsockname()).close()
            thread.join()


_PLACES = {
    "refused": _refused,
    "dns": _unknown_name,
    "silent": _silent,
    "reset": _reset,
    "no-tls": _no_tls,
    "untrusted-certificate": _untrusted,
}


def can_replay(case: Fixture) -> bool:
    """Whether this machine has what the fixture's failure needs: openssl, and the words that version 3 has for it."""
    certificate = (case["upstream"] or {}).get("fault") == "untrusted-certificate"
    return not certificate or (shutil.which("openssl") is not None and ssl.OPENSSL_VERSION_INFO >= (3,))
