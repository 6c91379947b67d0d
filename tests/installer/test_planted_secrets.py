"""Secrets planted wherever a user has some, every command run over them, and everything that comes out searched.

One home, many real processes. A value may stand in the store, in a host's file (where the user, or `--secrets inline`,
put it) and in the journal, which holds those files' bytes; each of them is for its owner alone where we made it.
"""

import contextlib
import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

MARK = "pl4nted"
"""A part of every planted value."""

HOSTS = ("cursor", "codex", "vscode", "opencode", "continue", "claude-code")
TYPED, ENV, DOTENV, OTHERS, KEY, HEADER, INLINE = (
    f"{name}-{MARK}-0123456789" for name in ("typed", "env", "dotenv", "others", "key", "header", "inline")
)

# A server that says all it knows wherever it can, and fails.
TELLTALE = """
import os, sys
for stream in (sys.stdout, sys.stderr):
    for name, value in os.environ.items():
        print(name, value, file=stream)
        print(value, file=stream)
sys.exit(4)
"""

# Our own command line, with a bug in the midst of keeping a secret.
BUG = """
import sys
from connect_mcp.base.secrets import Store
from connect_mcp.__main__ import main
def put(self, name, value, **more):
    raise RuntimeError(f"cannot keep {value}, and not this either: {self.value('TYPED_TOKEN')}")
Store.put = put
sys.exit(main(sys.argv[1:]))
"""


@dataclass
class Story:
    """What was run and what came of it."""

    home: Path
    outputs: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def __call__(self, code: int, *argv: str, said: str = "", program: tuple[str, ...] = ("-m", "connect_mcp")) -> None:
        env = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "ENV_TOKEN": ENV,
            "INLINE_TOKEN": INLINE,
            "ARYTHMATIC_API_KEY": KEY,
            "X_API_KEY": HEADER,
        }
        done = subprocess.run(
            [sys.executable, *program, *argv],
            input=said.encode(),
            capture_output=True,
            env=env,
            cwd=self.home / "project",
            check=False,
            timeout=300,
        )
        name = " ".join(argv)
        assert name not in self.outputs
        self.outputs[name] = (done.returncode, done.stdout + done.stderr)
        assert done.returncode == code, f"{name}\n{(done.stdout + done.stderr).decode()}"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Everything, once."""
    story = Story(tmp_path_factory.mktemp("planted"))
    (story.home / "project").mkdir()
    with _watched(story):
        _tell(story)
    return story


def _tell(run: Story) -> None:
    telltale = run.home / "telltale.py"
    telltale.write_text(TELLTALE, encoding="utf-8")
    server = ("--", sys.executable, str(telltale))
    (run.home / ".env").write_text(f"OTHER=1\nDOTENV_TOKEN='{DOTENV}'\n", encoding="utf-8")
    (run.home / ".cursor").mkdir()
    others = {"mcpServers": {"others": {"command": "x", "args": ["--token", OTHERS], "env": {"TOKEN": OTHERS}}}}
    (run.home / ".cursor" / "mcp.json").write_text(json.dumps(others, indent=2), encoding="utf-8")

    run(0, "secret", "set", "TYPED_TOKEN", said=TYPED)
    run(0, "secret", "set", "--from-env", "ENV_TOKEN", "--json")
    run(0, "secret", "set", "acme/DOTENV_TOKEN", "--from-dotenv", str(run.home / ".env"))
    run(1, "secret", "set", "BAD_TOKEN", said=f"{TYPED}\n{TYPED}\n")
    run(2, "secret", "set", f"TOKEN={TYPED}")
    run(2, "secret", "set", "TOKEN", TYPED)
    run(2, "secret", "set", f"--token={TYPED}", "TOKEN")
    run(0, "secret", "list")
    run(0, "secret", "list", "--json")

    for mode in ("inline", "store", "reference"):  # in this order: a file that is there keeps its mode
        given = ("--secrets", mode, "--name", mode, "--env", "INLINE_TOKEN", "--env", "A=b")
        for how in ("--dry-run", "--print", "--json"):
            ending = (how,) if how != "--json" else ("--dry-run", how)
            run(0, "configure", *HOSTS, *given, *ending, *server)
        run(1, "configure", *HOSTS, *given, "--json", *server)
        run(1, "configure", "cursor", *given, *server)
        run(1, "configure", "cursor", "--force", *given, "--scope", "project", *server)
    run(
        1,
        "configure",
        "cursor",
        "--name",
        "named",
        "--secret",
        "TYPED_TOKEN",
        "--secret",
        "acme/DOTENV_TOKEN=B",
        *server,
    )
    run(1, "configure", "cursor", "--name", "lost", "--secret", "NOT_STORED", *server)
    run(0, "configure", *HOSTS, "--env", "ARYTHMATIC_API_KEY", "--json")
    remote = ("--url", "http://127.0.0.1:9/mcp", "--header", "X-API-Key")
    run(1, "configure", "cursor", "--name", "remote", *remote)
    run(0, "configure", *HOSTS, "--name", "remote", *remote, "--secrets", "reference", "--dry-run")
    run(2, "configure", "cursor", "--name", "wrong", f"--token={TYPED}")

    run(0, "status")
    run(0, "status", "--json")
    run(0, "hosts", "--json")
    run(1, "doctor", "--start", "--verbose")
    run(1, "doctor", "--start", "--json", "--report", str(run.home / "report.md"))
    run(0, "export", "inline", "--from", "cursor", "--to", "codex")
    run(0, "copy", "--from", "cursor", "--to", "gemini-cli", "--name", "store", "--json")
    run(0, "remove", "cursor", "--name", "inline", "--dry-run")
    run(0, "remove", "cursor", "--name", "inline", "--yes", "--json")
    run(0, "undo", "--list")
    run(0, "undo", "--dry-run")
    run(0, "undo", "--json")

    asking = [
        {
            "id": 1,
            "method": "initialize",
            "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}},
        },
        {"id": 2, "method": "tools/call", "params": {"name": "get_current_user", "arguments": {}}},
    ]
    lines = "".join(json.dumps({"jsonrpc": "2.0", **one}) + "\n" for one in asking)
    run(0, "serve", "--log-file", str(run.home / "serve.log"), said=lines)
    run(0, "uninstall", "--dry-run")

    run(4, "run", "--secret", "TYPED_TOKEN", "--", sys.executable, "-c", "import sys; sys.exit(4)")
    run(1, "run", "--secret", "TYPED_TOKEN", "--", "no-such-program")
    run(1, "run", "--secret", "TYPED_TOKEN", "--secret", "NOT_STORED", "--", "true")
    run(3, "secret", "set", "CRASH_TOKEN", said=TYPED, program=("-c", BUG))
    run(2, "secret", "remove", "TYPED_TOKEN")
    run(0, "secret", "remove", "acme/DOTENV_TOKEN", "--yes", "--json")


@contextlib.contextmanager
def _watched(story: Story) -> Iterator[None]:
    """Look at every process's arguments all the while, except those that the story itself gives."""
    ended = threading.Event()

    def watch() -> None:
        own = {TYPED}  # typed on the command line on purpose, to see that it is not repeated
        while not ended.is_set():
            for folder in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    line = (folder / "cmdline").read_text(errors="replace")
                    if MARK in line and not any(value in line for value in own):
                        story.seen.add(line.replace("\0", " "))
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def files(story: Story) -> list[Path]:
    return [path for path in story.home.rglob("*") if path.is_file() and not path.is_symlink()]


