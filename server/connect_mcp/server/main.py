"""`connect-mcp serve`: the bundled server on stdio.

Whatever is imported here is imported before the client has its list of tools, and some clients wait one second for
it: nothing but the standard library, and of that only what starts fast.
"""

from __future__ import annotations

import sys

from connect_mcp.server.options import USAGE, Usage, nearest, read_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from connect_mcp.server.offer import Offer
    from connect_mcp.server.options import Options
    from connect_mcp.server.toolbox import Toolbox


def main(argv: list[str]) -> int:
    """Serve one client.

    The exit code is 0 when it has gone, 1 without streams to serve on or a log file that was asked for, 2 for wrong
    arguments.
    """
    try:
        options = read_options(argv)
        if options.help:
            sys.stdout.write(USAGE)
            return 0
        offer = _offer(options)
    except Usage as usage:
        sys.stderr.write(f"connect-mcp serve: {usage}\n\n{USAGE}")
        return 2
    return _serve(options, offer)


def _offer(options: Options) -> Offer:
    from connect_mcp.server.offer import NotOffered, Offer, chosen

    try:
        tools = chosen(read_only=options.read_only, toolsets=options.toolsets, names=options.tools)
    except NotOffered as problem:
        raise Usage(f"{problem}{nearest(problem.name, problem.known)}") from None
    if not tools:
        raise Usage("nothing is left to offer: none of these tools is read-only")
    return Offer(tools)


def _serve(options: Options, offer: Offer) -> int:
    from connect_mcp.server import stdio

    stdio.leave_on_signals()
    try:
        source, sink = stdio.take_over()
    except OSError:
        sys.stderr.write("connect-mcp serve: there is no stdin and stdout to serve on\n")
        return 1
    from connect_mcp.server.calls import Calls
    from connect_mcp.server.core import Core

    write = None
    if options.log_file is not None:
        from connect_mcp.server.log import Log

        try:
            write = Log(options.log_file).write
        except OSError as error:
            sys.stderr.write(f"connect-mcp serve: the log file cannot be written: {error.strerror}\n")
            return 1
        write("info", f"serving {len(offer.tools)} tools")

    def open_tools() -> Toolbox:
        from connect_mcp.server.toolbox import open_toolbox

        return open_toolbox(embedded=options.embedded, profile=options.profile, **options.folders)

    return stdio.serve(Core(offer), Calls(open_tools, write), source, sink)
