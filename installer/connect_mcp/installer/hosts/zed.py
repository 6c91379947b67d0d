"""Zed: context servers inside its settings file, which lies elsewhere than its name suggests on macOS."""

from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import Section

from .model import (
    ConfigFile,
    Detection,
    Evidence,
    Host,
    PassedOn,
    Patience,
    Wait,
    in_project,
    reached,
    started,
)

_SECTION = Section(("context_servers",))


def settings(machine: Machine, project: str) -> str:
    """`settings.json`: on macOS in `~/.config/zed` too, and in a Flatpak under the variable that Flatpak sets."""
    if machine.platform == "windows":
        return machine.path("%APPDATA%/Zed/settings.json")
    if machine.platform == "macos":
        return machine.path("~/.config/zed/settings.json")
    if sandboxed := machine.variable("FLATPAK_XDG_CONFIG_HOME"):
        return machine.join(sandboxed, "zed/settings.json")
    return machine.path("$XDG_CONFIG_HOME/zed/settings.json")


HOST = Host(
    id="zed",
    title="Zed",
    aliases=("zed-editor",),
    detection=Detection(
        commands=("zed", "zeditor"),
        on={
            "linux": ("$XDG_CONFIG_HOME/zed",),
            "macos": ("~/.config/zed", "/Applications/Zed.app"),
            "windows": ("%APPDATA%/Zed",),
        },
    ),
    scopes={
        "user": ConfigFile(
            path=settings,
            section=_SECTION,
            format="jsonc",
            relocators=("FLATPAK_XDG_CONFIG_HOME", "XDG_CONFIG_HOME"),
            doubts=frozenset({"bom"}),
        ),
        "project": ConfigFile(
            path=in_project(".zed/settings.json"),
            section=_SECTION,
            format="jsonc",
            doubts=frozenset({"bom"}),
            note="Zed starts a project's servers only where the person has trusted that project.",
        ),
    },
    stdio=started(cwd=False, again=("settings",)),
    remote=reached({"http": ""}, keys=("oauth",), again=("settings",)),
    off=(("enabled", False),),
    waits=(Wait("timeout", "call", 1),),
    passed_on=PassedOn(),
    patience=Patience(interactive=60, setting="timeout (seconds) in the entry"),
    reload="Zed reads its settings again by itself and starts the server.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("derived", "from the config path and the programs' names"),
        "scopes.user": Evidence("source", "zed-industries/zed 010c9b6f, crates/paths/src/paths.rs"),
        "scopes.project": Evidence("source", "zed-industries/zed 010c9b6f, crates/paths/src/paths.rs"),
        "tolerance": Evidence("source", "zed-industries/zed: serde_json_lenient; a byte order mark was not tried"),
        "entry": Evidence("source", "zed-industries/zed 006ce515, settings_content/src/project.rs"),
        "remote": Evidence("source", "zed-industries/zed 006ce515, settings_content/src/project.rs"),
        "off": Evidence("source", "zed-industries/zed 006ce515, settings_content/src/project.rs"),
        "waits": Evidence("source", "zed-industries/zed 006ce515, settings_content/src/project.rs"),
        "passed_on": Evidence("memory", "that it passes on the login shell's environment: not checked"),
        "patience": Evidence("source", "zed-industries/zed: context_server_timeout"),
        "reload": Evidence("memory", "not checked"),
        "precedence": Evidence("derived", "from how its settings are layered"),
    },
)
