import pytest

from connect_mcp.base.errors import Misuse
from connect_mcp.conformance.cases.all_cases import CASES
from connect_mcp.conformance.requirement import REVISIONS, Requirement, all_requirements, revisions_in, selected
from connect_mcp.conformance.watch import RULES
from support.subjects import (
    ROWS,
    names,
    reference,
    reference_over_http,
    results,
    results_over_http,
    revision_for,
)

ALL = all_requirements()


def test_every_row_has_a_case_and_every_case_a_row() -> None:
    assert len(ALL) == len(ROWS), "an id stands for one row"
    assert set(CASES) | set(RULES) == set(ROWS)
    assert not set(CASES) & set(RULES)


def test_every_row_has_a_known_bad_subject_and_no_fault_lacks_its_row() -> None:
    assert {*names("faults", "FAULTS"), *names("http_faults", "FAULTS")} == set(ROWS)
    assert set(names("http_faults", "FAULTS")) == {row.id for row in ALL if row.transport == "http"}


@pytest.mark.parametrize("ident", names("faults", "FAULTS"))
def test_the_known_bad_subject_of_a_row_breaks_it(ident: str) -> None:
    row = ROWS[ident]
    found = results(reference(ident), [row], [revision_for(row)])
    assert [result.outcome for result in found] == ["fail" if row.binding else "warn"], found
    assert found[0].why
    assert found[0].exchange


@pytest.mark.parametrize("ident", names("http_faults", "FAULTS"))
def test_the_known_bad_subject_of_a_row_about_http_breaks_it(ident: str) -> None:
    row = ROWS[ident]
    with reference_over_http(ident) as url:
        found = results_over_http(url, [row], [revision_for(row)])
    assert [result.outcome for result in found] == ["fail" if row.binding else "warn"], found
    assert found[0].exchange


@pytest.mark.parametrize("row", ALL, ids=lambda row: str(row.id))
def test_a_row_says_all_that_an_author_needs(row: Requirement) -> None:
    for name in ("title", "source", "rule", "sent", "expected", "mend"):
        assert getattr(row, name), name


def test_a_span_of_revisions_may_lack_either_end() -> None:
    assert revisions_in("..") == REVISIONS
    assert revisions_in("2025-06-18..") == REVISIONS[2:]
    assert revisions_in("..2025-03-26") == REVISIONS[:2]
    assert revisions_in("2025-03-26") == (REVISIONS[1],)


def test_requirements_are_selected_by_id_and_by_group() -> None:
    assert [row.id for row in selected(ALL, ["ping-empty"])] == ["PING-EMPTY"]
    assert {row.id[:6] for row in selected(ALL, ["FRAME-*"])} == {"FRAME-"}
    with pytest.raises(Misuse, match="no requirement 'NOPE'"):
        selected(ALL, ["NOPE"])
