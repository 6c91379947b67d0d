"""`connect-mcp export`: a server's entry as any host writes it, or a link that installs it, to be passed on."""

import argparse
from collections.abc import Sequence

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import masked, secret_values
from connect_mcp.base.record import record
from connect_mcp.base.text import printable

from ..configured import configured_files, used_first
from ..diff import short
from ..editors.engine import edit
from ..editors.formats import format_named
from ..editors.model import Value
from ..hosts.all_hosts import HOSTS, find, find_all
from ..hosts.model import Host
from ..options import SCOPES, add_output, add_project
from ..outcome import Outcome
from ..spec import ServerSpec

BUNDLED = "connect"

EXAMPLES = """examples:
  connect-mcp export connect --to codex,vscode     the bundled server in their own form
  connect-mcp export github --from cursor --all-hosts
  connect-mcp export github --from cursor --to cursor --link
"""


@record
class Source:
    """A server to pass on: the bundled one, or an entry of a host.

    Attributes:
        name: what it is called.
        host: whose entry it is; None for the bundled server.
        entry: the entry.
    """

    name: str
    host: Host | None = None
    entry: Value = None


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `export` takes."""
    parser.add_argument("name", metavar="NAME", help=f"the server's name; `{BUNDLED}` is also the bundled server")
    parser.add_argument("--from", dest="source", metavar="HOST", help="whose entry (default: that of whoever has one)")
    parser.add_argument(
        "--to", action="append", default=[], metavar="HOST[,HOST]…", help="for these hosts (default: those found)"
    )
    parser.add_argument("--all-hosts", action="store_true", help="for every host")
    parser.add_argument("--link", action="store_true", help="a link that installs it, for the hosts that take one")
    parser.add_argument("--embedded", action="store_true", help="the bundled server with its embedded workspace")
    parser.add_argument("--scope", choices=SCOPES, help="for whose file (default: user)")
    add_project(parser)
    add_output(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Print the entry for every host that was asked for; no secret is in it.

    Raises:
        Refused: where there is no such server, or several different ones.
        Misuse: where the arguments cannot be meant.
    """
    args.scope = args.scope or "user"
    source = _source(args, machine)
    known = frozenset(secret_values(source.entry))
    told: list[dict[str, object]] = []
    parts: list[str] = []
    for host in _targets(args, machine):
        try:
            fact, text = _exported(args, machine, source, host)
        except Misuse:
            raise
        except Refused as refusal:
            why = masked(printable("; ".join(filter(None, (refusal.what, refusal.why, refusal.mend)))), known)
            told.append({"host": host.id, "why": why})
            parts.append(f"# {host.title}: {why}\n")
        else:
            told.append(fact)
            parts.append(text)
    failed = all("why" in fact for fact in told)
    return Outcome({"command": "export", "name": source.name, "hosts": told}, "\n".join(parts), 1 if failed else 0)


def _targets(args: argparse.Namespace, machine: Machine) -> Sequence[Host]:
    if args.to and args.all_hosts:
        raise Misuse("--to and --all-hosts exclude each other")
    if args.to:
        return find_all(name for text in args.to for name in text.split(","))
    hosts = [host for host in HOSTS if args.scope in host.scopes]
    if args.link:
        from ..links import LINKED

        hosts = [host for host in hosts if host.id in LINKED]
    found = [] if args.all_hosts else [host for host in hosts if host.detect(machine)]
    return found or hosts


def _source(args: argparse.Namespace, machine: Machine) -> Source:
    """The server that is meant.

    Raises:
        Refused: where there is none, or several that differ.
    """
    project = str(args.project) if args.project else None
    found: list[Source] = []
    for host in [find(args.source)] if args.source else HOSTS:
        files = used_first(configured_files(machine, host, project))
        key = host.entry_key(args.name)
        entry = next((file.entries[key] for file in files if key in file.entries), None)
        if entry is not None and host.read(entry) is not None:
            found.append(Source(args.name, host, entry))
    if not found and args.name == BUNDLED and not args.source:
        return Source(args.name)
    if not found:
        where = find(args.source).title if args.source else "no host"
        what = "has no server" if args.source else "has a server"
        raise Refused(f"{where} {what} named `{printable(args.name)}`", mend="connect-mcp status lists them")
    specs = [source.host.read(source.entry) for source in found if source.host]
    if args.name == BUNDLED and not args.source:
        from ..bundled import is_bundled

        if all(spec is not None and is_bundled(spec) for spec in specs):  # each host has it in its own way
            args.embedded = args.embedded or all(spec is not None and "--embedded" in spec.args for spec in specs)
            return Source(args.name)
    if any(spec != specs[0] for spec in specs):
        titles = ", ".join(source.host.id for source in found if source.host)
        raise Refused(
            f"several hosts have a server named `{printable(args.name)}`, and they differ",
            why=f"they are {titles}",
            mend="name one with --from",
        )
    return found[0]


def _server(
    args: argparse.Namespace, machine: Machine, source: Source, host: Host
) -> tuple[ServerSpec, tuple[str, ...]]:
    """The server for a host, and what of it has no equivalent there."""
    if source.host is None:
        from ..bundled import bundled_server

        return bundled_server(machine, host, args.scope, {}, embedded=args.embedded), ()
    if source.host is host:
        spec = host.read(source.entry)
        assert spec is not None
        return spec, ()
    from ..translate import translated

    server = translated(source.host, source.entry, host, machine)
    return server.spec, server.notes


def _exported(args: argparse.Namespace, machine: Machine, source: Source, host: Host) -> tuple[dict[str, object], str]:
    from ..links import link, without_secrets

    if why := host.refuse_name(source.name):
        raise Refused(f"{host.title} cannot have a server of this name", why=why)
    spec, notes = _server(args, machine, source, host)
    if args.link:
        made = link(host, source.name, spec)
        lines = [f"# {host.title}", made.url, *_to_add(made.missing), *(f"# {note}" for note in notes)]
        fact: dict[str, object] = {
            "host": host.id,
            "link": made.url,
            "missing": list(made.missing),
            "without": list(notes),
        }
        return fact, "\n".join(lines) + "\n"
    location = host.locate(machine, args.scope, str(args.project) if args.project else None)
    spec, missing = without_secrets(host, source.name, spec)
    changes = host.changes(location, source.name, spec)
    snippet = edit("", format_named(location.format), changes).new.rstrip("\n")
    shown = "\n".join(masked(printable(line)) for line in snippet.split("\n"))
    lines = [f"# {host.title}: {short(location.path, machine)}", shown, *_to_add(missing)]
    lines += [f"# {printable(note)}" for note in notes]
    fact = {
        "host": host.id,
        "path": location.path,
        "format": location.format,
        "snippet": shown,
        "missing": list(missing),
        "without": list(notes),
    }
    return fact, "\n".join(lines) + "\n"


def _to_add(missing: Sequence[str]) -> list[str]:
    return [f"# to be set by whoever uses it: {', '.join(map(printable, missing))}"] if missing else []
