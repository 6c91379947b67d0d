"""A run as Markdown, for the summary of a CI job.

What a server said stands in code blocks or with every mark escaped: it draws nothing, links nowhere and mentions
nobody.
"""

import re
from collections.abc import Iterator, Sequence

from ..fuzz import Fuzzed
from ..result import Result
from ..verdicts import Verdict
from .shown import TOLD, about, again, exchange

_MOST = 50  # results told in detail: a job's summary has at most a megabyte
_HOSTS = {"works": "works", "fails": "**fails**", "loses": "loses a part", "risk": "at risk"}


def render(verdict: Verdict) -> str:
    """The report as text."""
    return "".join(f"{line}\n" for line in _lines(verdict))


def plain(text: str) -> str:
    """A text that stands as it is, whatever marks are in it."""
    escaped = re.sub(r"([\\`*_{}\[\]()#+.!|~-])", r"\\\1", text)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")


def code(lines: Sequence[str]) -> Iterator[str]:
    """Lines in a block that nothing in them can end."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}text"
    yield from lines
    yield fence


def _lines(verdict: Verdict) -> Iterator[str]:
    count = verdict.count
    word = {0: "passed", 1: "failed"}.get(verdict.exit_code, "could not be judged")
    yield f"## MCP conformance: {word}" + (f" (shard {verdict.shard})" if verdict.shard else "")
    yield ""
    yield f"{plain(verdict.subject)}, revisions {', '.join(verdict.revisions)}, in {verdict.seconds:.1f} s"
    yield ""
    yield "| " + " | ".join(count) + " |"
    yield "|" + " --: |" * len(count)
    yield "| " + " | ".join(str(number) for number in count.values()) + " |"
    if verdict.hosts:
        yield from _hosts(verdict)
    if verdict.fuzzed:
        yield from _fuzzed(verdict.fuzzed)
    if verdict.sdk:
        yield ""
        yield "### What its SDK cannot help"
        yield ""
        yield plain(verdict.sdk[0].strip())
        yield ""
        yield from (f"- {plain(line.strip())}" for line in verdict.sdk[1:])
    told = [result for outcome in TOLD for result in verdict.results if result.outcome == outcome]
    for result in told[:_MOST]:
        yield from _told(verdict, result)
    if len(told) > _MOST:
        yield ""
        yield f"and {len(told) - _MOST} more."


def _hosts(verdict: Verdict) -> Iterator[str]:
    yield ""
    yield "### In real hosts"
    yield ""
    yield "| host | | verdict |"
    yield "| --- | --- | --- |"
    for host in verdict.hosts:
        yield f"| {plain(host.title)} | {_HOSTS[host.outcome]} | {plain(host.sentence)} |"


def _fuzzed(fuzzed: Fuzzed) -> Iterator[str]:
    yield ""
    yield "### Fuzzing"
    yield ""
    sent = ", ".join(f"{count} {name}" for name, count in fuzzed.examples.items())
    yield f"Seed {fuzzed.seed}: {plain(sent or 'nothing was sent')}."
    for note in fuzzed.notes:
        yield f"- {plain(note)}"
    for found in fuzzed.found:
        yield ""
        yield f"#### {found.kind}: {plain(found.sort)} in {plain(found.revision)}"
        yield ""
        yield f"{plain(found.what)}"
        yield ""
        yield f"{about(found)}"
        yield ""
        yield from code([again(found)])


def _told(verdict: Verdict, result: Result) -> Iterator[str]:
    row = verdict.requirements[result.requirement]
    yield ""
    yield f"### {result.outcome}: {plain(row.id)} in {result.revision}"
    yield ""
    yield f"{plain(row.title)}: {plain(result.why)}"
    yield ""
    yield f"{row.keyword}, {plain(row.source)}: {plain(row.rule)}"
    if lines := list(exchange(result)):
        yield ""
        yield from code(lines)
    yield ""
    yield f"Mend: {plain(result.mend or row.mend)}"
