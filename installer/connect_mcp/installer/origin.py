"""What a file was before we wrote to it: the bytes that an edit may give back, where nobody else wrote meanwhile.

The journal has every file before and after each transaction. Where a file is byte for byte as one of them left it, what
that one found can be put back, and what the one before it found, and so on, as far as what they did is what is to be
taken out.
"""

from .editors import engine
from .editors.formats import format_named
from .editors.model import Section
from .journal import FileRecord, Journal


def origin(
    real: str, now: bytes | None, result: str, entries: frozenset[tuple[Section, str]], journal: Journal
) -> FileRecord | None:
    """The record whose `before` is what the file should be once more; None where the journal has none.

    Args:
        real: the file, links followed.
        now: its bytes.
        result: the text that the edit leads to: what is given back reads like it, or lacks nothing but `entries`.
        entries: the entries that are to be changed or taken out.
        journal: ours.
    """
    files = [
        file
        for earlier in journal.records("done", notes=[])
        for file in earlier.files
        if file.real == real and file.changes and not file.backward
    ]
    todo, seen = [now], {now}
    while todo:
        state = todo.pop()
        for file in files:
            if file.after != state:
                continue
            old = engine.decode(file.before or b"", file.path)
            if file.before is not None and engine.reads_alike(old, result, format_named(file.format)):
                return file
            if {(change.section, change.name) for change in file.changes} <= entries:
                if not any(_holds(file, old, section, name) for section, name in entries):
                    return file
                if file.before not in seen:
                    seen.add(file.before)
                    todo.append(file.before)
    return None


def _holds(file: FileRecord, text: str, section: Section, name: str) -> bool:
    return name in engine.read(text, format_named(file.format), section, file.path)
