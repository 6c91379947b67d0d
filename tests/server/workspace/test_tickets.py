from typing import Any

import pytest

from connect_mcp.server.workspace.seed import seeded_id
from support.workspace_api import Api

TICKETS = "/support/tickets/"
KEY_CARD = f"{TICKETS}{seeded_id('ticket', 0)}/"
FLICKER = f"{TICKETS}{seeded_id('ticket', 1)}/"
SAMIR = seeded_id("member", "samir")


def _numbers(tickets: list[Any]) -> list[int]:
    numbers = {seeded_id("ticket", number): number for number in range(6)}
    return [numbers[ticket["id"]] for ticket in tickets]


def test_everybody_has_their_own_queue_in_every_status(api: Api, member: Api) -> None:
    assert _numbers(api.everything(TICKETS, queue="mine")) == [4]
    assert _numbers(member.everything(TICKETS)) == [0, 3]
    assert _numbers(member.everything(TICKETS, queue="mine", status="closed")) == [3]


def test_the_whole_queue_is_what_is_to_be_done_unless_a_status_is_asked_for(api: Api) -> None:
    assert _numbers(api.everything(TICKETS, queue="all")) == [5, 4, 1, 0]
    assert _numbers(api.everything(TICKETS, queue="all", status="in_progress")) == [1]
    assert _numbers(api.everything(TICKETS, queue="all", status="resolved")) == [2]
    assert _numbers(api.everything(TICKETS, queue="all", status="closed")) == [3]


@pytest.mark.parametrize(("name", "value"), [("status", "new"), ("queue", "theirs")])
def test_unknown_filters_are_refused(api: Api, name: str, value: str) -> None:
    answer = api.ask("GET", TICKETS, params={name: value})
    assert (answer.status_code, answer.json()) == (400, {name: [f'"{value}" is not a valid choice.']})


@pytest.mark.parametrize(
    ("method", "path", "body", "params"),
    [
        ("GET", TICKETS, None, {"queue": "all"}),
        ("PATCH", KEY_CARD, {"status": "closed"}, {}),
        ("POST", f"{KEY_CARD}comments/", {"body": "x", "is_internal": True}, {}),
    ],
)
def test_managing_needs_its_scope(
    api: Api, member: Api, method: str, path: str, body: object, params: dict[str, str]
) -> None:
    before = api.get(KEY_CARD)
    answer = member.ask(method, path, body, params=params)
    assert answer.status_code == 403
    assert "tickets:manage" in answer.json()["detail"]
    assert api.get(KEY_CARD) == before


def test_a_ticket_may_belong_to_a_workspace_or_to_none(member: Api) -> None:
    here = member.post(TICKETS, {"title": "Cold", "body": "The heating is off", "workspace_slug": "makers"})
    nowhere = member.post(TICKETS, {"title": "Bill", "body": "I have a question"})
    assert (here["workspace_slug"], nowhere["workspace_slug"]) == ("makers", None)
    assert (here["status"], here["assignee"], here["reporter"]["username"]) == ("open", None, "tom")
    assert member.get(f"{TICKETS}{here['id']}/") == here
    assert member.get(TICKETS)["results"][:2] == [nowhere, here]


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({}, ["body", "title"]),
        ({"title": "x", "body": "x", "workspace_slug": "nowhere"}, ["workspace_slug"]),
        ({"title": "x", "body": "x", "workspace_slug": "fernlight"}, ["workspace_slug"]),
    ],
)
def test_what_makes_no_ticket_is_refused(member: Api, sent: object, fields: list[str]) -> None:
    answer = member.ask("POST", TICKETS, sent)
    assert answer.status_code == 400
    assert sorted(answer.json()) == fields


def test_tickets_of_others_do_not_exist_for_a_member(api: Api, member: Api) -> None:
    assert api.get(FLICKER)["reporter"]["username"] == "lena"
    for method, path, body in (
        ("GET", FLICKER, None),
        ("GET", f"{FLICKER}comments/", None),
        ("POST", f"{FLICKER}comments/", {"body": "x"}),
    ):
        answer = member.ask(method, path, body)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
    assert api.ask("PATCH", f"{TICKETS}{seeded_id('ticket', 'none')}/", {"status": "open"}).status_code == 404


def test_internal_notes_are_for_staff(api: Api, member: Api) -> None:
    api.post(f"{KEY_CARD}comments/", {"body": "Ask the lock smith", "is_internal": True})
    api.post(f"{KEY_CARD}comments/", {"body": "Please try again"})
    staff = api.everything(f"{KEY_CARD}comments/")
    assert [comment["is_internal"] for comment in staff] == [False, True, True, False]
    assert member.everything(f"{KEY_CARD}comments/") == [staff[0], staff[3]]
    assert (api.get(KEY_CARD)["comment_count"], member.get(KEY_CARD)["comment_count"]) == (4, 2)
    assert member.post(f"{KEY_CARD}comments/", {"body": "It opens!"})["is_internal"] is False


def test_status_and_assignee_change_apart_and_null_unassigns(api: Api) -> None:
    assert api.get(FLICKER)["assignee"]["username"] == "samir"
    assert api.send("PATCH", FLICKER, {"status": "resolved"}, 200)["assignee"]["username"] == "samir"
    unassigned = api.send("PATCH", FLICKER, {"assignee_id": None}, 200)
    assert (unassigned["assignee"], unassigned["status"]) == (None, "resolved")
    assert api.send("PATCH", FLICKER, {"assignee_id": SAMIR}, 200)["assignee"]["id"] == SAMIR
    assert api.get(FLICKER)["updated_at"] == "2026-03-14T12:00:00.000000Z"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"status": "new"}, "status"),
        ({"status": None}, "status"),
        ({"assignee_id": ""}, "assignee_id"),
        ({"assignee_id": "samir"}, "assignee_id"),
        ({"assignee_id": seeded_id("member", "nobody")}, "assignee_id"),
    ],
)
def test_an_update_that_makes_no_sense_changes_nothing(api: Api, sent: dict[str, object], field: str) -> None:
    before = api.get(FLICKER)
    answer = api.ask("PATCH", FLICKER, {"status": "closed", **sent})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert api.get(FLICKER) == before


def test_the_reporter_hears_of_changes_but_not_of_internal_notes(api: Api, member: Api) -> None:
    before = len(member.everything("/notifications/"))
    api.post(f"{KEY_CARD}comments/", {"body": "hm", "is_internal": True})
    api.send("PATCH", KEY_CARD, {"assignee_id": SAMIR}, 200)
    assert len(member.everything("/notifications/")) == before
    api.post(f"{KEY_CARD}comments/", {"body": "done"})
    api.send("PATCH", KEY_CARD, {"status": "resolved"}, 200)
    told = member.everything("/notifications/")[:2]
    assert [one["text"] for one in told] == ["set your ticket to resolved", "commented on your ticket"]
