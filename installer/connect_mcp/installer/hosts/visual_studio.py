"""Visual Studio for Windows: VS Code's form, in a file whose name it shares with Claude Code's."""

from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import Section

from .model import ConfigFile, Detection, Evidence, Host, Location, PassedOn, at, reached, started, typed
from .places import Candidates, may_hold_servers, would_hide
from .vscode import SYNTAX, inputs, read_lenient
from .windsurf import DOUBTS

_SECTION = Section(("servers",))
_PROJECT = Candidates(
    _SECTION, (".cursor/mcp.json", ".vscode/mcp.json", ".mcp.json", ".vs/mcp.json"), new=".vscode/mcp.json"
)


def project_file(machine: Machine, project: str) -> str:
    """The file that holds servers for Visual Studio, else VS Code's.

    The others belong to hosts with another form, some of which reject a file with `servers` in it (Claude Code).
    """
    there = _PROJECT.there(machine, project)
    holding = [file for file in there if may_hold_servers(machine, file, _SECTION, unreadable=False)]
    return holding[-1] if holding else machine.join(project, _PROJECT.new)


def not_here(machine: Machine, location: Location) -> str | None:
    """Visual Studio runs on Windows alone; and a new file of the project must not hide another."""
    if machine.platform != "windows":
        return "Visual Studio is a program for Windows. For VS Code on this machine, use `vscode`."
    return would_hide(machine, location)


HOST = Host(
    id="visual-studio",
    title="Visual Studio",
    aliases=("vs", "vs2022", "vs2026"),
    detection=Detection(on={"windows": ("%LOCALAPPDATA%/Microsoft/VisualStudio/1*.0_*",)}),
    scopes={
        "user": ConfigFile(path=at("~/.mcp.json"), section=_SECTION, format="jsonc", doubts=DOUBTS),
        "project": ConfigFile(
            path=project_file,
            section=_SECTION,
            format="jsonc",
            others=lambda machine, project: tuple(_PROJECT.there(machine, project)),
            doubts=DOUBTS,
            note="For Visual Studio the project's folder is the one with the solution.",
        ),
    },
    stdio=started(typed, read_lenient, cwd=False),
    remote=reached({"http": "http", "sse": "sse"}, untyped="http"),
    syntax=SYNTAX,
    off_by_hand="Use the switches of the server's tools in Visual Studio's chat window.",
    companions=inputs,
    passed_on=PassedOn(),
    reload="Visual Studio reads the file again by itself; a message above the entry starts or signs in.",
    precedence=(),
    before_create=not_here,
    evidence={
        "detection": Evidence("derived", "from the folders that Visual Studio 2022 and 2026 keep their settings in"),
        "scopes.user": Evidence("docs", "learn.microsoft.com/visualstudio/ide/mcp-servers"),
        "scopes.project": Evidence(
            "docs", "learn.microsoft.com/visualstudio/ide/mcp-servers; a new one goes where VS Code reads it as well"
        ),
        "tolerance": Evidence("memory", "not known: we write strict JSON"),
        "entry": Evidence("docs", "learn.microsoft.com/visualstudio/ide/mcp-servers: VS Code's form"),
        "remote": Evidence("docs", "learn.microsoft.com/visualstudio/ide/mcp-servers: stdio, sse and http"),
        "syntax": Evidence("derived", "from VS Code's form, which it takes"),
        "off_by_hand": Evidence(
            "docs", "learn.microsoft.com/visualstudio/ide/mcp-servers: tools are chosen in the chat"
        ),
        "companions": Evidence("docs", "learn.microsoft.com/visualstudio/ide/mcp-servers: inputs"),
        "passed_on": Evidence("memory", "not checked"),
        "reload": Evidence("docs", "learn.microsoft.com/visualstudio/ide/mcp-servers"),
        "precedence": Evidence("memory", "not checked"),
        "before_create": Evidence("docs", "learn.microsoft.com/visualstudio; .github/mcp.json: copilot 1.0.102, live"),
    },
)
