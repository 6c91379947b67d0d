"""JSON-RPC: requests, notifications, answers and errors."""

from collections.abc import Mapping

from ..case import Case, shared
from ..talk import Talk, told, unasked
from ..wire import is_id

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602

_IDS = ("abc", "7", 0, -5, 2**53 - 1, "é\u2028x", "")


def empty_pong(talk: Talk) -> None:
    """A ping is answered with an empty object."""
    result = talk.expect_result(talk.ask("ping"), "ping")
    talk.check(result == {}, "the result of ping is no empty object")


def id_echoed(talk: Talk) -> None:
    """Every answer carries the id of its request, as it was."""
    for ident in _IDS:
        talk.answer(talk.request("tools/list" if talk.modern else "ping", ident=ident))
        talk.check(True, "")


def method_not_found(talk: Talk) -> None:
    """A method that there is not."""
    talk.expect_error(talk.ask("does/not_exist"), "a method that does not exist", METHOD_NOT_FOUND)


def truncated(talk: Talk) -> None:
    """A line that is no JSON."""
    _unreadable(talk, b'{"jsonrpc":"2.0","id":1,"method":"ping"\n', PARSE_ERROR)


def unknown_notification(talk: Talk) -> None:
    """A notification is never answered."""
    talk.notify("notifications/does_not_exist", {})
    _nothing(talk, "an unknown notification")


def _unreadable(talk: Talk, data: bytes, *codes: int) -> None:
    talk.send_bytes(data)
    came = unasked(talk.silence())
    talk.check(came, "nothing came back")
    wanted = " or ".join(map(str, codes))
    first = came[0]
    talk.check(first.kind == "error", f"{told(first)} came back, not error {wanted}")
    talk.check(first.value["error"].get("code") in codes, f"{told(first)} came back, not error {wanted}")
    talk.check(not is_id(first.id), "the error has an id, though none can be read from the line")
    talk.check(len(came) == 1, "it was answered more than once")


def _nothing(talk: Talk, about: str) -> None:
    came = unasked(talk.silence())
    talk.check(not came, f"{about} was answered with {told(came[0]) if came else ''}")


CASES: Mapping[str, Case] = {
    "PING-EMPTY": shared(empty_pong),
    "ID-ECHO": shared(id_echoed),
    "METHOD-NF": shared(method_not_found),
    "PARSE-TRUNC": shared(truncated),
    "NOTIF-UNKNOWN": shared(unknown_notification),
}
