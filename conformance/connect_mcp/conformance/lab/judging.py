"""What came of a scenario in a host: one sentence that a person understands, and what it rests on.

Where the host itself is to blame (it is not there, or did not do what its recipe says) nothing is said of the server.
"""

from collections.abc import Callable, Iterator, Mapping

from connect_mcp.base.errors import Refused
from connect_mcp.base.record import record
from connect_mcp.base.text import shortened
from connect_mcp.installer.hosts.all_hosts import find

from ..report import for_report
from .case import OWN, Case, Dealt, code, counted, error_of, quoted, shows, sign, span
from .causes import CAUSES, Finding
from .evidence import Evidence, Exchange, Start
from .model.script import Turn
from .planning import Planned
from .results import Kind
from .scenario import Judged


@record
class Outcome:
    """What came of it.

    Attributes:
        kind: as in the report.
        sentence: what a person is told, safe to print.
        lines: what it rests on, safe to print.
        ready: seconds from the server's start to the answer with its tools; None where that was not seen.
    """

    kind: Kind
    sentence: str
    lines: tuple[str, ...] = ()
    ready: float | None = None


def judge(evidence: Evidence, planned: Planned) -> Outcome:
    """What came of the scenario that was planned."""
    case = Case(evidence, planned)
    judged = planned.scenario.judged
    finding = next((found for cause in CAUSES[judged] if (found := cause(case))), None) or _passed(case)
    lines = (*finding.why, *_facts(case))
    sentence = finding.what if finding.alone else f"{case.title} {finding.what}"
    return Outcome(finding.kind, sentence, lines, case.start.ready if case.start else None)


def inapplicable(planned: Planned) -> Outcome:
    """The outcome of a scenario that does not apply to the server."""
    return Outcome("not applicable", planned.missing)


def undriven(host_id: str, refusal: Refused) -> Outcome:
    """The outcome where the host could not be driven."""
    said = for_report(": ".join(part for part in (refusal.what, refusal.why) if part))
    return Outcome("not driven", f"{find(host_id).title} was not driven: {said}")


# What is told beside a finding


def _passed(case: Case) -> Finding:
    return Finding("pass", _PASSED[case.planned.scenario.judged](case))


def _offers(case: Case) -> str:
    assert case.start is not None
    ready = f"ready after {span(case.start.ready or 0)}"
    shown = sum(case.shown(name) is not None for name in case.names)
    if shown < len(case.names):
        tools = counted(len(case.names), "tool")
        return f"offers its model {shown} of this server's {tools}, and to look for the others: {ready}"
    return f"offers its model this server's {counted(len(case.names), 'tool')}: {ready}"


def _calls(case: Case) -> str:
    return f"calls {' and '.join(_timed(one) for one in case.dealt)}, and its model sees what came of it"


def _timed(one: Dealt) -> str:
    answered = one.answered
    took = answered.answered - answered.asked if answered and answered.answered is not None else 0.0
    return f"{code(one.call.tool)} (answered after {span(took)})"


def _told_of_failure(case: Case) -> str:
    marked = any(one.seen is not None and one.seen.is_error for one in case.dealt)
    how = "marked as a failure" if marked else "as a text without a mark"
    return f"shows its model that {code(case.dealt[0].call.tool)} failed, {how}"


def _ends(case: Case) -> str:
    start = case.starts[-1]
    told = [sign(what) for _, what in start.ending if what not in OWN]
    if start.exit is None:
        told.append("a kill")
    by = f", by {', '.join(told)}" if told else ""
    return f"ends this server with itself{by}, and nothing of it is left"


def _unapproved(case: Case) -> str:
    offered = [code(one.call.tool) for one in case.dealt if case.shown(one.call.tool) is not None]
    made = [code(one.call.tool) for one in case.dealt if one.reached]
    if not offered:
        return "offers its model no tool whose calls nobody has approved"
    if not made:
        return f"calls none of {' and '.join(offered)} where nobody has approved it"
    rest = "" if len(made) == len(case.dealt) else ", which is annotated as read-only, and nothing else"
    return f"calls {' and '.join(made)}{rest}, though nobody has approved it"


