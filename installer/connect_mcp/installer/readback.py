"""Whether a secret in the keychain reaches the servers of a host: asked by a process with the environment of one."""

import subprocess
import sys
from collections.abc import Iterable, Mapping

from connect_mcp.base.keychain import PATIENCE
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import masked
from connect_mcp.base.text import printable, shortened

from .hosts.model import Host

_SLACK = 20.0
"""Seconds for starting Python on a machine that is busy."""


def unread(name: str, value: str, env: Mapping[str, str]) -> str:
    """Why a server with this environment cannot read a secret from the keychain; "" where it can.

    The value goes to the process that tries over its standard input, and does not come back.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "connect_mcp.base.keychain", name],
            input=value.encode(),
            env=dict(env),
            capture_output=True,
            timeout=PATIENCE + _SLACK,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"reading it was tried and broke off ({type(error).__name__})"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return shortened(printable(masked(said, [value])), 300) or f"reading it ended with exit code {done.returncode}"


def unread_by(
    name: str, value: str, machine: Machine, entries: Iterable[tuple[Host, Mapping[str, str]]]
) -> dict[str, str]:
    """The hosts whose servers cannot read a secret from the keychain, by id, each with the reason.

    Args:
        name: the secret's stored name.
        value: what they are to find.
        machine: whose environment the hosts are started with.
        entries: a host, and what the server's entry there sets.
    """
    known: dict[frozenset[tuple[str, str]], str] = {}
    found = {}
    for host, entry_env in entries:
        env = host.server_env(machine, entry_env)
        key = frozenset(env.items())
        if key not in known:
            known[key] = unread(name, value, env)
        if known[key]:
            found[host.id] = known[key]
    return found
