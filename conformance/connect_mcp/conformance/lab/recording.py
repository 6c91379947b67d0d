"""Keeping the recordings of runs as sessions."""

import json
from collections.abc import Iterator
from pathlib import Path

from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.text import printable

from ..session import encoded
from .matrix import Driven


def save(made: Driven, folder: Path, server: str, *, force: bool = False) -> Iterator[Path]:
    """Write the sessions of a run, one for each start of the server: `HOST-VERSION-SCENARIO.jsonl`, then `…-2.jsonl`.

    Args:
        made: the run; of one that came to nothing there is none.
        folder: where they go; it is made.
        server: what the server is called in their headers.
        force: whether those that are there are replaced.

    Yields:
        Each file, once it is written.

    Raises:
        Refused: where a file is there already, or cannot be written.
    """
    if isinstance(made.outcome, Refused):
        return
    scenario = made.group[0].scenario.id
    names = [one.scenario.id for one in made.group]
    for number, start in enumerate(made.outcome.starts, 1):
        last = "" if number == 1 else f"-{number}"
        path = folder / f"{made.recipe.host_id}-{made.outcome.version}-{scenario}{last}.jsonl"
        if path.exists() and not force:
            raise Refused("there is a session of this name already", place=Place(printable(str(path))), mend="--force")
        header, events = start.session.read_bytes().split(b"\n", 1)
        about = {"scenario": ", ".join(names), "server": server, "provenance": "connect-mcp lab record"}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded({**json.loads(header), **about}) + events)
        except OSError as error:
            place = Place(printable(str(path)))
            raise Refused("the session cannot be written", place=place, why=error.strerror or "") from None
        yield path
