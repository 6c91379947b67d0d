"""Failures ordered of a workspace that is served as a process, seen through a real socket."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from connect_mcp.server.workspace.app import EMBEDDED_KEY, MEMBER_KEY
from connect_mcp.server.workspace.seed import seeded_id
from support.workspace_server import Served, served

ME = "/auth/me/"
GENERAL = f"/channels/{seeded_id('channel', 'makers/general')}/messages/"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), "--allow-failures") as running:
        yield running


def _ask(workspace: Served, fail: str, method: str = "GET", path: str = ME, **rest: Any) -> httpx2.Response:
    return workspace.ask(method, path, headers={"X-Workspace-Fail": fail}, **rest)


def test_a_status_comes_in_the_apis_shape_with_its_retry_after(workspace: Served) -> None:
    answer = _ask(workspace, "status=503; retry-after=2")
    assert (answer.status_code, answer.json()) == (503, {"detail": "This request fails with 503 on purpose."})
    assert answer.headers["retry-after"] == "2"


@pytest.mark.parametrize(
    ("fail", "status", "media_type", "start"),
    [
        ("html", 200, "text/html; charset=utf-8", b"<!doctype html>"),
        ("status=502; html", 502, "text/html; charset=utf-8", b"<!doctype html>"),
        ("badjson", 200, "application/json", b'{"results": [{"id": "'),
        ("wrongtype", 200, "application/json", b'"neither an object nor a list"'),
        ("empty", 200, "application/json", b""),
        ("oversize=200000", 200, "application/json", b'{"padding": "...'),
        ("redirect=https://elsewhere.example/", 302, "application/json", b""),
        ("status=308; redirect=https://elsewhere.example/", 308, "application/json", b""),
        ("latency=0.01", 200, "application/json", b'{"id":'),
        ("latency=0.01; status=500", 500, "application/json", b'{"detail": "This request fails'),
    ],
)
def test_a_kind_decides_what_the_answer_is(
    workspace: Served, fail: str, status: int, media_type: str, start: bytes
) -> None:
    answer = _ask(workspace, fail)
    assert (answer.status_code, answer.headers["content-type"]) == (status, media_type)
    assert answer.content.startswith(start)


def test_an_oversized_answer_has_the_size_that_was_asked_for(workspace: Served) -> None:
    answer = _ask(workspace, "oversize=200000")
    assert len(answer.content) == 200_000
    assert set(answer.json()["padding"]) == {"."}


def test_a_redirect_says_where_to(workspace: Served) -> None:
    assert _ask(workspace, "redirect=https://elsewhere.example/x").headers["location"] == "https://elsewhere.example/x"


@pytest.mark.parametrize(
    ("fail", "error", "text"),
    [
        ("badgzip", httpx2.DecodingError, ""),
        ("truncate", httpx2.RemoteProtocolError, "without sending complete message body"),
        ("drop", httpx2.RemoteProtocolError, "Server disconnected without sending a response"),
        ("reset", httpx2.ReadError, ""),
        ("garbage", httpx2.RemoteProtocolError, "illegal status line"),
    ],
)
def test_a_connection_fails_as_it_was_told(workspace: Served, fail: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text or None):
        _ask(workspace, fail)
    assert workspace.ask("GET", ME).status_code == 200, "the next one is served"


def test_a_client_that_goes_away_ends_the_wait(workspace: Served) -> None:
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.get(workspace.url + ME, headers={"X-Workspace-Fail": "latency=3600"}, timeout=0.2, trust_env=False)
    assert workspace.ask("GET", ME).status_code == 200


@pytest.mark.parametrize(("fail", "there"), [("drop", False), ("act; drop", True)])
def test_only_with_act_the_request_is_carried_out(workspace: Served, fail: str, there: bool) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        _ask(workspace, fail, "POST", GENERAL, json={"body": f"Said with {fail}"})
    bodies = [message["body"] for message in workspace.ask("GET", GENERAL).json()["results"]]
    assert (f"Said with {fail}" in bodies) is there


def test_after_a_latency_a_post_still_has_its_body(workspace: Served) -> None:
    answer = _ask(workspace, "latency=0.01", "POST", GENERAL, json={"body": "late"})
    assert (answer.status_code, answer.json()["body"]) == (201, "late")


def test_a_text_that_names_no_failure_is_a_bad_request(workspace: Served) -> None:
    answer = _ask(workspace, "explode")
    assert (answer.status_code, answer.json()) == (400, {"detail": "X-Workspace-Fail: unknown part: explode."})


def test_a_rule_meets_as_many_requests_as_it_says_and_no_others(workspace: Served) -> None:
    workspace.fail("status=429", method="GET", path="/auth/*", times=2)
    statuses = [workspace.ask(method, path).status_code for method, path in (("GET", "/spaces/"), ("POST", ME))]
    statuses += [workspace.ask("GET", ME).status_code for _ in range(3)]
    assert statuses == [200, 405, 429, 429, 200]


def test_the_oldest_rule_that_fits_is_used_first(workspace: Served) -> None:
    workspace.fail("status=500")
    workspace.fail("status=502")
    assert [workspace.ask("GET", ME).status_code for _ in range(3)] == [500, 502, 200]


def test_rules_that_wait_are_listed_and_dropped(workspace: Served) -> None:
    workspace.fail("drop", path="/quizzes/")
    headers = {"Authorization": f"Bearer {EMBEDDED_KEY}"}
    listed = httpx2.get(workspace.rules_url, headers=headers).json()
    assert listed == {"results": [{"fail": "drop", "method": "*", "path": "/quizzes/", "times": 1}]}
    assert httpx2.delete(workspace.rules_url, headers=headers).status_code == 204
    assert httpx2.get(workspace.rules_url, headers=headers).json() == {"results": []}


@pytest.mark.parametrize(("key", "status"), [(MEMBER_KEY, 403), ("wrong", 401)])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_rules_are_the_administrators_alone(workspace: Served, method: str, key: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx2.request(method, workspace.rules_url, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ({}, {"fail": ["This field is required."]}),
        ({"fail": "explode"}, {"fail": ["unknown part: explode"]}),
        ({"fail": "drop", "times": 0}, {"times": ["Ensure this value is greater than or equal to 1."]}),
    ],
)
def test_a_rule_that_cannot_be_is_refused_in_the_apis_shape(
    workspace: Served, rule: dict[str, object], body: dict[str, object]
) -> None:
    answer = httpx2.post(workspace.rules_url, json=rule, headers={"Authorization": f"Bearer {EMBEDDED_KEY}"})
    assert (answer.status_code, answer.json()) == (400, body)


def test_without_the_option_nothing_fails_on_purpose(tmp_path: Path) -> None:
    with served(tmp_path) as workspace:
        assert _ask(workspace, "status=503").status_code == 200
        headers = {"Authorization": f"Bearer {EMBEDDED_KEY}"}
        assert httpx2.post(workspace.rules_url, json={"fail": "drop"}, headers=headers).status_code == 404
