"""`connect-mcp copy`: the servers of one host in others, each in that host's own form, in one transaction."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import masked, secret_values
from connect_mcp.base.record import record
from connect_mcp.base.secrets import Store
from connect_mcp.base.text import printable

from ..apply import plan, write
from ..configured import ConfiguredFile, configured_files, entries_of, switched_off, text_of, used_first
from ..diff import changed_paths, diffs, short
from ..hosts.all_hosts import find, find_all
from ..hosts.model import Host
from ..jobs import Job
from ..options import SCOPES, add_project, add_writing
from ..outcome import Outcome
from ..placing import Foreseen, job_of, must_be_readable
from ..secrecy import Mode, Spot, Wanted, hide, keeping
from ..translate import translated

UNDO = "connect-mcp undo"

EXAMPLES = """examples:
  connect-mcp copy --from cursor --to codex,vscode            every server that Cursor has
  connect-mcp copy --from cursor --name github --to claude-code --dry-run
  connect-mcp copy --from claude-code --from-scope project --to vscode --scope project
"""


@record
class Copied:
    """What became of one server for one host.

    Attributes:
        host: the host that it is for.
        name: the server's name.
        path: the host's file.
        job: what is written; None where nothing is.
        notes: what has no equivalent there.
        why: why it was not copied, or "".
    """

    host: Host
    name: str
    path: str
    job: Job | None = None
    notes: tuple[str, ...] = ()
    why: str = ""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `copy` takes."""
    parser.add_argument("--from", dest="source", required=True, metavar="HOST", help="the host that has the servers")
    parser.add_argument("--to", action="append", required=True, metavar="HOST[,HOST]…", help="the hosts to copy to")
    parser.add_argument("--name", action="append", default=[], help="only this server; may be repeated (default: all)")
    parser.add_argument("--from-scope", choices=SCOPES, help="whose servers (default: those that the host uses)")
    parser.add_argument("--scope", choices=SCOPES, help="whose file to write (default: user)")
    parser.add_argument(
        "--secrets", choices=get_args(Mode), help="what becomes of secrets: as for `configure` (default: store)"
    )
    parser.add_argument("--force", action="store_true", help="replace other entries of the same name")
    add_project(parser)
    add_writing(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Copy the servers; what a host cannot have is said, and the rest is written.

    Raises:
        Refused: where there is nothing to copy, or a file cannot be edited; then nothing is changed.
        Misuse: where the arguments cannot be meant.
    """
    args.scope = args.scope or "user"
    source = find(args.source)
    targets = find_all(name for text in args.to for name in text.split(","))
    if source in targets:
        raise Misuse(f"{source.title} cannot be copied to itself", mend="name other hosts with --to")
    files = _chosen(args, machine, source)
    off = switched_off(machine, source, str(args.project) if args.project else None)
    foreseen = Foreseen(folders.config)
    wish = Wanted(foreseen, args.secrets, force=args.force)
    copied = [
        _copied(args, machine, source, file, name, target, wish, foreseen, off)
        for target in targets
        for name, file in files.items()
    ]
    jobs = [one.job for one in copied if one.job]
    planned = plan([job.target for job in jobs])
    if not args.force:
        must_be_readable(jobs, planned)
    failed = any(one.why for one in copied)
    if args.dry_run:
        shown = diffs(planned, _secrets(jobs, files.values()))
        lines = [*filter(None, shown.values()), *_lines(copied, changed_paths(planned), machine)]
        data = {"command": "copy", "dry_run": True, **_facts(source, copied, changed_paths(planned)), "diffs": shown}
        return Outcome(data, "\n".join(lines), 1 if failed else 0)
    from ..running import must_be_closed

    for job in jobs:
        must_be_closed(job.host, force=args.force)
    command = " ".join(["copy", "--from", source.id, "--to", ",".join(host.id for host in targets)])
    with keeping(Store(folders.config), foreseen.pending):
        written = write(
            [job.target for job in jobs], folders, command=command, in_place=args.in_place, known=planned
        ).files
    changed = changed_paths(written)
    lines = _lines(copied, changed, machine)
    lines += [f"kept in the store: {', '.join(foreseen.pending)}"] if foreseen.pending else []
    lines += [f"undo with: {UNDO}"] if changed else []
    data = {"command": "copy", **_facts(source, copied, changed), "undo": UNDO if changed else None}
    return Outcome(data, "\n".join(lines), 1 if failed else 0)


def _chosen(args: argparse.Namespace, machine: Machine, source: Host) -> dict[str, ConfiguredFile]:
    """The servers to copy, with the file that each is in: of several of one name, the one that the host uses.

    Raises:
        Refused: where one is not there, or there are none.
    """
    project = str(args.project) if args.project else None
    files = [file for file in configured_files(machine, source, project) if args.from_scope in (None, file.scope)]
    if broken := next((file.refusal for file in files if file.refusal and not file.rank), None):
        raise broken
    found: dict[str, ConfiguredFile] = {}
    for file in used_first(files):
        for name in file.entries:
            found.setdefault(name, file)
    wanted = [source.entry_key(name) for name in args.name] or list(found)
    missing = next((name for name in wanted if name not in found), None)
    if missing is not None or not wanted:
        names = ", ".join(f"`{printable(name)}`" for name in found) or "none"
        what = f"no server named `{printable(missing)}`" if missing is not None else "no servers"
        raise Refused(f"{source.title} has {what}", why=f"its servers: {names}", mend="connect-mcp status lists them")
    return {name: found[name] for name in wanted}


def _copied(
    args: argparse.Namespace,
    machine: Machine,
    source: Host,
    file: ConfiguredFile,
    name: str,
    target: Host,
    wish: Wanted,
    foreseen: Foreseen,
    off: frozenset[str],
) -> Copied:
    """One server for one host; where that host cannot have it, why."""
    location = target.locate(machine, args.scope, str(args.project) if args.project else None)
    entry = file.entries[name]
    known = frozenset(secret_values(entry))
    try:
        server = translated(source, entry, target, machine, off=name in off)
        notes = tuple(masked(printable(note), known) for note in server.notes)
        spot = Spot(machine, target, args.scope, location, name)
        existing = entries_of(text_of(machine, location), location).get(target.entry_key(name))
        hidden = hide(spot, server.spec, wish, known)
        if existing is not None and target.read(existing) in (server.spec, hidden.spec):
            return Copied(target, name, location.path, notes=notes)
        if existing is not None and not args.force:
            place = short(location.path, machine)
            return Copied(
                target, name, location.path, why=f"another server of this name is in {place}; --force replaces it"
            )
        if args.scope == "project" and machine.join(machine.home, server.spec.command) == server.spec.command:
            notes += ("its command is a path on this machine, and a project's file is shared with others",)
        job = job_of(spot, hidden, extra=server.extra, force=args.force)
        foreseen.pending.update(hidden.keep)
    except Misuse:
        raise
    except Refused as refusal:
        why = "; ".join(filter(None, (refusal.what, refusal.why, refusal.mend)))
        return Copied(target, name, location.path, why=masked(printable(why), known))
    return Copied(target, name, location.path, job, notes)


def _secrets(jobs: Sequence[Job], files: Iterable[ConfiguredFile]) -> frozenset[str]:
    theirs = frozenset(value for file in files for value in secret_values(dict(file.entries)))
    return theirs.union(*(job.secrets for job in jobs))


def _action(one: Copied, changed: frozenset[str]) -> str:
    if one.why:
        return "not copied"
    if one.job is None or one.path not in changed:
        return "unchanged"
    return "added" if one.job.is_new else "updated"


def _facts(source: Host, copied: Sequence[Copied], changed: frozenset[str]) -> Mapping[str, object]:
    facts = [
        {
            "host": one.host.id,
            "name": one.name,
            "path": one.path,
            "action": _action(one, changed),
            "why": one.why or None,
            "without": list(one.notes),
            "warnings": list(one.job.warnings) if one.job else [],
        }
        for one in copied
    ]
    return {"from": source.id, "copies": facts}


def _lines(copied: Sequence[Copied], changed: frozenset[str], machine: Machine) -> list[str]:
    """What became of each server, host by host; what is true of a host's whole file is said once."""
    lines: list[str] = []
    for host in {one.host.id: one.host for one in copied}.values():
        mine = [one for one in copied if one.host is host]
        path = mine[0].path
        lines.append(f"{host.title} ({short(path, machine)})")
        for one in mine:
            lines.append(f"  `{printable(one.name)}`: {_action(one, changed)}" + (f": {one.why}" if one.why else ""))
            lines += [f"    {note}" for note in one.notes]
        warnings = dict.fromkeys(warning for one in mine if one.job for warning in one.job.warnings)
        lines += [f"  warning: {warning}" for warning in warnings]
        lines += [f"  {host.reload}"] if path in changed else []
    return lines
