"""Notes of a host lab (what passed between real hosts and small servers) as sessions, one for each server process."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connect_mcp.conformance.redaction import Redactor
from connect_mcp.conformance.session import Agreement, Header, Json, Writer


def convert(path: Path, folder: Path) -> list[Path]:
    """Write the sessions that a file of notes holds, and give their paths."""
    first, *rest = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert first["format"] == "notes"
    made = []
    for number, events in enumerate(_processes(rest), 1):
        out = folder / (path.name if number == 1 else f"{path.stem}-{number}{path.suffix}")
        write(out, first, events)
        made.append(out)
    return made


def write(out: Path, about: Mapping[str, Any], events: list[dict[str, Any]]) -> None:
    agreement = Agreement()
    for event in events:
        agreement.see(event.get("msg"), from_host=event["ev"] == "h2s")
    more: dict[str, Json] = {"os": about["os"].partition("-")[0], "redacted": True, "scenario": about["scenario"]}
    header = Header(about["host"], about["version"], agreement.revision, about["recorded"], more)
    redactor = Redactor({}, "/home/user", "", ["/tmp", "/home/user/lab"])
    with out.open("xb", buffering=0) as file:
        log = Writer(file.fileno(), header)
        for event in events:
            record(log, redactor, event)


def record(log: Writer, redactor: Redactor, event: dict[str, Any]) -> None:
    t, ev = event["dt"], event["ev"]
    if ev == "stderr":
        log.line(t, "stderr", redactor.raw_fields(event["text"].encode()))
    elif ev in ("h2s", "s2h"):
        line = json.dumps(event["msg"], ensure_ascii=False) if "msg" in event else event["text"]
        log.line(t, "host" if ev == "h2s" else "server", redactor.message_fields(line.encode()))
    elif ev == "start":
        log.event(t, "spawn", {"env": event["env_names"], "own_group": event["own_group"]})
    elif ev == "stdin_eof":
        log.event(t, "eof", {"of": "stdin"})
    elif ev == "signal":
        log.event(t, "signal", {"name": event["name"]})
    elif ev == "server_exit":
        log.event(t, "exit", {"code": event["rc"], "signal": None})


def _processes(events: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    starts = [index for index, event in enumerate(events) if event["ev"] == "start"]
    for begin, end in zip(starts, [*starts[1:], len(events)], strict=True):
        yield events[begin:end]
