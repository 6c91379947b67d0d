from typing import Any

import pytest

from connect_mcp.server.results import Failure
from connect_mcp.server.tools.arguments import checked
from connect_mcp.server.tools.table import BY_NAME

OPTIONS = ["a", "b"]

WRONG: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "missing": (
        "post_channel_message",
        {"channel_id": "1"},
        {"body": "missing; expected a non-empty string"},
    ),
    "unknown": (
        "get_poll",
        {"poll_id": "1", "limit": 1},
        {"limit": "unknown; get_poll takes poll_id"},
    ),
    "unknown where there are none": (
        "get_current_user",
        {"x": 1},
        {"x": "unknown; get_current_user takes no arguments"},
    ),
    "a number for a text": (
        "get_poll",
        {"poll_id": 1},
        {"poll_id": "expected a non-empty string, got an integer"},
    ),
    "an empty id": (
        "get_poll",
        {"poll_id": ""},
        {"poll_id": "expected a non-empty string, got 0 characters"},
    ),
    "null for what is required": (
        "get_poll",
        {"poll_id": None},
        {"poll_id": "expected a non-empty string, got null"},
    ),
    "a text that is not Unicode": (
        "get_poll",
        {"poll_id": "\ud800"},
        {"poll_id": "expected text, got half a surrogate pair"},
    ),
    "a limit below": (
        "list_notifications",
        {"limit": 0},
        {"limit": "expected an integer of at least 1 and at most 100, got 0"},
    ),
    "a limit above": (
        "list_notifications",
        {"limit": 101},
        {"limit": "expected an integer of at least 1 and at most 100, got 101"},
    ),
    "a fraction": (
        "list_notifications",
        {"limit": 1.5},
        {"limit": "expected an integer of at least 1 and at most 100, got a number"},
    ),
    "true for a number": (
        "list_notifications",
        {"limit": True},
        {"limit": "expected an integer of at least 1 and at most 100, got a boolean"},
    ),
    "a number for a boolean": (
        "list_notifications",
        {"unread_only": 1},
        {"unread_only": "expected a boolean, got an integer"},
    ),
    "a word that is not among the choices": (
        "search_content",
        {"query": "x", "kind": "secret"},
        {"kind": "expected one of post, article, question, message"},
    ),
    "a text for a list": (
        "mark_notifications_read",
        {"notification_ids": "1"},
        {"notification_ids": "expected a non-empty array, got a string"},
    ),
    "an empty list": (
        "mark_notifications_read",
        {"notification_ids": []},
        {"notification_ids": "expected a non-empty array, got 0 items"},
    ),
    "a wrong item": (
        "mark_notifications_read",
        {"notification_ids": ["1", 2]},
        {"notification_ids": "item 1: expected a non-empty string, got an integer"},
    ),
    "a long item": (
        "create_poll",
        {"workspace_slug": "w", "question": "q", "options": ["a", "b" * 501]},
        {"options": "item 1: expected a non-empty string of at most 500 characters, got 501 characters"},
    ),
    "too many items": (
        "create_poll",
        {"workspace_slug": "w", "question": "q", "options": OPTIONS * 11},
        {"options": "expected an array of at least 2 and at most 20 items, got 22 items"},
    ),
    "an object for a text": (
        "get_poll",
        {"poll_id": {}},
        {"poll_id": "expected a non-empty string, got an object"},
    ),
    "several at once": (
        "post_channel_message",
        {"channel_id": 1, "x": 2},
        {
            "x": "unknown; post_channel_message takes channel_id, body",
            "channel_id": "expected a non-empty string, got an integer",
            "body": "missing; expected a non-empty string",
        },
    ),
    "nothing to change": (
        "edit_article",
        {"article_id": "1"},
        {"body": "expected at least one of body and title", "title": "expected at least one of body and title"},
    ),
    "nothing but empty texts to change": (
        "edit_question",
        {"question_id": "1", "body": "", "title": None},
        {"body": "expected at least one of body and title", "title": "expected at least one of body and title"},
    ),
    "an empty assignee, which is not how to unassign": (
        "update_ticket",
        {"ticket_id": "1", "assignee_id": ""},
        {"assignee_id": "expected a non-empty string or null, got 0 characters"},
    ),
}


@pytest.mark.parametrize("row", WRONG)
def test_what_is_wrong_is_named_with_what_was_expected(row: str) -> None:
    name, arguments, problems = WRONG[row]
    with pytest.raises(Failure) as caught:
        checked(BY_NAME[name], arguments)
    assert caught.value.code == "INVALID_ARG"
    assert caught.value.details == {argument: [problem] for argument, problem in problems.items()}
    assert all(argument in caught.value.message for argument in problems)
    assert caught.value.retryable is False


RIGHT: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "defaults": ("list_channel_messages", {"channel_id": "1"}, {"channel_id": "1", "limit": 50}),
    "a whole number with a point": ("list_notifications", {"limit": 5.0}, {"unread_only": False, "limit": 5}),
    "whole numbers in a list": (
        "add_quiz_question",
        {"draft_id": "d", "question_text": "q", "options": OPTIONS, "correct_option_indices": [1.0]},
        {
            "draft_id": "d",
            "question_text": "q",
            "options": OPTIONS,
            "correct_option_indices": [1],
            "question_type": "mcq",
            "points": 1,
        },
    ),
    "optional arguments that say nothing": (
        "search_content",
        {"query": "x", "kind": " ", "cursor": None},
        {"query": "x"},
    ),
    "a default asked for by saying nothing": (
        "react_to_post",
        {"post_id": "1", "kind": ""},
        {"post_id": "1", "kind": "like"},
    ),
    "null where null says something": (
        "update_ticket",
        {"ticket_id": "1", "assignee_id": None},
        {"ticket_id": "1", "assignee_id": None},
    ),
    "one of two changes": ("edit_article", {"article_id": "1", "title": "t"}, {"article_id": "1", "title": "t"}),
}


@pytest.mark.parametrize("row", RIGHT)
def test_what_is_right_is_completed(row: str) -> None:
    name, arguments, given = RIGHT[row]
    before = repr(arguments)
    assert checked(BY_NAME[name], arguments) == given
    assert repr(arguments) == before
