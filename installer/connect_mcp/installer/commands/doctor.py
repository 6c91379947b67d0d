"""`connect-mcp doctor`: find out why a host does not see a server. Looking changes nothing."""

import argparse
from collections.abc import Sequence

from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.record import values

from ..configured import ConfiguredFile, configured_files
from ..doctor.checks import CHECKS
from ..doctor.model import Finding
from ..hosts.all_hosts import HOSTS, find
from ..options import add_output, add_project
from ..outcome import Outcome


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `doctor` takes."""
    parser.add_argument("hosts", nargs="*", metavar="HOST", help="only these hosts (default: all that are configured)")
    add_project(parser)
    add_output(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Run every check over every config file of the hosts that were named, or of all of them."""
    hosts = list({host.id: host for host in map(find, args.hosts)}.values()) or HOSTS
    project = str(args.project) if args.project else None
    files = [file for host in hosts for file in configured_files(machine, host, project) if file.exists]
    findings = [(file, finding) for file in files for finding in _examined(machine, file)]
    data = {
        "command": "doctor",
        "files": [_facts(file) for file in files],
        "findings": [{"host": file.host.id, "scope": file.scope, **values(finding)} for file, finding in findings],
    }
    errors = sum(finding.severity == "error" for _, finding in findings)
    return Outcome(data, _text(machine, files, [finding for _, finding in findings]), 1 if errors else 0)


def _examined(machine: Machine, file: ConfiguredFile) -> list[Finding]:
    """What the checks find; one that breaks is a finding itself, and the others go on."""
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            findings += check(machine, file)
        except Exception as bug:  # noqa: BLE001 - one broken check must not hide what the others find
            what = f"the check {check.__name__} broke off ({type(bug).__name__})"
            findings.append(Finding("check-broken", "warning", what, file.location.path, "", "report this as a bug"))
    return findings


def _facts(file: ConfiguredFile) -> dict[str, object]:
    return {"host": file.host.id, "scope": file.scope, "path": file.location.path, "servers": len(file.entries)}


def _text(machine: Machine, files: Sequence[ConfiguredFile], findings: Sequence[Finding]) -> str:
    if not files:
        return "no host has a config file here; `connect-mcp configure` makes one"
    lines = []
    for finding in sorted(findings, key=lambda finding: finding.severity != "error"):
        lines += [f"{finding.severity}: {finding.what}", f"  where: {finding.where}"]
        lines += [f"  why: {finding.why}"] if finding.why else []
        lines += [f"  mend: {finding.mend}", ""]
    servers = sum(len(file.entries) for file in files)
    paths = len({file.location.path for file in files})
    checked = f"{servers} {_plural('server', servers)} in {paths} {_plural('file', paths)} looked at"
    errors = sum(finding.severity == "error" for finding in findings)
    return "\n".join([*lines, f"{checked}: {errors or 'no'} {_plural('error', errors)}"])


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
