"""The cases that send the payloads of `fixtures/errors/lines/`: each, all that belong to its requirement."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..case import Case, shared
from ..payloads import Payload, Way, all_payloads
from ..result import Broken, NotApplicable
from ..talk import Talk, modern_meta, told, unasked
from ..wire import Seen, id_key, is_id
from .framing import harmless

HEADER_MISMATCH = -32020


def sending(payloads: Sequence[Payload]) -> Callable[[Talk], None]:
    """A case that sends these payloads, as far as they are about this server and revision."""

    def run(talk: Talk) -> None:
        declared = talk.trial.known(talk.revision).capabilities
        missing = ""
        for payload in payloads:
            if talk.revision not in payload.ways:
                continue
            if payload.needs and payload.needs not in declared:
                missing = payload.needs
                continue
            _judge(talk, payload)
        if missing and not talk.judged:
            raise NotApplicable(f"the server does not declare {missing}")

    return run


def _judge(talk: Talk, payload: Payload) -> None:
    ways = payload.ways[talk.revision]
    line = payload.line(harmless(talk), modern_meta() if talk.modern else {})
    talk.unclaimed()
    talk.send_bytes(line + b"\n")
    sent = _ids(line)
    if len(ways) > 1:
        came = unasked(talk.silence(expecting=Way() not in ways))
        _in_one_way(talk, payload, came, [_allowed(way, talk) for way in ways], sent)
        return
    (way,) = ways
    for ident in way.results:
        talk.expect_result(talk.answer(ident), payload.about)
    if way.id == "own":
        (ident,) = sent
        talk.expect_error(talk.answer(ident), payload.about, *_allowed(way, talk).codes)
    elif way.codes:
        _one_error(talk, payload, unasked(talk.silence(expecting=True)), _allowed(way, talk), sent)
    else:
        _no_more(talk, payload, way)


def _allowed(way: Way, talk: Talk) -> Way:
    """The way; over HTTP the headers are compared with the body before the body is looked at."""
    mismatch = way.codes and way.id != "none" and talk.link.transport == "http" and talk.modern
    return Way(way.results, (*way.codes, HEADER_MISMATCH), way.id) if mismatch else way


def _no_more(talk: Talk, payload: Payload, way: Way) -> None:
    if way.results:
        talk.fence()
        again = unasked(talk.unclaimed())
        what = ", ".join(map(told, again[:3]))
        talk.check(not again, f"{payload.about} was answered more than once: {what}")
        return
    came = unasked(talk.silence())
    talk.check(not came, f"{payload.about} was answered with {told(came[0]) if came else ''}")


def _one_error(talk: Talk, payload: Payload, came: Sequence[Seen], way: Way, sent: Sequence[Any]) -> None:
    if not came:
        talk.judged += 1
        raise Broken(f"after {payload.about}, no answer came back, and error {_codes(way)} was due")
    talk.check(_has_code(came[0], way), f"after {payload.about}, {told(came[0])} came back, not error {_codes(way)}")
    talk.check(len(came) == 1, f"{payload.about} was answered more than once")
    if way.id == "none":
        talk.check(not is_id(came[0].id), "the error has an id, though none can be read from the line")
    else:
        talk.check(_id_fits(came[0], sent), "the error has an id that is not the one of the request")


def _in_one_way(talk: Talk, payload: Payload, came: Sequence[Seen], ways: Sequence[Way], sent: Sequence[Any]) -> None:
    wanted = " or ".join(map(_said, ways))
    what = ", ".join(map(told, came[:3])) or "no answer"
    fits = any(_fits(came, way, sent) for way in ways)
    talk.check(fits, f"after {payload.about}, {what} came back, not {wanted}")


def _fits(came: Sequence[Seen], way: Way, sent: Sequence[Any]) -> bool:
    """Whether this is all that came: the results, and one error where one is due."""
    results = sorted(id_key(seen.id) for seen in came if seen.kind == "result")
    rest = [seen for seen in came if seen.kind != "result"]
    if results != sorted(map(id_key, way.results)) or len(rest) != bool(way.codes):
        return False
    return all(_has_code(seen, way) and _id_fits(seen, () if way.id == "none" else sent) for seen in rest)


def _has_code(seen: Seen, way: Way) -> bool:
    return seen.kind == "error" and not seen.problem and seen.value["error"].get("code") in way.codes


def _id_fits(seen: Seen, sent: Sequence[Any]) -> bool:
    return seen.id is None or any(id_key(seen.id) == id_key(ident) for ident in sent)


def _ids(line: bytes) -> tuple[Any, ...]:
    """The ids that can be read from a line."""
    try:
        value = json.loads(line)
    except ValueError:
        return ()
    return tuple(one["id"] for one in (value if isinstance(value, list) else [value]) if _has_id(one))


def _has_id(value: Any) -> bool:
    return isinstance(value, dict) and is_id(value.get("id"))


def _codes(way: Way) -> str:
    return " or ".join(map(str, way.codes))


def _said(way: Way) -> str:
    parts = [*(["a result"] if way.results else []), *([f"error {_codes(way)}"] if way.codes else [])]
    return " and ".join(parts) or "nothing"


def _by_requirement() -> Mapping[str, list[Payload]]:
    found: dict[str, list[Payload]] = {}
    for payload in all_payloads():
        found.setdefault(payload.requirement, []).append(payload)
    return found


CASES: Mapping[str, Case] = {ident: shared(sending(payloads)) for ident, payloads in _by_requirement().items()}
