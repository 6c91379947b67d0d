"""From a tool's row and a call's arguments to what goes over HTTP."""

from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from connect_mcp.server.tools.arguments import invalid
from connect_mcp.server.tools.model import Tool

SPACE_ID = "{space_id}"

_SLASHES = ("/", "\\")


class HttpRequest(NamedTuple):
    """One request to the API.

    Attributes:
        method: the HTTP method.
        target: path and query below the base URL, percent-encoded.
        body: what goes out as JSON; None for nothing.
        repeatable: whether doing it twice does no more than doing it once.
    """

    method: str
    target: str
    body: dict[str, Any] | None
    repeatable: bool


def space_lookup(slug: str) -> HttpRequest:
    """The request that finds a workspace by its slug."""
    return HttpRequest("GET", "/spaces/?" + urlencode({"slug": slug}), None, repeatable=True)


def build(tool: Tool, arguments: dict[str, Any], space_id: str = "") -> HttpRequest:
    """The request of a tool that has one, for checked arguments.

    Raises:
        Failure: INVALID_ARG for an id that could lead to another endpoint.
    """
    row = tool.request
    assert row is not None
    path = row.path.replace(SPACE_ID, path_segment("workspace_slug", space_id)) if SPACE_ID in row.path else row.path
    for name in tool.required:
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", path_segment(name, arguments[name]))
    extra = {**row.fixed, **dict(sent for name, sent in row.when_true.items() if arguments[name])}
    query = _pick(row.query, arguments)
    if row.body is None:
        query, body = {**extra, **query}, None
    else:
        body = {**_pick(row.body, arguments), **extra}
    target = path + ("?" + urlencode(query) if query else "")
    return HttpRequest(row.method, target, body, tool.annotations["idempotentHint"])


def path_segment(name: str, value: str) -> str:
    """An id as one segment of a path.

    Percent-encoding alone does not do: web servers decode `%2F` before they route, and clients and proxies resolve
    `..`. No id holds either.

    Raises:
        Failure: INVALID_ARG for an id that cannot be one segment.
    """
    if value in ("", ".", "..") or any(slash in value for slash in _SLASHES) or not value.isprintable():
        raise invalid({name: "not an id: it is empty, or holds a slash or a control character, or is made of dots"})
    return quote(value, safe="")


def _pick(names: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    return {sent: arguments[name] for sent, name in names.items() if name in arguments}
