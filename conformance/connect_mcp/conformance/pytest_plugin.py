"""`pytest --mcp-server "CMD"`: every requirement in every revision as one pytest item.

pytest loads this in every run of everybody who has the package installed, so it imports nothing of the kit before a
server is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .guard import Guard
    from .requirement import Requirement
    from .result import Result
    from .trial import Trial

MARK = "CONNECT_MCP_CONFORMANCE_RUN"
"""In the environment of the server's processes, where what they start inherits it: which run they belong to."""

_KEPT = pytest.StashKey["_Kept"]()
_SPOKEN = "mcp_revisions"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("mcp", "MCP conformance (connect-mcp)")
    group.addoption("--mcp-server", metavar="CMD", help="check the MCP server that this command starts")
    group.addoption(
        "--mcp-revision",
        action="append",
        default=[],
        metavar="REV",
        help="a protocol revision to check, or all (default: the newest that the server speaks, of each kind)",
    )
    group.addoption("--mcp-only", action="append", default=[], metavar="ID", help="only this requirement; or FRAME-*")
    group.addoption("--mcp-strict", action="store_true", help="let SHOULDs and rules of JSON-RPC alone fail as well")
    group.addoption("--mcp-call-tools", action="store_true", help="call tools also where they may change something")
    group.addoption("--mcp-timeout", type=float, default=10.0, metavar="S", help="seconds to wait for an answer")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the items before -k, --lf and their like choose among all."""
    if config.getoption("--mcp-server") is not None:
        items.extend(_Server.from_parent(session, name="mcp", nodeid="mcp").collect())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist which revisions there are: all must collect the same items, whatever is slow."""
    if node.config.getoption("--mcp-server") is not None:
        node.workerinput[_SPOKEN] = list(_revisions(node.config))


def pytest_unconfigure(config: pytest.Config) -> None:
    """No process of the server is left behind."""
    kept = config.stash.get(_KEPT, None)
    if kept is not None:
        kept.guard.close()
        _end_marked(kept.mark)


def _end_marked(mark: str) -> None:
    """End what the server started in sessions of their own, and left; what has lost the mark as well is not found.

    The commands have such orphans come to them. Whose process this is may have children of its own, that are not ours
    to take leave of.
    """
    import contextlib

    import psutil

    for _ in range(5):  # one that is being ended may start another
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                    process.kill()
                    found.append(process)
        if not found:
            return
        psutil.wait_procs(found, timeout=1)


def words(command: str, system: str) -> list[str]:
    """The words of a command as `sys.platform` has them: on Windows, a backslash is part of a path.

    Raises:
        UsageError: where there is none, or a quotation has no end.
    """
    import shlex

    lexer = shlex.shlex(command, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    if system == "win32":
        lexer.escape = ""
    try:
        found = list(lexer)
    except ValueError as error:
        raise pytest.UsageError(f"--mcp-server: {str(error).lower()}") from None
    if not found:
        raise pytest.UsageError("--mcp-server takes the command that starts a server")
    return found


def _revisions(config: pytest.Config) -> Sequence[str]:
    """Those that are checked: the ones that are named, else those that the server speaks, which is asked once.

    One that it does not speak would be skipped as a whole, and a run of nothing but that would pass.
    """
    from .engine import spoken
    from .requirement import REVISIONS

    wanted = config.getoption("--mcp-revision")
    if unknown := next((name for name in wanted if name not in ("all", *REVISIONS)), None):
        raise pytest.UsageError(f"--mcp-revision {unknown}: there are {', '.join(REVISIONS)}")
    if wanted:
        return REVISIONS if "all" in wanted else [name for name in REVISIONS if name in wanted]
    told: Sequence[str] | None = getattr(config, "workerinput", {}).get(_SPOKEN)
    return told or spoken(_kept(config).trial)


def _kept(config: pytest.Config) -> _Kept:
    """The subject of this pytest process."""
    if _KEPT not in config.stash:
        config.stash[_KEPT] = _Kept(config)
    return config.stash[_KEPT]


class _Kept:
    """The subject of one pytest process: what is known of it is found out once."""

    def __init__(self, config: pytest.Config) -> None:
        import os
        import sys
        import uuid

        from .guard import Guard
        from .options import LONGEST
        from .subject import StdioSubject
        from .trial import Options, Trial

        self.guard: Guard = Guard()
        options = Options(
            config.getoption("--mcp-timeout"),
            config.getoption("--mcp-call-tools"),
            {},
            config.getoption("--mcp-strict"),
        )
        if not 0 < options.timeout <= LONGEST:
            raise pytest.UsageError(f"--mcp-timeout takes seconds above 0, at most {LONGEST:g}")
        command = words(config.getoption("--mcp-server"), sys.platform)
        self.mark = uuid.uuid4().hex
        self.trial: Trial = Trial(StdioSubject(command, self.guard, env={**os.environ, MARK: self.mark}), options)


class _Server(pytest.Collector):
    """The requirements that a server is checked against."""

    def collect(self) -> Iterator[_Check]:
        from connect_mcp.base.errors import Misuse

        from .requirement import all_requirements, selected

        try:
            rows = selected(all_requirements(), self.config.getoption("--mcp-only"))
        except Misuse as misuse:
            raise pytest.UsageError(f"--mcp-only: {misuse.what}") from None
        revisions = _revisions(self.config)
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
        import warnings

        from .engine import check

        result = check(_kept(self.config).trial, self._row, self._revision)
        strict = self.config.getoption("--mcp-strict")
        if result.outcome in ("not-applicable", "not-observed"):
            pytest.skip(f"{result.outcome}: {result.why}")
        if result.outcome == "warn" and not strict:
            try:
                warnings.warn(pytest.PytestWarning(f"{self._row.id}: {result.why}"), stacklevel=1)
            except pytest.PytestWarning:  # where the project makes errors of warnings
                raise NotKept(self._row, result) from None
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
