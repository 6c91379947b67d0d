"""What came of a scenario in a host, from what was seen: one sentence that a person understands, and what it rests on.

A cause is a function from a case to a finding, or None; those that a scenario is judged by are tried in order, and the
first that finds something is told. What a host does is seen in its run; its profile and the installer's row only
explain it. Where the host itself is to blame (it is not there, or did not do what its recipe says) nothing is said of
the server.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connect_mcp.base.errors import Refused
from connect_mcp.base.record import record
from connect_mcp.base.text import printable, shortened
from connect_mcp.installer.hosts.all_hosts import find

from ..profiles import Profile, load, profile_ids
from ..report import for_report
from ..requirement import REVISIONS
from ..session import PLACEHOLDER
from .drive import ENTRY
from .evidence import Evidence, Exchange, Start
from .model.naming import named
from .model.script import SEARCHES, Call, Made, Offered, Seen, Turn
from .planning import Planned
from .results import Kind
from .scenario import Judged

_WORDS = 40  # of a result that the model must have seen: hosts cut what is longer
_LONG = 64  # characters of a name that are shown
_SOON = 0.05  # seconds: how exactly the start of a server is known


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


@record
class NameRule:
    """Which names of tools a maker of models takes.

    Attributes:
        allowed: the whole name.
        most: how many characters it may have.
        source: how this is known.
    """

    allowed: str
    most: int
    source: str


NAME_RULES: Mapping[str, NameRule] = {
    "chat": NameRule(
        r"[a-zA-Z0-9_-]+",
        64,
        "OpenAI's chat completions: documented, and its errors quoted in danny-avila/LibreChat#7435, 2025",
    ),
    "responses": NameRule(
        r"[a-zA-Z0-9_-]+",
        128,
        "OpenAI's Responses: 64 in openai/codex#1289, 2025; Codex itself has cut at 128 since openai/codex#39594, 2026",
    ),
    "anthropic": NameRule(
        r"[a-zA-Z0-9_-]+",
        128,
        "Anthropic's Messages: its errors quoted in home-assistant/core#147760, 2025, and anthropics/claude-code#96152",
    ),
    "gemini": NameRule(
        r"[a-zA-Z_][a-zA-Z0-9_.:-]*",
        64,
        "Gemini's FunctionDeclaration: documented in googleapis/java-genai, with 128 in some of Google's other texts",
    ),
}
"""By the dialect that a host speaks with its model."""


@record
class Finding:
    """What a cause has found.

    Attributes:
        kind: what that means for the scenario.
        what: the rest of a sentence that begins with the host, safe to print.
        why: further evidence, safe to print.
    """

    kind: Kind
    what: str
    why: tuple[str, ...] = ()


@record
class Dealt:
    """What became of one call of the script.

    Attributes:
        call: the call.
        made: as the model made it; None where it did not.
        reached: the calls that came to the server, each with the process; more than one where the host repeated it.
        seen: what the model saw of the result; None where nothing.
    """

    call: Call
    made: Made | None
    reached: tuple[tuple[Start, Exchange], ...]
    seen: Seen | None

    @property
    def answered(self) -> Exchange | None:
        """The last that was answered."""
        return next((one for _, one in reversed(self.reached) if one.answered is not None), None)


class Case:
    """One run, and what was planned.

    Attributes:
        title: the host with its version.
        starts: the processes of the server.
        start: the one that came furthest; None where there is none.
        names: the tools that the server listed to the host, or lists when it is asked directly.
        turns: what the host asked of its model with any tools; all of it where it never gave it any.
        dealt: the calls of the script.
    """

    def __init__(self, evidence: Evidence, planned: Planned) -> None:
        self.evidence = evidence
        self.planned = planned
        self.host = find(evidence.host_id)
        self.title = f"{self.host.title} {printable(evidence.version)}"
        self.starts = evidence.starts
        self.start = max(evidence.starts, key=_progress) if evidence.starts else None
        self.names = (self.start.tools if self.start else ()) or planned.looked.names
        self.turns = tuple(turn for turn in evidence.turns if turn.offered) or evidence.turns
        self.dealt = tuple(_dealt(evidence, planned))
        self._name_of = named(ENTRY)
        self._shown: dict[str, Offered | None] = {}

    @property
    def profile(self) -> Profile | None:
        """What is known of the host on the wire."""
        return load(self.evidence.host_id) if self.evidence.host_id in profile_ids() else None

    @property
    def asked(self) -> float | None:
        """When the host first asked its model, in seconds after the host's start; None where it never did."""
        return self.turns[0].at if self.turns else None

    @property
    def waits(self) -> bool:
        """Whether the host lets its model find tools that it does not offer at once."""
        return any(tool.name in SEARCHES for turn in self.turns for tool in turn.offered)

    def shown(self, tool: str) -> Offered | None:
        """The server's tool as the model was offered it, in any turn."""
        if tool not in self._shown:
            found = (self._name_of(tool, turn.offered) for turn in self.turns)
            self._shown[tool] = next((one for one in found if one is not None), None)
        return self._shown[tool]

    @property
    def has_tools(self) -> bool:
        """Whether the model was offered any of the server's tools."""
        return any(self.shown(name) is not None for name in self.names)


