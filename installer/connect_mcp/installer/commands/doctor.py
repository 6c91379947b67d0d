"""`connect-mcp doctor`: find out why a host does not see a server. Looking changes nothing."""

import argparse
import platform
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from connect_mcp.base.errors import Refused
from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import masked, secret_values
from connect_mcp.base.secrets import Store
from connect_mcp.base.text import printable
from connect_mcp.base.version import __version__

from ..apply import Target, plan, write
from ..bundled import is_bundled
from ..diff import diffs, short
from ..doctor.examination import Result, examine, of_file, of_server, worst_first
from ..doctor.model import SEVERITIES, Finding, Program, Server, Sight, sight
from ..doctor.reloading import hosts_have_read_their_files
from ..doctor.words import entry
from ..hosts.all_hosts import HOSTS, find_all
from ..hosts.model import Host
from ..journal import Journal
from ..options import add_output, add_project
from ..outcome import Outcome
from ..prompt import confirmed, somebody_is_there

EXAMPLES = """examples:
  connect-mcp doctor                      every host that has a config file here
  connect-mcp doctor cursor --name files  one server in one host
  connect-mcp doctor vscode --fix         mend what an edit of the host's file mends, after showing it
  connect-mcp doctor --report doctor.txt  the same for a bug tracker, with names, paths and hosts masked
"""


Found = Sequence[tuple[Result, Finding]]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `doctor` takes."""
    parser.add_argument("hosts", nargs="*", metavar="HOST", help="only these hosts (default: all that are configured)")
    parser.add_argument("--name", help="only the server of this name")
    add_project(parser)
    starting = parser.add_mutually_exclusive_group()
    starting.add_argument(
        "--start", action="store_true", help="also start what projects name and what package runners fetch"
    )
    starting.add_argument("--no-start", action="store_true", help="start no server")
    parser.add_argument("--online", action="store_true", help="also ask the API behind the bundled server")
    parser.add_argument("--fix", action="store_true", help="apply the mends that are edits of hosts' files")
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask before --fix writes")
    parser.add_argument("--strict", action="store_true", help="exit 1 for warnings as well")
    parser.add_argument("--verbose", "-v", action="store_true", help="show the checks that found nothing, too")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a report that is safe to publish")
    add_output(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Run every check over every config file of the hosts that were named, or of all of them.

    Raises:
        Refused: where a mend cannot be written, or is not wanted.
    """
    hosts = find_all(args.hosts) or list(HOSTS)
    seen = _look(args, machine, folders, hosts)
    results = list(examine(seen))
    if args.fix:
        fixed = _fix(args, machine, folders, seen, [finding for _, finding in worst_first(results)])
        seen = _look(args, machine, folders, hosts)
        results = list(examine(seen))
    else:
        fixed = ()
    results += [
        of_file("The host has read its file.", file, found) for file, found in hosts_have_read_their_files(seen)
    ]
    tried, unstarted = _started(args, machine, seen)
    results += tried
    results += _asked(folders, seen) if args.online else []
    found = worst_first(results)
    data = {
        "command": "doctor",
        "hosts": [_facts(seen, found, host.id) for host in hosts if _has_files(seen, host.id)],
        "findings": [_finding_data(result, finding) for result, finding in found],
        "fixed": list(fixed),
        "unstarted": [{"host": one.host.id, "server": printable(one.name), "why": why} for one, why in unstarted],
    }
    if args.verbose:
        passed = (result for result in results if not result.findings)
        data["passed"] = [{"check": one.check, "subject": one.subject, "server": one.server} for one in passed]
    mended = [*(f"mended: {what}" for what in fixed), "undo with: connect-mcp undo", ""] if fixed else []
    text = "\n".join([*mended, _text(args, machine, seen, results, found), *_left_alone(unstarted, machine)])
    if args.report:
        from ..doctor.report import write_report

        write_report(args.report, text, machine)
        text += f"\nreport written to {printable(str(args.report))}"
    bad = SEVERITIES[: 2 if args.strict else 1]
    return Outcome(data, text, 1 if any(finding.severity in bad for _, finding in found) else 0)


def _started(args: argparse.Namespace, machine: Machine, seen: Sight) -> tuple[list[Result], list[tuple[Server, str]]]:
    """What starting the servers shows: those of the user's own files, and the others where that is wanted.

    Returns:
        What was found, and the servers that could have been started and were not, with the reason.
    """
    if args.no_start:
        return [], []
    from ..doctor.starting import can_start, judge, may_start, start
    from ..progress import waiting

    usable = [server for server in seen.servers if can_start(server, machine)]
    wanted = [server for server in usable if args.start or not may_start(server)]
    left = [server for server in usable if server not in wanted]
    if left and not args.json and somebody_is_there():
        asked = [f"  {entry(server)}: {_command(server)} ({may_start(server)})" for server in left]
        if confirmed("\n".join(["Not started, since others could have written it:", *asked, "Start them?"])):
            wanted, left = usable, []
    with waiting(f"starting {len(wanted)} {_plural('server', len(wanted))}"):
        started = start(wanted, machine)
    tried = [of_server("The server starts and answers.", one.server, judge(one)) for one in started]
    return tried, [(server, may_start(server)) for server in left]


def _left_alone(unstarted: Sequence[tuple[Server, str]], machine: Machine) -> list[str]:
    """What was not tried, so that nobody takes it for well."""
    if not unstarted:
        return []
    lines = [f"  {server.host.title}: {_home(entry(server), machine)}: {why}" for server, why in unstarted]
    return ["", "not started, so nothing is known of how these run; connect-mcp doctor --start starts them:", *lines]


