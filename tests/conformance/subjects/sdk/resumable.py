# mypy: ignore-errors
# A program that the kit is pointed at, not a part of anything: it stays plain.
"""The official SDK over Streamable HTTP, with streams that can be resumed and parameters that go into headers."""

import itertools
import socket
from typing import Annotated

import anyio
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.streamable_http import EventMessage, EventStore
from mcp.types import ToolAnnotations
from pydantic import Field

READ_ONLY = ToolAnnotations(readOnlyHint=True)
server = MCPServer("resumable", log_level="CRITICAL")


class Kept(EventStore):
    def __init__(self):
        self.events = []
        self.numbers = itertools.count(1)

    async def store_event(self, stream_id, message):
        ident = f"{stream_id}/{next(self.numbers)}"
        self.events.append((stream_id, ident, message))
        return ident

    async def replay_events_after(self, last_event_id, send_callback):
        stream = last_event_id.rpartition("/")[0]
        own = [(ident, message) for one, ident, message in self.events if one == stream]
        at = [ident for ident, _ in own].index(last_event_id)
        for ident, message in own[at + 1 :]:
            if message is not None:
                await send_callback(EventMessage(message, ident))
        return stream


@server.tool(annotations=READ_ONLY)
async def count(context: Context, to: Annotated[int, Field(json_schema_extra={"x-mcp-header": "To"})] = 3) -> int:
    """Counts."""
    for number in range(to):
        await anyio.sleep(0.1)
        await context.report_progress(number + 1, to)
    return to


@server.tool(annotations=READ_ONLY)
def echo(text: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Text"})] = "a") -> str:
    """Echoes."""
    return text


listening = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", flush=True)
app = server.streamable_http_app(event_store=Kept(), retry_interval=100)
uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False)).run(sockets=[listening])
