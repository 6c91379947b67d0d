"""What a server says and is started with (secrets, control characters, markup), in whatever the lab shows or keeps."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connect_mcp.conformance.lab.install import CACHE as LAB_CACHE
from support.real_hosts import install
from support.running_labs import begun, of
from support.servers import server

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]

FORMED = "arc_live_planted_00000000"
NAMED = "correct-horse-1"
"""A secret by the name of its variable alone."""

ARGUMENT = "battery-staple-2"
"""A secret by the option before it alone."""

ODD = "\\x1b[31m\\x07\\x9b2J</script><img src=x onerror=alert(1)> | `x`"

TALKS = f"""
SAID = " ".join([{FORMED!r}, os.environ["SOME_PASSWORD"], *sys.argv[1:], "{ODD}"])
os.write(2, SAID.encode() + b"\\xff\\xfe\\n")
os.write(1, b"noise " + SAID.encode() + b"\\xff\\n")
INFO["version"] = SAID
TOOLS[0]["description"] = SAID
def call(name, arguments):
    sys.stderr.write(SAID + "\\n"); sys.stderr.flush()
    if os.environ["MOOD"] == "bad": os._exit(7)
    return {{"content": [{{"type": "text", "text": SAID}}]}}
"""


def lab(folder: Path, *argv: str, mood: str = "good") -> "subprocess.CompletedProcess[bytes]":
    cache = next(iter(install().installed.values())).folder.parents[1]
    return subprocess.run(
        [sys.executable, "-m", "connect_mcp", "lab", *argv],
        env={**os.environ, LAB_CACHE: str(cache), "SOME_PASSWORD": NAMED, "MOOD": mood},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize("mood", ["good", "bad"])
def test_no_secret_and_no_control_character_is_shown_or_recorded(tmp_path: Path, mood: str) -> None:
    command = [*server(tmp_path, TALKS), "--password", ARGUMENT]
    scenarios = ["--call-tools", "--scenario", "handshake", "call", "shutdown"]
    variables = ["--env", "SOME_PASSWORD", "--env", "MOOD"]
    reports = ["--html", "lab.html", "--markdown", "lab.md", "--keep", "kept"]

    done = lab(tmp_path, "run", "codex", "claude-code", *scenarios, *variables, *reports, "--", *command, mood=mood)
    data = lab(tmp_path, "run", "codex", *scenarios, *variables, "--json", "--", *command, mood=mood)
    saved = lab(tmp_path, "record", "codex", *scenarios, *variables, "--out", "out", "--", *command, mood=mood)

    assert done.returncode == (0 if mood == "good" else 1), done.stdout.decode()
    assert json.loads(data.stdout)["outcome"] == ("pass" if mood == "good" else "fail")
    assert saved.returncode == 0, saved.stdout.decode()
    reported = [tmp_path / "lab.html", tmp_path / "lab.md"]
    recorded = [*tmp_path.glob("kept/*/*/run/session*.jsonl"), *tmp_path.glob("out/*")]
    assert len(recorded) >= 2 + 1
    shown = [done.stdout, done.stderr, data.stdout, data.stderr, saved.stdout, saved.stderr]
    shown += [path.read_bytes() for path in reported]
    for content in (*shown, *(path.read_bytes() for path in recorded)):
        assert not [secret for secret in (FORMED, NAMED, ARGUMENT) if secret.encode() in content]
    for content in shown:  # a recording keeps what was said, as JSON
        assert not [one for one in ("\x1b", "\x07", "\x9b") if one.encode() in content]
    page = (tmp_path / "lab.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_what_is_kept_nobody_else_may_read(tmp_path: Path) -> None:
    done = lab(tmp_path, "run", "codex", "--scenario", "handshake", "--keep", "new/kept", "--", *server(tmp_path))

    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "new" / "kept").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "kept" / "codex" / "handshake").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_where_nothing_can_be_kept_it_is_said_before_any_host_starts(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("here")

    done = lab(tmp_path, "run", "codex", "--keep", place, "--", *server(tmp_path))

    assert done.returncode == 1
    assert f"nothing can be kept in {place}" in done.stderr.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="groups are POSIX's")
def test_a_run_that_is_interrupted_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    cache = next(iter(install().installed.values())).folder.parents[1]
    process = begun(cache, tmp_path, "--scenario", "slow-tool", own_group=True)

    os.killpg(process.pid, signal.SIGINT)

    out, said = process.communicate(timeout=60)
    assert (process.returncode, out, said.strip()) == (130, "", "connect-mcp: interrupted")
    assert not list(tmp_path.iterdir())
    assert not of(tmp_path)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_that_lacks_a_character_is_shown_an_escape_and_json_stays_json(
    tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    says = server(tmp_path, "sys.stderr.write('日本語 ✓\\n'); sys.stderr.flush(); os._exit(4)")

    shown = lab(tmp_path, "run", "codex", "--scenario", "handshake", "--", *says)
    data = lab(tmp_path, "run", "codex", "--scenario", "handshake", "--json", "--", *says)

    assert (shown.returncode, data.returncode) == (1, 1), shown.stderr.decode()
    assert b"\\u65e5\\u672c\\u8a9e" in shown.stdout
    assert "日本語" in json.dumps(json.loads(data.stdout), ensure_ascii=False)
