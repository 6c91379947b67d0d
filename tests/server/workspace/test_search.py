import pytest

from connect_mcp.server.workspace.seed import seeded_id
from support.workspace_api import Api

POSTS = f"/spaces/{seeded_id('space', 'makers')}/posts/"


def test_search_finds_every_kind(api: Api) -> None:
    kinds = {hit["kind"] for word in ("plane", "flux", "cello") for hit in api.everything("/search/", q=word)}
    assert kinds == {"post", "article", "question", "message"}


@pytest.mark.parametrize("kind", ["post", "article", "question", "message"])
def test_search_keeps_to_one_kind(api: Api, kind: str) -> None:
    hits = api.everything("/search/", q="e", kind=kind)
    assert {hit["kind"] for hit in hits} == {kind}


def test_all_words_must_be_there_whatever_their_case_and_order(api: Api) -> None:
    hits = api.everything("/search/", q="TRAILER  cello rides")
    assert [hit["id"] for hit in hits] == [seeded_id("post", 3)]
    assert api.everything("/search/", q="trailer kiln") == []


def test_search_folds_more_than_ascii(api: Api) -> None:
    post = api.post(POSTS, {"body": "Straßenfest mit ÖL und ΣΊΣΥΦΟΣ"})
    for word in ("STRASSENFEST", "öl", "σίσυφος"):
        assert [hit["id"] for hit in api.everything("/search/", q=word)] == [post["id"]]


def test_what_was_just_written_is_found(api: Api) -> None:
    message = api.post(f"/channels/{seeded_id('channel', 'makers/general')}/messages/", {"body": "about xylophones"})
    hit = api.everything("/search/", q="xylophone")[0]
    assert (hit["id"], hit["kind"], hit["channel"]["name"]) == (message["id"], "message", "general")


@pytest.mark.parametrize("query", ["%", "_", "100%", "blade_3", "*", "\\"])
def test_wildcards_are_looked_for_as_they_stand(api: Api, query: str) -> None:
    hits = api.everything("/search/", q=query)
    assert all(query in hit["title"] + hit["excerpt"] for hit in hits)
    assert len(hits) < 10


@pytest.mark.parametrize("query", ["'", '"; DROP TABLE messages; --', "') OR 1=1 --", "\0", "🧵" * 50, "x" * 5000])
def test_hostile_queries_only_fail_to_find(api: Api, query: str) -> None:
    before = len(api.everything("/search/", q="e"))
    for hit in api.everything("/search/", q=query):
        assert query in hit["title"] + hit["excerpt"]
    assert len(api.everything("/search/", q="e")) == before


def test_private_and_foreign_things_are_not_found(api: Api, member: Api) -> None:
    assert api.everything("/search/", q="landlord") == []
    assert api.everything("/search/", q="brackets") == [], "direct messages are not searched"
    assert api.everything("/search/", q="firmware 4.2")
    assert member.everything("/search/", q="firmware 4.2") == []


@pytest.mark.parametrize(
    ("params", "errors"),
    [
        ({}, {"q": ["This field is required."]}),
        ({"q": "  "}, {"q": ["This field may not be blank."]}),
        ({"q": "a " * 21}, {"q": ["Ensure this field has no more than 20 words."]}),
        ({"q": "a", "kind": "comment"}, {"kind": ['"comment" is not a valid choice.']}),
    ],
)
def test_a_search_without_a_meaning_is_refused(api: Api, params: dict[str, str], errors: dict[str, list[str]]) -> None:
    answer = api.ask("GET", "/search/", params=params)
    assert (answer.status_code, answer.json()) == (400, errors)


def test_a_long_text_is_cut_around_the_word(api: Api) -> None:
    api.post(POSTS, {"body": "before " * 100 + "needle" + " after" * 100})
    excerpt = api.everything("/search/", q="needle")[0]["excerpt"]
    assert "needle" in excerpt
    assert excerpt.startswith("…")
    assert excerpt.endswith("…")
    assert len(excerpt) < 300
