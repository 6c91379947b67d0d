import json
import os
import socket
import sys
from pathlib import Path

import pytest

from support.cli import CommandLine


def configured(home: Path, entry: object, name: str = "x") -> None:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"mcpServers": {name: entry}}))


def test_a_healthy_machine_has_no_findings(connect_mcp: CommandLine) -> None:
    connect_mcp("configure", "cursor", "codex", "--embedded", "--no-verify")
    ran = connect_mcp("doctor")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "OpenAI Codex: 1 server, all well",
        "Cursor: 1 server, all well",
        "",
        "no errors, no warnings, no notes",
    ]


def test_a_command_that_is_nowhere_is_found_and_the_mend_takes_it_out(connect_mcp: CommandLine, home: Path) -> None:
    configured(home, {"command": "no-such-program"})
    ran = connect_mcp("doctor", "--json")
    assert ran.code == 1
    (finding,) = ran.data["findings"]
    assert (finding["id"], finding["host"], finding["severity"]) == ("command-not-found", "cursor", "error")
    assert finding["mend"].endswith("connect-mcp remove cursor --name x")
    assert connect_mcp(*finding["command"][1:]).code == 0
    assert connect_mcp("doctor").code == 0


def test_a_name_with_control_characters_is_shown_as_escapes_in_every_field(
    connect_mcp: CommandLine, home: Path
) -> None:
    configured(home, {"command": "no-such-program"}, name="a\x1b[31m\n\u202eb")
    named, lost = connect_mcp("doctor", "--json").data["findings"]
    assert (named["id"], lost["id"]) == ("name-unusable", "command-not-found")
    texts = [text for finding in (named, lost) for text in finding.values() if isinstance(text, str)]
    assert all(text.isprintable() for text in texts)
    assert "`a\\x1b[31m\\n\\u202eb`" in lost["mend"]


