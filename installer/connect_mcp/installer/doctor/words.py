"""How findings name things: safe to print, and as commands that can be copied."""

import shlex
from collections.abc import Sequence

from connect_mcp.base.masking import masked, secret_values
from connect_mcp.base.text import printable

from ..configured import ConfiguredFile
from .model import Server


def place(file: ConfiguredFile, line: int | None = None, column: int | None = None) -> str:
    """A file, with the line and column."""
    at = f":{line}" + (f":{column}" if column is not None else "") if line is not None else ""
    return printable(file.location.path) + at


def entry(server: Server) -> str:
    """An entry and the file that it is in."""
    return f"{place(server.file)}, entry `{printable(server.name)}`"


def named(server: Server) -> str:
    """An entry's name as it is shown."""
    return f"`{printable(server.name)}`"


def ours(server: Server, command: str, *words: str) -> tuple[str, ...]:
    """One of our commands for an entry; () where its name cannot be typed."""
    if not server.name.isprintable():
        return ()
    name = f"--name={server.name}" if server.name.startswith("-") else ""
    given = (name,) if name else ("--name", server.name)
    scope = () if server.file.scope == "user" else ("--scope", server.file.scope)
    return ("connect-mcp", command, server.host.id, *given, *scope, *words)


def shown(words: Sequence[str], server: Server) -> str:
    """A command to copy; "" where it would show a secret or hold what cannot be typed."""
    line = shlex.join(words)
    values = secret_values({"args": list(server.spec.args) if server.spec else []})
    return line if line == printable(masked(line, values)) else ""


def offered(words: Sequence[str], server: Server, otherwise: str) -> tuple[str, tuple[str, ...]]:
    """A mend and its command: the command where it can be copied, else a step for a person."""
    line = shown(words, server)
    return (line, tuple(words)) if line else (otherwise, ())
