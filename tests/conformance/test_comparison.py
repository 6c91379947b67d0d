import pytest

from connect_mcp.conformance.comparison import Change, Matching
from connect_mcp.conformance.session import Json

UUID, OTHER = "01a1fcb2-4f85-76d2-8e21-2a5683dd833c", "b9e87383-f7be-518c-9171-b5607c8ee512"
VALUES = {"home": "/home/me", "secret:1": "made-up", "uuid:1": UUID}


def matching() -> Matching:
    return Matching(VALUES.__getitem__)


def paths(expected: Json, got: Json, path: str = "result") -> list[str]:
    return [change.path for change in matching().changes(expected, got, path)]


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ({"a": [1, "x", None, True]}, {"a": [1.0, "x", None, True]}),
        ({"serverInfo": {"version": "1.0"}}, {"serverInfo": {"version": "2.7"}}),
        ({"nextCursor": "abc"}, {"nextCursor": "def"}),
        ({"took_ms": 12}, {"took_ms": 7000.5}),
        ({"createdAt": 1795240909828}, {"createdAt": 1795240909829}),
        ("at 2026-11-21T07:39:00Z", "at 2025-01-01T00:00:00.123+01:00"),
        (f"post {UUID}", f"post {OTHER}"),
        ("ready in 70 ms", "ready in 1.25 s"),
        ("see {{home}}/x", "see /home/me/x"),
        ("{{uuid:1}} and {{uuid:1}}", f"{OTHER} and {OTHER}"),
        ("key {{secret:1}}.", "key whatever."),
        ('{"id": "{{uuid:1}}", "n": 1}', f'{{"n": 1, "id": "{OTHER}"}}'),
        ({"tools": [{"name": "a"}, {"name": "b"}]}, {"tools": [{"name": "b"}, {"name": "a"}]}),
        ({"{{home}}": 1}, {"/home/me": 1}),
    ],
)
def test_what_varies_from_run_to_run_is_equal(expected: Json, got: Json) -> None:
    assert paths(expected, got) == []


@pytest.mark.parametrize(
    ("expected", "got", "where"),
    [
        (1, 2, "result"),
        (1, True, "result"),
        (1, "1", "result"),
        (None, {}, "result"),
        ({"a": 1}, {}, "result.a"),
        ({}, {"a": 1}, "result.a"),
        ([1], [1, 2], "result"),
        ([1, 2], [1, 3], "result[1]"),
        ({"nextCursor": "abc"}, {"nextCursor": None}, "result.nextCursor"),
        ({"took_ms": 12}, {"took_ms": "12"}, "result.took_ms"),
        ("at 2026-11-21T07:39:00Z", "at noon", "result"),
        ("{{uuid:1}} and {{uuid:1}}", f"{OTHER} and {UUID}", "result"),
        ("see {{home}}/x", "see /home/you/x", "result"),
        ("a.b", "axb", "result"),
        ('{"n": [1]}', '{"n": [2]}', "result.n[0]"),
        ({"tools": [{"name": "a", "description": "x"}]}, {"tools": [{"name": "a"}]}, "result.tools[a].description"),
        (
            {"tools": [{"name": "a", "description": "within 30 s"}]},
            {"tools": [{"name": "a", "description": "within 40 s"}]},
            "result.tools[a].description",
        ),
    ],
)
def test_everything_else_is_a_change_with_its_place(expected: Json, got: Json, where: str) -> None:
    assert paths(expected, got) == [where]


def test_tools_that_came_or_went_are_told_by_name() -> None:
    changes = list(matching().changes({"tools": [{"name": "a"}]}, {"tools": [{"name": "b"}]}, "result"))
    assert changes == [Change("result.tools[a]", "present", None), Change("result.tools[b]", None, "present")]


def test_tools_of_one_name_are_compared_in_order() -> None:
    assert paths({"tools": [{"name": "a"}, {"name": "a"}]}, {"tools": [{"name": "a"}]}) == ["result.tools"]


