"""Doctor and the real hosts agree: what one of them cannot use, doctor calls an error, and nothing else."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.cli import CommandLine
from support.real_hosts import HostPrograms, install
from support.servers import server

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]

ENDS = "sys.exit(3)"
FAULTS: dict[str, Callable[[Path], list[str]]] = {
    "well": server,
    "stray-output": lambda folder: server(folder, "say('Loading …')"),
    "no-tools": lambda folder: server(folder, "TOOLS = []"),
    "program-gone": lambda folder: [str(folder / "gone")],
    "command-unknown": lambda folder: ["no-such-program-anywhere"],
    "ends-at-once": lambda folder: server(folder, ENDS),
    "interpreter-gone": lambda folder: [script(folder, "#!/gone/python\n", 0o755)],
    "not-executable": lambda folder: [script(folder, "#!/bin/sh\n", 0o644)],
    "another-protocol": lambda folder: server(folder, "INFO = None"),
}
USABLE = {"well", "stray-output", "no-tools"}


def script(folder: Path, text: str, mode: int) -> str:
    path = folder / "script"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def claude(servers: dict[str, list[str]]) -> tuple[str, dict[str, Any]]:
    entries = {name: {"type": "stdio", "command": argv[0], "args": argv[1:]} for name, argv in servers.items()}
    return ".claude.json", {"mcpServers": entries}


def opencode(servers: dict[str, list[str]]) -> tuple[str, dict[str, Any]]:
    entries = {name: {"type": "local", "command": argv} for name, argv in servers.items()}
    return ".config/opencode/opencode.json", {"mcp": entries}


HOSTS = {
    "claude-code": (claude, ("claude", "mcp", "list"), r"(?m)^{name}: .* ✔ Connected"),
    "opencode": (opencode, ("opencode", "mcp", "list"), r"✓ {name} "),
}


@pytest.fixture(scope="module")
def programs() -> HostPrograms:
    return install()


@pytest.fixture
def connect_mcp(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.mark.parametrize("host", HOSTS)
def test_doctor_calls_an_error_what_the_host_cannot_use(
    host: str, programs: HostPrograms, connect_mcp: CommandLine, home: Path, tmp_path: Path
) -> None:
    write, command, connected = HOSTS[host]
    servers = {}
    for fault, make in FAULTS.items():
        (tmp_path / fault).mkdir()
        servers[fault] = make(tmp_path / fault)
    name, config = write(servers)
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_text(json.dumps(config))
    findings = connect_mcp("doctor", host, "--json").data["findings"]
    errors = {finding["server"] for finding in findings if finding["severity"] == "error"}
    listed = programs.run(home, *command).stdout
    used = {fault for fault in FAULTS if re.search(connected.format(name=fault), listed)}
    assert used == USABLE, listed
    assert errors == set(FAULTS) - used
