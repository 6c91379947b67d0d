"""`connect-mcp lab …`: real hosts, offline, at any server."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.text import printable

from ..options import add_calls, split, up_to

if TYPE_CHECKING:
    from .drive import Server
    from .matrix import Driven, Guest
    from .planning import Planned
    from .results import Cell

_MOST_JOBS = 16
# Seconds that a server has when it is asked directly: one that starts within 2 took 15 on a busy machine.
_LOOKS, _LOOKS_PATIENTLY = 30.0, 60.0
_WITHOUT_SERVER = {
    "install": "it installs hosts, and drives none",
    "diff": "it drives hosts at our scenario server alone, since their profiles are about that",
}
"""The commands that take no server, and why."""

_EXAMPLES = """examples:
  connect-mcp lab install
      the real programs of eight hosts, from npm, in a cache folder
  connect-mcp lab run -- python my_server.py
      configure the server in each of them, let a scripted model call its tools, and say what came of it
  connect-mcp lab run codex claude-code --html lab.html -- python my_server.py
  connect-mcp lab run
      what the hosts make of our scenario server, which errs in every way that there is a scenario for
  connect-mcp lab diff
      what the hosts do otherwise than their profiles say

exit codes: 0 the server works in every host, 1 it fails in one or a named host could not be driven, 2 usage,
3 a bug of connect-mcp
"""


def main(argv: Sequence[str]) -> int:
    """Run one `lab` command and return its exit code.

    Raises:
        Refused: where nothing could be driven, or a file cannot be written.
        Misuse: where the command line cannot be meant.
    """
    ours, command = split(argv)
    args = _parser().parse_args(ours)
    if "--" in argv and args.command in _WITHOUT_SERVER:
        raise Misuse(f"`lab {args.command}` takes no command after --", why=_WITHOUT_SERVER[args.command])
    if "--" in argv and not command:
        raise Misuse("there is no command after --", mend="name the server's program there, or leave -- out")
    with _leaving_in_order():
        done: int = args.run(args, command)
    return done


@contextmanager
def _leaving_in_order() -> Iterator[None]:
    """Within it, a signal to end lets us clear away what was begun: in scratch folders are the variables of servers."""
    import signal

    from .runs import leave

    wanted = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, leave) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def install(args: argparse.Namespace, _command: Sequence[str]) -> int:
    """Install the hosts; the exit code is 1 where one could not be."""
    from .all_recipes import selected
    from .install import install as installed

    cache, failed = _cache(args), 0
    for recipe in selected(args.hosts):
        try:
            program = installed(recipe, cache, os.environ, args.version)
        except Refused as refusal:
            failed += 1
            sys.stdout.write(f"{recipe.title}: {refusal}\n")
        else:
            note = "" if program.package_version == recipe.version else f" (its recipe was seen with {recipe.version})"
            sys.stdout.write(f"{recipe.title} {program.shown_version}{note}: {printable(str(program.path))}\n")
        sys.stdout.flush()
    return 1 if failed else 0


def _cache(args: argparse.Namespace) -> Path:
    """The folder of the programs, which are started from other folders than ours."""
    from .install import cache_folder

    return Path(os.path.abspath(args.cache or cache_folder(os.environ)))


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Drive hosts at a server, and tell what came of it."""
    from .matrix import driven, matrix, visits
    from .reports.writing import write
    from .results import as_data, unkept

    with _kept(args.keep) as folder:
        name, guests, planned = _planned(args, command)
        runs = driven(visits(guests, planned), folder, jobs=args.jobs)
        made = matrix(name, guests, planned, runs, _Progress(quiet=args.json))
        write(made, args)
    made = made if args.keep else unkept(made)
    if args.json:
        _print(as_data(made))
    else:
        from .reports.text import render

        sys.stdout.write(render(made))
    sys.stdout.flush()
    return made.exit_code


