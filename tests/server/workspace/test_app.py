import json
import sqlite3
import uuid
from pathlib import Path

import pytest

from connect_mcp.server.workspace.app import EMBEDDED_KEY, ENDPOINTS, MEMBER_KEY, READ_ONLY_KEY
from connect_mcp.server.workspace.seed import seeded_id
from connect_mcp.server.workspace.store import FILE_NAME
from support.workspace_api import NOON, Api

GENERAL = f"/channels/{seeded_id('channel', 'makers/general')}/messages/"


@pytest.mark.parametrize(
    ("authorization", "detail"),
    [
        (None, "Authentication credentials were not provided."),
        ("", "Authentication credentials were not provided."),
        ("Bearer", "Authentication credentials were not provided."),
        (f"Basic {EMBEDDED_KEY}", "Authentication credentials were not provided."),
        ("Bearer arc_live_wrong_00000000", "Invalid API key."),
        (f"Bearer {EMBEDDED_KEY}x", "Invalid API key."),
    ],
)
def test_without_a_valid_key_every_request_is_unauthenticated(api: Api, authorization: str | None, detail: str) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = Api(api.folder, key="").ask("GET", "/spaces/", headers={"Authorization": "", **headers})
    assert (answer.status_code, answer.json()) == (401, {"detail": detail})
    assert answer.headers["www-authenticate"] == "Bearer"
    assert not api.folder.exists(), "a stranger's request must not make the workspace"


def test_keys_look_like_the_real_ones_and_differ() -> None:
    keys = {EMBEDDED_KEY, MEMBER_KEY, READ_ONLY_KEY}
    assert len(keys) == 3
    assert all(key.startswith("arc_test_embedded_") for key in keys)


def test_a_missing_scope_is_forbidden_and_named(api: Api) -> None:
    answer = Api(api.folder, READ_ONLY_KEY).ask("POST", GENERAL, {"body": "hello"})
    assert answer.status_code == 403
    assert "community:write" in answer.json()["detail"]
    assert Api(api.folder, READ_ONLY_KEY).get(GENERAL)["results"][0]["body"] != "hello"


def test_every_endpoint_asks_for_a_key(api: Api) -> None:
    for endpoint in ENDPOINTS:
        path = endpoint.path
        while "{" in path:
            path = path[: path.index("{")] + str(uuid.uuid4()) + path[path.index("}") + 1 :]
        assert Api(api.folder, "wrong").ask(endpoint.method, path, {}).status_code == 401, endpoint.path


