"""The whole kit at servers of others: what each breaks, as a Markdown table.

Run as `python -m tests.bench.third_party --out FILE`; slow. `tests/conformance/test_third_party.py` holds the same runs
against what is known of each. Where a host would fail is told of its best run of three, since how busy the machine is
must not count against a server.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("tests", "installer", "conformance")]

from support.third_party import SERVERS, ThirdParty  # noqa: E402 - found through the line above

PATIENCE = 1800
BROKEN = ("fail", "warn", "inconclusive")
WEIGHTS = ("works", "risk", "loses", "fails")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.third_party", description="Check servers of others.")
    parser.add_argument("--out", type=Path, help="where the table goes; default: standard output")
    parser.add_argument("--only", nargs="+", default=[], help="only these servers")
    args = parser.parse_args()
    chosen = [one for one in SERVERS if not args.only or one.id in args.only]
    rows = []
    for one in chosen:
        seen = [checked(one, "--only", "PING-EMPTY", "--profile", "all") for _ in range(3)]
        rows.append(row(one, checked(one), best([run["hosts"] for run in seen])))
    text = table(rows)
    if args.out:
        args.out.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


def checked(one: ThirdParty, *options: str) -> dict[str, Any]:
    """What the kit says of a server, with a folder and a home of its own."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as home:
        command = [
            sys.executable,
            "-m",
            "connect_mcp",
            "conformance",
            "run",
            "--json",
            "--timeout",
            "30",
            *options,
            "--",
        ]
        env = {"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8"}
        given = ["env", *(f"{name}={value}" for name, value in one.env.items())]  # as a host's entry would give them
        done = subprocess.run(
            [*command, *given, *one.argv(Path(folder))],
            env=env,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode in (0, 1), done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    return data


def best(runs: Sequence[Sequence[Mapping[str, Any]]]) -> list[Mapping[str, Any]]:
    """The best verdict of each host."""
    return [min(alike, key=lambda host: WEIGHTS.index(host["outcome"])) for alike in zip(*runs, strict=True)]


def row(one: ThirdParty, data: Mapping[str, Any], hosts: Sequence[Mapping[str, Any]]) -> str:
    """A line of the table."""
    broken: dict[str, set[str]] = {"MUST": set(), "JSON-RPC": set(), "SHOULD": set()}
    for result in data["results"]:
        if result["outcome"] in BROKEN:
            said = "MUST" if result["keyword"].startswith("MUST") else "SHOULD"
            broken["JSON-RPC" if result["profile"] == "json-rpc" else said].add(result["requirement"])
    bad = [f"{host['title']} ({host['outcome']})" for host in hosts if host["outcome"] in ("loses", "fails")]
    cells = [f"{one.name} {one.version}", one.sdk, ", ".join(data["revisions"])]
    cells += [", ".join(sorted(broken[name])) or "none" for name in ("MUST", "JSON-RPC", "SHOULD")]
    return "| " + " | ".join([*cells, ", ".join(bad) or "none"]) + " |"


def table(rows: Sequence[str]) -> str:
    """The whole table."""
    head = (
        "server",
        "SDK",
        "revisions",
        "MUSTs broken",
        "MUSTs of JSON-RPC alone",
        "SHOULDs broken",
        "hosts it fails in",
    )
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *rows]) + "\n"


if __name__ == "__main__":
    main()
