"""When a request is sent again, when it is not, and by which way it goes."""

import asyncio
import socket
from email.utils import formatdate
from typing import Any

import pytest

from connect_mcp.server.rest import Api, Bounds, Wait
from connect_mcp.server.results import Failure
from connect_mcp.server.settings import ALLOW_HTTP, API_KEY, BASE_URL, Settings, read_settings
from connect_mcp.server.tools.requests import HttpRequest
from support.upstream import Answer, Asked, Upstream, as_json, upstream

KEY = "arc_test_planted_0123456789"
NOW = Answer(429, b"{}", {"Retry-After": "0"})
DROPPED = Answer(None)

read = HttpRequest("GET", "/auth/me/", None, repeatable=True)


def request(method: str) -> HttpRequest:
    return HttpRequest(method, "/x/", None if method in ("GET", "DELETE") else {"a": 1}, repeatable=True)


def send(settings: Settings, *requests: HttpRequest, bounds: Bounds | None = None) -> tuple[list[Any], list[Wait]]:
    """What each request gives, its value or its failure, and the pauses."""
    waits: list[Wait] = []

    async def run() -> list[Any]:
        api = Api(settings, bounds=bounds)
        outcomes: list[Any] = []
        try:
            for one in requests:
                try:
                    outcomes.append(await api.send(one, waits.append))
                except Failure as failed:
                    outcomes.append(failed)
        finally:
            await api.close()
        return outcomes

    return asyncio.run(run()), waits


def in_turn(api: Upstream, *answers: Answer) -> None:
    """Answer each request by the next of `answers`, and all further ones by the last."""
    left = list(answers)

    def answer(_: Asked) -> Answer:
        return left.pop(0) if len(left) > 1 else left[0]

    api.answer = answer


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_can_be_done_twice_is_sent_again_when_the_api_says_when(method: str, status: int) -> None:
    with upstream() as api:
        in_turn(api, Answer(status, b"{}", {"Retry-After": "0"}), as_json({"id": "1"}))
        outcomes, waits = send(Settings(api.url, KEY), request(method))
    assert outcomes == [{"id": "1"}]
    assert [(wait.seconds, wait.attempt, wait.attempts, wait.why.status) for wait in waits] == [(0, 2, 3, status)]
    first, second = api.asked
    assert (first.method, first.target, first.body) == (second.method, second.target, second.body)
    assert second.headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("answer", [NOW, Answer(503, b"{}", {"Retry-After": "0"}), Answer(503), DROPPED])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_may_have_been_done_is_never_sent_again(method: str, answer: Answer) -> None:
    with upstream() as api:
        in_turn(api, answer, as_json({"id": "1"}))
        [outcome], waits = send(Settings(api.url, KEY), request(method)._replace(repeatable=False))
    assert isinstance(outcome, Failure)
    assert outcome.retryable is ("Retry-After" in answer.headers), "who called may repeat what was turned away"
    assert (len(api.asked), waits) == (1, [])


def test_an_api_that_stays_busy_is_asked_three_times() -> None:
    with upstream() as api:
        in_turn(api, NOW)
        [outcome], waits = send(Settings(api.url, KEY), read)
    assert (outcome.code, outcome.retryable, outcome.retry_after_ms) == ("RATE_LIMITED", True, 0)
    assert (len(api.asked), len(waits)) == (3, 2)


@pytest.mark.parametrize(
    ("header", "bounds"),
    [
        ("16", Bounds()),
        ("1", Bounds(waiting=0.5)),
        ("1", Bounds(total=1.5)),
        (formatdate(2e9, usegmt=True), Bounds()),
    ],
)
def test_a_pause_that_is_too_long_is_left_to_whoever_called(header: str, bounds: Bounds) -> None:
    with upstream() as api:
        in_turn(api, Answer(429, b"{}", {"Retry-After": header}), as_json({}))
        [outcome], waits = send(Settings(api.url, KEY), read, bounds=bounds)
    assert outcome.retry_after_ms >= 1000
    assert (len(api.asked), waits) == (1, [])


