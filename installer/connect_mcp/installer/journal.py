"""What every write replaced, kept so that it can be taken back: by `undo`, and after a crash.

`state/journal` holds one folder per transaction, `00000012.done`: a record as JSON, and the whole bytes of each file
before and after. The ending is the status, so that it changes by one rename: `new` is being made, `open` is under way,
`done` and `undone` are settled. The record itself never changes.

Folders are 0700 and files 0600, since the bytes hold other people's tokens. What is kept is bounded in number, age and
size. `installed.json` beside them says which entries we put where; it has to outlive the records, and it holds the
entries themselves, so that one that a host wiped can be put back.

Nothing here touches a host's file: that is Apply's business.
"""

import contextlib
import itertools
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from connect_mcp.base import atomic, locks
from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.folders import Folders, private_folder
from connect_mcp.base.host_locks import PlacedLock
from connect_mcp.base.record import field, record
from connect_mcp.base.system import SYSTEM, System

from .editors.model import Change, Put, Remove, Section, Value

VERSION = 1
MOST = 100
"""Settled transactions that are kept."""
OLDEST = 90 * 24 * 3600.0
"""Seconds that one is kept."""
LARGEST = 64 << 20
"""Bytes that all of them may take."""

Status = Literal["open", "done", "undone"]
SETTLED: tuple[Status, ...] = ("done", "undone")
_TURNS: tuple[tuple[Status, Status], ...] = (("done", "undone"), ("undone", "done"))
"""What becomes of the transaction that is taken back, of the one that that one took back, and so on in turn."""
Key = tuple[str, Section, str]
"""An entry's place: the file's real path, the section, the entry's name."""


