"""JSON-RPC: requests, notifications, answers, errors and batches."""

from collections.abc import Callable, Mapping
from typing import Any

from ..case import Case, bare, shared
from ..result import Broken
from ..talk import Talk, told, unasked
from ..trial import initialize_params
from ..wire import Seen, encode, is_id
from .framing import harmless

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
HEADER_MISMATCH = -32020

_IDS = ("abc", "7", 0, -5, 2**53 - 1, "é\u2028x", "")
_MANY = 30


def empty_pong(talk: Talk) -> None:
    """A ping is answered with an empty object."""
    result = talk.expect_result(talk.ask("ping"), "ping")
    talk.check(result == {}, "the result of ping is no empty object")


def id_echoed(talk: Talk) -> None:
    """Every answer carries the id of its request, as it was."""
    for ident in _IDS:
        talk.answer(talk.request(harmless(talk), {}, ident=ident))
        talk.check(True, "")


def method_not_found(talk: Talk) -> None:
    """A method that there is not."""
    talk.expect_error(talk.ask("does/not_exist"), "a method that does not exist", METHOD_NOT_FOUND)


def thirty_at_once(talk: Talk) -> None:
    """Thirty requests at once have thirty answers."""
    idents = [f"many-{number}" for number in range(_MANY)]
    talk.send_bytes(b"".join(encode(talk.message(harmless(talk), {}, ident=ident)) + b"\n" for ident in idents))
    for ident in idents:
        talk.answer(ident)
    talk.fence()
    again = unasked(talk.unclaimed())
    talk.check(not again, f"of {_MANY} requests at once, some were answered more than once")


def further_members(talk: Talk) -> None:
    """A member that nobody knows is no reason to drop a message."""
    talk.send({**talk.message(harmless(talk), {}, ident="more"), "zzz": {"a": 1}})
    talk.expect_result(talk.answer("more"), "a request with a further member")


def without_params(talk: Talk) -> None:
    """Where nothing is required, params may be left out."""
    method = next((f"{name}/list" for name in ("tools", "prompts", "resources") if name in _declared(talk)), "ping")
    talk.send({"jsonrpc": "2.0", "id": "bare", "method": method})
    talk.expect_result(talk.answer("bare"), f"{method} without params")


def unknown_meta(talk: Talk) -> None:
    """What is unknown in _meta is skipped."""
    answer = talk.ask(harmless(talk), {}, **{"com.example/trace": {"a": [1, None]}, "progressToken": 77})
    talk.expect_result(answer, "a request with unknown members in _meta")


def unreadable(data: bytes, *codes: int) -> Callable[[Talk], None]:
    """A line whose id cannot be read is answered with one error without an id."""

    def run(talk: Talk) -> None:
        talk.send_bytes(data + b"\n")
        first = _only_error(talk, talk.silence(expecting=True), codes)
        talk.check(not is_id(first.id), "the error has an id, though none can be read from the line")

    return run


def refused(change: Callable[[dict[str, Any]], dict[str, Any]], *codes: int) -> Callable[[Talk], None]:
    """A request whose id can be read, and that is wrong, is answered with one error."""

    def run(talk: Talk) -> None:
        message = talk.message(harmless(talk), {})
        talk.send(change(message))
        # Over HTTP the headers are compared with the body before the body is looked at.
        mismatch = (HEADER_MISMATCH,) if talk.link.transport == "http" and talk.modern else ()
        first = _only_error(talk, talk.silence(expecting=True), codes + mismatch)
        talk.check(first.id in (message["id"], None), "the error has an id that is not the one of the request")

    return run


def never_served(ident: Any) -> Callable[[Talk], None]:
    """A request whose id is none is refused or dropped."""

    def run(talk: Talk) -> None:
        talk.send({**talk.message(harmless(talk), {}), "id": ident})
        came = unasked(talk.silence())
        if came:
            _only_error(talk, came, (INVALID_REQUEST, PARSE_ERROR))
        talk.check(True, "")

    return run


def not_answered(about: str, message: Callable[[Talk], Any]) -> Callable[[Talk], None]:
    """What is no request is not answered."""

    def run(talk: Talk) -> None:
        talk.send(message(talk))
        came = unasked(talk.silence())
        talk.check(not came, f"{about} was answered with {told(came[0]) if came else ''}")

    return run


def batch_answered(talk: Talk) -> None:
    """Each request of a batch is answered."""
    talk.send([talk.message("ping", ident="b1"), talk.message("ping", ident="b2")])
    for ident in ("b1", "b2"):
        talk.expect_result(talk.answer(ident), "a request in a batch")


def batch_of_notifications(talk: Talk) -> None:
    """A batch without a request is not answered, not even with an empty array."""
    message = {"jsonrpc": "2.0", "method": "notifications/does_not_exist"}
    talk.send([message, message])
    came = unasked(talk.silence())
    talk.check(not came, f"a batch of notifications was answered with {told(came[0]) if came else ''}")


