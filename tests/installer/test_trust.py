"""A project's files are somebody else's code: looking at them starts nothing and draws nothing."""

import json
import os
import sys
from pathlib import Path

import pytest

from connect_mcp.base.machine import this_machine
from connect_mcp.installer.editors.engine import edit
from connect_mcp.installer.editors.formats import format_named
from connect_mcp.installer.hosts.all_hosts import HOSTS
from connect_mcp.installer.hosts.model import Host
from connect_mcp.installer.spec import ServerSpec
from support.cli import CommandLine

NAMES = ("evil", "connect", "\x1b]0;owned\x07", "a\nb", "\u202egnp.exe", "--config=/etc/passwd")
"""The last but one reverses what follows it on a terminal."""
DRAWING = "\x1b[2J\x1b[31mtrusted\x07\r"

COMMANDS = [
    ["status"],
    ["status", "--json"],
    ["hosts"],
    ["hosts", "--versions"],
    ["secret", "list"],
    ["copy", "--from", "cursor", "--from-scope", "project", "--to", "zed", "--dry-run"],
    ["copy", "--from", "cursor", "--from-scope", "project", "--to", "zed"],
    ["export", "evil", "--from", "cursor", "--to", "codex"],
    ["disable", "codex", "--scope", "project", "--name", "evil"],
    ["doctor"],
    ["doctor", "--json"],
    ["configure", "cursor", "--scope", "project", "--embedded", "--dry-run"],
    ["configure", "claude-code", "--scope", "project", "--embedded", "--print"],
    ["configure", "cursor", "codex", "vscode", "--scope", "project", "--embedded", "--no-verify"],
    ["configure", "cursor", "--scope", "project", "--embedded"],
    ["remove", "cursor", "--scope", "project", "--name", "nope"],
    ["remove", "cursor", "--scope", "project", "--name", "evil", "--dry-run"],
    ["remove", "cursor", "--scope", "project", "--name", "evil"],
]


@pytest.fixture
def clone(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cloned project, whose config for every host names a hostile command under hostile names."""
    project = tmp_path / "clone"
    project.mkdir()
    marker = tmp_path / "marker"
    argv = ("-c", f"open({str(marker)!r}, 'w')", DRAWING)
    spec = ServerSpec(sys.executable, argv, {"PATH": str(project), "X": DRAWING})
    for host in HOSTS:
        if "project" in host.scopes:
            write_config(host, project, spec)
    for program in ("connect-mcp", "npx", "uvx", "node", "git"):  # beside us, where a careless search would look
        (project / program).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (project / program).chmod(0o755)
    monkeypatch.chdir(project)
    monkeypatch.setenv("PATH", os.environ["PATH"])
    return project


def write_config(host: Host, project: Path, spec: ServerSpec) -> None:
    location = host.locate(this_machine(), "project", str(project))
    text = ""
    for name in NAMES:
        changes = host.changes(location, name, spec)
        text = edit(text, format_named(location.format), changes).new
    Path(location.path).parent.mkdir(parents=True, exist_ok=True)
    Path(location.path).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_hostile_project_can_neither_start_anything_nor_draw_on_the_terminal(
    clone: Path, connect_mcp: CommandLine, command: list[str]
) -> None:
    ran = connect_mcp(*command)
    assert ran.code in (0, 1)
    assert not (clone.parent / "marker").exists(), "something of the project was started"
    shown = ran.out + ran.err
    assert [sign for sign in shown if not sign.isprintable() and sign != "\n"] == []
    if "--json" in command:
        json.loads(ran.out)


def test_what_a_hostile_entry_sets_besides_is_named_before_it_is_used(clone: Path, connect_mcp: CommandLine) -> None:
    ran = connect_mcp("configure", "cursor", "--scope", "project", "--embedded", "--no-verify", "--json")
    (host,) = ran.data["hosts"]
    assert (
        "the entry that was there also sets PATH, X, which stays; look at it before you start the server"
        in host["warnings"]
    )
