"""Crush: strict JSON, a type in every entry, and texts that a shell reads."""

from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import Section
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
    Patience,
    QuirkKind,
    Wait,
    reached,
    read_plain,
    started,
    typed,
)
from .places import Candidates
from .syntax import DOLLAR

_SECTION = Section(("mcp",))
_REJECTS: frozenset[QuirkKind] = COMMENTS_AND_COMMAS | {"bom"}
_PROJECT = Candidates(_SECTION, ("crush.json", ".crush.json"), new="crush.json")


def config_file(machine: Machine, project: str) -> str:
    """`crush.json` in Crush's settings folder, which is `~/.config/crush` on Windows as well."""
    folder = machine.variable("CRUSH_GLOBAL_CONFIG") or machine.path("$XDG_CONFIG_HOME/crush")
    return machine.join(folder, "crush.json")


def state_file(machine: Machine, project: str) -> tuple[str, ...]:
    """What Crush itself keeps, in the same form; it wins over the user's settings."""
    folder = machine.variable("CRUSH_GLOBAL_DATA")
    if not folder and (data := machine.variable("XDG_DATA_HOME")):
        folder = machine.join(data, "crush")
    usual = "%LOCALAPPDATA%/crush" if machine.platform == "windows" else "~/.local/share/crush"
    return (machine.join(folder or machine.path(usual), "crush.json"),)


def read_local(entry: Entry) -> ServerSpec | None:
    """The usual entry; its type is required."""
    return read_plain(entry) if entry.get("type") == "stdio" else None


HOST = Host(
    id="crush",
    title="Crush",
    detection=Detection(commands=("crush",), paths=("$XDG_CONFIG_HOME/crush",)),
    scopes={
        "user": ConfigFile(
            path=config_file,
            section=_SECTION,
            format="jsonc",
            relocators=("CRUSH_GLOBAL_CONFIG", "XDG_CONFIG_HOME"),
            above=state_file,
            rejects=_REJECTS,
        ),
        "project": ConfigFile(
            path=_PROJECT.path, section=_SECTION, format="jsonc", others=_PROJECT.others, rejects=_REJECTS
        ),
    },
    stdio=started(typed, read_local, cwd=False, keys=("command", "args", "env")),
    remote=reached({"http": "http", "sse": "sse"}, keys=("oauth", "oauth_client_id", "oauth_client_secret")),
    syntax=DOLLAR._replace(missing="empty"),
    limits=Limits(prefix="mcp_{server}_{tool}"),
    off=(("disabled", True),),
    waits=(Wait("timeout", "start", 1),),
    passed_on=PassedOn(),
    patience=Patience(interactive=10, setting="timeout (seconds) in the entry"),
    reload="Start Crush again.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("derived", "from the config path and the command"),
        "scopes.user": Evidence("source", "charmbracelet/crush 37f36e93, internal/config/load.go, internal/home"),
        "scopes.project": Evidence(
            "source", "charmbracelet/crush 37f36e93, internal/config/load.go; a crushrc is a script, and wins over both"
        ),
        "tolerance": Evidence("source", "charmbracelet/crush 37f36e93: json.Valid"),
        "entry": Evidence("source", "charmbracelet/crush 37f36e93, internal/config/config.go"),
        "remote": Evidence("source", "charmbracelet/crush 37f36e93, internal/config/config.go"),
        "syntax": Evidence(
            "source", "charmbracelet/crush 37f36e93: a shell's expansion, $(command) too; not set: empty"
        ),
        "limits": Evidence("source", "charmbracelet/crush 37f36e93, internal/agent/tools/mcp"),
        "off": Evidence("source", "charmbracelet/crush 37f36e93, internal/config/config.go"),
        "waits": Evidence("source", "charmbracelet/crush 37f36e93, internal/config/config.go"),
        "passed_on": Evidence("source", "charmbracelet/crush 37f36e93, internal/agent/tools/mcp/init.go"),
        "patience": Evidence("source", "charmbracelet/crush 37f36e93, internal/config/config.go"),
        "reload": Evidence("memory", "not checked"),
        "precedence": Evidence("source", "charmbracelet/crush 37f36e93, internal/config/load.go"),
    },
)