def record(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Drive hosts, and keep what went over the wire as sessions."""
    from .matrix import driven, visits
    from .recording import save

    tell = _Progress(quiet=False)
    with _kept(None) as folder:
        name, guests, planned = _planned(args, command)
        missed, saved = any(guest.named and guest.program is None for guest in guests), 0
        for made in driven(visits(guests, planned), folder, jobs=args.jobs):
            tell(made)
            paths = list(save(made, args.out, name, force=args.force))
            saved += len(paths)
            missed |= not paths
            sys.stdout.write("".join(f"{printable(str(path))}\n" for path in paths) or _nothing(made))
            sys.stdout.flush()
    return 1 if missed or not saved else 0


def _nothing(made: "Driven") -> str:
    why = str(made.outcome) if isinstance(made.outcome, Refused) else "the host did not start the server"
    return f"{made.recipe.title}, {made.group[0].scenario.id}: nothing was recorded: {why}\n"


def diff(args: argparse.Namespace, _command: Sequence[str]) -> int:
    """Drive hosts at the scenario server, and tell what they do otherwise than their profiles say."""
    from ..trial import Options
    from . import diff as comparing
    from .matrix import driven, visits
    from .planning import plan
    from .scenario import selected

    guests, todo = _guests(args), []
    for guest in guests:
        scenarios = selected(comparing.scenarios(guest, long=args.long))
        todo += visits([guest], plan(scenarios, None, Options()))
    tell, runs = _Progress(quiet=args.json), []
    with _kept(args.keep) as folder:
        for made in driven(todo, folder, jobs=args.jobs):
            tell(made)
            runs.append(made)
        compared = comparing.compared(guests, runs, long=args.long)
    if args.json:
        _print(comparing.as_data(compared))
    else:
        sys.stdout.write(comparing.as_text(compared))
    sys.stdout.flush()
    return comparing.exit_code(compared)


def _print(data: Any) -> None:
    import json

    sys.stdout.write(json.dumps(data, indent=2) + "\n")


@contextmanager
def _kept(folder: Path | None) -> Iterator[Path]:
    """The folder for the runs: the one that is named, or one that goes afterwards."""
    import tempfile

    if folder is None:
        with tempfile.TemporaryDirectory(prefix="connect-mcp-lab-", ignore_cleanup_errors=True) as made:
            yield Path(made).resolve()
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        holds_something = any(folder.iterdir())
    except OSError as error:
        raise Refused(f"nothing can be kept in {printable(str(folder))}", why=error.strerror or "") from None
    if holds_something:
        raise Refused(f"{printable(str(folder))} is not empty", why="the runs of this time would mix with it")
    yield folder.resolve()


def _planned(args: argparse.Namespace, command: Sequence[str]) -> "tuple[str, list[Guest], list[Planned]]":
    """The server's name, the hosts, and what is to be done."""
    from ..trial import Options
    from .planning import plan
    from .scenario import selected

    guests = _guests(args)
    name, server = _server(args, command)
    # What only the scenario server can be made to do says nothing of another one; where it is named, it is told so.
    scenarios = [one for one in selected(args.scenario) if server is None or one.takes or args.scenario]
    timeout = _LOOKS_PATIENTLY if args.patient else _LOOKS
    options = Options(timeout=timeout, call_tools=args.call_tools, examples=dict(args.example))
    return name, guests, plan(scenarios, server, options)


def _guests(args: argparse.Namespace) -> "list[Guest]":
    """The hosts that are named, or all that are installed.

    Raises:
        Refused: where none is installed.
    """
    from .all_recipes import selected
    from .install import installed
    from .matrix import Guest

    cache = _cache(args)
    guests = [
        Guest(
            recipe,
            installed(recipe, cache, os.environ, args.version),
            bool(args.hosts),
            args.quick,
            args.patient,
        )
        for recipe in selected(args.hosts)
    ]
    if not any(guest.program for guest in guests):
        mend = " ".join(["connect-mcp lab install", *args.hosts])
        raise Refused("none of the hosts is installed", why=f"looked for in {printable(str(cache))}", mend=mend)
    return guests


def _server(args: argparse.Namespace, command: Sequence[str]) -> "tuple[str, Server | None]":
    """The server under test with its name; None for the scenario server.

    Raises:
        Refused: where its program is not found.
    """
    import shutil

    from connect_mcp.base.masking import masked, secret_values

    from .drive import Server

    if args.from_host is not None and command:
        raise Misuse("`lab run` takes one server: a command after --, or --from")
    if args.from_host is not None:
        return _from_host(args)
    if not command:
        return "the scenario server", None
    program = shutil.which(command[0])
    if program is None:
        raise Refused(f"{printable(masked(command[0]))} is not found", mend="name the server's program after --")
    shown = printable(masked(" ".join(command), secret_values({"args": list(command)})))
    return shown, Server((os.path.abspath(program), *command[1:]), _variables(args.env), os.getcwd())


def _variables(names: Sequence[str]) -> dict[str, str]:
    """The variables of these names, from our own environment: a host that is driven is given nothing else of it.

    Raises:
        Refused: for one that is not set.
    """
    if missing := [name for name in names if name not in os.environ]:
        raise Refused(f"the variable {printable(missing[0])} is not set", mend="set it, or leave --env out")
    return {name: os.environ[name] for name in names}


def _from_host(args: argparse.Namespace) -> "tuple[str, Server]":
    """What a host has configured.

    Raises:
        Refused: where it is no program that can be started here.
    """
    from connect_mcp.base.machine import this_machine

    from ..from_host import from_host
    from ..guard import Guard
    from .drive import Server

    with Guard() as guard:
        target = from_host(args.from_host, this_machine(), guard, 10.0, start=args.start)
    if not target.server.argv:
        raise Refused("the lab drives hosts at a server that they start", why="this one is reached at a URL")
    cwd = os.fspath(target.server.cwd) if target.server.cwd else os.getcwd()
    return target.subject.name, Server(tuple(target.server.argv), dict(target.server.env or {}), cwd)


class _Progress:
    """What is told while hosts are driven, on a terminal's standard error: what failed stays, the rest is one line."""

    def __init__(self, *, quiet: bool) -> None:
        self._shown = not quiet and sys.stderr.isatty()

    def __call__(self, made: "Driven", cells: "Sequence[Cell]" = ()) -> None:
        if not self._shown:
            return
        failed: dict[str, list[str]] = {}
        for cell in cells:
            if cell.kind == "fail":
                failed.setdefault(f"{cell.sentence}\n", [f"\r\x1b[K{cell.host}"]).append(cell.scenario)
        told = "".join(f"{', '.join(where)}: {sentence}" for sentence, where in failed.items())
        now = f"{made.done} of {made.of}  {made.recipe.host_id}, {made.group[0].scenario.id}"
        last = now if made.done < made.of else ""
        sys.stderr.write(f"{told}\r\x1b[K{last}")
        sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="connect-mcp lab",
        description="Drive real AI hosts at any MCP server: no network, no account, no cost.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_install(commands)
    _add_run(commands)
    _add_record(commands)
    _add_diff(commands)
    return parser


def _add_install(commands: Any) -> None:
    parser = commands.add_parser(
        "install",
        help="install hosts from npm",
        description="Install the real programs from npm into a cache folder, at the versions that the lab knows.",
        allow_abbrev=False,
    )
    _add_hosts(parser)
    parser.set_defaults(run=install)


def _add_hosts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("hosts", nargs="*", metavar="HOST", help="the hosts (default: all that the lab can drive)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where the programs are kept")
    parser.add_argument(
        "--version", type=_version, metavar="V", help="another version than the one that the lab knows, or latest"
    )


def _version(text: str) -> str:
    """A version or a tag of npm's, and no place: npm would install what is there."""
    import re

    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.+-]*", text):
        raise Misuse("--version takes a version or a tag, such as 1.2.3 or latest")
    return text


