"""Operating systems that fail: at one system call, from one call on, or by ending the process there."""

import os
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from connect_mcp.base.system import System

P = ParamSpec("P")
T = TypeVar("T")


class Counting(System):
    """Counts the calls, and calls `at(number, function, args)` before each, counted from 1.

    Nothing is synced, which saves minutes: it makes a difference only where the power goes, not the process. Nobody
    sleeps either: the clock is put forward instead.
    """

    def __init__(
        self, at: Callable[[int, Callable[..., Any], tuple[Any, ...]], None] = lambda *_: None, **known: Any
    ) -> None:
        super().__init__(**known)
        self.calls: list[str] = []
        self.at = at
        self.slept, self._clock = 0.0, self.clock
        self.clock = lambda: self._clock() + self.slept

    def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self.calls.append(function.__name__)
        self.at(len(self.calls), function, args)
        if function is os.fsync:
            return None  # type: ignore[return-value]
        if function is time.sleep:
            self.slept += float(args[0])  # type: ignore[arg-type]
            return None  # type: ignore[return-value]
        return super().__call__(function, *args, **kwargs)


def dying(number: int) -> Counting:
    """Ends the process before call `number`; a write is half done by then."""

    def die(call: int, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if call == number:
            _half(function, args)
            os._exit(42)

    return Counting(die)


def failing(number: int, code: int, *, forever: bool = False) -> Counting:
    """Fails at call `number`, and at all later ones if `forever`; closing closes, and a write is half done."""

    def fail(call: int, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if call == number or (forever and call > number):
            if function is os.close:
                os.close(*args)
            _half(function, args)
            raise OSError(code, os.strerror(code))

    return Counting(fail)


def _half(function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    if function is os.write:
        os.write(args[0], bytes(args[1])[: len(args[1]) // 2])
