"""One entry for one host, worked out and not yet written: the place, the server, the change, and what to warn about."""

import argparse
import shlex
from collections.abc import Mapping

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import secret_values
from connect_mcp.base.record import field, record, replace
from connect_mcp.base.secrets import set_line
from connect_mcp.base.text import printable

from .apply import Target
from .bundled import KEY_VARIABLE, bundled_server
from .configured import entries_of, text_of
from .editors.formats import format_named
from .editors.model import Value
from .hosts.model import Host, Location
from .launch import NETWORK, OURS, located, network, taken_for_references
from .secrecy import Hidden, Spot, Wanted, hide
from .sources import Source
from .spec import ServerSpec
from .stored import needs
from .wsl import across_wsl, on_windows_alone


@record
class Job:
    """One entry to write for one host.

    Attributes:
        host: the host.
        location: the file it goes to.
        name: the entry's name.
        spec: the server.
        target: the change, for Apply.
        is_new: whether there is no entry of that name yet.
        secrets: values that must not be shown, of this server and of those already in the file.
        keep: secrets to keep in the store before the entry is written, by name.
        warnings: sentences for people.
    """

    host: Host
    location: Location
    name: str
    spec: ServerSpec
    target: Target
    is_new: bool
    secrets: frozenset[str] = field(repr=False)
    keep: Mapping[str, str] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()


def location_for(args: argparse.Namespace, machine: Machine, host: Host) -> Location:
    """The file that the options name for a host: `--scope`, `--project`, or `--config`."""
    location = host.locate(machine, args.scope, str(args.project) if args.project else None)
    return replace(location, path=machine.join(machine.cwd, str(args.config))) if args.config else location


def job_for(
    args: argparse.Namespace,
    machine: Machine,
    host: Host,
    env: dict[str, str],
    wanted: Wanted,
    *,
    embedded: bool,
    source: Source | None = None,
) -> Job:
    """Work out one entry.

    Args:
        args: the options.
        machine: where the host is.
        host: the host.
        env: the variables that `--env` names.
        wanted: what is to become of secrets.
        embedded: whether the bundled server uses its embedded workspace.
        source: the server; None for the bundled one.

    Raises:
        Refused: for a name that the host cannot have, a file that cannot be read or must not be made.
        Misuse: for a scope that the host does not have.
    """
    if why := host.refuse_name(args.name):
        raise Refused(f"{host.title} cannot have a server named {args.name!r}", why=why, mend="choose another --name")
    if not args.config and not args.force and args.scope == "user" and (there := on_windows_alone(machine, host)):
        raise Refused(
            f"{host.title} is on the Windows side of this machine, and would not read a file in WSL",
            mend=f"name its file: --config {shlex.quote(there)}",
        )
    location = location_for(args, machine, host)
    text = text_of(machine, location)
    entries = entries_of(text, location)
    if not args.force and not machine.exists(location.path) and (why := host.before_create(machine, location)):
        raise Refused(f"{host.title}: {location.path} was not made", why=why)
    spot = Spot(machine, host, args.scope, location, args.name)
    done, warnings = _server(args, spot, env, wanted, embedded=embedded, source=source)
    target = Target(
        path=location.path,
        format=location.format,
        changes=host.changes(location, args.name, done.spec, entries.get(host.entry_key(args.name))),
        hosts=(host.id,),
        rejects=frozenset() if args.force else location.rejects,
        mode=0o600 if done.inline else location.mode,
        lock=location.lock,
    )
    warnings += doubts(host, location, text)
    warnings += _others_variables(spot, entries, done.spec)
    warnings += [note] if (note := host.scopes[args.scope].note) else []
    warnings += readable_by_others(machine, location) if done.inline else []
    if source is None and not embedded:
        warnings += _missing_key(spot, done, wanted)
    secrets = (source.secrets if source else frozenset()) | done.values | secret_values(dict(entries))
    is_new = host.entry_key(args.name) not in entries
    return Job(host, location, args.name, done.spec, target, is_new, frozenset(secrets), done.keep, tuple(warnings))


