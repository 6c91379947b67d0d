"""What a person at a terminal sees while a run goes on."""

import re
import sys
from pathlib import Path

import pytest

from connect_mcp.conformance.progress import Progress
from connect_mcp.conformance.result import Result
from support.subjects import reference

RUN = ["conformance", "run", "--revision", "2025-11-25", "--only", "PING-EMPTY", "PARSE-*", "--profile", "codex"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no terminals to open")
def test_a_person_sees_how_far_it_is_and_each_failure_as_it_comes(home: Path) -> None:
    from support.terminal import at_a_terminal

    screen, code = at_a_terminal([*RUN, "--", *reference("PING-EMPTY")], [], home, {"TERM": "xterm", "COLUMNS": "100"})
    assert code == 1
    told = screen.index("FAIL  PING-EMPTY (2025-11-25): the result of ping is no empty object")
    assert told < screen.index("FAIL  PING-EMPTY: A ping is answered with an empty result"), "before the report"
    assert re.search(r"(\d+) of \1  1 failed  \d+ s  as OpenAI Codex", screen)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no terminals to open")
def test_what_a_baseline_expects_is_not_told_as_a_failure(home: Path, tmp_path: Path) -> None:
    from support.terminal import at_a_terminal

    known = tmp_path / "known.txt"
    known.write_text("PING-EMPTY *   so\n")
    screen, code = at_a_terminal(
        [*RUN, "--baseline", str(known), "--", *reference("PING-EMPTY")], [], home, {"TERM": "xterm"}
    )
    assert code == 0
    assert "FAIL" not in screen
    assert "1 in the baseline" in screen


def test_a_program_sees_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    results = [Result("PING-EMPTY", "2025-11-25", "fail", "no")]
    with Progress() as progress:
        assert list(progress.through(results, 1)) == results
        progress.at("as Codex")
        progress.failed("no")
    shown = capsys.readouterr()
    assert shown.out + shown.err == ""
