import json
from pathlib import Path

import pytest

from connect_mcp.base.folders import folders
from connect_mcp.base.secrets import Store
from support.cli import CommandLine

PLANTED, OTHER = "ghp_planted0000000000000001", "ghp_planted0000000000000002"
CURSOR = f"""{{"mcpServers": {{
  "github": {{"command": "npx", "args": ["-y", "gh"], "env": {{"GITHUB_TOKEN": "{PLANTED}"}}, "autoApprove": ["x"]}},
  "remote": {{"url": "https://x.example/mcp", "headers": {{"Authorization": "Bearer ${{env:TOKEN}}"}}}}
}}}}
"""


@pytest.fixture(autouse=True)
def cursor(home: Path) -> Path:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text(CURSOR)
    return path


def files(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def hosts_files(home: Path) -> list[Path]:
    ours = (folders().state, folders().config)
    return [path for path in home.rglob("*") if path.is_file() and not any(path.is_relative_to(one) for one in ours)]


def test_servers_arrive_in_each_hosts_own_form_and_undo_takes_all_of_it_back(
    connect_mcp: CommandLine, home: Path
) -> None:
    before = files(home)
    ran = connect_mcp("copy", "--from", "cursor", "--name", "remote", "--to", "codex,vscode", "--to", "opencode")
    assert ran.code == 0, ran.err
    assert 'bearer_token_env_var = "TOKEN"' in (home / ".codex" / "config.toml").read_text()
    vscode = json.loads((home / ".config" / "Code" / "User" / "mcp.json").read_text())
    assert vscode["servers"]["remote"]["type"] == "http"
    opencode = json.loads((home / ".config" / "opencode" / "opencode.json").read_text())
    assert opencode["mcp"]["remote"]["headers"] == {"Authorization": "Bearer {env:TOKEN}"}
    assert connect_mcp("undo").code == 0
    assert files(home).items() >= before.items()
    assert hosts_files(home) == list(before)


def test_a_secret_goes_into_the_store_and_no_other_hosts_file(connect_mcp: CommandLine, home: Path) -> None:
    ran = connect_mcp("copy", "--from", "cursor", "--to", "codex,claude-code", "--name", "github")
    assert ran.code == 0, ran.err
    assert PLANTED not in ran.out + ran.err
    assert "kept in the store: GITHUB_TOKEN" in ran.out
    assert Store(folders().config).value("GITHUB_TOKEN") == PLANTED
    holding = [path for path in hosts_files(home) if PLANTED.encode() in path.read_bytes()]
    assert holding == [home / ".cursor" / "mcp.json"]
    assert '"--secret", "GITHUB_TOKEN"' in (home / ".codex" / "config.toml").read_text()


def test_two_servers_with_different_secrets_of_one_name_keep_both(
    connect_mcp: CommandLine, home: Path, cursor: Path
) -> None:
    content = json.loads(cursor.read_text())
    content["mcpServers"]["second"] = {"command": "b", "env": {"GITHUB_TOKEN": OTHER}}
    cursor.write_text(json.dumps(content))
    assert connect_mcp("copy", "--from", "cursor", "--to", "codex").code == 0
    store = Store(folders().config)
    assert {store.value(name) for name in store.kept()} == {PLANTED, OTHER}


def test_a_literal_secret_is_not_written_into_a_projects_file(
    connect_mcp: CommandLine, home: Path, tmp_path: Path
) -> None:
    argv = [
        "copy",
        "--from",
        "cursor",
        "--from-scope",
        "user",
        "--name",
        "github",
        "--to",
        "vscode",
        "--scope",
        "project",
    ]
    argv += ["--project", str(tmp_path)]
    ran = connect_mcp(*argv, "--secrets", "inline")
    assert ran.code == 1
    assert "shared with others" in ran.out
    assert not (tmp_path / ".vscode").exists()
    assert connect_mcp(*argv).code == 0
    assert PLANTED not in (tmp_path / ".vscode" / "mcp.json").read_text()


def test_what_has_no_equivalent_is_said_and_the_rest_is_copied(connect_mcp: CommandLine, home: Path) -> None:
    ran = connect_mcp("copy", "--from", "cursor", "--to", "claude-desktop", "--json")
    assert ran.code == 1
    told = {copy["name"]: copy for copy in ran.data["copies"]}
    assert told["github"]["action"] == "added"
    assert told["github"]["without"] == ["autoApprove: Cursor's own, not copied"]
    assert told["remote"]["action"] == "not copied"
    assert "no form for a server over HTTP" in told["remote"]["why"]


def test_another_server_of_the_same_name_is_left_unless_forced_and_an_equal_one_is_fine(
    connect_mcp: CommandLine, home: Path
) -> None:
    path = home / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text('[mcp_servers.github]\ncommand = "mine"\nenabled_tools = ["a"]\n')
    ran = connect_mcp("copy", "--from", "cursor", "--to", "codex", "--name", "github")
    assert ran.code == 1
    assert "another server of this name is in ~/.codex/config.toml; --force replaces it" in ran.out
    assert connect_mcp("copy", "--from", "cursor", "--to", "codex", "--name", "github", "--force").code == 0
    assert 'enabled_tools = ["a"]' in path.read_text()
    again = connect_mcp("copy", "--from", "cursor", "--to", "codex", "--name", "github")
    assert again.code == 0
    assert "`github`: unchanged" in again.out


def test_one_file_that_cannot_be_edited_keeps_all_as_they_were(connect_mcp: CommandLine, home: Path) -> None:
    broken = home / ".config" / "opencode" / "opencode.json"
    broken.parent.mkdir(parents=True)
    broken.write_text('{"mcp": {')
    before = files(home)
    ran = connect_mcp("copy", "--from", "cursor", "--to", "codex,opencode", "--name", "remote", "--dry-run")
    assert "not copied" in ran.out
    assert files(home) == before


def test_a_dry_run_shows_diffs_without_secrets_and_writes_and_keeps_nothing(
    connect_mcp: CommandLine, home: Path
) -> None:
    before = files(home)
    ran = connect_mcp("copy", "--from", "cursor", "--to", "codex", "--secrets", "inline", "--dry-run")
    assert ran.code == 0
    assert "+[mcp_servers.github]" in ran.out
    assert PLANTED not in ran.out
    assert files(home) == before


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--from", "cursor", "--to", "cursor"], "cannot be copied to itself"),
        (["--from", "cursor", "--to", "codex", "--name", "nope"], "its servers: `github`, `remote`"),
        (["--from", "codex", "--to", "cursor"], "OpenAI Codex has no servers"),
        (["--from", "cursor", "--to", "curser"], "no host is called"),
    ],
    ids=["itself", "no such server", "none at all", "no such host"],
)
def test_what_cannot_be_meant_is_refused(connect_mcp: CommandLine, argv: list[str], says: str) -> None:
    ran = connect_mcp("copy", *argv)
    assert ran.code in (1, 2)
    assert says in ran.err


