"""What came of a run, for a person and as data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from connect_mcp.base.record import record, values
from connect_mcp.base.text import shortened

from .host_verdicts import HostVerdict
from .requirement import Requirement
from .result import BROKEN, OUTCOMES, Line, Outcome, Result

if TYPE_CHECKING:
    from .fuzz import Fuzzed

JSON_VERSION = 1

_WIDTH = 200
_NAMED = 4  # requirements that are named where many could not be checked for one reason
_TOLD: Sequence[Outcome] = ("bug-in-the-case", "fail", "inconclusive", "warn")
_COUNTED: Mapping[Outcome, str] = {
    "pass": "passed",
    "fail": "failed",
    "warn": "warned of",
    "expected": "in the baseline",
    "not-applicable": "not applicable",
    "not-observed": "not observed",
    "inconclusive": "inconclusive",
    "bug-in-the-case": "bugs of the kit",
}
_MARKS = {"kit": ">", "subject": "<", "stderr": "!", "event": "*"}


@record
class Verdict:
    """The outcome of a whole run.

    Attributes:
        subject: the server, safe to print.
        revisions: those that were checked.
        requirements: those that were checked, by their ids.
        results: all of them, in the order of the requirements, then of the revisions.
        strict: whether warnings count.
        seconds: how long it took.
        hosts: what would become of it in real hosts, where that was asked.
        fuzzed: what came of fuzzing, where that was asked.
        sdk: which SDK the server is taken or shown to be on, and what is expected for that; lines safe to print.
        shard: which part of the run this is, as `I/N`; empty for the whole.
        elsewhere: how many requirements, hosts and sorts of fuzzing other shards have.
    """

    subject: str
    revisions: tuple[str, ...]
    requirements: Mapping[str, Requirement]
    results: tuple[Result, ...]
    strict: bool
    seconds: float
    hosts: tuple[HostVerdict, ...] = ()
    fuzzed: "Fuzzed | None" = None
    sdk: tuple[str, ...] = ()
    shard: str = ""
    elsewhere: int = 0

    @property
    def count(self) -> Mapping[Outcome, int]:
        """How many results there are of each outcome."""
        return {outcome: sum(result.outcome == outcome for result in self.results) for outcome in OUTCOMES}

    @property
    def exit_code(self) -> int:
        """0 where no MUST is broken, 1 where one is, could not be checked, or a host fails, 3 where the kit failed."""
        count = self.count
        if count["bug-in-the-case"]:
            return 3
        if count["fail"] or count["inconclusive"] or (self.strict and count["warn"]):
            return 1
        if any(host.outcome == "fails" for host in self.hosts) or (self.fuzzed and self.fuzzed.found):
            return 1
        if self.shard and not self.results:  # what is checked is checked elsewhere
            return 0 if self.elsewhere or self.hosts or self.fuzzed else 1
        return 0 if count["pass"] or count["warn"] or count["expected"] else 1


def ordered(requirements: Sequence[Requirement], results: Sequence[Result]) -> tuple[Result, ...]:
    """Results in the order of the requirements, then of the revisions."""
    place = {row.id: index for index, row in enumerate(requirements)}
    return tuple(sorted(results, key=lambda result: (place[result.requirement], result.revision)))


def as_text(verdict: Verdict, *, verbose: bool = False) -> str:
    """The report for a person."""
    return "".join(f"{line}\n" for line in _lines(verdict, verbose))


def as_data(verdict: Verdict) -> dict[str, object]:
    """The same as a JSON document."""
    return {
        "format": "connect-mcp conformance",
        "version": JSON_VERSION,
        "subject": verdict.subject,
        "revisions": list(verdict.revisions),
        "strict": verdict.strict,
        "exit_code": verdict.exit_code,
        "counts": dict(verdict.count),
        "seconds": round(verdict.seconds, 3),
        "results": [_data(verdict, result) for result in verdict.results],
        "hosts": [host.data() for host in verdict.hosts],
        "sdk": list(verdict.sdk),
        **({"shard": verdict.shard} if verdict.shard else {}),
        **({"fuzz": verdict.fuzzed.data()} if verdict.fuzzed else {}),
    }


def explained(row: Requirement) -> str:
    """Everything that is known of a requirement, for a person."""
    kept = "only through JSON-RPC 2.0; counts with --strict" if row.profile == "json-rpc" else ""
    lines = [
        f"{row.id}  {row.title}",
        "",
        row.rule,
        "",
        f"  keyword    {row.keyword}" + (f" ({kept})" if kept else ""),
        f"  source     {row.source}",
        f"  revisions  {', '.join(row.revisions)}",
        *([f"  transport  {row.transport}"] if row.transport != "any" else []),
        f"  sent       {row.sent}",
        f"  expected   {row.expected}",
        f"  mend       {row.mend}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _data(verdict: Verdict, result: Result) -> dict[str, object]:
    row = verdict.requirements[result.requirement]
    about = {"title": row.title, "keyword": row.keyword, "profile": row.profile, "source": row.source}
    mend = result.mend or row.mend if result.outcome in BROKEN else ""
    return {**values(result), **about, "exchange": [values(line) for line in result.exchange], "mend": mend}


def _lines(verdict: Verdict, verbose: bool) -> Iterator[str]:
    for outcome in _TOLD:
        results = [result for result in verdict.results if result.outcome == outcome]
        if outcome == "inconclusive":  # mostly for one reason: the server cannot be spoken with at all
            yield from _unchecked(results)
            continue
        for alike in _alike(results):
            yield from told(verdict.requirements[alike[0].requirement], alike)
    if verbose:
        for result in verdict.results:
            if result.outcome not in _TOLD:
                yield f"{result.outcome:15} {result.requirement:20} {result.revision}  {result.why}".rstrip()
        yield ""
    for host in verdict.hosts:
        yield f"{host.outcome.upper()}  {host.sentence}"
        yield from (f"  - {line}" for line in host.evidence if verbose or host.outcome != "works")
    if verdict.hosts:
        yield ""
    if verdict.sdk:
        yield from (*verdict.sdk, "")
    if verdict.fuzzed:
        yield from verdict.fuzzed.lines()
    yield f"{verdict.subject}"
    yield f"  {', '.join(verdict.revisions)}: {counted(verdict)} in {verdict.seconds:.1f} s"


def counted(verdict: Verdict) -> str:
    """How many results there are of each outcome, in words."""
    counts = ", ".join(f"{count} {_COUNTED[outcome]}" for outcome, count in verdict.count.items() if count)
    if not verdict.shard:
        return counts or "nothing was checked"
    idle = verdict.elsewhere and not verdict.hosts and not verdict.fuzzed
    nothing = "nothing to do here: the other shards have it all" if idle else "no requirement to check here"
    return f"shard {verdict.shard}: {counts or nothing}"


def _alike(results: Sequence[Result]) -> Iterator[list[Result]]:
    """Results of the same requirement for the same reason, in several revisions, are told once."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.requirement, result.why), []).append(result)
    yield from groups.values()


def _unchecked(results: Sequence[Result]) -> Iterator[str]:
    """What could not be checked, by the reason."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.why, []).append(result)
    for why, alike in groups.items():
        idents = list(dict.fromkeys(result.requirement for result in alike))
        more = f" and {len(idents) - _NAMED} more" if len(idents) > _NAMED else ""
        yield f"INCONCLUSIVE  {', '.join(idents[:_NAMED])}{more}"
        yield f"  {why}"
        for line in alike[0].exchange:
            yield f"    {_MARKS[line.by]} {_shown(line)}"
        yield ""


def told(row: Requirement, alike: Sequence[Result]) -> Iterator[str]:
    """What came of a requirement, for a person: the rule, what was said, and what mends it."""
    first = alike[0]
    yield f"{first.outcome.upper()}  {row.id}: {row.title}  ({', '.join(result.revision for result in alike)})"
    yield f"  {first.why}"
    yield f"  {row.keyword}, {row.source}: {row.rule}"
    for line in first.exchange:
        yield f"    {_MARKS[line.by]} {_shown(line)}"
    if first.outcome in ("fail", "warn"):
        yield f"  mend: {first.mend or row.mend}"
    yield ""


def _shown(line: Line) -> str:
    return shortened(line.text, _WIDTH)
