# mypy: ignore-errors
# A program that the kit is pointed at, not a part of anything: it stays plain.
"""One fault for each requirement of Streamable HTTP: what is done to the correct server so that it breaks that rule.

And what is merely odd about it, and breaks none.
"""

from over_http import counting, frame


def having(name, value):
    """A policy is another one."""
    return lambda policy: setattr(policy, name, value)


def both(*changes):
    """Several changes at once."""

    def change(policy):
        for one in changes:
            one(policy)

    return change


def status(code, value):
    """An error has another status."""
    return lambda policy: policy.statuses.update({code: value})


def not_comparing(*names):
    """Headers of this kind are not compared."""
    return lambda policy: policy.compared.difference_update(names)


only_modern = having("server", "only-modern")


def over_lines(ident, data, more=b""):
    """Each member of a message on a line of its own, without the name of the field."""
    return frame(ident, data.replace(b", ", b",\n"), more)


def several_lines(ident, data, more=b""):
    """The same in the right way: CRLF, comments, no space, no type, and data in several lines."""
    named = b"id:" + ident.encode() + b"\r\n" if ident else b""
    return b":\r\n" + named + more + b"data:" + data.replace(b", ", b",\r\ndata:") + b"\r\n:end\r\n\r\n"


def is_progress(message):
    return message.get("method") == "notifications/progress"


FAULTS = {
    "HTTP-ORIGIN": having("foreign_origin", 200),
    "HTTP-NOTIF-202": having("notified", (200, b"{}")),
    "HTTP-GET": having("get", 204),
    "HTTP-TYPE": having("content_type", "text/plain"),
    "HTTP-BODY": having("wrap_body", lambda body: b"[" + body + b"]"),
    "HTTP-MESSAGES": having("frame", lambda *parts: frame(*parts) + b"data: done\n\n"),
    "HTTP-EVENT-IDS": having("event_id", lambda: "1"),
    "HTTP-BAD-BODY": having("bad_body", 200),
    "HTTP-SESSION-CHARS": having("session_id", lambda: "one two"),
    "HTTP-SESSION-400": having("missing_session", 200),
    "HTTP-SESSION-404": having("forgets_sessions", False),
    "HTTP-SESSION-UNKNOWN": having("unknown_session", 200),
    "HTTP-VERSION": having("unknown_version", 200),
    "HTTP-SSE-WHOLE": having("last", lambda event: event.rstrip(b"\n") + b"\n"),
    "HTTP-SSE-FIELDS": having("frame", over_lines),
    "HTTP-SSE-TYPE": having("frame", lambda *parts: frame(*parts).replace(b"event: message", b"event: response")),
    "HTTP-SSE-RETRY": having("retry", b"retry: 2.5s\n"),
    "HTTP-STREAM-ENDS": having("ends_streams", False),
    "HTTP-GET-ANSWERS": having("everywhere", lambda message: "result" in message),
    "HTTP-ONE-STREAM": having("everywhere", is_progress),
    "HTTP-RESUME": having("replayed", lambda stream, at, streams: stream.log[at + 2 :]),
    "HTTP-RESUME-PAST": having("replayed", lambda stream, at, streams: stream.log),
    "HTTP-RESUME-OTHERS": having(
        "replayed",
        lambda stream, at, streams: [*stream.log[at + 1 :], *(event for one in streams for event in one.log)],
    ),
    "HTTP-PRIMING": having("primes", False),
    "HTTP-POLLING": both(having("polls", True), having("retry", b"")),
    "HTTP-BUFFERING": having("buffering", None),
    "HTTP-GET-2026": both(only_modern, having("get_modern", 404)),
    "HTTP-SESSION-2026": both(only_modern, having("modern_session", "again")),
    "HTTP-VERSION-2026": status(-32022, 200),
    "HTTP-VERSION-DIFFERS": not_comparing("version"),
    "HTTP-VERSION-MISSING": both(only_modern, having("default_version", "2026-07-28")),
    "HTTP-METHOD-DIFFERS": not_comparing("method"),
    "HTTP-METHOD-MISSING": not_comparing("method-missing"),
    "HTTP-NAME-DIFFERS": not_comparing("name"),
    "HTTP-NAME-MISSING": not_comparing("name-missing"),
    "HTTP-NAME-BASE64": having("decodes", False),
    "HTTP-HEADER-CASE": having("header", lambda headers, name: dict(headers.items()).get(name)),
    "HTTP-PARAM-DIFFERS": not_comparing("param"),
    "HTTP-PARAM-MISSING": not_comparing("param-missing"),
    "HTTP-PARAM-BASE64": having("decodes", False),
    "HTTP-PARAM-CHARS": having("takes_raw", True),
    "HTTP-PARAM-ABSENT": having("expects_absent", True),
    "HTTP-PARAM-NUMBER": having("numerically", False),
    "HTTP-METHOD-404": status(-32601, 200),
    "HTTP-NOCAPS-400": status(-32602, 200),
}

ODDITIES = {
    "only-modern": only_modern,
    "no-sessions": having("has_sessions", False),
    "no-event-ids": having("event_id", lambda: ""),
    "counted-event-ids": lambda policy: setattr(policy, "event_id", counting()),
    "no-stream-of-its-own": both(having("get", 405), having("event_id", lambda: "")),
    "several-lines": having("frame", several_lines),
    "hangs-up": having("polls", True),
    "json-alone": having("json_alone", True),
}
