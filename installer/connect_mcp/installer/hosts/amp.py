"""Amp: servers inside its settings, under one key whose name has a dot in it."""

from connect_mcp.installer.editors.model import Section

from .model import ConfigFile, Detection, Evidence, Host, PassedOn, reached, started
from .places import Candidates

_SECTION = Section(("amp.mcpServers",))
_USER = Candidates(
    _SECTION,
    ("~/.config/amp/settings.json", "~/.config/amp/settings.jsonc"),
    new="~/.config/amp/settings.json",
)
_PROJECT = Candidates(_SECTION, (".amp/settings.json", ".amp/settings.jsonc"), new=".amp/settings.json")

HOST = Host(
    id="amp",
    title="Amp",
    aliases=("ampcode",),
    detection=Detection(commands=("amp",), paths=("~/.config/amp",)),
    scopes={
        "user": ConfigFile(path=_USER.path, section=_SECTION, format="jsonc", others=_USER.others),
        "project": ConfigFile(
            path=_PROJECT.path,
            section=_SECTION,
            format="jsonc",
            others=_PROJECT.others,
            note="Amp asks each person to approve a project's servers: `amp mcp approve`.",
        ),
    },
    stdio=started(cwd=False),
    remote=reached({"http": "", "sse": ""}, known={"http": "http", "sse": "sse"}),
    off_by_hand="Amp's file has no switch that is known: take the server out, or deny its tools in amp.permissions.",
    passed_on=PassedOn(),
    reload="Start Amp again.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("derived", "from the config path and the command"),
        "scopes.user": Evidence(
            "docs", "ampcode.com/manual, on Windows too; stacklok/toolhive has %APPDATA% there, against it"
        ),
        "scopes.project": Evidence("docs", "ampcode.com/manual"),
        "tolerance": Evidence("docs", "ampcode.com/manual: settings.jsonc; that settings.json is read alike: memory"),
        "entry": Evidence("docs", "ampcode.com's schema of its settings; the literal key: neondatabase/add-mcp"),
        "remote": Evidence("docs", "ampcode.com/manual: url and headers"),
        "off_by_hand": Evidence("memory", "not checked"),
        "passed_on": Evidence("memory", "not checked"),
        "reload": Evidence("memory", "not checked"),
        "precedence": Evidence("docs", "ampcode.com/manual: a workspace's settings override the user's"),
    },
)
