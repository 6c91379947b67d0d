"""Chat in a workspace's channels."""

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

_CHANNEL = {"channel_id": identifier("the channel", "list_channels")}
_MESSAGE = {"message_id": identifier("the message", "list_channel_messages")}

TOOLS = (
    Tool(
        "list_channel_messages",
        "List channel messages",
        "Lists messages of a channel, each with its id, author, body and time in results.",
        READS,
        Request("GET", "/channels/{channel_id}/messages/", query=same("limit", "cursor")),
        required=_CHANNEL,
        optional={"limit": limit(50), **CURSOR},
        returns=outputs.page(outputs.MESSAGE),
    ),
    Tool(
        "post_channel_message",
        "Post channel message",
        "Posts a message in a channel, where its members see it at once. Returns the new message with its id.",
        ADDS,
        Request("POST", "/channels/{channel_id}/messages/", body=same("body")),
        required={**_CHANNEL, "body": text("Text of the message.")},
        returns=outputs.MESSAGE,
    ),
    Tool(
        "edit_channel_message",
        "Edit channel message",
        "Replaces the text of a channel message that the current user wrote. Returns the changed message.",
        REPLACES,
        Request("PATCH", "/channel-messages/{message_id}/", body=same("body")),
        required={**_MESSAGE, "body": text("The new text, whole.")},
        returns=outputs.MESSAGE,
    ),
    Tool(
        "react_to_channel_message",
        "React to channel message",
        "Adds the current user's emoji reaction to a channel message, or takes it back if that emoji was there: the "
        "same call twice changes nothing.",
        TOGGLES,
        Request("POST", "/channel-messages/{message_id}/reactions/", body=same("emoji")),
        required={**_MESSAGE, **EMOJI},
        returns=outputs.REACTIONS,
    ),
)