def judge(evidence: Evidence, planned: Planned) -> Outcome:
    """What came of the scenario that was planned."""
    case = Case(evidence, planned)
    judged = planned.scenario.judged
    finding = next((found for cause in CAUSES[judged] if (found := cause(case))), None) or _passed(case)
    lines = (*finding.why, *_facts(case))
    return Outcome(finding.kind, f"{case.title} {finding.what}", lines, case.start.ready if case.start else None)


def inapplicable(planned: Planned) -> Outcome:
    """The outcome of a scenario that does not apply to the server."""
    return Outcome("not applicable", planned.missing)


def undriven(host_id: str, refusal: Refused) -> Outcome:
    """The outcome where the host could not be driven."""
    said = for_report(": ".join(part for part in (refusal.what, refusal.why) if part))
    return Outcome("not driven", f"{find(host_id).title} was not driven: {said}")


# What was seen


def _progress(start: Start) -> tuple[bool, bool, int, float]:
    """How far a process of the server came."""
    answered = sum(one.answered is not None for one in start.exchanges)
    return bool(start.calls), start.ready is not None, answered, -start.spawned


def _dealt(evidence: Evidence, planned: Planned) -> Iterator[Dealt]:
    script = [call for step in planned.script.steps for call in step]
    arrived = [(start, one) for start in evidence.starts for one in start.calls]
    arrived.sort(key=lambda pair: pair[0].spawned + pair[1].asked)
    for index, call in enumerate(script):
        identity = f"lab_call_{index}"
        made = next((one for turn in evidence.turns for one in turn.answered.calls if one.id == identity), None)
        seen = next((one for turn in evidence.turns for one in turn.seen if one.call == identity), None)
        alike = [at for at, other in enumerate(script) if other == call]
        mine = [pair for pair in arrived if _is_call(pair[1], call, script)]
        at, count = alike.index(index), len(alike)
        yield Dealt(call, made, tuple(mine[at * len(mine) // count : (at + 1) * len(mine) // count]), seen)


def _is_call(exchange: Exchange, call: Call, script: Sequence[Call]) -> bool:
    """Whether a call that arrived is this one of the script, and not another of the same tool."""
    if exchange.params.get("name") != call.tool:
        return False
    given = exchange.params.get("arguments") or {}
    return given == call.arguments or not any(other.tool == call.tool and other.arguments == given for other in script)


def _ended_itself(start: Start) -> bool:
    """Whether it ended, or closed its output, without being told to.

    A host may signal the whole group, so that the server is gone before the recorder has written the signal down, or
    kill the recorder right after it: then only a request that was left without an answer shows that it was a crash.
    """
    if not start.ending or start.ending[0][1] not in _OWN:
        return False
    if start.exit not in _AS_TOLD:
        return True
    told = any(what not in _OWN for _, what in start.ending)
    waiting = any(one.answered is None and one.method != "subscriptions/listen" for one in start.exchanges)
    return waiting or (start.exit == 0 and not told)


_AS_TOLD = (None, 0, 130, 143, "SIGINT", "SIGTERM", "SIGKILL", "SIGHUP")
"""How a server ends that is told to."""

_OWN = ("closed", "exit")
"""What the server itself does in its ending."""


def _over(start: Start) -> float | None:
    """When it was told to end or ended."""
    return start.ending[0][0] if start.ending else None


def _unanswered(start: Start, *methods: str) -> Exchange | None:
    return next((one for one in start.exchanges if one.method in methods and one.answered is None), None)


# Words


def _s(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"


def _quoted(text: str) -> str:
    return f"“{for_report(text.strip())}”"


def _tool(name: str) -> str:
    shown = for_report(name)
    return f"`{shown}`" if len(shown) <= _LONG else f"`{shown[:_LONG]}…` ({len(name)} characters)"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _last_words(start: Start) -> str:
    lines = [line for line in start.stderr.splitlines() if line.strip()]
    return f"; its last line on standard error: {_quoted(lines[-1])}" if lines else ""


def _ending_of(start: Start) -> str:
    if start.exit is None:
        return "ended"
    return f"ended with code {start.exit}" if isinstance(start.exit, int) else f"was ended by {start.exit}"


def _fails(what: str, *why: str) -> Finding:
    return Finding("fail", what, why)


_WITHOUT = "would start without this server's tools"


# Causes: the start


def _never_started(case: Case) -> Finding | None:
    if case.starts:
        return None
    if case.planned.looked.failure:
        return _fails(f"{_WITHOUT}: {for_report(case.planned.looked.failure)}")
    if not case.turns:
        return Finding("not driven", f"{_came_to_nothing(case)} and neither started the server nor asked its model")
    return Finding("not driven", "did not start the server that it was given: it may have changed beyond its recipe")


def _came_to_nothing(case: Case) -> str:
    if case.evidence.exit is None:
        return f"was still running after {_s(case.evidence.seconds)},"
    return f"ended with code {case.evidence.exit} after {_s(case.evidence.seconds)}"


def _ended_at_start(case: Case) -> Finding | None:
    if case.start is None or case.start.ready is not None or not all(map(_ended_itself, case.starts)):
        return None
    start = case.start
    waiting = next((one.method for one in start.exchanges if one.answered is None), None)
    when = f"when it was asked for {waiting}" if waiting else "before it answered anything"
    times = f", each of {len(case.starts)} times" if len(case.starts) > 1 else ""
    return _fails(f"{_WITHOUT}: the server {_ending_of(start)} {when}{times}{_last_words(start)}")


def _refused_revision(case: Case) -> Finding | None:
    for start in case.starts:
        for one in start.of("initialize"):
            agreed = one.result.get("protocolVersion") if one.result else None
            if one.result and agreed not in REVISIONS and not case.has_tools:
                said = for_report(str(agreed))
                return _fails(f"{_WITHOUT}: the server answers with the protocol revision {said}, which there is not")
    return None


def _initialize_failed(case: Case) -> Finding | None:
    if case.start is None or case.start.ready is not None:
        return None
    for one in (*case.start.of("initialize"), *case.start.of("tools/list")):
        if one.error is not None:
            return _fails(f"{_WITHOUT}: {one.method} was answered with an error, {_quoted(_error(one))}")
    return None


def _error(exchange: Exchange) -> str:
    error = exchange.error or {}
    return f"{error.get('code')}: {error.get('message')}"


def _stray(case: Case) -> Finding | None:
    """Text on standard output, at a server that answered, and whose tools the model still was not offered."""
    for start in case.starts:
        answered = any(one.result is not None for one in (*start.of("initialize"), *start.of("server/discover")))
        if start.stray and answered and not case.has_tools and _unanswered(start, "initialize") is None:
            said = [line for line in start.stray if line.strip()]
            what = f"a line that is no message, {_quoted(said[0])}," if said else "blank lines"
            return _fails(f"{_WITHOUT}: it writes {what} to its standard output", *_profile(case, "stdout"))
    return None


def _profile(case: Case, fact: str) -> Iterator[str]:
    """What the host's profile says of a fact."""
    profile = case.profile
    if profile is not None and fact not in profile.unknown:
        value = getattr(profile, fact)
        said = ", ".join(f"{key}: {what}" for key, what in value.items()) if isinstance(value, Mapping) else str(value)
        yield f"its profile, of {profile.program}: {fact.replace('_', ' ')}: {said}"


def _unready(case: Case) -> Finding | None:
    """The handshake or the list was not answered as long as the host was there."""
    start = case.start
    if start is None or start.ready is not None:
        return None
    waiting = _unanswered(start, "initialize", "tools/list") or _unanswered(start, "server/discover")
    if waiting is None and start.exchanges:
        return Finding("not driven", "did not ask this server for its tools, though all that it asked was answered")
    direct = case.planned.looked.ready
    if direct is not None and case.asked is not None and start.spawned + direct > case.asked:
        return _late(case, start, direct, " (started directly)")
    method = waiting.method if waiting else "initialize"
    over = _over(start)
    given = (over if over is not None else case.evidence.seconds - start.spawned) - (waiting.asked if waiting else 0)
    return _fails(f"{_WITHOUT}: {method} was not answered within {_s(given)}{_then(case)}", *_setting(case))


def _then(case: Case) -> str:
    if case.asked is not None and case.start is not None:
        return f", and its model was asked {_s(max(case.asked - case.start.spawned, 0))} after the server's start"
    if case.evidence.exit is None:
        return f", and it still waited when it was ended after {_s(case.evidence.seconds)}"
    return f", and it ended with code {case.evidence.exit} after {_s(case.evidence.seconds)}"


def _late(case: Case, start: Start, ready: float, how: str) -> Finding:
    assert case.asked is not None
    since = max(case.asked - start.spawned, 0.0)
    told = f"ready after {_s(ready)}{how}, and its model was asked {_s(since)} after the server's start"
    return _fails(f"{_WITHOUT}: {told}", *_setting(case))


def _setting(case: Case) -> Iterator[str]:
    """What the installer's row says of the host's patience."""
    patience, evidence = case.host.patience, case.host.evidence.get("patience")
    waits = patience.headless if patience.headless is not None else patience.interactive
    if waits is not None:
        known = f" ({evidence.source})" if evidence else ""
        yield f"it is known to wait {waits:g} s in a run without a person{known}"
    if patience.setting:
        yield f"what makes it wait longer: {patience.setting}"


def _too_late(case: Case) -> Finding | None:
    start = case.start
    if start is None or start.ready is None or case.asked is None or case.has_tools:
        return None
    if start.spawned + start.ready + _SOON < case.asked:
        return None
    return _late(case, start, start.ready, "")


def _no_tools(case: Case) -> Finding | None:
    if case.start is not None and case.start.ready is not None and not case.start.tools:
        return _fails(f"would have no tools of this server: it lists none{_instead(case)}")
    return None


def _instead(case: Case) -> str:
    directly = len(case.planned.looked.names)
    return f", and {directly} when it is asked directly" if directly else ""


def _never_asked(case: Case) -> Finding | None:
    """The server was ready, and the host never came to its model."""
    if case.turns:
        return None
    said = [line for line in (case.evidence.errors or case.evidence.output).splitlines() if line.strip()]
    told = f": {_quoted(said[-1])}" if said else ""
    return Finding("not driven", f"{_came_to_nothing(case)} and never asked its model{told}")


def _first_page(case: Case) -> Finding | None:
    start = case.start
    pages = [one for one in start.of("tools/list") if one.result] if start else []
    if start is None or not pages or not any((page.result or {}).get("nextCursor") for page in pages):
        return None
    last = pages[-1].result or {}
    if not last.get("nextCursor") or len(start.tools) >= len(case.planned.looked.names or (*start.tools, "")):
        return None
    all_of = f" of {len(case.planned.looked.names)}" if case.planned.looked.names else ""
    what = f"would see only {len(start.tools)}{all_of} tools: it asks for the first page alone"
    return _fails(what, *_profile(case, "follows_pages"))


def _not_offered(case: Case) -> Finding | None:
    if case.has_tools or case.waits:
        return None
    listed = _count(len(case.names), "tool")
    return _fails(f"offers its model none of this server's {listed}, though they were listed before it asked")


def _names(case: Case) -> Finding | None:
    """A tool that is not offered, or under a name that was cut, or that the model's API refuses."""
    for tool in case.names:
        shown = case.shown(tool)
        if shown is None:
            if not case.waits:
                return _fails(f"does not offer its model the tool {_tool(tool)}")
            continue
        turn = next(turn for turn in case.turns if shown in turn.offered)
        rule = NAME_RULES.get(turn.dialect)
        if rule and not _takes(rule, shown):
            return _fails(_unusable(tool, shown, rule), f"names that the model's API takes: {rule.source}")
        if len(shown.name) < len(tool) and _plain(tool) not in _plain(shown.full):
            what = f"offers its model the tool {_tool(tool)} only under a name that it cut"
            return _fails(f"{what}, to {len(shown.full)} characters", f"the name: {for_report(shown.full)}")
    return None


def _takes(rule: NameRule, shown: Offered) -> bool:
    """Whether the API takes the name; where it has groups, the two are apart and only the name's form is known."""
    return bool(re.fullmatch(rule.allowed, shown.name)) and len(shown.full) <= rule.most


def _unusable(tool: str, shown: Offered, rule: NameRule) -> str:
    if len(shown.full) > rule.most:
        under = f"a name of {len(shown.full)} characters, and the model's API takes {rule.most} at most"
    else:
        under = f"the name {_tool(shown.full)}, with characters that the model's API does not take"
    return f"offers its model the tool {_tool(tool)} under {under}"


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z]+", "_", name.lower())


# Causes: the calls


Of = Callable[[Case, Dealt], Finding | None]


def _each(*causes: Of, last: bool = False) -> "Cause":
    """Each cause for each call of the script, call by call; or for the last call alone."""

    def found(case: Case) -> Finding | None:
        for one in case.dealt[-1:] if last else case.dealt:
            for cause in causes:
                if finding := cause(case, one):
                    return finding
        return None

    return found


def _not_made(case: Case, one: Dealt) -> Finding | None:
    if one.made is not None:
        return None
    name = _tool(one.call.tool)
    listed = case.start.tools if case.start else ()
    if one.call.tool not in listed:
        return _fails(f"does not offer its model {name}: it did not ask for the list of tools again after it changed")
    if case.shown(one.call.tool) is None:
        return _fails(f"does not offer its model the tool {name}, which the server listed to it")
    return Finding("not driven", f"{_came_to_nothing(case)} before its model could call {name}")


def _not_reached(case: Case, one: Dealt) -> Finding | None:
    if one.reached:
        return None
    name = _tool(one.call.tool)
    said = f": {_quoted(one.seen.text)}" if one.seen else ""
    if case.planned.scenario.takes == "a call that fails" and case.planned.server != case.planned.scenario.server:
        return Finding("not applicable", f"refuses by itself the arguments with which {name} would fail{said}")
    if case.planned.scenario.judged == "recovery" and case.start is not None and _ended_itself(case.start):
        return _fails(f"does not start this server again after it crashed{said}")
    if case.start is not None and _ended_itself(case.start):
        return _fails(f"could not call {name}: the server {_ending_of(case.start)} before{_last_words(case.start)}")
    return _fails(f"did not make the call of {name}{said}")


def _crashed(case: Case, one: Dealt) -> Finding | None:
    for start, exchange in reversed(one.reached):
        if exchange.answered is None and _ended_itself(start) and one.answered is None:
            times = f", each of {len(one.reached)} times" if len(one.reached) > 1 else ""
            what = f"got no answer from {_tool(one.call.tool)}: the server {_ending_of(start)} in the call{times}"
            return _fails(what + _last_words(start), *_shows(one))
    return None


def _no_answer(case: Case, one: Dealt) -> Finding | None:
    if one.answered is not None:
        return None
    start, exchange = one.reached[-1]
    over = _over(start)
    waited = (over if over is not None else case.evidence.seconds - start.spawned) - exchange.asked
    still = ", and still waited when it was ended" if case.evidence.exit is None else ""
    return _fails(f"got no answer from {_tool(one.call.tool)} within {_s(waited)}{still}", *_shows(one))


def _shows(one: Dealt) -> Iterator[str]:
    if one.seen is not None:
        yield f"its model saw of {_tool(one.call.tool)}: {_quoted(one.seen.text)}"


def _rpc_error(case: Case, one: Dealt) -> Finding | None:
    answered = one.answered
    if answered is None or answered.error is None:
        return None
    times = f", and it made the call {len(one.reached)} times" if len(one.reached) > 1 else ""
    what = f"got a JSON-RPC error from {_tool(one.call.tool)} where a result with isError belongs{times}"
    return _fails(f"{what}: {_quoted(_error(answered))}", *_shows(one))


def _error_unseen(case: Case, one: Dealt) -> Finding | None:
    """The model must see a JSON-RPC error's message, and the call must be made once."""
    answered, name = one.answered, _tool(one.call.tool)
    if answered is None or answered.error is None:
        return Finding("not applicable", f"got no JSON-RPC error from {name}")
    if len(one.reached) > 1:
        return _fails(f"made the call of {name} {len(one.reached)} times, since it was answered with a JSON-RPC error")
    if one.seen is None or not _has_words(one.seen.text, str(answered.error.get("message"))):
        return _fails(f"did not show its model the message of the JSON-RPC error that {name} gave", *_shows(one))
    return None


def _no_failure(case: Case, one: Dealt) -> Finding | None:
    answered = one.answered
    if answered is not None and answered.result is not None and answered.result.get("isError") is not True:
        what = f"got no failure from {_tool(one.call.tool)}, though its own schema refuses the arguments"
        return Finding("not applicable", what)
    return None


def _changed(case: Case, one: Dealt) -> Finding | None:
    """The arguments did not arrive as the model gave them; one that may have been a secret is not looked at."""
    _, exchange = one.reached[-1]
    given = exchange.params.get("arguments")
    arrived = given if isinstance(given, dict) else {}
    for name, value in one.call.arguments.items():
        if arrived.get(name) != value and not PLACEHOLDER.search(json.dumps(arrived.get(name))):
            was = _quoted(json.dumps(arrived.get(name), ensure_ascii=False))
            return _fails(f"changed the argument {_tool(name)} of {_tool(one.call.tool)} to {was}")
    return None


def _unseen(case: Case, one: Dealt) -> Finding | None:
    answered, name = one.answered, _tool(one.call.tool)
    if answered is None or answered.result is None or answered.answered is None:
        return None
    took = answered.answered - answered.asked
    if one.seen is None:
        return _fails(f"never gave its model the result of {name}, which came after {_s(took)}")
    kinds = [kind for kind in _texts(answered.result) if _words(kind)]
    if not kinds or any(_has_words(one.seen.text, kind) for kind in kinds):
        return None
    saw = f"but {_quoted(one.seen.text)}" if one.seen.text.strip() else "nor anything else"
    what = f"did not show its model what {name} answered after {_s(took)}, {saw}"
    return _fails(what, *_profile(case, "structured"), *_profile(case, "call_patience"))


def _texts(result: Mapping[str, Any]) -> Iterator[str]:
    """What a result says: its texts, and its structured content, either of which is enough."""
    content = result.get("content")
    blocks = content if isinstance(content, list) else []
    texts = [block.get("text") for block in blocks if isinstance(block, dict) and block.get("type") == "text"]
    yield "\n".join(str(text) for text in texts)
    if "structuredContent" in result:
        yield json.dumps(result["structuredContent"], ensure_ascii=False)


def _words(text: str) -> list[str]:
    """The first words of a text; what the recording does not hold as it was is left out."""
    return re.findall(r"\w+", PLACEHOLDER.sub(" ", text[: 100 * _WORDS]))[:_WORDS]


def _has_words(seen: str, text: str) -> bool:
    """Whether the first words of a text are in what the model saw, as they are or as JSON writes them."""
    words = _words(text)
    return all(word in seen or json.dumps(word)[1:-1] in seen for word in words)


# Causes: the end


def _left_running(case: Case) -> Finding | None:
    left = [one for one in case.evidence.left if one.is_server]
    if not left:
        return None
    start = case.starts[-1] if case.starts else None
    told = [what for _, what in start.ending if what not in _OWN] if start else []
    tried = f" after {' and '.join(map(_sign, told))}" if told else ""
    what = f"leaves this server running: it went on{tried}, and nobody ended it"
    return _fails(what, *_profile(case, "leaves_orphan"))


def _sign(what: str) -> str:
    return "the end of its input" if what == "eof" else what


def _still_running(case: Case) -> Finding | None:
    if case.evidence.exit is None:
        what = f"was still running after {_s(case.evidence.seconds)} and was ended, so that it did not end this server"
        return Finding("not driven", what)
    return None


def _ended_before(case: Case) -> Finding | None:
    if case.start is None or not all(map(_ended_itself, case.starts)):
        return None
    what = f"had nothing to end: the server {_ending_of(case.start)} by itself{_last_words(case.start)}"
    return Finding("not applicable", what)


def _not_interrupted(case: Case) -> Finding | None:
    if case.planned.scenario.interrupt is not None and not any(start.calls for start in case.starts):
        return Finding("not applicable", "made no call in which it could be interrupted")
    return None


Cause = Callable[[Case], Finding | None]

_START: tuple[Cause, ...] = (
    _never_started,
    _ended_at_start,
    _refused_revision,
    _initialize_failed,
    _stray,
    _unready,
    _too_late,
    _no_tools,
    _never_asked,
    _first_page,
    _not_offered,
)
_REACHED: tuple[Of, ...] = (_not_made, _not_reached, _crashed, _no_answer)

CAUSES: Mapping[Judged, tuple[Cause, ...]] = {
    "tools": (*_START, _names),
    "calls": (*_START, _each(*_REACHED, _rpc_error, _changed, _unseen)),
    "failure": (*_START, _each(*_REACHED, _rpc_error, _no_failure, _unseen)),
    "error": (*_START, _each(*_REACHED, _error_unseen)),
    "recovery": (*_START, _each(*_REACHED, _rpc_error, _unseen, last=True)),
    "ending": (_never_started, _not_interrupted, _left_running, _ended_before, _still_running),
}
"""What is looked for, by what a scenario is about, in this order."""


# What is told beside a finding


def _passed(case: Case) -> Finding:
    return Finding("pass", _PASSED[case.planned.scenario.judged](case))


def _offers(case: Case) -> str:
    assert case.start is not None
    ready = f"ready after {_s(case.start.ready or 0)}"
    if not case.has_tools:
        return f"starts this server, {ready}, and lets its model look for the {_count(len(case.names), 'tool')}"
    return f"offers its model this server's {_count(len(case.names), 'tool')}: {ready}"


def _calls(case: Case) -> str:
    if not case.dealt:
        return _offers(case)
    return f"calls {' and '.join(_timed(one) for one in case.dealt)}, and its model sees what came of it"


def _timed(one: Dealt) -> str:
    answered = one.answered
    took = answered.answered - answered.asked if answered and answered.answered is not None else 0.0
    return f"{_tool(one.call.tool)} (answered after {_s(took)})"


def _told_of_failure(case: Case) -> str:
    marked = any(one.seen is not None and one.seen.is_error for one in case.dealt)
    how = "marked as a failure" if marked else "as a text without a mark"
    return f"shows its model that {_tool(case.dealt[0].call.tool)} failed, {how}"


def _ends(case: Case) -> str:
    start = case.starts[-1]
    told = [_sign(what) for _, what in start.ending if what not in _OWN]
    if start.exit is None:
        told.append("a kill")
    return f"ends this server with itself, by {', '.join(told) or 'nothing'}, and nothing of it is left"


_PASSED: Mapping[Judged, Callable[[Case], str]] = {
    "tools": _offers,
    "calls": _calls,
    "failure": _told_of_failure,
    "error": lambda case: f"shows its model the JSON-RPC error of {_tool(case.dealt[0].call.tool)}, and calls it once",
    "recovery": lambda case: f"starts the server again after a crash: {_timed(case.dealt[-1])} works",
    "ending": _ends,
}


def _facts(case: Case) -> Iterator[str]:
    """What was seen, in order."""
    for number, start in enumerate(case.starts[:_MOST], 1):
        yield from _start_facts(start, f"the server{f', process {number}' if len(case.starts) > 1 else ''}")
    if len(case.starts) > _MOST:
        yield f"{len(case.starts) - _MOST} more processes of the server"
    looked = case.planned.looked
    if looked.failure or looked.ready is not None:
        listed = f"it lists {_count(len(looked.tools), 'tool')} after {_s(looked.ready or 0)}"
        yield f"asked directly, {for_report(looked.failure) or listed}"
    for turn in case.turns[:_MOST]:
        yield _turn_fact(case, turn)
    for one in case.dealt:
        yield from _shows(one)
    evidence = case.evidence
    how = "was ended, since its time was over," if evidence.exit is None else f"ended with code {evidence.exit}"
    yield f"the host {how} after {_s(evidence.seconds)}"
    if evidence.left:
        yield f"left running: {', '.join(for_report(left.name) for left in evidence.left)}"
    if evidence.exit != 0 and (lines := [line for line in evidence.errors.splitlines() if line.strip()]):
        yield f"the end of the host's standard error: {_quoted(lines[-1])}"


_MOST = 6


def _start_facts(start: Start, name: str) -> Iterator[str]:
    listed = f", {_count(len(start.tools), 'tool')} listed after {_s(start.ready)}" if start.ready is not None else ""
    yield f"{name}: started after {_s(start.spawned)}, revision {start.revision or 'not agreed on'}{listed}"
    for one in start.exchanges[:12]:
        if one.method == "tools/call" or one.answered is None:
            yield f"{name}: {_exchange(one)}"
    if start.stray:
        lines = _count(len(start.stray), "line")
        yield f"{name}: {lines} on standard output that are no messages: {_quoted(start.stray[0])}"
    if start.ending:
        told = ", ".join(f"{_sign(what)} after {_s(at)}" for at, what in start.ending if what != "closed")
        code = f" with code {start.exit}" if isinstance(start.exit, int) else f" by {start.exit}" if start.exit else ""
        yield f"{name}: {told}{code}"
    if start.stderr.strip():
        yield f"{name}: its last line on standard error: {_quoted(start.stderr.strip().splitlines()[-1])}"


def _exchange(one: Exchange) -> str:
    name = f" of {for_report(str(one.params.get('name')))}" if one.method == "tools/call" else ""
    if one.answered is None:
        return f"{one.method}{name} asked after {_s(one.asked)}, never answered"
    how = f"an error, {_quoted(_error(one))}" if one.error is not None else "a result"
    if one.result is not None and one.result.get("isError") is True:
        how = "a result with isError"
    return f"{one.method}{name} asked after {_s(one.asked)}, answered with {how} after {_s(one.answered - one.asked)}"


def _turn_fact(case: Case, turn: Turn) -> str:
    ours = sum(case.shown(name) in turn.offered for name in case.names if case.shown(name))
    if turn.answered.calls:
        did = "it called " + ", ".join(_tool(made.tool.full) for made in turn.answered.calls)
    else:
        did = f"it said {shortened(_quoted(turn.answered.text), 80)}"
    return f"the model, after {_s(turn.at)}: offered {_count(len(turn.offered), 'tool')}, {ours} of this server; {did}"
