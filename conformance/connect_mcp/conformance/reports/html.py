"""A run as one HTML page that stands alone."""

from collections.abc import Iterator
from html import escape

from connect_mcp.base.version import __version__

from ..host_verdicts import HostVerdict
from ..requirement import Requirement
from ..result import Outcome, Result
from ..verdicts import Verdict
from .page import listed, page
from .shown import TOLD, exchange

_WORDS: dict[Outcome, str] = {
    "pass": "passed",
    "fail": "failed",
    "warn": "warning",
    "expected": "known gap",
    "not-applicable": "does not apply",
    "not-observed": "not observed",
    "inconclusive": "inconclusive",
    "bug-in-the-case": "bug of the kit",
}
_SIGNS: dict[Outcome, str] = {
    "pass": "✓",
    "fail": "✗",
    "warn": "!",
    "expected": "≈",
    "not-applicable": "-",
    "not-observed": "·",
    "inconclusive": "?",
    "bug-in-the-case": "‼",
}
_HOSTS = {"works": "works", "fails": "fails", "loses": "loses a part", "risk": "at risk"}


def render(verdict: Verdict) -> str:
    """The page as text."""
    return page(f"MCP conformance of {verdict.subject}", _body(verdict))


def _body(verdict: Verdict) -> Iterator[str]:
    yield f"<h1>MCP conformance</h1><p><code>{escape(verdict.subject)}</code></p>"
    yield f"<p>{_summary(verdict)}</p>"
    if verdict.hosts:
        yield from _hosts(verdict)
    told = [result for outcome in TOLD for result in verdict.results if result.outcome == outcome]
    if told:
        yield "<h2>What is wrong</h2>"
        for result in told:
            yield from _told(verdict.requirements[result.requirement], result)
    yield from _matrix(verdict)
    yield f"<p>connect-mcp {escape(__version__)}, {verdict.seconds:.1f} s</p>"


def _summary(verdict: Verdict) -> str:
    word, kind = ("No MUST is broken", "pass") if verdict.exit_code == 0 else ("Not conformant", "fail")
    counts = ", ".join(f"{count} {_WORDS[outcome]}" for outcome, count in verdict.count.items() if count)
    return f'<strong class="{kind}">{word}.</strong> {escape(counts)} in {escape(", ".join(verdict.revisions))}.'


def _hosts(verdict: Verdict) -> Iterator[str]:
    yield "<h2>In real hosts</h2><table><thead><tr><th>host</th><th></th><th>verdict</th></tr></thead><tbody>"
    for host in verdict.hosts:
        yield f'<tr><th scope="row">{escape(host.title)}</th><td class="{host.outcome}">{_HOSTS[host.outcome]}</td>'
        yield f"<td>{escape(host.sentence)}{''.join(_evidence(host))}</td></tr>"
    yield "</tbody></table>"


def _evidence(host: HostVerdict) -> Iterator[str]:
    lines = [*(finding.what for finding in host.findings[1:]), *host.evidence]
    if lines:
        yield "<details><summary>evidence</summary>"
        yield from listed(lines)
        yield "</details>"


def _told(row: Requirement, result: Result) -> Iterator[str]:
    opened = " open" if result.outcome == "fail" else ""
    yield f'<details id="{escape(row.id)}-{escape(result.revision)}"{opened}><summary><strong class="{result.outcome}">'
    yield f"{_WORDS[result.outcome]}</strong> <code>{escape(row.id)}</code> {escape(row.title)} "
    yield f"({escape(result.revision)})</summary>"
    yield f"<p>{escape(result.why)}</p>"
    if lines := list(exchange(result)):
        yield f"<pre>{escape(chr(10).join(lines))}</pre>"
    yield f"<dl><dt>{escape(row.keyword)}</dt><dd>{escape(row.rule)}</dd><dt>source</dt><dd>{escape(row.source)}</dd>"
    yield f"<dt>mend</dt><dd>{escape(row.mend)}</dd></dl></details>"


def _matrix(verdict: Verdict) -> Iterator[str]:
    found = {(result.requirement, result.revision): result for result in verdict.results}
    yield "<h2>All requirements</h2><table><thead><tr><th>requirement</th>"
    yield "".join(f"<th>{escape(revision)}</th>" for revision in verdict.revisions) + "</tr></thead><tbody>"
    for identity in dict.fromkeys(result.requirement for result in verdict.results):
        row = verdict.requirements[identity]
        yield f'<tr><th scope="row"><code>{escape(identity)}</code> {escape(row.title)}</th>'
        yield "".join(_cell(found.get((identity, revision))) for revision in verdict.revisions) + "</tr>"
    yield "</tbody></table>"


def _cell(result: Result | None) -> str:
    if result is None:
        return "<td></td>"
    title = escape(f"{_WORDS[result.outcome]}{': ' if result.why else ''}{result.why}")
    return f'<td class="sign {result.outcome}" title="{title}">{_SIGNS[result.outcome]} {_WORDS[result.outcome]}</td>'
