"""Who am I, what is there, and where is it."""

from connect_mcp.server.tools import outputs
from connect_mcp.server.tools.model import CURSOR, READS, SLUG, Request, Tool, one_of, same, text

TOOLS = (
    Tool(
        "get_current_user",
        "Get current user",
        "Returns the user that this server's API key belongs to: id, names and roles. Everything the other tools "
        "write is written as this user. A good first call to see whether the connection works.",
        READS,
        Request("GET", "/auth/me/"),
        returns=outputs.USER,
    ),
    Tool(
        "list_workspaces",
        "List workspaces",
        "Lists the workspaces that the current user can see, with their id, name and slug in results. The slug is "
        "what the tools with a workspace_slug argument take.",
        READS,
        Request("GET", "/spaces/", query=same("cursor")),
        optional=CURSOR,
        returns=outputs.page(outputs.WORKSPACE),
    ),
    Tool(
        "list_channels",
        "List channels",
        "Lists the chat channels of a workspace, with their id and name in results. The id is the channel_id of "
        "list_channel_messages and post_channel_message.",
        READS,
        Request("GET", "/spaces/{space_id}/channels/", query=same("cursor")),
        required=SLUG,
        optional=CURSOR,
        returns=outputs.page(outputs.CHANNEL),
    ),
    Tool(
        "search_content",
        "Search content",
        "Searches posts, articles, questions and messages in every workspace that the current user can see. Each item "
        "of results says its kind and id, which the tools for that kind take.",
        READS,
        Request("GET", "/search/", query={"q": "query", **same("kind", "cursor")}),
        required={"query": text("The words to look for.")},
        optional={
            "kind": one_of("Look only for this kind; all kinds if left out.", "post", "article", "question", "message"),
            **CURSOR,
        },
        returns=outputs.page(outputs.FOUND),
    ),
)
