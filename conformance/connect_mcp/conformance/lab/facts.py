"""What a run shows of the facts in a host's profile: a row for each, with the scenario that shows it.

A row gives the value as a profile would hold it, or `UNSEEN` where this run does not show it: a host that never got as
far says nothing about what it would have done.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from connect_mcp.base.record import record

from ..host_verdicts import shown_name
from ..profiles import Profile
from ..session import META_REVISION, Json, Session
from .all_recipes import selected
from .drive import ENTRY, naming
from .evidence import Evidence, Start
from .model.script import SEARCHES

UNSEEN: Final = object()
"""This run does not show it."""

TELLS: Final = re.compile(r'"status": ?"(?:failed|disconnected)"|MCP issues detected|failed to load|, Error ')
"""The words by which hosts tell a person that a server cannot be used, as seen with those of the profiles: Claude Code,
Copilot CLI and Qwen Code; Gemini CLI; Continue; VS Code. The others say nothing."""

Seen = Callable[[Evidence], Any]
Same = Callable[[Any, Any, Profile, Evidence], bool]
"""Whether what a profile says agrees with what was seen."""

_AROUND = 10.0  # seconds by which a wait for a call may differ from the profile's, on a busy machine
_AT_ONCE = 0.05  # seconds within which two endings may change places: which is recorded first is chance
_HEAD = 24  # characters at the beginning of a name that a hash leaves
_UNNOTED = 0.002  # seconds before a kill in which what a host does may not be written down: Copilot gives a server 1 ms
_LATER = 1.0  # seconds by which an ending may come later than a profile says, on a busy machine


@record
class Fact:
    """One fact.

    Attributes:
        name: its name in a profile.
        scenario: the one whose run shows it.
        seen: the value in a run.
        same: whether a profile's value agrees with it.
        worded: whether the profile has it in words for people, and what the lab saw beside them.
    """

    name: str
    scenario: str
    seen: Seen
    same: Same
    worded: bool = False

    def said(self, profile: Profile) -> Any:
        """What the profile says of it; `UNSEEN` where that is nothing that a run could be held against."""
        known = profile.known[self.name]
        if self.name in profile.unknown or (self.worded and known.lab is None):
            return UNSEEN
        return known.lab if self.worded else getattr(profile, self.name)


@record
class Message:
    """A message on the wire.

    Attributes:
        t: seconds after the server's start.
        from_host: whether the host sent it.
        body: the message.
    """

    t: float
    from_host: bool
    body: Mapping[str, Any]


def messages(start: Start) -> list[Message]:
    """Everything that was a JSON object, in order."""
    return [
        Message(event.t, event.ev == "host", event.msg)
        for event in Session(start.session).events()
        if event.ev in ("host", "server") and isinstance(event.msg, dict)
    ]


def _first(evidence: Evidence) -> list[Message]:
    """The messages of the first start that had any."""
    return next((found for start in evidence.starts if (found := messages(start))), [])


def _requests(wire: Sequence[Message], method: str = "") -> list[Mapping[str, Any]]:
    """The host's requests, or those of one method."""
    return [
        one.body
        for one in wire
        if one.from_host and "id" in one.body and "method" in one.body and method in ("", one.body["method"])
    ]


def _params(message: Mapping[str, Any]) -> Mapping[str, Any]:
    params = message.get("params")
    return params if isinstance(params, Mapping) else {}


def _probes(evidence: Evidence) -> Any:
    requests = _requests(_first(evidence))
    return requests[0]["method"] == "server/discover" if requests else UNSEEN


def _initialize(evidence: Evidence) -> Mapping[str, Any] | None:
    found = _requests(_first(evidence), "initialize")
    return _params(found[0]) if found else None


def _of_initialize(member: str) -> Seen:
    def seen(evidence: Evidence) -> Any:
        params = _initialize(evidence)
        return UNSEEN if params is None else params.get(member)

    return seen


def _takes_any_revision(evidence: Evidence) -> Any:
    wire = _first(evidence)
    if not any("protocolVersion" in (one.body.get("result") or {}) for one in wire if not one.from_host):
        return UNSEEN
    return bool(_requests(wire, "tools/list"))


def _first_id(evidence: Evidence) -> Any:
    requests = _requests(_first(evidence))
    return requests[0]["id"] if requests else UNSEEN


def _opening(evidence: Evidence) -> Any:
    """The requests between the handshake and the first call; what a revision puts into each `_meta` is left out."""
    wire = _first(evidence)
    opening: list[dict[str, Json]] = []
    for request in _requests(wire):
        if request["method"] == "tools/call":
            return opening
        if request["method"] not in ("initialize", "server/discover"):
            opening.append(_bare(request))
    return UNSEEN


