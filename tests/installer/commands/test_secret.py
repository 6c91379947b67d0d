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
from support.cli import CommandLine
from support.keychains import ALT, NONE
from support.terminal import at_a_terminal

PLANTED, OTHER = "planted-0123456789", "planted-9876543210"


@pytest.fixture
def store(home: Path) -> Store:
    return Store(folders().config)


def secret(*argv: str, said: bytes = b"", **env: str) -> "subprocess.CompletedProcess[bytes]":
    """`connect-mcp secret …` as a process: keyring keeps what it found first, and standard input is bytes."""
    command = [sys.executable, "-m", "connect_mcp", "secret", *argv]
    done = subprocess.run(command, input=said, capture_output=True, env={**os.environ, **env}, check=False, timeout=120)
    assert PLANTED.encode() not in done.stdout + done.stderr
    assert OTHER.encode() not in done.stdout + done.stderr
    return done


def cursor(home: Path, **entries: Any) -> None:
    (home / ".cursor").mkdir(exist_ok=True)
    (home / ".cursor" / "mcp.json").write_text(json.dumps({"mcpServers": entries}), encoding="utf-8")


def run_entry(*options: str) -> dict[str, Any]:
    return {"command": "/opt/bin/connect-mcp", "args": ["run", *options, "--", "npx", "-y", "server"]}


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_value_is_read_from_standard_input_without_its_line_end(store: Store, home: Path, end: str) -> None:
    done = secret("set", "GITHUB_TOKEN", said=f"{PLANTED}{end}".encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == "kept GITHUB_TOKEN in ~/.config/connect-mcp/secrets.json\n"
    assert store.value("GITHUB_TOKEN") == PLANTED
    assert stat.S_IMODE(os.stat(store.path).st_mode) == 0o600


def test_a_value_that_is_typed_is_not_shown(store: Store, home: Path) -> None:
    screen, code = at_a_terminal(["secret", "set", "A"], [("A (not shown): ", f"{PLANTED}\n")], home)
    assert (code, store.value("A")) == (0, PLANTED)
    assert PLANTED not in screen


def test_a_question_that_is_not_answered_keeps_nothing(store: Store, home: Path) -> None:
    screen, code = at_a_terminal(["secret", "set", "A"], [("not shown", "\x04")], home)
    assert (code, store.kept()) == (2, {})
    screen, code = at_a_terminal(["secret", "set", "A"], [("not shown", "\x03")], home)
    assert (code, store.kept()) == (130, {})
    assert "Traceback" not in screen


def test_a_value_from_a_variable_and_for_a_profile(store: Store) -> None:
    assert secret("set", "--from-env", "MINE", MINE=PLANTED).returncode == 0
    assert secret("set", "KEY", "--from-env", "MINE", "--profile", "acme", MINE=OTHER).returncode == 0
    assert (store.value("MINE"), store.value("acme/KEY")) == (PLANTED, OTHER)
    assert b"no variable of that name" in secret("set", "--from-env", "NOT_SET").stderr


def test_of_a_dotenv_file_only_the_name_asked_for_is_kept(store: Store, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"OTHER={OTHER}\nexport MINE='{PLANTED}' # why\n", encoding="utf-8")
    assert secret("set", "acme/MINE", "--from-dotenv", str(file)).returncode == 0
    assert list(store.kept()) == ["acme/MINE"]
    assert store.value("acme/MINE") == PLANTED


def test_a_dotenv_file_is_read_only_where_it_is_named(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(f"MINE={PLANTED}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert secret("set", "MINE").returncode == 1
    assert store.kept() == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file"),
        (b"A=b", "MINE is not in this file"),
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * ((1 << 20) + 1), "too large"),
        (f'MINE="{PLANTED}'.encode(), ":1: a quotation"),
    ],
)
def test_a_dotenv_file_without_it_is_named(store: Store, tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / ".env"
    if content is not None:
        file.write_bytes(content)
    done = secret("set", "MINE", "--from-dotenv", str(file))
    assert done.returncode == 1
    assert str(file) in done.stderr.decode()
    assert said in done.stderr.decode()


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("set", "A", PLANTED), 2, "the value is never an argument"),
        (("set", f"A={PLANTED}"), 2, "a secret is named for a variable"),
        (("set", "arc_live_0123"), 2, "looks like a secret itself"),
        (("set",), 2, "which secret?"),
        (("set", "A", "--profile", "a b"), 2, "a profile's name is"),
        (("set", "A", "--from-env", "X", "--from-dotenv", "y"), 2, "not allowed with"),
        (("set", "A"), 1, "the value is empty"),
        (("remove", "A"), 1, "no secret A is kept"),
        (("remove", f"A-{PLANTED}"), 2, "a secret is named for a variable"),
        ((), 2, "ACTION"),
    ],
)
def test_what_cannot_be_done_is_refused_and_no_value_is_shown(
    store: Store, argv: tuple[str, ...], code: int, said: str
) -> None:
    done = secret(*argv)
    assert done.returncode == code
    assert said in done.stderr.decode()
    assert store.kept() == {}


