"""The caller's inbox."""

from connect_mcp.server.workspace.api import Call, Endpoint, Json, Row, page
from connect_mcp.server.workspace.discovery import person
from connect_mcp.server.workspace.form import Form, a_uuid

_MOST_IDS = 1000


def notify(call: Call, member_id: str, kind: str, text: str, target_id: str) -> None:
    """Put into a member's inbox what the caller has just done; nobody hears of what they did themselves.

    Args:
        call: the request that did it.
        member_id: whom to tell.
        kind: comment, ticket, …
        text: what happened, to be read after the caller's name.
        target_id: the id of what it happened to.
    """
    if member_id != call.member_id:
        call.add(
            "notifications",
            member_id=member_id,
            actor_id=call.member_id,
            kind=kind,
            text=text,
            target_id=target_id,
            is_read=0,
            created_at=call.now,
        )


def _list(call: Call) -> Json:
    sql = (
        "SELECT notifications.*, members.username, members.display_name"
        " FROM notifications JOIN members ON members.id = notifications.actor_id WHERE member_id = ?"
    )
    is_read = call.choice("is_read", ("true", "false"))
    if not is_read:
        return page(call, sql, (call.member_id,), _notification)
    return page(call, sql + " AND is_read = ?", (call.member_id, is_read == "true"), _notification)


def _notification(call: Call, row: Row) -> Json:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "actor": person(row, "actor_id"),
        "text": row["text"],
        "target": row["target_id"],
        "is_read": bool(row["is_read"]),
        "created_at": row["created_at"],
    }


def _mark_read(call: Call) -> Json:
    """Mark those that are named, or all; what is not the caller's is passed over, as the count shows."""
    form = Form(call.body)
    everything = form.flag("all")
    ids = [] if everything else form.each("ids", 1, _MOST_IDS, a_uuid)
    form.check()
    mark = "UPDATE notifications SET is_read = 1 WHERE member_id = ? AND NOT is_read"
    if everything:
        return {"updated": call.change(mark, call.member_id)}
    return {"updated": sum(call.change(mark + " AND id = ?", call.member_id, each) for each in ids)}


ENDPOINTS = (
    Endpoint("GET", "/notifications/", _list),
    Endpoint("POST", "/notifications/mark-read/", _mark_read),
)
