"""Support tickets: everybody files and reads their own; with `tickets:manage` one reads and steers them all."""

from connect_mcp.server.workspace.api import Call, Endpoint, Json, Row, page
from connect_mcp.server.workspace.discovery import member, person
from connect_mcp.server.workspace.form import BODY, TITLE, Form
from connect_mcp.server.workspace.keys import MANAGE_TICKETS
from connect_mcp.server.workspace.notifications import notify

_STATUSES = ("open", "in_progress", "resolved", "closed")
_SLUG = 100
_TICKETS = """
    SELECT tickets.*, spaces.slug AS space_slug,
        (SELECT count(*) FROM ticket_comments WHERE ticket_id = tickets.id AND (? OR NOT is_internal)) AS comment_count
    FROM tickets LEFT JOIN spaces ON spaces.id = tickets.space_id
"""
_COMMENTS = """
    SELECT ticket_comments.*, members.username, members.display_name
    FROM ticket_comments JOIN members ON members.id = ticket_comments.author_id
"""


def _list(call: Call) -> Json:
    status = call.choice("status", _STATUSES)
    if call.choice("queue", ("mine", "all"), "mine") == "mine":
        chosen, values = "reporter_id = ? AND (? = '' OR status = ?)", (call.member_id, status, status)
        return page(call, f"{_TICKETS} WHERE {chosen}", (_is_staff(call), *values), _ticket)
    call.require(MANAGE_TICKETS)
    if status:
        return page(call, _TICKETS + " WHERE status = ?", (True, status), _ticket)
    return page(call, _TICKETS + " WHERE status IN ('open', 'in_progress')", (True,), _ticket)


def _create(call: Call) -> Json:
    form = Form(call.body)
    title = form.text("title", TITLE)
    body = form.text("body", BODY)
    slug = form.text_if_given("workspace_slug", _SLUG)
    space_id = _space_id(call, slug) if slug else None
    if slug and space_id is None:
        form.wrong("workspace_slug", f'Object with slug="{slug}" does not exist.')
    form.check()
    fresh = call.add(
        "tickets",
        space_id=space_id,
        reporter_id=call.member_id,
        title=title,
        body=body,
        status="open",
        created_at=call.now,
        updated_at=call.now,
    )
    return _by_id(call, fresh)


def _get(call: Call) -> Json:
    return _by_id(call, _wanted(call)["id"])


def _update(call: Call) -> Json:
    ticket = _wanted(call)
    form = Form(call.body)
    status = form.choice("status", _STATUSES) if form.has("status") else ticket["status"]
    assignee_id = ticket["assignee_id"]
    if form.has("assignee_id"):
        assignee_id = form.identity_or_null("assignee_id")
        if assignee_id and not call.exists("SELECT 1 FROM members WHERE id = ?", assignee_id):
            form.wrong("assignee_id", f'Invalid pk "{assignee_id}" - object does not exist.')
    form.check()
    call.change(
        "UPDATE tickets SET status = ?, assignee_id = ?, updated_at = ? WHERE id = ?",
        status,
        assignee_id,
        call.now,
        ticket["id"],
    )
    if status != ticket["status"]:
        notify(call, ticket["reporter_id"], "ticket", f"set your ticket to {status}", ticket["id"])
    if assignee_id and assignee_id != ticket["assignee_id"]:
        notify(call, assignee_id, "ticket", "assigned a ticket to you", ticket["id"])
    return _by_id(call, ticket["id"])


def _list_comments(call: Call) -> Json:
    ticket = _wanted(call)
    sql = _COMMENTS + " WHERE ticket_id = ? AND (? OR NOT is_internal)"
    return page(call, sql, (ticket["id"], _is_staff(call)), _comment, newest_first=False)


def _add_comment(call: Call) -> Json:
    ticket = _wanted(call)
    form = Form(call.body)
    body = form.text("body", BODY)
    is_internal = form.flag("is_internal")
    form.check()
    if is_internal:
        call.require(MANAGE_TICKETS)
    fresh = call.add(
        "ticket_comments",
        ticket_id=ticket["id"],
        author_id=call.member_id,
        body=body,
        is_internal=is_internal,
        created_at=call.now,
    )
    call.change("UPDATE tickets SET updated_at = ? WHERE id = ?", call.now, ticket["id"])
    if not is_internal:
        notify(call, ticket["reporter_id"], "ticket", "commented on your ticket", ticket["id"])
    return _comment(call, call.one(_COMMENTS + " WHERE ticket_comments.id = ?", fresh))


def _is_staff(call: Call) -> bool:
    return MANAGE_TICKETS in call.scopes


def _space_id(call: Call, slug: str) -> str | None:
    rows = call.all(
        "SELECT spaces.id FROM spaces JOIN memberships ON memberships.space_id = spaces.id"
        " WHERE slug = ? AND member_id = ?",
        slug,
        call.member_id,
    )
    return rows[0]["id"] if rows else None


def _wanted(call: Call) -> Row:
    """The ticket that the path names, which is the caller's or the caller's to manage."""
    sql = "SELECT * FROM tickets WHERE id = ? AND (? OR reporter_id = ?)"
    return call.one(sql, call.ids["ticket"], _is_staff(call), call.member_id)


def _by_id(call: Call, ticket_id: str) -> Json:
    return _ticket(call, call.one(_TICKETS + " WHERE tickets.id = ?", _is_staff(call), ticket_id))


def _ticket(call: Call, row: Row) -> Json:
    return {
        "id": row["id"],
        "title": row["title"],
        "body": row["body"],
        "status": row["status"],
        "workspace_slug": row["space_slug"],
        "reporter": member(call, row["reporter_id"]),
        "assignee": member(call, row["assignee_id"]) if row["assignee_id"] else None,
        "comment_count": row["comment_count"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _comment(call: Call, row: Row) -> Json:
    return {
        "id": row["id"],
        "ticket": row["ticket_id"],
        "author": person(row),
        "body": row["body"],
        "is_internal": bool(row["is_internal"]),
        "created_at": row["created_at"],
    }


ENDPOINTS = (
    Endpoint("GET", "/support/tickets/", _list),
    Endpoint("POST", "/support/tickets/", _create, status=201),
    Endpoint("GET", "/support/tickets/{ticket}/", _get),
    Endpoint("PATCH", "/support/tickets/{ticket}/", _update, scope=MANAGE_TICKETS),
    Endpoint("GET", "/support/tickets/{ticket}/comments/", _list_comments),
    Endpoint("POST", "/support/tickets/{ticket}/comments/", _add_comment, status=201),
)
