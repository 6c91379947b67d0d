"""What we put into hosts' files, as we wrote it down: taken out all at once, and put back where hosts wiped it."""

import argparse
from collections.abc import Collection, Sequence
from typing import cast

from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import secret_values
from connect_mcp.base.record import record, replace
from connect_mcp.base.text import printable

from .apply import Planned, Target, plan, write
from .configured import configured_files
from .diff import diffs, short
from .editors.model import NAMES, Put, Remove
from .hosts.all_hosts import find, find_all
from .hosts.model import FormatName, Host, Location
from .journal import Installed, Journal
from .outcome import Outcome
from .servers import Kept, state_of

UNDO = "connect-mcp undo"


@record
class Ours:
    """One entry that we put.

    Attributes:
        row: what we wrote down.
        state: how it stands now.
        location: its file, as the row of its host has it.
    """

    row: Installed
    state: Kept
    location: Location

    @property
    def secrets(self) -> frozenset[str]:
        """The values in it that must not be shown."""
        return frozenset(secret_values(dict(self.row.entry)))


def ours(machine: Machine, folders: Folders, hosts: Collection[Host] = ()) -> list[Ours]:
    """Every entry that we put, for these hosts or for all, and how it stands."""
    named = {host.id for host in hosts}
    rows = [row for row in Journal(folders).installed() if not named or named & set(row.hosts)]
    return [Ours(row, state_of(row, find(row.hosts[0]), machine), _location(row, machine)) for row in rows]


def removal(one: Ours, hosts: Collection[Host] = ()) -> Target:
    """What takes an entry of ours out, for these of its hosts or for all of them."""
    named = {host.id for host in hosts}
    return Target(
        path=one.row.path,
        format=one.row.format,
        changes=(Remove(one.row.section, one.row.name),),
        hosts=tuple(host for host in one.row.hosts if not named or host in named),
        lock=one.location.lock,
    )


def switched_by_us(
    machine: Machine, journal: Journal, host: Host, name: str, removed: str, *, everywhere: bool = False
) -> list[Target]:
    """What takes a server's name out of the host's list of what is off, where we wrote it there: it goes as well.

    It stays where another entry of that name stays, which would be on then.

    Args:
        machine: where.
        journal: ours.
        host: whose list.
        name: the key of the entry that goes.
        removed: the real path of its file.
        everywhere: whether to look into the lists of other projects as well.
    """
    if host.off_names is None:
        return []
    files = configured_files(machine, host)
    if any(name in file.entries for file in files if machine.files.real(file.location.path) != removed):
        return []
    rows = (row for row in journal.installed() if (row.real, row.name) == (removed, name))
    if not everywhere and any(set(row.hosts) - {host.id} for row in rows):  # it may stay for those
        return []
    here = host.off_names.locate(machine, machine.cwd)
    found: dict[tuple[str, Remove], Target] = {}
    for earlier in journal.records("done", notes=[]):
        for file in earlier.files:
            for change in file.changes if host.id in file.hosts else ():
                if not isinstance(change, Put) or change.section.keyed_by != NAMES or change.name != name:
                    continue
                if everywhere or change.section == here.section:
                    out = Remove(change.section, name)
                    target = Target(file.path, file.format, (out,), file.hosts, lock=here.lock, ours=False)
                    found[file.real, out] = target
    return list(found.values())


