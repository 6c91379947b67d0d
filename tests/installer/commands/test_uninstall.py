"""What configure, copy, secret and the rest leave behind is taken out to the last byte."""

import base64
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from connect_mcp.base.folders import folders
from connect_mcp.base.machine import this_machine
from connect_mcp.base.secrets import Store
from connect_mcp.installer.hosts.all_hosts import HOSTS
from support.cli import CommandLine
from support.keychains import ALT

CONFIGS = Path(__file__).parents[3] / "fixtures" / "configs"
PLANTED = "ghp_planted0000000000000001"


def tree(folder: Path) -> dict[str, object]:
    """Everything in a folder: files with their bytes and modes, links with their targets, folders."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_file():
            found[name] = (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        else:
            found[name] = "folder"
    return found


def with_hosts_own_files(project: Path) -> None:
    """Give every second host a file of its own beforehand, from the fixtures."""
    for host in list(HOSTS)[::2]:
        location = host.locate(this_machine(), "user" if "user" in host.scopes else "project", str(project))
        befores = sorted((CONFIGS / host.id).glob("*/before.*"))
        for before in befores:
            case = json.loads((before.parent / "case.json").read_text(encoding="utf-8"))
            if case["scope"] == "user" and "refused" not in case and "connect" not in before.read_text("utf-8"):
                path = Path(location.path)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(before.read_bytes())
                break


def test_everything_that_was_done_leaves_no_byte_behind(
    connect_mcp: CommandLine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    with_hosts_own_files(project)
    before, before_project = tree(home), tree(project)

    users = [host.id for host in HOSTS if "user" in host.scopes]
    projects = [host.id for host in HOSTS if "project" in host.scopes]
    done = 0
    for host in users:
        for name in ("connect", "second"):
            command = [] if name == "connect" else ["--", "/opt/x", name]
            embedded = ["--embedded"] if name == "connect" else []
            ran = connect_mcp("configure", host, "--name", name, *embedded, "--no-verify", *command)
            done += ran.code == 0
    assert done > len(users)
    for host in projects:
        connect_mcp("configure", host, "--scope", "project", "--embedded", "--no-verify")
    argv = ["configure", "cursor", "--name", "gh", "--env", f"GITHUB_TOKEN={PLANTED}", "--no-verify", "--", "gh-mcp"]
    assert connect_mcp(*argv).code == 0
    assert connect_mcp("copy", "--from", "cursor", "--name", "gh", "--to", "codex,vscode").code == 0
    assert connect_mcp("configure", "cursor", "--name", "second", "--no-verify", "--", "/opt/y").code == 0  # an update
    assert connect_mcp("disable", "codex", "claude-code", "gemini-cli", "goose", "--name", "second").code == 0
    assert connect_mcp("disable", "claude-code", "--name", "connect").code == 0
    assert connect_mcp("enable", "claude-code", "--name", "connect").code == 0
    assert connect_mcp("remove", "vscode", "--name", "second").code == 0
    assert connect_mcp("undo").code == 0
    assert Store(folders().config).kept()

    ran = connect_mcp("uninstall", "--yes", "--data")
    assert ran.code == 0, ran.err
    assert PLANTED not in ran.out
    assert tree(home) == before
    assert tree(project) == before_project


def test_what_others_wrote_since_stays(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "codex", "--embedded", "--no-verify")
    path = home / ".cursor" / "mcp.json"
    content = json.loads(path.read_text())
    content["mcpServers"]["mine"] = {"command": "x"}
    path.write_text(json.dumps(content))
    assert connect_mcp("uninstall", "--yes").code == 0
    assert json.loads(path.read_text()) == {"mcpServers": {"mine": {"command": "x"}}}
    assert [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()] == [".cursor/mcp.json"]


def test_it_lists_what_goes_and_a_dry_run_takes_nothing(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--name", "gh", "--env", f"MY_TOKEN={PLANTED}", "--no-verify", "--", "gh-mcp")
    before = tree(home)
    ran = connect_mcp("uninstall", "--dry-run")
    assert ran.code == 0
    assert "Cursor: `gh` in ~/.cursor/mcp.json" in ran.out
    assert "the secret MY_TOKEN" in ran.out
    assert "~/.local/state/connect-mcp" in ran.out
    assert PLANTED not in ran.out
    assert tree(home) == before
    assert connect_mcp("uninstall", "--dry-run", "--json").data["secrets"] == [{"name": "MY_TOKEN", "keychain": False}]


def test_nobody_there_to_agree_takes_nothing(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    before = tree(home)
    ran = connect_mcp("uninstall")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert tree(home) == before


def test_the_workspaces_data_stays_unless_it_is_asked_for(connect_mcp: CommandLine, home: Path) -> None:
    data = folders().data
    data.mkdir(parents=True)
    (data / "workspace.db").write_text("x")
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    assert "stays in ~/.local/share/connect-mcp; --data takes it out" in connect_mcp("uninstall", "--yes").out
    assert (data / "workspace.db").exists()
    connect_mcp("uninstall", "--yes", "--data")
    assert list(home.iterdir()) == []


def test_one_file_that_cannot_be_edited_leaves_everything_as_it_is(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "codex", "--embedded", "--no-verify")
    (home / ".codex" / "config.toml").write_text("[mcp_servers.connect\n")
    before = tree(home)
    ran = connect_mcp("uninstall", "--yes")
    assert ran.code == 1
    assert "config.toml:1" in ran.err
    assert tree(home) == before


def test_an_entry_that_starts_us_and_was_not_recorded_is_named(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    shutil.rmtree(folders().state)
    ran = connect_mcp("uninstall", "--dry-run")
    assert "`connect` in ~/.cursor/mcp.json starts connect-mcp and was not put by it: it stays" in ran.out


def test_a_secret_in_the_keychain_goes_as_well(home: Path) -> None:
    keychain = home / "keychain.cfg"
    env = {**os.environ, "PYTHON_KEYRING_BACKEND": ALT, "KEYRING_PROPERTY_FILE_PATH": str(keychain)}

    def run(*argv: str, said: str = "") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "connect_mcp", *argv]
        return subprocess.run(command, env=env, input=said, capture_output=True, text=True, check=False, timeout=60)

    kept = base64.b64encode(PLANTED.encode()).decode()  # as this keychain writes it
    assert run("secret", "set", "A", "--keychain", said=PLANTED).returncode == 0
    assert kept in keychain.read_text()
    ran = run("uninstall", "--yes")
    assert ran.returncode == 0, ran.stderr
    assert "the secret A in the keychain" in ran.stdout
    assert kept not in keychain.read_text()
    assert list(home.iterdir()) == [keychain]


def test_a_link_in_the_place_of_our_folder_stays(connect_mcp: CommandLine, home: Path, tmp_path: Path) -> None:
    kept, ours = tmp_path / "dotfiles", folders().config
    kept.mkdir()
    ours.parent.mkdir()
    ours.symlink_to(kept)
    Store(ours).put("A", PLANTED)
    assert list(kept.iterdir())
    assert connect_mcp("uninstall", "--yes").code == 0
    assert list(kept.iterdir()) == []
    assert ours.is_symlink()


def test_what_was_interrupted_is_finished_by_the_next_run(
    connect_mcp: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", broken)
        ran = connect_mcp("uninstall", "--yes")
    assert ran.code == 1
    assert "this folder could not be removed" in ran.err
    assert "Permission denied" in ran.err
    assert connect_mcp("uninstall", "--yes").code == 0
    assert list(home.iterdir()) == []


def test_a_fresh_machine_has_nothing_of_ours(connect_mcp: CommandLine, home: Path) -> None:
    assert "nothing of ours" in connect_mcp("uninstall").out
    assert list(home.iterdir()) == []


def test_a_real_process_leaves_a_real_home_as_it_was(home: Path) -> None:
    def run(*argv: str) -> int:
        command = [sys.executable, "-m", "connect_mcp", *argv]
        return subprocess.run(command, cwd=home, capture_output=True, check=False, timeout=60).returncode

    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text("model = 'x'\r\n# mine")
    before = tree(home)
    assert run("configure", "cursor", "codex", "--embedded", "--no-verify") == 0
    assert run("uninstall", "--yes", "--data") == 0
    assert tree(home) == before
