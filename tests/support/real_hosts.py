"""Real host programs in a cache folder, and how the tests run each without a model, an account or a network.

Which programs, at which versions, from where, and how Codex and Claude Code are spoken to is the host lab's.
"""

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.conformance.lab import install as lab
from connect_mcp.conformance.lab import quick
from connect_mcp.conformance.lab.all_recipes import selected
from connect_mcp.conformance.lab.install import Program
from connect_mcp.conformance.lab.recipe import Recipe

ROOT = Path(__file__).parents[2]
USUAL = ("codex", "claude-code", "opencode", "copilot-cli", "cline")
FURTHER = ("continue", "copilot-cli", "cline", "gemini-cli", "qwen-code")
"""Hosts that are driven in `.ci/full` only: they are large, and slow to start."""

KILO = Recipe("kilo", "@kilocode/cli", "7.7.7", "kilo", "chat", (), 0.0, "kilo 7.7.7: the lab does not drive it")

SKIP = "CONNECT_MCP_TEST_SKIP_HOSTS"
MORE = "CONNECT_MCP_TEST_MORE_HOSTS"
CACHE = "CONNECT_MCP_TEST_HOSTS_CACHE"
QUIET = {
    "TERM": "dumb",
    "NO_COLOR": "1",
    "DO_NOT_TRACK": "1",
    "LANG": "C.UTF-8",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    "CLINE_NO_AUTO_UPDATE": "1",
    "CLINE_TELEMETRY_DISABLED": "1",
    "CONTINUE_CLI_AUTO_UPDATED": "true",
    "CONTINUE_TELEMETRY_ENABLED": "0",
    "COPILOT_AUTO_UPDATE": "false",
    "COPILOT_OFFLINE": "true",
    "GEMINI_CLI_NO_RELAUNCH": "true",
    "GEMINI_CLI_TRUST_WORKSPACE": "true",
    "QWEN_CODE_NO_RELAUNCH": "true",
}
# Long enough for a machine that is busy with other tests; nothing here waits when there is something to read.
PATIENCE = 120.0


@dataclass(frozen=True)
class HostPrograms:
    """The programs, by the name that one types.

    Copilot unpacks itself once into its folder, and not 235 MB into every home.
    """

    installed: Mapping[str, Program]

    def environment(self, home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        search = next(iter(self.installed.values())).search
        kept = {"COPILOT_PKG_CACHE_HOME": str(self.installed["copilot"].folder / "unpacked")}
        return {"HOME": str(home), "PATH": search, **QUIET, **kept, **(extra or {})}

    def argv(self, program: str, *arguments: str) -> list[str]:
        return [str(self.installed[program].path), *arguments]

    def run(
        self, home: Path, *command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one command of a host to its end in a scratch home."""
        return subprocess.run(
            self.argv(*command),
            env=self.environment(home, env),
            cwd=cwd or home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


def install() -> HostPrograms:
    """The host programs of every run, installed from npm where the cache does not have them yet."""
    return installed(selected(USUAL), os.environ.get(CACHE))


def install_more() -> HostPrograms:
    """The further host programs, installed likewise, where the tests of them are asked for."""
    if not os.environ.get(MORE):
        pytest.skip(f"{MORE} is not set")
    return installed((*selected(FURTHER), KILO), os.environ.get(f"{CACHE}_MORE") or os.environ.get(CACHE))


def installed(recipes: Iterable[Recipe], cache: str | None) -> HostPrograms:
    """The programs of these hosts, in a cache folder or the usual one."""
    if os.environ.get(SKIP):
        pytest.skip(f"{SKIP} is set")
    folder = Path(cache) if cache else ROOT / ".cache" / "hosts"
    try:
        return HostPrograms({recipe.executable: lab.install(recipe, folder, os.environ) for recipe in recipes})
    except Refused as refusal:
        pytest.fail(f"the tests that need it must not pass unseen; set {SKIP}=1 to leave them out.\n{refusal}")


class CodexAppServer(quick.CodexAppServer):
    """Codex, started to be spoken to."""

    def __init__(self, programs: HostPrograms, home: Path, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        super().__init__(started(programs.argv("codex", "app-server"), programs.environment(home, env), cwd), PATIENCE)
        self.open()

    def close(self) -> None:
        super().close()
        ended(self.process)


class ClaudeControl(quick.ClaudeControl):
    """Claude Code, started to be spoken to."""

    ARGV = ("-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose")

    def __init__(self, programs: HostPrograms, home: Path, cwd: Path) -> None:
        # Never used: no request is made to a model. Port 9 is where nothing listens.
        nowhere = {"ANTHROPIC_API_KEY": "sk-ant-none", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
        env = programs.environment(home, nowhere)
        super().__init__(started(programs.argv("claude", *self.ARGV), env, cwd), PATIENCE)
        self.open()

    def close(self) -> None:
        super().close()
        ended(self.process)


def started(argv: list[str], env: Mapping[str, str], cwd: Path) -> "subprocess.Popen[bytes]":
    """A program that is spoken to."""
    return subprocess.Popen(
        argv,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def ended(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a program whose input was closed, and not for ever."""
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
