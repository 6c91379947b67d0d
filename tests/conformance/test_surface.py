"""What a server offers, kept and compared: what a change does to callers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.conformance.surface import differences, size
from support.servers import server

OBJECT = {"type": "object"}


def tool(**changes: Any) -> dict[str, Any]:
    return {"tools": {"t": {"inputSchema": OBJECT, **changes}}}


def taking(*required: str, **properties: Any) -> dict[str, Any]:
    return tool(inputSchema={**OBJECT, "properties": properties, "required": list(required)})


def giving(*required: str, **properties: Any) -> dict[str, Any]:
    return tool(outputSchema={**OBJECT, "properties": properties, "required": list(required)})


TEXT, NUMBER = {"type": "string"}, {"type": "number"}


def prompt(*arguments: dict[str, Any]) -> dict[str, Any]:
    return {"prompts": {"p": {"arguments": list(arguments)}}}


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (tool(), tool(), []),
        (tool(), {"tools": {}}, ["breaking"]),
        ({"tools": {}}, tool(), ["compatible"]),
        (tool(), tool(description="Does more."), ["told"]),
        (taking(), taking(a=TEXT), ["compatible"]),
        (taking(), taking("a", a=TEXT), ["breaking"]),
        (taking(a=TEXT), taking("a", a=TEXT), ["breaking"]),
        (taking("a", a=TEXT), taking(a=TEXT), ["compatible"]),
        (taking(a=TEXT), taking(), ["breaking"]),
        (taking(a=TEXT), taking(a=NUMBER), ["breaking"]),
        (taking(a=TEXT), taking(a={"type": ["string", "null"]}), ["compatible"]),
        (taking(a=TEXT), taking(a={**TEXT, "enum": ["x"]}), ["breaking"]),
        (taking(a={**TEXT, "enum": ["x"]}), taking(a={**TEXT, "enum": ["x", "y"]}), ["compatible"]),
        (taking(a={**NUMBER, "maximum": 5}), taking(a={**NUMBER, "maximum": 9}), ["compatible"]),
        (taking(a={**NUMBER, "minimum": 5}), taking(a={**NUMBER, "minimum": 9}), ["breaking"]),
        (taking(a={**TEXT, "maxLength": 5}), taking(a=TEXT), ["compatible"]),
        (taking(a={"type": "array", "items": TEXT}), taking(a={"type": "array", "items": NUMBER}), ["breaking"]),
        (taking(a=TEXT), taking(a={**TEXT, "pattern": "^x"}), ["breaking"]),
        (taking(a=TEXT), taking(a={**TEXT, "description": "A name."}), ["told"]),
        (giving(), giving(a=TEXT), ["compatible"]),
        (giving(a=TEXT), giving(), ["breaking"]),
        (giving("a", a=TEXT), giving(a=TEXT), ["breaking"]),
        (giving(a=TEXT), giving("a", a=TEXT), ["compatible"]),
        (giving(a={**TEXT, "enum": ["x"]}), giving(a={**TEXT, "enum": ["x", "y"]}), ["breaking"]),
        (giving(), tool(), ["breaking"]),
        (tool(), giving(), ["compatible"]),
        (tool(annotations={"readOnlyHint": True}), tool(annotations={"readOnlyHint": False}), ["breaking"]),
        (tool(), tool(annotations={"readOnlyHint": True}), ["compatible"]),
        (prompt({"name": "a"}), prompt(), ["breaking"]),
        (prompt(), prompt({"name": "a"}), ["compatible"]),
        (prompt(), prompt({"name": "a", "required": True}), ["breaking"]),
        ({"resources": {"u": {}}}, {"resources": {}}, ["breaking"]),
        ({"templates": {}}, {"templates": {"u/{x}": {}}}, ["compatible"]),
    ],
)
def test_a_change_is_told_by_what_it_does_to_callers(
    before: dict[str, Any], after: dict[str, Any], kinds: list[str]
) -> None:
    assert [difference.kind for difference in differences(before, after)] == kinds


def test_names_of_a_server_are_shown_without_their_control_characters() -> None:
    (difference,) = differences({"tools": {"a\x1b[31m": {}}}, {})
    assert difference.where == "tool a\\x1b[31m"


def test_the_size_counts_what_a_model_is_given() -> None:
    assert size({"t": {"description": "ä" * 100}})["bytes"] == len('[{"name": "t", "description": ""}]') + 200


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "connect_mcp", "conformance", "surface", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_surface_is_kept_and_compared(tmp_path: Path) -> None:
    kept = str(tmp_path / "surface.json")
    command = server(tmp_path)
    assert "3 tools, " in run("--out", kept, "--", *command).stdout
    same = run("--check", kept, "--", *command)
    assert (same.returncode, same.stdout[:10]) == (0, "no changes")
    more = server(tmp_path, "TOOLS.append(tool('more'))")
    assert run("--check", kept, "--", *more).returncode == 0
    assert run("--check", kept, "--strict", "--", *more).returncode == 1
    fewer = run("--check", kept, "--json", "--", *server(tmp_path, "TOOLS.pop(0)"))
    assert fewer.returncode == 1
    assert json.loads(fewer.stdout)["changes"] == [{"kind": "breaking", "where": "tool echo", "what": "is gone"}]


@pytest.mark.parametrize(("text", "why"), [("{", "not JSON"), ("[]", "no surface of version 1")])
def test_a_file_that_is_no_surface_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "surface.json").write_text(text)
    ran = run("--check", str(tmp_path / "surface.json"), "--", *server(tmp_path))
    assert ran.returncode == 1
    assert why in ran.stderr
    assert "mend: " in ran.stderr


def test_a_server_that_does_not_answer_is_refused(tmp_path: Path) -> None:
    ran = run("--timeout", "1", "--", *server(tmp_path, "sys.exit(3)"))
    assert ran.returncode == 1
    assert "cannot be asked what it offers" in ran.stderr
