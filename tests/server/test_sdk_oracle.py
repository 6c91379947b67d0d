"""The official SDK as the oracle: the same conversations with our server and with the SDK's, which offers the same.

Wherever the two answer differently a row says how, why, and which of them keeps the specification. A difference without
a row fails, and so does a row that no longer occurs.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from support.http_server import HttpServer, http_server
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
    over_http,
    over_stdio,
)
from support.stdio_client import PATIENCE, SERVE, server
from support.upstream import Answer, Asked, Upstream, as_json, upstream

SDK = (sys.executable, str(Path(__file__).parents[1] / "support" / "sdk_server.py"))
KEY = "arc_test_planted_0123456789"

FIRST = ("",)
"""Where a row is about a conversation that is no session of one revision."""

OURS, BOTH = "ours", "both"
STDIO, HTTP = ("stdio",), ("http",)

UNTIMELY = ("a call that is cancelled", "its cancellation", "the end of listening")
"""What cannot be said over HTTP while an answer is read."""


class Row(NamedTuple):
    """One difference.

    Attributes:
        messages: those whose answers differ so, each of them in every one of `revisions`.
        revisions: of the sessions; FIRST for `BEGINNINGS`.
        place: in the answer; "answer" for its kind.
        ours: what ours has there.
        sdk: what the SDK has there.
        keeps: who keeps the specification; there is nothing that only the SDK keeps.
        why: with the section, or the number in the list of 99 facts.
        over: the transports.
    """

    messages: tuple[str, ...]
    revisions: tuple[str, ...]
    place: str
    ours: str
    sdk: str
    keeps: str
    why: str
    over: tuple[str, ...] = ("stdio", "http")


UNREAD = "JSON-RPC 2.0 section 5: every request is answered, one that cannot be read with id null or none"
ONE_ERA = (
    "2026-07-28 basic/index#statelessness: a request says itself what is in force for it; the SDK holds a connection "
    "to the era of its first request, which no section asks for and none forbids on stdio"
)
BATCHES = "59; 2025-03-26 basic/index#batching: implementations MUST support receiving batches"
NEWER = "the schema of that revision does not have this member; it is open, so that one more breaks nothing"
FREE = "JSON-RPC 2.0 section 5.1: data is optional, and its value is the server's to choose"
UNCHANGING = "the member is optional, and absent means false"
LISTENING = (
    "2026-07-28 subscriptions: what is declared here can be listened to; nothing that ours offers ever changes, the "
    "SDK declares what its subscriptions could carry"
)
NULL = "a NoneType"
NO_ID = (
    "2025-11-25 and 2026-07-28 schema: the id of an error is a string or a number, or absent; and "
    "2025-03-26 basic/transports#streamable-http: what refuses a POST is an error without id"
)
NO_REQUEST = "42-46, 60; JSON-RPC 2.0 section 5.1: what is no request is -32600, under the id that it has"
NESTED = "13; it is JSON, only deeper than is read: its id could be, and ours answers under it"
TWICE = "either code: the value is of the wrong type, and so its header cannot equal it"
REFUSED_PARAMS = (
    "a cursor that is a number",
    "a call without a name",
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

DECLARED = (
    *(
        Row(("initialize", "a second initialize"), OLD, place, NOTHING, "false", BOTH, UNCHANGING)
        for place in CAPABILITIES
    ),
    *(Row(INITIALIZED, FIRST, place, NOTHING, "false", BOTH, UNCHANGING) for place in CAPABILITIES),
    *(Row(("server/discover",), NEW, place, NOTHING, "true", BOTH, LISTENING) for place in CAPABILITIES),
    *(Row(("the probe",), FIRST, place, NOTHING, "true", BOTH, LISTENING) for place in CAPABILITIES),
    Row(("subscriptions/listen",), NEW, "params.notifications.toolsListChanged", NOTHING, "true", BOTH, LISTENING),
)
"""What is declared."""

MEMBERS = (
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
)
"""Members that a revision does not have yet."""

DATA = (
    Row(REFUSED_PARAMS, EVERY, "error.data", NOTHING, "a str", BOTH, FREE),
    Row(("a call of a number",), OLD, "error.data", NOTHING, "a str", BOTH, FREE),
    Row(("a call of a number",), NEW, "error.data", NOTHING, "a str", BOTH, FREE, STDIO),
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
    Row(("initialize with _meta",), NEW, "error.data", NOTHING, "a str", BOTH, FREE, HTTP),
    Row(("tools/list before initialize",), FIRST, "error.data", NOTHING, "a str", BOTH, FREE, STDIO),
    Row(("no revision",), FIRST, "error.data", NOTHING, "a str", BOTH, FREE),
)
"""Errors with the same code, to which the SDK adds data."""

UNREADABLE = (
    Row(
        ("a truncated request", "plain text"),
        EVERY,
        "answer",
        "error -32700",
        NOTHING,
        OURS,
        f"39, 40; {UNREAD}",
        STDIO,
    ),
    Row(
        ("bytes that are not UTF-8",),
        OLD,
        "answer",
        "error -32700",
        "error -32601",
        BOTH,
        "41; the SDK decodes with replacement, so that the message becomes an unknown method",
        STDIO,
    ),
    Row(
        ("bytes that are not UTF-8",),
        NEW,
        "answer",
        "error -32700",
        "error -32602",
        BOTH,
        "41; the SDK decodes with replacement, so that the message becomes one without _meta",
        STDIO,
    ),
    Row(("a number", "an empty list"), EVERY, "answer", "error -32600", NOTHING, OURS, f"42, 43; {UNREAD}", STDIO),
    Row(("a batch",), (A, C, D, E), "answer", "error -32600", NOTHING, OURS, f"60; {UNREAD}", STDIO),
    Row(("a batch",), (B,), "answer", "batch of 1", NOTHING, OURS, BATCHES, STDIO),
    Row(
        ("no jsonrpc", "jsonrpc 1.0", "a method that is a number"),
        EVERY,
        "answer",
        "error -32600",
        NOTHING,
        OURS,
        f"44-46; {UNREAD}",
        STDIO,
    ),
    Row(
        ("an id that is null", "an id that is a fraction"),
        EVERY,
        "answer",
        "error -32600",
        NOTHING,
        BOTH,
        "47, 48; such a message is no request, and may be refused or ignored",
        STDIO,
    ),
    Row(
        ("params as a list", "params as a text"),
        EVERY,
        "answer",
        "error -32602",
        NOTHING,
        OURS,
        f"49, 50; {UNREAD}",
        STDIO,
    ),
    Row(
        ("40000 nested lists",),
        EVERY,
        "answer",
        "error -32600",
        NOTHING,
        OURS,
        f"13; {UNREAD}; pydantic's limit on nesting makes the SDK drop the line",
        STDIO,
    ),
)
"""Messages that are none, over stdio."""

ERAS = (
    Row(("a modern request",), OLD, "answer", "result", "error -32600", BOTH, ONE_ERA, STDIO),
    Row(("server/discover with it",), FIRST, "answer", "result", "error -32600", BOTH, ONE_ERA, STDIO),
    Row(("initialize after the probe",), FIRST, "answer", "result", "error -32022", BOTH, ONE_ERA, STDIO),
    Row(
        ("prompts/list after the probe",),
        FIRST,
        "answer",
        "result",
        "error -32602",
        BOTH,
        f"initialize was refused before; {ONE_ERA}",
        STDIO,
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
        STDIO,
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
        STDIO,
    ),
)
"""One era's requests in the other's, over stdio."""

OVER_HTTP = (
    # the same eras, told apart by headers
    *(
        Row(("initialize after the probe",), FIRST, place, NOTHING, "false", BOTH, UNCHANGING, HTTP)
        for place in CAPABILITIES
    ),
    *(
        Row(("server/discover with it",), FIRST, place, NOTHING, "true", BOTH, LISTENING, HTTP)
        for place in CAPABILITIES
    ),
    Row(
        ("a modern request",),
        OLD,
        "answer",
        "HTTP 400, error -32020",
        "HTTP 200, result",
        OURS,
        "2026-07-28 basic/transports/streamable-http: MCP-Protocol-Version and _meta MUST name the same revision; to "
        "the SDK the header alone decides",
        HTTP,
    ),
    Row(
        ("a revision that is a number",),
        NEW,
        "answer",
        "HTTP 400, error -32602",
        "HTTP 400, error -32020",
        BOTH,
        TWICE,
        HTTP,
    ),
    Row(("a call of a number",), NEW, "answer", "HTTP 400, error -32602", "HTTP 400, error -32020", BOTH, TWICE, HTTP),
    Row(
        ("a legacy revision in _meta",),
        NEW,
        "answer",
        "HTTP 400, error -32022",
        "HTTP 400, error -32600",
        BOTH,
        "91; a request of a legacy revision outside a session: ours names the revision that stands alone, the SDK asks "
        "for a session id",
        HTTP,
    ),
    # errors about what could not be read
    Row(
        ("a truncated request", "plain text", "bytes that are not UTF-8"),
        (D, E),
        "id",
        NOTHING,
        NULL,
        OURS,
        NO_ID,
        HTTP,
    ),
    Row(("an empty line",), EVERY, "id", NOTHING, NULL, OURS, NO_ID, HTTP),
    Row(
        (
            "a number",
            "an empty list",
            "a batch",
            "an id that is null",
            "an id that is a fraction",
            "an answer that nobody asked for",
        ),
        NEW,
        "id",
        NOTHING,
        NULL,
        OURS,
        NO_ID,
        HTTP,
    ),
    Row(
        ("ping before initialize", "tools/list before initialize", "server/discover without _meta"),
        FIRST,
        "id",
        NOTHING,
        NULL,
        OURS,
        NO_ID,
        HTTP,
    ),
    Row(
        ("no jsonrpc", "jsonrpc 1.0", "a method that is a number"),
        NEW,
        "id",
        "a str",
        NULL,
        OURS,
        "44-46; JSON-RPC 2.0 section 5: the id is that of the request where it could be read",
        HTTP,
    ),
    # errors about what is no request
    Row(
        ("a number", "an empty list"),
        OLD,
        "answer",
        "HTTP 400, error -32600",
        "HTTP 400, error -32602",
        OURS,
        NO_REQUEST,
        HTTP,
    ),
    Row(("a batch",), (A, C, D), "answer", "HTTP 400, error -32600", "HTTP 400, error -32602", OURS, NO_REQUEST, HTTP),
    Row(("a batch",), (B,), "answer", "HTTP 200, batch of 1", "HTTP 400, error -32602", OURS, BATCHES, HTTP),
    Row(
        ("no jsonrpc", "jsonrpc 1.0", "a method that is a number"),
        OLD,
        "answer",
        "HTTP 200, error -32600",
        "HTTP 400, error -32602",
        OURS,
        NO_REQUEST,
        HTTP,
    ),
    Row(
        ("params as a list", "params as a text"),
        OLD,
        "answer",
        "HTTP 200, error -32602",
        "HTTP 400, error -32602",
        BOTH,
        "49, 50; the transports of these revisions leave the status open where a request is answered with an error",
        HTTP,
    ),
    Row(
        ("params as a list", "params as a text"),
        NEW,
        "answer",
        "HTTP 400, error -32602",
        "HTTP 400, error -32600",
        BOTH,
        "49, 50; either code",
        HTTP,
    ),
    Row(
        ("an id that is null", "an id that is a fraction"),
        OLD,
        "answer",
        "HTTP 400, error -32600",
        "HTTP 202",
        BOTH,
        "47, 48; the SDK takes what has no valid id for a notification",
        HTTP,
    ),
    Row(("40000 nested lists",), OLD, "answer", "HTTP 200, error -32600", "HTTP 400, error -32700", OURS, NESTED, HTTP),
    Row(("40000 nested lists",), NEW, "answer", "HTTP 400, error -32602", "HTTP 400, error -32700", OURS, NESTED, HTTP),
)
"""What only shows over HTTP."""

ROWS = (*DECLARED, *MEMBERS, *DATA, *UNREADABLE, *ERAS, *OVER_HTTP)


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


@pytest.fixture(scope="module")
def env(api: Upstream) -> dict[str, str]:
    """What both servers are told."""
    return {"ARYTHMATIC_API_BASE_URL": api.url, "ARYTHMATIC_API_KEY": KEY}


@pytest.fixture(scope="module")
def urls(env: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Where ours and the SDK's are served over HTTP."""
    path = os.pathsep.join(sys.path)
    with (
        http_server(env=env) as ours,
        subprocess.Popen(
            [*SDK, "http"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, **env},
        ) as process,
    ):
        try:
            yield ours.url, HttpServer(process).url
        finally:
            process.kill()


