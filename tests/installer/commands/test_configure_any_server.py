import argparse
import io
import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.installer.commands import configure
from connect_mcp.installer.hosts.all_hosts import find
from support.cli import CommandLine
from support.http_server import http_server
from support.machines import machine
from support.terminal import at_a_terminal
from support.web_server import Asked, Said, web_server

URL = "https://x.example/mcp"
PLANTED = "arc_live_planted_00000000"


def cursor_file(home: Path) -> Path:
    return home / ".cursor" / "mcp.json"


def servers(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cursor_file(home).read_text())["mcpServers"]
    return found


@pytest.mark.parametrize(
    ("host", "transport", "said"),
    [
        (
            "cursor",
            "http",
            '"connect": {\n      "url": "https://x.example/mcp",\n      "headers": {\n        "X-Team": "a"',
        ),
        ("claude-code", "http", '"type": "http",\n      "url": "https://x.example/mcp"'),
        ("claude-code", "sse", '"type": "sse",\n      "url": "https://x.example/mcp"'),
        ("vscode", "http", '"type": "http",\n      "url": "https://x.example/mcp"'),
        ("opencode", "http", '"type": "remote",\n      "url": "https://x.example/mcp"'),
        ("continue", "http", 'type: streamable-http\n    url: "https://x.example/mcp"\n    requestOptions:'),
        ("codex", "http", 'url = "https://x.example/mcp"\nhttp_headers = { X-Team = "a" }'),
    ],
)
def test_a_url_is_written_in_each_hosts_own_form(
    connect_mcp: CommandLine, host: str, transport: str, said: str
) -> None:
    ran = connect_mcp("configure", host, "--url", URL, "--header", "X-Team=a", "--transport", transport, "--print")
    assert ran.code == 0
    assert said in ran.out


@pytest.mark.parametrize(
    ("host", "transport", "what", "mend"),
    [
        ("claude-desktop", "http", "no form for a server over HTTP", "Settings > Connectors"),
        ("claude-desktop", "sse", "no form for a server over SSE", "npx -y mcp-remote URL"),
        ("codex", "sse", "no form for a server over SSE", "mcp-remote"),
    ],
)
def test_a_host_without_such_a_form_says_what_else_can_be_done(
    connect_mcp: CommandLine, home: Path, host: str, transport: str, what: str, mend: str
) -> None:
    ran = connect_mcp("configure", host, "--url", URL, "--transport", transport)
    assert ran.code == 1
    assert what in ran.err
    assert mend in ran.err
    assert list(home.iterdir()) == []


def test_of_all_hosts_those_without_such_a_form_are_left_out_and_named(connect_mcp: CommandLine, home: Path) -> None:
    (home / ".config" / "Claude").mkdir(parents=True)
    (home / ".cursor").mkdir()
    ran = connect_mcp("configure", "--all", "--url", URL, "--no-verify")
    assert ran.code == 0
    assert "left out: Claude Desktop" in ran.out
    assert "connect" in servers(home)
    (home / ".cursor" / "mcp.json").unlink()
    (home / ".cursor").rmdir()
    ran = connect_mcp("configure", "--all", "--url", URL, "--no-verify")
    assert ran.code == 1
    assert "none of the hosts that were found" in ran.err


