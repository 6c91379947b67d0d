"""How long commands that look at every host take with a hundred servers in each, as ratios to `python -c pass`.

Run as `python -m tests.bench.status`.
"""

import os
import sys
import tempfile
from pathlib import Path

from connect_mcp.base.machine import DiskFiles, Machine
from connect_mcp.installer.editors.engine import edit
from connect_mcp.installer.editors.formats import format_named
from connect_mcp.installer.editors.model import Put, Section
from connect_mcp.installer.hosts.all_hosts import HOSTS
from connect_mcp.installer.spec import ServerSpec

from .__main__ import compare, once

SERVERS = 100


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        env = {"HOME": home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        count, size = fill(home)
        ours = [sys.executable, "-m", "connect_mcp"]
        print(f"{count} hosts with {SERVERS} servers each, {size:,} bytes; budget: under 1 s, twice that for doctor")
        compare("status", "-", lambda: once([*ours, "status"], env), env)
        compare("status --json", "-", lambda: once([*ours, "status", "--json"], env), env)
        compare("doctor --no-start", "-", lambda: once([*ours, "doctor", "--no-start"], env), env)
        compare("hosts", "-", lambda: once([*ours, "hosts"], env), env)


def fill(home: str) -> tuple[int, int]:
    """Give every host its user's file, or its project's where it has no other; how many hosts, how many bytes."""
    machine = Machine("linux", home, {"HOME": home}, home, DiskFiles())
    size = 0
    for host in HOSTS:
        location = host.locate(machine, "user" if "user" in host.scopes else next(iter(host.scopes)))
        specs = {
            f"server-{number}": ServerSpec("/usr/bin/node", ("a.js", "--port", "1"), {"PORT": str(number)})
            for number in range(SERVERS)
        }
        puts = [host.changes(location, name, spec)[0] for name, spec in specs.items()]
        changes = puts if location.section.keyed_by else [together(puts)]
        path = Path(location.path)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(edit(text, format_named(location.format), changes).new, encoding="utf-8")
        size += path.stat().st_size
    return len(HOSTS), size


def together(puts: list[Put]) -> Put:
    """The same as one change, which is parsed and proven once."""
    *above, last = puts[0].section.path
    return Put(Section(tuple(above)), last, {put.name: put.entry for put in puts}, top=puts[0].top)


if __name__ == "__main__":
    main()