@pytest.mark.parametrize("said", [b"a\nb\n", b"a\x1b[31m", b"\xff", b"x" * 40_000, b"\xe2\x80\n" * 50_000])
def test_a_value_that_cannot_be_one_is_refused(store: Store, said: bytes) -> None:
    assert secret("set", "A", said=said).returncode == 1
    assert store.kept() == {}


def test_a_value_with_blanks_around_it_is_kept_and_mentioned(store: Store) -> None:
    assert b"begins or ends with a blank" in secret("set", "A", said=b" x\n").stdout
    assert store.value("A") == " x"


def test_the_list_has_names_places_and_the_entries_that_need_them_and_no_values(
    connect_mcp: CommandLine, store: Store, home: Path
) -> None:
    store.put("GITHUB_TOKEN", PLANTED)
    store.put("acme/API_KEY", OTHER)
    store.put("UNUSED", OTHER)
    cursor(
        home,
        github=run_entry("--secret", "GITHUB_TOKEN"),
        work=run_entry("--profile", "acme", "--secret", "API_KEY=KEY", "--secret", "GONE"),
        connect={"command": "uvx", "args": ["--from", "git+https://x/connect-mcp", "connect-mcp", "serve"]},
        tried={"command": "connect-mcp", "args": ["serve", "--embedded"]},
        filled={"command": "connect-mcp", "args": ["serve"], "env": {"ARYTHMATIC_API_KEY": PLANTED}},
    )
    ran = connect_mcp("secret", "list")
    assert ran.out.splitlines() == [
        "GITHUB_TOKEN: file, set today, for Cursor `github`",
        "UNUSED: file, set today, for no entry",
        "acme/API_KEY: file, set today, for Cursor `work`",
        "missing: acme/GONE, for Cursor `work`",
        "  mend: connect-mcp secret set acme/GONE",
        "missing: ARYTHMATIC_API_BASE_URL, for Cursor `connect`, Cursor `filled`",
        "  mend: connect-mcp secret set ARYTHMATIC_API_BASE_URL",
        "missing: ARYTHMATIC_API_KEY, for Cursor `connect`",
        "  mend: connect-mcp secret set ARYTHMATIC_API_KEY",
    ]
    data = connect_mcp("secret", "list", "--json").data
    assert [row["name"] for row in data["secrets"]] == ["GITHUB_TOKEN", "UNUSED", "acme/API_KEY"]
    path = str(home / ".cursor" / "mcp.json")
    assert data["secrets"][0]["used_by"] == [{"host": "cursor", "scope": "user", "path": path, "name": "github"}]
    assert PLANTED not in json.dumps(data) + ran.out
    assert OTHER not in json.dumps(data) + ran.out