def test_of_all_hosts_in_wsl_those_of_the_windows_side_are_left_out_and_named() -> None:
    args = argparse.Namespace(scope="user")
    here = machine(
        env={"WSL_DISTRO_NAME": "Ubuntu"},
        files={"/mnt/c/Users/ann/AppData/Roaming/Claude": None, "/home/user/.cursor": None},
    )
    able, left_out = configure._able([find("cursor"), find("claude-desktop")], args, here, None)
    assert able == [find("cursor")]
    assert "left out: Claude Desktop, which is on the Windows side: --config /mnt/c/Users/ann/" in left_out[0]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--url", URL, "--", "x"], "a command after -- and --url exclude each other"),
        (["--url", URL, "--manifest", "server.json"], "--url and --manifest exclude each other"),
        (["--url", URL, "--embedded"], "--embedded belongs to the bundled server"),
        (["--url", URL, "--env", "A=b"], "--env is for a server that is started"),
        (["--url", URL, "--command", "name"], "--command is for a server that is started"),
        (["--header", "A=b"], "--header goes with --url"),
        (["--transport", "sse", "--", "x"], "--transport goes with --url"),
        (["--var", "A=b"], "--var goes with --manifest"),
        (["--package", "npm"], "--package goes with --manifest"),
        (["--url", URL, "--header", "A B=c"], "--header takes KEY=VALUE"),
        (["--url", URL, "--header", "=c"], "--header takes KEY=VALUE"),
        (["--url", URL, "--header", "A=b\nc"], "what a header cannot"),
        (["--url", URL, "--header", "A=b", "--header", "a=c"], "--header a is given twice"),
        (["--url", URL, "--header", "X-Absent"], "no variable X_ABSENT is set here"),
        (["--url", "x.example"], "is not a URL of a server"),
        (["--manifest", "http://x.example/server.json"], "fetched over https alone"),
        (["--command", "uvx", "--", "x"], "--command uvx is for the bundled server"),
        (["--url", ""], "is not a URL of a server"),
        (["--info", ""], "is not a URL of a server"),
    ],
)
def test_options_that_cannot_be_meant_together_are_a_usage_error(
    connect_mcp: CommandLine, home: Path, options: list[str], what: str
) -> None:
    ran = connect_mcp("configure", "cursor", *options)
    assert ran.code == 2
    assert what in ran.err
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "sent"),
    [("X-Team=a=b", "a=b"), ("X-Team: a", "a"), ("X-Team", "from here")],
)
def test_a_header_is_given_in_either_spelling_or_taken_from_here(
    connect_mcp: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch, option: str, sent: str
) -> None:
    monkeypatch.setenv("X_TEAM", "from here")
    assert connect_mcp("configure", "cursor", "--url", URL, "--header", option, "--no-verify").code == 0
    assert servers(home)["connect"]["headers"] == {"X-Team": sent}


def test_a_secret_header_is_shown_nowhere(connect_mcp: CommandLine, home: Path) -> None:
    argv = ["cursor", "--url", URL, "--header", f"Authorization=Bearer {PLANTED}", "--secrets", "inline", "--no-verify"]
    for more in (["--dry-run"], ["--print"], ["--json"], []):
        ran = connect_mcp("configure", *argv, *more)
        assert ran.code == 0, ran.err
        assert PLANTED not in ran.out + ran.err
    assert servers(home)["connect"]["headers"] == {"Authorization": f"Bearer {PLANTED}"}
    assert stat.S_IMODE(cursor_file(home).stat().st_mode) == 0o600


def test_a_url_that_is_not_encrypted_is_warned_of(connect_mcp: CommandLine) -> None:
    assert "is not encrypted" in connect_mcp("configure", "cursor", "--url", "http://x.example/", "--no-verify").out


def test_a_server_behind_a_url_is_called_as_the_host_would_and_counted(connect_mcp: CommandLine) -> None:
    with http_server("--embedded") as server:
        assert "its URL was called: 47 tools" in connect_mcp("configure", "cursor", "--url", server.url).out
        data = connect_mcp("configure", "cursor", "codex", "--url", server.url, "--json").data
    assert [fact["verified"]["tools"] for fact in data["hosts"]] == [47, 47]


def test_nothing_is_sent_where_verification_is_off(connect_mcp: CommandLine) -> None:
    with web_server(lambda asked: Said(500)) as server:
        for more in (["--no-verify"], ["--dry-run"], ["--print"]):
            assert connect_mcp("configure", "cursor", "--url", server.url, *more).code == 0
        assert server.asked == []


