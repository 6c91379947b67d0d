"""What a user of a host may want at hand, as resources: each is what one of the reading tools answers.

On the way to the first tools/list answer: the standard library only, and only what starts fast.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Resource:
    """A resource, or a template of resources.

    Attributes:
        uri: `{argument}` in place of a segment stands for that argument of the tool, percent-encoded.
        name: as a program calls it.
        title: for people.
        description: what is in it.
        tool: the tool whose answer it is.
    """

    __slots__ = ("description", "name", "title", "tool", "uri")

    def __init__(self, uri: str, name: str, title: str, description: str, tool: str) -> None:
        self.uri = uri
        self.name = name
        self.title = title
        self.description = description
        self.tool = tool

    @property
    def is_template(self) -> bool:
        """Whether it stands for many resources."""
        return "{" in self.uri

    def listing(self) -> dict[str, Any]:
        """The resource as resources/list shows it, or as resources/templates/list does."""
        return {
            "uriTemplate" if self.is_template else "uri": self.uri,
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "mimeType": MIME_TYPE,
        }

    def arguments(self, uri: str) -> dict[str, str] | None:
        """The tool's arguments that `uri` stands for; None if it is not one of these."""
        expected, given = self.uri.split("/"), uri.split("/")
        if len(expected) != len(given):
            return None
        found = {}
        for pattern, segment in zip(expected, given, strict=True):
            if pattern.startswith("{") and segment:
                found[pattern[1:-1]] = _decoded(segment)
            elif pattern != segment:
                return None
        return found


MIME_TYPE = "application/json"

RESOURCES = (
    Resource(
        "connect://me",
        "me",
        "Current user",
        "The user that this server's API key belongs to: id, names and roles.",
        "get_current_user",
    ),
    Resource(
        "connect://workspaces",
        "workspaces",
        "Workspaces",
        "The workspaces that the current user can see, with their slugs; the first page.",
        "list_workspaces",
    ),
    Resource(
        "connect://channels/{channel_id}/messages",
        "channel-messages",
        "Recent messages of a channel",
        "The newest messages of a chat channel. list_channels gives the channels' ids.",
        "list_channel_messages",
    ),
)


def _decoded(segment: str) -> str:
    if "%" not in segment:
        return segment
    from urllib.parse import unquote

    return unquote(segment)
