"""What tools answer, as far as it is known.

Output schemas are open: clients check structured content against them and drop an answer that does not fit, so nothing
is required, and a type is given only to what this server makes or checks itself. All else is described for whoever
reads it, and whatever the API answers beyond that passes through.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from connect_mcp.server.tools.model import Property

    Fields: TypeAlias = Mapping[str, Property]


def fields(**descriptions: str) -> dict[str, Property]:
    """What an object of the API holds, by what each field means."""
    return {name: {"description": text} for name, text in descriptions.items()}


def page(of: Fields) -> dict[str, Property]:
    """A page of a list."""
    return {
        "results": {"type": "array", "items": {"properties": dict(of)}, "description": "The items of this page."},
        "next_cursor": {
            "type": "string",
            "description": "Give it as cursor for the next page. Missing when this is the last one.",
        },
    }


_WHEN = "When it was written."

USER = fields(id="Id of the user.", username="Name of the account.", display_name="Name that people see.")
WORKSPACE = fields(id="Id of the workspace.", name="Its name.", slug="What tools take as workspace_slug.")
CHANNEL = fields(id="What tools take as channel_id.", name="Name of the channel.")
FOUND = fields(kind="post, article, question or message.", id="Id, for the tools of that kind.", title="Its title.")
MESSAGE = fields(
    id="What tools take as message_id.",
    author="Who wrote it.",
    body="Its text.",
    created_at=_WHEN,
    reactions="By emoji.",
)
CONTENT = fields(
    id="Id of this post, article or question.",
    author="Who wrote it.",
    title="Its title.",
    body="Its text.",
    comment_count="How many comments there are.",
    created_at=_WHEN,
)
COMMENT = fields(id="Id of the comment.", author="Who wrote it.", body="Its text.", created_at=_WHEN)
TICKET_COMMENT = {**COMMENT, **fields(is_internal="Whether only staff may see it.")}
REACTIONS = fields(reactions="How many there are of each kind.", my_reaction="The current user's own.")
CONVERSATION = fields(id="What tools take as conversation_id.", participants="Who takes part.")
POLL = fields(
    id="What tools take as poll_id.",
    title="What is asked.",
    options="The answers: each one's id is the option_id of vote_on_poll.",
    is_closed="Whether voting has ended.",
    closes_at="When voting ends.",
)
NOTIFICATION = fields(
    id="For notification_ids.", kind="What happened.", text="In words.", is_read="Whether it was read."
)
MARKED = fields(updated="How many were marked.")
TICKET = fields(
    id="What tools take as ticket_id.",
    title="The matter in one line.",
    body="The matter in full.",
    status="open, in_progress, resolved or closed.",
    assignee="Who works on it; null for nobody.",
)
MEMBER = fields(
    id="Id of the user, for assignee_id.", display_name="Name that people see.", role="Role in the workspace."
)
QUIZ = fields(id="Id of the quiz.", title="Its title.", questions="Its questions, with the correct answers.")
DONE = fields(ok="True where the API answers nothing else.")

DRAFT: dict[str, Property] = {
    "draft_id": {"type": "string", "description": "What the other quiz draft tools take."},
    "workspace_slug": {"type": "string", "description": "The workspace in which it will be published."},
    "title": {"type": "string", "description": "Title of the quiz."},
    "question_count": {"type": "integer", "description": "How many questions the draft has."},
    "kept": {"type": "string", "description": "Where the draft is kept, and until when."},
}
ADDED: dict[str, Property] = {
    **DRAFT,
    "added": {"type": "object", "description": "The question as it will be published, with the correct answers."},
}
REVIEW: dict[str, Property] = {
    **DRAFT,
    "body": {"type": "string", "description": "Introduction to the quiz."},
    "questions": {"type": "array", "description": "All questions, with the correct answers."},
    "audience": {"type": "string", "description": "Whom this answer is for: author."},
    "note": {"type": "string", "description": "What to keep from those who will take the quiz."},
}
DISCARDED: dict[str, Property] = {"discarded": {"type": "string", "description": "Id of the draft that is gone."}}
