"""JetBrains Junie: the coding agent in JetBrains' IDEs and in a terminal."""

from .model import ConfigFile, Detection, Evidence, Host, PassedOn, at, in_project, started
from .places import MCP_SERVERS
from .windsurf import DOUBTS

HOST = Host(
    id="junie",
    title="JetBrains Junie",
    detection=Detection(commands=("junie",), paths=("~/.junie",)),
    scopes={
        "user": ConfigFile(path=at("~/.junie/mcp/mcp.json"), section=MCP_SERVERS, format="jsonc", doubts=DOUBTS),
        "project": ConfigFile(
            path=in_project(".junie/mcp/mcp.json"), section=MCP_SERVERS, format="jsonc", doubts=DOUBTS
        ),
    },
    stdio=started(cwd=False),
    off_by_hand="Use the switch beside the server in the IDE under Settings > Tools > Junie > MCP Settings.",
    passed_on=PassedOn(from_dock=True),
    reload="Open Settings > Tools > Junie > MCP Settings in the IDE, or start it again.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("derived", "from the config path and the command"),
        "scopes.user": Evidence("docs", "jetbrains.com/help/junie"),
        "scopes.project": Evidence("docs", "jetbrains.com/help/junie"),
        "tolerance": Evidence("memory", "not known: we write strict JSON"),
        "entry": Evidence(
            "docs", "jetbrains.com/help/junie: stdio; newer versions reach servers by a URL, in a form not known here"
        ),
        "off_by_hand": Evidence("memory", "not checked"),
        "passed_on": Evidence("memory", "not checked"),
        "reload": Evidence("memory", "not checked"),
        "precedence": Evidence("memory", "not checked"),
    },
)
