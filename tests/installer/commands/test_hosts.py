import json
import os
import time
from pathlib import Path

import pytest

from connect_mcp.base.machine import this_machine
from connect_mcp.installer.hosts.all_hosts import HOSTS, find
from connect_mcp.installer.versions import version_of, versions_of
from support.cli import CommandLine


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def on_path(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_every_host_is_listed_with_the_file_of_every_scope(connect_mcp: CommandLine, home: Path) -> None:
    data = connect_mcp("hosts", "--json").data
    assert [host["host"] for host in data["hosts"]] == [host.id for host in HOSTS]
    for told, host in zip(data["hosts"], HOSTS, strict=True):
        assert {file["scope"] for file in told["files"]} <= set(host.scopes)
        assert told["files"]
        assert told["aliases"] == list(host.aliases)


def test_servers_are_counted_and_ours_are_named_with_their_state(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    path = home / ".cursor" / "mcp.json"
    content = json.loads(path.read_text())
    content["mcpServers"]["other"] = {"command": "x"}
    path.write_text(json.dumps(content))
    shown = connect_mcp("hosts").out
    assert "2 servers; ours: `connect` is present" in shown
    del content["mcpServers"]["connect"]
    path.write_text(json.dumps(content))
    assert "1 server; ours: `connect` is missing" in connect_mcp("hosts").out


def test_the_list_fits_a_terminal_of_eighty_columns(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "codex", "--embedded", "--no-verify")
    assert max(map(len, connect_mcp("hosts").out.splitlines())) <= 80


def test_a_version_is_read_beside_the_program_and_nothing_is_started(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "node_modules" / "@openai" / "codex"
    program(package / "bin" / "codex.js", f"touch {tmp_path}/started; echo 9.9.9")
    (package / "package.json").write_text('{"name": "@openai/codex", "version": "0.169.0"}')
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "codex").symlink_to(package / "bin" / "codex.js")
    on_path(monkeypatch, tmp_path / "bin")
    assert version_of(find("codex"), this_machine()) == "0.169.0"
    assert not (tmp_path / "started").exists()


def test_other_programs_are_asked_only_where_versions_are_wanted(
    connect_mcp: CommandLine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "codex", f"touch {tmp_path}/started; echo codex-cli 0.170.1-beta.2")
    on_path(monkeypatch, tmp_path)
    assert connect_mcp("hosts", "--json").data["hosts"]
    assert not (tmp_path / "started").exists()
    data = connect_mcp("hosts", "codex", "--versions", "--json").data
    assert data["hosts"][0]["version"] == "0.170.1-beta.2"


def test_a_program_that_hangs_or_floods_keeps_nobody_waiting(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in ("codex", "claude", "opencode"):
        program(tmp_path / command, "trap '' TERM; while :; do echo no number here; sleep 0.01; done")
    on_path(monkeypatch, tmp_path)
    start = time.monotonic()
    hosts = [find("codex"), find("claude-code"), find("opencode")]
    assert set(versions_of(hosts, this_machine()).values()) == {None}
    assert time.monotonic() - start < 9  # 3 s each, at once, and a little for their end
