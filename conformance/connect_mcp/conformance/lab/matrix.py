"""Every host with every scenario: the runs that it takes, and what came of each."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from connect_mcp.base.errors import Refused
from connect_mcp.base.masking import secret_values
from connect_mcp.base.record import record
from connect_mcp.base.text import printable

from .evidence import Evidence
from .install import Program
from .judging import judge
from .planning import Planned, together
from .recipe import Recipe
from .results import Cell, Column, Matrix, safe, safe_cell
from .runs import Run, make

_BUSY = 5  # times as long as on a quiet machine a host itself may take: VS Code needs most of a minute there


@record
class Guest:
    """A host that is to be driven.

    Attributes:
        recipe: how.
        program: the program; None where it is not installed.
        named: whether it was asked for by its name.
        quick: whether it is driven without a model, through a channel that it has for programs.
        patient: whether it is told to wait for a slow server.
    """

    recipe: Recipe
    program: Program | None
    named: bool
    quick: bool = False
    patient: bool = False


@record
class Driven:
    """One run that was made.

    Attributes:
        recipe: the host.
        group: the scenarios that share it.
        folder: where it is kept.
        outcome: what happened; Refused where the host could not be driven.
        done, of: how many runs are made with this one, and how many there are.
    """

    recipe: Recipe
    group: Sequence[Planned]
    folder: Path
    outcome: Evidence | Refused
    done: int
    of: int


Tell = Callable[[Driven, Sequence[Cell]], None]
"""Hears of each run, and what came of its scenarios where that was judged."""


Visit = tuple[Guest, Sequence[Planned]]
"""A host that is there, and scenarios that share a run of it."""


def visits(guests: Sequence[Guest], planned: Sequence[Planned]) -> list[Visit]:
    """Every host that is there with every scenario that applies."""
    groups = together(planned)
    return [(guest, group) for guest in guests if guest.program is not None for group in groups]


def driven(todo: Sequence[Visit], folder: Path, *, jobs: int) -> Iterator[Driven]:
    """Drive hosts through scenarios.

    Args:
        todo: the hosts, and which scenarios of each.
        folder: where the runs are kept, each in `HOST/SCENARIO`.
        jobs: how many hosts at the same time.
    """
    runs = [_run(guest, group, folder) for guest, group in todo]
    for done, (place, outcome) in enumerate(make(runs, jobs), 1):
        guest, group = todo[place]
        yield Driven(guest.recipe, group, runs[place].folder, outcome, done, len(runs))


def matrix(
    name: str, guests: Sequence[Guest], planned: Sequence[Planned], runs: Iterable[Driven], tell: Tell
) -> Matrix:
    """What came of every scenario in every host.

    Args:
        name: what the server is called in reports.
        guests: the hosts.
        planned: the scenarios.
        runs: those that `driven` makes.
        tell: hears of each as it comes.
    """
    began = time.monotonic()
    cells: dict[tuple[str, str], Cell] = {}
    cut_off = True
    for made in runs:
        came = _cells(made)
        tell(made, came)
        cells |= {(cell.host, cell.scenario): cell for cell in came}
        cut_off &= isinstance(made.outcome, Refused) or made.outcome.cut_off
    every = [
        cells.get((guest.recipe.host_id, one.scenario.id)) or _without(guest, one)
        for guest in guests
        for one in planned
    ]
    whole = Matrix(
        name,
        time.strftime("%Y-%m-%d"),
        tuple(_column(guest) for guest in guests),
        tuple((one.scenario.id, one.scenario.title) for one in planned),
        tuple(every),
        time.monotonic() - began,
        cut_off,
    )
    return safe(whole, {value for one in planned for value in secrets(one)})


def _cells(made: Driven) -> list[Cell]:
    """What came of the scenarios of a run, fit to be shown."""
    return [safe_cell(_cell(made.recipe, one, made.outcome, made.folder), secrets(one)) for one in made.group]


def secrets(planned: Planned) -> set[str]:
    """The secrets in what a server is started with."""
    return secret_values({"env": dict(planned.server.env), "args": list(planned.server.command)})


def _run(guest: Guest, group: Sequence[Planned], folder: Path) -> Run:
    """The one run that a group of scenarios shares; it is kept under the name of the first."""
    first = group[0]
    assert guest.program is not None
    return Run(
        guest.recipe,
        guest.program,
        first.server,
        first.script,
        folder / guest.recipe.host_id / first.scenario.id,
        patience=first.scenario.patience + _BUSY * guest.recipe.takes,
        patient=guest.patient,
        approved=first.scenario.approved,
        quick=guest.quick,
        interrupt=first.scenario.interrupt,
    )


def _column(guest: Guest) -> Column:
    version = guest.program.shown_version if guest.program else ""
    return Column(guest.recipe.host_id, guest.recipe.title, version, guest.named)


def _cell(recipe: Recipe, planned: Planned, outcome: Evidence | Refused, folder: Path) -> Cell:
    host, scenario = recipe.host_id, planned.scenario.id
    if isinstance(outcome, Refused):
        lines = tuple(filter(None, (outcome.why, outcome.mend)))
        return Cell(host, scenario, "not driven", printable(outcome.what), lines, folder=str(folder))
    judged = judge(outcome, planned)
    shown = tuple(map(str, outcome.shown))
    return Cell(
        host,
        scenario,
        judged.kind,
        judged.sentence,
        judged.lines,
        judged.ready,
        outcome.seconds,
        str(folder),
        shown,
    )


def _without(guest: Guest, planned: Planned) -> Cell:
    """The cell of a scenario that was not driven."""
    host, scenario = guest.recipe.host_id, planned.scenario.id
    if planned.missing:
        return Cell(host, scenario, "not applicable", planned.missing)
    what = f"{guest.recipe.title} is not installed"
    return Cell(host, scenario, "not driven", what, (f"connect-mcp lab install {host}",))
