"""Which scenarios apply to a server, and what the model does in each.

A server under test is looked at once, directly, as the conformance kit does: which tools it lists on all pages, and
which of them may be called (annotated as read-only, given an example, or allowed by the user). The scenario server is
known, and every scenario applies to it.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connect_mcp.base.record import field, record
from connect_mcp.base.text import printable

from ..arguments import accepts, arguments_for
from ..guard import Guard
from ..requirement import LEGACY, MODERN
from ..result import Broken, Ended, NotApplicable
from ..subject import StdioSubject
from ..talk import Talk
from ..trial import Options, Trial, listed
from .drive import Server
from .model.script import Call, Script
from .scenario import Scenario, Takes
from .scenario_server import planted

UNICODE = "Zoë grüßt: 日本語, עברית, ไทย, 🦊"
"""The text that a tool with a free text is called with."""


@record
class Looked:
    """What a server is when nobody stands between.

    Attributes:
        tools: what it lists, over all pages.
        ready: seconds from its start to the last page; None where that never came, or it is the scenario server.
        failure: why there is no list; "" where there is one.
    """

    tools: tuple[Mapping[str, Any], ...] = ()
    ready: float | None = None
    failure: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its tools."""
        return tuple(tool["name"] for tool in self.tools)


@record
class Planned:
    """A scenario for a server.

    Attributes:
        scenario: the scenario.
        server: what the host is given.
        script: what its model does.
        missing: why it does not apply; "" where it does.
        looked: what the server lists when it is asked directly.
    """

    scenario: Scenario
    server: Server
    script: Script = Script(())
    missing: str = ""
    looked: Looked = field(default_factory=Looked)

    @property
    def run(self) -> tuple[Server, Script, float, float | None, bool]:
        """What makes a run: scenarios in which it is the same are judged by one."""
        about = self.scenario
        return self.server, self.script, about.patience, about.interrupt, about.approved


def plan(scenarios: Sequence[Scenario], server: Server | None, options: Options) -> list[Planned]:
    """A plan for each scenario, in their order.

    Args:
        scenarios: what is to be driven.
        server: the server under test; None for the scenario server.
        options: which tools may be called and with what, and how long an answer is waited for.
    """
    if server is None:
        return [Planned(one, one.server, one.steps, "", _scenario_server(one)) for one in scenarios]
    looked = look(server, options)
    return [_planned(scenario, server, looked, options) for scenario in scenarios]


def together(planned: Sequence[Planned]) -> list[list[Planned]]:
    """Those that apply, in groups that share one run."""
    groups: list[list[Planned]] = []
    for one in planned:
        group = next((group for group in groups if group[0].run == one.run), None)
        if one.missing:
            continue
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return groups


def look(server: Server, options: Options) -> Looked:
    """Ask a server for its tools, in the newest revision that it speaks of those that most hosts begin with."""
    with Guard() as guard:
        trial = Trial(StdioSubject(server.command, guard, env={**os.environ, **server.env}), options)
        failure = ""
        for revision in (*reversed(LEGACY), MODERN):
            try:
                with trial.open(revision) as talk:
                    return _listed(talk)
            except NotApplicable as other:
                failure = failure or other.why  # it may speak another revision
            except Ended as ended:
                return Looked(failure=ended.why)
    return Looked(failure=failure)


def _listed(talk: Talk) -> Looked:
    tools = listed(talk, "tools/list", "tools", "name")
    ready = time.monotonic() - talk.link.started
    if not tools:
        try:
            talk.ask("tools/list", {})
        except Broken as broken:  # an empty list and no answer look alike to `listed`
            return Looked(failure=f"tools/list: {broken.why}")
    return Looked(tools, ready)


def _scenario_server(scenario: Scenario) -> Looked:
    tools: Any = planted(scenario.faults).tools
    return Looked(tuple(tools))


def _planned(scenario: Scenario, server: Server, looked: Looked, options: Options) -> Planned:
    if scenario.takes is None:
        return Planned(scenario, server, missing="only the scenario server can be made to do this", looked=looked)
    if looked.failure:  # what hosts make of that is seen without a call
        return Planned(scenario, server, looked=looked)
    steps, missing = _FILLED[scenario.takes](_callable(looked, options), looked, options)
    return Planned(scenario, server, Script(steps), missing, looked)


Steps = tuple[tuple[Call, ...], ...]
Ways = Sequence[Call]
"""The tools that may be called, each with arguments that its schema accepts."""


def _callable(looked: Looked, options: Options) -> list[Call]:
    """What may be called, in the server's order, but first what the user gave an example for."""
    found = []
    for tool in looked.tools:
        arguments, _ = arguments_for(tool, options)
        if arguments is not None:
            found.append(Call(tool["name"], arguments))
    return sorted(found, key=lambda call: call.tool not in options.examples)


def _anything(ways: Ways, looked: Looked, options: Options) -> tuple[Steps, str]:
    return tuple((call,) for call in ways[:1]), ""


def _one(ways: Ways, looked: Looked, options: Options) -> tuple[Steps, str]:
    return tuple((call,) for call in ways[:1]), "" if ways else _none(looked, options)


def _two(ways: Ways, looked: Looked, options: Options) -> tuple[Steps, str]:
    twice = (*ways, *ways)[:2]
    return tuple((call,) for call in twice), "" if ways else _none(looked, options)


def _failing(ways: Ways, looked: Looked, options: Options) -> tuple[Steps, str]:
    """A call whose arguments the tool's own schema refuses."""
    if not ways:
        return (), _none(looked, options)
    for call in ways:
        schema = _schema(looked, call.tool)
        for wrong in _wrong(schema, call.arguments):
            if not accepts(schema, wrong):
                return ((Call(call.tool, wrong),),), ""
    return (), "no tool that may be called has a schema which refuses any arguments"


def _wrong(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Arguments that may be refused: one is missing, or of another type."""
    for name in arguments:
        yield {key: value for key, value in arguments.items() if key != name}
    for name in _properties(schema):
        yield {**arguments, name: {"not": "this"}}


def _unicode(ways: Ways, looked: Looked, options: Options) -> tuple[Steps, str]:
    """A call with a text in many scripts."""
    if not ways:
        return (), _none(looked, options)
    for call in ways:
        schema = _schema(looked, call.tool)
        for name, about in _properties(schema).items():
            given = {**call.arguments, name: UNICODE}
            if isinstance(about, dict) and about.get("type") == "string" and accepts(schema, given):
                return ((Call(call.tool, given),),), ""
    return (), "no tool that may be called takes any text"


_FILLED: Mapping[Takes, Callable[[Ways, Looked, Options], tuple[Steps, str]]] = {
    "anything": _anything,
    "a call": _one,
    "two calls": _two,
    "a call that fails": _failing,
    "unicode": _unicode,
}


def _schema(looked: Looked, name: str) -> Mapping[str, Any]:
    schema = next(tool.get("inputSchema") for tool in looked.tools if tool["name"] == name)
    return schema if isinstance(schema, dict) else {}


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _none(looked: Looked, options: Options) -> str:
    """Why no tool may be called."""
    if not looked.tools:
        return "it has no tools"
    first = looked.tools[0]
    _, why = arguments_for(first, options)
    others = f", nor any of the {len(looked.tools) - 1} others" if len(looked.tools) > 1 else ""
    return f"{printable(first['name'])} may not be called: {why}{others}; --call-tools or --example TOOL=JSON allows it"
