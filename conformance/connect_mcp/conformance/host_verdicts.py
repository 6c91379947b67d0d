"""In which host would this server fail, and why: one sentence a person understands, with what it rests on.

A rule is a function from what a visit has shown to findings. What would keep a host from using the server at all comes
before what it would lose, and that before what is a risk.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from connect_mcp.base.machine import Machine
from connect_mcp.base.record import record, replace

from .profiles import UNKNOWN, Naming, Profile
from .replay import Calls, Server
from .report import for_report
from .schemas import REVISIONS
from .visit import Seen, visit

Weight = Literal["fails", "loses", "risk"]
WEIGHTS: tuple[Weight, ...] = ("fails", "loses", "risk")


@record
class Finding:
    """One thing that this host would not do with this server, or that its user would wonder about.

    Attributes:
        weight: `fails`: the host cannot use the server; `loses`: a part of it; `risk`: it may go wrong.
        what: the rest of a sentence that begins with the host, safe to print.
        why: what it rests on: what was seen here, and how the host's part is known.
    """

    weight: Weight
    what: str
    why: str


@record
class HostVerdict:
    """What would become of a server in one host.

    Attributes:
        host: the host's id.
        title: its name and the version that it was seen with.
        outcome: `works`, or the weight of the worst finding.
        sentence: the verdict.
        evidence: what it rests on, a line each.
        findings: all of them, the worst first.
    """

    host: str
    title: str
    outcome: Literal["works", "fails", "loses", "risk"]
    sentence: str
    evidence: tuple[str, ...]
    findings: tuple[Finding, ...]

    def data(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "host": self.host,
            "title": self.title,
            "outcome": self.outcome,
            "sentence": self.sentence,
            "evidence": list(self.evidence),
            "findings": [
                {"weight": finding.weight, "what": finding.what, "why": finding.why} for finding in self.findings
            ],
        }


def judge(
    profile: Profile, server: Server, machine: Machine, calls: Calls, *, timeout: float = 10.0, name: str = "server"
) -> HostVerdict:
    """Visit a server as a host and say what would become of it there.

    Args:
        profile: the host.
        server: the server; where it is a command, `env` is what its entry sets.
        machine: whose environment the host was started with.
        calls: which tools may be called.
        timeout: seconds to wait for an answer, whatever the host does.
        name: what the server is called in the host's config.
    """
    there = server
    if not server.url:
        there = replace(server, env=profile.host.server_env(machine, dict(server.env or {})))
    seen = visit(profile, there, calls, timeout=timeout, name=name)
    if seen.failure and not server.url and profile.host.passed_on.names is not None:
        everything = replace(server, env={**machine.env, **(server.env or {})})
        if not visit(profile, everything, calls, timeout=timeout, name=name).failure:
            given = ", ".join(sorted(profile.host.passed_on.names))
            seen = replace(seen, failure=f"{seen.failure}, and works where it is given more variables than {given}")
    return verdict(profile, seen, name)


def verdict(profile: Profile, seen: Seen, name: str = "server") -> HostVerdict:
    """What would become of a server of which this was seen."""
    found = [finding for rule in RULES for finding in rule(profile, seen, name)]
    findings = tuple(sorted(found, key=lambda finding: WEIGHTS.index(finding.weight)))
    evidence = (*_evidence(profile, seen), *(finding.why for finding in findings if finding.why))
    outcome = findings[0].weight if findings else "works"
    sentence = f"{profile.title} {findings[0].what if findings else _works(profile, seen)}"
    more = len(findings) - 1
    sentence += "." if more < 1 else f" (and {more} more)."
    return HostVerdict(profile.id, profile.title, outcome, sentence, evidence, findings)


def _works(profile: Profile, seen: Seen) -> str:
    waits = _patience(profile)
    in_time = f", and it waits {waits:g} s" if waits is not None else ""
    called = f"; {seen.called} answered after {seen.call_seconds:.2f} s" if seen.called else ""
    return f"works with this server: {_count(len(seen.tools))} after {seen.ready or 0:.2f} s{in_time}{called}"


def _evidence(profile: Profile, seen: Seen) -> Iterator[str]:
    if seen.ready is not None:
        yield f"revision {for_report(seen.revision)}, {_count(len(seen.tools))}, ready after {seen.ready:.3f} s"
    if seen.called and seen.call_result is not None:
        yield f"{seen.called} was called and answered after {seen.call_seconds:.3f} s"
    if seen.tools and "unapproved" not in profile.unknown:
        yield _approval(profile, seen)
    if profile.unknown:
        unknown = ", ".join(fact.replace("_", " ") for fact in profile.unknown)
        yield f"not known of it, so that nothing is said of that: {unknown}"
    yield from seen.notes


def _approval(profile: Profile, seen: Seen) -> str:
    """What the host does with calls that nobody has approved, and of how many tools."""
    hints = [tool.get("annotations") for tool in seen.tools]
    read_only = sum(isinstance(hint, dict) and hint.get("readOnlyHint") is True for hint in hints)
    words = {
        "run": "calls are made without being approved",
        "run where read-only": f"{read_only} of {len(hints)} tools are called without being approved: the read-only",
        "refused": "calls are refused until they are approved",
        "not offered": "tools are not offered to the model before the server is trusted",
    }
    return f"{words[profile.unapproved]} ({_known(profile, 'unapproved')})"


def _patience(profile: Profile) -> float | None:
    patience = profile.host.patience
    return patience.headless if patience.headless is not None else patience.interactive


def _unusable(profile: Profile, seen: Seen, name: str) -> Iterator[Finding]:
    if seen.failure:
        why = "" if "without" in profile.unknown else f"it {profile.without}: {_known(profile, 'without')}"
        yield Finding("fails", f"would start without this server's tools: {seen.failure}", why)
    elif seen.ready is None:
        yield Finding("fails", "would have none of this server's tools: tools/list was not answered with a list", "")


def _too_late(profile: Profile, seen: Seen, name: str) -> Iterator[Finding]:
    waits = _patience(profile)
    if seen.ready is None or waits is None or seen.ready <= waits:
        return
    evidence = profile.host.evidence.get("patience")
    source = f"its patience: {evidence.source}" if evidence else ""
    setting = profile.host.patience.setting
    mend = f"; {setting} makes it wait longer" if setting else ""
    usual = profile.host.patience.interactive
    where = f" in a headless run ({usual:g} s otherwise)" if usual is not None and usual != waits else ""
    what = f"would start without this server's tools: ready after {seen.ready:.1f} s, it waits {waits:g} s{where}{mend}"
    yield Finding("fails", what, source)


def _revision(profile: Profile, seen: Seen, name: str) -> Iterator[Finding]:
    if seen.revision and seen.revision not in REVISIONS and not profile.takes_any_revision:
        what = f"would refuse this server: it answers with the revision {for_report(seen.revision)}, which there is not"
        yield from _found(profile, "fails", what, "takes_any_revision")


def _stdout(profile: Profile, seen: Seen, name: str) -> Iterator[Finding]:
    first, later = seen.strays
    counted = (
        ("first", first, "a line that is no JSON"),
        ("later", later, "lines that are no JSON between its answers"),
    )
    for kind, count, what in (*counted, ("blank", seen.blanks, "blank lines")):
        taken = profile.stdout[kind]
        if count and taken == "fails":
            told = f"would drop this server: it writes {what} to its standard output"
            yield from _found(profile, "fails", told, "stdout")
        elif count and taken == "loses the tools":
            told = f"would lose all tools of this server: it writes {what} to its standard output"
            yield from _found(profile, "fails", told, "stdout")


def _pages(profile: Profile, seen: Seen, name: str) -> Iterator[Finding]:
    if seen.has_more:
        what = f"would see only {_count(len(seen.tools))}: it asks for the first page alone, and there are more"
        yield from _found(profile, "loses", what, "follows_pages")


def _tool_count(profile: Profile, seen: Seen, name: str) -> Iterator[Finding]:
    limit = profile.host.limits.tools
    if limit is not None and len(seen.tools) > limit:
        what = f"offers its model {limit} tools at most, and this server has {len(seen.tools)}"
        evidence = profile.host.evidence.get("limits")
        yield Finding("loses", what, f"its limits: {evidence.source}" if evidence else "")


def _names(profile: Profile, seen: Seen, name: str) -> Iterator[Finding]:
    groups: dict[str, list[str]] = defaultdict(list)
    for tool in seen.tools:
        if isinstance(tool.get("name"), str):
            groups[shown_name(profile, name, seen.server_info, tool["name"])].append(tool["name"])
    for shown, tools in groups.items():
        if len(tools) > 1:
            listed = " and ".join(for_report(tool) for tool in tools[:3])
            yield from _found(profile, "loses", f"would confuse {listed}: all become {for_report(shown)}", "name")
            return
    limit = profile.host.limits.tool_name
    changed = [tools[0] for shown, tools in groups.items() if limit and len(shown) >= limit and profile.name.cut]
    if changed and limit:
        what = (
            f"would show its model {for_report(changed[0])} under a cut name: with the prefix it is longer than {limit}"
        )
        yield from _found(profile, "risk", what, "name")


def shown_name(profile: Profile, entry: str, info: Mapping[str, Any], tool: str) -> str:
    """The name under which a host's model sees a tool; where a hash is part of it, without that.

    Args:
        profile: the host.
        entry: what the server is called in the host's config.
        info: the `serverInfo` that the server gives.
        tool: the tool's own name.
    """
    naming, limits = profile.name, profile.host.limits
    if naming.punycode:
        tool = ".".join(_in_ascii(part, naming) for part in tool.split("."))
    text = limits.named(entry, info, tool)
    if naming.kept is not None:
        text = re.sub(f"[^{naming.kept}]", naming.instead, text)
    if limits.tool_name is None or len(text) <= limits.tool_name or naming.cut in (None, "hash"):
        return text
    if naming.cut == "end":
        return text[: limits.tool_name]
    left = limits.tool_name - len(naming.joint)
    head = left - left // 2 if naming.head is None else naming.head
    return f"{text[:head]}{naming.joint}{text[head - left :]}"


def _in_ascii(part: str, naming: Naming) -> str:
    if part.isascii():
        return part
    plain = "".join(one if not one.isascii() or re.match(f"[{naming.kept}]", one) else naming.instead for one in part)
    return "xn--" + plain.encode("punycode").decode("ascii")


def _call(profile: Profile, seen: Seen, name: str) -> Iterator[Finding]:
    answer = seen.call_result
    if answer is None:
        return
    if profile.call_patience is not None and seen.call_seconds > profile.call_patience:
        what = f"gives up {seen.called}: it took {seen.call_seconds:.0f} s, it waits {profile.call_patience:g} s"
        yield from _found(profile, "loses", what, "call_patience")
    if "error" in answer and profile.repeats_failed_calls:
        times = f"makes a call {profile.repeats_failed_calls} times where it is answered with a JSON-RPC error"
        what = f"{times}, as {seen.called} was: a tool that failed answers with isError"
        yield from _found(profile, "loses", what, "repeats_failed_calls")
    result = answer.get("result")
    if isinstance(result, dict):
        yield from _shown(profile, seen, result)


def _shown(profile: Profile, seen: Seen, result: Mapping[str, Any]) -> Iterator[Finding]:
    structured, content = result.get("structuredContent"), result.get("content")
    texts = [block.get("text") for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    if structured is None:
        return
    if profile.structured == "instead of the text" and texts and not any(_is_same(text, structured) for text in texts):
        what = f"shows its model structuredContent instead of the text, and those of {seen.called} do not say the same"
        yield from _found(profile, "risk", what, "structured")
    if profile.structured == "dropped" and not texts:
        what = f"shows its model nothing of what {seen.called} answers: it has structuredContent alone"
        yield from _found(profile, "loses", what, "structured")


def _is_same(text: Any, structured: Any) -> bool:
    """Whether a text says what structured content says: the same as JSON, or the one value in it."""
    values = [structured, *(structured.values() if isinstance(structured, dict) and len(structured) == 1 else ())]
    if text in values:
        return True
    try:
        return json.loads(text) in values
    except (ValueError, TypeError, RecursionError):
        return False


def _asked(profile: Profile, seen: Seen, name: str) -> Iterator[Finding]:
    for method in seen.asked:
        if profile.replies.get(method, profile.replies.get("*")) is None:
            what = f"never answers {for_report(method)}, which this server asks"
            yield from _found(profile, "risk", what, "replies")


def _orphan(profile: Profile, seen: Seen, name: str) -> Iterator[Finding]:
    if not seen.ends and profile.leaves_orphan:
        what = "would leave this server running: it does not end when its input does, and nobody kills it"
        yield from _found(profile, "loses", what, "leaves_orphan")


def _protocol(profile: Profile, seen: Seen, name: str) -> Iterator[Finding]:
    strays = [fault for fault in seen.faults if "a line that is no message" not in fault]
    if strays and not seen.failure:
        what = f"may not understand this server: {strays[0]}"
        yield Finding("risk", what, f"{len(strays)} such faults were seen" if len(strays) > 1 else "")


Rule = Callable[[Profile, Seen, str], Iterator[Finding]]

RULES: Sequence[Rule] = (
    _unusable,
    _too_late,
    _revision,
    _stdout,
    _pages,
    _tool_count,
    _names,
    _call,
    _asked,
    _orphan,
    _protocol,
)


def _found(profile: Profile, weight: Weight, what: str, fact: str) -> Iterator[Finding]:
    """A finding that rests on a fact: a risk at most where that is only remembered, and none where it is not known."""
    if profile.known[fact].how == "memory":
        yield Finding("risk", f"probably {what}", _known(profile, fact))
    elif profile.known[fact].how != UNKNOWN:
        yield Finding(weight, what, _known(profile, fact))


def _known(profile: Profile, fact: str) -> str:
    known = profile.known[fact]
    words = {"seen": "seen with", "derived": "derived from what was seen with", "memory": "remembered, not checked, of"}
    how = f"{words[known.how]} {profile.program}" if known.how in words else known.source
    note = f" ({known.note})" if known.note else ""
    return f"{fact.replace('_', ' ')}: {how}{note}"


def _count(tools: int) -> str:
    return "1 tool" if tools == 1 else f"{tools} tools"
