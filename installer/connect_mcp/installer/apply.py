"""Apply: what is to be done to hosts' files, planned file by file and written as one transaction.

Nothing else writes a host's file. Targets are grouped by the real path, since one `.mcp.json` serves several hosts:
such a file is edited once, and what we put into it is recorded with all its hosts. `plan` and `plan_out` say what would
be written; they never wait and never change anything. How the writing itself is kept safe is in `transaction`.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence

from connect_mcp.base import atomic
from connect_mcp.base.atomic import Seen
from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.folders import Folders
from connect_mcp.base.host_locks import HostLock
from connect_mcp.base.record import field, record, replace
from connect_mcp.base.system import SYSTEM, System

from .editors import engine
from .editors.formats import format_named
from .editors.model import Change, Edit, Put, Remove, Splice
from .journal import Installed, Journal, Key, holds
from .origin import origin
from .transaction import Step, Work, pending, recover, transact

__all__ = ["Planned", "Target", "Transaction", "pending", "plan", "plan_out", "recover", "take_out", "write"]


@record
class Target:
    """What is to be done to one file for some hosts.

    Attributes:
        path: the file, absolute, as the host names it; a link is followed.
        format: "jsonc", "yaml" or "toml".
        changes: what to do, in order. Where the first one puts an entry, what is put into other sections is there for
            its sake alone (VS Code's `inputs`): one that is there already stays as it is, and one that we put goes
            together with the last entry that names it.
        hosts: the ids of the hosts it is for.
        rejects: kinds of `Quirk` that one of them is known not to survive.
        mode: permissions of the file where it has to be made; the umask's where it is None.
        lock: the lock that the host takes while it writes this file, where there is one.
        ours: whether what is put is ours from then on; not where it only switches somebody's entry on or off.
    """

    path: str
    format: str
    changes: tuple[Change, ...]
    hosts: tuple[str, ...] = ()
    rejects: frozenset[str] = frozenset()
    mode: int | None = None
    lock: HostLock | None = None
    ours: bool = True


@record
class Planned:
    """What would be written to one file.

    Attributes:
        path: the file as it was named first.
        real: the file itself, links followed.
        seen: the file as it was read.
        edit: the edit, verified; equal texts where nothing is to be done.
        after: the bytes after; None where the file goes, because we made it.
        targets: what asked for it.
        changes: what is done, in order: of what was asked for, what other hosts and the user leave to be done.
        made: folders that go with the file, because we made them too.
        kept: entries that were to be taken out and stay, with the ids of the hosts that use them still.
    """

    path: str
    real: str
    seen: Seen
    edit: Edit
    after: bytes | None
    targets: tuple[Target, ...]
    changes: tuple[Change, ...]
    made: tuple[str, ...] = ()
    kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def before(self) -> bytes | None:
        """The bytes before; None where there is no file."""
        return self.seen.data

    @property
    def changed(self) -> bool:
        """Whether anything is to be written."""
        return self.before != self.after


@record
class Transaction:
    """What was written.

    Attributes:
        id: its number in the journal; None where there was nothing to write, not even in our own record.
        planned: what was asked for, file by file, written or not.
    """

    id: int | None
    planned: tuple[Planned, ...]

    @property
    def files(self) -> tuple[Planned, ...]:
        """The files that were written."""
        return tuple(item for item in self.planned if item.changed)


def plan(targets: Sequence[Target], known: Sequence[Planned] = (), *, system: System = SYSTEM) -> tuple[Planned, ...]:
    """What `write` would do, file by file; nothing is written or locked.

    Args:
        targets: what is to be done; those of one real path become one edit.
        known: an earlier plan for the same targets, whose edits are used again where the bytes are the same.
        system: the operating system.

    Raises:
        Refused: where a file cannot be read or edited, or two hosts want different entries under one name in it.
    """
    return tuple(_plan_file(real, group, known, system) for real, group in _grouped(targets).items())


def plan_out(
    targets: Sequence[Target], folders: Folders, *, all_hosts: bool = False, system: System = SYSTEM
) -> tuple[Planned, ...]:
    """What `take_out` would do, file by file; nothing is written or locked.

    Raises:
        Refused: where a file cannot be read or edited.
    """
    journal = Journal(folders, system)
    rows = {row.key: row for row in journal.installed()}
    return tuple(
        _plan_removal(real, group, rows, journal, all_hosts, system) for real, group in _grouped(targets).items()
    )


def write(
    targets: Sequence[Target],
    folders: Folders,
    *,
    command: str,
    in_place: bool = False,
    known: Sequence[Planned] = (),
    system: System = SYSTEM,
) -> Transaction:
    """Do what the targets say, all of it or nothing.

    Args:
        targets: what is to be done.
        folders: ours.
        command: the command, for people: "configure cursor".
        in_place: write through existing files instead of replacing them.
        known: what `plan` gave for these targets, so that nothing is parsed twice.
        system: the operating system.

    Raises:
        Refused: where a file cannot be read, edited, locked or written; every file is as it was then.
    """
    planned = tuple(known)

    def planner() -> tuple[Planned, ...]:
        nonlocal planned
        planned = plan(targets, planned, system=system)
        return planned

    return _write(targets, planner, folders, command, in_place, system)


def take_out(
    targets: Sequence[Target],
    folders: Folders,
    *,
    command: str,
    all_hosts: bool = False,
    in_place: bool = False,
    system: System = SYSTEM,
) -> Transaction:
    """Like `write`, for targets that remove entries: where the journal knows the bytes from before, they come back.

    That is so where a file is byte for byte as a transaction left it that only put these very entries. A file that this
    transaction made goes, with the folders it made that are empty. What was put for an entry's sake goes with it.

    Args:
        targets: what is to be taken out. Where we put an entry for other hosts as well, it stays for those.
        folders: ours.
        command: the command, for people: "remove cursor".
        all_hosts: take an entry out also where other hosts use it.
        in_place: as for `write`.
        system: the operating system.

    Raises:
        Refused: as `write` does.
    """

    def planner() -> tuple[Planned, ...]:
        return plan_out(targets, folders, all_hosts=all_hosts, system=system)

    return _write(targets, planner, folders, command, in_place, system)


def _write(
    targets: Sequence[Target],
    planner: Callable[[], tuple[Planned, ...]],
    folders: Folders,
    command: str,
    in_place: bool,
    system: System,
) -> Transaction:
    journal = Journal(folders, system)
    planned: tuple[Planned, ...] = ()

    def work() -> Work | None:
        nonlocal planned
        planned = planner()
        changed = [item for item in planned if item.changed]
        before = {row.key: row for row in journal.installed()}
        rows = {key: row for key, row in _rows(planned, before).items() if changed or row != before.get(key)}
        return Work(tuple(map(_step, changed)), rows) if changed or rows else None

    reals = [os.path.realpath(target.path) for target in targets]
    number = transact(reals, work, journal, command, in_place=in_place, system=system)
    return Transaction(number, planned)


def _grouped(targets: Sequence[Target]) -> dict[str, tuple[Target, ...]]:
    groups: dict[str, tuple[Target, ...]] = {}
    for target in targets:
        real = os.path.realpath(target.path)
        groups[real] = (*groups.get(real, ()), target)
    return groups


def _plan_file(real: str, targets: tuple[Target, ...], known: Sequence[Planned], system: System) -> Planned:
    path = targets[0].path
    seen = atomic.look(real, system)
    for item in known:
        if item.real == real and item.targets == targets and item.before == seen.data:
            return replace(item, seen=seen)
    text = engine.decode(seen.data or b"", path)
    changes = _missing(text, targets)
    planned = _edited(real, seen, text, targets, changes)
    _refuse_different(planned)
    return planned


def _edited(real: str, seen: Seen, text: str, targets: tuple[Target, ...], changes: tuple[Change, ...]) -> Planned:
    path = targets[0].path
    if len({target.format for target in targets}) > 1:
        raise ValueError(f"{path} is asked for in two formats")
    rejects = frozenset[str]().union(*(target.rejects for target in targets))
    edit = engine.edit(text, format_named(targets[0].format), changes, rejects=rejects, path=path)
    after = edit.new.encode("utf-8") if edit.changed else seen.data
    return Planned(path, real, seen, edit, after, targets, changes)


def _missing(text: str, targets: Sequence[Target]) -> tuple[Change, ...]:
    """The changes of all targets in order, without what is put for an entry's sake and is there already."""
    there = [
        change
        for target in targets
        for change in target.changes
        if _is_companion(change, target) and _has(text, target, change)
    ]
    return tuple(change for change in _asked(targets) if change not in there)


def _is_companion(change: Change, target: Target) -> bool:
    """Whether it is put for the sake of the target's entry."""
    first = target.changes[0]
    return isinstance(change, Put) and isinstance(first, Put) and change.section != first.section


def _has(text: str, target: Target, change: Change) -> bool:
    return change.name in engine.read(text, format_named(target.format), change.section, target.path)


def _refuse_different(planned: Planned) -> None:
    """Hosts that share a file share its entries: one that suits the last of them alone is not written."""
    puts = [change for change in planned.changes if isinstance(change, Put)]
    if len({(put.section, put.name) for put in puts}) == len(puts):
        return
    fmt = format_named(planned.targets[0].format)
    for put in puts:
        if not holds(engine.read(planned.edit.new, fmt, put.section, planned.path).get(put.name), put.entry):
            hosts = " and ".join(_hosts(planned.targets))
            raise Refused(
                f"{hosts} share this file and want different entries named {put.name!r}",
                place=Place(planned.path),
                mend="configure one of them, or give each its own --name",
            )


def _plan_removal(
    real: str,
    targets: tuple[Target, ...],
    rows: Mapping[Key, Installed],
    journal: Journal,
    all_hosts: bool,
    system: System,
) -> Planned:
    seen = atomic.look(real, system)
    text = engine.decode(seen.data or b"", targets[0].path)
    kept: dict[str, tuple[str, ...]] = {}
    changes: list[Change] = []
    for change in _asked(targets):
        row = rows.get((real, change.section, change.name))
        named = _hosts([target for target in targets if change in target.changes])
        others = tuple(host for host in row.hosts if host not in named) if row and not all_hosts else ()
        if others and isinstance(change, Remove):
            kept[change.name] = others
        else:
            changes.append(change)
    companions = _companions(real, text, targets, changes, rows)
    planned = _edited(real, seen, text, targets, (*changes, *companions))
    named_still = [one for one in companions if _is_named(one.name, planned.edit.new)]
    if named_still:
        left = tuple(one for one in companions if one not in named_still)
        planned = _edited(real, seen, text, targets, (*changes, *left))
    return _exactly(replace(planned, kept=kept), journal)


def _companions(
    real: str, text: str, targets: Sequence[Target], changes: Sequence[Change], rows: Mapping[Key, Installed]
) -> tuple[Remove, ...]:
    """What we put for the sake of entries that are taken out, as far as it is still as we put it."""
    found: dict[Remove, None] = {}
    for change in changes:
        row = rows.get((real, change.section, change.name))
        if row is None or not isinstance(change, Remove):
            continue
        for (section, name), values in row.needs.items():
            now = engine.read(text, format_named(row.format), section, targets[0].path).get(name)
            named = {} if section.keyed_by is None else {section.keyed_by: name}
            if now is not None and holds(now, values) and holds({**named, **values}, now):
                found[Remove(section, name)] = None
    return tuple(found)


def _asked(targets: Sequence[Target]) -> list[Change]:
    """The changes of all targets in order; what several hosts ask of one file alike is done once."""
    changes: list[Change] = []
    for target in targets:
        changes += [change for change in target.changes if change not in changes]
    return changes


def _is_named(name: str, text: str) -> bool:
    """Whether a text may speak of this name; any doubt counts as yes."""
    return not re.fullmatch(r"[\w.-]+", name) or re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text) is not None