def _bare(request: Mapping[str, Any]) -> dict[str, Json]:
    if "params" not in request:
        return {"method": request["method"]}
    return {"method": request["method"], "params": _own(_params(request))}


def _own(params: Mapping[str, Any]) -> dict[str, Any]:
    """The params without what the modern revision has in every request."""
    meta = params.get("_meta")
    if not isinstance(meta, Mapping) or META_REVISION not in meta:
        return dict(params)
    left = {key: value for key, value in meta.items() if not key.startswith("io.modelcontextprotocol/")}
    return {**{key: value for key, value in params.items() if key != "_meta"}, **({"_meta": left} if left else {})}


def _call(evidence: Evidence) -> Any:
    calls = _requests(_first(evidence), "tools/call")
    if not calls:
        return UNSEEN
    more = {key: value for key, value in _own(_params(calls[0])).items() if key not in ("name", "arguments")}
    return _with_id(more, calls[0]["id"])


def _with_id(value: Any, identity: Any) -> Any:
    """The value with the request's own id as `$id`, where a text or number of it is that id."""
    if isinstance(value, Mapping):
        return {key: _with_id(one, identity) for key, one in value.items()}
    return "$id" if value == identity and not isinstance(value, bool) else value


def _after_call(evidence: Evidence) -> Any:
    """The method of what the host says about a call that is over; it may say more about other things."""
    wire = _first(evidence)
    answered = _answer_to_call(wire)
    if answered is None:
        return UNSEEN
    told = (one.body for one in wire[answered + 1 :] if one.from_host and "id" not in one.body)
    identity = wire[answered].body["id"]
    return next((body["method"] for body in told if _params(body).get("requestId") == identity), None)


def _answer_to_call(wire: Sequence[Message]) -> int | None:
    calls = {request["id"] for request in _requests(wire, "tools/call")}
    return next((at for at, one in enumerate(wire) if not one.from_host and one.body.get("id") in calls), None)


def _follows_pages(evidence: Evidence) -> Any:
    pages = _requests(_first(evidence), "tools/list")
    return any("cursor" in _params(request) for request in pages) if pages else UNSEEN


def _relists(evidence: Evidence) -> Any:
    wire = _first(evidence)
    changed = next((at for at, one in enumerate(wire) if one.body.get("method") == _CHANGED), None)
    return UNSEEN if changed is None else bool(_requests(wire[changed:], "tools/list"))


_CHANGED = "notifications/tools/list_changed"


def _replies(evidence: Evidence) -> Any:
    """What the host answered to the server's requests, by method; None for never."""
    wire = _first(evidence)
    asked = {
        one.body["id"]: str(one.body["method"])
        for one in wire
        if not one.from_host and "method" in one.body and "id" in one.body
    }
    if not asked:
        return UNSEEN
    replies: dict[str, Any] = dict.fromkeys(asked.values())
    for one in wire:
        if one.from_host and "method" not in one.body and one.body.get("id") in asked:
            answer = {key: one.body[key] for key in ("result", "error") if key in one.body}
            replies[asked[one.body["id"]]] = answer
    return replies


def _stdout(evidence: Evidence) -> Any:
    """What the host made of a server that says more on standard output than the protocol."""
    if not evidence.starts or not any(turn.offered for turn in evidence.turns):
        return UNSEEN
    if any(turn.seen for turn in evidence.turns):
        return "taken"
    return "fails" if not _requests(_first(evidence), "tools/list") else "loses the tools"


def _names(evidence: Evidence) -> Any:
    """The names under which the model is offered the server's tools; None for one that is not to be found.

    A host that lets its model look for tools offers those alone that were looked for.
    """
    listed = evidence.starts[0].tools if evidence.starts else ()
    shown = {tool.full: tool for turn in evidence.turns for tool in turn.offered}
    if not listed or not shown:
        return UNSEEN
    (recipe,) = selected([evidence.host_id])
    found = {tool: naming(recipe)(tool, tuple(shown.values())) for tool in listed}
    deferred = any(name in SEARCHES for name in shown)
    return {tool: offer and offer.full for tool, offer in found.items() if offer is not None or not deferred}


def _shutdown(evidence: Evidence) -> Any:
    """How the server's end was brought about, with seconds from the first of it; a kill leaves no trace."""
    seen = evidence.starts[0].ending if evidence.starts else ()
    ending = [(t, what) for t, what in seen if what not in ("closed", "exit")]
    return [[what, round(t - ending[0][0], 3)] for t, what in ending] if ending else UNSEEN


def _leaves_orphan(evidence: Evidence) -> Any:
    return any(left.is_server for left in evidence.left) if evidence.starts else UNSEEN


