"""A run of the lab for a terminal of 80 columns: the matrix, then a paragraph for whatever is not well."""

from collections.abc import Iterator, Mapping

from connect_mcp.base.text import printable

from ..results import Kind, Matrix
from .shown import Alike, alike, circumstances, counted, headline, name, ready

_COLUMNS = 80
_NARROWEST = 6  # characters of a host's id: nine hosts then leave 17 for the scenario's
_MOST = 8  # lines of evidence for a failure; the other reports have all
_SIGNS: Mapping[Kind, str] = {"pass": "ok", "fail": "FAIL", "not applicable": "-", "not driven": "?"}


def render(matrix: Matrix) -> str:
    """The report as text."""
    return "".join(f"{line.rstrip()}\n" for line in _lines(matrix))


def _lines(matrix: Matrix) -> Iterator[str]:
    yield from _table(matrix)
    yield ""
    yield from _hosts(matrix)
    for one in alike(matrix, "fail"):
        yield from ("", f"FAIL  {_where(one)}", f"  {one.first.sentence}", *_evidence(one))
    for one in alike(matrix, "not driven"):
        yield from ("", f"NOT DRIVEN  {_where(one)}", f"  {one.first.sentence}", *_evidence(one))
    for one in alike(matrix, "not applicable"):
        yield from ("", f"NOT APPLICABLE  {_where(one)}", f"  {one.first.sentence}")
    yield ""
    yield f"{headline(matrix)}: {counted(matrix.cells)}"
    yield f"  {matrix.server}"
    yield f"  {circumstances(matrix)}"


def _table(matrix: Matrix) -> Iterator[str]:
    """A row for each scenario, a column for each host; both names are cut where they are too long for the line."""
    longest = max((len(identity) for identity, _ in matrix.scenarios), default=0)
    label = max(_NARROWEST, min(longest, _COLUMNS - len(matrix.hosts) * (_NARROWEST + 1)))
    wide = max((len(host.id) for host in matrix.hosts), default=0)
    column = max(_NARROWEST, min(wide, (_COLUMNS - label) // max(1, len(matrix.hosts)) - 1))
    yield " ".join((" " * label, *(f"{_cut(host.id, column):{column}}" for host in matrix.hosts)))
    for identity, _ in matrix.scenarios:
        signs = (_SIGNS[matrix.cell(host.id, identity).kind] for host in matrix.hosts)
        yield " ".join((f"{identity[:label]:{label}}", *(f"{sign:{column}}" for sign in signs)))


def _cut(identity: str, width: int) -> str:
    """An id in so many characters, by whole words where that leaves one."""
    if len(identity) <= width:
        return identity
    whole, dash, _ = identity[: width + 1].rpartition("-")
    return whole if dash else identity[:width]


def _hosts(matrix: Matrix) -> Iterator[str]:
    wide = max((len(host.id) for host in matrix.hosts), default=0)
    names = max((len(name(host)) for host in matrix.hosts), default=0)
    for host in matrix.hosts:
        soonest = ready(matrix, host)
        yield f"{host.id:{wide}}  {name(host):{names}}  {soonest and f'tools after {soonest}'}"


def _where(one: Alike) -> str:
    hosts = ", ".join(host.id for host in one.hosts) or "every host"
    return f"{hosts}: {', '.join(one.scenarios) or 'every scenario'}"


def _evidence(one: Alike) -> Iterator[str]:
    lines = one.first.lines
    yield from (f"  - {line}" for line in lines[:_MOST])
    if len(lines) > _MOST:
        yield f"  and {len(lines) - _MOST} more lines"
    if one.first.folder:
        yield f"  the run is kept in {printable(one.first.folder)}"
