"""One SQLite file, and the one thread of this process that touches it.

A connection must stay on the thread that opened it, and a write may have to wait for another process, so neither
belongs on the event loop. Each store therefore has a single thread which opens the connection and runs every piece of
work on it in order of arrival, each in a transaction of its own. Nothing in this process ever contends for the file;
between processes SQLite's own locks do the work: WAL lets readers and one writer pass each other, a writer takes its
lock at once (BEGIN IMMEDIATE) and waits for it up to five seconds.

The thread is a daemon and ends with its store, closing the connection itself: whoever drops an application has nothing
to close. A process that exits waits for that, a second at most. What was written is moved from the WAL into the file as
soon as nothing else is to do, so that the file alone is whole, and can be copied, also where a host kills its servers.
"""

import asyncio
import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import datetime, timezone
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

Clock = Callable[[], datetime]
Work = Callable[[sqlite3.Connection], Any]
T = TypeVar("T")

FILE_NAME = "workspace.sqlite3"
_SCHEMA_VERSION = 1
_LOCK_SECONDS = 5.0
_END_SECONDS = 1.0
_BEGIN_WRITING = "BEGIN IMMEDIATE"
_BEGIN_READING = "BEGIN"
_making = threading.Lock()


class Unavailable(Exception):
    """The workspace file cannot be used now; the message says which file and why, for a person."""


