"""A place of its own for one run of a host: its files, its network, and every process that it starts.

On Linux a run has a network namespace in which only loopback exists, where the system gives one to us; elsewhere the
proxy variables lead to a port where nothing listens, which most programs keep to. Processes that lose their parent
come to us there, so that none is missed; elsewhere those are found that were seen as descendants while the run went on.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connect_mcp.base.record import record

QUIET = {"TERM": "dumb", "NO_COLOR": "1", "CI": "1", "DO_NOT_TRACK": "1", "LANG": "C.UTF-8"}
"""What keeps every host from colours, questions and telemetry."""

_NOWHERE = "http://127.0.0.1:9"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_LOCAL = "127.0.0.1,localhost,::1"
_NEEDED = (
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
)
"""What no program on Windows starts without."""

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # sched.h
_LOOK = 0.5  # seconds between two looks at who our parent is
_NEW_GROUP = 0x200  # CREATE_NEW_PROCESS_GROUP of the Windows API
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


@record
class Scratch:
    """The folders of one run.

    Attributes:
        root: the folder that holds the others.
        home: the user's home.
        project: the working folder.
        run: what is kept of the run: recordings, the host's output and logs.
    """

    root: Path
    home: Path
    project: Path
    run: Path


def scratch(root: Path) -> Scratch:
    """The folders, made below `root`, which only its owner may enter."""
    made = Scratch(root, root / "home", root / "project", root / "run")
    root.mkdir(mode=0o700, parents=True, exist_ok=True)  # the host's file there holds the server's variables
    for folder in (made.home, made.project, made.run, root / "tmp"):
        folder.mkdir(parents=True)
    return made


def environment(place: Scratch, path: str, outer: Mapping[str, str], *, cut_off: bool) -> dict[str, str]:
    """The variables of a program that runs there; of ours it gets none but what the system needs.

    Args:
        place: the run's folders.
        path: its PATH.
        outer: our own environment.
        cut_off: whether its network is cut off, so that no proxy need lead nowhere.
    """
    tmp = str(place.root / "tmp")
    env = {name: outer[name] for name in _NEEDED if name in outer}
    env |= {**at_home(place.home), "PATH": path, "TMPDIR": tmp, "TEMP": tmp, "TMP": tmp, **QUIET}
    if not cut_off:
        env |= {**dict.fromkeys(_PROXIES, _NOWHERE), "NO_PROXY": _LOCAL, "no_proxy": _LOCAL}
    return env


def at_home(home: Path) -> dict[str, str]:
    """The variables that make a folder a program's home, on any system."""
    return {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "XDG_CONFIG_HOME": f"{home}/.config",
        "XDG_CACHE_HOME": f"{home}/.cache",
        "XDG_DATA_HOME": f"{home}/.local/share",
        "XDG_STATE_HOME": f"{home}/.local/state",
        "APPDATA": str(home / "AppData" / "Roaming"),
        "LOCALAPPDATA": str(home / "AppData" / "Local"),
    }


def apart(platform: str = sys.platform) -> dict[str, Any]:
    """What `Popen` is told so that a program has a group of its own, which `interrupt` reaches and we are not in."""
    return {"creationflags": _NEW_GROUP} if platform == "win32" else {"start_new_session": True}


def interrupt(group: int) -> None:
    """Ctrl-C for a program that was started `apart`, and for its group: a shim in front of a host may keep it."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            os.kill(group, signal.CTRL_BREAK_EVENT)  # Ctrl-C itself goes to no other group there
        else:
            os.killpg(group, signal.SIGINT)


def cut_off_network(platform: str = sys.platform) -> bool:
    """Leave the network but for loopback, for good: this thread, and whatever it starts from now on.

    Returns:
        Whether it was possible; nothing has changed where it was not.
    """
    if platform != "linux":
        return False
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    try:
        # Without the right to it, a user namespace of our own brings it; it needs a process with a single thread.
        made = libc.unshare(_NEW_NET) == 0 or libc.unshare(_NEW_USER | _NEW_NET) == 0
    except AttributeError:
        return False
    return made and _loopback_up()


def _loopback_up() -> bool:
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))
    return True


def end_with_parent() -> None:
    """Have this process told to end when the one that started it is gone, however that came about.

    It takes a thread. Linux has a call for it (PR_SET_PDEATHSIG), which is taken in some sandboxes and does nothing.
    On Windows a process keeps the number of a parent that is gone, and nothing is done.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os.kill(os.getpid(), signal.SIGTERM)

    if sys.platform != "win32":
        threading.Thread(target=watch, daemon=True).start()
