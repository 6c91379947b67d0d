"""Endpoints that the real API has and this workspace cannot answer yet."""

from typing import Literal

from connect_mcp.server.workspace.api import Call, Endpoint, Json, Problem

_Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


def _later(method: _Method, path: str, what: str) -> Endpoint:
    def answer(call: Call) -> Json | None:
        raise Problem(501, {"detail": f"The embedded workspace cannot do this yet: {what}."})

    return Endpoint(method, path, answer)


ENDPOINTS = (
    _later("GET", "/support/tickets/", "list tickets"),
    _later("POST", "/support/tickets/", "create a ticket"),
    _later("GET", "/support/tickets/{ticket:uuid}/", "read a ticket"),
    _later("PATCH", "/support/tickets/{ticket:uuid}/", "update a ticket"),
    _later("GET", "/support/tickets/{ticket:uuid}/comments/", "list a ticket's comments"),
    _later("POST", "/support/tickets/{ticket:uuid}/comments/", "comment on a ticket"),
)
