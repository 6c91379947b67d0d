import base64
import json
from itertools import pairwise
from typing import Any

import pytest

from connect_mcp.server.workspace.seed import seeded_id
from support.workspace_api import Api

GENERAL = f"/channels/{seeded_id('channel', 'makers/general')}/messages/"
LISTS: list[tuple[str, dict[str, Any]]] = [
    ("/spaces/", {}),
    (f"/spaces/{seeded_id('space', 'makers')}/channels/", {}),
    (f"/spaces/{seeded_id('space', 'makers')}/members/", {}),
    (f"/spaces/{seeded_id('space', 'makers')}/posts/", {}),
    (GENERAL, {}),
    ("/search/", {"q": "the"}),
    ("/conversations/", {}),
    ("/notifications/", {}),
    ("/support/tickets/", {"queue": "all"}),
    (f"/support/tickets/{seeded_id('ticket', 1)}/comments/", {}),
    (f"/conversations/{seeded_id('conversation', 'open-evening')}/messages/", {}),
]


@pytest.mark.parametrize(("path", "params"), LISTS)
def test_pages_of_two_give_the_whole_list_once_and_in_order(api: Api, path: str, params: dict[str, Any]) -> None:
    whole = api.get(path, limit=100, **params)
    pages = list(api.pages(path, limit=2, **params))
    assert [result for page in pages for result in page["results"]] == whole["results"]
    assert all(len(page["results"]) == 2 for page in pages[:-1])
    assert (whole["next"], whole["previous"], pages[0]["previous"]) == (None, None, None)


@pytest.mark.parametrize(("path", "params"), LISTS)
def test_previous_leads_back_the_same_way(api: Api, path: str, params: dict[str, Any]) -> None:
    pages = list(api.pages(path, limit=1, **params))
    for earlier, later in pairwise(pages):
        assert api.get(later["previous"])["results"] == earlier["results"]
    assert api.get(pages[1]["previous"])["previous"] is None


def test_messages_posted_meanwhile_neither_repeat_nor_hide_older_ones(api: Api) -> None:
    before = [message["id"] for message in api.everything(GENERAL)]
    seen = []
    page = api.get(GENERAL, limit=3)
    while True:
        seen += [message["id"] for message in page["results"]]
        api.post(GENERAL, {"body": "meanwhile"})
        if page["next"] is None:
            break
        page = api.get(page["next"])
    assert seen == before


@pytest.mark.parametrize("limit", ["", "0", "-3", "many", "1e3", "٣٣x", "9" * 5000])
def test_a_limit_that_is_none_gives_the_usual_page(api: Api, limit: str) -> None:
    for number in range(5):
        api.post(GENERAL, {"body": str(number)})
    assert len(api.get(GENERAL, limit=limit)["results"]) == 20


def test_a_huge_limit_gives_the_largest_page(api: Api) -> None:
    for number in range(90):
        api.post(GENERAL, {"body": str(number)})
    assert len(api.get(GENERAL, limit=10**18)["results"]) == 100


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "====",
        "é",
        "' OR 1=1",
        base64.urlsafe_b64encode(b"[0]").decode(),
        base64.urlsafe_b64encode(b"[2, 5]").decode(),
        base64.urlsafe_b64encode(b'{"a": 1}').decode(),
        base64.urlsafe_b64encode(b"[0, null]").decode(),
        base64.urlsafe_b64encode(b"[0, 9999999999999999999999]").decode(),
        base64.urlsafe_b64encode(json.dumps([0, "\ud800"]).encode()).decode(),
        base64.urlsafe_b64encode(b"[" * 5000).decode(),
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(api: Api, cursor: str) -> None:
    answer = api.ask("GET", GENERAL, params={"cursor": cursor})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid cursor"})


def test_links_keep_the_other_parameters(api: Api) -> None:
    following = api.get("/search/", q="a cello", kind="message", limit=1)["next"]
    assert following.startswith("http://workspace/api/v1/search/?q=a+cello&kind=message&limit=1&cursor=")
