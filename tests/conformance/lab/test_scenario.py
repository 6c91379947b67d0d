"""Scenarios are files that anybody can read, and each says all that a run needs."""

import json
import re

import pytest

from connect_mcp.base.errors import Misuse
from connect_mcp.base.fixtures import fixtures
from connect_mcp.conformance.lab.causes import CAUSES
from connect_mcp.conformance.lab.scenario import FOLDER, Scenario, all_scenarios, selected
from connect_mcp.conformance.lab.scenario_server import FAULTS, planted

FILES = sorted((fixtures() / FOLDER).glob("*.json"))


def test_every_file_is_a_scenario_of_its_name() -> None:
    assert {path.stem for path in FILES} == {scenario.id for scenario in all_scenarios()}
    assert len(FILES) > 20


@pytest.mark.parametrize("scenario", all_scenarios(), ids=lambda scenario: scenario.id)
def test_its_server_can_do_what_its_steps_call(scenario: Scenario) -> None:
    server = planted(scenario.faults)

    for call in (call for step in scenario.steps.steps for call in step):
        assert call.tool in server.results or call.tool == "added"


def test_the_order_in_reports_is_that_of_the_files_and_nothing_stands_twice_in_one_place() -> None:
    order = {path.stem: json.loads(path.read_text(encoding="utf-8"))["order"] for path in FILES}

    assert [scenario.id for scenario in all_scenarios()] == sorted(order, key=lambda one: order[one])
    assert len(set(order.values())) == len(order)


def test_every_member_of_a_file_is_in_the_readme() -> None:
    readme = (fixtures() / FOLDER / "README.md").read_text(encoding="utf-8")
    members = {member for path in FILES for member in json.loads(path.read_text(encoding="utf-8"))}

    rows = {name for line in readme.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line)}
    assert members <= rows
    assert set(CAUSES) <= rows


def test_every_judged_word_has_its_scenario_and_its_causes() -> None:
    assert {scenario.judged for scenario in all_scenarios()} == set(CAUSES)


def test_the_server_of_a_scenario_is_told_its_faults() -> None:
    (scenario,) = selected(["names"])

    assert scenario.server.command[-4:] == ("--fault", "odd-names", "--fault", "long-name=128")
    assert scenario.faults == ("odd-names", "long-name=128")
    assert {fault.partition("=")[0] for scenario in all_scenarios() for fault in scenario.faults} <= set(FAULTS)


def test_scenarios_on_request_are_taken_only_where_they_are_named() -> None:
    assert not {"very-slow-tool", "unapproved", "absent"} & {scenario.id for scenario in selected([])}
    assert [scenario.id for scenario in selected(["very-slow-tool", "call"])] == ["call", "very-slow-tool"]


def test_a_scenario_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Misuse, match="there is no scenario 'nonsense'") as refused:
        selected(["call", "nonsense"])
    assert "handshake, call, two-calls" in refused.value.why
