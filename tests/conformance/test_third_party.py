"""Servers of others break what they are known to break, no more and no less.

Slow, and online the first time; runs where CONNECT_MCP_TEST_THIRD_PARTY=1 is set, as `.ci/full` does.
"""

import os
from collections.abc import Sequence

import pytest

from bench.third_party import is_known, settled
from connect_mcp.conformance.baseline import Known, read
from connect_mcp.conformance.result import BROKEN, Outcome, Result
from connect_mcp.conformance.sdk_baselines import fingerprint, load, names
from support.third_party import KNOWN, SERVERS, SMALLEST, ThirdParty

RACES = {"EOF-PENDING", "STDERR-FULL"}
"""What a server breaks at one time and keeps at another: a line of these is no promise."""

slow = pytest.mark.skipif(
    os.environ.get("CONNECT_MCP_TEST_THIRD_PARTY") != "1", reason="CONNECT_MCP_TEST_THIRD_PARTY=1 is not set"
)


def broken(results: Sequence[Result]) -> set[tuple[str, str]]:
    """What is broken, by requirement and revision."""
    return {(result.requirement, result.revision) for result in results if result.outcome in BROKEN}


def shown(results: Sequence[Result]) -> str:
    """The SDK that shows; empty for none."""
    found = fingerprint(results)
    return found.name if found else ""


def test_what_is_known_is_of_servers_that_are_checked() -> None:
    assert {path.stem for path in KNOWN.glob("*.txt")} == {one.id for one in SERVERS}
    assert set(SMALLEST) == set(names())


def test_the_table_names_what_is_known_of_each_server() -> None:
    lines = (KNOWN / "TABLE.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")][2:]
    named = {cells[0]: set(", ".join(cells[3:6]).split(", ")) - {"none"} for cells in rows}
    assert named == {f"{one.name} {one.version}": {line.requirement for line in read(one.known())} for one in SERVERS}


@pytest.mark.parametrize(
    ("outcome", "with_a_line", "with_none"),
    [("fail", True, False), ("warn", True, False), ("pass", False, True), ("inconclusive", False, False)],
)
def test_what_could_not_be_checked_is_asked_again_whatever_is_known(
    outcome: Outcome, with_a_line: bool, with_none: bool
) -> None:
    result = Result("PING-EMPTY", "2025-11-25", outcome)
    lines = [Known(1, "PING-EMPTY", "2025-11-25", ""), Known(2, "ID-ECHO", "*", "")]
    assert (is_known(result, lines), is_known(result, lines[1:])) == (with_a_line, with_none)


@slow
@pytest.mark.parametrize("one", SERVERS, ids=lambda one: str(one.id))
def test_a_server_of_others_breaks_what_it_is_known_to_break(one: ThirdParty) -> None:
    known = read(one.known())
    found = settled(one, known)
    odd = [result for result in found if result.requirement not in RACES and not is_known(result, known)]
    assert odd == []
    stale = {(line.requirement, line.revision) for line in known} - broken(found)
    assert {pair for pair in stale if pair[0] not in RACES} == set()
    assert shown(found) == one.shows


@slow
@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_server_on_an_sdk_breaks_what_its_baseline_says(name: str) -> None:
    lines = load(name).lines
    results = settled(SMALLEST[name], lines)
    assert shown(results) == name
    found = broken(results)
    excess = {
        pair for pair in found if not any(pair[0] == at.requirement and at.revision in ("*", pair[1]) for at in lines)
    }
    stale = {at.requirement for at in lines} - {pair[0] for pair in found}
    assert (excess, stale - RACES) == (set(), set())
