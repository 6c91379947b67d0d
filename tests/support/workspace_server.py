"""`connect-mcp workspace serve` as the process that it is."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from connect_mcp.server.workspace.app import EMBEDDED_KEY

PATIENCE = 30.0
"""Seconds: only a failing test waits so long."""

COMMAND = (sys.executable, "-m", "connect_mcp", "workspace")
_ROOTS = [str(Path(__file__).parents[2] / root) for root in ("installer", "server", "conformance")]


@dataclass(frozen=True)
class Served:
    """A workspace while it is served; `said` is its first line, read."""

    process: "subprocess.Popen[str]"
    said: dict[str, Any]

    @property
    def url(self) -> str:
        """The base URL, /api/v1 included."""
        url: str = self.said["base_url"]
        return url

    @property
    def rules_url(self) -> str:
        """Where failures are ordered."""
        return self.url.removesuffix("/api/v1") + "/workspace/failures"

    def ask(self, method: str, path: str, key: str = EMBEDDED_KEY, **rest: Any) -> httpx2.Response:
        """One request to a path below the base URL, on a connection of its own."""
        headers = {"Authorization": f"Bearer {key}", **rest.pop("headers", {})}
        return httpx2.request(method, self.url + path, headers=headers, timeout=PATIENCE, trust_env=False, **rest)

    def fail(self, fail: str, **rule: Any) -> None:
        """Order that the next request fails."""
        headers = {"Authorization": f"Bearer {EMBEDDED_KEY}"}
        answer = httpx2.post(self.rules_url, json={"fail": fail, **rule}, headers=headers, trust_env=False)
        assert answer.status_code == 201, answer.text

    def stop_failing(self) -> None:
        """Drop the orders that wait."""
        headers = {"Authorization": f"Bearer {EMBEDDED_KEY}"}
        assert httpx2.delete(self.rules_url, headers=headers, trust_env=False).status_code == 204


def environment() -> dict[str, str]:
    """The test's own, with our packages on the path."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(_ROOTS)}


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[Served]:
    """Serve the workspace kept in a folder; it is killed at the end if it still runs."""
    command = [*COMMAND, "serve", "--json", "--data-dir", str(folder), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            assert process.stdout is not None
            yield Served(process, json.loads(process.stdout.readline()))
        finally:
            process.kill()
