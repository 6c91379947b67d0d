"""`connect-mcp enable`: switch a server on that was switched off."""

import argparse

from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine

from .. import switching
from ..outcome import Outcome
from ..switching import arguments

__all__ = ["arguments", "run"]

EXAMPLES = """examples:
  connect-mcp enable codex                 switch `connect` on again
  connect-mcp enable codex kiro --name github
"""


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Switch one server on in every named host.

    Raises:
        Refused: where a host has no such server, or keeps this where we cannot write it; then nothing is changed.
    """
    return switching.run(args, machine, folders, on=True)
