"""Google Antigravity: an IDE and a CLI (agy), whose file has moved from the IDE's own folder to one that both share."""

from connect_mcp.base.machine import Machine

from .model import (
    COMMENTS_AND_COMMAS,
    ConfigFile,
    Detection,
    Evidence,
    Host,
    PassedOn,
    started,
)
from .places import MCP_SERVERS, Candidates
from .windsurf import SERVER_URL

_USER = Candidates(
    MCP_SERVERS,
    ("~/.gemini/antigravity/mcp_config.json", "~/.gemini/config/mcp_config.json"),
    new="~/.gemini/config/mcp_config.json",
)
_PROJECT = Candidates(
    MCP_SERVERS,
    tuple(f"{folder}/mcp_config.json" for folder in ("_agent", "_agents", ".agent", ".agents")),
    new=".agents/mcp_config.json",
)
_OLDER_FOLDER = "~/.gemini/antigravity"
_SHARED_FOLDER = "~/.gemini/config"


def config_file(machine: Machine, project: str) -> str:
    """The one that holds servers, the shared one where both do; where neither is there, the one whose folder is."""
    if not _USER.there(machine, project):
        folders = (_SHARED_FOLDER, _OLDER_FOLDER)
        folder = next((one for one in folders if machine.is_dir(machine.path(one))), _SHARED_FOLDER)
        return machine.path(f"{folder}/mcp_config.json")
    return _USER.path(machine, project)


HOST = Host(
    id="antigravity",
    title="Google Antigravity",
    aliases=("agy",),
    detection=Detection(
        commands=("agy", "antigravity"),
        paths=(_OLDER_FOLDER, _SHARED_FOLDER, "~/.gemini/antigravity-cli"),
        on={"macos": ("/Applications/Antigravity.app",)},
    ),
    scopes={
        "user": ConfigFile(
            path=config_file,
            section=MCP_SERVERS,
            format="jsonc",
            others=_USER.others,
            rejects=COMMENTS_AND_COMMAS,
            doubts=frozenset({"bom"}),
        ),
        "project": ConfigFile(
            path=_PROJECT.path,
            section=MCP_SERVERS,
            format="jsonc",
            others=_PROJECT.others,
            rejects=COMMENTS_AND_COMMAS,
            doubts=frozenset({"bom"}),
        ),
    },
    stdio=started(cwd=False),
    remote=SERVER_URL,
    off=(("disabled", True),),
    passed_on=PassedOn(from_dock=True),
    reload="In Antigravity, press Refresh in the list of MCP servers; start `agy` anew.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("derived", "from the config paths and the commands"),
        "scopes.user": Evidence("docs", "antigravity.google/docs/mcp, agy's documentation; neondatabase/add-mcp"),
        "scopes.project": Evidence(
            "docs", "stbenjam/skillsaw, antigravity-mcp-valid; which of several wins: not known"
        ),
        "tolerance": Evidence("docs", "stbenjam/skillsaw, antigravity-mcp-valid: agy exits over a syntax error"),
        "entry": Evidence("docs", "antigravity.google/docs/mcp; a bad entry is left out without a word"),
        "remote": Evidence("docs", "antigravity.google/docs/mcp: serverUrl, which wins over a command"),
        "off": Evidence("docs", "antigravity.google/docs/mcp"),
        "passed_on": Evidence("derived", "from VS Code, which its IDE is a fork of"),
        "reload": Evidence("memory", "not checked"),
        "precedence": Evidence("memory", "not checked"),
    },
)
