"""The checks of doctor: each looks at one host's file and says what would keep the host from its servers."""

import shlex
from collections.abc import Iterator

from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import masked, secret_values
from connect_mcp.base.text import printable

from ..bundled import is_bundled
from ..configured import ConfiguredFile
from ..spec import ServerSpec
from .model import Check, Finding


def file_is_readable(machine: Machine, file: ConfiguredFile) -> Iterator[Finding]:
    """The file parses, and its section is what the host wants."""
    if file.refusal is not None:
        yield Finding(
            "config-unreadable",
            "error",
            f"{file.host.title} cannot use this file: {printable(file.refusal.what)}",
            printable(str(file.refusal.place or file.location.path)),
            printable(file.refusal.why),
            printable(file.refusal.mend) or "mend the file at that place",
        )


def command_is_found(machine: Machine, file: ConfiguredFile) -> Iterator[Finding]:
    """Each entry's command is there, looked up with the PATH that this host passes on."""
    for name, entry in file.entries.items():
        spec = file.host.read(entry)
        if spec is None or file.host.is_off(entry):
            continue
        path = file.host.server_env(machine, spec.env).get("PATH")
        if machine.which(spec.command, path) is None:
            yield _not_found(machine, file, name, spec, path)


def _not_found(machine: Machine, file: ConfiguredFile, name: str, spec: ServerSpec, path: str | None) -> Finding:
    title, command = file.host.title, printable(spec.command)
    here = machine.which(spec.command)
    is_path = "/" in spec.command or "\\" in spec.command
    if is_path:
        what = f"{title} cannot start `{printable(name)}`: there is no program at {command}"
        why = "the entry names the program by its path, and nothing there can be run"
    elif here:
        what = f"{title} cannot start `{printable(name)}`: {command} is not on the PATH that it passes on"
        why = f"it passes on PATH={printable(path or '')}, and {command} is at {printable(here)}"
    else:
        what = f"{title} cannot start `{printable(name)}`: {command} is not installed, or in no folder of PATH"
        why = f"it passes on PATH={printable(path or '')}"
    where = f"{printable(file.location.path)}, entry `{printable(name)}`"
    return Finding("command-not-found", "error", what, where, why, _mend(file, name, spec, here))


def _mend(file: ConfiguredFile, name: str, spec: ServerSpec, here: str | None) -> str:
    if not name.isprintable():  # a command with such a name cannot be shown and copied
        return f"rename the entry `{printable(name)}` in the file, or take it out there"
    base = ["connect-mcp", "configure", file.host.id, "--name", name, "--scope", file.scope]
    if is_bundled(spec):
        return shlex.join([*base, *(["--embedded"] if "--embedded" in spec.args else [])])
    if here is None:
        remove = shlex.join(["connect-mcp", "remove", *base[2:]])
        return f"install {printable(spec.command)}, or take the entry out: {remove}"
    command = shlex.join([*base, "--", here, *spec.args])
    shown = printable(masked(command, secret_values({"args": list(spec.args)})))
    return shown if shown == command else f"write {printable(here)} as the command of the entry `{printable(name)}`"


CHECKS: tuple[Check, ...] = (file_is_readable, command_is_found)
