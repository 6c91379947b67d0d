"""Warp: a hidden file in a folder of its own, and a long name for the folder that a server is started in."""

from connect_mcp.installer.spec import ServerSpec

from .model import (
    ConfigFile,
    Detection,
    Entry,
    Evidence,
    Host,
    PassedOn,
    at,
    in_project,
    plain,
    reached,
    read_plain,
    started,
)
from .places import MCP_SERVERS
from .windsurf import DOUBTS


def render(spec: ServerSpec) -> Entry:
    """The usual entry, with `working_directory` for `cwd`."""
    entry = plain(spec)
    folder = entry.pop("cwd", None)
    return {**entry, "working_directory": folder} if folder else entry


def read_local(entry: Entry) -> ServerSpec | None:
    """The usual entry, with `working_directory` for `cwd`."""
    return read_plain({**entry, "cwd": entry.get("working_directory")})


HOST = Host(
    id="warp",
    title="Warp",
    detection=Detection(commands=("warp-terminal",), paths=("~/.warp",), on={"macos": ("/Applications/Warp.app",)}),
    scopes={
        "user": ConfigFile(path=at("~/.warp/.mcp.json"), section=MCP_SERVERS, format="jsonc", doubts=DOUBTS),
        "project": ConfigFile(path=in_project(".warp/.mcp.json"), section=MCP_SERVERS, format="jsonc", doubts=DOUBTS),
    },
    stdio=started(render, read_local, cwd=True, keys=("command", "args", "env", "working_directory")),
    remote=reached({"http": "", "sse": ""}, known={"http": "http", "sse": "sse"}),
    off_by_hand="Use the switch beside the server in Warp under Settings > Agents > MCP servers.",
    passed_on=PassedOn(from_dock=True),
    reload="Start the server in Warp under Settings > Agents > MCP servers.",
    precedence=(),
    evidence={
        "detection": Evidence("derived", "from the config path and the programs' names"),
        "scopes.user": Evidence("docs", "warpdotdev/warp, its skill agent-add-mcp; docs.warp.dev"),
        "scopes.project": Evidence("docs", "warpdotdev/warp, its skill agent-add-mcp; docs.warp.dev"),
        "tolerance": Evidence("memory", "not known: we write strict JSON"),
        "entry": Evidence("docs", "docs.warp.dev: working_directory, start_on_launch"),
        "remote": Evidence("docs", "docs.warp.dev: url and headers, Streamable HTTP or SSE"),
        "off_by_hand": Evidence("docs", "docs.warp.dev: servers are started and stopped in its settings"),
        "passed_on": Evidence("derived", "from how such programs are started"),
        "reload": Evidence("docs", "docs.warp.dev"),
        "precedence": Evidence("memory", "not checked"),
    },
)
