"""The form of what is sent: answers, notifications, and what is logged of a call.

On the way to the first tools/list answer: the standard library only, and only what starts fast.
"""

from __future__ import annotations

from connect_mcp.server.exchange import INTERNAL_ERROR, META
from connect_mcp.server.offer import SERVER
from connect_mcp.server.resources import MIME_TYPE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from connect_mcp.server.exchange import Asked, Call

LISTS_FRESH_MS = 300_000
"""How long a client may keep a list: it does not change while the server runs, but the server may be restarted."""

_CACHED = {
    "server/discover": (LISTS_FRESH_MS, "public"),
    "tools/list": (LISTS_FRESH_MS, "public"),
    "prompts/list": (LISTS_FRESH_MS, "public"),
    "resources/list": (LISTS_FRESH_MS, "public"),
    "resources/templates/list": (LISTS_FRESH_MS, "public"),
    "resources/read": (0, "private"),
}
"""How long a result may be kept, in milliseconds, and whether for the same user only."""

_EXPECTED = ("NOT_FOUND", "INVALID_ARG", "CONFLICT", "CANCELLED")
"""Failures that are part of the work; the others mean that something is wrong with the API or the way to it."""


def finished(call: Call, result: dict[str, Any]) -> dict[str, Any]:
    """The answer to the request that started `call`, of which `result` is the tool's."""
    asked = call.asked
    if call.uri is None:
        return answer(asked, asked.revision.shaped("result", result))
    if not result["isError"]:
        text = result["content"][0]["text"]
        return answer(asked, {"contents": [{"uri": call.uri, "mimeType": MIME_TYPE, "text": text}]})
    error = result["structuredContent"]
    if error["code"] in ("NOT_FOUND", "INVALID_ARG"):
        told = not_found(asked, call.uri, error)
    else:
        told = {"code": INTERNAL_ERROR, "message": error["message"], "data": error}
    return {"jsonrpc": "2.0", "id": asked.id, "error": told}


def answer(asked: Asked, result: dict[str, Any]) -> dict[str, Any]:
    """A result as an answer; modern revisions want more about it."""
    if asked.revision.modern:
        cached = {}
        if asked.method in _CACHED:
            fresh, scope = _CACHED[asked.method]
            cached = {"ttlMs": fresh, "cacheScope": scope}
        meta = {**result.get("_meta", {}), META + "serverInfo": asked.revision.shaped("server", SERVER)}
        result = {"resultType": "complete", **result, **cached, "_meta": meta}
    return {"jsonrpc": "2.0", "id": asked.id, "result": result}


def not_found(asked: Asked, uri: str, why: dict[str, Any]) -> dict[str, Any]:
    """The error for a resource that does not exist, and what else is known about it."""
    return {"code": asked.revision.not_found, "message": "Resource not found", "data": {"uri": uri, **why}}


def notification(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """A notification to the client."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def outcome(call: Call, result: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The level and the content of what is logged when a call ends."""
    if not result["isError"]:
        return "debug", {"tool": call.name, "message": "done"}
    error = result["structuredContent"]
    return "info" if error["code"] in _EXPECTED else "error", {"tool": call.name, "error": error}
