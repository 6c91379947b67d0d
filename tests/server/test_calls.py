import threading
from collections.abc import Callable
from typing import Any

import pytest

from connect_mcp.server.calls import AT_ONCE, Calls
from connect_mcp.server.exchange import Asked, Call
from connect_mcp.server.results import success
from connect_mcp.server.revisions import REVISIONS

PATIENCE = 30.0


class Tools:
    """Tools that wait, and count how many of them run at once."""

    def __init__(self) -> None:
        self.running = self.most = 0
        self.closed = False

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        import asyncio

        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(arguments["seconds"])
            if name == "fail":
                raise ValueError("a text that may quote anything")
            return success({"name": name})
        finally:
            self.running -= 1

    async def close(self) -> None:
        self.closed = True


def run(calls: Calls, *wanted: Call) -> list[Any]:
    """The structured contents of some calls' results."""
    got: list[Any] = []
    everything = threading.Event()

    def done(_: Call, result: dict[str, Any]) -> None:
        got.append(result["structuredContent"])
        if len(got) == len(wanted):
            everything.set()

    for call in wanted:
        calls.start(call, done, nobody)
    assert everything.wait(PATIENCE)
    return got


def call(name: str = "wait", seconds: float = 0.0) -> Call:
    asked = Asked(1, "tools/call", REVISIONS["2025-11-25"], {}, None, None)
    return Call(asked, name, {"seconds": seconds})


def nobody(_call: Call, _note: object) -> None:
    """Not interested in what calls report."""


def test_no_more_calls_run_at_once_than_are_allowed() -> None:
    tools = Tools()
    calls = Calls(lambda: tools)
    assert len(run(calls, *(call(seconds=0.01) for _ in range(3 * AT_ONCE)))) == 3 * AT_ONCE
    assert tools.most == AT_ONCE
    assert calls.close(PATIENCE)
    assert tools.closed


def test_nothing_is_opened_for_a_client_that_calls_nothing() -> None:
    def never() -> Tools:
        raise AssertionError

    assert Calls(never).close(0)


def test_a_bug_is_told_without_its_text_and_the_next_call_is_served() -> None:
    calls = Calls(Tools)
    [failed] = run(calls, call("fail"))
    assert failed == {"code": "INTERNAL", "message": "This server failed with ValueError.", "retryable": False}
    assert run(calls, call()) == [{"name": "wait"}]
    assert calls.close(PATIENCE)


@pytest.mark.parametrize(("error", "hint"), [(ImportError("x"), "install"), (OSError("secret"), "")])
def test_tools_that_cannot_be_opened_fail_each_call(error: Exception, hint: str) -> None:
    def broken() -> Tools:
        raise error

    calls = Calls(broken)
    for _ in range(2):
        [failed] = run(calls, call())
        assert failed["code"] == "INTERNAL"
        assert hint in failed.get("hint", "")
        assert "secret" not in str(failed)
    assert calls.close(PATIENCE)


@pytest.mark.parametrize("prepare", [lambda calls: None, lambda calls: run(calls, call())], ids=["early", "later"])
def test_a_stopped_call_is_never_done(prepare: Callable[[Calls], object]) -> None:
    calls = Calls(Tools)
    prepare(calls)
    stopped = call(seconds=PATIENCE)
    calls.start(stopped, lambda *_: pytest.fail("it was stopped"), nobody)
    calls.stop(stopped)
    calls.stop(stopped)
    assert run(calls, call()) == [{"name": "wait"}]
    assert calls.close(PATIENCE)


def test_closing_stops_what_runs() -> None:
    tools = Tools()
    calls = Calls(lambda: tools)
    run(calls, call())
    calls.start(call(seconds=PATIENCE), lambda *_: pytest.fail("it was stopped"), nobody)
    assert calls.close(PATIENCE / 2)
    assert tools.running == 0
