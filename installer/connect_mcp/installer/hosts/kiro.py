"""Kiro: its IDE and its CLI read the same files, and put in only variables that the person has approved."""

from .model import ConfigFile, Detection, Evidence, Host, PassedOn, at, in_project, reached, started
from .places import MCP_SERVERS
from .syntax import DOLLAR_BRACES
from .windsurf import DOUBTS

HOST = Host(
    id="kiro",
    title="Kiro",
    aliases=("kiro-cli",),
    detection=Detection(commands=("kiro", "kiro-cli"), paths=("~/.kiro",), on={"macos": ("/Applications/Kiro.app",)}),
    scopes={
        "user": ConfigFile(path=at("~/.kiro/settings/mcp.json"), section=MCP_SERVERS, format="jsonc", doubts=DOUBTS),
        "project": ConfigFile(
            path=in_project(".kiro/settings/mcp.json"), section=MCP_SERVERS, format="jsonc", doubts=DOUBTS
        ),
    },
    stdio=started(cwd=False),
    remote=reached({"http": "", "sse": ""}, known={"http": "http", "sse": "sse"}, keys=("oauth",)),
    syntax=DOLLAR_BRACES,
    off=(("disabled", True),),
    passed_on=PassedOn(from_dock=True),
    reload="Kiro reads the file again when it is saved; start its CLI anew.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("derived", "from the config path and the programs' names"),
        "scopes.user": Evidence("docs", "kiro.dev/docs/mcp/configuration"),
        "scopes.project": Evidence("docs", "kiro.dev/docs/mcp/configuration"),
        "tolerance": Evidence("memory", "not known: we write strict JSON"),
        "entry": Evidence("docs", "kiro.dev/docs/mcp/configuration"),
        "remote": Evidence("docs", "kiro.dev/docs/mcp/configuration: url and headers, HTTP or SSE"),
        "syntax": Evidence("docs", "kiro.dev/docs/mcp/security: approved variables alone; one not set: not known"),
        "off": Evidence("docs", "kiro.dev/docs/mcp/configuration"),
        "passed_on": Evidence("derived", "from VS Code, which its IDE is a fork of"),
        "reload": Evidence("docs", "kiro.dev/docs/mcp/configuration"),
        "precedence": Evidence("docs", "kiro.dev/docs/mcp/configuration"),
    },
)
