"""What a recording shows of the facts in a profile, from sessions of real hosts and of our own making."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.record import replace
from connect_mcp.conformance.lab.evidence import Evidence, Leftover, start_of
from connect_mcp.conformance.lab.facts import FACTS, UNSEEN, Fact, not_looked_at
from connect_mcp.conformance.lab.model.script import Answer, Made, Offered, Seen, Turn
from connect_mcp.conformance.profiles import load, profile_ids

HEADER = {"format": "connect-mcp session", "version": 1, "host": "codex", "host_version": "0.169.0"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {"experimental": {"codex/auth-change": {}}, "elicitation": {"form": {}, "url": {}}},
        "clientInfo": {"name": "codex-mcp-client", "title": "Codex", "version": "0.169.0"},
    },
}
READY = {"jsonrpc": "2.0", "id": 0, "result": {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {}}}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {"progressToken": 0}}}
CALL = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "echo", "arguments": {}}}
RESULT = {"jsonrpc": "2.0", "id": 2, "result": {"content": []}}

Line = tuple[str, Mapping[str, Any]]


def host(message: Mapping[str, Any]) -> Line:
    return "host", {"msg": message}


def server(message: Mapping[str, Any]) -> Line:
    return "server", {"msg": message}


def evidence(folder: Path, lines: Sequence[Line], *, version: str = "0.169.0", left: bool = False) -> Evidence:
    path = folder / "session.jsonl"
    events = [{"t": 0.01 * at, "ev": kind, **more} for at, (kind, more) in enumerate(lines)]
    path.write_text("".join(json.dumps(line) + "\n" for line in [HEADER, *events]))
    leftovers = (Leftover("python", True),) if left else ()
    return Evidence("codex", version, (start_of(path, 0.1),), (), 0, 1.0, "", "", leftovers, True)


def fact(name: str) -> Fact:
    return next(fact for fact in FACTS if fact.name == name)


def agrees(name: str, made: Evidence) -> bool:
    profile = load("codex")
    found = fact(name)
    return found.same(found.said(profile), found.seen(made), profile, made)


def test_what_the_host_says_of_itself_is_held_against_its_profile(tmp_path: Path) -> None:
    made = evidence(tmp_path, [host(INITIALIZE), server(READY), host(LIST)])

    assert fact("revision").seen(made) == "2025-06-18"
    assert fact("probes").seen(made) is False
    assert fact("first_id").seen(made) == 0
    for name in ("revision", "client", "capabilities", "first_id", "probes"):
        assert agrees(name, made), name


def test_a_newer_program_may_say_its_own_version_and_nothing_else_of_itself_anew(tmp_path: Path) -> None:
    newer = json.loads(json.dumps(INITIALIZE))
    newer["params"]["clientInfo"]["version"] = "0.170.0"

    assert agrees("client", evidence(tmp_path, [host(newer)], version="0.170.0"))
    assert not agrees("client", evidence(tmp_path, [host(newer)], version="0.169.0"))
    newer["params"]["clientInfo"]["title"] = "Codex 2"
    assert not agrees("client", evidence(tmp_path, [host(newer)], version="0.170.0"))


def test_a_host_in_a_package_that_speaks_in_its_own_name_is_as_its_profile_says(tmp_path: Path) -> None:
    def says(name: str) -> Evidence:
        opening = {**INITIALIZE, "params": {"clientInfo": {"name": name, "version": "1.140.0"}}}
        return replace(evidence(tmp_path, [host(opening)], version="1.140.0"), host_id="vscode")

    profile, found = load("vscode"), fact("client")
    for name, agreed in (("code-server", True), ("Visual Studio Code", False)):
        made = says(name)
        assert found.same(profile.client, found.seen(made), profile, made) is agreed


def test_a_run_that_never_got_so_far_shows_nothing(tmp_path: Path) -> None:
    made = evidence(tmp_path, [])

    shown = {fact.name for fact in FACTS if fact.seen(made) is not UNSEEN}
    assert shown == {"leaves_orphan", "without"}  # that the server started and ended is seen


def test_the_opening_is_what_comes_before_the_first_call(tmp_path: Path) -> None:
    made = evidence(tmp_path, [host(INITIALIZE), server(READY), host(LIST), host(CALL)])

    assert fact("opening").seen(made) == [{"method": "tools/list", "params": {"_meta": {"progressToken": 0}}}]
    assert agrees("opening", made)
    other = {**LIST, "params": {}}
    assert not agrees("opening", evidence(tmp_path, [host(INITIALIZE), server(READY), host(other), host(CALL)]))


def test_of_a_call_the_profile_may_know_less_than_there_is_but_nothing_else(tmp_path: Path) -> None:
    more = {"callId": "call_9", "threadId": "{{uuid:1}}", "sessionId": "{{uuid:2}}", "progressToken": 7, "cwd": "/"}
    call = {**CALL, "params": {**CALL["params"], "_meta": more}}  # type: ignore[dict-item]

    assert agrees("call", evidence(tmp_path, [host(call), server(RESULT)]))
    del more["progressToken"]
    assert not agrees("call", evidence(tmp_path, [host(call), server(RESULT)]))


def test_a_notification_after_a_call_is_seen(tmp_path: Path) -> None:
    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}}

    assert agrees("after_call", evidence(tmp_path, [host(CALL), server(RESULT)]))
    assert not agrees("after_call", evidence(tmp_path, [host(CALL), server(RESULT), host(cancelled)]))


def test_a_request_for_a_further_page_and_for_changed_tools_is_seen(tmp_path: Path) -> None:
    paged = {"jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": {"cursor": "1"}}
    changed = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}

    assert fact("follows_pages").seen(evidence(tmp_path, [host(LIST)])) is False
    assert fact("follows_pages").seen(evidence(tmp_path, [host(LIST), host(paged)])) is True
    assert fact("relists").seen(evidence(tmp_path, [host(LIST), server(changed)])) is False
    assert fact("relists").seen(evidence(tmp_path, [host(LIST), server(changed), host(paged)])) is True


def test_what_the_host_answers_the_server_is_held_against_its_profile(tmp_path: Path) -> None:
    def answered(roots: object) -> Evidence:
        asked = [server({"jsonrpc": "2.0", "id": name, "method": name}) for name in ("ping", "roots/list", "labs/odd")]
        unknown = {"jsonrpc": "2.0", "id": "labs/odd", "error": {"code": -32601, "message": "no such thing"}}
        given = [
            host({"jsonrpc": "2.0", "id": "ping", "result": {}}),
            host({"jsonrpc": "2.0", "id": "roots/list", "result": roots}),
            host(unknown),
        ]
        return evidence(tmp_path, [*asked, *given])

    assert agrees("replies", answered({"roots": []}))
    assert not agrees("replies", answered({"roots": [{"uri": "file:///x"}]}))


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ([(0, "eof"), (0.001, "SIGTERM")], True),  # at once, in either order
        ([(0, "SIGTERM"), (0.001, "eof")], True),
        ([(0, "SIGINT"), (0.001, "eof")], False),
        ([(0, "eof"), (2, "SIGTERM")], False),
        ([(0, "SIGTERM")], False),
    ],
)
def test_the_ending_is_the_same_steps_at_the_same_moments(
    tmp_path: Path, ending: Sequence[tuple[float, str]], expected: bool
) -> None:
    path = tmp_path / "session.jsonl"
    events = [
        {"t": 1 + t, "ev": "eof", "of": "stdin"} if what == "eof" else {"t": 1 + t, "ev": "signal", "name": what}
        for t, what in ending
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in [HEADER, *events]))
    made = Evidence("codex", "0.169.0", (start_of(path, 0.1),), (), 0, 1.0, "", "", (), True)

    assert agrees("shutdown", made) is expected


def test_what_a_host_does_within_a_kill_may_go_unseen_and_nothing_else(tmp_path: Path) -> None:
    found, copilot, made = fact("shutdown"), load("copilot-cli"), evidence(tmp_path, [])

    def same(*steps: tuple[str, float]) -> bool:
        return found.same(copilot.shutdown, [list(step) for step in steps], copilot, made)

    assert tuple(copilot.shutdown[-1]) == ("SIGKILL", 0.001)
    assert same(("SIGTERM", 0.0), ("eof", 0.0))
    assert same(("SIGTERM", 0.0))
    assert not same(("SIGINT", 0.0))
    assert not same(("SIGTERM", 0.0), ("SIGINT", 0.0))
    codex = load("codex")
    assert not found.same(codex.shutdown, [["SIGTERM", 0.0]], codex, made), "5 ms are enough"


def test_a_server_that_is_left_running_is_an_orphan(tmp_path: Path) -> None:
    assert agrees("leaves_orphan", evidence(tmp_path, [host(LIST)]))
    assert not agrees("leaves_orphan", evidence(tmp_path, [host(LIST)], left=True))


def test_a_call_that_is_made_again_after_an_error_is_counted(tmp_path: Path) -> None:
    again = {**CALL, "id": 3}

    assert fact("repeats_failed_calls").seen(evidence(tmp_path, [host(CALL)])) == 0
    assert fact("repeats_failed_calls").seen(evidence(tmp_path, [host(CALL), host(again)])) == 2


def turn(*seen: Seen, at: float = 1.0, calls: Sequence[str] = ()) -> Turn:
    offers = tuple(Offered(name, None, "", None) for name in ("echo", "change"))
    made = tuple(Made(f"lab_call_{place}", Offered(name, None, "", None), {}) for place, name in enumerate(calls))
    return Turn(at, "", "responses", "scripted", False, offers, seen, Answer(made), b"")


def test_what_the_model_sees_of_a_failure_is_held_against_what_the_lab_once_saw(tmp_path: Path) -> None:
    made = evidence(tmp_path, [host(LIST)])

    def sees(text: str, *, marked: bool | None = None) -> Evidence:
        return replace(made, turns=(turn(), turn(Seen("lab_call_0", text, marked))))

    as_before = "Wall time: 0.02 seconds\nOutput:\nThis failed: there is no such record."
    assert agrees("is_error", sees(as_before))
    assert agrees("is_error", sees(as_before.replace("0.02", "12.5")))
    assert not agrees("is_error", sees(as_before, marked=True))
    assert not agrees("is_error", sees("Error: This failed: there is no such record."))
    assert fact("rpc_error").seen(made) is UNSEEN


@pytest.mark.parametrize(
    ("called", "tried", "expected"),
    [
        (("echo", "change"), ("echo",), "run"),
        (("echo",), ("echo",), "run where read-only"),
        ((), ("echo",), "refused"),
        ((), (), "not offered"),
    ],
)
def test_what_becomes_of_calls_that_nobody_has_approved_is_one_of_four_things(
    tmp_path: Path, called: Sequence[str], tried: Sequence[str], expected: str
) -> None:
    tools = {"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "echo"}, {"name": "change"}]}}
    calls = [host({**CALL, "id": name, "params": {"name": name}}) for name in called]

    made = replace(evidence(tmp_path, [host(LIST), server(tools), *calls]), turns=(turn(calls=tried),))

    assert fact("unapproved").seen(made) == expected
    assert agrees("unapproved", made) is (expected == load("codex").unapproved)
    assert fact("unapproved").seen(replace(made, turns=())) is UNSEEN


def test_what_a_host_does_without_its_server_is_seen_in_how_it_ends_and_in_what_it_says(tmp_path: Path) -> None:
    made = replace(evidence(tmp_path, [host(INITIALIZE)]), turns=(turn(),))

    assert agrees("without", made)
    assert not agrees("without", replace(made, exit=1))
    assert not agrees("without", replace(made, turns=()))
    assert not agrees("without", replace(made, starts=(*made.starts, *made.starts)))
    assert not agrees("without", replace(made, output='{"name": "lab", "status": "failed"}'))
    assert fact("without").seen(replace(made, starts=())) is UNSEEN


def test_how_long_a_host_waits_for_a_call_is_the_time_until_its_model_is_told(tmp_path: Path) -> None:
    told = Seen("lab_call_0", "timed out", None)
    never = evidence(tmp_path, [host(LIST), host(CALL)])
    gave_up = replace(never, turns=(turn(calls=["slow"]), turn(told, at=60.3)))

    assert fact("call_patience").seen(gave_up) == pytest.approx(60.2, abs=0.1)
    assert fact("call_patience").same(60, 60.2, load("cline"), gave_up)
    assert not fact("call_patience").same(60, 30.0, load("cline"), gave_up)
    assert not fact("call_patience").same(60, None, load("cline"), gave_up)
    assert not agrees("call_patience", gave_up), "Codex is known to wait as long as it takes"
    answered = replace(evidence(tmp_path, [host(CALL), server(RESULT)]), turns=(turn(told, at=60.3),))
    assert fact("call_patience").seen(answered) is None
    assert fact("call_patience").seen(replace(never, turns=(turn(calls=["slow"]),))) is UNSEEN


@pytest.mark.parametrize("identity", profile_ids())
def test_every_fact_of_a_profile_is_looked_at_or_named_as_one_that_is_not(identity: str) -> None:
    profile = load(identity)

    looked_at = {fact.name for fact in FACTS if fact.said(profile) is not UNSEEN}
    assert {*looked_at, *not_looked_at(profile), *profile.unknown} == set(profile.known)
    assert not looked_at & set(not_looked_at(profile))
