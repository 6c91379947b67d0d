"""What is said in channels and in conversations: written, edited and reacted to in the same way."""

from connect_mcp.server.workspace.api import Call, Json, Row, forbidden
from connect_mcp.server.workspace.discovery import person
from connect_mcp.server.workspace.form import BODY, Form

_EMOJI = 32


def message(call: Call, row: Row) -> Json:
    """A row of `authored_messages` as JSON."""
    return {
        "id": row["id"],
        **({"channel": row["channel_id"]} if row["channel_id"] else {"conversation": row["conversation_id"]}),
        "parent": row["parent_id"],
        "author": person(row),
        "body": row["body"],
        "reply_count": row["reply_count"],
        "reactions": _reactions(call, row["id"]),
        "created_at": row["created_at"],
        "edited_at": row["edited_at"],
    }


def say(call: Call, *, channel_id: str | None = None, conversation_id: str | None = None) -> Json:
    """Add the message of the request's body to a channel or to a conversation, and answer it."""
    fresh = call.add(
        "messages",
        channel_id=channel_id,
        conversation_id=conversation_id,
        author_id=call.member_id,
        body=_body(call),
        created_at=call.now,
    )
    return _by_id(call, fresh)


def edit(call: Call, row: Row) -> Json:
    """Replace a message's body by the request's.

    Raises:
        Problem: 403, the caller did not write it.
    """
    if row["author_id"] != call.member_id:
        raise forbidden("You can only edit your own messages.")
    call.change("UPDATE messages SET body = ?, edited_at = ? WHERE id = ?", _body(call), call.now, row["id"])
    return _by_id(call, row["id"])


def react(call: Call, row: Row) -> Json:
    """Add the caller's reaction with the request's emoji, or take it back where it is there already."""
    form = Form(call.body)
    emoji = form.text("emoji", _EMOJI)
    form.check()
    reaction = (row["id"], call.member_id, emoji)
    if not call.change("DELETE FROM message_reactions WHERE (message_id, member_id, emoji) = (?, ?, ?)", *reaction):
        call.change("INSERT INTO message_reactions (message_id, member_id, emoji) VALUES (?, ?, ?)", *reaction)
    return _by_id(call, row["id"])


def _body(call: Call) -> str:
    form = Form(call.body)
    body = form.text("body", BODY)
    form.check()
    return body


def _by_id(call: Call, message_id: str) -> Json:
    return message(call, call.one("SELECT * FROM authored_messages WHERE id = ?", message_id))


def _reactions(call: Call, message_id: str) -> list[Json]:
    """Each emoji with its count, in the order in which they came."""
    rows = call.all(
        "SELECT emoji, count(*) AS count, max(member_id = ?) AS reacted FROM message_reactions"
        " WHERE message_id = ? GROUP BY emoji ORDER BY min(seq)",
        call.member_id,
        message_id,
    )
    return [{"emoji": row["emoji"], "count": row["count"], "reacted": bool(row["reacted"])} for row in rows]
