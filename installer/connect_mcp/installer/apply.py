"""Apply: the only code that writes hosts' files.

One command is one transaction over all its files, grouped by real path: lock, read, edit, verify, write down what is
about to happen, then replace one file after the other, each only if it still is what was read; otherwise everything
starts over. Where one fails, the others are put back. What a crash leaves open is settled by the next command that
writes: whether a file is the old one or the new one can be told from its bytes, since the journal has both.

Reading never waits and never changes anything: `plan` and `plan_out` say what would be written, `pending` what a crash
left.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Literal

from connect_mcp.base import atomic, locks
from connect_mcp.base.atomic import Changed, Seen
from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.folders import Folders, missing_folders
from connect_mcp.base.record import record, replace
from connect_mcp.base.system import SYSTEM, System

from .editors import engine
from .editors.formats import format_named
from .editors.model import Change, Edit, Put, Remove, Section, Splice
from .journal import FileRecord, Installed, Journal, Key, Record

_TRIES = 10
"""How often a transaction starts over because somebody else wrote meanwhile."""


@record
class Target:
    """What is to be done to one file for some hosts.

    Attributes:
        path: the file, absolute, as the host names it; a link is followed.
        format: "jsonc", "yaml" or "toml".
        changes: what to do, in order.
        hosts: the ids of the hosts it is for.
        rejects: kinds of `Quirk` that one of them is known not to survive.
        mode: permissions of the file where it has to be made; the umask's where it is None.
    """

    path: str
    format: str
    changes: tuple[Change, ...]
    hosts: tuple[str, ...] = ()
    rejects: frozenset[str] = frozenset()
    mode: int | None = None


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
        made: folders that go with the file, because we made them too.
    """

    path: str
    real: str
    seen: Seen
    edit: Edit
    after: bytes | None
    targets: tuple[Target, ...]
    made: tuple[str, ...] = ()

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
        id: its number in the journal; None where there was nothing to write.
        files: the files that were written.
    """

    id: int | None
    files: tuple[Planned, ...]


@record
class Restored:
    """What undo did to one file.

    Attributes:
        path: the file as it was named.
        how: "exact": its old bytes are back; "deleted": we had made it; "reversed": others wrote to it since, and
            only our change was taken out; "left": there was nothing of ours left to take back.
    """

    path: str
    how: Literal["exact", "deleted", "reversed", "left"]


@record
class Undone:
    """What undo did.

    Attributes:
        id: the transaction that was taken back.
        command: the command that had made it.
        files: what was done to each of its files.
        notes: what else a person should know: records that could not be read.
    """

    id: int
    command: str
    files: tuple[Restored, ...]
    notes: tuple[str, ...]


@record
class _Step:
    """One file to be written in a transaction."""

    path: str
    real: str
    format: str
    seen: Seen
    after: bytes | None
    made: tuple[str, ...]
    changes: tuple[Change, ...]
    hosts: tuple[str, ...]
    mode: int | None


@record
class _Work:
    """All that one transaction is to do, found anew whenever it starts over."""

    steps: tuple[_Step, ...]
    rows: Mapping[Key, Installed | None]
    undoes: int | None = None


def plan(targets: Sequence[Target], known: Sequence[Planned] = (), *, system: System = SYSTEM) -> tuple[Planned, ...]:
    """What `write` would do, file by file; nothing is written or locked.

    Args:
        targets: what is to be done; those of one real path become one edit.
        known: an earlier plan for the same targets, whose edits are used again where the bytes are the same.
        system: the operating system.

    Raises:
        Refused: where a file cannot be read or edited.
    """
    groups: dict[str, list[Target]] = {}
    for target in targets:
        groups.setdefault(os.path.realpath(target.path), []).append(target)
    return tuple(_plan_file(real, tuple(group), known, system) for real, group in groups.items())


def plan_out(
    targets: Sequence[Target], folders: Folders, known: Sequence[Planned] = (), *, system: System = SYSTEM
) -> tuple[Planned, ...]:
    """What `take_out` would do, file by file; nothing is written or locked.

    Raises:
        Refused: where a file cannot be read or edited.
    """
    journal = Journal(folders, system)
    return tuple(_exactly(item, journal) for item in plan(targets, known, system=system))


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
    return _write(targets, lambda last: plan(targets, last, system=system), folders, command, in_place, known, system)


def take_out(
    targets: Sequence[Target],
    folders: Folders,
    *,
    command: str,
    in_place: bool = False,
    known: Sequence[Planned] = (),
    system: System = SYSTEM,
) -> Transaction:
    """Like `write`, for targets that remove entries: where the journal knows the bytes from before, they come back.

    That is so where a file is byte for byte as a transaction left it that only put these very entries. A file that this
    transaction made goes, with the folders it made that are empty.

    Raises:
        Refused: as `write` does.
    """
    return _write(
        targets, lambda last: plan_out(targets, folders, last, system=system), folders, command, in_place, known, system
    )


def undo(folders: Folders, id: int | None = None, *, in_place: bool = False, system: System = SYSTEM) -> Undone:  # noqa: A002 - it is what the user calls it
    """Take a transaction back: the last one that is not taken back yet, or the one with this number.

    Raises:
        Refused: where there is none, where a file cannot be reversed or written; every file is as it was then.
    """
    journal = Journal(folders, system)
    recover(folders, system=system)
    notes: list[str] = []
    record = _undoable(journal, id, notes)
    restored: tuple[Restored, ...] = ()

    def work() -> _Work:
        nonlocal restored
        _undoable(journal, record.id, [])  # another command may have been faster
        pairs = [_restore(file, system) for file in record.files]
        restored = tuple(done for _, done in pairs)
        return _Work(tuple(step for step, _ in pairs if step is not None), record.rows_before, record.id)

    in_place = in_place or record.in_place
    _transact([file.real for file in record.files], work, journal, f"undo {record.id}", in_place, system)
    return Undone(record.id, record.command, restored, tuple(notes))


def recover(folders: Folders, *, system: System = SYSTEM) -> list[str]:
    """Settle what crashes left open: finished where every file is written, rolled back otherwise.

    `write`, `take_out` and `undo` do this themselves. What another process is at work on is left alone.

    Returns:
        One line for each transaction that was settled, or could not be.

    Raises:
        Refused: where a file or the journal cannot be written.
    """
    journal = Journal(folders, system)
    with _journal_errors(folders):
        return _recover(journal, frozenset(), system)


def pending(folders: Folders, *, system: System = SYSTEM) -> list[str]:
    """What `recover` would settle, one line each; nothing is changed, and what is at work is left out."""
    journal = Journal(folders, system)
    lines: list[str] = []
    for left in journal.records("open", notes=lines):
        with contextlib.ExitStack() as stack:
            if _take_free(journal, left, frozenset(), stack, system, make=False):
                names = ", ".join(file.path for file in left.files)
                lines.append(f"'{left.command}' was interrupted: the next command that writes settles {names}")
    return lines


def _write(
    targets: Sequence[Target],
    planner: Callable[[Sequence[Planned]], tuple[Planned, ...]],
    folders: Folders,
    command: str,
    in_place: bool,
    known: Sequence[Planned],
    system: System,
) -> Transaction:
    journal = Journal(folders, system)
    planned = tuple(known)

    def work() -> _Work | None:
        nonlocal planned
        planned = planner(planned)
        changed = [item for item in planned if item.changed]
        return _Work(tuple(map(_step, changed)), _rows(changed, journal)) if changed else None

    reals = [os.path.realpath(target.path) for target in targets]
    number = _transact(reals, work, journal, command, in_place, system)
    return Transaction(number, tuple(item for item in planned if item.changed))


def _transact(
    reals: Sequence[str],
    find_work: Callable[[], _Work | None],
    journal: Journal,
    command: str,
    in_place: bool,
    system: System,
) -> int | None:
    """Under the locks of these files, do what is found to be done; its number, or None where that is nothing."""
    with _journal_errors(journal.folders), _file_locks(reals, journal, system) as held:
        for _ in range(_TRIES):
            _recover(journal, held, system)
            work = find_work()
            if work is None:
                return None
            with contextlib.suppress(Changed):
                return _commit(work, journal, command, in_place, system)
    raise Refused(
        "another program keeps writing to this file",
        place=Place(", ".join(sorted(reals))),
        mend="close the host and run the command again",
    )


def _commit(work: _Work, journal: Journal, command: str, in_place: bool, system: System) -> int:
    for step in work.steps:
        atomic.check(step.real, step.seen, in_place=in_place, system=system)
    files = tuple(_file_record(step) for step in work.steps)
    with journal.locked():
        record = journal.begin(command, files, in_place=in_place, undoes=work.undoes, rows=work.rows)
    try:
        for step, file in zip(work.steps, record.files, strict=True):
            _carry_out(step, file, in_place, system)
        with journal.locked():
            journal.finish(record)
    except BaseException as failure:
        _back_out(record, journal, failure, system)
        raise
    return record.id


def _carry_out(step: _Step, file: FileRecord, in_place: bool, system: System) -> None:
    if step.after is None:
        atomic.delete(step.real, step.seen, system=system)
        _remove_folders(file.made, system)
        return
    _make_folders(file.made, system)
    atomic.put(step.real, step.after, step.seen, temp=file.temp, mode=step.mode, in_place=in_place, system=system)


def _back_out(record: Record, journal: Journal, failure: BaseException, system: System) -> None:
    """Put everything back after a failure; where that fails too, the journal stays open, and a person is told."""
    try:
        _roll_back(record, system)
        with journal.locked():
            journal.forget(record)
    except (OSError, Refused, Changed):
        raise Refused(
            failure.what if isinstance(failure, Refused) else "the command was interrupted",
            place=failure.place if isinstance(failure, Refused) else None,
            why="not everything could be put back at once; the next command that writes does it",
            mend=failure.mend if isinstance(failure, Refused) else "",
        ) from None


def _recover(journal: Journal, held: Collection[str], system: System) -> list[str]:
    lines: list[str] = []
    if not journal.unsettled():
        return lines
    with journal.locked():
        journal.sweep()
        for left in journal.records("open", notes=lines):
            with contextlib.ExitStack() as stack:
                # A process at work holds the locks of its files until its transaction is settled.
                if _take_free(journal, left, held, stack, system):
                    lines.append(_settled(left, journal, system))
    return lines


def _settled(record: Record, journal: Journal, system: System) -> str:
    """Settle a transaction that was interrupted; what cannot be settled stays open, and stands in nobody's way."""
    try:
        if not _is_written(record, system):
            left = _roll_back(record, system)
            journal.forget(record)
            kept = f"; left as another program wrote it: {', '.join(left)}" if left else ""
            return f"'{record.command}' was interrupted, and is rolled back{kept}"
        _clear(record, system)
        for file in record.files:
            if file.after is None:
                _remove_folders(file.made, system)
        journal.finish(record)
    except (Refused, Changed) as failure:
        return f"'{record.command}' was interrupted, and cannot be settled now: {failure}"
    return f"'{record.command}' was interrupted after its last write, and is done"


