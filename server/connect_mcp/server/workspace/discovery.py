"""Who the caller is, and the workspaces, channels and members that they can see."""

from connect_mcp.server.workspace.api import Call, Endpoint, Json, Row, not_found, page
from connect_mcp.server.workspace.keys import VIEW_MEMBERS

_SPACES = """
    SELECT spaces.*, memberships.role,
        (SELECT count(*) FROM memberships AS others WHERE others.space_id = spaces.id) AS member_count
    FROM spaces JOIN memberships ON memberships.space_id = spaces.id
    WHERE memberships.member_id = ?
"""
_CHANNELS = """
    SELECT *,
        (SELECT count(*) FROM messages WHERE messages.channel_id = visible_channels.id) AS message_count,
        (SELECT max(created_at) FROM messages WHERE messages.channel_id = visible_channels.id) AS last_message_at
    FROM visible_channels WHERE space_id = ? AND viewer_id = ?
"""
_MEMBERS = """
    SELECT memberships.seq, memberships.role, memberships.joined_at, members.id, members.username,
        members.display_name, members.bio
    FROM memberships JOIN members ON members.id = memberships.member_id
    WHERE memberships.space_id = ?
"""


def person(row: Row, id_column: str = "author_id") -> Json:
    """The member whose `username` and `display_name` a row carries."""
    return {"id": row[id_column], "username": row["username"], "display_name": row["display_name"]}


def member(call: Call, member_id: str) -> Json:
    """A member by id."""
    return person(call.one("SELECT * FROM members WHERE id = ?", member_id), "id")


def in_space(call: Call, space_id: str) -> bool:
    """Whether there is such a workspace and the caller is in it."""
    return call.exists("SELECT 1 FROM memberships WHERE space_id = ? AND member_id = ?", space_id, call.member_id)


def require_space(call: Call, space_id: str) -> None:
    """Go on only if the caller is in this workspace.

    Raises:
        Problem: 404, they are not, or there is none.
    """
    if not in_space(call, space_id):
        raise not_found()


def _me(call: Call) -> Json:
    row = call.one("SELECT * FROM members WHERE id = ?", call.member_id)
    return {
        **person(row, "id"),
        "email": row["email"],
        "bio": row["bio"],
        "joined_at": row["joined_at"],
        "scopes": list(call.scopes),
        "spaces": [
            {key: space[key] for key in ("id", "slug", "name", "role")} for space in call.all(_SPACES, row["id"])
        ],
    }


def _list_spaces(call: Call) -> Json:
    slug = call.query.get("slug")
    if slug is None:
        return page(call, _SPACES, (call.member_id,), _space, newest_first=False)
    return page(call, _SPACES + " AND spaces.slug = ?", (call.member_id, slug), _space, newest_first=False)


def _space(call: Call, row: Row) -> Json:
    return {key: row[key] for key in ("id", "slug", "name", "description", "role", "member_count", "created_at")}


def _list_channels(call: Call) -> Json:
    require_space(call, call.ids["space"])
    return page(call, _CHANNELS, (call.ids["space"], call.member_id), _channel, newest_first=False)


def _channel(call: Call, row: Row) -> Json:
    return {
        "id": row["id"],
        "space": row["space_id"],
        "slug": row["slug"],
        "name": row["name"],
        "topic": row["topic"],
        "is_private": bool(row["is_private"]),
        "message_count": row["message_count"],
        "last_message_at": row["last_message_at"],
        "created_at": row["created_at"],
    }


def _list_members(call: Call) -> Json:
    require_space(call, call.ids["space"])
    return page(call, _MEMBERS, (call.ids["space"],), _membership, newest_first=False)


def _membership(call: Call, row: Row) -> Json:
    return {**person(row, "id"), "bio": row["bio"], "role": row["role"], "joined_at": row["joined_at"]}


ENDPOINTS = (
    Endpoint("GET", "/auth/me/", _me),
    Endpoint("GET", "/spaces/", _list_spaces),
    Endpoint("GET", "/spaces/{space}/channels/", _list_channels),
    Endpoint("GET", "/spaces/{space}/members/", _list_members, scope=VIEW_MEMBERS),
)
