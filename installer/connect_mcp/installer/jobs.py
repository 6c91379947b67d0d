"""One entry for one host, worked out and not yet written: the place, the server, the change, and what to warn about."""

import argparse
import os
from collections.abc import Mapping

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import looks_secret, secret_values
from connect_mcp.base.record import field, record, replace

from .apply import Target
from .bundled import KEY_VARIABLE, bundled_server
from .configured import entries_of, text_of
from .editors.formats import format_named
from .hosts.model import Host, Location
from .launch import across_wsl, has_password, located, network, taken_for_references
from .sources import Source
from .spec import ServerSpec


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
        warnings: sentences for people.
    """

    host: Host
    location: Location
    name: str
    spec: ServerSpec
    target: Target
    is_new: bool
    secrets: frozenset[str] = field(repr=False)
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
        embedded: whether the bundled server uses its embedded workspace.
        source: the server; None for the bundled one.

    Raises:
        Refused: for a name that the host cannot have, a file that cannot be read or must not be made.
        Misuse: for a scope that the host does not have.
    """
    if why := host.refuse_name(args.name):
        raise Refused(f"{host.title} cannot have a server named {args.name!r}", why=why, mend="choose another --name")
    location = location_for(args, machine, host)
    text = text_of(machine, location)
    entries = entries_of(text, location)
    if not args.force and not machine.exists(location.path) and (why := host.before_create(machine, location)):
        raise Refused(f"{host.title}: {location.path} was not made", why=why)
    spec, warnings = _server(args, machine, host, location, env, embedded=embedded, source=source)
    secrets = (source.secrets if source else frozenset()) | secret_values(dict(spec.env)) | _with_password(spec)
    private = bool(secrets) or any(map(looks_secret, (*spec.env, *spec.headers)))
    target = Target(
        path=location.path,
        format=location.format,
        changes=host.changes(location, args.name, spec, entries.get(host.entry_key(args.name))),
        hosts=(host.id,),
        rejects=frozenset() if args.force else location.rejects,
        mode=0o600 if private else location.mode,
        lock=location.lock,
    )
    warnings += _doubts(host, location, text)
    warnings += [note] if (note := host.scopes[args.scope].note) else []
    warnings += _readable_by_others(machine, location) if private else []
    if source is None and not embedded:
        warnings += _missing_key(host, machine, env)
    return Job(
        host,
        location,
        args.name,
        spec,
        target,
        host.entry_key(args.name) not in entries,
        frozenset(secret_values(dict(entries)) | secrets),
        tuple(warnings),
    )


def _server(
    args: argparse.Namespace,
    machine: Machine,
    host: Host,
    location: Location,
    env: dict[str, str],
    *,
    embedded: bool,
    source: Source | None,
) -> tuple[ServerSpec, list[str]]:
    """The server as this host can start or reach it, and what was done to it, as sentences."""
    portable = args.scope == "project"
    if source is None:
        spec, said = bundled_server(machine, host, args.scope, env, embedded=embedded, how=args.command_form), []
    elif source.spec.is_remote:
        spec, said = source.spec, list(source.warnings)
    else:
        spec, done = located(machine, host, source.spec, how=args.command_form, portable=portable)
        said = [*source.warnings, *done]
    if not spec.is_remote:
        dropped = {} if portable or embedded else network(machine, host, spec)
        if dropped:
            spec = replace(spec, env={**dropped, **spec.env})
            said.append(f"{host.title} would not pass {', '.join(sorted(dropped))} on, so the entry does")
        by_hand = bool(args.config) and args.command_form != "name"
        spec, across = across_wsl(machine, location, spec, named=by_hand)
        said += [across] if across else []
    elif args.command_form != "auto":
        raise Misuse("--command is for a server that is started, and this one is at a URL")
    return spec, [*said, *taken_for_references(host, spec)]


def _with_password(spec: ServerSpec) -> frozenset[str]:
    """The proxies' URLs that a password stands in."""
    return frozenset(text for text in spec.env.values() if "://" in text and has_password(text))


def _doubts(host: Host, location: Location, text: str) -> list[str]:
    """What is in the file of which it is not known whether the host survives it."""
    if not location.doubts or not text:
        return []
    kinds = {quirk.kind for quirk in format_named(location.format).quirks(text)} & location.doubts
    doubt = f"it is not known whether {host.title} accepts a"
    return [f"{doubt} {kind.replace('-', ' ')} in this file" for kind in sorted(kinds)]


def _readable_by_others(machine: Machine, location: Location) -> list[str]:
    """A file that is there keeps its mode, also when a secret goes into it."""
    if machine.platform == "windows" or not machine.exists(location.path):
        return []
    if not os.stat(location.path).st_mode & 0o077:
        return []
    return [f"others on this machine can read {location.path}; `chmod 600` it"]


def _missing_key(host: Host, machine: Machine, env: Mapping[str, str]) -> list[str]:
    if host.server_env(machine, env).get(KEY_VARIABLE):
        return []
    if machine.variable(KEY_VARIABLE):
        return [f"{host.title} does not pass {KEY_VARIABLE} on; `--env {KEY_VARIABLE}` writes it into the entry"]
    return [f"no {KEY_VARIABLE} is set, so every call will say so; `--embedded` works without an account"]
