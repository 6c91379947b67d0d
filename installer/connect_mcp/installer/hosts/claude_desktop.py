"""Claude Desktop: a strict JSON file that the running app rewrites from memory, and two places for it on Windows."""

from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import Section

from .model import (
    COMMENTS_AND_COMMAS,
    ConfigFile,
    Detection,
    Evidence,
    Host,
    PassedOn,
    per_platform,
    started,
)

FILE = "claude_desktop_config.json"
PACKAGED = "LocalCache/Roaming/Claude"
"""The folder of a packaged (MSIX) app that stands for `%APPDATA%\\Claude`."""

_usual = per_platform(
    linux=f"$XDG_CONFIG_HOME/Claude/{FILE}",
    macos=f"~/Library/Application Support/Claude/{FILE}",
    windows=f"%APPDATA%/Claude/{FILE}",
)


def config_file(machine: Machine, project: str) -> str:
    """The file that the installed app reads.

    The packaged app for Windows (the default since February 2026) reads its private copy and not the file in
    `%APPDATA%`, which may be there as well. A package that was never started counts only where nothing else does.
    """
    if machine.platform == "windows":
        packages = machine.glob("%LOCALAPPDATA%/Packages/Claude_*")
        started = [folder for folder in packages if machine.is_dir(machine.join(folder, PACKAGED))]
        if not started and not machine.is_dir(machine.path("%APPDATA%/Claude")):
            started = packages
        if started:
            return machine.join(started[0], PACKAGED, FILE)
    return _usual(machine, project)


HOST = Host(
    id="claude-desktop",
    title="Claude Desktop",
    aliases=("desktop",),
    detection=Detection(
        on={
            "linux": ("$XDG_CONFIG_HOME/Claude",),
            "macos": ("/Applications/Claude.app", "~/Library/Application Support/Claude"),
            "windows": ("%APPDATA%/Claude", "%LOCALAPPDATA%/Packages/Claude_*", "%LOCALAPPDATA%/AnthropicClaude"),
        }
    ),
    scopes={
        "user": ConfigFile(
            path=config_file,
            section=Section(("mcpServers",)),
            format="jsonc",
            relocators=("XDG_CONFIG_HOME",),
            rejects=COMMENTS_AND_COMMAS,
            doubts=frozenset({"bom"}),
        ),
    },
    stdio=started(cwd=False),
    off_by_hand="Claude Desktop's file has no switch: turn the server's tools off in the menu of a chat.",
    passed_on=PassedOn(
        names=frozenset({"HOME", "LOGNAME", "PATH", "SHELL", "USER", "__CF_USER_TEXT_ENCODING"}),
        on_windows=frozenset(
            {
                "APPDATA",
                "HOMEDRIVE",
                "HOMEPATH",
                "PATH",
                "PROCESSOR_ARCHITECTURE",
                "SYSTEMDRIVE",
                "SYSTEMROOT",
                "TEMP",
                "USERNAME",
                "USERPROFILE",
            }
        ),
        from_dock=True,
    ),
    reload="Quit Claude Desktop completely (from its tray or menu-bar icon as well) and start it again.",
    instead="add its URL under Settings > Connectors, or let a bridge speak to it: `-- npx -y mcp-remote URL`",
    closed_first=(
        "*/Claude.app/Contents/MacOS/*",
        "*\\AnthropicClaude\\*\\claude.exe",
        "*\\WindowsApps\\Claude_*\\claude.exe",
        "*/claude-desktop/*",
    ),
    evidence={
        "detection": Evidence("docs", "issues of anthropics/claude-code; Linux has unofficial builds only"),
        "scopes.user": Evidence(
            "source", "VS Code's discovery of other hosts' servers; the package's folder: anthropics/claude-code#26073"
        ),
        "tolerance": Evidence("docs", "JSON without extensions; a byte order mark was not tried"),
        "entry": Evidence("docs", "command, args and env alone; remote servers are added under Settings > Connectors"),
        "off_by_hand": Evidence("memory", "not checked"),
        "passed_on": Evidence(
            "source", "what openai/codex's mcp-client notes for macOS; on Windows the SDK's list without LOCALAPPDATA"
        ),
        "reload": Evidence("docs", "modelcontextprotocol.io, connecting local servers"),
        "closed_first": Evidence(
            "docs", "anthropics/claude-code#32345, #34359: entries wiped; the programs' paths are derived"
        ),
    },
)
