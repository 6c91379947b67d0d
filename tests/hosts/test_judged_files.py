"""The real programs make of a faulty config file what we say that they make of it."""

import json
import re
from pathlib import Path

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


@pytest.mark.parametrize("case", OPENCODE, ids=lambda case: case.about)
def test_opencode_stops_at_the_files_that_we_say_it_rejects(programs: HostPrograms, home: Path, case: Judged) -> None:
    written(home / ".config" / "opencode" / "opencode.json", case.text)
    ran = programs.run(home, "opencode", "debug", "config")
    assert (ran.returncode != 0) is (case.consequence == "file"), ran.stderr
    if case.consequence is None:
        assert set(json.loads(ran.stdout)["mcp"]["x"]) == set(json.loads(case.text)["mcp"]["x"])
    elif case.consequence == "entry":
        assert "command" not in json.loads(ran.stdout)["mcp"]["x"]
    elif case.consequence == "ignored":
        assert case.name.rpartition(".")[2] not in json.loads(ran.stdout)["mcp"]["x"]


def test_claude_code_skips_the_entries_that_we_say_it_skips_and_keeps_the_others(
    programs: HostPrograms, home: Path
) -> None:
    wrong = {f"wrong{index}": json.loads(case.text)["mcpServers"]["x"] for index, case in enumerate(CLAUDE_CODE)}
    fine = {"fine": {"command": "true"}, "told": {"type": "http", "url": "http://127.0.0.1:9/"}}
    (home / ".claude.json").write_text(json.dumps({"mcpServers": {**wrong, **fine}}), encoding="utf-8")
    listed = programs.run(home, "claude", "mcp", "list").stdout
    assert set(re.findall(r"\[Warning\] \[(\w+)\] .*Skipped", listed)) == set(wrong)
    assert set(re.findall(r"^(\w+): ", listed, re.MULTILINE)) >= set(fine)
