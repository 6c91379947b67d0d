import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import CommandLine


def test_two_dashes_as_an_options_value_are_misuse(connect_mcp: CommandLine, home: Path) -> None:
    ran = connect_mcp("configure", "cursor", "--embedded", "--no-verify", "--name=--")
    assert ran.code == 2
    assert "cannot be the value of an option" in ran.err


@pytest.mark.parametrize("command", [["--"], ["--", ""], ["--", " "], ["--", "", "x"]])
def test_two_dashes_without_a_command_write_nothing(connect_mcp: CommandLine, home: Path, command: list[str]) -> None:
    ran = connect_mcp("configure", "cursor", "--no-verify", "--json", *command)
    assert ran.code == 2
    assert ran.data["error"]["what"] == "there is no command after --"
    assert not (home / ".cursor").exists()


@pytest.mark.parametrize("command", ["configure", "remove"])
def test_a_projects_folder_must_be_there(connect_mcp: CommandLine, tmp_path: Path, command: str) -> None:
    missing = tmp_path / "no\x1b[31msuch"
    ran = connect_mcp(command, "cursor", "--scope", "project", "--project", str(missing))
    assert ran.code == 2
    assert "there is no such folder" in ran.err
    assert "\x1b" not in ran.err
    assert not missing.exists()


def test_a_project_is_not_ignored_in_silence(connect_mcp: CommandLine, home: Path, tmp_path: Path) -> None:
    ran = connect_mcp("configure", "cursor", "--project", str(tmp_path), "--embedded", "--no-verify")
    assert ran.code == 2
    assert "--scope project" in ran.err
    assert not (home / ".cursor").exists()


@pytest.mark.parametrize("command", ["a\x1b[31mb", "./a\x1b[31mb"])
def test_a_command_that_is_nowhere_is_shown_without_its_control_characters(
    connect_mcp: CommandLine, home: Path, command: str
) -> None:
    ran = connect_mcp("configure", "cursor", "--", command)
    assert ran.code == 1
    assert "a\\x1b[31mb" in ran.out
    assert "\x1b" not in ran.out
    assert ("there is no program at" in ran.out) == command.startswith(".")


@pytest.mark.skipif(sys.platform == "win32", reason="closing a descriptor in a shell is POSIX")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_output_that_is_closed_is_no_bug(home: Path, closed: str) -> None:
    line = f'"$0" -m connect_mcp configure cursor --embedded --no-verify {closed}'
    ran = subprocess.run(["sh", "-c", line, sys.executable], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "connect" in json.loads((home / ".cursor" / "mcp.json").read_text())["mcpServers"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_output_that_cannot_be_written_is_no_bug(home: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "connect_mcp", "status"]
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.startswith("connect-mcp: the outcome could not be printed: No space left on device\n")
    assert "Exception" not in ran.stderr


def test_a_quiet_command_speaks_up_only_when_something_is_wrong(connect_mcp: CommandLine, home: Path) -> None:
    ran = connect_mcp("configure", "cursor", "--embedded", "--no-verify", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    ran = connect_mcp("configure", "cursor", "-q", "--", "/no/such/program")
    assert ran.code == 1
    assert "there is no program at /no/such/program" in ran.out
    assert connect_mcp("remove", "cursor", "--name", "other", "-q").err.startswith("connect-mcp: Cursor has no entry")


@pytest.mark.parametrize("wrong", [["--nope"], ["--scope", "nobody"], ["cursor", "--quiet"]])
def test_usage_errors_are_json_where_json_is_wanted(connect_mcp: CommandLine, wrong: list[str]) -> None:
    ran = connect_mcp("configure", "--json", *wrong)
    assert (ran.code, ran.err) == (2, "")
    assert ran.data["exit_code"] == 2
    assert "--help" in ran.data["error"]["mend"]
