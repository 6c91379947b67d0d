"""Whether an entry counts: switched off, overruled, unapproved, doubled, or open to others."""

import json
from collections.abc import Iterator, Mapping

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.text import printable

from ...configured import ConfiguredFile, text_of
from ...editors.engine import read
from ...editors.formats import format_named
from ...editors.model import Section
from ...hosts.model import Host
from ..model import Finding, Server, Sight
from ..words import entry, named, offered, ours, place
from .environment import literal_secrets


def entry_is_on(sight: Sight, server: Server) -> Iterator[Finding]:
    """The entry is not switched off."""
    if server.off:
        words = ours(server, "enable")
        yield Finding(
            "switched-off",
            "note",
            f"{named(server)} is switched off in {server.host.title}",
            entry(server),
            "the file says so",
            *offered(words, server, "switch it on in the file"),
        )


def name_can_be_used(sight: Sight, server: Server) -> Iterator[Finding]:
    """The host can have a server of that name."""
    if why := server.host.refuse_name(server.name):
        yield Finding(
            "name-unusable",
            "error",
            f"{server.host.title} cannot use the name {named(server)}",
            entry(server),
            why,
            "rename the entry in the file",
        )


def entry_is_not_overruled(sight: Sight, server: Server) -> Iterator[Finding]:
    """No other file of the host has another entry of the same name that wins."""
    winner = server.standing.shadowed_by
    if winner is not None and winner.entries.get(server.name) != server.entry:
        yield Finding(
            "shadowed",
            "warning",
            f"{server.host.title} does not use this {named(server)}: another file's wins",
            entry(server),
            f"{place(winner)} ({winner.scope}) comes first",
            "remove or rename one of the two",
        )


def what_we_put_is_still_there(sight: Sight, server: Server) -> Iterator[Finding]:
    """The host has not wiped an entry that we put."""
    if server.standing.state == "missing":
        yield Finding(
            "entry-wiped",
            "error",
            f"{server.host.title} has lost {named(server)}, which connect-mcp put there",
            entry(server),
            "the host or somebody else took it out since",
            f"connect-mcp configure --reapply {server.host.id}",
            ("connect-mcp", "configure", "--reapply", server.host.id),
        )


def server_is_there_once(sight: Sight, server: Server) -> Iterator[Finding]:
    """The host does not start the same server twice under two names."""
    if server.spec is None or server.off:
        return
    same = (one for one in sight.servers_of(server.host) if one.spec == server.spec and not one.off)
    first = next(same, server)
    if first is not server and first.name != server.name:
        words = ours(server, "remove")
        yield Finding(
            "server-doubled",
            "warning",
            f"{server.host.title} has the same server twice, as {named(first)} and {named(server)}",
            entry(server),
            f"the other is in {place(first.file)}: every tool is offered twice",
            *offered(words, server, "take one of them out"),
        )


def nobody_else_reads_secrets(sight: Sight, file: ConfiguredFile) -> Iterator[Finding]:
    """A file that holds secrets is its owner's alone."""
    secret = next((name for value in file.entries.values() for name in literal_secrets(value)), None)
    if secret is None or sight.machine.platform == "windows" or file.scope == "project":
        return
    mode = sight.machine.files.mode(file.location.path)
    if mode is not None and mode & 0o077:
        path = sight.machine.files.real(file.location.path)
        yield Finding(
            "secret-readable",
            "warning",
            f"others on this machine can read {printable(secret)} in this file",
            place(file),
            f"its mode is {mode & 0o777:o}",
            f"chmod 600 {printable(path)}",
            ("chmod", "600", path),
        )


def no_secret_is_shared(sight: Sight, file: ConfiguredFile) -> Iterator[Finding]:
    """A project's file, which git keeps or would keep, holds no secret."""
    if file.scope != "project" or not file.entries:
        return
    secret = next((name for value in file.entries.values() for name in literal_secrets(value)), None)
    if secret is None or not in_repository(sight.machine, file.location.path):
        return
    yield Finding(
        "secret-shared",
        "error",
        f"{printable(secret)} stands in a file that is shared through git",
        place(file),
        "whoever can read the repository can use it",
        "revoke the secret, and write a reference: connect-mcp configure takes --secrets reference",
    )


def in_repository(machine: Machine, path: str) -> bool:
    """Whether a file lies in a git checkout, which is not to be asked here: nothing is started."""
    return any(machine.exists(machine.join(folder, ".git")) for folder in machine.upward(machine.parent(path)))


def project_is_trusted(sight: Sight, host: Host) -> Iterator[Finding]:
    """The host reads this project's file, and may start what is in it."""
    files = [file for file in sight.files if file.host.id == host.id and file.scope == "project" and file.entries]
    look = _TRUST.get(host.id)
    if not files or look is None:
        return
    found = look(sight.machine, sight.project, host)
    if found:
        what, mend = found
        yield Finding(
            "project-untrusted", "warning", f"{host.title} {what}", place(files[0]), "its own settings say so", mend
        )


def _codex_trust(machine: Machine, project: str, host: Host) -> tuple[str, str] | None:
    location = host.locate(machine, "user")
    try:
        projects = read(text_of(machine, location), format_named("toml"), Section(("projects",)), location.path)
    except Refused:
        return None
    for folder in machine.upward(project):
        entry = projects.get(folder)
        if isinstance(entry, Mapping) and entry.get("trust_level") == "trusted":
            return None
    return "does not read this project's file: the project is not trusted", "start codex in the project, and trust it"


def _gemini_trust(machine: Machine, project: str, host: Host) -> tuple[str, str] | None:
    folder = machine.parent(host.locate(machine, "user").path)
    trusted = _json(machine, machine.join(folder, "trustedFolders.json"))
    if any(trusted.get(above) in ("TRUST_FOLDER", "TRUST_PARENT") for above in machine.upward(project)):
        return None
    return "starts no server in this folder: it is not trusted", "start gemini in the project, and trust the folder"


def _copilot_trust(machine: Machine, project: str, host: Host) -> tuple[str, str] | None:
    folder = machine.parent(host.locate(machine, "user").path)
    settings = _json(machine, machine.join(folder, "config.json"))
    trusted = settings.get("trusted_folders") or settings.get("trustedFolders") or ()
    if isinstance(trusted, list) and any(above in trusted for above in machine.upward(project)):
        return None
    return "does not read this project's file: the folder is not trusted", "start copilot in the project, and trust it"


def _claude_approval(machine: Machine, project: str, host: Host) -> tuple[str, str] | None:
    state = _json(machine, host.locate(machine, "user").path)
    projects = state.get("projects")
    settings = projects.get(project) if isinstance(projects, Mapping) else None
    if isinstance(settings, Mapping) and settings.get("enabledMcpjsonServers"):
        return None
    local = _json(machine, machine.join(project, ".claude/settings.local.json"))
    if local.get("enableAllProjectMcpServers") or local.get("enabledMcpjsonServers"):
        return None
    return "waits for your approval of this project's servers", "start claude in the project, and approve them"


_TRUST = {
    "codex": _codex_trust,
    "gemini-cli": _gemini_trust,
    "copilot-cli": _copilot_trust,
    "claude-code": _claude_approval,
}
"""Hosts that read a project's file only where a person has agreed, with where they keep that (HOSTS.md, live)."""


def _json(machine: Machine, path: str) -> Mapping[str, object]:
    try:
        value = json.loads(machine.files.read(path) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
