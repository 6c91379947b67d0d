"""How the bundled server is named in a host's entry: its command, and the folders that the host would not pass on."""

import os
import sys

from connect_mcp.base.machine import Machine

from .hosts.model import Host
from .spec import ServerSpec

SCRIPT = "connect-mcp"
KEY_VARIABLE = "ARYTHMATIC_API_KEY"

# Variables that move our own folders (platformdirs reads them on Linux) and that several hosts do not pass on.
_RELOCATING = {
    "XDG_CONFIG_HOME": "--config-dir",
    "XDG_STATE_HOME": "--state-dir",
    "XDG_DATA_HOME": "--data-dir",
}


def bundled_server(machine: Machine, host: Host, scope: str, env: dict[str, str], *, embedded: bool) -> ServerSpec:
    """The entry for `connect-mcp serve`.

    User scope gets an absolute path, since a host started from a dock or a menu has a minimal PATH; project scope gets
    the bare name, since the file is shared with people whose paths differ.
    """
    command, args = ("connect-mcp", []) if scope == "project" else absolute_command()
    args = [*args, "serve", *(["--embedded"] if embedded else [])]
    if scope != "project":
        args += _folders(machine, host, env)
    return ServerSpec(command=command, args=tuple(args), env=env)


def absolute_command() -> tuple[str, list[str]]:
    """The console script beside this interpreter, or the interpreter itself with `-m` where there is none."""
    folder = os.path.dirname(os.path.abspath(sys.executable))
    script = os.path.join(folder, SCRIPT + (".exe" if sys.platform == "win32" else ""))
    if os.path.isfile(script):
        return script, []
    return os.path.abspath(sys.executable), ["-m", "connect_mcp"]


def _folders(machine: Machine, host: Host, env: dict[str, str]) -> list[str]:
    """The options that keep our folders where they are under a host that drops what moves them."""
    moved = [name for name in _RELOCATING if machine.env.get(name)]
    passed = host.server_env(machine, env) if moved else {}
    options = []
    for name in moved:
        if name not in passed:
            options += [_RELOCATING[name], os.path.join(machine.env[name], SCRIPT)]
    return options


def is_bundled(spec: ServerSpec) -> bool:
    """Whether an entry starts the bundled server, wherever it was installed then."""
    program = spec.command.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")
    return (program == SCRIPT and spec.args[:1] == ("serve",)) or spec.args[:3] == ("-m", "connect_mcp", "serve")
