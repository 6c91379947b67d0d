"""Running requirements at a subject: which process a case gets, and what an outcome is."""

import contextlib
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from connect_mcp.base.record import record, replace
from connect_mcp.base.text import printable

from .case import Case
from .cases.all_cases import CASES
from .cases.framing import harmless
from .requirement import MODERN, REVISIONS, Requirement
from .result import Absent, Broken, Ended, Inconclusive, NotApplicable, NotObserved, Outcome, Result, quoted
from .talk import Talk
from .trial import Trial
from .watch import RULES

_NO_HTTP = f"{REVISIONS[0]} has no Streamable HTTP"
_REFUSALS = 2  # times in a row that no conversation could be opened, before the rest is given up
_PATIENT: Sequence[Outcome] = ("pass", "not-applicable", "not-observed")


def run(
    trial: Trial, requirements: Sequence[Requirement], revisions: Sequence[str], others: Sequence[Requirement] = ()
) -> Iterator[Result]:
    """Check requirements in revisions; each result as soon as it is known, in no particular order.

    Args:
        trial: the subject.
        requirements: what is checked.
        revisions: those that are spoken.
        others: what another shard of the run checks: of the rules about everything that is said, one that is seen
            broken here is told of here as well.
    """
    with contextlib.closing(_checked(trial, requirements, revisions, others)) as results:
        for result in results:
            yield _quoting(result, trial)


def _quoting(result: Result, trial: Trial) -> Result:
    """The result with a reason that is safe to print: it may quote what the subject said."""
    return replace(result, why=quoted(result.why, trial.secrets)) if result.why else result


def _checked(
    trial: Trial, requirements: Sequence[Requirement], revisions: Sequence[str], others: Sequence[Requirement]
) -> Generator[Result, None, None]:
    pool = ThreadPoolExecutor(max(1, trial.options.jobs))
    try:
        looks = {pool.submit(trial.look, revision): revision for revision in revisions}
        tasks: list[Future[list[Result]]] = []
        tours: list[Future[None]] = []
        touring = any(row.id in RULES for row in requirements)
        for done in as_completed(looks):
            done.result()
            if touring and trial.known(looks[done]).missing is None:
                tours.append(pool.submit(_toured, trial, looks[done]))
            tasks += [pool.submit(task) for task in _tasks(trial, looks[done], requirements)]
        for task in as_completed(tasks):
            yield from task.result()
        for tour in tours:
            tour.result()
        for revision in revisions:
            yield from _observed(trial, requirements, revision)
            broken = trial.observed(revision).broken
            seen = [row for row in others if row.id in broken and _is_about(row, trial)]
            yield from _observed(trial, seen, revision)
    finally:
        trial.stopping = True
        pool.shutdown(wait=True, cancel_futures=True)


def check(trial: Trial, row: Requirement, revision: str) -> Result:
    """Check one requirement in one revision, for who asks for one after the other."""
    trial.look_once(revision)
    if row.id in RULES:
        _toured(trial, revision)
        return _quoting(next(_observed(trial, [row], revision)), trial)
    if row.transport not in ("any", trial.subject.transport):
        return _result(row, revision, NotApplicable(_over(row, trial)))
    return _quoting(_alone(trial, row, revision), trial)


def _toured(trial: Trial, revision: str) -> None:
    """Look at everything, so that the rules about everything that is said have something to judge."""
    with contextlib.suppress(Ended):
        trial.tour(revision)


def spoken(trial: Trial) -> list[str]:
    """The revisions to check where none is named.

    The newest with `initialize` that the subject agrees to, and the one without, where it has that.
    """
    from .trial import initialize_params

    found = []
    try:
        with trial.open(REVISIONS[-2], handshake=False) as talk:
            result = talk.ask("initialize", initialize_params(REVISIONS[-2])).result
            agreed = result.get("protocolVersion") if isinstance(result, dict) else None
            found += [agreed] if agreed in REVISIONS[:-1] else []
    except Ended:
        pass
    try:
        with trial.open(MODERN):
            found.append(MODERN)
    except Ended:
        pass
    return found or [REVISIONS[-2]]


