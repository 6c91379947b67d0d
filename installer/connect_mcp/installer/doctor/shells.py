"""Folders in which package installers leave programs, and the line that puts one on the PATH of each shell."""

import shlex

from connect_mcp.base.machine import Machine

_POSIX = ("~/.local/bin", "~/bin", "~/.cargo/bin", "~/.bun/bin", "~/.deno/bin", "~/.volta/bin", "/usr/local/bin")
_FOLDERS = {
    "linux": _POSIX,
    "macos": (
        *_POSIX,
        "/opt/homebrew/bin",
        "~/Library/Python/*/bin",
        "/Library/Frameworks/Python.framework/Versions/*/bin",
    ),
    "windows": (
        "~/.local/bin",
        "%APPDATA%/Python/*/Scripts",
        "%LOCALAPPDATA%/Programs/Python/*/Scripts",
        "%LOCALAPPDATA%/Packages/PythonSoftwareFoundation.Python.*/LocalCache/local-packages/*/Scripts",
        "%APPDATA%/npm",
    ),
}
"""Where pip (`--user`, macOS's framework builds, Windows' launcher), pipx, uv, cargo and npm put programs."""


def script_folders(machine: Machine) -> list[str]:
    """Those of them that are on this machine."""
    found: list[str] = []
    for template in _FOLDERS[machine.platform]:
        if "*" in template:
            found += machine.glob(template)
        elif machine.is_dir(machine.path(template)):
            found.append(machine.path(template))
    return found


def path_lines(machine: Machine, folder: str) -> str:
    """The line that puts a folder on PATH for the shell in use; for every usual shell where that is not known."""
    quoted = shlex.quote(folder)

    def posix(file: str) -> str:
        return f"echo 'export PATH={folder}:$PATH' >> ~/{file}" if quoted == folder else f'export PATH="{folder}:$PATH"'

    lines = {
        "bash": posix(".bashrc"),
        "zsh": posix(".zshrc"),
        "fish": f"fish_add_path {quoted}",
        "powershell": f"[Environment]::SetEnvironmentVariable('Path', "
        f"\"{folder};\" + [Environment]::GetEnvironmentVariable('Path', 'User'), 'User')",
    }
    if machine.platform == "windows":
        return f"in PowerShell, {lines['powershell']}"
    shell = (machine.variable("SHELL") or "").rpartition("/")[2]
    if shell in lines:
        return f"in {shell}, {lines[shell]}"
    return "; ".join(f"in {name}, {line}" for name, line in lines.items() if name != "powershell")
