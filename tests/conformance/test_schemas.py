import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from connect_mcp.base.fixtures import fixtures
from connect_mcp.conformance.schemas import MODERN, REVISIONS, Conversation, Fault, faults, line_faults
from support.server_messages import Message, contents, input_required, messages, notified, task, tool

A, B, C, D, E = REVISIONS
PLANTED = "arc_live_planted_00000000"


def answer(result: Any, identity: Any = 1) -> Message:
    return {"jsonrpc": "2.0", "id": identity, "result": result}


def error(code: Any = -32601, identity: Any = 1, **more: Any) -> Message:
    return {"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": "m", **more}}


def told(found: tuple[Fault, ...]) -> list[str]:
    return [f"{fault.rule}: {fault}" for fault in found]


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_good_message_of_every_kind_has_no_fault(revision: str) -> None:
    found = {str(message): told(faults(message, revision, method)) for method, message in messages(revision)}
    assert {text: rules for text, rules in found.items() if rules} == {}


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_examples_cover_every_kind_of_message_that_the_revision_has(revision: str) -> None:
    """Read from the definitions, so that a new row without an example is noticed."""
    table: dict[str, set[str]] = {"results": set(), "notifications": set(), "requests": set()}
    for name in REVISIONS[: REVISIONS.index(revision) + 1]:
        data = json.loads((fixtures() / "protocol" / f"{name}.json").read_text(encoding="utf-8"))
        assert data["revision"] == name
        for kind, methods in table.items():
            for method, definition in data.get(kind, {}).items():
                methods.add(method) if definition else methods.discard(method)
    made = messages(revision)
    assert {method for method, message in made if "result" in message} == table["results"]
    assert {message["method"] for _, message in made if "method" in message and "id" not in message} == table[
        "notifications"
    ]
    assert {message["method"] for _, message in made if "method" in message and "id" in message} == table["requests"]


