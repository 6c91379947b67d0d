"""`connect-mcp undo`: put back what a command changed, and say what can be put back."""

import argparse
import os

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.text import printable

from ..diff import short, unified
from ..history import Past, Restored, Undone, past, plan_undo, purge, undo
from ..journal import Journal
from ..options import add_writing
from ..outcome import Outcome
from ..prompt import confirmed, somebody_is_there

EXAMPLES = """examples:
  connect-mcp undo                 what the last command changed
  connect-mcp undo --list          what there is to undo
  connect-mcp undo 12 --dry-run    what undoing that one would change
  connect-mcp undo 12              that one alone; what came after it stays
  connect-mcp undo --purge         drop the copies, which may hold secrets
"""

HOW = {
    "exact": ("its old bytes are back", "its old bytes would come back"),
    "deleted": ("it was made by that command, and is gone again", "it was made by that command, and would go"),
    "reversed": (
        "{others} wrote to it since, so only this change was taken out",
        "{others} wrote to it since, so only this change would be taken out",
    ),
    "same": ("it was as before that command already", "it is as before that command already"),
    "gone": ("it was removed since, and is not made again", "it was removed since, and would not be made again"),
    "left": ("nothing of that command was left in it", "nothing of that command is left in it"),
    "skipped": ("left as it is, as you asked", "it would stay as it is, as you asked"),
}
"""What is said of a file, once it is done and before."""

OUTLOOK = {
    "exact": "its exact bytes can come back",
    "ours": "written since; that change alone can be taken out",
    "nothing": "nothing of that change is left",
    "unreadable": "it cannot be read now",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `undo` takes."""
    parser.add_argument(
        "id", nargs="?", type=int, metavar="N", help="its number from --list (default: the last one that is in force)"
    )
    parser.add_argument("--list", action="store_true", dest="listing", help="show what was done, newest first")
    parser.add_argument("--purge", action="store_true", help="drop the copies that undo needs")
    parser.add_argument(
        "--skip", action="append", default=[], metavar="FILE", help="leave this one of its files as it is"
    )
    add_writing(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Take a transaction back, or list them, or drop them.

    Raises:
        Refused: where there is none, or a file cannot be read or written.
        Misuse: where the arguments cannot be meant.
    """
    if args.listing and args.purge:
        raise Misuse("--list and --purge exclude each other")
    if (args.listing or args.purge) and (args.id is not None or args.skip):
        raise Misuse(f"--{'list' if args.listing else 'purge'} is about all transactions")
    if args.listing:
        return _list(machine, folders)
    if args.purge:
        return _purge(args, folders)
    skip = [machine.join(machine.cwd, os.path.expanduser(path)) for path in args.skip]
    if args.dry_run:
        return _shown(plan_undo(folders, args.id, skip=skip), machine, dry_run=True)
    return _shown(undo(folders, args.id, skip=skip, in_place=args.in_place), machine, dry_run=False)


def _shown(undone: Undone, machine: Machine, *, dry_run: bool) -> Outcome:
    lines = [f"{'would undo' if dry_run else 'undid'}: connect-mcp {printable(undone.command)}"]
    lines += [f"  {short(file.path, machine)}: {_how(file, dry_run=dry_run)}" for file in undone.files]
    lines += [] if undone.files else ["  no file was changed by it, only what we know to be ours"]
    lines += [f"note: {printable(note)}" for note in undone.notes]
    data: dict[str, object] = {
        "command": "undo",
        "id": undone.id,
        "undid": undone.command,
        "files": [{"path": file.path, "how": file.how, "since": list(file.since)} for file in undone.files],
        "notes": list(undone.notes),
    }
    if dry_run:
        shown = {file.path: _diff(file) for file in undone.files}
        return Outcome({**data, "dry_run": True, "diffs": shown}, "\n".join([*lines, *filter(None, shown.values())]))
    back = f"connect-mcp undo {undone.number}"
    return Outcome({**data, "number": undone.number, "undo": back}, "\n".join([*lines, f"undo with: {back}"]))


def _how(file: Restored, *, dry_run: bool) -> str:
    others = f"transaction {' and '.join(map(str, file.since))}" if file.since else "others"
    return HOW[file.how][dry_run].format(others=others)


def _diff(file: Restored) -> str:
    before, after = ((data or b"").decode("utf-8", "replace") for data in (file.before, file.after))
    return unified(before, after, file.path, file.secrets)


def _list(machine: Machine, folders: Folders) -> Outcome:
    import time

    notes: list[str] = []
    found, now = past(folders, notes), time.time()
    lines = [line for one in found for line in _lines(one, now, machine)] or ["there is nothing that could be undone"]
    lines += [f"note: {printable(note)}" for note in notes]
    return Outcome({"command": "undo", "list": [_facts(one, now) for one in found], "notes": notes}, "\n".join(lines))


def _lines(one: Past, now: float, machine: Machine) -> list[str]:
    lines = [f"{one.id:>4}  {_age(now - one.time):<15}  connect-mcp {printable(one.command)}"]
    if one.undone_by:
        return [*lines, f"      undone; connect-mcp undo {one.undone_by} puts it back"]
    return [*lines, *(f"      {short(path, machine)}: {OUTLOOK[outlook]}" for path, outlook in one.files)]


def _facts(one: Past, now: float) -> dict[str, object]:
    return {
        "id": one.id,
        "time": one.time,
        "age": round(now - one.time),
        "command": one.command,
        "undoes": one.undoes,
        "undone_by": one.undone_by,
        "files": [{"path": path, "outlook": outlook} for path, outlook in one.files],
    }


def _age(seconds: float) -> str:
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (count := int(seconds // size)) > 0:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _purge(args: argparse.Namespace, folders: Folders) -> Outcome:
    notes: list[str] = []
    found = past(folders, notes)
    copies, numbers = Journal(folders).size(), [one.id for one in found]
    data = {"command": "undo", "dropped": numbers, "bytes": copies, "dry_run": args.dry_run}
    if not copies:
        return Outcome(data, "there is nothing to drop")
    count = len(numbers) + len(notes)
    what = f"the copies that undo needs ({count} transaction{'' if count == 1 else 's'}, {_amount(copies)})"
    if args.dry_run:
        return Outcome(data, f"would drop {what}; none of them could be undone then")
    if not args.yes:
        if args.json or not somebody_is_there():
            raise Misuse(f"this would drop {what}, and there is nobody to ask", mend="repeat it with --yes")
        if not confirmed(f"Drop {what}? None of them can be undone then."):
            raise Refused("nothing was dropped")
    purge(folders)
    return Outcome(data, f"dropped {what}; what is installed is still known")


def _amount(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