def _is_written(record: Record, system: System) -> bool:
    """Whether every file got as far as its new content; others may have written to it since."""
    for file in record.files:
        now = atomic.look(file.real, system).data
        if now != file.after and (now == file.before or (record.in_place and _is_torn(file, now))):
            return False
    return True


def _roll_back(record: Record, system: System) -> list[str]:
    """Put back what a transaction wrote; what is neither its old nor its new content is left, and named."""
    left = []
    _clear(record, system)
    for file in reversed(record.files):
        now = atomic.look(file.real, system)
        if now.data != file.before:
            if now.data == file.after or (record.in_place and _is_torn(file, now.data)):
                _put_back(file, now, record.in_place, system)
            else:
                left.append(file.path)
        if file.before is None and not os.path.exists(file.real):
            _remove_folders(file.made, system)
    return left


def _put_back(file: FileRecord, now: Seen, in_place: bool, system: System) -> None:
    if file.before is None:
        atomic.delete(file.real, now, system=system)
        return
    _make_folders(file.made, system)
    atomic.put(file.real, file.before, now, temp=file.temp, mode=file.mode, in_place=in_place, system=system)


def _is_torn(file: FileRecord, now: bytes | None) -> bool:
    """Whether this is a head of the new bytes and the rest of the old: what dying while writing in place leaves."""
    if now is None or file.before is None or file.after is None:
        return False
    pairs = enumerate(zip(now, file.after, strict=False))
    head = next((index for index, (one, two) in pairs if one != two), min(len(now), len(file.after)))
    return now[head:] == file.before[head:]


