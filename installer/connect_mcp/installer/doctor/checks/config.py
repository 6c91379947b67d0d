"""Whether a host can read its files: their syntax, their layout, their place."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.text import printable

from ...apply import Target
from ...configured import ConfiguredFile, text_of
from ...dialects import Fault, faults
from ...editors.engine import read
from ...editors.formats import format_named
from ...editors.model import Put, Remove, Section, Value
from ...hosts.model import Host, Location, Scope
from ..model import Finding, Sight
from ..words import place


def file_can_be_read(sight: Sight, file: ConfiguredFile) -> Iterator[Finding]:
    """The file is there to be read, and parses."""
    if file.refusal is None:
        return
    where = file.refusal.place
    yield Finding(
        "config-unreadable",
        "error",
        f"{file.host.title} cannot use this file: {printable(file.refusal.what)}",
        place(file, where.line if where else None, where.column if where else None),
        printable(file.refusal.why),
        printable(file.refusal.mend) or "correct the file at that place",
    )


def host_accepts_the_file(sight: Sight, file: ConfiguredFile) -> Iterator[Finding]:
    """Nothing in the file makes this host drop it, skip an entry of it, or overlook a key."""
    if file.refusal is not None or not file.exists:
        return
    text = text_of(sight.machine, file.location)
    for fault in faults(file.host, file.location, text):
        if not _told_elsewhere(file, fault):
            yield _finding(file, fault)


def _told_elsewhere(file: ConfiguredFile, fault: Fault) -> bool:
    """Whether another check says the same, and how to mend it: a name that is refused, another host's section."""
    *above, last = fault.path or ("",)
    if above[-1:] == [file.location.section.path[-1]] and isinstance(last, str) and file.host.refuse_name(last):
        return True
    return len(fault.path) == 1 and last in SECTIONS


_FAULTS = {
    "file": ("config-rejected", "error", "reads nothing of this file because of"),
    "entry": ("entry-unusable", "error", "cannot use a part of this file:"),
    "ignored": ("key-ignored", "warning", "does not read"),
}


def _finding(file: ConfiguredFile, fault: Fault) -> Finding:
    kind, severity, does = _FAULTS[fault.consequence]
    return Finding(
        kind,
        "error" if severity == "error" else "warning",
        f"{file.host.title} {does} {fault.name or 'its layout'}",
        place(file, fault.line, fault.column),
        printable(fault.what),
        "take it out there" if fault.consequence == "ignored" else "correct it at that place",
    )


SECTIONS = ("mcpServers", "servers", "mcp_servers", "mcp-servers", "mcp", "context_servers")
"""What hosts call the section with their servers; people put one's into another's file."""


def servers_are_in_the_right_section(sight: Sight, file: ConfiguredFile) -> Iterator[Finding]:
    """No servers stand under the key of another host's files."""
    if file.refusal is not None or not file.exists:
        return
    text = text_of(sight.machine, file.location)
    section = file.location.section
    for key in (key for key in SECTIONS if key in text):
        other = Section((*section.path[:-1], key))
        if key in section.path or other in sight.read_as.get(sight.machine.files.real(file.location.path), ()):
            continue
        strays = _servers(text, file.location, other)
        if not strays:
            continue
        right = ".".join(section.path)
        yield Finding(
            "section-wrong",
            "error",
            f"{file.host.title} does not see {_listed(strays)}: they stand under `{key}`",
            place(file),
            f"{file.host.title} reads servers under `{right}`",
            f"connect-mcp doctor {file.host.id} --fix",
            ("connect-mcp", "doctor", file.host.id, "--fix"),
            _moved(file, strays, other),
        )


def _moved(file: ConfiguredFile, strays: Mapping[str, Value], wrong: Section) -> Target | None:
    """Each server into the right section, read and written as this host wants it, and out of the wrong one."""
    changes: list[Put | Remove] = []
    for name, entry in strays.items():
        spec = file.host.read(entry)
        if spec is None or name in file.entries:
            return None
        try:
            puts = file.host.changes(file.location, name, spec)
        except Refused:
            return None
        extra = (
            {key: value for key, value in entry.items() if key not in puts[0].entry}
            if isinstance(entry, Mapping)
            else {}
        )
        first = Put(puts[0].section, puts[0].name, {**puts[0].entry, **extra}, puts[0].drop, puts[0].top)
        changes += [first, *puts[1:], Remove(wrong, name)]
    location = file.location
    return Target(location.path, location.format, tuple(changes), (file.host.id,), location.rejects, lock=location.lock)


class Stray(NamedTuple):
    """A file that people put servers into and that a host does not read them from.

    Attributes:
        host: the host's id.
        path: a template for `Machine.path`, or one that begins with "." for a file of the project.
        sections: where in it the servers would be.
        source: where people were seen to do so, or what makes it likely.
    """

    host: str
    path: str
    sections: tuple[tuple[str, ...], ...]
    source: str