def _tasks(trial: Trial, revision: str, requirements: Sequence[Requirement]) -> Iterator[Callable[[], list[Result]]]:
    shared: dict[str, list[Requirement]] = {}
    for row in requirements:
        if revision not in row.revisions or row.id in RULES:
            continue
        if trial.subject.transport == "http" and revision == REVISIONS[0]:
            yield lambda row=row: [_result(row, revision, NotApplicable(_NO_HTTP))]  # type: ignore[misc]
            continue
        case = CASES[row.id]
        if row.transport not in ("any", trial.subject.transport):
            yield lambda row=row: [_result(row, revision, NotApplicable(_over(row, trial)))]  # type: ignore[misc]
        elif case.fresh:
            yield lambda row=row: [_alone(trial, row, revision)]  # type: ignore[misc]
        else:
            shared.setdefault(case.shares, []).append(row)
    for shares, rows in shared.items():
        yield lambda shares=shares, rows=rows: list(_SHARING[shares](trial, rows, revision))  # type: ignore[misc]


def _before(trial: Trial, rows: Sequence[Requirement], revision: str) -> Iterator[Result]:
    """Cases about what comes before a handshake, which is the same in all revisions of an era."""
    key = (*(row.id for row in rows), revision == MODERN)
    made = trial.once(key, lambda: list(_at_its_end(trial, rows, revision)))
    yield from (replace(result, revision=revision) for result in made)


def _at_its_end(trial: Trial, rows: Sequence[Requirement], revision: str) -> Iterator[Result]:
    """Cases that share a process in their order, since each may leave it in another state than it found it in."""
    missing = trial.known(revision).missing
    if missing is not None:
        yield from (_result(row, revision, missing) for row in rows)
        return
    ends = sorted(rows, key=lambda row: CASES[row.id].ends)
    for found in _in_turn(trial, ends, revision):
        yield found.result if found.is_certain else _settled(found, _alone(trial, found.row, revision))


def _together(trial: Trial, rows: Sequence[Requirement], revision: str) -> Iterator[Result]:
    """Cases that share a process as long as all is well.

    Once one of them has found something wrong, it may be the reason for what the next ones find, whatever that is: they
    are judged once more in another process, those that found nothing first and the others the other way round. What is
    wrong again in the same way, and not by a message that may be late, is wrong; all else is judged by itself.
    """
    missing = trial.known(revision).missing
    if missing is not None:
        yield from (_result(row, revision, missing) for row in rows)
        return
    # What most servers break comes after what few do.
    in_turn = sorted(rows, key=lambda row: not row.binding or row.profile == "json-rpc")
    doubtful: dict[str, _Found] = {}
    for found in _in_turn(trial, in_turn, revision):
        if found.is_certain:
            yield found.result
        else:
            doubtful[found.row.id] = found
    right = [found.row for found in doubtful.values() if found.result.outcome in _PATIENT]
    wrong = [found.row for found in doubtful.values() if found.result.outcome not in _PATIENT]
    for found in _in_turn(trial, [*right, *wrong[::-1]], revision):
        first = doubtful[found.row.id]
        is_so = (found.result.outcome, found.result.why) == (first.result.outcome, first.result.why)
        is_so = found.is_certain or (is_so and not found.is_late)
        yield _settled(first, found.result if is_so else _alone(trial, found.row, revision))


def _settled(first: "_Found", again: Result) -> Result:
    """What a case found at the second look, unless the first one ended what could be looked at and nothing before did.

    A server at a URL is not started anew: of what it died it is told by whom it died under.
    """
    return first.result if again.outcome == "inconclusive" and first.is_unspoiled else again


_SHARING = {"a conversation": _together, "its end": _at_its_end, "its beginning": _before}
"""How the cases that share a process do so, by what they share."""


@record
class _Found:
    """What a case found in a process that it shared.

    Attributes:
        row: the requirement.
        result: what came of it.
        is_certain: whether no other case can be the reason.
        is_late: whether it may rest on the late answer to what another case sent.
        is_unspoiled: whether the cases before it found nothing wrong.
    """

    row: Requirement
    result: Result
    is_certain: bool
    is_late: bool = False
    is_unspoiled: bool = False


def _in_turn(trial: Trial, rows: Sequence[Requirement], revision: str) -> Iterator[_Found]:
    """Each of these cases, in as few processes as the subject's health allows."""
    rest = list(rows)
    refused = 0
    while rest:
        try:
            with trial.open(revision, handshake=CASES[rest[0].id].handshake) as talk:
                is_first, is_spoiled = True, False
                refused = 0
                while rest:
                    row = rest.pop(0)
                    result = _judged(trial, row, CASES[row.id], talk)
                    is_right = result.outcome in _PATIENT
                    is_certain = is_first or (is_right and not is_spoiled)
                    yield _Found(row, result, is_certain, is_spoiled and talk.strays > 0, not is_spoiled)
                    is_first, is_spoiled = False, is_spoiled or not is_right
                    if not is_right and (result.seconds >= trial.options.timeout or not _is_well(talk)):
                        break
        except Ended as ended:
            refused += 1
            given_up = rest if refused == _REFUSALS else [rest[0]]
            rest = rest[len(given_up) :]
            yield from (_Found(one, _result(one, revision, ended), is_certain=True) for one in given_up)


