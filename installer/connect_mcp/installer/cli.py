"""The command line: one parser, one function per command in `commands/`, one place that prints."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType

from connect_mcp.base.boundary import discard_output
from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.text import printable
from connect_mcp.base.version import __version__

from .outcome import JSON_VERSION, Outcome

COMMANDS: Mapping[str, str] = {
    "configure": "write a server's entry into hosts' own config files",
    "remove": "take a server's entry out of hosts' config files",
    "undo": "put back what the last command changed",
    "status": "show what is configured where",
    "doctor": "find out why a host does not see a server",
    "serve": "run the bundled server (see `connect-mcp serve --help`)",
    "workspace": "serve or reset the embedded workspace (see `connect-mcp workspace --help`)",
    "conformance": "record and replay sessions (see `connect-mcp conformance --help`)",
}
"""Every command with its help. Each is a module in `commands/`: `arguments(parser)` says what it takes, and
`run(args, machine, folders)` does it. `TAKES_COMMAND = True` stands in one that takes a server's command after `--`, as
`args.server`."""

ELSEWHERE = ("serve", "workspace", "conformance")
"""Those that `__main__` hands to the other packages before it comes here."""

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
    chosen = next((argument for argument in ours if not argument.startswith("-")), "")
    args = _parser(chosen).parse_args(ours)
    if command and not getattr(_module(args.command), "TAKES_COMMAND", False):
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
    outcome: Outcome = _module(args.command).run(args, machine, folders())
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


def _parser(chosen: str) -> argparse.ArgumentParser:
    """The parser, in which only the chosen command knows its arguments: the others' modules stay unloaded."""
    parser = argparse.ArgumentParser(
        prog="connect-mcp",
        description="Put an MCP server into every AI host on this machine without losing a byte.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"connect-mcp {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name == chosen and name not in ELSEWHERE:
            _module(name).arguments(command)
    return parser


def _module(command: str) -> ModuleType:
    return import_module(f"connect_mcp.installer.commands.{command}")
