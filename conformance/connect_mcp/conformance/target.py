"""The server that a run is about: as the kit opens conversations with it, and as hosts start or reach it."""

import os
from collections.abc import Mapping, Sequence

from connect_mcp.base.record import record

from .guard import Guard
from .http_subject import HttpSubject, is_old
from .replay import Server
from .subject import StdioSubject


@record
class Target:
    """A server in both forms.

    Attributes:
        subject: what is checked.
        server: what hosts visit; its `env` is what its entry sets in a host's config.
        name: what it is called there.
    """

    subject: StdioSubject | HttpSubject
    server: Server
    name: str = "server"


def by_command(argv: Sequence[str], guard: Guard, cwd: str | os.PathLike[str] | None = None) -> Target:
    """A server that is started by a command, in our folder where none is named."""
    return Target(StdioSubject(argv, guard, cwd=cwd), Server(argv, cwd=cwd))


def by_url(url: str, headers: Mapping[str, str], timeout: float, *, old: bool | None = None) -> Target:
    """A server at a URL.

    Args:
        url: where it listens.
        headers: what each request carries besides.
        timeout: seconds to wait for a connection, and for an answer that nothing can go on without.
        old: whether it is spoken with over the transport of 2024-11-05; where that is not known, the server is asked.

    Raises:
        Misuse: where the URL is none of http or https.
    """
    old = is_old(url, headers, timeout) if old is None else old
    return Target(HttpSubject(url, headers, timeout, old=old), Server(url=url, headers=headers, old=old))
