"""Room for documents nested deeper than other people's parsers, which are recursive, get by default."""

import sys
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_STACK = 512 * 1024 * 1024
_FRAMES = 150_000

P = ParamSpec("P")
R = TypeVar("R")


def with_deep_stack(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call `function` in a thread with a big stack and a high recursion limit; its result or exception is passed on.

    Meant as the second try after a RecursionError. The stack is address space, of which only what is used is ever
    backed by memory.

    Raises:
        RecursionError: where even this is not deep enough, or where the system grants no such stack.
    """
    results: list[R] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            results.append(function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            errors.append(error)

    size, limit = threading.stack_size(), sys.getrecursionlimit()
    thread = threading.Thread(target=call)
    try:
        threading.stack_size(_STACK)
        sys.setrecursionlimit(max(limit, _FRAMES))
        thread.start()
        thread.join()
    except (RuntimeError, ValueError) as error:
        raise RecursionError("no stack that is deep enough can be had") from error
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    if errors:
        raise errors[0]
    return results[0]
