"""Windsurf: one file for the whole machine, in which a remote server's URL has a name of its own."""

from connect_mcp.installer.spec import ServerSpec

from .model import (
    COMMENTS_AND_COMMAS,
    ConfigFile,
    Detection,
    Entry,
    Evidence,
    Host,
    Limits,
    PassedOn,
    QuirkKind,
    at,
    reached,
    started,
)
from .places import MCP_SERVERS
from .syntax import Syntax

DOUBTS: frozenset[QuirkKind] = COMMENTS_AND_COMMAS | {"bom"}

_REMOTE = reached({"http": "", "sse": ""}, url="serverUrl", known={"http": "http", "sse": "sse"}, again=("url",))


def read_remote(entry: Entry) -> ServerSpec | None:
    """The usual remote entry; newer versions take `url` as well."""
    return _REMOTE.read(entry if "serverUrl" in entry else {**entry, "serverUrl": entry.get("url")})


SERVER_URL = _REMOTE._replace(read=read_remote)
"""The form of a remote server whose URL is called `serverUrl`."""


SYNTAX = Syntax(
    r"\$\{(?:env:(?P<env>[^}]+)|file:(?P<file>[^}]+))\}", {"env": "${env:{name}}", "file": "${file:{name}}"}
)

HOST = Host(
    id="windsurf",
    title="Windsurf",
    aliases=("cascade",),
    detection=Detection(
        commands=("windsurf",), paths=("~/.codeium/windsurf",), on={"macos": ("/Applications/Windsurf.app",)}
    ),
    scopes={
        "user": ConfigFile(
            path=at("~/.codeium/windsurf/mcp_config.json"), section=MCP_SERVERS, format="jsonc", doubts=DOUBTS
        ),
    },
    stdio=started(cwd=False),
    remote=SERVER_URL,
    syntax=SYNTAX,
    limits=Limits(tools=100),
    off=(("disabled", True),),
    passed_on=PassedOn(from_dock=True),
    reload="In Windsurf, press Refresh in the list of MCP servers, or start it again.",
    evidence={
        "detection": Evidence("derived", "from the config path and the program's name"),
        "scopes.user": Evidence("source", "VS Code's discovery of other hosts' servers"),
        "tolerance": Evidence("memory", "not known: we write strict JSON"),
        "entry": Evidence("docs", "docs.windsurf.com/windsurf/cascade/mcp"),
        "remote": Evidence("docs", "docs.windsurf.com/windsurf/cascade/mcp: serverUrl; url in newer versions"),
        "syntax": Evidence("docs", "docs.windsurf.com/windsurf/cascade/mcp; a variable that is not set: not known"),
        "limits": Evidence("docs", "docs.windsurf.com/windsurf/cascade/mcp"),
        "off": Evidence("docs", "docs.windsurf.com/windsurf/cascade/mcp"),
        "passed_on": Evidence("derived", "from VS Code, which it is a fork of"),
        "reload": Evidence("docs", "docs.windsurf.com/windsurf/cascade/mcp"),
    },
)
