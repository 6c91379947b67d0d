"""Transactions: several files written as one, and what a crash left of one settled.

Lock (our locks, then the hosts' own where they have one), write down what is about to happen, then replace one file
after the other, each only if it still is what was read; where one is not, everything starts over. Where one fails, the
others are put back. What a crash leaves open is settled by the next command that writes: whether a file is the old one
or the new one can be told from its bytes, since the journal has both.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from connect_mcp.base import atomic, host_locks, locks
from connect_mcp.base.atomic import Changed, Seen
from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.folders import Folders, missing_folders
from connect_mcp.base.host_locks import PlacedLock
from connect_mcp.base.record import record
from connect_mcp.base.system import SYSTEM, System

from .editors.model import Change
from .journal import FileRecord, Installed, Journal, Key, Record

_TRIES = 10
"""How often a transaction starts over because somebody else wrote meanwhile."""


@record
class Step:
    """One file to be written in a transaction.

    Attributes:
        path: the file as it was named.
        real: the file itself, links followed.
        format: its format's name.
        seen: the file as it was read.
        after: the bytes after; None where the file goes.
        changes: what is done, in order.
        hosts: the ids of the hosts that it is done for.
        made: folders that go with the file, because we made them too.
        mode: permissions of the file where it has to be made; the umask's where it is None.
        backward: whether the changes are taken back, and not made.
        locks: the locks that hosts take for this file.
    """

    path: str
    real: str
    format: str
    seen: Seen
    after: bytes | None
    changes: tuple[Change, ...]
    hosts: tuple[str, ...]
    made: tuple[str, ...] = ()
    mode: int | None = None
    backward: bool = False
    locks: tuple[PlacedLock, ...] = ()


@record
class Work:
    """All that one transaction is to do, found anew whenever it starts over.

    Attributes:
        steps: the files to be written.
        rows: our entries as they will be, None for one that is ours no more.
        undoes: the transaction that this one takes back, the one that that one took back, and so on.
    """

    steps: tuple[Step, ...]
    rows: Mapping[Key, Installed | None]
    undoes: tuple[int, ...] = ()


def recover(folders: Folders, *, system: System = SYSTEM) -> list[str]:
    """Settle what crashes left open: finished where every file is written, rolled back otherwise.

    Every transaction does this first. What another process is at work on is left alone.

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
                names = ", ".join(file.path for file in left.files) or "our record"
                lines.append(f"'{left.command}' was interrupted: the next command that writes settles {names}")
    return lines


def transact(
    reals: Collection[str],
    find_work: Callable[[], Work | None],
    journal: Journal,
    command: str,
    *,
    in_place: bool,
    system: System,
) -> int | None:
    """Under the locks of these files, do what is found to be done: all of it, or nothing.

    Args:
        reals: the real paths of all files that it may be about.
        find_work: what is to be done, as the files are now; None for nothing.
        journal: ours.
        command: the command, for people.
        in_place: write through existing files instead of replacing them.
        system: the operating system.

    Returns:
        The transaction's number, or None where there was nothing to do.

    Raises:
        Refused: where a file cannot be locked or written; every file is as it was then.
    """
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


def _commit(work: Work, journal: Journal, command: str, in_place: bool, system: System) -> int:
    for step in work.steps:
        atomic.check(step.real, step.seen, in_place=in_place, system=system)
    files = tuple(map(_file_record, work.steps))
    with contextlib.ExitStack() as hosts:
        held = _hold_hosts(files, hosts, system)
        if held and not all(atomic.look(step.real, system).same(step.seen) for step in work.steps):
            raise Changed  # the host wrote while we waited for it
        with journal.locked():
            record = journal.begin(command, files, in_place=in_place, undoes=work.undoes, rows=work.rows)
        try:
            for step, file in zip(work.steps, record.files, strict=True):
                _carry_out(step, file, in_place, system)
                for lock in held:
                    lock.renew()
            hosts.close()  # before folders go in which their locks may be
            _remove_emptied(record, system)
            with journal.locked():
                journal.finish(record)
        except BaseException as failure:
            hosts.close()
            _back_out(record, journal, failure, system)
            raise
    return record.id


def _carry_out(step: Step, file: FileRecord, in_place: bool, system: System) -> None:
    if step.after is None:
        atomic.delete(step.real, step.seen, system=system)
        return
    _make_folders(file.made, system)
    atomic.put(step.real, step.after, step.seen, temp=file.temp, mode=step.mode, in_place=in_place, system=system)


def _remove_emptied(record: Record, system: System) -> None:
    for file in record.files:
        if file.after is None:
            _remove_folders(file.made, system)


def _back_out(record: Record, journal: Journal, failure: BaseException, system: System) -> None:
    """Put everything back after a failure; where that fails too, the journal stays open, and a person is told."""
    try:
        _roll_back(record, system)
    except (OSError, Refused, Changed):
        why = "not everything could be put back at once; the next command that writes does it"
    else:
        try:
            with journal.locked():
                journal.forget(record)
        except (OSError, Refused):
            why = "every file is as it was, but our journal could not be tidied; the next command that writes does it"
        else:
            return
    raise Refused(
        failure.what if isinstance(failure, Refused) else "the command was interrupted",
        place=failure.place if isinstance(failure, Refused) else None,
        why=why,
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
        _remove_emptied(record, system)
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
    left, written = [], []
    _clear(record, system)
    for file in reversed(record.files):
        now = atomic.look(file.real, system)
        if now.data == file.after or (record.in_place and _is_torn(file, now.data)):
            written += [file] if now.data != file.before else []
        elif now.data != file.before:
            left.append(file.path)
    with contextlib.ExitStack() as hosts:
        _hold_hosts(written, hosts, system)
        for file in written:
            _put_back(file, atomic.look(file.real, system), record.in_place, system)
    for file in reversed(record.files):
        if file.before is None and not os.path.exists(file.real):
            _remove_folders(file.made, system)
    return left


def _put_back(file: FileRecord, now: Seen, in_place: bool, system: System) -> None:
    if now.data != file.after and not (in_place and _is_torn(file, now.data)):
        raise Changed  # the host wrote while we waited for it
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
            if os.path.lexists(file.temp):  # on a file system that is read-only, removing nothing fails as well
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


def _file_record(step: Step) -> FileRecord:
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
        backward=step.backward,
        locks=step.locks,
    )


@contextlib.contextmanager
def _file_locks(reals: Collection[str], journal: Journal, system: System) -> Iterator[frozenset[str]]:
    """Hold the locks of these files, taken in sorted order so that two commands cannot wait for each other."""
    journal.make_locks_folder()
    names = sorted({journal.lock_of(real) for real in reals})
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.callback(locks.release, locks.hold(name, system=system))
        yield frozenset(names)


def _hold_hosts(files: Iterable[FileRecord], stack: contextlib.ExitStack, system: System) -> list[host_locks.Held]:
    """Hold the locks that hosts take for these files, in sorted order, until the stack is closed."""
    found = []
    for place in sorted({lock for file in files for lock in file.locks}, key=lambda lock: (lock.path, lock.kind)):
        if held := host_locks.hold(place, system=system):
            stack.callback(held.release)
            found.append(held)
    return found


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
    for name in sorted({journal.lock_of(real) for real in record.reals} - set(held)):
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
