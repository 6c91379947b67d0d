"""`connect-mcp status`: what is configured where, and whether what we put is still there. Looking changes nothing."""

import argparse
from collections.abc import Mapping, Sequence

from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.text import printable

from ..apply import pending
from ..configured import ConfiguredFile, configured_files
from ..diff import short
from ..hosts.all_hosts import HOSTS
from ..hosts.model import Host
from ..journal import Installed, Journal
from ..options import add_json
from ..outcome import Outcome

STATES = {
    "present": "as we put it",
    "changed": "changed since we put it",
    "missing": "gone since we put it; `connect-mcp configure` puts it back",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `status` takes."""
    add_json(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Look at every file of every host that is installed or configured here."""
    installed = Journal(folders).installed()
    data, lines = [], []
    for host in HOSTS:
        found = host.detect(machine)
        files = [file for file in configured_files(machine, host) if _tells(file, _ours(file, installed, machine))]
        if not found and not files:
            continue
        facts = [_facts(file, _ours(file, installed, machine)) for file in files]
        data.append({"host": host.id, "title": host.title, "found": found, "files": facts})
        lines += _lines(host, found, files, facts, machine)
    notes = pending(folders)
    lines += [f"note: {printable(note)}" for note in notes]
    text = "\n".join(lines) or "no host was found on this machine"
    return Outcome({"command": "status", "hosts": data, "notes": notes}, text)


def _tells(file: ConfiguredFile, ours: Sequence[Installed]) -> bool:
    """Whether there is anything to say: one file may hold several scopes, and most hold servers of one."""
    return bool(ours or file.entries or file.refusal or (file.exists and file.scope == "user"))


def _ours(file: ConfiguredFile, installed: Sequence[Installed], machine: Machine) -> list[Installed]:
    """What we put into this file for this host."""
    real, section = machine.files.real(file.location.path), file.location.section
    return [row for row in installed if row.real == real and row.section == section and file.host.id in row.hosts]


def _facts(file: ConfiguredFile, ours: Sequence[Installed]) -> dict[str, object]:
    states = {row.name: row.state(file.entries.get(row.name)) for row in ours}
    servers = [
        {"name": name, "ours": name in states, "state": states.get(name), "off": file.host.is_off(entry)}
        for name, entry in file.entries.items()
    ]
    gone = [
        {"name": name, "ours": True, "state": "missing", "off": False} for name in states if name not in file.entries
    ]
    error = str(file.refusal) if file.refusal else None
    return {"scope": file.scope, "path": file.location.path, "servers": [*servers, *gone], "error": error}


def _lines(
    host: Host,
    found: str | None,
    files: Sequence[ConfiguredFile],
    facts: Sequence[Mapping[str, object]],
    machine: Machine,
) -> list[str]:
    lines = [f"{host.title} ({'found: ' + short(found, machine) if found else 'not found on this machine'})"]
    if not files:
        lines.append("  no config file yet")
    for file, fact in zip(files, facts, strict=True):
        lines.append(f"  {file.scope}: {short(file.location.path, machine)}")
        if file.refusal:
            lines.append(f"    cannot be read: {printable(file.refusal.what)} ({printable(str(file.refusal.place))})")
            continue
        servers = fact["servers"]
        assert isinstance(servers, list)
        lines += [f"    {_server(server)}" for server in servers] or ["    no servers"]
    return lines


def _server(server: Mapping[str, object]) -> str:
    notes = [STATES[str(server["state"])]] if server["ours"] else []
    notes += ["switched off"] if server["off"] else []
    return f"`{printable(str(server['name']))}`" + (f": {', '.join(notes)}" if notes else "")
