"""`connect-mcp uninstall`: list what is ours on this machine, ask, and take it out: entries, secrets, state."""

import argparse
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from connect_mcp.base.errors import Misuse, Place, Refused
from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.record import record
from connect_mcp.base.secrets import Store
from connect_mcp.base.text import printable

from ..apply import Target, plan_out, take_out
from ..configured import configured_files
from ..diff import diffs, short
from ..hosts.all_hosts import HOSTS, find
from ..journal import Journal
from ..options import add_writing
from ..outcome import Outcome
from ..prompt import confirmed, somebody_is_there
from ..recorded import Ours, ours, removal, switched_by_us
from ..running import must_be_closed

EXAMPLES = """examples:
  connect-mcp uninstall --dry-run    what would go
  connect-mcp uninstall              lists it and asks
  connect-mcp uninstall --data       with what the embedded workspace holds

The program itself goes the way it came: pip uninstall connect-mcp, uv tool uninstall connect-mcp, ...
"""


@record
class Belongings:
    """What is ours on this machine.

    Attributes:
        entries: what we put into hosts' files.
        kept: the names of stored secrets; True for one in the system's keychain.
        folders: our own folders that are there and go.
        data: the folder of the embedded workspace where it is there and stays; None otherwise.
    """

    entries: tuple[Ours, ...]
    kept: tuple[tuple[str, bool], ...]
    folders: tuple[Path, ...]
    data: Path | None


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `uninstall` takes."""
    parser.add_argument("--data", action="store_true", help="take out what the embedded workspace holds as well")
    add_writing(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Take out everything that is ours; hosts' files get the bytes back that they had before, where nobody else wrote.

    Raises:
        Refused: where a file cannot be edited, or the person says no; nothing is taken out then.
        Misuse: where nobody is there to agree.
    """
    found = belongings(machine, folders, data=args.data)
    targets = _targets(found, machine, Journal(folders))
    planned = plan_out(targets, folders, all_hosts=True)
    listed = _listed(found, machine)
    facts = _facts(found)
    if args.dry_run:
        shown = diffs(planned, frozenset().union(*(one.secrets for one in found.entries)))
        text = "\n".join([*filter(None, shown.values()), *listed, *_left(machine, found)])
        return Outcome({"command": "uninstall", "dry_run": True, **facts, "diffs": shown}, text)
    if not listed:
        return Outcome({"command": "uninstall", **facts}, "there is nothing of ours here")
    _agree(listed, args, machine, found)
    for host in {host for one in found.entries if one.state != "missing" for host in one.row.hosts}:
        must_be_closed(find(host), force=False)
    if targets:
        take_out(targets, folders, command="uninstall", all_hosts=True, in_place=args.in_place)
    if Journal(folders).unsettled():
        raise Refused(
            "a command was interrupted, and what it left open cannot be settled now",
            place=Place(str(folders.state)),
            why="the bytes that it replaced are in there alone",
            mend="connect-mcp status says which files; free them and run the command again",
        )
    _forget(found)
    for folder in found.folders:
        _remove(folder, machine)
    lines = ["taken out:", *listed, *_left(machine, found)]
    return Outcome({"command": "uninstall", **facts}, "\n".join(lines))


def belongings(machine: Machine, folders: Folders, *, data: bool) -> Belongings:
    """What is ours here.

    Args:
        machine: where.
        folders: ours.
        data: whether the embedded workspace goes as well.

    Raises:
        Refused: where our own files cannot be read.
    """
    kept = Store(folders.config).kept()
    there = [folder for folder in (folders.config, folders.state) if os.path.lexists(folder)]
    has_data = os.path.lexists(folders.data)
    return Belongings(
        entries=tuple(ours(machine, folders)),
        kept=tuple((name, secret.keychain) for name, secret in kept.items()),
        folders=(*there, *([folders.data] if has_data and data else [])),
        data=folders.data if has_data and not data else None,
    )


def _targets(found: Belongings, machine: Machine, journal: Journal) -> list[Target]:
    """What takes all entries of ours out, and their names out of the lists of what is off."""
    targets = [removal(one) for one in found.entries]
    for one in found.entries:
        for host in map(find, one.row.hosts):
            targets += switched_by_us(machine, journal, host, one.row.name, one.row.real, everywhere=True)
    return targets


def _agree(listed: Sequence[str], args: argparse.Namespace, machine: Machine, found: Belongings) -> None:
    if args.yes:
        return
    if not somebody_is_there() or args.json:
        raise Misuse("nobody is there to agree", mend="--dry-run shows what would go, and --yes takes it out")
    question = "\n".join(["To be taken out:", *listed, *_left(machine, found), "This cannot be undone. Go on?"])
    if not confirmed(question):
        raise Refused("nothing was taken out")


def _forget(found: Belongings) -> None:
    """Take our secrets out of the keychain; those in the file go with it."""
    names = [name for name, in_keychain in found.kept if in_keychain]
    if names:
        from connect_mcp.base import keychain  # nothing of it is needed for what the file has

        for name in names:
            keychain.forget(name)


def _remove(folder: Path, machine: Machine) -> None:
    """Remove a folder of ours, and those above it that are empty then, up to the home folder."""
    try:
        if folder.is_symlink():  # somebody keeps it elsewhere: the link is not ours
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            return
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise Refused("this folder could not be removed", place=Place(str(folder)), why=why) from None
    home = Path(machine.home)
    for above in folder.parents:
        if above == home or home not in above.parents:
            return
        try:
            above.rmdir()
        except OSError:
            return


def _facts(found: Belongings) -> dict[str, object]:
    return {
        "entries": [
            {"hosts": list(one.row.hosts), "path": one.row.path, "name": one.row.name, "state": one.state}
            for one in found.entries
        ],
        "secrets": [{"name": name, "keychain": in_keychain} for name, in_keychain in found.kept],
        "folders": [str(folder) for folder in found.folders],
        "data": str(found.data) if found.data else None,
    }


def _listed(found: Belongings, machine: Machine) -> list[str]:
    notes = {"missing": " (gone already)", "changed": " (changed by hand since)"}
    lines = []
    for one in found.entries:
        titles = ", ".join(find(host).title for host in one.row.hosts)
        place = short(one.row.path, machine)
        lines.append(f"  {titles}: `{printable(one.row.name)}` in {place}{notes.get(one.state, '')}")
    for name, in_keychain in found.kept:
        lines.append(f"  the secret {printable(name)}{' in the keychain' if in_keychain else ''}")
    return [*lines, *(f"  {short(str(folder), machine)}" for folder in found.folders)]


def _left(machine: Machine, found: Belongings) -> list[str]:
    """What stays, and what a person must take out."""
    lines = []
    if found.data:
        lines.append(
            f"what the embedded workspace holds stays in {short(str(found.data), machine)}; --data takes it out"
        )
    for path, name in _not_recorded(machine, found):
        lines.append(
            f"`{printable(name)}` in {short(path, machine)} starts connect-mcp and was not put by it: it stays"
        )
    return lines


def _not_recorded(machine: Machine, found: Belongings) -> Iterator[tuple[str, str]]:
    """Entries that start us, and that we have no record of."""
    from ..stored import our_arguments

    known = {(one.row.real, one.row.name) for one in found.entries}
    for host in HOSTS:
        for file in configured_files(machine, host):
            for name, entry in file.entries.items():
                spec = host.read(entry)
                if spec and our_arguments(spec) and (machine.files.real(file.location.path), name) not in known:
                    known.add((machine.files.real(file.location.path), name))
                    yield file.location.path, name
