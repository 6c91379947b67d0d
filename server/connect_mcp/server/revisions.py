"""The revisions of MCP: which there are, and what each does differently.

On the way to the first tools/list answer: the standard library only, and only what starts fast.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

INVALID_PARAMS = -32602
RESOURCE_NOT_FOUND = -32002

_SINCE = {
    "tool": {"annotations": "2025-03-26", "title": "2025-06-18", "outputSchema": "2025-06-18"},
    "resource": {"title": "2025-06-18"},
    "prompt": {"title": "2025-06-18"},
    "server": {"title": "2025-06-18", "description": "2025-11-25"},
    "result": {"structuredContent": "2025-06-18"},
    "progress": {"message": "2025-03-26"},
}
"""By kind of object, the members that an earlier revision does not have."""


class Revision:
    """What one revision of the specification does differently.

    Attributes:
        name: the date that it is known by.
        batches: a client may send an array of messages.
        null_id: an error about an unreadable request carries `"id": null`; later schemas want no id at all there.
        modern: there is no initialize, and each request says its revision itself.
        not_found: the error code for a resource that does not exist.
    """

    __slots__ = ("batches", "modern", "name", "not_found", "null_id")

    def __init__(self, name: str, *, batches: bool = False, null_id: bool = False, modern: bool = False) -> None:
        self.name = name
        self.batches = batches
        self.null_id = null_id
        self.modern = modern
        self.not_found = INVALID_PARAMS if modern else RESOURCE_NOT_FOUND

    def shaped(self, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        """`value` without the members that this revision does not have in objects of this kind."""
        since = _SINCE[kind]
        return {key: item for key, item in value.items() if since.get(key, "") <= self.name}


REVISIONS = {
    row.name: row
    for row in (
        Revision("2024-11-05", null_id=True),
        Revision("2025-03-26", null_id=True, batches=True),
        Revision("2025-06-18", null_id=True),
        Revision("2025-11-25"),
        Revision("2026-07-28", modern=True),
    )
}
LEGACY = [name for name, row in REVISIONS.items() if not row.modern]
"""Those that begin with initialize, the oldest first."""

NEWEST_LEGACY = LEGACY[-1]
"""What a client is offered that asks for a revision which there is not."""

MODERN = [name for name, row in REVISIONS.items() if row.modern]
"""Those in which each request stands alone."""

NONE_YET = Revision("", null_id=True)
"""In force until the client has named one: JSON-RPC alone."""
