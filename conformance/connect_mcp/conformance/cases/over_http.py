"""Streamable HTTP: statuses, headers, sessions and streams."""

from collections.abc import Mapping
from typing import Any

from connect_mcp.base.text import printable, shortened

from ..case import Case, fresh, opening, shared
from ..http_client import NO_ANSWER, Unreachable, in_base64
from ..http_subject import EVENTS, SESSION, HttpAnswer, HttpLink
from ..requirement import LEGACY
from ..result import Absent, Broken, NotApplicable, NotObserved
from ..talk import META, Talk
from ..trial import initialize_params
from ..wire import decode, encode
from .envelope import HEADER_MISMATCH, INVALID_PARAMS, METHOD_NOT_FOUND

UNSUPPORTED = -32022
_NEVER = "1900-01-01"
_ELSEWHERE = "https://evil.example"


def foreign_origin(talk: Talk) -> None:
    """A page of another site is turned away."""
    message = _first(talk)
    answer = post(talk, message, Origin=_ELSEWHERE)
    if talk.revision >= "2025-11-25":
        talk.check(
            answer.status == 403, f"a request from {_ELSEWHERE} was answered with status {answer.status}, not 403"
        )
    else:
        refused = 400 <= answer.status < 500
        talk.check(refused, f"a request from {_ELSEWHERE} was answered with status {answer.status}")


def notification_accepted(talk: Talk) -> None:
    """A notification is accepted without a body."""
    answer = post(talk, {"jsonrpc": "2.0", "method": "notifications/does_not_exist"})
    talk.check(answer.status == 202, f"a notification was answered with status {answer.status}, not 202")
    talk.check(not answer.messages, "the answer to a notification has a body")


def get_is_a_stream(talk: Talk) -> None:
    """GET opens a stream or is not there."""
    headers = {**link(talk).headers_for({}), "Accept": "text/event-stream"}
    answer = exchange(talk, "GET", headers)
    fine = answer.status == 405 or (answer.status == 200 and answer.kind == "text/event-stream")
    talk.check(fine, f"GET was answered with status {answer.status} and {printable(answer.kind) or 'no content type'}")


def content_type(talk: Talk) -> None:
    """An answer is JSON or a stream of events, and says so."""
    answer = post(talk, _first(talk))
    kinds = ("application/json", "text/event-stream")
    talk.check(
        answer.kind in kinds, f"a request was answered with the content type {printable(answer.kind) or '(none)'}"
    )


def messages_in_answers(talk: Talk) -> None:
    """The body is a message, or events that are messages; the answer is the last of them."""
    answer = post(talk, _first(talk))
    talk.check(answer.messages, "a request was answered without a message")
    for message in answer.messages:
        seen = decode(message, 0.0)
        talk.check(not seen.problem, f"the answer holds what is no message: {printable(seen.problem)}")
    last = decode(answer.messages[-1], 0.0)
    talk.check(last.kind in ("result", "error"), "the last message of the answer is not the answer")


def session_characters(talk: Talk) -> None:
    """The id of a session is made of visible ASCII."""
    session = _session(talk)
    visible = all("\x21" <= char <= "\x7e" for char in session)
    talk.check(session and visible, "the id of the session has characters that are no visible ASCII", session)


def session_missing(talk: Talk) -> None:
    """Where there are sessions, a request without one is refused."""
    _session(talk)
    answer = post(talk, lists(talk), **{"Mcp-Session-Id": None})
    talk.check(answer.status == 400, f"a request without a session was answered with status {answer.status}, not 400")


def session_over(talk: Talk) -> None:
    """A session that was ended is not found any more."""
    session = _session(talk)
    ended = exchange(talk, "DELETE", {**link(talk).headers_for({}), "Mcp-Session-Id": session})
    if ended.status == 405:
        raise NotApplicable("the server does not let clients end a session")
    answer = post(talk, lists(talk), **{"Mcp-Session-Id": session})
    talk.check(answer.status == 404, f"a request in a session that was ended was answered with status {answer.status}")


def session_unknown(talk: Talk) -> None:
    """A session that never was is not found."""
    _session(talk)
    answer = post(talk, lists(talk), **{"Mcp-Session-Id": "never-made-7f3a91"})
    fine = answer.status in (400, 404)
    talk.check(fine, f"a request in a session that never was was answered with status {answer.status}, not 404")


def unknown_version(talk: Talk) -> None:
    """A version that there never was is refused."""
    answer = post(talk, lists(talk), **{"MCP-Protocol-Version": _NEVER})
    talk.check(answer.status == 400, f"MCP-Protocol-Version {_NEVER} was answered with status {answer.status}, not 400")


