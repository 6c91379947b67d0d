"""Kilo Code: opencode's form and its habit of merging files, in folders of its own."""

from connect_mcp.base.machine import Machine

from .model import ConfigFile, Detection, Evidence, Host, Limits, PassedOn, Patience, Wait, reached, started
from .opencode import RESERVED, SECTION, SYNTAX, read_local, render
from .places import Candidates, placed

_USER = Candidates(
    SECTION,
    tuple(f"$XDG_CONFIG_HOME/kilo/{name}" for name in ("config.json", "kilo.json", "kilo.jsonc")),
    new="$XDG_CONFIG_HOME/kilo/kilo.json",
)
_PROJECT = Candidates(
    SECTION,
    (
        "kilo.json",
        "kilo.jsonc",
        ".kilocode/kilo.jsonc",
        ".kilocode/kilo.json",
        ".kilo/kilo.jsonc",
        ".kilo/kilo.json",
    ),
    new="kilo.json",
)


def stronger_files(machine: Machine, project: str) -> tuple[str, ...]:
    """The files in the home that win over everything else."""
    folders = ("~/.kilocode", "~/.kilo")
    return tuple(
        placed(machine, project, f"{folder}/{name}") for folder in folders for name in ("kilo.jsonc", "kilo.json")
    )


HOST = Host(
    id="kilo",
    title="Kilo Code",
    aliases=("kilo-code", "kilocode"),
    detection=Detection(
        commands=("kilo", "kilocode"), paths=("$XDG_CONFIG_HOME/kilo", "~/.vscode/extensions/kilocode.kilo-code-*")
    ),
    scopes={
        "user": ConfigFile(
            path=_USER.path,
            section=SECTION,
            format="jsonc",
            relocators=("XDG_CONFIG_HOME",),
            others=_USER.others,
            above=stronger_files,
        ),
        "project": ConfigFile(
            path=_PROJECT.path,
            section=SECTION,
            format="jsonc",
            others=_PROJECT.others,
            above=stronger_files,
            references=False,
        ),
    },
    stdio=started(render, read_local, cwd=False, types=("local",), keys=("command", "environment")),
    remote=reached({"http": "remote", "sse": "remote"}, keys=("oauth",)),
    syntax=SYNTAX,
    limits=Limits(prefix="{server}_{tool}"),
    off=(("enabled", False),),
    waits=(Wait("timeout", "start", 0.001),),
    name_rules=RESERVED,
    passed_on=PassedOn(adds={"AGENT": "1"}),
    patience=Patience(interactive=30, headless=30, setting="timeout (milliseconds) in the entry"),
    protocol="2025-11-25",
    reload="Start Kilo Code again.",
    precedence=("project", "user"),
    evidence={
        "detection": Evidence("derived", "from the config path, the command and the extension's identifier"),
        "scopes.user": Evidence("live", "kilo 7.7.7: debug paths, debug config; ~/.kilo and ~/.kilocode win over it"),
        "scopes.project": Evidence(
            "live",
            "kilo 7.7.7: debug config; a reference in `environment` makes it leave the whole file out, one in a header "
            "the entry",
        ),
        "tolerance": Evidence("derived", "from opencode, which it is a fork of"),
        "entry": Evidence("live", "kilo 7.7.7: debug config; a cwd is dropped"),
        "remote": Evidence("live", "kilo 7.7.7: mcp list connects, a header with a reference is sent"),
        "syntax": Evidence("live", "kilo 7.7.7: in the user's files alone; not set: empty"),
        "limits": Evidence("derived", "from opencode, which it is a fork of"),
        "waits": Evidence("derived", "from opencode, which it is a fork of"),
        "off": Evidence("live", "kilo 7.7.7"),
        "name_rules": Evidence("derived", "from opencode, which it is a fork of"),
        "passed_on": Evidence("live", "kilo 7.7.7: its whole environment, and KILO_*"),
        "patience": Evidence("derived", "from opencode, which it is a fork of"),
        "protocol": Evidence("derived", "from opencode, which it is a fork of"),
        "reload": Evidence("derived", "from opencode, which it is a fork of"),
        "precedence": Evidence("live", "kilo 7.7.7: debug config"),
    },
)
