"""A run as SARIF 2.1.0, for code scanning.

GitHub takes no result without a place in a file, and a server's behaviour has none: every result points at the file
that the project is known by.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connect_mcp.base.version import __version__

from ..host_verdicts import HostVerdict
from ..requirement import Requirement
from ..result import Outcome, Result
from ..verdicts import Verdict
from .shown import Level, exchange

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Mapping[Outcome, Level] = {
    "fail": "error",
    "warn": "warning",
    "inconclusive": "warning",
    "bug-in-the-case": "note",
}
_HOST_LEVELS: Mapping[str, Level] = {"fails": "error", "loses": "warning", "risk": "note"}
_WELL_KNOWN = ("pyproject.toml", "package.json", "Cargo.toml", "go.mod", "server.json")


def render(verdict: Verdict, place: str) -> str:
    """The report as text.

    Args:
        verdict: the run.
        place: the file that the results point at, relative to the repository.
    """
    told = [result for result in verdict.results if result.outcome in _LEVELS]
    hosts = [host for host in verdict.hosts if host.outcome in _HOST_LEVELS]
    rows = [verdict.requirements[identity] for identity in dict.fromkeys(result.requirement for result in told)]
    rules = [*map(_rule, rows), *map(_host_rule, hosts)]
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    results = [*(_result(result, index, place) for result in told), *(_host(host, index, place) for host in hosts)]
    driver = {"name": "connect-mcp conformance", "semanticVersion": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def default_place(folder: Path) -> str:
    """The file that a project is known by, or its workflow; `README.md` where there is neither."""
    for name in _WELL_KNOWN:
        if (folder / name).is_file():
            return name
    workflows = sorted(
        path for ending in ("yml", "yaml") for path in (folder / ".github/workflows").glob(f"*.{ending}")
    )
    return workflows[0].relative_to(folder).as_posix() if workflows else "README.md"


def _rule(row: Requirement) -> dict[str, Any]:
    return {
        "id": row.id,
        "shortDescription": {"text": row.title},
        "fullDescription": {"text": row.rule},
        "help": {"text": f"{row.rule}\n\nSource: {row.source}\nMend: {row.mend}"},
        "properties": {"tags": [*dict.fromkeys(("mcp", row.profile, row.keyword))]},
    }


def _host_rule(host: HostVerdict) -> dict[str, Any]:
    return {
        "id": f"HOST-{host.host}",
        "shortDescription": {"text": f"What would become of this server in {host.title}"},
        "properties": {"tags": ["mcp", "host"]},
    }


def _result(result: Result, index: Mapping[str, int], place: str) -> dict[str, Any]:
    said = "\n".join((f"{result.why} (revision {result.revision})", *exchange(result)))
    return _one(
        result.requirement, f"{result.requirement} {result.revision}", _LEVELS[result.outcome], said, index, place
    )


def _host(host: HostVerdict, index: Mapping[str, int], place: str) -> dict[str, Any]:
    rule = f"HOST-{host.host}"
    said = "\n".join((host.sentence, *host.evidence))
    return _one(rule, rule, _HOST_LEVELS[host.outcome], said, index, place)


def _one(rule: str, same: str, level: Level, said: str, index: Mapping[str, int], place: str) -> dict[str, Any]:
    location = {"physicalLocation": {"artifactLocation": {"uri": _uri(place)}, "region": {"startLine": 1}}}
    fingerprint = hashlib.sha256(same.encode()).hexdigest()[:32]  # the place says nothing, so the rule does
    return {
        "ruleId": rule,
        "ruleIndex": index[rule],
        "level": level,
        "message": {"text": said},
        "locations": [location],
        "partialFingerprints": {"requirement/v1": fingerprint},
    }


def _uri(place: str) -> str:
    from urllib.parse import quote

    return quote(place.replace("\\", "/"))