def _structured(evidence: Evidence) -> Any:
    """Which of a result's two forms the model saw; the scenario's server gives them different words."""
    said = " ".join(seen.text for turn in evidence.turns for seen in turn.seen)
    text, structured = "as text" in said, "as structure" in said
    if not text and not structured:
        return UNSEEN
    if not structured:
        return "dropped"
    return "beside the text" if text else "instead of the text"


def _repeats(evidence: Evidence) -> Any:
    made = sum(len(start.calls) for start in evidence.starts)
    return UNSEEN if not made else 0 if made == 1 else made


def _unapproved(evidence: Evidence) -> Any:
    """What becomes of calls of tools that nobody has approved: the script calls one that is read-only, then another."""
    if not evidence.turns or not any(start.tools for start in evidence.starts):
        return UNSEEN
    made = [call.params.get("name") for start in evidence.starts for call in start.calls]
    if made:
        return "run" if "change" in made else "run where read-only"
    tried = any(turn.answered.calls and not turn.answered.searched for turn in evidence.turns)
    return "refused" if tried else "not offered"


def _first_shown(evidence: Evidence) -> Any:
    """What the model saw of the first call, with a placeholder for what takes its time."""
    seen = next((seen for turn in evidence.turns for seen in turn.seen), None)
    return UNSEEN if seen is None else {"text": re.sub(r"\d+\.\d+", "{number}", seen.text), "marked": seen.is_error}


def _without(evidence: Evidence) -> Any:
    """What the host does where its server ends at once."""
    if not evidence.starts:
        return UNSEEN
    told = TELLS.search(evidence.output) or TELLS.search(evidence.errors)
    return {
        "asks its model": bool(evidence.turns),
        "exit": evidence.exit,
        "starts": len(evidence.starts),
        "says": told[0] if told else None,
    }


def _call_patience(evidence: Evidence) -> Any:
    """After how many seconds the host gave up a call; None where it waited for the answer."""
    for start in evidence.starts:
        for call in start.calls:
            asked = start.spawned + call.asked
            after = [turn for turn in evidence.turns if turn.at > asked and turn.seen]
            if not after:
                return UNSEEN
            late = call.answered is None or start.spawned + call.answered > after[0].at
            return round(after[0].at - asked, 1) if late else None
    return UNSEEN


def _equal(said: Any, seen: Any, profile: Profile, evidence: Evidence) -> bool:
    return bool(said == seen)


def _about(said: Any, seen: Any, profile: Profile, evidence: Evidence) -> bool:
    """About the same time, or where the host waited to the end, none that was shorter than that."""
    if said is None or seen is None:
        return said is None and seen is None
    return bool(abs(said - seen) < _AROUND)


def _same_client(said: Any, seen: Any, profile: Profile, evidence: Evidence) -> bool:
    """As the profile says, with the entry's name, the version of the program that ran, and its carrier's name."""
    (recipe,) = selected([evidence.host_id])
    before = profile.program.rpartition(" ")[2]
    expected = {key: _client_text(value, before, evidence.version) for key, value in said.items()}
    return bool((expected | ({"name": recipe.carrier.name} if recipe.carrier else {})) == seen)


def _client_text(value: Any, before: str, version: str) -> Any:
    if not isinstance(value, str):
        return value
    return version if value == before else value.replace("{server}", ENTRY)


def _same_opening(said: Any, seen: Any, profile: Profile, evidence: Evidence) -> bool:
    """The same requests; the order is chance where a host sends them all at once, and so is which token each has."""

    def ordered(requests: Any) -> list[str]:
        return sorted(repr(_sorted(_without_token(request))) for request in requests)

    return ordered(said) == ordered(seen)


def _without_token(value: Any) -> Any:
    """The value, with whether there is a progress token and not which."""
    if not isinstance(value, Mapping):
        return value
    return {key: "a token" if key == "progressToken" else _without_token(one) for key, one in value.items()}


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted((key, repr(_sorted(one))) for key, one in value.items())
    return value


def _within(said: Any, seen: Any, profile: Profile, evidence: Evidence) -> bool:
    """Whether all that the profile says is there, each value of the kind that it says; a host may say more."""
    if isinstance(said, Mapping):
        return isinstance(seen, Mapping) and all(
            key in seen and _within(one, seen[key], profile, evidence) for key, one in said.items()
        )
    if isinstance(said, str) and isinstance(seen, str):
        return said == "$id" or bool(re.match(r"\{\{uuid", said)) == bool(re.match(r"\{\{uuid", seen))
    if said == "$id" or seen == "$id":
        return isinstance(said, (int, str)) and isinstance(seen, (int, str))
    return type(said) is type(seen)


def _same_notification(said: Any, seen: Any, profile: Profile, evidence: Evidence) -> bool:
    return bool((said["method"] if said else None) == seen)


def _same_replies(said: Any, seen: Any, profile: Profile, evidence: Evidence) -> bool:
    return all(_same_reply(said.get(method, said.get("*")), reply) for method, reply in seen.items())


