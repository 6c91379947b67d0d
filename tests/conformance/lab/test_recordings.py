"""The recordings of real hosts in every scenario: whole, without a secret or a place, and as the profiles say."""

from collections import defaultdict
from pathlib import Path

import pytest

from connect_mcp.base.fixtures import fixtures
from connect_mcp.conformance.lab.all_recipes import selected
from connect_mcp.conformance.lab.evidence import Evidence, start_of
from connect_mcp.conformance.lab.facts import FACTS, UNSEEN
from connect_mcp.conformance.lab.scenario import all_scenarios
from connect_mcp.conformance.profiles import load
from connect_mcp.conformance.session import Session

FOLDER = fixtures() / "sessions"
SESSIONS = sorted(FOLDER.rglob("*.jsonl"))
EIGHT = tuple(recipe.host_id for recipe in selected([]))
LEFT_OUT = {"big-result"}
"""A megabyte for each host, that says nothing else than a smaller one would."""

NOT_ON_THE_WIRE = {"leaves_orphan"}
"""Facts that a recording alone does not show."""


def runs() -> dict[tuple[str, str, str], list[Path]]:
    """The recordings of each host with each server in each scenario, in the order of the server's starts."""
    found: dict[tuple[str, str, str], list[Path]] = defaultdict(list)
    for path in SESSIONS:
        header = Session(path).header
        for scenario in str(header.more["scenario"]).split(", "):
            found[str(header.host), str(header.more["server"]), scenario].append(path)
    return {key: sorted(paths, key=lambda path: (len(path.name), path.name)) for key, paths in found.items()}


RUNS = runs()


@pytest.mark.parametrize("host", EIGHT)
def test_there_is_a_recording_of_every_scenario_that_is_not_on_request(host: str) -> None:
    ours = {scenario for one, server, scenario in RUNS if (one, server) == (host, "connect-mcp serve --embedded")}
    small = {scenario for one, server, scenario in RUNS if (one, server) == (host, "the scenario server")}

    assert ours >= {"handshake", "call", "two-calls", "is-error", "unicode", "shutdown"}
    assert {scenario.id for scenario in all_scenarios() if not scenario.on_request} - small == LEFT_OUT


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_a_recording_is_whole_and_says_where_it_comes_from(path: Path) -> None:
    session = Session(path)

    assert len(list(session.events())) > 1
    assert session.header.more["provenance"] == "connect-mcp lab record"
    assert session.header.more["redacted"] is True
    assert session.header.recorded
    assert str(session.header.host_version) in path.name


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_a_recording_names_no_place_on_the_machine_that_it_was_made_on(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not [folder for folder in ("/home/", "/Users/", "/tmp/", "/root/") if folder in text]


@pytest.mark.parametrize("run", sorted(RUNS), ids="-".join)
def test_a_profile_says_of_a_host_what_its_recordings_show(run: tuple[str, str, str]) -> None:
    host, _, scenario = run
    profile, paths = load(host), RUNS[run]
    starts = tuple(start_of(path, float(index)) for index, path in enumerate(paths))
    version = str(Session(paths[0]).header.host_version)
    evidence = Evidence(host, version, starts, (), 0, 1.0, "", "", (), True)

    for fact in FACTS:
        if fact.scenario != scenario or fact.name in NOT_ON_THE_WIRE:
            continue
        seen = fact.seen(evidence)
        assert seen is UNSEEN or fact.same(fact.said(profile), seen, profile, evidence), (fact.name, seen)
