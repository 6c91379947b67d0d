"""What came of driving a server in hosts: a matrix of hosts and scenarios."""

from collections.abc import Collection
from typing import Any, Literal

from connect_mcp.base.masking import masked
from connect_mcp.base.record import record, replace, values
from connect_mcp.base.text import printable, shortened

VERSION = 1
"""Of the JSON that `as_data` gives; `fixtures/outputs/lab-run.json` is its schema."""

_WIDTH = 400  # characters of a line of evidence, and of a sentence

Kind = Literal["pass", "fail", "not applicable", "not driven"]
KINDS: tuple[Kind, ...] = ("pass", "fail", "not applicable", "not driven")


@record
class Cell:
    """What came of one scenario in one host.

    Attributes:
        host, scenario: their ids.
        kind: `pass`, `fail`, `not applicable` to this server, or `not driven`: the host is not there or is no longer
            as its recipe says, which tells nothing of the server.
        sentence: what a person is told.
        lines: the evidence.
        ready: seconds from the server's start to the answer with its tools; None where that was not seen.
        seconds: how long the host ran; None where it did not.
        folder: where the run is kept: its recordings, and what the host printed; "" where it is not.
        shown: pictures of the run (PNG files), where the host has a face; they last as long as the run is kept.
    """

    host: str
    scenario: str
    kind: Kind
    sentence: str
    lines: tuple[str, ...] = ()
    ready: float | None = None
    seconds: float | None = None
    folder: str = ""
    shown: tuple[str, ...] = ()


@record
class Column:
    """A host of the matrix.

    Attributes:
        id, title: the host's.
        version: of the program that ran; "" where none did.
        named: whether it was asked for by its name.
    """

    id: str
    title: str
    version: str
    named: bool


@record
class Matrix:
    """Every cell, host by host.

    Attributes:
        server: what was driven, as people know it.
        date: of the run, as YYYY-MM-DD.
        hosts: the hosts.
        scenarios: the scenarios' ids with their titles, in order.
        cells: one for each host and scenario.
        seconds: how long it all took.
        cut_off: whether the hosts had no network but loopback.
    """

    server: str
    date: str
    hosts: tuple[Column, ...]
    scenarios: tuple[tuple[str, str], ...]
    cells: tuple[Cell, ...]
    seconds: float
    cut_off: bool

    def cell(self, host: str, scenario: str) -> Cell:
        """The cell of these two."""
        return next(cell for cell in self.cells if (cell.host, cell.scenario) == (host, scenario))

    def count(self, kind: Kind) -> int:
        """How many cells are of a kind."""
        return sum(cell.kind == kind for cell in self.cells)

    @property
    def exit_code(self) -> int:
        """1 where the server fails in a host, or a host that was asked for by name, or every one, was not driven."""
        driven = {cell.host for cell in self.cells if cell.kind in ("pass", "fail")}
        missed = any(host.named and host.id not in driven for host in self.hosts)
        return 1 if self.count("fail") or missed or not driven else 0


def safe(matrix: Matrix, secrets: Collection[str] = ()) -> Matrix:
    """The matrix as it may be shown: without secrets and control characters, and with no line that is endless.

    Args:
        matrix: what may hold words of a server or of a host.
        secrets: values that are known to be secret, whatever they look like.
    """
    hosts = tuple(
        replace(host, title=_clean(host.title, secrets), version=_clean(host.version, secrets)) for host in matrix.hosts
    )
    cells = tuple(safe_cell(cell, secrets) for cell in matrix.cells)
    return replace(matrix, server=_clean(matrix.server, secrets), hosts=hosts, cells=cells)


def safe_cell(cell: Cell, secrets: Collection[str]) -> Cell:
    """One cell, likewise."""
    lines = tuple(_clean(line, secrets) for line in cell.lines)
    return replace(cell, sentence=_clean(cell.sentence, secrets), lines=lines)


def _clean(text: str, secrets: Collection[str]) -> str:
    return shortened(printable(masked(text, secrets)), _WIDTH)


def unkept(matrix: Matrix) -> Matrix:
    """The matrix when the folders of its runs are gone."""
    return replace(matrix, cells=tuple(replace(cell, folder="", shown=()) for cell in matrix.cells))


def as_data(matrix: Matrix) -> dict[str, Any]:
    """The matrix as JSON."""
    return {
        "version": VERSION,
        "server": matrix.server,
        "date": matrix.date,
        "seconds": round(matrix.seconds, 3),
        "cut_off": matrix.cut_off,
        "outcome": "pass" if matrix.exit_code == 0 else "fail",
        "hosts": [values(host) for host in matrix.hosts],
        "scenarios": [{"id": identity, "title": title} for identity, title in matrix.scenarios],
        "cells": [{**values(cell), "lines": list(cell.lines), "shown": list(cell.shown)} for cell in matrix.cells],
    }
