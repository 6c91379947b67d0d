"""One visit of the official Python SDK's own client at a server, as a program of its own: `sdk_client` starts it.

It reads one JSON object from standard input (how to reach the server, and what may be called) and writes one to
standard output (what came of it). A program of its own, since a client that a server drives mad must not take the kit
with it.
"""

import json
import os
import sys
import time
import warnings
from typing import Any


def main() -> None:
    """Visit, and write what came of it."""
    import anyio

    asked = json.loads(sys.stdin.readline())
    answer, sys.stdout = sys.stdout, sys.stderr  # nothing else is to come between
    seen: dict[str, Any] = {"step": "connect"}
    try:
        anyio.run(_bounded, asked, seen)
    except BaseException as error:  # noqa: BLE001 - whatever the client does with this server is what is asked for
        seen["failure"] = _first(error)
    answer.write(json.dumps(seen) + "\n")
    answer.flush()
    os._exit(0)  # a client's threads may still wait for what will not come


async def _bounded(asked: dict[str, Any], seen: dict[str, Any]) -> None:
    import anyio

    with anyio.fail_after(asked["timeout"]):
        await _visit(asked, seen)


async def _visit(asked: dict[str, Any], seen: dict[str, Any]) -> None:
    from contextlib import AsyncExitStack

    from mcp.client import Client

    from .arguments import arguments_for
    from .trial import Options

    warnings.simplefilter("ignore")
    began = time.monotonic()
    options = Options(call_tools=asked["call_tools"], examples=asked["examples"])
    async with AsyncExitStack() as stack:
        server = await _server(asked, stack)
        async with Client(server, mode=asked["mode"], read_timeout_seconds=asked["patience"]) as client:
            seen.update(step="list", revision=client.protocol_version, ready=time.monotonic() - began)
            tools: list[dict[str, Any]] = []
            cursor: str | None = None
            while getattr(client.server_capabilities, "tools", None) is not None:
                page = await client.list_tools(cursor=cursor)
                tools += [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in page.tools]
                cursor = page.next_cursor
                if cursor is None:
                    break
            seen.update(step="call", tools=len(tools), listed=time.monotonic() - began)
            for tool in tools:
                arguments, _ = arguments_for(tool, options)
                if arguments is not None:
                    seen["called"] = tool["name"]
                    result = await client.call_tool(tool["name"], arguments)
                    seen.update(is_error=bool(result.is_error))
                    break
            seen["step"] = "close"
            ending = time.monotonic()
    seen.update(step="done", closed=time.monotonic() - ending)


async def _server(asked: dict[str, Any], stack: Any) -> Any:
    if asked["old"]:
        from mcp.client.sse import sse_client

        return sse_client(asked["url"], headers=asked["headers"])
    if asked["url"]:
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        client = await stack.enter_async_context(httpx2.AsyncClient(headers=asked["headers"], follow_redirects=True))
        return streamable_http_client(asked["url"], http_client=client)
    from mcp.client.stdio import StdioServerParameters

    command, *args = asked["argv"]
    return StdioServerParameters(command=command, args=args, env=asked["env"], cwd=asked["cwd"])


def _first(error: BaseException) -> str:
    """What the innermost of grouped errors says."""
    while True:
        inner = getattr(error, "exceptions", None)
        if not inner:
            break
        error = inner[0]
    return f"{type(error).__name__}: {error}"[:400]


if __name__ == "__main__":
    main()
