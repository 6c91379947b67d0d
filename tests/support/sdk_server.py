"""What our server offers, served by the official SDK: the oracle for our own core.

Run as a program: `python sdk_server.py` for stdio, `python sdk_server.py http` for Streamable HTTP on loopback, whose
URL it writes to stderr as ours does. The tools, resources and prompts are ours, and so is what a call does; the
protocol is the SDK's. What the SDK leaves to the author of a server (which names exist, which cursors were given out)
is done here as the specification says, so that every difference that shows is the SDK's own.
"""

import socket
import sys
import warnings
from typing import Any

import anyio
import mcp_types as types
import uvicorn
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

from connect_mcp.server.offer import SERVER, Offer, chosen
from connect_mcp.server.resources import MIME_TYPE
from connect_mcp.server.revisions import INVALID_PARAMS, REVISIONS
from connect_mcp.server.toolbox import Toolbox, network_api

Context = ServerRequestContext[Any, Any]
Listing = types.PaginatedRequestParams | None

OFFER = Offer(chosen())
NEWEST = REVISIONS["2026-07-28"]
TOOLBOX = Toolbox(network_api)


def main() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        server = make()
    if sys.argv[1:] == ["http"]:
        serve_http(server)
    else:
        anyio.run(serve_stdio, server)


def make() -> Server[Any]:
    kept = CacheHint(300_000, "public")
    return Server(
        SERVER["name"],
        version=SERVER["version"],
        title=SERVER["title"],
        description=SERVER["description"],
        instructions=OFFER.instructions,
        cache_hints={
            "server/discover": kept,
            "tools/list": kept,
            "prompts/list": kept,
            "resources/list": kept,
            "resources/templates/list": kept,
            "resources/read": CacheHint(0, "private"),
        },
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_set_logging_level=set_level,
        on_subscriptions_listen=ListenHandler(InMemorySubscriptionBus()),
    )


async def serve_stdio(server: Server[Any]) -> None:
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def serve_http(server: Server[Any]) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stderr.write(f"connect-mcp: serving http://127.0.0.1:{listening.getsockname()[1]}/mcp\n")
    sys.stderr.flush()
    app = server.streamable_http_app(json_response=True)
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listening])


async def list_tools(_: Context, params: Listing) -> types.ListToolsResult:
    only_page(params)
    return types.ListToolsResult.model_validate({"tools": OFFER.listed_tools(NEWEST)})


async def call_tool(_: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    if params.name not in OFFER.tools:
        raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name}")
    return types.CallToolResult.model_validate(await TOOLBOX.call(params.name, params.arguments or {}))


async def list_resources(_: Context, params: Listing) -> types.ListResourcesResult:
    only_page(params)
    return types.ListResourcesResult.model_validate({"resources": OFFER.listed_resources(NEWEST)})


async def list_templates(_: Context, params: Listing) -> types.ListResourceTemplatesResult:
    only_page(params)
    return types.ListResourceTemplatesResult.model_validate({"resourceTemplates": OFFER.listed_templates(NEWEST)})


async def read_resource(context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    uri = str(params.uri)
    found = OFFER.resource(uri)
    if found is None:
        code = REVISIONS[context.protocol_version].not_found
        raise MCPError(code, "Resource not found", {"uri": uri})
    result = await TOOLBOX.call(*found)
    contents = [{"uri": uri, "mimeType": MIME_TYPE, "text": result["content"][0]["text"]}]
    return types.ReadResourceResult.model_validate({"contents": contents})


async def list_prompts(_: Context, params: Listing) -> types.ListPromptsResult:
    only_page(params)
    return types.ListPromptsResult.model_validate({"prompts": OFFER.listed_prompts(NEWEST)})


async def get_prompt(_: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
    if params.name not in OFFER.prompts:
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {params.name}")
    prompt = OFFER.prompts[params.name]
    try:
        text = prompt.told(dict(params.arguments or {}))
    except ValueError as error:
        raise MCPError(INVALID_PARAMS, str(error)) from None
    message = {"role": "user", "content": {"type": "text", "text": text}}
    return types.GetPromptResult.model_validate({"description": prompt.description, "messages": [message]})


async def set_level(_: Context, params: types.SetLevelRequestParams) -> types.EmptyResult:
    return types.EmptyResult()


def only_page(params: Listing) -> None:
    if params is not None and params.cursor is not None:
        raise MCPError(INVALID_PARAMS, "no such cursor")


if __name__ == "__main__":
    main()
