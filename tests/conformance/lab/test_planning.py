"""Which scenarios apply to a server is found out by looking at it once, and each that does not says why."""

import sys
from typing import Any

import pytest

from connect_mcp.base.record import replace
from connect_mcp.conformance.arguments import accepts
from connect_mcp.conformance.lab.drive import Server
from connect_mcp.conformance.lab.model.script import Call
from connect_mcp.conformance.lab.planning import UNICODE, Planned, look, plan, together
from connect_mcp.conformance.lab.scenario import all_scenarios, selected
from connect_mcp.conformance.trial import Options
from support.scenario_servers import with_faults

OPTIONS = Options(timeout=20.0)
EMBEDDED = Server((sys.executable, "-m", "connect_mcp", "serve", "--embedded"))


def planned(server: Server | None, options: Options = OPTIONS) -> dict[str, Planned]:
    return {one.scenario.id: one for one in plan(all_scenarios(), server, options)}


def called(plan: Planned) -> list[Call]:
    return [call for step in plan.script.steps for call in step]


def test_every_scenario_applies_to_the_scenario_server_as_it_is_written() -> None:
    for one in planned(None).values():
        assert not one.missing
        assert (one.script, one.server) == (one.scenario.steps, one.scenario.server)
    assert len(planned(None)["names"].looked.names) == 8 + 4 + 1


def test_the_bundled_server_takes_every_scenario_that_a_server_can() -> None:
    plans = planned(EMBEDDED)

    applies = {name for name, one in plans.items() if not one.missing}
    assert applies == {scenario.id for scenario in all_scenarios() if scenario.takes}
    assert len(plans["call"].looked.tools) == 47
    assert plans["handshake"].script == plans["call"].script == plans["shutdown"].script
    assert len(called(plans["two-calls"])) == 2
    assert UNICODE in called(plans["unicode"])[0].arguments.values()
    for name, one in plans.items():
        assert bool(one.missing) == (one.scenario.takes is None), name


def test_a_call_that_fails_has_arguments_that_the_tools_own_schema_refuses() -> None:
    for server in (EMBEDDED, with_faults()):
        one = planned(server)["is-error"]
        (call,) = called(one)
        (schema,) = (tool["inputSchema"] for tool in one.looked.tools if tool["name"] == call.tool)

        assert not accepts(schema, call.arguments)
    assert call == Call("echo", {})


def test_a_tool_is_called_with_the_users_example_before_any_other() -> None:
    options = replace(OPTIONS, examples={"big": {"bytes": 10}})

    assert called(planned(with_faults(), options)["call"]) == [Call("big", {"bytes": 10})]


def test_a_tool_that_may_change_something_is_called_only_where_the_user_allows_it() -> None:
    tools: list[dict[str, Any]] = [
        {"name": "write", "inputSchema": {"type": "object", "properties": {}}, "annotations": {"readOnlyHint": False}}
    ]
    source = f"""
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    results = {{"initialize": {{"protocolVersion": "2025-11-25", "capabilities": {{"tools": {{}}}},
               "serverInfo": {{"name": "writer", "version": "1"}}}}, "tools/list": {{"tools": {tools!r}}}}}
    if "id" in message:
        print(json.dumps({{"jsonrpc": "2.0", "id": message["id"], "result": results[message["method"]]}}), flush=True)
"""
    writer = Server((sys.executable, "-c", source))

    refused, allowed = planned(writer), planned(writer, replace(OPTIONS, call_tools=True))
    assert refused["call"].missing == (
        "write may not be called: it is not annotated as read-only; --call-tools or --example TOOL=JSON allows it"
    )
    assert (refused["handshake"].missing, called(refused["handshake"])) == ("", [])
    assert called(allowed["call"]) == [Call("write", {})]
    assert called(allowed["two-calls"]) == [Call("write", {}), Call("write", {})]
    assert allowed["is-error"].missing == "no tool that may be called has a schema which refuses any arguments"
    assert allowed["unicode"].missing == "no tool that may be called takes any text"


def test_a_server_that_cannot_be_looked_at_is_driven_once_for_all_that_a_server_can_be_driven_for() -> None:
    for server in (with_faults("never-ready"), with_faults("crash-at-start"), with_faults("no-list")):
        plans = planned(server, replace(OPTIONS, timeout=1.0))
        applies = {name for name, one in plans.items() if not one.missing}
        assert applies == {scenario.id for scenario in all_scenarios() if scenario.takes}
        assert [len(group) for group in together(list(plans.values()))] == [len(applies)]
        assert called(plans["call"]) == []
    assert "tools/list" in plans["call"].looked.failure


def test_a_server_that_cannot_be_started_says_so() -> None:
    looked = look(Server(("/nowhere/server",)), OPTIONS)

    assert looked.tools == ()
    assert "/nowhere/server" in looked.failure


def test_a_server_without_tools_takes_no_call() -> None:
    plans = planned(with_faults("no-tools"))

    assert plans["call"].missing == "it has no tools"
    assert not plans["handshake"].missing


def test_how_long_a_server_takes_and_all_its_pages_are_seen() -> None:
    looked = look(with_faults("paged=1", "slow-start=0.5"), OPTIONS)

    assert len(looked.names) == 8
    assert looked.ready is not None
    assert looked.ready >= 0.5


@pytest.mark.parametrize("revision", ["2026-07-28", "2025-11-25"])
def test_a_server_that_speaks_one_revision_alone_is_looked_at_in_it(revision: str) -> None:
    program = "from connect_mcp.conformance.lab import scenario_server as s; server = s.planted([]); "
    if revision == "2026-07-28":
        program += "server.methods.pop('initialize'); server.run()"
    else:
        program += "[server.methods.pop(method) for method in ('server/discover',)]; server.run()"

    assert len(look(Server((sys.executable, "-c", program)), OPTIONS).names) == 8


def test_scenarios_with_the_same_server_and_steps_share_a_run() -> None:
    groups = together(plan(selected(["handshake", "call", "shutdown", "is-error", "rpc-error"]), None, OPTIONS))
    assert [[one.scenario.id for one in group] for group in groups] == [
        ["handshake", "call", "shutdown"],
        ["is-error"],
        ["rpc-error"],
    ]

    under_test = together(plan(selected(["handshake", "call", "shutdown", "rpc-error"]), with_faults(), OPTIONS))
    assert [[one.scenario.id for one in group] for group in under_test] == [["handshake", "call", "shutdown"]]