def _others_variables(spot: Spot, entries: Mapping[str, Value], spec: ServerSpec) -> list[str]:
    """A project's entry keeps what it sets besides, and somebody else may have written that."""
    there = spot.host.read(entries.get(spot.host.entry_key(spot.entry)))
    left = sorted(set(there.env) - set(spec.env)) if there and spot.is_shared else []
    if not left:
        return []
    names = ", ".join(map(printable, left))
    return [f"the entry that was there also sets {names}, which stays; look at it before you start the server"]


def _server(
    args: argparse.Namespace,
    spot: Spot,
    env: dict[str, str],
    wanted: Wanted,
    *,
    embedded: bool,
    source: Source | None,
) -> tuple[Hidden, list[str]]:
    """The server as this host can start or reach it, and what was done to it, as sentences."""
    machine, host, portable = spot.machine, spot.host, spot.is_shared
    if source is None:
        spec, said = bundled_server(machine, host, args.scope, env, embedded=embedded, how=args.command_form), []
    elif source.spec.is_remote:
        spec, said = source.spec, list(source.warnings)
    else:
        spec, done = located(machine, host, source.spec, how=args.command_form, portable=portable)
        said = [*source.warnings, *done]
    if not spec.is_remote:
        dropped = {} if portable or embedded else network(machine, host, spec, NETWORK if source else OURS)
        if dropped:
            spec = replace(spec, env={**dropped, **spec.env})
            said.append(f"{host.title} would not pass {', '.join(sorted(dropped))} on, so the entry does")
    elif args.command_form != "auto":
        raise Misuse("--command is for a server that is started, and this one is at a URL")
    hidden = hide(spot, spec, wanted, source.secrets if source else frozenset())
    said += taken_for_references(host, hidden.spec)
    if not spec.is_remote:
        by_hand = bool(args.config) and args.command_form != "name"
        spec, across = across_wsl(machine, spot.location, hidden.spec, named=by_hand)
        hidden = replace(hidden, spec=spec)
        said += [across] if across else []
    return hidden, [*said, *hidden.warnings]


def doubts(host: Host, location: Location, text: str) -> list[str]:
    """What is in the file of which it is not known whether the host survives it."""
    if not location.doubts or not text:
        return []
    kinds = {quirk.kind for quirk in format_named(location.format).quirks(text)} & location.doubts
    doubt = f"it is not known whether {host.title} accepts a"
    return [f"{doubt} {kind.replace('-', ' ')} in this file" for kind in sorted(kinds)]


def readable_by_others(machine: Machine, location: Location) -> list[str]:
    """A file that is there keeps its mode, also when a secret goes into it."""
    mode = machine.files.mode(location.path)
    if machine.platform == "windows" or mode is None or not mode & 0o077:
        return []
    return [f"others on this machine can read {location.path}; `chmod 600` it"]


def _missing_key(spot: Spot, done: Hidden, wanted: Wanted) -> list[str]:
    """What the bundled server would lack."""
    needed = needs(done.spec)
    if not needed or (not wanted.profile and spot.host.server_env(spot.machine, done.spec.env).get(KEY_VARIABLE)):
        return []
    kept = wanted.store.kept()
    own = needed if wanted.profile else {KEY_VARIABLE: needed.get(KEY_VARIABLE, "")}
    missing = [name for name in own.values() if name and name not in kept and name not in done.keep]
    if not missing:
        return []
    if wanted.profile:
        return [f"{name} is not stored yet, so every call will say so: {set_line(name)}" for name in missing]
    if spot.machine.variable(KEY_VARIABLE):
        keeping = f"`connect-mcp secret set --from-env {KEY_VARIABLE}` keeps it for every host"
        return [f"{spot.host.title} does not pass {KEY_VARIABLE} on; {keeping}"]
    alternative = "`--embedded` works without an account"
    return [f"no {KEY_VARIABLE} is set, so every call will say so; `{set_line(KEY_VARIABLE)}` keeps one, {alternative}"]
