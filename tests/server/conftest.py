"""The bundled server as a process, with a real HTTP API behind it that answers as a test says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.stdio_client import Client, server
from support.upstream import KEY, Upstream, upstream


@pytest.fixture
def api() -> Iterator[Upstream]:
    """An API on a loopback port."""
    with upstream() as running:
        yield running


@pytest.fixture
def client(tmp_path: Path, api: Upstream) -> Iterator[Client]:
    """The server's client, the server being set up for that API."""
    with server(tmp_path, env={"ARYTHMATIC_API_BASE_URL": api.url, "ARYTHMATIC_API_KEY": KEY}) as running:
        yield running
