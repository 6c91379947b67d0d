"""Cline: one file for its extension, its CLI and its JetBrains plugin, which older versions kept inside VS Code."""

from collections.abc import Mapping

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
    Wait,
    reached,
    read_plain,
    started,
    typed,
)
from .own_locks import CLINE
from .places import CODE_RELOCATORS, MCP_SERVERS, code_user_folder, may_hold_servers
from .syntax import ENV_COLON

FILE = "settings/cline_mcp_settings.json"


def older_file(machine: Machine) -> str:
    """Where the extension kept it before version 4, which takes it over once, at its first start."""
    return machine.join(code_user_folder(machine), "globalStorage/saoudrizwan.claude-dev", FILE)


def config_file(machine: Machine, project: str) -> str:
    """The file that all of Cline shares; the older one as long as that holds servers and was not taken over yet."""
    if named := machine.variable("CLINE_MCP_SETTINGS_PATH"):
        return machine.join(machine.cwd, named)
    data = machine.variable("CLINE_DATA_DIR")
    folder = data or machine.join(machine.variable("CLINE_DIR") or machine.path("~/.cline"), "data")
    shared, older = machine.join(folder, FILE), older_file(machine)
    if machine.exists(shared) or not machine.exists(older) or not may_hold_servers(machine, older, MCP_SERVERS):
        return shared
    return older


_REMOTE = reached(
    {"http": "streamableHttp", "sse": "sse"}, untyped="sse", keys=("oauth",), again=("transport", "transportType")
)


def _flat(entry: Entry) -> Entry:
    """An entry whose `transport` holds what it is about, as Cline's CLI writes it, in the usual form."""
    nested = entry.get("transport")
    if isinstance(nested, Mapping):
        return nested
    said = {"http": "streamableHttp"}.get(str(entry.get("transportType")), entry.get("transportType"))
    return {"type": said, **entry} if said is not None else entry


def read_local(entry: Entry) -> ServerSpec | None:
    """The usual entry, flat or inside `transport`."""
    return read_plain(_flat(entry))


def read_remote(entry: Entry) -> ServerSpec | None:
    """The usual remote entry, flat or inside `transport`; without a type it is SSE."""
    return _REMOTE.read(_flat(entry))


HOST = Host(
    id="cline",
    title="Cline",
    detection=Detection(commands=("cline",), paths=("~/.cline", "~/.vscode/extensions/saoudrizwan.claude-dev-*")),
    scopes={
        "user": ConfigFile(
            path=config_file,
            section=MCP_SERVERS,
            format="jsonc",
            relocators=("CLINE_MCP_SETTINGS_PATH", "CLINE_DATA_DIR", "CLINE_DIR", *CODE_RELOCATORS),
            others=lambda machine, project: (older_file(machine),),
            rejects=COMMENTS_AND_COMMAS | {"bom"},
            lock=CLINE,
        ),
    },
    stdio=started(
        typed, read_local, cwd=True, keys=("command", "args", "env", "cwd"), again=("transport", "transportType")
    ),
    remote=_REMOTE._replace(read=read_remote),
    syntax=ENV_COLON._replace(forms={}),  # read, since the extension does, and not written, since the CLI does not
    limits=Limits(tool_name=64, prefix="{server}__{tool}", stray_output="never", pages=False),
    off=(("disabled", True),),
    waits=(Wait("timeout", "start", 1), Wait("timeout", "call", 1)),
    passed_on=PassedOn(names=SDK_NAMES, on_windows=SDK_NAMES_ON_WINDOWS),
    patience=Patience(headless=2.5, setting="timeout (seconds) in the entry"),
    protocol="2024-11-05",
    reload="Cline reads the file again by itself; start its CLI anew.",
    evidence={
        "detection": Evidence("derived", "from the config path, the command and the extension's identifier"),
        "scopes.user": Evidence("source", "cline/cline 21cb8d25; the CLI: live, cline 3.0.65"),
        "tolerance": Evidence(
            "live", "cline 3.0.65: no comment, comma or byte order mark, and one bad entry takes all servers away"
        ),
        "entry": Evidence("live", "cline 3.0.65; the nested form: what its mcp add writes"),
        "remote": Evidence("live", "cline 3.0.65: streamableHttp and sse; sse without a type: cline/cline 21cb8d25"),
        "syntax": Evidence(
            "live",
            "cline 3.0.65: the CLI leaves ${env:X} as it is; the extension fills it in: cline/cline 21cb8d25",
        ),
        "limits": Evidence("live", "cline 3.0.65: other signs become _, cut to 64 characters"),
        "waits": Evidence("live", "cline 3.0.65: both, in seconds"),
        "off": Evidence("source", "cline/cline 21cb8d25"),
        "passed_on": Evidence("source", "cline/cline 21cb8d25, McpHub.ts; the CLI passes everything on: live"),
        "patience": Evidence("live", "cline 3.0.65: 2.5 s, twice"),
        "protocol": Evidence("live", "cline 3.0.65"),
        "reload": Evidence("source", "cline/cline 21cb8d25: it watches the file"),
    },
)
