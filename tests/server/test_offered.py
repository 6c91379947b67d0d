"""What is offered: tools, resources, prompts, instructions, and what a call reports while it runs."""

import json
import re
from typing import Any

import pytest

from connect_mcp.server.core import Core
from connect_mcp.server.exchange import LEVELS, Call
from connect_mcp.server.notes import Note
from connect_mcp.server.offer import NotOffered, Offer, chosen
from connect_mcp.server.results import Failure, failure, success
from connect_mcp.server.revisions import LEGACY, REVISIONS
from connect_mcp.server.tools.arguments import checked
from connect_mcp.server.tools.table import BY_NAME, TOOLS, TOOLSETS
from support.talking import NEWEST, Talk, error, gist, request

EVERY = list(REVISIONS)
LOG_LEVEL = "io.modelcontextprotocol/logLevel"
SLOW = Note("notice", "The API asks to slow down; trying again in 2 s.", step=True)
BROKEN = Failure("UPSTREAM_ERROR", "The API failed (HTTP 500).", retryable=True, status=500)


def begun(talk: Talk, method: str = "tools/call", params: Any = None, **meta: object) -> Call:
    """A call that was started, by default of get_current_user."""
    assert talk.ask(method, params or {"name": "get_current_user"}, "c", **meta) == []
    [call] = talk.turn.start
    return call


# tools


@pytest.mark.parametrize("revision", EVERY)
def test_every_schema_is_an_object_schema_without_what_hosts_refuse(revision: str) -> None:
    """Talk checks that the schemas are for objects and have no composition at the top."""
    [answer] = Talk(revision).ask("tools/list")
    tools = answer["result"]["tools"]
    assert len(tools) == 47
    assert all(("annotations" in tool) == (revision >= "2025-03-26") for tool in tools)
    assert all(("outputSchema" in tool) == ("title" in tool) == (revision >= "2025-06-18") for tool in tools)


def test_names_are_unique_and_fit_every_host() -> None:
    names = [tool.name for tool in TOOLS]
    assert len(set(names)) == len(names) == 47
    assert all(re.fullmatch(r"[a-z_]{1,40}", name) for name in names)


@pytest.mark.parametrize("arguments", [{}, {"channel_id": 5, "body": "x"}, {"channel_id": "a", "body": "x", "y": 1}])
def test_wrong_arguments_are_the_tools_own_error(arguments: dict[str, Any]) -> None:
    """The core lets them through, and the tool refuses them before anything is sent."""
    talk = Talk()
    call = begun(talk, params={"name": "post_channel_message", "arguments": arguments})
    with pytest.raises(Failure) as refused:
        checked(BY_NAME[call.name], call.arguments)
    [answer] = talk.finish(call, failure(refused.value))
    assert answer["result"]["isError"] is True
    assert json.loads(answer["result"]["content"][0]["text"])["code"] == "INVALID_ARG"


@pytest.mark.parametrize("revision", EVERY)
def test_a_result_is_structured_where_the_revision_has_that(revision: str) -> None:
    talk = Talk(revision)
    [answer] = talk.finish(begun(talk), success({"id": "1"}))
    result = answer["result"]
    assert json.loads(result["content"][0]["text"]) == {"id": "1"}
    assert result.get("structuredContent") == ({"id": "1"} if revision >= "2025-06-18" else None)
    assert result.get("resultType") == ("complete" if revision == NEWEST else None)


@pytest.mark.parametrize("revision", EVERY)
def test_what_is_declared_is_served_and_nothing_else(revision: str) -> None:
    """A server of one tool has no resources and no prompts, says so, and does not know their methods."""
    lists = {"tools": ["tools/list"], "resources": ["resources/list", "resources/templates/list"]}
    lists["prompts"] = ["prompts/list"]
    for offer in (Offer(chosen()), Offer([BY_NAME["create_poll"]]), Offer([BY_NAME["get_current_user"]])):
        talk = Talk(revision, offer)
        for capability, methods in lists.items():
            for method in methods:
                [answer] = talk.ask(method)
                assert ("result" in answer) == (capability in offer.capabilities), method
                assert ("error" in answer) == (gist(answer) == error(-32601, 1))
    assert {"tools", "logging"} == Offer([BY_NAME["create_poll"]]).capabilities.keys()


def test_instructions_name_only_tools_that_are_offered() -> None:
    whole, narrow = Offer(chosen()).instructions, Offer([BY_NAME["create_poll"]]).instructions
    assert "list_workspaces" in whole
    assert not [name for name in BY_NAME if re.search(rf"\b{name}\b", narrow)]


