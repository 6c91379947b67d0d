"""Over keyring's real backends: a file of keyrings.alt, and what there is without D-Bus; a process each, since it keeps
what it has found first.
"""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from connect_mcp.base import keychain
from connect_mcp.base.errors import Refused
from support.keychains import ALT, NONE

CODE = """
import sys
from connect_mcp.base import keychain
from connect_mcp.base.errors import Refused
try:
    keychain.write("A", "one"); keychain.write("A", "two"); keychain.write("b/A", "three")
    print(keychain.read("A"), keychain.read("b/A"))
    keychain.forget("A"); keychain.forget("A")
    print(keychain.read("A"), keychain.read("b/A"))
except Refused as refusal:
    print(refusal)
"""


def run(*argv: str, home: Path, said: str = "", **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *argv],
        input=said,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_values_come_back_are_replaced_and_are_forgotten(home: Path) -> None:
    done = run("-c", CODE, home=home, PYTHON_KEYRING_BACKEND=ALT)
    assert done.stdout.splitlines() == ["two three", "None three"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the keychain needs no bus")
def test_without_a_bus_the_reason_is_said(home: Path) -> None:
    done = run("-c", CODE, home=home, PYTHON_KEYRING_BACKEND=NONE)
    assert "the keychain could not be written to" in done.stdout
    assert "no keychain can be reached from here: on Linux that takes a D-Bus session" in done.stdout
    assert "leave --keychain out" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is a better one")
def test_a_backend_that_does_not_encrypt_is_used_only_where_it_was_chosen(home: Path) -> None:
    done = run("-c", CODE, home=home)
    assert "may not encrypt" in done.stdout
    chosen = home / ".config" / "python_keyring" / "keyringrc.cfg"
    chosen.parent.mkdir(parents=True)
    chosen.write_text(f"[backend]\ndefault-keyring={ALT}\n", encoding="utf-8")
    assert run("-c", CODE, home=home).stdout.splitlines() == ["two three", "None three"]


def test_as_a_program_it_says_whether_a_value_is_there_without_saying_the_value(home: Path) -> None:
    write = "from connect_mcp.base import keychain; keychain.write('A', 'planted')"
    assert run("-c", write, home=home, PYTHON_KEYRING_BACKEND=ALT).returncode == 0
    for said, name, backend, code, why in (
        ("planted", "A", ALT, 0, ""),
        ("other", "A", ALT, 1, "it has another value of that name"),
        ("planted", "B", ALT, 1, "it has nothing of that name"),
        ("planted", "A", NONE, 1, "no keychain can be reached from here"),
    ):
        done = run("-m", "connect_mcp.base.keychain", name, home=home, said=said, PYTHON_KEYRING_BACKEND=backend)
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr.startswith(why)
        assert "planted" not in done.stderr


def test_a_keychain_that_waits_for_a_person_is_not_waited_for_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keychain, "PATIENCE", 0.05)
    keyring = pytest.importorskip("keyring")
    monkeypatch.setattr(keyring, "get_password", lambda *_: time.sleep(30))
    with pytest.raises(Refused, match="did not answer"):
        keychain.read("A")


def test_what_a_backend_says_is_shown_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring

    def broken(*_: object) -> str:
        raise RuntimeError("no\x1b[31m bus for token=planted123")

    monkeypatch.setattr(keyring, "get_password", broken)
    with pytest.raises(Refused) as refusal:
        keychain.read("A")
    assert "RuntimeError: no\\x1b[31m bus for token=********" in refusal.value.why
