"""Servers of others, from npm and PyPI, at pinned versions in a cache folder; and the smallest ones on known SDKs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.arythmatic import WANTED as ARYTHMATIC
from support.caching import locked
from support.npm import installed

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "third-party"
SUBJECTS = ROOT / "tests" / "conformance" / "subjects" / "sdk"
SKIP = "CONNECT_MCP_TEST_SKIP_THIRD_PARTY"
KNOWN = ROOT / "tests" / "conformance" / "third_party"
"""What each is known to break: a baseline, whose lines were looked at on the wire."""

NPM = {
    "@modelcontextprotocol/server-everything": "2026.8.31",
    "@modelcontextprotocol/server-filesystem": "2026.8.31",
    "@modelcontextprotocol/server-memory": "2026.8.31",
    "@modelcontextprotocol/sdk": "1.32.2",
}
VENVS: Mapping[str, Sequence[str]] = {
    "mcp2": (
        "mcp==2.3.0",
        "mcp-server-time==2026.10.19",
        "mcp-server-git==2026.10.19",
        "mcp-server-fetch==2026.10.24",
    ),
    "fastmcp": ("fastmcp==4.1.2",),
    "arcade": ("arcade-mcp-server==1.32.1",),
    "mcp1": (ARYTHMATIC[0], "mcp==1.30.0"),
}


@dataclass(frozen=True)
class ThirdParty:
    """A server of others.

    Attributes:
        name: as it is called on its registry.
        version: the one that is checked.
        sdk: what it is built on, for the table.
        argv: from a folder of its own to its command.
        env: variables that it needs.
        shows: the SDK baseline that its behaviour shows; empty for none.
    """

    name: str
    version: str
    sdk: str
    argv: Callable[[Path], list[str]]
    env: Mapping[str, str] = field(default_factory=dict)
    shows: str = ""

    @property
    def id(self) -> str:
        """What its files are called."""
        return self.name.rpartition("/")[2]

    def known(self) -> Path:
        """What it is known to break."""
        return KNOWN / f"{self.id}.txt"


def python(venv: str) -> str:
    """The Python of a virtual environment, which is made where it is not there or for something else."""
    if os.environ.get(SKIP):
        pytest.skip(f"{SKIP} is set")
    folder = CACHE / venv
    found = str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    stamp, made = folder / "installed.txt", "\n".join((sys.version, *VENVS[venv]))
    CACHE.mkdir(parents=True, exist_ok=True)
    with locked(CACHE / f"{venv}.lock"):
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != made:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            pip = [found, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--prefer-binary"]
            subprocess.run([*pip, *VENVS[venv]], check=True, timeout=900)
            stamp.write_text(made, encoding="utf-8")
    return found


def node(package: str, *rest: str) -> list[str]:
    """The command of a program from npm."""
    folder = CACHE / "npm"
    home = installed(folder, [f"{name}@{version}" for name, version in NPM.items()], SKIP)
    return [str(home / "node"), str(folder / "node_modules" / package), *rest]


def _script(venv: str, name: str) -> Callable[[Path], list[str]]:
    return lambda _: [python(venv), str(SUBJECTS / name)]


def _typescript(_: Path) -> list[str]:
    command = node("", "")[:1]
    there = CACHE / "npm" / "typescript1.mjs"  # a module finds its packages from where it lies
    shutil.copyfile(SUBJECTS / "typescript1.mjs", there)
    return [*command, str(there)]


def _everything(_: Path) -> list[str]:
    return node("@modelcontextprotocol/server-everything/dist/index.js", "stdio")


def _filesystem(folder: Path) -> list[str]:
    (folder / "a.txt").write_text("a\n", encoding="utf-8")
    return node("@modelcontextprotocol/server-filesystem/dist/index.js", str(folder))


def _memory(_: Path) -> list[str]:
    return node("@modelcontextprotocol/server-memory/dist/index.js")


def _module(module: str) -> Callable[[Path], list[str]]:
    return lambda _: [python("mcp2"), "-m", module]


def _git(folder: Path) -> list[str]:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), *who, "commit", "--quiet", "--allow-empty", "-m", "one"], check=True)
    return [python("mcp2"), "-m", "mcp_server_git", "--repository", str(folder)]


def _arythmatic(_: Path) -> list[str]:
    return [str(Path(python("mcp1")).with_name("arythmatic-connect-mcp"))]


_NPM, _OFFICIAL = NPM["@modelcontextprotocol/server-everything"], "TypeScript SDK 1.32"
_QUIET = {"FASTMCP_CHECK_FOR_UPDATES": "off"}
_UNSEEN = {"ARCADE_USAGE_TRACKING": "0"}
_NOWHERE = {"ARYTHMATIC_API_BASE_URL": "http://127.0.0.1:9", "ARYTHMATIC_API_KEY": "not-a-key"}

SERVERS = (
    ThirdParty("@modelcontextprotocol/server-everything", _NPM, _OFFICIAL, _everything, shows="typescript-1"),
    ThirdParty("@modelcontextprotocol/server-filesystem", _NPM, _OFFICIAL, _filesystem, shows="typescript-1"),
    ThirdParty("@modelcontextprotocol/server-memory", _NPM, _OFFICIAL, _memory, shows="typescript-1"),
    ThirdParty("mcp-server-time", "2026.10.19", "mcp 2.3 (Python)", _module("mcp_server_time"), shows="mcp-2"),
    ThirdParty("mcp-server-git", "2026.10.19", "mcp 2.3 (Python)", _git, shows="mcp-2"),
    ThirdParty("mcp-server-fetch", "2026.10.24", "mcp 2.3 (Python)", _module("mcp_server_fetch"), shows="mcp-2"),
    ThirdParty("fastmcp", "4.1.2", "fastmcp 4.1 on mcp 2.3", _script("fastmcp", "fastmcp4.py"), _QUIET, "fastmcp-4"),
    ThirdParty("arcade-mcp-server", "1.32.1", "its own", _script("arcade", "arcade.py"), _UNSEEN),
    ThirdParty("arythmatic-connect-mcp", "0.2.0", "mcp 1.30 (Python)", _arythmatic, _NOWHERE, "mcp-1"),
)
SMALLEST = {
    "mcp-1": ThirdParty("mcp-1", "1.30.0", "mcp 1.30 (Python)", _script("mcp1", "mcp1.py")),
    "mcp-2": ThirdParty("mcp-2", "2.3.0", "mcp 2.3 (Python)", _script("mcp2", "mcp2.py")),
    "typescript-1": ThirdParty("typescript-1", "1.32.2", "TypeScript SDK 1.32", _typescript),
    "fastmcp-4": ThirdParty("fastmcp-4", "4.1.2", "fastmcp 4.1 on mcp 2.3", _script("fastmcp", "fastmcp4.py"), _QUIET),
}
"""The least that a server on an SDK can be, from which the baselines that ship are made."""
