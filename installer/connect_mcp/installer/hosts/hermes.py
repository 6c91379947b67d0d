"""Hermes Agent: a map of servers in its YAML settings, and Cursor's references beside its own."""

from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import Section
from connect_mcp.installer.spec import ServerSpec

from .model import (
    ConfigFile,
    Detection,
    Entry,
    Evidence,
    Form,
    Host,
    Limits,
    PassedOn,
    Patience,
    Wait,
    reached,
    started,
)
from .syntax import Syntax

_REMOTE = reached({"http": ""}, keys=("auth", "ssl_verify", "client_cert", "client_key", "skip_preflight"))


def settings(machine: Machine, project: str) -> str:
    """`config.yaml` in Hermes' home."""
    usual = "%LOCALAPPDATA%/hermes" if machine.platform == "windows" else "~/.hermes"
    return machine.join(machine.variable("HERMES_HOME") or machine.path(usual), "config.yaml")


def render_remote(spec: ServerSpec) -> Entry:
    """A URL and headers; `transport` says so where it is SSE."""
    entry = _REMOTE.render(ServerSpec(url=spec.url, transport="http", headers=spec.headers))
    return {**entry, "transport": "sse"} if spec.transport == "sse" else entry


def read_remote(entry: Entry) -> ServerSpec | None:
    """The server of an entry with a URL; Streamable HTTP, unless it says otherwise."""
    found = _REMOTE.read(entry)
    if found is None or entry.get("transport") != "sse":
        return found
    return ServerSpec(url=found.url, transport="sse", headers=found.headers)


_SAFE = frozenset({"HOME", "LANG", "LC_ALL", "PATH", "SHELL", "TERM", "TMPDIR", "USER"})
_DESKTOP = frozenset(
    {
        "XDG_CACHE_HOME",
        "XDG_CONFIG_DIRS",
        "XDG_CONFIG_HOME",
        "XDG_CURRENT_DESKTOP",
        "XDG_DATA_DIRS",
        "XDG_DATA_HOME",
        "XDG_RUNTIME_DIR",
        "XDG_SESSION_ID",
        "XDG_SESSION_TYPE",
        "XDG_STATE_HOME",
    }
)
"""Those that are in use of the names that begin with XDG_, all of which it passes on."""
_WINDOWS = frozenset(
    {
        "ALLUSERSPROFILE",
        "APPDATA",
        "COMMONPROGRAMFILES",
        "COMMONPROGRAMFILES(X86)",
        "COMMONPROGRAMW6432",
        "COMPUTERNAME",
        "COMSPEC",
        "HOMEDRIVE",
        "HOMEPATH",
        "LOCALAPPDATA",
        "NUMBER_OF_PROCESSORS",
        "OS",
        "PATHEXT",
        "PROCESSOR_ARCHITECTURE",
        "PROGRAMDATA",
        "PROGRAMFILES",
        "PROGRAMFILES(X86)",
        "PROGRAMW6432",
        "PUBLIC",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "USERDOMAIN",
        "USERNAME",
        "USERPROFILE",
        "WINDIR",
    }
)

SYNTAX = Syntax(
    r"\$\{(?:(?P<workspace>workspaceFolder)|(?P<workspace_name>workspaceFolderBasename)|(?P<home>userHome)"
    r"|(?P<separator>pathSeparator|/)|(?:env:)?(?P<env>[A-Za-z_]\w*))\}",
    {
        "env": "${{name}}",
        "workspace": "${workspaceFolder}",
        "workspace-name": "${workspaceFolderBasename}",
        "home": "${userHome}",
        "separator": "${/}",
    },
)

HOST = Host(
    id="hermes",
    title="Hermes Agent",
    aliases=("hermes-agent",),
    detection=Detection(
        on={"linux": ("~/.hermes",), "macos": ("~/.hermes",), "windows": ("%LOCALAPPDATA%/hermes", "~/.hermes")}
    ),
    scopes={
        "user": ConfigFile(
            path=settings,
            section=Section(("mcp_servers",)),
            format="yaml",
            relocators=("HERMES_HOME",),
            doubts=frozenset({"bom"}),
        ),
    },
    stdio=started(cwd=False),
    remote=Form(
        render_remote,
        read_remote,
        keys=(*_REMOTE.keys, "transport"),
        fields=_REMOTE.fields,
        transports=frozenset({"http", "sse"}),
        again=("transport",),
    ),
    syntax=SYNTAX,
    limits=Limits(prefix="mcp__{server}__{tool}"),
    off=(("enabled", False),),
    waits=(Wait("connect_timeout", "start", 1), Wait("timeout", "call", 1)),
    passed_on=PassedOn(names=_SAFE | _DESKTOP, on_windows=_SAFE | _WINDOWS),
    patience=Patience(interactive=60, setting="connect_timeout (seconds) in the entry"),
    reload="Run /reload-mcp in Hermes, or start it again.",
    evidence={
        "detection": Evidence("derived", "from the config path; its command's name is another program's as well"),
        "scopes.user": Evidence(
            "live", "hermes-agent 0.19.0: mcp list, with and without HERMES_HOME; Windows: its source"
        ),
        "tolerance": Evidence("derived", "any YAML; a byte order mark was not tried"),
        "entry": Evidence("live", "hermes-agent 0.19.0: mcp test"),
        "remote": Evidence(
            "live", "hermes-agent 0.19.0: mcp test, a header with a reference is sent; SSE: its reference"
        ),
        "syntax": Evidence(
            "live", "hermes-agent 0.19.0: ${X} in args, env and headers; the rest, and not set: its reference"
        ),
        "limits": Evidence("docs", "NousResearch/hermes-agent, its MCP reference: other signs become _"),
        "off": Evidence("docs", "NousResearch/hermes-agent, its MCP reference"),
        "waits": Evidence("docs", "NousResearch/hermes-agent, its MCP reference"),
        "passed_on": Evidence("live", "hermes-agent 0.19.0; Windows: its source, tools/mcp_tool.py"),
        "patience": Evidence("docs", "NousResearch/hermes-agent, its MCP reference"),
        "reload": Evidence("docs", "NousResearch/hermes-agent, its MCP reference"),
    },
)
