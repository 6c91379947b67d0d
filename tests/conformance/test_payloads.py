"""The payloads of fixtures/errors/lines: data that says what is sent and what must come back."""

import json
import sys
from pathlib import Path

import pytest

from connect_mcp.base.fixtures import fixtures
from connect_mcp.conformance.cases.payloads import CASES, sending
from connect_mcp.conformance.guard import Guard
from connect_mcp.conformance.payloads import Payload, Way, all_payloads
from connect_mcp.conformance.requirement import LEGACY, MODERN, REVISIONS
from connect_mcp.conformance.result import Broken
from connect_mcp.conformance.subject import StdioSubject
from connect_mcp.conformance.talk import modern_meta
from connect_mcp.conformance.trial import Options, Pace, Trial
from connect_mcp.conformance.wire import is_id
from support.servers import server
from support.subjects import ROWS, reference, results

FOLDER = fixtures() / "errors" / "lines"
ALL = all_payloads()
MEMBERS = {"about", "requirement", "needs", "source", "send", "expect"}

CONTRARY = """
import json, sys
for line in sys.stdin.buffer:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    message = message if isinstance(message, dict) else {}
    ident, method = message.get("id"), message.get("method")
    answer = {"id": None, "error": {"code": -32000, "message": "no"}}
    if method == "initialize":
        capabilities = dict.fromkeys(["tools", "resources", "prompts", "completions", "logging"], {})
        version = message["params"]["protocolVersion"]
        info = {"name": "contrary", "version": "1"}
        result = {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}
        answer = {"id": ident, "result": result}
    elif str(ident).startswith("fence-"):
        answer = {"id": ident, "result": {}}
    elif method == "notifications/initialized":
        continue
    print(json.dumps({"jsonrpc": "2.0", **answer}), flush=True)
"""
"""A server that meets whatever is no handshake and no fence with an error that nothing asks for."""

LOGGING = """
def handle(line):
    try:
        message = json.loads(line)
    except ValueError:
        said = {"level": "error", "data": "Internal Server Error"}
        return say({"jsonrpc": "2.0", "method": "notifications/message", "params": said})
    if "id" in message:
        answer(message)
"""
"""A server that tells of lines it cannot read in its log, as those on the official Python SDK 1.x do."""

HURRIED = Options(timeout=5, pace=Pace(silence=0.02, grace=0.1, before_fence=0.05, early=0.05, end=1.0))


@pytest.mark.parametrize("payload", ALL, ids=lambda one: str(one.id))
def test_a_payload_belongs_to_a_requirement_and_says_what_must_come_back(payload: Payload) -> None:
    data = json.loads((FOLDER / f"{payload.id}.json").read_text(encoding="utf-8"))
    assert set(data) <= MEMBERS
    assert payload.about
    assert payload.source
    row = ROWS[payload.requirement]
    assert set(payload.ways) == set(row.revisions), "it says of each revision of its requirement what must come back"
    assert all(payload.ways.values())
    for ways in data["expect"].values():
        assert all(set(way) <= {"results", "error", "id"} for way in ways)
    line = payload.line("ping", {})
    assert b"\n" not in line
    assert b"{{" not in line


def test_every_requirement_with_a_payload_has_its_case_from_it() -> None:
    assert set(CASES) == {payload.requirement for payload in ALL}
    assert len(ALL) > len(CASES)


def test_no_two_payloads_have_the_same_id_in_them() -> None:
    """All that a revision has may be sent to one process, which must answer each id once."""
    for revision in REVISIONS:
        idents = [
            json.dumps(ident)
            for payload in ALL
            if revision in payload.ways
            for ident in _idents(payload.line("ping", {}))
        ]
        assert len(set(idents)) == len(idents)


def test_a_way_without_results_and_codes_is_silence() -> None:
    by_id = {payload.id: payload for payload in ALL}
    assert by_id["notification-unknown"].ways["2025-06-18"] == (Way(),)
    assert by_id["id-null"].ways["2025-06-18"] == (Way(codes=(-32600, -32700)), Way())
    assert by_id["array-of-two"].ways["2025-03-26"] == (Way(results=("array-1", "array-2")),)
    assert by_id["cut-short"].ways["2026-07-28"] == (Way(codes=(-32700,), id="none"),)


def test_what_the_revision_wants_stands_in_place_of_the_placeholders() -> None:
    by_id = {payload.id: payload for payload in ALL}
    line = by_id["version-1"].line("server/discover", {"a": 1})
    assert json.loads(line)["method"] == "server/discover"
    assert json.loads(line)["params"] == {"_meta": {"a": 1}}
    assert by_id["spaces-and-tabs"].line("ping", {}).startswith(b" \t {")
    assert b"\xff\xfe" in by_id["not-utf-8"].line("ping", {})


@pytest.mark.parametrize("payload", ALL, ids=lambda one: str(one.id))
def test_a_payload_is_judged_by_what_comes_back(payload: Payload) -> None:
    """Each of them breaks its rule where the answer is not a right one; the known-bad subjects show the first alone."""
    revision = max(set(payload.ways) & set(LEGACY))
    with Guard() as guard:
        trial = Trial(StdioSubject([sys.executable, "-S", "-c", CONTRARY], guard), HURRIED)
        assert trial.look(revision).missing is None
        with trial.open(revision) as talk, pytest.raises(Broken):
            sending([payload])(talk)


def test_the_reason_names_the_payload() -> None:
    found = results(reference("PARSE-TRUNC"), [ROWS["PARSE-TRUNC"]], ["2025-11-25"])
    assert "a request" in found[0].why


def test_a_notification_is_no_answer(tmp_path: Path) -> None:
    (found,) = results(server(tmp_path, LOGGING), [ROWS["PARSE-GARBAGE"]], ["2025-11-25"])
    assert found.why == "after a header as language servers have it, no answer came back, and error -32700 was due"
    assert any("notifications/message" in line.text for line in found.exchange), "what came is shown"


def _idents(line: bytes) -> list[object]:
    try:
        value = json.loads(line)
    except ValueError:
        return []
    items = value if isinstance(value, list) else [value]
    return [item["id"] for item in items if isinstance(item, dict) and "method" in item and is_id(item.get("id"))]


def requests_in(payload: Payload) -> list[dict[str, object]]:
    """What a lenient server would read as requests that have room for `_meta`, whatever their bytes are."""
    line = payload.line("tools/list", modern_meta()).decode("utf-8", "replace").lstrip("\ufeff")
    try:
        value = json.loads(line)
    except ValueError:
        return []
    found = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
    return [one for one in found if "method" in one and "id" in one and isinstance(one.get("params", {}), dict)]


@pytest.mark.parametrize("payload", [one for one in ALL if MODERN in one.ways], ids=lambda payload: payload.id)
def test_a_request_names_the_revision_where_each_stands_alone(payload: Payload) -> None:
    for request in requests_in(payload):
        params = request["params"]
        assert isinstance(params, dict)
        assert params["_meta"] == modern_meta(), "else it may be refused for that, and the case judges the wrong thing"


def test_most_payloads_are_requests() -> None:
    assert sum(bool(requests_in(payload)) for payload in ALL if MODERN in payload.ways) > 18
