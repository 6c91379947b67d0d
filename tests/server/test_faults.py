import ssl

import httpx2
import pytest

from connect_mcp.server.faults import Answer, not_connected, not_json, redirected, refused, retry_after_ms
from connect_mcp.server.tools.requests import HttpRequest

URL = "https://api.test/api/v1"
READ = HttpRequest("GET", "/x/", None, repeatable=True)


@pytest.mark.parametrize(
    ("header", "milliseconds"),
    [
        (None, None),
        ("0", 0),
        ("120", 120_000),
        ("Thu, 01 Jan 1970 00:16:50 GMT", 10_000),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("9" * 400, 365 * 24 * 3_600_000),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("²", None),
    ],
)
def test_when_to_come_back_is_read_in_both_forms(header: str | None, milliseconds: int | None) -> None:
    assert retry_after_ms(header, now=1000.0) == milliseconds


def test_the_apis_own_clock_counts_where_it_tells_the_time() -> None:
    told = {"Date": "Thu, 01 Jan 2026 12:00:00 GMT", "Retry-After": "Thu, 01 Jan 2026 12:00:07 GMT"}
    failed = refused(READ, Answer(429, httpx2.Headers(told), b""), URL, now=0.0)
    assert failed.retry_after_ms == 7000


def test_what_is_wrong_with_a_certificate_is_said() -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "certificate has expired"
    error = httpx2.ConnectError("quoted request")
    error.__cause__ = cause
    failed = not_connected(error)
    assert failed.message == (
        "No secure connection to the API: its certificate was not accepted (certificate has expired)."
    )
    assert (failed.code, failed.retryable) == ("UPSTREAM_UNREACHABLE", False)
    assert "SSL_CERT_FILE" in str(failed.hint)


@pytest.mark.parametrize("body", [b"<!doctype html>", b"  <html>", b"plain"])
def test_a_base_url_without_its_end_is_named_wherever_that_may_be_the_cause(body: bytes) -> None:
    answer = Answer(200, httpx2.Headers({"Content-Type": "text/html" if b"<" in body else "text/plain"}), body)
    assert "does not end in /api/v1" in str(not_json(answer, "https://api.test").hint)
    assert "does not end in /api/v1" not in str(not_json(answer, URL).hint)
    moved = Answer(302, httpx2.Headers({"Location": "/login"}), b"")
    assert "does not end in /api/v1" in str(redirected(moved, "https://api.test").hint)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://ada:pass@elsewhere.test/x?y", "redirects to https://elsewhere.test;"),
        ("/login", "redirects to https://api.test;"),
        ("https://e\x1b[31m.test/", "redirects to another address;"),
        ("https://" + "x" * 300, "redirects to another address;"),
    ],
)
def test_where_a_redirect_leads_is_said_and_nothing_more(location: str, shown: str) -> None:
    assert shown in redirected(Answer(301, httpx2.Headers({"Location": location}), b""), URL).message
