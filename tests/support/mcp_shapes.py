"""What each message that a server sends must look like, by revision: the members it has, all of them, and no others.

The official schemas allow unknown members and say nothing of which answer belongs to which request. These do not: a
member of a later revision in an earlier one's message is a fault here.
"""

from collections.abc import Callable
from typing import Any

Shape = Any
"""A type; a tuple of the values allowed; `[shape]` for a list; a dict of members, those with `?` optional; a function
that says whether a value fits."""

PROTOCOL = "io.modelcontextprotocol/"
MODERN = "2026-07-28"
LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
CODES = {-32700, -32600, -32601, -32602, -32603}


def problem(value: Any, shape: Shape, where: str = "$") -> str:
    """What does not fit, and where; "" if all does."""
    if isinstance(shape, type):
        fits = type(value) is shape or (shape is object)
        return "" if fits else f"{where}: {value!r} is no {shape.__name__}"
    if isinstance(shape, tuple):
        return "" if value in shape else f"{where}: {value!r} is none of {shape}"
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{where}: no list"
        return next(filter(None, (problem(item, shape[0], f"{where}[{at}]") for at, item in enumerate(value))), "")
    if isinstance(shape, dict):
        return _object_problem(value, shape, where)
    return "" if shape(value) else f"{where}: {value!r} does not fit"


def _object_problem(value: Any, shape: dict[str, Shape], where: str) -> str:
    if not isinstance(value, dict):
        return f"{where}: no object"
    members = {name.removesuffix("?"): inner for name, inner in shape.items()}
    for name in shape:
        if not name.endswith("?") and name not in value:
            return f"{where}: no {name}"
    for name, item in value.items():
        if name not in members:
            return f"{where}: unknown member {name}"
        found = problem(item, members[name], f"{where}.{name}")
        if found:
            return found
    return ""


def is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def json_schema(value: Any) -> bool:
    """An object schema without a composition at its top, which some hosts refuse."""
    return isinstance(value, dict) and value.get("type") == "object" and not {"anyOf", "oneOf", "allOf"} & set(value)


def message_problem(message: Any, revision: str, method: str | None) -> str:
    """What is wrong with a message that a server sent.

    Args:
        message: a single message.
        revision: in force for it; "" before there is one.
        method: of the request that it answers, if it answers one.
    """
    if "method" in message:
        return problem(message, _notification(message["method"], revision))
    if "error" in message:
        return problem(message, _error(revision, message["error"].get("code"), has_id=message.get("id") is not None))
    if method is None:
        return "$: a result that answers nothing"
    return problem(message, {"jsonrpc": ("2.0",), "id": is_id, "result": _result(method, revision)})


def _error(revision: str, code: object, *, has_id: bool) -> Shape:
    modern = revision == MODERN
    codes = CODES | ({-32022} if modern else {-32002})
    data: Shape = object
    if code == -32022:
        data = {"supported": [str], "requested": str}
    ident: dict[str, Shape] = {"id": is_id}
    if not has_id:
        ident = {"id": (None,)} if revision < "2025-11-25" else {}
    return {"jsonrpc": ("2.0",), **ident, "error": {"code": tuple(codes), "message": str, "data?": data}}


def _notification(method: str, revision: str) -> Shape:
    text = {"message?": str} if revision >= "2025-03-26" else {}
    params: dict[str, Shape] = {
        "notifications/progress": {"progressToken": is_id, "progress": int, "total?": int, **text},
        "notifications/message": {"level": LEVELS, "logger?": str, "data": object},
    }
    if revision == MODERN:
        filters = {"toolsListChanged?": bool, "promptsListChanged?": bool, "resourcesListChanged?": bool}
        params["notifications/subscriptions/acknowledged"] = {
            "_meta": {PROTOCOL + "subscriptionId": is_id},
            "notifications": {**filters, "resourceSubscriptions?": [str]},
        }
    return {"jsonrpc": ("2.0",), "method": tuple(params), "params": params.get(method)}


def _result(method: str, revision: str) -> Shape:
    shapes: dict[str, Callable[[str], dict[str, Shape]]] = {
        "initialize": _initialized,
        "ping": lambda _: {},
        "logging/setLevel": lambda _: {},
        "server/discover": lambda _: {
            "supportedVersions": [str],
            "capabilities": _CAPABILITIES,
            "instructions?": str,
        },
        "subscriptions/listen": lambda _: {},
        "tools/list": lambda revision: {"tools": [_tool(revision)]},
        "tools/call": _called,
        "resources/list": lambda revision: {"resources": [{"uri": str, **_resource(revision)}]},
        "resources/templates/list": lambda revision: {
            "resourceTemplates": [{"uriTemplate": str, **_resource(revision)}]
        },
        "resources/read": lambda _: {"contents": [{"uri": str, "mimeType": str, "text": str}]},
        "prompts/list": lambda revision: {"prompts": [_prompt(revision)]},
        "prompts/get": lambda _: {
            "description": str,
            "messages": [{"role": ("user", "assistant"), "content": {"type": ("text",), "text": str}}],
        },
    }
    shape = shapes[method](revision)
    if revision != MODERN:
        return shape
    if method == "server/discover" or method.endswith(("/list", "/read")):
        shape |= {"ttlMs": lambda value: type(value) is int and value >= 0, "cacheScope": ("public", "private")}
    meta: dict[str, Shape] = {PROTOCOL + "serverInfo": _server(revision)}
    if method == "subscriptions/listen":
        meta[PROTOCOL + "subscriptionId"] = is_id
    return {**shape, "resultType": ("complete",), "_meta": meta}


_CAPABILITIES: Shape = {"tools": {}, "logging": {}, "resources?": {}, "prompts?": {}}


def _titled(revision: str) -> dict[str, Shape]:
    return {"title": str} if revision >= "2025-06-18" else {}


def _server(revision: str) -> Shape:
    more = {"description": str} if revision >= "2025-11-25" else {}
    return {"name": str, "version": str, **_titled(revision), **more}


def _initialized(revision: str) -> dict[str, Shape]:
    return {
        "protocolVersion": (revision,),
        "capabilities": _CAPABILITIES,
        "serverInfo": _server(revision),
        "instructions": str,
    }


def _tool(revision: str) -> Shape:
    hints = {"readOnlyHint": bool, "destructiveHint": bool, "idempotentHint": bool, "openWorldHint": bool}
    shape: dict[str, Shape] = {"name": str, "description": str, "inputSchema": json_schema, **_titled(revision)}
    if revision >= "2025-03-26":
        shape["annotations"] = {"title": str, **hints}
    if revision >= "2025-06-18":
        shape["outputSchema"] = json_schema
    return shape


def _called(revision: str) -> dict[str, Shape]:
    structured = {"structuredContent": dict} if revision >= "2025-06-18" else {}
    return {"content": [{"type": ("text",), "text": str}], "isError": bool, **structured}


def _resource(revision: str) -> dict[str, Shape]:
    return {"name": str, "description": str, "mimeType": str, **_titled(revision)}


def _prompt(revision: str) -> Shape:
    named = {"name": str, "description": str, **_titled(revision)}
    return {**named, "arguments": [{**named, "required": bool}]}
