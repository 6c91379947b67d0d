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


LISTS: dict[str, Any] = {"tools": {}, "prompts": {}, "resources": {}, "templates": {}}
WHOLE = {"version": 1, "revision": "2025-11-25", **LISTS}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("[" * 100000, "not JSON"),
        ("[]", "no surface of version 1"),
        (json.dumps({**WHOLE, "revision": "1"}), "no surface of version 1"),
        (json.dumps({**WHOLE, "tools": []}), "no surface of version 1"),
        (json.dumps({**WHOLE, "prompts": {"p": 5}}), "no surface of version 1"),
    ],
    ids=range(6),
)
def test_a_file_that_is_no_surface_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "surface.json").write_text(text)
    ran = run("--check", str(tmp_path / "surface.json"), "--", *server(tmp_path))
    assert ran.returncode == 1
    assert why in ran.stderr
    assert "mend: " in ran.stderr


SAYS_ALL = """
TOOLS.append(tool("key-" + sys.argv[2], "Uses " + os.environ["OUR_API_TOKEN"] + " and Bearer abcdef123456."))
TOOLS[0]["inputSchema"]["properties"] = {"to": {"enum": [os.environ["OUR_API_TOKEN"] + CHANGED, sys.argv[2]]}}
"""


def test_no_secret_is_kept_printed_or_told_by_a_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_API_TOKEN", "of-the-environment")
    kept, secrets = tmp_path / "surface.json", ("of-the-environment", "of-the-command", "abcdef123456")
    before = [*server(tmp_path, "CHANGED = ''" + SAYS_ALL, "before.py"), "--token", "of-the-command"]
    after = [*server(tmp_path, "CHANGED = 'x'; INFO['version'] = '2'" + SAYS_ALL, "after.py"), *before[-2:]]
    assert run("--out", str(kept), "--", *before).returncode == 0
    text = kept.read_text()
    assert "Uses ******** and Bearer ********" in text
    assert "key-********" in text
    told = run("--check", str(kept), "--", *after)
    assert "enum is" in told.stdout
    for shown in (text, run("--", *before).stdout, told.stdout, told.stderr):
        assert not [secret for secret in secrets if secret in shown]
    assert run("--check", str(kept), "--strict", "--", *before).stdout.startswith("no changes")


def test_a_file_that_holds_a_secret_from_elsewhere_does_not_bring_it_into_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_API_TOKEN", "of-the-environment")
    (tmp_path / "surface.json").write_text(json.dumps({**WHOLE, "tools": {"of-the-environment": {}}}))
    told = run("--check", str(tmp_path / "surface.json"), "--", *server(tmp_path))
    assert "breaking: tool ******** is gone" in told.stdout


MALFORMED: list[Any] = [
    {"properties": [1]},
    {"properties": {"a": 5}, "required": 5},
    {"required": [[]]},
    {"type": 5},
    {"enum": 5},
    {"minimum": "x"},
    {"maxLength": None},
    [],
    None,
]


@pytest.mark.parametrize("schema", MALFORMED, ids=json.dumps)
def test_a_malformed_schema_is_another_one(schema: Any) -> None:
    sound = {"type": "object", "minimum": 1, "maxLength": 4, "enum": [1], "required": ["a"], "properties": {"a": TEXT}}
    for before, after in ((schema, sound), (sound, schema)):
        (difference,) = differences(tool(inputSchema=before), tool(inputSchema=after))
        assert (difference.kind, difference.what) == ("breaking", "has another schema")
    assert differences(tool(inputSchema=schema), tool(inputSchema=schema)) == []


def test_malformed_prompts_and_annotations_say_nothing() -> None:
    before, after = {"prompts": {"p": {"arguments": 5}}}, {"prompts": {"p": {"arguments": [5, {}, {"name": []}]}}}
    assert differences(before, after) == []
    assert differences(tool(annotations=[1]), tool(annotations=None)) == []


DEEP = """
deep = {}
for _ in range(int(sys.argv[1])):
    deep = {"properties": {"a": deep}}
TOOLS[0]["inputSchema"] = deep
sys.setrecursionlimit(9000)
"""


@pytest.mark.parametrize("depth", [300, 470, 2000])
def test_what_is_nested_too_deeply_is_refused(tmp_path: Path, depth: int) -> None:
    kept, deep = str(tmp_path / "kept"), [*server(tmp_path, DEEP), str(depth)]
    written = run("--out", kept, "--", *deep)
    compared = run("--check", kept, "--", *deep) if written.returncode == 0 else written
    if depth == 300:
        assert compared.returncode == 0, compared.stderr
    elif depth == 2000:
        assert "cannot be asked what it offers" in compared.stderr
    assert compared.returncode == 0 or "connect-mcp: " in compared.stderr
    assert compared.returncode in (0, 1)


def test_a_list_that_cannot_be_had_is_not_an_empty_one(tmp_path: Path) -> None:
    refusing = (
        "def result(method, params, usual=result):\n    return usual(method, params) if method != 'tools/list' else {}"
    )
    ran = run("--out", str(tmp_path / "kept"), "--", *server(tmp_path, refusing))
    assert ran.returncode == 1
    assert "tools/list is answered with a result, without tools" in ran.stderr
    assert not (tmp_path / "kept").exists()
    empty = run("--", *server(tmp_path, "TOOLS.clear()"))
    assert json.loads(empty.stdout)["tools"] == {}


def test_a_server_that_does_not_answer_is_refused(tmp_path: Path) -> None:
    ran = run("--timeout", "1", "--", *server(tmp_path, "sys.exit(3)"))
    assert ran.returncode == 1
    assert "cannot be asked what it offers" in ran.stderr
