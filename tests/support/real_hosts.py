"""Real host programs from npm, in a cache folder, and how to drive each without a model, an account or a network.

How the two channels below behave was measured with codex 0.169.0 and claude 2.1.197 on Linux x64.
"""

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import npm

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "codex": "@openai/codex@0.169.0",
    "claude": "@anthropic-ai/claude-code@2.1.197",
    "opencode": "opencode-ai@1.18.33",
    "copilot": "@github/copilot@1.0.102",
    "cline": "cline@3.0.65",
}
MORE_PACKAGES = {
    "cn": "@continuedev/cli@1.5.47",
    "copilot": "@github/copilot@1.0.102",
    "cline": "cline@3.0.65",
    "gemini": "@google/gemini-cli@0.61.0",
    "kilo": "@kilocode/cli@7.7.7",
    "qwen": "@qwen-code/qwen-code@0.15.10",
}
"""Hosts that are driven in `.ci/full` only: they are large, and slow to start."""

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
    """Where the programs are, and the PATH on which they find node."""

    bin: Path
    path: str

    def environment(self, home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        return {"HOME": str(home), "PATH": self.path, **QUIET, **(extra or {})}

    def run(
        self, home: Path, *command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one command of a host to its end in a scratch home."""
        argv = [str(self.bin / command[0]), *command[1:]]
        return subprocess.run(
            argv,
            env=self.environment(home, env),
            cwd=cwd or home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


def install() -> HostPrograms:
    """The host programs, installed from npm at the versions above where the cache does not have them yet."""
    cache = Path(os.environ.get(CACHE) or ROOT / ".cache" / "hosts")
    node = npm.installed(cache, PACKAGES.values(), SKIP)
    return HostPrograms(cache / "node_modules" / ".bin", f"{node}{os.pathsep}{os.environ['PATH']}")


def install_more() -> HostPrograms:
    """The further host programs, installed likewise, where the tests of them are asked for."""
    if not os.environ.get(MORE):
        pytest.skip(f"{MORE} is not set")
    cache = Path(os.environ.get(f"{CACHE}_MORE") or ROOT / ".cache" / "more-hosts")
    node = npm.installed(cache, MORE_PACKAGES.values(), SKIP)
    return HostPrograms(cache / "node_modules" / ".bin", f"{node}{os.pathsep}{os.environ['PATH']}")


class JsonLines:
    """A program that speaks JSON, one value a line, over stdin and stdout."""

    def __init__(self, argv: list[str], env: Mapping[str, str], cwd: Path) -> None:
        self._process = subprocess.Popen(
            argv,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def messages(self) -> Iterator[dict[str, Any]]:
        """What comes, until the program ends; a silence of PATIENCE fails the test."""
        while (line := self._lines.get(timeout=PATIENCE)) is not None:
            with contextlib.suppress(ValueError):
                value = json.loads(line)
                if isinstance(value, dict):
                    yield value

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class CodexAppServer:
    """`codex app-server`: Codex without a terminal and without a model; it starts servers and calls their tools."""

    def __init__(self, programs: HostPrograms, home: Path, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        self._lines = JsonLines([str(programs.bin / "codex"), "app-server"], programs.environment(home, env), cwd)
        self._last = 0
        self.request("initialize", {"clientInfo": {"name": "connect-mcp-tests", "version": "1"}})
        self._lines.send({"method": "initialized"})

    def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self._last += 1
        self._lines.send({"id": self._last, "method": method, "params": params})
        for message in self._lines.messages():
            if message.get("id") == self._last and "method" not in message:
                assert "result" in message, message
                result: dict[str, Any] = message["result"]
                return result
        raise AssertionError(f"codex ended before it answered {method}")

    def tools(self, server: str) -> list[str]:
        status = self.request("mcpServerStatus/list", {})
        (found,) = [one for one in status["data"] if one["name"] == server]
        return sorted(found["tools"])

    def call(self, server: str, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        thread = self.request("thread/start", {})["thread"]["id"]
        return self.request(
            "mcpServer/tool/call", {"threadId": thread, "server": server, "tool": tool, "arguments": arguments}
        )

    def close(self) -> None:
        self._lines.close()


class ClaudeControl:
    """Claude Code's control channel (`-p --input-format stream-json`): status and tool calls without a model."""

    ARGV = ("-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose")

    def __init__(self, programs: HostPrograms, home: Path, cwd: Path) -> None:
        # Never used: no request is made to a model. Port 9 is where nothing listens.
        nowhere = {"ANTHROPIC_API_KEY": "sk-ant-none", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
        self._lines = JsonLines([str(programs.bin / "claude"), *self.ARGV], programs.environment(home, nowhere), cwd)
        self._last = 0
        self.request(subtype="initialize")

    def request(self, **request: Any) -> dict[str, Any]:
        self._last += 1
        self._lines.send({"type": "control_request", "request_id": str(self._last), "request": request})
        for message in self._lines.messages():
            response = message.get("response", {})
            if message.get("type") == "control_response" and response.get("request_id") == str(self._last):
                assert response["subtype"] == "success", response
                answer: dict[str, Any] = response.get("response") or {}
                return answer
        raise AssertionError(f"claude ended before it answered {request}")

    def server(self, name: str) -> dict[str, Any]:
        """The state of one server once it is no longer pending."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            (found,) = [one for one in self.request(subtype="mcp_status")["mcpServers"] if one["name"] == name]
            if found["status"] != "pending":
                state: dict[str, Any] = found
                return state
            time.sleep(0.1)
        raise AssertionError(f"{name} stayed pending")

    def call(self, server: str, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return self.request(subtype="mcp_call", tool=f"mcp__{server}__{tool}", arguments=arguments)

    def close(self) -> None:
        self._lines.close()
