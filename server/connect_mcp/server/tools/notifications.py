"""The current user's notifications."""

from connect_mcp.server.tools import outputs
from connect_mcp.server.tools.model import CURSOR, MARKS, READS, Request, Tool, flag, limit, same

TOOLS = (
    Tool(
        "list_notifications",
        "List notifications",
        "Lists the current user's notifications, each with its id, kind, text and whether it was read in results.",
        READS,
        Request(
            "GET",
            "/notifications/",
            query=same("limit", "cursor"),
            when_true={"unread_only": ("is_read", "false")},
        ),
        optional={
            "unread_only": flag("Whether to leave out those that were read."),
            "limit": limit(50),
            **CURSOR,
        },
        returns=outputs.page(outputs.NOTIFICATION),
    ),
    Tool(
        "mark_notifications_read",
        "Mark notifications read",
        "Marks some of the current user's notifications as read.",
        MARKS,
        Request("POST", "/notifications/mark-read/", body={"ids": "notification_ids"}),
        required={
            "notification_ids": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "description": "Ids of the notifications, as list_notifications gives them.",
            }
        },
        returns=outputs.MARKED,
    ),
    Tool(
        "mark_all_notifications_read",
        "Mark all notifications read",
        "Marks all of the current user's notifications as read.",
        MARKS,
        Request("POST", "/notifications/mark-read/", body={}, fixed={"all": True}),
        returns=outputs.MARKED,
    ),
)
