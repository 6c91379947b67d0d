"""VS Code, and through `variant` its other builds, which differ in their folder and command alone."""

from collections.abc import Callable

from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import Put, Section, Value
from connect_mcp.installer.spec import ServerSpec

from .model import (
    ConfigFile,
    Detection,
    Entry,
    Evidence,
    Host,
    Limits,
    PassedOn,
    in_project,
    per_platform,
    reached,
    read_plain,
    started,
    typed,
)
from .syntax import Syntax

_SECTION = Section(("servers",))


_INPUTS = Section(("inputs",), keyed_by="id")

SYNTAX = Syntax(
    r"\$\{(?:env:(?P<env>[^}]+)|input:(?P<input>[^}]+)|(?P<workspace>workspaceFolder)"
    r"|(?P<workspace_name>workspaceFolderBasename)|(?P<home>userHome)|(?P<separator>pathSeparator|/))\}",
    {
        "env": "${env:{name}}",
        "input": "${input:{name}}",
        "workspace": "${workspaceFolder}",
        "workspace-name": "${workspaceFolderBasename}",
        "home": "${userHome}",
        "separator": "${/}",
    },
    missing="empty",
)


def inputs(spec: ServerSpec) -> tuple[Put, ...]:
    """A question for each input that a server's entry names: VS Code asks once, and keeps the answer encrypted."""
    names = dict.fromkeys(reference.name for reference in spec.references if reference.kind == "input")
    question: dict[str, Value] = {"type": "promptString", "password": True}
    return tuple(Put(_INPUTS, name, {**question, "description": name}) for name in names)


def variant(*, id: str, title: str, aliases: tuple[str, ...], command: str, folder: str, app: str) -> Host:  # noqa: A002
    """The row of one build of VS Code.

    Args:
        id: as in `Host`.
        title: as in `Host`.
        aliases: as in `Host`.
        command: its program on PATH.
        folder: the name of its folder of user data.
        app: the name of its application on macOS.
    """
    return Host(
        id=id,
        title=title,
        aliases=aliases,
        detection=Detection(
            commands=(command,),
            on={
                "linux": (f"$XDG_CONFIG_HOME/{folder}",),
                "macos": (f"/Applications/{app}.app", f"~/Library/Application Support/{folder}"),
                "windows": (f"%APPDATA%/{folder}",),
            },
        ),
        scopes={
            "user": ConfigFile(
                path=_user_file(folder),
                section=_SECTION,
                format="jsonc",
                relocators=("VSCODE_PORTABLE", "VSCODE_APPDATA", "XDG_CONFIG_HOME"),
            ),
            "project": ConfigFile(
                path=in_project(".vscode/mcp.json"),
                section=_SECTION,
                format="jsonc",
                note=f"{title} asks before it starts a project's servers.",
            ),
        },
        stdio=started(
            typed, read_lenient, cwd=True, keys=("command", "args", "env", "cwd", "envFile", "sandboxEnabled")
        ),
        remote=reached({"http": "http", "sse": "sse"}, untyped="http", keys=("oauth",)),
        syntax=SYNTAX,
        off_by_hand=f"{title} keeps this in its own state: disable the server in the Extensions view.",
        limits=Limits(tool_name=64, tools=128, prefix="mcp_{server}_{tool}"),
        companions=inputs,
        passed_on=PassedOn(adds={"ELECTRON_RUN_AS_NODE": "1"}),
        shims=("*",),
        protocol="2025-11-25",
        reload=f'In {title}, run "MCP: List Servers" from the command palette and start the server.',
        evidence={
            "detection": Evidence("source", "folders: microsoft/vscode, userDataPath; the command: derived"),
            "scopes.user": Evidence(
                "source", "microsoft/vscode 1.139.1, userDataPath and mcpResource; not named profiles"
            ),
            "scopes.project": Evidence("live", "code-server 4.139.1 (VS Code 1.139.1)"),
            "tolerance": Evidence("source", "microsoft/vscode 1.139.1: its schema allows comments and trailing commas"),
            "entry": Evidence("live", "code-server 4.139.1; the keys from its schema for mcp.json"),
            "remote": Evidence("source", "microsoft/vscode 1.139.1: its schema for mcp.json"),
            "syntax": Evidence(
                "source", "microsoft/vscode 1.139.1: its schema for mcp.json; a variable that is not set: memory"
            ),
            "off_by_hand": Evidence("memory", "the menu; that mcp.json has no key for it: its schema"),
            "limits": Evidence("source", "microsoft/vscode 1.139.1: prefix and 64 characters; 128 tools: memory"),
            "companions": Evidence("source", "microsoft/vscode 1.139.1: its schema for mcp.json"),
            "passed_on": Evidence("live", "code-server 4.139.1; that a dock start gets the login shell's PATH: memory"),
            "shims": Evidence("memory", "that it starts .cmd and .bat files through a shell"),
            "protocol": Evidence("live", "code-server 4.139.1"),
            "reload": Evidence("live", "code-server 4.139.1"),
        },
    )


def _user_file(folder: str) -> Callable[[Machine, str], str]:
    usual = per_platform(
        linux=f"$XDG_CONFIG_HOME/{folder}/User/mcp.json",
        macos=f"~/Library/Application Support/{folder}/User/mcp.json",
        windows=f"%APPDATA%/{folder}/User/mcp.json",
    )

    def path(machine: Machine, project: str) -> str:
        if portable := machine.variable("VSCODE_PORTABLE"):
            return machine.join(portable, "user-data/User/mcp.json")
        if moved := machine.variable("VSCODE_APPDATA"):
            return machine.join(moved, folder, "User/mcp.json")
        return usual(machine, project)

    return path


def read_lenient(entry: Entry) -> ServerSpec | None:
    """The usual entry, whose variables may also be numbers, or null for "not set"."""
    return read_plain({**entry, "env": _texts(entry.get("env"))})


def _texts(env: Value) -> Value:
    if not isinstance(env, dict):
        return env
    return {
        key: str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
        for key, value in env.items()
        if value is not None
    }


HOST = variant(
    id="vscode",
    title="VS Code",
    aliases=("code", "vs-code"),
    command="code",
    folder="Code",
    app="Visual Studio Code",
)
