"""opencode: one command as an argument list, and several files that it merges."""

from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import Section, Value
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
    Wait,
    reached,
    started,
    strings,
    variables,
)
from .places import Candidates
from .syntax import Syntax

SECTION = Section(("mcp",))


_USER = Candidates(
    SECTION,
    tuple(f"$XDG_CONFIG_HOME/opencode/{name}" for name in ("config.json", "opencode.json", "opencode.jsonc")),
    new="$XDG_CONFIG_HOME/opencode/opencode.json",
)
_PROJECT = Candidates(
    SECTION,
    ("opencode.json", "opencode.jsonc", ".opencode/opencode.json", ".opencode/opencode.jsonc"),
    new="opencode.json",
)


def stronger_than_the_users(machine: Machine, project: str) -> tuple[str, ...]:
    """The files that win over the user's own: one that a variable names, and those of further folders."""
    named, folder = machine.variable("OPENCODE_CONFIG"), machine.variable("OPENCODE_CONFIG_DIR")
    files = [machine.join(machine.cwd, named)] if named else []
    return (*files, *_stronger_folders(machine, folder))


def stronger_than_the_projects(machine: Machine, project: str) -> tuple[str, ...]:
    """The files that win over a project's."""
    return _stronger_folders(machine, machine.variable("OPENCODE_CONFIG_DIR"))


def _stronger_folders(machine: Machine, folder: str | None) -> tuple[str, ...]:
    folders = [machine.path("~/.opencode"), *([machine.join(machine.cwd, folder)] if folder else [])]
    return tuple(machine.join(folder, name) for folder in folders for name in ("opencode.json", "opencode.jsonc"))


def render(spec: ServerSpec) -> Entry:
    """The command and its arguments are one list, and the environment has a long name."""
    entry: dict[str, Value] = {"type": "local", "command": [spec.command, *spec.args]}
    if spec.env:
        entry["environment"] = dict(spec.env)
    if spec.cwd:
        entry["cwd"] = spec.cwd
    return entry


def read_local(entry: Entry) -> ServerSpec | None:
    """The server of a local entry; None for a remote one and for one that opencode would reject."""
    argv, env = strings(entry.get("command")), variables(entry.get("environment"))
    if entry.get("type") != "local" or not argv or not argv[0] or env is None:
        return None
    cwd = entry.get("cwd")
    return ServerSpec(argv[0], argv[1:], env, cwd if isinstance(cwd, str) else "")


SYNTAX = Syntax(
    r"\{(?:env:(?P<env>[^}]+)|file:(?P<file>[^}]+))\}",
    {"env": "{env:{name}}", "file": "{file:{name}}"},
    missing="empty",
)

RESERVED = (
    NameRule({"servers", "timeout"}.__contains__, "A newer form of opencode's file uses this name for something else."),
)

HOST = Host(
    id="opencode",
    title="opencode",
    aliases=("open-code",),
    detection=Detection(commands=("opencode",), paths=("$XDG_CONFIG_HOME/opencode", "~/.opencode")),
    scopes={
        "user": ConfigFile(
            path=_USER.path,
            section=SECTION,
            format="jsonc",
            relocators=("XDG_CONFIG_HOME",),
            others=_USER.others,
            above=stronger_than_the_users,
        ),
        "project": ConfigFile(
            path=_PROJECT.path,
            section=SECTION,
            format="jsonc",
            others=_PROJECT.others,
            above=stronger_than_the_projects,
        ),
    },
    stdio=started(
        render,
        read_local,
        cwd=True,
        types=("local",),
        keys=("command", "environment", "cwd"),
    ),
    remote=reached({"http": "remote", "sse": "remote"}, keys=("oauth",)),
    syntax=SYNTAX,
    limits=Limits(prefix="{server}_{tool}"),
    off=(("enabled", False), ("disabled", True)),
    waits=(Wait("timeout", "start", 0.001),),
    name_rules=RESERVED,
    passed_on=PassedOn(adds={"AGENT": "1", "OPENCODE": "1"}),
    patience=Patience(interactive=30, headless=30, setting="timeout (milliseconds) in the entry"),
    protocol="2025-11-25",
    reload="Start opencode again.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("live", "opencode 1.18.33"),
        "scopes.user": Evidence(
            "live",
            "opencode 1.18.33: debug config; OPENCODE_CONFIG and OPENCODE_CONFIG_DIR add a file and move none",
        ),
        "scopes.project": Evidence("live", "opencode 1.18.33: debug config shows all of them merged"),
        "tolerance": Evidence("live", "opencode 1.18.33: comments, trailing commas and a byte order mark are accepted"),
        "entry": Evidence(
            "live", "opencode 1.18.33: type and a command list are required, or it does not start at all"
        ),
        "remote": Evidence(
            "live", "opencode 1.18.33: mcp list connects; type remote, url, headers; it tries HTTP, then SSE"
        ),
        "syntax": Evidence("live", "opencode 1.18.33: replaced in the text before it is parsed; not set: empty"),
        "limits": Evidence("source", "opencode 1.18.33: signs other than letters and digits become _"),
        "off": Evidence("live", "opencode 1.18.33"),
        "waits": Evidence("live", "opencode 1.18.33: a server that never answers"),
        "name_rules": Evidence("live", "opencode 1.18.33 reads mcp.servers as a map of servers too"),
        "passed_on": Evidence("live", "opencode 1.18.33: its whole environment, and OPENCODE_PID"),
        "patience": Evidence("live", "opencode 1.18.33"),
        "protocol": Evidence("live", "opencode 1.18.33"),
        "reload": Evidence("live", "opencode 1.18.33"),
        "precedence": Evidence("live", "opencode 1.18.33: debug config"),
    },
)
