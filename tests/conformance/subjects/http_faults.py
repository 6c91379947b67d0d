# mypy: ignore-errors
# A program that the kit is pointed at, not a part of anything: it stays plain.
"""One fault for each requirement of Streamable HTTP: what is done to the correct server so that it breaks that rule."""


def having(name, value):
    """A policy is another one."""
    return lambda policy: setattr(policy, name, value)


def status(code, value):
    """An error has another status."""
    return lambda policy: policy.statuses.update({code: value})


def not_comparing(*names):
    """Headers of this kind are not compared."""
    return lambda policy: policy.compared.difference_update(names)


FAULTS = {
    "HTTP-ORIGIN": having("foreign_origin", 200),
    "HTTP-NOTIF-202": having("notified", (200, b"{}")),
    "HTTP-GET": having("get", 200),
    "HTTP-TYPE": having("content_type", "text/plain"),
    "HTTP-BODY": having("wrap_body", lambda body: b"[" + body + b"]"),
    "HTTP-EVENT-IDS": having("event_id", lambda: "1"),
    "HTTP-BAD-BODY": having("bad_body", 200),
    "HTTP-SESSION-CHARS": having("session_id", lambda: "one two"),
    "HTTP-SESSION-400": having("missing_session", 200),
    "HTTP-SESSION-404": having("forgets_sessions", False),
    "HTTP-SESSION-UNKNOWN": having("unknown_session", 200),
    "HTTP-VERSION": having("unknown_version", 200),
    "HTTP-VERSION-2026": status(-32022, 200),
    "HTTP-VERSION-DIFFERS": not_comparing("version"),
    "HTTP-METHOD-DIFFERS": not_comparing("method"),
    "HTTP-METHOD-MISSING": not_comparing("method-missing"),
    "HTTP-NAME-DIFFERS": not_comparing("name"),
    "HTTP-METHOD-404": status(-32601, 200),
    "HTTP-NOCAPS-400": status(-32602, 200),
}
