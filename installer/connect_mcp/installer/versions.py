"""Which version of a host is here: read beside its program where that can be, and otherwise asked of it, bounded."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.process import Child

from .hosts.model import Host

PATIENCE = 3.0
"""Seconds that a program may take to say its version."""

_NUMBER = re.compile(r"\d+\.\d+(?:\.\d+)?(?:[-+.][0-9A-Za-z]+)*")


def versions_of(hosts: Sequence[Host], machine: Machine) -> Mapping[str, str | None]:
    """The version of each host by its id; None where it cannot be found out."""
    with ThreadPoolExecutor(8) as pool:
        return dict(pool.map(lambda host: (host.id, version_of(host, machine)), hosts))


def version_of(host: Host, machine: Machine, patience: float = PATIENCE) -> str | None:
    """A host's version: from the npm package that its program belongs to, or from what `--version` says."""
    for command in host.detection.commands:
        if program := machine.which(command):
            return _packaged(program, machine) or _said(program, machine, patience)
    return None


def _packaged(program: str, machine: Machine) -> str | None:
    """The version in the `package.json` of the npm package that a program lies in."""
    folder = machine.parent(machine.files.real(program))
    while "node_modules" in folder and machine.parent(folder) != folder:
        try:
            about = json.loads(machine.files.read(machine.join(folder, "package.json")) or b"null")
        except (ValueError, RecursionError):
            about = None
        if isinstance(about, Mapping) and isinstance(about.get("name"), str) and isinstance(about.get("version"), str):
            return str(about["version"])
        folder = machine.parent(folder)
    return None


def _said(program: str, machine: Machine, patience: float) -> str | None:
    try:
        child = Child([program, "--version"], env=dict(machine.env))
    except Refused:
        return None
    end = time.monotonic() + patience
    try:
        child.close_stdin()
        while (left := end - time.monotonic()) > 0 and not child.ended:
            line = child.read_line(left)
            if line and (number := _NUMBER.search(line.decode("utf-8", "replace"))):
                return number.group()
    finally:
        child.stop(after_eof=0.2, after_term=0.2)
    return None
