"""What servers on known SDKs cannot help: said by name, shown by behaviour, never taken in silence."""

import sys
from pathlib import Path

import pytest

from connect_mcp.base.errors import Misuse
from connect_mcp.conformance.commands import main
from connect_mcp.conformance.result import Result
from connect_mcp.conformance.sdk_baselines import Baseline, excused, fingerprint, load, names, told
from support.subjects import ROWS, reference

SDK = [sys.executable, str(Path(__file__).parent / "subjects" / "sdk" / "mcp2.py")]
ALL = [load(name) for name in names()]
BELOW = {"fastmcp-4": "mcp-2"}


def showing(baseline: Baseline) -> list[Result]:
    """What a server on this SDK breaks and keeps, as its marks say."""
    return [
        Result(mark.requirement, "2025-11-25", "pass" if mark.how == "passes" else "warn", f"so: {mark.said}")
        for mark in baseline.marks
    ]


@pytest.mark.parametrize("baseline", ALL, ids=lambda one: str(one.name))
def test_every_line_has_a_reason_and_every_mark_a_requirement(baseline: Baseline) -> None:
    assert all(line.reason for line in baseline.lines)
    assert len(baseline.marks) > 2
    assert {mark.requirement for mark in baseline.marks} <= set(ROWS)
    broken = {mark.requirement for mark in baseline.marks if mark.how == "breaks"}
    assert broken <= {line.requirement for line in baseline.lines}


@pytest.mark.parametrize("baseline", ALL, ids=lambda one: str(one.name))
def test_the_marks_of_an_sdk_show_that_one_and_no_other(baseline: Baseline) -> None:
    results = showing(baseline)
    shown = fingerprint(results)
    assert shown is not None
    assert shown.name == baseline.name
    less = fingerprint(results[:-1])  # fastmcp 4 is built on mcp 2, and without its own mark shows that alone
    assert (less.name if less else "") == BELOW.get(baseline.name, "")
    assert f"--sdk {baseline.name}" in told(results, None, None)


def test_only_what_an_sdk_cannot_help_is_expected() -> None:
    mine = Result("PING-EMPTY", "2025-11-25", "fail", "no")
    theirs = Result("PARSE-TRUNC", "2025-11-25", "warn", "no answer came back")
    kept = Result("PARSE-GARBAGE", "2025-11-25", "pass")
    found = excused([mine, theirs, kept], load("mcp-2"))
    assert [one.outcome for one in found] == ["fail", "expected", "pass"]
    assert "the official Python SDK 2.x: it drops what it cannot read" in found[1].why


@pytest.mark.parametrize("baseline", ALL, ids=lambda one: str(one.name))
def test_what_could_not_be_checked_neither_shows_an_sdk_nor_is_expected(baseline: Baseline) -> None:
    said = [Result(one.requirement, one.revision, "inconclusive", one.why) for one in showing(baseline)]
    assert fingerprint(said) is None
    assert list(excused(said, baseline)) == said


def test_a_name_that_there_is_not_is_refused() -> None:
    with pytest.raises(Misuse, match="no baseline of an SDK 'perl'"):
        main(["run", "--only", "PING-EMPTY", "--sdk", "perl", "--", *reference()])


def test_a_run_prints_each_line_that_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    run = ["run", "--only", "PARSE-TRUNC", "REQ-SCALAR", "--revision", "2025-11-25", "--strict"]
    assert main([*run, "--", *SDK]) == 1
    capsys.readouterr()
    assert main([*run, "--sdk", "mcp-2", "--", *SDK]) == 0
    shown = capsys.readouterr().out
    assert "--sdk mcp-2: what a server on the official Python SDK 2.x cannot help is expected" in shown
    assert "PARSE-TRUNC (2025-11-25): after a request that ends inside a string, no answer came back" in shown
    assert "2 in the baseline" in shown
