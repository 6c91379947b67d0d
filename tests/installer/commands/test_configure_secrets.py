"""`configure --secrets store|reference|inline`, over real files and real processes."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.folders import folders
from connect_mcp.base.secrets import Store
from support.cli import CommandLine, Ran
from support.keychains import ALT
from support.terminal import at_a_terminal

PLANTED, OTHER = "planted-0123456789", "planted-9876543210"
KEY, URL = "ARYTHMATIC_API_KEY", "ARYTHMATIC_API_BASE_URL"
SERVER = ("--name", "gh", "--", sys.executable, "-c", "pass")


@pytest.fixture
def store(home: Path) -> Store:
    return Store(folders().config)


def entry(home: Path, name: str = "gh") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / ".cursor" / "mcp.json").read_text(encoding="utf-8"))["mcpServers"][name]
    return found


def options(written: Any) -> list[str]:
    """What an entry tells us to do, before the server's own command."""
    args: list[str] = written["args"]
    return args[args.index("run") : args.index("--")]


def unseen(ran: Ran) -> Ran:
    assert PLANTED not in ran.out + ran.err
    assert OTHER not in ran.out + ran.err
    return ran


def configured(connect_mcp: CommandLine, *argv: str, code: int = 0) -> Ran:
    ran = unseen(connect_mcp("configure", "cursor", "--no-verify", *argv))
    assert ran.code == code, ran.err
    return ran


def test_another_servers_secret_goes_into_the_store_and_it_is_started_with_it(
    connect_mcp: CommandLine, store: Store, home: Path
) -> None:
    show = "import os; print(os.environ['GITHUB_TOKEN'], os.environ['PLAIN'])"
    configured(
        connect_mcp,
        "--env",
        f"GITHUB_TOKEN={PLANTED}",
        "--env",
        "PLAIN=1",
        "--name",
        "gh",
        "--",
        sys.executable,
        "-c",
        show,
    )
    written = entry(home)
    assert Path(written["command"]).is_absolute()
    assert options(written) == ["run", "--secret", "GITHUB_TOKEN"]
    assert written["env"] == {"PLAIN": "1"}
    assert store.value("GITHUB_TOKEN") == PLANTED
    started = subprocess.run(
        [written["command"], *written["args"]], env={**os.environ, **written["env"]}, capture_output=True, check=True
    )
    assert started.stdout.decode().split() == [PLANTED, "1"]


def test_the_bundled_servers_key_goes_into_the_store_and_its_entry_holds_nothing(
    connect_mcp: CommandLine, store: Store, home: Path
) -> None:
    ran = configured(connect_mcp, "--env", f"{KEY}={PLANTED}", "--env", f"{URL}=https://api.example/api/v1")
    assert entry(home, "connect")["args"] == ["serve"]
    assert entry(home, "connect")["env"] == {URL: "https://api.example/api/v1"}
    assert store.value(KEY) == PLANTED
    assert "no ARYTHMATIC_API_KEY" not in ran.out
    assert stat.S_IMODE(os.stat(home / ".cursor" / "mcp.json").st_mode) != 0o600


def test_a_profile_is_named_in_the_entry_and_keeps_key_and_address(
    connect_mcp: CommandLine, store: Store, home: Path
) -> None:
    given = ("--env", f"{KEY}={PLANTED}", "--env", f"{URL}=https://acme.example/api/v1")
    configured(connect_mcp, "--profile", "acme", *given)
    assert entry(home, "connect")["args"] == ["serve", "--profile", "acme"]
    assert "env" not in entry(home, "connect")
    assert (store.value(f"acme/{KEY}"), store.value(f"acme/{URL}")) == (PLANTED, "https://acme.example/api/v1")
    assert f"other/{KEY} is not stored yet" in configured(connect_mcp, "--profile", "other", "--name", "o").out


def test_a_profile_of_another_servers_secrets_is_named_in_its_entry(
    connect_mcp: CommandLine, store: Store, home: Path
) -> None:
    configured(connect_mcp, "--profile", "acme", "--env", f"GITHUB_TOKEN={PLANTED}", *SERVER)
    assert "acme/GITHUB_TOKEN" in entry(home)["args"]
    assert store.value("acme/GITHUB_TOKEN") == PLANTED


