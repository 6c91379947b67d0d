"""Where settings, state and data live on this machine, and how a private folder is made."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .record import record
from .system import SYSTEM, System

if TYPE_CHECKING:
    from pathlib import Path  # takes a third of a bare start to load, and `config_folder` does without

APP = "connect-mcp"


@record
class Folders:
    """Our own folders; none of them need exist.

    Attributes:
        config: what the user settled: profiles, stored secrets.
        state: what we remember: the journal, locks, logs.
        data: what we keep for the user: the embedded workspace.
    """

    config: Path
    state: Path
    data: Path


def folders(
    config: str | os.PathLike[str] | None = None,
    state: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | None = None,
    usual: Folders | None = None,
) -> Folders:
    """Our folders: those that are named, and for the others the platform's usual ones.

    Where the platform has one folder for several purposes (macOS, Windows), each purpose gets its own below it.

    Args:
        config: instead of the usual settings folder.
        state: instead of the usual state folder.
        data: instead of the usual data folder.
        usual: what a platform gives an application; this machine's where it is None.
    """
    if usual is None:
        usual = _usual()
    if len({usual.config, usual.state, usual.data}) < 3:
        usual = Folders(usual.config / "config", usual.state / "state", usual.data / "data")
    return Folders(
        usual.config if config is None else _absolute(config),
        usual.state if state is None else _absolute(state),
        usual.data if data is None else _absolute(data),
    )


def config_folder(config: str | None = None) -> str:
    """The settings folder alone, as `folders` has it."""
    if config is None and _by_xdg():
        return _xdg("XDG_CONFIG_HOME", ".config")
    return str(folders(config=config).config)


def private_folder(path: str | os.PathLike[str], system: System = SYSTEM) -> Path:
    """Make a folder that only its owner may look into, with the folders above it; one that is there loses other rights.

    Folders above that exist stay as they are.

    Raises:
        OSError: where it cannot be made, or something else has that name.
    """
    from pathlib import Path

    folder = Path(path)
    for missing in reversed(missing_folders(folder)):
        try:
            system(os.mkdir, missing, 0o700)
        except FileExistsError:
            if not os.path.isdir(missing):
                raise
    if not system.windows and os.stat(folder).st_mode & 0o077:
        system(os.chmod, folder, 0o700)
    return folder


def missing_folders(path: str | os.PathLike[str]) -> list[str]:
    """The folders that making `path` would make, the innermost first."""
    folder, missing = os.path.abspath(path), []
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    return missing


def _usual() -> Folders:
    from pathlib import Path

    if _by_xdg():
        return Folders(
            Path(_xdg("XDG_CONFIG_HOME", ".config")),
            Path(_xdg("XDG_STATE_HOME", ".local/state")),
            Path(_xdg("XDG_DATA_HOME", ".local/share")),
        )
    from platformdirs import PlatformDirs

    found = PlatformDirs(APP, appauthor=False)
    return Folders(found.user_config_path, found.user_state_path, found.user_data_path)


def _by_xdg() -> bool:
    """Whether this is a plain Linux, where loading platformdirs would cost every command as much as starting Python."""
    return sys.platform == "linux" and "ANDROID_ROOT" not in os.environ and os.environ.get("HOME", "").startswith("/")


def _xdg(name: str, default: str) -> str:
    """What platformdirs answers on Linux."""
    value = os.environ.get(name, "")
    return os.path.join(value if value.startswith("/") else os.path.join(os.environ["HOME"], default), APP)


def _absolute(path: str | os.PathLike[str]) -> Path:
    from pathlib import Path

    return Path(os.path.abspath(os.path.expanduser(path)))
