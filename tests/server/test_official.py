"""The official conformance suite against our server over HTTP, for each revision that it knows the requirements of."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from support import npm
from support.http_server import http_server

ROOT = Path(__file__).parents[2]
PACKAGE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
"""The first line of versions that knows 2026-07-28."""

OLDEST_NODE = 22
SKIP = "CONNECT_MCP_TEST_SKIP_OFFICIAL"
EXPECTED = Path(__file__).with_name("official-expected-failures.txt")
REVISIONS = ("2025-11-25", "2026-07-28")
FEWEST = {"2025-11-25": 33, "2026-07-28": 50}
"""How many scenarios the suite has for a revision: fewer would mean that it did not run."""

pytestmark = pytest.mark.official


def expected(revision: str) -> dict[tuple[str, str], str]:
    """By scenario and check, why it fails."""
    lines = [line.split(" ", 3) for line in EXPECTED.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    return {(scenario, check): why for revisions, scenario, check, why in lines if revision in revisions.split(",")}


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_official_suite_finds_what_is_listed_and_nothing_else(revision: str, tmp_path: Path) -> None:
    cache = ROOT / ".cache" / "official"
    node = npm.installed(cache, [PACKAGE], SKIP, OLDEST_NODE)
    with http_server("--embedded") as server:
        program = cache / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
        command = [str(node / "node"), str(program), "server", "--url", server.url, "--requirements", revision]
        done = subprocess.run(
            [*command, "-o", str(tmp_path)],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert server.end_by(signal.SIGTERM) == 0
        assert server.errors() == ""
    scenarios = {re.sub(r"^server-|-\d{4}-\d\d-\d\dT.*$", "", file.parent.name): file for file in checks(tmp_path)}
    assert len(scenarios) >= FEWEST[revision], done.stdout + done.stderr
    failed = {
        (scenario, check["id"]): check.get("errorMessage", "")
        for scenario, file in scenarios.items()
        for check in json.loads(file.read_text(encoding="utf-8"))
        if check["status"] == "FAILURE"
    }
    reasons = expected(revision)
    assert {key: failed[key] for key in failed.keys() - reasons.keys()} == {}, "these fail and are not listed"
    assert reasons.keys() - failed.keys() == set(), "these are listed and do not fail"


def checks(results: Path) -> list[Path]:
    """The suite's files of what it found."""
    return sorted(results.glob("server-*/checks.json"))


def test_each_expected_failure_has_its_reason() -> None:
    for revision in REVISIONS:
        assert all(len(why.split()) > 2 for why in expected(revision).values())
