"""`connect-mcp remove`: take one entry, by its exact name, out of hosts' files."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import secret_values
from connect_mcp.base.record import field, record
from connect_mcp.base.text import printable

from ..apply import Planned, Target, plan_out, take_out
from ..configured import entries_of, text_of
from ..diff import diffs, short
from ..editors.model import Remove
from ..hosts.all_hosts import find, find_all
from ..hosts.model import Host, Location
from ..jobs import location_for
from ..journal import Journal
from ..options import add_place, add_writing
from ..outcome import Outcome
from ..prompt import confirmed, somebody_is_there
from ..recorded import ours, removal, switched_by_us


@record
class _Removal:
    """One entry to take out of one host's file."""

    host: Host
    location: Location
    name: str
    target: Target
    secrets: frozenset[str] = field(repr=False)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `remove` takes."""
    parser.add_argument("hosts", nargs="*", metavar="HOST", help="the hosts to remove it from")
    parser.add_argument("--all", action="store_true", help="every entry that we put, whatever its name and file")
    add_place(parser)
    parser.add_argument("--config", type=Path, metavar="FILE", help="this file instead of the host's own")
    parser.add_argument(
        "--all-hosts", action="store_true", help="take it out also where other hosts use it from the same file"
    )
    add_writing(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Remove an entry from every named host, in one transaction.

    Raises:
        Refused: where one of them has no such entry, or its file cannot be edited; then nothing was changed.
    """
    hosts = find_all(args.hosts)
    if args.all:
        return _run_all(args, machine, folders, hosts)
    if not hosts:
        raise Misuse("no host is named", mend="name one, or use --all for every entry that we put")
    removals = [_removal(args, machine, host) for host in hosts]
    targets = [removal.target for removal in removals]
    for one in removals:
        real = machine.files.real(one.location.path)
        targets += switched_by_us(machine, Journal(folders), one.host, one.name, real)
    planned = plan_out(targets, folders, all_hosts=args.all_hosts)
    if args.dry_run:
        shown = diffs(planned, frozenset().union(*(removal.secrets for removal in removals)))
        facts = [_facts(removal, _kept(planned, removal)) for removal in removals]
        lines = [_line(machine, removal, _kept(planned, removal), "would be removed") for removal in removals]
        text = "\n".join([*filter(None, shown.values()), *lines])
        return Outcome({"command": "remove", "dry_run": True, "hosts": facts, "diffs": shown}, text)
    if somebody_is_there() and not args.yes and not args.json and not confirmed(_question(args, machine, removals)):
        raise Refused("nothing was removed")
    command = " ".join(
        ["remove", *(removal.host.id for removal in removals), "--name", args.name, "--scope", args.scope]
    )
    done = take_out(targets, folders, command=command, all_hosts=args.all_hosts, in_place=args.in_place).planned
    lines = [_line(machine, removal, _kept(done, removal), "removed") for removal in removals]
    data = [_facts(removal, _kept(done, removal)) for removal in removals]
    text = "\n".join([*lines, "undo with: connect-mcp undo"])
    return Outcome({"command": "remove", "hosts": data, "undo": "connect-mcp undo"}, text)


def _run_all(args: argparse.Namespace, machine: Machine, folders: Folders, hosts: Sequence[Host]) -> Outcome:
    """Take out every entry that we put, for these hosts or for all, in one transaction."""
    entries = ours(machine, folders, hosts)
    targets = [removal(one, hosts) for one in entries]
    off = [
        target
        for one in entries
        for host in hosts or map(find, one.row.hosts)
        for target in switched_by_us(machine, Journal(folders), host, one.row.name, one.row.real)
    ]
    planned = plan_out([*targets, *off], folders, all_hosts=args.all_hosts)
    places = [f"`{printable(one.row.name)}` in {short(one.row.path, machine)}" for one in entries]
    if not entries:
        return Outcome({"command": "remove", "removed": [], "undo": None}, "there is nothing that we put")
    kept = [
        next((item.kept.get(one.row.name, ()) for item in planned if item.real == one.row.real), ()) for one in entries
    ]
    facts = [
        {"hosts": list(target.hosts), "path": one.row.path, "name": one.row.name, "kept_for": list(others)}
        for one, target, others in zip(entries, targets, kept, strict=True)
    ]
    if args.dry_run:
        shown = diffs(planned, frozenset().union(*(one.secrets for one in entries)))
        text = "\n".join([*filter(None, shown.values()), *(f"would be removed: {place}" for place in places)])
        return Outcome({"command": "remove", "dry_run": True, "removed": facts, "diffs": shown}, text)
    question = "\n".join(["To be removed:", *(f"  {place}" for place in places), "Remove all of it?"])
    if somebody_is_there() and not args.yes and not args.json and not confirmed(question):
        raise Refused("nothing was removed")
    command = " ".join(["remove", "--all", *(host.id for host in hosts)])
    take_out([*targets, *off], folders, command=command, all_hosts=args.all_hosts, in_place=args.in_place)
    lines = [
        f"stays for {' and '.join(find(host).title for host in others)}: {place}" if others else f"removed: {place}"
        for place, others in zip(places, kept, strict=True)
    ]
    text = "\n".join([*lines, "undo with: connect-mcp undo"])
    return Outcome({"command": "remove", "removed": facts, "undo": "connect-mcp undo"}, text)


def _removal(args: argparse.Namespace, machine: Machine, host: Host) -> _Removal:
    location = location_for(args, machine, host)
    entries = entries_of(text_of(machine, location), location)
    name = host.entry_key(args.name)
    if name not in entries:
        names = ", ".join(f"`{printable(name)}`" for name in entries) or "none"
        raise Refused(
            f"{host.title} has no entry named `{printable(args.name)}` in {short(location.path, machine)}",
            why=f"its entries there: {names}",
            mend="name one of them with --name, or another --scope",
        )
    target = Target(
        path=location.path,
        format=location.format,
        changes=(Remove(location.section, name),),
        hosts=(host.id,),
        lock=location.lock,
    )
    return _Removal(host, location, name, target, frozenset(secret_values(dict(entries))))


def _question(args: argparse.Namespace, machine: Machine, removals: Sequence[_Removal]) -> str:
    places = ", ".join(f"{removal.host.title} ({short(removal.location.path, machine)})" for removal in removals)
    return f"Remove `{printable(args.name)}` from {places}?"


def _kept(planned: Sequence[Planned], removal: _Removal) -> tuple[str, ...]:
    """The ids of the hosts for which the entry stays in the file."""
    return next((item.kept.get(removal.name, ()) for item in planned if removal.target in item.targets), ())


def _facts(removal: _Removal, kept: Sequence[str]) -> dict[str, object]:
    return {
        "host": removal.host.id,
        "path": removal.location.path,
        "name": removal.name,
        "kept_for": list(kept),
    }


def _line(machine: Machine, removal: _Removal, kept: Sequence[str], verb: str) -> str:
    place, name = short(removal.location.path, machine), f"`{printable(removal.name)}`"
    if kept:
        others = " and ".join(find(host).title for host in kept)
        return f"{removal.host.title}: {name} stays in {place} for {others}; --all-hosts takes it out"
    if verb != "removed":
        return f"{removal.host.title}: {name} {verb} from {place}"
    return f"{removal.host.title}: {verb} {name} from {place}\n  {removal.host.reload}"