def _is_well(talk: Talk) -> bool:
    """Whether a subject that broke a rule still serves."""
    with contextlib.suppress(Ended):
        return talk.ask(harmless(talk), {}).error is None
    return False


def _alone(trial: Trial, row: Requirement, revision: str) -> Result:
    case = CASES[row.id]
    missing = trial.known(revision).missing
    needed = case.spoken if isinstance(missing, NotApplicable) else not case.opening
    if missing is not None and (needed or isinstance(missing, Absent)):
        return _result(row, revision, missing)
    if case.once:
        return replace(
            trial.once((row.id, revision == MODERN), lambda: _in_its_own(trial, row, revision)), revision=revision
        )
    return _in_its_own(trial, row, revision)


def _in_its_own(trial: Trial, row: Requirement, revision: str) -> Result:
    case = CASES[row.id]
    try:
        with trial.open(revision, handshake=case.handshake) as talk:
            return _judged(trial, row, case, talk)
    except Ended as ended:
        return _result(row, revision, ended)


def _judged(trial: Trial, row: Requirement, case: Case, talk: Talk) -> Result:
    began = time.monotonic()
    ended: Ended | None = None
    talk.begin()
    try:
        case.run(talk)
        if not case.fresh and not case.ends:
            talk.fence()
        if not talk.judged:
            return Result(row.id, talk.revision, "bug-in-the-case", "the case judged nothing")
    except Ended as caught:
        ended = caught
    except Exception as bug:  # noqa: BLE001 - our own mistake must not count against the subject, nor end the run
        where = bug.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        line = f"{where.tb_frame.f_code.co_filename.rpartition('/')[2]}:{where.tb_lineno}" if where else ""
        why = f"{type(bug).__name__} at {line}: {printable(str(bug)[:200])}"
        return Result(row.id, talk.revision, "bug-in-the-case", why)
    seconds = round(time.monotonic() - began, 4)
    return _result(row, talk.revision, ended, talk, seconds, strict=trial.options.strict)


def _result(
    row: Requirement,
    revision: str,
    ended: Ended | None,
    talk: Talk | None = None,
    seconds: float = 0.0,
    *,
    strict: bool = False,
) -> Result:
    if ended is None:
        return Result(row.id, revision, "pass", seconds=seconds)
    outcome = broken_outcome(row, strict=strict) if isinstance(ended, Broken) else _OTHERWISE[type(ended)]
    exchange = ended.exchange or (talk.exchange() if talk is not None else ())
    shown = outcome in ("fail", "warn", "inconclusive")
    return Result(row.id, revision, outcome, ended.why, exchange if shown else (), seconds)


_OTHERWISE: Mapping[type[Ended], Outcome] = {
    NotApplicable: "not-applicable",
    NotObserved: "not-observed",
    Inconclusive: "inconclusive",
    Absent: "inconclusive",
}


def broken_outcome(row: Requirement, *, strict: bool) -> Outcome:
    """What it is called when this rule is broken."""
    return "fail" if row.binding and (strict or row.profile == "mcp") else "warn"


def _observed(trial: Trial, requirements: Sequence[Requirement], revision: str) -> Iterator[Result]:
    observed = trial.observed(revision)
    missing = trial.known(revision).missing
    for row in requirements:
        if row.id not in RULES or revision not in row.revisions:
            continue
        if not _is_about(row, trial):
            yield _result(row, revision, NotApplicable(_over(row, trial)))
        elif row.id in observed.broken:
            why, exchange = observed.broken[row.id]
            outcome = broken_outcome(row, strict=trial.options.strict)
            yield Result(row.id, revision, outcome, why, exchange)
        elif missing is not None:
            yield _result(row, revision, missing)
        elif observed.judged.get(row.id):
            yield Result(row.id, revision, "pass")
        else:
            yield _result(row, revision, NotObserved("the server never did what this is about"))


def _is_about(row: Requirement, trial: Trial) -> bool:
    """Whether a rule about everything that is said is one of the transport; that of 2024-11-05 is HTTP as well."""
    return row.transport in ("any", "stdio" if trial.subject.transport == "stdio" else "http")


def _over(row: Requirement, trial: Trial) -> str:
    return (
        f"this can be checked over {row.transport} alone, and the server is spoken with over {trial.subject.transport}"
    )
