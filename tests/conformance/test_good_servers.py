"""Nothing is said against a server that keeps every rule, however unusual it is."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from connect_mcp.base.record import replace
from connect_mcp.conformance.cases.all_cases import CASES
from connect_mcp.conformance.requirement import MODERN, REVISIONS, all_requirements
from connect_mcp.conformance.result import Result
from connect_mcp.conformance.trial import Options, Pace
from connect_mcp.conformance.watch import RULES
from support.http_server import http_server
from support.subjects import ROWS, names, reference, reference_over_http, results, results_over_http, revision_for

ALL = all_requirements()
FULL = os.environ.get("CONNECT_MCP_TEST_CONFORMANCE") == "full"
"""Set by .ci/full: every odd server, every known-bad one, every requirement, every revision."""

QUICK = [
    row for row in ALL if row.id in RULES or (not CASES[row.id].fresh and CASES[row.id].shares == "a conversation")
]
"""Those that share a conversation."""

CAREFUL = Options(timeout=30, strict=True, jobs=4, pace=Pace(silence=0.06, early=0.1))
HASTY = replace(CAREFUL, examples={"wait": {"ms": 1}})
"""Without a tool that takes long, so that there is nothing to wait for."""

FINE = ("pass", "not-applicable", "not-observed")
ONE_REVISION = {"only-oldest": ["2024-11-05"], "only-modern": [MODERN], "strict-about-meta": [MODERN]}
ELSEWHERE = {
    "CAP-UNDECL": ("tools-alone", MODERN),
    "MODERN-ONLY-INIT": ("only-modern", MODERN),
    "FALLBACK": ("only-newest", "2025-11-25"),
}
"""What the correct server cannot show, since it has everything, and which odd one shows it."""


ELSEWHERE_OVER_HTTP = {
    "HTTP-POLLING": ("hangs-up", "2025-11-25"),
    "HTTP-GET-2026": ("only-modern", MODERN),
    "HTTP-SESSION-2026": ("only-modern", MODERN),
    "HTTP-VERSION-MISSING": ("only-modern", MODERN),
}
"""The same over HTTP."""


def against(found: Sequence[Result]) -> list[tuple[str, str, str, str]]:
    """What was said against a server."""
    return [(one.outcome, one.requirement, one.revision, one.why) for one in found if one.outcome not in FINE]


def test_the_correct_server_breaks_nothing_and_shows_nearly_everything() -> None:
    found = results(reference(), ALL, REVISIONS, CAREFUL)
    assert against(found) == []
    shown = {one.requirement for one in found if one.outcome == "pass"}
    assert shown == {row.id for row in ALL if row.transport != "http"} - set(ELSEWHERE)


def test_the_correct_server_breaks_nothing_over_http() -> None:
    with reference_over_http() as url:
        found = results_over_http(url, ALL, REVISIONS, CAREFUL)
    assert against(found) == []
    shown = {one.requirement for one in found if one.outcome == "pass"}
    assert {row.id for row in ALL if row.transport == "http"} - shown == set(ELSEWHERE_OVER_HTTP)


@pytest.mark.parametrize("ident", ELSEWHERE_OVER_HTTP)
def test_what_the_correct_server_cannot_show_over_http_another_one_shows(ident: str) -> None:
    name, revision = ELSEWHERE_OVER_HTTP[ident]
    with reference_over_http(name) as url:
        found = results_over_http(url, [ROWS[ident]], [revision], CAREFUL)
    assert [one.outcome for one in found] == ["pass"]


@pytest.mark.parametrize("name", names("http_faults", "ODDITIES"))
def test_an_odd_server_breaks_nothing_over_http(name: str) -> None:
    rows = ALL if FULL else [row for row in ALL if row.transport == "http" or row in QUICK]
    with reference_over_http(name) as url:
        found = results_over_http(url, rows, REVISIONS if FULL else ["2025-11-25", MODERN], CAREFUL)
    assert against(found) == []
    assert any(one.outcome == "pass" for one in found)


@pytest.mark.parametrize("name", ["refuses-a-second-initialize", "begins-again"])
def test_a_second_initialize_may_be_refused_or_answered(name: str) -> None:
    found = results(reference(name), [ROWS["REINIT"]], ["2025-11-25"], CAREFUL)
    assert [one.outcome for one in found] == ["pass"]


@pytest.mark.parametrize("ident", ELSEWHERE)
def test_what_the_correct_server_cannot_show_another_one_shows(ident: str) -> None:
    name, revision = ELSEWHERE[ident]
    found = results(reference(name), [ROWS[ident]], [revision], CAREFUL)
    assert [one.outcome for one in found] == ["pass"]


@pytest.mark.parametrize("name", names("oddities", "ODDITIES"))
def test_an_odd_server_breaks_nothing(name: str) -> None:
    rows, revisions = (ALL, REVISIONS) if FULL else (QUICK, ONE_REVISION.get(name, ["2025-11-25"]))
    found = results(reference(name), rows, revisions, CAREFUL if FULL else HASTY)
    assert against(found) == []
    assert any(one.outcome == "pass" for one in found)


if FULL:  # the cross product takes long

    @pytest.mark.parametrize("name", names("faults", "FAULTS"))
    def test_a_bad_server_breaks_its_own_rule_among_all_of_them(name: str) -> None:
        found = results(reference(name), ALL, [revision_for(ROWS[name])], Options(timeout=8, strict=True, jobs=4))
        assert name in {one.requirement for one in found if one.outcome in ("fail", "warn", "inconclusive")}
        assert not [one for one in found if one.outcome == "bug-in-the-case"]


def test_the_bundled_server_breaks_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "connect_mcp", "serve", "--embedded", "--data-dir", str(tmp_path)]
    found = results(command, ALL, REVISIONS, CAREFUL)
    assert against(found) == []
    assert len({one.requirement for one in found if one.outcome == "pass"}) > 120


def test_the_bundled_server_breaks_nothing_over_http(tmp_path: Path) -> None:
    with http_server("--embedded", "--data-dir", str(tmp_path)) as server:
        found = results_over_http(server.url, ALL, REVISIONS, CAREFUL)
    assert against(found) == []
    assert len({one.requirement for one in found if one.outcome == "pass"}) > 90
