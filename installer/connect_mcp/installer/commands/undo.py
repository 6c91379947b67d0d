"""`connect-mcp undo`: put back what the last command changed."""

import argparse

from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.text import printable

from ..diff import short
from ..history import undo
from ..options import add_output
from ..outcome import Outcome

HOW = {
    "exact": "its old bytes are back",
    "deleted": "it was made by that command, and is gone again",
    "reversed": "others wrote to it since, so only our change was taken out",
    "same": "it was as before that command already",
    "gone": "it was removed since, and is not made again",
    "left": "nothing of that command was left in it",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `undo` takes."""
    add_output(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Take the last transaction back.

    Raises:
        Refused: where there is none, or a file cannot be written.
    """
    undone = undo(folders)
    files = [{"path": file.path, "how": file.how} for file in undone.files]
    lines = [f"undid: connect-mcp {printable(undone.command)}"]
    lines += [f"  {short(file.path, machine)}: {HOW[file.how]}" for file in undone.files]
    lines += [f"note: {printable(note)}" for note in undone.notes]
    data = {"command": "undo", "undid": undone.command, "files": files, "notes": list(undone.notes)}
    return Outcome(data, "\n".join(lines))
