import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connect_mcp.base.errors import Misuse
from connect_mcp.base.folders import folders
from connect_mcp.base.secrets import Store
from connect_mcp.installer.commands.run import Wanted, read
from support.cli import CommandLine

PLANTED, OTHER = "planted-0123456789", "planted-9876543210"


@pytest.fixture
def store(home: Path) -> Store:
    store = Store(folders().config)
    store.put("GITHUB_TOKEN", PLANTED)
    store.put("acme/GITHUB_TOKEN", OTHER)
    return store


def connect_mcp(*argv: str, said: bytes = b"", **env: str) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "connect_mcp", *argv]
    return subprocess.run(command, input=said, capture_output=True, env={**os.environ, **env}, check=False, timeout=60)


SHOWN = ("--", "sh", "-c", 'echo "$GITHUB_TOKEN,$OTHER"')


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (("--secret", "GITHUB_TOKEN"), f"{PLANTED},"),
        (("--secret=GITHUB_TOKEN=OTHER",), f"mine,{PLANTED}"),
        (("--secret", "acme/GITHUB_TOKEN"), f"{OTHER},"),
        (("--secret", "acme/GITHUB_TOKEN=OTHER", "--secret", "GITHUB_TOKEN"), f"{PLANTED},{OTHER}"),
        (("--profile", "acme", "--secret", "GITHUB_TOKEN"), f"{OTHER},"),
        (("--profile=other", "--secret", "acme/GITHUB_TOKEN"), f"{OTHER},"),
    ],
)
def test_the_command_gets_the_secrets_that_are_named(store: Store, argv: tuple[str, ...], shown: str) -> None:
    done = connect_mcp("run", *argv, *SHOWN, GITHUB_TOKEN="mine")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{shown}\n".encode(), b"")


def test_it_becomes_the_command_with_its_streams_its_arguments_and_its_end(store: Store) -> None:
    script = 'cat; echo "$$ $1" >&2; exit 7'
    command = ["run", "--secret", "GITHUB_TOKEN", "--", "sh", "-c", script, "sh", "a b\nc"]
    with subprocess.Popen(
        [sys.executable, "-m", "connect_mcp", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        out, err = process.communicate(b"\x00\xff\r\n" * 100_000, 60)
    assert (out, err, process.returncode) == (b"\x00\xff\r\n" * 100_000, f"{process.pid} a b\nc\n".encode(), 7)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs Linux' /proc")
def test_no_secret_is_an_argument_and_no_signal_stays_ignored(store: Store) -> None:
    done = connect_mcp("run", "--secret", "GITHUB_TOKEN", "--", "cat", "/proc/self/cmdline", "/proc/self/status")
    assert PLANTED.encode() not in done.stdout
    ignored = int(re.findall(rb"SigIgn:\s*([0-9a-f]+)", done.stdout)[0], 16)
    assert ignored & 1 << (signal.SIGPIPE - 1) == 0


def test_files_that_are_open_stay_closed_to_the_command(store: Store) -> None:
    done = connect_mcp("run", "--secret", "GITHUB_TOKEN", "--", "sh", "-c", "ls /proc/self/fd | wc -l")
    plain = subprocess.run(["sh", "-c", "ls /proc/self/fd | wc -l"], input=b"", capture_output=True, check=True)
    assert done.stdout == plain.stdout


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--secret", "NOPE"), "this secret is not stored: NOPE\nmend: connect-mcp secret set NOPE"),
        (
            ("--secret", "NOPE", "--secret", "acme/NO"),
            "mend: connect-mcp secret set NOPE; connect-mcp secret set acme/NO",
        ),
        (("--profile", "none", "--secret", "GITHUB_TOKEN"), "connect-mcp secret set none/GITHUB_TOKEN"),
    ],
)
def test_what_is_missing_is_named_with_the_line_that_mends_it(store: Store, argv: tuple[str, ...], said: str) -> None:
    done = connect_mcp("run", *argv, "--", "echo", "started")
    assert (done.returncode, done.stdout) == (1, b"")
    assert said in done.stderr.decode()
    assert PLANTED not in done.stderr.decode()


def test_a_command_that_cannot_be_started_is_named_without_the_secret(store: Store, tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    odd.write_bytes(b"\0")
    odd.chmod(0o755)
    for command, said in (
        ("no-such-program", "`no-such-program` was not found"),
        ("./none", "there is no such file"),
        (str(tmp_path), "was not started\nPermission denied"),
        (str(odd), "was not started\nExec format error"),
    ):
        done = connect_mcp("run", "--secret", "GITHUB_TOKEN", "--", command)
        assert (done.returncode, done.stdout) == (1, b"")
        assert said in done.stderr.decode()
        assert PLANTED not in done.stderr.decode()


def test_the_store_of_another_settings_folder_can_be_named(tmp_path: Path) -> None:
    Store(tmp_path).put("A", "there")
    done = connect_mcp("run", "--config-dir", str(tmp_path), "--secret", "A", "--", "sh", "-c", "echo $A")
    assert done.stdout == b"there\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((), "no --secret is named"),
        (("--", "x"), "no --secret is named"),
        (("--secret", "A"), "there is no command after --"),
        (("--secret", "A", "--"), "there is no command after --"),
        (("--secret", "--", "x"), "--secret needs a value"),
        (("--secret", "A", "x"), "-- is missing"),
        (("--sekret", "A", "--", "x"), "does not know --sekret"),
        (("--secret", "A=B-C", "--", "x"), "is no variable's name"),
        (("--secret", "A=", "--", "x"), "is no variable's name"),
        (("--secret", "A B", "--", "x"), "a secret is named for a variable"),
        (("--profile", "/", "--secret", "A", "--", "x"), "--profile is letters"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(connect_mcp: CommandLine, argv: tuple[str, ...], said: str) -> None:
    ran = connect_mcp("run", *argv)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_a_value_in_the_place_of_a_name_is_not_shown(connect_mcp: CommandLine) -> None:
    ran = connect_mcp("run", "--secret", "sk-0123456789abcdef", "--", "x")
    assert ran.code == 2
    assert "0123456789" not in ran.err


def test_arguments_are_read_as_they_were_written() -> None:
    argv = ["--config-dir=/c", "--secret", "p/A=B", "--secret=C", "--", "x", "--secret", "--", "y"]
    assert read(argv) == Wanted({"B": "p/A", "C": "C"}, ["x", "--secret", "--", "y"], "/c")
    with pytest.raises(Misuse):
        read(["--secret"])


def test_help_is_help(connect_mcp: CommandLine) -> None:
    assert connect_mcp("run", "--help").out.startswith("usage: connect-mcp run --secret NAME")


def test_nothing_that_is_slow_to_load_stands_on_the_way_to_the_server(store: Store) -> None:
    script = "import sys; sys.modules['os'].execvpe = lambda *_: print(*sys.modules); sys.argv[1:] = sys.argv[2:]; "
    script += "from connect_mcp.__main__ import main; main()"
    argv = [sys.executable, "-c", script, "-", "run", "--secret", "GITHUB_TOKEN", "--", "x"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {
        "argparse",
        "pathlib",
        "subprocess",
        "threading",
        "dataclasses",
        "keyring",
        "ctypes",
        "inspect",
    }
