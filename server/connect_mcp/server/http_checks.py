"""What the headers of a request must be before anybody reads its body, and what they must have in common with it."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from connect_mcp.server.exchange import (
    ABSENT,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    REVISION,
    UNSUPPORTED_REVISION,
)
from connect_mcp.server.revisions import INVALID_PARAMS, LEGACY, MODERN

HEADER_MISMATCH = -32020

PROTOCOL_VERSION, SESSION_ID = "mcp-protocol-version", "mcp-session-id"
_METHOD, _NAME = "mcp-method", "mcp-name"

_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""By method, the parameter that Mcp-Name repeats."""

_BASE64, _BASE64_END = "=?base64?", "?="

_STATUS = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    INVALID_PARAMS: 400,
    UNSUPPORTED_REVISION: 400,
    METHOD_NOT_FOUND: 404,
}
"""By error code, the status of an answer in modern revisions."""


class Refusal(Exception):
    """A request that is answered before the core sees it.

    Attributes:
        status: HTTP's.
        message: JSON-RPC's error, with the id of the request where that is known.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        told: str,
        code: int = INVALID_REQUEST,
        *,
        ident: Any = ABSENT,
        data: Any = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(told)
        self.status = status
        error = {"code": code, "message": told} | ({} if data is None else {"data": data})
        self.message = {"jsonrpc": "2.0"} | ({} if ident is ABSENT else {"id": ident}) | {"error": error}
        self.headers = headers


@dataclass(frozen=True)
class Accepted:
    """What a client takes as an answer: JSON, events, or both."""

    json: bool
    events: bool


ONLY_JSON = Accepted(json=True, events=False)


@dataclass(frozen=True)
class Gate:
    """Who is let in.

    Attributes:
        anywhere: other machines can reach this server, under a name that it does not know.
        token: what a client must know; None for nothing.
    """

    anywhere: bool
    token: str | None

    def check(self, headers: Headers) -> None:
        """Refuse browsers that were led here, by a name that points at this machine or from another site's page.

        Raises:
            Refusal: 421 for the Host, 403 for the Origin, 401 for the token.
        """
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not (self.anywhere or names_loopback(hosts[0])):
            raise Refusal(421, "Host is not this machine")
        for origin in headers.getlist("origin"):
            scheme, _, host = origin.partition("://")
            local = names_loopback(host) or (self.anywhere and host == hosts[0])
            if scheme not in ("http", "https") or not local:
                raise Refusal(403, "requests from this Origin are not answered")
        if self.token is not None and not _carries(headers, self.token):
            raise Refusal(401, "a bearer token is needed", headers={"WWW-Authenticate": "Bearer"})


def accepted(headers: Headers) -> Accepted:
    """What the Accept header says; events are taken only by who names them.

    Raises:
        Refusal: 406 for a client that takes neither.
    """
    named = {part.partition(";")[0].strip().lower() for line in headers.getlist("accept") for part in line.split(",")}
    taken = Accepted(
        json=not named or bool(named & {"application/json", "application/*", "*/*"}),
        events="text/event-stream" in named,
    )
    if not taken.json and not taken.events:
        raise Refusal(406, "answers are application/json or text/event-stream")
    return taken


def check_is_json(headers: Headers) -> None:
    """Refuse other types, among them those that a browser sends to another site without asking.

    Raises:
        Refusal: 415.
    """
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "Content-Type must be application/json")


def is_modern(headers: Headers, message: Any) -> bool:
    """Whether a request is one of the modern revisions: it says so, or it names what no legacy revision has."""
    spoken = headers.get(PROTOCOL_VERSION)
    return (spoken is not None and spoken not in LEGACY) or _meta(message).get(REVISION, ABSENT) is not ABSENT


def is_request(message: Any) -> bool:
    """Whether a message asks for an answer."""
    return isinstance(message, dict) and isinstance(message.get("method"), str) and "id" in message


def check_modern(headers: Headers, message: Any) -> None:
    """Compare the headers of a modern request with its body, as far as that could be read.

    Raises:
        Refusal: 400 where they differ, where a header is missing, or the revision is not supported.
    """
    request = is_request(message)
    ident = message["id"] if request else ABSENT
    for name in (PROTOCOL_VERSION, _METHOD, _NAME):
        if len(headers.getlist(name)) > 1:
            raise Refusal(400, f"Header mismatch: {name} is there twice", HEADER_MISMATCH, ident=ident)
    spoken, named = headers.get(PROTOCOL_VERSION), _meta(message).get(REVISION, ABSENT)
    if named is ABSENT:
        if spoken not in MODERN:
            raise unsupported(spoken, ident)
        if request:
            raise Refusal(400, f"Invalid params: _meta must hold {REVISION}", INVALID_PARAMS, ident=ident)
    elif isinstance(named, str) and spoken != named:
        raise Refusal(400, "Header mismatch: MCP-Protocol-Version is not that of _meta", HEADER_MISMATCH, ident=ident)
    if request:
        for header, value in _repeated(message):
            if _decoded(headers.get(header)) != value:
                raise Refusal(400, f"Header mismatch: {header} is not that of the body", HEADER_MISMATCH, ident=ident)
    elif isinstance(message, dict) and "method" not in message:
        raise Refusal(400, "Invalid request: a client has nothing to answer")


def unsupported(spoken: str | None, ident: Any = ABSENT) -> Refusal:
    """The refusal of a revision that MCP-Protocol-Version names."""
    data = {"supported": MODERN, "requested": spoken}
    return Refusal(400, "Unsupported protocol version", UNSUPPORTED_REVISION, ident=ident, data=data)


def status_of(answer: Any, *, modern: bool) -> int:
    """HTTP's status for an answer that is sent as a whole."""
    if not isinstance(answer, dict) or "error" not in answer:
        return 200
    if modern:
        return _STATUS.get(answer["error"]["code"], 200)
    return 400 if answer.get("id") is None else 200


def names_loopback(authority: str) -> bool:
    """Whether a host with or without a port is this machine and no other."""
    try:
        parts = urlsplit(f"//{authority}")
        _ = parts.port
    except ValueError:
        return False
    if parts.netloc != authority or "@" in authority or parts.hostname is None:
        return False
    return parts.hostname == "localhost" or is_loopback(parts.hostname)


def is_loopback(address: str) -> bool:
    """Whether a numeric address is one of this machine's own that no other can reach."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _carries(headers: Headers, token: str) -> bool:
    given = headers.getlist("authorization")
    scheme, _, value = (given[0] if len(given) == 1 else "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(value.strip().encode(), token.encode())


def _meta(message: Any) -> dict[str, Any]:
    params = message.get("params") if isinstance(message, dict) else None
    meta = params.get("_meta") if isinstance(params, dict) else None
    return meta if isinstance(meta, dict) else {}


def _repeated(message: dict[str, Any]) -> list[tuple[str, str]]:
    """The headers that repeat parts of a request, and what they must be."""
    method = message["method"]
    params = message.get("params")
    name = params.get(_NAMED_BY.get(method, "")) if isinstance(params, dict) else None
    return [(_METHOD, method), *([(_NAME, name)] if isinstance(name, str) else [])]


def _decoded(value: str | None) -> str | None:
    """What a header says, in base64 or not; None where it says nothing."""
    if value is None or not (value.startswith(_BASE64) and value.endswith(_BASE64_END)):
        return value
    try:
        return base64.b64decode(value[len(_BASE64) : -len(_BASE64_END)], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