def test_a_server_that_is_off_stays_off(connect_mcp: CommandLine, home: Path) -> None:
    path = home / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text('[mcp_servers.x]\ncommand = "a"\nenabled = false\nstartup_timeout_sec = 5\n')
    assert connect_mcp("copy", "--from", "codex", "--to", "opencode").code == 0
    content = json.loads((home / ".config" / "opencode" / "opencode.json").read_text())
    assert content["mcp"]["x"] == {"type": "local", "command": ["a"], "timeout": 5000, "enabled": False}


def test_a_command_that_others_do_not_have_is_said_of_a_projects_file(
    connect_mcp: CommandLine, home: Path, tmp_path: Path, cursor: Path
) -> None:
    cursor.write_text('{"mcpServers": {"near": {"command": "/opt/x"}, "far": {"command": "npx"}}}')
    project = ["--from-scope", "user", "--scope", "project", "--project", str(tmp_path)]
    ran = connect_mcp("copy", "--from", "cursor", "--to", "vscode", *project, "--json")
    told = {copy["name"]: copy["without"] for copy in ran.data["copies"]}
    assert told["near"] == ["its command is a path on this machine, and a project's file is shared with others"]
    assert told["far"] == []


def test_a_plain_text_that_the_other_host_would_fill_in_is_warned_of(connect_mcp: CommandLine, home: Path) -> None:
    path = home / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text('[mcp_servers.x]\ncommand = "a"\nargs = ["{env:HOME}"]\n')  # Codex takes it as it stands
    ran = connect_mcp("copy", "--from", "codex", "--to", "opencode", "--json")
    (copied,) = ran.data["copies"]
    assert any("{env:HOME}" in warning for warning in copied["warnings"])
