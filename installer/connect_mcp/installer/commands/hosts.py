"""`connect-mcp hosts`: every host that is known, whether it is here, and where its servers are."""

import argparse
from collections.abc import Mapping, Sequence

from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.text import printable

from ..diff import short
from ..hosts.all_hosts import HOSTS, find_all
from ..hosts.model import Host
from ..journal import Journal
from ..options import add_output, add_project
from ..outcome import Outcome
from ..servers import Server, Standing, standing

EXAMPLES = """examples:
  connect-mcp hosts                every host, those that are here first
  connect-mcp hosts --versions     and which version each is
  connect-mcp hosts cursor --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `hosts` takes."""
    parser.add_argument("hosts", nargs="*", metavar="HOST", help="only these hosts (default: all)")
    parser.add_argument(
        "--versions", action="store_true", help="say each host's version; may start `HOST --version`, for 3 s at most"
    )
    add_project(parser)
    add_output(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Look for every host, and into every file of those that are here or have one."""
    installed = Journal(folders).installed()
    hosts = find_all(args.hosts) or list(HOSTS)
    project = str(args.project) if args.project else None
    found = {host.id: host.detect(machine) for host in hosts}
    versions: Mapping[str, str | None] = {}
    if args.versions:
        from ..versions import versions_of  # starts processes, in threads

        versions = versions_of([host for host in hosts if found[host.id]], machine)
    looked_at = {host.id: standing(machine, host, installed, project) for host in hosts}
    facts = [_facts(host, found[host.id], versions.get(host.id), looked_at[host.id]) for host in hosts]
    here = [
        host for host in hosts if found[host.id] or any(file.exists and not file.rank for file, _ in looked_at[host.id])
    ]
    lines = []
    for host in here:
        lines += _lines(host, found[host.id], versions.get(host.id), looked_at[host.id], machine)
    absent = [host for host in hosts if host not in here]
    if absent:
        lines += ["not on this machine:", *_wrapped([f"{host.title} ({host.id})" for host in absent])]
    return Outcome({"command": "hosts", "hosts": facts}, "\n".join(lines))


def _facts(host: Host, found: str | None, version: str | None, looked_at: Standing) -> dict[str, object]:
    files = [
        {
            "scope": file.scope,
            "path": file.location.path,
            "format": file.location.format,
            "exists": file.exists,
            "servers": len(file.entries),
            "ours": {server.name: server.state for server in servers if server.ours},
            "error": str(file.refusal) if file.refusal else None,
        }
        for file, servers in looked_at
    ]
    return {
        "host": host.id,
        "title": host.title,
        "aliases": list(host.aliases),
        "found": found,
        "version": version,
        "remote": sorted(host.remote.transports) if host.remote else [],
        "files": files,
    }


def _lines(host: Host, found: str | None, version: str | None, looked_at: Standing, machine: Machine) -> list[str]:
    name = f"{host.title} ({host.id})" + (f" {printable(version)}" if version else "")
    lines = [f"{name}: {'found: ' + short(found, machine) if found else 'not found, but it has files here'}"]
    for file, servers in looked_at:
        place = short(file.location.path, machine)
        lines.append(f"  {file.scope:8}{place}{'' if file.exists else ' (no file yet)'}")
        if file.refusal:
            lines.append("          cannot be read; `connect-mcp doctor` says why")
        elif file.exists:
            lines.append(f"          {_count(servers)}")
    return lines


def _count(servers: Sequence[Server]) -> str:
    there = [server for server in servers if server.state != "missing"]
    ours = [f"`{printable(server.name)}` is {server.state}" for server in servers if server.ours]
    count = f"{len(there) or 'no'} server{'' if len(there) == 1 else 's'}"
    return f"{count}; ours: {', '.join(ours)}" if ours else count


def _wrapped(texts: Sequence[str], width: int = 78) -> list[str]:
    """The texts behind commas, in lines that a terminal of 80 columns takes; none is broken in two."""
    lines = [""]
    for text in texts:
        if lines[-1] and len(lines[-1]) + len(text) + 2 > width - 2:
            lines.append("")
        lines[-1] += f", {text}" if lines[-1] else text
    return [f"  {line}{',' if line is not lines[-1] else ''}" for line in lines]
