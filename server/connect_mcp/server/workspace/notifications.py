"""The caller's inbox."""

from connect_mcp.server.workspace.api import Call


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
