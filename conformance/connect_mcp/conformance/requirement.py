"""Requirements: one row for each rule that a server has to keep, from the files of fixtures/requirements.

Each file is a JSON object with a `version` and a list of `requirements`, which are described in the folder's README.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Literal, cast, get_args

from connect_mcp.base.errors import Misuse
from connect_mcp.base.fixtures import fixtures
from connect_mcp.base.record import record

VERSION = 1
REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
LEGACY, MODERN = REVISIONS[:-1], REVISIONS[-1]
"""Those that begin with `initialize`, and the one in which each request stands alone."""

Keyword = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT"]
Profile = Literal["mcp", "json-rpc"]
Transport = Literal["any", "stdio", "http"]


@record
class Requirement:
    """One rule.

    Attributes:
        id: its name, in capitals.
        title: what it is about, in a few words.
        revisions: the revisions that have it.
        source: where it stands: a page of the specification, JSON-RPC 2.0, or how hosts were seen to behave.
        keyword: how binding it is.
        profile: `json-rpc` for what holds only through JSON-RPC 2.0, which no SDK keeps whole; else `mcp`.
        transport: over which transport it can be checked.
        rule: the rule, in one or two sentences of our own.
        sent: what the kit sends.
        expected: what must come back.
        mend: what an author does about it.
    """

    id: str
    title: str
    revisions: tuple[str, ...]
    source: str
    keyword: Keyword
    profile: Profile
    transport: Transport
    rule: str
    sent: str
    expected: str
    mend: str

    @property
    def binding(self) -> bool:
        """Whether breaking it is a failure rather than a warning."""
        return self.keyword.startswith("MUST")


def all_requirements() -> tuple[Requirement, ...]:
    """Every requirement, in the order of the files' names and of the rows in them."""
    files = sorted((fixtures() / "requirements").glob("*.json"))
    return tuple(
        _requirement(row) for file in files for row in json.loads(file.read_text(encoding="utf-8"))["requirements"]
    )


def selected(requirements: Sequence[Requirement], only: Iterable[str]) -> tuple[Requirement, ...]:
    """Those whose ids are named; a name that ends in `*` takes all that begin so; no names take all.

    Raises:
        Misuse: where a name fits none.
    """
    wanted = [name.upper() for name in only]
    for name in wanted:
        if not any(_fits(requirement.id, name) for requirement in requirements):
            raise Misuse(f"there is no requirement {name!r}", mend="connect-mcp conformance list")
    return tuple(one for one in requirements if not wanted or any(_fits(one.id, name) for name in wanted))


def revisions_in(span: str) -> tuple[str, ...]:
    """The revisions that `FIRST..LAST` spans; either end may be left out, and a single one stands for itself."""
    first, dots, last = span.partition("..")
    low = REVISIONS.index(first) if first else 0
    high = REVISIONS.index(last) if last else (len(REVISIONS) - 1 if dots else low)
    return REVISIONS[low : high + 1]


def _fits(ident: str, name: str) -> bool:
    return ident.startswith(name[:-1]) if name.endswith("*") else ident == name


def _requirement(row: dict[str, str]) -> Requirement:
    assert row["keyword"] in get_args(Keyword), row["id"]
    return Requirement(
        id=row["id"],
        title=row["title"],
        revisions=revisions_in(row["revisions"]),
        source=row["source"],
        keyword=cast("Keyword", row["keyword"]),
        profile=cast("Profile", row.get("profile", "mcp")),
        transport=cast("Transport", row.get("transport", "any")),
        rule=row["rule"],
        sent=row["sent"],
        expected=row["expected"],
        mend=row["mend"],
    )
