"""The workspace over loopback HTTP: what `connect-mcp workspace serve` runs."""

import ipaddress
import signal
import socket
from pathlib import Path
from typing import Any

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.server.workspace.app import API_ROOT, open_workspace
from connect_mcp.server.workspace.failing import TRANSPORT, Failing

_BACKLOG = 128
_SECONDS_TO_FINISH = 1


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections on a loopback address.

    Args:
        host: a name or address; its first address is used.
        port: 0 to 65535; 0 for any that is free.

    Raises:
        Misuse: the host is not this machine's loopback: the workspace's keys are in every copy of this program.
        Refused: the port cannot be had.
    """
    try:
        found = socket.getaddrinfo(host or None, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        found = []
    if not found or not all(_is_loopback(str(address[0])) for *_, address in found):
        raise Misuse(
            f"the workspace is served on loopback addresses only, and {host!r} is none",
            why="its keys are no secrets: whoever reaches it may do everything in it",
            mend="--host 127.0.0.1",
        )
    family, _, _, _, address = found[0]
    try:
        return socket.create_server((str(address[0]), port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise Refused(f"cannot listen on port {port}: {error}", mend="--port 0 takes one that is free") from None


def base_url(listening: socket.socket) -> str:
    """The API's base URL at a socket."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{API_ROOT}"


def serve(listening: socket.socket, folder: Path, *, allow_failures: bool) -> None:
    """Answer requests at a socket until SIGINT or SIGTERM, then finish those under way, for a second at most.

    Args:
        listening: from `listen`; it is closed at the end.
        folder: where the workspace is kept.
        allow_failures: whether requests may be made to fail, as `faults.GRAMMAR` says.
    """
    app: ASGIApp = open_workspace(folder)
    if allow_failures:
        app = Failing(app)
    config = uvicorn.Config(
        _for_this_machine(app),
        http=_Connection,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
    )
    server = uvicorn.Server(config)

    def leave(*_: object) -> None:
        server.should_exit = True

    # uvicorn puts these back at its end and raises what it caught once more: with the default, that would be an error.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    server.run(sockets=[listening])


class _Connection(H11Protocol):
    """uvicorn's HTTP/1.1 with the connection at hand, for failures that no web server would bring about."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


def _for_this_machine(app: ASGIApp) -> ASGIApp:
    """Refuse requests that a browser was led here with: a page may give its own name this machine's address."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if all(_names_loopback(host) for host in hosts):
            await app(scope, receive, send)
        else:
            await JSONResponse({"detail": "Invalid Host header."}, 400)(scope, receive, send)

    return answer


def _names_loopback(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.lower() == "localhost" or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
