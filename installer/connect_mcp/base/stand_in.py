"""Running a program in our own place where the system cannot replace a process by another: on Windows.

Streams are inherited, so that not a byte passes through us. Ctrl-C and Ctrl-Break reach every program of a console by
themselves, so we only outlive them. Whoever ends us by force ends the program as well: both hang on one job object.
"""

import ctypes
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import Refused
from .text import printable

_EXTENDED_LIMITS = 9  # JobObjectExtendedLimitInformation
_KILL_ON_JOB_CLOSE, _SILENT_BREAKAWAY_OK = 0x2000, 0x1000
_SET_QUOTA, _TERMINATE = 0x0100, 0x0001
"""Names and numbers: winnt.h, as learn.microsoft.com documents them under "Job Objects"."""


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    )


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


def stand_in(command: Sequence[str], env: Mapping[str, str], kernel32: Any = None) -> int:
    """Run a program with our streams and give its exit code.

    Args:
        command: the program, looked up on the PATH of `env` with the endings that Windows knows, and its arguments.
        env: its whole environment.
        kernel32: Windows' own functions for job objects; None where there are none.

    Raises:
        Refused: where it cannot be started.
    """
    name = printable(command[0])
    program = shutil.which(command[0], path=env.get("PATH"))
    if program is None:
        raise Refused(f"`{name}` was not found", why="no folder on the PATH that this was started with holds it")
    for each in ("SIGINT", "SIGBREAK"):
        if number := getattr(signal, each, None):
            signal.signal(number, lambda *_: None)  # a function: what is ignored would be ignored by the child as well
    children: list[subprocess.Popen[bytes]] = []
    ended: list[int] = []

    def end(number: int, frame: object) -> None:
        ended.append(number)
        for child in children:
            child.terminate()

    signal.signal(signal.SIGTERM, end)
    try:
        child = subprocess.Popen([program, *command[1:]], env=dict(env))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the command cannot be passed to the system"
        raise Refused(f"`{name}` was not started", why=printable(str(reason))) from None
    children.append(child)
    if ended:  # before there was anything to end
        child.terminate()
    job = end_with_us(child.pid, kernel32) if kernel32 is not None else None
    code = child.wait()
    del job
    return code - (1 << 32) if code >= 1 << 31 else code  # Windows' codes have 32 bits and no sign; Python's have one


def end_with_us(pid: int, kernel32: Any) -> int | None:
    """Let a process end as soon as we do, however we do; what it starts in turn may live on.

    Returns:
        The job object, which is to stay open; None where the system does not give one.
    """
    job = kernel32.CreateJobObjectW(None, None)
    limits = ExtendedLimits()
    limits.BasicLimitInformation.LimitFlags = _KILL_ON_JOB_CLOSE | _SILENT_BREAKAWAY_OK
    process = kernel32.OpenProcess(_SET_QUOTA | _TERMINATE, False, pid)
    try:
        if not (job and process):
            return None
        size = ctypes.sizeof(limits)
        if not kernel32.SetInformationJobObject(job, _EXTENDED_LIMITS, ctypes.byref(limits), size):
            return None
        return job if kernel32.AssignProcessToJobObject(job, process) else None
    finally:
        if process:
            kernel32.CloseHandle(process)


def kernel32() -> Any:
    """Windows' own functions, with the types of what they give."""
    library = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    for function in (library.CreateJobObjectW, library.OpenProcess):
        function.restype = ctypes.c_void_p
    library.SetInformationJobObject.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32)
    library.AssignProcessToJobObject.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    library.CloseHandle.argtypes = (ctypes.c_void_p,)
    return library
