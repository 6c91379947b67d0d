"""opencode: one command as an argument list, and several files that it merges."""

from collections.abc import Callable

from connect_mcp.base.errors import Refused
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
from .syntax import Syntax

_SECTION = Section(("mcp",))


def one_of(folder: str, *names: str, new: str = "opencode.json") -> Callable[[Machine, str], str]:
    """The one to write of several files that opencode merges.

    One that holds servers wins, so that they stay together; then one that is there. Among equals it is the one that
    opencode reads last, since nothing in the others can override what it says. Where there is none, `new` is made: the
    name that opencode's documentation uses, and that `opencode mcp add` makes.

    Args:
        folder: a template for `Machine.path`, or "" for the project's folder.
        names: the files in it, in the order in which opencode reads them.
        new: the one to make.
    """

    def path(machine: Machine, project: str) -> str:
        base = machine.path(folder) if folder else project
        there = [file for name in names if machine.exists(file := machine.join(base, name))]
        if len(there) > 1:
            there = [file for file in there if _may_hold_servers(machine, file)] or there
        return there[-1] if there else machine.join(base, new)

    return path


def _may_hold_servers(machine: Machine, file: str) -> bool:
    """Whether the file has servers; one that cannot be read is taken for one, so that the edit says what is wrong."""
    from connect_mcp.installer.editors.engine import decode, read
    from connect_mcp.installer.editors.formats import format_named

    try:
        return bool(read(decode(machine.files.read(file) or b"", file), format_named("jsonc"), _SECTION, file))
    except Refused:
        return True


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


HOST = Host(
    id="opencode",
    title="opencode",
    aliases=("open-code",),
    detection=Detection(commands=("opencode",), paths=("$XDG_CONFIG_HOME/opencode", "~/.opencode")),
    scopes={
        "user": ConfigFile(
            path=one_of("$XDG_CONFIG_HOME/opencode", "config.json", "opencode.json", "opencode.jsonc"),
            section=_SECTION,
            format="jsonc",
            relocators=("XDG_CONFIG_HOME",),
        ),
        "project": ConfigFile(
            path=one_of("", "opencode.json", "opencode.jsonc", ".opencode/opencode.json", ".opencode/opencode.jsonc"),
            section=_SECTION,
            format="jsonc",
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
    name_rules=(
        NameRule(
            {"servers", "timeout"}.__contains__,
            "A newer form of opencode's file uses this name for something else.",
        ),
    ),
    passed_on=PassedOn(adds={"AGENT": "1", "OPENCODE": "1"}),
    patience=Patience(interactive=30, headless=30, setting="timeout (milliseconds) in the entry"),
    protocol="2025-11-25",
    reload="Start opencode again.",
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
        "remote": Evidence("live", "opencode 1.18.33: type remote, url, headers; it tries HTTP, then SSE"),
        "syntax": Evidence("live", "opencode 1.18.33: replaced in the text before it is parsed; not set: empty"),
        "limits": Evidence("source", "opencode 1.18.33: signs other than letters and digits become _"),
        "off": Evidence("live", "opencode 1.18.33"),
        "waits": Evidence("live", "opencode 1.18.33: a server that never answers"),
        "name_rules": Evidence("live", "opencode 1.18.33 reads mcp.servers as a map of servers too"),
        "passed_on": Evidence("live", "opencode 1.18.33: its whole environment, and OPENCODE_PID"),
        "patience": Evidence("live", "opencode 1.18.33"),
        "protocol": Evidence("live", "opencode 1.18.33"),
        "reload": Evidence("live", "opencode 1.18.33"),
    },
)
