"""arythmatic-connect-mcp and this server, given the same calls, send the same requests.

Both are real processes on stdio in front of APIs that record. Where they differ on purpose, a row says what each of
them sends, and why; a row that no longer holds fails.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest

from connect_mcp.server.tools.table import TOOLS
from support import arythmatic
from support.stdio_client import SERVE, Client, server
from support.tool_requests import SENT, W
from support.upstream import Answer, Asked, Upstream, as_json, upstream, with_space

KEY = "arc_test_planted_0123456789"
HEADERS = ("Authorization", "Accept", "Content-Type")


class Sent(NamedTuple):
    """A request, as far as both must agree: query parameters may come in any order, and JSON in any layout."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: Any
    headers: tuple[str | None, ...]


@dataclass
class Subject:
    """One of the two servers, and the API that it talks to."""

    client: Client
    api: Upstream

    def requests(self, tool: str, arguments: dict[str, Any]) -> list[Sent]:
        """What a call makes it send."""
        before = len(self.api.asked)
        self.client.ask("tools/call", {"name": tool, "arguments": arguments})
        return [_sent(asked) for asked in self.api.asked[before:]]

    def value(self, tool: str, arguments: dict[str, Any]) -> Any:
        """What a call gives."""
        return json.loads(self.client.call(tool, arguments)["content"][0]["text"])


