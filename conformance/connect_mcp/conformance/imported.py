"""Recordings of other tools as sessions of ours.

A cassette of mcp-recorder is one JSON document: `version` "1.0", `metadata`, and `interactions`, each a request with
its response and how long that took, a notification, or an HTTP operation without a message. It says nothing of what
came in between, so a session made from it has each answer right after its request.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from connect_mcp.base.errors import Place, Refused

from .redaction import Redactor
from .session import Agreement, Header, Json, Writer

_LARGEST = 256 << 20


def import_cassette(source: Path, out: Path, env: "os._Environ[str] | dict[str, str]") -> int:
    """Write the session that a cassette of mcp-recorder holds.

    Args:
        source: the cassette.
        out: the session, which must not be there yet.
        env: the environment whose secrets are kept out, as in a recording.

    Returns:
        How many messages it has.

    Raises:
        Refused: where the file is no cassette, or the session cannot be written.
    """
    cassette = _read(source)
    rows = [row for row in _list(cassette, "interactions") if isinstance(row, dict)]
    pairs = [(row, row.get("request"), row.get("response")) for row in rows]
    messages: list[tuple[bool, Json, float]] = []
    t = 0.0
    for row, request, response in pairs:
        if isinstance(request, dict):
            messages.append((True, request, t))
            t += _seconds(row)
        if isinstance(response, dict):
            messages.append((False, response, t))
    if not messages:
        raise Refused("the cassette holds no messages", place=Place(str(source)))
    agreement = Agreement()
    for from_host, message, _ in messages:
        agreement.see(message, from_host=from_host)
    header = Header(
        None, None, agreement.revision, _day(cassette), {"redacted": True, "provenance": "mcp-recorder cassette"}
    )
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except OSError as error:
        raise Refused("the session cannot be written", place=Place(str(out)), why=error.strerror or "") from None
    try:
        redactor = Redactor(env, os.path.expanduser("~"), os.getcwd(), [])
        log = Writer(descriptor, header)
        for from_host, message, at in messages:
            line = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
            log.line(at, "host" if from_host else "server", redactor.message_fields(line))
        log.event(t, "eof", {"of": "stdin"})
    except OSError as error:
        raise Refused("the session is not whole", place=Place(str(out)), why=error.strerror or "") from None
    finally:
        os.close(descriptor)
    return len(messages)


def _read(source: Path) -> dict[str, Json]:
    try:
        with source.open("rb") as file:
            data = json.loads(file.read(_LARGEST))
    except OSError as error:
        raise Refused("the cassette cannot be read", place=Place(str(source)), why=error.strerror or "") from None
    except (ValueError, RecursionError):
        raise Refused("the cassette is no JSON", place=Place(str(source))) from None
    if not isinstance(data, dict) or not isinstance(data.get("interactions"), list):
        why = "a cassette of mcp-recorder is an object with version and interactions"
        raise Refused("this is no cassette", place=Place(str(source)), why=why)
    version = data.get("version")
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise Refused(f"the cassette has version {json.dumps(version)}; this program reads 1", place=Place(str(source)))
    return data


def _list(data: dict[str, Json], key: str) -> Iterator[Json]:
    value = data.get(key)
    yield from value if isinstance(value, list) else ()


def _seconds(row: dict[str, Json]) -> float:
    latency = row.get("latency_ms")
    return max(latency, 0) / 1000 if isinstance(latency, (int, float)) and not isinstance(latency, bool) else 0.0


def _day(cassette: dict[str, Json]) -> str | None:
    metadata = cassette.get("metadata")
    recorded = metadata.get("recorded_at") if isinstance(metadata, dict) else None
    return recorded[:10] if isinstance(recorded, str) and len(recorded) >= 10 else None
