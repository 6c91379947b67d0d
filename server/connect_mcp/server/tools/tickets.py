"""Support tickets, as the one who asks for help sees them."""

from connect_mcp.server.tools import outputs
from connect_mcp.server.tools.model import (
    ADDS,
    CURSOR,
    READS,
    STATUSES,
    Request,
    Tool,
    flag,
    free_text,
    identifier,
    one_of,
    same,
    text,
)

TICKET = {"ticket_id": identifier("the ticket", "list_my_tickets or list_all_tickets")}

TOOLS = (
    Tool(
        "list_my_tickets",
        "List my tickets",
        "Lists the support tickets that the current user opened, each with its id, title and status in results.",
        READS,
        Request("GET", "/support/tickets/", query=same("status", "cursor"), fixed={"queue": "mine"}),
        optional={"status": one_of("Only tickets of this status; all if left out.", *STATUSES), **CURSOR},
        returns=outputs.page(outputs.TICKET),
    ),
    Tool(
        "create_ticket",
        "Create ticket",
        "Opens a support ticket, which the support staff sees. Returns the new ticket with its id.",
        ADDS,
        Request("POST", "/support/tickets/", body=same("title", "body", "workspace_slug")),
        required={"title": text("The matter in one line."), "body": text("What is wrong or wanted, in full.")},
        optional={
            "workspace_slug": free_text("Slug of the workspace it is about, as list_workspaces gives it, if any.")
        },
        returns=outputs.TICKET,
    ),
    Tool(
        "get_ticket",
        "Get ticket",
        "Returns a support ticket: title, body, status, who opened it and who is assigned.",
        READS,
        Request("GET", "/support/tickets/{ticket_id}/"),
        required=TICKET,
        returns=outputs.TICKET,
    ),
    Tool(
        "list_ticket_comments",
        "List ticket comments",
        "Lists the comments on a support ticket in results. Staff also see those with is_internal, which the one who "
        "opened the ticket does not: do not repeat them to that person.",
        READS,
        Request("GET", "/support/tickets/{ticket_id}/comments/", query=same("cursor")),
        required=TICKET,
        optional=CURSOR,
        returns=outputs.page(outputs.TICKET_COMMENT),
    ),
    Tool(
        "comment_on_ticket",
        "Comment on ticket",
        "Writes a comment on a support ticket. Returns the new comment with its id.",
        ADDS,
        Request(
            "POST",
            "/support/tickets/{ticket_id}/comments/",
            body=same("body"),
            when_true={"is_internal": ("is_internal", True)},
        ),
        required={**TICKET, "body": text("Text of the comment.")},
        optional={"is_internal": flag("Whether only staff may see it.")},
        returns=outputs.TICKET_COMMENT,
    ),
)
