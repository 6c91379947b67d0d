"""Roo Code: a VS Code extension whose file lies in the folder that VS Code keeps for it."""

from collections.abc import Callable

from connect_mcp.base.machine import Machine
from connect_mcp.installer.spec import ServerSpec

from .model import (
    COMMENTS_AND_COMMAS,
    SDK_NAMES,
    SDK_NAMES_ON_WINDOWS,
    ConfigFile,
    Detection,
    Entry,
    Evidence,
    Host,
    Limits,
    PassedOn,
    Patience,
    QuirkKind,
    Wait,
    in_project,
    reached,
    read_plain,
    started,
    typed,
)
from .places import CODE_RELOCATORS, MCP_SERVERS, code_user_folder
from .syntax import Syntax

_DOUBTS: frozenset[QuirkKind] = frozenset({"bom"})


def _kept_by_code(relative: str) -> Callable[[Machine, str], str]:
    return lambda machine, project: machine.join(code_user_folder(machine), "globalStorage", relative)


def read_local(entry: Entry) -> ServerSpec | None:
    """The usual entry; one with a URL beside its command is rejected."""
    return None if "url" in entry else read_plain(entry)


SYNTAX = Syntax(
    r"\$\{(?:env:(?P<env>[^}]+)|(?P<workspace>workspaceFolder))\}",
    {"env": "${env:{name}}", "workspace": "${workspaceFolder}"},
)

HOST = Host(
    id="roo-code",
    title="Roo Code",
    aliases=("roo",),
    detection=Detection(
        paths=("~/.vscode/extensions/rooveterinaryinc.roo-cline-*",),
        on={
            "linux": ("$XDG_CONFIG_HOME/Code/User/globalStorage/rooveterinaryinc.roo-cline",),
            "macos": ("~/Library/Application Support/Code/User/globalStorage/rooveterinaryinc.roo-cline",),
            "windows": ("%APPDATA%/Code/User/globalStorage/rooveterinaryinc.roo-cline",),
        },
    ),
    scopes={
        "user": ConfigFile(
            path=_kept_by_code("rooveterinaryinc.roo-cline/settings/mcp_settings.json"),
            section=MCP_SERVERS,
            format="jsonc",
            relocators=CODE_RELOCATORS,
            rejects=COMMENTS_AND_COMMAS,
            doubts=_DOUBTS,
        ),
        "project": ConfigFile(
            path=in_project(".roo/mcp.json"),
            section=MCP_SERVERS,
            format="jsonc",
            rejects=COMMENTS_AND_COMMAS,
            doubts=_DOUBTS,
        ),
    },
    stdio=started(typed, read_local, cwd=True),
    remote=reached({"http": "streamable-http", "sse": "sse"}),
    syntax=SYNTAX,
    limits=Limits(tool_name=64, prefix="mcp--{server}--{tool}"),
    off=(("disabled", True),),
    waits=(Wait("timeout", "call", 1),),
    passed_on=PassedOn(names=SDK_NAMES, on_windows=SDK_NAMES_ON_WINDOWS),
    patience=Patience(interactive=60, setting="timeout (seconds) in the entry"),
    shims=("*",),
    reload="Roo Code reads the file again by itself.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("derived", "from the config path and the extension's identifier"),
        "scopes.user": Evidence(
            "source", "RooCodeInc/Roo-Code cb836567; its setting customStoragePath moves it, which is not looked at"
        ),
        "scopes.project": Evidence("source", "RooCodeInc/Roo-Code cb836567, McpHub.ts"),
        "tolerance": Evidence("source", "RooCodeInc/Roo-Code cb836567, McpHub.ts: JSON.parse"),
        "entry": Evidence("source", "RooCodeInc/Roo-Code cb836567, McpHub.ts"),
        "remote": Evidence("source", "RooCodeInc/Roo-Code cb836567, McpHub.ts: a url needs its type"),
        "syntax": Evidence("source", "RooCodeInc/Roo-Code cb836567, utils/config.ts"),
        "limits": Evidence("source", "RooCodeInc/Roo-Code cb836567"),
        "off": Evidence("source", "RooCodeInc/Roo-Code cb836567, McpHub.ts"),
        "waits": Evidence("source", "RooCodeInc/Roo-Code cb836567, McpHub.ts"),
        "passed_on": Evidence("source", "RooCodeInc/Roo-Code cb836567, McpHub.ts; the SDK's getDefaultEnvironment"),
        "patience": Evidence("source", "RooCodeInc/Roo-Code cb836567, McpHub.ts"),
        "shims": Evidence("source", "RooCodeInc/Roo-Code cb836567, McpHub.ts: cmd.exe /c for every command"),
        "reload": Evidence("source", "RooCodeInc/Roo-Code cb836567: it watches the file"),
        "precedence": Evidence("source", "RooCodeInc/Roo-Code cb836567, McpHub.ts"),
    },
)
