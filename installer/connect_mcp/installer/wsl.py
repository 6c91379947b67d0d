"""The two sides of WSL: a Windows host that starts a server in a Linux distribution, and which side a host is on.

Derived from Microsoft's documentation of WSL, and tried on no Windows machine: drives are mounted under `/mnt`,
`wsl.exe -d NAME --exec` starts a program without a shell, and WSLENV names the variables that go through.
"""

import re

from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.machine import Files, Machine
from connect_mcp.base.record import replace

from .hosts.model import Host, Location
from .spec import ServerSpec

_DRIVE = re.compile(r"/mnt/([a-z])/")
_NOBODY = frozenset({"All Users", "Default", "Default User", "Public"})


def across_wsl(machine: Machine, location: Location, spec: ServerSpec, *, named: bool) -> tuple[ServerSpec, str]:
    """The server as the host on the other side of WSL starts it, and a sentence on it; "" where there is none.

    A file on a Windows drive that was named by hand (`--config`) is a Windows host's. A file that a host's row leads to
    is that of a host on this side, as is a project on a Windows drive that people open here.

    Args:
        machine: where this runs.
        location: the file.
        spec: a server that is started on this side.
        named: whether the file was named by hand.

    Raises:
        Refused: on Windows, for a file inside of WSL.
    """
    path = machine.files.real(location.path)
    if machine.platform == "windows" and re.match(r"\\\\wsl(\$|\.localhost)\\", path, re.IGNORECASE):
        raise Refused(
            "this file lies in WSL, so the host that reads it is a Linux program",
            place=Place(location.path),
            mend="run connect-mcp in that distribution",
        )
    distribution = _distribution(machine)
    if not named or not distribution or not _DRIVE.match(path):
        return spec, ""
    # --exec leaves the shell out, which would read the arguments anew; WSLENV lets the variables through.
    args = ("-d", distribution, "--exec", spec.command, *spec.args)
    env = dict(spec.env)
    if env:
        env["WSLENV"] = ":".join(f"{name}/u" for name in spec.env)
    said = "the file is on a Windows drive, so the entry starts the server in WSL, from Windows"
    return replace(spec, command="wsl.exe", args=args, env=env), said


def is_windows_program(machine: Machine, path: str) -> bool:
    """Whether a program that was found in WSL is one of Windows."""
    return _distribution(machine) is not None and bool(_DRIVE.match(machine.files.real(path)))


def on_windows_alone(machine: Machine, host: Host) -> str | None:
    """The user's file of a host that is installed on the Windows side of this WSL and not on this one.

    Returns:
        Its path as this side spells it; None where the host is here, or nowhere, or this is no WSL.
    """
    if _distribution(machine) is None:
        return None
    here = host.detect(machine)
    if here is not None and not is_windows_program(machine, here):
        return None
    for folder in machine.files.glob("/mnt/c/Users", "*"):
        name = folder.rpartition("/")[2]
        if name in _NOBODY or not machine.is_dir(f"{folder}/AppData"):
            continue
        there = Machine("windows", f"C:\\Users\\{name}", {}, f"C:\\Users\\{name}", _FromHere(machine.files))
        if host.detect(there) is not None:
            return _spelled_here(host.locate(there).path)
    return None


class _FromHere:
    """The files of the Windows side, under the names that Windows gives them."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def exists(self, path: str) -> bool:
        return self._files.exists(_spelled_here(path))

    def is_dir(self, path: str) -> bool:
        return self._files.is_dir(_spelled_here(path))

    def is_executable(self, path: str) -> bool:
        return self._files.is_executable(_spelled_here(path))

    def mode(self, path: str) -> int | None:
        return self._files.mode(_spelled_here(path))

    def glob(self, folder: str, pattern: str) -> list[str]:
        return [_spelled_there(path) for path in self._files.glob(_spelled_here(folder), pattern)]

    def real(self, path: str) -> str:
        return path

    def read(self, path: str, most: int = -1) -> bytes | None:
        return self._files.read(_spelled_here(path), most)


def _distribution(machine: Machine) -> str | None:
    return machine.variable("WSL_DISTRO_NAME") if machine.platform == "linux" else None


def _spelled_here(path: str) -> str:
    return f"/mnt/{path[0].lower()}{path[2:]}".replace("\\", "/")


def _spelled_there(path: str) -> str:
    return f"{path[5].upper()}:{path[6:]}".replace("/", "\\")
