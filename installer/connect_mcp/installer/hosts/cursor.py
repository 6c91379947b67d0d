"""Cursor: the same file name in the home and in a project."""

from connect_mcp.installer.editors.model import Section

from .model import (
    COMMENTS_AND_COMMAS,
    ConfigFile,
    Detection,
    Evidence,
    Host,
    Limits,
    PassedOn,
    QuirkKind,
    at,
    in_project,
    reached,
    started,
)
from .syntax import Syntax

_SECTION = Section(("mcpServers",))
_DOUBTS: frozenset[QuirkKind] = COMMENTS_AND_COMMAS | {"bom"}

SYNTAX = Syntax(
    r"\$\{(?:env:(?P<env>[^}]+)|(?P<workspace>workspaceFolder)|(?P<workspace_name>workspaceFolderBasename)"
    r"|(?P<home>userHome)|(?P<separator>pathSeparator|/))\}",
    {
        "env": "${env:{name}}",
        "workspace": "${workspaceFolder}",
        "workspace-name": "${workspaceFolderBasename}",
        "home": "${userHome}",
        "separator": "${/}",
    },
)

HOST = Host(
    id="cursor",
    title="Cursor",
    detection=Detection(
        commands=("cursor", "cursor-agent"),
        paths=("~/.cursor",),
        on={
            "linux": ("$XDG_CONFIG_HOME/Cursor",),
            "macos": ("/Applications/Cursor.app",),
            "windows": ("%LOCALAPPDATA%/Programs/cursor",),
        },
    ),
    scopes={
        "user": ConfigFile(path=at("~/.cursor/mcp.json"), section=_SECTION, format="jsonc", doubts=_DOUBTS),
        "project": ConfigFile(
            path=in_project(".cursor/mcp.json"),
            section=_SECTION,
            format="jsonc",
            doubts=_DOUBTS,
            note="Cursor asks before it starts a project's servers.",
        ),
    },
    stdio=started(cwd=False, keys=("command", "args", "env", "envFile")),
    remote=reached({"http": "", "sse": ""}, known={"http": "http", "sse": "sse"}, keys=("auth",)),
    syntax=SYNTAX,
    off_by_hand="Cursor keeps this in its own state: use the switch beside the server under Settings > MCP.",
    limits=Limits(tool_name=60, tools=80, prefix="{server}_{tool}"),
    passed_on=PassedOn(from_dock=True),
    reload="Cursor reads the file again by itself; if the server stays off, switch it on under Settings > MCP.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("peer", "neondatabase/add-mcp; the program folders are derived"),
        "scopes.user": Evidence("source", "VS Code's discovery of other hosts' servers"),
        "scopes.project": Evidence("source", "VS Code's discovery of other hosts' servers"),
        "tolerance": Evidence("memory", "not known: we write strict JSON"),
        "entry": Evidence("docs", "cursor.com/docs/mcp"),
        "remote": Evidence("docs", "cursor.com/docs/mcp; that it finds the transport out by itself: stacklok/toolhive"),
        "syntax": Evidence("docs", "cursor.com/docs/mcp; what it does with a variable that is not set: not known"),
        "off_by_hand": Evidence("docs", "the switch; that the file has no key for it: neondatabase/add-mcp"),
        "limits": Evidence("docs", "server and tool under 60 characters: many issues; 80 tools: Snowflake-Labs/mcp#77"),
        "passed_on": Evidence(
            "derived", "from VS Code, which it is a fork of; the short PATH: docs of several servers"
        ),
        "reload": Evidence("memory", "not checked"),
        "precedence": Evidence("docs", "cursor.com/docs/mcp"),
    },
)
