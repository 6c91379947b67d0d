"""Windows' functions for job objects, as far as they can be had on another system: a recorder."""

import ctypes
from typing import Any

from connect_mcp.base.jobs import ExtendedLimits


class Kernel32:
    """Windows' functions for job objects: writes down what it is asked, and fails at one of them if so told."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.asked: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def function(*args: Any) -> int:
            if name == "SetInformationJobObject":
                limits = ctypes.cast(args[2], ctypes.POINTER(ExtendedLimits)).contents
                args = (*args[:2], limits.BasicLimitInformation.LimitFlags, args[3])
            self.asked.append((name, *args))
            return 0 if name == self.failing else {"CreateJobObjectW": 11, "OpenProcess": 22}.get(name, 1)

        return function
