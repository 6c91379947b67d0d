"""The official SDK's own client against our server, in each way in which it negotiates."""

import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator

import anyio
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp_types import TextContent, TextResourceContents

from connect_mcp.server.revisions import LEGACY, MODERN
from support.stdio_client import PATIENCE, SERVE
from support.upstream import Upstream, as_json, upstream

KEY = "arc_test_planted_0123456789"
MODES = {"legacy": LEGACY[-1], "auto": MODERN[-1], MODERN[-1]: MODERN[-1]}
"""The revision that each way of negotiating must end with."""


@pytest.fixture
def api() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture(params=list(MODES))
def talk(api: Upstream, request: pytest.FixtureRequest) -> Callable[[Callable[[Client], Awaitable[None]]], None]:
    """Runs a function with a client that is connected to our server."""
    env = {"PYTHONPATH": os.pathsep.join(sys.path), "ARYTHMATIC_API_BASE_URL": api.url, "ARYTHMATIC_API_KEY": KEY}
    command = StdioServerParameters(command=SERVE[0], args=list(SERVE[1:]), env=env)

    async def run(use: Callable[[Client], Awaitable[None]]) -> None:
        with anyio.fail_after(PATIENCE):
            async with Client(command, mode=request.param) as client:
                assert client.protocol_version == MODES[request.param]
                await use(client)

    return lambda use: anyio.run(run, use)


Talk = Callable[[Callable[[Client], Awaitable[None]]], None]


def test_it_lists_and_calls_tools(talk: Talk, api: Upstream) -> None:
    spaces = {"results": [{"id": "1", "slug": "w"}], "next": None}
    api.answer = lambda _: as_json(spaces)

    async def use(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert len({tool.name for tool in tools}) == 47
        result = await client.call_tool("list_workspaces", {})
        assert (result.is_error, result.structured_content) == (False, spaces)

    talk(use)


def test_a_failed_call_comes_through_as_a_result(talk: Talk, api: Upstream) -> None:
    api.answer = lambda _: as_json({"detail": "not yours"}, 403)

    async def use(client: Client) -> None:
        result = await client.call_tool("get_ticket", {"ticket_id": "1"})
        assert result.is_error
        assert result.structured_content is not None
        assert result.structured_content["code"] == "FORBIDDEN"
        [content] = result.content
        assert isinstance(content, TextContent)
        assert "FORBIDDEN" in content.text

    talk(use)


def test_it_reads_resources(talk: Talk, api: Upstream) -> None:
    async def use(client: Client) -> None:
        uris = [str(resource.uri) for resource in (await client.list_resources()).resources]
        templates = [row.uri_template for row in (await client.list_resource_templates()).resource_templates]
        assert (uris, templates) == (
            ["connect://me", "connect://workspaces"],
            ["connect://channels/{channel_id}/messages"],
        )
        [contents] = (await client.read_resource("connect://me")).contents
        assert isinstance(contents, TextResourceContents)
        assert json.loads(contents.text) == {"id": "1"}

    talk(use)


def test_it_gets_prompts(talk: Talk) -> None:
    async def use(client: Client) -> None:
        [first, *_] = (await client.list_prompts()).prompts
        [message] = (await client.get_prompt(first.name, {"workspace_slug": "guild"})).messages
        assert isinstance(message.content, TextContent)
        assert "guild" in message.content.text

    talk(use)


@pytest.mark.parametrize(("uri", "name"), [("connect://nobody", "nope")])
def test_what_does_not_exist_is_an_error_of_the_protocol(talk: Talk, uri: str, name: str) -> None:
    async def use(client: Client) -> None:
        not_found = -32002 if client.protocol_version == LEGACY[-1] else -32602
        with pytest.raises(MCPError) as resource:
            await client.read_resource(uri)
        with pytest.raises(MCPError) as prompt:
            await client.get_prompt(name)
        with pytest.raises(MCPError) as tool:
            await client.call_tool(name, {})
        assert [caught.value.code for caught in (resource, prompt, tool)] == [not_found, -32602, -32602]

    talk(use)
