"""`connect-mcp conformance run`, `list` and `explain`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connect_mcp.base.errors import Misuse
from connect_mcp.base.text import printable

from .options import add_calls, header, up_to
from .requirement import REVISIONS
from .shard import WHOLE, shard

if TYPE_CHECKING:
    from .baseline import Known
    from .guard import Guard
    from .result import Result
    from .running import Plan
    from .target import Target
    from .verdicts import Verdict


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Check a server against the requirements; the exit code says what came of it."""
    from connect_mcp.base.offspring import Offspring

    from . import baseline
    from .guard import Guard
    from .progress import Progress
    from .reports.writing import make_way, write
    from .running import run as examined
    from .verdicts import as_data, as_text

    _check_subject(args, command)
    known = baseline.read(args.baseline) if args.baseline is not None else ()
    plan = _plan(args)
    make_way(args)
    with Offspring(), Guard() as guard, Progress(_expecting(known, args.sdk), quiet=args.json) as progress:
        verdict = examined(plan, _target(args, command, guard), progress)
    verdict = _as_known(verdict, known, args)
    try:
        if args.json:
            import json

            sys.stdout.write(json.dumps(as_data(verdict), indent=2, ensure_ascii=False) + "\n")
        else:
            sys.stdout.write(as_text(verdict, verbose=args.verbose))
        sys.stdout.flush()
    finally:  # whatever became of standard output, and this of whatever becomes of the files
        write(verdict, args)
    return verdict.exit_code


