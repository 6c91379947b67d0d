"""What each tool sends and makes of the answer, over a real socket."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.version import __version__
from connect_mcp.server.notes import Note, listen
from connect_mcp.server.rest import Api, Bounds
from connect_mcp.server.settings import Settings
from connect_mcp.server.toolbox import Toolbox, next_cursor
from connect_mcp.server.tools.table import TOOLS
from support.tool_requests import SENT, W
from support.upstream import Answer, Asked, Upstream, as_json, upstream

KEY = "arc_test_planted_0123456789"


@pytest.fixture
def api() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


def call_all(base_url: str, *calls: tuple[str, dict[str, Any]], bounds: Bounds | None = None) -> list[dict[str, Any]]:
    """The results of some calls, one after the other, by one toolbox."""

    async def run() -> list[dict[str, Any]]:
        toolbox = Toolbox(lambda: Api(Settings(base_url, KEY), bounds=bounds))
        try:
            return [await toolbox.call(name, arguments) for name, arguments in calls]
        finally:
            await toolbox.close()

    results = asyncio.run(run())
    for result in results:
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
        assert KEY not in json.dumps(result)
    return results


def call(base_url: str, name: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
    [result] = call_all(base_url, (name, arguments or {}))
    return result


def told(result: dict[str, Any]) -> Any:
    """What a successful result holds."""
    assert result["isError"] is False, result
    return result["structuredContent"]


def error(result: dict[str, Any]) -> Any:
    """The error object of a failed one."""
    assert result["isError"] is True, result
    return result["structuredContent"]


def test_every_tool_that_sends_a_request_by_itself_has_a_row() -> None:
    local = {"add_quiz_question", "list_quiz_draft_questions", "discard_quiz_draft", "publish_quiz_draft"}
    assert {row[0] for row in SENT} | local == {tool.name for tool in TOOLS}


def test_each_tool_sends_exactly_its_request(api: Upstream) -> None:
    results = call_all(api.url, *(row[:2] for row in SENT))
    asked = iter(api.asked)
    for (name, _, method, target, body), result in zip(SENT, results, strict=True):
        told(result)
        if "space-1" in target:
            assert next(asked).target == "/api/v1/spaces/?slug=w", name
        sent = next(asked)
        assert (name, sent.method, sent.target, sent.json) == (name, method, "/api/v1" + target, body)
        assert sent.headers["Authorization"] == f"Bearer {KEY}"
        assert sent.headers["Accept"] == "application/json"
        assert sent.headers["User-Agent"] == f"connect-mcp/{__version__}"
        assert ("Content-Type" in sent.headers) is (body is not None)
    assert list(asked) == []


def test_a_quiz_is_published_whole_and_its_draft_dropped_only_then(api: Upstream) -> None:
    results = []

    async def run() -> None:
        toolbox = Toolbox(lambda: Api(Settings(api.url, KEY)))
        draft = told(await toolbox.call("create_quiz_draft", {**W, "title": "T", "body": "B"}))
        ident = {"draft_id": draft["draft_id"]}
        choice = {"question_text": "Which?", "options": ["a", "b"], "correct_option_indices": [1], "points": 3}
        told(await toolbox.call("add_quiz_question", {**ident, **choice}))
        short = {"question_text": "What?", "question_type": "short_answer", "correct_short_answer": "x"}
        told(await toolbox.call("add_quiz_question", {**ident, **short}))
        api.answer = lambda _: Answer(503)
        results.append(error(await toolbox.call("publish_quiz_draft", ident)))
        api.answer = lambda _: as_json({"id": "quiz"}, 201)
        results.append(told(await toolbox.call("publish_quiz_draft", ident)))
        results.append(error(await toolbox.call("list_quiz_draft_questions", ident)))
        await toolbox.close()

    asyncio.run(run())
    assert [result.get("code", result.get("id")) for result in results] == ["UPSTREAM_ERROR", "quiz", "NOT_FOUND"]
    assert [asked.method for asked in api.asked if "quizzes" in asked.target] == ["POST", "POST"]
    assert api.asked[-1].target == "/api/v1/quizzes/"
    assert api.asked[-1].json == {
        "title": "T",
        "body": "B",
        "space": "space-1",
        "questions": [
            {
                "question_text": "Which?",
                "question_type": "mcq",
                "points": 3,
                "options": [
                    {"option_text": "a", "is_correct": False},
                    {"option_text": "b", "is_correct": True},
                ],
            },
            {
                "question_text": "What?",
                "question_type": "short_answer",
                "points": 1,
                "options": [],
                "correct_short_answer": "x",
            },
        ],
    }


def test_drafts_outlive_a_toolbox_and_are_in_the_folder_that_it_is_given(api: Upstream, tmp_path: Path) -> None:
    async def each_in_its_own(*calls: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = []
        for name, arguments in calls:
            toolbox = Toolbox(lambda: Api(Settings(api.url, KEY)), tmp_path)
            first = {"draft_id": told(results[0])["draft_id"]} if results else {}
            results.append(await toolbox.call(name, {**first, **arguments}))
            await toolbox.close()
        return results

    short = {"question_text": "What?", "question_type": "short_answer", "correct_short_answer": "x"}
    created, _, shown, published = asyncio.run(
        each_in_its_own(
            ("create_quiz_draft", {**W, "title": "T"}),
            ("add_quiz_question", short),
            ("list_quiz_draft_questions", {}),
            ("publish_quiz_draft", {}),
        )
    )
    assert str(tmp_path / "quiz-drafts.json") in told(created)["kept"]
    assert (told(shown)["question_count"], told(shown)["audience"]) == (1, "author")
    told(published)
    assert json.loads((tmp_path / "quiz-drafts.json").read_bytes())["drafts"] == {}


def test_questions_that_are_added_at_once_keep_their_order(api: Upstream) -> None:
    texts = [f"Question {number}?" for number in range(20)]

    async def run() -> Any:
        toolbox = Toolbox(lambda: Api(Settings(api.url, KEY)))
        ident = {"draft_id": told(await toolbox.call("create_quiz_draft", {**W, "title": "T"}))["draft_id"]}
        short = {**ident, "question_type": "short_answer", "correct_short_answer": "x"}
        await asyncio.gather(*(toolbox.call("add_quiz_question", {**short, "question_text": text}) for text in texts))
        shown = told(await toolbox.call("list_quiz_draft_questions", ident))
        await toolbox.close()
        return shown

    assert [question["question_text"] for question in asyncio.run(run())["questions"]] == texts


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (as_json({"a": [1, None], "beyond": "our knowledge"}), {"a": [1, None], "beyond": "our knowledge"}),
        (as_json([1, 2]), {"results": [1, 2]}),
        (as_json({"results": [], "next": None}), {"results": [], "next": None}),
        (as_json({"results": [1], "next": 2}), {"results": [1], "next": 2}),
    ],
)
def test_an_answer_passes_through_as_an_object(api: Upstream, answer: Answer, value: Any) -> None:
    api.answer = lambda _: answer
    assert told(call(api.url, "list_workspaces")) == value


@pytest.mark.parametrize(
    ("url", "cursor"),
    [
        ("https://api.test/api/v1/spaces/?limit=1&cursor=cD0y%3D", "cD0y="),
        ("http://API.test:8000/api/v1/spaces/?cursor=a+b", "a b"),  # as a server behind a gateway sees itself
        ("/api/v1/spaces/?cursor=2", "2"),
        ("?cursor=2", "2"),
        ("https://elsewhere.test/api/v1/spaces/?cursor=2", None),
        ("https://api.test@elsewhere.test/?cursor=2", None),
        ("//elsewhere.test/?cursor=2", None),
        ("https://api.test/api/v1/spaces/?page=2", None),
        ("https://api.test/api/v1/spaces/?cursor=", None),
        ("//[x?cursor=2", None),
        ("", None),
        (None, None),
        (2, None),
    ],
)
def test_the_cursor_of_the_next_page_is_taken_from_the_apis_own_address_only(url: object, cursor: str | None) -> None:
    assert next_cursor(url, "https://api.test/api/v1") == cursor


def test_a_list_is_read_page_by_page(api: Upstream) -> None:
    def answer(asked: Asked) -> Answer:
        if "cursor=p%2F2%3D" in asked.target:
            return as_json({"results": [2], "next": None, "previous": api.url + "/spaces/?cursor=1"})
        return as_json({"results": [1], "next": api.url + "/spaces/?cursor=p%2F2%3D", "previous": None})

    api.answer = answer
    first = told(call(api.url, "list_workspaces"))
    assert (first["results"], first["next_cursor"]) == ([1], "p/2=")
    second = told(call(api.url, "list_workspaces", {"cursor": first["next_cursor"]}))
    assert second["results"] == [2]
    assert "next_cursor" not in second


@pytest.mark.parametrize("body", [{"results": "x"}, {"results": {"id": 1}}, {"results": [], "next_cursor": 5}])
def test_a_list_that_is_none_is_the_apis_fault(api: Upstream, body: Any) -> None:
    api.answer = lambda _: as_json(body)
    assert error(call(api.url, "list_workspaces"))["code"] == "BAD_UPSTREAM_RESPONSE"


def test_a_cursor_that_leads_nowhere_is_named(api: Upstream) -> None:
    api.answer = lambda _: as_json({"detail": "Invalid cursor"}, 404)
    assert "cursor" in error(call(api.url, "list_workspaces", {"cursor": "x"}))["hint"]


@pytest.mark.parametrize("answer", [Answer(204, b""), Answer(200, b"")])
def test_success_without_a_body_says_so(api: Upstream, answer: Answer) -> None:
    api.answer = lambda _: answer
    assert told(call(api.url, "close_poll", {"poll_id": "p"})) == {"ok": True}


def test_a_pause_before_another_attempt_is_reported_without_the_apis_words(api: Upstream) -> None:
    heard: list[Note] = []
    answers = iter([as_json({"detail": "you sent a secret"}, 429, Retry_After="0"), as_json({})])
    api.answer = lambda _: next(answers)

    async def run() -> None:
        listen(heard.append)
        toolbox = Toolbox(lambda: Api(Settings(api.url, KEY)))
        told(await toolbox.call("get_current_user", {}))
        await toolbox.close()

    asyncio.run(run())
    assert [(note.level, note.step, note.text) for note in heard] == [
        (
            "info",
            True,
            "The API could not answer now (RATE_LIMITED, HTTP 429). Trying again in 0.0 s (attempt 2 of 3).",
        ),
    ]


def test_a_slug_that_finds_nothing_names_the_argument(api: Upstream) -> None:
    api.answer = lambda _: as_json({"results": []})
    failed = error(call(api.url, "list_channels", W))
    assert failed["code"] == "NOT_FOUND"
    assert "not found or is not accessible to this API key" in failed["message"]
    assert list(failed["details"]) == ["workspace_slug"]


@pytest.mark.parametrize("space", [{"results": [{}]}, {"results": [7]}, {"results": {"id": 1}}, {"results": "x"}])
def test_a_list_of_workspaces_without_ids_is_the_apis_fault(api: Upstream, space: Any) -> None:
    api.answer = lambda _: as_json(space)
    assert error(call(api.url, "list_channels", W))["code"] == "BAD_UPSTREAM_RESPONSE"


def test_an_id_cannot_lead_to_another_endpoint(api: Upstream) -> None:
    for ident in ("../../auth/me", "..", "5/comments", "5\\comments"):
        assert error(call(api.url, "get_ticket", {"ticket_id": ident}))["code"] == "INVALID_ARG"
    assert api.asked == []
    told(call(api.url, "get_ticket", {"ticket_id": "5?queue=all#x"}))
    assert api.asked[-1].target == "/api/v1/support/tickets/5%3Fqueue%3Dall%23x/"
    api.answer = lambda _: as_json({"results": [{"id": "../x"}]})
    assert error(call(api.url, "list_channels", W))["code"] == "INVALID_ARG"


DETAIL = {"detail": "because"}
FIELDS = {"body": ["Too short.", "Too dull."], "title": "Odd."}

# status, answer, tool is a POST, what the error object must hold; "hint" is a part of the hint
FAILURES: dict[str, tuple[Answer, bool, dict[str, Any]]] = {
    "400 by field": (
        as_json(FIELDS, 400),
        True,
        {
            "code": "INVALID_ARG",
            "status": 400,
            "details": FIELDS,
            "retryable": False,
            "message": "The API rejected the request as invalid: body: Too short. Too dull.; title: Odd.",
        },
    ),
    "400 with a detail": (
        as_json(DETAIL, 400),
        True,
        {"code": "INVALID_ARG", "message": "The API rejected the request as invalid: because"},
    ),
    "400 in HTML": (
        Answer(400, b"<h1>Bad</h1>"),
        False,
        {"code": "INVALID_ARG", "message": "The API rejected the request as invalid (HTTP 400)."},
    ),
    "401": (as_json(DETAIL, 401), False, {"code": "UNAUTHENTICATED", "status": 401, "hint": "/admin/api-keys"}),
    "403": (as_json(DETAIL, 403), False, {"code": "FORBIDDEN", "status": 403, "hint": "scope"}),
    "404": (as_json(DETAIL, 404), False, {"code": "NOT_FOUND", "status": 404, "hint": "Check the id"}),
    "405": (as_json(DETAIL, 405), False, {"code": "UPSTREAM_ERROR", "status": 405, "retryable": False}),
    "409": (as_json(DETAIL, 409), True, {"code": "CONFLICT", "status": 409, "retryable": False}),
    "422": (as_json(FIELDS, 422), True, {"code": "INVALID_ARG", "status": 422, "details": FIELDS}),
    "429 with seconds": (
        as_json(DETAIL, 429, Retry_After="3"),
        True,
        {"code": "RATE_LIMITED", "retry_after_ms": 3000, "retryable": True},
    ),
    "429 with nonsense": (as_json(DETAIL, 429, Retry_After="soon"), False, {"code": "RATE_LIMITED", "retryable": True}),
    "500 to a read": (as_json(DETAIL, 500), False, {"code": "UPSTREAM_ERROR", "status": 500, "retryable": True}),
    "500 to a POST": (
        as_json(DETAIL, 500),
        True,
        {"code": "UPSTREAM_ERROR", "retryable": False, "hint": "carried out"},
    ),
    "502 in HTML": (Answer(502, b"<html>"), False, {"code": "UPSTREAM_ERROR", "status": 502, "retryable": True}),
    "503": (
        as_json(DETAIL, 503, Retry_After="1"),
        True,
        {"code": "UPSTREAM_ERROR", "retryable": True, "retry_after_ms": 1000},
    ),
    "503 that does not say when to come back": (
        as_json(DETAIL, 503),
        True,
        {"code": "UPSTREAM_ERROR", "retryable": False, "hint": "carried out"},
    ),
    "407": (Answer(407), False, {"code": "UPSTREAM_UNREACHABLE", "hint": "HTTPS_PROXY"}),
    "511": (Answer(511, b"<html>"), False, {"code": "UPSTREAM_UNREACHABLE", "hint": "Log in"}),
    "504": (Answer(504), False, {"code": "UPSTREAM_TIMEOUT", "status": 504, "retryable": True}),
    "599": (Answer(599), False, {"code": "UPSTREAM_ERROR", "status": 599, "retryable": True}),
    "not JSON": (Answer(200, b"<html>welcome</html>"), False, {"code": "BAD_UPSTREAM_RESPONSE"}),
    "a web page": (
        Answer(200, b"<!doctype html>", {"Content-Type": "text/html; charset=utf-8"}),
        False,
        {"code": "BAD_UPSTREAM_RESPONSE", "hint": "captive portal"},
    ),
    "a web page that says it is JSON": (
        Answer(200, b"\n<html>", {"Content-Type": "application/json"}),
        False,
        {"code": "BAD_UPSTREAM_RESPONSE", "hint": "captive portal"},
    ),
    "JSON that says it is something else": (
        Answer(200, b"{}", {"Content-Type": "text/plain"}),
        False,
        {"code": "BAD_UPSTREAM_RESPONSE"},
    ),
    "NaN": (Answer(200, b'{"a": NaN}'), False, {"code": "BAD_UPSTREAM_RESPONSE"}),
    "not UTF-8": (Answer(200, b'{"a": "\xff"}'), False, {"code": "BAD_UPSTREAM_RESPONSE"}),
    "nothing where something was asked for": (Answer(200, b""), False, {"code": "BAD_UPSTREAM_RESPONSE"}),
    "a number": (Answer(200, b"7"), False, {"code": "BAD_UPSTREAM_RESPONSE"}),
    "null": (Answer(200, b"null"), False, {"code": "BAD_UPSTREAM_RESPONSE"}),
    "half": (Answer(200, b'{"id": 1, "a"', missing=20), False, {"code": "BAD_UPSTREAM_RESPONSE"}),
    "half that is JSON": (Answer(200, b'{"id": 1}', missing=20), False, {"code": "BAD_UPSTREAM_RESPONSE"}),
    "deep": (Answer(200, b"[" * 40_000 + b"]" * 40_000), False, {"code": "BAD_UPSTREAM_RESPONSE"}),
    "not gzip": (
        Answer(200, b"{}", {"Content-Encoding": "gzip"}),
        False,
        {"code": "BAD_UPSTREAM_RESPONSE"},
    ),
    "not HTTP": (Answer(raw=b"SSH-2.0-OpenSSH\r\n\r\n"), False, {"code": "BAD_UPSTREAM_RESPONSE"}),
    "no answer to a POST": (
        Answer(None),
        True,
        {"code": "UPSTREAM_UNREACHABLE", "retryable": False, "hint": "carried out"},
    ),
}


@pytest.mark.parametrize("row", FAILURES)
def test_each_failure_has_its_code(api: Upstream, row: str) -> None:
    answer, posts, expected = FAILURES[row]
    api.answer = lambda _: answer
    name, arguments = ("post_channel_message", {"channel_id": "c", "body": "b"}) if posts else ("get_current_user", {})
    failed = error(call(api.url, name, arguments))
    assert set(failed) <= {"code", "message", "retryable", "hint", "details", "status", "retry_after_ms"}
    assert expected.get("hint", "") in failed.get("hint", "")
    assert {key: failed.get(key) for key in expected if key != "hint"} == {
        key: value for key, value in expected.items() if key != "hint"
    }
    assert len(api.asked) == 1, "nothing is repeated"


def test_an_answer_without_end_is_not_read_to_it(api: Upstream) -> None:
    api.answer = lambda _: Answer(200, b'{"a": "' + b"x" * 1000 + b'"}')
    [cut] = call_all(api.url, ("get_current_user", {}), bounds=Bounds(body=1000))
    assert error(cut)["code"] == "BAD_UPSTREAM_RESPONSE"
    [whole] = call_all(api.url, ("get_current_user", {}), bounds=Bounds(body=1010))
    told(whole)


@pytest.mark.parametrize("bounds", [Bounds(read=0.2), Bounds(attempt=0.2), Bounds(total=0.2)])
def test_a_slow_api_is_a_timeout(api: Upstream, bounds: Bounds) -> None:
    never = threading.Event()
    api.answer = lambda _: Answer(wait_for=never)
    read, posted = call_all(
        api.url, ("get_current_user", {}), ("post_channel_message", {"channel_id": "c", "body": "b"}), bounds=bounds
    )
    assert (error(read)["code"], error(read)["retryable"]) == ("UPSTREAM_TIMEOUT", True)
    assert (error(posted)["code"], error(posted)["retryable"]) == ("UPSTREAM_TIMEOUT", False)
    assert "carried out" in error(posted)["hint"]
    assert len(api.asked) == 2, "nothing is repeated"
    never.set()


def test_an_api_that_is_not_there_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        failed = error(call(f"http://127.0.0.1:{unused.getsockname()[1]}/api/v1", "get_current_user"))
    assert (failed["code"], failed["retryable"]) == ("UPSTREAM_UNREACHABLE", True)
    assert "ARYTHMATIC_API_BASE_URL" in failed["hint"]


def test_a_name_that_does_not_exist_is_said() -> None:
    failed = error(call("http://nowhere.invalid/api/v1", "get_current_user"))
    assert failed["code"] == "UPSTREAM_UNREACHABLE"
    assert "not found" in failed["message"]


def test_an_api_without_tls_is_said(api: Upstream) -> None:
    failed = error(call(api.url.replace("http:", "https:"), "get_current_user"))
    assert (failed["code"], failed["retryable"]) == ("UPSTREAM_UNREACHABLE", False)
    assert "secure" in failed["message"]


def test_a_base_url_without_its_end_is_named(api: Upstream) -> None:
    api.answer = lambda _: Answer(404, b"<html>")
    failed = error(call(api.url.removesuffix("/api/v1"), "get_current_user"))
    assert failed["code"] == "NOT_FOUND"
    assert "does not end in /api/v1" in failed["hint"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused_and_the_key_unsent(api: Upstream, status: int) -> None:
    with upstream() as elsewhere:
        api.answer = lambda _: Answer(status, b"", {"Location": elsewhere.url + f"/auth/me/?k={KEY}"})
        failed = error(call(api.url, "get_current_user"))
        assert elsewhere.asked == []
        assert failed["code"] == "UPSTREAM_ERROR"
        assert elsewhere.url.removesuffix("/api/v1") in failed["message"]


@pytest.mark.parametrize("location", ["", "http://[bad", "//other.invalid/x", "/login"])
def test_a_redirect_to_anywhere_is_refused(api: Upstream, location: str) -> None:
    api.answer = lambda _: Answer(302, b"", {"Location": location})
    assert error(call(api.url, "get_current_user"))["code"] == "UPSTREAM_ERROR"
    assert len(api.asked) == 1


def test_settings_are_asked_for_at_each_call_until_there_are_some(api: Upstream) -> None:
    from connect_mcp.server.settings import read_settings

    environ: dict[str, str] = {}

    async def run() -> list[dict[str, Any]]:
        toolbox = Toolbox(lambda: Api(read_settings(environ)))
        first = await toolbox.call("get_current_user", {})
        environ.update(ARYTHMATIC_API_BASE_URL=api.url, ARYTHMATIC_API_KEY=KEY)
        second = await toolbox.call("get_current_user", {})
        await toolbox.close()
        return [first, second]

    first, second = asyncio.run(run())
    assert error(first)["code"] == "UNAUTHENTICATED"
    told(second)
