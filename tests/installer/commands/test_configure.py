import json
import stat
import sys
from pathlib import Path

import pytest

from support.cli import CommandLine
from support.terminal import at_a_terminal

PLANTED = "arc_live_planted_00000000"
OTHERS = """{
  // mine
  "mcpServers": {
    "files": {"command": "files-server", "env": {"TOKEN": "hunter2hunter2"}},
  },
}
"""


def cursor_file(home: Path) -> Path:
    return home / ".cursor" / "mcp.json"


def test_a_named_host_is_written_without_a_question(connect_mcp: CommandLine, home: Path) -> None:
    ran = connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    assert ran.code == 0
    entry = json.loads(cursor_file(home).read_text())["mcpServers"]["connect"]
    assert entry["args"][-2:] == ["serve", "--embedded"]
    assert Path(entry["command"]).is_absolute()
    assert "Cursor: added `connect` in ~/.cursor/mcp.json" in ran.out
    assert "undo with: connect-mcp undo" in ran.out


def test_every_other_byte_of_a_file_stays(connect_mcp: CommandLine, home: Path) -> None:
    cursor_file(home).parent.mkdir()
    cursor_file(home).write_text(OTHERS)
    assert connect_mcp("configure", "cursor", "--embedded", "--no-verify").code == 0
    after = cursor_file(home).read_text()
    assert [line for line in OTHERS.split("\n") if line not in after.split("\n")] == []
    assert connect_mcp("remove", "cursor", "--yes").code == 0
    assert cursor_file(home).read_text() == OTHERS


