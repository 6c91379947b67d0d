"""OpenAI Codex: TOML, a short list of variables, and about a second of patience in headless runs."""

from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import Section

from .model import (
    ConfigFile,
    Detection,
    Evidence,
    Host,
    Location,
    NameRule,
    PassedOn,
    Patience,
    in_project,
    plain,
    read_plain,
)

_SECTION = Section(("mcp_servers",))


def _unusable(name: str) -> bool:
    return not all(character.isascii() and (character.isalnum() or character in "-_:@/.") for character in name)


def config_file(machine: Machine, project: str) -> str:
    """`config.toml` in Codex's home."""
    return machine.join(machine.variable("CODEX_HOME") or machine.path("~/.codex"), "config.toml")


def missing_home(machine: Machine, location: Location) -> str | None:
    """Codex does not start where CODEX_HOME names a folder that does not exist."""
    home = machine.variable("CODEX_HOME")
    if not home or location.path != config_file(machine, "") or machine.is_dir(machine.join(machine.cwd, home)):
        return None
    return f"CODEX_HOME is {home}, which is not a folder, and Codex would not start. Make it, or unset CODEX_HOME."


HOST = Host(
    id="codex",
    title="OpenAI Codex",
    aliases=("codex-cli", "openai-codex"),
    detection=Detection(commands=("codex",), paths=("~/.codex",)),
    scopes={
        "user": ConfigFile(path=config_file, section=_SECTION, format="toml", relocators=("CODEX_HOME",), mode=0o600),
        "project": ConfigFile(
            path=in_project(".codex/config.toml"),
            section=_SECTION,
            format="toml",
            note="Codex reads a project's file only where the person has trusted that project.",
        ),
    },
    render=plain,
    read_stdio=read_plain,
    remote_keys=(
        "url",
        "bearer_token",
        "bearer_token_env_var",
        "http_headers",
        "env_http_headers",
        "http_headers_helper",
        "auth",
        "scopes",
        "oauth",
        "oauth_resource",
    ),
    off=(("enabled", False),),
    name_rules=(
        NameRule(
            _unusable,
            "Codex takes letters, digits and - _ : @ / . in a name, and silently never starts a server with a space.",
        ),
    ),
    passed_on=PassedOn(
        names=frozenset(
            {
                "HOME",
                "LANG",
                "LC_ALL",
                "LOGNAME",
                "PATH",
                "SHELL",
                "TERM",
                "TMPDIR",
                "TZ",
                "USER",
                "__CF_USER_TEXT_ENCODING",
            }
        ),
        on_windows=frozenset(
            {
                "APPDATA",
                "COMSPEC",
                "HOMEDRIVE",
                "HOMEPATH",
                "LOCALAPPDATA",
                "PATH",
                "PATHEXT",
                "POWERSHELL",
                "PROGRAMDATA",
                "PROGRAMFILES",
                "PROGRAMFILES(X86)",
                "PROGRAMW6432",
                "PWSH",
                "SHELL",
                "SYSTEMDRIVE",
                "SYSTEMROOT",
                "TEMP",
                "TMP",
                "TMPDIR",
                "USERDOMAIN",
                "USERNAME",
                "USERPROFILE",
            }
        ),
    ),
    patience=Patience(interactive=30, headless=1, setting="required = true and startup_timeout_sec = 30 in the entry"),
    protocol="2025-06-18",
    reload="Start Codex again.",
    before_create=missing_home,
    evidence={
        "detection": Evidence("live", "codex 0.169.0"),
        "scopes.user": Evidence("live", "codex 0.169.0: mcp add, with and without CODEX_HOME"),
        "scopes.project": Evidence("live", "codex 0.169.0: read in trusted projects only"),
        "tolerance": Evidence("live", "codex 0.169.0: comments and a byte order mark are accepted"),
        "entry": Evidence(
            "live", "codex 0.169.0: mcp add and mcp list; a command beside a url stops every codex command"
        ),
        "off": Evidence("live", "codex 0.169.0"),
        "name_rules": Evidence("live", "codex 0.169.0: mcp add's message, and a config with a space in a name"),
        "passed_on": Evidence("live", "codex 0.169.0; Windows: openai/codex protocol/src/shell_environment.rs"),
        "patience": Evidence("live", "codex 0.169.0: 29.99 s for a required server, about 1 s with exec"),
        "protocol": Evidence("live", "codex 0.169.0"),
        "reload": Evidence("live", "codex 0.169.0"),
        "before_create": Evidence("live", "codex 0.169.0: 'CODEX_HOME points to …, but that path does not exist'"),
    },
)
