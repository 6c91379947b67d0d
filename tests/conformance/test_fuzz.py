"""What the fuzzer finds, that it can be seen again, and that it finds nothing where nothing is wrong."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connect_mcp.conformance.commands import main
from connect_mcp.conformance.fuzz import SORTS, Fuzzed, fuzz
from connect_mcp.conformance.guard import Guard
from connect_mcp.conformance.invariants import Invariants
from connect_mcp.conformance.made import valid
from connect_mcp.conformance.replay import Server, replay
from connect_mcp.conformance.session import Session
from connect_mcp.conformance.subject import StdioSubject
from connect_mcp.conformance.trial import Options, Pace, Trial
from support.servers import server
from support.subjects import reference

LEGACY = "2025-11-25"
BRISK = Options(timeout=3, call_tools=True, pace=Pace(silence=0.05))

SOUND = """
error = lambda message, code: say({"jsonrpc": "2.0", "id": message["id"], "error": {"code": code, "message": "no"}})
LISTS = {"prompts/list": {"prompts": []}, "tools/list": {"tools": TOOLS[:1]}, "ping": {}}

def result(method, params):
    if method == "initialize":
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": INFO}
    return LISTS[method]

def call(params):
    return {"content": [{"type": "text", "text": "done"}]}

def answer(message):
    method, params = message["method"], message.get("params", {})
    if method == "tools/call" and params.get("name") == "echo":
        return say({"jsonrpc": "2.0", "id": message["id"], "result": call(params)})
    if method not in LISTS and method != "initialize":
        return error(message, -32601)
    say({"jsonrpc": "2.0", "id": message["id"], "result": result(method, params)})

def handle(line):
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return
    if not isinstance(message, dict) or not isinstance(message.get("method"), str) or message.get("jsonrpc") != "2.0":
        return
    if not isinstance(message.get("params", {}), dict) or type(message.get("id")) not in (str, int):
        return
    answer(message)