def test_what_the_bundled_server_finds_in_its_environment_is_not_missing(
    connect_mcp: CommandLine, store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor(home, connect={"command": "connect-mcp", "args": ["serve"]}, x=run_entry("--secret", "ARYTHMATIC_API_KEY"))
    monkeypatch.setenv("ARYTHMATIC_API_KEY", PLANTED)
    monkeypatch.setenv("ARYTHMATIC_API_BASE_URL", "https://api.example/api/v1")
    missing = connect_mcp("secret", "list", "--json").data["missing"]
    assert [(one["name"], [use["name"] for use in one["used_by"]]) for one in missing] == [
        ("ARYTHMATIC_API_KEY", ["x"])
    ]


def test_an_age_is_told_in_days(connect_mcp: CommandLine, store: Store) -> None:
    store.put("A", "x")
    content = json.loads(Path(store.path).read_text(encoding="utf-8"))
    content["secrets"]["A"]["set"] -= 3 * 24 * 3600 + 5
    Path(store.path).write_text(json.dumps(content), encoding="utf-8")
    assert "A: file, set 3 days ago" in connect_mcp("secret", "list").out


def test_names_from_a_hostile_entry_cannot_draw_on_the_terminal(
    connect_mcp: CommandLine, store: Store, home: Path
) -> None:
    store.put("A", "x")
    cursor(
        home, **{"e\x1b[31m": run_entry("--secret", "A"), "f": run_entry("--profile", "\x1b]0;x\x07", "--secret", "A")}
    )
    ran = connect_mcp("secret", "list")
    assert "\x1b" not in ran.out
    assert "for Cursor `e\\x1b[31m`" in ran.out


def test_a_secret_is_removed_with_yes_and_who_needs_it_is_said(
    connect_mcp: CommandLine, store: Store, home: Path
) -> None:
    store.put("GITHUB_TOKEN", PLANTED)
    cursor(home, github=run_entry("--secret", "GITHUB_TOKEN"))
    ran = connect_mcp("secret", "remove", "GITHUB_TOKEN")
    assert (ran.code, len(store.kept())) == (2, 1)
    assert "Still needed by Cursor `github`. A secret cannot be brought back, and there is nobody to ask" in ran.err
    ran = connect_mcp("secret", "remove", "GITHUB_TOKEN", "--yes")
    assert (ran.code, store.kept()) == (0, {})
    assert "note: still needed by Cursor `github`; connect-mcp secret set GITHUB_TOKEN" in ran.out


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 1, 1), ("y", 0, 0)])
def test_removing_asks(store: Store, home: Path, answer: str, code: int, left: int) -> None:
    store.put("acme/A", PLANTED)
    asked = [("Remove acme/A? It cannot be brought back.", f"{answer}\n")]
    screen, ended = at_a_terminal(["secret", "remove", "A", "--profile", "acme"], asked, home)
    assert (ended, len(store.kept())) == (code, left)
    assert PLANTED not in screen


# the keychain

# Both variables are needed to find this keychain: a host that drops them leaves its servers with another one.
HERE: Any = {"PYTHON_KEYRING_BACKEND": ALT, "KEYRING_PROPERTY_FILE_PATH": "keychain.cfg"}


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)


def choose(home: Path) -> None:
    """Choose a keychain in a file, which every host's servers find by their HOME."""
    chosen = home / ".config" / "python_keyring" / "keyringrc.cfg"
    chosen.parent.mkdir(parents=True)
    chosen.write_text(f"[backend]\ndefault-keyring={ALT}\n", encoding="utf-8")


def run(*options: str, **env: str) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "connect_mcp", "run", *options, "--", "sh", "-c", "echo $A"]
    return subprocess.run(command, capture_output=True, env={**os.environ, **env}, check=False, timeout=60)