def batch_with_nonsense(talk: Talk) -> None:
    """What is wrong in a batch is refused, what is right is answered."""
    talk.send([1, talk.message("ping", ident="b3")])
    talk.expect_result(talk.answer("b3"), "a request beside nonsense in a batch")
    talk.fence()
    errors = [seen for seen in talk.unclaimed() if seen.kind == "error" and not is_id(seen.id)]
    talk.check(errors, "nonsense in a batch was not refused")
    talk.check(errors[0].value["error"].get("code") == INVALID_REQUEST, f"it was refused with {told(errors[0])}")


def initialize_in_a_batch(talk: Talk) -> None:
    """Initialize stands alone."""
    talk.send([talk.message("initialize", initialize_params(talk.revision), ident="b4")])
    came = unasked(talk.silence(expecting=True))
    served = [seen for seen in came if seen.kind == "result"]
    talk.check(not served, "initialize in a batch was answered with a result")


def batch_refused(talk: Talk) -> None:
    """There are no batches."""
    talk.send([talk.message(harmless(talk), {}, ident="b5")])
    came = unasked(talk.silence(expecting=True))
    first = _only_error(talk, came, (INVALID_REQUEST,))
    talk.check(first.id in ("b5", None), "the error has an id that is not the one of the request")


def _only_error(talk: Talk, came: list[Seen], codes: tuple[int, ...]) -> Seen:
    wanted = " or ".join(map(str, codes))
    came = unasked(came)
    if not came:
        talk.judged += 1
        raise Broken(f"nothing came back, and error {wanted} was due")
    first = came[0]
    code = first.value["error"].get("code") if first.kind == "error" and not first.problem else None
    talk.check(code in codes, f"{told(first)} came back, not error {wanted}")
    talk.check(len(came) == 1, "it was answered more than once")
    return first


def _declared(talk: Talk) -> Mapping[str, Any]:
    return talk.trial.known(talk.revision).capabilities


def _notification(method: str, params: Any) -> Callable[[Talk], Any]:
    return lambda talk: {"jsonrpc": "2.0", "method": method, "params": params}


def _bare_request(talk: Talk) -> Any:
    message = talk.message("tools/list", {})
    del message["id"]
    return message


def _without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda message: {key: value for key, value in message.items() if key != name}


_WITH_BYTES = b'{"jsonrpc":"2.0","id":"bytes","method":"ping","params":{"_meta":{"x":"\xff\xfe"}}}'

CASES: Mapping[str, Case] = {
    "PING-EMPTY": shared(empty_pong),
    "ID-ECHO": shared(id_echoed),
    "METHOD-NF": shared(method_not_found),
    "CONC-30": shared(thirty_at_once),
    "EXTRA-FIELDS": shared(further_members),
    "PARAMS-ABSENT": shared(without_params),
    "META-UNKNOWN": shared(unknown_meta),
    "PARSE-TRUNC": shared(unreadable(b'{"jsonrpc":"2.0","id":"cut","method":"ping"', PARSE_ERROR)),
    "PARSE-GARBAGE": shared(unreadable(b"hello world", PARSE_ERROR)),
    "PARSE-UTF8": shared(unreadable(_WITH_BYTES, PARSE_ERROR, INVALID_REQUEST)),
    "REQ-SCALAR": shared(unreadable(b"42", INVALID_REQUEST)),
    "REQ-EMPTYARR": shared(unreadable(b"[]", INVALID_REQUEST)),
    "REQ-NOVERSION": shared(refused(_without("jsonrpc"), INVALID_REQUEST)),
    "REQ-V1": shared(refused(lambda message: {**message, "jsonrpc": "1.0"}, INVALID_REQUEST)),
    "REQ-METHODNUM": shared(refused(lambda message: {**message, "method": 1}, INVALID_REQUEST)),
    "REQ-PARAMSARR": shared(refused(lambda message: {**message, "params": [1]}, INVALID_REQUEST, INVALID_PARAMS)),
    "REQ-PARAMSSTR": shared(refused(lambda message: {**message, "params": "x"}, INVALID_REQUEST, INVALID_PARAMS)),
    "REQ-NULLID": shared(never_served(None)),
    "REQ-FRACID": shared(never_served(1.5)),
    "NOTIF-UNKNOWN": shared(not_answered("an unknown notification", _notification("notifications/does_not_exist", {}))),
    "NOTIF-REQMETHOD": shared(not_answered("a notification with the method of a request", _bare_request)),
    "NOTIF-BADPARAMS": shared(
        not_answered("a malformed cancellation", _notification("notifications/cancelled", {"requestId": {}}))
    ),
    "RESP-UNSOLICITED": shared(
        not_answered("an answer that nobody waits for", lambda talk: {"jsonrpc": "2.0", "id": 987654, "result": {}})
    ),
    "BATCH-0326": shared(batch_answered),
    "BATCH-NOTIFS": shared(batch_of_notifications),
    "BATCH-MIXED": shared(batch_with_nonsense),
    "BATCH-INIT": bare(initialize_in_a_batch),
    "BATCH-REJ": shared(batch_refused),
}
