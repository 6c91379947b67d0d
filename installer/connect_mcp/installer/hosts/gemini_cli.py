"""Gemini CLI: servers inside its settings file, and variables that look secret held back from them."""

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
    NameRule,
    PassedOn,
    Patience,
    QuirkKind,
    Wait,
    in_project,
    reached,
    read_plain,
    started,
)
from .places import MCP_SERVERS
from .syntax import Syntax

_REJECTS: frozenset[QuirkKind] = frozenset({"trailing-comma", "bom"})
_TRUST = "In a folder that you have not trusted, Gemini CLI starts no server at all, the user's own included."

_REMOTE = reached({"http": "http", "sse": "sse"}, untyped="http", keys=("oauth",), again=("httpUrl",))


def settings(machine: Machine, project: str) -> str:
    """`settings.json` in the folder `.gemini` of the home, or of what stands in for the home."""
    return machine.join(machine.variable("GEMINI_CLI_HOME") or machine.home, ".gemini/settings.json")


def read_local(entry: Entry) -> ServerSpec | None:
    """The usual entry; a URL in it, under either name, wins over its command."""
    return None if "url" in entry or "httpUrl" in entry else read_plain(entry)


def read_remote(entry: Entry) -> ServerSpec | None:
    """The usual remote entry; `httpUrl`, its older spelling, wins over `url`."""
    address = entry.get("httpUrl")
    return _REMOTE.read({**entry, "url": address, "type": "http"} if address else entry)


SYNTAX = Syntax(
    r"\$(?:(?P<env>[A-Za-z_]\w*)|\{(?P<env2>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\})",
    {"env": "${{name}}", "env-default": "${{name}:-{default}}"},
    missing="empty",
)

HOST = Host(
    id="gemini-cli",
    title="Gemini CLI",
    aliases=("gemini",),
    detection=Detection(commands=("gemini",), paths=("~/.gemini/settings.json",)),
    scopes={
        "user": ConfigFile(
            path=settings,
            section=MCP_SERVERS,
            format="jsonc",
            relocators=("GEMINI_CLI_HOME",),
            rejects=_REJECTS,
            note=_TRUST,
        ),
        "project": ConfigFile(
            path=in_project(".gemini/settings.json"),
            section=MCP_SERVERS,
            format="jsonc",
            rejects=_REJECTS,
            note=_TRUST,
        ),
    },
    stdio=started(read=read_local, cwd=True),
    remote=_REMOTE._replace(read=read_remote),
    syntax=SYNTAX,
    off_names=ConfigFile(
        path=settings,
        section=Section(("mcp", "excluded"), NAMES),
        format="jsonc",
        relocators=("GEMINI_CLI_HOME",),
        rejects=_REJECTS,
    ),
    waits=(Wait("timeout", "call", 0.001),),
    limits=Limits(tool_name=63, prefix="mcp_{server}_{tool}", stray_output="before the first answer", pages=False),
    name_rules=(
        NameRule(
            lambda name: "_" in name,
            "Gemini CLI splits a tool's full name at its first _, so its policies would not know a server with one.",
        ),
    ),
    passed_on=PassedOn(
        withheld=r"^(?!GEMINI_CLI_|GIT_CONFIG_).*(TOKEN|SECRET|PASSWORD|PASSWD|KEY|AUTH|CREDENTIAL|CREDS|PRIVATE|CERT)"
        r"|^(CLIENT_ID|DB_URI|CONNECTION_STRING|AWS_DEFAULT_REGION|AZURE_CLIENT_ID|AZURE_TENANT_ID|SLACK_WEBHOOK_URL"
        r"|TWILIO_ACCOUNT_SID|DATABASE_URL|GOOGLE_CLOUD_PROJECT|GOOGLE_CLOUD_ACCOUNT|FIREBASE_PROJECT_ID)$",
        adds={"GEMINI_CLI": "1"},
    ),
    patience=Patience(interactive=600, headless=600, setting="timeout (milliseconds) in the entry"),
    protocol="2025-06-18",
    reload="Start Gemini CLI again, or run /mcp refresh in it.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("derived", "from the config path and the command; ~/.gemini is Antigravity's as well"),
        "scopes.user": Evidence("live", "gemini 0.61.0: mcp add -s user; GEMINI_CLI_HOME"),
        "scopes.project": Evidence("live", "gemini 0.61.0: mcp add; in trusted folders only"),
        "tolerance": Evidence(
            "live", "gemini 0.61.0: exit 52 for a trailing comma and a byte order mark; comments pass"
        ),
        "entry": Evidence("live", "gemini 0.61.0: mcp list; keys that it does not know give a warning at each start"),
        "remote": Evidence(
            "live",
            "gemini 0.61.0: mcp list connects, a header with a reference is sent; httpUrl is older, and wins",
        ),
        "syntax": Evidence("live", "gemini 0.61.0: $X, ${X} and ${X:-d} in every text; not set: empty"),
        "off_names": Evidence("live", "gemini 0.61.0: mcp list; no key in the entry has an effect"),
        "waits": Evidence("source", "google-gemini/gemini-cli 0.61.0: its schema of settings.json"),
        "limits": Evidence("live", "gemini 0.61.0: cut in the middle to 63 characters"),
        "name_rules": Evidence("source", "google-gemini/gemini-cli 0.61.0, mcp-tool.ts and docs/tools/mcp-server.md"),
        "passed_on": Evidence("live", "gemini 0.61.0; the names that it holds back: its environmentSanitization"),
        "patience": Evidence("live", "gemini 0.61.0: still waiting after 140 s; the 10 minutes: source"),
        "protocol": Evidence("live", "gemini 0.61.0"),
        "reload": Evidence("docs", "google-gemini/gemini-cli docs, /mcp"),
        "precedence": Evidence("live", "gemini 0.61.0: mcp list with one name in both"),
    },
)