def write_baseline(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Check a server and write down what it breaks; the reasons of lines that a file has already are kept.

    Raises:
        Refused: where nothing that it does could be checked.
    """
    from connect_mcp.base.offspring import Offspring

    from . import baseline
    from .guard import Guard
    from .progress import Progress
    from .running import run as examined
    from .saving import save

    _check_subject(args, command)
    plan = _plan(args)
    before = baseline.read(args.file) if os.path.lexists(args.file) else ()
    reasons = {(line.requirement, line.revision): line.reason for line in before}
    with Offspring(), Guard() as guard, Progress() as progress:
        verdict = examined(plan, _target(args, command, guard), progress)
    baseline.require_checked(verdict.results)
    verdict = _as_known(verdict, (), args)
    text = baseline.written(verdict.results, verdict.subject, reasons)
    save(args.file, text)
    lines = len(text.splitlines()) - 2
    what = "1 line" if lines == 1 else f"{lines} lines"
    sys.stdout.write(f"{what} in {printable(str(args.file))}; use it with --baseline {printable(str(args.file))}\n")
    if missing := baseline.unchecked(verdict.results):
        sys.stdout.write(f"{missing}\n")
    return 0


def _plan(args: argparse.Namespace) -> "Plan":
    """What the options ask for.

    Raises:
        Misuse: where a requirement, a revision, a host or an SDK is named that there is not.
        Refused: where the official SDK's client is named and not installed.
    """
    from . import sdk_baselines
    from .requirement import all_requirements, selected
    from .running import Fuzzing, Plan, visitors
    from .trial import Options

    if args.sdk not in (None, sdk_baselines.AUTO):
        sdk_baselines.load(args.sdk)
    elif args.sdk == sdk_baselines.AUTO and args.shard != WHOLE:
        raise Misuse(
            "--sdk auto needs the whole run: what shows an SDK is not all in one shard",
            mend=f"--sdk with one of {', '.join(sdk_baselines.names())}",
        )
    if args.fuzz and args.fuzz_out.exists() and not args.fuzz_out.is_dir():
        raise Misuse(f"--fuzz-out takes a folder, and {printable(str(args.fuzz_out))} is none")
    profiles, sdk = visitors(args.profile)
    return Plan(
        requirements=selected(all_requirements(), args.only),
        revisions=_revisions(args.revision),
        options=Options(args.timeout, args.call_tools, dict(args.example), args.strict, args.jobs),
        profiles=profiles,
        sdk=sdk,
        fuzzing=Fuzzing(args.examples, args.seed, args.fuzz_out) if args.fuzz else None,
        shard=args.shard,
    )


def _target(args: argparse.Namespace, command: Sequence[str], guard: "Guard") -> "Target":
    from .target import by_command, by_url

    if args.from_host is not None:
        from connect_mcp.base.machine import this_machine

        from .from_host import from_host

        return from_host(args.from_host, this_machine(), guard, args.timeout, start=args.start)
    return by_command(command, guard) if args.url is None else by_url(args.url, dict(args.header), args.timeout)


def _expecting(known: "Sequence[Known]", sdk: str | None) -> "Callable[[Result], Result]":
    """What a baseline, and that of an SDK which is named, make of a single result."""
    from . import baseline, sdk_baselines

    chosen = sdk_baselines.load(sdk) if sdk and sdk != sdk_baselines.AUTO else None

    def expecting(result: "Result") -> "Result":
        result = baseline.expected(result, known)
        return sdk_baselines.excused([result], chosen)[0] if chosen else result

    return expecting


def _as_known(verdict: "Verdict", known: "Sequence[Known]", args: argparse.Namespace) -> "Verdict":
    """A verdict with what the baselines expect as expected, and with what there is to say of the SDK's."""
    from connect_mcp.base.record import replace

    from . import baseline, sdk_baselines
    from .watch import RULES

    # What a rule about everything that is said shows may be seen in another shard: there its line is not stale.
    undecided = RULES if verdict.shard else ()
    applied = baseline.applied(verdict.results, known, args.baseline or "", undecided)
    chosen = sdk_baselines.chosen(verdict.results, args.sdk)
    changed = sdk_baselines.excused(applied, chosen) if chosen else applied
    said = sdk_baselines.told(verdict.results, chosen, args.sdk)
    excuses: dict[tuple[str, str], list[str]] = {}
    for before, one in zip(applied, changed, strict=True):
        if one is not before:
            excuses.setdefault((one.requirement, one.why), []).append(one.revision)
    lines = (f"  {identity} ({', '.join(revisions)}): {why}" for (identity, why), revisions in excuses.items())
    return replace(verdict, results=changed, sdk=(*([said] if said else []), *lines))


def list_requirements(args: argparse.Namespace) -> int:
    """Print a line for every requirement."""
    from connect_mcp.base.record import values

    from .requirement import all_requirements

    rows = all_requirements()
    if args.json:
        import json

        sys.stdout.write(json.dumps([values(row) for row in rows], indent=2) + "\n")
        return 0
    width = max(len(row.id) for row in rows)
    for row in rows:
        span = row.revisions[0] if len(row.revisions) == 1 else f"{row.revisions[0]}..{row.revisions[-1]}"
        binding = row.keyword + (" (JSON-RPC)" if row.profile == "json-rpc" else "")
        sys.stdout.write(f"{row.id:{width}}  {binding:19}  {span:22}  {row.title}\n")
    return 0


def explain(args: argparse.Namespace) -> int:
    """Print everything about the requirements that are named."""
    from .requirement import all_requirements, selected
    from .verdicts import explained

    sys.stdout.write("\n".join(explained(row) for row in selected(all_requirements(), args.ids)))
    return 0


def add_parsers(commands: Any, seconds: Any) -> None:
    """The options of these commands."""
    from .reports.writing import add_options

    run = commands.add_parser(
        "run",
        help="check a server against the specification",
        description="Start a server, say to it what hosts say and what they should not, and judge what comes back.",
        usage="connect-mcp conformance run [OPTION…] (-- COMMAND [ARG…] | --url URL | --from HOST[:NAME])",
        allow_abbrev=False,
    )
    _add_subject(run, seconds)
    run.add_argument("--baseline", type=Path, metavar="FILE", help="what is known to fail; stale lines fail")
    run.add_argument(
        "--profile",
        nargs="+",
        default=[],
        metavar="HOST",
        help="say what would become of the server in these real hosts, sdk-python (the official SDK's client), or all",
    )
    run.add_argument(
        "--shard",
        type=shard,
        default=WHOLE,
        metavar="I/N",
        help="do the I-th of N even parts alone, as a job of a CI matrix: together they are the whole run",
    )
    run.add_argument("--strict", action="store_true", help="let warnings and the rules of JSON-RPC alone count as well")
    run.add_argument("--verbose", action="store_true", help="tell of what passed and of what does not apply as well")
    run.add_argument("--json", action="store_true", help="print the outcome as JSON")
    _add_fuzzing(run)
    add_options(run)
    base = commands.add_parser(
        "baseline",
        help="write down what a server is known to break",
        description="Check a server and write a line for each thing that it breaks, for `run --baseline`.",
        usage="connect-mcp conformance baseline FILE [OPTION…] (-- COMMAND [ARG…] | --url URL | --from HOST[:NAME])",
        allow_abbrev=False,
    )
    base.add_argument("file", type=Path, metavar="FILE")
    _add_subject(base, seconds)
    base.set_defaults(baseline=None, profile=[], strict=True, fuzz=False, shard=WHOLE)
    listed = commands.add_parser("list", help="list the requirements", allow_abbrev=False)
    listed.add_argument("--json", action="store_true", help="print them as JSON")
    explained = commands.add_parser("explain", help="say what a requirement asks for and why", allow_abbrev=False)
    explained.add_argument("ids", nargs="+", metavar="ID")


def _add_fuzzing(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--fuzz",
        action="store_true",
        help="send made-up arguments, envelopes, orders and chunks too; what breaks something is saved as a session",
    )
    run.add_argument(
        "--examples", type=up_to(1_000_000), default=100, metavar="N", help="of each sort and revision (default: 100)"
    )
    run.add_argument("--seed", type=int, metavar="S", help="what they are made from, to have the same ones again")
    run.add_argument(
        "--fuzz-out",
        type=Path,
        default=Path("connect-mcp-fuzz"),
        metavar="DIR",
        help="the folder for what was found (default: connect-mcp-fuzz)",
    )


def _add_subject(run: argparse.ArgumentParser, seconds: Any) -> None:
    """Which server is checked, and how."""
    run.add_argument(
        "--from",
        dest="from_host",
        metavar="HOST[:NAME]",
        help="a server that a host has configured, started as it does",
    )
    run.add_argument("--start", action="store_true", help="with --from: start it also where a project's file names it")
    run.add_argument("--url", metavar="URL", help="a server over HTTP, in place of a command")
    run.add_argument(
        "--header",
        action="append",
        default=[],
        type=header,
        metavar="NAME:VALUE",
        help="a header for each request to it; VALUE as $NAME comes from the environment",
    )
    run.add_argument("--only", nargs="+", default=[], metavar="ID", help="only these requirements; FRAME-* is a group")
    run.add_argument(
        "--revision",
        nargs="+",
        default=[],
        metavar="REV",
        help="the protocol revisions to check, or all (default: the newest that the server speaks, of each kind)",
    )
    run.add_argument(
        "--sdk",
        metavar="NAME",
        help="expect what servers on this SDK cannot help, each with a reason: mcp-1, mcp-2, typescript-1, fastmcp-4, "
        "or auto for the one that its behaviour shows",
    )
    add_calls(run)
    run.add_argument("--jobs", type=up_to(64), default=2, metavar="N", help="processes at the same time (default: 2)")
    run.add_argument(
        "--timeout", type=seconds, default=10.0, metavar="S", help="seconds to wait for an answer (default: 10)"
    )


def _check_subject(args: argparse.Namespace, command: Sequence[str]) -> None:
    given = sum([bool(command), args.url is not None, args.from_host is not None])
    if given != 1:
        what = "needs a server" if not given else "takes one server"
        raise Misuse(
            f"`{args.command}` {what}: a command after --, or --url, or --from",
            mend=f"connect-mcp conformance {args.command} … -- COMMAND [ARG…]",
        )


def _revisions(named: Sequence[str]) -> list[str]:
    if "all" in named:
        return list(REVISIONS)
    for name in named:
        if name not in REVISIONS:
            raise Misuse(
                f"there is no revision {name!r}", why=f"there are {', '.join(REVISIONS)}", mend="--revision all"
            )
    return [name for name in REVISIONS if name in named]