@pytest.mark.parametrize(
    "path",
    [
        "/nothing/",
        "/spaces",
        "/channels/not-a-uuid/messages/",
        "/channels/0b9a4f3e-7a55-4e0c-9d3b-3f1f2c8d6a01/messages/",
        "/channels/%2e%2e/messages/",
        f"/channels/{seeded_id('channel', 'makers/general')}%2Fmessages/",
        f"/channels/..%2Fchannels%2F{seeded_id('channel', 'makers/general')}/messages/",
        f"/channels/{seeded_id('channel', 'makers/general')}%3Fx=/messages/",
        f"/channels/{seeded_id('channel', 'makers/general')}%00/messages/",
        "/channels/%F0%9F%8E%BB/messages/",
        "/channels/' OR 1=1 --/messages/",
        "/channels//messages/",
        "http://workspace/spaces/",
    ],
)
def test_unknown_paths_and_ids_are_not_found(api: Api, path: str) -> None:
    answer = api.ask("GET", path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


def test_a_slash_hidden_in_an_id_reaches_no_other_endpoint(api: Api) -> None:
    post = seeded_id("post", 0)
    assert api.ask("POST", f"/posts/{post}/comments/", {"body": "here"}).status_code == 201
    assert api.ask("POST", f"/posts/{post}%2Fcomments/", {"body": "there"}).status_code == 404


def test_an_id_may_be_written_in_capitals(api: Api) -> None:
    assert api.get(GENERAL.replace("/channels/", "/CHANNELS/").lower()) == api.get(GENERAL)
    channel = seeded_id("channel", "makers/general")
    assert api.get(f"/channels/{channel.upper()}/messages/")["results"] == api.get(GENERAL)["results"]


def test_a_wrong_method_is_named(api: Api) -> None:
    answer = api.ask("DELETE", "/spaces/")
    assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "DELETE" not allowed.'})


@pytest.mark.parametrize(
    ("content", "media_type", "status", "start"),
    [
        ('{"body": ', "application/json", 400, '{"detail":"JSON parse error - '),
        ('{"body": NaN}', "application/json", 400, '{"detail":"JSON parse error - NaN'),
        (b'{"body": "\xff"}', "application/json", 400, '{"detail":"JSON parse error - '),
        (
            '["body"]',
            "application/json",
            400,
            '{"non_field_errors":["Invalid data. Expected a dictionary, but got',
        ),
        ("body=x", "application/x-www-form-urlencoded", 415, '{"detail":"Unsupported media type '),
        ('{"body": "x"}', "", 415, '{"detail":"Unsupported media type '),
        ("", "application/json", 400, '{"body":["This field is required."]}'),
        ("{}", "application/json; charset=utf-8", 400, '{"body":["This field is required."]}'),
        ('{"body": null}', "application/json", 400, '{"body":["This field may not be null."]}'),
        ('{"body": " \\n"}', "application/json", 400, '{"body":["This field may not be blank."]}'),
        ('{"body": 5}', "application/json", 400, '{"body":["Not a valid string."]}'),
        ('{"body": {"a": 1}}', "application/json", 400, '{"body":["Not a valid string."]}'),
        ('{"body": "a\\u0000b"}', "application/json", 400, '{"body":["Null characters are not allowed."]}'),
        (
            '{"body": "a\\ud800b"}',
            "application/json",
            400,
            '{"body":["Surrogate characters are not allowed: U+D800',
        ),
        (
            json.dumps({"body": "x" * 20_001}),
            "application/json",
            400,
            '{"body":["Ensure this field has no more than',
        ),
    ],
)
def test_what_cannot_be_a_message_is_refused_in_the_apis_shape(
    api: Api, content: str | bytes, media_type: str, status: int, start: str
) -> None:
    before = len(api.everything(GENERAL))
    answer = api.ask("POST", GENERAL, headers={"Content-Type": media_type}, content=content)
    assert answer.status_code == status
    assert answer.text.startswith(start)
    assert len(api.everything(GENERAL)) == before


def test_json_nested_beyond_reason_is_refused_or_not_an_object(api: Api) -> None:
    content = "[" * 100_000 + "]" * 100_000
    answer = api.ask("POST", GENERAL, headers={"Content-Type": "application/json"}, content=content)
    assert answer.status_code == 400


def test_a_file_that_is_no_database_is_named_and_left_alone(api: Api) -> None:
    api.folder.mkdir()
    (api.folder / FILE_NAME).write_bytes(b"my precious notes, not a database at all" * 50)
    before = (api.folder / FILE_NAME).read_bytes()
    answer = api.ask("GET", "/spaces/")
    assert answer.status_code == 503
    assert str(api.folder / FILE_NAME) in answer.json()["detail"]
    assert (api.folder / FILE_NAME).read_bytes() == before


def test_a_file_in_the_folders_place_is_named(api: Api) -> None:
    api.folder.write_text("in the way", encoding="utf-8")
    answer = api.ask("GET", "/spaces/")
    assert answer.status_code == 503
    assert str(api.folder) in answer.json()["detail"]


def test_a_file_of_another_format_is_refused_with_what_to_do(api: Api) -> None:
    api.get("/spaces/")
    _execute(api.folder, "PRAGMA user_version = 99")
    answer = api.ask("GET", "/spaces/")
    assert answer.status_code == 503
    assert "format 99" in answer.json()["detail"]
    assert "connect-mcp workspace reset" in answer.json()["detail"]


def test_each_answer_carries_the_time_of_its_request(api: Api) -> None:
    assert api.post(GENERAL, {"body": "now"})["created_at"] == NOON.strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def _execute(folder: Path, statement: str) -> None:
    db = sqlite3.connect(folder / FILE_NAME)
    db.execute(statement)
    db.commit()
    db.close()
