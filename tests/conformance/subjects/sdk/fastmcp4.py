"""As little as a server on fastmcp can be that offers one of everything and does nothing wrong itself."""

from fastmcp import FastMCP
from mcp.types import ToolAnnotations

server = FastMCP("minimal")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def echo(text: str) -> str:
    return text


@server.resource("note://one")
def note() -> str:
    return "a note"


@server.prompt
def greet(name: str) -> str:
    return f"Greet {name}."


server.run("stdio", show_banner=False)