def _add_run(commands: Any) -> None:
    parser = commands.add_parser(
        "run",
        help="drive hosts at a server",
        description="Configure a server in real hosts, let a scripted model call its tools, and say what came of it.",
        usage="connect-mcp lab run [HOST…] [OPTION…] [-- COMMAND [ARG…] | --from HOST[:NAME]]",
        allow_abbrev=False,
    )
    _add_hosts(parser)
    _add_server(parser)
    _add_driving(parser)
    parser.add_argument(
        "--quick", action="store_true", help="without a model, through a host's own channel (Codex, Claude Code, …)"
    )
    parser.add_argument("--patient", action="store_true", help="tell the hosts to wait for a slow server")
    _add_keep(parser)
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the matrix as one page that stands alone")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="add the matrix in Markdown, as to a job's summary"
    )
    parser.set_defaults(run=run)


def _add_record(commands: Any) -> None:
    parser = commands.add_parser(
        "record",
        help="keep what hosts say to a server as sessions",
        description="Drive hosts at a server and write what went over the wire, without its secrets, into a folder.",
        usage="connect-mcp lab record [HOST…] --out DIR [OPTION…] [-- COMMAND [ARG…] | --from HOST[:NAME]]",
        allow_abbrev=False,
    )
    _add_hosts(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the folder for HOST-VERSION-SCENARIO.jsonl"
    )
    parser.add_argument("--force", action="store_true", help="replace sessions that are there")
    _add_server(parser)
    _add_driving(parser)
    parser.set_defaults(run=record, quick=False, patient=False)


def _add_diff(commands: Any) -> None:
    parser = commands.add_parser(
        "diff",
        help="say what hosts do otherwise than their profiles say",
        description="Drive hosts at our scenario server, and compare what they do with what is known of them.",
        allow_abbrev=False,
    )
    _add_hosts(parser)
    _add_jobs(parser)
    parser.add_argument(
        "--long", action="store_true", help="also see whether a host waits more than a minute for a call"
    )
    _add_keep(parser)
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.set_defaults(run=diff, quick=False, patient=False)


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="from_host", metavar="HOST[:NAME]", help="a server that a host has configured")
    parser.add_argument("--start", action="store_true", help="with --from: also where a project's file names it")
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME",
        help="a variable of this environment that the server needs",
    )


def _add_driving(parser: argparse.ArgumentParser) -> None:
    """How the hosts are driven."""
    parser.add_argument(
        "--scenario",
        nargs="+",
        default=[],
        metavar="S",
        help="only these scenarios (default: all but very-slow-tool, absent and unapproved)",
    )
    add_calls(parser)
    _add_jobs(parser)


def _add_keep(parser: argparse.ArgumentParser) -> None:
    what = "keep every run in this folder, with all that its host wrote there: the server's variables, too"
    parser.add_argument("--keep", type=Path, metavar="DIR", help=what)


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jobs", type=up_to(_MOST_JOBS), default=1, metavar="N", help="hosts at the same time (default: 1)"
    )
