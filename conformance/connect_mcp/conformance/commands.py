"""`connect-mcp conformance …`: the command line of the conformance kit."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from connect_mcp.base.errors import Misuse

_EXAMPLES = """examples:
  connect-mcp conformance run -- python my_server.py
      check a server against the specification: exit code 0 means that no MUST is broken
  connect-mcp conformance explain PARSE-TRUNC
      what a requirement asks for, where it stands, and what mends it
  connect-mcp conformance record --out session.jsonl -- python my_server.py
      put this in a host's config in place of the server's own command, use the host, and read session.jsonl
  connect-mcp conformance replay session.jsonl -- python my_server.py
      play the host's side of the recording at a server and compare its answers

exit codes: 0 no MUST is broken, every answer is as recorded, 1 otherwise, 2 usage, 3 a bug of connect-mcp
"""


def main(argv: Sequence[str]) -> int:
    """Run one `conformance` command and return its exit code.

    Raises:
        Refused: where a file cannot be read or written, or a command cannot be started.
        Misuse: where the command line cannot be meant.
    """
    from . import run_command

    ours, command = _split(argv)
    args = _parser().parse_args(ours)
    if args.command == "list":
        return run_command.list_requirements(args)
    if args.command == "explain":
        return run_command.explain(args)
    if not command:
        raise Misuse(
            f"`{args.command}` needs the server's command after --",
            mend=f"connect-mcp conformance {args.command} … -- COMMAND [ARG…]",
        )
    if args.command == "run":
        return run_command.run(args, command)
    if args.command == "record":
        return _record(args, command)
    return _replay(args, command)


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and the server's command after the first `--`."""
    ours = list(argv)
    if "--" not in ours:
        return ours, []
    at = ours.index("--")
    return ours[:at], ours[at + 1 :]


def _record(args: argparse.Namespace, command: list[str]) -> int:
    from .record import record

    return record(command, args.out, host=args.host, host_version=args.host_version, env=os.environ)


def _replay(args: argparse.Namespace, command: list[str]) -> int:
    from .replay import replay
    from .report import as_data, as_text

    values = dict(_assignment(text) for text in args.var)
    results = [replay(path, command, timeout=args.timeout, values=values) for path in args.files]
    if args.json:
        import json

        sys.stdout.write(json.dumps(as_data(results), indent=2) + "\n")
    else:
        sys.stdout.write(as_text(results))
    sys.stdout.flush()
    return 0 if all(result.outcome == "pass" for result in results) else 1


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Misuse(f"--var takes NAME=VALUE, not {name!r}", mend="--var secret:1=VALUE")
    return name, value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise ValueError
    return value


def _parser() -> argparse.ArgumentParser:
    from .run_command import add_parsers

    parser = argparse.ArgumentParser(
        prog="connect-mcp conformance",
        description="Check any MCP server against the specification; record what hosts say, and replay it at a server.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_parsers(commands, _seconds)
    record = commands.add_parser(
        "record",
        help="be a transparent proxy that writes a session down",
        description="Run a server in place of itself and record what goes over the wire, without its secrets.",
        usage="connect-mcp conformance record --out FILE [--host NAME] [--host-version V] -- COMMAND [ARG…]",
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
    replay = commands.add_parser(
        "replay",
        help="play a recorded host at a server and compare",
        description="Send what the host sent, in its order, and compare each answer with the recorded one.",
        usage="connect-mcp conformance replay FILE… [--timeout S] [--var NAME=VALUE]… [--json] -- COMMAND [ARG…]",
        allow_abbrev=False,
    )
    replay.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a recording; each gets a new process")
    replay.add_argument(
        "--timeout",
        type=_seconds,
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
    return parser
