"""A run of the lab as Markdown, for the summary of a CI job or a README."""

from collections.abc import Iterator, Mapping

from ...reports.markdown import code, plain
from ..results import Kind, Matrix
from .shown import ABOUT, Alike, alike, circumstances, counted, headline, name, ready

_MOST = 50  # failures told in detail: a job's summary has at most a megabyte
_SIGNS: Mapping[Kind, str] = {"pass": "✓", "fail": "**✗**", "not applicable": "-", "not driven": "?"}


def render(matrix: Matrix) -> str:
    """The report as text."""
    return "".join(f"{line}\n" for line in _lines(matrix))


def _lines(matrix: Matrix) -> Iterator[str]:
    yield f"## In real hosts: {plain(headline(matrix))}"
    yield ""
    yield f"{plain(matrix.server)}: {counted(matrix.cells)} ({circumstances(matrix)})"
    yield ""
    yield plain(ABOUT)
    yield ""
    yield from _table(matrix)
    yield ""
    yield "✓ passed, ✗ failed, - not applicable, ? not driven"
    failures = alike(matrix, "fail")
    for one in failures[:_MOST]:
        yield from ("", f"### Failed: {_where(one)}", "", plain(one.first.sentence))
        if one.first.lines:
            yield from ("", *code(one.first.lines))
    if len(failures) > _MOST:
        yield from ("", f"and {len(failures) - _MOST} more failures.")
    yield from _told(matrix, "not driven", "Not driven")
    yield from _told(matrix, "not applicable", "Not applicable")


def _table(matrix: Matrix) -> Iterator[str]:
    yield f"| | {' | '.join(plain(name(host)) for host in matrix.hosts)} |"
    yield "| --- |" + " :-: |" * len(matrix.hosts)
    for identity, title in matrix.scenarios:
        signs = (_SIGNS[matrix.cell(host.id, identity).kind] for host in matrix.hosts)
        yield f"| {plain(title)} ({plain(identity)}) | {' | '.join(signs)} |"
    yield f"| *tools after, at the best* | {' | '.join(ready(matrix, host) for host in matrix.hosts)} |"


def _told(matrix: Matrix, kind: Kind, title: str) -> Iterator[str]:
    found = alike(matrix, kind)
    if found:
        yield from ("", f"### {title}", "")
        for one in found:
            yield f"- {_where(one)}: {plain(one.first.sentence)}"
            if kind == "not driven":  # they say how it can be
                yield from (f"  - {plain(line)}" for line in one.first.lines)


def _where(one: Alike) -> str:
    hosts = ", ".join(plain(host.title) for host in one.hosts) or "every host"
    return f"{hosts} ({', '.join(map(plain, one.scenarios)) or 'every scenario'})"
