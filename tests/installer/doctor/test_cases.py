"""Every case of fixtures/doctor: a broken machine, what doctor finds on it, and that it is silent once mended.

A case of this system is a real folder, looked at by the real command, and mended by the command that doctor prints. A
case of another system is a machine whose files are a dictionary; it is mended by the case's own files.
"""

import base64
import io
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.installer.doctor.examination import examine, worst_first
from connect_mcp.installer.doctor.model import Program, sight
from connect_mcp.installer.hosts.all_hosts import HOSTS
from support.cli import CommandLine
from support.machines import HOMES, FakeFiles, machine

FOLDER = Path(__file__).parents[3] / "fixtures" / "doctor"
KEYS = {"about", "platform", "env", "cwd", "files", "finds", "command", "after", "processor", "stdin", "prepare"}
VERSION = "1.0.0"


def load(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert set(case) <= KEYS, f"{path.name}: a key that the runner does not know is a mistake in the case"
    return case


CASES = {path.stem: load(path) for path in sorted(FOLDER.glob("*.json"))}
REAL = [name for name, case in CASES.items() if case.get("platform", "linux") == "linux" and "processor" not in case]
SIMULATED = [name for name in CASES if name not in REAL]


def filled(text: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        text = text.replace(f"@{name}@", value)
    return text


class Folder:
    """A case's machine as a real home folder."""

    def __init__(self, case: Mapping[str, Any], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.places = {"HOME": str(home), "PYTHON": sys.executable, "BIN": os.path.dirname(sys.executable)}
        self.lay(case.get("files", {}))
        for name, value in case.get("env", {}).items():
            monkeypatch.setenv(name, filled(value, self.places))
        folder = home / case.get("cwd", ".")
        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(folder)

    def lay(self, files: Mapping[str, Any]) -> None:
        for name, about in files.items():
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if about is None:
                path.unlink()
            elif about == "folder":
                path.mkdir(exist_ok=True)
            elif about == "gone":
                path.rmdir()
            elif isinstance(about, dict) and "link" in about:
                path.symlink_to(filled(about["link"], self.places))
            else:
                path.write_bytes(content(about, self.places))
                if isinstance(about, dict) and "mode" in about:
                    path.chmod(int(about["mode"], 8))


def content(about: object, places: Mapping[str, str]) -> bytes:
    """A file's bytes: a text as it is; JSON for any other value of `json`; `base64` for what is no text."""
    if isinstance(about, str):
        return filled(about, places).encode()
    assert isinstance(about, dict)
    if "base64" in about:
        return base64.b64decode(about["base64"])
    if "json" in about:
        return filled(json.dumps(about["json"], indent=2), places).encode()
    return filled(str(about["text"]), places).encode()


def ids(findings: list[dict[str, Any]]) -> list[str]:
    return [f"{finding['id']} {finding['host']}" for finding in findings]


@pytest.mark.parametrize("name", REAL)
def test_a_broken_machine_is_understood_and_silent_once_mended(
    name: str, connect_mcp: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    if "prepare" in case:
        assert connect_mcp(*case["prepare"]).code == 0
    folder = Folder(case, home, monkeypatch)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(case.get("stdin", "").encode())))
    before = contents(home)
    ran = connect_mcp("doctor", "--json", "--no-start", *case.get("command", ()))
    assert ids(ran.data["findings"]) == case["finds"]
    assert ran.code == (1 if any(finding["severity"] == "error" for finding in ran.data["findings"]) else 0)
    assert before == {path: path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}, (
        "it changed a file"
    )
    assert all(finding["mend"] and finding["where"] for finding in ran.data["findings"])
    if "after" in case:
        folder.lay(case["after"])
    else:
        for finding in ran.data["findings"]:
            mend(finding["command"], connect_mcp)
    left = connect_mcp("doctor", "--json", "--no-start", *case.get("command", ())).data["findings"]
    assert left == [], f"{name}: still found after the mend"


def contents(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}


def mend(command: list[str], connect_mcp: CommandLine) -> None:
    """Do what doctor printed."""
    assert command, "no command mends this: the case needs `after`"
    if command[0] == "connect-mcp":
        quietly = {"doctor": ("--yes", "--no-start"), "remove": ("--yes",), "configure": ("--no-verify", "--yes")}
        split = command.index("--") if "--" in command else len(command)
        ran = connect_mcp(*command[1:split], *quietly.get(command[1], ()), *command[split:])
        assert ran.code in (0, 1) if command[1] == "doctor" else ran.code == 0, ran.err
    elif command[0] == "chmod":
        mode = int(command[1], 8) if command[1].isdigit() else 0o755
        os.chmod(command[2], mode)
    else:
        raise AssertionError(f"who runs {command}?")


@pytest.mark.parametrize("name", SIMULATED)
def test_a_broken_machine_of_another_system_is_understood(name: str) -> None:
    case = CASES[name]
    assert found(case, case["files"]) == case["finds"]
    if case["finds"]:
        assert found(case, {**case["files"], **case["after"]}) == []


def found(case: Mapping[str, Any], files: Mapping[str, Any]) -> list[str]:
    platform = case.get("platform", "linux")
    home = HOMES[platform]
    places = {"HOME": home, "HOME_JSON": home.replace("\\", "\\\\")}
    there = {path: about for path, about in files.items() if about is not None}
    here = machine(platform, env={key: filled(text, places) for key, text in case.get("env", {}).items()})
    held = {native(here, path): None if about == "folder" else content(about, places) for path, about in there.items()}
    may_run = [path for path, about in there.items() if isinstance(about, dict) and "x" in about.get("mode", "")]
    view = FakeFiles(held, frozenset(native(here, path) for path in may_run))
    here = type(here)(here.platform, home, here.env, here.join(home, case.get("cwd", "work")), view)
    seen = sight(here, HOSTS, None, Program(VERSION, case.get("processor", "")))
    return [f"{finding.id} {result.host.id}" for result, finding in worst_first(list(examine(seen)))]


def native(here: Any, path: str) -> str:
    joined: str = here.join(here.home, path)
    return joined


def test_every_check_is_tripped_by_a_case() -> None:
    checked = {entry.split()[0] for case in CASES.values() for entry in case["finds"]}
    source = "".join(path.read_text() for path in Path(examine.__code__.co_filename).parent.rglob("*.py"))
    assert len([case for case in CASES.values() if case["finds"]]) >= 60
    assert [name for name in sorted(checked) if f'"{name}"' not in source] == []
