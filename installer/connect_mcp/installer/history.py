"""The way back: what was done, and taking it back.

Undo gives exact bytes back where a file is as we left it. Where others wrote to it since, or a later command of ours
did, our change alone is taken out through the editor. Taking an undo back makes its changes once more in the same way.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from connect_mcp.base import atomic
from connect_mcp.base.errors import Misuse, Place, Refused
from connect_mcp.base.folders import Folders
from connect_mcp.base.masking import secret_values
from connect_mcp.base.record import field, record, replace
from connect_mcp.base.system import SYSTEM, System

from .editors import engine
from .editors.formats import format_named
from .editors.model import Change, Edit, Put, Section, Value
from .journal import FileRecord, Installed, Journal, Key, Record
from .transaction import Step, Work, pending, recover, transact

How = Literal["exact", "deleted", "reversed", "same", "gone", "left", "skipped"]
"""What undo does to a file: its old bytes come back; it goes, since the command made it; others wrote to it since, and
our change alone is taken out; it already is as it was before; it was removed since, and is not made again; nothing of
our change is left in it; it was to be left alone."""

Outlook = Literal["exact", "ours", "nothing", "unreadable"]
"""How far a file can be taken back: to its exact bytes; our change alone; nothing is left to take back; it cannot be
read, or does not parse any more."""


@record
class Restored:
    """What undo did, or would do, to one file.

    Attributes:
        path: the file as it was named.
        how: see `How`.
        before: its bytes before the undo, None for no file; they hold secrets.
        after: the bytes after it.
        since: the numbers of later transactions that wrote to it and are in force.
        secrets: values in it that must not be shown; looked for only where nothing is written.
    """

    path: str
    how: How
    before: bytes | None = field(default=None, repr=False)
    after: bytes | None = field(default=None, repr=False)
    since: tuple[int, ...] = ()
    secrets: frozenset[str] = field(default=frozenset(), repr=False)


@record
class Undone:
    """What undo did, or would do.

    Attributes:
        id: the transaction that is taken back.
        number: that of the undo itself, which can be taken back too; None where it was not done.
        command: the command that had made it.
        files: what is done to each of its files.
        notes: what else a person should know: records that could not be read.
    """

    id: int
    number: int | None
    command: str
    files: tuple[Restored, ...]
    notes: tuple[str, ...]


@record
class Past:
    """One transaction of the past.

    Attributes:
        id: its number.
        time: when it began, in seconds since the epoch.
        command: the command, for people.
        undoes: the transaction that it took back, or None.
        undone_by: the transaction that took it back, or None.
        files: its files, as they were named, each with its outlook; nothing for one that is taken back.
    """

    id: int
    time: float
    command: str
    undoes: int | None
    undone_by: int | None
    files: tuple[tuple[str, Outlook], ...]


def undo(
    folders: Folders,
    id: int | None = None,  # noqa: A002 - it is what the user calls it
    *,
    skip: Sequence[str] = (),
    in_place: bool = False,
    system: System = SYSTEM,
) -> Undone:
    """Take a transaction back: the last one that is not taken back yet, or the one with this number.

    Args:
        folders: ours.
        id: its number.
        skip: files of it that are left as they are.
        in_place: write through existing files instead of replacing them; that is done anyway where it was done so.
        system: the operating system.

    Raises:
        Refused: where there is none, where a file cannot be reversed or written, or another host has come to use an
            entry that would go; every file is as it was then.
        Misuse: where a file to skip is not among its files, or none would be left.
    """
    journal = Journal(folders, system)
    recover(folders, system=system)
    notes: list[str] = []
    wanted = _undoable(journal, id, notes)
    skipped = _skipped(wanted, skip)
    restored: tuple[Restored, ...] = ()

    def work() -> Work:
        nonlocal restored
        _undoable(journal, wanted.id, [])  # another command may have been faster
        steps, restored = _restoring(wanted, skipped, journal, system)
        return Work(steps, _rows(wanted, steps, skipped, journal, system), (wanted.id, *wanted.undoes))

    in_place = in_place or wanted.in_place
    number = transact(wanted.reals, work, journal, f"undo {wanted.id}", in_place=in_place, system=system)
    return Undone(wanted.id, number, wanted.command, restored, tuple(notes))


def plan_undo(
    folders: Folders,
    id: int | None = None,  # noqa: A002
    *,
    skip: Sequence[str] = (),
    system: System = SYSTEM,
) -> Undone:
    """What `undo` would do; nothing is written or locked.

    Raises:
        Refused, Misuse: as `undo` does.
    """
    journal = Journal(folders, system)
    notes = pending(folders, system=system)
    wanted = _undoable(journal, id, notes)
    steps, restored = _restoring(wanted, _skipped(wanted, skip), journal, system)
    secrets = {step.path: _secrets(step) for step in steps}
    shown = tuple(replace(file, secrets=secrets.get(file.path, frozenset())) for file in restored)
    return Undone(wanted.id, None, wanted.command, shown, tuple(notes))


def past(folders: Folders, notes: list[str], *, system: System = SYSTEM) -> tuple[Past, ...]:
    """Every transaction that is kept, newest first; nothing is written or locked.

    Args:
        folders: ours.
        notes: gets a line for each that cannot be read.
        system: the operating system.
    """
    journal = Journal(folders, system)
    kept = tuple(journal.records("done", "undone", notes=notes))
    undone_by = {one.undoes[0]: one.id for one in reversed(kept) if one.undoes and one.status == "done"}
    looks: dict[str, _Look] = {}
    found = []
    for one in kept:
        outlooks, in_force = [], journal.in_force(one)
        for file in one.files if in_force else ():
            look = looks.get(file.real) or looks.setdefault(file.real, _Look(file.real, system))
            outlooks.append((file.path, look.outlook(file)))
        later = (undone_by.get(base, 0) for base in (one.id, *one.undoes))
        by = None if in_force else next((number for number in later if number > one.id), None)
        undoes = one.undoes[0] if one.undoes else None
        found.append(Past(one.id, one.time, one.command, undoes, by, tuple(outlooks)))
    return tuple(found)


class _Look:
    """A file as it is now, read once for all transactions that wrote to it."""

    def __init__(self, real: str, system: System) -> None:
        self._entries: dict[object, Mapping[str, Value]] = {}
        try:
            self._data, self._readable = atomic.look(real, system).data, True
        except Refused:
            self._data, self._readable = None, False

    def outlook(self, file: FileRecord) -> Outlook:
        """How far this transaction can be taken back in this file."""
        if not self._readable:
            return "unreadable"
        if self._data == file.after:
            return "exact"
        if self._data is None or self._data == file.before:
            return "nothing"
        try:
            return "ours" if any(self._is_there(change, file) for change in file.changes) else "nothing"
        except Refused:
            return "unreadable"

    def _is_there(self, change: Change, file: FileRecord) -> bool:
        if change.section not in self._entries:
            self._entries[change.section] = _entries(self._data, change.section, file)
        there = isinstance(change, Put)
        if file.backward:  # what that undo took out must be gone still; what it changed or put back must be there
            there = not there or change.name in _entries(file.after, change.section, file)
        return (change.name in self._entries[change.section]) is there


def purge(folders: Folders, *, system: System = SYSTEM) -> None:
    """Drop what is kept of every settled transaction, so that none can be undone; what we installed stays known.

    Raises:
        Refused: where another command is at work, or the disk fails.
    """
    journal = Journal(folders, system)
    recover(folders, system=system)
    try:
        with journal.locked():
            journal.purge()
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise Refused("not all of the journal could be removed", place=Place(str(folders.state)), why=why) from None


def _undoable(journal: Journal, wanted: int | None, notes: list[str]) -> Record:
    if wanted is None:
        for found in journal.records("done", notes=notes):
            if not found.undoes:
                return found
        raise Refused("there is nothing to undo", why="; ".join(notes))
    newer: dict[int, int] = {}
    for found in journal.records("done", "undone", notes=notes):
        if found.id == wanted and journal.in_force(found):
            return found
        if found.id == wanted:
            by = next((newer[base] for base in (wanted, *found.undoes) if base in newer), None)
            mend = f"connect-mcp undo {by} puts it back" if by else ""
            raise Refused(f"transaction {wanted} is undone already", mend=mend)
        if found.status == "done" and found.undoes:
            newer.setdefault(found.undoes[0], found.id)
    raise Refused(
        f"there is no transaction {wanted} to undo", why="; ".join(notes), mend="connect-mcp undo --list shows them"
    )


def _skipped(wanted: Record, skip: Sequence[str]) -> frozenset[str]:
    """The real paths of the files that are left alone."""
    reals = {file.path: file.real for file in wanted.files}
    found: set[str] = set()
    for path in skip:
        real = os.path.realpath(os.path.expanduser(path))
        if path not in reals and real not in reals.values():
            raise Misuse(f"transaction {wanted.id} did not write {path}", mend=f"its files: {', '.join(reals)}")
        found.add(reals.get(path, real))
    if found and found == set(reals.values()):
        raise Misuse(f"transaction {wanted.id} wrote no other file than what is to be skipped")
    return frozenset(found)


def _restoring(
    wanted: Record, skipped: Collection[str], journal: Journal, system: System
) -> tuple[tuple[Step, ...], tuple[Restored, ...]]:
    """What takes a transaction back, file by file."""
    later = _later(wanted, journal)
    _refuse_used(wanted, skipped, later, journal)
    steps, restored = [], []
    for file in wanted.files:
        since = tuple(sorted(one.id for one in later if file.real in {written.real for written in one.files}))
        if file.real in skipped:
            restored.append(Restored(file.path, "skipped"))
            continue
        try:
            step, how = _restore(file, system)
        except Refused as refusal:
            raise _with_way_out(refusal, wanted, file) from None
        if step:
            steps.append(step)
            restored.append(Restored(file.path, how, step.seen.data, step.after, since))
        else:
            restored.append(Restored(file.path, how))
    return tuple(steps), tuple(restored)


def _later(wanted: Record, journal: Journal) -> list[Record]:
    """Transactions in force that are newer than this one, newest first; an undo and what it undid are none."""
    later = []
    for found in journal.records("done", notes=[]):
        if found.id <= wanted.id:
            break
        if not found.undoes:
            later.append(found)
    return later


def _refuse_used(wanted: Record, skipped: Collection[str], later: Sequence[Record], journal: Journal) -> None:
    """An entry that another host has come to use does not go under its hands."""
    for key, row in _added(wanted, journal).items():
        before = wanted.rows_after[key]
        others = [host for host in row.hosts if before and host not in before.hosts]
        if others and row.real not in skipped:
            users = [one.id for one in later if key in one.rows_after]
            first = f"connect-mcp undo {users[0]}" if users else f"connect-mcp remove {' '.join(others)}"
            raise Refused(
                f"{row.name!r} is used by {' and '.join(others)} as well by now",
                place=Place(row.path),
                mend=f"{first} takes that back first; connect-mcp remove takes the entry from one host alone",
            )


def _added(wanted: Record, journal: Journal) -> dict[Key, Installed]:
    """The entries that this transaction put, or an undo put back, and that are ours still."""
    added = {key for key, row in wanted.rows_after.items() if row and not wanted.rows_before.get(key)}
    return {row.key: row for row in journal.installed() if row.key in added}


def _restore(file: FileRecord, system: System) -> tuple[Step | None, How]:
    """What takes one file back."""
    now = atomic.look(file.real, system)
    if now.data == file.before:
        return None, "same"
    if now.data == file.after:
        made = file.made if file.before is None else ()
        return _step(file, now, file.before, made), "deleted" if file.before is None else "exact"
    if now.data is None:
        return None, "gone"
    fmt, is_now = format_named(file.format), engine.decode(now.data, file.path)
    was, left = (engine.decode(data or b"", file.path) for data in (file.before, file.after))
    changes = engine.opposites(file.changes, left, was, fmt, file.path) if file.backward else file.changes
    edit = engine.reverse(Edit(was, left, ()), changes, is_now, fmt, file.path)
    if not edit.changed:
        return None, "left"
    return _step(file, now, edit.new.encode("utf-8")), "reversed"


def _step(file: FileRecord, now: atomic.Seen, after: bytes | None, made: tuple[str, ...] = ()) -> Step:
    return Step(
        path=file.path,
        real=file.real,
        format=file.format,
        seen=now,
        after=after,
        changes=file.changes,
        hosts=file.hosts,
        made=made,
        mode=file.mode,
        backward=not file.backward,
        locks=file.locks,
    )


def _with_way_out(refusal: Refused, wanted: Record, file: FileRecord) -> Refused:
    """The refusal, with how to take the other files back, where there are any."""
    mend = refusal.mend
    if len(wanted.files) > 1:
        mend = f"mend it, or leave it as it is: connect-mcp undo {wanted.id} --skip {file.path}"
    return Refused(refusal.what, place=refusal.place, why=refusal.why, mend=mend)


def _secrets(step: Step) -> frozenset[str]:
    """The secret values in the sections that a step is about, before and after it."""
    found: set[str] = set()
    for data in (step.seen.data, step.after):
        for section in {change.section for change in step.changes}:
            found |= secret_values(dict(_entries(data, section, step)))
    return frozenset(found)


def _rows(
    wanted: Record, steps: Sequence[Step], skipped: Collection[str], journal: Journal, system: System
) -> dict[Key, Installed | None]:
    """Our entries once it is taken back: as before it, unless a later command of ours changed them since."""
    now = {row.key: row for row in journal.installed()}
    after = {step.real: step for step in steps}
    written = {file.real: file for file in wanted.files}
    rows: dict[Key, Installed | None] = {}
    for key, row in wanted.rows_after.items():
        real, section, name = key
        if real in skipped:
            continue
        if now.get(key) == row:
            back = wanted.rows_before.get(key)
            lost = row is None and real in written and real not in after  # the file that had it is not made again
            rows[key] = (
                None if lost and name not in _entries(atomic.look(real, system).data, section, written[real]) else back
            )
        elif real in after and name not in _entries(after[real].after, section, after[real]):
            rows[key] = None
    return rows


def _entries(data: bytes | None, section: Section, file: Step | FileRecord) -> Mapping[str, Value]:
    return engine.read(engine.decode(data or b"", file.path), format_named(file.format), section, file.path)
