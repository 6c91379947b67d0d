"""`connect-mcp lab` as people type it, with real hosts."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from connect_mcp.base.fixtures import fixtures
from connect_mcp.conformance.lab.install import CACHE as LAB_CACHE
from connect_mcp.conformance.session import Session
from support.cli import CommandLine, shape
from support.real_hosts import ROOT, install
from support.running_labs import begun, of
from support.servers import server

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]

PLANTED = "arc_live_planted_00000000"
BUNDLED = (sys.executable, "-m", "connect_mcp", "serve", "--embedded")


@pytest.fixture
def cache() -> Path:
    return next(iter(install().installed.values())).folder.parents[1]


def lab(cache: Path, *argv: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Any:
    """Run one command to its end; it leaves no process and no file behind."""
    with TemporaryDirectory() as place:
        done = subprocess.run(
            [sys.executable, "-m", "connect_mcp", "lab", *argv],
            env={**os.environ, LAB_CACHE: str(cache), "TMPDIR": place, **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert "bug" not in done.stderr, done.stderr
        assert not of(Path(place))
        assert not os.listdir(place)
    return done


def matrix(done: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(done.stdout)
    shape("lab-run").validate(value)
    return value


def cells(value: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {(cell["host"], cell["scenario"]): cell["kind"] for cell in value["cells"]}


def test_three_hosts_work_with_the_bundled_server_that_configure_wrote_into_their_files(cache: Path) -> None:
    hosts = ("codex", "claude-code", "opencode")
    done = lab(cache, "run", *hosts, "--scenario", "handshake", "call", "shutdown", "--json", "--", *BUNDLED)

    value = matrix(done)
    assert set(cells(value).values()) == {"pass"}, done.stdout
    assert len(value["cells"]) == 9
    assert done.returncode == 0
    assert all(0 < cell["ready"] < 30 for cell in value["cells"])


def test_codex_and_claude_code_are_driven_without_a_model_too(cache: Path, tmp_path: Path) -> None:
    hosts = ("codex", "claude-code")
    done = lab(cache, "run", *hosts, "--quick", "--scenario", "call", "is-error", "--json", "--", *BUNDLED)
    crash = server(tmp_path, "def call(name, arguments): os._exit(7)")
    crashed = lab(cache, "run", "codex", "--quick", "--scenario", "call", "--call-tools", "--json", "--", *crash)

    assert set(cells(matrix(done)).values()) == {"pass"}, done.stdout
    (cell,) = matrix(crashed)["cells"]
    assert cell["kind"] == "fail"
    assert "code 7" in cell["sentence"], cell


def test_a_server_that_crashes_in_a_call_is_red_with_its_exit_code_and_last_words(cache: Path, tmp_path: Path) -> None:
    crash = "def call(name, arguments): sys.stderr.write('the disk is gone\\n'); sys.stderr.flush(); os._exit(7)"
    broken = server(tmp_path, crash)

    done = lab(cache, "run", "codex", "--scenario", "handshake", "call", "--call-tools", "--", *broken)

    assert done.returncode == 1
    told = " ".join(done.stdout.split())
    assert re.search(r"FAIL\w* codex: call", told), done.stdout
    assert "7" in told
    assert "the disk is gone" in told


@pytest.mark.skipif(sys.platform == "win32", reason="there are no terminals to open")
def test_a_person_at_a_terminal_is_told_of_a_failure_once_as_it_comes(cache: Path, tmp_path: Path, home: Path) -> None:
    from support.terminal import at_a_terminal

    broken = server(tmp_path, "sys.exit(4)")
    env = {LAB_CACHE: str(cache), "PATH": os.environ["PATH"], "TERM": "xterm"}

    screen, code = at_a_terminal(
        ["lab", "run", "codex", "--scenario", "handshake", "call", "--", *broken], [], home, env
    )

    assert code == 1
    came, report = screen.split("\r\n", 1)
    assert came.startswith(
        "\r\x1b[Kcodex, handshake, call: OpenAI Codex 0.169.0 would start without this server's tools"
    )
    assert report.count("would start without this server's tools") == 1


def test_a_server_is_started_in_the_folder_in_which_the_command_was_typed(cache: Path, tmp_path: Path) -> None:
    server(tmp_path, name="here.py")

    done = lab(cache, "run", "codex", "--scenario", "handshake", "--", sys.executable, "here.py", cwd=tmp_path)

    assert done.returncode == 0, done.stdout


def test_the_programs_may_be_in_a_folder_that_is_named_from_here(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "programs").symlink_to(cache)

    done = lab(cache, "run", "codex", "--cache", "programs", "--scenario", "handshake", "--", *BUNDLED, cwd=tmp_path)

    assert done.returncode == 0, done.stdout


def test_what_a_host_has_configured_is_driven_in_another_host(cache: Path, tmp_path: Path, home: Path) -> None:
    command = server(tmp_path)
    (home / ".cursor").mkdir()
    entry = {"mcpServers": {"small": {"command": command[0], "args": command[1:], "env": {"SMALL_TOKEN": PLANTED}}}}
    (home / ".cursor" / "mcp.json").write_text(json.dumps(entry))

    done = lab(cache, "run", "codex", "--scenario", "handshake", "--from", "cursor:small", "--json")

    assert cells(matrix(done)) == {("codex", "handshake"): "pass"}
    assert PLANTED not in done.stdout + done.stderr


def test_a_variable_that_the_server_needs_is_given_by_name_and_its_value_shown_nowhere(
    cache: Path, tmp_path: Path
) -> None:
    needs = server(tmp_path, "if os.environ.get('SMALL_API_KEY') != 'PLANTED': sys.exit(4)".replace("PLANTED", PLANTED))

    given = lab(
        cache,
        "run",
        "codex",
        "--scenario",
        "handshake",
        "--env",
        "SMALL_API_KEY",
        "--json",
        "--",
        *needs,
        env={"SMALL_API_KEY": PLANTED},
    )
    withheld = lab(cache, "run", "codex", "--scenario", "handshake", "--", *needs, env={"SMALL_API_KEY": PLANTED})
    unset = lab(cache, "run", "codex", "--env", "SMALL_API_KEY", "--", *needs)

    assert cells(matrix(given)) == {("codex", "handshake"): "pass"}, given.stdout
    assert PLANTED not in given.stdout + given.stderr
    assert withheld.returncode == 1
    assert "SMALL_API_KEY is not set" in unset.stderr


def test_every_file_that_a_run_writes_is_in_the_folder_that_keeps_it(cache: Path, tmp_path: Path, home: Path) -> None:
    kept = tmp_path / "kept"

    done = lab(cache, "run", "codex", "--scenario", "call", "--keep", str(kept), "--json", "--", *BUNDLED)

    (cell,) = matrix(done)["cells"]
    assert Path(cell["folder"]).is_relative_to(kept)
    assert list(kept.glob("codex/call/run/session*.jsonl"))
    assert not list(home.iterdir())
    again = lab(cache, "run", "codex", "--keep", str(kept), "--", *BUNDLED)
    assert again.returncode == 1
    assert "is not empty" in again.stderr


def test_a_session_that_is_recorded_replays_at_the_server_that_it_was_made_of(cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "sessions"

    done = lab(
        cache, "record", "codex", "--scenario", "call", "--out", str(out), "--", *BUNDLED, env={"SOME_API_KEY": PLANTED}
    )

    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.iterdir()
    header = Session(path).header
    assert (header.host, header.revision) == ("codex", "2025-06-18")
    assert header.more["scenario"] == "call"
    assert header.more["provenance"] == "connect-mcp lab record"
    assert PLANTED not in path.read_text()
    assert str(tmp_path) not in path.read_text()
    replayed = subprocess.run(
        [sys.executable, "-m", "connect_mcp", "conformance", "replay", str(path), "--", *BUNDLED],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert replayed.returncode == 0, replayed.stdout
    again = lab(cache, "record", "codex", "--scenario", "call", "--out", str(out), "--", *BUNDLED)
    assert again.returncode == 1
    assert "already" in again.stderr


def test_codex_is_as_its_profile_says(cache: Path) -> None:
    done = lab(cache, "diff", "codex", "--json")

    value = json.loads(done.stdout)
    shape("lab-diff").validate(value)
    (host,) = value["hosts"]
    assert host["differs"] == [], done.stdout
    assert {"is_error", "rpc_error", "unapproved", "without"} <= set(host["agrees"]), done.stdout
    assert len(host["agrees"]) > 20
    assert host["left_out"] == ["call_patience (--long does)"]
    assert set(host["unseen"]) <= {"shutdown (shutdown-deaf)"}, "a busy machine has not written it down in Codex's 5 ms"
    assert done.returncode == 0


_EDITED = """
import sys
from connect_mcp.base import fixtures
from connect_mcp.base.record import replace
from connect_mcp.conformance import profiles
from connect_mcp.installer.hosts import codex, all_hosts
profile = profiles.load
def load(identity):
    return replace(profile(identity), revision="2024-11-05")
