"""Starting what was written, once, the way its host will start it."""

from connect_mcp.base.errors import Refused
from connect_mcp.base.handshake import handshake
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import masked
from connect_mcp.base.record import record
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
    """

    tools: int = 0
    milliseconds: int = 0
    failure: str = ""

    def data(self) -> dict[str, object]:
        """The same as JSON."""
        if self.failure:
            return {"ok": False, "why": self.failure}
        return {"ok": True, "tools": self.tools, "ready_ms": self.milliseconds}


def verify(host: Host, spec: ServerSpec, machine: Machine) -> Verified:
    """Start a server with the environment that this host passes on, ask for its tools, and end it."""
    env = host.server_env(machine, spec.env)
    program = machine.which(spec.command, env.get("PATH"))
    if program is None:
        named = printable(masked(spec.command))
        if "/" in spec.command or "\\" in spec.command:
            return Verified(failure=f"there is no program at {named}")
        return Verified(failure=f"{named} is not found on the PATH that {host.title} passes on")
    try:
        ready = handshake(
            [program, *spec.args],
            env,
            machine.cwd,
            revision=host.protocol or REVISION,
            timeout=host.patience.interactive or PATIENCE,
        )
    except Refused as refusal:
        return Verified(failure=masked(str(refusal)))
    return Verified(tools=len(ready.tools), milliseconds=round(ready.seconds * 1000))
