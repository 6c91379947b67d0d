"""What keeps the sessions bounded: by number, and by the time that one may be idle."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from connect_mcp.server.calls import Calls
from connect_mcp.server.conversation import END, Conversation, Sessions
from connect_mcp.server.core import Core
from connect_mcp.server.offer import Offer, chosen
from connect_mcp.server.revisions import NONE_YET
from connect_mcp.server.toolbox import Toolbox, open_toolbox
from support.stdio_client import PATIENCE
from support.talking import ABSENT, initialize, request


class Clock:
    """An event loop's clock, set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def calls() -> Iterator[Calls]:
    running = Calls(embedded)
    yield running
    closed(running)


def closed(calls: Calls) -> None:
    """Close what may still be about to start."""
    deadline = time.monotonic() + PATIENCE
    while not calls.close(PATIENCE):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def embedded() -> Toolbox:
    return open_toolbox(embedded=True, profile=None, config=None, state=None, data=None)


def run(check: Callable[[Callable[[], Conversation], Clock], Awaitable[None]], calls: Calls) -> None:
    """Run `check` on a loop whose clock it holds, with a function that gives new conversations."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        clock = Clock()
        await check(lambda: Conversation(Core(Offer(chosen()), NONE_YET), calls, loop, clock), clock)

    asyncio.run(main())


def test_a_session_ends_once_it_was_idle_for_too_long(calls: Calls) -> None:
    async def check(new: Callable[[], Conversation], clock: Clock) -> None:
        sessions = Sessions(10, 60.0, clock)
        used, idle, listening = (sessions.open(conversation) for conversation in (new(), new(), streaming(new())))
        assert used
        assert idle
        assert listening
        clock.seconds = 50.0
        kept = sessions.find(used)
        assert kept is not None
        kept.receive(request("ping"), streamed=False)
        clock.seconds = 100.0
        assert [sessions.find(ident) is not None for ident in (used, idle, listening)] == [True, False, True]

    run(check, calls)


def streaming(conversation: Conversation) -> Conversation:
    conversation.stream()
    return conversation


def test_one_that_was_idle_the_longest_makes_room(calls: Calls) -> None:
    async def check(new: Callable[[], Conversation], clock: Clock) -> None:
        sessions = Sessions(2, 60.0, clock)
        first, second = sessions.open(new()), sessions.open(new())
        assert first
        assert second
        clock.seconds = 1.0
        found = sessions.find(first)
        assert found is not None
        found.receive(request("ping"), streamed=False)
        third = sessions.open(new())
        assert third
        assert [sessions.find(ident) is not None for ident in (first, second, third)] == [True, False, True]

    run(check, calls)


def test_there_is_no_room_while_all_are_busy(calls: Calls) -> None:
    async def check(new: Callable[[], Conversation], clock: Clock) -> None:
        sessions = Sessions(1, 60.0, clock)
        busy = new()
        stream = busy.stream()
        assert sessions.open(busy)
        clock.seconds = 100.0
        assert sessions.open(new()) is None
        busy.drop(stream)
        assert sessions.open(new())

    run(check, calls)


def test_the_end_of_all_answers_calls_and_closes_streams(calls: Calls) -> None:
    async def check(new: Callable[[], Conversation], clock: Clock) -> None:
        sessions = Sessions(1, 60.0, clock)
        conversation = new()
        conversation.receive(initialize("2025-11-25"), streamed=True)
        reply = conversation.receive(request("tools/call", {"name": "list_workspaces"}), streamed=True)
        stream = conversation.stream()
        ident = sessions.open(conversation)
        assert ident
        sessions.close_all()
        answer = await reply.next()
        assert answer["result"]["structuredContent"]["code"] == "CANCELLED"
        assert (await reply.next(), await stream.next()) == (END, END)
        assert sessions.find(ident) is None
        assert conversation.idle

    run(check, calls)


def test_a_call_that_is_cancelled_in_the_same_batch_is_not_started() -> None:
    opened: list[str] = []

    def open_tools() -> Toolbox:
        opened.append("tools")
        return embedded()

    async def check(new: Callable[[], Conversation], _clock: Clock) -> None:
        conversation = new()
        conversation.receive(initialize("2025-03-26"), streamed=True)
        call = request("tools/call", {"name": "list_workspaces"}, 5)
        cancelled = request("notifications/cancelled", {"requestId": 5}, ABSENT)
        reply = conversation.receive(b"[%s,%s]" % (call, cancelled), streamed=True)
        assert await reply.next() is END

    calls = Calls(open_tools)
    run(check, calls)
    closed(calls)
    assert opened == []
