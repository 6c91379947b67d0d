"""Small real programs written by the tests, and whether a process is gone."""

import sys
import textwrap
import time
from pathlib import Path

import psutil

GONE_WITHIN = 20.0
"""Seconds: only a failing test waits so long."""


def program(folder: Path, code: str, name: str = "program.py") -> list[str]:
    """Write a Python program and give the command that runs it."""
    path = folder / name
    path.write_text(textwrap.dedent(code), encoding="utf-8")
    return [sys.executable, "-S", "-u", str(path)]


def is_gone(pid: int) -> bool:
    """Whether a process ends soon; one that ended and that nobody has waited for yet counts as gone."""
    deadline = time.monotonic() + GONE_WITHIN
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False
