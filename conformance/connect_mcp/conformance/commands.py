"""`connect-mcp conformance …`: the command line of the conformance kit."""

import argparse
from collections.abc import Sequence

from connect_mcp.base.errors import Misuse

from .options import seconds, split

_EXAMPLES = """examples:
  connect-mcp conformance run -- python my_server.py
      check a server against the specification: exit code 0 means that no MUST is broken
  connect-mcp conformance explain PARSE-TRUNC
      what a requirement asks for, where it stands, and what mends it
  connect-mcp conformance init -- python my_server.py
      a workflow for a project's repository, and a baseline of what its server breaks today
  connect-mcp conformance record --out session.jsonl -- python my_server.py
      put this in a host's config in place of the server's own command, use the host, and read session.jsonl
  connect-mcp conformance replay session.jsonl -- python my_server.py
      play the host's side of the recording at a server and compare its answers
  connect-mcp conformance replay codex.jsonl --adapted -- python my_server.py
      be that host at another server than the recorded one

exit codes: 0 no MUST is broken, every answer is as recorded, 1 otherwise, 2 usage, 3 a bug of connect-mcp
"""


def main(argv: Sequence[str]) -> int:
    """Run one `conformance` command and return its exit code.

    Raises:
        Refused: where a file cannot be read or written, or a command cannot be started.
        Misuse: where the command line cannot be meant.
    """
    from . import session_commands

    ours, command = split(argv)
    # It stands in a server's place, and some hosts wait for one second: the other commands are not loaded.
    args = _parser(record_alone=ours[:1] == ["record"]).parse_args(ours)
    if args.command == "record":
        return session_commands.record(args, _needed(command, args))
    from . import init_command, run_command, surface_command

    if args.command == "list":
        return run_command.list_requirements(args)
    if args.command == "explain":
        return run_command.explain(args)
    if args.command == "import":
        return session_commands.import_(args)
    if args.command == "replay":
        return session_commands.replay(args, command)
    if args.command == "run":
        return run_command.run(args, command)
    if args.command == "baseline":
        return run_command.write_baseline(args, command)
    if args.command == "init":
        return init_command.init(args, command)
    return surface_command.surface(args, _needed(command, args))


def _needed(command: Sequence[str], args: argparse.Namespace) -> Sequence[str]:
    if command:
        return command
    raise Misuse(
        f"`{args.command}` needs the server's command after --",
        mend=f"connect-mcp conformance {args.command} … -- COMMAND [ARG…]",
    )


def _parser(*, record_alone: bool) -> argparse.ArgumentParser:
    from . import session_commands

    parser = argparse.ArgumentParser(
        prog="connect-mcp conformance",
        description="Check any MCP server against the specification; record what hosts say, and replay it at a server.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    if record_alone:
        session_commands.add_parsers(commands, seconds)
        return parser
    from . import init_command, run_command, surface_command

    run_command.add_parsers(commands, seconds)
    init_command.add_parser(commands, seconds)
    session_commands.add_parsers(commands, seconds)
    surface_command.add_parser(commands, seconds)
    return parser
