"""Direct messages."""

from connect_mcp.server.tools import outputs
from connect_mcp.server.tools.model import (
    ADDS,
    CURSOR,
    EMOJI,
    READS,
    REPLACES,
    TOGGLES,
    Request,
    Tool,
    identifier,
    limit,
    same,
    text,
)

_CONVERSATION = {"conversation_id": identifier("the conversation", "list_conversations")}
_MESSAGE = {**_CONVERSATION, "message_id": identifier("the message", "list_conversation_messages")}

TOOLS = (
    Tool(
        "list_conversations",
        "List conversations",
        "Lists the current user's direct conversations, each with its id and participants in results.",
        READS,
        Request("GET", "/conversations/", query=same("cursor")),
        optional=CURSOR,
        returns=outputs.page(outputs.CONVERSATION),
    ),
    Tool(
        "list_conversation_messages",
        "List conversation messages",
        "Lists messages of a direct conversation, each with its id, author, body and time in results. These are "
        "private: only the participants see them.",
        READS,
        Request("GET", "/conversations/{conversation_id}/messages/", query=same("limit", "cursor")),
        required=_CONVERSATION,
        optional={"limit": limit(50), **CURSOR},
        returns=outputs.page(outputs.MESSAGE),
    ),
    Tool(
        "send_conversation_message",
        "Send conversation message",
        "Sends a direct message to the participants of a conversation. Returns the new message with its id.",
        ADDS,
        Request("POST", "/conversations/{conversation_id}/messages/", body=same("body")),
        required={**_CONVERSATION, "body": text("Text of the message.")},
        returns=outputs.MESSAGE,
    ),
    Tool(
        "edit_conversation_message",
        "Edit conversation message",
        "Replaces the text of a direct message that the current user wrote. Returns the changed message.",
        REPLACES,
        Request("PATCH", "/conversations/{conversation_id}/messages/{message_id}/", body=same("body")),
        required={**_MESSAGE, "body": text("The new text, whole.")},
        returns=outputs.MESSAGE,
    ),
    Tool(
        "react_to_conversation_message",
        "React to conversation message",
        "Adds the current user's emoji reaction to a direct message, or takes it back if that emoji was there: the "
        "same call twice changes nothing.",
        TOGGLES,
        Request("POST", "/conversations/{conversation_id}/messages/{message_id}/reactions/", body=same("emoji")),
        required={**_MESSAGE, **EMOJI},
        returns=outputs.REACTIONS,
    ),
)