def _clear(record: Record, system: System) -> None:
    for file in record.files:
        try:
            system(os.unlink, file.temp)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise atomic.refusal(error, file.temp, "removed") from None


def _make_folders(missing: Sequence[str], system: System) -> None:
    for folder in reversed(missing):
        try:
            system(os.mkdir, folder)
            atomic.sync_folder(os.path.dirname(folder), system)
        except FileExistsError:
            continue
        except OSError as error:
            raise atomic.refusal(error, folder, "made") from None


def _remove_folders(made: Sequence[str], system: System) -> None:
    """Remove folders that we made, the innermost first, as far as they are empty; one that stays does no harm."""
    for folder in made:
        with contextlib.suppress(OSError):
            system(os.rmdir, folder)


def _plan_file(real: str, targets: tuple[Target, ...], known: Sequence[Planned], system: System) -> Planned:
    path = targets[0].path
    seen = atomic.look(real, system)
    for item in known:
        if item.real == real and item.targets == targets and item.before == seen.data:
            return replace(item, seen=seen)
    if len({target.format for target in targets}) > 1:
        raise ValueError(f"{path} is asked for in two formats")
    changes = _changes(targets)
    rejects = frozenset[str]().union(*(target.rejects for target in targets))
    text = engine.decode(seen.data or b"", path)
    edit = engine.edit(text, format_named(targets[0].format), changes, rejects=rejects, path=path)
    after = edit.new.encode("utf-8") if edit.changed else seen.data
    return Planned(path, real, seen, edit, after, targets)


