"""Putting a file into a project so that at every moment it is the old one or the new one, whole."""

import os
from pathlib import Path

from connect_mcp.base import atomic
from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.text import printable


def save(path: Path, text: str) -> None:
    """Write a text file, and the folders that it lies in; one that is there keeps its mode, and links are followed.

    Raises:
        Refused: where it cannot be written, or was changed meanwhile.
    """
    real = os.path.realpath(path)
    try:
        os.makedirs(os.path.dirname(real), exist_ok=True)
    except OSError as error:
        raise atomic.refusal(error, os.path.dirname(real), "written") from None
    try:
        atomic.put(real, text.encode(), atomic.look(real), temp=f"{real}.{os.getpid()}.tmp")
    except atomic.Changed:
        raise Refused("another program changed this file just now", place=Place(printable(real))) from None
