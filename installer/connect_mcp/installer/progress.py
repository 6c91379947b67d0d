"""A word to a person who waits: what is going on, once it has taken a second."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

AFTER = 1.0
"""Seconds before a wait is worth a word."""
_ERASE = "\r\x1b[K"


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """While this goes on, a person at a terminal sees `what` and the seconds; a program sees nothing.

    Args:
        what: what is being done, safe to print, without an end: "starting `connect` as Cursor would".
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    ticker = threading.Thread(target=_tick, args=(what, done), daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()


def _tick(what: str, done: threading.Event) -> None:
    seconds = 0
    while not done.wait(AFTER):
        seconds += 1
        sys.stderr.write(f"{_ERASE}{what} … {seconds} s")
        sys.stderr.flush()
    if seconds:
        sys.stderr.write(_ERASE)
        sys.stderr.flush()
