"""The whole kit at servers of others: what each breaks, as a Markdown table.

Run as `python -m tests.bench.third_party --out FILE`; slow. `tests/conformance/test_third_party.py` holds the same runs
against what is known of each. What comes of a rule otherwise than was known is asked once more, alone, and a host that
a server fails in visits it again, at most ten times in all: how busy the machine is must not count against a server.
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

from connect_mcp.conformance.baseline import Known, read  # noqa: E402 - found through the line above
from connect_mcp.conformance.requirement import all_requirements  # noqa: E402
from connect_mcp.conformance.result import BROKEN, Result  # noqa: E402
from support.third_party import SERVERS, ThirdParty  # noqa: E402

PATIENCE = 1800
UNCHECKED = ("inconclusive", "bug-in-the-case")
RULES = {rule.id: rule for rule in all_requirements()}
WEIGHTS = ("works", "risk", "loses", "fails")
BAD = WEIGHTS[2:]
VISITS = 10


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.third_party", description="Check servers of others.")
    parser.add_argument(
        "--out", type=Path, help="where the table goes, below the note that is there; default: standard output"
    )
    parser.add_argument("--only", nargs="+", default=[], help="only these servers")
    args = parser.parse_args()
    chosen = [one for one in SERVERS if not args.only or one.id in args.only]
    rows = []
    for one in chosen:
        rows.append(row(one, settled(one, read(one.known())), visited(one)))
    text = table(rows)
    if args.out:
        args.out.write_text(f"{note(args.out)}{text}", encoding="utf-8")
    else:
        print(text, end="")


def note(path: Path) -> str:
    """The comment that a file begins with, which is written by hand; empty where it has none."""
    first, _, _ = path.read_text(encoding="utf-8").partition("\n") if path.exists() else ("", "", "")
    return f"{first}\n\n" if first.startswith("<!--") else ""


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


def settled(one: ThirdParty, known: Sequence[Known]) -> list[Result]:
    """What the kit says of a server; where that is not what is known, what it says when that is all it is asked."""
    found = {(result.requirement, result.revision): result for result in results(checked(one))}
    odd = [pair for pair, result in found.items() if not is_known(result, known)]
    if odd:
        again = results(checked(one, "--only", *sorted({requirement for requirement, _ in odd})))
        found.update({pair: result for result in again if (pair := (result.requirement, result.revision)) in odd})
    left = [pair for pair, result in found.items() if result.outcome in UNCHECKED]
    assert not left, f"{one.name}: {left} could not be checked"
    return list(found.values())


def results(data: Mapping[str, Any]) -> list[Result]:
    """The results of a run."""
    rows = data["results"]
    return [Result(row["requirement"], row["revision"], row["outcome"], row["why"]) for row in rows]


def is_known(result: Result, known: Sequence[Known]) -> bool:
    """Whether it is broken as a line says, or kept where none does."""
    covered = any(line.covers(result) for line in known)
    return result.outcome in BROKEN if covered else result.outcome not in (*BROKEN, *UNCHECKED)


def visited(one: ThirdParty) -> list[Mapping[str, Any]]:
    """The best verdict of each host."""
    best: dict[str, Mapping[str, Any]] = {}
    asked = ["all"]
    for _ in range(VISITS):
        for host in checked(one, "--only", "PING-EMPTY", "--profile", *asked)["hosts"]:
            best[host["host"]] = min(host, best.get(host["host"], host), key=lambda it: WEIGHTS.index(it["outcome"]))
        asked = [name for name, host in best.items() if host["outcome"] in BAD]
        if not asked:
            break
    return list(best.values())


def row(one: ThirdParty, found: Sequence[Result], hosts: Sequence[Mapping[str, Any]]) -> str:
    """A line of the table."""
    broken: dict[str, set[str]] = {"MUST": set(), "JSON-RPC": set(), "SHOULD": set()}
    for result in found:
        if result.outcome in BROKEN:
            rule = RULES[result.requirement]
            said = "MUST" if rule.keyword.startswith("MUST") else "SHOULD"
            broken["JSON-RPC" if rule.profile == "json-rpc" else said].add(result.requirement)
    bad = [f"{host['title']} ({host['outcome']})" for host in hosts if host["outcome"] in BAD]
    cells = [f"{one.name} {one.version}", one.sdk, ", ".join(sorted({result.revision for result in found}))]
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