profiles.load = load
codex.HOST = replace(codex.HOST, limits=codex.HOST.limits._replace(prefix="tool__{server}__{tool}"))
from connect_mcp.conformance.lab.commands import main
if __name__ == "__main__":
    sys.exit(main(["diff", "codex", "--json"]))
"""


def test_a_profile_with_another_revision_or_name_prefix_than_the_hosts_is_noticed(cache: Path, tmp_path: Path) -> None:
    program = tmp_path / "edited.py"
    program.write_text(_EDITED)

    done = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, LAB_CACHE: str(cache)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    (host,) = json.loads(done.stdout)["hosts"]
    differs = {one["fact"]: one for one in host["differs"]}
    assert set(differs) == {"revision", "name"}, done.stdout
    assert differs["revision"]["said"] == '"2024-11-05"'
    assert differs["revision"]["seen"] == '"2025-06-18"'
    assert "tool__{server}__{tool}" in differs["name"]["said"]
    assert "mcp__lab__echo" in differs["name"]["seen"]
    assert done.returncode == 1


def test_a_host_that_is_not_installed_is_not_the_servers_failure_and_yet_no_success(tmp_path: Path) -> None:
    done = lab(tmp_path, "run", "codex", "--", *BUNDLED)

    assert done.returncode == 1
    assert "none of the hosts is installed" in done.stderr
    assert "connect-mcp lab install codex" in done.stderr


def test_a_named_host_that_is_missing_beside_one_that_works_is_told_and_counts(cache: Path) -> None:
    done = lab(cache, "run", "codex", "vscode", "--patient", "--scenario", "handshake", "--json", "--", *BUNDLED)

    assert cells(matrix(done)) == {("codex", "handshake"): "pass", ("vscode", "handshake"): "not driven"}
    assert done.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="a parent that is gone is not seen there")
def test_a_lab_that_is_killed_takes_its_hosts_and_servers_along(cache: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    process = begun(cache, tmp_path, "--scenario", "slow-tool", "--keep", str(kept), kept=kept)
    assert of(kept)

    process.kill()
    process.communicate(timeout=60)

    end = time.monotonic() + 60
    while time.monotonic() < end and of(kept):
        time.sleep(0.1)
    assert not of(kept)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals to tell it by")
@pytest.mark.parametrize(("told", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_lab_that_is_told_to_end_clears_everything_away_first(
    cache: Path, tmp_path: Path, told: signal.Signals, code: int
) -> None:
    process = begun(cache, tmp_path, "--scenario", "very-slow-tool")

    process.send_signal(told)
    _, said = process.communicate(timeout=30)

    assert process.returncode == code, said
    assert "Traceback" not in said
    assert not os.listdir(tmp_path)
    assert not of(tmp_path)


def test_what_cannot_be_meant_is_refused_before_any_host_starts(tmp_path: Path) -> None:
    connect = [
        (("run", "nobody"), 2, "nobody"),
        (("run", "zed"), 2, "the lab cannot drive zed"),
        (("run", "--scenario", "nothing"), 1, "none of the hosts"),
        (("install", "--", "x"), 2, "takes no command"),
        (("diff", "codex", "--", "x"), 2, "`lab diff` takes no command"),
        (("diff", "--"), 2, "`lab diff` takes no command"),
        (("install", "codex", "--version", "../../elsewhere"), 2, "--version takes a version or a tag"),
        (("run", "--"), 2, "no command after --"),
    ]
    for argv, code, said in connect:
        done = lab(tmp_path, *argv)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_the_lab_is_listed_with_the_other_commands(capsys: pytest.CaptureFixture[str]) -> None:
    ran = CommandLine(capsys)("--help")

    assert "lab" in ran.out
    assert (fixtures() / "scenarios").is_dir()
    assert ROOT.is_dir()
