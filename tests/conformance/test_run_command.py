import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.conformance.commands import main
from connect_mcp.conformance.requirement import all_requirements
from support.http_server import http_server
from support.processes import is_gone, program
from support.servers import server
from support.subjects import reference, reference_over_http

Shown = pytest.CaptureFixture[str]
FEW = ["--only", "PING-EMPTY", "PARSE-TRUNC", "--revision", "2025-11-25"]


def test_a_server_that_keeps_the_rules_is_exit_code_zero(capsys: Shown) -> None:
    assert main(["run", *FEW, "--", *reference()]) == 0
    assert "2025-11-25: 2 passed in" in capsys.readouterr().out


def test_a_broken_must_is_exit_code_one_and_is_told_with_what_was_said_and_what_mends_it(capsys: Shown) -> None:
    assert main(["run", *FEW, "--", *reference("PING-EMPTY")]) == 1
    shown = capsys.readouterr().out
    assert "FAIL  PING-EMPTY: A ping is answered with an empty result  (2025-11-25)\n" in shown
    assert '    < {"jsonrpc": "2.0", "id": 2, "result": {"ok": true}}\n' in shown
    assert '  mend: Answer ping with "result": {}.\n' in shown


def test_what_only_json_rpc_asks_for_is_a_warning_until_strict(capsys: Shown) -> None:
    bad = reference("PARSE-TRUNC")
    assert main(["run", *FEW, "--", *bad]) == 0
    assert "WARN  PARSE-TRUNC" in capsys.readouterr().out
    assert main(["run", *FEW, "--strict", "--", *bad]) == 1
    assert "FAIL  PARSE-TRUNC" in capsys.readouterr().out


def test_the_outcome_as_json_holds_every_result(capsys: Shown) -> None:
    assert main(["run", *FEW, "--json", "--", *reference("PING-EMPTY")]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["format"], data["version"], data["exit_code"]) == ("connect-mcp conformance", 1, 1)
    assert {result["requirement"]: result["outcome"] for result in data["results"]} == {
        "PING-EMPTY": "fail",
        "PARSE-TRUNC": "pass",
    }


def test_a_server_that_cannot_be_spoken_with_is_no_success(tmp_path: Path, capsys: Shown) -> None:
    dead = program(tmp_path, "import sys; sys.stderr.write('no \\x1b[31mlicence\\n'); sys.exit(3)")
    assert main(["run", *FEW, "--", *dead]) == 1
    shown = capsys.readouterr().out
    assert "the server exited with code 3" in shown
    assert "no \\x1b[31mlicence" in shown


def test_nothing_checked_is_no_success(capsys: Shown) -> None:
    only = ["--only", "RES-BLOB", "--revision", "2025-11-25"]
    assert main(["run", *only, "--", *reference("nothing-at-all")]) == 1
    assert "1 not applicable" in capsys.readouterr().out


def test_what_is_checked_by_default_is_what_the_server_speaks(capsys: Shown) -> None:
    only = ["--only", "ID-ECHO"]
    assert main(["run", *only, "--", *reference("only-oldest")]) == 0
    assert "\n  2024-11-05: 1 passed" in capsys.readouterr().out
    assert main(["run", *only, "--", *reference("only-modern")]) == 0
    assert "\n  2026-07-28: 1 passed" in capsys.readouterr().out
    assert main(["run", *only, "--", *reference()]) == 0
    assert "\n  2025-11-25, 2026-07-28: 2 passed" in capsys.readouterr().out


