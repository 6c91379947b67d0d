"""What a person at a real terminal sees and does: picking hosts, colour, completion."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connect_mcp.installer.cli import COMMANDS
from support.keyboard import DOWN, RETURN, Keyboard

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")

COMMAND = [sys.executable, "-m", "connect_mcp"]
CONFIGURE = [*COMMAND, "configure", "--embedded", "--no-verify"]


@pytest.fixture
def two_hosts(home: Path) -> Path:
    """A home in which Cursor and Kiro are found."""
    (home / ".cursor").mkdir()
    (home / ".codex").mkdir()
    return home


def servers(path: Path) -> list[str]:
    return list(json.loads(path.read_text())["mcpServers"]) if path.exists() else []


def test_hosts_are_picked_with_the_keys_and_written_after_a_summary(two_hosts: Path) -> None:
    with Keyboard(CONFIGURE, os.environ) as terminal:
        terminal.wait_for("Cursor (cursor)")
        terminal.press(" ", RETURN)  # Codex comes first: off
        terminal.wait_for("Go on?")
        assert "Cursor: add `connect` in ~/.cursor/mcp.json" in terminal.seen
        assert "Codex: add" not in terminal.seen
        assert not (two_hosts / ".cursor" / "mcp.json").exists()
        terminal.press(RETURN)
        assert terminal.end() == 0
    assert servers(two_hosts / ".cursor" / "mcp.json") == ["connect"]
    assert not (two_hosts / ".codex" / "config.toml").exists()


@pytest.mark.parametrize(
    ("keys", "code", "said"),
    [
        ((RETURN, "n", RETURN), 1, "nothing was written"),
        ((" ", DOWN, " ", RETURN), 1, "no host was chosen"),
        (("\x03",), 130, "interrupted"),
        ((RETURN, "\x03"), 130, "interrupted"),
    ],
    ids=["no", "none", "interrupted while picking", "interrupted at the summary"],
)
def test_nothing_is_written_for_who_says_no(two_hosts: Path, keys: tuple[str, ...], code: int, said: str) -> None:
    with Keyboard(CONFIGURE, os.environ) as terminal:
        terminal.wait_for("Cursor (cursor)")
        terminal.press(*keys)
        assert terminal.end() == code
        assert said in terminal.seen
    assert not (two_hosts / ".cursor" / "mcp.json").exists()
    assert not (two_hosts / ".codex" / "config.toml").exists()


def test_a_terminal_that_cannot_draw_is_asked_for_numbers(two_hosts: Path) -> None:
    with Keyboard(CONFIGURE, os.environ, kind="dumb") as terminal:
        terminal.wait_for("[all]:")
        terminal.press("2\n")
        terminal.wait_for("Go on?")
        terminal.press("y\n")
        assert terminal.end() == 0
        assert "\x1b" not in terminal.raw
    assert servers(two_hosts / ".cursor" / "mcp.json") == ["connect"]


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_is_for_terminals_that_want_it(home: Path, variables: dict[str, str], coloured: bool) -> None:
    line = [*CONFIGURE, "cursor", "--dry-run"]
    with Keyboard(line, {**os.environ, **variables}) as terminal:
        assert terminal.end() == 0
        assert ("\x1b[32m+" in terminal.raw) is coloured
        assert '+    "connect": {' in terminal.seen.replace("\n", "") or "+" in terminal.seen
    piped = subprocess.run(line, capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout
    assert "".join(piped.stdout.split()) == "".join(terminal.seen.split())


def test_who_waits_for_a_silent_server_is_told_what_goes_on(home: Path) -> None:
    silent = [sys.executable, "-c", "import time; time.sleep(2.5)"]
    with Keyboard([*COMMAND, "configure", "cursor", "--name", "silent", "--", *silent], os.environ) as terminal:
        terminal.wait_for("starting `silent` as Cursor would … 1 s")
        assert terminal.end() == 1
        assert terminal.raw.rindex("\x1b[K") < terminal.raw.index("Cursor: added"), "the word is wiped out"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("conf", {"configure", "conformance"}),
        ("configure curs", {"cursor"}),
        ("configure --emb", {"--embedded"}),
        ("configure cursor --scope ", {"user", "project", "local"}),
        ("copy --from cursor --to vscode,codex", {"vscode,codex", "vscode,codex-cli"}),
        ("completion ", {"bash", "zsh", "fish", "powershell"}),
    ],
)
def test_bash_completes_commands_hosts_and_options(home: Path, tmp_path: Path, typed: str, expected: set[str]) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    program = tmp_path / "connect-mcp"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m connect_mcp "$@"\n')
    program.chmod(0o755)
    script = f"""
        PATH="{tmp_path}:$PATH"
        eval "$(connect-mcp completion bash)"
        COMP_LINE="connect-mcp {typed}"; COMP_POINT=${{#COMP_LINE}}; COMP_TYPE=9
        $(complete -p connect-mcp | sed 's/.*-F \\([^ ]*\\) .*/\\1/') connect-mcp
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    ran = subprocess.run([bash, "--norc", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert {word.strip() for word in ran.stdout.split("\n") if word.strip()} == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_shell_has_its_lines(shell: str) -> None:
    ran = subprocess.run([*COMMAND, "completion", shell], capture_output=True, text=True, check=True)
    assert "connect-mcp" in ran.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    ran = subprocess.run([*COMMAND, command, "--help"], capture_output=True, text=True, check=True)
    assert f"connect-mcp {command}" in ran.stdout
