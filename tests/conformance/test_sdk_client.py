"""The official SDK's own client, driven at servers."""

import sys
from pathlib import Path

import psutil
import pytest

from connect_mcp.conformance.commands import main
from connect_mcp.conformance.replay import Calls, Server
from connect_mcp.conformance.sdk_client import judge_sdk
from support.servers import server
from support.subjects import reference


def test_it_works_with_a_server_of_both_eras() -> None:
    verdict = judge_sdk(Server(reference()), Calls())
    assert verdict.outcome == "works", verdict
    assert "6 tools" in verdict.sentence
    assert "add was called" in verdict.sentence
    assert verdict.evidence[0].startswith("revision 2026-07-28")


def test_it_falls_back_to_initialize(tmp_path: Path) -> None:
    verdict = judge_sdk(Server(server(tmp_path)), Calls(any_tool=True))
    assert verdict.outcome == "works", verdict
    assert verdict.evidence[0].startswith("revision 2025-11-25")


@pytest.mark.parametrize(
    ("fault", "outcome", "what"),
    [
        ("TOOLS = [{'name': 'a'}]", "fails", "has none of this server's tools"),
        ("def call(name, arguments): return {'content': 'text'}", "loses", "raises an error for a call of echo"),
    ],
)
def test_what_the_client_does_not_take_is_its_verdict(tmp_path: Path, fault: str, outcome: str, what: str) -> None:
    verdict = judge_sdk(Server(server(tmp_path, fault)), Calls(any_tool=True), timeout=5)
    assert verdict.outcome == outcome, verdict
    assert what in verdict.sentence


def test_a_server_that_answers_nothing_ends_with_the_visit() -> None:
    mute = [sys.executable, "-c", "import time; mark = 'mute-for-the-sdk'; time.sleep(600)"]
    verdict = judge_sdk(Server(mute), Calls(), timeout=0.5)
    assert verdict.outcome == "fails"
    assert not [one.pid for one in psutil.process_iter(["cmdline"]) if mute[2] in (one.info["cmdline"] or [])]


def test_the_command_names_it_among_the_hosts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--only", "PING-EMPTY", "--profile", "sdk-python", "--", *reference()]) == 0
    assert "The official Python SDK's client" in capsys.readouterr().out