def _same_reply(said: Any, seen: Any) -> bool:
    """The same result, or an error of the same code: its words are the host's own affair."""
    if said is None or seen is None:
        return said is None and seen is None
    if "error" in said or "error" in seen:
        return bool((said.get("error") or {}).get("code") == (seen.get("error") or {}).get("code"))
    return bool(_shape(said) == _shape(seen))


def _shape(value: Any) -> Any:
    """A result without what is another folder in each run."""
    if isinstance(value, Mapping):
        return {key: _shape(one) for key, one in value.items() if key != "name"}
    if isinstance(value, list):
        return [_shape(one) for one in value]
    return "file:" if isinstance(value, str) and value.startswith("file:") else value


def _same_names(said: Any, seen: Any, profile: Profile, evidence: Evidence) -> bool:
    """Every tool is offered under the name that profile and row foretell, or where that is long, one with a hash."""
    info = evidence.starts[0].server_info
    return all(_is_foretold(tool, name, profile, info) for tool, name in seen.items())


def _is_foretold(tool: str, name: str | None, profile: Profile, info: Mapping[str, Any]) -> bool:
    foretold, limit = shown_name(profile, ENTRY, info, tool), profile.host.limits.tool_name
    if name == foretold:
        return True
    changed = bool(profile.name.instead) and profile.name.instead in foretold[len(ENTRY) :]
    hashed = profile.name.cut == "hash" and (limit is None or len(foretold) > limit or changed)
    return hashed and name is not None and name.startswith(foretold[: min(_HEAD, len(foretold) // 2)])


def _same_ending(said: Any, seen: Any, profile: Profile, evidence: Evidence) -> bool:
    """The same steps, none much later, and none before one that the profile has at an earlier moment."""
    expected = {str(what): float(after) for what, after in said if what != "SIGKILL"}
    kill = next((float(after) for what, after in said if what == "SIGKILL"), None)
    unnoted = {what for what, after in expected.items() if kill is not None and kill - after < _UNNOTED}
    came = {what for what, _ in seen}
    if not came <= set(expected) or not set(expected) - came <= unnoted or len(seen) != len(came):
        return False
    late = any(after > expected[what] + _LATER for what, after in seen)
    pairs = [(one, other) for at, one in enumerate(seen) for other in seen[at + 1 :]]
    return not late and not any(
        expected[first] > expected[then] and before + _AT_ONCE < after for (first, before), (then, after) in pairs
    )


def _part(name: str) -> Same:
    """One member of a fact that has several."""

    def same(said: Any, seen: Any, profile: Profile, evidence: Evidence) -> bool:
        return bool(said[name] == seen)

    return same


FACTS: tuple[Fact, ...] = (
    Fact("probes", "call", _probes, _equal),
    Fact("revision", "older", _of_initialize("protocolVersion"), _equal),
    Fact("client", "older", _of_initialize("clientInfo"), _same_client),
    Fact("capabilities", "older", _of_initialize("capabilities"), _equal),
    Fact("takes_any_revision", "revision", _takes_any_revision, _equal),
    Fact("first_id", "older", _first_id, _equal),
    Fact("opening", "all-features", _opening, _same_opening),
    Fact("call", "call", _call, _within),
    Fact("after_call", "call", _after_call, _same_notification),
    Fact("follows_pages", "paging", _follows_pages, _equal),
    Fact("relists", "list-changed", _relists, _equal),
    Fact("replies", "requests", _replies, _same_replies),
    Fact("stdout", "stdout-first", _stdout, _part("first")),
    Fact("stdout", "stdout-each", _stdout, _part("later")),
    Fact("stdout", "stdout-blank", _stdout, _part("blank")),
    Fact("name", "names", _names, _same_names),
    Fact("shutdown", "shutdown-deaf", _shutdown, _same_ending),
    Fact("leaves_orphan", "shutdown-deaf", _leaves_orphan, _equal),
    Fact("structured", "structured", _structured, _equal),
    Fact("repeats_failed_calls", "rpc-error", _repeats, _equal),
    Fact("is_error", "is-error", _first_shown, _equal, worded=True),
    Fact("rpc_error", "rpc-error", _first_shown, _equal, worded=True),
    Fact("unapproved", "unapproved", _unapproved, _equal),
    Fact("without", "absent", _without, _equal, worded=True),
    Fact("call_patience", "very-slow-tool", _call_patience, _about),
)


def not_looked_at(profile: Profile) -> Iterator[str]:
    """The facts of a profile that no run shows."""
    shown = {fact.name for fact in FACTS if fact.said(profile) is not UNSEEN}
    yield from (name for name in profile.known if name not in shown and name not in profile.unknown)
