"""A report that can be published: what doctor said, without names, folders, hosts and secrets of its reader."""

import re
from pathlib import Path

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import masked

_ADDRESS = re.compile(r"\b(https?://)(?!localhost|127\.0\.0\.1)[^\s/'\"`]+")
_NETWORK = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b")
_LOOPBACK = "127.0.0.1"


def publishable(text: str, machine: Machine) -> str:
    """The text with the home folder, the user's and the machine's name, addresses and secrets replaced."""
    import socket

    text = masked(text)
    for folder in sorted({machine.home, machine.files.real(machine.home)}, key=len, reverse=True):
        text = text.replace(folder, "~") if len(folder) > 1 else text
    names = {machine.variable("USER"), machine.variable("USERNAME"), machine.variable("LOGNAME")}
    for name in filter(None, names):
        if len(name) > 1 and name != "root":
            text = re.sub(rf"\b{re.escape(name)}\b", "USER", text)
    name = socket.gethostname()
    if len(name) > 1 and name != "localhost":
        text = re.sub(rf"\b{re.escape(name)}\b", "MACHINE", text)
    text = _ADDRESS.sub(r"\1HOST", text)
    return _NETWORK.sub(lambda match: match[0] if match[0] == _LOOPBACK else "ADDRESS", text)


def write_report(path: Path, text: str, machine: Machine) -> None:
    """Write the publishable form of a text to a file.

    Raises:
        Refused: where the file cannot be written.
    """
    try:
        path.write_text(publishable(text, machine) + "\n", encoding="utf-8")
    except OSError as error:
        raise Refused(f"the report could not be written to {path}", why=error.strerror or "") from None
