"""A run as one HTML page that stands alone."""

from collections.abc import Iterator
from html import escape

from connect_mcp.base.version import __version__

from ..fuzz import Fuzzed
from ..host_verdicts import HostVerdict
from ..requirement import Requirement
from ..result import Outcome, Result
from ..verdicts import Verdict, counted
from .page import listed, page
from .shown import BROKEN, TOLD, about, again, exchange

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
_STYLE = """
code, td { overflow-wrap: anywhere; }
th[scope=row] { font-weight: 400; } .hosts th[scope=row] { width: 16rem; }
th.revision, td.sign { text-align: center; white-space: nowrap; width: 8.5rem; }
.hosts td.works, .hosts td.fails, .hosts td.loses, .hosts td.risk { white-space: nowrap; width: 6.5rem; }
"""


def render(verdict: Verdict) -> str:
    """The page as text."""
    return page(f"MCP conformance of {verdict.subject}", _body(verdict), _STYLE)


def _body(verdict: Verdict) -> Iterator[str]:
    yield f"<h1>MCP conformance</h1><p><code>{escape(verdict.subject)}</code></p>"
    yield f"<p>{_summary(verdict)}</p>"
    if verdict.hosts:
        yield from _hosts(verdict)
    if verdict.fuzzed:
        yield from _fuzzed(verdict.fuzzed)
    if verdict.sdk:
        yield f"<h2>What its SDK cannot help</h2><p>{escape(verdict.sdk[0].strip())}</p>"
        if excuses := [line.strip() for line in verdict.sdk[1:]]:
            yield f"<details><summary>{len(excuses)} known gaps</summary>"
            yield from listed(excuses)
            yield "</details>"
    told = [result for outcome in TOLD for result in verdict.results if result.outcome == outcome]
    if told:
        yield "<h2>What is wrong</h2>"
        for result in told:
            yield from _told(verdict.requirements[result.requirement], result)
    if verdict.results:
        yield from _matrix(verdict)
    yield f"<p>connect-mcp {escape(__version__)}, {verdict.seconds:.1f} s</p>"


def _summary(verdict: Verdict) -> str:
    word, kind = _word(verdict)
    told = f"{counted(verdict)} in {', '.join(verdict.revisions)}"
    return f'<strong class="{kind}">{word}.</strong> {escape(told[:1].upper() + told[1:])}.'


def _word(verdict: Verdict) -> tuple[str, str]:
    """The verdict in a few words, and how it is to look."""
    if verdict.exit_code == 0:
        idle = not verdict.results and not verdict.hosts and not verdict.fuzzed
        return ("Nothing to do here", "not-observed") if idle else ("No MUST is broken", "pass")
    if any(host.outcome == "fails" for host in verdict.hosts) and not verdict.count["fail"]:
        return "It would fail in a host", "fail"
    return "Not conformant", "fail"


def _hosts(verdict: Verdict) -> Iterator[str]:
    yield '<h2>In real hosts</h2><table class="hosts">'
    yield "<thead><tr><th>host</th><th></th><th>verdict</th></tr></thead><tbody>"
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


def _fuzzed(fuzzed: Fuzzed) -> Iterator[str]:
    sent = ", ".join(f"{count} {name}" for name, count in fuzzed.examples.items())
    yield f"<h2>Fuzzing</h2><p>Seed {fuzzed.seed}: {escape(sent or 'nothing was sent')}.</p>"
    if fuzzed.notes:
        yield from listed(fuzzed.notes)
    for found in fuzzed.found:
        yield f'<details open><summary><strong class="fail">{escape(BROKEN[found.kind])}</strong> '
        yield f"({escape(found.sort)}, {escape(found.revision)})</summary><p>{escape(found.what)}</p>"
        yield f"<p>{escape(about(found))}</p><pre>{escape(again(found))}</pre></details>"


def _told(row: Requirement, result: Result) -> Iterator[str]:
    opened = " open" if result.outcome == "fail" else ""
    yield f'<details id="{escape(row.id)}-{escape(result.revision)}"{opened}><summary><strong class="{result.outcome}">'
    yield f"{_WORDS[result.outcome]}</strong> <code>{escape(row.id)}</code> {escape(row.title)} "
    yield f"({escape(result.revision)})</summary>"
    yield f"<p>{escape(result.why)}</p>"
    if lines := list(exchange(result)):
        yield f"<pre>{escape(chr(10).join(lines))}</pre>"
    yield f"<dl><dt>{escape(row.keyword)}</dt><dd>{escape(row.rule)}</dd><dt>source</dt><dd>{escape(row.source)}</dd>"
    yield f"<dt>mend</dt><dd>{escape(result.mend or row.mend)}</dd></dl></details>"


def _matrix(verdict: Verdict) -> Iterator[str]:
    found = {(result.requirement, result.revision): result for result in verdict.results}
    yield "<h2>All requirements</h2><table><thead><tr><th>requirement</th>"
    yield from (f'<th class="revision">{escape(revision)}</th>' for revision in verdict.revisions)
    yield "</tr></thead><tbody>"
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
