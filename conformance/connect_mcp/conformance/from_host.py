"""A server that a host has configured, as that host would start or reach it."""

from connect_mcp.base.errors import Misuse, Place, Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import masked, secret_values
from connect_mcp.base.record import replace
from connect_mcp.base.text import printable
from connect_mcp.installer.configured import ConfiguredFile, configured_files, used_first
from connect_mcp.installer.hosts.all_hosts import find
from connect_mcp.installer.hosts.model import Host
from connect_mcp.installer.spec import ServerSpec

from .guard import Guard
from .replay import Server
from .subject import StdioSubject
from .target import Target, by_url


def from_host(named: str, machine: Machine, guard: Guard, timeout: float, *, start: bool) -> Target:
    """The server that `HOST` or `HOST:NAME` names.

    Args:
        named: the host, and the entry where there is more than one.
        machine: where the host runs.
        guard: sees to it that the server's processes end with us.
        timeout: seconds to wait for a remote server.
        start: whether a project's entry may be used: it is somebody else's code until its command was looked at.

    Raises:
        Misuse: where there is no such host or entry, or the entry is not named where there are several.
        Refused: where the file cannot be read, the entry refers to what is not known here, or the server may not or
            cannot be started.
    """
    name, _, entry = named.partition(":")
    host = find(name)
    files = used_first(list(configured_files(machine, host)))
    found = {key: file for file in reversed(files) for key in file.entries}
    if not entry and len(found) == 1:
        entry = next(iter(found))
    if entry not in found:
        raise _which(host, entry, found, files)
    file = found[entry]
    spec = host.read(file.entries[entry])
    if spec is None:
        raise Refused(f"the entry {printable(entry)!r} is none that {host.title} would start or reach", place=_at(file))
    words = [spec.url] if spec.is_remote else [spec.command, *spec.args]
    shown = printable(masked(" ".join(words), secret_values({"args": words})))
    if file.scope == "project" and not start:
        what = f"`{shown}` is named by a project's file, and is not started without being asked for"
        raise Refused(what, place=_at(file), mend=f"look at the command, then add --start to --from {printable(named)}")
    known = host.put_in(machine, spec, machine.cwd)
    if known is None:
        what = f"`{shown}` refers to what only {host.title} knows, or to a variable that is not set"
        raise Refused(what, place=_at(file), mend="set the variable, or name the server itself after --")
    target = _reached(host, known, machine, timeout) if spec.is_remote else _started(host, known, machine, guard, shown)
    return replace(target, name=entry)


def _started(host: Host, spec: ServerSpec, machine: Machine, guard: Guard, shown: str) -> Target:
    env = host.server_env(machine, spec.env)
    program = machine.which(spec.command, env.get("PATH"))
    if program is None:
        raise Refused(f"{printable(masked(spec.command))} is not found on the PATH that {host.title} passes on")
    argv = [program, *spec.args]
    subject = StdioSubject(argv, guard, env=env, cwd=spec.cwd)
    subject.name = f"{shown} (as {host.title} starts it)"
    return Target(subject, Server(argv, host.filled(machine, spec.env) or None, spec.cwd))


def _reached(host: Host, spec: ServerSpec, machine: Machine, timeout: float) -> Target:
    # An entry that names no transport, or the new one, may still lead to an old server: hosts fall back to that.
    old = True if spec.transport == "sse" else None
    return by_url(spec.url, host.filled(machine, spec.headers), timeout, old=old)


def _which(host: Host, entry: str, found: dict[str, ConfiguredFile], files: list[ConfiguredFile]) -> Refused:
    refusal = next((file.refusal for file in files if file.refusal is not None), None)
    if refusal is not None and entry not in found:
        return refusal
    if not found:
        mend = f"connect-mcp configure {host.id}"
        return Refused(f"{host.title} has no server configured", place=_at(files[0]) if files else None, mend=mend)
    known = ", ".join(printable(name) for name in sorted(found))
    what = f"{host.title} has no server called {printable(entry)!r}" if entry else f"{host.title} has several servers"
    return Misuse(what, why=f"there are {known}", mend=f"--from {host.id}:{printable(sorted(found)[0])}")


def _at(file: ConfiguredFile) -> Place:
    return Place(printable(file.location.path))
