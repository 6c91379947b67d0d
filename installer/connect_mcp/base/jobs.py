"""Processes that end with us on Windows, however we do: they hang on a job object, which the system closes for us."""

import ctypes
from typing import Any

_EXTENDED_LIMITS = 9  # JobObjectExtendedLimitInformation
_KILL_ON_JOB_CLOSE, _BREAKAWAY_OK, _SILENT_BREAKAWAY_OK = 0x2000, 0x0800, 0x1000
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


def end_with_us(pid: int, kernel32: Any, *, with_all: bool = False) -> int | None:
    """Let a process end as soon as we do, however we do.

    Args:
        pid: the process.
        kernel32: Windows' own functions, from `kernel32`.
        with_all: whether what it starts from now on ends with it, unless that was started apart on purpose; otherwise
            that may live on.

    Returns:
        The job object, which is to stay open: closing it ends what is in it. None where the system does not give one.
    """
    job = kernel32.CreateJobObjectW(None, None)
    limits = ExtendedLimits()
    limits.BasicLimitInformation.LimitFlags = _KILL_ON_JOB_CLOSE | (_BREAKAWAY_OK if with_all else _SILENT_BREAKAWAY_OK)
    size = ctypes.sizeof(limits)
    process = kernel32.OpenProcess(_SET_QUOTA | _TERMINATE, False, pid)
    held = (
        job
        and process
        and kernel32.SetInformationJobObject(job, _EXTENDED_LIMITS, ctypes.byref(limits), size)
        and kernel32.AssignProcessToJobObject(job, process)
    )
    for handle in (process, None if held else job):
        if handle:
            kernel32.CloseHandle(handle)
    return job if held else None


def kernel32() -> Any:
    """Windows' own functions, with the types of what they give."""
    library = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    for function in (library.CreateJobObjectW, library.OpenProcess):
        function.restype = ctypes.c_void_p
    library.SetInformationJobObject.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32)
    library.AssignProcessToJobObject.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    library.CloseHandle.argtypes = (ctypes.c_void_p,)
    return library