def _command(server: Server) -> str:
    """What would be started, safe to print."""
    spec = server.started
    assert spec is not None, "it can be started"
    words = [spec.url] if spec.is_remote else [spec.command, *spec.args]
    return printable(masked(shlex.join(words), secret_values({"args": words})))


def _asked(folders: Folders, seen: Sight) -> list[Result]:
    """What the API says to the bundled servers that have an account."""
    from connect_mcp.server.results import Failure
    from connect_mcp.server.settings import stored_settings

    from ..doctor.online import api_answers

    results = []
    for server in seen.servers:
        if server.spec is None or server.off or not is_bundled(server.spec) or "--embedded" in server.spec.args:
            continue
        try:
            settings = stored_settings(server.env, Store(folders.config), _profile(server))
        except Failure:  # what is missing has been found already
            continue
        findings = api_answers(settings.base_url, settings.key, entry(server))
        results.append(of_server("The API behind the server answers.", server, findings))
    return results


def _profile(server: Server) -> str | None:
    assert server.spec is not None
    args = server.spec.args
    return args[args.index("--profile") + 1] if "--profile" in args[:-1] else None


def _look(args: argparse.Namespace, machine: Machine, folders: Folders, hosts: Sequence[Host]) -> Sight:
    program = Program(__version__, platform.machine())
    return sight(
        machine,
        hosts,
        str(args.project) if args.project else None,
        program,
        name=args.name,
        secrets=_stored(folders),
        installed=Journal(folders).installed(),
    )


def _stored(folders: Folders) -> frozenset[str]:
    try:
        return frozenset(Store(folders.config).kept())
    except Refused:
        return frozenset()


def _fix(
    args: argparse.Namespace, machine: Machine, folders: Folders, seen: Sight, findings: Sequence[Finding]
) -> tuple[str, ...]:
    """Apply the mends that are edits, in one transaction, after showing them.

    Returns:
        What was mended.
    """
    mended = [(finding, finding.fix) for finding in findings if finding.fix is not None]
    targets: list[Target] = [fix for _, fix in mended]
    if not targets:
        return ()
    planned = plan(targets)
    if not args.yes:
        if args.json or not somebody_is_there():
            raise Refused("there is nobody to ask whether this may be written", mend="add --yes")
        secrets = frozenset().union(*(secret_values(dict(file.entries)) for file in seen.files))
        shown = "\n".join(diff for diff in diffs(planned, secrets).values() if diff)
        if not confirmed(f"{shown}\nWrite this?"):
            raise Refused("nothing was written")
    write(targets, folders, command="doctor --fix", known=planned)
    return tuple(finding.what for finding, _ in mended)


def _has_files(seen: Sight, identity: str) -> bool:
    return any(file.exists and file.host.id == identity for file in seen.files)


def _facts(seen: Sight, found: Found, identity: str) -> dict[str, object]:
    files = [file for file in seen.files if file.exists and file.host.id == identity]
    counts = dict(_counted(finding for result, finding in found if result.host.id == identity))
    return {
        "host": identity,
        "files": [{"scope": file.scope, "path": file.location.path, "servers": len(file.entries)} for file in files],
        **{f"{severity}s": count for severity, count in counts.items()},
    }


def _finding_data(result: Result, finding: Finding) -> dict[str, object]:
    return {
        "host": result.host.id,
        "scope": result.scope,
        "server": result.server,
        "id": finding.id,
        "severity": finding.severity,
        "what": finding.what,
        "where": finding.where,
        "why": finding.why,
        "mend": finding.mend,
        "command": [printable(word) for word in finding.command],
        "fixable": finding.fix is not None,
    }


def _text(args: argparse.Namespace, machine: Machine, seen: Sight, results: Sequence[Result], found: Found) -> str:
    hosts = [host for host in seen.hosts if _has_files(seen, host.id)]
    if not hosts and not found:
        return "no host has a config file here; `connect-mcp configure` makes one"
    lines = [_summary(seen, found, host) for host in hosts] + [""]
    for _, finding in found:
        lines += [f"{finding.severity}: {finding.what}", f"  where: {_home(finding.where, machine)}"]
        lines += [f"  why: {_home(finding.why, machine)}"] if finding.why else []
        lines += [f"  mend: {finding.mend}", ""]
    if args.verbose:
        passed = (result for result in results if not result.findings)
        subjects = ((one.check, ", ".join(filter(None, (_home(one.subject, machine), one.server)))) for one in passed)
        lines += [*(f"passed: {check} ({subject})" for check, subject in subjects), ""]
    counted = _counted(finding for _, finding in found)
    totals = [f"{count or 'no'} {_plural(severity, count)}" for severity, count in counted]
    return "\n".join([*lines, ", ".join(totals)])


def _summary(seen: Sight, found: Found, host: Host) -> str:
    servers = len(seen.servers_of(host))
    findings = [finding for result, finding in found if result.host.id == host.id]
    counted = [f"{count} {_plural(severity, count)}" for severity, count in _counted(findings) if count]
    return f"{host.title}: {servers} {_plural('server', servers)}, {', '.join(counted) or 'all well'}"


def _counted(findings: Iterable[Finding]) -> list[tuple[str, int]]:
    found = [finding.severity for finding in findings]
    return [(severity, found.count(severity)) for severity in SEVERITIES]


def _home(text: str, machine: Machine) -> str:
    return short(text, machine) if text.startswith(machine.home) else text


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
