"""A server on arcade-mcp-server with one tool."""

from typing import Annotated

from arcade_mcp_server import MCPApp

app = MCPApp(name="minimal", version="1.0.0")


@app.tool
def echo(text: Annotated[str, "what to say"]) -> Annotated[str, "the same"]:
    """Say the text again."""
    return text


app.run(transport="stdio")
