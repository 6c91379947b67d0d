"""Every server that a host has on this machine, and how it stands: as we put it, wiped, hidden, off, or of no use."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, cast

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.record import record

from .configured import ConfiguredFile, configured_files, entries_of, switched_off, text_of, used_first
from .editors.model import Section, Value
from .hosts.model import FormatName, Host, Location
from .journal import Installed

State = Literal["present", "changed", "missing", "shadowed", "disabled", "broken"]
"""present: there, and as we put it where it is ours; changed: ours, and somebody else gave it other values since;
missing: ours, and gone; shadowed: another file's entry of that name wins; disabled: switched off; broken: the host
cannot use it, or its file cannot be read."""


@record
class Server:
    """One entry, or one that should be there.

    Attributes:
        name: the key of its entry.
        state: how it stands, the gravest where several are true.
        ours: whether we put it there.
        changed: whether it is ours, and others changed what we put.
        off: whether it is switched off.
        shadowed_by: the file whose entry of that name wins, or None.
        why: why it is broken, or "".
    """

    name: str
    state: State
    ours: bool
    changed: bool = False
    off: bool = False
    shadowed_by: ConfiguredFile | None = None
    why: str = ""


Standing = tuple[tuple[ConfiguredFile, tuple[Server, ...]], ...]
"""A host's files, with the servers in each."""

Kept = Literal["present", "changed", "missing", "broken"]
"""How an entry of ours stands in its own file."""


def standing(machine: Machine, host: Host, installed: Sequence[Installed], project: str | None = None) -> Standing:
    """How all servers of a host stand.

    Args:
        machine: where.
        host: whose.
        installed: what we put, for all hosts.
        project: the project's folder; the working folder where it is not given.
    """
    files = tuple(configured_files(machine, host, project))
    off = switched_off(machine, host, project)
    winners = _winners(host, files)
    rows = [row for row in installed if host.id in row.hosts]
    return tuple((file, tuple(_servers(file, ours_in(file, rows, machine), off, winners))) for file in files)


def sections_read(machine: Machine, hosts: Iterable[Host], project: str | None) -> dict[str, frozenset[Section]]:
    """The sections that any of these hosts reads from a file, by its real path."""
    sections: dict[str, frozenset[Section]] = {}
    for host in hosts:
        for scope in host.scopes:
            for location in (host.locate(machine, scope, project), *host.others(machine, scope, project)):
                real = machine.files.real(location.path)
                sections[real] = sections.get(real, frozenset()) | {location.section}
    return sections


def is_its_own(machine: Machine, file: ConfiguredFile, read_as: Mapping[str, frozenset[Section]]) -> bool:
    """Whether a file is there for a host that was not found on this machine, rather than for others that read it.

    Args:
        machine: where.
        file: the file.
        read_as: what the hosts that were found read; see `sections_read`.
    """
    shared = machine.files.real(file.location.path) in read_as or file.rank != 0
    return not shared and bool(file.entries or file.refusal)


def ours_in(file: ConfiguredFile, installed: Sequence[Installed], machine: Machine) -> dict[str, Installed]:
    """What we put into this file for this host, by name."""
    mine = [row for row in installed if file.host.id in row.hosts and row.section == file.location.section]
    real = machine.files.real(file.location.path) if mine else ""
    return {row.name: row for row in mine if row.real == real}


def elsewhere(
    machine: Machine, host: Host, installed: Sequence[Installed], looked_at: Standing
) -> Iterator[tuple[Installed, Kept]]:
    """What we put for a host into files that were not looked at, such as another project's, and how it stands."""
    known = {(machine.files.real(file.location.path), file.location.section) for file, _ in looked_at}
    for row in installed:
        if host.id in row.hosts and (row.real, row.section) not in known:
            yield row, state_of(row, host, machine)


def state_of(row: Installed, host: Host, machine: Machine) -> Kept:
    """How an entry of ours stands in its own file, for one of its hosts."""
    location = Location(row.path, row.section, cast("FormatName", row.format))
    try:
        return _compared(row, entries_of(text_of(machine, location), location).get(row.name), host)
    except Refused:
        return "broken"


def _compared(row: Installed, entry: Value, host: Host) -> Literal["present", "missing", "changed"]:
    """How an entry compares with what we put; that it is switched off is not a change of it."""
    if isinstance(entry, Mapping):
        entry = {**entry, **{key: row.entry[key] for key, _ in host.off if key in row.entry}}
    return row.state(entry)


def _winners(host: Host, files: Sequence[ConfiguredFile]) -> dict[str, ConfiguredFile]:
    """The file whose entry counts, by the entry's name; none for a host that uses every one."""
    if not host.precedence:
        return {}
    winners: dict[str, ConfiguredFile] = {}
    for file in used_first(files):
        for name, entry in file.entries.items():
            if host.read(entry) is not None or host.is_off(entry):
                winners.setdefault(name, file)
    return winners


def _servers(
    file: ConfiguredFile, ours: Mapping[str, Installed], off: frozenset[str], winners: Mapping[str, ConfiguredFile]
) -> Iterator[Server]:
    for name, entry in file.entries.items():
        yield _server(file, name, entry, ours.get(name), name in off, winners.get(name, file))
    for name in ours:
        if file.refusal is not None:
            yield Server(name, "broken", ours=True, why="its file cannot be read")
        elif name not in file.entries:
            yield Server(name, "missing", ours=True)


def _server(
    file: ConfiguredFile, name: str, entry: Value, row: Installed | None, named_off: bool, winner: ConfiguredFile
) -> Server:
    host = file.host
    off, changed = named_off or host.is_off(entry), row is not None and _compared(row, entry, host) == "changed"
    shadowed_by = None if winner is file else winner
    why = ""
    if host.read(entry) is None and not off:
        why = f"{host.title} does not take such an entry"
    elif reason := host.refuse_name(name):
        why = reason
    states: tuple[tuple[State, bool], ...] = (
        ("broken", bool(why)),
        ("shadowed", shadowed_by is not None),
        ("disabled", off),
        ("changed", changed),
    )
    state: State = next((state for state, holds in states if holds), "present")
    return Server(name, state, row is not None, changed, off, shadowed_by, why)