def holding(story: Story) -> set[str]:
    return {str(path.relative_to(story.home)) for path in files(story) if MARK.encode() in path.read_bytes()}


def test_no_output_of_any_command_shows_a_secret(story: Story) -> None:
    assert len(story.outputs) > 45
    shown = {name: output.decode() for name, (_, output) in story.outputs.items() if MARK.encode() in output}
    assert shown == {}


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs Linux' /proc")
def test_no_secret_is_an_argument_of_any_process(story: Story) -> None:
    assert story.seen == set()


def test_secrets_stand_in_the_store_in_hosts_files_and_in_the_journal_and_nowhere_else(story: Story) -> None:
    ours = ".config/connect-mcp/secrets.json"
    found = holding(story)
    assert ours in found
    journal = {path for path in found if path.startswith(".local/state/connect-mcp/journal/")}
    assert journal
    put_there = {".env", ".cursor/mcp.json", "project/.cursor/mcp.json", ".codex/config.toml", ".claude.json"}
    put_there |= {".config/Code/User/mcp.json", ".config/opencode/opencode.json", ".continue/config.yaml"}
    assert found - journal - {ours} <= put_there


def test_what_holds_them_is_for_its_owner_alone_where_we_made_it(story: Story) -> None:
    users = {".env", ".cursor/mcp.json"}
    for name in holding(story) - users:
        assert stat.S_IMODE((story.home / name).stat().st_mode) == 0o600, name
    for folder in (".config/connect-mcp", ".local/state/connect-mcp/journal", ".local/state/connect-mcp/logs"):
        assert stat.S_IMODE((story.home / folder).stat().st_mode) == 0o700, folder


def test_a_crash_log_says_what_happened_without_the_values(story: Story) -> None:
    [log] = (story.home / ".local/state/connect-mcp/logs").iterdir()
    text = log.read_text(encoding="utf-8")
    assert "RuntimeError: cannot keep ********, and not this either: ********" in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_only_what_was_written_inline_stands_in_a_hosts_file(story: Story) -> None:
    for name in holding(story):
        if name.endswith((".json", ".toml", ".yaml")) and ".local" not in name and "secrets.json" not in name:
            text = (story.home / name).read_text(encoding="utf-8")
            for value in (TYPED, ENV, DOTENV, KEY):
                assert value not in text, name
