"""Every recipe drives its real host at our own server: offline, from an empty home, and nothing is left of it."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.record import replace
from connect_mcp.conformance.host_verdicts import shown_name
from connect_mcp.conformance.lab.all_recipes import all_recipes, selected
from connect_mcp.conformance.lab.drive import ENTRY, Server
from connect_mcp.conformance.lab.evidence import Evidence, Returned, offered
from connect_mcp.conformance.lab.model.script import DONE, Call, Script
from connect_mcp.conformance.lab.quick import CodexAppServer
from connect_mcp.conformance.lab.recipe import Quick, Recipe, filled
from connect_mcp.conformance.lab.runs import Run, make
from connect_mcp.conformance.profiles import load
from connect_mcp.conformance.schemas import MODERN
from support.real_hosts import install, install_more

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]

HOSTS = tuple(recipe.host_id for recipe in selected([]))
IN_EVERY_RUN = ("codex", "claude-code", "opencode")
QUICK = ("codex", "claude-code", "copilot-cli")

BUNDLED = Server((sys.executable, "-m", "connect_mcp", "serve", "--embedded"))
SCENARIO_SERVER = (sys.executable, "-m", "connect_mcp.conformance.lab.scenario_server")


def faulty(*faults: str) -> Server:
    return Server((*SCENARIO_SERVER, *(word for fault in faults for word in ("--fault", fault))))


@pytest.fixture
def folder(tmp_path: Path, home: Path) -> Iterator[Path]:
    """Where a run has its files; after it no process is left that knows of it, and our own home is as it was."""
    yield tmp_path / "run"
    assert not [process.name() for process in psutil.process_iter() if knows(process, tmp_path)]
    assert not list(home.iterdir())


def knows(process: psutil.Process, folder: Path) -> bool:
    try:
        return str(folder) in " ".join([*process.cmdline(), *process.environ().values()])
    except psutil.Error:
        return False


def attempt(
    host: str,
    server: Server,
    folder: Path,
    *calls: Call,
    patience: float = 120,
    patient: bool = False,
    quick: bool = False,
) -> Evidence | Refused:
    """One run in a process of its own, without a network where the system allows it."""
    (recipe,) = selected([host])
    programs = install() if host in IN_EVERY_RUN or quick else install_more()
    program, script = programs.installed[recipe.executable], Script(tuple((call,) for call in calls))
    wanted = Run(recipe, program, server, script, folder, patience, patient, quick=quick)
    ((_, outcome),) = make([wanted], 1)
    return outcome


def driven(host: str, server: Server, folder: Path, *calls: Call, patient: bool = False) -> Evidence:
    outcome = attempt(host, server, folder, *calls, patient=patient)
    assert isinstance(outcome, Evidence), outcome
    return outcome


def spoken_with(
    host: str, server: Server, folder: Path, *calls: Call, patience: float = 120
) -> tuple[Evidence, Returned]:
    outcome = attempt(host, server, folder, *calls, patience=patience, quick=True)
    assert isinstance(outcome, Evidence), outcome
    assert outcome.turns == ()
    assert outcome.returned is not None
    return outcome, outcome.returned


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_calls_our_server_and_its_model_sees_the_result(host: str, folder: Path) -> None:
    # Told to wait, since on a machine that is busy with other tests even our server takes longer than Codex's second.
    seen = driven(host, BUNDLED, folder, Call("list_workspaces", {}), patient=True)

    (start,) = seen.starts
    (call,) = start.calls
    profile = load(host)
    assert (seen.version, seen.exit, seen.left) == (selected([host])[0].version, 0, ())
    assert start.revision == (MODERN if profile.probes else profile.revision)
    assert len(start.tools) == 47
    assert call.params["name"] == "list_workspaces"
    assert shown_name(profile, ENTRY, start.server_info, "list_workspaces") in offered(seen.turns)
    last = seen.turns[-1]
    assert last.answered.text.startswith(DONE)
    (result,) = last.seen
    assert "slug" in result.text


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_waits_for_a_slow_server_when_it_is_told_to(host: str, folder: Path) -> None:
    seen = driven(host, faulty("slow-start=5"), folder, Call("echo", {"text": "at last"}), patient=True)

    (start,) = seen.starts
    assert start.ready is not None
    assert start.ready > 5
    (result,) = seen.turns[-1].seen
    assert "at last" in result.text


@pytest.mark.parametrize("host", QUICK)
def test_a_host_calls_our_server_through_its_own_channel_without_a_model(host: str, folder: Path) -> None:
    seen, returned = spoken_with(host, BUNDLED, folder, Call("list_workspaces", {}), Call("get_current_user", {}))

    assert (seen.exit, seen.left) == (0, ())
    assert len(returned.tools) == 47
    assert "list_workspaces" in returned.tools
    one, two = returned.results
    assert (one.call, one.is_error, two.is_error) == ("list_workspaces", False, False)
    assert "slug" in one.text
    assert [call.params["name"] for start in seen.starts for call in start.calls] == [
        "list_workspaces",
        "get_current_user",
    ]


@pytest.mark.parametrize("host", QUICK)
def test_a_channel_says_what_failed(host: str, folder: Path) -> None:
    _, returned = spoken_with(host, faulty(), folder, Call("fail", {}), Call("error", {}), Call("echo", {"text": "on"}))

    failed, error, went_on = returned.results
    assert (failed.is_error, error.is_error, went_on.is_error) == (True, True, False)
    assert "there is no such record" in failed.text
    assert "gave up" in error.text
    assert "on" in went_on.text


@pytest.mark.parametrize("host", QUICK)
def test_a_channel_says_that_a_server_is_not_there(host: str, folder: Path) -> None:
    _, returned = spoken_with(host, faulty("crash-at-start"), folder, Call("echo", {"text": "x"}))

    assert returned.tools == ()
    assert [result.is_error for result in returned.results] == [True]


def test_what_came_back_before_the_time_was_over_is_kept(folder: Path) -> None:
    calls = (Call("echo", {"text": "before"}), Call("slow", {"seconds": 100}))
    seen, returned = spoken_with("codex", faulty(), folder, *calls, patience=10)

    assert seen.exit is None
    (result,) = returned.results
    assert "before" in result.text


def test_a_channel_that_does_not_open_is_not_the_servers_failure(folder: Path) -> None:
    (recipe,) = selected(["codex"])
    changed = replace(recipe, quick=Quick(CodexAppServer, ("--version",)))
    wanted = Run(changed, install().installed["codex"], BUNDLED, Script(()), folder, quick=True)
    ((_, outcome),) = make([wanted], 1)

    assert isinstance(outcome, Refused)
    assert "cannot be spoken with" in outcome.what


def test_a_host_without_a_channel_is_not_driven_quickly(folder: Path) -> None:
    outcome = attempt("opencode", BUNDLED, folder, quick=True)

    assert isinstance(outcome, Refused)
    assert "opencode has no channel" in outcome.what


PLACES = ("home", "project", "run", "installed", "url", "server", "prompt", "patience")


@pytest.mark.parametrize("recipe", all_recipes(), ids=lambda recipe: recipe.host_id)
def test_a_row_names_only_what_a_run_fills_in(recipe: Recipe) -> None:
    rows = (recipe.argv, recipe.env, recipe.patient_argv, recipe.patient_env, recipe.quick and recipe.quick.argv)
    files = [(one.path, one.content) for one in recipe.settings + recipe.patient_settings]
    text = json.dumps(filled([rows, files], dict.fromkeys(PLACES, "filled")), default=dict)

    assert "filled" in text
    assert not re.findall(r"\{[a-z_]+\}", text)


@pytest.mark.parametrize("recipe", all_recipes(), ids=lambda recipe: recipe.host_id)
def test_no_row_writes_the_servers_entry_itself(recipe: Recipe) -> None:
    written = json.dumps([one.content for one in recipe.settings], default=dict)

    assert not re.search(r"mcp_?servers|\"(mcp|servers)\\*\":", written, re.IGNORECASE)


def test_a_row_is_about_a_host_that_the_installer_and_the_profiles_know() -> None:
    for recipe in all_recipes():
        assert load(recipe.host_id).host == recipe.host
        assert recipe.version in recipe.source