def test_another_value_of_the_same_name_is_kept_for_the_entry_and_the_first_one_stays(
    connect_mcp: CommandLine, store: Store, home: Path
) -> None:
    store.put("GITHUB_TOKEN", OTHER)
    ran = configured(connect_mcp, "--env", f"GITHUB_TOKEN={PLANTED}", *SERVER)
    assert "another value is kept as GITHUB_TOKEN, so this one is kept as gh/GITHUB_TOKEN" in ran.out
    assert options(entry(home)) == ["run", "--secret", "gh/GITHUB_TOKEN"]
    assert (store.value("GITHUB_TOKEN"), store.value("gh/GITHUB_TOKEN")) == (OTHER, PLANTED)
    ran = configured(connect_mcp, "--env", "GITHUB_TOKEN=third-0123456789", *SERVER)
    assert "what was kept as gh/GITHUB_TOKEN is replaced" in ran.out
    assert (store.value("GITHUB_TOKEN"), store.value("gh/GITHUB_TOKEN")) == (OTHER, "third-0123456789")


def test_the_bundled_servers_own_key_is_not_replaced_in_passing(connect_mcp: CommandLine, store: Store) -> None:
    store.put(KEY, OTHER)
    ran = configured(connect_mcp, "--env", f"{KEY}={PLANTED}", code=1)
    assert f"another value is kept as {KEY}" in ran.err
    assert f"`connect-mcp secret set {KEY}` replaces it" in ran.err
    assert store.value(KEY) == OTHER


def test_a_named_secret_is_taken_from_the_store(connect_mcp: CommandLine, store: Store, home: Path) -> None:
    store.put("GITHUB_TOKEN", PLANTED)
    configured(connect_mcp, "--secret", "GITHUB_TOKEN=GH_PAT", *SERVER)
    assert options(entry(home)) == ["run", "--secret", "GITHUB_TOKEN=GH_PAT"]


def test_the_bundled_servers_key_can_be_one_that_is_kept_under_another_name(
    connect_mcp: CommandLine, store: Store, home: Path
) -> None:
    store.put("MINE", PLANTED)
    configured(connect_mcp, "--secret", f"MINE={KEY}")
    assert options(entry(home, "connect")) == ["run", "--secret", f"MINE={KEY}"]
    assert entry(home, "connect")["args"][-1] == "serve"
    configured(connect_mcp, "--secret", KEY, "--name", "own", "--dry-run")


def test_a_named_secret_that_is_missing_is_refused_where_nobody_can_be_asked(
    connect_mcp: CommandLine, home: Path
) -> None:
    ran = configured(connect_mcp, "--secret", "GITHUB_TOKEN", *SERVER, code=1)
    assert "this secret is not stored: GITHUB_TOKEN" in ran.err
    assert "mend: connect-mcp secret set GITHUB_TOKEN" in ran.err
    assert not (home / ".cursor").exists()


def test_a_named_secret_that_is_missing_is_asked_for_and_not_shown(store: Store, home: Path) -> None:
    argv = ["configure", "cursor", "--no-verify", "--secret", "GITHUB_TOKEN", *SERVER]
    screen, code = at_a_terminal(argv, [("GITHUB_TOKEN (not shown): ", f"{PLANTED}\n")], home)
    assert code == 0, screen
    assert PLANTED not in screen
    assert store.value("GITHUB_TOKEN") == PLANTED


def test_a_variable_that_is_named_a_secret_is_one_whatever_it_is_called(
    connect_mcp: CommandLine, store: Store, home: Path
) -> None:
    configured(connect_mcp, "--env", f"HANDLE={PLANTED}", "--secret", "HANDLE", *SERVER)
    assert store.value("HANDLE") == PLANTED
    assert "env" not in entry(home)


@pytest.mark.parametrize("only_shown", ["--dry-run", "--print"])
def test_what_is_only_shown_keeps_nothing_and_asks_nothing(
    connect_mcp: CommandLine, store: Store, home: Path, only_shown: str
) -> None:
    ran = configured(connect_mcp, only_shown, "--env", f"GITHUB_TOKEN={PLANTED}", "--secret", "OTHER_TOKEN", *SERVER)
    assert '"GITHUB_TOKEN"' in ran.out
    assert list(home.iterdir()) == []