def _exactly(item: Planned, journal: Journal) -> Planned:
    """The plan that gives back the bytes from before these entries were put, where the journal has them."""
    changes = _changes(item.targets)
    if not item.edit.changed or not all(isinstance(change, Remove) for change in changes):
        return item
    wanted = {(change.section, change.name) for change in changes}
    for earlier in journal.records("done", notes=[]):
        for file in earlier.files:
            if file.real == item.real and file.after == item.before and _only_put(file, wanted):
                old = engine.decode(file.before or b"", item.path)
                splice = Splice(0, len(item.edit.old), old)
                made = file.made if file.before is None else ()
                return replace(item, edit=Edit(item.edit.old, old, ((splice,),)), after=file.before, made=made)
    return item


def _only_put(file: FileRecord, entries: set[tuple[Section, str]]) -> bool:
    """Whether a transaction did nothing to a file but to put entries that were not there."""
    if {(change.section, change.name) for change in file.changes} != entries:
        return False
    old, fmt = engine.decode(file.before or b"", file.path), format_named(file.format)
    return all(
        isinstance(change, Put) and change.name not in engine.read(old, fmt, change.section, file.path)
        for change in file.changes
    )


def _undoable(journal: Journal, wanted: int | None, notes: list[str]) -> Record:
    for found in journal.records("done", notes=notes):
        if found.undoes is None and wanted in (None, found.id):
            return found
    if wanted is None:
        raise Refused("there is nothing to undo", why="; ".join(notes))
    raise Refused(f"there is no transaction {wanted} to undo", why="; ".join(notes))


