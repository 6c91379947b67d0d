"""The action for workflows: its own shell lines, run as a runner would run them."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.action import ACTION, action, step
from support.action import check as checked
from support.subjects import reference

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a runner's bash")


def check(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    return checked(folder, inputs)


def test_a_correct_server_passes_and_leaves_its_reports(tmp_path: Path) -> None:
    server = " ".join(reference())
    ran = check(tmp_path, command=server, strict="true", profile="", options="--only PARSE-*")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = dict(line.split("=", 1) for line in (tmp_path / "github_output").read_text().splitlines())
    assert said["artifact"] == "mcp-conformance"
    reports = Path(said["reports"])
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


def test_options_are_read_as_a_shell_reads_them(tmp_path: Path) -> None:
    options = '--only TOOL-RESULT --timeout 5 --example \'add={"a": 1, "b": 2}\''
    ran = check(tmp_path, command=" ".join(reference()), profile="", options=options)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_shard_has_an_artifact_of_its_own(tmp_path: Path) -> None:
    server = " ".join(reference())
    ran = check(tmp_path, command=server, profile="", shard="2/3", options="--only PARSE-* --revision 2025-11-25")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "shard 2/3: " in ran.stdout
    assert "artifact=mcp-conformance-2-of-3\n" in (tmp_path / "github_output").read_text()
    (kept,) = [one for one in action()["runs"]["steps"] if one.get("name") == "Keep the reports"]
    assert kept["with"]["name"] == "${{ steps.check.outputs.artifact }}"


def test_hypothesis_is_installed_where_the_fuzzer_is_asked_for(tmp_path: Path) -> None:
    wanted = [("--fuzz --seed 1", True), ("--only PARSE-* --fuzz", True), ("--fuzz-out x", False), ("", False)]
    for options, installs in wanted:
        script = step("Install the kit")["run"].partition('"$PYTHON"')[0] + 'echo "${packages[@]}"'
        command = ["bash", "-e", "-o", "pipefail", "-c", script]
        ran = subprocess.run(
            command, env={"OPTIONS": options, "KIT": "kit"}, capture_output=True, text=True, check=True
        )
        assert ran.stdout == ("kit hypothesis\n" if installs else "kit\n")


def test_every_input_is_described_and_used() -> None:
    text = ACTION.read_text(encoding="utf-8")
    for name, about in action()["inputs"].items():
        assert about["description"].endswith(".") or "(" in about["description"]
        assert f"inputs.{name} " in text
