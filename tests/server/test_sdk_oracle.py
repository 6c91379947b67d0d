"""The official SDK as the oracle: the same conversations with our server and with the SDK's, which offers the same.

Wherever the two answer differently a row says how, why, and which of them keeps the specification. A difference without
a row fails, and so does a row that no longer occurs.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support.sdk_conversations import (
    BEGINNINGS,
    EVERY,
    NEW,
    NOTHING,
    OLD,
    SESSION,
    SLOW,
    A,
    B,
    C,
    D,
    E,
    Say,
    conversations,
    differences,
    over_stdio,
)
from support.stdio_client import SERVE, server
from support.upstream import Answer, Asked, Upstream, as_json, upstream

SDK = (sys.executable, str(Path(__file__).parents[1] / "support" / "sdk_server.py"))
KEY = "arc_test_planted_0123456789"

FIRST = ("",)
"""Where a row is about a conversation that is no session of one revision."""

OURS, SDKS, BOTH = "ours", "the SDK", "both"


class Row(NamedTuple):
    """One difference.

    Attributes:
        messages: those whose answers differ so, each of them in every one of `revisions`.
        revisions: of the sessions; FIRST for `BEGINNINGS`.
        place: in the answer; "answer" for its kind.
        ours: what ours has there.
        sdk: what the SDK has there.
        keeps: who keeps the specification.
        why: with the section, or the number in the list of 99 facts.
    """

    messages: tuple[str, ...]
    revisions: tuple[str, ...]
    place: str
    ours: str
    sdk: str
    keeps: str
    why: str


UNREAD = "JSON-RPC 2.0 section 5: every request is answered, one that cannot be read with id null or none"
ONE_ERA = (
    "2026-07-28 basic/index#statelessness: a request says itself what is in force for it; the SDK holds a connection "
    "to the era of its first request, which no section asks for and none forbids on stdio"
)
NEWER = "the schema of that revision does not have this member; it is open, so that one more breaks nothing"
FREE = "JSON-RPC 2.0 section 5.1: data is optional, and its value is the server's to choose"
UNCHANGING = "the member is optional, and absent means false"
LISTENING = (
    "2026-07-28 subscriptions: what is declared here can be listened to; nothing that ours offers ever changes, the "
    "SDK declares what its subscriptions could carry"
)
REFUSED_PARAMS = (
    "a cursor that is a number",
    "a call without a name",
    "a call of a number",
    "a call with a list of arguments",
    "resources/read without a uri",
    "prompts/get without a name",
    "a prompt whose argument is a number",
    "a log level that is none",
)
UNDECLARED = ("completion, which is not declared", "subscribing, which is not declared", "an unknown method")
CALLS = (
    "a call",
    "a call without arguments",
    "a call with arguments",
    "a call whose argument is missing",
    "a call whose argument is of the wrong type",
    "a call with an argument that nobody knows",
    "a call that the API refuses",
    "a call with null for arguments",
    "a call with a progress token",
)
INITIALIZED = ("initialize at last", "an unknown revision", "a modern revision")
PROMPT_LISTS = ("prompts/list", "a cursor that is null", "a member that nobody knows")

CAPABILITIES = (
    "result.capabilities.prompts.listChanged",
    "result.capabilities.resources.listChanged",
    "result.capabilities.resources.subscribe",
    "result.capabilities.tools.listChanged",
)

ROWS = (
    # what is declared
    *(
        Row(("initialize", "a second initialize"), OLD, place, NOTHING, "false", BOTH, UNCHANGING)
        for place in CAPABILITIES
    ),
    *(Row(INITIALIZED, FIRST, place, NOTHING, "false", BOTH, UNCHANGING) for place in CAPABILITIES),
    *(Row(("server/discover",), NEW, place, NOTHING, "true", BOTH, LISTENING) for place in CAPABILITIES),
    *(Row(("the probe",), FIRST, place, NOTHING, "true", BOTH, LISTENING) for place in CAPABILITIES),
    Row(("subscriptions/listen",), NEW, "params.notifications.toolsListChanged", NOTHING, "true", BOTH, LISTENING),
    # members that a revision does not have yet
    Row(("initialize",), (A, B), "result.serverInfo.title", NOTHING, "a str", OURS, NEWER),
    Row(("initialize",), (A, B, C), "result.serverInfo.description", NOTHING, "a str", OURS, NEWER),
    Row(("tools/list",), (A,), "result.tools[].annotations", NOTHING, "a dict", OURS, NEWER),
    Row(("tools/list",), (A, B), "result.tools[].title", NOTHING, "a str", OURS, NEWER),
    Row(("tools/list",), (A, B), "result.tools[].outputSchema", NOTHING, "a dict", OURS, NEWER),
    Row(("resources/list",), (A, B), "result.resources[].title", NOTHING, "a str", OURS, NEWER),
    Row(("resources/templates/list",), (A, B), "result.resourceTemplates[].title", NOTHING, "a str", OURS, NEWER),
    Row(PROMPT_LISTS, (A, B), "result.prompts[].title", NOTHING, "a str", OURS, NEWER),
    Row(PROMPT_LISTS, (A, B), "result.prompts[].arguments[].title", NOTHING, "a str", OURS, NEWER),
    Row(CALLS, (A, B), "result.structuredContent", NOTHING, "a dict", OURS, NEWER),
    # errors: the code is the same, the SDK adds data
    Row(REFUSED_PARAMS, EVERY, "error.data", NOTHING, "a str", BOTH, FREE),
    Row(UNDECLARED, EVERY, "error.data", NOTHING, "a str", BOTH, FREE),
    Row(("an id of U+2028", "initialize without params"), OLD, "error.data", NOTHING, "a str", BOTH, FREE),
    Row(
        ("ping", "a log level", "a log level in _meta that is none", "subscriptions/listen to nothing"),
        NEW,
        "error.data",
        NOTHING,
        "a str",
        BOTH,
        FREE,
    ),
    Row(("tools/list before initialize", "no revision"), FIRST, "error.data", NOTHING, "a str", BOTH, FREE),
    # messages that are none
    Row(("a truncated request", "plain text"), EVERY, "answer", "error -32700", NOTHING, OURS, f"39, 40; {UNREAD}"),
    Row(
        ("bytes that are not UTF-8",),
        OLD,
        "answer",
        "error -32700",
        "error -32601",
        BOTH,
        "41; the SDK decodes with replacement, so that the message becomes an unknown method",
    ),
    Row(
        ("bytes that are not UTF-8",),
        NEW,
        "answer",
        "error -32700",
        "error -32602",
        BOTH,
        "41; the SDK decodes with replacement, so that the message becomes one without _meta",
    ),
    Row(("a number", "an empty list"), EVERY, "answer", "error -32600", NOTHING, OURS, f"42, 43; {UNREAD}"),
    Row(("a batch",), (A, C, D, E), "answer", "error -32600", NOTHING, OURS, f"60; {UNREAD}"),
    Row(
        ("a batch",),
        (B,),
        "answer",
        "batch of 1",
        NOTHING,
        OURS,
        "59; 2025-03-26 basic/index#batching: implementations MUST support receiving batches",
    ),
    Row(
        ("no jsonrpc", "jsonrpc 1.0", "a method that is a number", "an id that is null", "an id that is a fraction"),
        EVERY,
        "answer",
        "error -32600",
        NOTHING,
        OURS,
        f"44-48; {UNREAD}",
    ),
    Row(("params as a list", "params as a text"), EVERY, "answer", "error -32602", NOTHING, OURS, f"49, 50; {UNREAD}"),
    Row(
        ("40000 nested lists",),
        EVERY,
        "answer",
        "error -32600",
        NOTHING,
        OURS,
        f"13; {UNREAD}; pydantic's limit on nesting makes the SDK drop the line",
    ),
    # one era's requests in the other's
    Row(("a modern request",), OLD, "answer", "result", "error -32600", BOTH, ONE_ERA),
    Row(("server/discover with it",), FIRST, "answer", "result", "error -32600", BOTH, ONE_ERA),
    Row(("initialize after the probe",), FIRST, "answer", "result", "error -32022", BOTH, ONE_ERA),
    Row(
        ("prompts/list after the probe",),
        FIRST,
        "answer",
        "result",
        "error -32602",
        BOTH,
        f"the row before refused initialize; {ONE_ERA}",
    ),
    Row(
        ("initialize with _meta",),
        NEW,
        "answer",
        "error -32601",
        "error -32022",
        BOTH,
        "92, 98; 2026-07-28 versioning: there is no initialize in this revision; -32022, which names the supported "
        "revisions, is asked of servers that speak no other",
    ),
    Row(
        ("server/discover without _meta",),
        FIRST,
        "answer",
        "error -32602",
        "error -32601",
        OURS,
        "89; 2026-07-28 basic/index#_meta: a request without the required _meta is -32602; to the SDK it is a legacy "
        "request, where this method is unknown",
    ),
)


@pytest.fixture(scope="module")
def api() -> Iterator[Upstream]:
    """The REST API behind both servers."""
    never = threading.Event()

    def answer(asked: Asked) -> Answer:
        if SLOW in asked.target:
            return Answer(wait_for=never)
        if "forbidden" in asked.target:
            return as_json({"detail": "not yours"}, 403)
        item: dict[str, Any] = {
            "id": "1",
            "none": None,
            "float": 1.0,
            "big": 2**60,
            "text": "é\u2028\U0001f600",
            "deep": [[{"a": []}]],
        }
        return as_json({"results": [item], "next": None})

    with upstream() as running:
        running.answer = answer
        yield running
        never.set()


@pytest.fixture
def told(api: Upstream, tmp_path: Path) -> Callable[[tuple[str, ...], str, dict[str, Say]], dict[str, list[Any]]]:
    """Has a conversation with the server that a command starts."""
    env = {"ARYTHMATIC_API_BASE_URL": api.url, "ARYTHMATIC_API_KEY": KEY}

    def tell(command: tuple[str, ...], revision: str, said: dict[str, Say]) -> dict[str, list[Any]]:
        with server(tmp_path, env=env, command=command) as client:
            return over_stdio(client, revision, said)

    return tell


@pytest.mark.parametrize(
    ("revision", "said"), [pytest.param(revision, said, id=name) for name, revision, said in conversations()]
)
def test_ours_and_the_sdk_differ_in_what_is_told_here_alone(
    revision: str, said: dict[str, Say], told: Callable[..., dict[str, list[Any]]]
) -> None:
    ours, theirs = told(SERVE, revision, said), told(SDK, revision, said)
    found = {(name, *difference) for name in said for difference in differences(ours[name], theirs[name])}
    expected = {
        (name, row.place, row.ours, row.sdk)
        for row in ROWS
        if revision in row.revisions
        for name in row.messages
        if name in said
    }
    assert found == expected
    assert any(ours.values())


def test_each_row_is_about_messages_that_are_said() -> None:
    said = {(name, revision) for _, revision, messages in conversations() for name in messages}
    rows = {(name, revision) for row in ROWS for name in row.messages for revision in row.revisions}
    assert rows <= said


def test_each_message_has_a_name_of_its_own() -> None:
    names = [*SESSION, *(name for said in BEGINNINGS.values() for name in said)]
    assert len(names) == len(set(names))
