"""VS Code itself, in a browser, reads what `configure vscode` wrote, starts the server, and its chat calls a tool."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.conformance.lab.all_recipes import selected
from connect_mcp.conformance.lab.drive import Server, drive
from connect_mcp.conformance.lab.evidence import Evidence
from connect_mcp.conformance.lab.install import CACHE, Program, install
from connect_mcp.conformance.lab.model.script import Call, Script
from connect_mcp.conformance.lab.recipes.vscode import RECIPE

WANTED = "CONNECT_MCP_TEST_VSCODE"
ROOT = Path(__file__).parents[3]
BUNDLED = Server((sys.executable, "-m", "connect_mcp", "serve", "--embedded"))
PATIENCE = 400.0  # a minute on a quiet machine
LIST_WORKSPACES = Script(((Call("list_workspaces", {}),),))


@pytest.fixture(scope="module")
def vscode() -> Program:
    if not os.environ.get(WANTED):
        pytest.skip(f"{WANTED} is not set")
    return install(RECIPE, Path(os.environ.get(CACHE) or ROOT / ".cache" / "lab"), os.environ)


def test_its_own_version_is_told_beside_that_of_the_package(vscode: Program) -> None:
    assert vscode.shown_version == "1.139.1 (code-server 4.139.1)"


def shown(evidence: Evidence, key: str) -> list[Any]:
    """What the script at the workbench saw of one kind, in order."""
    lines = [json.loads(line) for line in evidence.output.splitlines()]
    return [line[key] for line in lines if key in line]


def assert_pictures(evidence: Evidence, *names: str) -> None:
    assert [picture.stem for picture in evidence.shown] == list(names)
    for picture in evidence.shown:
        data = picture.read_bytes()
        assert data.startswith(b"\x89PNG")
        assert len(data) > 10_000, "an empty page is smaller"


@pytest.mark.parametrize(("scope", "place"), [("user", "127.0.0.1:"), ("project", "project/.vscode/mcp.json")])
def test_it_lists_and_starts_the_bundled_server_and_its_chat_calls_a_tool(
    vscode: Program, tmp_path: Path, scope: str, place: str
) -> None:
    evidence = drive(RECIPE, vscode, BUNDLED, LIST_WORKSPACES, tmp_path, patience=PATIENCE, scope=scope)

    assert evidence.exit == 0, evidence.errors
    before, after = shown(evidence, "servers")
    assert [row for row in before if row.startswith(f"lab, Stopped, {place}")], before
    assert [row for row in after if row.startswith(f"lab, Running, {place}")], after
    (start,) = evidence.starts
    assert start.of("initialize")[0].params["protocolVersion"] == "2025-11-25"
    assert start.revision == "2025-11-25"
    assert len(start.tools) == 47
    assert {f"mcp_connect_{tool}" for tool in start.tools} <= {tool.full for tool in evidence.turns[0].offered}
    assert [call.params["name"] for call in start.calls] == ["list_workspaces"]
    (result,) = evidence.turns[-1].seen
    assert "Riverside Makers" in result.text
    assert "Riverside Makers" in shown(evidence, "said")[0], "a person reads it in the chat"
    assert start.exit == 0
    assert evidence.left == ()
    (tools,) = shown(evidence, "tools")
    assert "Connect, lab" in tools, "its title, and the entry's name"
    assert_pictures(evidence, "servers-before", "chat", "tools", "servers-after")


def test_a_server_that_ends_at_once_is_shown_as_failed_with_what_it_said(vscode: Program, tmp_path: Path) -> None:
    broken = Server((sys.executable, "-S", "-c", "raise SystemExit('there are no settings')"))

    evidence = drive(RECIPE, vscode, broken, LIST_WORKSPACES, tmp_path, patience=PATIENCE)

    assert evidence.exit == 0, evidence.errors
    assert "lab, Error Process exited with code 1, " in "\n".join(shown(evidence, "servers")[-1])
    (output,) = shown(evidence, "output")
    assert [line for line in output if line.endswith("[server stderr] there are no settings")]
    assert shown(evidence, "tools") == []
    assert not any(tool.full.startswith("mcp_") for turn in evidence.turns for tool in turn.offered)
    assert {start.exit for start in evidence.starts} == {1}
    assert evidence.left == ()
    assert_pictures(evidence, "servers-before", "chat", "tools", "servers-after", "output")


def test_without_a_model_an_extension_calls_tools_through_its_mcp_client(vscode: Program, tmp_path: Path) -> None:
    reads, writes = Call("list_workspaces", {}), Call("mark_all_notifications_read", {})
    fails = Call("get_ticket", {"ticket_id": "00000000-0000-4000-8000-000000000000"})

    evidence = drive(
        RECIPE, vscode, BUNDLED, Script(((reads,), (writes,), (fails,))), tmp_path, patience=PATIENCE, quick=True
    )

    assert evidence.exit == 0, evidence.errors
    assert evidence.turns == ()
    (start,) = evidence.starts
    assert evidence.returned is not None
    assert {f"mcp_connect_{tool}" for tool in start.tools} == set(evidence.returned.tools)
    assert [call.params["name"] for call in start.calls] == [reads.tool, writes.tool, fails.tool]
    listed, marked, missing = (result.text for result in evidence.returned.results)
    assert "Riverside Makers" in listed
    assert marked
    assert "NOT_FOUND" in missing
    assert evidence.left == ()


def test_without_a_browser_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="VS Code cannot be driven: there is no chromium") as refused:
        install(RECIPE, tmp_path, {"PATH": str(tmp_path)})

    assert refused.value.mend == "apt-get install chromium"


def test_it_is_driven_where_it_is_named_only() -> None:
    assert "vscode" not in [recipe.host_id for recipe in selected([])]
    assert [recipe.host_id for recipe in selected(["vscode"])] == ["vscode"]
