import pytest

from connect_mcp.server.workspace.seed import seeded_id
from support.workspace_api import Api

MAKERS = f"/spaces/{seeded_id('space', 'makers')}"
FERNLIGHT = f"/spaces/{seeded_id('space', 'fernlight')}"
PLANE = f"/articles/{seeded_id('article', 0)}"
FLUX = f"/questions/{seeded_id('question', 1)}"


@pytest.mark.parametrize("kind", ["article", "question"])
def test_what_is_written_is_found_and_edited_field_by_field(api: Api, kind: str) -> None:
    written = api.post(f"{MAKERS}/{kind}s/", {"title": "Dovetails", "body": "Sockets first.", "status": "published"})
    assert (written["kind"], written["status"], written["author"]["username"]) == (kind, "published", "amara")
    path = f"/{kind}s/{written['id']}/"
    assert api.send("PATCH", path, {"title": "Dovetails by hand"}, 200)["body"] == "Sockets first."
    edited = api.send("PATCH", path, {"body": "Pins first."}, 200)
    assert (edited["title"], edited["body"]) == ("Dovetails by hand", "Pins first.")
    assert [hit["id"] for hit in api.everything("/search/", q="dovetails pins", kind=kind)] == [written["id"]]
    assert api.everything("/search/", q="dovetails sockets", kind=kind) == []


@pytest.mark.parametrize("kind", ["article", "question"])
def test_title_and_body_are_needed(api: Api, kind: str) -> None:
    answer = api.ask("POST", f"{MAKERS}/{kind}s/", {})
    assert answer.status_code == 400
    assert answer.json() == {"title": ["This field is required."], "body": ["This field is required."]}
    answer = api.ask("POST", f"{MAKERS}/{kind}s/", {"title": "t", "body": "b", "status": "secret"})
    assert (answer.status_code, answer.json()) == (400, {"status": ['"secret" is not a valid choice.']})


def test_an_edit_cannot_blank_a_field(api: Api) -> None:
    article = api.post(f"{MAKERS}/articles/", {"title": "t", "body": "b"})
    answer = api.ask("PATCH", f"/articles/{article['id']}/", {"title": " ", "body": None})
    assert answer.status_code == 400
    assert sorted(answer.json()) == ["body", "title"]


def test_only_the_author_edits(api: Api) -> None:
    for path, kind in ((PLANE, "articles"), (FLUX, "questions")):
        answer = api.ask("PATCH", f"{path}/", {"body": "x"})
        assert (answer.status_code, answer.json()) == (403, {"detail": f"You can only edit your own {kind}."})


def test_one_reaction_to_an_article_at_a_time(api: Api) -> None:
    first = api.post(f"{PLANE}/reactions/", {"kind": "funny"}, 200)
    assert first["my_reaction"] == "funny"
    assert first["reactions"] == {"funny": 1, "insightful": 2}
    assert api.ask("DELETE", f"{PLANE}/reactions/").status_code == 204
    assert api.post(f"{PLANE}/reactions/", {"kind": "love"}, 200)["reactions"] == {"insightful": 2, "love": 1}


def test_comments_are_counted_on_both(api: Api) -> None:
    assert api.post(f"{PLANE}/comments/", {"body": "Good"})["article"] == seeded_id("article", 0)
    assert api.post(f"{PLANE}/reactions/", {"kind": "like"}, 200)["comment_count"] == 2
    question = api.post(f"{MAKERS}/questions/", {"title": "Why?", "body": "Why not?"})
    assert api.post(f"/questions/{question['id']}/comments/create/", {"body": "Because"})["question"] == question["id"]
    assert api.send("PATCH", f"/questions/{question['id']}/", {}, 200)["comment_count"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{FERNLIGHT}/articles/", {"title": "x", "body": "x"}),
        ("POST", f"{FERNLIGHT}/questions/", {"title": "x", "body": "x"}),
        ("PATCH", f"/articles/{seeded_id('article', 2)}/", {"body": "x"}),
        ("POST", f"/articles/{seeded_id('article', 2)}/reactions/", {"kind": "like"}),
        ("DELETE", f"/articles/{seeded_id('article', 2)}/reactions/", None),
        ("POST", f"/articles/{seeded_id('article', 2)}/comments/", {"body": "x"}),
        ("PATCH", f"/questions/{seeded_id('question', 2)}/", {"body": "x"}),
        ("POST", f"/questions/{seeded_id('question', 2)}/comments/create/", {"body": "x"}),
        ("PATCH", f"/questions/{seeded_id('article', 0)}/", {"body": "an article is no question"}),
    ],
)
def test_what_is_written_elsewhere_does_not_exist_for_a_member(
    member: Api, method: str, path: str, body: object
) -> None:
    answer = member.ask(method, path, body)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
