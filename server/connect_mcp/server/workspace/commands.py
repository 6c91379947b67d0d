"""`connect-mcp workspace …`: the embedded workspace as something to serve, to reset and to find."""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.folders import folders
from connect_mcp.server.workspace.faults import GRAMMAR

_JSON_VERSION = 1

_EXAMPLES = """examples:
  connect-mcp workspace serve                    on a free port, until Ctrl-C
  connect-mcp workspace serve --port 8400 --data-dir /tmp/trial --json
  connect-mcp workspace serve --allow-failures   requests may be made to fail (see its --help)
  connect-mcp workspace reset                    back to the community that every workspace starts with

exit codes: 0 done, 1 refused or failed, 2 usage, 3 a bug of connect-mcp, 130 interrupted
"""


def main(argv: Sequence[str]) -> int:
    """Run one `workspace` command and return its exit code.

    Raises:
        Refused: where the workspace or the port cannot be used.
        Misuse: where the command line cannot be meant.
    """
    args = _parser().parse_args(argv)
    folder = folders(data=args.data_dir).data
    if args.command == "serve":
        return _serve(args, folder)
    if args.command == "reset":
        return _reset(args, folder)
    return _path(folder)


def _serve(args: argparse.Namespace, folder: Path) -> int:
    from connect_mcp.server.workspace.serving import base_url, listen, serve

    listening = listen(args.host, args.port)
    _announce(base_url(listening), as_json=args.json)
    serve(listening, folder, allow_failures=args.allow_failures)
    return 0


def _announce(url: str, *, as_json: bool) -> None:
    """Say where the workspace is, in one line, as soon as somebody could go there."""
    from connect_mcp.server.workspace.keys import KEYS

    if as_json:
        import json

        keys = [{"key": name, "username": key.username, "scopes": key.scopes} for name, key in KEYS.items()]
        sys.stdout.write(json.dumps({"version": _JSON_VERSION, "base_url": url, "keys": keys}) + "\n")
    else:
        sys.stdout.write(f"{url} (keys: {', '.join(KEYS)})\n")
    sys.stdout.flush()


def _reset(args: argparse.Namespace, folder: Path) -> int:
    import sqlite3

    from connect_mcp.server.workspace.store import FILE_NAME, Unavailable, reset_database

    path = folder / FILE_NAME
    if not args.yes and path.exists() and not _agreed(f"Lose everything that was written in {path}?"):
        sys.stdout.write("Nothing was changed.\n")
        return 1
    try:
        reset_database(folder, datetime.now(timezone.utc))
    except Unavailable as error:
        raise Refused(str(error), mend="move the file away, or name another folder with --data-dir") from None
    except (OSError, sqlite3.DatabaseError) as error:
        raise Refused(f"{path} cannot be reset: {error}") from None
    sys.stdout.write(f"{path} is back to its seed.\n")
    return 0


def _agreed(question: str) -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Misuse("nobody is there who could be asked", mend="connect-mcp workspace reset --yes")
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _path(folder: Path) -> int:
    from connect_mcp.server.workspace.store import FILE_NAME

    sys.stdout.write(f"{folder / FILE_NAME}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="connect-mcp workspace",
        description="The embedded workspace: Connect's API on this machine, to try and to test against.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(commands)
    reset = _add(commands, "reset", "put the workspace back to its seed, also while servers have it open")
    reset.add_argument("--yes", "-y", action="store_true", help="do not ask")
    _add(commands, "path", "print where the workspace is kept")
    return parser


Commands = argparse._SubParsersAction  # the stubs make it generic, the runtime class is not


def _add_serve(commands: "Commands[argparse.ArgumentParser]") -> None:
    serve = _add(commands, "serve", "answer HTTP requests on a loopback address until SIGINT or SIGTERM")
    serve.epilog = f"The first line of output names the base URL and the keys.\n\n{GRAMMAR}"
    serve.formatter_class = argparse.RawDescriptionHelpFormatter
    serve.add_argument("--host", default="127.0.0.1", help="a loopback address (default: 127.0.0.1)")
    serve.add_argument("--port", type=_port, default=0, help="the port (default: 0, any that is free)")
    serve.add_argument("--json", action="store_true", help="name base URL and keys as JSON, in one line")
    serve.add_argument("--allow-failures", action="store_true", help="let requests be made to fail, as below")


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 1 << 16:
        raise ValueError
    return port


def _add(commands: "Commands[argparse.ArgumentParser]", name: str, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False)
    parser.add_argument("--data-dir", metavar="DIR", help="where the workspace is kept, instead of the user's folder")
    return parser
