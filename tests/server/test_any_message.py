"""Whatever a client sends, nothing is raised, each answer has the form of its revision, and the next one is served."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connect_mcp.server.revisions import REVISIONS
from support.talking import META, Talk

NAMES = [
    *("initialize", "ping", "server/discover", "subscriptions/listen", "logging/setLevel", "notifications/cancelled"),
    *("tools/list", "tools/call", "resources/list", "resources/read", "resources/templates/list"),
    *("prompts/list", "prompts/get", "completion/complete"),
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
METAS = st.fixed_dictionaries({}, optional={name: st.just(value) | VALUES for name, value in META.items()}) | VALUES
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "_meta": METAS,
        "name": st.sampled_from(["get_current_user", "weekly_digest", "nope"]) | VALUES,
        "arguments": VALUES,
        "uri": st.sampled_from(["connect://me", "connect://channels/a/messages", "x"]) | VALUES,
        "cursor": VALUES,
        "level": st.sampled_from(["debug", "loud"]) | VALUES,
        "notifications": VALUES,
        "protocolVersion": st.sampled_from([*REVISIONS, "1999-01-01"]) | VALUES,
        "requestId": VALUES,
    },
)
IDS = st.integers(-5, 5) | st.text(max_size=3) | VALUES
MESSAGES = (
    st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": st.just("2.0") | VALUES,
            "id": IDS,
            "method": st.sampled_from(NAMES) | VALUES,
            "params": PARAMS | VALUES,
            "result": VALUES,
        },
    )
    | VALUES
)


@given(st.sampled_from(list(REVISIONS)), st.lists(MESSAGES | st.lists(MESSAGES, max_size=3), max_size=5))
def test_any_message_is_answered_at_most_once_and_in_form(revision: str, messages: list[Any]) -> None:
    core = Talk(revision).core
    for message in messages:
        turn = core.receive(json.dumps(message).encode())
        answers = [part for sent in turn.send for part in (sent if isinstance(sent, list) else [sent])]
        parts = message if isinstance(message, list) and message else [message]
        assert len([part for part in answers if "method" not in part]) <= len(parts)
        for part in answers:
            assert part["jsonrpc"] == "2.0"
            assert ("result" in part) + ("error" in part) + ("method" in part) == 1
    fresh = json.dumps({"jsonrpc": "2.0", "id": "alive", "method": "tools/list", "params": {"_meta": META}})
    [answer] = core.receive(fresh.encode()).send
    assert len(answer["result"]["tools"]) == 47


@given(st.binary(max_size=60))
def test_any_bytes_get_at_most_one_answer(data: bytes) -> None:
    turn = Talk().core.receive(data.replace(b"\n", b""))
    assert len(turn.send) <= 1
    assert turn.start == []
