"""`pytest --mcp-server "CMD"`: every requirement in every revision as one pytest item.

pytest loads this in every run of everybody who has the package installed, so it imports nothing of the kit before a
server is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .guard import Guard
    from .requirement import Requirement
    from .result import Result
    from .trial import Trial

DEFAULT_REVISIONS = ("2025-11-25", "2026-07-28")
"""The newest revision of each kind; one that the server does not speak is skipped, and says so."""

_KEPT = pytest.StashKey["_Kept"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("mcp", "MCP conformance (connect-mcp)")
    group.addoption("--mcp-server", metavar="CMD", help="check the MCP server that this command starts")
    group.addoption(
        "--mcp-revision", action="append", default=[], metavar="REV", help="a protocol revision to check, or all"
    )
    group.addoption("--mcp-only", action="append", default=[], metavar="ID", help="only this requirement; or FRAME-*")
    group.addoption("--mcp-strict", action="store_true", help="let SHOULDs and rules of JSON-RPC alone fail as well")
    group.addoption("--mcp-call-tools", action="store_true", help="call tools also where they may change something")
    group.addoption("--mcp-timeout", type=float, default=10.0, metavar="S", help="seconds to wait for an answer")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the items before -k, --lf and their like choose among all."""
    if config.getoption("--mcp-server"):
        items.extend(_Server.from_parent(session, name="mcp", nodeid="mcp").collect())


def pytest_unconfigure(config: pytest.Config) -> None:
    """No process of the server is left behind."""
    kept = config.stash.get(_KEPT, None)
    if kept is not None:
        kept.guard.close()


class _Kept:
    """The subject of one pytest process: what is known of it is found out once."""

    def __init__(self, config: pytest.Config) -> None:
        import shlex

        from .guard import Guard
        from .subject import StdioSubject
        from .trial import Options, Trial

        self.guard: Guard = Guard()
        options = Options(
            config.getoption("--mcp-timeout"),
            config.getoption("--mcp-call-tools"),
            {},
            config.getoption("--mcp-strict"),
        )
        command = shlex.split(config.getoption("--mcp-server"))
        self.trial: Trial = Trial(StdioSubject(command, self.guard), options)


class _Server(pytest.Collector):
    """The requirements that a server is checked against."""

    def collect(self) -> Iterator[_Check]:
        from connect_mcp.base.errors import Misuse

        from .requirement import REVISIONS, all_requirements, selected

        wanted = self.config.getoption("--mcp-revision") or DEFAULT_REVISIONS
        revisions = REVISIONS if "all" in wanted else wanted
        if unknown := next((name for name in revisions if name not in REVISIONS), None):
            raise pytest.UsageError(f"--mcp-revision {unknown}: there are {', '.join(REVISIONS)}")
        try:
            rows = selected(all_requirements(), self.config.getoption("--mcp-only"))
        except Misuse as misuse:
            raise pytest.UsageError(f"--mcp-only: {misuse.what}") from None
        for row in rows:
            for revision in (one for one in revisions if one in row.revisions):
                # The id is given as a text, since pytest compares the parts that it reads out of one (--lf).
                name = f"{row.id}[{revision}]"
                yield _Check.from_parent(self, name=name, nodeid=f"{self.nodeid}::{name}", row=row, revision=revision)


class _Check(pytest.Item):
    """One requirement in one revision."""

    def __init__(self, *, row: Requirement, revision: str, **more: Any) -> None:
        super().__init__(**more)
        self._row = row
        self._revision = revision

    def runtest(self) -> None:
        from .engine import check

        stash = self.config.stash
        if _KEPT not in stash:
            stash[_KEPT] = _Kept(self.config)
        result = check(stash[_KEPT].trial, self._row, self._revision)
        strict = self.config.getoption("--mcp-strict")
        if result.outcome in ("not-applicable", "not-observed"):
            pytest.skip(f"{result.outcome}: {result.why}")
        if result.outcome == "warn" and not strict:
            self.warn(pytest.PytestWarning(f"{self._row.id}: {result.why}"))
        elif result.outcome != "pass":
            raise NotKept(self._row, result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What the rule is, what was said, and what mends it; of anything else the traceback."""
        if isinstance(excinfo.value, NotKept):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where pytest says that the item is."""
        return self.path, None, f"mcp: {self.name}"


class NotKept(Exception):
    """A requirement that the server does not keep."""

    def __init__(self, row: Requirement, result: Result) -> None:
        from .verdicts import told

        super().__init__("\n".join(told(row, [result])).rstrip())