STRAYS = (
    Stray("claude-code", "~/.claude/.mcp.json", (("mcpServers",),), "DeusData/codebase-memory-mcp#1519"),
    Stray("claude-code", "~/.claude/mcp.json", (("mcpServers",),), "derived from the one above"),
    Stray("claude-code", "~/.claude/settings.json", (("mcpServers",),), "its settings hold no servers: claude 2.1.197"),
    Stray("claude-desktop", "%APPDATA%/Claude/claude_desktop_config.json", (("mcpServers",),), "claude-code#26073"),
    Stray("codex", "~/.codex/config.json", (("mcpServers",), ("mcp_servers",)), "getgaal/gaal#90"),
    Stray("codex", "~/.codex/mcp.json", (("mcpServers",), ("mcp_servers",)), "derived from the one above"),
    Stray("continue", "~/.continue/config.json", (("mcpServers",),), "hidden by config.yaml: continuedev/continue"),
    Stray("cursor", "~/.cursor/settings.json", (("mcpServers",),), "derived from other hosts' layout"),
    Stray("vscode", "$XDG_CONFIG_HOME/Code/User/settings.json", (("mcp", "servers"), ("mcp.servers",)), "mcpm.sh#295"),
    Stray("vscode", "%APPDATA%/Code/User/settings.json", (("mcp", "servers"), ("mcp.servers",)), "mcpm.sh#295"),
    Stray("vscode", "~/Library/Application Support/Code/User/settings.json", (("mcp", "servers"),), "mcpm.sh#295"),
    Stray("vscode", ".vscode/settings.json", (("mcp", "servers"), ("mcp.servers",)), "microsoft/vscode before 1.102"),
)


def servers_are_in_the_right_file(sight: Sight, host: Host) -> Iterator[Finding]:
    """No servers stand in a file that looks right and that this host does not read them from."""
    read_from = {sight.machine.files.real(file.location.path) for file in sight.files if file.host.id == host.id}
    for stray in STRAYS:
        path = _path_of(sight, stray)
        if stray.host != host.id or path is None or sight.machine.files.real(path) in read_from:
            continue
        scope: Scope = "project" if stray.path.startswith(".") else "user"
        own = host.locate(sight.machine, scope, sight.project)
        seen = next((file.entries for file in sight.files if file.location == own), {})
        for keys in stray.sections:
            location = Location(path, Section(keys), "jsonc")
            strays = {name: entry for name, entry in _read_quietly(sight.machine, location).items() if name not in seen}
            if strays:
                yield Finding(
                    "file-wrong",
                    "warning",
                    f"{host.title} does not see {_listed(strays)}: it reads servers from another file",
                    printable(path),
                    f"{host.title} reads {printable(own.path)}",
                    f"connect-mcp doctor {host.id} --fix",
                    ("connect-mcp", "doctor", host.id, "--fix"),
                    _copied(host, own, strays),
                )


def _path_of(sight: Sight, stray: Stray) -> str | None:
    machine = sight.machine
    if stray.path.startswith("."):
        return machine.join(sight.project, stray.path)
    if stray.path.startswith("%") != (machine.platform == "windows") and not stray.path.startswith("~"):
        return None
    return machine.path(stray.path)


def _copied(host: Host, own: Location, strays: Mapping[str, Value]) -> Target | None:
    changes: list[Put | Remove] = []
    for name, entry in strays.items():
        spec = host.read(entry)
        if spec is None:
            return None
        try:
            changes += host.changes(own, name, spec)
        except Refused:
            return None
    return Target(own.path, own.format, tuple(changes), (host.id,), own.rejects, own.mode, lock=own.lock)


def _servers(text: str, location: Location, section: Section) -> dict[str, Value]:
    """What looks like servers in another section of a file."""
    try:
        entries = read(text, format_named(location.format), section, location.path)
    except Refused:
        return {}
    telling = {"command", "url", "serverUrl", "httpUrl"}
    return {name: entry for name, entry in entries.items() if isinstance(entry, Mapping) and telling & entry.keys()}


def _read_quietly(machine: Machine, location: Location) -> dict[str, Value]:
    try:
        text = text_of(machine, location)
    except Refused:
        return {}
    return _servers(text, location, location.section) if text.strip() else {}


def _listed(names: Mapping[str, Value]) -> str:
    shown = [f"`{printable(name)}`" for name in list(names)[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


_SHOWN = 4


def a_link_stays_a_link(sight: Sight, file: ConfiguredFile) -> Iterator[Finding]:
    """The host does not put a file of its own in the place of a link."""
    if not file.exists or not file.host.scopes[file.scope].replaces_links:
        return
    machine, path = sight.machine, file.location.path
    folder = machine.parent(path)
    real, unlinked = machine.files.real(path), machine.join(machine.files.real(folder), path[len(folder) + 1 :])
    if real != unlinked:
        yield Finding(
            "link-replaced",
            "warning",
            f"{file.host.title} replaces this link by a file of its own when it writes",
            place(file),
            f"the link leads to {printable(real)}, which then no longer changes with it",
            f"keep servers with connect-mcp rather than with {file.host.title}'s own commands, or drop the link",
        )
