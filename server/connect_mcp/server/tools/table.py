"""All tools, in the order in which they are listed: the groups are in order of first use, the admin's come last."""

from connect_mcp.server.tools import (
    admin,
    channels,
    discovery,
    feed,
    longform,
    messages,
    notifications,
    polls,
    quizzes,
    tickets,
)

TOOLS = (
    *discovery.TOOLS,
    *channels.TOOLS,
    *feed.TOOLS,
    *messages.TOOLS,
    *longform.TOOLS,
    *polls.TOOLS,
    *quizzes.TOOLS,
    *notifications.TOOLS,
    *tickets.TOOLS,
    *admin.TOOLS,
)
BY_NAME = {tool.name: tool for tool in TOOLS}
