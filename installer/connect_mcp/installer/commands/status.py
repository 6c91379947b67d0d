"""`connect-mcp status`: what is configured where, and whether what we put is still there. Looking changes nothing."""

import argparse
from collections.abc import Mapping, Sequence

from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.text import printable

from ..apply import pending
from ..configured import ConfiguredFile
from ..diff import short
from ..hosts.all_hosts import HOSTS, find_all
from ..hosts.model import Host
from ..journal import Journal
from ..options import add_output, add_project
from ..outcome import Outcome
from ..servers import Server, Standing, elsewhere, is_its_own, sections_read, standing

EXAMPLES = """examples:
  connect-mcp status                       every host that is installed or configured here
  connect-mcp status cursor codex          these two
  connect-mcp status --project ~/work/app  with what that project's own files say
  connect-mcp configure --reapply          put back what hosts have wiped
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `status` takes."""
    parser.add_argument(
        "hosts", nargs="*", metavar="HOST", help="only these hosts (default: all that are installed or configured)"
    )
    add_project(parser)
    add_output(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Look at every file of the hosts that were named, or of all that are installed or configured here."""
    installed = Journal(folders).installed()
    named = find_all(args.hosts)
    project = str(args.project) if args.project else None
    here = {host.id: found for host in named or HOSTS if (found := host.detect(machine))}
    read_as = sections_read(machine, (host for host in HOSTS if host.id in here), project)
    data, lines = [], []
    for host in named or HOSTS:
        found = here.get(host.id)
        looked_at = standing(machine, host, installed, project)
        told = tuple((file, servers) for file, servers in looked_at if _tells(file, servers))
        away = list(elsewhere(machine, host, installed, looked_at))
        if not (named or found or away or any(is_its_own(machine, file, read_as) for file, _ in told)):
            continue
        files = [_facts(file, servers) for file, servers in told]
        others = [{"path": row.path, "name": row.name, "state": state} for row, state in away]
        data.append({"host": host.id, "title": host.title, "found": found, "files": files, "elsewhere": others})
        lines += _lines(host, found, told, machine)
        for row, state in away:
            lines += [f"  elsewhere: {short(row.path, machine)}", f"    `{printable(row.name)}`: {_OURS[state]}"]
    notes = pending(folders)
    lines += [f"note: {printable(note)}" for note in notes]
    text = "\n".join(lines) or "no host was found on this machine"
    return Outcome({"command": "status", "hosts": data, "notes": notes}, text)


def _tells(file: ConfiguredFile, servers: Sequence[Server]) -> bool:
    """Whether there is anything to say: one file may hold several scopes, and most hold servers of one."""
    return bool(servers or file.refusal or (file.exists and file.scope == "user" and not file.rank))


def _facts(file: ConfiguredFile, servers: Sequence[Server]) -> dict[str, object]:
    error = str(file.refusal) if file.refusal else None
    return {
        "scope": file.scope,
        "path": file.location.path,
        "servers": [_server_facts(server) for server in servers],
        "error": error,
    }


def _server_facts(server: Server) -> dict[str, object]:
    winner = server.shadowed_by
    return {
        "name": server.name,
        "ours": server.ours,
        "state": server.state,
        "changed": server.changed,
        "off": server.off,
        "shadowed_by": {"scope": winner.scope, "path": winner.location.path} if winner else None,
        "why": server.why or None,
    }


def _lines(host: Host, found: str | None, told: Standing, machine: Machine) -> list[str]:
    lines = [f"{host.title} ({'found: ' + short(found, machine) if found else 'not found on this machine'})"]
    if not told:
        lines.append("  no config file yet")
    for file, servers in told:
        lines.append(f"  {file.scope}: {short(file.location.path, machine)}")
        if file.refusal:
            lines.append(f"    cannot be read: {printable(file.refusal.what)} ({printable(str(file.refusal.place))})")
        lines += [f"    {_server(server, machine)}" for server in servers]
        if not servers and not file.refusal:
            lines.append("    no servers")
    return lines


_OURS: Mapping[str, str] = {
    "present": "as we put it",
    "changed": "changed by hand since we put it",
    "missing": "gone since we put it; `connect-mcp configure --reapply` puts it back",
    "broken": "its file cannot be read",
}


def _server(server: Server, machine: Machine) -> str:
    notes = []
    if server.ours and server.state != "broken":
        notes.append(_OURS["missing" if server.state == "missing" else "changed" if server.changed else "present"])
    if server.why:
        notes.append(f"broken: {server.why.rstrip('.')}")
    if winner := server.shadowed_by:
        beside = "" if winner.rank else f" of {winner.scope} scope"
        notes.append(f"shadowed by the entry{beside} in {short(winner.location.path, machine)}")
    if server.off:
        notes.append("switched off")
    return f"`{printable(server.name)}`" + (f": {', '.join(notes)}" if notes else "")
