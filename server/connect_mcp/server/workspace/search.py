"""Search across everything written in public: posts, articles, questions and channel messages."""

from connect_mcp.server.workspace.api import Call, Endpoint, Json, Row, invalid, page
from connect_mcp.server.workspace.discovery import person
from connect_mcp.server.workspace.form import BLANK, REQUIRED

KINDS = ("post", "article", "question", "message")
_EXCERPT = 240
_MOST_WORDS = 20

# Time alone is not unique across kinds, so the id is part of the order.
_EVERYTHING = """
    SELECT created_at || ' ' || id AS seq, kind, id, space_id, NULL AS channel_id, NULL AS channel_name,
        author_id, username, display_name, title, body, created_at
    FROM visible_contents WHERE viewer_id = :viewer
    UNION ALL
    SELECT said.created_at || ' ' || said.id, 'message', said.id, visible_channels.space_id, visible_channels.id,
        visible_channels.name, said.author_id, said.username, said.display_name, '', said.body, said.created_at
    FROM authored_messages AS said JOIN visible_channels ON visible_channels.id = said.channel_id
    WHERE viewer_id = :viewer
"""


def _search(call: Call) -> Json:
    words = _words(call)
    kind = call.choice("kind", KINDS)
    sql = f"SELECT * FROM ({_EVERYTHING.replace(':viewer', '?')}) WHERE (? = '' OR kind = ?)"  # noqa: S608
    # instr() has no wildcards: a % or _ in the query is looked for as it stands.
    sql += " AND instr(fold(title || ' ' || body), fold(?)) > 0" * len(words)
    return page(call, sql, (call.member_id, call.member_id, kind, kind, *words), lambda call, row: _hit(row, words[0]))


def _words(call: Call) -> list[str]:
    if "q" not in call.query:
        raise invalid("q", REQUIRED)
    words = call.query["q"].split()
    if not words:
        raise invalid("q", BLANK)
    if len(words) > _MOST_WORDS:
        raise invalid("q", f"Ensure this field has no more than {_MOST_WORDS} words.")
    return words


def _hit(row: Row, word: str) -> Json:
    return {
        "kind": row["kind"],
        "id": row["id"],
        "space": row["space_id"],
        "channel": {"id": row["channel_id"], "name": row["channel_name"]} if row["channel_id"] else None,
        "author": person(row),
        "title": row["title"],
        "excerpt": _excerpt(row["body"], word),
        "created_at": row["created_at"],
    }


def _excerpt(body: str, word: str) -> str:
    """The part of a text around a word, cut where it is long."""
    start = max(0, body.casefold().find(word.casefold()) - _EXCERPT // 3)
    end = start + _EXCERPT
    return ("…" if start else "") + body[start:end] + ("…" if end < len(body) else "")


ENDPOINTS = (Endpoint("GET", "/search/", _search),)
