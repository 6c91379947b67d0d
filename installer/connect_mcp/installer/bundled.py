"""How the bundled server is named in a host's entry: its command, and the folders that the host would not pass on."""

from connect_mcp.base.machine import Machine

from .hosts.model import Host
from .installation import SCRIPT, CommandForm, Installation, our_command, this_installation
from .spec import ServerSpec

__all__ = ["KEY_VARIABLE", "SCRIPT", "bundled_server", "is_bundled"]

KEY_VARIABLE = "ARYTHMATIC_API_KEY"

# Variables that move our own folders (platformdirs reads them on Linux) and that several hosts do not pass on.
_RELOCATING = {
    "XDG_CONFIG_HOME": "--config-dir",
    "XDG_STATE_HOME": "--state-dir",
    "XDG_DATA_HOME": "--data-dir",
}


def bundled_server(
    machine: Machine,
    host: Host,
    scope: str,
    env: dict[str, str],
    *,
    embedded: bool,
    how: CommandForm = "auto",
    installation: Installation | None = None,
) -> ServerSpec:
    """The entry for `connect-mcp serve`.

    User scope gets an absolute path, since a host started from a dock or a menu has a minimal PATH; project scope gets
    the bare name, since the file is shared with people whose paths differ; see `our_command` for package runners.

    Raises:
        Refused: as `our_command`.
    """
    portable = scope == "project"
    command, args = our_command(machine, installation or this_installation(), how, portable=portable)
    args = (*args, "serve", *(["--embedded"] if embedded else []))
    if not portable:
        args += tuple(_folders(machine, host, env))
    return ServerSpec(command=command, args=args, env=env)


def _folders(machine: Machine, host: Host, env: dict[str, str]) -> list[str]:
    """The options that keep our folders where they are under a host that drops what moves them."""
    moved = [name for name in _RELOCATING if machine.env.get(name)]
    passed = host.server_env(machine, env) if moved else {}
    options = []
    for name in moved:
        if name not in passed:
            options += [_RELOCATING[name], machine.join(machine.env[name], SCRIPT)]
    return options


def is_bundled(spec: ServerSpec) -> bool:
    """Whether an entry starts the bundled server, wherever it was installed then, and through whatever runner."""
    argv = (spec.command, *spec.args)
    if "serve" not in argv:
        return False
    before = argv[: argv.index("serve")]
    program = before[-1].replace("\\", "/").rpartition("/")[2].removesuffix(".exe") if before else ""
    return program == SCRIPT or before[-2:] == ("-m", "connect_mcp")
