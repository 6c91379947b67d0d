"""`connect-mcp conformance run`, `list` and `explain`."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connect_mcp.base.errors import Misuse, Place, Refused
from connect_mcp.base.text import printable

from .options import example, header
from .requirement import REVISIONS

if TYPE_CHECKING:
    from .baseline import Known
    from .fuzz import Fuzzed
    from .host_verdicts import HostVerdict
    from .profiles import Profile
    from .replay import Calls, Server
    from .result import Result
    from .trial import Options, Trial


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Check a server against the requirements; the exit code says what came of it."""
    from .baseline import read
    from .engine import run as checked
    from .engine import spoken
    from .guard import Guard
    from .reports.writing import write
    from .requirement import all_requirements, selected
    from .result import Result
    from .trial import Options, Trial
    from .verdicts import Verdict, as_data, as_text, ordered

    _check_subject(args, command)
    _check_sdk(args)
    known = read(args.baseline) if args.baseline is not None else ()
    profiles = _profiles(args.profile)
    requirements = selected(all_requirements(), args.only)
    options = Options(args.timeout, args.call_tools, dict(args.example), args.strict, args.jobs)
    began = time.monotonic()
    results: list[Result] = []
    with Guard() as guard:
        trial = Trial(_subject(args, command, guard), options)
        revisions = _revisions(args.revision) or spoken(trial)
        progress = _Progress(requirements, revisions, quiet=args.json)
        for result in checked(trial, requirements, revisions):
            results.append(result)
            progress.tell(result)
        hosts = _in_hosts(profiles, args, command, options)
        progress.done()
        fuzzed = _fuzzed(trial, revisions, args)
    judged, sdk = _as_on_sdk(ordered(requirements, results), known, args)
    verdict = Verdict(
        trial.subject.name,
        tuple(revisions),
        {row.id: row for row in requirements},
        judged,
        args.strict,
        time.monotonic() - began,
        hosts,
        fuzzed,
        sdk,
    )
    if args.command == "baseline":
        return _write_baseline(args, verdict)
    write(verdict, args)
    if args.json:
        import json

        sys.stdout.write(json.dumps(as_data(verdict), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(as_text(verdict, verbose=args.verbose))
    sys.stdout.flush()
    return verdict.exit_code


_SDK = "sdk-python"
"""The official SDK's client among the hosts."""


def _profiles(names: Sequence[str]) -> "list[Profile]":
    hosts = [name for name in names if name != _SDK]
    if not hosts:
        return []
    from .profiles import selected  # loads the installer's rows, which a plain run does not need

    return selected(hosts)


def _in_hosts(
    profiles: "Sequence[Profile]", args: argparse.Namespace, command: Sequence[str], options: "Options"
) -> "tuple[HostVerdict, ...]":
    """What would become of the server in each host; one after the other, since what is told is how long it takes."""
    if not profiles and _SDK not in args.profile:
        return ()
    from connect_mcp.base.machine import this_machine

    from .host_verdicts import judge
    from .replay import Calls, Server

    machine, calls = this_machine(), Calls(options.call_tools, options.examples)
    server = Server(command) if args.url is None else Server(url=args.url, headers=dict(args.header))
    judged = [judge(profile, server, machine, calls, timeout=options.timeout) for profile in profiles]
    return (*judged, *_in_sdk(server, calls, options.timeout, args.profile))


def _in_sdk(server: "Server", calls: "Calls", timeout: float, names: Sequence[str]) -> "Sequence[HostVerdict]":
    """The official SDK's client, where it is asked for."""
    from .sdk_client import installed, judge_sdk

    if not {"all", _SDK} & {*names}:
        return ()
    if installed() is None:
        if _SDK in names:
            raise Refused(f"{_SDK} needs the official SDK, which is not installed", mend="pip install 'mcp>=2.3'")
        sys.stderr.write(f"{_SDK} is left out: the official SDK is not installed\n")
        return ()
    return [judge_sdk(server, calls, timeout=timeout)]


def _check_sdk(args: argparse.Namespace) -> None:
    """Refuse the name of an SDK that there is no baseline of, before the server is started."""
    from . import sdk_baselines

    if args.command == "run" and args.sdk not in (None, sdk_baselines.AUTO):
        sdk_baselines.load(args.sdk)


def _as_on_sdk(
    results: "tuple[Result, ...]", known: "Sequence[Known]", args: argparse.Namespace
) -> "tuple[tuple[Result, ...], tuple[str, ...]]":
    """The results, with what the baselines expect as expected, and what there is to say of the SDK's."""
    from . import baseline, sdk_baselines

    applied = baseline.applied(results, known, args.baseline or "")
    if args.command == "baseline":
        return applied, ()
    named = args.sdk
    chosen = sdk_baselines.fingerprint(results) if named == sdk_baselines.AUTO else None
    chosen = sdk_baselines.load(named) if named and named != sdk_baselines.AUTO else chosen
    changed = sdk_baselines.excused(applied, chosen) if chosen else applied
    said = sdk_baselines.told(results, chosen, named)
    excuses = [
        f"  {one.requirement} ({one.revision}): {one.why}"
        for before, one in zip(applied, changed, strict=True)
        if one is not before
    ]
    return changed, (*([said] if said else []), *excuses)


def _fuzzed(trial: "Trial", revisions: Sequence[str], args: argparse.Namespace) -> "Fuzzed | None":
    if not args.fuzz:
        return None
    from .fuzz import fuzz  # with hypothesis, which a plain run does not need
    from .trial import Trial

    return fuzz(
        Trial(trial.subject, trial.options), revisions, examples=args.examples, seed=args.seed, out=args.fuzz_out
    )


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
        "--sdk",
        metavar="NAME",
        help="expect what servers on this SDK cannot help, each with a reason: mcp-1, mcp-2, typescript-1, fastmcp-4, "
        "or auto for the one that its behaviour shows",
    )
    run.add_argument(
        "--profile",
        nargs="+",
        default=[],
        metavar="HOST",
        help="say what would become of the server in these real hosts, sdk-python (the official SDK's client), or all",
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
    base.set_defaults(baseline=None, profile=[], strict=True, fuzz=False, verbose=False, json=False)
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
        "--examples", type=_examples, default=100, metavar="N", help="of each sort and revision (default: 100)"
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
    run.add_argument("--url", metavar="URL", help="a server over Streamable HTTP, in place of a command")
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
    run.add_argument("--call-tools", action="store_true", help="call tools also where they may change something")
    run.add_argument(
        "--example",
        action="append",
        default=[],
        type=example,
        metavar="TOOL=JSON",
        help="arguments for a tool, which may then be called",
    )
    run.add_argument("--jobs", type=_jobs, default=2, metavar="N", help="processes at the same time (default: 2)")
    run.add_argument(
        "--timeout", type=seconds, default=10.0, metavar="S", help="seconds to wait for an answer (default: 10)"
    )


def _write_baseline(args: argparse.Namespace, verdict: Any) -> int:
    """Write down what is broken; the reasons of lines that a file has already are kept."""
    from . import baseline

    exists = args.file.exists()
    reasons = {(line.requirement, line.revision): line.reason for line in baseline.read(args.file)} if exists else {}
    text = baseline.written(verdict.results, verdict.subject, reasons)
    try:
        args.file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused("the baseline cannot be written", place=Place(str(args.file)), why=error.strerror or "") from None
    lines = len(text.splitlines()) - 2
    what = "1 line" if lines == 1 else f"{lines} lines"
    sys.stdout.write(f"{what} in {printable(str(args.file))}; use it with --baseline {printable(str(args.file))}\n")
    return 0


def _check_subject(args: argparse.Namespace, command: Sequence[str]) -> None:
    given = sum([bool(command), args.url is not None, args.from_host is not None])
    if given != 1:
        what = "needs a server" if not given else "takes one server"
        raise Misuse(
            f"`{args.command}` {what}: a command after --, or --url, or --from",
            mend=f"connect-mcp conformance {args.command} … -- COMMAND [ARG…]",
        )
    if args.profile and args.from_host is not None:
        raise Misuse("--profile takes a command after --, or --url", why="with --from the host is named already")


def _subject(args: argparse.Namespace, command: Sequence[str], guard: Any) -> Any:
    from .subject import StdioSubject

    if args.from_host is not None:
        from connect_mcp.base.machine import this_machine

        from .from_host import from_host

        return from_host(args.from_host, this_machine(), guard, args.timeout, start=args.start)
    if args.url is None:
        return StdioSubject(command, guard)
    from .http_subject import HttpSubject

    return HttpSubject(args.url, dict(args.header), args.timeout)


def _revisions(named: Sequence[str]) -> list[str]:
    if "all" in named:
        return list(REVISIONS)
    for name in named:
        if name not in REVISIONS:
            raise Misuse(
                f"there is no revision {name!r}", why=f"there are {', '.join(REVISIONS)}", mend="--revision all"
            )
    return [name for name in REVISIONS if name in named]


def _examples(text: str) -> int:
    examples = int(text)
    if not 1 <= examples <= 1_000_000:
        raise ValueError(text)
    return examples


def _jobs(text: str) -> int:
    jobs = int(text)
    if not 1 <= jobs <= 64:
        raise ValueError(text)
    return jobs


class _Progress:
    """One line on a terminal's standard error that says how far the run is."""

    def __init__(self, requirements: Sequence[Any], revisions: Sequence[str], *, quiet: bool) -> None:
        self._all = sum(revision in row.revisions for row in requirements for revision in revisions)
        self._done = 0
        self._shown = not quiet and sys.stderr.isatty()

    def tell(self, result: Any) -> None:
        """One more is done."""
        self._done += 1
        if self._shown:
            sys.stderr.write(f"\r\x1b[K{self._done} of {self._all}  {result.requirement}")
            sys.stderr.flush()

    def done(self) -> None:
        """All are done: the line goes."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
