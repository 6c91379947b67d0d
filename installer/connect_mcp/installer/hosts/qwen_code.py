"""Qwen Code: Gemini CLI's older form, in which the key of the URL says how the server is spoken to."""

from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import NAMES, Section, Value
from connect_mcp.installer.spec import ServerSpec

from .gemini_cli import read_local
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
    QuirkKind,
    Wait,
    in_project,
    started,
    variables,
)
from .places import MCP_SERVERS
from .syntax import DOLLAR

_REJECTS: frozenset[QuirkKind] = frozenset({"trailing-comma", "bom"})


def settings(machine: Machine, project: str) -> str:
    """`settings.json` in Qwen's own folder."""
    return machine.join(machine.variable("QWEN_HOME") or machine.path("~/.qwen"), "settings.json")


def render_remote(spec: ServerSpec) -> Entry:
    """`httpUrl` for Streamable HTTP, `url` for SSE; a `type` is not looked at."""
    entry: dict[str, Value] = {"httpUrl" if spec.transport == "http" else "url": spec.url}
    return {**entry, "headers": dict(spec.headers)} if spec.headers else entry


def read_remote(entry: Entry) -> ServerSpec | None:
    """The server of either; `httpUrl` wins."""
    address, headers = entry.get("httpUrl") or entry.get("url"), variables(entry.get("headers"))
    if not isinstance(address, str) or not address or headers is None:
        return None
    return ServerSpec(url=address, transport="http" if entry.get("httpUrl") else "sse", headers=headers)


HOST = Host(
    id="qwen-code",
    title="Qwen Code",
    aliases=("qwen",),
    detection=Detection(commands=("qwen",), paths=("~/.qwen",)),
    scopes={
        "user": ConfigFile(
            path=settings,
            section=MCP_SERVERS,
            format="jsonc",
            relocators=("QWEN_HOME",),
            rejects=_REJECTS,
            replaces_links=True,
        ),
        "project": ConfigFile(
            path=in_project(".qwen/settings.json"), section=MCP_SERVERS, format="jsonc", rejects=_REJECTS
        ),
    },
    stdio=started(read=read_local, cwd=True),
    remote=Form(
        render_remote,
        read_remote,
        keys=("httpUrl", "url", "headers", "oauth"),
        types=("http", "sse"),
        fields=frozenset({"url", "headers"}),
        transports=frozenset({"http", "sse"}),
        again=("httpUrl", "url"),
    ),
    syntax=DOLLAR,
    off_names=ConfigFile(
        path=settings,
        section=Section(("mcp", "excluded"), NAMES),
        format="jsonc",
        relocators=("QWEN_HOME",),
        rejects=_REJECTS,
    ),
    waits=(Wait("timeout", "call", 0.001),),
    limits=Limits(tool_name=63, prefix="mcp__{server}__{tool}"),
    passed_on=PassedOn(),
    patience=Patience(interactive=600, headless=60, setting="timeout (milliseconds) in the entry"),
    protocol="2025-11-25",
    reload="Start Qwen Code again.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("derived", "from the config path and the command"),
        "scopes.user": Evidence("live", "qwen 0.15.10: mcp add -s user, with and without QWEN_HOME"),
        "scopes.project": Evidence("live", "qwen 0.15.10: mcp add -s project"),
        "tolerance": Evidence(
            "live", "qwen 0.15.10: sets a file with a trailing comma or a byte order mark aside and starts afresh"
        ),
        "entry": Evidence("live", "qwen 0.15.10: mcp list"),
        "remote": Evidence(
            "live", "qwen 0.15.10: mcp list connects, a header with a reference is sent; url is SSE whatever type says"
        ),
        "syntax": Evidence("live", "qwen 0.15.10: $X and ${X}, no default; not set: the text stays"),
        "off_names": Evidence("source", "qwen 0.15.10: settings.mcp.excluded; its mcp list takes no notice"),
        "waits": Evidence("derived", "from Gemini CLI, which it is a fork of"),
        "limits": Evidence("live", "qwen 0.15.10: cut in the middle to 63 characters"),
        "passed_on": Evidence("live", "qwen 0.15.10: its whole environment"),
        "patience": Evidence("live", "qwen 0.15.10: 60 s headless; the 10 minutes: source"),
        "protocol": Evidence("live", "qwen 0.15.10"),
        "reload": Evidence("derived", "from its commands"),
        "precedence": Evidence("live", "qwen 0.15.10: mcp list with one name in both"),
    },
)