# narrowing


def test_a_choice_keeps_the_order_of_the_table() -> None:
    assert chosen() == list(TOOLS)
    assert chosen(toolsets=["polls", "discovery"]) == [*TOOLSETS["discovery"], *TOOLSETS["polls"]]
    assert chosen(toolsets=["tickets"], names=["get_poll"])[0] is BY_NAME["get_poll"]
    assert len(TOOLSETS) == 10


def test_read_only_leaves_out_whatever_changes_something() -> None:
    assert {tool.name for tool in chosen(read_only=True)} == {
        tool.name for tool in TOOLS if tool.request is not None and tool.request.method == "GET"
    } | {"list_quiz_draft_questions"}
    assert chosen(read_only=True, toolsets=["polls"]) == [BY_NAME["get_poll"]]
    with pytest.raises(NotOffered, match="leaves create_poll out"):
        chosen(read_only=True, names=["create_poll"])


@pytest.mark.parametrize("choice", [{"toolsets": ["pols"]}, {"names": ["get_pol"]}])
def test_what_there_is_none_of_is_refused_with_what_there_is(choice: dict[str, Any]) -> None:
    with pytest.raises(NotOffered) as refused:
        chosen(**choice)
    assert refused.value.name in ("pols", "get_pol")
    assert len(refused.value.known) in (10, 47)


def test_resources_and_prompts_go_with_the_tools_they_need() -> None:
    offer = Offer(chosen(read_only=True))
    assert [row.name for row in offer.templates] == ["channel-messages"]
    assert list(offer.prompts) == ["weekly_digest"]
    assert Offer(chosen(toolsets=["admin"])).resources == []


# resources


@pytest.mark.parametrize("revision", EVERY)
@pytest.mark.parametrize(
    ("uri", "tool", "arguments"),
    [
        ("connect://me", "get_current_user", {}),
        ("connect://workspaces", "list_workspaces", {}),
        ("connect://channels/c%201/messages", "list_channel_messages", {"channel_id": "c 1"}),
    ],
)
def test_a_resource_is_what_a_reading_tool_answers(
    revision: str, uri: str, tool: str, arguments: dict[str, str]
) -> None:
    talk = Talk(revision)
    call = begun(talk, "resources/read", {"uri": uri})
    assert (call.name, call.arguments) == (tool, arguments)
    [answer] = talk.finish(call, success({"a": [1]}))
    [content] = answer["result"]["contents"]
    assert content == {"uri": uri, "mimeType": "application/json", "text": '{"a": [1]}'}
    assert answer["result"].get("cacheScope") == ("private" if revision == NEWEST else None)


def test_each_resource_reads_what_a_tool_that_changes_nothing_answers() -> None:
    offer = Offer(chosen())
    for row in (*offer.resources, *offer.templates):
        tool = BY_NAME[row.tool]
        assert tool.annotations["readOnlyHint"]
        assert set(re.findall(r"{(\w+)}", row.uri)) == set(tool.required)


@pytest.mark.parametrize(
    "uri",
    ["", "connect://", "connect://me/", "connect://me?x", "connect://channels//messages", "connect://channels/a",
     "connect://channels/a/b/messages", "file:///etc/passwd", "CONNECT://me", "\ud800"],
)  # fmt: skip
def test_an_address_that_is_none_is_not_found(uri: str) -> None:
    talk = Talk()
    assert [gist(answer) for answer in talk.ask("resources/read", {"uri": uri})] == [error(-32002, 1)]
    assert talk.turn.start == []


@pytest.mark.parametrize("revision", EVERY)
@pytest.mark.parametrize("code", ["NOT_FOUND", "INVALID_ARG"])
def test_what_the_api_does_not_find_is_not_found(revision: str, code: str) -> None:
    talk = Talk(revision)
    call = begun(talk, "resources/read", {"uri": "connect://channels/x/messages"})
    [answer] = talk.finish(call, failure(Failure(code, "Not there.", hint="Look elsewhere.")))
    assert gist(answer) == error(-32602 if revision == NEWEST else -32002, "c")
    assert answer["error"]["data"]["uri"] == "connect://channels/x/messages"
    assert answer["error"]["data"]["hint"] == "Look elsewhere."