def unknown_version_modern(talk: Talk) -> None:
    """A version that there never was is refused by name."""
    message = talk.message("server/discover", {}, **{META + "protocolVersion": _NEVER})
    refused(talk, post(talk, message), 400, f"a request in {_NEVER}", UNSUPPORTED)


def version_differs(talk: Talk) -> None:
    """Header and body say the same version."""
    answer = post(talk, talk.message("server/discover", {}), **{"MCP-Protocol-Version": "2025-11-25"})
    refused(talk, answer, 400, "a header with another version than the body", HEADER_MISMATCH)


def method_differs(talk: Talk) -> None:
    """Header and body say the same method."""
    answer = post(talk, talk.message("server/discover", {}), **{"Mcp-Method": "tools/list"})
    refused(talk, answer, 400, "an Mcp-Method that is not the method", HEADER_MISMATCH)


def method_missing(talk: Talk) -> None:
    """The method is in a header."""
    answer = post(talk, talk.message("server/discover", {}), **{"Mcp-Method": None})
    refused(talk, answer, 400, "a request without Mcp-Method", HEADER_MISMATCH)


def name_differs(talk: Talk) -> None:
    """Header and body name the same tool."""
    talk.needs("tools")
    message = talk.message("tools/call", {"name": "no_such_tool_xyz", "arguments": {}})
    answer = post(talk, message, **{"Mcp-Name": "another_tool"})
    refused(talk, answer, 400, "an Mcp-Name that is not the tool's", HEADER_MISMATCH)


def unknown_method(talk: Talk) -> None:
    """A method that there is not has a status of its own."""
    answer = post(talk, talk.message("does/not_exist", {}))
    refused(talk, answer, 404, "a method that does not exist", METHOD_NOT_FOUND)


def without_meta(talk: Talk) -> None:
    """A malformed request is a bad one for HTTP too."""
    message = talk.message("server/discover", {})
    del message["params"]["_meta"][META + "clientCapabilities"]
    refused(talk, post(talk, message), 400, "a request without clientCapabilities", INVALID_PARAMS)


def no_stream_of_its_own(talk: Talk) -> None:
    """A server of this revision alone has no GET."""
    _modern_alone(talk)
    answer = exchange(talk, "GET", {**EVENTS, "MCP-Protocol-Version": talk.revision})
    talk.check(answer.status == 405, f"GET was answered with status {answer.status}, not 405")


def no_sessions(talk: Talk) -> None:
    """A server of this revision alone knows no sessions."""
    _modern_alone(talk)
    answer = post(talk, talk.message("server/discover", {}), **{SESSION: "of-another-time"})
    about = "a request with an Mcp-Session-Id"
    talk.check(answer.status == 200, f"{about} was answered with status {answer.status}")
    talk.check(SESSION.lower() not in answer.headers, f"{about} was answered with an Mcp-Session-Id")


def version_missing(talk: Talk) -> None:
    """The version is in a header."""
    if any(talk.trial.look_once(revision).missing is None for revision in LEGACY[:2]):
        raise NotApplicable("the server has clients whose revision knows no such header")
    answer = post(talk, talk.message("server/discover", {}), **{"MCP-Protocol-Version": None})
    refused(talk, answer, 400, "a request without MCP-Protocol-Version", HEADER_MISMATCH)


def name_missing(talk: Talk) -> None:
    """The name of the tool is in a header."""
    talk.needs("tools")
    message = talk.message("tools/call", {"name": "no_such_tool_xyz", "arguments": {}})
    refused(talk, post(talk, message, **{"Mcp-Name": None}), 400, "a call without Mcp-Name", HEADER_MISMATCH)


def name_in_base64(talk: Talk) -> None:
    """A name in base64 is decoded before it is compared."""
    talk.needs("tools")
    message = talk.message("tools/call", {"name": "no_such_tool_xyz", "arguments": {}})
    answer = post(talk, message, **{"Mcp-Name": in_base64("no_such_tool_xyz")})
    not_mismatched(talk, answer, "a call whose Mcp-Name is in base64")


def names_of_headers(talk: Talk) -> None:
    """Headers may be written in any case."""
    message = talk.message("server/discover", {})
    headers = {name.swapcase(): value for name, value in link(talk).headers_for(message).items()}
    answer = exchange(talk, "POST", headers, message)
    talk.check(answer.status == 200, f"a request with mCP-mETHOD was answered with status {answer.status}, not 200")


def unreadable_body(talk: Talk) -> None:
    """What cannot be read is an error for HTTP too."""
    answer = exchange(talk, "POST", link(talk).headers_for(_first(talk)), b'{"jsonrpc":"2.0","id":1,"meth')
    refused = 400 <= answer.status < 500
    talk.check(
        refused, f"a body that is no JSON was answered with status {answer.status}, not with one of 400 and more"
    )


