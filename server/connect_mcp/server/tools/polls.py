"""Polls."""

from connect_mcp.server.tools import outputs
from connect_mcp.server.tools.model import (
    ADDS,
    READS,
    REPLACES,
    SLUG,
    Request,
    Tool,
    flag,
    free_text,
    identifier,
    same,
    text,
)

_POLL = {"poll_id": identifier("the poll", "create_poll")}

TOOLS = (
    Tool(
        "create_poll",
        "Create poll",
        "Publishes a poll in a workspace at once. Returns the poll with its id and its options with theirs.",
        ADDS,
        Request(
            "POST",
            "/spaces/{space_id}/polls/",
            body={"title": "question", **same("options", "is_anonymous", "closes_at")},
            fixed={"status": "published"},
        ),
        required={
            **SLUG,
            "question": text("What is asked."),
            "options": {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": 500},
                "minItems": 2,
                "maxItems": 20,
                "description": "The answers to choose from: 2 to 20, of 500 characters each at most.",
            },
        },
        optional={
            "is_anonymous": flag("Whether nobody sees who voted for what."),
            "closes_at": free_text(
                "When voting ends: a time in the future in ISO 8601 with its zone, such as 2030-01-31T17:00:00Z. "
                "Open until close_poll if left out."
            ),
        },
        returns=outputs.POLL,
    ),
    Tool(
        "get_poll",
        "Get poll",
        "Returns a poll with its question, whether it is closed, and its options with their ids and votes.",
        READS,
        Request("GET", "/polls/{poll_id}/"),
        required=_POLL,
        returns=outputs.POLL,
    ),
    Tool(
        "vote_on_poll",
        "Vote on poll",
        "Casts the current user's vote in an open poll; it takes the place of an earlier one. Returns the outcome so "
        "far.",
        REPLACES,
        Request("POST", "/polls/{poll_id}/vote/", body=same("option_id")),
        required={
            **_POLL,
            "option_id": text("Id of the option, as get_poll gives it: a UUID, not a position in the list."),
        },
        returns=outputs.POLL,
    ),
    Tool(
        "close_poll",
        "Close poll",
        "Ends voting in a poll for good. Only the poll's author may.",
        REPLACES,
        Request("POST", "/polls/{poll_id}/close/"),
        required=_POLL,
        returns=outputs.POLL,
    ),
)
