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

TOOLSETS = {
    "discovery": discovery.TOOLS,
    "channels": channels.TOOLS,
    "feed": feed.TOOLS,
    "messages": messages.TOOLS,
    "longform": longform.TOOLS,
    "polls": polls.TOOLS,
    "quizzes": quizzes.TOOLS,
    "notifications": notifications.TOOLS,
    "tickets": tickets.TOOLS,
    "admin": admin.TOOLS,
}
TOOLS = tuple(tool for group in TOOLSETS.values() for tool in group)
BY_NAME = {tool.name: tool for tool in TOOLS}
