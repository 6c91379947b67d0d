"""A client that sends far more than it reads, against the server as a real process."""

import os
import selectors
import threading
from pathlib import Path

import psutil

from connect_mcp.server.core import MOST_CALLS
from support.stdio_client import Client, line, server
from support.upstream import Answer, upstream

KEY = "arc_test_planted_0123456789"

STALLED = 1.0
"""Seconds without the server reading anything, after which a client takes it that the server has stopped reading."""

MOST_RESIDENT = 320 * 1024 * 1024
"""Bytes: 64 MiB of unsent answers are kept, copied once while they are written; the rest is room for every Python."""


def test_a_client_that_reads_nothing_is_read_no_more_and_loses_nothing(tmp_path: Path) -> None:
    """Each answer is about 60 KiB, so that all of them would take more than a gigabyte."""
    with server(tmp_path) as client:
        client.initialize()
        one = line({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}})
        written = flood(client, one * 20_000)
        assert written < len(one) * 20_000
        assert psutil.Process(client.process.pid).memory_info().rss < MOST_RESIDENT
        for _ in range(written // len(one)):
            assert client.read_line().startswith(b'{"jsonrpc":"2.0","id":1,"result":{"tools":[')
        client.write(one[written % len(one) :] if written % len(one) else one)
        assert client.read()["id"] == 1
        assert client.close() == []


def test_calls_beyond_what_is_kept_waiting_are_refused_at_once_and_may_be_made_again(tmp_path: Path) -> None:
    never = threading.Event()
    with upstream() as api:
        api.answer = lambda _: Answer(wait_for=never)
        with server(tmp_path, env={"ARYTHMATIC_API_BASE_URL": api.url, "ARYTHMATIC_API_KEY": KEY}) as client:
            client.initialize()
            idents = [client.send("tools/call", {"name": "get_current_user"}) for _ in range(MOST_CALLS + 3)]
            refused = [client.read() for _ in range(3)]
            assert [answer["id"] for answer in refused] == idents[-3:]
            assert {answer["result"]["structuredContent"]["code"] for answer in refused} == {"RATE_LIMITED"}
            assert client.ask("ping")["result"] == {}
            assert sorted(answer["id"] for answer in client.close()) == idents[:-3]
        never.set()


def flood(client: Client, data: bytes) -> int:
    """Write until the server reads no more, or all is written; how much was."""
    assert client.process.stdin is not None
    sink, written = client.process.stdin.fileno(), 0
    os.set_blocking(sink, False)
    with selectors.DefaultSelector() as selector:
        selector.register(sink, selectors.EVENT_WRITE)
        while written < len(data) and selector.select(STALLED):
            written += os.write(sink, data[written : written + 4096])
    os.set_blocking(sink, True)
    return written
