"""The server that a run is about: as the kit opens conversations with it, and as hosts start or reach it."""

import os
from collections.abc import Mapping, Sequence

from connect_mcp.base.record import record

from .guard import Guard
from .http_subject import HttpSubject
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


def by_url(url: str, headers: Mapping[str, str], timeout: float) -> Target:
    """A server over Streamable HTTP; each piece of an answer is waited for `timeout` seconds.

    Raises:
        Misuse: where the URL is none of http or https.
    """
    return Target(HttpSubject(url, headers, timeout), Server(url=url, headers=headers))