def test_a_second_run_changes_nothing_and_says_so(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    before = cursor_file(home).stat()
    ran = connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    assert "unchanged `connect`" in ran.out
    assert "undo with" not in ran.out
    assert cursor_file(home).stat().st_mtime_ns == before.st_mtime_ns


def test_a_dry_run_shows_a_diff_without_secrets_and_writes_nothing(connect_mcp: CommandLine, home: Path) -> None:
    cursor_file(home).parent.mkdir()
    cursor_file(home).write_text(OTHERS)
    ran = connect_mcp(
        "configure", "cursor", "--env", f"ARYTHMATIC_API_KEY={PLANTED}", "--secrets", "inline", "--dry-run"
    )
    assert ran.code == 0
    assert '+    "connect": {' in ran.out
    assert '"ARYTHMATIC_API_KEY": "********"' in ran.out
    assert PLANTED not in ran.out + ran.err
    assert "hunter2" not in ran.out + ran.err
    assert cursor_file(home).read_text() == OTHERS


def test_print_shows_the_snippet_of_each_host_in_its_own_format(connect_mcp: CommandLine, home: Path) -> None:
    env = ["--secrets", "inline", "--env", f"MY_TOKEN={PLANTED}"]
    ran = connect_mcp("configure", "cursor", "codex", "--print", *env, "--", "/opt/x", "a b")
    assert ran.code == 0
    assert '"command": "/opt/x"' in ran.out
    assert "[mcp_servers.connect]" in ran.out
    assert PLANTED not in ran.out
    assert list(home.iterdir()) == []


def test_any_command_can_be_configured_under_any_name(connect_mcp: CommandLine, home: Path) -> None:
    command = ["/opt/npx", "-y", "@scope/server", "--", "x"]
    ran = connect_mcp("configure", "cursor", "--name", "io.github/x", "--env", "A=b", "--no-verify", "--", *command)
    assert ran.code == 0
    entries = json.loads(cursor_file(home).read_text())["mcpServers"]
    assert entries == {"io.github/x": {"command": "/opt/npx", "args": command[1:], "env": {"A": "b"}}}


def test_a_bare_env_name_takes_the_value_from_here(
    connect_mcp: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARYTHMATIC_API_KEY", PLANTED)
    ran = connect_mcp("configure", "cursor", "--env", "ARYTHMATIC_API_KEY", "--secrets", "inline", "--no-verify")
    assert json.loads(cursor_file(home).read_text())["mcpServers"]["connect"]["env"] == {"ARYTHMATIC_API_KEY": PLANTED}
    assert stat.S_IMODE(cursor_file(home).stat().st_mode) == 0o600
    assert PLANTED not in ran.out + ran.err


def test_a_secret_in_a_file_that_others_can_read_is_warned_about(connect_mcp: CommandLine, home: Path) -> None:
    cursor_file(home).parent.mkdir()
    cursor_file(home).write_text("{}")
    cursor_file(home).chmod(0o644)
    argv = ["configure", "cursor", "--env", f"MY_TOKEN={PLANTED}", "--secrets", "inline", "--no-verify"]
    assert "others on this machine can read" in connect_mcp(*argv).out
    cursor_file(home).chmod(0o600)
    assert "others on this machine" not in connect_mcp(*argv).out


def test_a_key_in_our_environment_goes_into_no_file(
    connect_mcp: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARYTHMATIC_API_KEY", PLANTED)
    ran = connect_mcp("configure", "cursor", "codex", "--no-verify")
    assert PLANTED not in ran.out + ran.err
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if PLANTED.encode() in path.read_bytes()]
    assert "OpenAI Codex does not pass ARYTHMATIC_API_KEY on" in ran.out


def test_a_secret_in_a_projects_file_is_refused_unless_forced(
    connect_mcp: CommandLine, home: Path, tmp_path: Path
) -> None:
    argv = [
        "configure",
        "cursor",
        "--scope",
        "project",
        "--project",
        str(tmp_path),
        "--env",
        "MY_TOKEN=x",
        "--secrets",
        "inline",
        "--no-verify",
    ]
    ran = connect_mcp(*argv)
    assert ran.code == 1
    assert "a secret would stand in this file, which is a project's" in ran.err
    assert not (tmp_path / ".cursor").exists()
    assert connect_mcp(*argv, "--force").code == 0


def test_project_scope_writes_a_portable_command(connect_mcp: CommandLine, tmp_path: Path) -> None:
    connect_mcp("configure", "cursor", "--scope", "project", "--project", str(tmp_path), "--embedded", "--no-verify")
    entry = json.loads((tmp_path / ".cursor" / "mcp.json").read_text())["mcpServers"]["connect"]
    assert entry == {"command": "connect-mcp", "args": ["serve", "--embedded"]}


def test_config_names_another_file(connect_mcp: CommandLine, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere.json"
    assert connect_mcp("configure", "cursor", "--config", str(other), "--embedded", "--no-verify").code == 0
    assert "connect" in json.loads(other.read_text())["mcpServers"]


def test_a_host_that_would_lose_the_file_is_refused_with_the_line(connect_mcp: CommandLine, home: Path) -> None:
    (home / ".claude.json").write_text('{\n  // a note\n  "mcpServers": {}\n}\n')
    ran = connect_mcp("configure", "claude-code", "--embedded", "--no-verify")
    assert ran.code == 1
    assert f"{home}/.claude.json:2:3: a comment, which this host does not accept here" in ran.err
    assert "--force" in ran.err
    assert connect_mcp("configure", "claude-code", "--embedded", "--no-verify", "--force").code == 0


@pytest.mark.parametrize("content", ["{", '{"mcpServers": []}', '{"mcpServers": {}, "mcpServers": {}}', "\x00\x01"])
def test_a_file_that_cannot_be_edited_stays_as_it_is(connect_mcp: CommandLine, home: Path, content: str) -> None:
    cursor_file(home).parent.mkdir()
    cursor_file(home).write_text(content)
    ran = connect_mcp("configure", "cursor", "--embedded", "--no-verify")
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert f"{cursor_file(home)}:" in ran.err
    assert cursor_file(home).read_text() == content


def test_when_one_of_several_hosts_cannot_be_written_none_is(connect_mcp: CommandLine, home: Path) -> None:
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text("a = \n")
    assert connect_mcp("configure", "cursor", "codex", "--embedded", "--no-verify").code == 1
    assert not cursor_file(home).exists()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((), "no host is named"),
        (("curser",), "did you mean cursor"),
        (("cursor", "--all"), "exclude each other"),
        (("cursor", "--env", "NOVALUE"), "no such variable is set here"),
        (("cursor", "--env", "=x"), "--env takes KEY=VALUE"),
        (("cursor", "--env", "A\x1b=x"), "--env takes KEY=VALUE"),
        (("cursor", "--embedded", "--", "x"), "--embedded belongs to the bundled server"),
        (("cursor", "codex", "--config", "x.json"), "--config names one file"),
        (("cursor", "--scope", "local"), "has no local scope"),
        (("cursor", "--no-such-option"), "`connect-mcp configure --help` shows what it takes"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(connect_mcp: CommandLine, argv: tuple[str, ...], said: str) -> None:
    ran = connect_mcp("configure", *argv)
    assert ran.code == 2
    assert said in ran.err


def test_an_empty_name_is_not_taken_for_the_usual_one(connect_mcp: CommandLine, home: Path) -> None:
    ran = connect_mcp("configure", "cursor", "--embedded", "--no-verify", "--name", "")
    assert ran.code == 1
    assert "at least one visible character" in ran.err
    assert list(home.iterdir()) == []


def test_a_name_that_the_host_would_never_start_is_refused(connect_mcp: CommandLine) -> None:
    ran = connect_mcp("configure", "codex", "--name", "my server", "--embedded", "--no-verify")
    assert ran.code == 1
    assert "cannot have a server named 'my server'" in ran.err


def test_json_says_the_same_as_the_text(connect_mcp: CommandLine, home: Path) -> None:
    data = connect_mcp("configure", "cursor", "--embedded", "--no-verify", "--json").data
    assert data["version"] == 1
    assert data["exit_code"] == 0
    (fact,) = data["hosts"]
    assert (fact["host"], fact["action"], fact["path"]) == ("cursor", "added", str(cursor_file(home)))


def test_json_reports_a_refusal_with_its_place(connect_mcp: CommandLine, home: Path) -> None:
    cursor_file(home).parent.mkdir()
    cursor_file(home).write_text('{\n  "mcpServers": 5\n}')
    ran = connect_mcp("configure", "cursor", "--embedded", "--no-verify", "--json")
    assert ran.code == 1
    error = ran.data["error"]
    assert (error["path"], error["line"], error["column"]) == (str(cursor_file(home)), 2, 17)


def test_without_a_key_and_without_a_person_the_server_is_written_and_the_missing_key_named(
    connect_mcp: CommandLine, home: Path
) -> None:
    ran = connect_mcp("configure", "cursor", "--no-verify")
    assert ran.code == 0
    assert "no ARYTHMATIC_API_KEY is set" in ran.out
    assert "--embedded" not in json.loads(cursor_file(home).read_text())["mcpServers"]["connect"]["args"]


def test_yes_takes_the_embedded_workspace(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "--no-verify", "--yes")
    assert "--embedded" in json.loads(cursor_file(home).read_text())["mcpServers"]["connect"]["args"]


def test_all_takes_what_is_found(connect_mcp: CommandLine, home: Path) -> None:
    (home / ".cursor").mkdir()
    (home / ".codex").mkdir()
    data = connect_mcp("configure", "--all", "--embedded", "--no-verify", "--json").data
    assert {"cursor", "codex"} <= {fact["host"] for fact in data["hosts"]}


def test_folders_that_a_host_would_not_hand_on_are_named_in_the_entry(
    connect_mcp: CommandLine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    connect_mcp("configure", "codex", "--embedded", "--no-verify")
    assert f'"--data-dir", "{tmp_path}/data/connect-mcp"' in (home / ".codex" / "config.toml").read_text()


SILENT = "import sys; sys.stderr.write('no licence for ' + 'arc_live_' + 'planted_00000000'); sys.exit(4)"


def test_a_server_that_does_not_start_stays_configured_and_says_why(connect_mcp: CommandLine, home: Path) -> None:
    ran = connect_mcp("configure", "cursor", "--name", "bad", "--", sys.executable, "-c", SILENT)
    assert ran.code == 1
    assert "the server did not start as Cursor would start it" in ran.out
    assert "exited with code 4" in ran.out
    assert "no licence for" in ran.out
    assert PLANTED not in ran.out
    assert "undo with: connect-mcp undo" in ran.out
    assert "bad" in json.loads(cursor_file(home).read_text())["mcpServers"]


def test_the_bundled_server_is_started_as_the_host_would_and_lists_its_tools(connect_mcp: CommandLine) -> None:
    data = connect_mcp("configure", "cursor", "codex", "--embedded", "--json").data
    assert [fact["verified"]["ok"] for fact in data["hosts"]] == [True, True]
    assert [fact["verified"]["tools"] for fact in data["hosts"]] == [47, 47]


def test_undo_without_anything_to_undo_is_refused(connect_mcp: CommandLine) -> None:
    assert connect_mcp("undo").code == 1


def test_configure_then_undo_leaves_nothing_behind(connect_mcp: CommandLine, home: Path) -> None:
    connect_mcp("configure", "cursor", "codex", "--embedded", "--no-verify")
    ran = connect_mcp("undo")
    assert ran.code == 0
    assert "is gone again" in ran.out
    assert not (home / ".cursor").exists()
    assert not (home / ".codex").exists()


def test_at_a_terminal_the_hosts_found_are_offered_and_the_embedded_workspace_too(home: Path) -> None:
    (home / ".cursor").mkdir()
    asked = [("[all]: ", "1\n"), ("without an account? [Y/n] ", "\n"), ("Go on? [Y/n] ", "\n")]
    screen, code = at_a_terminal(["configure", "--no-verify"], asked, home, env={"TERM": "dumb"})
    assert code == 0, screen
    assert "1. Cursor (cursor)" in screen
    assert "--embedded" in json.loads(cursor_file(home).read_text())["mcpServers"]["connect"]["args"]
