"""What all reports of the lab show alike. They take a matrix that `results.safe` has made fit to be shown."""

from collections.abc import Iterable, Mapping, Sequence

from connect_mcp.base.record import record

from ..results import Cell, Column, Kind, Matrix

COUNTED: Mapping[Kind, str] = {
    "pass": "passed",
    "fail": "failed",
    "not applicable": "not applicable",
    "not driven": "not driven",
}
"""What is said of a number of cells."""


ABOUT = (
    "Each host is the real program in an empty home, where connect-mcp configure wrote the server's entry; "
    "a script makes the calls, and no model costs anything."
)
"""What a report of the lab is about, for whoever finds one."""


@record
class Alike:
    """Cells of which one and the same thing is to be said.

    Attributes:
        hosts: the hosts; none where it is all of them, or all that were driven.
        scenarios: the ids of the scenarios; none where it is all of them.
        first: the first of the cells.
    """

    hosts: tuple[Column, ...]
    scenarios: tuple[str, ...]
    first: Cell


def alike(matrix: Matrix, kind: Kind) -> tuple[Alike, ...]:
    """The cells of a kind, those with the same sentence together."""
    told: dict[tuple[str, str], list[Cell]] = {}  # by sentence and host
    for cell in matrix.cells:
        if cell.kind == kind:
            told.setdefault((cell.sentence, cell.host), []).append(cell)
    together: dict[tuple[str, tuple[str, ...]], list[Cell]] = {}  # by sentence and scenarios: the first of each host
    for (sentence, _), cells in told.items():
        together.setdefault((sentence, tuple(cell.scenario for cell in cells)), []).append(cells[0])
    asked = {cell.host for cell in matrix.cells if kind == "not driven" or cell.kind != "not driven"}
    return tuple(
        Alike(
            () if len(firsts) == len(asked) > 1 else tuple(_column(matrix, cell.host) for cell in firsts),
            () if len(scenarios) == len(matrix.scenarios) > 1 else scenarios,
            firsts[0],
        )
        for (_, scenarios), firsts in together.items()
    )


def headline(matrix: Matrix) -> str:
    """The outcome in one sentence, without its full stop."""
    failed = [host.title for host in matrix.hosts if _has(matrix, host, "fail")]
    driven = [host for host in matrix.hosts if _has(matrix, host, "fail", "pass")]
    if not driven:
        return "No host was driven"
    if failed:
        return f"Fails in {listing(failed)}"
    several = "both hosts" if len(driven) == 2 else f"all {len(driven)} hosts"
    works = f"Works in {driven[0].title}" if len(driven) == 1 else f"Works in {several} that were driven"
    missed = [host.title for host in matrix.hosts if host.named and host not in driven]
    return f"{works}, and {listing(missed)} could not be driven" if missed else works


def counted(cells: Iterable[Cell]) -> str:
    """How many cells there are of each kind, in words."""
    kinds = [cell.kind for cell in cells]
    return ", ".join(f"{kinds.count(kind)} {word}" for kind, word in COUNTED.items() if kind in kinds)


def circumstances(matrix: Matrix) -> str:
    """When it was, how long it took, and whether there was a network."""
    network = "without a network" if matrix.cut_off else "the network was not cut off"
    return f"{matrix.date}, {matrix.seconds:.0f} s, {network}"


def name(host: Column) -> str:
    """A host's title and version."""
    return f"{host.title} {host.version}".rstrip()


def ready(matrix: Matrix, host: Column) -> str:
    """Seconds from the server's start to the answer with its tools, at the best; empty where that was not seen."""
    times = [cell.ready for cell in matrix.cells if cell.host == host.id and cell.ready is not None]
    return f"{min(times):.2f} s" if times else ""


def listing(names: Sequence[str]) -> str:
    """Names as a sentence has them: `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""


def _column(matrix: Matrix, identity: str) -> Column:
    return next(host for host in matrix.hosts if host.id == identity)


def _has(matrix: Matrix, host: Column, *kinds: Kind) -> bool:
    return any(cell.host == host.id and cell.kind in kinds for cell in matrix.cells)
