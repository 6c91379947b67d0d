"""The server whose requests are the reference for ours, from PyPI, in a virtual environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.caching import locked

ROOT = Path(__file__).parents[2]
WANTED = ("arythmatic-connect-mcp==0.2.0", "mcp<2")  # it imports mcp.server.fastmcp, which mcp 2 has no more
SKIP = "CONNECT_MCP_TEST_SKIP_ARYTHMATIC"
CACHE = "CONNECT_MCP_TEST_ARYTHMATIC_CACHE"


def install() -> Path:
    """The program, installed where the cache does not have it yet for this Python."""
    if os.environ.get(SKIP):
        pytest.skip(f"{SKIP} is set")
    venv = Path(os.environ.get(CACHE) or ROOT / ".cache" / "arythmatic-venv")
    venv.parent.mkdir(parents=True, exist_ok=True)
    scripts = venv / ("Scripts" if sys.platform == "win32" else "bin")
    stamp, made = venv / "installed.txt", "\n".join((sys.version, *WANTED))
    with locked(venv.with_name(venv.name + ".lock")):
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != made:
            _run([sys.executable, "-m", "venv", "--clear", str(venv)])
            pip = [str(scripts / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
            _run([*pip, "install", "--prefer-binary", *WANTED])
            stamp.write_text(made, encoding="utf-8")
    return scripts / "arythmatic-connect-mcp"


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        pytest.fail(
            f"pip could not install {' '.join(WANTED)}, and the test that needs it must not pass unseen; "
            f"set {SKIP}=1 to leave it out.\n{done.stderr[-2000:]}"
        )
