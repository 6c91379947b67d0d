import pytest

from connect_mcp.server.results import Failure
from connect_mcp.server.tools.requests import build, path_segment
from connect_mcp.server.tools.table import BY_NAME

CLIMBING = ["../auth/me", "..", ".", "5/comments", "a\\b", "a\nb", "\x00", ""]


@pytest.mark.parametrize("ident", CLIMBING)
def test_an_id_that_could_lead_elsewhere_is_refused(ident: str) -> None:
    with pytest.raises(Failure) as caught:
        build(BY_NAME["get_ticket"], {"ticket_id": ident})
    assert caught.value.code == "INVALID_ARG"
    assert list(caught.value.details) == ["ticket_id"]


@pytest.mark.parametrize(
    ("ident", "segment"),
    [
        ("7", "7"),
        ("0b2f-4c.d_e~1", "0b2f-4c.d_e~1"),
        ("?x=1", "%3Fx%3D1"),
        ("#a", "%23a"),
        ("a%2Fb", "a%252Fb"),
        ("a b;c&d", "a%20b%3Bc%26d"),
        ("é", "%C3%A9"),
        ("...", "..."),
        ("{message_id}", "%7Bmessage_id%7D"),
    ],
)
def test_an_id_is_one_segment_of_the_path(ident: str, segment: str) -> None:
    assert path_segment("post_id", ident) == segment


def test_an_id_that_looks_like_a_placeholder_is_not_filled_in() -> None:
    arguments = {"conversation_id": "{message_id}", "message_id": "2", "body": "b"}
    built = build(BY_NAME["edit_conversation_message"], arguments)
    assert built.target == "/conversations/%7Bmessage_id%7D/messages/2/"


def test_a_query_is_encoded() -> None:
    arguments = {"query": "a&kind=x #é", "kind": "post"}
    assert build(BY_NAME["search_content"], arguments).target == "/search/?q=a%26kind%3Dx+%23%C3%A9&kind=post"
