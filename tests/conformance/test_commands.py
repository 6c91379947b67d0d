import json
import subprocess
import sys
from pathlib import Path

import pytest

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.conformance.commands import main
from support.recording import converse
from support.servers import server

PING = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}'


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    out = tmp_path / "session.jsonl"
    assert converse(out, server(tmp_path), [PING])[0] == 0
    return out


def test_every_session_that_passes_is_exit_code_zero(
    tmp_path: Path, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(recorded), str(recorded), "--timeout", "60", "--", *server(tmp_path)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line[:6] for line in shown] == ["pass  ", "pass  "]


def test_one_session_that_does_not_pass_is_exit_code_one(
    tmp_path: Path, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faulty = server(tmp_path, "def result(method, params): return {'odd': 1}")
    assert main(["replay", str(recorded), "--json", "--timeout", "60", "--", *faulty]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["outcome"] == "fail"
    assert data["sessions"][0]["differences"][0]["changes"] == [{"path": "result.odd", "expected": None, "got": "1"}]


def test_a_session_file_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text('{"format": "notes"}\n', encoding="utf-8")
    with pytest.raises(Refused, match=r"notes\.jsonl:1: this is no session"):
        main(["replay", str(path), "--", *server(tmp_path)])


@pytest.mark.parametrize("argv", [["record", "--out", "x"], ["replay", "x"], ["replay", "x", "--"]])
def test_a_missing_server_command_is_misuse(argv: list[str]) -> None:
    with pytest.raises(Misuse, match="needs the server's command"):
        main(argv)


def test_a_variable_without_a_value_is_misuse(recorded: Path) -> None:
    with pytest.raises(Misuse, match="NAME=VALUE"):
        main(["replay", str(recorded), "--var", "secret:1", "--", "server"])


@pytest.mark.parametrize(
    "argv", [[], ["dance"], ["record", "--", "server"], ["replay", "--", "server"], ["replay", "x", "--timeout", "-1"]]
)
def test_what_cannot_be_meant_is_exit_code_two_with_the_usage(argv: list[str]) -> None:
    command = [sys.executable, "-m", "connect_mcp", "conformance", *argv]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage: connect-mcp conformance" in done.stderr


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (["--timeout", "soon"], "--timeout: it takes seconds above 0, at most 3600"),
        (["--timeout", "nan"], "--timeout: it takes seconds above 0, at most 3600"),
        (["--jobs", "65"], "--jobs: it takes a whole number from 1 to 64"),
        (["--examples", "0"], "--examples: it takes a whole number from 1 to 1000000"),
    ],
)
def test_a_number_that_cannot_be_meant_is_told_what_may_be(
    option: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", *option, "--", "server"])
    assert ended.value.code == 2
    assert expected in capsys.readouterr().err


def test_the_help_shows_an_example_of_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "connect-mcp conformance record --out session.jsonl -- python my_server.py" in shown
    assert "connect-mcp conformance replay session.jsonl -- python my_server.py" in shown
