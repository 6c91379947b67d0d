"""Streamable HTTP: streams of events, and going on with one that broke off."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connect_mcp.base.record import record
from connect_mcp.base.text import printable, shortened

from ..arguments import arguments_for
from ..case import Case, fresh, shared
from ..http_client import NO_ANSWER, Event, Stream, Unreachable, header_bytes
from ..http_subject import EVENTS, LAST_EVENT, is_answer
from ..result import Absent, Broken, NotApplicable, NotObserved
from ..talk import META, Talk
from ..wire import decode
from .over_http import link, lists, note_request

_TRIED = 2  # tools that are called to see a stream
_LEFT = 0.2  # seconds to read what had come before a connection was closed
_AWAY = 2.0  # seconds that a client whose connection broke is away at most


def event_ids_differ(talk: Talk) -> None:
    """No two events of a session have the same id."""
    seen = [event.id for _, stream in _streams(talk, 2) for event in stream if event.id]
    if not seen:
        raise NotObserved("no event had an id")
    twice = sorted({one for one in seen if seen.count(one) > 1})
    talk.check(not twice, f"more than one event of the session has the id {printable(', '.join(twice[:3]))}")


def events_are_whole(talk: Talk) -> None:
    """A blank line ends each event, the last one too."""
    for about, stream in _streams(talk):
        talk.check(all(event.whole for event in stream), f"{about} was cut off: no blank line ends its last event")


def fields_are_known(talk: Talk) -> None:
    """An event has no fields but those that there are."""
    for about, stream in _streams(talk):
        odd = next((name for event in stream for name in event.unknown), None)
        shown = printable(shortened((odd or b"").decode("utf-8", "replace"), 40))
        talk.check(odd is None, f"{about} has a line whose field is {shown!r}, and clients leave that line out")


def events_are_messages(talk: Talk) -> None:
    """An event with a message is of the type `message`, or of none."""
    for about, stream in _streams(talk):
        odd = next((event.type for event in stream if event.line and event.type != "message"), None)
        talk.check(odd is None, f"{about} has an event of the type {printable(shortened(odd or '', 40))!r}")


def retry_is_a_number(talk: Talk) -> None:
    """Where an event says when to come back, it says so in milliseconds."""
    for about, stream in _streams(talk):
        for retry in [event.fields["retry"] for event in stream if "retry" in event.fields]:
            number = retry.isascii() and retry.isdigit()
            talk.check(number, f"{about} has the retry {printable(shortened(retry, 40))!r}, which is no number")
    if not talk.judged:
        raise NotObserved("no event had a retry")


def stream_ends(talk: Talk) -> None:
    """With the answer a stream is over."""
    for message, stream, _ in _opened(talk, 1):
        if any(is_answer(event.line) for event in stream.until(talk.trial.options.timeout)):
            left = list(stream.until(talk.trial.options.pace.grace))
            talk.happened("the stream ends" if stream.over else "the stream stays open after the answer")
            about = f"the stream with the answer to {message['method']}"
            talk.check(stream.over and not left, f"{about} goes on after it")
    if not talk.judged:
        raise NotObserved("no stream had an answer in it")


def answers_elsewhere(talk: Talk) -> None:
    """On the stream of the server's own messages there are no answers."""
    with _listening(talk, 1) as own:
        _said(talk)
        came = [event for event in own[0].until(talk.trial.options.pace.silence) if is_answer(event.line)]
        _note(talk, came)
        talk.check(not came, "the answer to a request came on the stream that GET had opened")


def on_one_stream(talk: Talk) -> None:
    """No message is sent on two streams."""
    with _listening(talk, 2) as own:
        streams = [_said(talk), *(list(stream.until(talk.trial.options.pace.silence)) for stream in own)]
    lines = [{event.line for event in stream if event.line} for stream in streams]
    if not any(lines):
        raise NotObserved("the server sent no message on any stream")
    twice = next((line for n, one in enumerate(lines) for line in one if any(line in more for more in lines[:n])), b"")
    if twice:
        _note(talk, [Event((twice,))] * 2)
    talk.check(not twice, "the same message came on two streams")


def primed(talk: Talk) -> None:
    """A stream that can be resumed begins with an id and no data."""
    for about, stream in _streams(talk):
        if any(event.id for event in stream):
            early = stream[0].id and not stream[0].line
            talk.check(early, f"{about} has ids, and does not begin with an event that is an id alone")
    if not talk.judged:
        raise NotApplicable("the events have no ids, so that nothing can be resumed")


def told_when_to_come_back(talk: Talk) -> None:
    """A server that hangs up before the answer says when to come back."""
    for about, stream in _streams(talk):
        if any(event.id for event in stream) and not any(is_answer(event.line) for event in stream):
            told = any("retry" in event.fields for event in stream)
            talk.check(told, f"{about} was closed before the answer, and no event had said when to come back")
    if not talk.judged:
        raise NotObserved("no stream was closed before the answer")