def test_a_date_to_come_back_at_is_understood() -> None:
    with upstream() as api:
        in_turn(api, Answer(503, b"{}", {"Retry-After": formatdate(0, usegmt=True)}), as_json({"id": "1"}))
        outcomes, [wait] = send(Settings(api.url, KEY), read)
    assert (outcomes, wait.seconds) == ([{"id": "1"}], 0)


@pytest.mark.parametrize("answer", [Answer(429), Answer(503), Answer(429, b"", {"Retry-After": "soon"}), Answer(500)])
def test_an_api_that_does_not_say_when_is_not_asked_again(answer: Answer) -> None:
    with upstream() as api:
        in_turn(api, answer, as_json({}))
        [outcome], _ = send(Settings(api.url, KEY), read)
    assert outcome.retryable
    assert len(api.asked) == 1


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("PUT", 2), ("DELETE", 1), ("POST", 1), ("PATCH", 1)])
def test_a_connection_that_ends_without_an_answer_is_tried_once_more_where_that_is_safe(
    method: str, times: int
) -> None:
    with upstream() as api:
        in_turn(api, DROPPED)
        [outcome], _ = send(Settings(api.url, KEY), request(method))
    assert (outcome.code, len(api.asked)) == ("UPSTREAM_UNREACHABLE", times)


def test_a_kept_connection_that_the_api_closed_meanwhile_is_nobodys_failure() -> None:
    with upstream() as api:
        in_turn(api, as_json({"id": "1"}), DROPPED, as_json({"id": "2"}))
        outcomes, _ = send(Settings(api.url, KEY), read, read)
    assert outcomes == [{"id": "1"}, {"id": "2"}]


@pytest.mark.parametrize(("method", "pauses"), [("GET", 1), ("DELETE", 1), ("POST", 0)])
def test_a_refused_connection_is_tried_once_more(method: str, pauses: int) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings = Settings(f"http://127.0.0.1:{unused.getsockname()[1]}/api/v1", KEY)
        [outcome], waits = send(settings, request(method))
    assert (outcome.code, outcome.retryable, len(waits)) == ("UPSTREAM_UNREACHABLE", True, pauses)


def test_an_argument_that_no_address_can_hold_is_the_callers_fault() -> None:
    with upstream() as api:
        [outcome], _ = send(Settings(api.url, KEY), read._replace(target="/search/?q=" + "x" * 70_000))
    assert (outcome.code, api.asked) == ("INVALID_ARG", [])


def test_the_environments_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with upstream() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/api/v1"))
        settings = read_settings({BASE_URL: "http://connect.test/api/v1", API_KEY: KEY, ALLOW_HTTP: "1"})
        outcomes, _ = send(settings, read)
    assert outcomes == [{"id": "1"}]
    assert [asked.target for asked in proxy.asked] == ["http://connect.test/api/v1/auth/me/"]


def test_no_proxy_sees_the_key_for_an_api_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with upstream() as proxy, upstream() as api:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        outcomes, _ = send(Settings(api.url, KEY), read)
    assert (outcomes, proxy.asked) == ([{"id": "1"}], [])


def test_a_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with upstream() as proxy:
        proxy.answer = lambda _: Answer(raw=b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        [outcome], _ = send(Settings("https://connect.test/api/v1", KEY), read)
    assert outcome.code == "UPSTREAM_UNREACHABLE"
    assert "proxy" in outcome.message
    assert "HTTPS_PROXY" in outcome.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTPS_PROXY", "ftp://user:hunter2hunter2@proxy.test"), ("SSL_CERT_FILE", "/nowhere/hunter2hunter2.pem")],
)
def test_an_environment_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Failure) as caught:
        send(Settings("https://connect.test/api/v1", KEY), read)
    assert caught.value.code == "UPSTREAM_UNREACHABLE"
    assert name in str(caught.value.hint)
    assert "hunter2hunter2" not in str(caught.value.as_dict())


def test_cookies_are_not_kept() -> None:
    with upstream() as api:
        in_turn(api, as_json({}, Set_Cookie="sessionid=1"))
        send(Settings(api.url, KEY), read, read)
    assert not any("Cookie" in asked.headers for asked in api.asked)
