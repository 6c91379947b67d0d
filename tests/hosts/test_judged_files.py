"""The real programs make of a faulty config file what we say that they make of it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from support.judged_files import CLAUDE_CODE, CODEX, OPENCODE, Judged
from support.real_hosts import HostPrograms, install

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]


@pytest.fixture(scope="session")
def programs() -> HostPrograms:
    return install()


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_codex_stops_at_the_files_that_we_say_it_rejects_and_at_no_others(programs: HostPrograms, home: Path) -> None:
    path = written(home / ".codex" / "config.toml", "")
    differ = []
    for case in CODEX:
        path.write_text(case.text, encoding="utf-8")
        ran = programs.run(home, "codex", "mcp", "list", "--json")
        if (ran.returncode != 0) is not (case.consequence == "file"):
            differ.append((case.about, ran.returncode, ran.stderr))
    assert differ == []


@pytest.mark.parametrize("case", [case for case in CODEX if case.consequence == "ignored"], ids=lambda case: case.about)
def test_codex_itself_points_at_a_key_that_it_does_not_read(programs: HostPrograms, home: Path, case: Judged) -> None:
    path = written(home / ".codex" / "config.toml", case.text)
    ran = programs.run(home, "codex", "exec", "--strict-config", "--skip-git-repo-check", "hello")
    assert ran.returncode != 0
    line, column = case.place
    assert f"{path}:{line}:{column}: unknown configuration field" in ran.stderr


def entries(fatal: bool) -> dict[str, tuple[Judged, Any]]:
    """opencode's cases by a name for each, with the entry that each is about."""
    cases = [case for case in OPENCODE if (case.consequence == "file") is fatal]
    return {f"x{index}": (case, json.loads(case.text)["mcp"]["x"]) for index, case in enumerate(cases)}


def opencode(programs: HostPrograms, home: Path, found: Mapping[str, tuple[Judged, Any]]) -> CompletedProcess[str]:
    """What it makes of a file with all of these entries."""
    text = json.dumps({"mcp": {name: entry for name, (_, entry) in found.items()}})
    written(home / ".config" / "opencode" / "opencode.json", text)
    return programs.run(home, "opencode", "debug", "config")


def test_opencode_names_every_fault_over_which_we_say_it_stops(programs: HostPrograms, home: Path) -> None:
    found = entries(fatal=True)
    ran = opencode(programs, home, found)
    assert ran.returncode != 0
    for name, (case, _) in found.items():
        path = case.name.replace("mcp.x", f"mcp.{name}").removesuffix(".type")  # of a wrong type it names the entry
        assert re.search(rf"{re.escape(path)}\b", ran.stderr), case.about


def test_opencode_reads_a_file_with_the_faults_that_we_say_do_not_stop_it(programs: HostPrograms, home: Path) -> None:
    found = entries(fatal=False)
    ran = opencode(programs, home, found)
    assert ran.returncode == 0, ran.stderr
    read = json.loads(ran.stdout)["mcp"]
    for name, (case, entry) in found.items():
        if case.consequence is None:
            assert set(read[name]) == set(entry), case.about
        else:
            assert case.name.rpartition(".")[2] not in read[name], case.about


def test_claude_code_skips_the_entries_that_we_say_it_skips_and_keeps_the_others(
    programs: HostPrograms, home: Path
) -> None:
    wrong = {f"wrong{index}": json.loads(case.text)["mcpServers"]["x"] for index, case in enumerate(CLAUDE_CODE)}
    fine = {"fine": {"command": "true"}, "told": {"type": "http", "url": "http://127.0.0.1:9/"}}
    (home / ".claude.json").write_text(json.dumps({"mcpServers": {**wrong, **fine}}), encoding="utf-8")
    listed = programs.run(home, "claude", "mcp", "list").stdout
    assert set(re.findall(r"\[Warning\] \[(\w+)\] .*Skipped", listed)) == set(wrong)
    assert set(re.findall(r"^(\w+): ", listed, re.MULTILINE)) >= set(fine)
