"""Run real hosts and keep what happened, for the tests of the judging: `python record_evidence.py [NAME…]`.

A row is a server with faults in a host. It is kept once and judged by the tests; a host's new version is a new record.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

from connect_mcp.conformance.lab.all_recipes import selected as recipes
from connect_mcp.conformance.lab.drive import drive
from connect_mcp.conformance.lab.install import cache_folder, install
from connect_mcp.conformance.lab.isolation import cut_off_network
from connect_mcp.conformance.lab.planning import plan
from connect_mcp.conformance.lab.scenario import selected
from connect_mcp.conformance.trial import Options
from support.lab_evidence import FOLDER, save
from support.scenario_servers import with_faults

ROWS: tuple[tuple[str, str], ...] = (
    ("codex", ""),
    ("codex", "never-ready"),
    ("codex", "slow-start=5"),
    ("codex", "no-list"),
    ("codex", "no-tools"),
    ("codex", "no-answer"),
    ("codex", "crash-in-call"),
    ("codex", "rpc-errors"),
    ("codex", "long-name=128"),
    ("claude-code", "long-name=128"),
    ("claude-code", "nonsense-revision"),
    ("claude-code", "slow-call=1"),
    ("claude-code", "undeclared"),
    ("cline", "text-first"),
    ("cline", "paged=1"),
    ("cline", "slow-start=5"),
    ("cline", "slow-call=60.4"),
    ("cline", "slow-call=70"),
    ("continue", "crash-at-start"),
    ("continue", "odd-names"),
    ("copilot-cli", "long-name=128"),
    ("gemini-cli", "text-each"),
    ("gemini-cli", "blank-lines"),
    ("gemini-cli", "structured-only"),
    ("gemini-cli", "deaf"),
    ("opencode", "structured-only"),
    ("opencode", "crash-at-initialize"),
    ("qwen-code", "rpc-errors"),
    ("qwen-code", "crash-in-call"),
)
"""The hosts, and the faults of the scenario server that was under test in each."""


_PATIENCE = 90.0  # seconds: a little more than the longest that is waited for


def name_of(host: str, faults: str) -> str:
    """The folder of a row."""
    return "-".join([host, *(faults or "good").replace("=", "-").split()])


def main(names: Sequence[str]) -> int:
    """Record those rows, or all."""
    cut_off = cut_off_network()
    for host, faults in ROWS:
        name = name_of(host, faults)
        if names and name not in names:
            continue
        (recipe,) = recipes([host])
        program = install(recipe, cache_folder(os.environ), os.environ)
        options = Options(timeout=8.0, examples={"echo": {"text": "a text that is said again"}})
        planned = plan(selected(["call", "handshake"]), with_faults(*faults.split()), options)
        driven = next((one for one in reversed(planned) if not one.missing), planned[0])
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch).resolve() / "run"
            evidence = drive(recipe, program, driven.server, driven.script, root, patience=_PATIENCE, cut_off=cut_off)
            save(evidence, driven, FOLDER / name, root)
        sys.stdout.write(f"{name}: {len(evidence.starts)} starts, {len(evidence.turns)} turns\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
