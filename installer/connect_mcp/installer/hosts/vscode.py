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
    Location,
    PassedOn,
    Paths,
    in_project,
    reached,
    read_plain,
    started,
    typed,
)
from .places import CODE_RELOCATORS, MCP_SERVERS, code_user_folder
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
                relocators=CODE_RELOCATORS,
                others=_profiles_files(folder),
            ),
            "project": ConfigFile(
                path=in_project(".vscode/mcp.json"),
                section=_SECTION,
                format="jsonc",
                others=root_file,
                note=f"{title} asks before it starts a project's servers.",
            ),
        },
        stdio=started(
            typed, read_lenient, cwd=True, keys=("command", "args", "env", "cwd", "envFile", "sandboxEnabled")
        ),
        remote=reached({"http": "http", "sse": "sse"}, untyped="http", keys=("oauth",)),
        syntax=SYNTAX,
        off_by_hand=f"{title} keeps this in its own state: disable the server in the Extensions view.",
        limits=Limits(tool_name=64, tools=128, prefix="mcp_{server}_{tool}", titled=13),
        precedence=(),
        companions=inputs,
        passed_on=PassedOn(adds={"ELECTRON_RUN_AS_NODE": "1"}),
        shims=("*",),
        protocol="2025-11-25",
        reload=f'In {title}, run "MCP: List Servers" from the command palette and start the server.',
        evidence={
            "detection": Evidence("source", "folders: microsoft/vscode, userDataPath; the command: derived"),
            "scopes.user": Evidence(
                "source",
                "microsoft/vscode 1.139.1, userDataPath and mcpResource; a named profile has a file of its own",
            ),
            "scopes.project": Evidence(
                "live", "code-server 4.139.1 (VS Code 1.139.1); source: it reads .mcp.json too, and a .code-workspace"
            ),
            "tolerance": Evidence("source", "microsoft/vscode 1.139.1: its schema allows comments and trailing commas"),
            "entry": Evidence("live", "code-server 4.139.1; the keys from its schema for mcp.json"),
            "remote": Evidence("source", "microsoft/vscode 1.139.1: its schema for mcp.json"),
            "syntax": Evidence(
                "source", "microsoft/vscode 1.139.1: its schema for mcp.json; a variable that is not set: memory"
            ),
            "off_by_hand": Evidence("memory", "the menu; that mcp.json has no key for it: its schema"),
            "limits": Evidence(
                "source",
                "microsoft/vscode 1.139.1: 64 characters, and 18 for the prefix, mcp_ and its _ included (that it has "
                "the server's title or name: seen with code-server 4.139.1); a number parts two servers of one title; "
                "128 tools: memory, and 133 were seen to be put into groups that the model must open",
            ),
            "companions": Evidence("source", "microsoft/vscode 1.139.1: its schema for mcp.json"),
            "passed_on": Evidence(
                "live",
                "code-server 4.139.1, which takes a login shell's environment, PATH too, where VSCODE_CLI is not set; "
                "an entry's PATH comes behind that one: microsoft/vscode 1.139.1",
            ),
            "shims": Evidence("memory", "that it starts .cmd and .bat files through a shell"),
            "protocol": Evidence("live", "code-server 4.139.1"),
            "reload": Evidence("live", "code-server 4.139.1"),
            "precedence": Evidence("live", "code-server 4.139.1: MCP: List Servers shows the user's and the project's"),
        },
    )


def _user_file(folder: str) -> Callable[[Machine, str], str]:
    return lambda machine, project: machine.join(code_user_folder(machine, folder), "mcp.json")


def _profiles_files(folder: str) -> Paths:
    """The files of named profiles: VS Code reads the one of the profile that a window uses, in place of the user's."""

    def paths(machine: Machine, project: str) -> tuple[str, ...]:
        return tuple(machine.files.glob(code_user_folder(machine, folder), "profiles/*/mcp.json"))

    return paths


def root_file(machine: Machine, project: str) -> tuple[Location, ...]:
    """The `.mcp.json` that VS Code reads as well, in the form of Claude Code; we write none there for VS Code."""
    return (Location(machine.join(project, ".mcp.json"), MCP_SERVERS, "jsonc"),)


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
