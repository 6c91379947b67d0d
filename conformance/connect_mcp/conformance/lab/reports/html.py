"""A run of the lab as one HTML page that stands alone: the matrix, and behind each of its cells the evidence."""

import base64
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from connect_mcp.base.version import __version__

from ...reports.page import listed, page
from ..results import Cell, Column, Kind, Matrix
from .shown import ABOUT, COUNTED, alike, circumstances, counted, headline, name, ready

_SIGNS: Mapping[Kind, str] = {"pass": "✓", "fail": "✗", "not applicable": "-", "not driven": "?"}
_BRIEF: Mapping[Kind, str] = {"not applicable": "n/a"}
_CLASSES: Mapping[Kind, str] = {
    "pass": "pass",
    "fail": "fail",
    "not applicable": "not-applicable",
    "not driven": "inconclusive",
}
_MOST = 3  # lines of evidence that are told twice: of a failure, before all that was seen
_PNG = b"\x89PNG\r\n\x1a\n"
_STYLE = """
.wide { overflow-x: auto; margin: 1rem 0; border: 1px solid var(--line); border-radius: 6px; }
.wide table { margin: 0; border-collapse: separate; border-spacing: 0; }
.wide th, .wide td { border-width: 0 1px 1px 0; }
.wide tr > :last-child { border-right: 0; } .wide tbody tr:last-child > * { border-bottom: 0; }
.wide th:first-child { position: sticky; left: 0; min-width: 8rem; width: 16rem; }
.wide th[scope=row] { font-weight: normal; }
.wide td { text-align: center; white-space: nowrap; padding: 0; }
.wide td a { display: block; padding: .35rem .4rem; color: inherit; text-decoration: none; }
.wide td a:hover, .wide td a:focus-visible { background: var(--soft); text-decoration: underline; }
small { color: var(--dim); font-size: .8rem; font-weight: normal; } .wide small { display: block; }
img { max-width: 100%; border: 1px solid var(--line); border-radius: 6px; } figure { margin: .75rem 0; }
p, li, summary, figcaption { overflow-wrap: anywhere; }
"""


def render(matrix: Matrix) -> str:
    """The page as text, with the pictures of the runs in it."""
    return page(f"Real hosts: {matrix.server}", _body(matrix), _STYLE)


def _body(matrix: Matrix) -> Iterator[str]:
    kind = "pass" if matrix.exit_code == 0 else "fail"
    yield f"<h1>In real hosts</h1><p><code>{escape(matrix.server)}</code></p>"
    yield f'<p><strong class="{kind}">{escape(headline(matrix))}.</strong> {counted(matrix.cells)}.</p>'
    yield f"<p>{escape(ABOUT)} {escape(circumstances(matrix))}</p>"
    yield from _table(matrix)
    yield from _told(matrix, "fail", "What failed")
    yield from _told(matrix, "not driven", "What was not driven")
    yield from _told(matrix, "not applicable", "What did not apply")
    yield "<h2>What was seen</h2>"
    for host in matrix.hosts:
        yield from _host(matrix, host)
    yield f"<p>connect-mcp {escape(__version__)}</p>"


def _table(matrix: Matrix) -> Iterator[str]:
    yield '<div class="wide" tabindex="0" role="region" aria-label="hosts and scenarios"><table><thead><tr>'
    yield "<th>scenario</th>"
    yield from (f"<th>{escape(host.title)} <small>{escape(host.version)}</small></th>" for host in matrix.hosts)
    yield "</tr></thead><tbody>"
    for identity, title in matrix.scenarios:
        yield f'<tr><th scope="row">{escape(title)} <small>{escape(identity)}</small></th>'
        yield "".join(_cell(matrix.cell(host.id, identity)) for host in matrix.hosts) + "</tr>"
    yield "</tbody></table></div>"
    yield "<p><small>The times are those from the server's start to the answer with its tools.</small></p>"


def _cell(cell: Cell) -> str:
    when = "" if cell.ready is None else f"<small>{cell.ready:.2f} s</small>"
    label = f"{_SIGNS[cell.kind]} {_BRIEF.get(cell.kind, COUNTED[cell.kind])}{when}"
    link = f'<a href="#{_anchor(cell)}" title="{escape(cell.sentence)}">{label}</a>'
    return f'<td class="{_CLASSES[cell.kind]}">{link}</td>'


def _anchor(cell: Cell) -> str:
    return escape(f"{cell.host}--{cell.scenario}")


def _told(matrix: Matrix, kind: Kind, title: str) -> Iterator[str]:
    """The cells of a kind, a sentence for those that are alike, with a link to what was seen."""
    groups = alike(matrix, kind)
    if groups:
        yield f"<h2>{title}</h2><ul>"
        for one in groups:
            hosts = ", ".join(host.title for host in one.hosts) or "every host"
            where = f"{hosts}: {', '.join(one.scenarios) or 'every scenario'}"
            yield f'<li><a href="#{_anchor(one.first)}">{escape(where)}</a><br>{escape(one.first.sentence)}'
            if kind != "not applicable":
                yield from listed(one.first.lines[:_MOST])
            yield "</li>"
        yield "</ul>"


def _host(matrix: Matrix, host: Column) -> Iterator[str]:
    cells = [matrix.cell(host.id, identity) for identity, _ in matrix.scenarios]
    titles = dict(matrix.scenarios)
    soonest = ready(matrix, host)
    told = f"{counted(cells)}; tools after {soonest} at the best" if soonest else counted(cells)
    yield f"<details><summary><strong>{escape(name(host))}</strong> {told}</summary>"
    pictured: dict[str, str] = {}
    for cell in cells:
        yield from _seen(cell, titles[cell.scenario], pictured)
    yield "</details>"


def _seen(cell: Cell, title: str, pictured: dict[str, str]) -> Iterator[str]:
    """One cell. The anchor is inside what opens, so that a link to it opens it.

    Args:
        cell: the cell.
        title: the scenario's.
        pictured: the anchors of those that showed a picture before: scenarios that share a run share its pictures.
    """
    yield f'<details><summary><strong class="{_CLASSES[cell.kind]}">{_SIGNS[cell.kind]} {COUNTED[cell.kind]}'
    yield f'</strong> {escape(title)}</summary><p id="{_anchor(cell)}">{escape(cell.sentence)}</p>'
    times = (("tools after", cell.ready), ("the host ran for", cell.seconds))
    if told := ", ".join(f"{what} {seconds:.2f} s" for what, seconds in times if seconds is not None):
        yield f"<p><small>{told}</small></p>"
    if cell.lines:
        yield from listed(cell.lines)
    for picture in cell.shown:
        if picture in pictured:
            yield f'<p><a href="#{pictured[picture]}">{_caption(Path(picture))}</a></p>'
        else:
            yield from _picture(Path(picture))
            pictured[picture] = _anchor(cell)
    yield "</details>"


def _picture(path: Path) -> Iterator[str]:
    """A picture as data of the page; a file that is none is named instead."""
    caption = _caption(path)
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    if not content.startswith(_PNG):
        yield f"<p>{caption}: the picture cannot be read</p>"
        return
    data = base64.b64encode(content).decode("ascii")
    yield f'<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'


def _caption(path: Path) -> str:
    return escape(path.stem.replace("-", " "))
