import pytest

from connect_mcp.server.workspace.seed import seeded_id
from support.workspace_api import Api

MAKERS = seeded_id("space", "makers")
FERNLIGHT = seeded_id("space", "fernlight")


def test_the_caller_learns_who_they_are_and_what_they_may_do(api: Api, member: Api) -> None:
    me = api.get("/auth/me/")
    assert (me["username"], me["display_name"]) == ("amara", "Amara Okafor")
    assert {"members:view", "tickets:manage"} < set(me["scopes"])
    assert [space["slug"] for space in me["spaces"]] == ["makers", "fernlight"]
    plain = member.get("/auth/me/")
    assert plain["username"] == "tom"
    assert plain["scopes"] == ["community:read", "community:write"]


def test_workspaces_are_those_of_the_caller(api: Api, member: Api) -> None:
    spaces = api.get("/spaces/")["results"]
    assert [(space["slug"], space["role"], space["member_count"]) for space in spaces] == [
        ("makers", "owner", 6),
        ("fernlight", "admin", 5),
    ]
    assert [space["slug"] for space in member.get("/spaces/")["results"]] == ["makers"]


def test_a_slug_finds_its_workspace(api: Api, member: Api) -> None:
    assert [space["id"] for space in api.get("/spaces/", slug="fernlight")["results"]] == [FERNLIGHT]
    assert member.get("/spaces/", slug="fernlight")["results"] == []


@pytest.mark.parametrize("slug", ["", "nothing", "m%", "makers' OR '1'='1", "MAKERS", "🎻"])
def test_a_slug_that_is_nobodys_finds_nothing(api: Api, slug: str) -> None:
    assert api.get("/spaces/", slug=slug) == {"next": None, "previous": None, "results": []}


def test_channels_are_those_the_caller_may_read(api: Api) -> None:
    channels = api.get(f"/spaces/{MAKERS}/channels/")["results"]
    assert [channel["slug"] for channel in channels] == ["general", "workshop", "electronics"]
    assert channels[0]["message_count"] == 18
    assert channels[0]["last_message_at"] == "2026-03-14T07:00:00.000000Z"
    assert channels[0]["is_private"] is False


def test_channels_and_members_of_a_foreign_workspace_are_not_found(api: Api, member: Api) -> None:
    assert member.ask("GET", f"/spaces/{FERNLIGHT}/channels/").status_code == 404
    assert api.ask("GET", f"/spaces/{seeded_id('space', 'nowhere')}/members/").status_code == 404


def test_members_are_listed_with_their_roles(api: Api) -> None:
    members = api.get(f"/spaces/{MAKERS}/members/")["results"]
    assert {one["username"]: one["role"] for one in members} == {
        "amara": "owner",
        "jonas": "moderator",
        "mei": "member",
        "rafael": "member",
        "tom": "member",
        "lena": "member",
    }


def test_members_need_a_scope(member: Api) -> None:
    answer = member.ask("GET", f"/spaces/{MAKERS}/members/")
    assert answer.status_code == 403
    assert "members:view" in answer.json()["detail"]
