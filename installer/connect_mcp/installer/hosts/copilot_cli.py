"""GitHub Copilot CLI: a file of its own, and in a project the first of two that it shares with others."""

from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import NAMES, Section
from connect_mcp.installer.spec import ServerSpec

from .model import (
    ConfigFile,
    Detection,
    Entry,
    Evidence,
    Host,
    Limits,
    PassedOn,
    Patience,
    Wait,
    reached,
    read_plain,
    started,
)
from .own_locks import COPILOT
from .places import MCP_SERVERS
from .syntax import DOLLAR_BRACES

_EVERY_TOOL = {"tools": ["*"]}


def _folder(machine: Machine) -> str:
    return machine.variable("COPILOT_HOME") or machine.path("~/.copilot")


def config_file(machine: Machine, project: str) -> str:
    """`mcp-config.json` in Copilot's own folder."""
    return machine.join(_folder(machine), "mcp-config.json")


def project_file(machine: Machine, project: str) -> str:
    """The first of `.mcp.json` and `.github/mcp.json` that is there: Copilot reads that one alone, also if empty."""
    first, second = (machine.join(project, name) for name in (".mcp.json", ".github/mcp.json"))
    return second if machine.exists(second) and not machine.exists(first) else first


def read_local(entry: Entry) -> ServerSpec | None:
    """The usual entry; its type may also be "local", as Copilot's own command writes it."""
    return read_plain({**entry, "type": "stdio"} if entry.get("type") == "local" else entry)


HOST = Host(
    id="copilot-cli",
    title="GitHub Copilot CLI",
    aliases=("copilot", "github-copilot"),
    detection=Detection(commands=("copilot",), paths=("~/.copilot",)),
    scopes={
        "user": ConfigFile(
            path=config_file,
            section=MCP_SERVERS,
            format="jsonc",
            relocators=("COPILOT_HOME",),
            mode=0o600,
            lock=COPILOT,
            replaces_links=True,
        ),
        "project": ConfigFile(
            path=project_file,
            section=MCP_SERVERS,
            format="jsonc",
            note="Copilot CLI reads a project's servers only in folders that the person has trusted.",
        ),
    },
    stdio=started(read=read_local, cwd=True, types=("local", "stdio"), fresh=_EVERY_TOOL),
    remote=reached(
        {"http": "http", "sse": "sse"},
        known={"streamable-http": "http"},
        untyped="http",
        keys=("oauthClientId", "auth"),
        fresh=_EVERY_TOOL,
    ),
    syntax=DOLLAR_BRACES,
    off_names=ConfigFile(
        path=lambda machine, project: machine.join(_folder(machine), "settings.json"),
        section=Section(("disabledMcpServers",), NAMES),
        format="jsonc",
        relocators=("COPILOT_HOME",),
        mode=0o600,
        lock=COPILOT,
    ),
    waits=(Wait("timeout", "call", 0.001),),
    limits=Limits(tool_name=64, prefix="{server}-{tool}"),
    passed_on=PassedOn(withheld=r"^COPILOT_PROVIDER_.*(KEY|TOKEN)$", adds={"PYTHONUNBUFFERED": "1"}),
    patience=Patience(headless=60),
    protocol="2026-07-28",
    reload="Start Copilot CLI again, or run /mcp reload in it.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("live", "copilot 1.0.102; the command: its npm package"),
        "scopes.user": Evidence("live", "copilot 1.0.102: mcp add, with and without COPILOT_HOME; no XDG folder"),
        "scopes.project": Evidence(
            "live",
            "copilot 1.0.102: mcp list --json; an empty .mcp.json hides .github/mcp.json, a git root ends the search",
        ),
        "tolerance": Evidence("live", "copilot 1.0.102: comments, trailing commas and a byte order mark are accepted"),
        "entry": Evidence(
            "live", "copilot 1.0.102: mcp list --json; type may be left out, which .mcp.json's others need"
        ),
        "remote": Evidence("live", "copilot 1.0.102: http and sse reached, headers sent; without a type it is http"),
        "syntax": Evidence("live", "copilot 1.0.102: put into args, env and headers; one that is not set: not tried"),
        "off_names": Evidence(
            "live", "copilot 1.0.102: mcp disable, mcp list --json; no key in the entry has an effect"
        ),
        "waits": Evidence("live", "copilot 1.0.102: mcp add's help"),
        "limits": Evidence("live", "copilot 1.0.102: cut to 64 characters"),
        "passed_on": Evidence("live", "copilot 1.0.102: all but its own provider's keys, and COPILOT_*, GIT_CONFIG_*"),
        "patience": Evidence("live", "copilot 1.0.102: 60 s for initialize, after up to 10 s for server/discover"),
        "protocol": Evidence("live", "copilot 1.0.102: server/discover, then 2025-11-25"),
        "reload": Evidence("memory", "not checked"),
        "precedence": Evidence("live", "copilot 1.0.102: mcp list --json with one name in both"),
    },
)
