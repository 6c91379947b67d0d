"""Every tool, as a host would call it on a fresh machine without an account."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.server.toolbox import Toolbox, embedded_api
from connect_mcp.server.tools.table import BY_NAME
from connect_mcp.server.workspace.seed import seeded_id

MAKERS = "makers"
GENERAL = seeded_id("channel", "makers/general")
OWN_MESSAGE = seeded_id("message", "makers/general/0")
OWN_POST, OWN_POLL, OWN_TICKET = seeded_id("post", 0), seeded_id("poll", 0), seeded_id("ticket", 4)
CONVERSATION, OWN_DIRECT = seeded_id("conversation", "amara-tom"), seeded_id("message", "amara-tom/0")
ARTICLE, QUESTION = seeded_id("article", 0), seeded_id("question", 0)

CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_current_user", {}),
    ("list_workspaces", {}),
    ("list_channels", {"workspace_slug": MAKERS}),
    ("search_content", {"query": "cello", "kind": "post"}),
    ("list_channel_messages", {"channel_id": GENERAL, "limit": 2}),
    ("post_channel_message", {"channel_id": GENERAL, "body": "Hello from a tool"}),
    ("edit_channel_message", {"message_id": OWN_MESSAGE, "body": "Good morning, all."}),
    ("react_to_channel_message", {"message_id": OWN_MESSAGE, "emoji": "☀️"}),
    ("list_feed_posts", {"workspace_slug": MAKERS}),
    ("create_feed_post", {"workspace_slug": MAKERS, "body": "Tea at four"}),
    ("edit_post", {"post_id": OWN_POST, "body": "Changed"}),
    ("react_to_post", {"post_id": OWN_POST, "kind": "love"}),
    ("remove_reaction_from_post", {"post_id": OWN_POST}),
    ("comment_on_post", {"post_id": OWN_POST, "body": "Noted"}),
    ("list_conversations", {}),
    ("list_conversation_messages", {"conversation_id": CONVERSATION}),
    ("send_conversation_message", {"conversation_id": CONVERSATION, "body": "Yes"}),
    ("edit_conversation_message", {"conversation_id": CONVERSATION, "message_id": OWN_DIRECT, "body": "Welcome!"}),
    ("react_to_conversation_message", {"conversation_id": CONVERSATION, "message_id": OWN_DIRECT, "emoji": "👍"}),
    ("create_article", {"workspace_slug": MAKERS, "title": "Oil", "body": "Wipe it on."}),
    ("edit_article", {"article_id": "create_article", "body": "Wipe it off, too."}),
    ("react_to_article", {"article_id": ARTICLE}),
    ("remove_reaction_from_article", {"article_id": ARTICLE}),
    ("comment_on_article", {"article_id": ARTICLE, "body": "Thanks"}),
    ("create_question", {"workspace_slug": MAKERS, "title": "Where?", "body": "Where is the oil?"}),
    ("edit_question", {"question_id": "create_question", "title": "Where is it?"}),
    ("comment_on_question", {"question_id": QUESTION, "body": "Square"}),
    ("create_poll", {"workspace_slug": MAKERS, "question": "Tea?", "options": ["Yes", "No"]}),
    ("get_poll", {"poll_id": OWN_POLL}),
    ("vote_on_poll", {"poll_id": OWN_POLL, "option_id": seeded_id("option", "0/2")}),
    ("close_poll", {"poll_id": OWN_POLL}),
    ("create_quiz_draft", {"workspace_slug": MAKERS, "title": "Wood"}),
    (
        "add_quiz_question",
        {
            "draft_id": "create_quiz_draft",
            "question_text": "Harder?",
            "question_type": "mcq",
            "options": ["Oak", "Pine"],
            "correct_option_indices": [0],
        },
    ),
    ("list_quiz_draft_questions", {"draft_id": "create_quiz_draft"}),
    ("publish_quiz_draft", {"draft_id": "create_quiz_draft"}),
    ("create_quiz_draft", {"workspace_slug": MAKERS, "title": "Thrown away"}),
    ("discard_quiz_draft", {"draft_id": "create_quiz_draft"}),
    ("list_notifications", {"unread_only": True}),
    ("mark_notifications_read", {"notification_ids": [seeded_id("notification", 7)]}),
    ("mark_all_notifications_read", {}),
    ("list_my_tickets", {"status": "open"}),
    ("create_ticket", {"title": "Cold", "body": "The heating is off", "workspace_slug": MAKERS}),
    ("get_ticket", {"ticket_id": OWN_TICKET}),
    ("list_ticket_comments", {"ticket_id": OWN_TICKET}),
    ("comment_on_ticket", {"ticket_id": OWN_TICKET, "body": "Ask the board", "is_internal": True}),
    ("list_all_tickets", {}),
    ("update_ticket", {"ticket_id": OWN_TICKET, "status": "in_progress", "assignee_id": None}),
    ("list_workspace_members", {"workspace_slug": MAKERS}),
)


def test_the_calls_name_every_tool() -> None:
    assert {name for name, _ in CALLS} == set(BY_NAME)


def test_every_tool_works_in_a_fresh_workspace(tmp_path: Path) -> None:
    for name, result in asyncio.run(_call_all(tmp_path)):
        assert not result.get("isError"), (name, result)


@pytest.mark.parametrize("name", ["list_channel_messages", "list_feed_posts"])
def test_a_cursor_from_a_tool_leads_on(tmp_path: Path, name: str) -> None:
    place = {"channel_id": GENERAL} if name == "list_channel_messages" else {"workspace_slug": MAKERS}

    async def all_ids() -> list[str]:
        toolbox = Toolbox(lambda: embedded_api(tmp_path))
        ids: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await toolbox.call(name, {**place, **cursor, "limit": 3}))["structuredContent"]
            ids += [each["id"] for each in page["results"]]
            if "next_cursor" not in page:
                await toolbox.close()
                return ids
            cursor = {"cursor": page["next_cursor"]}

    ids = asyncio.run(all_ids())
    assert len(ids) == len(set(ids)) == {"list_channel_messages": 18, "list_feed_posts": 4}[name]


async def _call_all(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Each tool with its result; an argument that is a tool's name stands for the id which that tool answered."""
    toolbox = Toolbox(lambda: embedded_api(folder))
    answered: dict[object, str] = {}
    results = []
    for name, given in CALLS:
        arguments = {
            key: answered.get(value, value) if isinstance(value, str) else value for key, value in given.items()
        }
        result = await toolbox.call(name, arguments)
        content = result.get("structuredContent", {})
        answered[name] = content.get("draft_id") or content.get("id") or ""
        results.append((name, result))
    await toolbox.close()
    return results
