"""What only administrators and moderators may do."""

from connect_mcp.server.tools import outputs
from connect_mcp.server.tools.model import (
    CURSOR,
    READS,
    REPLACES,
    SLUG,
    STATUSES,
    Request,
    Tool,
    one_of,
    same,
)
from connect_mcp.server.tools.tickets import TICKET

TOOLS = (
    Tool(
        "list_all_tickets",
        "List all tickets",
        "Lists everybody's support tickets, each with its id, title, status and assignee in results; those that are "
        "open or in_progress, unless a status is given. Needs the scope tickets:manage.",
        READS,
        Request("GET", "/support/tickets/", query=same("status", "cursor"), fixed={"queue": "all"}),
        optional={
            "status": one_of("Only tickets of this status; open and in_progress if left out.", *STATUSES),
            **CURSOR,
        },
        returns=outputs.page(outputs.TICKET),
    ),
    Tool(
        "update_ticket",
        "Update ticket",
        "Changes a support ticket's status or who is assigned to it, or both; at least one of status and assignee_id "
        "must be given. Returns the changed ticket. Needs the scope tickets:manage.",
        REPLACES,
        Request("PATCH", "/support/tickets/{ticket_id}/", body=same("status", "assignee_id")),
        required=TICKET,
        one_of={
            "status": one_of("The new status; left as it is if not given.", *STATUSES),
            "assignee_id": {
                "type": ["string", "null"],
                "minLength": 1,
                "description": "Id of the member to assign, as list_workspace_members gives it; null to unassign. "
                "Left as it is if not given.",
            },
        },
        returns=outputs.TICKET,
    ),
    Tool(
        "list_workspace_members",
        "List workspace members",
        "Lists the members of a workspace, each with user id, name and role in results. Needs the scope members:view.",
        READS,
        Request("GET", "/spaces/{space_id}/members/", query=same("cursor")),
        required=SLUG,
        optional=CURSOR,
        returns=outputs.page(outputs.MEMBER),
    ),
)
