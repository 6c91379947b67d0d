"""OpenAI Codex: TOML, a short list of variables, and about a second of patience in headless runs."""

from collections.abc import Mapping

from connect_mcp.base.machine import Machine
from connect_mcp.base.record import replace
from connect_mcp.installer.editors.model import Section, Value
from connect_mcp.installer.spec import Reference, ServerSpec, Template

from .model import (
    ConfigFile,
    Detection,
    Entry,
    Evidence,
    Form,
    Host,
    Limits,
    Location,
    NameRule,
    PassedOn,
    Patience,
    Wait,
    in_project,
    plain,
    read_plain,
    started,
    variables,
)
from .syntax import NO_REFERENCES

_SECTION = Section(("mcp_servers",))


_BEARER = "Bearer "


def render(spec: ServerSpec) -> Entry:
    """The usual entry; a variable that is the one of Codex's environment by the same name is named in `env_vars`.

    Raises:
        Unwritable: for any other reference: Codex takes every text as it stands.
    """
    forwarded = [key for key, text in spec.env.items() if _variable(text) == key]
    literal = replace(spec, env={key: text for key, text in spec.env.items() if key not in forwarded})
    entry = plain(literal.mapped(_plain_text))
    return {**entry, "env_vars": forwarded} if forwarded else entry


def read_local(entry: Entry) -> ServerSpec | None:
    """The server of an entry with a command; its `env_vars` are references to Codex's environment."""
    spec = read_plain(entry)
    named = entry.get("env_vars")
    if spec is None or not isinstance(named, (list, tuple)):
        return spec
    names = [item.get("name") if isinstance(item, Mapping) else item for item in named]
    forwarded = {name: Template(Reference("env", name)) for name in names if isinstance(name, str)}
    return replace(spec, env={**forwarded, **spec.env})


def render_remote(spec: ServerSpec) -> Entry:
    """A URL, with each header as a text, as the name of a variable, or as the variable with the bearer token.

    Raises:
        Unwritable: for a reference that is only a part of a header, or in the URL.
    """
    entry: dict[str, Value] = {"url": _plain_text("url", spec.url)}
    headers, variables_of = {}, {}
    for name, text in spec.headers.items():
        if name.lower() == "authorization" and (token := _variable(text, after=_BEARER)):
            entry["bearer_token_env_var"] = token
        elif variable := _variable(text):
            variables_of[name] = variable
        else:
            headers[name] = _plain_text("headers", text)
    for key, held in (("http_headers", headers), ("env_http_headers", variables_of)):
        if held:
            entry[key] = held
    return entry


def read_remote(entry: Entry) -> ServerSpec | None:
    """The server of an entry with a URL; Codex speaks Streamable HTTP to every one."""
    url, token = entry.get("url"), entry.get("bearer_token_env_var")
    headers, named = variables(entry.get("http_headers")), variables(entry.get("env_http_headers"))
    if not isinstance(url, str) or not url or "command" in entry or headers is None or named is None:
        return None
    sent = {**headers, **{name: Template(Reference("env", variable)) for name, variable in named.items()}}
    if isinstance(token, str):
        sent["Authorization"] = Template(_BEARER, Reference("env", token))
    return ServerSpec(url=url, transport="http", headers=sent)


def _variable(text: str, after: str = "") -> str | None:
    """The variable that a text is, behind `after`; None where it is anything else."""
    parts = text.parts if isinstance(text, Template) else ()
    if after and parts[:1] == (after,):
        parts = parts[1:]
    elif after:
        return None
    only = parts[0] if len(parts) == 1 else None
    return only.name if isinstance(only, Reference) and only.kind == "env" and only.default is None else None


def _plain_text(field: str, text: str) -> str:
    return NO_REFERENCES.written(field, text)


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
    stdio=started(render, read_local, cwd=True, keys=("command", "args", "env", "env_vars", "cwd")),
    remote=Form(
        render_remote,
        read_remote,
        keys=(
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
        fields=frozenset({"url", "headers"}),
        transports=frozenset({"http"}),
    ),
    syntax=None,
    limits=Limits(prefix="mcp__{server}__{tool}"),
    off=(("enabled", False),),
    waits=(
        Wait("startup_timeout_sec", "start", 1),
        Wait("startup_timeout_ms", "start", 0.001),
        Wait("tool_timeout_sec", "call", 1),
    ),
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
    precedence=("project", "user"),
    before_create=missing_home,
    evidence={
        "detection": Evidence("live", "codex 0.169.0"),
        "scopes.user": Evidence("live", "codex 0.169.0: mcp add, with and without CODEX_HOME"),
        "scopes.project": Evidence("live", "codex 0.169.0: read in trusted projects only"),
        "tolerance": Evidence("live", "codex 0.169.0: comments and a byte order mark are accepted"),
        "entry": Evidence(
            "live", "codex 0.169.0: mcp add and mcp list; a command beside a url stops every codex command"
        ),
        "remote": Evidence("live", "codex 0.169.0: mcp add --url, mcp list; no SSE; bearer_token is rejected"),
        "syntax": Evidence(
            "live", "codex 0.169.0: ${X} stays as it is; env_vars, bearer_token_env_var, env_http_headers"
        ),
        "limits": Evidence("live", "codex 0.169.0: the namespace; other signs than letters and digits become _"),
        "off": Evidence("live", "codex 0.169.0"),
        "waits": Evidence("source", "openai/codex: its schema of config.toml"),
        "name_rules": Evidence("live", "codex 0.169.0: mcp add's message, and a config with a space in a name"),
        "passed_on": Evidence("live", "codex 0.169.0; Windows: openai/codex protocol/src/shell_environment.rs"),
        "patience": Evidence("live", "codex 0.169.0: 29.99 s for a required server, about 1 s with exec"),
        "protocol": Evidence("live", "codex 0.169.0"),
        "reload": Evidence("live", "codex 0.169.0"),
        "precedence": Evidence("live", "codex 0.169.0: mcp list with one name in both, in a trusted project"),
        "before_create": Evidence("live", "codex 0.169.0: 'CODEX_HOME points to …, but that path does not exist'"),
    },
)
