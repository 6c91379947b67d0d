"""Polls: one vote a member, replaced by voting again, until the poll is closed or its time is up."""

from connect_mcp.server.workspace.api import Call, Endpoint, Json, Problem, Row, forbidden
from connect_mcp.server.workspace.discovery import member, person, require_space
from connect_mcp.server.workspace.form import Form, a_text
from connect_mcp.server.workspace.store import stamp

_FEWEST, _MOST = 2, 20
_TEXT = 500


def _create(call: Call) -> Json:
    require_space(call, call.ids["space"])
    form = Form(call.body)
    title = form.text("title", _TEXT)
    options = form.each("options", _FEWEST, _MOST, lambda option: a_text(option, _TEXT))
    is_anonymous = form.flag("is_anonymous")
    if form.has("status"):
        form.choice("status", ("published",))
    closes_at = form.moment_if_given("closes_at")
    if closes_at is not None and stamp(closes_at) <= call.now:
        form.wrong("closes_at", "Must be in the future.")
    form.check()
    poll_id = call.add(
        "polls",
        space_id=call.ids["space"],
        author_id=call.member_id,
        title=title,
        is_anonymous=is_anonymous,
        status="published",
        closes_at=closes_at and stamp(closes_at),
        created_at=call.now,
    )
    for text in options:
        call.add("poll_options", poll_id=poll_id, text=text)
    return _poll(call, _visible(call, poll_id))


def _get(call: Call) -> Json:
    return _poll(call, _wanted(call))


def _vote(call: Call) -> Json:
    poll = _wanted(call)
    form = Form(call.body)
    option_id = form.identity("option_id")
    form.check()
    if _closed(call, poll):
        raise Problem(400, {"detail": "This poll is closed."})
    if not call.exists("SELECT 1 FROM poll_options WHERE id = ? AND poll_id = ?", option_id, poll["id"]):
        form.wrong("option_id", f'Invalid pk "{option_id}" - object does not exist.')
        form.check()
    call.change(
        "INSERT INTO poll_votes (poll_id, member_id, option_id) VALUES (?, ?, ?)"
        " ON CONFLICT (poll_id, member_id) DO UPDATE SET option_id = excluded.option_id",
        poll["id"],
        call.member_id,
        option_id,
    )
    return _poll(call, poll)


def _close(call: Call) -> Json:
    poll = _wanted(call)
    if poll["author_id"] != call.member_id:
        raise forbidden("Only its author can close a poll.")
    call.change("UPDATE polls SET closed_at = coalesce(closed_at, ?) WHERE id = ?", call.now, poll["id"])
    return _poll(call, _wanted(call))


def _wanted(call: Call) -> Row:
    return _visible(call, call.ids["poll"])


def _visible(call: Call, poll_id: str) -> Row:
    sql = (
        "SELECT polls.* FROM polls JOIN memberships ON memberships.space_id = polls.space_id"
        " WHERE polls.id = ? AND memberships.member_id = ?"
    )
    return call.one(sql, poll_id, call.member_id)


def _closed(call: Call, poll: Row) -> bool:
    ends = (poll["closed_at"], poll["closes_at"])
    return any(end is not None and end <= call.now for end in ends)


def _poll(call: Call, row: Row) -> Json:
    rows = call.all("SELECT * FROM poll_options WHERE poll_id = ? ORDER BY seq", row["id"])
    options = [_option(call, row, option) for option in rows]
    return {
        "id": row["id"],
        "space": row["space_id"],
        "author": member(call, row["author_id"]),
        "title": row["title"],
        "status": row["status"],
        "is_anonymous": bool(row["is_anonymous"]),
        "is_closed": _closed(call, row),
        "closes_at": row["closes_at"],
        "closed_at": row["closed_at"],
        "options": options,
        "total_votes": sum(option["vote_count"] for option in options),
        "created_at": row["created_at"],
    }


def _option(call: Call, poll: Row, option: Row) -> Json:
    """An option with its votes; who gave them stays unsaid in an anonymous poll."""
    voters = call.all(
        "SELECT members.* FROM poll_votes JOIN members ON members.id = poll_votes.member_id"
        " WHERE option_id = ? ORDER BY members.seq",
        option["id"],
    )
    return {
        "id": option["id"],
        "text": option["text"],
        "vote_count": len(voters),
        "voted": any(voter["id"] == call.member_id for voter in voters),
        **({} if poll["is_anonymous"] else {"voters": [person(voter, "id") for voter in voters]}),
    }


ENDPOINTS = (
    Endpoint("POST", "/spaces/{space}/polls/", _create, status=201),
    Endpoint("GET", "/polls/{poll}/", _get),
    Endpoint("POST", "/polls/{poll}/vote/", _vote),
    Endpoint("POST", "/polls/{poll}/close/", _close),
)
