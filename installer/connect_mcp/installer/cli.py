"""The command line: one parser, one function per command in `commands/`, one place that prints."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from connect_mcp.base.boundary import discard_output
from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.text import printable
from connect_mcp.base.version import __version__

from .outcome import JSON_VERSION, Outcome

SCOPES = ("user", "project", "local")

EPILOG = """examples:
  connect-mcp configure cursor --embedded      write the bundled server into Cursor's own file
  connect-mcp configure codex claude-code      several hosts, one transaction
  connect-mcp configure vscode --scope project --dry-run
  connect-mcp configure cursor --name files -- npx -y @modelcontextprotocol/server-filesystem .
  connect-mcp undo                             put back what the last command changed
  connect-mcp status                           what is configured where

exit codes: 0 done, 1 refused or failed, 2 usage, 3 a bug of connect-mcp, 130 interrupted
"""


def main(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code.

    Raises:
        Refused: for what was not done, unless `--json` printed it.
    """
    ours, command = _split(argv)
    args = _parser().parse_args(ours)
    if command and args.command != "configure":
        raise Misuse(f"`{args.command}` takes no command after --")
    args.server = command
    try:
        if "--" in argv and not "".join(command[:1]).strip():
            raise Misuse("there is no command after --", mend="name the server's program there, or leave -- out")
        outcome = _run(args)
    except Refused as refusal:
        if not args.json:
            raise
        outcome = Outcome({"error": _error(refusal)}, "", refusal.exit_code)
    try:
        _print(outcome, as_json=args.json)
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        why = error.strerror or type(error).__name__
        raise Refused(f"the outcome could not be printed: {why}", mend="connect-mcp status shows it") from None
    return outcome.exit_code


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and the server's command after `--`.

    Raises:
        Misuse: where `--` is an option's value, which argparse would take away.
    """
    at = list(argv).index("--") if "--" in argv else len(argv)
    if any(argument.startswith("-") and argument.partition("=")[2] == "--" for argument in argv[:at]):
        raise Misuse("`--` cannot be the value of an option")
    return list(argv[:at]), list(argv[at + 1 :])


def _run(args: argparse.Namespace) -> Outcome:
    from connect_mcp.base.folders import folders
    from connect_mcp.base.machine import this_machine

    machine = this_machine()
    if project := getattr(args, "project", None):
        if not machine.is_dir(machine.join(machine.cwd, str(project))):
            raise Misuse(f"--project {printable(str(project))}: there is no such folder")
        if getattr(args, "scope", "") == "user":
            raise Misuse("--project goes with a scope of a project", mend="add --scope project, or leave --project out")
    command = import_module(f"connect_mcp.installer.commands.{args.command}")
    outcome: Outcome = command.run(args, machine, folders())
    return outcome


def _print(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        import json

        data = {"version": JSON_VERSION, **outcome.data, "exit_code": outcome.exit_code}
        sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    elif outcome.text:
        sys.stdout.write(outcome.text.rstrip("\n") + "\n")
    sys.stdout.flush()


def _error(refusal: Refused) -> dict[str, object]:
    place = refusal.place
    return {
        "what": refusal.what,
        "path": place.path if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "why": refusal.why,
        "mend": refusal.mend,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="connect-mcp",
        description="Put an MCP server into every AI host on this machine without losing a byte.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"connect-mcp {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_configure(commands)
    _add_remove(commands)
    undo = _add(commands, "undo", "put back what the last command changed")
    _add_json(undo)
    status = _add(commands, "status", "show what is configured where")
    _add_json(status)
    doctor = _add(commands, "doctor", "find out why a host does not see a server")
    doctor.add_argument("hosts", nargs="*", metavar="HOST", help="only these hosts (default: all that are configured)")
    doctor.add_argument("--project", type=Path, metavar="DIR", help="the project's folder (default: this one)")
    _add_json(doctor)
    _add(commands, "serve", "run the bundled server (see `connect-mcp serve --help`)")
    _add(commands, "workspace", "serve or reset the embedded workspace (see `connect-mcp workspace --help`)")
    _add(commands, "conformance", "record and replay sessions (see `connect-mcp conformance --help`)")
    return parser


Commands = argparse._SubParsersAction  # the stubs make it generic, the runtime class is not


def _add(commands: "Commands[argparse.ArgumentParser]", name: str, text: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False)


def _add_configure(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _add(commands, "configure", "write a server's entry into hosts' own config files")
    parser.usage = "connect-mcp configure [HOST…] [options] [-- COMMAND [ARG…]]"
    parser.add_argument(
        "hosts", nargs="*", metavar="HOST", help="the hosts to write to (default: choose from those found)"
    )
    parser.add_argument("--all", action="store_true", help="every host that is found on this machine")
    _add_place(parser)
    parser.add_argument(
        "--env", action="append", default=[], metavar="KEY=VALUE", help="a variable that the host gives the server"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="write to this file instead of the host's own")
    parser.add_argument(
        "--embedded", action="store_true", help="the bundled server with its embedded workspace, no account"
    )
    parser.add_argument("--print", action="store_true", dest="print_only", help="print the entry, write nothing")
    parser.add_argument("--no-verify", action="store_true", help="do not start the server after writing")
    parser.add_argument(
        "--in-place", action="store_true", help="write through files that cannot be replaced (mounts, hard links)"
    )
    parser.add_argument("--force", action="store_true", help="write even where this host is known to reject the file")
    _add_common(parser)


def _add_remove(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _add(commands, "remove", "take a server's entry out of hosts' config files")
    parser.add_argument("hosts", nargs="+", metavar="HOST", help="the hosts to remove it from")
    _add_place(parser)
    parser.add_argument("--config", type=Path, metavar="FILE", help="this file instead of the host's own")
    parser.add_argument(
        "--in-place", action="store_true", help="write through files that cannot be replaced (mounts, hard links)"
    )
    _add_common(parser)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="connect", help="the entry's name (default: connect)")
    parser.add_argument("--scope", choices=SCOPES, default="user", help="whose file (default: user)")
    parser.add_argument("--project", type=Path, metavar="DIR", help="the project's folder (default: this one)")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="show the change as a diff, write nothing")
    parser.add_argument("--yes", "-y", action="store_true", help="take the proposed answer to every question")
    _add_json(parser)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