@pytest.mark.parametrize("revision", EVERY)
def test_a_resource_that_cannot_be_read_now_is_an_internal_error_that_says_why(revision: str) -> None:
    talk = Talk(revision)
    [answer] = talk.finish(begun(talk, "resources/read", {"uri": "connect://me"}), failure(BROKEN))
    assert gist(answer) == error(-32603, "c")
    assert answer["error"]["data"] == BROKEN.as_dict()


def test_reading_ends_with_the_connection() -> None:
    talk = Talk()
    begun(talk, "resources/read", {"uri": "connect://me"})
    [answer] = talk.abandon()
    assert (gist(answer), answer["error"]["data"]["code"]) == (error(-32603, "c"), "CANCELLED")


# prompts

GIVEN = {
    "weekly_digest": {"workspace_slug": "acme"},
    "triage_tickets": {},
    "compose_quiz": {"workspace_slug": "acme", "topic": "fire drills {x}", "question_count": "3"},
}


@pytest.mark.parametrize("revision", EVERY)
@pytest.mark.parametrize("name", GIVEN)
def test_a_prompt_names_its_arguments_and_its_tools(revision: str, name: str) -> None:
    [answer] = Talk(revision).ask("prompts/get", {"name": name, "arguments": GIVEN[name]})
    [message] = answer["result"]["messages"]
    text = message["content"]["text"]
    assert all(value in text for value in GIVEN[name].values())
    prompt = Offer(chosen()).prompts[name]
    assert {tool for tool in BY_NAME if tool in text} >= set(prompt.tools)
    assert {word for word in re.findall(r"\b[a-z]+_[a-z_]+\b", text) if word in BY_NAME} <= set(prompt.tools)


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("weekly_digest", None, "workspace_slug is missing"),
        ("weekly_digest", {"workspace_slug": "  "}, "workspace_slug is missing"),
        ("weekly_digest", {"workspace_slug": 5}, "workspace_slug must be a string"),
        ("weekly_digest", {"workspace_slug": "a", "x": "y"}, "unknown argument x"),
        ("triage_tickets", {"status": "lost"}, "status must be one of open, in_progress, resolved, closed"),
        (
            "compose_quiz",
            {"workspace_slug": "a", "topic": "b", "question_count": "21"},
            "question_count must be one of",
        ),
    ],
)
def test_a_prompts_arguments_are_checked(name: str, arguments: Any, problem: str) -> None:
    [answer] = Talk().ask("prompts/get", {"name": name, "arguments": arguments})
    assert gist(answer) == error(-32602, 1)
    assert problem in answer["error"]["message"]


@pytest.mark.parametrize("params", [{}, {"name": 5}, {"name": "weekly_digest", "arguments": []}])
def test_a_request_for_a_prompt_that_is_malformed_is_refused(params: dict[str, Any]) -> None:
    assert [gist(answer) for answer in Talk().ask("prompts/get", params)] == [error(-32602, 1)]


# logging and progress


def wanting(revision: str, level: str) -> tuple[Talk, Call]:
    """A call under way for a client that wants to be told from `level` on."""
    talk = Talk(revision)
    if revision != NEWEST:
        talk.ask("logging/setLevel", {"level": level})
        return talk, begun(talk)
    return talk, begun(talk, **{LOG_LEVEL: level})


@pytest.mark.parametrize("revision", EVERY)
def test_nothing_is_logged_unless_the_client_asks(revision: str) -> None:
    talk = Talk(revision)
    call = begun(talk)
    assert talk.tell(call, SLOW) == []
    assert [gist(answer)["id"] for answer in talk.finish(call, failure(BROKEN))] == ["c"]


@pytest.mark.parametrize("revision", EVERY)
@pytest.mark.parametrize("level", LEVELS)
def test_what_is_logged_is_at_the_level_that_the_client_set_or_above(revision: str, level: str) -> None:
    talk, call = wanting(revision, level)
    logged = [*talk.tell(call, SLOW), *talk.finish(call, failure(BROKEN))[:-1]]
    levels = [message["params"]["level"] for message in logged]
    assert levels == [name for name in ("notice", "error") if LEVELS.index(name) >= LEVELS.index(level)]
    assert all(message["params"]["data"]["tool"] == "get_current_user" for message in logged)


def test_a_failed_call_is_logged_with_its_error_before_it_is_answered() -> None:
    talk, call = wanting("2025-11-25", "debug")
    logged, answer = talk.finish(call, failure(BROKEN))
    assert logged["params"]["data"] == {"tool": "get_current_user", "error": BROKEN.as_dict()}
    assert answer["id"] == "c"
    logged, _ = talk.finish(begun(talk), failure(Failure("NOT_FOUND", "Not there.")))
    assert logged["params"]["level"] == "info"
    logged, _ = talk.finish(begun(talk), success({}))
    assert logged["params"]["level"] == "debug"


