"""What happened in a run of a real host, kept as small files: the recordings as they are, and the rest as JSON."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connect_mcp.conformance.lab.drive import Server
from connect_mcp.conformance.lab.evidence import Evidence, Leftover, start_of
from connect_mcp.conformance.lab.model.script import Answer, Call, Made, Offered, Script, Seen, Turn
from connect_mcp.conformance.lab.planning import Looked, Planned
from connect_mcp.conformance.lab.scenario import Scenario, all_scenarios
from support.scenario_servers import PROGRAM

FOLDER = Path(__file__).parents[1] / "conformance" / "lab" / "evidence"
_KEPT, _SHORT = 2000, 300  # characters of what the model saw or said, and of the host's standard error


def save(evidence: Evidence, planned: Planned, folder: Path, scratch: Path) -> None:
    """Keep a run in `folder`; the scratch folder is nowhere in what is kept."""
    folder.mkdir(parents=True, exist_ok=True)

    def kept(text: str) -> str:
        return text[-_SHORT:].replace(str(scratch), "{scratch}")

    data = {
        "host": evidence.host_id,
        "version": evidence.version,
        "spawned": [start.spawned for start in evidence.starts],
        "turns": [_turn(turn) for turn in evidence.turns],
        "exit": evidence.exit,
        "seconds": evidence.seconds,
        "errors": kept(evidence.errors),
        "left": [[left.name, left.is_server] for left in evidence.left],
        "faults": list(planned.server.command[len(PROGRAM) + 1 :: 2]),
        "script": [[[call.tool, call.arguments] for call in step] for step in planned.script.steps],
        "looked": [
            [{"name": tool["name"]} for tool in planned.looked.tools],
            planned.looked.ready,
            planned.looked.failure,
        ],
    }
    members = ",\n".join(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in data.items())
    (folder / "run.json").write_text(f"{{\n{members}\n}}\n", encoding="utf-8")
    for number, start in enumerate(evidence.starts):
        shutil.copyfile(start.session, folder / f"session-{number}.jsonl")


def load(folder: Path) -> tuple[Evidence, Mapping[str, Any]]:
    """The run, and what else was kept of it."""
    data = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    starts = tuple(start_of(folder / f"session-{at}.jsonl", spawned) for at, spawned in enumerate(data["spawned"]))
    evidence = Evidence(
        host_id=data["host"],
        version=data["version"],
        starts=starts,
        turns=tuple(_read_turn(turn) for turn in data["turns"]),
        exit=data["exit"],
        seconds=data["seconds"],
        output="",
        errors=data["errors"],
        left=tuple(Leftover(name, is_server) for name, is_server in data["left"]),
        cut_off=True,
    )
    return evidence, data


def planned(scenario: str, data: Mapping[str, Any]) -> Planned:
    """What was planned for the run, as the scenario of that id: at the server under test that it was."""
    tools, ready, failure = data["looked"]
    row: Scenario = next(one for one in all_scenarios() if one.id == scenario)
    steps = tuple(tuple(Call(tool, arguments) for tool, arguments in step) for step in data["script"])
    return Planned(row, Server(("the server",)), Script(steps), "", Looked(tuple(tools), ready, failure))


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "at": turn.at,
        "dialect": turn.dialect,
        "offered": [[tool.name, tool.namespace] for tool in turn.offered],
        "seen": [[seen.call, seen.text[:_KEPT], seen.is_error] for seen in turn.seen],
        "calls": [[made.id, made.tool.name, made.tool.namespace, made.arguments] for made in turn.answered.calls],
        "text": turn.answered.text[:_KEPT],
    }


def _read_turn(data: Mapping[str, Any]) -> Turn:
    return Turn(
        at=data["at"],
        path="",
        dialect=data["dialect"],
        model="scripted",
        streamed=True,
        offered=tuple(Offered(name, namespace, "", None) for name, namespace in data["offered"]),
        seen=tuple(Seen(*seen) for seen in data["seen"]),
        answered=Answer(
            tuple(Made(ident, Offered(name, group, "", None), given) for ident, name, group, given in data["calls"]),
            data["text"],
        ),
        body=b"",
    )
