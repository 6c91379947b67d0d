import pytest

from connect_mcp.server.workspace.seed import seeded_id
from support.workspace_api import Api

MARK = "/notifications/mark-read/"
INBOX = [seeded_id("notification", number) for number in (7, 5, 1, 0)]
OF_OTHERS = seeded_id("notification", 3)


def test_the_inbox_is_the_callers_newest_first(api: Api, member: Api) -> None:
    inbox = api.get("/notifications/")["results"]
    assert [one["id"] for one in inbox] == INBOX
    assert inbox[0]["actor"]["username"] == "mei"
    assert [one["is_read"] for one in inbox] == [False, False, False, True]
    assert not {one["id"] for one in inbox} & {one["id"] for one in member.get("/notifications/")["results"]}


def test_read_and_unread_can_be_told_apart(api: Api) -> None:
    assert [one["id"] for one in api.everything("/notifications/", is_read="false", limit=1)] == INBOX[:3]
    assert [one["id"] for one in api.everything("/notifications/", is_read="true")] == INBOX[3:]
    answer = api.ask("GET", "/notifications/", params={"is_read": "maybe"})
    assert (answer.status_code, answer.json()) == (400, {"is_read": ['"maybe" is not a valid choice.']})


def test_those_named_are_marked_and_nobody_elses(api: Api) -> None:
    assert api.post(MARK, {"ids": [INBOX[0], INBOX[0], INBOX[3], OF_OTHERS]}, 200) == {"updated": 1}
    assert [one["id"] for one in api.everything("/notifications/", is_read="false")] == INBOX[1:3]


def test_all_are_marked_and_only_the_callers(api: Api, member: Api) -> None:
    unread = member.everything("/notifications/", is_read="false")
    assert api.post(MARK, {"all": True}, 200) == {"updated": 3}
    assert api.everything("/notifications/", is_read="false") == []
    assert member.everything("/notifications/", is_read="false") == unread != []
    assert api.post(MARK, {"all": True}, 200) == {"updated": 0}


@pytest.mark.parametrize(
    ("sent", "field"),
    [({}, "ids"), ({"ids": []}, "ids"), ({"ids": ["x"]}, "ids"), ({"ids": "all"}, "ids"), ({"all": "yes"}, "all")],
)
def test_it_must_be_said_which_to_mark(api: Api, sent: object, field: str) -> None:
    answer = api.ask("POST", MARK, sent)
    assert answer.status_code == 400
    assert field in answer.json()
    assert len(api.everything("/notifications/", is_read="false")) == 3


def test_a_comment_tells_the_author_and_not_oneself(api: Api, member: Api) -> None:
    trailer = seeded_id("post", 3)
    member.post(f"/posts/{trailer}/comments/", {"body": "My own post"})
    api.post(f"/posts/{trailer}/comments/", {"body": "Your post"})
    told = [one for one in member.everything("/notifications/") if one["target"] == trailer]
    assert [(one["actor"]["username"], one["text"], one["is_read"]) for one in told] == [
        ("amara", "commented on your post", False),
        ("lena", "commented on your post", False),
    ]