def test_one_requests_level_is_not_anothers() -> None:
    talk, loud = wanting(NEWEST, "debug")
    quiet = begun(talk)
    assert talk.tell(quiet, SLOW) == []
    assert len(talk.tell(loud, SLOW)) == 1


def test_a_new_handshake_forgets_the_level() -> None:
    talk, call = wanting("2025-11-25", "debug")
    talk.say(request("initialize", {"protocolVersion": "2025-11-25"}, ident="again"))
    assert talk.tell(call, SLOW) == []


@pytest.mark.parametrize("revision", EVERY)
@pytest.mark.parametrize("token", ["t", "", 0, 7])
def test_progress_rises_under_the_clients_token_and_ends_with_the_answer(revision: str, token: object) -> None:
    talk = Talk(revision)
    call = begun(talk, progressToken=token)
    told = [message["params"] for _ in range(3) for message in talk.tell(call, SLOW)]
    assert [params["progress"] for params in told] == [1, 2, 3]
    assert all(params["progressToken"] == token for params in told)
    assert all(("message" in params) == (revision >= "2025-03-26") for params in told)
    assert talk.tell(call, Note("info", "no step")) == []
    assert len(talk.finish(call, success({}))) == 1
    assert talk.tell(call, SLOW) == []


@pytest.mark.parametrize("token", [None, True, 1.5, [], {}])
def test_a_token_that_is_none_gets_no_progress(token: object) -> None:
    talk = Talk()
    assert talk.tell(begun(talk, progressToken=token), SLOW) == []


@pytest.mark.parametrize("revision", EVERY)
def test_a_cancelled_call_says_nothing_more(revision: str) -> None:
    talk, call = wanting(revision, "debug")
    assert talk.say(cancelled("c")) == []
    assert talk.turn.stop == [call]
    assert talk.tell(call, SLOW) == []
    assert talk.finish(call, failure(BROKEN)) == []


def cancelled(ident: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": ident}}).encode()


# both eras on one connection


def test_each_message_is_served_in_the_era_that_it_names() -> None:
    talk = Talk("2024-11-05")
    modern = Talk(NEWEST)
    line = modern.line("tools/list", ident="m")
    [answer] = talk.say(line)
    assert answer["result"]["resultType"] == "complete"
    assert "resultType" not in talk.ask("tools/list", ident="l")[0]["result"]
    assert [gist(message) for message in talk.ask("ping", ident="p")] == [{"id": "p", "result": {}}]


def test_a_subscription_is_answered_when_the_server_ends_and_not_when_it_was_cancelled() -> None:
    talk = Talk(NEWEST)
    for ident in ("s", 7):
        [acknowledged] = talk.ask("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, ident)
        assert acknowledged["params"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": ident}
    assert (talk.core.listening, talk.core.idle) == (True, True)
    assert talk.say(cancelled("s")) == []
    [ended] = talk.abandon()
    assert ended["id"] == ended["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == 7
    assert not talk.core.listening


@pytest.mark.parametrize("revision", LEGACY)
def test_a_modern_method_without_meta_is_refused_in_the_other_era(revision: str) -> None:
    talk = Talk(revision)
    assert [gist(message) for message in talk.say(request("subscriptions/listen", {"notifications": {}}))] == [
        error(-32602, 1)
    ]


@pytest.mark.parametrize("revision", EVERY)
def test_a_core_may_be_told_what_is_spoken(revision: str) -> None:
    """A transport that makes a core for each request knows the revision from elsewhere, even of what is unreadable."""
    core = Core(Offer(chosen()), REVISIONS[revision])
    [answer] = core.receive(b"{").send
    assert ("id" in answer) == (revision <= "2025-06-18")
    [answer] = core.receive(request("tools/list")).send
    assert ("error" in answer) == (revision == NEWEST)
    [answer] = core.receive(b"[" + request("ping") + b"]").send
    assert isinstance(answer, list) == (revision == "2025-03-26")


def test_a_modern_request_cannot_be_part_of_a_batch() -> None:
    talk = Talk("2025-03-26")
    line = Talk(NEWEST).line("tools/list")
    [answers] = talk.say(b"[" + line + b"]")
    assert [gist(part) for part in answers] == [error(-32600, 1)]
