"""Cursor: the same file name in the home and in a project."""

from connect_mcp.installer.editors.model import Section

from .model import (
    COMMENTS_AND_COMMAS,
    ConfigFile,
    Detection,
    Evidence,
    Host,
    PassedOn,
    QuirkKind,
    at,
    in_project,
    plain,
    read_plain,
)

_SECTION = Section(("mcpServers",))
_DOUBTS: frozenset[QuirkKind] = COMMENTS_AND_COMMAS | {"bom"}

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
    render=plain,
    read_stdio=read_plain,
    remote_keys=("url", "headers", "auth"),
    passed_on=PassedOn(from_dock=True),
    reload="Cursor reads the file again by itself; if the server stays off, switch it on under Settings > MCP.",
    evidence={
        "detection": Evidence("peer", "neondatabase/add-mcp; the program folders are derived"),
        "scopes.user": Evidence("source", "VS Code's discovery of other hosts' servers"),
        "scopes.project": Evidence("source", "VS Code's discovery of other hosts' servers"),
        "tolerance": Evidence("memory", "not known: we write strict JSON"),
        "entry": Evidence("docs", "cursor.com/docs/mcp"),
        "passed_on": Evidence(
            "derived", "from VS Code, which it is a fork of; the short PATH: docs of several servers"
        ),
        "reload": Evidence("memory", "not checked"),
    },
)
