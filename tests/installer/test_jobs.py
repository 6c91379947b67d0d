"""One entry for one host on machines of every platform, from the options to what is written."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.secrets import Store
from connect_mcp.installer.commands import configure
from connect_mcp.installer.editors.model import Put
from connect_mcp.installer.hosts.all_hosts import find
from connect_mcp.installer.jobs import Job, job_for
from connect_mcp.installer.secrecy import wanted
from connect_mcp.installer.sources import source_of
from support.machines import machine

BREW = "/opt/homebrew/bin"
NODE = "C:\\Program Files\\nodejs"
MAC = machine("macos", env={"PATH": f"{BREW}:/usr/bin"}, executable=frozenset({f"{BREW}/npx"}))
WINDOWS = machine("windows", env={"PATH": NODE}, executable=frozenset({f"{NODE}\\npx.cmd", f"{NODE}\\node.exe"}))
CLAUDE = "/mnt/c/Users/ann/AppData/Roaming/Claude"
WSL = machine(
    env={"PATH": "/usr/bin", "WSL_DISTRO_NAME": "Ubuntu"}, files={CLAUDE: None}, executable=frozenset({"/usr/bin/npx"})
)
PROXY = "http://me:hunter2hunter2@proxy.example:3128"
LINUX = machine(env={"PATH": "/usr/bin", "HTTPS_PROXY": PROXY}, executable=frozenset({"/usr/bin/npx"}))


def job(
    here: Machine, host: str, folder: Path, *options: str, server: tuple[str, ...] = ("npx", "-y", "server")
) -> Job:
    parser = argparse.ArgumentParser()
    configure.arguments(parser)
    args = parser.parse_args([host, "--name", "x", *options])
    args.server = list(server)
    source = source_of(args, here, {})
    wish = wanted(args, Store(folder), source.spec if source else None)
    return job_for(args, here, find(host), {}, wish, embedded=False, source=source)


def entry(made: Job) -> Mapping[str, Any]:
    put = made.target.changes[0]
    assert isinstance(put, Put)
    return put.entry


@pytest.mark.parametrize(
    ("here", "host", "options", "written"),
    [
        (
            MAC,
            "cursor",
            [],
            {
                "command": f"{BREW}/npx",
                "args": ["-y", "server"],
                "env": {"PATH": f"{BREW}:/usr/bin:/bin:/usr/sbin:/sbin"},
            },
        ),
        (MAC, "cursor", ["--scope", "project"], {"command": "npx", "args": ["-y", "server"]}),
        (WINDOWS, "claude-desktop", [], {"command": "cmd", "args": ["/c", "npx", "-y", "server"]}),
        (WINDOWS, "claude-code", [], {"type": "stdio", "command": "npx", "args": ["-y", "server"]}),
        (
            WSL,
            "claude-desktop",
            ["--config", f"{CLAUDE}/claude_desktop_config.json"],
            {"command": "wsl.exe", "args": ["-d", "Ubuntu", "--exec", "/usr/bin/npx", "-y", "server"]},
        ),
        (WSL, "claude-code", [], {"type": "stdio", "command": "/usr/bin/npx", "args": ["-y", "server"]}),
    ],
)
def test_an_entry_starts_the_server_on_its_platform(
    tmp_path: Path, here: Machine, host: str, options: list[str], written: dict[str, Any]
) -> None:
    assert entry(job(here, host, tmp_path, *options)) == written


def test_in_wsl_the_file_of_a_windows_host_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        job(WSL, "claude-desktop", tmp_path)
    assert f"--config {CLAUDE}/claude_desktop_config.json" in caught.value.mend


def test_a_proxy_with_a_password_does_not_stand_in_the_entry(tmp_path: Path) -> None:
    made = job(LINUX, "codex", tmp_path)
    assert PROXY not in str(entry(made))
    assert made.keep == {"HTTPS_PROXY": PROXY}
    assert "HTTPS_PROXY" not in str(entry(job(LINUX, "codex", tmp_path, "--scope", "project")))


def test_the_bundled_server_takes_along_what_it_reads_of_the_network_and_nothing_else(tmp_path: Path) -> None:
    env = {"PATH": "/usr/bin", "HTTPS_PROXY": "http://proxy.example:3128", "NODE_EXTRA_CA_CERTS": "/ca.pem"}
    assert entry(job(machine(env=env), "codex", tmp_path, server=()))["env"] == {"HTTPS_PROXY": env["HTTPS_PROXY"]}