def test_tools_that_may_change_something_are_called_only_where_that_is_allowed(tmp_path: Path, capsys: Shown) -> None:
    mark = tmp_path / "called"
    code = f"""
    import json, sys
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" not in asked: continue
        result = {{}}
        if asked["method"] == "initialize":
            result = {{"protocolVersion": "2025-11-25", "capabilities": {{"tools": {{}}}},
                       "serverInfo": {{"name": "x", "version": "1"}}}}
        if asked["method"] == "tools/list":
            schema = {{"type": "object", "properties": {{"n": {{"type": "integer", "minimum": 7}}}}, "required": ["n"]}}
            result = {{"tools": [{{"name": "drop", "inputSchema": schema}}]}}
        if asked["method"] == "tools/call" and asked["params"].get("name") == "drop":
            open({str(mark)!r}, "a").write(json.dumps(asked["params"]["arguments"]) + "\\n")
            result = {{"content": []}}
        print(json.dumps({{"jsonrpc": "2.0", "id": asked["id"], "result": result}}), flush=True)
    """
    command = program(tmp_path, code)
    only = ["--only", "TOOL-RESULT", "--revision", "2025-11-25"]
    main(["run", "--revision", "2025-11-25", "--jobs", "4", "--timeout", "2", "--verbose", "--", *command])
    assert "no tool could be called: see --call-tools and --example" in capsys.readouterr().out
    assert not mark.exists()
    assert main(["run", *only, "--call-tools", "--", *command]) == 0
    assert mark.read_text().splitlines()[0] == '{"n": 7}', "made from the tool's own schema"
    mark.unlink()
    assert main(["run", *only, "--example", 'drop={"n": 12}', "--", *command]) == 0
    assert mark.read_text().splitlines()[0] == '{"n": 12}'


def test_a_baseline_turns_known_failures_into_expected_ones_and_fails_when_it_is_stale(
    tmp_path: Path, capsys: Shown
) -> None:
    path, bad = tmp_path / "known.txt", reference("PING-EMPTY")
    assert main(["baseline", str(path), *FEW, "--", *bad]) == 0
    assert path.read_text().splitlines()[2:] == ["PING-EMPTY 2025-11-25   the result of ping is no empty object"]
    path.write_text(path.read_text().replace("the result of ping is no empty object", "the SDK does so"))
    assert main(["run", *FEW, "--baseline", str(path), "--", *bad]) == 0
    assert "1 passed, 1 in the baseline" in capsys.readouterr().out
    reports = {name: tmp_path / name for name in ("junit", "markdown", "html")}
    options = [word for name, file in reports.items() for word in (f"--{name}", str(file))]
    assert main(["run", *FEW, "--baseline", str(path), *options, "--", *reference()]) == 1
    mend = f"Delete line 3 of {path}: PING-EMPTY 2025-11-25   the SDK does so"
    own = next(row.mend for row in all_requirements() if row.id == "PING-EMPTY")
    for text in (capsys.readouterr().out, *(file.read_text() for file in reports.values())):
        assert "expects this to fail, and it does not" in text
        assert mend in text.replace("\\", ""), "the line is to go; there is nothing to mend in the server"
        assert own not in text
    assert main(["baseline", str(path), *FEW, "--", *bad]) == 0
    assert "the SDK does so" in path.read_text(), "a reason that was written by hand is kept"


def test_what_could_not_be_checked_is_expected_by_no_baseline(tmp_path: Path, capsys: Shown) -> None:
    dead, path = program(tmp_path, "raise SystemExit(3)"), tmp_path / "known.txt"
    path.write_text("PING-EMPTY *   so\nPARSE-TRUNC *   so\n")
    assert main(["run", *FEW, "--baseline", str(path), "--sdk", "mcp-2", "--", *dead]) == 1
    shown = capsys.readouterr().out
    assert "INCONCLUSIVE  PING-EMPTY, PARSE-TRUNC" in shown
    assert "expects this to fail" not in shown, "nothing shows that a line is stale"


