"""What several commands take: a server's command, and options; no value is quoted, since it may be a secret."""

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any

from connect_mcp.base.errors import Misuse
from connect_mcp.base.text import printable

LONGEST = 3600.0
"""Seconds that anything may be waited for."""


def split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and the server's command after the first `--`."""
    ours = list(argv)
    if "--" not in ours:
        return ours, []
    at = ours.index("--")
    return ours[:at], ours[at + 1 :]


def seconds(text: str) -> float:
    """How long to wait.

    Raises:
        ArgumentTypeError: where it is no number, not above 0, or beyond `LONGEST`.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= LONGEST:
        raise argparse.ArgumentTypeError(f"it takes seconds above 0, at most {LONGEST:g}")
    return value


def up_to(most: int) -> Callable[[str], int]:
    """A whole number from 1 to `most`, as an argument's type, which raises `ArgumentTypeError` for anything else."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = 0
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"it takes a whole number from 1 to {most}")
        return value

    return number


def add_calls(parser: argparse.ArgumentParser) -> None:
    """The options that say which tools may be called, and with what."""
    parser.add_argument("--call-tools", action="store_true", help="call tools also where they may change something")
    parser.add_argument(
        "--example",
        action="append",
        default=[],
        type=example,
        metavar="TOOL=JSON",
        help="arguments for a tool, which may then be called",
    )


def header(text: str) -> tuple[str, str]:
    """An HTTP header as `NAME:VALUE`; a VALUE as `$NAME` comes from the environment.

    Raises:
        Misuse: where it has no name or no value.
    """
    name, colon, value = text.partition(":")
    value = value.strip()
    if value.startswith("$"):  # so that a secret stands in no list of processes
        value = os.environ.get(value[1:], "")
    if not colon or not name.strip() or not value or not f"{name}{value}".isprintable():
        about = f", and {printable(name)!r} has none" if colon else ""
        raise Misuse(f"--header takes NAME:VALUE{about}", mend="--header 'X-Key: $MY_KEY'")
    return name.strip(), value


def example(text: str) -> tuple[str, dict[str, Any]]:
    """A tool's arguments as `TOOL=JSON`.

    Raises:
        Misuse: where it is not the name of a tool and a JSON object.
    """
    import json

    name, equals, value = text.partition("=")
    try:
        arguments = json.loads(value) if equals and name else None
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        about = f", and {printable(name)!r} has no JSON object" if equals else ""
        raise Misuse(f"--example takes TOOL=JSON{about}", mend='--example \'echo={"text": "a"}\'')
    return name, arguments
