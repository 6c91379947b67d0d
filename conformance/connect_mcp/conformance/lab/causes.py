"""Why a scenario did not come out as it should: one function for each cause.

A cause looks at a case and gives a finding, or None. Those that a scenario is judged by are tried in order, and the
first that finds something is told. What a host does is seen in its run; its profile and the installer's row only
explain it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connect_mcp.base.record import record

from ..report import for_report
from ..requirement import REVISIONS
from ..session import PLACEHOLDER
from .all_recipes import selected
from .case import (
    OWN,
    Case,
    Dealt,
    code,
    counted,
    ending_of,
    error_of,
    last_words,
    over,
    quoted,
    shows,
    sign,
    span,
    unanswered,
)
from .evidence import Start
from .model.script import Offered
from .results import Kind
from .scenario import Judged

_SOON = 0.05  # seconds: how exactly the start of a server is known
_WORDS = 40  # of a result that the model must have seen: hosts cut what is longer


@record
class Finding:
    """What a cause has found.

    Attributes:
        kind: what that means for the scenario.
        what: the rest of a sentence that begins with the host, safe to print.
        why: further evidence, safe to print.
        alone: whether `what` is the whole sentence, since it is the same in every host.
    """

    kind: Kind
    what: str
    why: tuple[str, ...] = ()
    alone: bool = False


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


def _fails(what: str, *why: str) -> Finding:
    return Finding("fail", what, why)


_WITHOUT = "would start without this server's tools"


# Causes: the start


def _never_started(case: Case) -> Finding | None:
    if case.starts:
        return None
    if case.planned.looked.failure:
        return _fails(f"{_WITHOUT}: {for_report(case.planned.looked.failure)}")
    if not case.evidence.turns:
        return Finding("not driven", f"{_came_to_nothing(case)} and neither started the server nor asked its model")
    return Finding("not driven", "did not start the server that it was given: it may have changed beyond its recipe")


def _came_to_nothing(case: Case) -> str:
    if case.evidence.exit is None:
        return f"was still running after {span(case.evidence.seconds)},"
    return f"ended with code {case.evidence.exit} after {span(case.evidence.seconds)}"


def _ended_at_start(case: Case) -> Finding | None:
    if case.start is None or case.start.ready is not None or not all(map(case.ended_itself, case.starts)):
        return None
    start = case.start
    waiting = next((one.method for one in start.exchanges if one.answered is None), None)
    when = f"when it was asked for {waiting}" if waiting else "before it answered anything"
    times = f", each of {len(case.starts)} times" if len(case.starts) > 1 else ""
    return _fails(f"{_WITHOUT}: the server {ending_of(start)} {when}{times}{last_words(start)}")


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
            return _fails(f"{_WITHOUT}: {one.method} was answered with an error, {quoted(error_of(one))}")
    return None


def _stray(case: Case) -> Finding | None:
    """Text on standard output, at a server that answered, and whose tools the model still was not offered."""
    for start in case.starts:
        answered = any(one.result is not None for one in (*start.of("initialize"), *start.of("server/discover")))
        if start.stray and answered and not case.has_tools and unanswered(start, "initialize") is None:
            said = [line for line in start.stray if line.strip()]
            what = f"a line that is no message, {quoted(said[0])}," if said else "blank lines"
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
    if _declares_none(start):
        return _fails("would have no tools of this server: it does not say that it has any")
    waiting = unanswered(start, "initialize", "tools/list") or unanswered(start, "server/discover")
    if waiting is None and start.exchanges:
        return Finding("not driven", "did not ask this server for its tools, though all that it asked was answered")
    direct = case.planned.looked.ready
    if direct is not None and case.asked is not None and start.spawned + direct > case.asked:
        return _late(case, start, direct, " (started directly)")
    method = waiting.method if waiting else "initialize"
    given = _until(case, start) - (waiting.asked if waiting else 0.0)
    known = f" (ready after {span(direct)} when it is started directly)" if direct is not None else ""
    return _fails(f"{_WITHOUT}: {method} was not answered within {span(given)}{known}{_then(case)}", *_setting(case))


def _declares_none(start: Start) -> bool:
    """Whether the server's capabilities name no tools, so that a host need not ask for them."""
    said = [one.result for one in (*start.of("initialize"), *start.of("server/discover")) if one.result]
    return bool(said) and not any("tools" in (result.get("capabilities") or {}) for result in said)


def _until(case: Case, start: Start) -> float:
    """How long after its start a server was let be: until it was told to end or ended, or the host had ended."""
    seen = over(start)
    return case.evidence.seconds - start.spawned if seen is None else seen


def _then(case: Case) -> str:
    if case.asked is not None and case.start is not None:
        return f", and its model was asked {span(max(case.asked - case.start.spawned, 0))} after the server's start"
    if case.evidence.exit is None:
        return f", and it still waited when it was ended after {span(case.evidence.seconds)}"
    return f", and it ended with code {case.evidence.exit} after {span(case.evidence.seconds)}"