class Store:
    """Runs work on the workspace file kept in a folder.

    Args:
        folder: where the file lies; made, with the file and its seed data, when the first work arrives.
        clock: the time of seeding, aware of its zone.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        thread = threading.Thread(target=_serve, args=(self._jobs, folder, clock), name="workspace", daemon=True)
        thread.start()
        weakref.finalize(self, _end, self._jobs, thread)

    async def run(self, work: Callable[[sqlite3.Connection], T], *, writes: bool) -> T:
        """What `work` returns, having run in one transaction which ends undone if it raises.

        Raises:
            Unavailable: the file cannot be opened, or another process keeps it locked; nothing was changed.
        """
        job = _Job(work, writes)
        self._jobs.put(job)
        result: T = await asyncio.wrap_future(job.outcome)
        return result


class _Job:
    """Work that waits for its turn, and the future that its caller awaits."""

    def __init__(self, work: Work, writes: bool) -> None:
        self.outcome: Future[Any] = Future()
        self.writes = writes
        self._work = work

    def run(self, connection: "_Connection") -> None:
        if not self.outcome.set_running_or_notify_cancel():
            return
        try:
            begin = _BEGIN_WRITING if self.writes else _BEGIN_READING
            with connection.translated(), transaction(connection.connected(), begin) as db:
                result = self._work(db)
        except BaseException as error:  # noqa: BLE001 -- handed to the caller, whatever it is
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(result)


class _Connection:
    """The thread's connection, opened by the first job that gets through."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._db: sqlite3.Connection | None = None

    def connected(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = open_database(self._folder, self._clock())
        return self._db

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Failures of the file become `Unavailable`; broken constraints and wrong calls stay what they are, bugs."""
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except (OSError, sqlite3.DatabaseError) as error:
            raise Unavailable(f"{self._folder / FILE_NAME}: {error}") from error

    def checkpoint(self) -> None:
        """Move into the file what only the WAL has, as far as no other process is reading that."""
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):  # the next one moves it, or the last to close
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        if self._db is not None:
            self._db.close()


def _end(jobs: "SimpleQueue[_Job | None]", thread: threading.Thread) -> None:
    """End a store's thread, and wait for it to close the file unless this runs on that very thread."""
    jobs.put(None)
    if thread is not threading.current_thread():
        thread.join(_END_SECONDS)


def _serve(jobs: "SimpleQueue[_Job | None]", folder: Path, clock: Clock) -> None:
    """The thread: it knows the queue and not the store, so that a dropped store can end it."""
    connection = _Connection(folder, clock)
    written = False
    try:
        while (job := jobs.get()) is not None:
            job.run(connection)
            written = written or job.writes
            del job  # an idle thread holds on to nobody's application
            if written and jobs.empty():
                connection.checkpoint()
                written = False
    finally:
        connection.close()


@contextlib.contextmanager
def transaction(db: sqlite3.Connection, begin: str = _BEGIN_WRITING) -> Iterator[sqlite3.Connection]:
    """A transaction around the block, committed at its end and undone when it raises."""
    db.execute(begin)
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def open_database(folder: Path, now: datetime) -> sqlite3.Connection:
    """A connection to the workspace file in `folder`, made and seeded if it is not there yet.

    Args:
        folder: made with mode 0700 if missing; the file gets 0600.
        now: what the seed data's times are relative to.

    Raises:
        OSError: the folder or file cannot be made.
        sqlite3.DatabaseError: the file cannot be opened, or is not a workspace.
        Unavailable: the file belongs to another version of this program.
    """
    path = folder / FILE_NAME
    _make_private(path)
    db = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
    try:
        _configure(db)
        version = _version(db)
        if version == 0:
            _create(db, now)
        elif version != _SCHEMA_VERSION:
            raise Unavailable(
                f"{path} has format {version}, and this program reads format {_SCHEMA_VERSION}; "
                "`connect-mcp workspace reset` starts afresh"
            )
    except BaseException:
        db.close()
        raise
    return db


def reset_database(folder: Path, now: datetime) -> None:
    """Put the workspace in `folder` back to its seed, or make it, in one transaction.

    Servers that have it open see it with their next request; the file itself stays, since they would go on with a
    deleted one. A workspace of another version of this program becomes one of this version.

    Args:
        folder: as for `open_database`.
        now: what the seed data's times are relative to.

    Raises:
        OSError: the folder or file cannot be made.
        sqlite3.DatabaseError: the file cannot be opened, is no database, or stays locked.
        Unavailable: it is a database, and none of ours.
    """
    path = folder / FILE_NAME
    _make_private(path)
    with contextlib.closing(sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)) as db:
        _configure(db)
        db.execute("PRAGMA foreign_keys = OFF")  # or dropping a table would first ask who refers to it
        with transaction(db):
            things = db.execute("SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
            if things and _version(db) == 0:
                raise Unavailable(f"{path} is not a workspace")
            for thing in things:
                db.execute(f'DROP {thing["type"]} "{thing["name"]}"')
            _fill(db, now)


def _make_private(path: Path) -> None:
    """An empty file for its owner alone, where there is none yet.

    Never opens a file that is already there: POSIX drops all locks of a process on a file as soon as it closes any
    descriptor of it, those of SQLite's other connections included. So that no other thread can have one to the file
    just made, stores of one process take turns here.
    """
    with _making:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _configure(db: sqlite3.Connection) -> None:
    db.row_factory = sqlite3.Row
    db.create_function("fold", 1, str.casefold, deterministic=True)
    db.execute("PRAGMA foreign_keys = ON")
    # In WAL mode NORMAL keeps the file whole through a crash; only a power cut may cost the last writes.
    db.execute("PRAGMA synchronous = NORMAL")
    # The switch to WAL needs the file for itself, and SQLite may not wait for that when others are opening it too.
    # Without WAL everything is as correct, only slower, and whoever opens the file next tries again.
    with contextlib.suppress(sqlite3.OperationalError):
        db.execute("PRAGMA journal_mode = WAL")


def _create(db: sqlite3.Connection, now: datetime) -> None:
    """Schema and seed in one transaction: of several processes that arrive here at once, the first one does it all."""
    with transaction(db):
        if _version(db) == 0:
            _fill(db, now)


def _fill(db: sqlite3.Connection, now: datetime) -> None:
    from connect_mcp.server.workspace.seed import sow

    schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
    for statement in _statements(schema):
        db.execute(statement)
    sow(db, now)
    db.execute(f"PRAGMA user_version = {_SCHEMA_VERSION:d}")


def _statements(script: str) -> Iterator[str]:
    """Each statement of a script: `executescript` would first commit the transaction that this belongs to."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def _version(db: sqlite3.Connection) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


def stamp(moment: datetime) -> str:
    """A time as the API writes it: UTC, ISO 8601, microseconds, Z. Such texts sort as the times do."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
