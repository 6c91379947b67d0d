"""`connect-mcp serve`: the bundled server on stdio.

Whatever is imported here is imported before the client has its list of tools, and some clients wait one second for
it: nothing but the standard library, and of that only what starts fast.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from connect_mcp.server.toolbox import Toolbox

USAGE = """\
usage: connect-mcp serve [--embedded] [--config-dir DIR] [--state-dir DIR] [--data-dir DIR]

Serves Connect's tools over MCP on stdin and stdout; a host starts this, not a person.

  --embedded        answer from the embedded workspace, without network and account
  --config-dir DIR  where settings are kept, instead of the user's folder
  --state-dir DIR   where state is kept, instead of the user's folder
  --data-dir DIR    where the embedded workspace is kept, instead of the user's folder

Without --embedded, ARYTHMATIC_API_BASE_URL and ARYTHMATIC_API_KEY say which API to use.
"""

_FOLDERS = {"--config-dir": "config", "--state-dir": "state", "--data-dir": "data"}


class _Usage(Exception):
    """The arguments cannot be meant; the text says why."""


class Options:
    """What the command line asks for; a folder that is None is the user's own."""

    __slots__ = ("embedded", "folders", "help")

    def __init__(self) -> None:
        self.embedded = False
        self.help = False
        self.folders: dict[str, str | None] = dict.fromkeys(_FOLDERS.values())


def read_options(argv: list[str]) -> Options:
    """The options in `argv`; `--name value` and `--name=value` are the same.

    Raises:
        _Usage: for anything else.
    """
    options, rest = Options(), list(argv)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name in _FOLDERS:
            if not equals and rest:
                value = rest.pop(0)
            if not value:
                raise _Usage(f"{name} needs a folder")
            options.folders[_FOLDERS[name]] = value
        elif name == "--embedded" and not equals:
            options.embedded = True
        elif name in ("--help", "-h") and not equals:
            options.help = True
        else:
            raise _Usage(f"unknown argument: {name}")
    return options


def main(argv: list[str]) -> int:
    """Serve one client; the exit code is 0 when it has gone, 1 without streams to serve on, 2 for wrong arguments."""
    try:
        options = read_options(argv)
    except _Usage as usage:
        sys.stderr.write(f"connect-mcp serve: {usage}\n\n{USAGE}")
        return 2
    if options.help:
        sys.stdout.write(USAGE)
        return 0
    return _serve(options)


def _serve(options: Options) -> int:
    from connect_mcp.server import stdio

    stdio.leave_on_signals()
    try:
        source, sink = stdio.take_over()
    except OSError:
        sys.stderr.write("connect-mcp serve: there is no stdin and stdout to serve on\n")
        return 1
    from connect_mcp.base.version import __version__
    from connect_mcp.server.calls import Calls
    from connect_mcp.server.core import Core
    from connect_mcp.server.tools.table import TOOLS

    def open_tools() -> Toolbox:
        from connect_mcp.server.toolbox import open_toolbox

        return open_toolbox(embedded=options.embedded, **options.folders)

    server = {"name": "connect-mcp", "title": "Connect", "version": __version__}
    return stdio.serve(Core([tool.listing() for tool in TOOLS], server), Calls(open_tools), source, sink)