def test_a_value_in_the_keychain_is_not_in_the_file_and_reaches_the_server(store: Store) -> None:
    done = secret("set", "A", "--keychain", said=PLANTED.encode(), **HERE)
    assert (done.returncode, done.stdout) == (0, b"kept A in the keychain\n")
    assert PLANTED not in Path(store.path).read_text(encoding="utf-8")
    assert b"A: keychain, set today" in secret("list", **HERE).stdout
    assert run("--secret", "A", **HERE).stdout.decode() == f"{PLANTED}\n"
    blind = run("--secret", "A", PYTHON_KEYRING_BACKEND=NONE)
    assert (blind.returncode, blind.stdout) == (1, b"")
    assert b"no keychain can be reached from here" in blind.stderr


def test_what_the_keychain_has_lost_is_missing(store: Store, home: Path) -> None:
    secret("set", "A", "--keychain", said=PLANTED.encode(), **HERE)
    (home / "keychain.cfg").unlink()
    done = run("--secret", "A", **HERE)
    assert done.returncode == 1
    assert b"the keychain no longer has A" in done.stderr
    assert b"connect-mcp secret set A --keychain" in done.stderr


def test_from_the_keychain_into_the_file_and_out_of_both(store: Store, home: Path) -> None:
    kept = home / "keychain.cfg"
    secret("set", "A", "--keychain", said=b"one", **HERE)
    before = kept.read_text(encoding="utf-8")
    assert secret("set", "A", said=b"two", **HERE).stdout.startswith(b"replaced A in ~")
    assert (store.value("A"), len(kept.read_text(encoding="utf-8")) < len(before)) == ("two", True)
    secret("set", "A", "--keychain", said=b"three", **HERE)
    assert secret("remove", "A", "--yes", **HERE).returncode == 0
    assert (store.kept(), kept.read_text(encoding="utf-8").strip()) == ({}, "[connect_2Dmcp]")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the keychain needs no bus")
def test_without_a_bus_nothing_is_kept_and_the_reason_is_said(store: Store) -> None:
    done = secret("set", "A", "--keychain", said=PLANTED.encode(), PYTHON_KEYRING_BACKEND=NONE)
    assert (done.returncode, store.kept()) == (1, {})
    assert b"no keychain can be reached from here: on Linux that takes a D-Bus session" in done.stderr


def test_a_keychain_that_a_hosts_servers_do_not_reach_is_refused_and_its_old_value_stays(
    store: Store, home: Path
) -> None:
    """Codex passes eleven variables on, and the one that chooses this keychain is not among them."""
    secret("set", "A", "--keychain", said=b"old", **HERE)
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text(
        '[mcp_servers.x]\ncommand = "/opt/connect-mcp"\nargs = ["run", "--secret", "A", "--", "npx", "x"]\n'
    )
    before = Path(store.path).read_bytes()
    done = secret("set", "A", "--keychain", said=PLANTED.encode(), **HERE)
    assert done.returncode == 1
    assert b"A was not kept: servers of OpenAI Codex could not read it" in done.stderr
    assert b"mend: connect-mcp secret set A keeps it in a file" in done.stderr
    assert Path(store.path).read_bytes() == before
    assert run("--secret", "A", **HERE).stdout == b"old\n"


def test_a_keychain_that_every_host_which_needs_it_reaches_is_taken(store: Store, home: Path) -> None:
    choose(home)
    cursor(home, x=run_entry("--secret", "A"))
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text(
        '[mcp_servers.x]\ncommand = "/opt/connect-mcp"\nargs = ["run", "--secret", "A", "--", "npx", "x"]\n'
    )
    done = secret("set", "A", "--keychain", said=PLANTED.encode())
    assert (done.returncode, done.stdout) == (0, b"kept A in the keychain\n")


def test_hosts_that_do_not_need_it_yet_are_mentioned_where_they_could_not_read_it(store: Store, home: Path) -> None:
    (home / ".codex").mkdir()
    done = secret("set", "A", "--keychain", said=PLANTED.encode(), **HERE)
    assert done.returncode == 0
    assert b"note: servers of OpenAI Codex could not read it" in done.stdout