def resumed(talk: Talk) -> None:
    """What a client missed comes once it is back."""
    broken = _broken_off(talk)
    refused, events = _resumed(talk, broken)
    talk.check(not refused, f"GET with the Last-Event-ID of an event was answered with {refused}")
    answered = any(_answers(event, broken.message) for event in events)
    talk.check(answered, "a stream that broke off before its answer was resumed, and the answer never came")
    due = set(broken.known) - {event.id for event in events}
    talk.check(not due, f"{len(due)} of the events that a client had missed did not come")


def resumed_without_the_past(talk: Talk) -> None:
    """What a client has seen does not come again."""
    broken = _broken_off(talk)
    events = _replayed(talk, broken)
    again = [event for event in events if event.id == broken.last]
    talk.check(not again, "a stream that was resumed has the very event that the client had named")


def resumed_alone(talk: Talk) -> None:
    """What belongs to another stream does not come."""
    broken = _broken_off(talk)
    other = talk.message("tools/list", {}) if broken.message["method"] == "ping" else dict(broken.message)
    params = {**broken.message["params"], "_meta": {"progressToken": "another-stream"}}
    other = {**other, "id": "another-stream", "params": params}
    told = _posted(talk, other)
    ids = {event.id for event in told if event.id}
    events = _replayed(talk, broken)
    foreign = [event for event in events if event.id in ids or b'"another-stream"' in event.line]
    talk.check(not foreign, "a stream that was resumed has events of another one")


def not_held_back(talk: Talk) -> None:
    """Proxies are told to pass a stream on at once."""
    for message, stream, _ in _opened(talk, 1):
        told = stream.head(talk.trial.options.timeout).headers.get("x-accel-buffering", "")
        fine = told.strip().lower() == "no"
        talk.check(fine, f"the stream with the answer to {message['method']} has no X-Accel-Buffering: no")


def _note(talk: Talk, events: Sequence[Event]) -> None:
    for event in events:
        fields = "".join(f"{name}: {value} " for name, value in event.fields.items())
        more = "" if event.whole else " (cut off)"
        data = b" ".join(event.data).decode("utf-8", "replace")
        talk.note("subject", f"event {fields}data: {shortened(data, 400)}{more}")


@contextlib.contextmanager
def _stream(talk: Talk, method: str, headers: Mapping[str, str], body: Any = None) -> Iterator[Stream]:
    """A request whose answer is read as it comes."""
    note_request(talk, method, headers, body)
    try:
        stream = link(talk).stream(method, headers, body)
        try:
            yield stream
        finally:
            stream.close()
    except Unreachable as error:
        raise Absent(f"the server {error}") from None
    except NO_ANSWER as error:
        raise Broken(f"{method} was not answered ({printable(type(error).__name__)})") from None


def _asked(talk: Talk) -> Iterator[tuple[dict[str, Any], float]]:
    """Requests that a server may answer with a stream, the likeliest first, and the seconds that an answer takes."""
    tour = talk.tour
    meta: dict[str, Any] = {}
    if "logging" in talk.trial.known(talk.revision).capabilities:  # what is logged comes before the answer
        if talk.modern:
            meta[META + "logLevel"] = "debug"
        else:
            with contextlib.suppress(Broken):
                talk.ask("logging/setLevel", {"level": "debug"})
    took = {call.params["name"]: call.answer.seconds for call in tour.calls}
    called = [tool for tool in tour.tools if tool["name"] not in tour.uncalled]
    # One that was called and never answered may well be what is wrong with the stream.
    called.sort(key=lambda tool: -took.get(tool["name"], talk.trial.options.timeout))
    for number, tool in enumerate(called[:_TRIED]):
        params = {"name": tool["name"], "arguments": arguments_for(tool, talk.trial.options)[0]}
        message = talk.message("tools/call", params, progressToken=f"stream-{number}-{talk.now()}", **meta)
        yield message, took.get(tool["name"], 0.0)
    yield lists(talk), 0.0


def _opened(talk: Talk, most: int) -> Iterator[tuple[dict[str, Any], Stream, float]]:
    """Requests that are answered with a stream, so many at most, their streams, and the seconds to their answers.

    Raises:
        NotObserved: where there are none.
    """
    found = 0
    for message, seconds in _asked(talk):
        with _stream(talk, "POST", link(talk).headers_for(message), message) as stream:
            if stream.head(talk.trial.options.timeout).streams:
                found += 1
                yield message, stream, seconds
        if found == most:
            return
    if not found:
        raise NotObserved("no request was answered with a stream of events")