def _restore(file: FileRecord, system: System) -> tuple[_Step | None, Restored]:
    """What takes one file back."""
    now = atomic.look(file.real, system)
    made = file.made if file.before is None else ()
    step = _Step(file.path, file.real, file.format, now, file.before, made, (), file.hosts, file.mode)
    if now.data == file.before:
        return None, Restored(file.path, "left")
    if now.data == file.after:
        return step, Restored(file.path, "deleted" if file.before is None else "exact")
    if now.data is None:
        return None, Restored(file.path, "left")
    was, is_now, left = (engine.decode(data or b"", file.path) for data in (file.before, now.data, file.after))
    edit = engine.reverse(Edit(was, left, ()), file.changes, is_now, format_named(file.format), file.path)
    if not edit.changed:
        return None, Restored(file.path, "left")
    return replace(step, after=edit.new.encode("utf-8"), made=()), Restored(file.path, "reversed")


def _step(item: Planned) -> _Step:
    hosts = tuple(dict.fromkeys(host for target in item.targets for host in target.hosts))
    modes = [target.mode for target in item.targets if target.mode is not None]
    fmt, changes = item.targets[0].format, _changes(item.targets)
    mode = min(modes) if modes else None
    return _Step(item.path, item.real, fmt, item.seen, item.after, item.made, changes, hosts, mode)


def _file_record(step: _Step) -> FileRecord:
    folder = os.path.dirname(step.real)
    return FileRecord(
        path=step.path,
        real=step.real,
        format=step.format,
        mode=stat.S_IMODE(step.seen.stat.st_mode) if step.seen.stat else None,
        made=step.made or tuple(missing_folders(folder)),
        temp=os.path.join(folder, f".connect-mcp-{os.urandom(6).hex()}.tmp"),
        before=step.seen.data,
        after=step.after,
        changes=step.changes,
        hosts=step.hosts,
    )


def _rows(planned: Sequence[Planned], journal: Journal) -> dict[Key, Installed | None]:
    """Our entries as these plans leave them, None for one that is taken out; hosts add up."""
    before = {row.key: row.hosts for row in journal.installed()}
    rows: dict[Key, Installed | None] = {}
    for item in planned:
        for target in item.targets:
            for change in target.changes:
                key = (item.real, change.section, change.name)
                if isinstance(change, Remove):
                    rows[key] = None
                    continue
                row = rows.get(key)
                hosts = tuple(dict.fromkeys((*(row.hosts if row else before.get(key, ())), *target.hosts)))
                rows[key] = Installed(
                    item.path, item.real, target.format, change.section, change.name, change.entry, hosts
                )
    return rows


def _changes(targets: Sequence[Target]) -> tuple[Change, ...]:
    """The changes of all targets in order; what several hosts ask of one file alike is done once."""
    changes: list[Change] = []
    for target in targets:
        changes += [change for change in target.changes if change not in changes]
    return tuple(changes)


@contextlib.contextmanager
def _file_locks(reals: Collection[str], journal: Journal, system: System) -> Iterator[frozenset[str]]:
    """Hold the locks of these files, taken in sorted order so that two commands cannot wait for each other."""
    journal.make_locks_folder()
    names = sorted({journal.lock_of(real) for real in reals})
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.callback(locks.release, locks.hold(name, system=system))
        yield frozenset(names)


def _take_free(
    journal: Journal,
    record: Record,
    held: Collection[str],
    stack: contextlib.ExitStack,
    system: System,
    *,
    make: bool = True,
) -> bool:
    """Take the locks of a transaction's files that are not held, without waiting; False where a process is at work."""
    for name in sorted({journal.lock_of(file.real) for file in record.files} - set(held)):
        try:
            lock = locks.attempt(name, make=make, system=system)
        except FileNotFoundError:
            continue  # nobody holds what is not there
        if lock is None:
            return False
        stack.callback(locks.release, lock)
    return True


@contextlib.contextmanager
def _journal_errors(folders: Folders) -> Iterator[None]:
    """Files' own failures are `Refused` already; what is left are those of our state folder."""
    try:
        yield
    except OSError as error:
        raise Refused(
            f"the journal could not be written: {error.strerror or type(error).__name__}",
            place=Place(str(folders.state)),
            mend="make that folder writable, with room on its disk, or name another in XDG_STATE_HOME",
        ) from None
