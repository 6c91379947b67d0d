"""What the protocol core is told and what it says, as values: requests, calls, turns, and refusals.

On the way to the first tools/list answer: the standard library only, and only what starts fast.
"""

from __future__ import annotations

from connect_mcp.server.revisions import INVALID_PARAMS, MODERN, REVISIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from connect_mcp.server.revisions import Revision

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603
UNSUPPORTED_REVISION = -32022

LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
"""What is logged, from the least to the most severe."""

META = "io.modelcontextprotocol/"
"""What the names that the protocol itself uses in `_meta` begin with."""

REVISION, CAPABILITIES, LEVEL = META + "protocolVersion", META + "clientCapabilities", META + "logLevel"

ABSENT = object()
"""Stands for a member that is not there."""


class Asked:
    """The request that an answer is for, as far as the answer's form depends on it.

    Attributes:
        id: a string or a number.
        method: as the request named it.
        revision: in force for it.
        token: what progress is reported under, if the client wants any.
        level: from where on the client wants to be told what is logged; None for not at all.
        batch: what it came in.
    """

    __slots__ = ("batch", "id", "level", "method", "revision", "token")

    def __init__(
        self, ident: Any, method: str, revision: Revision, meta: dict[str, Any], level: str | None, batch: Batch | None
    ) -> None:
        self.id = ident
        self.method = method
        self.revision = revision
        token = meta.get("progressToken", ABSENT)
        self.token = token if is_id(token) else ABSENT
        self.level = level
        self.batch = batch


class Call:
    """A tool under way, for tools/call or resources/read; two calls are never equal, whatever their ids.

    Attributes:
        name: the tool's.
        arguments: the tool's, as they came.
        asked: the request that it answers.
        uri: the resource that is read; None for tools/call.
    """

    __slots__ = ("arguments", "asked", "name", "steps", "uri")

    def __init__(self, asked: Asked, name: str, arguments: dict[str, Any], uri: str | None = None) -> None:
        self.asked = asked
        self.name = name
        self.arguments = arguments
        self.uri = uri
        self.steps = 0


class Turn:
    """What follows from a line: messages to send, calls to start, calls to stop."""

    __slots__ = ("send", "start", "stop")

    def __init__(self) -> None:
        self.send: list[Any] = []
        self.start: list[Call] = []
        self.stop: list[Call] = []


class Batch:
    """The answers to a batch, held back until the last one is there."""

    __slots__ = ("answers", "open")

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.open = 1  # the reading of the batch itself


class Rejected(Exception):
    """A request that is answered with a JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message} | ({} if data is None else {"data": data})


def modern_revision(meta: dict[str, Any]) -> Revision:
    """The revision that a request names for itself.

    Raises:
        Rejected: for one that is not supported, and where something that must be there is missing.
    """
    named = meta.get(REVISION)
    if not isinstance(named, str):
        raise invalid(f"_meta must hold {REVISION}, a string")
    if named not in MODERN:
        raise Rejected(UNSUPPORTED_REVISION, "Unsupported protocol version", {"supported": MODERN, "requested": named})
    if not isinstance(meta.get(CAPABILITIES), dict):
        raise invalid(f"_meta must hold {CAPABILITIES}, an object")
    return REVISIONS[named]


def named_level(named: Any) -> str:
    """`named`, if it is a log level."""
    if not isinstance(named, str) or named not in LEVELS:
        raise invalid(f"a log level is one of {', '.join(LEVELS)}")
    return named


def invalid(what: str) -> Rejected:
    """The refusal of a request whose parameters are not as they must be."""
    return Rejected(INVALID_PARAMS, f"Invalid params: {what}")


def one_or_none(answer: Any) -> list[Any]:
    """An answer that may not be there as a list."""
    return [] if answer is None else [answer]


def deliver(batch: Batch | None, answer: Any) -> list[Any]:
    """What can be sent once one part of a batch is done, or at once where there is no batch."""
    if batch is None:
        return one_or_none(answer)
    batch.answers += one_or_none(answer)
    batch.open -= 1
    return [batch.answers] if batch.open == 0 and batch.answers else []


def is_id(value: object) -> bool:
    """Whether `value` can be the id of a request: a text, or a number without a fraction."""
    if isinstance(value, bool):
        return False
    return isinstance(value, str | int) or (isinstance(value, float) and value.is_integer())


def same_id(one: str | float, other: Any) -> bool:
    """Whether two ids are equal; "7" is not 7."""
    return isinstance(one, str) == isinstance(other, str) and one == other
