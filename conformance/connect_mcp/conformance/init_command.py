"""`connect-mcp conformance init`: a workflow for a project, and a baseline of what its server breaks today."""

import argparse
import math
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connect_mcp.base.errors import Misuse, Place, Refused
from connect_mcp.base.masking import masked, secret_values
from connect_mcp.base.record import record, replace
from connect_mcp.base.text import printable

from .options import example, header, up_to
from .shard import MOST
from .workflow import Workflow, portable, rendered

if TYPE_CHECKING:
    from .sdk_baselines import Baseline
    from .verdicts import Verdict

WORKFLOW = ".github/workflows/mcp.yml"
BASELINE = "mcp-baseline.txt"

_SHARD_SECONDS = 300.0  # of a run, for each job
_MOST_SHARDS = 8
_ACTION = "conformance/action.yml"  # of the kit's own repository
_GITHUB = re.compile(r"git\+(?:https|ssh)://(?:git@)?github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?@([\w.-]+)")


@record
class _Examined:
    """What a run has shown of a project's server."""

    verdict: "Verdict"
    sdk: "Baseline | None"
    text: str

    @property
    def lines(self) -> int:
        """How many lines the baseline has, its heading apart."""
        return len(self.text.splitlines()) - 2


def init(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Write a workflow and a baseline, from a real run of the server.

    Raises:
        Misuse: where there is not one server, or the action cannot be told.
        Refused: where a file is there already, the command holds a secret, or the server cannot be spoken with.
    """
    root = _root(args)
    said, foreign = _said(args, command, root)
    uses = args.uses or _action(root)
    if not args.force and not args.dry_run:
        for name in (WORKFLOW, BASELINE):
            _check_free(root / name)
    examined = _examined(args, command, root, said or args.url)
    workflow = _workflow(args, examined, said, uses, root)
    files = {WORKFLOW: rendered(workflow), BASELINE: examined.text}
    if args.dry_run:
        sys.stdout.write("".join(f"--- {name}\n{text}" for name, text in files.items()))
    else:
        from .saving import save

        for name, text in files.items():
            save(root / name, text)
    told = sys.stderr if args.dry_run else sys.stdout  # a dry run prints the files
    told.write("".join(f"{line}\n" for line in _told(args, examined, workflow, foreign)))
    return 0


def _root(args: argparse.Namespace) -> Path:
    """The project's folder: the root of its repository, from which alone GitHub reads workflows."""
    root = Path(args.dir).absolute()
    if not root.is_dir():
        raise Refused("there is no such folder", place=Place(printable(str(root))))
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    if top != root:
        why = "GitHub reads workflows from the root of a repository alone"
        mend = f"--dir {printable(str(top))}, and the command as it is given there"
        raise Refused("this folder is inside of a repository", place=Place(printable(str(root))), why=why, mend=mend)
    return root


def _said(args: argparse.Namespace, command: Sequence[str], root: Path) -> tuple[str, tuple[str, ...]]:
    """The command as a workflow says it, and which parts of it are paths of this machine; "" where there is a URL."""
    if bool(command) == (args.url is not None):
        what = "takes one server" if command else "needs a server"
        mend = "connect-mcp conformance init -- COMMAND [ARG…]"
        raise Misuse(f"`init` {what}: a command after --, or --url", mend=mend)
    words = command or [args.url]
    secrets = {value for value in secret_values({"args": list(words)}) if not os.path.exists(root / value)}
    shown = " ".join(words)
    if masked(shown, secrets) != shown:
        raise Refused(
            "the server's command holds what looks like a secret, and a workflow is there to be committed",
            mend="have the server take it from a variable of its environment",
        )
    said, foreign = portable(command, root)
    return shlex.join(said), foreign


def _action(root: Path) -> str:
    """The action, as a workflow names it: of this repository, or of the one that this program was installed from.

    Raises:
        Misuse: where neither is known.
    """
    ours = root / _ACTION
    if ours.is_file() and "connect-mcp" in ours.read_text(encoding="utf-8", errors="replace"):
        return "./conformance"
    from connect_mcp.base.machine import this_machine
    from connect_mcp.installer.installation import requirement, this_installation

    try:
        source = _GITHUB.match(requirement(this_machine(), this_installation().direct_url()))
    except Refused:
        source = None
    if source is None:
        raise Misuse(
            "it is not known where the action is",
            why="this program was not installed from a repository on GitHub",
            mend="--uses OWNER/REPOSITORY/conformance@VERSION",
        )
    return f"{source[1]}/conformance@{source[2]}"


def _check_free(path: Path) -> None:
    if os.path.lexists(path):
        raise Refused(
            "this file is there already",
            place=Place(printable(str(path))),
            mend="--dry-run shows what would be written; --force writes over it",
        )


def _examined(args: argparse.Namespace, command: Sequence[str], root: Path, name: str) -> _Examined:
    """Run everything at the server, as strictly as can be."""
    from connect_mcp.base.offspring import Offspring

    from . import baseline, sdk_baselines
    from .guard import Guard
    from .progress import Progress
    from .requirement import all_requirements
    from .running import Plan, run, visitors
    from .target import by_command, by_url
    from .trial import Options

    if args.sdk not in (None, sdk_baselines.AUTO):
        sdk_baselines.load(args.sdk)
    options = Options(args.timeout, args.call_tools, dict(map(example, args.example)), strict=True)
    profiles, sdk = visitors(args.profile)
    plan = Plan(all_requirements(), options=options, profiles=profiles, sdk=sdk)
    headers = dict(map(header, args.header))
    with Offspring(), Guard() as guard, Progress() as progress:
        target = by_command(command, guard, root) if command else by_url(args.url, headers, args.timeout)
        verdict = run(plan, target, progress)
    baseline.require_checked(verdict.results)
    chosen = sdk_baselines.chosen(verdict.results, args.sdk)
    results = sdk_baselines.excused(verdict.results, chosen) if chosen else verdict.results
    path = root / BASELINE
    known = baseline.read(path) if path.is_file() else ()
    reasons = {(line.requirement, line.revision): line.reason for line in known}
    return _Examined(replace(verdict, results=results), chosen, baseline.written(results, printable(name), reasons))


def _workflow(args: argparse.Namespace, examined: _Examined, said: str, uses: str, root: Path) -> Workflow:
    from .running import SDK

    hosts = examined.verdict.hosts
    failing = [host for host in hosts if host.outcome == "fails"]
    # What `all` stands for where the SDK is installed cannot be asked for where it is not.
    good = [host.host for host in hosts if host not in failing and (host.host != SDK or SDK in args.profile)]
    options = [
        *(("--sdk", examined.sdk.name) if examined.sdk else ()),
        *(("--call-tools",) if args.call_tools else ()),
        *(("--timeout", f"{args.timeout:g}") if args.timeout != args.usual_timeout else ()),
        *(word for text in args.example for word in ("--example", text)),
        *(word for text in args.header for word in ("--header", text)),
    ]
    return Workflow(
        uses=uses,
        command=said,
        url=args.url or "",
        profile=" ".join(good) if failing or "all" not in args.profile else "all",
        baseline=BASELINE,
        options=shlex.join(options),
        shards=args.shards or min(_MOST_SHARDS, math.ceil(examined.verdict.seconds / _SHARD_SECONDS)),
        variables=tuple(text.partition("$")[2] for text in args.header),
        left_out=tuple(host.sentence for host in failing),
        project=root,
        is_here=_is_this_machine(args.url or ""),
    )


def _is_this_machine(url: str) -> bool:
    from urllib.parse import urlsplit

    from connect_mcp.installer.web import is_loopback

    return is_loopback(urlsplit(url))


def _told(args: argparse.Namespace, examined: _Examined, workflow: Workflow, foreign: Sequence[str]) -> Iterator[str]:
    """What a person is to know."""
    from .baseline import unchecked

    lines = "1 line" if examined.lines == 1 else f"{examined.lines} lines"
    written = "would be written" if args.dry_run else "written"
    yield f"{written}: {WORKFLOW}, and {BASELINE} with {lines} of what the server breaks today"
    if missing := unchecked(examined.verdict.results):
        yield missing
    if examined.sdk:
        yield f"what a server on {examined.sdk.title} cannot help is left to --sdk {examined.sdk.name}"
    elif args.sdk:
        yield "the behaviour of no SDK shows that there is a baseline of"
    for sentence in workflow.left_out:
        yield f"left out, since it would fail there: {sentence}"
    for path in foreign:
        yield f"warning: {printable(path)} is a path of this machine, which a workflow's machine does not have"
    if workflow.is_here:
        yield f"warning: {printable(args.url)} is on this machine: the workflow needs a step that starts the server"
    for name in workflow.variables:
        yield f"set the secret {printable(name)} in the repository's settings"
    if workflow.shards > 1:
        yield f"the whole took {examined.verdict.seconds:.0f} s, so {workflow.shards} jobs share it"
    if not args.dry_run:
        yield "look at both files, then commit them"


def _reference(text: str) -> str:
    """A header that a workflow may name: its value is in a variable."""
    if not re.fullmatch(r"[^:\s]+:\s*\$[A-Za-z_][A-Za-z0-9_]*", text):
        what = "--header takes NAME:$VARIABLE here, since a workflow is there to be committed"
        raise Misuse(what, mend="--header 'Authorization:$AUTHORIZATION'")
    return text


def add_parser(commands: Any, seconds: Any) -> None:
    """The options of this command."""
    parser = commands.add_parser(
        "init",
        help="write a workflow and a baseline for a project",
        description="Check a project's server, and write a workflow that holds it to what it keeps today.",
        usage="connect-mcp conformance init [OPTION…] (-- COMMAND [ARG…] | --url URL)",
        allow_abbrev=False,
    )
    parser.add_argument("--dir", default=".", metavar="DIR", help="the root of the project's repository (default: .)")
    parser.add_argument("--url", metavar="URL", help="a server over Streamable HTTP, in place of a command")
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        type=_reference,
        metavar="NAME:$VARIABLE",
        help="a header for each request to it, whose value is a secret of the repository",
    )
    parser.add_argument("--sdk", metavar="NAME", help="expect what servers on this SDK cannot help, as `run` does")
    parser.add_argument(
        "--profile", nargs="+", default=["all"], metavar="HOST", help="the hosts that visit it (default: all)"
    )
    parser.add_argument("--call-tools", action="store_true", help="call tools also where they may change something")
    parser.add_argument(
        "--example", action="append", default=[], metavar="TOOL=JSON", help="arguments for a tool, which may be called"
    )
    parser.add_argument(
        "--timeout", type=seconds, default=10.0, metavar="S", help="seconds to wait for an answer (default: 10)"
    )
    parser.add_argument(
        "--shards", type=up_to(MOST), metavar="N", help="how many jobs share the run (default: as many as it is long)"
    )
    parser.add_argument("--uses", metavar="ACTION", help="the action, as a workflow names it")
    parser.add_argument("--force", action="store_true", help="write over files that are there")
    parser.add_argument("--dry-run", action="store_true", help="print the files, and write none")
    parser.set_defaults(usual_timeout=parser.get_default("timeout"))
