import re
from typing import Any

import pytest

from connect_mcp.server.tools.model import Tool
from connect_mcp.server.tools.table import BY_NAME, TOOLS

ORDER = """
    get_current_user list_workspaces list_channels search_content
    list_channel_messages post_channel_message edit_channel_message react_to_channel_message
    list_feed_posts create_feed_post edit_post react_to_post remove_reaction_from_post comment_on_post
    list_conversations list_conversation_messages send_conversation_message edit_conversation_message
    react_to_conversation_message
    create_article edit_article react_to_article remove_reaction_from_article comment_on_article
    create_question edit_question comment_on_question
    create_poll get_poll vote_on_poll close_poll
    create_quiz_draft add_quiz_question list_quiz_draft_questions discard_quiz_draft publish_quiz_draft
    list_notifications mark_notifications_read mark_all_notifications_read
    list_my_tickets create_ticket get_ticket list_ticket_comments comment_on_ticket
    list_all_tickets update_ticket list_workspace_members
"""
every_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


def test_the_47_tools_are_listed_in_order_and_once() -> None:
    assert [tool.name for tool in TOOLS] == ORDER.split()
    assert len(BY_NAME) == 47


@every_tool
def test_a_tool_is_named_titled_and_described(tool: Tool) -> None:
    assert re.fullmatch(r"[a-z_]{1,40}", tool.name), "the strictest host cuts names at 63 with its own prefix"
    assert tool.title.lower() == tool.name.replace("_", " ")
    assert 30 < len(tool.description) < 500
    assert tool.description.endswith(".")


@every_tool
def test_an_input_schema_is_closed_and_says_what_each_argument_is(tool: Tool) -> None:
    schema = tool.input_schema
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert not {"anyOf", "oneOf", "allOf", "not", "$ref"} & set(schema)
    assert set(schema.get("required", ())) <= set(schema["properties"])
    for name, argument in schema["properties"].items():
        assert argument["description"].endswith("."), name
        assert argument["type"], name
        assert set(argument) <= KEYWORDS, name
        assert "" not in argument.get("enum", ()), "one host refuses an enum with an empty text"
        assert name not in schema.get("required", ()) or "default" not in argument


KEYWORDS = {"type", "description", "default", "enum", "items"}
KEYWORDS |= {"minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"}


@every_tool
def test_annotations_agree_with_the_request(tool: Tool) -> None:
    hints = tool.annotations
    assert set(hints) == {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}
    assert all(type(hint) is bool for hint in hints.values())
    assert not (hints["readOnlyHint"] and hints["destructiveHint"])
    if tool.request is not None:
        assert hints["openWorldHint"]
        assert hints["readOnlyHint"] is (tool.request.method == "GET")
        assert hints["destructiveHint"] or tool.request.method in ("GET", "POST")
        assert hints["idempotentHint"] or tool.request.method == "POST"


@every_tool
def test_the_request_uses_every_argument_and_no_other(tool: Tool) -> None:
    if tool.request is None:
        assert "quiz" in tool.name
        return
    row = tool.request
    used = set(re.findall(r"{(\w+)}", row.path)) | {*row.query.values(), *(row.body or {}).values(), *row.when_true}
    assert used - {"space_id"} | ({"workspace_slug"} if "space_id" in used else set()) == set(tool.properties)
    assert row.path.startswith("/")
    assert row.path.endswith("/")


@pytest.mark.parametrize(
    ("name", "hints"),
    [
        ("publish_quiz_draft", {"destructiveHint": True, "idempotentHint": False}),
        ("react_to_channel_message", {"idempotentHint": False}),
        ("react_to_conversation_message", {"idempotentHint": False}),
        ("discard_quiz_draft", {"destructiveHint": True, "openWorldHint": False}),
        ("post_channel_message", {"destructiveHint": False, "idempotentHint": False}),
        ("list_quiz_draft_questions", {"readOnlyHint": True, "openWorldHint": False}),
        ("mark_all_notifications_read", {"readOnlyHint": False, "destructiveHint": False, "idempotentHint": True}),
    ],
)
def test_hints_say_what_a_host_may_do_without_asking(name: str, hints: dict[str, bool]) -> None:
    assert {hint: BY_NAME[name].annotations[hint] for hint in hints} == hints


@every_tool
def test_a_listing_has_what_a_client_reads(tool: Tool) -> None:
    shown: dict[str, Any] = tool.listing()
    assert list(shown) == ["name", "title", "description", "inputSchema", "outputSchema", "annotations"]
    assert shown["outputSchema"] == tool.output_schema
    assert shown["annotations"]["title"] == shown["title"]


@every_tool
def test_an_output_schema_is_open_and_says_what_each_field_is(tool: Tool) -> None:
    schema = tool.output_schema
    assert set(schema) == {"type", "properties"}
    assert schema["type"] == "object"
    assert schema["properties"]
    for name, told in schema["properties"].items():
        assert told["description"].endswith("."), name
        assert set(told) <= {"type", "description", "items"}, name
        for field in told.get("items", {}).get("properties", {}).values():
            assert set(field) == {"description"}, "what the API says of an item is its own affair"


# the types that are promised: this server makes these fields, or refuses an answer in which they are otherwise
@every_tool
def test_an_output_schema_promises_only_types_that_this_server_sees_to(tool: Tool) -> None:
    typed = {name for name, told in tool.output_schema["properties"].items() if "type" in told}
    if tool.request is None and tool.name != "publish_quiz_draft":
        assert typed == set(tool.returns)
    else:
        assert typed == ({"results", "next_cursor"} if "cursor" in tool.properties else set())


@every_tool
def test_every_list_of_the_api_is_paginated(tool: Tool) -> None:
    lists = tool.request is not None and tool.name.startswith(("list_", "search_"))
    assert ("cursor" in tool.properties) is lists
    assert {"results", "next_cursor"} <= set(tool.returns) or not lists