def _late(case: Case, start: Start, ready: float, how: str) -> Finding:
    assert case.asked is not None
    since = max(case.asked - start.spawned, 0.0)
    told = f"ready after {span(ready)}{how}, and its model was asked {span(since)} after the server's start"
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
    (recipe,) = selected([case.host.id])
    if recipe.patient_argv or recipe.patient_env or recipe.patient_settings:
        yield "a server is slower on a busy machine; connect-mcp lab run --patient tells this host to wait"


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
    if case.evidence.turns:
        return None
    said = [line for line in (case.evidence.errors or case.evidence.output).splitlines() if line.strip()]
    told = f": {quoted(said[-1])}" if said else ""
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
    listed = counted(len(case.names), "tool")
    return _fails(f"offers its model none of this server's {listed}, though they were listed before it asked")


def _names(case: Case) -> Finding | None:
    """A tool that is not offered, or under a name that was cut, or that the model's API refuses."""
    for tool in case.names:
        shown = case.shown(tool)
        if shown is None:
            if not case.waits:
                return _fails(f"does not offer its model the tool {code(tool)}")
            if any(one.call.tool == tool for one in case.dealt):
                return _fails(f"does not let its model find the tool {code(tool)}")
            continue
        turn = next(turn for turn in case.turns if shown in turn.offered)
        rule = NAME_RULES.get(turn.dialect)
        if rule and not _takes(rule, shown):
            return _fails(_unusable(tool, shown, rule), f"names that the model's API takes: {rule.source}")
        if len(shown.name) < len(tool) and _plain(tool) not in _plain(shown.full):
            what = f"offers its model the tool {code(tool)} only under a name that it cut"
            return _fails(f"{what}, to {len(shown.full)} characters", f"the name: {for_report(shown.full)}")
    return None


def _takes(rule: NameRule, shown: Offered) -> bool:
    """Whether the API takes the name; where it has groups, the two are apart and only the name's form is known."""
    return bool(re.fullmatch(rule.allowed, shown.name)) and len(shown.full) <= rule.most


def _unusable(tool: str, shown: Offered, rule: NameRule) -> str:
    if len(shown.full) > rule.most:
        under = f"a name of {len(shown.full)} characters, and the model's API takes {rule.most} at most"
    else:
        under = f"the name {code(shown.full)}, with characters that the model's API does not take"
    return f"offers its model the tool {code(tool)} under {under}"


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z]+", "_", name.lower())


# Causes: the calls


def _nothing_to_call(case: Case) -> Finding | None:
    """The host got on with a server that has no tools to call when it is asked directly."""
    if case.dealt:
        return None
    why = for_report(case.planned.looked.failure)
    return Finding("not applicable", f"no call was made: asked directly, the server lists no tools: {why}", alone=True)


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
    name = code(one.call.tool)
    listed = case.start.tools if case.start else ()
    if one.call.tool not in listed:
        return _fails(f"does not offer its model {name}: it did not ask for the list of tools again after it changed")
    if case.shown(one.call.tool) is None:
        return _fails(f"does not offer its model the tool {name}, which the server listed to it")
    return Finding("not driven", f"{_came_to_nothing(case)} before its model could call {name}")


def _not_reached(case: Case, one: Dealt) -> Finding | None:
    if one.reached:
        return None
    name = code(one.call.tool)
    said = f": {quoted(one.seen.text)}" if one.seen else ""
    if case.planned.scenario.takes == "a call that fails" and case.planned.server != case.planned.scenario.server:
        return Finding("not applicable", f"refuses by itself the arguments with which {name} would fail{said}")
    if case.planned.scenario.judged == "recovery" and case.start is not None and case.ended_itself(case.start):
        return _fails(f"does not start this server again after it crashed{said}")
    if case.start is not None and case.ended_itself(case.start):
        return _fails(f"could not call {name}: the server {ending_of(case.start)} before{last_words(case.start)}")
    return _fails(f"did not make the call of {name}{said}")


def _crashed(case: Case, one: Dealt) -> Finding | None:
    for start, exchange in reversed(one.reached):
        if exchange.answered is None and case.ended_itself(start) and one.answered is None:
            times = f", each of {len(one.reached)} times" if len(one.reached) > 1 else ""
            what = f"got no answer from {code(one.call.tool)}: the server {ending_of(start)} in the call{times}"
            return _fails(what + last_words(start), *shows(one))
    return None


def _no_answer(case: Case, one: Dealt) -> Finding | None:
    if one.answered is not None:
        return None
    start, exchange = one.reached[-1]
    waited = _until(case, start) - exchange.asked
    still = ", and still waited when it was ended" if case.evidence.exit is None else ""
    saw = f", and its model saw {quoted(one.seen.text)}" if one.seen else ""
    return _fails(f"got no answer from {code(one.call.tool)} within {span(waited)}{saw or still}", *shows(one))


def _rpc_error(case: Case, one: Dealt) -> Finding | None:
    answered = one.answered
    if answered is None or answered.error is None:
        return None
    times = f", and it made the call {len(one.reached)} times" if len(one.reached) > 1 else ""
    what = f"got a JSON-RPC error from {code(one.call.tool)} where a result with isError belongs{times}"
    return _fails(f"{what}: {quoted(error_of(answered))}", *shows(one))


