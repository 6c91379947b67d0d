"""One run: the checks of a server, what would become of it in hosts, and what the fuzzer finds."""

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from connect_mcp.base.errors import Refused
from connect_mcp.base.masking import masked
from connect_mcp.base.record import field, record, replace

from .progress import Progress
from .requirement import Requirement
from .shard import WHOLE, Shard
from .trial import Options, Trial
from .verdicts import Verdict, ordered

if TYPE_CHECKING:
    from .fuzz import Fuzzed
    from .host_verdicts import HostVerdict
    from .profiles import Profile
    from .result import Result
    from .target import Target

SDK = "sdk-python"
"""The official SDK's client among the hosts."""


@record
class Fuzzing:
    """What the fuzzer is to do.

    Attributes:
        examples: how many of each sort in each revision.
        seed: what they are made from; None for one made up.
        out: the folder for the sessions of what was found.
    """

    examples: int
    seed: int | None
    out: Path


@record
class Plan:
    """What a run does.

    Attributes:
        requirements: what is checked.
        revisions: those that are spoken; none for those that the server speaks itself.
        options: how it is checked.
        profiles: the hosts that visit it.
        sdk: whether the official SDK's client does.
        fuzzing: what the fuzzer does; None for nothing.
        shard: which part of all that is done.
    """

    requirements: Sequence[Requirement]
    revisions: Sequence[str] = ()
    options: Options = field(default_factory=Options)
    profiles: "Sequence[Profile]" = ()
    sdk: bool = False
    fuzzing: Fuzzing | None = None
    shard: Shard = WHOLE


def run(plan: Plan, target: "Target", progress: Progress) -> Verdict:
    """Do what a plan says; no baseline is applied yet."""
    from .engine import run as checked
    from .engine import spoken
    from .watch import RULES

    began = time.monotonic()
    trial = Trial(target.subject, plan.options)
    revisions = list(plan.revisions) or spoken(trial)

    def checks(row: Requirement) -> int:
        return sum(revision in row.revisions for revision in revisions)

    rows = [row for row in plan.requirements if checks(row)]
    mine = plan.shard.part(rows, checks)
    visits = _visits(plan, target)
    my_visits = plan.shard.part(visits)
    sorts = _sorts(plan, trial, revisions)
    my_sorts = plan.shard.part(sorts)
    results: list[Result] = []
    if mine:
        others = [row for row in rows if row.id in RULES and row not in mine]
        results += progress.through(checked(trial, mine, revisions, others), sum(map(checks, mine)))
    hosts = tuple(_visited(my_visits, progress, trial.secrets))
    fuzzed = _fuzzed(plan, trial, my_sorts, progress)
    return Verdict(
        subject=trial.subject.name,
        revisions=tuple(revisions),
        requirements={row.id: row for row in plan.requirements},
        results=ordered(plan.requirements, results),
        strict=plan.options.strict,
        seconds=time.monotonic() - began,
        hosts=hosts,
        fuzzed=fuzzed,
        shard="" if plan.shard == WHOLE else str(plan.shard),
        elsewhere=len(rows) - len(mine) + len(visits) - len(my_visits) + len(sorts) - len(my_sorts),
    )


_Visit = tuple[str, "Callable[[], HostVerdict]"]


def _visits(plan: Plan, target: "Target") -> list[_Visit]:
    """The hosts that are to visit the server, and how each does."""
    if not plan.profiles and not plan.sdk:
        return []
    from connect_mcp.base.machine import this_machine

    from .host_verdicts import judge
    from .replay import Calls
    from .sdk_client import installed, judge_sdk

    machine, calls = this_machine(), Calls(plan.options.call_tools, plan.options.examples)
    server, timeout = target.server, plan.options.timeout

    def visit(profile: "Profile") -> _Visit:
        return profile.title, lambda: judge(profile, server, machine, calls, timeout=timeout, name=target.name)

    reached = [profile for profile in plan.profiles if not server.url or profile.host.remote is not None]
    for profile in plan.profiles:
        if profile not in reached:
            sys.stderr.write(f"{profile.host.title} is left out: its file takes no server by its URL\n")
    found = [visit(profile) for profile in reached]
    if plan.sdk:
        found.append((f"the official SDK's client {installed()}", lambda: judge_sdk(server, calls, timeout=timeout)))
    return found


def _visited(visits: Iterable[_Visit], progress: Progress, secrets: Sequence[str]) -> "Iterable[HostVerdict]":
    """What came of the visits: one after the other, since what is told is how long it takes."""
    for title, visit in visits:
        progress.at(f"as {title}")
        verdict = _without(visit(), secrets)
        if verdict.outcome == "fails":
            progress.failed(f"FAILS  {verdict.sentence}")
        yield verdict


def _without(verdict: "HostVerdict", secrets: Sequence[str]) -> "HostVerdict":
    """The same without the values that this server was given and may say again."""

    def clean(text: str) -> str:
        return masked(text, secrets)

    return replace(
        verdict,
        sentence=clean(verdict.sentence),
        evidence=tuple(map(clean, verdict.evidence)),
        findings=tuple(replace(one, what=clean(one.what), why=clean(one.why)) for one in verdict.findings),
    )


def _sorts(plan: Plan, trial: Trial, revisions: Sequence[str]) -> list[tuple[str, str]]:
    """What the fuzzer is to send: revisions and sorts of examples."""
    if plan.fuzzing is None:
        return []
    from .fuzz import SORTS  # with hypothesis, which a plain run does not need

    chunked = trial.subject.transport == "stdio"
    return [(revision, sort) for revision in revisions for sort in SORTS if sort != "chunks" or chunked]


def _fuzzed(plan: Plan, trial: Trial, sorts: Sequence[tuple[str, str]], progress: Progress) -> "Fuzzed | None":
    if plan.fuzzing is None or not sorts:
        return None
    from .fuzz import Fuzzed, fuzz

    about, seed = plan.fuzzing, plan.fuzzing.seed
    fresh = Trial(trial.subject, trial.options)
    parts: list[Fuzzed] = []
    for revision in dict.fromkeys(revision for revision, _ in sorts):
        mine = [sort for one, sort in sorts if one == revision]
        progress.at(f"fuzzing {revision}")
        part = fuzz(fresh, [revision], examples=about.examples, seed=seed, out=about.out, sorts=mine)
        seed = part.seed
        for found in part.found:
            progress.failed(f"FUZZ  {found.kind}: {found.what}  ({found.revision}, {found.sort})")
        parts.append(part)
    examples: Mapping[str, int] = {name: count for part in parts for name, count in part.examples.items()}
    return Fuzzed(
        parts[0].seed,
        examples,
        tuple(found for part in parts for found in part.found),
        tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def visitors(names: Sequence[str]) -> "tuple[Sequence[Profile], bool]":
    """The hosts of these names, and whether the official SDK's client is one; with `all` where it is installed.

    Raises:
        Misuse: for a host that there is no profile of.
        Refused: where the SDK's client is named, and not installed.
    """
    hosts = [name for name in names if name != SDK]
    if not hosts and SDK not in names:
        return (), False
    from .profiles import selected  # loads the installer's rows, which a plain run does not need

    return selected(hosts) if hosts else (), _sdk_visits(names)


def _sdk_visits(names: Sequence[str]) -> bool:
    if not {"all", SDK} & {*names}:
        return False
    from .sdk_client import installed

    if installed() is not None:
        return True
    if SDK in names:
        raise Refused(f"{SDK} needs the official SDK, which is not installed", mend="pip install 'mcp>=2.3'")
    sys.stderr.write(f"{SDK} is left out: the official SDK is not installed\n")
    return False