def test_a_project_that_is_the_home_folder_has_no_files_of_its_own(
    connect_mcp: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    connect_mcp("configure", "cursor", "codex", "--embedded", "--no-verify")
    assert [len(host["files"]) for host in connect_mcp("doctor", "--json").data["hosts"]] == [1, 1]


def test_a_program_by_path_that_is_gone_is_found(connect_mcp: CommandLine, home: Path) -> None:
    configured(home, {"command": "/nowhere/at/all"})
    assert "there is no program at /nowhere/at/all" in connect_mcp("doctor").out


def test_the_path_in_the_entry_counts_and_the_mend_is_the_absolute_path(
    connect_mcp: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = os.path.dirname(sys.executable)
    monkeypatch.setenv("PATH", folder)
    configured(home, {"command": "python", "args": ["-c", "pass"], "env": {"PATH": "/nowhere"}})
    (finding,) = connect_mcp("doctor", "--json").data["findings"]
    assert "is not on the PATH that it passes on" in finding["what"]
    mend = finding["mend"]
    assert mend == f"connect-mcp configure cursor --name x -- {folder}/python -c pass"
    assert connect_mcp(*mend.split()[1:], "--no-verify").code != 3


def test_our_own_entry_is_mended_by_configuring_it_again(connect_mcp: CommandLine, home: Path) -> None:
    configured(home, {"command": "/gone/connect-mcp", "args": ["serve", "--embedded"]}, name="connect")
    (finding,) = connect_mcp("doctor", "--json").data["findings"]
    assert finding["mend"] == "connect-mcp configure cursor --name connect --embedded"
    assert connect_mcp(*finding["mend"].split()[1:], "--no-verify").code == 0
    assert connect_mcp("doctor").code == 0


def test_a_secret_in_the_arguments_is_not_shown_in_the_mend(
    connect_mcp: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable))
    configured(home, {"command": "python", "args": ["--token", "swordfish-42"], "env": {"PATH": "/nowhere"}})
    ran = connect_mcp("doctor")
    assert ran.code == 1
    assert "swordfish" not in ran.out


def test_a_file_that_does_not_parse_is_an_error_with_its_place(connect_mcp: CommandLine, home: Path) -> None:
    configured(home, {})
    (home / ".cursor" / "mcp.json").write_text("{\n  oops\n}")
    (finding,) = connect_mcp("doctor", "--json").data["findings"]
    assert finding["id"] == "config-unreadable"
    assert finding["where"].endswith("mcp.json:2:3")


def test_an_entry_that_is_switched_off_is_left_in_peace(connect_mcp: CommandLine, home: Path) -> None:
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text('[mcp_servers.x]\ncommand = "no-such-program"\nenabled = false\n')
    assert connect_mcp("doctor", "codex").code == 0


def test_only_the_named_hosts_are_looked_at(connect_mcp: CommandLine, home: Path) -> None:
    configured(home, {"command": "no-such-program"})
    assert connect_mcp("doctor", "codex").code == 0
    assert connect_mcp("doctor", "nobody").code == 2


WRONG = """{
  // mine
  "mcpServers": {
    "x": {"type": "stdio", "command": "%s", "dev": {"watch": "src"}}, // my server
  },
}
"""


def vscode(home: Path) -> Path:
    path = home / ".config" / "Code" / "User" / "mcp.json"
    path.parent.mkdir(parents=True)
    path.write_text(WRONG % sys.executable)
    return path


def test_a_mend_that_is_an_edit_is_applied_and_can_be_undone(connect_mcp: CommandLine, home: Path) -> None:
    path = vscode(home)
    ran = connect_mcp("doctor", "--fix", "--yes", "--no-start", "--json")
    assert ran.code == 0
    assert ran.data["findings"] == []
    assert len(ran.data["fixed"]) == 1
    text = path.read_text()
    assert "// mine" in text
    assert '"servers"' in text
    assert '"watch": "src"' in text, "what only the person knew is moved with the rest"
    assert connect_mcp("undo").code == 0
    assert path.read_text() == WRONG % sys.executable


def test_fix_says_what_it_mended_and_asks_also_where_its_outcome_is_json(connect_mcp: CommandLine, home: Path) -> None:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text('{"servers": {"a": {"command": "true"}}}')
    ran = connect_mcp("doctor", "--fix", "--no-start", "--json")
    assert (ran.code, ran.data["error"]["mend"]) == (1, "add --yes")
    assert path.read_text() == '{"servers": {"a": {"command": "true"}}}'
    mended, undo = connect_mcp("doctor", "--fix", "--yes", "--no-start").out.splitlines()[:2]
    assert mended.startswith("mended: ")
    assert undo == "undo with: connect-mcp undo"
    assert "mcpServers" in path.read_text()


def test_nothing_is_mended_unasked(connect_mcp: CommandLine, home: Path) -> None:
    path = vscode(home)
    ran = connect_mcp("doctor", "--fix", "--no-start")
    assert ran.code == 1
    assert "--yes" in ran.err
    assert path.read_text() == WRONG % sys.executable


def test_a_report_can_be_published(
    connect_mcp: CommandLine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "someone")
    secret = "ghp_planted0000000000000000000000000000"
    entry = {"command": "/home/someone/bin/server-of-someone", "args": ["--token", secret, "https://intern.example/x"]}
    configured(home, entry)
    report = tmp_path / "report.txt"
    connect_mcp("doctor", "--report", str(report), "-v", "--no-start")
    text = report.read_text()
    assert "there is no program at" in text
    for private in (secret, "someone", str(home), "intern.example", socket.gethostname()):
        assert private not in text


def test_passing_checks_are_shown_when_asked_for(connect_mcp: CommandLine) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    ran = connect_mcp("doctor", "-v", "--no-start")
    assert "passed: The command is found with the PATH that this host passes on" in ran.out
    passed = connect_mcp("doctor", "-v", "--no-start", "--json").data["passed"]
    assert {"check", "subject", "server"} == set(passed[0])


def test_only_the_named_server_is_looked_at(connect_mcp: CommandLine, home: Path) -> None:
    entries = {"a": {"command": "nowhere-a"}, "b": {"command": "nowhere-b"}}
    (home / ".cursor").mkdir()
    (home / ".cursor" / "mcp.json").write_text(json.dumps({"mcpServers": entries}))
    findings = connect_mcp("doctor", "--name", "b", "--json").data["findings"]
    assert [finding["server"] for finding in findings] == ["b"]
