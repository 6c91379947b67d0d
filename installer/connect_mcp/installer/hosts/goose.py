"""Goose: extensions in its YAML settings, under keys made from their names, with secrets named and not written."""

import re

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import Section, Value
from connect_mcp.installer.spec import Reference, ServerSpec, Template

from .model import (
    ConfigFile,
    Detection,
    Entry,
    Evidence,
    Form,
    Host,
    PassedOn,
    Patience,
    Wait,
    started,
    strings,
    variables,
)
from .syntax import NO_REFERENCES, Unwritable

FORBIDDEN = frozenset(
    {
        "APPINIT_DLLS",
        "CLASSPATH",
        "COMSPEC",
        "DYLD_FRAMEWORK_PATH",
        "DYLD_INSERT_LIBRARIES",
        "DYLD_LIBRARY_PATH",
        "GEM_HOME",
        "GEM_PATH",
        "GO111MODULE",
        "GOROOT",
        "HOMEDRIVE",
        "HOMEPATH",
        "LD_ASSUME_KERNEL",
        "LD_AUDIT",
        "LD_BIND_NOW",
        "LD_DEBUG",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "LOCALAPPDATA",
        "NODE_OPTIONS",
        "PATH",
        "PATHEXT",
        "PYTHONHOME",
        "PYTHONPATH",
        "RUBYOPT",
        "SESSIONNAME",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "USERPROFILE",
        "WINDIR",
    }
)
"""Variables that an extension may not set, in upper case: Goose leaves them out."""

_NAMED = ("env", "secret")


def render(spec: ServerSpec) -> Entry:
    """`cmd`, `args` (also if there are none) and `envs`; a variable that Goose is to look up is named in `env_keys`.

    Raises:
        Refused: for a variable that Goose would leave out.
        Unwritable: for any other reference.
    """
    if forbidden := next((name for name in spec.env if name.upper() in FORBIDDEN), None):
        raise Refused(
            f"Goose does not let an extension set {forbidden}",
            why="it would start the server without it",
            mend="leave it out, or start the server by a script that sets it",
        )
    looked_up = [name for name, text in spec.env.items() if _is_named(text, name)]
    literal = {name: _plain_text("env", text) for name, text in spec.env.items() if name not in looked_up}
    entry: dict[str, Value] = {
        "type": "stdio",
        "cmd": _plain_text("command", spec.command),
        "args": [_plain_text("args", text) for text in spec.args],
    }
    return {**entry, **({"envs": literal} if literal else {}), **({"env_keys": looked_up} if looked_up else {})}


def read_local(entry: Entry) -> ServerSpec | None:
    """The server of a stdio extension; None for any other, and for one that Goose would leave out."""
    command, args, env = entry.get("cmd"), strings(entry.get("args")), _environment(entry)
    if entry.get("type") != "stdio" or not isinstance(command, str) or not command or args is None or env is None:
        return None
    return ServerSpec(command, args, env)


def render_remote(spec: ServerSpec) -> Entry:
    """`uri` and `headers`; what a header refers to is named in `env_keys` and stands in it as `${X}`.

    Raises:
        Unwritable: for a reference to anything but a variable or a secret.
    """
    looked_up: dict[str, None] = {}
    headers = {}
    for name, text in spec.headers.items():
        parts = text.parts if isinstance(text, Template) else (text,)
        for part in parts:
            if isinstance(part, Reference):
                if part.kind not in _NAMED or part.default is not None:
                    raise Unwritable(part, "headers")
                looked_up[part.name] = None
        headers[name] = "".join(part if isinstance(part, str) else "${" + part.name + "}" for part in parts)
    entry: dict[str, Value] = {"type": "streamable_http", "uri": _plain_text("url", spec.url)}
    named: dict[str, Value] = {"env_keys": list(looked_up)} if looked_up else {}
    return {**entry, **({"headers": headers} if headers else {}), **named}


def read_remote(entry: Entry) -> ServerSpec | None:
    """The server of a streamable_http extension; Goose keeps an sse one and does not use it."""
    address, headers, env = entry.get("uri"), variables(entry.get("headers")), _environment(entry)
    if entry.get("type") != "streamable_http" or not isinstance(address, str) or not address:
        return None
    if headers is None or env is None:
        return None
    return ServerSpec(
        url=address, transport="http", headers={name: _filled(text, env) for name, text in headers.items()}
    )


