"""Streamable HTTP: parameters of tools that are repeated in headers."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from connect_mcp.base.record import record

from ..arguments import instance_of
from ..case import Case, shared
from ..http_client import header_bytes, in_base64
from ..mirrored import ANNOTATION, PREFIX, annotated, as_header, at, is_token
from ..result import NotApplicable
from ..talk import Talk
from ..trial import Called
from .envelope import HEADER_MISMATCH
from .over_http import not_mismatched, post, refused


def param_differs(talk: Talk) -> None:
    """A parameter's header says what the body says."""
    call = _mirrored_call(talk)
    answer = post(talk, call.message, **{call.header: _another(call.value)})
    refused(talk, answer, 400, f"{call.header} with another value than the body", HEADER_MISMATCH)


def param_missing(talk: Talk) -> None:
    """A parameter that goes into a header is in it."""
    call = _mirrored_call(talk)
    answer = post(talk, call.message, **{call.header: None})
    refused(talk, answer, 400, f"a call without {call.header}", HEADER_MISMATCH)


def param_in_base64(talk: Talk) -> None:
    """A parameter in base64 is decoded before it is compared."""
    call = _mirrored_call(talk)
    answer = post(talk, call.message, **{call.header: in_base64(str(as_header(call.value)))})
    not_mismatched(talk, answer, f"a call whose {call.header} is in base64")


def param_characters(talk: Talk) -> None:
    """A header holds visible ASCII alone."""
    call = _mirrored_call(talk, str, value="caf\u00e9")
    answer = post(talk, call.message, **{call.header: header_bytes(call.value)})
    about = f"{call.header} with bytes that are no ASCII"
    talk.check(answer.status == 400, f"{about} was answered with status {answer.status}, not 400")
    told = answer.error_code  # what speaks HTTP for a server may refuse such bytes before the server sees them
    talk.check(told in (HEADER_MISMATCH, None), f"{about} was answered with error {told}, not {HEADER_MISMATCH}")


def param_absent(talk: Talk) -> None:
    """What is not in the body is not expected in a header."""
    call = _mirrored_call(talk, value=None)
    not_mismatched(talk, post(talk, call.message), f"a call whose parameter for {call.header} is null")
    with contextlib.suppress(NotApplicable):
        call = _mirrored_call(talk, value=...)
        not_mismatched(talk, post(talk, call.message), f"a call without the parameter for {call.header}")


def param_as_number(talk: Talk) -> None:
    """Whole numbers are compared as numbers."""
    call = _mirrored_call(talk, int)
    answer = post(talk, call.message, **{call.header: f"{call.value}.0"})
    not_mismatched(talk, answer, f"{call.header}: {call.value}.0 for {call.value}")


@record
class _Mirrored:
    """A call with a parameter that is repeated in a header.

    Attributes:
        message: the request.
        header: the header's name.
        value: the parameter's value.
    """

    message: dict[str, Any]
    header: str
    value: Any


def _mirrored_call(talk: Talk, kind: type | tuple[type, ...] = (str, int), value: Any = "") -> _Mirrored:
    """A call of a tool that was called before, with a parameter of this kind that is repeated in a header.

    `value` is what the parameter is to be: `...` leaves it out where it may be, and an empty text takes what is there.

    Raises:
        NotApplicable: where there is none.
    """
    for call in talk.tour.calls:
        root = call.what["inputSchema"]
        for path, schema in annotated(root):
            usual = at(call.params["arguments"], path)
            usual = instance_of(schema, root, 0) if usual is None else usual
            fits = isinstance(usual, kind) and not (kind is int and isinstance(usual, bool))
            if is_token(schema[ANNOTATION]) and fits and not (value is ... and _required(call, path)):
                chosen = usual if value == "" else value
                params = {"name": call.params["name"], "arguments": _with(call.params["arguments"], path, chosen)}
                return _Mirrored(talk.message("tools/call", params), PREFIX + schema[ANNOTATION], chosen)
    raise NotApplicable("no tool that was called repeats such a parameter in a header")


def _with(arguments: Any, path: Sequence[str], value: Any) -> dict[str, Any]:
    """Arguments with another value at a path; `...` takes it out."""
    changed = dict(arguments) if isinstance(arguments, dict) else {}
    if len(path) > 1:
        changed[path[0]] = _with(changed.get(path[0]), path[1:], value)
    elif value is ...:
        changed.pop(path[0], None)
    else:
        changed[path[0]] = value
    return changed


def _required(call: Called, path: Sequence[str]) -> bool:
    schema = call.what["inputSchema"]
    return len(path) > 1 or path[0] in (schema.get("required") or ())


def _another(value: Any) -> str:
    return str(
        as_header(not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else value + "x")
    )


CASES: Mapping[str, Case] = {
    "HTTP-PARAM-DIFFERS": shared(param_differs),
    "HTTP-PARAM-MISSING": shared(param_missing),
    "HTTP-PARAM-BASE64": shared(param_in_base64),
    "HTTP-PARAM-CHARS": shared(param_characters),
    "HTTP-PARAM-ABSENT": shared(param_absent),
    "HTTP-PARAM-NUMBER": shared(param_as_number),
}
