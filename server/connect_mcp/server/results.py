"""Tool results: one JSON object, given both as text and as structured content, and the failures that are results too.

Two hosts drop the text of a result and four drop its structured content, so both say the same.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MARGIN = 6
"""How many levels the messages around a result may add to its nesting."""


class Failure(Exception):
    """A tool call that did not succeed, as the model is told.

    Attributes:
        code: one of UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, INVALID_ARG, CONFLICT, RATE_LIMITED, UPSTREAM_ERROR,
            UPSTREAM_TIMEOUT, UPSTREAM_UNREACHABLE, BAD_UPSTREAM_RESPONSE, CANCELLED, INTERNAL.
        message: one sentence, what went wrong; never quotes a request, since a request holds the key.
        retryable: whether the same call may be made again, harmlessly, with some hope.
        hint: what mends it.
        details: what is wrong with which field, `{"field": ["message", …]}`, or what else the API said.
        status: the HTTP status, where the API answered.
        retry_after_ms: how long the API asks to wait.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        hint: str | None = None,
        details: Any = None,
        status: int | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.hint = hint
        self.details = details
        self.status = status
        self.retry_after_ms = retry_after_ms

    def as_dict(self) -> dict[str, Any]:
        """The error object; what is not known is left out."""
        told = {"code": self.code, "message": self.message, "retryable": self.retryable}
        more = {
            "hint": self.hint,
            "details": self.details,
            "status": self.status,
            "retry_after_ms": self.retry_after_ms,
        }
        return told | {key: value for key, value in more.items() if value is not None}


def success(value: dict[str, Any]) -> dict[str, Any]:
    """The CallToolResult for `value`.

    Raises:
        ValueError: if `value` is not JSON.
        RecursionError: if it is nested too deeply to be sent.
    """
    return _result(value, failed=False)


def failure(error: Failure) -> dict[str, Any]:
    """The CallToolResult for `error`."""
    return _result(error.as_dict(), failed=True)


def _result(value: dict[str, Any], *, failed: bool) -> dict[str, Any]:
    wrapped: Any = value
    for _ in range(_MARGIN):  # what can be written this deep can be written inside any message
        wrapped = [wrapped]
    text = json.dumps(wrapped, ensure_ascii=False, allow_nan=False)[_MARGIN:-_MARGIN]
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair: clients with strict UTF-8 would lose the whole answer
        text = text.encode("utf-8", "replace").decode()
        value = json.loads(text)
    return {"content": [{"type": "text", "text": text}], "structuredContent": value, "isError": failed}
