"""Runs tool calls side by side on one event loop, on a thread that starts with the first call.

The loop, the HTTP client and the embedded workspace are imported on that thread, at the first call: the way to
tools/list does not pay for them, and a ping is answered while they load.
"""

from __future__ import annotations

import threading
import time

from connect_mcp.server.results import Failure, failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Any, Protocol, TypeAlias

    from connect_mcp.server.core import Note
    from connect_mcp.server.exchange import Call

    Done: TypeAlias = Callable[[Call, dict[str, Any]], None]
    Tell: TypeAlias = Callable[[Call, Note], None]
    Write: TypeAlias = Callable[[str, str], None]

    class Tools(Protocol):
        """What performs calls, on the thread of the calls alone."""

        async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
            """The CallToolResult of a tool that exists."""

        async def close(self) -> None:
            """Give up what is held."""


AT_ONCE = 16
"""How many calls run at the same time; the others wait for their turn."""

SIGN_OF_LIFE = 5.0
"""Seconds after which a call that still runs says so, and says so again."""


class Calls:
    """The calls under way. Every method may be called on any thread.

    Args:
        open_tools: gives, on the calls' own thread, what performs them.
        write: keeps a level and a line about each call.
        sign_of_life: seconds.
    """

    def __init__(
        self, open_tools: Callable[[], Tools], write: Write | None = None, sign_of_life: float = SIGN_OF_LIFE
    ) -> None:
        self._open_tools = open_tools
        self._write = write
        self._sign_of_life = sign_of_life
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._early: list[tuple[Call, Done, Tell]] = []
        self._tasks: dict[Call, asyncio.Task[None]] = {}

    def start(self, call: Call, done: Done, tell: Tell) -> None:
        """Run `call` in the background; its result goes to `done`, and what it reports meanwhile to `tell`."""
        with self._lock:
            if self._loop is None:
                self._early.append((call, done, tell))
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="calls", daemon=True)
                    self._thread.start()
                return
            self._loop.call_soon_threadsafe(self._begin, call, done, tell)

    def stop(self, call: Call) -> None:
        """Stop `call`, whether it runs or waits; its result no longer matters."""
        with self._lock:
            self._early = [entry for entry in self._early if entry[0] is not call]
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._cancel, call)

    def close(self, seconds: float) -> bool:
        """Stop everything; whether all of it ended within `seconds`."""
        with self._lock:
            if self._thread is None:
                return True
            if self._loop is None:
                return False
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        import asyncio

        asyncio.run(self._serve())

    async def _serve(self) -> None:
        import asyncio

        self._closing = asyncio.Event()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tools = self._open()
        with self._lock:
            self._loop = asyncio.get_running_loop()
            for entry in self._early:
                self._begin(*entry)
            self._early = []
        await self._closing.wait()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._tools.close()

    def _open(self) -> Tools:
        try:
            return self._open_tools()
        except Exception as error:  # noqa: BLE001 - told to whoever calls a tool, since nobody else is there
            return _Unusable(error)

    def _begin(self, call: Call, done: Done, tell: Tell) -> None:
        import asyncio

        task = self._tasks[call] = asyncio.ensure_future(self._one(call, done, tell))
        task.add_done_callback(lambda _: self._tasks.pop(call))

    def _cancel(self, call: Call) -> None:
        if call in self._tasks:
            self._tasks[call].cancel()

    async def _one(self, call: Call, done: Done, tell: Tell) -> None:
        import asyncio

        from connect_mcp.server.notes import listen

        def heard(note: Note) -> None:
            tell(call, note)
            self._keep(note.level, f"{call.name}: {note.text}")

        listen(heard)
        started = time.monotonic()
        living = asyncio.ensure_future(self._signs_of_life(started))
        try:
            result = await self._performed(call)
        finally:
            living.cancel()
        self._keep(*_line(call, result, time.monotonic() - started))
        done(call, result)

    async def _performed(self, call: Call) -> dict[str, Any]:
        async with self._turns:
            try:
                return await self._tools.call(call.name, call.arguments)
            except Exception as error:  # noqa: BLE001 - a bug of ours is this call's failure, never the server's
                return failure(_internal(error))

    async def _signs_of_life(self, started: float) -> None:
        """Let a client that would give up know that the call goes on."""
        import asyncio

        from connect_mcp.server.notes import note

        while True:
            await asyncio.sleep(self._sign_of_life)
            note("debug", f"Still waiting after {time.monotonic() - started:.0f} s.", step=True)

    def _keep(self, level: str, text: str) -> None:
        if self._write is not None:
            self._write(level, text)


class _Unusable:
    """Stands in for tools that could not be made ready."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        raise self._error

    async def close(self) -> None:
        """Nothing is held."""


def _line(call: Call, result: dict[str, Any], seconds: float) -> tuple[str, str]:
    """What the log says of a call: never its arguments, nor what it gave."""
    if not result["isError"]:
        return "info", f"{call.name}: done in {seconds * 1000:.0f} ms"
    error = result["structuredContent"]
    status = f" (HTTP {error['status']})" if "status" in error else ""
    return "error", f"{call.name}: {error['code']}{status} after {seconds * 1000:.0f} ms"


def _internal(error: Exception) -> Failure:
    """What is told of an error that nobody foresaw: its kind only, since its text may quote anything."""
    hint = "Its installation is not complete: install connect-mcp again." if isinstance(error, ImportError) else None
    return Failure("INTERNAL", f"This server failed with {type(error).__name__}.", hint=hint)
