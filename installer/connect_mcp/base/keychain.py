"""The system's keychain, through `keyring`, bounded in time: a locked one waits for a person who may not be there.

As a program (`python -m connect_mcp.base.keychain NAME`, the value on standard input) it says whether the keychain has
that value for whoever starts it with the environment that it is started with: 0 yes, 1 no, and why on standard error.
"""

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from .errors import Refused

T = TypeVar("T")

SERVICE = "connect-mcp"
PATIENCE = 10.0
"""Seconds that a keychain has to answer: long enough for a person to see that it asks to be unlocked."""

NO_KEYCHAIN = "no keychain can be reached from here"
_WITHOUT = "keep it in the file instead: leave --keychain out"


_RECOMMENDED = 1
"""The priority from which on keyring's documentation recommends a backend; those that do not encrypt are below."""


class _Weak(Exception):
    """The only keychain there is may keep values in clear, and nobody has chosen it."""


def read(name: str) -> str | None:
    """The value that the keychain has under a name, or None.

    Raises:
        Refused: where there is no keychain, it cannot be opened, or does not answer in time.
    """

    def work() -> str | None:
        import keyring  # takes as long to load as a whole start of this program

        return keyring.get_password(SERVICE, name)

    return _bounded(work, "read")


def write(name: str, value: str) -> None:
    """Put a value into the keychain, over what is there under that name.

    Raises:
        Refused: as for `read`.
    """

    def work() -> None:
        import keyring
        from keyring.core import load_config, load_env

        backend = keyring.get_keyring()
        if 0 < backend.priority < _RECOMMENDED and load_env() is None and load_config() is None:
            raise _Weak(f"{type(backend).__module__}.{type(backend).__qualname__}")
        keyring.set_password(SERVICE, name, value)

    _bounded(work, "written to")


def forget(name: str) -> None:
    """Take a value out of the keychain, if it is there.

    Raises:
        Refused: as for `read`.
    """

    def work() -> None:
        import keyring
        from keyring.errors import PasswordDeleteError

        try:
            keyring.delete_password(SERVICE, name)
        except PasswordDeleteError:
            if keyring.get_password(SERVICE, name) is not None:
                raise

    _bounded(work, "written to")


def _bounded(work: Callable[[], T], verb: str) -> T:
    """Do it on a thread that may be left behind: what waits for a person inside a system call cannot be stopped."""
    results: list[T] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - every backend has its own
            failures.append(error)

    thread = threading.Thread(target=run, name="keychain", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if results:
        return results[0]
    if failures:
        raise Refused(f"the keychain could not be {verb}", why=_why(failures[0]), mend=_WITHOUT) from None
    raise Refused(
        f"the keychain did not answer within {PATIENCE:.0f} s",
        why="it may be locked, and wait for its owner",
        mend="unlock it and try again",
    )


def _why(error: Exception) -> str:
    kind = type(error).__name__
    if kind in ("NoKeyringError", "InitError"):
        bus = ": on Linux that takes a D-Bus session (DBUS_SESSION_BUS_ADDRESS)" if sys.platform == "linux" else ""
        return f"{NO_KEYCHAIN}{bus}"
    if isinstance(error, _Weak):
        return f"the only one here is {error}, which may not encrypt; setting PYTHON_KEYRING_BACKEND would choose it"
    if isinstance(error, ImportError):
        return "the Python package keyring is not installed with this program"
    from .masking import masked
    from .text import printable, shortened

    return shortened(printable(masked(f"{kind}: {error}")), 300)


def main() -> int:
    """Compare what the keychain has with what standard input says."""
    expected = sys.stdin.buffer.read().decode()
    try:
        found = read(sys.argv[1])
    except Refused as refusal:
        sys.stderr.write(refusal.why or refusal.what)
        return 1
    if found != expected:
        sys.stderr.write("it has nothing of that name" if found is None else "it has another value of that name")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