def test_a_server_that_wants_a_login_is_not_called_broken(
    connect_mcp: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOOR", PLANTED)
    with http_server("--embedded", "--token-env", "DOOR") as server:
        ran = connect_mcp("configure", "cursor", "--url", server.url)
        assert ran.code == 0
        assert "it is there, and wants a login or a header" in ran.out
        told = connect_mcp("configure", "cursor", "--url", server.url, "--json").data["hosts"][0]["verified"]
        assert (told["ok"], told["needs_login"]) == (False, True)
        header = ["--header", "Authorization=Bearer wrong-wrong-wrong", "--secrets", "inline"]
        ran = connect_mcp("configure", "cursor", "--url", server.url, *header)
        assert ran.code == 1
        assert "the server did not answer as Cursor would call it" in ran.out
        assert "wrong-wrong" not in ran.out


# A manifest whose package is run by a program of ours, which leaves a mark when it is started.
RUNNER = """#!{python}
import pathlib, sys
pathlib.Path({mark!r}).write_text(" ".join(sys.argv[1:]))
"""
MANIFEST: dict[str, Any] = {
    "name": "io.github.example/clock",
    "description": "Tells the time\x1b[31m",
    "version": "1.0.0",
    "packages": [
        {
            "registryType": "npm",
            "identifier": "mcp-clock",
            "version": "1.0.0",
            "transport": {"type": "stdio"},
            "environmentVariables": [{"name": "ZONE", "isRequired": True}],
        }
    ],
    "remotes": [{"type": "streamable-http", "url": URL}],
}


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that is there once the runner was started."""
    started = tmp_path / "started"
    runner = tmp_path / "bin" / "npx"
    runner.parent.mkdir()
    runner.write_text(RUNNER.format(python=sys.executable, mark=str(started)))
    runner.chmod(0o755)
    monkeypatch.setenv("PATH", f"{runner.parent}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "server.json").write_text(json.dumps(MANIFEST))
    return started


def test_a_manifests_server_is_written_and_not_started_before_it_was_agreed_to(
    connect_mcp: CommandLine, home: Path, mark: Path
) -> None:
    ran = connect_mcp("configure", "cursor", "--manifest", "server.json", "--var", "ZONE=utc")
    assert ran.code == 0
    npx = str(mark.parent / "bin" / "npx")
    assert servers(home) == {"clock": {"command": npx, "args": ["-y", "mcp-clock@1.0.0"], "env": {"ZONE": "utc"}}}
    assert "starts: npx -y mcp-clock@1.0.0" in ran.out
    assert "sets: ZONE=utc" in ran.out
    assert "not started" in ran.out
    assert "\x1b" not in ran.out
    assert not mark.exists()
    connect_mcp("configure", "cursor", "--manifest", "server.json", "--var", "ZONE=utc", "--yes")
    assert mark.read_text() == "-y mcp-clock@1.0.0"


def test_a_manifest_comes_from_standard_input_too_and_its_name_can_be_changed(
    connect_mcp: CommandLine, home: Path, mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(MANIFEST).encode())))
    ran = connect_mcp("configure", "cursor", "--manifest", "-", "--package", "remote", "--name", "time", "--no-verify")
    assert ran.code == 0, ran.err
    assert servers(home) == {"time": {"url": URL}}


def test_a_header_that_is_given_takes_the_place_of_the_manifests(
    connect_mcp: CommandLine, home: Path, mark: Path
) -> None:
    remote = {**MANIFEST["remotes"][0], "headers": [{"name": "X-Team", "isRequired": True}]}
    (mark.parent / "server.json").write_text(json.dumps({**MANIFEST, "remotes": [remote]}))
    argv = ["configure", "cursor", "--manifest", "server.json", "--package", "remote", "--no-verify"]
    assert connect_mcp(*argv).code == 2
    assert connect_mcp(*argv, "--header", "x-team=a").code == 0
    assert servers(home)["clock"]["headers"] == {"x-team": "a"}
    assert connect_mcp(*argv[:4], "--header", "x-team=a", "--var", "ZONE=utc").code == 2


def test_a_manifest_is_fetched_where_it_is_named_by_its_address(
    connect_mcp: CommandLine, home: Path, mark: Path
) -> None:
    with web_server(lambda asked: Said(200, json.dumps({"server": MANIFEST}).encode())) as server:
        argv = ["configure", "cursor", "--manifest", f"{server.url}/v0/servers/x", "--var", "ZONE=utc", "--no-verify"]
        assert connect_mcp(*argv).code == 0
    assert "clock" in servers(home)


def test_in_a_projects_file_a_manifests_command_is_portable(
    connect_mcp: CommandLine, mark: Path, tmp_path: Path
) -> None:
    argv = ["cursor", "--manifest", "server.json", "--var", "ZONE=utc", "--scope", "project", "--no-verify"]
    assert connect_mcp("configure", *argv).code == 0
    assert json.loads((tmp_path / ".cursor" / "mcp.json").read_text())["mcpServers"]["clock"]["command"] == "npx"


@pytest.mark.parametrize(
    ("content", "code", "what"),
    [
        (None, 1, "this file cannot be read"),
        (b"\xff\xfe", 1, "this is not UTF-8"),
        (b" " * ((1 << 20) + 1), 1, "this is too long"),
        (b'{"name": "a/b",}', 1, "there is no package in it"),
        (b'{"name": "a/b" 7}', 1, "server.json:1:16"),
        (json.dumps(MANIFEST).encode(), 2, "ZONE"),
    ],
)
def test_a_manifest_that_cannot_be_used_changes_nothing(
    connect_mcp: CommandLine, home: Path, mark: Path, content: bytes | None, code: int, what: str
) -> None:
    manifest = mark.parent / "server.json"
    manifest.unlink()
    if content is not None:
        manifest.write_bytes(content)
    ran = connect_mcp("configure", "cursor", "--manifest", "server.json")
    assert ran.code == code
    assert what in ran.err
    assert list(home.iterdir()) == []


def test_at_a_terminal_what_a_manifest_asks_for_is_asked_and_the_command_shown_first(home: Path, mark: Path) -> None:
    asked = [("ZONE: ", "utc\n"), ("Write this? [Y/n] ", "n\n")]
    argv = ["configure", "cursor", "--manifest", str(mark.parent / "server.json")]
    env = {"TERM": "dumb", "PATH": f"{mark.parent / 'bin'}:/usr/bin:/bin"}
    screen, code = at_a_terminal(argv, asked, home, env=env)
    assert (code, "nothing was written" in screen) == (1, True), screen
    assert "starts: npx -y mcp-clock@1.0.0" in screen.partition("Write this?")[0]
    assert not cursor_file(home).exists()
    assert not mark.exists()
    at_a_terminal(argv, [asked[0], ("Write this? [Y/n] ", "\n")], home, env=env)
    assert servers(home)["clock"]["env"] == {"ZONE": "utc"}
    assert mark.exists()


def test_at_a_terminal_a_secret_is_not_shown_and_a_choice_is_asked_for_until_it_is_one(home: Path, mark: Path) -> None:
    secret = {"name": "KEY", "isRequired": True, "isSecret": True}
    region = {"name": "REGION", "isRequired": True, "choices": ["eu", "us"], "default": "eu"}
    package = {**MANIFEST["packages"][0], "environmentVariables": [secret, region]}
    manifest = mark.parent / "server.json"
    manifest.write_text(json.dumps({**MANIFEST, "packages": [package]}))
    asked = [("KEY: ", f"{PLANTED}\n"), ("[eu]: ", "mars\n"), ("[eu]: ", "\n"), ("Write this? [Y/n] ", "\n")]
    argv = ["configure", "cursor", "--manifest", str(manifest), "--no-verify"]
    env = {"TERM": "dumb", "PATH": f"{mark.parent / 'bin'}:/usr/bin:/bin"}
    screen, code = at_a_terminal(argv, asked, home, env=env)
    assert code == 0, screen
    assert PLANTED not in screen
    assert servers(home)["clock"]["env"] == {"REGION": "eu"}
    assert PLANTED not in cursor_file(home).read_text()


INFO = {
    "url": "/mcp",
    "name": "coworker",
    "example_config": {"mcpServers": {"x": {"url": URL, "headers": {"X-Key": "k"}}}},
}


@pytest.fixture
def told() -> Iterator[str]:
    """The address of an info page, whose server wants a login."""

    def answer(asked: Asked) -> Said:
        return Said(200, json.dumps(INFO).encode()) if asked.path == "/info" else Said(401, b"who are you")

    with web_server(answer) as server:
        yield f"{server.url}/info"


def test_what_an_info_page_says_is_shown_and_agreed_to_before_it_is_written(
    connect_mcp: CommandLine, home: Path, told: str
) -> None:
    ran = connect_mcp("configure", "cursor", "--info", told)
    assert ran.code == 2
    assert f"url: {told.removesuffix('/info')}/mcp" in ran.err
    assert "a new entry `coworker`" in ran.err
    assert "--yes" in ran.err
    assert not cursor_file(home).exists()
    ran = connect_mcp("configure", "cursor", "--info", told, "--yes")
    assert ran.code == 0
    assert servers(home) == {"coworker": {"url": told.removesuffix("info") + "mcp"}}
    assert "its example sends the header X-Key: add --header X-Key" in ran.out
    assert "wants a login" in ran.out
    assert "in place of what is now `coworker`" in connect_mcp("configure", "cursor", "--info", told).err
