"""A run as SARIF 2.1.0, for code scanning.

GitHub takes no result without a place in a file, and a server's behaviour has none: every result points at the file
that the project is known by.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connect_mcp.base.boundary import BUG_EXIT
from connect_mcp.base.version import __version__

from ..fuzz import Found
from ..host_verdicts import HostVerdict
from ..invariants import Broke
from ..requirement import Requirement
from ..result import Outcome, Result
from ..verdicts import Verdict
from .shown import BROKEN, Level, about, again, exchange

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
    found = verdict.fuzzed.found if verdict.fuzzed else ()
    rows = [verdict.requirements[identity] for identity in dict.fromkeys(result.requirement for result in told)]
    broken = [_fuzz_rule(kind) for kind in dict.fromkeys(one.kind for one in found)]
    rules = [*map(_rule, rows), *map(_host_rule, hosts), *broken]
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "connect-mcp conformance", "semanticVersion": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {"executionSuccessful": verdict.exit_code != BUG_EXIT, "toolExecutionNotifications": _notes(verdict)}
        ],
        "results": [
            *(_result(result, index, place) for result in told),
            *(_host(host, index, place) for host in hosts),
            *(_found(one, index, place) for one in found),
        ],
    }
    if verdict.shard:  # the results of one job do not replace those of another
        run["automationDetails"] = {"id": f"connect-mcp conformance/{verdict.shard.replace('/', ' of ')}/"}
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


def _fuzz_rule(kind: Broke) -> dict[str, Any]:
    return {
        "id": f"FUZZ-{kind}",
        "shortDescription": {"text": BROKEN[kind]},
        "properties": {"tags": ["mcp", "fuzzing"]},
    }


def _notes(verdict: Verdict) -> list[dict[str, Any]]:
    """What is to be said of the run, and is no fault of the server."""
    said = [*verdict.sdk, *(verdict.fuzzed.notes if verdict.fuzzed else ())]
    return [{"level": "note", "message": {"text": line.strip()}} for line in said]


def _result(result: Result, index: Mapping[str, int], place: str) -> dict[str, Any]:
    said = "\n".join((f"{result.why} (revision {result.revision})", *exchange(result)))
    return _one(
        result.requirement, f"{result.requirement} {result.revision}", _LEVELS[result.outcome], said, index, place
    )


def _host(host: HostVerdict, index: Mapping[str, int], place: str) -> dict[str, Any]:
    rule = f"HOST-{host.host}"
    said = "\n".join((host.sentence, *host.evidence))
    return _one(rule, rule, _HOST_LEVELS[host.outcome], said, index, place)


def _found(found: Found, index: Mapping[str, int], place: str) -> dict[str, Any]:
    rule = f"FUZZ-{found.kind}"
    said = f"{found.what} (revision {found.revision}, {found.sort})\n{about(found)}\nagain: {again(found)}"
    return _one(rule, f"{rule} {found.sort} {found.revision}", "error", said, index, place)


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
