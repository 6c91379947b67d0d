import json
from pathlib import Path

import pytest

from connect_mcp.base.machine import this_machine
from connect_mcp.installer.editors.engine import read
from connect_mcp.installer.editors.formats import format_named
from connect_mcp.installer.hosts.all_hosts import HOSTS, find
from support.cli import CommandLine

PLANTED = "ghp_planted0000000000000001"


@pytest.fixture
def cursor(home: Path) -> Path:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    servers = {"github": {"command": "npx", "args": ["-y", "gh"], "env": {"GITHUB_TOKEN": PLANTED, "A": "b"}}}
    path.write_text(json.dumps({"mcpServers": servers}))
    return path


def test_the_bundled_server_is_printed_in_every_hosts_form_and_reads_back(connect_mcp: CommandLine, home: Path) -> None:
    ran = connect_mcp("export", "connect", "--all-hosts", "--embedded", "--json")
    assert ran.code == 0
    assert [fact["host"] for fact in ran.data["hosts"]] == [host.id for host in HOSTS if "user" in host.scopes]
    for fact in ran.data["hosts"]:
        host = find(fact["host"])
        location = host.locate(this_machine())
        entries = read(fact["snippet"], format_named(fact["format"]), location.section)
        spec = host.read(entries[host.entry_key("connect")])
        assert spec is not None
        assert spec.args[-2:] == ("serve", "--embedded")
        assert fact["path"] == location.path
    assert list(home.iterdir()) == []


def test_another_hosts_entry_is_translated_and_its_secret_is_left_to_whoever_uses_it(
    connect_mcp: CommandLine, cursor: Path
) -> None:
    ran = connect_mcp("export", "github", "--from", "cursor", "--all-hosts", "--json")
    assert PLANTED not in ran.out
    told = {fact["host"]: fact for fact in ran.data["hosts"]}
    assert all(fact["missing"] == ["GITHUB_TOKEN"] for fact in told.values() if "snippet" in fact)
    assert 'env_vars = ["GITHUB_TOKEN"]' in told["codex"]["snippet"]
    assert '"GITHUB_TOKEN": ""' in told["claude-desktop"]["snippet"]
    assert PLANTED not in connect_mcp("export", "github", "--to", "cursor,codex").out


def test_links_are_printed_for_the_hosts_that_take_one(connect_mcp: CommandLine, cursor: Path) -> None:
    ran = connect_mcp("export", "github", "--link", "--all-hosts")
    assert ran.code == 0
    assert "cursor://anysphere.cursor-deeplink/mcp/install?name=github&config=" in ran.out
    assert "vscode:mcp/install?%7B" in ran.out
    assert "to be set by whoever uses it: GITHUB_TOKEN" in ran.out
    assert PLANTED not in ran.out
    refused = connect_mcp("export", "github", "--link", "--to", "codex")
    assert refused.code == 1
    assert "takes no links" in refused.out


def test_hosts_that_have_different_servers_of_one_name_must_be_told_apart(
    connect_mcp: CommandLine, home: Path, cursor: Path
) -> None:
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text('[mcp_servers.github]\ncommand = "other"\n')
    ran = connect_mcp("export", "github")
    assert ran.code == 1
    assert "they are codex, cursor" in ran.err
    assert connect_mcp("export", "github", "--from", "codex", "--to", "cursor").code == 0


def test_the_bundled_server_is_one_server_however_each_host_has_it(connect_mcp: CommandLine, home: Path) -> None:
    assert connect_mcp("configure", "cursor", "goose", "codex", "--embedded", "--no-verify").code == 0
    ran = connect_mcp("export", "connect", "--to", "opencode", "--json")
    assert ran.code == 0
    assert "--embedded" in ran.data["hosts"][0]["snippet"]


def test_a_server_that_nobody_has_is_refused(connect_mcp: CommandLine, cursor: Path) -> None:
    assert "no host has a server named `nope`" in connect_mcp("export", "nope").err
    assert "OpenAI Codex has no server named `github`" in connect_mcp("export", "github", "--from", "codex").err


def test_what_a_host_has_no_form_for_is_said_among_the_others(connect_mcp: CommandLine, home: Path) -> None:
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text('[mcp_servers.x]\nurl = "https://x.example/mcp"\n')
    ran = connect_mcp("export", "x", "--to", "claude-desktop,cursor")
    assert ran.code == 0
    assert "# Claude Desktop: Claude Desktop's file has no form for a server over HTTP" in ran.out
    assert '"url": "https://x.example/mcp"' in ran.out
