"""Trae: a fork of VS Code with the usual form of entries."""

from .model import ConfigFile, Detection, Evidence, Host, PassedOn, in_project, per_platform, reached, started
from .places import MCP_SERVERS
from .windsurf import DOUBTS

HOST = Host(
    id="trae",
    title="Trae",
    detection=Detection(
        commands=("trae",),
        on={
            "linux": ("$XDG_CONFIG_HOME/Trae",),
            "macos": ("~/Library/Application Support/Trae", "/Applications/Trae.app"),
            "windows": ("%APPDATA%/Trae",),
        },
    ),
    scopes={
        "user": ConfigFile(
            path=per_platform(
                linux="$XDG_CONFIG_HOME/Trae/User/mcp.json",
                macos="~/Library/Application Support/Trae/User/mcp.json",
                windows="%APPDATA%/Trae/User/mcp.json",
            ),
            section=MCP_SERVERS,
            format="jsonc",
            relocators=("XDG_CONFIG_HOME",),
            doubts=DOUBTS,
        ),
        "project": ConfigFile(
            path=in_project(".trae/mcp.json"),
            section=MCP_SERVERS,
            format="jsonc",
            doubts=DOUBTS,
            note="Trae reads a project's servers only where that is switched on in its MCP settings.",
        ),
    },
    stdio=started(cwd=False),
    remote=reached({"http": "", "sse": ""}, known={"http": "http", "sse": "sse"}),
    off_by_hand="Use the switch beside the server in Trae under Settings > MCP.",
    passed_on=PassedOn(from_dock=True),
    reload="Open Settings > MCP in Trae, or start it again.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("derived", "from the config path and the program's name"),
        "scopes.user": Evidence("peer", "neondatabase/add-mcp"),
        "scopes.project": Evidence("docs", "Trae's documentation, adding an MCP server"),
        "tolerance": Evidence("memory", "not known: we write strict JSON"),
        "entry": Evidence("docs", "Trae's documentation: command, args and env; a command without blanks"),
        "remote": Evidence("docs", "Trae's documentation: SSE and Streamable HTTP; url and headers: other tools"),
        "off_by_hand": Evidence("memory", "not checked"),
        "passed_on": Evidence("derived", "from VS Code, which it is a fork of"),
        "reload": Evidence("memory", "not checked"),
        "precedence": Evidence("memory", "not checked"),
    },
)
