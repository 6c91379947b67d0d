"""The action for workflows: its own shell lines, run as a runner would run them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from support.subjects import reference

ACTION = Path(__file__).parents[2] / "conformance" / "action.yml"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a runner's bash")


def action() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(ACTION.read_text(encoding="utf-8"))
    return loaded


def step(name: str) -> dict[str, Any]:
    (found,) = [one for one in action()["runs"]["steps"] if one.get("name") == name]
    return dict(found)


def check(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the step that checks a server, with the kit of this environment in the place where it would be installed."""
    kit = folder / "temp" / "connect-mcp" / "bin"
    kit.mkdir(parents=True)
    (kit / "connect-mcp").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m connect_mcp "$@"\n')
    (kit / "connect-mcp").chmod(0o755)
    given = {name: about["default"] for name, about in action()["inputs"].items()}
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    env = {
        name: given[value.split("inputs.")[1].rstrip(" }")] for name, value in step("Check the server")["env"].items()
    }
    env |= {"RUNNER_TEMP": str(folder / "temp")}
    env |= {name: str(folder / name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step("Check the server")["run"]]
    return subprocess.run(
        command, env={**os.environ, **env}, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_correct_server_passes_and_leaves_its_reports(tmp_path: Path) -> None:
    server = " ".join(reference())
    ran = check(tmp_path, command=server, strict="true", profile="", options="--only PARSE-*")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    reports = Path((tmp_path / "github_output").read_text().partition("reports=")[2].strip())
    assert {path.name for path in reports.iterdir()} == {"junit.xml", "mcp.sarif", "summary.md", "report.html"}
    assert "conformance: passed" in (tmp_path / "github_step_summary").read_text()


def test_a_broken_one_fails_and_leaves_them_as_well(tmp_path: Path) -> None:
    ran = check(
        tmp_path, command=" ".join(reference("PARSE-TRUNC")), strict="true", profile="", options="--only PARSE-*"
    )
    assert ran.returncode == 1
    assert "conformance: failed" in (tmp_path / "github_step_summary").read_text()


def test_a_command_is_read_as_a_shell_reads_it(tmp_path: Path) -> None:
    program = tmp_path / "a server.py"
    program.write_text("import sys; sys.exit(3)")
    ran = check(
        tmp_path, command=f"'{sys.executable}' '{program}'", profile="", options="--only PARSE-TRUNC --timeout 2"
    )
    assert ran.returncode == 1
    assert "exited with code 3" in ran.stdout


def test_every_input_is_described_and_used() -> None:
    text = ACTION.read_text(encoding="utf-8")
    for name, about in action()["inputs"].items():
        assert about["description"].endswith(".") or "(" in about["description"]
        assert f"inputs.{name} " in text
