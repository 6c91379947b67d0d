"""The action for workflows: its own shell lines, run as a runner would run them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from connect_mcp.conformance.lab.all_recipes import selected
from connect_mcp.conformance.lab.install import install
from support.action import ACTION, action, outputs, run, step
from support.action import check as checked
from support.cli import shape
from support.real_hosts import CACHE, ROOT, SKIP
from support.subjects import reference

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a runner's bash")


def check(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    return checked(folder, inputs)


def test_a_correct_server_passes_and_leaves_its_reports(tmp_path: Path) -> None:
    server = " ".join(reference())
    ran = check(tmp_path, command=server, strict="true", profile="", options="--only PARSE-*")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = outputs(tmp_path)
    assert said["check", "artifact"] == "mcp-conformance"
    reports = Path(said["check", "reports"])
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
    assert outputs(tmp_path)["check", "artifact"] == "mcp-conformance-2-of-3"
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


@pytest.fixture
def cache() -> Path:
    """A cache folder of the lab that has Codex."""
    if os.environ.get(SKIP):
        pytest.skip(f"{SKIP} is set")
    folder = Path(os.environ.get(CACHE) or ROOT / ".cache" / "hosts")
    for recipe in selected(["codex"]):
        install(recipe, folder, os.environ)
    return folder


def driven(folder: Path, cache: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the steps that drive real hosts, after one that has checked nothing but made the folder for reports."""
    given = {name.replace("_", "-"): value for name, value in inputs.items()}
    check(folder, command="true", profile="", options="--only NOTHING")
    wanted = run("Say which versions of the hosts are wanted", folder, given)
    if wanted.returncode:
        return wanted
    return run("Drive real hosts at the server", folder, given, more_env={"CONNECT_MCP_LAB_CACHE": str(cache)})


@pytest.mark.hosts
@pytest.mark.xdist_group("hosts")
def test_a_real_host_is_driven_at_a_server_that_works_in_it(tmp_path: Path, cache: Path) -> None:
    server = f"'{sys.executable}' -m connect_mcp serve --embedded --data-dir '{tmp_path / 'data'}'"
    ran = driven(tmp_path, cache, command=server, lab="codex", lab_options="--scenario handshake call")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Works in OpenAI Codex" in (tmp_path / "github_step_summary").read_text()
    reports = Path(outputs(tmp_path)["check", "reports"])
    shape("lab-run").validate(json.loads((reports / "lab.json").read_text(encoding="utf-8")))
    assert "Works in OpenAI Codex" in (reports / "lab.html").read_text(encoding="utf-8")


@pytest.mark.hosts
@pytest.mark.xdist_group("hosts")
def test_a_server_that_fails_in_a_real_host_fails_the_job(tmp_path: Path, cache: Path) -> None:
    program = tmp_path / "a server.py"
    program.write_text("import sys; sys.exit(3)")
    command = f"'{sys.executable}' '{program}'"
    ran = driven(tmp_path, cache, command=command, lab="codex", lab_options="--scenario handshake")
    assert ran.returncode == 1
    assert "Fails in OpenAI Codex" in (tmp_path / "github_step_summary").read_text()


def test_the_hosts_are_cached_by_their_versions(tmp_path: Path) -> None:
    keys = []
    for number, hosts in enumerate(("all", "codex", "codex cline", "codex", "codex\ncline\n", "all\n")):
        folder = tmp_path / str(number)
        folder.mkdir()
        ran = run("Say which versions of the hosts are wanted", folder, {"lab": hosts})
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert outputs(folder)["lab", "hosts"] == ("" if hosts.strip() == "all" else " ".join(hosts.split()))
        keys.append(outputs(folder)["lab", "key"])
    assert (keys[1], keys[2], keys[0]) == (keys[3], keys[4], keys[5])
    assert len(set(keys)) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", key) for key in keys)


def test_a_host_that_the_lab_cannot_drive_fails_the_job(tmp_path: Path) -> None:
    ran = run("Say which versions of the hosts are wanted", tmp_path, {"lab": "cursor"})
    assert ran.returncode != 0
    assert "the lab cannot drive cursor" in ran.stderr


def test_a_server_behind_a_url_is_none_that_hosts_start(tmp_path: Path) -> None:
    ran = driven(tmp_path, tmp_path, url="http://127.0.0.1:9/mcp", lab="codex")
    assert ran.returncode == 2
    assert "::error::the lab drives hosts at a server that they start" in ran.stdout


def test_every_input_is_described_and_used() -> None:
    text = ACTION.read_text(encoding="utf-8")
    for name, about in action()["inputs"].items():
        assert about["description"].endswith(".") or "(" in about["description"]
        assert f"inputs.{name} " in text
