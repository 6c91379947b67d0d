"""Continue: a YAML file with a list of named servers, which hides an older JSON file as soon as it is there."""

from collections.abc import Mapping

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
    Location,
    PassedOn,
    Patience,
    Wait,
    reached,
    started,
)
from .places import MCP_SERVERS
from .syntax import Syntax

SECTION = Section(("mcpServers",), keyed_by="name")
_BOTH = {"HOME", "LOGNAME", "PATH", "USER", "USERNAME", "USERPROFILE"}


def _folder(machine: Machine) -> str:
    return machine.variable("CONTINUE_GLOBAL_DIR") or machine.path("~/.continue")


def config_file(machine: Machine, project: str) -> str:
    """`config.yaml` in Continue's own folder."""
    return machine.join(_folder(machine), "config.yaml")


def hidden_settings(machine: Machine, location: Location) -> str | None:
    """Continue stops reading `config.json`, with the person's models in it, once there is a `config.yaml`."""
    older = machine.join(machine.parent(location.path), "config.json")
    if machine.exists(location.path) or not machine.exists(older):
        return None
    return (
        f"Continue reads {older} as long as there is no config.yaml; making one would hide all settings in it. "
        "Move its settings into a config.yaml first."
    )


def block_files(machine: Machine, project: str) -> tuple[Location, ...]:
    """The files of single servers that the editors' Continue reads as well, `cn` does not."""
    folder = machine.join(_folder(machine), "mcpServers")
    return tuple(
        Location(path, SECTION, "yaml") if path.endswith(("yaml", "yml")) else Location(path, MCP_SERVERS, "jsonc")
        for ending in ("yaml", "yml", "json")
        for path in machine.files.glob(folder, f"*.{ending}")
    )


_REMOTE = reached({"http": "streamable-http", "sse": "sse"}, headers="headers", untyped="http")


def render_remote(spec: ServerSpec) -> Entry:
    """The usual remote entry, with its headers inside `requestOptions`."""
    entry = dict(_REMOTE.render(spec))
    headers = entry.pop("headers", None)
    return {**entry, "requestOptions": {"headers": headers}} if headers else entry


def read_remote(entry: Entry) -> ServerSpec | None:
    """The server of a remote entry; without a type Continue tries Streamable HTTP, then SSE."""
    options = entry.get("requestOptions")
    headers = options.get("headers") if isinstance(options, Mapping) else None
    return None if "command" in entry else _REMOTE.read({**entry, "headers": headers})


SYNTAX = Syntax(
    r"\$\{\{\s*(?:secrets|inputs)\.(?P<secret>[A-Za-z0-9_-]+)\s*\}\}",
    {"secret": "${{ secrets.{name} }}", "env": "${{ secrets.{name} }}"},
    missing="refused",
)
"""Continue looks a secret up in the environment and in its `.env` files, so a variable is written as one too."""

HOST = Host(
    id="continue",
    title="Continue",
    aliases=("cn",),
    detection=Detection(commands=("cn",), paths=("~/.continue",)),
    scopes={
        "user": ConfigFile(
            path=config_file,
            section=SECTION,
            format="yaml",
            relocators=("CONTINUE_GLOBAL_DIR",),
            others=block_files,
            top={"name": "Local Config", "version": "1.0.0", "schema": "v1"},
        ),
    },
    stdio=started(cwd=True),
    remote=Form(
        render_remote,
        read_remote,
        keys=("url", "apiKey", "requestOptions"),
        types=("streamable-http", "sse"),
        fields=frozenset({"url", "headers"}),
        transports=frozenset({"http", "sse"}),
    ),
    syntax=SYNTAX,
    limits=Limits(pages=False),
    off_by_hand="Continue's file has no switch: turn the server's tools off in Continue's own settings.",
    waits=(Wait("connectionTimeout", "start", 0.001),),
    passed_on=PassedOn(
        names=frozenset({*_BOTH, "SHELL", "TERM"}),
        on_windows=frozenset(
            {
                *_BOTH,
                "APPDATA",
                "HOMEDRIVE",
                "HOMEPATH",
                "LOCALAPPDATA",
                "PROCESSOR_ARCHITECTURE",
                "SYSTEMDRIVE",
                "SYSTEMROOT",
                "TEMP",
            }
        ),
    ),
    patience=Patience(interactive=20, headless=60, setting="connectionTimeout (milliseconds) in the entry"),
    protocol="2025-11-25",
    reload="Continue reads the file again by itself; servers are used in agent mode only. Start `cn` anew.",
    shims=("npx", "uv", "uvx", "pnpx", "dlx", "nx", "bunx"),
    before_create=hidden_settings,
    evidence={
        "detection": Evidence("derived", "from the config path and the command"),
        "scopes.user": Evidence(
            "live", "cn 1.5.47; CONTINUE_GLOBAL_DIR and the block files: continuedev/continue core/util/paths.ts"
        ),
        "tolerance": Evidence("live", "cn 1.5.47: comments and a byte order mark are accepted"),
        "entry": Evidence(
            "live", "cn 1.5.47: a list of named entries, a map is rejected; no name or version, no start"
        ),
        "remote": Evidence(
            "live", "cn 1.5.47: both types reached, headers sent; without a type it tries HTTP, then SSE"
        ),
        "syntax": Evidence("live", "cn 1.5.47: the environment wins over ~/.continue/.env; none: no start"),
        "off_by_hand": Evidence("memory", "not checked"),
        "waits": Evidence("source", "continuedev/continue, its schema of mcpServers"),
        "limits": Evidence("live", "cn 1.5.47: the first page of a tool list alone, and names without a prefix"),
        "passed_on": Evidence("source", "continuedev/continue MCPConnection.ts; `cn` passes everything on"),
        "patience": Evidence("live", "cn 1.5.47: 60 s; the editors' 20 s: source"),
        "protocol": Evidence("live", "cn 1.5.47"),
        "reload": Evidence("memory", "not checked"),
        "shims": Evidence("source", "continuedev/continue MCPConnection.ts: these it starts through cmd.exe itself"),
        "before_create": Evidence("source", "continuedev/continue core/util/paths.ts"),
    },
)