def _environment(entry: Entry) -> dict[str, str] | None:
    envs, keys = variables(entry.get("envs")), strings(entry.get("env_keys"))
    if envs is None or keys is None:
        return None
    return {**{key: Template(Reference("env", key)) for key in keys}, **envs}


def _filled(text: str, env: dict[str, str]) -> str:
    """A header's text with the extension's own variables put in."""
    parts: list[str | Reference] = []
    end = 0
    for match in re.finditer(r"\$\{\s*(\w+)\s*\}|\$(\w+)", text):
        value = env.get(match.group(1) or match.group(2))
        if value is not None:
            parts += [text[end : match.start()], *(value.parts if isinstance(value, Template) else (value,))]
            end = match.end()
    parts = [part for part in (*parts, text[end:]) if part != ""]
    return Template(*parts) if any(isinstance(part, Reference) for part in parts) else "".join(map(str, parts))


def _is_named(text: str, name: str) -> bool:
    """Whether a text is the value that Goose finds for this very name."""
    only = text.parts[0] if isinstance(text, Template) and len(text.parts) == 1 else None
    return isinstance(only, Reference) and only.kind in _NAMED and only.name == name and only.default is None


def _plain_text(field: str, text: str) -> str:
    return NO_REFERENCES.written(field, text)


def settings(machine: Machine, project: str) -> str:
    """`config.yaml` in Goose's settings folder."""
    if root := machine.variable("GOOSE_PATH_ROOT"):
        return machine.join(root, "config/config.yaml")
    if machine.platform == "windows":
        return machine.path("%APPDATA%/Block/goose/config/config.yaml")
    return machine.path("$XDG_CONFIG_HOME/goose/config.yaml")


def key_of(name: str) -> str:
    """The key that Goose makes of a name: in lower case, and without white space."""
    return "".join(name.split()).lower()


_FRESH = {"enabled": True, "timeout": 300}

HOST = Host(
    id="goose",
    title="Goose",
    detection=Detection(
        on={
            "linux": ("$XDG_CONFIG_HOME/goose/config.yaml",),
            "macos": ("$XDG_CONFIG_HOME/goose/config.yaml", "/Applications/Goose.app"),
            "windows": ("%APPDATA%/Block/goose",),
        },
    ),
    scopes={
        "user": ConfigFile(
            path=settings,
            section=Section(("extensions",)),
            format="yaml",
            relocators=("GOOSE_PATH_ROOT", "XDG_CONFIG_HOME"),
            doubts=frozenset({"bom"}),
        ),
    },
    stdio=started(render, read_local, cwd=False, keys=("cmd", "args"), fresh=_FRESH),
    remote=Form(
        render_remote,
        read_remote,
        keys=("uri", "headers"),
        types=("streamable_http",),
        fields=frozenset({"url", "headers"}),
        transports=frozenset({"http"}),
        fresh=_FRESH,
    ),
    syntax=None,
    off=(("enabled", False),),
    waits=(Wait("timeout", "call", 1),),
    passed_on=PassedOn(refuses=FORBIDDEN),
    patience=Patience(interactive=300, setting="timeout (seconds) in the entry"),
    reload="Start a new Goose session.",
    entry_key=key_of,
    name_in="name",
    evidence={
        "detection": Evidence("derived", "from the config path; its command's name is another program's as well"),
        "scopes.user": Evidence("source", "block/goose 01cad15f and the etcetera crate; macOS: ~/.config too"),
        "tolerance": Evidence("source", "block/goose 01cad15f: any YAML; it writes the file anew without comments"),
        "entry": Evidence("source", "block/goose 0780e228, extension.rs: enabled, name and args are required"),
        "remote": Evidence("source", "block/goose 0780e228, extension.rs: streamable_http; sse is kept and not used"),
        "syntax": Evidence("source", "block/goose 0780e228: env_keys; put into headers from the extension's variables"),
        "off": Evidence("source", "block/goose 0780e228, extension.rs"),
        "waits": Evidence("source", "block/goose 0780e228, extension.rs"),
        "passed_on": Evidence("derived", "from how it starts a process; the names that it refuses: extension.rs"),
        "patience": Evidence("source", "block/goose 0780e228: the extension's timeout"),
        "reload": Evidence("derived", "from when it reads its settings"),
        "entry_key": Evidence("source", "block/goose 0beee6a0, name_to_key"),
    },
)