def refused(talk: Talk, answer: HttpAnswer, status: int, about: str, code: int) -> None:
    """A request was refused with this status and this error."""
    talk.check(answer.status == status, f"{about} was answered with status {answer.status}, not {status}")
    told = answer.error_code
    talk.check(told == code, f"{about} was answered with {'no error' if told is None else f'error {told}'}, not {code}")


def _first(talk: Talk) -> dict[str, Any]:
    """A request that any conversation may begin with."""
    if talk.modern:
        return talk.message("server/discover", {})
    return talk.message("initialize", initialize_params(talk.revision))


def lists(talk: Talk) -> dict[str, Any]:
    """A request for the tools, or a ping where there are none."""
    return talk.message("tools/list" if "tools" in talk.trial.known(talk.revision).capabilities else "ping", {})


def _session(talk: Talk) -> str:
    session = link(talk).session
    if session is None:
        raise NotApplicable("the server makes no sessions")
    return session


def post(talk: Talk, message: Any, **headers: str | None) -> HttpAnswer:
    """Post a message with some headers changed, or left out where they are None."""
    changed = {**link(talk).headers_for(message), **headers}
    return exchange(talk, "POST", {name: value for name, value in changed.items() if value is not None}, message)


def exchange(talk: Talk, method: str, headers: Mapping[str, str], body: Any = None) -> HttpAnswer:
    """Send a request as it is given, and note what comes back.

    Raises:
        Absent: where nobody takes the request.
        Broken: where no answer comes.
    """
    note_request(talk, method, headers, body)
    try:
        answer = link(talk).exchange(method, headers, body)
    except Unreachable as error:
        raise Absent(f"the server {error}") from None
    except NO_ANSWER as error:
        raise Broken(f"{method} was not answered ({printable(type(error).__name__)})") from None
    told = b" ".join(answer.messages).decode("utf-8", "replace")
    talk.note("subject", f"{answer.status} {answer.kind} {shortened(told, 400)}")
    return answer


def note_request(talk: Talk, method: str, headers: Mapping[str, str], body: Any) -> None:
    """Note a request in the exchange that a report shows."""
    shown = ", ".join(f"{name}: {value}" for name, value in headers.items() if name not in ("Content-Type", "Accept"))
    data = body if isinstance(body, bytes) else b"" if body is None else encode(body)
    talk.note("kit", f"{method} [{shown}] {data.decode('utf-8', 'replace')}")


def not_mismatched(talk: Talk, answer: HttpAnswer, about: str) -> None:
    """A request was not refused for what its headers say."""
    talk.check(answer.error_code != HEADER_MISMATCH, f"{about} was answered with error {HEADER_MISMATCH}")


def _modern_alone(talk: Talk) -> None:
    if any(talk.trial.look_once(revision).missing is None for revision in LEGACY[1:]):
        raise NotApplicable("the server speaks revisions with initialize as well")


def link(talk: Talk) -> HttpLink:
    """The conversation, which is one over Streamable HTTP."""
    if not isinstance(talk.link, HttpLink):
        raise NotObserved("the server is not spoken with over HTTP")
    return talk.link


CASES: Mapping[str, Case] = {
    "HTTP-ORIGIN": shared(foreign_origin),
    "HTTP-NOTIF-202": shared(notification_accepted),
    "HTTP-GET": shared(get_is_a_stream),
    "HTTP-TYPE": opening(content_type),
    "HTTP-BODY": opening(messages_in_answers),
    "HTTP-BAD-BODY": shared(unreadable_body),
    "HTTP-SESSION-CHARS": shared(session_characters),
    "HTTP-SESSION-400": shared(session_missing),
    "HTTP-SESSION-404": fresh(session_over),
    "HTTP-SESSION-UNKNOWN": shared(session_unknown),
    "HTTP-VERSION": shared(unknown_version),
    "HTTP-VERSION-2026": shared(unknown_version_modern),
    "HTTP-VERSION-DIFFERS": shared(version_differs),
    "HTTP-METHOD-DIFFERS": shared(method_differs),
    "HTTP-METHOD-MISSING": shared(method_missing),
    "HTTP-NAME-DIFFERS": shared(name_differs),
    "HTTP-GET-2026": shared(no_stream_of_its_own),
    "HTTP-SESSION-2026": shared(no_sessions),
    "HTTP-VERSION-MISSING": shared(version_missing),
    "HTTP-NAME-MISSING": shared(name_missing),
    "HTTP-NAME-BASE64": shared(name_in_base64),
    "HTTP-HEADER-CASE": shared(names_of_headers),
    "HTTP-METHOD-404": shared(unknown_method),
    "HTTP-NOCAPS-400": shared(without_meta),
}
