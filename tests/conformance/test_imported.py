import json
import sys
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.conformance.commands import main
from connect_mcp.conformance.session import Session
from support.notes import convert

PLANTED = "arc_live_planted_00000000"
SERVER = [sys.executable, "-m", "connect_mcp", "serve"]
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}},
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
PING = {"jsonrpc": "2.0", "id": "p", "method": "ping", "params": {"_meta": {"token": PLANTED}}}


def row(kind: str, request: Any = None, response: Any = None, latency: int = 5) -> dict[str, Any]:
    return {"type": kind, "request": request, "response": response, "response_status": 200, "latency_ms": latency}


def cassette(folder: Path, *rows: dict[str, Any], **more: Any) -> Path:
    path = folder / "cassette.json"
    metadata = {
        "recorded_at": "2026-02-17T20:25:23+00:00",
        "server_url": "http://127.0.0.1:1",
        "protocol_version": None,
    }
    document = {"version": "1.0", "metadata": metadata, "interactions": list(rows), **more}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_cassette_of_mcp_recorder_becomes_a_session_that_replays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}
    source = cassette(
        tmp_path,
        row("jsonrpc_request", INITIALIZE, {"jsonrpc": "2.0", "id": 0, "result": result}, 40),
        row("notification", INITIALIZED),
        row("jsonrpc_request", PING, {"jsonrpc": "2.0", "id": "p", "result": {}}),
        row("lifecycle"),
    )
    out = tmp_path / "session.jsonl"
    assert main(["import", str(source), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 5 messages\n"
    session = Session(out)
    assert (session.header.revision, session.header.recorded) == ("2025-06-18", "2026-02-17")
    assert [(event.t, event.ev) for event in session.events()] == [
        (0, "host"),
        (0.04, "server"),
        (0.04, "host"),
        (0.045, "host"),
        (0.05, "server"),
        (0.05, "eof"),
    ]
    assert PLANTED not in out.read_text(encoding="utf-8")
    assert main(["replay", str(out), "--adapted", "--", *SERVER]) == 0


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("{", "the cassette is no JSON"),
        ("[]", "this is no cassette"),
        ('{"version": "1.0"}', "this is no cassette"),
        ('{"version": "2.0", "interactions": []}', 'the cassette has version "2.0"; this program reads 1'),
        ('{"version": "1.0", "interactions": [7, {"request": 5}]}', "the cassette holds no messages"),
    ],
)
def test_what_is_no_cassette_is_refused(tmp_path: Path, content: str, what: str) -> None:
    source = tmp_path / "c.json"
    source.write_text(content, encoding="utf-8")
    with pytest.raises(Refused, match=what):
        main(["import", str(source), "--out", str(tmp_path / "out.jsonl")])
    assert not (tmp_path / "out.jsonl").exists()


def test_a_session_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    source = cassette(tmp_path, row("jsonrpc_request", PING))
    with pytest.raises(Refused, match="cannot be written"):
        main(["import", str(source), "--out", str(source)])
    assert json.loads(source.read_text(encoding="utf-8"))["version"] == "1.0"


def test_notes_of_a_host_lab_become_a_session_for_each_process(tmp_path: Path) -> None:
    """Their form only: the notes that there are of real hosts are not ours to pass on."""
    about = {
        "format": "notes",
        "host": "h",
        "version": "1",
        "scenario": "call",
        "recorded": "2026-11-21",
        "os": "linux-x64",
    }
    process = [
        {"dt": 0.0, "ev": "start", "env_names": ["HOME"], "own_group": False},
        {"dt": 0.1, "ev": "spawned"},
        {"dt": 0.2, "ev": "h2s", "msg": INITIALIZE},
        {"dt": 0.3, "ev": "stderr", "text": "in /home/user/lab/x"},
        {"dt": 0.4, "ev": "s2h", "msg": {"jsonrpc": "2.0", "id": 0, "result": {"protocolVersion": "2025-06-18"}}},
        {"dt": 0.5, "ev": "signal", "name": "SIGTERM"},
        {"dt": 0.6, "ev": "stdin_eof"},
        {"dt": 0.7, "ev": "server_exit", "rc": 0},
        {"dt": 0.8, "ev": "gone"},
    ]
    source = tmp_path / "notes.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in [about, *process, *process]), encoding="utf-8")
    (tmp_path / "made").mkdir()
    made = convert(source, tmp_path / "made")
    assert [path.name for path in made] == ["notes.jsonl", "notes-2.jsonl"]
    for path in made:
        session = Session(path)
        assert (session.header.host, session.header.revision) == ("h", "2025-06-18")
        assert [event.ev for event in session.events()] == [
            "spawn",
            "host",
            "stderr",
            "server",
            "signal",
            "eof",
            "exit",
        ]
        assert "/home/user" not in path.read_text(encoding="utf-8")
        assert main(["replay", str(path), "--adapted", "--", *SERVER]) == 0
