"""What came of every run is judged as it comes, and once."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from connect_mcp.conformance.lab import matrix as under_test
from connect_mcp.conformance.lab.all_recipes import selected
from connect_mcp.conformance.lab.evidence import Evidence
from connect_mcp.conformance.lab.install import Program
from connect_mcp.conformance.lab.judging import Outcome, judge
from connect_mcp.conformance.lab.matrix import Driven, Guest, matrix
from connect_mcp.conformance.lab.planning import Planned
from connect_mcp.conformance.lab.results import Cell
from support.lab_evidence import FOLDER, load, planned

SCENARIOS = ("handshake", "call")


def test_each_run_is_told_of_with_what_came_of_it_and_judged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (recipe,) = selected(["codex"])
    evidence, data = load(FOLDER / "codex-crash-in-call")
    plans = [planned(scenario, data) for scenario in SCENARIOS]
    run = Driven(recipe, plans, tmp_path, evidence, done=1, of=1)
    judged: list[str] = []
    told: list[Cell] = []

    def counted(evidence: Evidence, planned: Planned) -> Outcome:
        judged.append(planned.scenario.id)
        return judge(evidence, planned)

    def tell(made: Driven, cells: Sequence[Cell]) -> None:
        assert made is run
        told.extend(cells)

    monkeypatch.setattr(under_test, "judge", counted)
    guest = Guest(recipe, Program(Path("codex"), "0.169.0", ""), named=True)
    made = matrix("a server", [guest], plans, iter([run]), tell)

    assert judged == list(SCENARIOS)
    assert tuple(told) == made.cells
    assert [cell.kind for cell in told] == ["pass", "fail"]