def _hosts(targets: Sequence[Target]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(host for target in targets for host in target.hosts))


def _exactly(item: Planned, journal: Journal) -> Planned:
    """The plan that gives back the bytes from before our changes to these entries, where the journal has them."""
    if not item.edit.changed:
        return item
    entries = frozenset((change.section, change.name) for change in item.changes)
    file = origin(item.real, item.before, item.edit.new, entries, journal)
    if file is None:
        return item
    old = engine.decode(file.before or b"", item.path)
    splice = Splice(0, len(item.edit.old), old)
    made = file.made if file.before is None else ()
    return replace(item, edit=Edit(item.edit.old, old, ((splice,),)), after=file.before, made=made)


def _step(item: Planned) -> Step:
    modes = [target.mode for target in item.targets if target.mode is not None]
    return Step(
        path=item.path,
        real=item.real,
        format=item.targets[0].format,
        seen=item.seen,
        after=item.after,
        changes=item.changes,
        hosts=_hosts(item.targets),
        made=item.made,
        mode=min(modes) if modes else None,
        locks=tuple(dict.fromkeys(target.lock.at(target.path) for target in item.targets if target.lock)),
    )


def _rows(planned: Sequence[Planned], before: Mapping[Key, Installed]) -> dict[Key, Installed | None]:
    """Our entries as these plans leave them, None for one that is ours no more; hosts add up."""
    rows: dict[Key, Installed | None] = {}
    for item in planned:
        for target in item.targets:
            for change in target.changes if target.ours else ():
                key = (item.real, change.section, change.name)
                if isinstance(change, Put):
                    if not _is_companion(change, target) and (item.changed or key in before):
                        rows[key] = _put_row(item, target, change, rows.get(key) or before.get(key), before)
                elif change.name not in item.kept:
                    rows[key] = None
                elif row := before.get(key):
                    rows[key] = replace(row, hosts=item.kept[change.name])
    return rows


def _put_row(
    item: Planned, target: Target, put: Put, row: Installed | None, before: Mapping[Key, Installed]
) -> Installed:
    hosts = tuple(dict.fromkeys((*(row.hosts if row else ()), *target.hosts)))
    ours = {need for other in before.values() if other.real == item.real for need in other.needs}
    needs = dict(row.needs) if row else {}
    for change in target.changes:
        need = (change.section, change.name)
        if isinstance(change, Put) and _is_companion(change, target) and (change in item.changes or need in ours):
            needs[need] = change.entry
    return Installed(item.path, item.real, target.format, put.section, put.name, put.entry, hosts, needs)