def _streams(talk: Talk, most: int = 1) -> list[tuple[str, list[Event]]]:
    """Streams with all their events, and what they are called."""
    found = []
    for message, stream, _ in _opened(talk, most):
        events = list(stream.until(talk.trial.options.timeout))
        _note(talk, events)
        found.append((f"the stream that answers {message['method']}", events))
    return found


def _posted(talk: Talk, message: dict[str, Any]) -> list[Event]:
    """All events, or the whole body, that a request is answered with."""
    with _stream(talk, "POST", link(talk).headers_for(message), message) as stream:
        stream.head(talk.trial.options.timeout)
        events = list(stream.until(talk.trial.options.timeout))
    _note(talk, events)
    return events


def _said(talk: Talk) -> list[Event]:
    """What comes of a request that a server may answer with a stream."""
    return _posted(talk, next(_asked(talk))[0])


@contextlib.contextmanager
def _listening(talk: Talk, most: int) -> Iterator[list[Stream]]:
    """Streams that GET opens, one at least.

    Raises:
        NotApplicable: where it opens none.
    """
    with contextlib.ExitStack() as stack:
        streams = []
        for _ in range(most):
            stream = stack.enter_context(_stream(talk, "GET", {**link(talk).headers_for({}), **EVENTS}))
            head = stream.head(talk.trial.options.timeout)
            if head.status == 200 and head.streams:
                streams.append(stream)
        if not streams:
            raise NotApplicable("the server has no stream of its own")
        yield streams


@record
class _Break:
    """A stream that was broken off before its answer.

    Attributes:
        message: the request.
        last: the id of the event to go on from, the first that had one.
        known: the ids of events that were under way when it was broken off.
    """

    message: dict[str, Any]
    last: str
    known: tuple[str, ...]


def _broken_off(talk: Talk) -> _Break:
    """Break a stream off after its first event with an id.

    Raises:
        NotApplicable: where events have no ids.
        NotObserved: where the answer is the first of them.
    """
    some = False
    for message, stream, seconds in _opened(talk, _TRIED + 1):
        for event in stream.until(talk.trial.options.timeout):
            _note(talk, [event])
            if event.id and event.whole and not is_answer(event.line):
                stream.close()
                rest = [one.id for one in stream.until(_LEFT) if one.id and one.whole]
                talk.happened(f"the connection is closed after the event {printable(event.id)}, before its answer")
                talk.listen(min(seconds, _AWAY))
                return _Break(message, event.id, tuple(rest))
            some = some or bool(event.id)
    if not some:
        raise NotApplicable("the events have no ids, so that nothing can be resumed")
    raise NotObserved("the first event with an id was the answer")


def _resumed(talk: Talk, broken: _Break) -> tuple[str, list[Event]]:
    """The events of a resumed stream up to the answer; or what GET was answered with instead."""
    headers = {**link(talk).headers_for({}), **EVENTS, LAST_EVENT: header_bytes(broken.last)}
    events: list[Event] = []
    with _stream(talk, "GET", headers) as stream:
        head = stream.head(talk.trial.options.timeout)
        if head.status != 200 or not head.streams:
            talk.note("subject", f"{head.status} {head.kind}")
            return f"status {head.status} and {printable(head.kind) or 'no content type'}", []
        for event in stream.until(talk.trial.options.timeout):
            events.append(event)
            if _answers(event, broken.message):
                events += stream.until(talk.trial.options.pace.silence)
                break
    _note(talk, events)
    return "", events


def _replayed(talk: Talk, broken: _Break) -> list[Event]:
    """The events of a resumed stream.

    Raises:
        NotApplicable: where nothing is replayed.
    """
    _, events = _resumed(talk, broken)
    if not events:
        raise NotApplicable("the server replays nothing")
    return events


def _answers(event: Event, message: Mapping[str, Any]) -> bool:
    seen = decode(event.line, 0.0)
    return seen.kind in ("result", "error") and seen.id == message["id"]


CASES: Mapping[str, Case] = {
    "HTTP-EVENT-IDS": shared(event_ids_differ),
    "HTTP-SSE-WHOLE": shared(events_are_whole),
    "HTTP-SSE-FIELDS": shared(fields_are_known),
    "HTTP-SSE-TYPE": shared(events_are_messages),
    "HTTP-SSE-RETRY": shared(retry_is_a_number),
    "HTTP-STREAM-ENDS": shared(stream_ends),
    "HTTP-GET-ANSWERS": fresh(answers_elsewhere),
    "HTTP-ONE-STREAM": fresh(on_one_stream),
    "HTTP-PRIMING": shared(primed),
    "HTTP-POLLING": shared(told_when_to_come_back),
    "HTTP-RESUME": fresh(resumed),
    "HTTP-RESUME-PAST": fresh(resumed_without_the_past),
    "HTTP-RESUME-OTHERS": fresh(resumed_alone),
    "HTTP-BUFFERING": shared(not_held_back),
}
