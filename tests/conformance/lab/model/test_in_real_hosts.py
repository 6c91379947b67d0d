"""The real hosts do the model's script to its end, each in its own dialect, with the names that each makes of tools."""

import sys
from pathlib import Path

import pytest

from connect_mcp.conformance.lab.all_recipes import selected
from connect_mcp.conformance.lab.drive import Server
from connect_mcp.conformance.lab.evidence import Evidence
from connect_mcp.conformance.lab.model.script import DONE, NOT_OFFERED, Call, Script
from connect_mcp.conformance.lab.runs import Run, make
from support.real_hosts import HostPrograms, install, install_more

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]

HOSTS = ("codex", "claude-code", "opencode")
MORE_HOSTS = ("copilot-cli", "continue", "cline", "gemini-cli", "qwen-code")
MARKED = ("claude-code", "gemini-cli")
"""Hosts whose dialect marks a result that is a failure."""

LONG = ("a_very_long_name_" * 128)[:124] + "_end"
FAULTS = ("--fault", "odd-names", "--fault", f"long-name={len(LONG)}")
SERVER = Server((sys.executable, "-m", "connect_mcp.conformance.lab.scenario_server", *FAULTS))
NAMED = {"files.read": "files.read", "files/write": "files/write", "größe": "größe", LONG: "Has a long name."}
"""What tells the results of tools from each other whose names no host leaves as they are, but Continue."""
TEXTS = ("Zoë grüßt: 日本語, עברית, 🦊", "another one")
STEPS = (
    tuple(Call("echo", {"text": text}) for text in TEXTS),
    (Call("fail", {}),),
    tuple(Call(name, {}) for name in NAMED),
)


@pytest.fixture(scope="session")
def programs() -> HostPrograms:
    return install()


@pytest.fixture(scope="session")
def more_programs() -> HostPrograms:
    return install_more()


def run(programs: HostPrograms, host: str, folder: Path, *steps: tuple[Call, ...]) -> Evidence:
    (recipe,) = selected([host])
    ((_, ran),) = make(
        [
            Run(
                recipe,
                programs.installed[recipe.executable],
                SERVER,
                Script(steps),
                folder,
                patience=300.0,
                patient=True,
            )
        ],
        at_once=1,
    )
    assert isinstance(ran, Evidence), ran
    assert ran.exit == 0, ran.output + ran.errors
    return ran


def does_the_script(programs: HostPrograms, host: str, folder: Path) -> None:
    ran = run(programs, host, folder, *STEPS)

    last = ran.turns[-1]
    calls = [made for turn in ran.turns if not turn.answered.searched for made in turn.answered.calls]
    assert [dict(made.arguments) for made in calls] == [dict(call.arguments) for step in STEPS for call in step]
    assert last.answered.text.startswith(DONE)
    assert [seen.call for seen in last.seen] == [made.id for made in calls]
    expected = [*TEXTS, "there is no such record", *NAMED.values()]
    for seen, text in zip(last.seen, expected, strict=True):
        assert text in seen.text
        failed = text == expected[2]
        assert seen.is_error is (failed if host in MARKED else None)
    assert {turn.dialect for turn in ran.turns} == {selected([host])[0].dialect}


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_does_the_script_to_its_end(programs: HostPrograms, tmp_path: Path, host: str) -> None:
    does_the_script(programs, host, tmp_path / "run")


@pytest.mark.parametrize("host", MORE_HOSTS)
def test_one_more_host_does_the_script_to_its_end(more_programs: HostPrograms, tmp_path: Path, host: str) -> None:
    does_the_script(more_programs, host, tmp_path / "run")


def test_a_host_is_told_of_a_tool_that_is_missing(programs: HostPrograms, tmp_path: Path) -> None:
    ran = run(programs, "codex", tmp_path / "run", (Call("nowhere", {}),))

    (turn,) = ran.turns
    assert turn.answered.text == NOT_OFFERED.format(tool="nowhere")
    assert turn.answered.text in ran.output