def test_where_a_file_cannot_be_written_the_store_is_as_it_was(
    connect_mcp: CommandLine, store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("KEPT", OTHER)
    before = Path(store.path).read_bytes()

    def failing(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("connect_mcp.installer.commands.configure.write", failing)
    with pytest.raises(AssertionError, match="No space left"):  # what the test's command line makes of a bug
        connect_mcp("configure", "cursor", "--no-verify", "--env", f"GITHUB_TOKEN={PLANTED}", *SERVER)
    assert Path(store.path).read_bytes() == before


def test_inline_writes_the_value_into_a_private_file(connect_mcp: CommandLine, store: Store, home: Path) -> None:
    configured(connect_mcp, "--secrets", "inline", "--env", f"GITHUB_TOKEN={PLANTED}", *SERVER)
    assert entry(home)["env"] == {"GITHUB_TOKEN": PLANTED}
    assert stat.S_IMODE(os.stat(home / ".cursor" / "mcp.json").st_mode) == 0o600
    assert store.kept() == {}
    store.put("A", OTHER)
    configured(connect_mcp, "--secrets", "inline", "--secret", "A=B", "--name", "b", "--", "/opt/x")
    assert entry(home, "b")["env"] == {"B": OTHER}


def test_a_reference_is_written_in_the_hosts_own_form_and_the_value_nowhere(
    connect_mcp: CommandLine, store: Store, home: Path
) -> None:
    given = ("--secrets", "reference", "--env", f"GITHUB_TOKEN={PLANTED}", *SERVER)
    ran = configured(connect_mcp, *given)
    assert entry(home)["env"] == {"GITHUB_TOKEN": "${env:GITHUB_TOKEN}"}
    assert "the value that was given is written nowhere" in ran.out
    assert "GITHUB_TOKEN is not set here" in ran.out
    assert not [path for path in home.rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes()]


# projects

GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


def in_project(folder: Path, *argv: str) -> tuple[str, ...]:
    return ("--scope", "project", "--project", str(folder), *argv, "--env", f"GITHUB_TOKEN={PLANTED}", *SERVER)


def written_into(folder: Path) -> Any:
    return json.loads((folder / ".cursor" / "mcp.json").read_text(encoding="utf-8"))["mcpServers"]["gh"]


def test_in_a_project_another_servers_secrets_are_referred_to(
    connect_mcp: CommandLine, store: Store, tmp_path: Path
) -> None:
    configured(connect_mcp, *in_project(tmp_path))
    assert written_into(tmp_path)["env"] == {"GITHUB_TOKEN": "${env:GITHUB_TOKEN}"}
    assert store.kept() == {}


def test_in_a_project_a_named_secret_need_not_be_stored(connect_mcp: CommandLine, tmp_path: Path) -> None:
    configured(connect_mcp, "--scope", "project", "--project", str(tmp_path), "--secret", "A=B", *SERVER)
    assert written_into(tmp_path)["env"] == {"B": "${env:A}"}


def test_in_a_project_the_store_is_used_through_a_command_that_others_have_too(
    connect_mcp: CommandLine, store: Store, tmp_path: Path
) -> None:
    configured(connect_mcp, *in_project(tmp_path, "--secrets", "store"))
    written = written_into(tmp_path)
    assert (written["command"], written["args"][:3]) == ("connect-mcp", ["run", "--secret", "GITHUB_TOKEN"])


@pytest.mark.parametrize(
    ("ignored", "tracked", "code"), [(False, False, 1), (True, False, 0), (True, True, 1), (False, True, 1)]
)
def test_a_value_goes_into_a_projects_file_only_where_git_ignores_it(
    connect_mcp: CommandLine, tmp_path: Path, ignored: bool, tracked: bool, code: int
) -> None:
    def git(*argv: str) -> None:
        subprocess.run(["git", *argv], cwd=tmp_path, env={**os.environ, **GIT}, check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / ".gitignore").write_text(".cursor/\n" if ignored else "")
    if tracked:
        (tmp_path / ".cursor").mkdir()
        (tmp_path / ".cursor" / "mcp.json").write_text('{"mcpServers": {}}')
        git("add", "-f", ".cursor/mcp.json")
    inline = in_project(tmp_path, "--secrets", "inline")
    ran = configured(connect_mcp, *inline, code=code)
    if code:
        assert "git does not ignore it" in ran.err
        configured(connect_mcp, "--force", *inline)
    assert written_into(tmp_path)["env"] == {"GITHUB_TOKEN": PLANTED}


def test_without_git_or_a_repository_a_value_is_refused_in_a_project(
    connect_mcp: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inline = in_project(tmp_path, "--secrets", "inline")
    configured(connect_mcp, *inline, code=1)
    monkeypatch.setenv("PATH", str(tmp_path))
    configured(connect_mcp, *inline, code=1)


def test_a_repositorys_own_settings_start_nothing(connect_mcp: CommandLine, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, env={**os.environ, **GIT}, check=True)
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    with (tmp_path / ".git" / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {trap}\n\thooksPath = {tmp_path}\n[alias]\n\tcheck-ignore = !{trap}\n")
    configured(connect_mcp, *in_project(tmp_path, "--secrets", "inline"), code=1)
    assert not (tmp_path / "sprung").exists()


def test_a_secret_among_the_arguments_is_refused_in_a_project_and_warned_about_elsewhere(
    connect_mcp: CommandLine, home: Path, tmp_path: Path
) -> None:
    server = ("--name", "gh", "--", "/opt/x", "--api-key", PLANTED)
    configured(connect_mcp, "--scope", "project", "--project", str(tmp_path), *server, code=1)
    assert "an argument looks like a secret" in configured(connect_mcp, *server).out
    assert stat.S_IMODE(os.stat(home / ".cursor" / "mcp.json").st_mode) == 0o600


# servers at a URL

AT = ("--name", "gh", "--url", "https://mcp.example/mcp")


def test_a_header_of_a_server_at_a_url_is_written_with_a_clear_word(
    connect_mcp: CommandLine, store: Store, home: Path
) -> None:
    ran = configured(connect_mcp, *AT, "--header", f"Authorization=Bearer {PLANTED}")
    assert "a secret stands in the header Authorization of Cursor's entry in clear" in ran.out
    assert entry(home)["headers"] == {"Authorization": f"Bearer {PLANTED}"}
    assert stat.S_IMODE(os.stat(home / ".cursor" / "mcp.json").st_mode) == 0o600
    assert store.kept() == {}


def test_a_header_is_referred_to_with_its_scheme(connect_mcp: CommandLine, home: Path, tmp_path: Path) -> None:
    headers = ("--header", f"Authorization=Bearer {PLANTED}", "--header", f"X-API-Key={OTHER}")
    configured(connect_mcp, *AT, *headers, "--secrets", "reference")
    expected = {"Authorization": "Bearer ${env:GH_TOKEN}", "X-API-Key": "${env:X_API_KEY}"}
    assert entry(home)["headers"] == expected
    configured(connect_mcp, *AT, *headers, "--scope", "project", "--project", str(tmp_path))
    assert written_into(tmp_path)["headers"] == expected


def test_a_named_secret_can_be_a_header(connect_mcp: CommandLine, store: Store, home: Path, tmp_path: Path) -> None:
    configured(connect_mcp, *AT, "--secret", "GITHUB_TOKEN=Authorization")
    assert entry(home)["headers"] == {"Authorization": "Bearer ${env:GITHUB_TOKEN}"}
    missing = configured(connect_mcp, *AT, "--secret", "GITHUB_TOKEN=Authorization", "--secrets", "inline", code=1)
    assert "this secret is not stored: GITHUB_TOKEN" in missing.err
    store.put("GITHUB_TOKEN", PLANTED)
    configured(connect_mcp, *AT, "--secret", "GITHUB_TOKEN=Authorization", "--secrets", "inline")
    assert entry(home)["headers"] == {"Authorization": f"Bearer {PLANTED}"}


def test_the_store_cannot_reach_a_server_at_a_url(connect_mcp: CommandLine) -> None:
    ran = configured(connect_mcp, *AT, "--header", f"X-API-Key={PLANTED}", "--secrets", "store", code=1)
    assert "the store is for servers that are started" in ran.err
    assert "--secrets reference where the host has variables" in ran.err


# the keychain


def test_a_host_whose_servers_do_not_reach_the_keychain_is_refused(store: Store, home: Path) -> None:
    here = {**os.environ, "PYTHON_KEYRING_BACKEND": ALT, "KEYRING_PROPERTY_FILE_PATH": str(home / "keychain.cfg")}

    def connect_mcp(*argv: str, said: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        command = [sys.executable, "-m", "connect_mcp", *argv]
        return subprocess.run(command, input=said, env=here, capture_output=True, check=False, timeout=120)

    assert connect_mcp("secret", "set", "A", "--keychain", said=PLANTED.encode()).returncode == 0
    assert connect_mcp("configure", "cursor", "--no-verify", "--secret", "A", *SERVER).returncode == 0
    done = connect_mcp("configure", "codex", "--no-verify", "--secret", "A", *SERVER)
    assert done.returncode == 1
    assert b"servers of OpenAI Codex could not read A from the keychain" in done.stderr
    assert b"connect-mcp secret set A keeps it in a file" in done.stderr
    assert not (home / ".codex").exists()
