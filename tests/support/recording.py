"""The recorder as a real program that a test is the host of."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

from jsonschema import Draft202012Validator

from connect_mcp.base.fixtures import fixtures
from connect_mcp.conformance.dictation import finished
from connect_mcp.conformance.session import Event, Session

RECORD = [sys.executable, "-m", "connect_mcp", "conformance", "record"]
SCHEMA = json.loads((fixtures() / "sessions" / "schema.json").read_text(encoding="utf-8"))
PATIENCE = 60.0


def record_command(out: Path, server: Sequence[str], options: Sequence[str] = ()) -> list[str]:
    return [*RECORD, "--out", str(out), "--host", "tester", "--host-version", "1", *options, "--", *server]


def start(
    out: Path,
    server: Sequence[str],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    options: Sequence[str] = (),
    *,
    own_group: bool = False,
) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    environment = {**os.environ, **(env or {})}
    return subprocess.Popen(
        record_command(out, server, options),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        bufsize=0,
        env=environment,
        cwd=cwd,
        start_new_session=own_group,
    )


def end(process: "subprocess.Popen[bytes]") -> None:
    """Leave nothing of it behind, whatever a failed test left open."""
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream and not stream.closed:
            stream.close()
    if process.poll() is None:
        process.kill()
    process.wait(PATIENCE)


def converse(
    out: Path, server: Sequence[str], lines: Iterable[bytes], env: Mapping[str, str] | None = None
) -> tuple[int, bytes, bytes]:
    """Send lines one by one, each request only after the answer to the one before, and close; what came back."""
    process = start(out, server, env)
    received = []
    try:
        for line in lines:
            writer(process).write(line + b"\n")
            if b'"id"' in line:
                received.append(reader(process).readline())
        rest, errors = process.communicate(timeout=PATIENCE)
        return process.returncode, b"".join([*received, rest]), errors
    finally:
        end(process)


def writer(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin


def reader(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert process.stdout is not None
    return process.stdout


def events(out: Path) -> list[Event]:
    """What was recorded, once it is written; each line of the recording has the documented shape."""
    assert finished(out, PATIENCE)
    validator = Draft202012Validator(SCHEMA)
    for line in out.read_bytes().splitlines():
        validator.validate(json.loads(line))
    return list(Session(out).events())


def said(out: Path, ev: str) -> list[object]:
    """What was recorded of one side, each line as its message or its bytes."""
    return [event.raw if event.raw is not None else event.msg for event in events(out) if event.ev == ev]