@record
class Installed:
    """An entry that we put.

    Attributes:
        path: the file, as it was named.
        real: the file itself, links followed.
        format: its format's name.
        section: where in it.
        name: the entry's name.
        entry: what we put; the host and the user may have added to it.
        hosts: the ids of the hosts that it was put for.
        needs: what we put into the same file for its sake, by section and name (VS Code's `inputs`).
    """

    path: str
    real: str
    format: str
    section: Section
    name: str
    entry: Mapping[str, Value]
    hosts: tuple[str, ...]
    needs: Mapping[tuple[Section, str], Mapping[str, Value]] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Where it is."""
        return self.real, self.section, self.name

    def state(self, now: Value) -> Literal["present", "missing", "changed"]:
        """How it compares with the entry as it is read now, None for none: what others added is not a change."""
        if now is None:
            return "missing"
        return "present" if holds(now, self.entry) else "changed"


@record
class FileRecord:
    """One file of a transaction.

    Attributes:
        path: as it was named.
        real: the file itself, links followed.
        format: its format's name.
        mode: permissions before; None where there was no file.
        made: folders that are there for this file alone, the innermost first.
        temp: the temporary file that a crash may have left.
        before: the bytes before, None for no file.
        after: the bytes after, None for no file.
        changes: what was done, in order.
        hosts: the ids of the hosts that it was done for.
        backward: whether the changes were taken back: this is an undo, and they are those of what it undid.
        locks: the locks that hosts take for this file.
    """

    path: str
    real: str
    format: str
    mode: int | None
    made: tuple[str, ...]
    temp: str
    before: bytes | None
    after: bytes | None
    changes: tuple[Change, ...]
    hosts: tuple[str, ...]
    backward: bool = False
    locks: tuple[PlacedLock, ...] = ()


@record
class Record:
    """One transaction.

    Attributes:
        id: its number; higher is newer.
        status: where it stands.
        time: when it began, in seconds since the epoch.
        command: the command, for people.
        in_place: whether files were written through.
        undoes: the transaction that this one takes back, the one that that one took back, and so on.
        files: what it writes.
        rows_before: our entries that it is about before it, None for none.
        rows_after: the same after it.
    """

    id: int
    status: Status
    time: float
    command: str
    in_place: bool
    undoes: tuple[int, ...]
    files: tuple[FileRecord, ...]
    rows_before: Mapping[Key, Installed | None]
    rows_after: Mapping[Key, Installed | None]

    @property
    def reals(self) -> frozenset[str]:
        """The real paths of all files that it is about; some of them may be in our record alone."""
        return frozenset(file.real for file in self.files) | frozenset(real for real, _, _ in self.rows_after)


class Unreadable(Exception):
    """A record that is damaged, or of a newer version; the text says which and why."""


class Journal:
    """The journal of one state folder. What is read without the lock may be settled or gone a moment later."""

    def __init__(self, folders: Folders, system: System = SYSTEM) -> None:
        self._system = system
        self.folders = folders
        self._folder = str(folders.state / "journal")
        self._locks = str(folders.state / "locks")

    def lock_of(self, real: str) -> str:
        """The lock file for one real path: two paths may share one, and then wait for each other."""
        return os.path.join(self._locks, f"{zlib.crc32(os.fsencode(os.path.normcase(real))):08x}.lock")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out of the journal; taken after the locks of files, and never for long.

        Raises:
            Refused: where another process does not let go.
            OSError: where the folders cannot be made.
        """
        private_folder(self._folder, self._system)
        private_folder(self._locks, self._system)
        lock = locks.hold(os.path.join(self._locks, "journal.lock"), system=self._system)
        try:
            yield
        finally:
            locks.release(lock)

    def make_locks_folder(self) -> None:
        """Make the folder for the locks of files.

        Raises:
            OSError: where it cannot be made.
        """
        private_folder(self._locks, self._system)

    def unsettled(self) -> bool:
        """Whether a crash, or a process that is still at work, left something that is not done.

        Raises:
            Refused: where the journal may not be looked at.
        """
        with self._reading():
            return any(ending in ("new", "open") for _, ending in self._listing())

    def in_force(self, record: Record) -> bool:
        """Whether nothing took back what this transaction did: what it took back or put back in turn still is so."""
        now = {number: ending for number, ending in self._listing() if ending in SETTLED}
        wanted = zip(record.undoes, itertools.cycle(_TURNS))  # ended by the finite one
        return record.status == "done" and all(now.get(number, new) == new for number, (_, new) in wanted)

    def records(self, *statuses: Status, notes: list[str]) -> Iterator[Record]:
        """The transactions with these statuses, newest first; one that cannot be read goes to `notes`.

        Raises:
            Refused: where the journal may not be looked at.
        """
        with self._reading():
            listing = self._listing()
        for number, ending in reversed(listing):
            if ending in statuses:
                try:
                    yield self._read(number, ending)
                except Unreadable as fault:
                    notes.append(f"transaction {number} in the journal cannot be read: {fault}")

    def installed(self) -> tuple[Installed, ...]:
        """Every entry that we put and did not take out again; none where the file that says so is damaged.

        Raises:
            Refused: where it may not be looked at: then nobody can say that there is none.
        """
        with self._reading():
            return tuple(self._rows().values())

    def begin(
        self,
        command: str,
        files: Sequence[FileRecord],
        *,
        in_place: bool,
        undoes: tuple[int, ...] = (),
        rows: Mapping[Key, Installed | None],
    ) -> Record:
        """Write down what is about to be done, durably. The journal is locked by the caller.

        Args:
            command: the command, for people.
            files: what will be written.
            in_place: whether files will be written through.
            undoes: as in `Record`.
            rows: our entries as they will be.

        Raises:
            OSError: where the disk fails; nothing is left then.
        """
        self.sweep()
        before = self._rows()
        record = Record(
            id=max((0, *self._purged(), *(number for number, _ in self._listing()))) + 1,
            status="open",
            time=self._system.clock(),
            command=command,
            in_place=in_place,
            undoes=undoes,
            files=tuple(files),
            rows_before={key: before.get(key) for key in rows},
            rows_after=dict(rows),
        )
        making = self._path(record.id, "new")
        self._system(os.mkdir, making, 0o700)
        try:
            for index, file in enumerate(files):
                for side, data in (("before", file.before), ("after", file.after)):
                    if data is not None:
                        atomic.create(os.path.join(making, f"{index}.{side}"), data, system=self._system)
            text = json.dumps(_record_data(record), indent=1, default=dict)  # a map need not be a dict
            atomic.create(os.path.join(making, "record.json"), text.encode("ascii"), system=self._system)
            atomic.sync_folder(making, self._system)
            atomic.rename_folder(making, self._path(record.id, "open"), system=self._system)
            atomic.sync_folder(self._folder, self._system)
        except BaseException:
            with contextlib.suppress(OSError):
                self._remove(record.id, "open")
            with contextlib.suppress(OSError):
                self._remove(record.id, "new")
            raise
        return record

    def finish(self, record: Record) -> None:
        """Settle a transaction whose files are all as it wants them. The journal is locked by the caller.

        Raises:
            OSError: where the disk fails; it is open then.
        """
        self._set_rows(record.rows_after)
        for number, (old, new) in zip(record.undoes, itertools.cycle(_TURNS)):
            self._restate(number, old, new)
        self._restate(record.id, "open", "done")
        with contextlib.suppress(OSError):  # what stays now goes the next time
            self._prune()

    def forget(self, record: Record) -> None:
        """Drop a transaction whose files are all as they were before. The journal is locked by the caller.

        Raises:
            OSError: where the disk fails; it is open then.
        """
        self._set_rows(record.rows_before)
        for number, (old, new) in zip(record.undoes, itertools.cycle(_TURNS)):
            self._restate(number, new, old)
        self._remove(record.id, "open")

    def sweep(self) -> None:
        """Remove what was being made when its process died. The journal is locked by the caller.

        Raises:
            OSError: where the disk fails.
        """
        for number, ending in self._listing():
            if ending == "new":
                self._remove(number, "new")

    def size(self) -> int:
        """How many bytes the settled transactions take."""
        return sum(_size(self._path(number, ending)) for number, ending in self._listing() if ending in SETTLED)

    def purge(self) -> None:
        """Drop every settled transaction; what we installed is still known. The journal is locked by the caller.

        Raises:
            OSError: where the disk fails; some may be gone then.
        """
        settled = [(number, ending) for number, ending in self._listing() if ending in SETTLED]
        if not settled:
            return
        last, _ = settled[-1]
        with contextlib.suppress(FileExistsError):  # no number is given twice: people may have written one down
            atomic.create(self._path(last, "purged"), b"", system=self._system)
        for number, ending in settled:
            self._remove(number, ending)
        for number in self._purged():
            if number < last:
                self._system(os.unlink, self._path(number, "purged"))

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Refused(
                "what connect-mcp did before cannot be read",
                place=Place(self._folder),
                why=error.strerror or type(error).__name__,
                mend="make that folder readable, or name another in XDG_STATE_HOME",
            ) from None

    def _purged(self) -> list[int]:
        """The highest numbers that were in use when everything was dropped."""
        try:
            names = [name.partition(".") for name in os.listdir(self._folder)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(int(number) for number, _, ending in names if number.isdecimal() and ending == "purged")

    def _path(self, number: int, ending: str) -> str:
        return os.path.join(self._folder, f"{number:08d}.{ending}")

    def _listing(self) -> list[tuple[int, str]]:
        try:
            names = os.listdir(self._folder)
        except (FileNotFoundError, NotADirectoryError):  # a file in its place is told by what would write there
            return []
        parts = (name.partition(".") for name in names)
        return sorted(
            (int(number), ending)
            for number, _, ending in parts
            if number.isdecimal() and ending in ("new", "open", "done", "undone")
        )

    def _restate(self, number: int, old: str, new: str) -> None:
        """Give a transaction another status; nothing happens where it is gone or has it."""
        with contextlib.suppress(FileNotFoundError):
            atomic.rename_folder(self._path(number, old), self._path(number, new), system=self._system)

    def _remove(self, number: int, ending: str) -> None:
        """Remove a transaction's folder; dying on the way leaves one that the next sweep removes."""
        folder = self._path(number, "new")
        if ending != "new":
            try:
                atomic.rename_folder(self._path(number, ending), folder, system=self._system)
            except FileNotFoundError:
                return
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(folder):
                self._system(os.unlink, os.path.join(folder, name))
            self._system(os.rmdir, folder)

    def _read(self, number: int, status: Status) -> Record:
        folder = self._path(number, status)
        try:
            with open(os.path.join(folder, "record.json"), encoding="ascii") as file:
                data = json.load(file)
            if data["version"] != VERSION:
                raise Unreadable(f"it is of version {data['version']}, and this program reads version {VERSION}")
            files = tuple(_file_from(folder, index, item) for index, item in enumerate(data["files"]))
            return Record(
                id=number,
                status=status,
                time=data["time"],
                command=data["command"],
                in_place=data["in_place"],
                undoes=tuple(data["undoes"] or ()),
                files=files,
                rows_before=_rows_from(data["rows_before"]),
                rows_after=_rows_from(data["rows_after"]),
            )
        except OSError as error:
            raise Unreadable(error.strerror or "it cannot be opened") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Unreadable("its record is damaged") from None

    def _rows(self) -> dict[Key, Installed]:
        try:
            with open(os.path.join(self._folder, "installed.json"), encoding="ascii") as file:
                rows = _rows_from(json.load(file)["entries"])
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}
        return {key: row for key, row in rows.items() if row is not None}

    def _set_rows(self, rows: Mapping[Key, Installed | None]) -> None:
        old = self._rows()
        merged = {**old, **rows}
        new = {key: row for key, row in merged.items() if row is not None}
        if new != old:
            text = json.dumps({"version": VERSION, "entries": _rows_data(new)}, indent=1, default=dict)
            atomic.save(os.path.join(self._folder, "installed.json"), text.encode("ascii"), system=self._system)

    def _prune(self) -> None:
        settled = [(number, ending) for number, ending in self._listing() if ending in SETTLED]
        sizes = {number: _size(self._path(number, ending)) for number, ending in settled}
        count, total = len(settled), sum(sizes.values())
        for number, ending in settled[:-1]:
            old = self._time(number, ending) < self._system.clock() - OLDEST
            if not (old or count > MOST or total > LARGEST):
                break
            self._remove(number, ending)
            count, total = count - 1, total - sizes[number]

    def _time(self, number: int, ending: str) -> float:
        path = os.path.join(self._path(number, ending), "record.json")
        try:
            with open(path, encoding="ascii") as file:
                return float(json.load(file)["time"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return os.stat(self._path(number, ending)).st_mtime


def change_data(change: Change) -> dict[str, Any]:
    """A change as JSON-able data."""
    place = _place(change.section, change.name)
    if isinstance(change, Remove):
        return {"kind": "remove", **place}
    drop = sorted(list(path) for path in change.drop)
    return {"kind": "put", **place, "entry": change.entry, "drop": drop, "top": change.top}


def change_from(data: Mapping[str, Any]) -> Change:
    """The change that `change_data` wrote.

    Raises:
        ValueError, KeyError, TypeError: for what it did not write.
    """
    section, name = _place_from(data)
    if data["kind"] == "remove":
        return Remove(section, name)
    if data["kind"] != "put":
        raise ValueError(data["kind"])
    return Put(section, name, data["entry"], frozenset(tuple(path) for path in data["drop"]), data["top"])


def _place(section: Section, name: str) -> dict[str, Any]:
    return {"section": list(section.path), "keyed_by": section.keyed_by, "name": name}


def _place_from(data: Mapping[str, Any]) -> tuple[Section, str]:
    return Section(tuple(data["section"]), data["keyed_by"]), data["name"]


def _record_data(record: Record) -> dict[str, Any]:
    return {
        "version": VERSION,
        "time": record.time,
        "command": record.command,
        "in_place": record.in_place,
        "undoes": list(record.undoes),
        "files": [_file_data(file) for file in record.files],
        "rows_before": _rows_data(record.rows_before),
        "rows_after": _rows_data(record.rows_after),
    }


def _file_data(file: FileRecord) -> dict[str, Any]:
    return {
        "path": file.path,
        "real": file.real,
        "format": file.format,
        "mode": file.mode,
        "made": list(file.made),
        "temp": file.temp,
        "before": _sum(file.before),
        "after": _sum(file.after),
        "changes": [change_data(change) for change in file.changes],
        "hosts": list(file.hosts),
        "backward": file.backward,
        "locks": [list(lock) for lock in file.locks],
    }


def _file_from(folder: str, index: int, data: Mapping[str, Any]) -> FileRecord:
    return FileRecord(
        path=data["path"],
        real=data["real"],
        format=data["format"],
        mode=data["mode"],
        made=tuple(data["made"]),
        temp=data["temp"],
        before=_blob(os.path.join(folder, f"{index}.before"), data["before"]),
        after=_blob(os.path.join(folder, f"{index}.after"), data["after"]),
        changes=tuple(change_from(change) for change in data["changes"]),
        hosts=tuple(data["hosts"]),
        backward=data.get("backward", False),
        locks=tuple(PlacedLock(*lock) for lock in data.get("locks", ())),
    )


def _sum(data: bytes | None) -> int | None:
    """Enough to notice a damaged copy; nobody who could forge one could not also write the file itself."""
    return None if data is None else zlib.crc32(data)


def _blob(path: str, wanted: int | None) -> bytes | None:
    if wanted is None:
        return None
    with open(path, "rb") as file:
        data = file.read()
    if zlib.crc32(data) != wanted:
        raise Unreadable("its copy of a file is damaged")
    return data


def _rows_data(rows: Mapping[Key, Installed | None]) -> list[dict[str, Any]]:
    return [
        {"real": real, **_place(section, name), "entry": _row_data(row)} for (real, section, name), row in rows.items()
    ]


def _row_data(row: Installed | None) -> dict[str, Any] | None:
    if row is None:
        return None
    needs = [{**_place(section, name), "values": values} for (section, name), values in row.needs.items()]
    return {"path": row.path, "format": row.format, "values": row.entry, "hosts": list(row.hosts), "needs": needs}


def _rows_from(data: Sequence[Mapping[str, Any]]) -> dict[Key, Installed | None]:
    rows: dict[Key, Installed | None] = {}
    for item in data:
        real, (section, name), entry = item["real"], _place_from(item), item["entry"]
        row = None
        if entry is not None:
            needs = {_place_from(need): need["values"] for need in entry.get("needs", ())}
            hosts = tuple(entry["hosts"])
            row = Installed(entry["path"], real, entry["format"], section, name, entry["values"], hosts, needs)
        rows[real, section, name] = row
    return rows


def holds(now: Value, put: Value) -> bool:
    """Whether a value has all that was put into it; what others added does not matter."""
    if isinstance(put, Mapping):
        return isinstance(now, Mapping) and all(key in now and holds(now[key], value) for key, value in put.items())
    return _spelled(now) == _spelled(put)


def _spelled(value: Value) -> str:
    """A value as text, which tells True from 1; a TOML file may hold dates, which JSON has no form for."""
    return json.dumps(value, sort_keys=True, default=str)


def _size(folder: str) -> int:
    with os.scandir(folder) as entries:
        return sum(entry.stat().st_size for entry in entries)
