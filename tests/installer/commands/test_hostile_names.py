"""A config that somebody else wrote: nothing in it is started, and nothing in it can draw on the terminal."""

import json
import os
from pathlib import Path

import pytest

from support.cli import CommandLine

NAME = "x\x1b[2Jy\u202ez\r\n"


@pytest.fixture
def project(home: Path, tmp_path: Path) -> Path:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    trap.chmod(0o755)
    entry = {"command": str(trap), "args": ["\x1b]0;owned\x07"], "env": {"A\x1b[31m": "\x1b[31m"}, "odd\x1b[1m": 1}
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor" / "mcp.json").write_text(json.dumps({"mcpServers": {NAME: entry}}))
    return tmp_path


@pytest.mark.parametrize(
    "argv",
    [
        ["status"],
        ["status", "--json"],
        ["hosts"],
        ["hosts", "--versions"],
        ["copy", "--from", "cursor", "--to", "codex,claude-code", "--dry-run"],
        ["copy", "--from", "cursor", "--to", "codex"],
        ["export", NAME, "--from", "cursor", "--all-hosts"],
        ["export", NAME, "--from", "cursor", "--all-hosts", "--link"],
        ["disable", "cursor", "--name", NAME],
        ["enable", "codex", "--name", NAME],
        ["remove", "--all", "--dry-run"],
        ["uninstall", "--dry-run"],
        ["configure", "--reapply"],
    ],
    ids=lambda argv: " ".join(argv[:2] + argv[-1:]).replace(NAME, "NAME"),
)
def test_nothing_of_it_is_started_or_printed_as_it_is(
    connect_mcp: CommandLine, project: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str]
) -> None:
    monkeypatch.chdir(project)
    ran = connect_mcp(*argv)
    shown = ran.out + ran.err
    assert ran.code in (0, 1)
    assert [sign for sign in shown if not sign.isprintable() and sign != "\n"] == []
    assert not (project / "started").exists()
    assert os.listdir(project / ".cursor") == ["mcp.json"]
