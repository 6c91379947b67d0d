"""`connect-mcp serve`: the bundled server, on stdio or over HTTP.

Whatever is imported here is imported before the client has its list of tools, and some clients wait one second for
it: nothing but the standard library, and of that only what starts fast.
"""

from __future__ import annotations

import sys

from connect_mcp.server.options import USAGE, Usage, nearest, read_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from connect_mcp.server.calls import Calls
    from connect_mcp.server.offer import Offer
    from connect_mcp.server.options import Options
    from connect_mcp.server.toolbox import Toolbox


class _Failed(Exception):
    """It cannot serve; the text says why."""


def main(argv: list[str]) -> int:
    """Serve one client on stdio, or many over HTTP.

    The exit code is 0 when it has gone, or for HTTP at a signal; 1 without streams or a port to serve on or a log file
    that was asked for; 2 for wrong arguments.
    """
    try:
        options = read_options(argv)
        if options.help:
            sys.stdout.write(USAGE)
            return 0
        return _TRANSPORTS[options.transport](options, _offer(options))
    except Usage as usage:
        sys.stderr.write(f"connect-mcp serve: {usage}\n\n{USAGE}")
        return 2
    except _Failed as failed:
        sys.stderr.write(f"connect-mcp serve: {failed}\n")
        return 1


def _offer(options: Options) -> Offer:
    from connect_mcp.server.offer import NotOffered, Offer, chosen

    try:
        tools = chosen(read_only=options.read_only, toolsets=options.toolsets, names=options.tools)
    except NotOffered as problem:
        raise Usage(f"{problem}{nearest(problem.name, problem.known)}") from None
    if not tools:
        raise Usage("nothing is left to offer: none of these tools is read-only")
    return Offer(tools)


def _serve_stdio(options: Options, offer: Offer) -> int:
    from connect_mcp.server import stdio

    stdio.leave_on_signals()
    try:
        source, sink = stdio.take_over()
    except OSError:
        raise _Failed("there is no stdin and stdout to serve on") from None
    from connect_mcp.server.core import Core

    return stdio.serve(Core(offer), _calls(options, offer), source, sink)


def _serve_http(options: Options, offer: Offer) -> int:
    import os
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))  # while there is nothing yet that could be ended
    token = _token(options.token_env)
    from connect_mcp.server import http

    try:
        listening = http.listen(options.host or "127.0.0.1", int(options.port or 0), token)
    except OSError as error:
        raise _Failed(f"cannot listen on port {options.port}: {error.strerror}") from None
    calls = _calls(options, offer)
    http.serve(offer, calls, listening, token)
    if not calls.close(0.2):
        os._exit(0)  # a name look-up or the like, which cannot be stopped, would keep the process
    return 0


def _token(name: str | None) -> str | None:
    """What clients must know, if anything."""
    if name is None:
        return None
    import os

    token = os.environ.get(name, "")
    if not token:
        raise Usage(f"--token-env {name}: there is no such variable, or nothing in it")
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise Usage(f"--token-env {name}: it holds a character that no token has, such as a space")
    return token


_TRANSPORTS = {"stdio": _serve_stdio, "http": _serve_http}


def _calls(options: Options, offer: Offer) -> Calls:
    from connect_mcp.server.calls import Calls

    write = None
    if options.log_file is not None:
        from connect_mcp.server.log import Log

        try:
            write = Log(options.log_file).write
        except OSError as error:
            raise _Failed(f"the log file cannot be written: {error.strerror}") from None
        write("info", f"serving {len(offer.tools)} tools")

    def open_tools() -> Toolbox:
        from connect_mcp.server.toolbox import open_toolbox

        return open_toolbox(embedded=options.embedded, profile=options.profile, **options.folders)

    return Calls(open_tools, write)
