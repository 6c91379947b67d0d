"""The command line: one parser, one function per command in `commands/`, one place that prints."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import NoReturn

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
    "hosts": "list the hosts that are known, and which of them are here",
    "copy": "copy servers from one host to others, each in its own form",
    "export": "print a server's entry as any host writes it, or as a link that installs it",
    "enable": "switch a server on that was switched off",
    "disable": "switch a server off without taking its entry out",
    "doctor": "find out why a host does not see a server",
    "uninstall": "take out everything that is ours: entries, secrets, state",
    "secret": "keep secrets out of hosts' files: set, list, remove",
    "run": "start a server with stored secrets (see `connect-mcp run --help`)",
    "completion": "print the lines that make a shell complete our commands",
    "serve": "run the bundled server (see `connect-mcp serve --help`)",
    "workspace": "serve or reset the embedded workspace (see `connect-mcp workspace --help`)",
    "conformance": "check a server, record and replay sessions (see `connect-mcp conformance --help`)",
    "lab": "drive real hosts at a server, offline (see `connect-mcp lab --help`)",
}
"""Every command with its help. Each is a module in `commands/`: `arguments(parser)` says what it takes, and
`run(args, machine, folders)` does it. `EXAMPLES` is shown below its help; `TAKES_COMMAND = True` is in one that takes a
server's command after `--`, as `args.server`."""

COMPLETING = "_ARGCOMPLETE"
"""The variable by which a shell's completion asks this program for what could come next."""

ELSEWHERE = ("run", "serve", "workspace", "conformance", "lab")
"""Those that `__main__` hands on before it comes here."""

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
    as_json = "--json" in ours
    try:
        args = _arguments(ours, command, with_command="--" in argv)
        outcome = _run(args)
    except Refused as refusal:
        if not as_json:
            raise
        outcome = Outcome({"error": _error(refusal)}, "", refusal.exit_code)
    try:
        if as_json:
            _print_json(outcome)
        elif outcome.exit_code or not args.quiet:
            _print_text(outcome)
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        why = error.strerror or type(error).__name__
        raise Refused(f"the outcome could not be printed: {why}", mend="connect-mcp status shows it") from None
    return outcome.exit_code


def _arguments(ours: Sequence[str], command: Sequence[str], *, with_command: bool) -> argparse.Namespace:
    """What the arguments say.

    Raises:
        Misuse: where they cannot be meant.
    """
    if COMPLETING in os.environ:
        from .completion import complete

        complete(_parser(_chosen(os.environ.get("COMP_LINE", "").split()[1:])))
    parser = _parser(_chosen(ours))
    args, unknown = parser.parse_known_args(ours)
    if unknown:  # argparse would point to the help of the whole, which lists no options
        from connect_mcp.base.masking import masked

        mend = f"`connect-mcp {args.command} --help` shows what it takes"
        raise Misuse(masked(f"unrecognized arguments: {' '.join(unknown)}"), mend=mend)
    if with_command and not getattr(_module(args.command), "TAKES_COMMAND", False):
        raise Misuse(f"`{args.command}` takes no command after --")
    if with_command and not "".join(command[:1]).strip():
        raise Misuse("there is no command after --", mend="name the server's program there, or leave -- out")
    args.server = command
    return args


def _chosen(words: Sequence[str]) -> str:
    """The command: the first word that is no option."""
    return next((word for word in words if not word.startswith("-")), "")


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


def _print_json(outcome: Outcome) -> None:
    import json

    data = {"version": JSON_VERSION, **outcome.data, "exit_code": outcome.exit_code}
    text = json.dumps(data, indent=2, ensure_ascii=False)
    # Control characters are escaped already; this is for signs that turn the direction of writing, and their like.
    shown = (
        text
        if text.isascii()
        else "".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text)
    )
    sys.stdout.write(shown + "\n")
    sys.stdout.flush()


def _print_text(outcome: Outcome) -> None:
    text = outcome.text.rstrip("\n")
    if text and sys.stdout.isatty():
        from .colours import show  # nothing of it is needed where no person looks

        show(text)
    elif text:
        sys.stdout.write(text + "\n")
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


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints end like all others: with exit code 2, and as JSON where that is wanted."""

    def error(self, message: str) -> NoReturn:
        from connect_mcp.base.masking import masked  # the message repeats what was typed

        raise Misuse(masked(message), mend=f"`{self.prog} --help` shows what it takes")


def _parser(chosen: str) -> argparse.ArgumentParser:
    """The parser, in which only the chosen command knows its arguments: the others' modules stay unloaded."""
    parser = _Parser(
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
            module = _module(name)
            command.epilog = getattr(module, "EXAMPLES", None)
            module.arguments(command)
    return parser


def _module(command: str) -> ModuleType:
    return import_module(f"connect_mcp.installer.commands.{command}")