CONVERSATIONS = [pytest.param(revision, said, id=name) for name, revision, said in conversations()]


@pytest.mark.parametrize(("revision", "said"), CONVERSATIONS)
def test_over_stdio_ours_and_the_sdk_differ_in_what_is_told_here_alone(
    revision: str, said: dict[str, Say], env: dict[str, str], tmp_path: Path
) -> None:
    answers = []
    for command in (SERVE, SDK):
        with server(tmp_path, env=env, command=command) as client:
            answers.append(over_stdio(client, revision, said))
    assert found(said, *answers) == expected(said, revision, "stdio")


@pytest.mark.parametrize(("revision", "said"), CONVERSATIONS)
def test_over_http_ours_and_the_sdk_differ_in_what_is_told_here_alone(
    revision: str, said: dict[str, Say], urls: tuple[str, str]
) -> None:
    said = {name: say for name, say in said.items() if name not in UNTIMELY}
    with httpx2.Client(timeout=PATIENCE, trust_env=False) as client:
        answers = [over_http(client, url, revision, said) for url in urls]
    assert found(said, *answers) == expected(said, revision, "http")


def found(said: dict[str, Say], ours: dict[str, list[Any]], theirs: dict[str, list[Any]]) -> set[tuple[str, ...]]:
    """All differences of a conversation, by message."""
    assert any(ours.values())
    return {(name, *difference) for name in said for difference in differences(ours[name], theirs[name])}


def expected(said: dict[str, Say], revision: str, over: str) -> set[tuple[str, ...]]:
    """Those that rows tell of."""
    return {
        (name, row.place, row.ours, row.sdk)
        for row in ROWS
        if revision in row.revisions and over in row.over
        for name in row.messages
        if name in said
    }


def test_each_row_is_about_messages_that_are_said() -> None:
    said = {(name, revision) for _, revision, messages in conversations() for name in messages}
    rows = {(name, revision) for row in ROWS for name in row.messages for revision in row.revisions}
    assert rows <= said


def test_each_message_has_a_name_of_its_own() -> None:
    names = [*SESSION, *(name for said in BEGINNINGS.values() for name in said)]
    assert len(names) == len(set(names))
