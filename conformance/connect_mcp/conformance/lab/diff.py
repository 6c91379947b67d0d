"""What hosts do otherwise than their profiles say, so that whoever keeps them can change one row."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connect_mcp.base.errors import Refused
from connect_mcp.base.record import record, values
from connect_mcp.base.text import printable, shortened

from ..profiles import Profile, load
from .evidence import Evidence
from .facts import FACTS, UNSEEN, Fact, not_looked_at
from .matrix import Driven, Guest

VERSION = 1
"""Of the JSON that `as_data` gives."""

_WIDTH = 300  # characters of a value in the report


@record
class Difference:
    """One fact that is no longer so.

    Attributes:
        fact: its name in the profile.
        scenario: the one that shows it.
        said: what the profile says.
        seen: what the host does.
    """

    fact: str
    scenario: str
    said: str
    seen: str


@record
class Compared:
    """One host.

    Attributes:
        host, title, version: the host, and the version that ran.
        profile: the program and version that the profile was made with.
        agrees: the facts that are so.
        differs: those that are not.
        unseen: those that no run showed this time, each with its scenario.
        left_out: those that were not looked at, since the lab cannot see them or was not asked to.
        failure: why the host could not be driven at all; "" where it could.
    """

    host: str
    title: str
    version: str
    profile: str
    agrees: tuple[str, ...] = ()
    differs: tuple[Difference, ...] = ()
    unseen: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    failure: str = ""


def scenarios(guest: Guest, *, long: bool) -> tuple[str, ...]:
    """Those that show what the host's profile says.

    Args:
        guest: the host.
        long: whether a host that is said to wait for a call as long as it takes is held to that.
    """
    profile = load(guest.recipe.host_id)
    return tuple(dict.fromkeys(fact.scenario for fact in FACTS if _is_wanted(fact, profile, long=long)))


def _is_wanted(fact: Fact, profile: Profile, *, long: bool) -> bool:
    """Whether a fact is looked at: one that takes more than a minute only where it is asked for, or gives up before."""
    if fact.said(profile) is UNSEEN:
        return False
    return fact.name != "call_patience" or long or profile.call_patience is not None


def compared(guests: Sequence[Guest], runs: Sequence[Driven], *, long: bool) -> tuple[Compared, ...]:
    """Every host held against its profile; `long` as for `scenarios`."""
    return tuple(
        _host(guest, [run for run in runs if run.recipe.host_id == guest.recipe.host_id], long=long) for guest in guests
    )


def _host(guest: Guest, runs: Sequence[Driven], *, long: bool) -> Compared:
    recipe, profile = guest.recipe, load(guest.recipe.host_id)
    if guest.program is None:
        failure = f"it is not installed: connect-mcp lab install {recipe.host_id}"
        return Compared(recipe.host_id, recipe.title, "", profile.program, failure=failure)
    seen: dict[str, Evidence] = {
        one.scenario.id: run.outcome for run in runs if isinstance(run.outcome, Evidence) for one in run.group
    }
    refusal = next((run.outcome for run in runs if isinstance(run.outcome, Refused)), None)
    if not seen and refusal is not None:
        return Compared(
            recipe.host_id, recipe.title, guest.program.shown_version, profile.program, failure=str(refusal)
        )
    wanted = [fact for fact in FACTS if _is_wanted(fact, profile, long=long)]
    agrees, differs, unseen = _facts(wanted, profile, seen)
    return Compared(
        recipe.host_id,
        recipe.title,
        guest.program.shown_version,
        profile.program,
        agrees,
        differs,
        unseen,
        tuple(_left_out(profile, wanted)),
    )


def _facts(
    wanted: Sequence[Fact], profile: Profile, seen: Mapping[str, Evidence]
) -> tuple[tuple[str, ...], tuple[Difference, ...], tuple[str, ...]]:
    agrees: list[str] = []
    differs: list[Difference] = []
    unseen: list[str] = []
    for fact in wanted:
        evidence = seen.get(fact.scenario)
        value = UNSEEN if evidence is None else fact.seen(evidence)
        if evidence is None or value is UNSEEN:
            unseen.append(f"{fact.name} ({fact.scenario})")
        elif fact.same(fact.said(profile), value, profile, evidence):
            agrees.append(fact.name)
        else:
            differs.append(_difference(fact, profile, value))
    return tuple(dict.fromkeys(agrees)), tuple(differs), tuple(unseen)


def _left_out(profile: Profile, wanted: Sequence[Fact]) -> Iterator[str]:
    """What was not looked at."""
    yield from not_looked_at(profile)
    looked_at = {fact.name for fact in wanted}
    yield from (
        f"{fact.name} (--long does)"
        for fact in FACTS
        if fact.said(profile) is not UNSEEN and fact.name not in looked_at
    )


def _difference(fact: Fact, profile: Profile, value: Any) -> Difference:
    said = fact.said(profile)
    if fact.name == "name":
        said = {"prefix": profile.host.limits.prefix, **values(said)}
    return Difference(fact.name, fact.scenario, _shown(said), _shown(value))


def _shown(value: Any) -> str:
    import json

    return shortened(printable(json.dumps(value, ensure_ascii=False, default=dict)), _WIDTH)


def exit_code(hosts: Sequence[Compared]) -> int:
    """1 where a host differs, or one that is installed could not be driven."""
    return 1 if any(host.differs or (host.failure and host.version) for host in hosts) else 0


def as_data(hosts: Sequence[Compared]) -> dict[str, Any]:
    """The outcome as JSON."""
    return {
        "version": VERSION,
        "outcome": "pass" if exit_code(hosts) == 0 else "fail",
        "hosts": [{**values(host), "differs": [values(one) for one in host.differs]} for host in hosts],
    }


def as_text(hosts: Sequence[Compared]) -> str:
    """The outcome for a person."""
    lines: list[str] = []
    for host in hosts:
        lines += [*_told(host), ""]
    return "\n".join(lines)


def _told(host: Compared) -> list[str]:
    head = f"{host.title} {host.version}".strip()
    if host.failure:
        return [f"{head}: not compared", f"  {host.failure}"]
    lines = [f"{head}: {len(host.agrees)} facts as its profile says ({host.profile}), {len(host.differs)} not"]
    for one in host.differs:
        lines += [
            f"  {one.fact} (scenario {one.scenario})",
            f"    the profile says  {one.said}",
            f"    the host does     {one.seen}",
        ]
    if host.differs:
        lines.append(f"  change fixtures/profiles/{host.host}.json, or the host's row in the installer")
    if host.unseen:
        lines.append(f"  not shown this time: {', '.join(host.unseen)}")
    if host.left_out:
        lines.append(f"  not looked at: {', '.join(host.left_out)}")
    return lines