def test_a_server_that_cannot_be_spoken_with_has_no_baseline(tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    with pytest.raises(Refused, match="nothing that this server does could be checked") as refused:
        main(["baseline", str(path), *FEW, "--", *program(tmp_path, "raise SystemExit(3)")])
    assert "exited with code 3" in refused.value.why
    assert not path.exists()


def test_a_baseline_has_no_line_of_what_could_not_be_checked_and_says_so(tmp_path: Path, capsys: Shown) -> None:
    path = tmp_path / "known.txt"
    mute = server(tmp_path, "def call(name, arguments):\n    raise SystemExit(4)")
    only = ["--only", "PING-EMPTY", "TOOL-RESULT", "--revision", "2025-11-25", "--call-tools"]
    assert main(["baseline", str(path), *only, "--", *mute]) == 0
    assert "could not be checked, which no line makes expected: TOOL-RESULT\n" in capsys.readouterr().out
    assert len(path.read_text().splitlines()) == 2, "two comments, and no line"


@pytest.mark.parametrize(
    ("line", "why"),
    [("NO-SUCH-RULE *", "there is no requirement NO-SUCH-RULE"), ("PING-EMPTY", "a revision or \\* stands after")],
)
def test_a_baseline_that_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "known.txt"
    path.write_text(f"# known\n\n{line}\n")
    with pytest.raises(Refused, match=rf"known\.txt:3: {why}"):
        main(["run", "--baseline", str(path), "--", *reference()])


def test_a_server_over_http_is_checked_by_its_url(capsys: Shown) -> None:
    with reference_over_http() as url:
        only = ["--only", "HTTP-GET", "ID-ECHO", "FRAME-SPLIT", "--revision", "2025-11-25"]
        assert main(["run", *only, "--url", url, "--verbose"]) == 0
    assert "over stdio alone" in capsys.readouterr().out


def cursor_entry(path: Path, command: list[str], **more: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    servers = {"mine": {"command": command[0], "args": command[1:], **more}}
    path.write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")


def test_a_server_that_a_host_has_configured_is_started_as_the_host_does(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    monkeypatch.chdir(tmp_path)
    cursor_entry(home / ".cursor" / "mcp.json", reference(), env={"API_KEY": "hunter2hunter2"})
    assert main(["run", *FEW, "--from", "cursor"]) == 0
    shown = capsys.readouterr().out
    assert "(as Cursor starts it)" in shown
    assert "hunter2" not in shown
    with pytest.raises(Misuse, match="Cursor has no server called 'other'"):
        main(["run", "--from", "cursor:other"])


TELLING = """
import os
def tools():
    return [{"name": "where", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}]
def result(method, params, usual=result):
    if method == "tools/call":
        open(os.environ["MARK"], "a").write(f"{os.getcwd()} {sys.argv[1]} {os.environ['API_KEY']}\\n")
        raise SystemExit(f"no {os.environ['API_KEY']} for me")
    return {"tools": tools()} if method == "tools/list" else usual(method, params)
"""


def test_every_host_that_is_asked_for_visits_what_another_host_has_configured(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    folder, mark = tmp_path / "there", tmp_path / "mark"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOME_PLACE", "here")
    monkeypatch.setenv("A_KEY", "planted-secret-1")
    env = {"API_KEY": "${env:A_KEY}", "MARK": str(mark)}
    cursor_entry(
        home / ".cursor" / "mcp.json", [*server(tmp_path, TELLING), "${env:SOME_PLACE}"], env=env, cwd=str(folder)
    )
    argv = ["run", "--only", "TOOLS-SCHEMA", "--profile", "codex", "claude", "sdk-python", "--from", "cursor:mine"]
    main([*argv, "--json"])
    shown = capsys.readouterr()
    hosts = json.loads(shown.out)["hosts"]
    assert [host["host"] for host in hosts] == ["codex", "claude-code", "sdk-python"]
    assert "planted-secret-1" not in shown.out + shown.err
    assert set(mark.read_text().splitlines()) == {f"{folder} here planted-secret-1"}
    assert len(mark.read_text().splitlines()) >= 3


def test_an_entry_that_refers_to_what_is_not_known_here_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = home / ".codeium" / "windsurf" / "mcp_config.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"mcpServers": {"mine": {"command": "${file:/etc/hostname}", "args": []}}}))
    with pytest.raises(Refused, match="refers to what only Windsurf knows"):
        main(["run", *FEW, "--from", "windsurf"])


def test_a_url_that_a_host_has_configured_is_visited_with_its_headers(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEB_TOKEN", "planted-token-1")
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    with http_server("--embedded", "--data-dir", str(tmp_path), "--token-env", "WEB_TOKEN") as http:
        entry = {"url": http.url, "headers": {"Authorization": "Bearer ${env:WEB_TOKEN}"}}
        path.write_text(json.dumps({"mcpServers": {"web": entry}}))
        assert main(["run", *FEW, "--profile", "codex", "--from", "cursor", "--json"]) == 0
    shown = capsys.readouterr().out
    assert [host["outcome"] for host in json.loads(shown)["hosts"]] == ["works"]
    assert "planted-token-1" not in shown


def test_an_entry_of_the_old_transport_is_spoken_with_over_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    monkeypatch.chdir(tmp_path)
    with reference_over_http("", "--sse") as url:
        entry = {"type": "sse", "url": url}
        (home / ".claude.json").write_text(json.dumps({"mcpServers": {"old": entry}}))
        rows = ["--revision", "2025-11-25", "--only", "PING-EMPTY", "HTTP-TYPE"]
        assert main(["run", *rows, "--from", "claude-code:old", "--verbose"]) == 0
    assert "the server is spoken with over sse" in capsys.readouterr().out


def test_a_projects_server_is_not_started_without_being_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "started"
    monkeypatch.chdir(tmp_path)
    code = "open('started', 'w').close()\nimport runpy, sys\nsys.argv = sys.argv[1:]\n"
    wrapper = program(
        tmp_path,
        code + "sys.path.insert(0, sys.argv[0].rpartition('/')[0])\nrunpy.run_path(sys.argv[0], run_name='__main__')",
    )
    cursor_entry(tmp_path / ".cursor" / "mcp.json", [*wrapper, reference()[-1]])
    with pytest.raises(Refused, match="is named by a project's file") as refused:
        main(["run", *FEW, "--from", "cursor:mine"])
    assert "--start" in refused.value.mend
    assert not mark.exists()
    assert main(["run", *FEW, "--from", "cursor:mine", "--start"]) == 0
    assert mark.exists()


@pytest.mark.parametrize(
    "argv",
    [
        ["run"],
        ["run", "--url", "http://127.0.0.1:1/mcp", "--", "server"],
        ["run", "--url", "ftp://somewhere"],
        ["run", "--revision", "1999-01-01", "--", "server"],
        ["run", "--only", "NOPE", "--", "server"],
        ["baseline", "known.txt"],
    ],
)
def test_what_cannot_be_meant_is_misuse(argv: list[str]) -> None:
    with pytest.raises(Misuse):
        main(argv)


def test_list_has_a_line_for_every_requirement_and_explain_says_it_all(capsys: Shown) -> None:
    assert main(["list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [row.id for row in all_requirements()]
    assert main(["explain", "batch-0326"]) == 0
    shown = capsys.readouterr().out
    assert "  revisions  2025-03-26\n" in shown
    assert "  mend       Take arrays apart on sessions of 2025-03-26.\n" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups")
def test_what_was_started_ends_also_where_the_kit_is_killed(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = f"""
    import os, signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = os.fork()
    open({str(mark)!r} + str(bool(child)), "w").write(str(os.getpid()))
    while True: time.sleep(1)
    """
    kit = subprocess.Popen(
        [sys.executable, "-m", "connect_mcp", "conformance", "run", *FEW, "--", *program(tmp_path, code)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    marks = [Path(f"{mark}{value}") for value in (True, False)]
    deadline = time.monotonic() + 30
    while not all(path.exists() and path.read_text() for path in marks) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(kit.pid, signal.SIGKILL)
    kit.wait()
    assert all(is_gone(int(path.read_text())) for path in marks)


UNUSABLE: dict[str, tuple[list[str], str]] = {
    "a folder as a server": (["run", *FEW, "--", "{tmp}"], "was not started: it is a folder"),
    "a file that cannot be run": (["run", *FEW, "--", "{tmp}/plain"], "was not started: it may not be executed"),
    "no such program": (["run", *FEW, "--", "no-such-program"], "was not found"),
    "a folder as a baseline": (["run", *FEW, "--baseline", "{tmp}", "--", *reference()], "cannot be read"),
    "no baseline": (["run", *FEW, "--baseline", "{tmp}/nothing", "--", *reference()], "cannot be read"),
    "no text as a baseline": (["run", *FEW, "--baseline", "{tmp}/bytes", "--", *reference()], "it is not UTF-8"),
    "a folder to write a baseline to": (["baseline", "{tmp}", *FEW, "--", *reference()], "cannot be read"),
    "a folder as a report": (["run", *FEW, "--html", "{tmp}", "--", *reference()], "cannot be written"),
    "a file as a report's folder": (["run", *FEW, "--junit", "{tmp}/plain/x", "--", *reference()], "cannot be written"),
    "a surface of a folder": (["surface", "--", "{tmp}"], "it is a folder"),
    "a replay at a file": (["replay", "{tmp}/session", "--", "{tmp}/plain"], "it may not be executed"),
}
MISUSED = {
    "a file as the fuzzer's folder": ["run", "--fuzz", "--fuzz-out", "{tmp}/plain", "--", *reference()],
    "a misspelled host": ["run", "--profile", "codexx", "--", *reference()],
    "a misspelled revision": ["run", "--revision", "2025-1-1", "--", *reference()],
    "a group of nothing": ["run", "--only", "NOPE-*", "--", *reference()],
    "a misspelled SDK": ["run", "--sdk", "mcp", "--", *reference()],
    "no jobs": ["run", "--jobs", "0", "--", *reference()],
    **{
        f"--timeout {text}": ["run", "--timeout", text, "--", *reference()] for text in ("0", "-1", "nan", "1e9", "inf")
    },
}
NO_SERVER = [["run", "--"], ["surface", "--"], ["record", "--out", "{tmp}/x", "--"], ["replay", "{tmp}/session", "--"]]


def in_our_words(argv: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """What the command line says; nothing of it is a bug of ours."""
    (folder / "plain").write_text("x")
    (folder / "bytes").write_bytes(b"\xff\xfe")
    (folder / "session").write_text('{"format": "connect-mcp session", "version": 1}\n')
    command = [
        sys.executable,
        "-m",
        "connect_mcp",
        "conformance",
        *(word.replace("{tmp}", str(folder)) for word in argv),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in ran.stdout + ran.stderr
    return ran


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_cannot_be_used_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    argv, why = UNUSABLE[name]
    ran = in_our_words(argv, tmp_path)
    assert ran.returncode == 1
    assert why in (ran.stdout + ran.stderr).replace("\n", ": ")


@pytest.mark.parametrize("argv", [*MISUSED.values(), *NO_SERVER], ids=[*MISUSED, *(argv[0] for argv in NO_SERVER)])
def test_what_is_misspelled_is_misuse(tmp_path: Path, argv: list[str]) -> None:
    ran = in_our_words(argv, tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.startswith(("connect-mcp: ", "usage: "))
    assert not ran.stdout


def test_the_folders_of_reports_are_made_and_a_verdict_is_printed_before_they_are_written(
    tmp_path: Path, capsys: Shown
) -> None:
    report = tmp_path / "build" / "reports" / "mcp.xml"
    assert main(["run", *FEW, "--junit", str(report), "--", *reference()]) == 0
    assert report.read_text().startswith("<?xml")
    shuts = program(tmp_path, f"import os\nos.rmdir({str(tmp_path / 'gone')!r})")
    gone = tmp_path / "gone" / "mcp.xml"
    with pytest.raises(Refused, match="the report cannot be written"):
        main(["run", *FEW, "--junit", str(gone), "--", *shuts])
    assert "2 inconclusive" in capsys.readouterr().out, "nothing that took minutes is lost"


@pytest.mark.parametrize("command", ["run", "replay"])
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--header", "Authorization Bearer planted-secret-value"),
        ("--header", ": planted-secret-value"),
        ("--example", "planted-secret-value"),
        ("--example", 'echo={"token": "planted-secret-value"'),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused_without_its_value(command: str, option: str, value: str) -> None:
    options = [*(["none.jsonl", "--adapted"] if command == "replay" else []), option, value]
    ran = subprocess.run(
        [sys.executable, "-m", "connect_mcp", "conformance", command, *options, "--url", "http://127.0.0.1:9/mcp"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert f"{option} takes" in ran.stderr
    assert "planted-secret-value" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("form", ["arc_live_planted_00000000", "--api-key=planted-secret", "planted-variable"])
def test_a_secret_in_the_command_is_in_no_report(
    form: str, capsys: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "planted-variable")
    files = {f"--{kind}": tmp_path / kind for kind in ("html", "junit", "sarif", "markdown")}
    written = [word for option, path in files.items() for word in (option, str(path))]
    for options in ([], ["--json"]):
        assert main(["run", *FEW, *options, *written, "--", *reference(), form]) == 1
        shown = capsys.readouterr()
        texts = [shown.out, shown.err, *(path.read_text().replace("\\", "") for path in files.values())]
        assert [text for text in texts if form.rpartition("=")[2] in text] == []


def test_a_host_whose_file_takes_no_url_does_not_visit_one(capsys: pytest.CaptureFixture[str]) -> None:
    with reference_over_http() as url:
        main(["run", "--only", "PING-EMPTY", "--revision", "2025-11-25", "--profile", "claude-desktop", "--url", url])
    told = capsys.readouterr()
    assert "Claude Desktop is left out: its file takes no server by its URL" in told.err
    assert "Claude Desktop" not in told.out
