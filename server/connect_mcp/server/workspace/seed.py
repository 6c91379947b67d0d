"""Turns the community of community.py into rows.

Everything but the clock is fixed: ids are made from names, so two workspaces seeded at different times hold the same
things under the same ids.
"""

import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from connect_mcp.server.workspace import community
from connect_mcp.server.workspace.api import insert
from connect_mcp.server.workspace.community import Said, Written
from connect_mcp.server.workspace.store import stamp

_NAMESPACE = uuid.UUID("5f1f2b0a-3c52-5f0e-9c8f-0d6f3a6f7c11")


@cache
def seeded_id(kind: str, name: str | int) -> str:
    """The id of a seeded thing, such as `("space", "makers")`, `("channel", "makers/general")` or `("ticket", 0)`.

    Messages are named by place and position, replies by a further position: `("message", "makers/general/1/0")`.
    """
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{name}"))


def sow(db: sqlite3.Connection, now: datetime) -> None:
    """Fill an empty workspace, inside the caller's transaction; its times count back from `now`."""
    sower = _Sower(db, now)
    sower.people_and_places()
    sower.messages()
    sower.written()
    sower.polls()
    sower.tickets()
    sower.notices()


class _Sower:
    def __init__(self, db: sqlite3.Connection, now: datetime) -> None:
        self._db = db
        self._now = now

    def _ago(self, hours: float) -> str:
        return stamp(self._now - timedelta(hours=hours))

    def people_and_places(self) -> None:
        for person in community.PEOPLE:
            insert(
                self._db,
                "members",
                id=seeded_id("member", person.username),
                username=person.username,
                display_name=person.name,
                email=f"{person.username}@example.org",
                bio=person.bio,
                joined_at=self._ago(person.joined),
            )
        for space in community.SPACES:
            self._space(space)
        for channel in community.CHANNELS:
            self._channel(channel)
        for conversation in community.CONVERSATIONS:
            self._conversation(conversation)

    def _space(self, space: community.Space) -> None:
        space_id = seeded_id("space", space.slug)
        insert(
            self._db,
            "spaces",
            id=space_id,
            slug=space.slug,
            name=space.name,
            description=space.description,
            created_at=self._ago(space.ago),
        )
        joined = {person.username: person.joined for person in community.PEOPLE}
        for username, role in space.roles.items():
            insert(
                self._db,
                "memberships",
                space_id=space_id,
                member_id=seeded_id("member", username),
                role=role,
                joined_at=self._ago(min(space.ago, joined[username])),
            )

    def _channel(self, channel: community.Channel) -> None:
        channel_id = seeded_id("channel", channel.place)
        space, slug = channel.place.split("/")
        insert(
            self._db,
            "channels",
            id=channel_id,
            space_id=seeded_id("space", space),
            slug=slug,
            name=channel.name,
            topic=channel.topic,
            is_private=bool(channel.only),
            created_at=self._ago(channel.ago),
        )
        for username in channel.only.split():
            insert(self._db, "channel_members", channel_id=channel_id, member_id=seeded_id("member", username))

    def _conversation(self, conversation: community.Conversation) -> None:
        conversation_id = seeded_id("conversation", conversation.slug)
        insert(
            self._db,
            "conversations",
            id=conversation_id,
            title=conversation.title,
            created_at=self._ago(conversation.ago),
        )
        for username in conversation.people.split():
            member_id = seeded_id("member", username)
            insert(self._db, "conversation_members", conversation_id=conversation_id, member_id=member_id)

    def messages(self) -> None:
        """Oldest first over all places, since `seq` is the order in which things happened."""
        entries = [
            *_entries("channel", community.MESSAGES),
            *_entries("conversation", community.DIRECT),
        ]
        for entry in sorted(entries, key=lambda entry: -entry.said.ago):
            message_id = seeded_id("message", entry.name)
            insert(
                self._db,
                "messages",
                id=message_id,
                **{f"{entry.kind}_id": seeded_id(entry.kind, entry.place)},
                parent_id=seeded_id("message", entry.parent) if entry.parent else None,
                author_id=seeded_id("member", entry.said.author),
                body=entry.said.body,
                created_at=self._ago(entry.said.ago),
            )
            for emoji, member_id in _by_person(entry.said.reactions):
                insert(self._db, "message_reactions", message_id=message_id, member_id=member_id, emoji=emoji)

    def written(self) -> None:
        for name, written in sorted(_numbered(community.WRITTEN), key=lambda entry: -entry[1].ago):
            content_id = seeded_id(written.kind, name)
            insert(
                self._db,
                "contents",
                id=content_id,
                kind=written.kind,
                space_id=seeded_id("space", written.space),
                author_id=seeded_id("member", written.author),
                title=written.title,
                body=written.body,
                status="published",
                created_at=self._ago(written.ago),
                updated_at=self._ago(written.ago),
            )
            for kind, member_id in _by_person(written.reactions):
                insert(self._db, "content_reactions", content_id=content_id, member_id=member_id, kind=kind)
            for position, comment in enumerate(written.comments):
                insert(
                    self._db,
                    "comments",
                    id=seeded_id("comment", f"{written.kind}/{name}/{position}"),
                    content_id=content_id,
                    author_id=seeded_id("member", comment.author),
                    body=comment.body,
                    created_at=self._ago(comment.ago),
                )

    def polls(self) -> None:
        for position, poll in sorted(enumerate(community.POLLS), key=lambda entry: -entry[1].ago):
            poll_id = seeded_id("poll", position)
            insert(
                self._db,
                "polls",
                id=poll_id,
                space_id=seeded_id("space", poll.space),
                author_id=seeded_id("member", poll.author),
                title=poll.title,
                is_anonymous=poll.anonymous,
                status="published",
                closed_at=None if poll.closed_ago is None else self._ago(poll.closed_ago),
                created_at=self._ago(poll.ago),
            )
            for number, text in enumerate(poll.options):
                option_id = seeded_id("option", f"{position}/{number}")
                insert(self._db, "poll_options", id=option_id, poll_id=poll_id, text=text)
                for _, member_id in _by_person({text: poll.options[text]}):
                    insert(self._db, "poll_votes", poll_id=poll_id, member_id=member_id, option_id=option_id)

    def tickets(self) -> None:
        for position, ticket in sorted(enumerate(community.TICKETS), key=lambda entry: -entry[1].ago):
            ticket_id = seeded_id("ticket", position)
            insert(
                self._db,
                "tickets",
                id=ticket_id,
                space_id=seeded_id("space", ticket.space) if ticket.space else None,
                reporter_id=seeded_id("member", ticket.reporter),
                assignee_id=seeded_id("member", ticket.assignee) if ticket.assignee else None,
                title=ticket.title,
                body=ticket.body,
                status=ticket.status,
                created_at=self._ago(ticket.ago),
                updated_at=self._ago(min([ticket.ago, *(comment.ago for comment in ticket.comments)])),
            )
            for number, comment in enumerate(ticket.comments):
                insert(
                    self._db,
                    "ticket_comments",
                    id=seeded_id("ticket comment", f"{position}/{number}"),
                    ticket_id=ticket_id,
                    author_id=seeded_id("member", comment.author),
                    body=comment.body,
                    is_internal=comment.internal,
                    created_at=self._ago(comment.ago),
                )

    def notices(self) -> None:
        for position, notice in sorted(enumerate(community.NOTICES), key=lambda entry: -entry[1].ago):
            insert(
                self._db,
                "notifications",
                id=seeded_id("notification", position),
                member_id=seeded_id("member", notice.member),
                actor_id=seeded_id("member", notice.actor),
                kind=notice.kind,
                text=notice.text,
                target_id=seeded_id(*notice.target),
                is_read=notice.read,
                created_at=self._ago(notice.ago),
            )


@dataclass(frozen=True)
class _Entry:
    """A message with its place; `parent` is the name of the message that it replies to, if it does."""

    said: Said
    kind: str
    place: str
    name: str
    parent: str = ""


def _entries(kind: str, said_in: Mapping[str, tuple[Said, ...]]) -> Iterator[_Entry]:
    for place, all_said in said_in.items():
        for position, said in enumerate(all_said):
            name = f"{place}/{position}"
            yield _Entry(said, kind, place, name)
            for number, reply in enumerate(said.replies):
                yield _Entry(reply, kind, place, f"{name}/{number}", parent=name)


def _numbered(all_written: Iterable[Written]) -> Iterator[tuple[int, Written]]:
    """Each with its position among those of its kind."""
    counts: Counter[str] = Counter()
    for written in all_written:
        yield counts[written.kind], written
        counts[written.kind] += 1


def _by_person(reactions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each reaction with the id of one who gave it."""
    for reaction, people in reactions.items():
        for username in people.split():
            yield reaction, seeded_id("member", username)