def described(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every member and item."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from described(value[key], (*path, key))


def changed(message: Message, path: tuple[Any, ...], value: Any) -> Message:
    made = copy.deepcopy(message)
    holder = made
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return made


FREE = {"data", "structuredContent", "input", "y", "a", "_meta", "any", "more"}
"""Members whose value the specification leaves open, in the examples."""


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_member_of_a_wrong_type_is_a_fault_wherever_it_stands(revision: str) -> None:
    """Each member of each example in turn is given a value that no member may have: a list of a list with null."""
    missed = []
    for method, message in messages(revision):
        for path in described(message):
            if FREE & {str(key) for key in path} or path[-1] in ("uri", "url", "src"):
                continue
            if not faults(changed(message, path, [[None]]), revision, method):
                missed.append((method or message.get("method"), path))
    assert [row for row in missed if row[0] != "tasks/result" and not is_open(revision, row[1])] == []


def is_open(revision: str, path: tuple[Any, ...]) -> bool:
    """Whether the member belongs to a tool's JSON Schema, of which the last revision says nearly nothing."""
    within = {"inputSchema", "outputSchema"} & set(path)
    return revision == MODERN and bool(within) and path[-1] != "$schema"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (5, "json-rpc: the message is an integer; it must be an object"),
        ("x", "json-rpc: the message is a string; it must be an object"),
        ([], f"json-rpc: the message is an array; only {B} has batches"),
        ({"id": 1, "result": {}}, 'json-rpc: jsonrpc is missing; it must be "2.0"'),
        ({"jsonrpc": "1.0", "id": 1, "result": {}}, 'json-rpc: jsonrpc is "1.0"; it must be "2.0"'),
        (answer({}, None), "json-rpc: id is null; it must be that of the request, a string or an integer"),
        (answer({}, 1.5), "json-rpc: id is 1.5; it must be that of the request, a string or an integer"),
        (answer({}, True), "json-rpc: id is true; it must be that of the request, a string or an integer"),
        (
            {"jsonrpc": "2.0", "result": {}},
            "json-rpc: id is missing; it must be that of the request, a string or an integer",
        ),
        ({"jsonrpc": "2.0", "id": 1}, "json-rpc: the message has no method, no result and no error"),
        ({**answer({}), **error()}, "json-rpc: the message has both result and error; it must have one of them"),
        ({**answer({}), "method": "ping"}, "json-rpc: result stands beside a method; a message asks or answers"),
        ({"jsonrpc": "2.0", "method": 1}, "json-rpc: method is 1; it must be a string"),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, "json-rpc: id is null; it must be a string or an integer"),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, "json-rpc: id is 1.5; it must be a string or an integer"),
        (
            {"jsonrpc": "2.0", "method": "notifications/message", "params": [1]},
            "json-rpc: params is an array; it must be an object",
        ),
        (error("x"), "schema: error.code is a string; it must be an integer"),
        ({"jsonrpc": "2.0", "id": 1, "error": "broken"}, "schema: error is a string; it must be an object"),
        ({"jsonrpc": "2.0", "id": 1, "error": {}}, "schema: error has no code and no message"),
        (answer(None), "schema: result is null; it must be an object"),
        (answer([]), "schema: result is an array; it must be an object"),
        (
            {"jsonrpc": "2.0", "method": "notifications/odd"},
            f'method: method is "notifications/odd": {D} has no such notification from a server',
        ),
        (
            {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
            f'method: method is "tools/list": {D} has no such request from a server',
        ),
        (
            {"jsonrpc": "2.0", "method": "notifications/progress"},
            "schema: params has no progressToken and no progress",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(message: Any, expected: str) -> None:
    assert told(faults(message, D)) == [expected]


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("identity", [{"id": None}, {}], ids=["null", "absent"])
def test_an_error_about_an_unreadable_request_may_have_a_null_id_or_none(
    revision: str, identity: dict[str, None]
) -> None:
    assert faults({"jsonrpc": "2.0", **identity, "error": {"code": -32700, "message": "m"}}, revision) == ()


def listed(*tools: Message) -> Message:
    return answer({"tools": list(tools)})


@pytest.mark.parametrize(
    ("revision", "method", "message", "expected"),
    [
        (D, "tools/list", answer({}), ["schema: result has no tools"]),
        (D, "tools/list", listed({"name": "a"}), ["schema: result.tools[0] has no inputSchema"]),
        (
            D,
            "tools/list",
            listed({"name": "a", "inputSchema": None}),
            ["schema: result.tools[0].inputSchema is null; it must be an object"],
        ),
        (
            D,
            "tools/list",
            listed({"name": "a", "inputSchema": {"type": "array"}}),
            ['schema: result.tools[0].inputSchema.type is "array"; it must be "object"'],
        ),
        (
            E,
            "tools/list",
            listed(),
            ["schema: result has no resultType", "schema: result has no ttlMs and no cacheScope"],
        ),
        (
            E,
            "tools/list",
            answer({"tools": [], "resultType": "complete", "ttlMs": -1, "cacheScope": "all"}),
            [
                'schema: result.cacheScope is "all"; it must be one of "public", "private"',
                "schema: result.ttlMs is -1; it must be at least 0",
            ],
        ),
        (
            A,
            "tools/call",
            answer({"content": [{"type": "audio", "data": "", "mimeType": "a/b"}]}),
            ['schema: result.content[0].type is "audio"; it must be one of "text", "image", "resource"'],
        ),
        (D, "tools/call", answer({"content": [{"text": "x"}]}), ["schema: result.content[0] has no type"]),
        (
            D,
            "tools/call",
            answer({"content": [{"type": "image", "data": "not base64!", "mimeType": "a/b"}]}),
            ['format: result.content[0].data is no base64: "not base64!"'],
        ),
        (
            D,
            "resources/read",
            answer({"contents": [{"uri": "notes"}]}),
            [
                "schema: result.contents[0] has neither text nor blob",
                'format: result.contents[0].uri is no URI: "notes"',
            ],
        ),
        (
            D,
            "completion/complete",
            answer({"completion": {"values": ["a"] * 101}}),
            ["schema: result.completion.values has 101 items; it may have 100"],
        ),
        (E, "tools/call", error(-32022), ["schema: error has no data"]),
        (D, "tools/call", error(-32042, data={}), ["schema: error.data has no elicitations"]),
        (C, "tools/call", error(-32042), []),
        (
            E,
            None,
            {"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage", "params": {}},
            [f'method: method is "sampling/createMessage": in {E} a server sends no requests'],
        ),
        (D, "ping", answer({"_meta": 5}), ["schema: result._meta is an integer; it must be an object"]),
        (D, "x/unknown", answer({"whatever": 5}), []),
        (D, "tools/call", answer({"content": [], "odd \x1b[1m": 1}), []),
        (
            D,
            "tools/list",
            listed({"name": PLANTED, "inputSchema": {"type": f"token={PLANTED}\x1b[1m"}}),
            ['schema: result.tools[0].inputSchema.type is "token=********[1m"; it must be "object"'],
        ),
    ],
)
def test_a_message_is_held_against_the_revision_in_force_and_what_it_answers(
    revision: str, method: str | None, message: Message, expected: list[str]
) -> None:
    assert told(faults(message, revision, method)) == expected


def test_a_task_comes_back_only_where_one_was_asked_for() -> None:
    made = answer({"task": task()})
    assert faults(made, D, "tools/call", with_task=True) == ()
    assert told(faults(made, D, "tools/call")) == ["schema: result has no content"]
    assert told(faults(made, C, "tools/call", with_task=True)) == ["schema: result has no content"]


def test_what_a_server_still_needs_is_checked_as_the_request_that_it_would_have_been() -> None:
    asking = input_required()
    asking["inputRequests"]["one"]["params"].pop("message")
    asking["inputRequests"]["three"]["method"] = "tools/list"
    assert told(faults(answer(asking), E, "tools/call")) == [
        "schema: result.inputRequests.one.params has no message",
        'schema: result.inputRequests.three.method is "tools/list"; '
        'it must be one of "sampling/createMessage", "roots/list", "elicitation/create"',
    ]


def test_the_same_fault_a_thousand_times_is_not_a_thousand_faults() -> None:
    many = answer({"tools": [{**tool(D), "name": 5} for _ in range(1000)]})
    assert len(faults(many, D, "tools/list")) == 20


def test_before_a_revision_is_in_force_the_envelope_alone_is_checked() -> None:
    assert faults(answer({"tools": 5}), "", "tools/list") == ()
    assert told(faults({"jsonrpc": "2.0"}, "")) == ["json-rpc: the message has no method, no result and no error"]


def test_a_batch_holds_answers_alone_and_belongs_to_one_revision() -> None:
    batch: Any = [answer({}), error()]
    notification: Message = {
        "jsonrpc": "2.0",
        "method": "notifications/message",
        "params": notified(B)["notifications/message"],
    }
    assert faults(batch, B) == ()
    assert told(faults([], B)) == ["json-rpc: the message is an empty array; a batch has at least one message"]
    assert told(faults([answer({}), notification], B)) == [
        "json-rpc: the message is an array of both responses and others; a batch holds one or the other"
    ]
    for revision in ("", A, C, D, E):
        assert told(faults(batch, revision)) == [f"json-rpc: the message is an array; only {B} has batches"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', []),
        (b' {"jsonrpc":"2.0","id":1,"result":{}}\r', []),
        (b'{"jsonrpc":"2.0","id":1,"result":{}', ["json-rpc: the message is not one JSON value"]),
        (b"{} {}", ["json-rpc: the message is not one JSON value"]),
        (b"Server started", ["json-rpc: the message is not one JSON value"]),
        (b'{"jsonrpc":"2.0","id":1,"result":"\xff"}', ["json-rpc: the message is not UTF-8"]),
        (b'{"jsonrpc":"2.0","id":1,"result":{"a":NaN}}', ["json-rpc: the message holds NaN, which is not JSON"]),
        (
            b'{"jsonrpc":"2.0","id":1,"id":2,"result":{}}',
            ["json-rpc: the message has an object with the same key twice"],
        ),
        (b"[" * 200_000, ["json-rpc: the message is nested too deeply to be read"]),
    ],
    ids=lambda value: None if isinstance(value, list) else "line",
)
def test_a_line_is_one_json_value_in_utf_8(line: bytes, expected: list[str]) -> None:
    assert told(line_faults(line, D)) == expected


def request(method: str, params: Message | None = None, identity: Any = 1) -> Message:
    return {"jsonrpc": "2.0", "id": identity, "method": method, "params": params or {}}


def test_a_conversation_is_followed_from_initialize_on() -> None:
    talk = Conversation()
    talk.sent(request("initialize", {"protocolVersion": D}, 0))
    start = {"protocolVersion": A, "capabilities": {}, "serverInfo": {"name": "n", "version": "1"}}
    assert talk.received(answer(start, 0)) == ()
    assert talk.revision == A
    talk.sent(request("tools/call", {"name": "a"}, "x"))
    assert told(talk.received(answer({"content": contents(C)}, "x"))) == [
        'schema: result.content[4].type is "audio"; it must be one of "text", "image", "resource"',
        'schema: result.content[5].type is "resource_link"; it must be one of "text", "image", "resource"',
    ]
    assert told(talk.received(answer({}, "x"))) == ["json-rpc: id is that of no request without an answer"]
    talk.sent([request("ping", {}, 5), request("ping", {}, "5")])
    assert talk.received(answer({}, "5")) == ()
    assert talk.received(answer({}, 5.0)) == ()
    assert talk.received(error(-32700, None)) == ()


def test_a_modern_request_names_its_own_revision_and_a_refused_probe_changes_nothing() -> None:
    meta = {"_meta": {"io.modelcontextprotocol/protocolVersion": E}}
    talk = Conversation()
    talk.sent(request("server/discover", meta, 0))
    assert talk.received(error(-32601, 0)) == ()
    talk.sent(request("initialize", {"protocolVersion": D}, 1))
    start = {"protocolVersion": D, "capabilities": {}, "serverInfo": {"name": "n", "version": "1"}}
    assert talk.received(answer(start, 1)) == ()
    talk.sent(request("tools/list", {}, 2))
    talk.sent(request("tools/list", meta, 3))
    assert talk.received(listed() | {"id": 2}) == ()
    assert "schema: result has no resultType" in told(talk.received(listed() | {"id": 3}))
    assert (talk.revision, MODERN) == (D, E)
