import pytest

from connect_mcp.server.workspace.seed import seeded_id
from support.workspace_api import Api

POSTS = f"/spaces/{seeded_id('space', 'makers')}/posts/"
FOREIGN = f"/spaces/{seeded_id('space', 'fernlight')}/posts/"
TRAILER = seeded_id("post", 3)


def test_the_feed_is_newest_first_with_reactions_and_comments(api: Api) -> None:
    posts = api.get(POSTS)["results"]
    assert [post["id"] for post in posts] == [seeded_id("post", number) for number in (3, 2, 1, 0)]
    assert posts[0]["reactions"] == {"celebrate": 5}
    assert posts[0]["my_reaction"] == "celebrate"
    assert posts[0]["comment_count"] == 1


def test_a_post_may_go_without_a_title(api: Api) -> None:
    plain = api.post(POSTS, {"body": "No title"})
    titled = api.post(POSTS, {"body": "Text", "title": "Title"})
    assert (plain["title"], titled["title"]) == ("", "Title")
    assert api.get(POSTS)["results"][:2] == [titled, plain]


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({}, ["body"]),
        ({"body": ""}, ["body"]),
        ({"title": "t" * 201}, ["body", "title"]),
        ({"body": "x", "title": 3}, ["title"]),
    ],
)
def test_all_that_is_wrong_with_a_post_is_said_at_once(api: Api, sent: object, fields: list[str]) -> None:
    answer = api.ask("POST", POSTS, sent)
    assert answer.status_code == 400
    assert sorted(answer.json()) == fields
    assert len(api.get(POSTS)["results"]) == 4


def test_an_author_edits_their_post_and_keeps_the_title(api: Api) -> None:
    post = api.post(POSTS, {"body": "old", "title": "Title"})
    edited = api.send("PUT", f"/posts/{post['id']}/update/", {"body": "new"}, 200)
    assert (edited["title"], edited["body"]) == ("Title", "new")
    edited = api.send("PUT", f"/posts/{post['id']}/update/", {"body": "new", "title": "Other"}, 200)
    assert edited["title"] == "Other"
    assert api.get(POSTS)["results"][0] == edited
    assert api.ask("PUT", f"/posts/{post['id']}/update/", {"title": "No body"}).status_code == 400


def test_others_cannot_edit_a_post(api: Api) -> None:
    answer = api.ask("PUT", f"/posts/{TRAILER}/update/", {"body": "mine now"})
    assert (answer.status_code, answer.json()) == (403, {"detail": "You can only edit your own posts."})


def test_a_second_reaction_replaces_the_first_and_can_be_taken_back(api: Api) -> None:
    reactions = f"/posts/{api.post(POSTS, {'body': 'x'})['id']}/reactions/"
    assert api.post(reactions, {"kind": "like"}, 200)["reactions"] == {"like": 1}
    assert api.post(reactions, {"kind": "like"}, 200)["reactions"] == {"like": 1}
    changed = api.post(reactions, {"kind": "love"}, 200)
    assert (changed["reactions"], changed["my_reaction"]) == ({"love": 1}, "love")
    for _ in range(2):
        answer = api.ask("DELETE", reactions)
        assert (answer.status_code, answer.content) == (204, b"")
    post = api.get(POSTS)["results"][0]
    assert (post["reactions"], post["my_reaction"]) == ({}, None)


@pytest.mark.parametrize("kind", ["", "hate", "Like", 1, None])
def test_unknown_reactions_are_refused(api: Api, kind: object) -> None:
    answer = api.ask("POST", f"/posts/{TRAILER}/reactions/", {"kind": kind})
    assert answer.status_code == 400
    assert list(answer.json()) == ["kind"]


def test_a_comment_is_counted(api: Api, member: Api) -> None:
    comment = api.post(f"/posts/{TRAILER}/comments/", {"body": "Lovely"})
    assert (comment["post"], comment["body"], comment["author"]["username"]) == (TRAILER, "Lovely", "amara")
    assert member.get(POSTS)["results"][0]["comment_count"] == 2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", FOREIGN, None),
        ("POST", FOREIGN, {"body": "x"}),
        ("PUT", f"/posts/{seeded_id('post', 4)}/update/", {"body": "x"}),
        ("POST", f"/posts/{seeded_id('post', 4)}/reactions/", {"kind": "like"}),
        ("DELETE", f"/posts/{seeded_id('post', 4)}/reactions/", None),
        ("POST", f"/posts/{seeded_id('post', 4)}/comments/", {"body": "x"}),
        ("POST", f"/posts/{seeded_id('article', 0)}/comments/", {"body": "an article is no post"}),
    ],
)
def test_posts_elsewhere_do_not_exist_for_a_member(member: Api, method: str, path: str, body: object) -> None:
    answer = member.ask(method, path, body)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
