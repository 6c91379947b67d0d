"""The action for workflows: its own shell lines, run as a runner would run them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ACTION = Path(__file__).parents[2] / "conformance" / "action.yml"


def action() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(ACTION.read_text(encoding="utf-8"))
    return loaded


def step(name: str) -> dict[str, Any]:
    (found,) = [one for one in action()["runs"]["steps"] if one.get("name") == name]
    return dict(found)


def check(folder: Path, inputs: Mapping[str, str], project: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the step that checks a server, with the kit of this environment in the place where it would be installed.

    Args:
        folder: for what a runner keeps.
        inputs: as a workflow gives them.
        project: the folder that is checked out; the same where it is None.
    """
    kit = folder / "temp" / "connect-mcp" / "bin"
    kit.mkdir(parents=True, exist_ok=True)
    (kit / "connect-mcp").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m connect_mcp "$@"\n')
    (kit / "connect-mcp").chmod(0o755)
    given = {name: about["default"] for name, about in action()["inputs"].items()}
    assert set(inputs) <= set(given)
    given |= inputs
    env = {
        name: given[value.split("inputs.")[1].rstrip(" }")] for name, value in step("Check the server")["env"].items()
    }
    env |= {"RUNNER_TEMP": str(folder / "temp")}
    env |= {name: str(folder / name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step("Check the server")["run"]]
    return subprocess.run(
        command,
        env={**os.environ, **env},
        cwd=project or folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