_PASSED: Mapping[Judged, Callable[[Case], str]] = {
    "tools": _offers,
    "calls": _calls,
    "failure": _told_of_failure,
    "error": lambda case: f"shows its model the JSON-RPC error of {code(case.dealt[0].call.tool)}, and calls it once",
    "recovery": lambda case: f"starts the server again after a crash: {_timed(case.dealt[-1])} works",
    "ending": _ends,
    "approval": _unapproved,
    "absence": lambda case: "goes on without a server that ends at once, and asks its model",
}


def _facts(case: Case) -> Iterator[str]:
    """What was seen, in order."""
    for number, start in enumerate(case.starts[:_MOST], 1):
        yield from _start_facts(start, f"the server{f', process {number}' if len(case.starts) > 1 else ''}")
    if len(case.starts) > _MOST:
        yield f"{len(case.starts) - _MOST} more processes of the server"
    looked = case.planned.looked
    if looked.failure or looked.ready is not None:
        listed = f"it lists {counted(len(looked.tools), 'tool')} after {span(looked.ready or 0)}"
        yield f"asked directly, {for_report(looked.failure) or listed}"
    for turn in case.turns[:_MOST]:
        yield _turn_fact(case, turn)
    for one in case.dealt:
        yield from shows(one)
    evidence = case.evidence
    how = "was ended, since its time was over," if evidence.exit is None else f"ended with code {evidence.exit}"
    yield f"the host {how} after {span(evidence.seconds)}"
    if evidence.left:
        yield f"left running: {', '.join(for_report(left.name) for left in evidence.left)}"
    if evidence.exit != 0 and (lines := [line for line in evidence.errors.splitlines() if line.strip()]):
        yield f"the end of the host's standard error: {quoted(lines[-1])}"


_MOST = 6


def _start_facts(start: Start, name: str) -> Iterator[str]:
    listed = (
        f", {counted(len(start.tools), 'tool')} listed after {span(start.ready)}" if start.ready is not None else ""
    )
    yield f"{name}: started after {span(start.spawned)}, revision {start.revision or 'not agreed on'}{listed}"
    for one in start.exchanges[:12]:
        if one.method == "tools/call" or one.answered is None:
            yield f"{name}: {_exchange(one)}"
    if start.stray:
        lines = counted(len(start.stray), "line")
        yield f"{name}: {lines} on standard output that are no messages: {quoted(start.stray[0])}"
    if start.ending:
        heard = [one for one in start.ending if one[1] != "closed"] or start.ending  # an exit closes it as well
        told = ", ".join(f"{sign(what)} after {span(at)}" for at, what in heard)
        code = f" with code {start.exit}" if isinstance(start.exit, int) else f" by {start.exit}" if start.exit else ""
        yield f"{name}: {told}{code}"
    if start.stderr.strip():
        yield f"{name}: its last line on standard error: {quoted(start.stderr.strip().splitlines()[-1])}"


def _exchange(one: Exchange) -> str:
    name = f" of {for_report(str(one.params.get('name')))}" if one.method == "tools/call" else ""
    if one.answered is None:
        return f"{one.method}{name} asked after {span(one.asked)}, never answered"
    how = f"an error, {quoted(error_of(one))}" if one.error is not None else "a result"
    if one.result is not None and one.result.get("isError") is True:
        how = "a result with isError"
    return (
        f"{one.method}{name} asked after {span(one.asked)}, answered with {how} after {span(one.answered - one.asked)}"
    )


def _turn_fact(case: Case, turn: Turn) -> str:
    ours = sum(case.shown(name) in turn.offered for name in case.names if case.shown(name))
    if turn.answered.calls:
        did = "it called " + ", ".join(code(made.tool.full) for made in turn.answered.calls)
    else:
        did = f"it said {quoted(shortened(turn.answered.text, 80))}"
    return (
        f"the model, after {span(turn.at)}: offered {counted(len(turn.offered), 'tool')}, {ours} of this server; {did}"
    )