def reapply(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """`configure --reapply`: put back what is missing; with `--force` also what was changed by hand.

    Raises:
        Refused: where a file cannot be edited; then nothing is changed.
    """
    hosts = find_all(args.hosts)
    told, targets, secrets = [], [], frozenset[str]()
    for one in ours(machine, folders, hosts):
        action, why = _action(one, machine, force=args.force)
        told.append((one, action, why))
        if action == "put back":
            targets.append(_target(one, force=args.force))
            secrets |= one.secrets
    facts = [
        {"hosts": list(one.row.hosts), "path": one.row.path, "name": one.row.name, "action": action, "why": why or None}
        for one, action, why in told
    ]
    lines = [_line(one, action, why, machine) for one, action, why in told] or ["there is nothing that we put"]
    failed = any(action == "left" and one.state == "broken" for one, action, _ in told)
    data: dict[str, object] = {"command": "configure", "reapplied": facts}
    planned = plan(targets)
    if not args.force:
        _must_be_readable([one for one, action, _ in told if action == "put back"], planned)
    if args.dry_run:
        shown = diffs(planned, secrets)
        text = "\n".join([*filter(None, shown.values()), *lines])
        return Outcome({**data, "dry_run": True, "diffs": shown}, text, 1 if failed else 0)
    if targets:
        from .running import must_be_closed

        for one, action, _ in told:
            for host in one.row.hosts if action == "put back" else ():
                must_be_closed(find(host), force=args.force)
        command = " ".join(["configure", "--reapply", *(host.id for host in hosts)])
        write(targets, folders, command=command, in_place=args.in_place, known=planned)
        lines.append(f"undo with: {UNDO}")
    return Outcome({**data, "undo": UNDO if targets else None}, "\n".join(lines), 1 if failed else 0)


def _must_be_readable(put_back: Sequence[Ours], planned: Sequence[Planned]) -> None:
    """Refuse to add to a file that its host reads nothing of."""
    for item in planned:
        for one in put_back:
            if item.before is not None and item.real == one.row.real:
                from .dialects import refuse_rejected  # a file that is to be made has nothing in it that could be wrong

                for host in one.row.hosts:
                    refuse_rejected(find(host), one.location, item.edit.old, item.edit.new)


def _action(one: Ours, machine: Machine, *, force: bool) -> tuple[str, str]:
    """What becomes of an entry, and why where nothing does."""
    if one.state == "present":
        return "unchanged", ""
    if one.state == "broken":
        return "left", "its file cannot be read; `connect-mcp doctor` says why"
    if one.state == "changed" and not force:
        return "left", "it was changed by hand since; --force puts back what we wrote"
    folder = machine.parent(one.row.path)
    if not machine.exists(folder) and not machine.exists(machine.parent(folder)) and not _is_own(one, machine):
        return "left", "its folder is gone"
    if not machine.exists(one.row.path) and not force:
        reasons = (find(host).before_create(machine, one.location) for host in one.row.hosts)
        if why := next(filter(None, reasons), None):
            return "left", why
    return "put back", ""


def _target(one: Ours, *, force: bool) -> Target:
    row = one.row
    needs = (Put(section, name, values) for (section, name), values in row.needs.items())
    return Target(
        path=row.path,
        format=row.format,
        changes=(Put(row.section, row.name, row.entry, top=one.location.top), *needs),
        hosts=row.hosts,
        rejects=frozenset() if force else one.location.rejects,
        mode=0o600 if one.secrets else one.location.mode,
        lock=one.location.lock,
    )


def _location(row: Installed, machine: Machine) -> Location:
    """The file of an entry: one of those of its hosts here, or another project's, or one that was named."""
    other = Location(row.path, row.section, cast("FormatName", row.format))
    for host in map(find, row.hosts):
        for location in _locations(host, machine):
            if machine.files.real(location.path) == row.real:
                return replace(location, path=row.path, section=row.section)
        if "project" in host.scopes:
            other = replace(host.locate(machine, "project"), path=row.path, section=row.section)
    return other


def _locations(host: Host, machine: Machine) -> Sequence[Location]:
    return [host.locate(machine, scope) for scope in host.scopes]


def _is_own(one: Ours, machine: Machine) -> bool:
    """Whether it is in a host's own file for this user, whose folders the host would make as well."""
    return any(
        machine.files.real(host.locate(machine).path) == one.row.real
        for host in map(find, one.row.hosts)
        if "user" in host.scopes
    )


def _line(one: Ours, action: str, why: str, machine: Machine) -> str:
    titles = ", ".join(find(host).title for host in one.row.hosts)
    place = f"`{printable(one.row.name)}` in {short(one.row.path, machine)}"
    said = {"unchanged": "is as we put it", "put back": "put back", "left": "left as it is"}[action]
    return f"{titles}: {place}: {said}" + (f": {printable(why)}" if why else "")
