"""The one place that turns what a command raises into an exit code and lines for a person."""

import os
import sys
from collections.abc import Callable
from io import TextIOWrapper

from .errors import Refused

BUG_EXIT = 3
INTERRUPTED_EXIT = 130


def guarded(command: Callable[[], int]) -> int:
    """Run a command; whatever it raises becomes an exit code, never a traceback on the terminal.

    Refused and Misuse are printed as they are; an interrupt is 130; a reader of our output that went away is silent;
    anything else is our own bug: versions and traceback go to a log whose path is printed. Output that was closed
    before we started goes nowhere, and what its encoding lacks is written as an escape.
    """
    for stream in ("stdout", "stderr"):
        if getattr(sys, stream) is None:
            setattr(sys, stream, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open to the end
        elif isinstance(found := getattr(sys, stream), TextIOWrapper):
            found.reconfigure(errors="backslashreplace")  # a Windows pipe has no ✓, and a server says anything
    try:
        return command()
    except Refused as refusal:
        from .text import printable

        sys.stderr.write("".join(f"{printable(line)}\n" for line in f"connect-mcp: {refusal}".splitlines()))
        return refusal.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("\nconnect-mcp: interrupted\n")
        return INTERRUPTED_EXIT
    except BrokenPipeError:
        discard_output()
        return 1
    except Exception as bug:  # noqa: BLE001 - the boundary is where everything ends
        return reported(bug)


def discard_output() -> None:
    """After a failure to print: the interpreter flushes once more at exit, and would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def reported(bug: Exception) -> int:
    """Write a bug of ours to a log of mode 0600, without secrets, print its path, and give its exit code."""
    import contextlib
    import platform
    import time
    import traceback

    from .folders import folders, private_folder
    from .masking import looks_secret, masked
    from .secrets import known_values
    from .version import __version__

    where = "no log could be written"
    with contextlib.suppress(OSError):
        path = private_folder(folders().state / "logs") / time.strftime("bug-%Y%m%d-%H%M%S.log")
        head = f"connect-mcp {__version__}, Python {platform.python_version()}, {platform.platform()}\n\n"
        told = "".join(traceback.format_exception(bug))
        text = masked(head + told, [*known_values(), *(os.environ[name] for name in os.environ if looks_secret(name))])
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as log:
            log.write(text)
        where = f"the details are in {path}"
    sys.stderr.write(f"connect-mcp: this is a bug of connect-mcp ({type(bug).__name__}); {where}\n")
    return BUG_EXIT
