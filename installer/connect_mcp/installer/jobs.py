"""One entry for one host, worked out and not yet written: the place, the server, the change, and what to warn about."""

import argparse
import os
from collections.abc import Mapping

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import looks_secret, secret_values
from connect_mcp.base.record import field, record, replace

from .apply import Target
from .bundled import KEY_VARIABLE, bundled_server
from .configured import entries_of, text_of
from .editors.formats import format_named
from .hosts.model import Host, Location
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


def job_for(args: argparse.Namespace, machine: Machine, host: Host, env: dict[str, str], *, embedded: bool) -> Job:
    """Work out one entry.

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
    if args.server:
        spec = ServerSpec(command=args.server[0], args=tuple(args.server[1:]), env=env)
    else:
        spec = bundled_server(machine, host, args.scope, env, embedded=embedded)
    target = Target(
        path=location.path,
        format=location.format,
        changes=host.changes(location, args.name, spec, entries.get(host.entry_key(args.name))),
        hosts=(host.id,),
        rejects=frozenset() if args.force else location.rejects,
        mode=0o600 if any(map(looks_secret, env)) else location.mode,
    )
    warnings = _doubts(host, location, text)
    warnings += [note] if (note := host.scopes[args.scope].note) else []
    warnings += _readable_by_others(machine, location) if any(map(looks_secret, env)) else []
    if not args.server and not embedded:
        warnings += _missing_key(host, machine, env)
    secrets = frozenset(secret_values(dict(entries)) | secret_values(env))
    return Job(
        host, location, args.name, spec, target, host.entry_key(args.name) not in entries, secrets, tuple(warnings)
    )


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
