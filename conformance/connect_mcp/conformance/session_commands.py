"""`connect-mcp conformance record`, `replay` and `import`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from connect_mcp.base.errors import Misuse
from connect_mcp.base.text import printable

from .options import example, header


def record(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Be a proxy that writes a session down; the exit code is the server's."""
    from .record import record as recorded

    return recorded(
        command,
        args.out,
        host=args.host,
        host_version=args.host_version,
        env=os.environ,
        cwd=args.cwd,
        mark=args.mark,
    )


def replay(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Play sessions at a server; exit code 0 where every one passes."""
    from connect_mcp.base.masking import secret_values, telling_values
    from connect_mcp.base.offspring import Offspring

    from .replay import Calls, Server
    from .replay import replay as replayed
    from .report import as_data, as_text
    from .target import by_url

    if bool(command) is bool(args.url):
        raise Misuse(
            "`replay` needs the server's command after --, or its --url, and not both",
            mend="connect-mcp conformance replay FILE… -- COMMAND [ARG…]",
        )
    headers = dict(map(header, args.header))
    server = by_url(args.url, headers, args.timeout).server if args.url else Server(command)
    adapted = Calls(args.call_tools, dict(map(example, args.example))) if args.adapted else None
    values = dict(map(_assignment, args.var))
    secrets = secret_values({"args": list(command)}) | telling_values(headers)
    with Offspring():
        results = [replayed(path, server, timeout=args.timeout, values=values, adapted=adapted) for path in args.files]
    if args.json:
        import json

        sys.stdout.write(json.dumps(as_data(results, secrets), indent=2) + "\n")
    else:
        sys.stdout.write(as_text(results, secrets))
    sys.stdout.flush()
    return 0 if all(result.outcome == "pass" for result in results) else 1


def import_(args: argparse.Namespace) -> int:
    """Turn a cassette into a session."""
    from .imported import import_cassette

    count = import_cassette(args.file, args.out, os.environ)
    sys.stdout.write(f"{printable(str(args.out))}: {count} messages\n")
    return 0


def add_parsers(commands: Any, seconds: Any) -> None:
    """The options of these commands."""
    record = commands.add_parser(
        "record",
        help="be a transparent proxy that writes a session down",
        description="Run a server in place of itself and record what goes over the wire, without its secrets.",
        usage="connect-mcp conformance record --out FILE [--host NAME] [--host-version V] [--cwd DIR] [--mark] "
        "-- COMMAND [ARG…]",
        allow_abbrev=False,
    )
    record.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="FILE",
        help="the recording; where FILE exists, FILE-2, FILE-3, … is written",
    )
    record.add_argument("--host", metavar="NAME", help="the host, for the recording's header")
    record.add_argument("--host-version", metavar="V", help="its version")
    record.add_argument("--cwd", metavar="DIR", help="the folder to start the server in (default: the host's choice)")
    record.add_argument(
        "--mark",
        action="store_true",
        help="let the server's processes be known: by CONNECT_MCP_RECORDING in their environment, and FILE's .pid",
    )
    _add_replay(commands, seconds)
    imported = commands.add_parser(
        "import",
        help="make a session from a cassette of mcp-recorder",
        description="Read a cassette of mcp-recorder and write it as a session, without its secrets.",
        allow_abbrev=False,
    )
    imported.add_argument("file", type=Path, metavar="CASSETTE")
    imported.add_argument("--out", required=True, type=Path, metavar="FILE", help="the session to write")


def _add_replay(commands: Any, seconds: Any) -> None:
    replay = commands.add_parser(
        "replay",
        help="play a recorded host at a server and compare",
        description="Send what the host sent, in its order, and compare each answer with the recorded one; or, with "
        "--adapted, be that host at a server that it was not recorded with, and hold its answers against the protocol.",
        usage="connect-mcp conformance replay FILE… [OPTION…] -- COMMAND [ARG…]",
        allow_abbrev=False,
    )
    replay.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a recording; each gets a new process")
    replay.add_argument("--url", default="", help="the server, where it is spoken with over HTTP")
    replay.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="a header of every request to --url; VALUE as $NAME comes from the environment",
    )
    replay.add_argument(
        "--adapted",
        action="store_true",
        help="keep the host's ids, order, capabilities and extra calls, and ask for this server's own tools",
    )
    replay.add_argument(
        "--call-tools", action="store_true", help="call tools also where they may change something (with --adapted)"
    )
    replay.add_argument(
        "--example",
        action="append",
        default=[],
        metavar="TOOL=JSON",
        help="arguments for a tool, which may then be called (with --adapted)",
    )
    replay.add_argument(
        "--timeout",
        type=seconds,
        default=10.0,
        metavar="S",
        help="seconds to wait for an answer beyond the time that the recorded one took (default: 10)",
    )
    replay.add_argument(
        "--var",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="the value of a placeholder, such as secret:1",
    )
    replay.add_argument("--json", action="store_true", help="print the outcome as JSON")


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Misuse(f"--var takes NAME=VALUE, not {printable(name)!r}", mend="--var secret:1=VALUE")
    return name, value
