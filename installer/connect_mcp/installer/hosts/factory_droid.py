"""Factory's droid: a type in every entry, for the user and for a project alike."""

from .model import ConfigFile, Detection, Evidence, Host, PassedOn, QuirkKind, at, in_project, reached, started, typed
from .places import MCP_SERVERS
from .syntax import Syntax

_REJECTS: frozenset[QuirkKind] = frozenset({"trailing-comma", "bom"})

SYNTAX = Syntax(
    r"\$\{(?P<env>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}",
    {"env": "${{name}}", "env-default": "${{name}:-{default}}"},
    fields=frozenset({"env", "headers"}),
    missing="refused",
)

HOST = Host(
    id="factory-droid",
    title="Factory Droid",
    aliases=("droid", "factory"),
    detection=Detection(commands=("droid",), paths=("~/.factory",)),
    scopes={
        "user": ConfigFile(path=at("~/.factory/mcp.json"), section=MCP_SERVERS, format="jsonc", rejects=_REJECTS),
        "project": ConfigFile(
            path=in_project(".factory/mcp.json"), section=MCP_SERVERS, format="jsonc", rejects=_REJECTS
        ),
    },
    stdio=started(typed, cwd=False),
    remote=reached({"http": "http", "sse": "sse"}),
    syntax=SYNTAX,
    off=(("disabled", True),),
    passed_on=PassedOn(adds={"NODE_USE_SYSTEM_CA": "1"}),
    reload="Droid reads the file again by itself; /mcp shows the server's state.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("derived", "from the config path and the command"),
        "scopes.user": Evidence("live", "droid 0.225.2: mcp add"),
        "scopes.project": Evidence("live", "droid 0.225.2: mcp list"),
        "tolerance": Evidence(
            "live", "droid 0.225.2: no server at all with a trailing comma or a byte order mark; comments pass"
        ),
        "entry": Evidence("live", "droid 0.225.2: mcp add, mcp list"),
        "remote": Evidence("live", "droid 0.225.2: mcp add, mcp list connects, a header with a reference is sent"),
        "syntax": Evidence(
            "live", "droid 0.225.2: ${X} and ${X:-d} in env and headers, not in args; not set: that server fails"
        ),
        "off": Evidence("live", "droid 0.225.2: mcp list"),
        "passed_on": Evidence("live", "droid 0.225.2: its whole environment, and NODE_EXTRA_CA_CERTS of its own"),
        "reload": Evidence("docs", "docs.factory.ai/harness/mcp"),
        "precedence": Evidence("live", "droid 0.225.2: mcp list with one name in both"),
    },
)
