"""Doctor and the real hosts agree: what one of them cannot use, doctor calls an error, and nothing else."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.cli import CommandLine
from support.real_hosts import HostPrograms, install, install_more
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


def gemini(servers: dict[str, list[str]]) -> tuple[str, dict[str, Any]]:
    return ".gemini/settings.json", {"mcpServers": {name: plain(argv) for name, argv in servers.items()}}


def qwen(servers: dict[str, list[str]]) -> tuple[str, dict[str, Any]]:
    return ".qwen/settings.json", {"mcpServers": {name: plain(argv) for name, argv in servers.items()}}


def plain(argv: list[str]) -> dict[str, Any]:
    return {"command": argv[0], "args": argv[1:]}


HOSTS = {
    "claude-code": (claude, ("claude", "mcp", "list"), r"(?m)^{name}: .* ✔ Connected"),
    "opencode": (opencode, ("opencode", "mcp", "list"), r"✓ {name} "),
}
MORE_HOSTS = {
    "gemini-cli": (gemini, ("gemini", "mcp", "list"), r"✓ {name}: .* - Connected"),
    "qwen-code": (qwen, ("qwen", "mcp", "list"), r"✓ {name}: .* - Connected"),
}
"""Those that `.ci/full` installs. They ask for no tool list, so what is wrong with that they do not see."""


@pytest.fixture
def programs(host: str) -> HostPrograms:
    return install() if host in HOSTS else install_more()


@pytest.fixture
def connect_mcp(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.mark.parametrize("host", [*HOSTS, *MORE_HOSTS])
def test_doctor_calls_an_error_what_the_host_cannot_use(
    host: str, programs: HostPrograms, connect_mcp: CommandLine, home: Path, tmp_path: Path
) -> None:
    write, command, connected = {**HOSTS, **MORE_HOSTS}[host]
    servers = {}
    for fault, make in FAULTS.items():
        (tmp_path / fault).mkdir()
        servers[fault] = make(tmp_path / fault)
    name, config = write(servers)
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_text(json.dumps(config))
    findings = connect_mcp("doctor", host, "--json").data["findings"]
    errors = {finding["server"] for finding in findings if finding["severity"] == "error"}
    (home / ".gemini").mkdir(exist_ok=True)
    (home / ".gemini" / "trustedFolders.json").write_text(json.dumps({str(home): "TRUST_FOLDER"}))
    ran = programs.run(home, *command)
    listed = re.sub(r"\x1b[^m]*m", "", ran.stdout + ran.stderr)
    used = {fault for fault in FAULTS if re.search(connected.format(name=fault), listed)}
    assert used == USABLE, listed
    assert errors == set(FAULTS) - used
