"""Factory's droid: a type in every entry, for the user and for a project alike."""

from .model import ConfigFile, Detection, Evidence, Host, PassedOn, at, in_project, reached, started, typed
from .places import MCP_SERVERS
from .windsurf import DOUBTS

HOST = Host(
    id="factory-droid",
    title="Factory Droid",
    aliases=("droid", "factory"),
    detection=Detection(commands=("droid",), paths=("~/.factory",)),
    scopes={
        "user": ConfigFile(path=at("~/.factory/mcp.json"), section=MCP_SERVERS, format="jsonc", doubts=DOUBTS),
        "project": ConfigFile(path=in_project(".factory/mcp.json"), section=MCP_SERVERS, format="jsonc", doubts=DOUBTS),
    },
    stdio=started(typed, cwd=False),
    remote=reached({"http": "http", "sse": "sse"}),
    off=(("disabled", True),),
    passed_on=PassedOn(),
    reload="Droid reads the file again by itself; /mcp shows the server's state.",
    precedence=("user", "project"),
    evidence={
        "detection": Evidence("derived", "from the config path and the command"),
        "scopes.user": Evidence("docs", "docs.factory.ai/harness/mcp"),
        "scopes.project": Evidence("docs", "docs.factory.ai/harness/mcp"),
        "tolerance": Evidence("memory", "not known: we write strict JSON"),
        "entry": Evidence("docs", "docs.factory.ai/harness/mcp"),
        "remote": Evidence("docs", "docs.factory.ai/harness/mcp"),
        "off": Evidence("docs", "docs.factory.ai/harness/mcp"),
        "passed_on": Evidence("memory", "not checked"),
        "reload": Evidence("docs", "docs.factory.ai/harness/mcp"),
        "precedence": Evidence("memory", "that the user's entry wins: not checked"),
    },
)
