import pytest

from connect_mcp.server.workspace.seed import seeded_id
from support.workspace_api import Api

WITH_TOM = f"/conversations/{seeded_id('conversation', 'amara-tom')}/messages/"
FOREIGN = f"/conversations/{seeded_id('conversation', 'jonas-lena')}/messages/"


def test_conversations_are_those_of_the_caller_with_the_liveliest_first(api: Api, member: Api) -> None:
    mine = api.get("/conversations/")["results"]
    assert [one["id"] for one in mine] == [
        seeded_id("conversation", slug) for slug in ("amara-tom", "open-evening", "amara-priya")
    ]
    assert [(one["kind"], one["title"]) for one in mine] == [("direct", ""), ("group", "Open evening"), ("direct", "")]
    assert [person["username"] for person in mine[1]["participants"]] == ["amara", "jonas", "mei", "lena"]
    assert mine[0]["last_message"]["author"]["username"] == "tom"
    assert [one["id"] for one in member.get("/conversations/")["results"]] == [mine[0]["id"]]


def test_a_message_sent_moves_its_conversation_to_the_top(api: Api) -> None:
    path = f"/conversations/{seeded_id('conversation', 'amara-priya')}/messages/"
    sent = api.post(path, {"body": "They arrived"})
    assert sent["conversation"] == seeded_id("conversation", "amara-priya")
    assert "channel" not in sent
    assert api.get("/conversations/")["results"][0]["last_message"] == sent
    assert api.get(path)["results"][0] == sent


def test_both_sides_read_edit_their_own_and_react(api: Api, member: Api) -> None:
    sent = api.post(WITH_TOM, {"body": "Yes, keep the recipt"})
    assert member.get(WITH_TOM)["results"][0] == sent
    answer = member.ask("PATCH", f"{WITH_TOM}{sent['id']}/", {"body": "No"})
    assert (answer.status_code, answer.json()) == (403, {"detail": "You can only edit your own messages."})
    edited = api.send("PATCH", f"{WITH_TOM}{sent['id']}/", {"body": "Yes, keep the receipt"}, 200)
    assert (edited["body"], edited["edited_at"] is None) == ("Yes, keep the receipt", False)
    reactions = f"{WITH_TOM}{sent['id']}/reactions/"
    assert member.post(reactions, {"emoji": "🙏"}, 200)["reactions"] == [{"emoji": "🙏", "count": 1, "reacted": True}]
    assert member.post(reactions, {"emoji": "🙏"}, 200)["reactions"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", FOREIGN, None),
        ("POST", FOREIGN, {"body": "x"}),
        ("PATCH", f"{FOREIGN}{seeded_id('message', 'jonas-lena/0')}/", {"body": "x"}),
        ("POST", f"{FOREIGN}{seeded_id('message', 'jonas-lena/0')}/reactions/", {"emoji": "x"}),
        ("PATCH", f"{WITH_TOM}{seeded_id('message', 'jonas-lena/0')}/", {"body": "another conversation's message"}),
        ("PATCH", f"{WITH_TOM}{seeded_id('message', 'makers/general/0')}/", {"body": "a channel's message"}),
        ("POST", f"{WITH_TOM}{seeded_id('message', 'open-evening/0')}/reactions/", {"emoji": "x"}),
    ],
)
def test_conversations_of_others_do_not_exist(api: Api, method: str, path: str, body: object) -> None:
    answer = api.ask(method, path, body)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
