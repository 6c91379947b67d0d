"""What doctor says of the API behind a server: real sockets, each with one fault."""

import socket
from email.utils import formatdate
from time import time

import pytest

from connect_mcp.installer.doctor.online import api_answers
from support.upstream import KEY, Answer, as_json, upstream

PAGE = Answer(200, b"<html>Sign in</html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (as_json({"id": 1}), []),
        (as_json({"detail": "Invalid key."}, 401), ["api-key"]),
        (as_json({"detail": "members:read is missing"}, 403), ["api-scope"]),
        (as_json({}, 404), ["api-missing"]),
        (as_json({}, 429, Retry_After="7"), ["api-busy"]),
        (as_json({}, 503), ["api-failing"]),
        (Answer(302, b"", {"Location": "https://login.example"}), ["api-odd"]),
        (PAGE, ["api-page"]),
        (Answer(None), ["api-unreachable"]),
    ],
    ids=["well", "key", "scope", "missing", "busy", "failing", "elsewhere", "page", "closed"],
)
def test_each_fault_of_the_api_is_named(answer: Answer, found: list[str]) -> None:
    with upstream() as api:
        api.answer = lambda asked: answer
        findings = list(api_answers(api.url, KEY, "entry"))
    assert [finding.id for finding in findings] == found
    assert KEY not in str(findings)
    assert [asked.target for asked in api.asked] == ["/api/v1/auth/me/"]


def test_what_the_api_says_is_shown_without_its_control_characters() -> None:
    with upstream() as api:
        api.answer = lambda asked: as_json({"detail": "no\x1b[31m"}, 403)
        (finding,) = api_answers(api.url, KEY, "entry")
    assert finding.why == "status 403: no\\x1b[31m"


def test_a_clock_that_is_wrong_is_found() -> None:
    date = formatdate(time() - 3600, usegmt=True)
    late = Answer(raw=f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    with upstream() as api:
        api.answer = lambda asked: late
        findings = list(api_answers(api.url, KEY, "entry"))
    assert [finding.id for finding in findings] == ["clock-wrong"]
    assert "60 minutes ahead" in findings[0].what


def test_a_port_where_nothing_listens_is_found() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    (finding,) = api_answers(f"http://127.0.0.1:{port}/api/v1", KEY, "entry")
    assert finding.id == "api-refused"


def test_a_name_that_leads_nowhere_is_found() -> None:
    (finding,) = api_answers("https://no-such-host.invalid/api/v1", KEY, "entry")
    assert finding.id == "api-dns"


def test_a_proxy_that_lets_nothing_through_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with upstream() as proxy:
        proxy.answer = lambda asked: Answer(403, b"")
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.removesuffix("/api/v1"))
        (finding,) = api_answers("https://api.example.com/api/v1", KEY, "entry")
    assert finding.id == "api-proxy"


def test_what_is_no_url_is_found() -> None:
    assert [finding.id for finding in api_answers("https://[::1/api/v1", KEY, "entry")] == ["api-url"]
