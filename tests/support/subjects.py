"""The servers of tests/conformance/subjects: a correct one, and what is wrong or merely odd about the others."""

import ast
import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from connect_mcp.base.record import replace
from connect_mcp.conformance.engine import run
from connect_mcp.conformance.guard import Guard
from connect_mcp.conformance.requirement import REVISIONS, Requirement, all_requirements
from connect_mcp.conformance.result import Result
from connect_mcp.conformance.subject import StdioSubject
from connect_mcp.conformance.target import by_url
from connect_mcp.conformance.trial import Options, Pace, Trial

FOLDER = Path(__file__).parents[1] / "conformance" / "subjects"
HURRIED = Options(timeout=6, strict=True, pace=Pace(silence=0.06, grace=0.4, before_fence=0.15, early=0.15, end=1.5))
"""For servers that are known to break the rule: what they do wrong, they do at once."""

ROWS = {row.id: row for row in all_requirements()}


def reference(name: str = "") -> list[str]:
    """The command of the correct server, or of the one that a row of faults.py or oddities.py makes of it."""
    return [sys.executable, "-S", "-E", str(FOLDER / "reference.py"), *([name] if name else [])]


def names(module: str, table: str) -> list[str]:
    """The keys of a literal table in one of the subjects' modules, which are programs and not imported here."""
    tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict) and ast.unparse(node.targets[0]) == table:
            return [str(ast.literal_eval(key)) for key in node.value.keys if key is not None]
    raise AssertionError(f"{module}.py has no {table}")


def results(
    command: Sequence[str], rows: Sequence[Requirement], revisions: Sequence[str], options: Options | None = None
) -> list[Result]:
    """What comes of checking these rows."""
    with Guard() as guard:
        trial = Trial(StdioSubject(command, guard, patience=0.3), options or HURRIED)
        return list(run(trial, rows, revisions))


def reference_over_http(name: str = "", transport: str = "--http") -> "contextlib.AbstractContextManager[str]":
    """The correct server over HTTP, or what a row of http_faults.py makes of it: its URL.

    With `--sse` it is the transport of 2024-11-05, and `name` where the server says that it takes messages.
    """
    return at_its_url([*reference(), transport, *([name] if name else [])])


@contextlib.contextmanager
def at_its_url(command: Sequence[str]) -> Iterator[str]:
    """A server that writes its URL to standard output: that URL, as long as it runs."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip()
        finally:
            process.kill()


def results_over_http(
    url: str, rows: Sequence[Requirement], revisions: Sequence[str], options: Options | None = None
) -> list[Result]:
    """What comes of checking these rows at a URL."""
    chosen = options or replace(HURRIED, timeout=2.0)
    return list(run(Trial(by_url(url, {}, chosen.timeout).subject, chosen), rows, revisions))


def revision_for(row: Requirement) -> str:
    """One revision that shows the row: the newest with `initialize`, or the only one that has it."""
    return REVISIONS[-2] if REVISIONS[-2] in row.revisions else row.revisions[-1]
