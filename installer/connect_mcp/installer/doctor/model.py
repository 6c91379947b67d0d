"""What doctor looks at, and what it finds."""

from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

from connect_mcp.base.machine import Machine
from connect_mcp.base.record import record

from ..configured import ConfiguredFile


@record
class Finding:
    """One thing that is wrong, or might be.

    Attributes:
        id: what kind of finding it is, for programs.
        severity: whether the host cannot use the server, or only might not.
        what: one sentence.
        where: the file, with line and column where known, or the entry.
        why: what the judgement rests on.
        mend: the command or step that mends it.

    All of them are safe to print.
    """

    id: str
    severity: Literal["error", "warning"]
    what: str
    where: str
    why: str
    mend: str


Check: TypeAlias = Callable[[Machine, ConfiguredFile], Iterable[Finding]]
"""Looks at one file of one host; changes nothing."""
