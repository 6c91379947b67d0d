"""Labs of Codex that run while a test looks at them, and the processes that know of a folder."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from connect_mcp.conformance.lab.install import CACHE


def begun(
    cache: Path, place: Path, *options: str, kept: Path | None = None, own_group: bool = False
) -> "subprocess.Popen[str]":
    """A lab of which Codex has started the server.

    Args:
        cache: where the hosts are installed.
        place: the folder for its scratch folder.
        options: more of `lab run codex`.
        kept: the folder that `--keep` names, where it does.
        own_group: whether it leads a process group of its own.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "connect_mcp", "lab", "run", "codex", *options],
        env={**os.environ, CACHE: str(cache), "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=own_group,
    )
    runs, pattern = (kept, "codex") if kept else (place, "connect-mcp-lab-*/codex")
    end = time.monotonic() + 60
    while not list(runs.glob(f"{pattern}/*/run/session*.jsonl")):
        assert time.monotonic() < end, "the server was not started"
        time.sleep(0.05)
    return process


def of(folder: Path) -> Sequence[str]:
    """The command lines of the processes that know of a folder."""
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(folder) in line]
