"""Direct messages between two people, and in groups."""

from connect_mcp.server.workspace.api import Call, Endpoint, Json, Row, page
from connect_mcp.server.workspace.discovery import person
from connect_mcp.server.workspace.messages import edit, message, react, say

# The last message, not the conversation itself, gives the order of the list.
_CONVERSATIONS = """
    SELECT conversations.id, conversations.title, conversations.created_at, max(messages.seq) AS seq
    FROM conversations
    JOIN conversation_members ON conversation_members.conversation_id = conversations.id
    JOIN messages ON messages.conversation_id = conversations.id
    WHERE conversation_members.member_id = ?
    GROUP BY conversations.id
"""


def _list(call: Call) -> Json:
    return page(call, _CONVERSATIONS, (call.member_id,), _conversation)


def _conversation(call: Call, row: Row) -> Json:
    people = call.all(
        "SELECT members.* FROM members JOIN conversation_members ON conversation_members.member_id = members.id"
        " WHERE conversation_id = ? ORDER BY members.seq",
        row["id"],
    )
    last = message(call, call.one("SELECT * FROM authored_messages WHERE seq = ?", row["seq"]))
    return {
        "id": row["id"],
        "kind": "group" if row["title"] else "direct",
        "title": row["title"],
        "participants": [person(one, "id") for one in people],
        "last_message": last,
        "created_at": row["created_at"],
    }


def _list_messages(call: Call) -> Json:
    sql = "SELECT * FROM authored_messages WHERE conversation_id = ?"
    return page(call, sql, (_conversation_id(call),), message)


def _send(call: Call) -> Json:
    return say(call, conversation_id=_conversation_id(call))


def _edit(call: Call) -> Json:
    return edit(call, _message(call))


def _react(call: Call) -> Json:
    return react(call, _message(call))


def _conversation_id(call: Call) -> str:
    sql = "SELECT conversation_id FROM conversation_members WHERE conversation_id = ? AND member_id = ?"
    conversation_id: str = call.one(sql, call.ids["conversation"], call.member_id)["conversation_id"]
    return conversation_id


def _message(call: Call) -> Row:
    sql = "SELECT * FROM messages WHERE id = ? AND conversation_id = ?"
    return call.one(sql, call.ids["message"], _conversation_id(call))


_MESSAGES = "/conversations/{conversation}/messages/"

ENDPOINTS = (
    Endpoint("GET", "/conversations/", _list),
    Endpoint("GET", _MESSAGES, _list_messages),
    Endpoint("POST", _MESSAGES, _send, status=201),
    Endpoint("PATCH", _MESSAGES + "{message}/", _edit),
    Endpoint("POST", _MESSAGES + "{message}/reactions/", _react),
)
