"""The action for workflows: its own shell lines, run as a runner would run them."""

import os
import re
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
    """Run the step that checks a server.

    Args:
        folder: for what a runner keeps.
        inputs: as a workflow gives them.
        project: the folder that is checked out; the same where it is None.
    """
    return run("Check the server", folder, inputs, project=project)


def run(
    name: str,
    folder: Path,
    inputs: Mapping[str, str],
    *,
    project: Path | None = None,
    more_env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run one step, with the kit of this environment in the place where it would be installed.

    Args:
        name: the step's.
        folder: for what a runner keeps; steps that ran there before have left their outputs.
        inputs: as a workflow gives them.
        project: the folder that is checked out; the same where it is None.
        more_env: variables of the workflow's own.
    """
    binaries = folder / "temp" / "connect-mcp" / "bin"
    binaries.mkdir(parents=True, exist_ok=True)
    for program, arguments in (("connect-mcp", "-m connect_mcp"), ("python", "")):
        (binaries / program).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (binaries / program).chmod(0o755)
    given = {name: about["default"] for name, about in action()["inputs"].items()}
    assert set(inputs) <= set(given)
    known = {f"inputs.{name}": value for name, value in {**given, **inputs}.items()}
    known |= {f"steps.{step}.outputs.{name}": value for (step, name), value in outputs(folder).items()}
    wanted = step(name)
    env = {name: known[re.sub(r"^\$\{\{ (.+) \}\}$", r"\1", value)] for name, value in wanted["env"].items()}
    env |= {"RUNNER_TEMP": str(folder / "temp"), "GITHUB_STEP_SUMMARY": str(folder / "github_step_summary")}
    env |= {"GITHUB_OUTPUT": str(folder / f"outputs_of_{wanted.get('id', 'nobody')}")}
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", wanted["run"]]
    return subprocess.run(
        command,
        env={**os.environ, **(more_env or {}), **env},
        cwd=project or folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def outputs(folder: Path) -> dict[tuple[str, str], str]:
    """What the steps that ran in a folder have put out, by the step's id and the output's name."""
    return {
        (path.name.removeprefix("outputs_of_"), line.partition("=")[0]): line.partition("=")[2]
        for path in folder.glob("outputs_of_*")
        for line in path.read_text().splitlines()
    }