"""
FAULTS = {
    "twice": "usual = answer\ndef answer(m): [usual(m) for _ in range(1 + (m['method'] == 'prompts/list'))]",
    "silent": "usual = answer\ndef answer(m): m['id'] == '' or m['method'] != 'prompts/get' and usual(m)",
    "died": "def call(params): isinstance(params.get('arguments'), dict) or os._exit(7); return {'content': []}",
    "malformed": "LISTS['prompts/list'] = {'prompts': [{}]}",
    "secret": "def call(params): return {'content': [{'type': 'text', 'text': json.dumps(dict(os.environ))}]}",
}

WHERE = {"died": "calls", "secret": "calls"}


def fuzzed(
    command: Sequence[str],
    out: Path,
    seed: int = 1,
    examples: int = 25,
    only: str = LEGACY,
    sorts: Sequence[str] = SORTS,
) -> Fuzzed:
    with Guard() as guard:
        return fuzz(
            Trial(StdioSubject(command, guard), BRISK), [only], examples=examples, seed=seed, out=out, sorts=sorts
        )


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_found_made_small_and_seen_again(kind: str, tmp_path: Path) -> None:
    command = server(tmp_path, SOUND + FAULTS[kind])
    (smallest,) = fuzzed(command, tmp_path, sorts=[WHERE.get(kind, "orders")]).found
    assert smallest.kind == kind
    assert (smallest.messages, smallest.again) == (1, True)
    again = replay(smallest.session, Server(command), timeout=2)
    assert again.outcome == "fail", again
    assert again.differences[0].what == smallest.what.partition(" (")[0] or kind == "died"
    mended = replay(smallest.session, Server(server(tmp_path, SOUND, "mended.py")), timeout=2)
    assert mended.outcome == "pass", mended


def test_what_shows_only_after_other_messages_is_made_small_too(tmp_path: Path) -> None:
    third = "seen = []\nusual = answer\ndef answer(m): seen.append(1); len(seen) == 9 or usual(m)"
    found = fuzzed(server(tmp_path, SOUND + third), tmp_path, examples=12, sorts=["calls"]).found
    assert [one.kind for one in found] == ["silent"]
    assert min(one.messages for one in found if one.again) <= 9


@pytest.mark.parametrize("revision", [LEGACY, "2026-07-28"])
def test_nothing_is_found_in_a_correct_server(tmp_path: Path, revision: str) -> None:
    done = fuzzed(reference(), tmp_path, only=revision)
    assert (done.found, done.notes) == ((), ())
    assert set(done.examples.values()) == {25}


def test_a_seed_makes_the_same_examples(tmp_path: Path) -> None:
    said = (
        "usual = handle\ndef handle(line): open(sys.argv[1] if sys.argv[1:] else 'said', 'ab').write(line); usual(line)"
    )
    told: list[bytes] = []
    for seed in (5, 5, 6):
        heard = tmp_path / f"heard-{len(told)}"
        fuzzed([*server(tmp_path, SOUND + said), str(heard)], tmp_path, seed, examples=8, sorts=["orders"])
        told.append(heard.read_bytes())
    assert told[0] == told[1]
    assert told[0] != told[2]


def test_the_command_says_the_seed_and_how_to_see_it_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = server(tmp_path, SOUND + FAULTS["secret"])
    run = [
        "run",
        "--only",
        "PING-EMPTY",
        "--fuzz",
        "--examples",
        "5",
        "--seed",
        "3",
        "--call-tools",
        "--fuzz-out",
        str(tmp_path),
    ]
    assert main([*run, "--revision", LEGACY, "--", *command]) == 1
    shown = capsys.readouterr().out
    assert "fuzzed with --seed 3" in shown
    (path,) = [line.split()[4] for line in shown.splitlines() if "again: connect-mcp" in line][:1]
    assert main(["replay", path, "--", *command]) == 1


def test_a_session_of_the_fuzzer_holds_the_bytes_as_they_were(tmp_path: Path) -> None:
    found = fuzzed(server(tmp_path, SOUND + FAULTS["malformed"]), tmp_path, sorts=["orders"]).found[0]
    events = list(Session(found.session).events())
    first = json.loads(events[0].raw or b"")
    assert first["method"] == "initialize"
    assert all(event.raw is not None for event in events if event.ev == "host")


@pytest.mark.parametrize(
    ("sent", "came", "kind"),
    [
        ('{"jsonrpc":"2.0","id":1,"method":"ping"}', '{"jsonrpc":"2.0","id":1,"result":{}}', None),
        ('{"jsonrpc":"2.0","id":1,"method":"ping"}', '{"jsonrpc":"2.0","id":"1","result":{}}', "stranger"),
        ('{"jsonrpc":"2.0","id":1,"method":"ping"}', "", "silent"),
        ('{"jsonrpc":"2.0","id":1,"method":"ping"}', "hello", "malformed"),
        (
            '{"jsonrpc":"2.0","method":"x/y"}',
            '{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":""}}',
            "stranger",
        ),
        ("{", '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":""}}', None),
        ("{", "", None),
        ('{"jsonrpc":"2.0","id":1,"method":"ping","zzz":1}', "", None),
        ('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\ud800"}}', "", None),
        ('{"jsonrpc":"2.0","id":null,"method":"ping"}', "", None),
    ],
)
def test_the_invariants(sent: str, came: str, kind: str | None) -> None:
    law = Invariants(LEGACY)
    law.sent(sent.encode())
    problem = (law.received(came.encode()) if came else None) or law.silent()
    assert (problem and problem.kind) == kind


def test_a_cancelled_request_may_be_answered_and_need_not_be() -> None:
    law = Invariants(LEGACY)
    law.sent(b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}')
    law.sent(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}')
    assert law.silent() is None
    assert law.received(b'{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}') is None


def test_over_http_an_error_without_an_id_refuses_a_request() -> None:
    law = Invariants(LEGACY, over_http=True)
    law.sent(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
    assert law.received(b'{"jsonrpc":"2.0","error":{"code":-32600,"message":"no session"}}') is None
    assert law.silent() is None


@pytest.mark.parametrize(
    ("params", "is_broken"),
    [
        ("null", False),
        ('{"_meta":null}', False),
        ('{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}', True),
    ],
)
def test_a_request_that_names_no_revision_may_be_answered_as_one_of_another(params: str, is_broken: bool) -> None:
    """A server of both eras answers a ping that names no revision as those with `initialize` have it."""
    law = Invariants("2026-07-28")
    law.sent(b'{"jsonrpc":"2.0","id":1,"method":"ping","params":%s}' % params.encode())
    problem = law.received(b'{"jsonrpc":"2.0","id":1,"result":{}}')
    assert (problem is not None) is is_broken


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "a": {"type": "integer", "minimum": 3, "maximum": 9},
        "b": {"type": ["string", "null"], "minLength": 2, "maxLength": 5},
        "c": {"type": "array", "items": {"$ref": "#/$defs/one"}, "minItems": 1, "maxItems": 2},
        "d": {"anyOf": [{"enum": ["x", "y"]}, {"type": "boolean"}, {"type": "number", "exclusiveMaximum": 0}]},
    },
    "required": ["a", "c"],
    "additionalProperties": False,
    "$defs": {"one": {"const": 1}},
}


@settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None, deadline=None)
@given(st.data())
def test_made_arguments_are_what_the_schema_accepts(data: st.DataObject) -> None:
    import jsonschema

    jsonschema.validate(data.draw(valid(SCHEMA, SCHEMA)), SCHEMA)