def _sent(asked: Asked) -> Sent:
    parts = urlsplit(asked.target)
    query = tuple(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    headers = tuple(asked.headers.get(name) for name in HEADERS)
    return Sent(asked.method, parts.path.removeprefix("/api/v1"), query, asked.json, headers)


@pytest.fixture(scope="module")
def program() -> Path:
    return arythmatic.install()


@contextmanager
def both(program: Path, folder: Path) -> Iterator[tuple[Subject, Subject]]:
    """The reference and ours, ready to be called."""
    with ExitStack() as stack:
        subjects = []
        for name, command in (("reference", (str(program),)), ("ours", (*SERVE,))):
            api = stack.enter_context(upstream())
            place = folder / name
            place.mkdir()
            env = {"ARYTHMATIC_API_BASE_URL": api.url, "ARYTHMATIC_API_KEY": KEY}
            client = stack.enter_context(server(place, env=env, command=command))
            subjects.append(Subject(client, api))
        for subject in subjects:
            subject.client.initialize("2025-06-18")
        reference, ours = subjects
        yield reference, ours


IDS = ("7", "0b2f-4c.d_e~1", "a b", "é")

# what optional arguments leave out, what is encoded, and what is refused by both, beside the requests of every tool
SAME: list[tuple[str, dict[str, Any]]] = [
    *((name, arguments) for name, arguments, *_ in SENT if "cursor" not in arguments),
    *(("get_ticket", {"ticket_id": ident}) for ident in IDS),
    ("list_channels", {"workspace_slug": "a b&c=é"}),
    ("search_content", {"query": "a&kind=x #é", "kind": ""}),
    ("search_content", {"query": "a", "kind": "  "}),
    ("post_channel_message", {"channel_id": "c", "body": '\U0001f44d \u2028 <b> \\ " \n'}),
    ("list_channel_messages", {"channel_id": "c", "limit": 1}),
    ("list_channel_messages", {"channel_id": "c", "limit": 100.0}),
    ("edit_post", {"post_id": "p", "body": "b", "title": " "}),
    ("edit_article", {"article_id": "a", "body": " ", "title": ""}),
    ("edit_question", {"question_id": "a"}),
    ("create_poll", {**W, "question": "q", "options": ["a"]}),
    ("create_poll", {**W, "question": "q", "options": ["a"] * 21}),
    ("create_poll", {**W, "question": "q", "options": ["a", "b"], "closes_at": " "}),
    ("mark_notifications_read", {"notification_ids": []}),
    ("list_notifications", {"unread_only": False, "limit": 3}),
    ("comment_on_ticket", {"ticket_id": "t", "body": "b", "is_internal": False}),
    ("list_my_tickets", {"status": ""}),
    ("update_ticket", {"ticket_id": "t"}),
    ("publish_quiz_draft", {"draft_id": "none"}),
]

UNASSIGN = {"ticket_id": "t", "assignee_id": None}


class Difference(NamedTuple):
    """A call with which the two differ: what each sends, without what both look up first, and the reason for ours."""

    tool: str
    arguments: dict[str, Any]
    reference: list[tuple[str, str, Any]]
    ours: list[tuple[str, str, Any]]
    reason: str
    answer: Answer | None = None


NOTHING: list[tuple[str, str, Any]] = []
BUSY = Answer(429, b"{}", {"Retry-After": "0"})
MESSAGES = "/channels/c/messages/"
TICKET = "/support/tickets/t/"

DIFFERENT = [
    Difference(
        "update_ticket",
        UNASSIGN,
        NOTHING,
        [("PATCH", TICKET, {"assignee_id": None})],
        "the reference has no way to unassign",
    ),
    Difference(
        "update_ticket",
        {"ticket_id": "t", "status": "open", "assignee_id": ""},
        [("PATCH", TICKET, {"status": "open"})],
        NOTHING,
        "documented as unassigning and then passed over; ours says that null unassigns",
    ),
    Difference(
        "update_ticket",
        {"ticket_id": "t", "assignee_id": "  "},
        [("PATCH", TICKET, {"assignee_id": None})],
        [("PATCH", TICKET, {"assignee_id": "  "})],
        "nobody is unassigned by a slip; the API refuses what is no id",
    ),
    *(
        Difference(
            "list_channel_messages",
            {"channel_id": "c", "limit": limit},
            [("GET", f"{MESSAGES}?limit={clamped}", None)],
            NOTHING,
            "clamped silently; ours says what the limits are",
        )
        for limit, clamped in ((0, 1), (-5, 1), (101, 100))
    ),
    Difference(
        "list_channel_messages",
        {"channel_id": "c", "limit": "7"},
        [("GET", f"{MESSAGES}?limit=7", None)],
        NOTHING,
        "the schema says integer",
    ),
    Difference(
        "list_channel_messages",
        {"channel_id": "c", "cursor": "x"},
        [("GET", f"{MESSAGES}?limit=50", None)],
        [("GET", f"{MESSAGES}?cursor=x&limit=50", None)],
        "the reference knows first pages only",
    ),
    Difference(
        "get_ticket",
        {"ticket_id": "../../auth/me"},
        [("GET", "/auth/me/", None)],
        NOTHING,
        "an id must not lead to another endpoint",
    ),
    Difference(
        "get_ticket",
        {"ticket_id": "5?queue=all"},
        [("GET", "/support/tickets/5?queue=all/", None)],
        [("GET", "/support/tickets/5%3Fqueue%3Dall/", None)],
        "an id is one segment of the path",
    ),
    Difference(
        "get_ticket",
        {"ticket_id": "50%25"},
        [("GET", "/support/tickets/50%25/", None)],
        [("GET", "/support/tickets/50%2525/", None)],
        "an id is sent as it is given, not as it would be decoded",
    ),
    Difference(
        "get_ticket",
        {"ticket_id": "50%"},
        [("GET", "/support/tickets/50%/", None)],
        [("GET", "/support/tickets/50%25/", None)],
        "a bare percent sign is no URL",
    ),
    Difference(
        "post_channel_message",
        {"channel_id": "", "body": "b"},
        [("POST", "/channels//messages/", {"body": "b"})],
        NOTHING,
        "nothing is no id",
    ),
    Difference(
        "post_channel_message",
        {"channel_id": "c", "body": ""},
        [("POST", MESSAGES, {"body": ""})],
        NOTHING,
        "an empty message is refused without asking the API",
    ),
    Difference(
        "create_ticket",
        {"title": "t", "body": "b", "priority": "high"},
        [("POST", "/support/tickets/", {"title": "t", "body": "b"})],
        NOTHING,
        "an argument that there is not is a mistake, not to be passed over",
    ),
    Difference(
        "edit_post",
        {"post_id": "p", "body": "b", "title": " t "},
        [("PUT", "/posts/p/update/", {"body": "b", "title": "t"})],
        [("PUT", "/posts/p/update/", {"body": "b", "title": " t "})],
        "texts are sent as they are given; the API trims them itself",
    ),
    Difference(
        "search_content",
        {"query": "a", "kind": "video"},
        [("GET", "/search/?kind=video&q=a", None)],
        NOTHING,
        "the kinds are known",
    ),
    Difference(
        "react_to_post",
        {"post_id": "p", "kind": "meh"},
        [("POST", "/posts/p/reactions/", {"kind": "meh"})],
        NOTHING,
        "the kinds are known",
    ),
    Difference(
        "list_my_tickets",
        {"status": "done"},
        [("GET", "/support/tickets/?queue=mine&status=done", None)],
        NOTHING,
        "the states are known",
    ),
    Difference(
        "create_poll",
        {**W, "question": "q", "options": ["a", "b" * 501]},
        [
            (
                "POST",
                "/spaces/space-1/polls/",
                {"title": "q", "options": ["a", "b" * 501], "is_anonymous": False, "status": "published"},
            )
        ],
        NOTHING,
        "the reference documents 500 characters and does not look",
    ),
    Difference(
        "get_current_user",
        {},
        [("GET", "/auth/me/", None)],
        [("GET", "/auth/me/", None)] * 3,
        "a read is repeated when the API says when to come back",
        BUSY,
    ),
    Difference(
        "post_channel_message",
        {"channel_id": "c", "body": "b"},
        [("POST", MESSAGES, {"body": "b"})],
        [("POST", MESSAGES, {"body": "b"})],
        "a write is repeated by neither",
        BUSY,
    ),
]


def _short(sent: list[Sent]) -> list[tuple[str, str, Any]]:
    """Without headers and without the look-up of a workspace."""
    shown = []
    for one in sent:
        if not (one.path == "/spaces/" and dict(one.query).keys() == {"slug"}):
            query = "&".join(f"{name}={value}" for name, value in one.query)
            shown.append((one.method, one.path + ("?" + query if query else ""), one.body))
    return shown


def test_the_same_calls_send_the_same_requests_but_for_differences_with_reasons(program: Path, tmp_path: Path) -> None:
    with both(program, tmp_path) as (reference, ours):
        names = [
            {tool["name"] for tool in each.client.ask("tools/list")["result"]["tools"]} for each in (reference, ours)
        ]
        assert names[0] == names[1] == {tool.name for tool in TOOLS}
        for tool, arguments in SAME:
            if arguments != UNASSIGN:
                assert ours.requests(tool, arguments) == reference.requests(tool, arguments), (tool, arguments)
        for row in DIFFERENT:
            for subject in (reference, ours):
                subject.api.answer = with_space(row.answer or Answer())
            assert _short(reference.requests(row.tool, row.arguments)) == row.reference, row
            assert _short(ours.requests(row.tool, row.arguments)) == row.ours, row


QUESTIONS: list[dict[str, Any]] = [
    {"question_text": "Which?", "options": ["a", "b"], "correct_option_indices": [1]},
    {"question_text": "True?", "question_type": "true_false", "options": ["yes", "no"], "correct_option_indices": [0]},
    {
        "question_text": "Which of them?",
        "question_type": "multi_select",
        "options": ["a", "b", "c"],
        "correct_option_indices": [0, 2],
        "points": 100,
    },
    {"question_text": "What?", "question_type": "short_answer", "correct_short_answer": " x ", "points": 5},
    {"question_text": "Too few?", "options": ["a"], "correct_option_indices": [0]},
    {"question_text": "None right?", "options": ["a", "b"]},
    {"question_text": "Two right?", "options": ["a", "b"], "correct_option_indices": [0, 1]},
    {"question_text": "Beyond?", "options": ["a", "b"], "correct_option_indices": [2]},
    {"question_text": "What?", "question_type": "short_answer"},
    {"question_text": "What?", "question_type": "essay"},
    {"question_text": "Worth nothing?", "options": ["a", "b"], "correct_option_indices": [0], "points": 0},
]


def test_a_quiz_is_composed_and_published_alike(program: Path, tmp_path: Path) -> None:
    published = []
    with both(program, tmp_path) as subjects:
        for subject in subjects:
            draft = {"draft_id": subject.value("create_quiz_draft", {**W, "title": "T"})["draft_id"]}
            assert subject.requests("publish_quiz_draft", draft) == [], "there is nothing to publish yet"
            for question in QUESTIONS:
                assert subject.requests("add_quiz_question", {**draft, **question}) == []
            assert len(subject.value("list_quiz_draft_questions", draft)["questions"]) == 4
            subject.api.answer = lambda _: as_json({"detail": "no"}, 400)
            refused = subject.requests("publish_quiz_draft", draft)
            subject.api.answer = with_space(as_json({"id": "quiz"}, 201))
            published.append((refused, subject.requests("publish_quiz_draft", draft)))
            assert subject.requests("publish_quiz_draft", draft) == [], "it is published only once"
            other = {"draft_id": subject.value("create_quiz_draft", {**W, "title": "T", "body": "B"})["draft_id"]}
            assert subject.value("discard_quiz_draft", other) == {"discarded": other["draft_id"]}
            assert subject.requests("publish_quiz_draft", other) == []
    assert published[0] == published[1]
    assert [len(sent) for sent in published[0]] == [1, 1]


def test_every_tool_is_driven() -> None:
    quizzes = {"add_quiz_question", "list_quiz_draft_questions", "discard_quiz_draft"}
    assert {tool for tool, _ in SAME} | quizzes == {tool.name for tool in TOOLS}
