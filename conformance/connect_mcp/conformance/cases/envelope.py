"""JSON-RPC: requests, notifications, answers, errors and batches."""

from collections.abc import Mapping
from typing import Any

from ..case import Case, bare, shared
from ..talk import Talk, unasked
from ..trial import initialize_params
from ..wire import encode
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


def without_params(talk: Talk) -> None:
    """Where nothing is required, params may be left out."""
    method = next((f"{name}/list" for name in ("tools", "prompts", "resources") if name in _declared(talk)), "ping")
    talk.send({"jsonrpc": "2.0", "id": "bare", "method": method})
    talk.expect_result(talk.answer("bare"), f"{method} without params")


def unknown_meta(talk: Talk) -> None:
    """What is unknown in _meta is skipped."""
    answer = talk.ask(harmless(talk), {}, **{"com.example/trace": {"a": [1, None]}, "progressToken": 77})
    talk.expect_result(answer, "a request with unknown members in _meta")


def initialize_in_a_batch(talk: Talk) -> None:
    """Initialize stands alone."""
    talk.send([talk.message("initialize", initialize_params(talk.revision), ident="b4")])
    came = unasked(talk.silence(expecting=True))
    served = [seen for seen in came if seen.kind == "result"]
    talk.check(not served, "initialize in a batch was answered with a result")


def _declared(talk: Talk) -> Mapping[str, Any]:
    return talk.trial.known(talk.revision).capabilities


CASES: Mapping[str, Case] = {
    "PING-EMPTY": shared(empty_pong),
    "ID-ECHO": shared(id_echoed),
    "METHOD-NF": shared(method_not_found),
    "CONC-30": shared(thirty_at_once),
    "PARAMS-ABSENT": shared(without_params),
    "META-UNKNOWN": shared(unknown_meta),
    "BATCH-INIT": bare(initialize_in_a_batch),
}
