"""What an entry must say so that a host can start somebody's server: where the program is, and what the host drops.

A host that people start from a dock or a menu has another PATH than the terminal that `configure` runs in, many hosts
pass few variables on, and Windows starts `.cmd` files through `cmd` alone. For WSL see `wsl`.
"""

from collections.abc import Sequence

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import masked
from connect_mcp.base.record import replace
from connect_mcp.base.text import printable

from .hosts.model import DOCK_PATH, Host
from .installation import CommandForm
from .spec import ServerSpec, Template
from .wsl import is_windows_program

NETWORK = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
)
"""Variables without which a program behind a company's proxy reaches nothing."""
OURS = NETWORK[:-3]
"""Those that the bundled server reads."""

_SHIMS = (".cmd", ".bat")
_CMD_SIGNS = frozenset('&|<>^%!"\r\n')
"""What `cmd /c` would not pass on as it is."""
_PER_SESSION = "fnm_multishells"
"""A folder of links that a Node version manager makes for one shell and takes away with it (Schniz/fnm)."""


def located(
    machine: Machine, host: Host, spec: ServerSpec, *, how: CommandForm, portable: bool
) -> tuple[ServerSpec, tuple[str, ...]]:
    """Somebody else's server as this host can start it, and what was done to it, as sentences.

    In a file that only this user has, the program is named by its path, since the host may have another PATH.

    Args:
        machine: where the host runs.
        host: the host.
        spec: a server that is started, as it was given.
        how: "auto", "absolute" or "name"; the other forms are for our own program.
        portable: whether the entry is shared with people whose paths differ; then it stays as it was given.

    Raises:
        Misuse: for a form that is ours alone.
        Refused: where the program must be found and is not, or Windows would not start it with these arguments.
    """
    if how not in ("auto", "absolute", "name"):
        raise Misuse(f"--command {how} is for the bundled server", mend="name the runner after --, as the command")
    if isinstance(spec.command, Template) or how == "name" or (portable and how == "auto"):
        return spec, ()
    program = machine.which(spec.command)
    if program is None:
        if how == "absolute":
            raise Refused(f"{printable(spec.command)} is not found, so its path is not known")
        return spec, ()
    program = _lasting(machine, program)
    if machine.platform == "windows" and program.lower().endswith(_SHIMS):
        return _shim(host, spec)
    said = []
    if is_windows_program(machine, program):
        said.append(f"{printable(program)} is a Windows program; install {printable(spec.command)} in WSL as well")
    env = dict(spec.env)
    from_dock = host.passed_on.from_dock and machine.platform == "macos" and "PATH" not in env
    if from_dock and (path := _dock_path(machine, program)):
        env["PATH"] = path
        said.append(f"{host.title} has a short PATH when it is started from the Dock, so the entry sets one")
    return replace(spec, command=program, env=env), tuple(said)


def network(machine: Machine, host: Host, spec: ServerSpec, names: Sequence[str] = NETWORK) -> dict[str, str]:
    """The proxy and certificate settings of this shell that the host would not pass on to the server."""
    here = {name: value for name in names if (value := machine.env.get(name))}
    if not here:
        return {}
    passed = host.server_env(machine, spec.env)
    from_dock = host.passed_on.from_dock and machine.platform == "macos"  # its environment is not this shell's
    kept = spec.env if from_dock else passed
    upper = {name.upper() for name in kept} if machine.platform == "windows" else set(kept)
    return {name: value for name, value in here.items() if name not in upper}


def taken_for_references(host: Host, spec: ServerSpec) -> tuple[str, ...]:
    """What is written as it is, and which the host would replace by something else, as sentences."""
    found: list[str] = []

    def look(field: str, text: str) -> str:
        if host.syntax and not isinstance(text, Template):
            understood = host.syntax.understood(field, text)
            if isinstance(understood, Template):
                found.append(_about(host, spec, field, text))
        return text

    spec.mapped(look)
    return tuple(dict.fromkeys(found))


def _about(host: Host, spec: ServerSpec, field: str, text: str) -> str:
    held = {"env": spec.env, "headers": spec.headers}.get(field, {})
    name = next((key for key, value in held.items() if value is text), "")
    what = f"a part of {field} {printable(name)}" if name else f"a part of the {_FIELDS.get(field, field)}"
    shown = "" if held else f" `{printable(masked(text))}`"
    return f"{host.title} takes {what}{shown} for a reference, and would put something else there"


_FIELDS = {"args": "arguments", "url": "URL", "cwd": "folder"}


def _lasting(machine: Machine, program: str) -> str:
    """The same program by a path that outlives this shell."""
    if _PER_SESSION not in program:
        return program
    return machine.join(machine.files.real(machine.parent(program)), program[len(machine.parent(program)) + 1 :])


def _shim(host: Host, spec: ServerSpec) -> tuple[ServerSpec, tuple[str, ...]]:
    """A `.cmd` file by its name: `cmd` reads a quoted path with a space wrong, and PATH is the same for all on Windows.

    Raises:
        Refused: for arguments that `cmd` would read.
    """
    name = spec.command.replace("\\", "/").rpartition("/")[2].lower().removesuffix(".cmd").removesuffix(".bat")
    if "*" in host.shims or name in host.shims:
        return spec, ()
    telling = next((text for text in (spec.command, *spec.args) if _CMD_SIGNS & set(text)), None)
    if telling is not None:
        raise Refused(
            f"{host.title} starts {printable(spec.command)} through `cmd /c`, which would not pass on "
            f"{printable(masked(telling))} as it is",
            mend="name a program that is an .exe, such as node with the server's own file",
        )
    return replace(spec, command="cmd", args=("/c", spec.command, *spec.args)), ()


def _dock_path(machine: Machine, program: str) -> str | None:
    """A PATH on which a program outside of the short one finds its interpreter and what else lies beside it."""
    usual = DOCK_PATH.split(":")
    folders = [machine.parent(program)]
    first = (machine.files.read(program) or b"")[:200].partition(b"\n")[0].decode("utf-8", "replace").split()
    wanted_by = next((word for word in first[1:] if not word.startswith("-")), "")
    if first[:1] == ["#!/usr/bin/env"] and wanted_by and (interpreter := machine.which(wanted_by)):
        folders.append(machine.parent(_lasting(machine, interpreter)))
    wanted = [folder for folder in dict.fromkeys(folders) if folder not in usual]
    return ":".join([*wanted, *usual]) if wanted else None
