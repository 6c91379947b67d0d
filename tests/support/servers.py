"""A small, honest MCP server as a real program, and places in it where a test puts a fault."""

from pathlib import Path

from support.processes import program

_SERVER = """
import json, os, signal, sys, time

def say(message):
    os.write(1, (message if isinstance(message, str) else json.dumps(message)).encode() + b"\\n")

def tool(name, text="Does " + "something."):
    return {"name": name, "description": text, "inputSchema": {"type": "object", "properties": {}}}

TOOLS = [tool("echo"), tool("fail"), tool("whoami")]
INFO = {"name": "small", "version": "1.0"}

def result(method, params):
    if method == "initialize":
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": INFO}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        return call(params["name"], params.get("arguments", {}))
    return {}

def call(name, arguments):
    return {"content": [{"type": "text", "text": name + ": " + json.dumps(arguments)}], "isError": name == "fail"}

def answer(message):
    if message["method"] == "server/discover":  # of a revision that this one does not speak
        return say({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "Method not found"}})
    say({"jsonrpc": "2.0", "id": message["id"], "result": result(message["method"], message.get("params", {}))})

def handle(line):
    message = json.loads(line)
    if "method" in message and "id" in message:
        answer(message)

# FAULTS
for line in sys.stdin.buffer:
    handle(line)
"""


def server(folder: Path, faults: str = "", name: str = "server.py") -> list[str]:
    """The command of a server; `faults` are statements that redefine what it does."""
    return program(folder, _SERVER.replace("# FAULTS", faults), name)
