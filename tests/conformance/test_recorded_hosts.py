"""The recordings of real hosts with the bundled server: each is played at the server of this checkout."""

import sys
from pathlib import Path

import pytest

from connect_mcp.conformance.commands import main
from connect_mcp.conformance.lab.all_recipes import selected
from connect_mcp.conformance.session import Session
from support.http_server import http_server

ROOT = Path(__file__).parents[2]
SESSIONS = sorted((ROOT / "fixtures" / "sessions").glob("*.jsonl"))
SERVER = (sys.executable, "-m", "connect_mcp", "serve")


def test_there_is_a_recording_of_each_of_the_eight_hosts() -> None:
    assert {str(Session(path).header.host) for path in SESSIONS} == {recipe.host_id for recipe in selected([])}


@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
def test_the_bundled_server_answers_as_it_did_when_it_was_recorded(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["replay", str(session), "--", *SERVER, "--embedded", "--data-dir", str(tmp_path)])
    assert code == 0, capsys.readouterr().out


def test_every_recording_is_replayed_over_http_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with http_server("--embedded", "--data-dir", str(tmp_path)) as http:
        code = main(["replay", *map(str, SESSIONS), "--url", http.url])
    assert code == 0, capsys.readouterr().out


def test_every_recorded_host_gets_along_with_the_official_sdk(capsys: pytest.CaptureFixture[str]) -> None:
    server = [sys.executable, str(ROOT / "tests" / "support" / "sdk_server.py")]
    handshakes = [str(path) for path in SESSIONS if path.stem.endswith("-handshake")]
    code = main(["replay", *handshakes, "--adapted", "--call-tools", "--timeout", "60", "--", *server])
    assert code == 0, capsys.readouterr().out


def test_a_server_that_answers_otherwise_is_told_from_the_recorded_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the embedded workspace and without a key, the recorded call has no answer to give."""
    (session,) = [path for path in SESSIONS if path.name.startswith("codex-") and path.stem.endswith("-handshake")]
    assert main(["replay", "--json", str(session), "--", *SERVER]) == 1
    assert "UNAUTHENTICATED" in capsys.readouterr().out


@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
def test_a_recording_names_no_place_on_the_machine_it_was_made_on(session: Path) -> None:
    text = session.read_text(encoding="utf-8")
    assert not [folder for folder in ("/home/", "/Users/", "/tmp/", str(ROOT)) if folder in text]
