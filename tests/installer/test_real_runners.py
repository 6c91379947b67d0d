"""The real uv, pipx and npx: what they start of us names them in its entry, and what a manifest comes to starts.

Slow, and online; runs where CONNECT_MCP_TEST_RUNNERS=1 is set, as `.ci/full` does.
"""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    os.environ.get("CONNECT_MCP_TEST_RUNNERS") != "1", reason="CONNECT_MCP_TEST_RUNNERS=1 is not set"
)

ROOT = Path(__file__).parents[2]
PATIENCE = 600
MANIFESTS: dict[str, dict[str, Any]] = {
    "npx": {
        "name": "io.modelcontextprotocol/everything",
        "packages": [
            {
                "registryType": "npm",
                "identifier": "@modelcontextprotocol/server-everything",
                "version": "2025.9.12",
                "transport": {"type": "stdio"},
            }
        ],
    },
    "uvx": {
        "name": "io.modelcontextprotocol/time",
        "packages": [
            {
                "registryType": "pypi",
                "identifier": "mcp-server-time",
                "version": "2025.9.25",
                "runtimeHint": "uvx",
                "runtimeArguments": [{"type": "named", "name": "--with", "value": "mcp<2"}],
                "packageArguments": [{"type": "named", "name": "--local-timezone", "default": "UTC"}],
                "transport": {"type": "stdio"},
            }
        ],
    },
}


@dataclass(frozen=True)
class Runners:
    """uv and pipx in an environment of their own, and a wheel of this checkout."""

    bin: Path
    wheel: Path

    def run(self, home: Path, *argv: str) -> "subprocess.CompletedProcess[str]":
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        env = {**os.environ, "HOME": str(home), "PATH": path}
        return subprocess.run(
            argv,
            env=env,
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


@pytest.fixture(scope="session")
def runners(tmp_path_factory: pytest.TempPathFactory) -> Runners:
    root = tmp_path_factory.mktemp("runners")
    venv.create(root / "venv", with_pip=True)
    python = root / "venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "-q"]
    subprocess.run([*pip, "install", "uv==0.13.9", "pipx==1.18.4", "hatchling"], check=True, timeout=PATIENCE)
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(root), str(ROOT)]
    subprocess.run(build, check=True, timeout=PATIENCE)
    return Runners(root / "venv" / "bin", next(root.glob("connect_mcp-*.whl")))


def entry(home: Path, name: str = "connect") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / ".cursor" / "mcp.json").read_text())["mcpServers"][name]
    return found


def outcome(ran: "subprocess.CompletedProcess[str]") -> Mapping[str, Any]:
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told: Mapping[str, Any] = json.loads(ran.stdout)
    return told


CONFIGURE = ("connect-mcp", "configure", "cursor", "--embedded", "--json")


def test_from_uvx_the_entry_names_uvx_with_its_source_and_starts(runners: Runners, home: Path) -> None:
    told = outcome(runners.run(home, "uvx", "-q", "--from", str(runners.wheel), *CONFIGURE))
    assert told["hosts"][0]["verified"]["tools"] == 47
    assert entry(home) == {
        "command": str(runners.bin / "uvx"),
        "args": ["--from", str(runners.wheel), "connect-mcp", "serve", "--embedded"],
    }


def test_from_pipx_run_the_entry_names_pipx_with_its_source_and_starts(runners: Runners, home: Path) -> None:
    told = outcome(runners.run(home, "pipx", "run", "--spec", str(runners.wheel), *CONFIGURE))
    assert told["hosts"][0]["verified"]["tools"] == 47
    assert entry(home) == {
        "command": str(runners.bin / "pipx"),
        "args": ["run", "--spec", str(runners.wheel), "connect-mcp", "serve", "--embedded"],
    }


def test_from_uv_tool_install_the_entry_names_the_program_that_stays(runners: Runners, home: Path) -> None:
    assert runners.run(home, "uv", "tool", "install", "-q", str(runners.wheel)).returncode == 0
    told = outcome(runners.run(home, str(home / ".local" / "bin" / "connect-mcp"), *CONFIGURE[1:]))
    assert told["hosts"][0]["verified"]["tools"] == 47
    assert entry(home)["args"] == ["serve", "--embedded"]
    assert Path(entry(home)["command"]).is_absolute()
    assert ".cache" not in entry(home)["command"]


def test_from_an_index_no_runner_is_written(runners: Runners, home: Path) -> None:
    version = runners.wheel.name.split("-")[1]
    index = ["--find-links", str(runners.wheel.parent), "--from", f"connect-mcp=={version}"]
    ran = runners.run(home, "uvx", "-q", *index, *CONFIGURE)
    assert ran.returncode == 1
    assert "it is not known where the package runner has this program from" in ran.stdout
    assert not (home / ".cursor").exists()


@pytest.mark.parametrize("runner", MANIFESTS)
def test_a_manifest_of_a_real_server_comes_to_a_command_that_starts(runners: Runners, home: Path, runner: str) -> None:
    (home / "server.json").write_text(json.dumps(MANIFESTS[runner]))
    configure = (sys.executable, "-m", "connect_mcp", "configure", "cursor", "--name", "x", "--json")
    told = outcome(runners.run(home, *configure, "--manifest", "server.json", "--yes"))
    assert told["hosts"][0]["verified"]["tools"] > 0
    assert Path(entry(home, "x")["command"]).name == runner
