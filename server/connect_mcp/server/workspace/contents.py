"""Posts, articles and questions: listed, written, edited, reacted to and commented on in the same way."""

from connect_mcp.server.workspace.api import Call, Json, Row, forbidden, page
from connect_mcp.server.workspace.discovery import member, person, require_space
from connect_mcp.server.workspace.form import BODY, TITLE, Form
from connect_mcp.server.workspace.notifications import notify

REACTIONS = ("like", "love", "celebrate", "insightful", "funny")


def content(call: Call, row: Row) -> Json:
    """A row of `visible_contents` as JSON."""
    counts = call.all(
        "SELECT kind, count(*) AS count FROM content_reactions WHERE content_id = ? GROUP BY kind ORDER BY kind",
        row["id"],
    )
    mine = call.all(
        "SELECT kind FROM content_reactions WHERE content_id = ? AND member_id = ?", row["id"], call.member_id
    )
    return {
        "id": row["id"],
        "kind": row["kind"],
        "space": row["space_id"],
        "author": person(row),
        "title": row["title"],
        "body": row["body"],
        "status": row["status"],
        "reactions": {count["kind"]: count["count"] for count in counts},
        "my_reaction": mine[0]["kind"] if mine else None,
        "comment_count": row["comment_count"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def list_contents(call: Call, kind: str) -> Json:
    """A page of the workspace's contents of a kind, newest first."""
    require_space(call, call.ids["space"])
    sql = "SELECT * FROM visible_contents WHERE space_id = ? AND kind = ? AND viewer_id = ?"
    return page(call, sql, (call.ids["space"], kind, call.member_id), content)


def create(call: Call, kind: str, *, title_needed: bool) -> Json:
    """Add the content of the request's body to the workspace, and answer it."""
    require_space(call, call.ids["space"])
    form = Form(call.body)
    title = form.text("title", TITLE) if title_needed else form.text_or_blank("title", TITLE)
    body = form.text("body", BODY)
    if form.has("status"):
        form.choice("status", ("published",))
    form.check()
    fresh = call.add(
        "contents",
        kind=kind,
        space_id=call.ids["space"],
        author_id=call.member_id,
        title=title,
        body=body,
        status="published",
        created_at=call.now,
        updated_at=call.now,
    )
    return content(call, _visible(call, fresh, kind))


def edit(call: Call, kind: str, *, body_needed: bool = False) -> Json:
    """Replace the title and the body where the request gives them.

    Raises:
        Problem: 403, the caller did not write it.
    """
    row = wanted(call, kind)
    if row["author_id"] != call.member_id:
        raise forbidden(f"You can only edit your own {kind}s.")
    form = Form(call.body)
    title = form.text_if_given("title", TITLE)
    body = form.text("body", BODY) if body_needed else form.text_if_given("body", BODY)
    form.check()
    call.change(
        "UPDATE contents SET title = coalesce(?, title), body = coalesce(?, body), updated_at = ? WHERE id = ?",
        title,
        body,
        call.now,
        row["id"],
    )
    return content(call, wanted(call, kind))


def react(call: Call, kind: str) -> Json:
    """Set the caller's one reaction."""
    row = wanted(call, kind)
    form = Form(call.body)
    reaction = form.choice("kind", REACTIONS)
    form.check()
    call.change(
        "INSERT INTO content_reactions (content_id, member_id, kind) VALUES (?, ?, ?)"
        " ON CONFLICT (content_id, member_id) DO UPDATE SET kind = excluded.kind",
        row["id"],
        call.member_id,
        reaction,
    )
    return content(call, row)


def take_reaction_back(call: Call, kind: str) -> None:
    """Remove the caller's reaction, if there is one."""
    row = wanted(call, kind)
    call.change("DELETE FROM content_reactions WHERE content_id = ? AND member_id = ?", row["id"], call.member_id)


def comment(call: Call, kind: str) -> Json:
    """Add the comment of the request's body, tell the author, and answer the comment."""
    row = wanted(call, kind)
    form = Form(call.body)
    body = form.text("body", BODY)
    form.check()
    fresh = call.add("comments", content_id=row["id"], author_id=call.member_id, body=body, created_at=call.now)
    notify(call, row["author_id"], "comment", f"commented on your {kind}", row["id"])
    return {
        "id": fresh,
        kind: row["id"],
        "author": member(call, call.member_id),
        "body": body,
        "created_at": call.now,
    }


def wanted(call: Call, kind: str) -> Row:
    """The content that the path names.

    Raises:
        Problem: 404, there is none of this kind that the caller can see.
    """
    return _visible(call, call.ids[kind], kind)


def _visible(call: Call, content_id: str, kind: str) -> Row:
    sql = "SELECT * FROM visible_contents WHERE id = ? AND kind = ? AND viewer_id = ?"
    return call.one(sql, content_id, kind, call.member_id)
