"""The process that writes a recording, told by hand what passed."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from connect_mcp.conformance.dictation import FAILED, HEAD, Dictation, finished
from connect_mcp.conformance.session import KINDS, Header, Kind
from support.recording import events, said

SCRIBE = [sys.executable, "-c", "from connect_mcp.conformance.scribe import main; main()"]
ABOUT = json.dumps({"header": ["tester", "1", "2026-11-21", {}], "argv": [], "cwd": "/work"}).encode() + b"\n"
PATIENCE = 60


def piece(ev: Kind, t: float, data: bytes) -> bytes:
    return HEAD.pack(KINDS.index(ev), t, len(data)) + data


def told(out: Path | str, spoken: bytes) -> int:
    with open(out, "wb") as file:
        return subprocess.run(SCRIBE, input=spoken, stdout=file, timeout=PATIENCE, check=False).returncode


def test_a_line_has_the_time_of_its_last_byte(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    assert (
        told(out, ABOUT + piece("host", 0.25, b"on") + piece("server", 0.5, b"x\n") + piece("host", 0.75, b"e\n")) == 0
    )
    assert [(event.ev, event.t, event.raw) for event in events(out)] == [("server", 0.5, b"x"), ("host", 0.75, b"one")]


@pytest.mark.parametrize("kept", [3, HEAD.size, HEAD.size + 2])
def test_what_the_recorder_did_not_live_to_say_is_not_recorded(tmp_path: Path, kept: int) -> None:
    out = tmp_path / "session.jsonl"
    assert told(out, ABOUT + piece("host", 0.1, b"one\n") + piece("server", 0.2, b"two\n")[:kept]) == 0
    assert said(out, "host") == [b"one"]
    assert said(out, "server") == []


def test_a_line_without_an_end_stands_before_the_end_of_its_stream(tmp_path: Path) -> None:
    out = tmp_path / "session.jsonl"
    spoken = [piece("server", 0.1, b"last"), piece("stderr", 0.2, b"words"), piece("eof", 0.3, b'{"of": "stdout"}')]
    assert told(out, ABOUT + b"".join(spoken) + piece("exit", 0.4, b'{"code": 0, "signal": null}')) == 0
    assert [(event.ev, event.end) for event in events(out)] == [
        ("server", ""),
        ("eof", "\n"),
        ("stderr", ""),
        ("exit", "\n"),
    ]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a full disk is simulated by /dev/full")
def test_the_exit_code_says_what_the_system_had_against_it() -> None:
    assert told("/dev/full", ABOUT) == errno.ENOSPC


def test_what_cannot_be_understood_is_a_failure_without_words(tmp_path: Path) -> None:
    assert told(tmp_path / "session.jsonl", b"no JSON\n") == FAILED


def test_a_recording_that_nobody_writes_is_finished(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_bytes(b"{}\n")
    assert finished(tmp_path / "old.jsonl", 0)
    assert finished(tmp_path / "none.jsonl", 0)


def test_a_scribe_that_cannot_be_started_is_told_of_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "session.jsonl"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    dictation = Dictation(os.open(out, os.O_WRONLY | os.O_CREAT, 0o600), Header("tester"))
    assert not finished(out, 0)
    dictation.start(0, ["server"], "/work", os.environ)
    dictation.passes("host", b"1\n")
    assert dictation.finish() == "No such file or directory"
    assert finished(out, 0)
    assert json.loads(out.read_bytes())["host"] == "tester"
