from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connect_mcp.server.workspace.seed import seeded_id
from support.workspace_api import NOON, Api

POLLS = f"/spaces/{seeded_id('space', 'makers')}/polls/"
SURPLUS = f"/polls/{seeded_id('poll', 0)}/"
CLOSED = f"/polls/{seeded_id('poll', 1)}/"
FOREIGN = f"/polls/{seeded_id('poll', 2)}/"


def _counts(poll: Any) -> list[int]:
    return [option["vote_count"] for option in poll["options"]]


def test_a_poll_shows_its_options_votes_and_voters(api: Api) -> None:
    poll = api.get(SURPLUS)
    assert (poll["title"][:12], poll["is_closed"], poll["total_votes"]) == ("What should ", False, 5)
    assert _counts(poll) == [2, 3, 0]
    assert [voter["username"] for voter in poll["options"][0]["voters"]] == ["mei", "rafael"]
    assert not any(option["voted"] for option in poll["options"])


def test_voting_again_replaces_the_vote(api: Api) -> None:
    options = api.get(SURPLUS)["options"]
    assert _counts(api.post(f"{SURPLUS}vote/", {"option_id": options[2]["id"]}, 200)) == [2, 3, 1]
    poll = api.post(f"{SURPLUS}vote/", {"option_id": options[0]["id"].upper()}, 200)
    assert _counts(poll) == [3, 3, 0]
    assert [option["voted"] for option in poll["options"]] == [True, False, False]
    assert api.get(SURPLUS) == poll


def test_an_anonymous_poll_counts_and_names_nobody(api: Api) -> None:
    poll = api.get(FOREIGN)
    assert (poll["is_anonymous"], _counts(poll)) == (True, [1, 1, 1])
    assert not any("voters" in option for option in poll["options"])


@pytest.mark.parametrize("option_id", [0, "0", None, "", seeded_id("option", "1/0"), seeded_id("option", "none")])
def test_only_an_options_own_id_is_a_vote(api: Api, option_id: object) -> None:
    answer = api.ask("POST", f"{SURPLUS}vote/", {"option_id": option_id})
    assert answer.status_code == 400
    assert list(answer.json()) == ["option_id"]
    assert _counts(api.get(SURPLUS)) == [2, 3, 0]


def test_a_closed_poll_takes_no_votes(api: Api) -> None:
    answer = api.ask("POST", f"{CLOSED}vote/", {"option_id": api.get(CLOSED)["options"][0]["id"]})
    assert (answer.status_code, answer.json()) == (400, {"detail": "This poll is closed."})
    assert _counts(api.get(CLOSED)) == [3, 1]


def test_only_the_author_closes_a_poll(api: Api, member: Api) -> None:
    answer = member.ask("POST", f"{SURPLUS}close/")
    assert (answer.status_code, answer.json()) == (403, {"detail": "Only its author can close a poll."})
    closed = api.post(f"{SURPLUS}close/", None, 200)
    assert (closed["is_closed"], closed["closed_at"]) == (True, "2026-03-14T12:00:00.000000Z")
    later = replace(api, clock=lambda: NOON + timedelta(days=1))
    assert later.post(f"{SURPLUS}close/", None, 200) == closed, "closing again changes nothing"


def test_a_poll_is_created_and_closes_at_its_time(api: Api) -> None:
    sent = {
        "title": "Tea?",
        "options": ["Yes", " No "],
        "status": "published",
        "closes_at": "2026-03-14T14:00:00+01:00",
    }
    poll = api.post(POLLS, {**sent, "is_anonymous": True})
    assert [option["text"] for option in poll["options"]] == ["Yes", "No"]
    assert (poll["closes_at"], poll["is_closed"], poll["is_anonymous"]) == ("2026-03-14T13:00:00.000000Z", False, True)
    vote = {"option_id": poll["options"][0]["id"]}
    api.post(f"/polls/{poll['id']}/vote/", vote, 200)
    later = replace(api, clock=lambda: NOON + timedelta(hours=1))
    assert later.get(f"/polls/{poll['id']}/")["is_closed"] is True
    assert later.ask("POST", f"/polls/{poll['id']}/vote/", vote).status_code == 400


@pytest.mark.parametrize("closes_at", ["2027-01-01T10:00:00Z", "2027-01-01T10:00:00", "2027-01-01", None])
def test_times_may_be_written_in_several_ways(api: Api, closes_at: str | None) -> None:
    poll = api.post(POLLS, {"title": "Tea?", "options": ["a", "b"], "closes_at": closes_at})
    assert (poll["closes_at"] or "None").startswith(str(closes_at)[:10])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"title": ""}, "title"),
        ({"options": ["only one"]}, "options"),
        ({"options": [str(number) for number in range(21)]}, "options"),
        ({"options": ["a", "b" * 501]}, "options"),
        ({"options": ["a", ""]}, "options"),
        ({"options": ["a", 5]}, "options"),
        ({"options": "ab"}, "options"),
        ({"options": None}, "options"),
        ({"is_anonymous": "yes"}, "is_anonymous"),
        ({"status": "draft"}, "status"),
        ({"closes_at": "tomorrow"}, "closes_at"),
        ({"closes_at": 5}, "closes_at"),
        ({"closes_at": "2026-03-14T12:00:00Z"}, "closes_at"),
        ({"closes_at": "0001-01-01T00:00:00+14:00"}, "closes_at"),
    ],
)
def test_what_makes_no_poll_is_refused(api: Api, changed: dict[str, object], field: str) -> None:
    answer = api.ask("POST", POLLS, {"title": "Tea?", "options": ["a", "b"], **changed})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"/spaces/{seeded_id('space', 'fernlight')}/polls/", {"title": "x", "options": ["a", "b"]}),
        ("GET", FOREIGN, None),
        ("POST", f"{FOREIGN}vote/", {"option_id": seeded_id("option", "2/0")}),
        ("POST", f"{FOREIGN}close/", None),
    ],
)
def test_polls_elsewhere_do_not_exist_for_a_member(member: Api, method: str, path: str, body: object) -> None:
    answer = member.ask(method, path, body)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