def _error_unseen(case: Case, one: Dealt) -> Finding | None:
    """The model must see a JSON-RPC error's message, and the call must be made once."""
    answered, name = one.answered, code(one.call.tool)
    if answered is None or answered.error is None:
        return Finding("not applicable", f"got no JSON-RPC error from {name}")
    if len(one.reached) > 1:
        return _fails(f"made the call of {name} {len(one.reached)} times, since it was answered with a JSON-RPC error")
    if one.seen is None or not _has_words(one.seen.text, str(answered.error.get("message"))):
        return _fails(f"did not show its model the message of the JSON-RPC error that {name} gave", *shows(one))
    return None


def _no_failure(case: Case, one: Dealt) -> Finding | None:
    answered = one.answered
    if answered is not None and answered.result is not None and answered.result.get("isError") is not True:
        what = f"got no failure from {code(one.call.tool)}, though its own schema refuses the arguments"
        return Finding("not applicable", what)
    return None


def _changed(case: Case, one: Dealt) -> Finding | None:
    """The arguments did not arrive as the model gave them; one that may have been a secret is not looked at."""
    _, exchange = one.reached[-1]
    given = exchange.params.get("arguments")
    arrived = given if isinstance(given, dict) else {}
    for name, value in one.call.arguments.items():
        if arrived.get(name) != value and not PLACEHOLDER.search(json.dumps(arrived.get(name))):
            was = quoted(json.dumps(arrived.get(name), ensure_ascii=False))
            return _fails(f"changed the argument {code(name)} of {code(one.call.tool)} to {was}")
    return None


def _unseen(case: Case, one: Dealt) -> Finding | None:
    answered, name = one.answered, code(one.call.tool)
    if answered is None or answered.result is None or answered.answered is None:
        return None
    took = answered.answered - answered.asked
    if one.seen is None:
        return _fails(f"never gave its model the result of {name}, which came after {span(took)}")
    kinds = [kind for kind in _texts(answered.result) if _words(kind)]
    if not kinds or any(_has_words(one.seen.text, kind) for kind in kinds):
        return None
    saw = f"but {quoted(one.seen.text)}" if one.seen.text.strip() else "nor anything else"
    what = f"did not show its model what {name} answered after {span(took)}, {saw}"
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
    told = [what for _, what in start.ending if what not in OWN] if start else []
    tried = f" after {' and '.join(map(sign, told))}" if told else ""
    what = f"leaves this server running: it went on{tried}, and nobody ended it"
    return _fails(what, *_profile(case, "leaves_orphan"))


def _still_running(case: Case) -> Finding | None:
    if case.evidence.exit is None:
        what = (
            f"was still running after {span(case.evidence.seconds)} and was ended, so that it did not end this server"
        )
        return Finding("not driven", what)
    return None


def _ended_before(case: Case) -> Finding | None:
    """The server was gone before the host came to its end."""
    if case.start is None or not all(map(case.ended_itself, case.starts)):
        return None
    what = f"had nothing to end: the server {ending_of(case.start)} by itself{last_words(case.start)}"
    return Finding("not applicable", what)


def _not_interrupted(case: Case) -> Finding | None:
    if case.planned.scenario.interrupt is not None and not any(start.calls for start in case.starts):
        return Finding("not applicable", "made no call in which it could be interrupted")
    return None


def _gave_up(case: Case) -> Finding | None:
    """The host did not go on without the server."""
    if case.evidence.turns:
        return None
    times = f", which it started {len(case.starts)} times" if len(case.starts) > 1 else ""
    return _fails(f"{_came_to_nothing(case)} and never asked its model, for want of the server{times}")


Cause = Callable[[Case], Finding | None]

_READY: tuple[Cause, ...] = (
    _never_started,
    _ended_at_start,
    _refused_revision,
    _initialize_failed,
    _stray,
    _unready,
    _too_late,
    _no_tools,
    _never_asked,
)
_START: tuple[Cause, ...] = (*_READY, _first_page, _not_offered)
_REACHED: tuple[Of, ...] = (_not_made, _not_reached, _crashed, _no_answer)

CAUSES: Mapping[Judged, tuple[Cause, ...]] = {
    "tools": (*_START, _names),
    "calls": (*_START, _nothing_to_call, _each(*_REACHED, _rpc_error, _changed, _unseen)),
    "failure": (*_START, _nothing_to_call, _each(*_REACHED, _rpc_error, _no_failure, _unseen)),
    "error": (*_START, _each(*_REACHED, _error_unseen)),
    "recovery": (*_START, _each(*_REACHED, _rpc_error, _unseen, last=True)),
    "ending": (_never_started, _not_interrupted, _left_running, _ended_before, _still_running),
    "approval": _READY,
    "absence": (_never_started, _gave_up),
}
"""What is looked for, by what a scenario is about, in this order."""
