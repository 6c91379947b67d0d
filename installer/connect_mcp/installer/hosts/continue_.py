"""Continue: a YAML file with a list of named servers, which hides an older JSON file as soon as it is there."""

from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import Section

from .model import ConfigFile, Detection, Evidence, Host, Location, PassedOn, Patience, plain, read_plain

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


HOST = Host(
    id="continue",
    title="Continue",
    aliases=("cn",),
    detection=Detection(commands=("cn",), paths=("~/.continue",)),
    scopes={
        "user": ConfigFile(
            path=config_file,
            section=Section(("mcpServers",), keyed_by="name"),
            format="yaml",
            relocators=("CONTINUE_GLOBAL_DIR",),
            top={"name": "Local Config", "version": "1.0.0", "schema": "v1"},
        ),
    },
    render=plain,
    read_stdio=read_plain,
    remote_keys=("url", "apiKey", "requestOptions"),
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
    before_create=hidden_settings,
    evidence={
        "detection": Evidence("derived", "from the config path and the command"),
        "scopes.user": Evidence("live", "cn 1.5.47; CONTINUE_GLOBAL_DIR: continuedev/continue core/util/paths.ts"),
        "tolerance": Evidence("live", "cn 1.5.47: comments and a byte order mark are accepted"),
        "entry": Evidence(
            "live", "cn 1.5.47: a list of named entries, a map is rejected; no name or version, no start"
        ),
        "passed_on": Evidence("source", "continuedev/continue MCPConnection.ts; `cn` passes everything on"),
        "patience": Evidence("live", "cn 1.5.47: 60 s; the editors' 20 s: source"),
        "protocol": Evidence("live", "cn 1.5.47"),
        "reload": Evidence("memory", "not checked"),
        "before_create": Evidence("source", "continuedev/continue core/util/paths.ts"),
    },
)
