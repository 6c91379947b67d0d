"""What doctor finds by starting a server as its host would: real servers, each with one fault."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from connect_mcp.base.machine import this_machine
from connect_mcp.installer.hosts.all_hosts import find
from connect_mcp.installer.spec import ServerSpec
from connect_mcp.installer.verify import ask
from support.cli import CommandLine
from support.servers import server


def configured(home: Path, path: str, argv: list[str], name: str = "x") -> None:
    file = home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"mcpServers": {name: {"command": argv[0], "args": argv[1:]}}}))


CURSOR, GEMINI = ".cursor/mcp.json", ".gemini/settings.json"
CLAUDE = ".claude.json"
CLINE = ".cline/data/settings/cline_mcp_settings.json"

STRAY = "say('Loading …')"
LATE = """
def say(message, say=say):
    say("working …")
    say(message)
"""
BLANK = """
def say(message, say=say):
    say(message)
    say("")
"""
MANY = "TOOLS = [tool(f'tool{number}') for number in range(90)]"
LONG = "TOOLS = [tool('a' * 70)]"
CHOICE = "TOOLS[0]['inputSchema']['anyOf'] = [{'required': ['a']}, {'required': ['b']}]"
DEAF = "import atexit; atexit.register(time.sleep, 20)"
PAGED = """
def result(method, params, whole=result):
    if method != "tools/list":
        return whole(method, params)
    return {"tools": TOOLS[1:]} if params.get("cursor") else {"tools": TOOLS[:1], "nextCursor": "more"}
