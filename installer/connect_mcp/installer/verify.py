"""Starting what was written, once, the way its host will start it, or asking it where it is a URL."""

import json
from collections.abc import Mapping

from connect_mcp.base.errors import Refused
from connect_mcp.base.fixtures import fixtures
from connect_mcp.base.handshake import Ready, handshake
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import looks_secret, masked
from connect_mcp.base.record import record, replace
from connect_mcp.base.text import printable

from .hosts.model import Host
from .spec import ServerSpec

PATIENCE = 30.0
"""Seconds to wait where a host's own patience is not known."""
REVISION = "2025-11-25"
"""The protocol revision to ask for where a host's own is not known: what most hosts ask for (HOSTS.md)."""


@record
class Verified:
    """What starting a server as its host would has shown.

    Attributes:
        tools: how many tools it lists.
        milliseconds: from starting it to its tool list.
        failure: why it cannot be used, safe to print; "" where it can.
        login: what a server behind a URL said to whom it does not know, safe to print; "" where it answered.
    """

    tools: int = 0
    milliseconds: int = 0
    failure: str = ""
    login: str = ""

    def data(self) -> dict[str, object]:
        """The same as JSON."""
        if self.failure:
            return {"ok": False, "why": self.failure}
        if self.login:
            return {"ok": False, "needs_login": True, "why": self.login}
        return {"ok": True, "tools": self.tools, "ready_ms": self.milliseconds}


def verify(host: Host, spec: ServerSpec, machine: Machine, secrets: frozenset[str] = frozenset()) -> Verified:
    """Start a server with the environment that this host passes on, or call its URL, and ask for its tools.

    Args:
        host: the host.
        spec: the server.
        machine: where the host runs.
        secrets: what the server may say back, and must not be shown.
    """
    understood = host.read(host.render(spec))  # where a `${X}` in it may be a reference
    if understood is not None:  # an entry need not say the transport, where the host finds it out
        spec = replace(understood, transport=spec.transport)
    try:
        ready = ask(host, _known(host, spec, machine), machine, secrets)
    except Refused as refusal:
        if spec.is_remote:
            from .reach import LoginWanted

            sent = any(map(looks_secret, spec.headers))
            if isinstance(refusal, LoginWanted) and not sent:
                return Verified(login=masked(str(refusal), secrets))
        return Verified(failure=masked(str(refusal), secrets))
    return Verified(tools=len(ready.tools), milliseconds=round(ready.seconds * 1000))


def ask(host: Host, spec: ServerSpec, machine: Machine, secrets: frozenset[str] = frozenset()) -> Ready:
    """The same for an entry that was read from a host's file, with all that the server said.

    Args:
        host: the host.
        spec: the server, as `Host.put_in` gives it.
        machine: where the host runs.
        secrets: what the server may say back, and must not be shown.

    Raises:
        Refused: where it cannot be started or reached, or no client could use it.
    """
    return _reached(host, spec, machine) if spec.is_remote else _started(host, spec, machine, secrets)


def _known(host: Host, spec: ServerSpec, machine: Machine) -> ServerSpec:
    known = host.put_in(machine, spec, machine.cwd)
    if known is None:
        raise Refused(f"it was not tried: it refers to what only {host.title} knows, or to a variable that is not set")
    return known


def _started(host: Host, spec: ServerSpec, machine: Machine, secrets: frozenset[str]) -> Ready:
    env = host.server_env(machine, spec.env)
    program = machine.which(spec.command, env.get("PATH"))
    if program is None:
        named = printable(masked(spec.command))
        if "/" in spec.command or "\\" in spec.command:
            raise Refused(f"there is no program at {named}")
        raise Refused(f"{named} is not found on the PATH that {host.title} passes on")
    return handshake(
        [program, *spec.args],
        env,
        spec.cwd,
        revision=host.protocol or REVISION,
        timeout=host.patience.interactive or PATIENCE,
        secrets=secrets,
        capabilities=capabilities_of(host),
    )


def capabilities_of(host: Host) -> Mapping[str, object]:
    """What a host says in its handshake that it can do (fixtures/profiles); {} where that is not known."""
    try:
        profile = json.loads((fixtures() / "profiles" / f"{host.id}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    said: Mapping[str, object] = profile["facts"]["capabilities"]["is"]
    return said


def _reached(host: Host, spec: ServerSpec, machine: Machine) -> Ready:
    from .reach import reach  # what speaks HTTP takes longer to load than all of the installer

    return reach(
        spec.url,
        host.filled(machine, spec.headers),
        transport=spec.transport,
        revision=host.protocol or REVISION,
        timeout=host.patience.interactive or PATIENCE,
        client_name="connect-mcp",
        capabilities=capabilities_of(host),
    )
