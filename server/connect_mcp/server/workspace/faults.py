"""What can be made to go wrong with a request to the workspace, and the words for it."""

import contextlib
import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

GRAMMAR = """\
With --allow-failures a request fails when it says so itself, in the header X-Workspace-Fail, or when a rule is waiting
for it, so that a server under test need not send anything of the kind. Either way the text is parts joined by `;`:

    latency=SECONDS     wait before anything else; ends early when the client goes away
    act                 carry the request out first, so that only its answer is lost
    retry-after=TEXT    send this Retry-After
    status=CODE         the status to answer, with a JSON body of the API's shape unless a kind is named as well

and at most one kind:

    html                a web page instead of JSON
    badjson             JSON that ends too early, with the right length
    wrongtype           JSON that is neither an object nor a list
    empty               no body
    oversize[=BYTES]    a JSON object of this size, 16 MiB unless given
    badgzip             a body that is not compressed as its header says
    redirect=URL        302 to there, or the status given
    truncate            an answer whose connection is closed in the middle of the body
    drop                a connection that is closed without an answer
    reset               a connection that is reset without an answer
    garbage             bytes that are no HTTP

The last four need a real connection. Without kind and status, a request is answered as always, after the latency.

Rules are made at /workspace/failures, with the administrator's key. POST {"fail": "status=503; retry-after=1"} makes
one; `method` ("*" unless given), `path` (a pattern for the path below /api/v1, with `*`; "*" unless given) and `times`
(1 unless given) say for which and for how many requests. GET lists those still waiting, DELETE drops them all. Of
several that fit, the oldest is used.
"""
KINDS = (
    "html",
    "badjson",
    "wrongtype",
    "empty",
    "oversize",
    "badgzip",
    "redirect",
    "truncate",
    "drop",
    "reset",
    "garbage",
)
_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT, HTTPStatus.NOT_MODIFIED)


@dataclass(frozen=True)
class Fault:
    """How one request fails; GRAMMAR says what each part means."""

    kind: str = ""
    value: str = ""
    status: int | None = None
    retry_after: str = ""
    latency: float = 0.0
    acts: bool = False


def read_fault(text: str) -> Fault:
    """The fault that a text describes.

    Raises:
        ValueError: it describes none; the message is for whoever wrote it.
    """
    found: dict[str, Any] = {}
    for part in text.split(";"):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name == "status":
            found["status"] = _status(value)
        elif name == "latency":
            found["latency"] = _seconds(value)
        elif name == "retry-after":
            found["retry_after"] = value
        elif name == "act":
            found["acts"] = True
        elif name in KINDS:
            if "kind" in found:
                raise ValueError(f"only one of {found['kind']} and {name} can happen")
            found["kind"], found["value"] = name, value
        elif name:
            raise ValueError(f"unknown part: {name}")
    if not found:
        raise ValueError("no failure is named")
    if found.get("acts") and not found.keys() & {"kind", "status"}:
        raise ValueError("act loses an answer: name what comes instead of it")
    if found.get("kind") == "redirect" and not found["value"]:
        raise ValueError("redirect needs a URL")
    if found.get("kind") == "oversize" and not (found["value"] or "0").isdecimal():
        raise ValueError("oversize takes a number of bytes")
    return Fault(**found)


def _status(text: str) -> int:
    with contextlib.suppress(ValueError):
        if (status := HTTPStatus(int(text))) >= HTTPStatus.OK and status not in _WITHOUT_BODY:
            return int(status)
    raise ValueError(f"status takes an HTTP status that has a body, not {text}")


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= (seconds := float(text)) < math.inf:
            return seconds
    raise ValueError(f"latency takes a number of seconds, not {text}")