"""
ENDS = "sys.stderr.write('no configuration file was given\\n'); sys.exit(3)"


@pytest.mark.parametrize(
    ("path", "faults", "found"),
    [
        (CURSOR, "", []),
        (CURSOR, ENDS, [("start-failed", "error")]),
        (CURSOR, STRAY, [("output-stray", "warning")]),
        (GEMINI, STRAY, [("output-stray", "warning")]),
        (GEMINI, LATE, [("output-stray", "error")]),
        (GEMINI, BLANK, [("output-stray", "error")]),
        (CURSOR, BLANK, []),
        (CLINE, STRAY, [("output-stray", "error")]),
        (CURSOR, "TOOLS = []", [("tools-none", "warning")]),
        (CURSOR, MANY, [("tools-many", "warning")]),
        (CURSOR, LONG, [("tool-names-long", "warning")]),
        (CLAUDE, CHOICE, [("tool-schemas-dropped", "warning")]),
        (CURSOR, CHOICE, []),
        (CURSOR, DEAF, [("exit-lingers", "warning")]),
        (CURSOR, PAGED, []),
        (GEMINI, PAGED, [("tools-unread", "error")]),
    ],
    ids=[
        "well",
        "ends",
        "stray",
        "stray in Gemini",
        "late in Gemini",
        "blank in Gemini",
        "blank",
        "stray in Cline",
        "no tools",
        "many",
        "long",
        "choice in Claude Code",
        "choice",
        "deaf",
        "paged",
        "paged in Gemini",
    ],
)
def test_a_fault_of_a_server_is_found_and_a_good_one_is_silent(
    connect_mcp: CommandLine, home: Path, tmp_path: Path, path: str, faults: str, found: list[tuple[str, str]]
) -> None:
    configured(home, path, server(tmp_path, faults))
    findings = connect_mcp("doctor", "--json").data["findings"]
    assert [(finding["id"], finding["severity"]) for finding in findings] == found
    if faults == ENDS:
        assert findings[0]["why"].endswith("standard error: no configuration file was given")
        assert "exited with code 3" in findings[0]["what"]


def test_a_long_name_is_measured_with_the_prefix_that_the_host_makes(
    connect_mcp: CommandLine, home: Path, tmp_path: Path
) -> None:
    # VS Code: 4 characters, 13 of the server's title, 1 more, and 64 in all; the entry's name is no part of it.
    for length, found in ((46, []), (47, ["tool-names-long"])):
        argv = server(tmp_path, f"TOOLS = [tool('a' * {length})]; INFO['title'] = 'Thirteen or more'")
        connect_mcp("configure", "vscode", "--name", "an-entry-with-a-long-name", "--no-verify", "--", *argv)
        findings = connect_mcp("doctor", "vscode", "--json").data["findings"]
        assert [finding["id"] for finding in findings] == found
    assert findings[0]["mend"] == "have the server give it a shorter name"


def test_a_server_that_is_late_for_a_headless_host_is_a_warning(
    connect_mcp: CommandLine, home: Path, tmp_path: Path
) -> None:
    argv = server(tmp_path, "time.sleep(1.3)")
    connect_mcp("configure", "codex", "--name", "slow", "--no-verify", "--", *argv)
    (finding,) = connect_mcp("doctor", "--json").data["findings"]
    assert (finding["id"], finding["severity"]) == ("start-slow", "warning")
    assert finding["why"] == "it waits 1 s"
    assert "required = true" in finding["mend"]
    assert connect_mcp("doctor", "--strict").code == 1


MARK = "open('started', 'w')"
OURS = str(Path(sys.executable).with_name("connect-mcp"))


def test_a_server_is_started_with_what_its_entry_refers_to_and_in_its_folder(
    connect_mcp: CommandLine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = "import json; json.dump([sys.argv[1:], os.getcwd()], open(os.environ['HOME'] + '/seen.json', 'w'))"
    program, *script = server(tmp_path, seen)
    monkeypatch.setenv("PYTHON_HERE", program)
    (home / "folder").mkdir()
    entry = {
        "command": "${env:PYTHON_HERE}",
        "args": [*script, "${workspaceFolder}${pathSeparator}data"],
        "cwd": str(home / "folder"),
    }
    (home / ".config/Code/User").mkdir(parents=True)
    (home / ".config/Code/User/mcp.json").write_text(json.dumps({"servers": {"x": {"type": "stdio", **entry}}}))
    assert connect_mcp("doctor", "vscode", "--project", str(tmp_path), "--json").data["findings"] == []
    assert json.loads((home / "seen.json").read_text()) == [[str(tmp_path / "data")], str(home / "folder")]


def test_a_server_that_refers_to_what_only_its_host_knows_is_not_started(
    connect_mcp: CommandLine, home: Path, tmp_path: Path
) -> None:
    program, *script = server(tmp_path, "open(__file__ + '.started', 'w')")
    (home / ".config/Code/User").mkdir(parents=True)
    entry = {"type": "stdio", "command": program, "args": [*script, "${input:what}"]}
    inputs = [{"id": "what", "type": "promptString", "description": "what"}]
    text = json.dumps({"servers": {"x": entry}, "inputs": inputs})
    (home / ".config/Code/User/mcp.json").write_text(text)
    assert connect_mcp("doctor", "vscode", "--json").data["findings"] == []
    assert not (tmp_path / "server.py.started").exists()


def test_what_a_project_names_is_started_only_when_that_is_wanted(
    connect_mcp: CommandLine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    configured(project, CURSOR, server(tmp_path, MARK))
    monkeypatch.chdir(project)
    assert connect_mcp("doctor").code == 0
    assert not (project / "started").exists()
    assert connect_mcp("doctor", "--start").code == 0
    assert (project / "started").exists()


@pytest.mark.parametrize(
    "before", [[], ["/usr/bin/env"], ["sh", "-c"], [OURS, "run", "--secret", "A_KEY", "--"]], ids=len
)
def test_what_is_fetched_first_is_started_only_when_that_is_wanted(
    connect_mcp: CommandLine, home: Path, tmp_path: Path, before: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "some-value")
    connect_mcp("secret", "set", "--from-env", "A_KEY")
    argv = server(tmp_path, "open(__file__ + '.started', 'w')")
    runner = tmp_path / "uvx"
    runner.write_text(f"#!/bin/sh\nexec {shlex.join(argv)}\n")
    runner.chmod(0o755)
    named = [str(runner), "some-server"]
    configured(home, CURSOR, [*before, shlex.join(named)] if before[:1] == ["sh"] else [*before, *named])
    told = connect_mcp("doctor").out
    assert "not started" in told
    assert f"Cursor: ~/{CURSOR}, entry `x`: uvx may fetch it from the network" in told
    assert not (tmp_path / "server.py.started").exists()
    assert connect_mcp("doctor", "--start", "--json").data["findings"] == []
    assert (tmp_path / "server.py.started").exists()


def test_a_secret_that_a_server_says_back_is_masked(connect_mcp: CommandLine, home: Path, tmp_path: Path) -> None:
    secret = "ghp_planted0000000000000000000000000000"
    argv = server(tmp_path, "sys.stderr.write('bad token ' + os.environ['API_TOKEN'] + '\\n'); sys.exit(1)")
    (home / ".cursor").mkdir()
    entry = {"command": argv[0], "args": argv[1:], "env": {"API_TOKEN": secret}}
    (home / CURSOR).write_text(json.dumps({"mcpServers": {"x": entry}}))
    (home / CURSOR).chmod(0o600)
    ran = connect_mcp("doctor", "-v")
    assert "bad token" in ran.out
    assert secret not in ran.out


ASKS = """
def result(method, params, whole=result):
    if method == "initialize":
        open(__file__ + ".json", "w").write(json.dumps(params["capabilities"]))
    if method == "tools/list":
        say({"jsonrpc": "2.0", "id": "r", "method": "roots/list"})
        TOOLS[0]["name"] = "roots-" + ("known" if "result" in json.loads(sys.stdin.buffer.readline()) else "unknown")
    return whole(method, params)
"""


@pytest.mark.parametrize(
    ("host", "said", "answered"), [("gemini-cli", {"roots": {"listChanged": True}}, "known"), ("zed", {}, "unknown")]
)
def test_a_server_is_told_what_its_host_can_do(
    home: Path, tmp_path: Path, host: str, said: dict[str, object], answered: str
) -> None:
    argv = server(tmp_path, ASKS)
    ready = ask(find(host), ServerSpec(argv[0], tuple(argv[1:]), cwd=str(tmp_path)), this_machine())
    assert ready.tools[0] == f"roots-{answered}"
    assert json.loads((tmp_path / "server.py.json").read_text()) == said
