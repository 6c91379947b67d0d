import pytest

from connect_mcp.server.workspace.seed import seeded_id
from support.workspace_api import Api

GENERAL = f"/channels/{seeded_id('channel', 'makers/general')}/messages/"


def test_messages_come_newest_first_with_threads_and_reactions(api: Api) -> None:
    messages = api.get(GENERAL)["results"]
    times = [message["created_at"] for message in messages]
    assert times == sorted(times, reverse=True)
    hello = next(message for message in messages if message["id"] == seeded_id("message", "makers/general/1"))
    assert hello["author"]["display_name"] == "Tom Hughes"
    assert hello["reply_count"] == 3
    assert hello["reactions"] == [{"emoji": "👋", "count": 5, "reacted": True}]
    replies = [message for message in messages if message["parent"] == hello["id"]]
    assert len(replies) == 3


def test_a_posted_message_stays(api: Api, member: Api) -> None:
    body = "Grüße 🎻 — '; DROP TABLE messages; -- 100% \\ \u202e\n\n```x = 1```"
    posted = member.post(GENERAL, {"body": f"  {body}\n"})
    assert posted["body"] == body
    assert posted["author"]["username"] == "tom"
    assert posted["edited_at"] is None
    assert api.get(GENERAL)["results"][0] == posted


def test_an_author_edits_their_message(api: Api) -> None:
    posted = api.post(GENERAL, {"body": "frist"})
    edited = api.send("PATCH", f"/channel-messages/{posted['id']}/", {"body": "first"}, 200)
    assert edited == {**posted, "body": "first", "edited_at": edited["edited_at"]}
    assert edited["edited_at"] is not None
    assert api.get(GENERAL)["results"][0] == edited


def test_others_cannot_edit_a_message(api: Api, member: Api) -> None:
    posted = api.post(GENERAL, {"body": "mine"})
    answer = member.ask("PATCH", f"/channel-messages/{posted['id']}/", {"body": "yours"})
    assert (answer.status_code, answer.json()) == (403, {"detail": "You can only edit your own messages."})
    assert api.get(GENERAL)["results"][0]["body"] == "mine"


def test_the_same_emoji_twice_is_taken_back(api: Api, member: Api) -> None:
    path = f"/channel-messages/{api.post(GENERAL, {'body': 'look'})['id']}/reactions/"
    assert api.post(path, {"emoji": "👍"}, 200)["reactions"] == [{"emoji": "👍", "count": 1, "reacted": True}]
    assert member.post(path, {"emoji": "👍"}, 200)["reactions"] == [{"emoji": "👍", "count": 2, "reacted": True}]
    assert member.post(path, {"emoji": "🎉"}, 200)["reactions"] == [
        {"emoji": "👍", "count": 2, "reacted": True},
        {"emoji": "🎉", "count": 1, "reacted": True},
    ]
    member.post(path, {"emoji": "👍"}, 200)
    assert api.post(path, {"emoji": "👍"}, 200)["reactions"] == [{"emoji": "🎉", "count": 1, "reacted": False}]


@pytest.mark.parametrize("emoji", ["", "x" * 33, 7, None])
def test_what_is_no_emoji_is_refused(api: Api, emoji: object) -> None:
    path = f"/channel-messages/{seeded_id('message', 'makers/general/0')}/reactions/"
    answer = api.ask("POST", path, {"emoji": emoji})
    assert answer.status_code == 400
    assert list(answer.json()) == ["emoji"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/channels/{seeded_id('channel', 'makers/board')}/messages/", None),
        ("POST", f"/channels/{seeded_id('channel', 'makers/board')}/messages/", {"body": "let me in"}),
        ("PATCH", f"/channel-messages/{seeded_id('message', 'makers/board/0')}/", {"body": "x"}),
        ("POST", f"/channel-messages/{seeded_id('message', 'makers/board/0')}/reactions/", {"emoji": "x"}),
        ("POST", f"/channel-messages/{seeded_id('message', 'amara-tom/0')}/reactions/", {"emoji": "x"}),
        ("PATCH", f"/channel-messages/{seeded_id('message', 'nowhere')}/", {"body": "x"}),
    ],
)
def test_what_lies_in_a_private_place_does_not_exist_for_others(api: Api, method: str, path: str, body: object) -> None:
    answer = api.ask(method, path, body)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


def test_channels_of_another_workspace_do_not_exist_for_a_member(api: Api, member: Api) -> None:
    setup = f"/channels/{seeded_id('channel', 'fernlight/setup')}/messages/"
    assert api.get(setup)["results"]
    assert member.ask("GET", setup).status_code == 404
    assert member.ask("POST", setup, {"body": "x"}).status_code == 404