def test_an_id_that_a_server_gave_is_the_one_that_is_sent_back() -> None:
    one = matching()
    assert not list(one.changes({"id": "{{uuid:2}}"}, {"id": OTHER}, "result"))
    assert one.filled_value({"post_id": "{{uuid:2}}"}) == {"post_id": OTHER}
    assert [change.path for change in one.changes("{{uuid:2}}", UUID, "result")] == ["result"]


def test_an_id_that_a_server_made_may_be_another_one_and_is_the_one_that_is_sent_back() -> None:
    one = matching()
    expected: Json = {"id": 17, "posts": [{"id": "p_1", "authorId": 17}, {"id": "p_2", "parent_id": "p_1"}]}
    got: Json = {"id": 4, "posts": [{"id": "x", "authorId": 4}, {"id": "y", "parent_id": "x"}]}
    assert not list(one.changes(expected, got, "result"))
    assert one.filled_value({"post_id": "p_2", "count": 17, "userId": 17}) == {
        "post_id": "y",
        "count": 17,
        "userId": 4,
    }


def test_the_ids_of_messages_are_the_hosts_own() -> None:
    one = matching()
    assert not list(one.changes({"id": 3}, {"id": 9}, "result"))
    call: Json = {"jsonrpc": "2.0", "id": 3, "params": {"id": 3, "requestId": 3}}
    assert one.filled_value(call) == {"jsonrpc": "2.0", "id": 3, "params": {"id": 9, "requestId": 3}}
    one.filled_value({"jsonrpc": "2.0", "id": 4})
    assert not list(one.changes({"id": 4}, {"id": 5}, "result"))


def test_a_word_that_is_an_id_stands_for_the_same_one_throughout_and_a_number_need_not() -> None:
    expected: Json = {"user": {"id": "a"}, "post": {"id": "a"}}
    assert paths(expected, {"user": {"id": "b"}, "post": {"id": "c"}}) == ["result.post.id"]
    assert paths({"user": {"id": 1}, "post": {"id": 1}}, {"user": {"id": 7}, "post": {"id": 8}}) == []


@pytest.mark.parametrize(
    ("expected", "got"),
    [(17, "17"), (17, True), (17, None), ("p_1", "two words"), ("two words", "p_1"), ("p_1", "")],
)
def test_what_stands_for_an_id_has_the_form_of_one(expected: Json, got: Json) -> None:
    assert paths({"id": expected}, {"id": got}) == ["result.id"]


def test_an_id_that_the_host_sent_first_comes_back_as_it_is() -> None:
    one = matching()
    assert one.filled_value({"ticket_id": 17, "id": "t-1"}) == {"ticket_id": 17, "id": "t-1"}
    found = one.changes({"id": 17, "ticket": {"id": "t-1"}}, {"id": 18, "ticket": {"id": "t-2"}}, "result")
    assert [change.path for change in found] == ["result.id", "result.ticket.id"]


def test_a_cursor_that_a_server_gave_is_the_one_that_is_sent_back() -> None:
    one = matching()
    assert not list(one.changes({"nextCursor": "2"}, {"nextCursor": "zwei"}, "result"))
    assert one.filled_value({"cursor": "2", "count": "2"}) == {"cursor": "zwei", "count": "2"}


def test_a_value_that_the_host_sends_first_is_made_once() -> None:
    made: list[str] = []

    def value_of(name: str) -> str:
        made.append(name)
        return f"<{name}>"

    one = Matching(value_of)
    assert one.filled("{{secret:1}} {{secret:1}} {{tmp:3}} {{unknown}}") == "<secret:1> <secret:1> <tmp:3> {{unknown}}"
    assert made == ["secret:1", "tmp:3"]
    assert [change.got for change in one.changes("{{secret:1}}", "else", "result")] == ['"else"']


def test_a_value_nested_too_deeply_to_walk_is_still_compared() -> None:
    deep: Json = 1
    other: Json = 2
    for _ in range(300):
        deep, other = [deep], [other]
    assert len(paths(deep, other)) == 1
    assert paths(deep, deep) == []
