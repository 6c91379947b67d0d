"""The scenario server as a server under test: with faults of its own, which nobody told the lab of."""

import sys

from connect_mcp.conformance.lab.drive import Server

PROGRAM = (sys.executable, "-m", "connect_mcp.conformance.lab.scenario_server")


def with_faults(*faults: str) -> Server:
    """The server with these faults, each NAME or NAME=VALUE."""
    return Server((*PROGRAM, *(word for fault in faults for word in ("--fault", fault))))
