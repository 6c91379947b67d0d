"""Scenarios: what a host's model is made to do, at which server, and what must come of it. One small file each."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from connect_mcp.base.errors import Misuse
from connect_mcp.base.fixtures import fixtures
from connect_mcp.base.record import record

from .drive import Server
from .model.script import Call, Script

Takes = Literal["anything", "a call", "two calls", "a call that fails", "unicode"]
"""What a server under test must offer: anything (a call is made where one can be), or tools that may be called."""

Judged = Literal["tools", "calls", "failure", "error", "recovery", "ending", "approval", "absence"]
"""What is judged: that the model has the server's `tools`; that the `calls` are made and their results seen; that a
`failure` (isError) or a JSON-RPC `error` is seen, once; that after a crash the last call is made and its result seen
(`recovery`); that the server's `ending` comes with the host's; which calls are made without an `approval`; that the
model is asked in the `absence` of the server."""

FOLDER = "scenarios"


@record
class Scenario:
    """One scenario.

    Attributes:
        id, title: its name, and what it is called in a report.
        faults: those of the scenario server.
        steps: what the model does there.
        takes: what a server under test must offer for it; None where it is for the scenario server alone.
        judged: what it is about.
        patience: seconds after which the host is ended, besides some for the host itself.
        interrupt: seconds after the first call at which the host is interrupted; None where it is not.
        approved: whether every call is approved beforehand.
        on_request: whether it is made only where it is asked for: it takes long, or tells of the host alone.
    """

    id: str
    title: str
    faults: tuple[str, ...]
    steps: Script
    takes: Takes | None
    judged: Judged
    patience: float = 120.0
    interrupt: float | None = None
    approved: bool = True
    on_request: bool = False

    @property
    def server(self) -> Server:
        """The scenario server with these faults."""
        flags = [word for fault in self.faults for word in ("--fault", fault)]
        return Server((sys.executable, "-m", "connect_mcp.conformance.lab.scenario_server", *flags))


def all_scenarios() -> tuple[Scenario, ...]:
    """Every scenario, in the order in which a report shows them."""
    read = [_read(path.read_text(encoding="utf-8")) for path in (fixtures() / FOLDER).glob("*.json")]
    return tuple(scenario for _, scenario in sorted(read, key=lambda pair: (pair[0], pair[1].id)))


def selected(names: Sequence[str]) -> tuple[Scenario, ...]:
    """The scenarios of these ids, in order; all but those on request where none is named.

    Raises:
        Misuse: for one that there is not.
    """
    there = {scenario.id: scenario for scenario in all_scenarios()}
    if unknown := [name for name in names if name not in there]:
        raise Misuse(f"there is no scenario {unknown[0]!r}", why=f"there are {', '.join(there)}")
    return tuple(one for one in there.values() if (one.id in names if names else not one.on_request))


def _read(text: str) -> tuple[float, Scenario]:
    data: dict[str, Any] = json.loads(text)
    order = data.pop("order")
    steps = tuple(tuple(_call(call) for call in step) for step in data.pop("steps"))
    scenario = Scenario(faults=tuple(data.pop("faults")), steps=Script(steps), **data)
    assert scenario.judged in get_args(Judged)
    assert scenario.takes is None or scenario.takes in get_args(Takes)
    return order, scenario


def _call(data: Mapping[str, Any]) -> Call:
    return Call(data["tool"], data["arguments"])
