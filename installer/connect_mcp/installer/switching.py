"""Switching a server off and on again, in each host's own way: a key in its entry, or a list of names."""

import argparse
from collections.abc import Mapping

from connect_mcp.base.errors import Refused
from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import secret_values
from connect_mcp.base.record import field, record
from connect_mcp.base.text import printable

from .apply import Target, plan, plan_out, take_out, write
from .configured import ConfiguredFile, configured_files, entries_of, off_lists, switched_off, text_of, used_first
from .diff import diffs, short
from .editors.engine import decode, read
from .editors.formats import format_named
from .editors.model import Change, Put, Remove, Value
from .hosts.all_hosts import find_all
from .hosts.model import Host, Location
from .journal import Journal
from .options import SCOPES, add_project, add_writing
from .outcome import Outcome

UNDO = "connect-mcp undo"


@record
class Switch:
    """One server of one host, to be switched.

    Attributes:
        host: the host.
        file: where its entry is.
        targets: what switches it, for Apply; () where it is switched already.
        path: the file that this is done in.
        secrets: values that must not be shown.
    """

    host: Host
    file: ConfiguredFile
    targets: tuple[Target, ...]
    path: str
    secrets: frozenset[str] = field(repr=False)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `enable` and `disable` take."""
    parser.add_argument("hosts", nargs="+", metavar="HOST", help="the hosts to switch it in")
    parser.add_argument("--name", default="connect", help="the server's name (default: connect)")
    parser.add_argument("--scope", choices=SCOPES, help="whose entry (default: the one that the host uses)")
    add_project(parser)
    add_writing(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders, *, on: bool) -> Outcome:
    """Switch one server in every named host, in one transaction.

    Raises:
        Refused: where a host has no such server, or keeps this where we cannot write it; then nothing is changed.
    """
    hosts = find_all(args.hosts)
    journal = Journal(folders)
    switches = [switch(args, machine, host, journal, on=on) for host in hosts]
    targets = [target for one in switches for target in one.targets]
    name = "enable" if on else "disable"
    facts = [_facts(one, args.name, on=on) for one in switches]
    if args.dry_run:
        planned = plan_out(targets, folders) if on else plan(targets)
        shown = diffs(planned, frozenset().union(*(one.secrets for one in switches)))
        lines = [*filter(None, shown.values()), *(_line(one, args.name, machine, on=on) for one in switches)]
        return Outcome({"command": name, "dry_run": True, "hosts": facts, "diffs": shown}, "\n".join(lines))
    command = " ".join([name, *(one.host.id for one in switches), "--name", args.name])
    if on:
        take_out(targets, folders, command=command, in_place=args.in_place)
    else:
        write(targets, folders, command=command, in_place=args.in_place)
    lines = [_line(one, args.name, machine, on=on) for one in switches]
    lines += [f"undo with: {UNDO}"] if targets else []
    return Outcome({"command": name, "hosts": facts, "undo": UNDO if targets else None}, "\n".join(lines))


def switch(args: argparse.Namespace, machine: Machine, host: Host, journal: Journal, *, on: bool) -> Switch:
    """Work out how one server of one host is switched.

    Raises:
        Refused: where there is no such server, or the host keeps this where we cannot write it.
    """
    project = str(args.project) if args.project else None
    key = host.entry_key(args.name)
    file = _holding(machine, host, key, args.scope, project)
    secrets = frozenset(secret_values(dict(file.entries)))
    if host.off:
        done = [(file.location, _keyed(host, file, key, machine, journal, on=on))]
    elif host.off_names:
        lists = off_lists(machine, host, project)
        done = [(location, _named(location, key, machine, on=on)) for location in (lists if on else lists[:1])]
        if not on and key in switched_off(machine, host, project):
            done = [(lists[0], ())]
    else:
        raise Refused(
            f"{host.title} does not keep in a file whether a server is on",
            why=host.off_by_hand,
            mend=f"connect-mcp remove {host.id} --name {printable(args.name)} takes the entry out; undo puts it back",
        )
    targets = tuple(_target(host, location, changes) for location, changes in done if changes)
    return Switch(host, file, targets, (targets[0] if targets else done[0][0]).path, secrets)


def _target(host: Host, location: Location, changes: tuple[Change, ...]) -> Target:
    return Target(
        path=location.path,
        format=location.format,
        changes=changes,
        hosts=(host.id,),
        rejects=location.rejects,
        mode=location.mode,
        lock=location.lock,
        ours=False,
    )


def _holding(machine: Machine, host: Host, key: str, scope: str | None, project: str | None) -> ConfiguredFile:
    """The file whose entry of that key the host uses.

    Raises:
        Refused: where there is none.
    """
    files = [file for file in configured_files(machine, host, project) if scope in (None, file.scope)]
    ranked = used_first(files)
    for file in ranked:
        if key in file.entries:
            return file
    for file in ranked:
        if file.refusal:
            raise file.refusal
    names = ", ".join(f"`{printable(name)}`" for file in ranked for name in file.entries) or "none"
    raise Refused(
        f"{host.title} has no server named `{printable(key)}`",
        why=f"its servers: {names}",
        mend="name one of them with --name",
    )


def _keyed(
    host: Host, file: ConfiguredFile, key: str, machine: Machine, journal: Journal, *, on: bool
) -> tuple[Change, ...]:
    """The change that a key of the entry makes."""
    entry = file.entries[key]
    if not isinstance(entry, Mapping):
        raise Refused(f"{host.title} does not take the entry `{printable(key)}` as it stands")
    if not on:
        if host.is_off(entry):
            return ()
        off, value = host.off[0]
        return (Put(file.location.section, key, {off: value}),)
    put: dict[str, Value] = {}
    drop = set()
    for off, value in host.off:
        if off in entry and entry[off] is value:
            if _was_there(off, key, file.location, machine, journal) or _is_usual(host, off):
                put[off] = not value
            else:
                drop.add((off,))
    return (Put(file.location.section, key, put, frozenset(drop)),) if put or drop else ()


def _is_usual(host: Host, key: str) -> bool:
    """Whether every new entry of this host has that key."""
    return key in host.stdio.fresh or (host.remote is not None and key in host.remote.fresh)


def _was_there(off: str, key: str, location: Location, machine: Machine, journal: Journal) -> bool:
    """Whether the entry had the key before we switched it off: it then said that the server is on."""
    real = machine.files.real(location.path)
    for earlier in journal.records("done", notes=[]):
        for file in earlier.files:
            if file.real == real and any(_puts(change, location, key, off) for change in file.changes):
                text = decode(file.before or b"", file.path)
                before = read(text, format_named(file.format), location.section, file.path).get(key)
                return isinstance(before, Mapping) and off in before
    return False


def _puts(change: Change, location: Location, key: str, off: str) -> bool:
    return isinstance(change, Put) and change.section == location.section and change.name == key and off in change.entry


def _named(location: Location, key: str, machine: Machine, *, on: bool) -> tuple[Change, ...]:
    """The change that a list of names makes."""
    is_off = key in entries_of(text_of(machine, location), location)
    if is_off is not on:
        return ()
    return (Remove(location.section, key) if on else Put(location.section, key, {}, top=location.top),)


def _facts(one: Switch, name: str, *, on: bool) -> dict[str, object]:
    action = "unchanged" if not one.targets else "switched on" if on else "switched off"
    return {"host": one.host.id, "title": one.host.title, "path": one.path, "name": name, "action": action}


def _line(one: Switch, name: str, machine: Machine, *, on: bool) -> str:
    state, place = "on" if on else "off", short(one.path, machine)
    if not one.targets:
        return f"{one.host.title}: `{printable(name)}` is {state} already"
    note = one.host.off_names.note if one.host.off_names and not one.host.off else ""
    lines = [f"{one.host.title}: switched `{printable(name)}` {state} in {place}", note, one.host.reload]
    return "\n  ".join(filter(None, lines))
