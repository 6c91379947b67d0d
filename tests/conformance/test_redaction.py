import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from connect_mcp.base.fixtures import fixtures
from connect_mcp.conformance.redaction import Redactor

PLANTED = "arc_live_planted_00000000"
ODD = 'sw/ord"fish é+1'
UUID = "01a1fcb2-4f85-76d2-8e21-2a5683dd833c"
ENV = {"ARYTHMATIC_API_KEY": PLANTED, "DB_PASSWORD": ODD, "USER": "kim", "MODE": "fast", "SSH_AUTH_SOCK": "/dev/null"}


def redactor(env: Mapping[str, str] = ENV, home: str = "/home/kim", cwd: str = "/home/kim/work") -> Redactor:
    return Redactor(env, home, cwd, ["/tmp"])


def protocol(part: str) -> Iterator[str]:
    """The names in one part of the tables of all revisions."""
    for path in (fixtures() / "protocol").glob("*.json"):
        yield from json.loads(path.read_text(encoding="utf-8")).get(part, {})


def constants(name: str) -> Iterator[str]:
    """What the tables of all revisions let a member of this name be."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in (fixtures() / "protocol").glob("*.json")]
    while found:
        value = found.pop()
        if isinstance(value, dict):
            about = value.get("properties", {}).get(name)
            if isinstance(about, dict):
                yield from [*about.get("enum", []), *filter(None, [about.get("const")])]
            found += value.values()
        elif isinstance(value, list):
            found += value


def redacted(message: object) -> Any:
    return json.loads("{" + redactor().message_fields(json.dumps(message).encode()).decode() + "}")["msg"]


@pytest.mark.parametrize(
    "line",
    [
        json.dumps({"key": PLANTED}),
        json.dumps({"text": f"it is {PLANTED}!"}),
        json.dumps({"text": json.dumps({"inner": ODD})}),
        json.dumps({"text": ODD}, ensure_ascii=False),
        json.dumps({"url": f"https://x/?k={quote(ODD, safe='')}"}),
        json.dumps({"blob": base64.b64encode(PLANTED.encode()).decode()}),
        '{"a": "' + PLANTED.replace("_", "\\u005f") + '"}',
        '{"a": "' + PLANTED.replace("_", "\\u005f") + '" oops',
        "garbage " + PLANTED,
        json.dumps({PLANTED: 1}),
        json.dumps([{"jsonrpc": "2.0", "x": [PLANTED]}]),
    ],
)
def test_no_known_secret_survives_in_whatever_spelling(line: str) -> None:
    for fields in (redactor().message_fields(line.encode()), redactor().raw_fields(line.encode())):
        shown = fields.decode()
        assert "{{secret:1}}" in shown
        for secret in (PLANTED, ODD, "planted_0000", "fish"):
            assert secret not in shown


def test_a_secret_among_bytes_that_are_no_text_is_found() -> None:
    fields = redactor().raw_fields(b"\xff\xfe " + PLANTED.encode() + b" \xff")
    assert base64.b64decode(json.loads("{" + fields.decode() + "}")["base64"]) == b"\xff\xfe {{secret:1}} \xff"


@pytest.mark.parametrize(
    "message",
    [
        {"headers": {"Authorization": "Bearer abcdefghijkl"}},
        {"api_key": "whatever"},
        {"credentials": {"prod": "whatever", "list": ["whatever"]}},
        {"keys": ["whatever"]},
        {"text": 'PASSWORD="what ever"'},
        {"dsn": "postgres://me:whatever@db/x"},
        {"text": "ghp_" + "a1" * 18},
        {"text": "sk-ant-whatever-1234"},
    ],
)
def test_what_looks_secret_by_its_name_or_form_goes(message: object) -> None:
    shown = json.dumps(redacted(message))
    assert "{{secret:1}}" in shown
    for secret in ("whatever", "what ever", "abcdefghijkl", "a1a1", "sk-ant"):
        assert secret not in shown


def test_a_number_that_is_a_secret_goes_too() -> None:
    fields = redactor({"PIN_TOKEN": "83749234"}).message_fields(b'{"pin": 83749234, "other": 83749235}')
    assert fields == b'"msg": {"pin": "{{secret:1}}", "other": 83749235}'


def test_folders_user_ids_and_temporary_paths_get_typed_placeholders() -> None:
    assert redacted(
        {
            "a": "/home/kim/work/x /home/kim/.cfg file:///home/kim /home/kimono /home/kim-2",
            "b": f"{UUID} and {UUID.upper()}",
            "c": ["/tmp/abc.1/d", "/tmp/abc.1", "/tmp/other"],
            "d": "kim, Kimberly, @kim",
            "/home/kim/work": {"has_changes": False},
        }
    ) == {
        "a": "{{cwd}}/x {{home}}/.cfg file://{{home}} /home/kimono /home/{{user}}-2",
        "b": "{{uuid:1}} and {{uuid:2}}",
        "c": ["{{tmp:1}}/d", "{{tmp:1}}", "{{tmp:2}}"],
        "d": "{{user}}, Kimberly, @{{user}}",
        "{{cwd}}": {"has_changes": False},
    }


def test_the_same_value_has_the_same_placeholder_in_every_line() -> None:
    one = redactor()
    one.message_fields(json.dumps({"x": "ghp_" + "b2" * 18}).encode())
    first = one.raw_fields(f"key {PLANTED}".encode())
    again = one.message_fields(json.dumps({"x": PLANTED}).encode())
    assert b"{{secret:2}}" in first
    assert b"{{secret:2}}" in again


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0", "id":1,"method":"tools/call","params":{"_meta":{"progressToken":0},"n":1.0,"e":1E5}}',
        b'{"result": {"tools": [{"inputSchema": {"properties": {"token": {"type": "string"}}}}]}}',
        '{"text": "héllo \\n \u2028"}'.encode(),
        b'{"mode": "fast", "sock": "/dev/null"}',
        b'{"secret": true, "token": "", "max_tokens": 4096}',
    ],
)
def test_a_message_with_nothing_to_hide_keeps_its_spelling(line: bytes) -> None:
    assert redactor().message_fields(line) == b'"msg": ' + line


def test_what_gives_a_message_its_meaning_is_never_replaced() -> None:
    env = {"USER": "tools"}
    fields = redactor(env, home="/home/tools").message_fields(b'{"method": "tools/list", "params": {"who": "tools"}}')
    assert fields == b'"msg": {"method": "tools/list", "params": {"who": "{{user}}"}}'


@pytest.mark.parametrize("name", ["jsonrpc", "method", "protocolVersion", "type", "role"])
def test_a_known_secret_goes_even_where_a_message_has_its_meaning(name: str) -> None:
    assert redacted({name: PLANTED, "n": [{name: f"notifications/{PLANTED}"}]}) == {
        name: "{{secret:1}}",
        "n": [{name: "notifications/{{secret:1}}"}],
    }


def test_what_the_protocol_says_is_no_secret_where_a_variable_has_the_same_value() -> None:
    said = {
        "method": {method for kind in ("requests", "notifications", "results") for method in protocol(kind)},
        "type": {value for name in ("type", "role") for value in constants(name)},
    }
    assert {"tools/call", "notifications/tools/list_changed"} <= said["method"]
    assert {"text", "resource_link", "string"} <= said["type"]
    for name, values in said.items():
        for value in values:
            line = json.dumps({name: value}).encode()
            for word in filter(lambda word: len(word) > 3, value.split("/")):
                assert redactor({"XDG_SESSION_CLASS": word}).message_fields(line) == b'"msg": ' + line


def test_a_home_that_is_the_root_or_empty_hides_nothing(tmp_path: Path) -> None:
    line = b'{"path": "/usr/bin/x"}'
    assert Redactor({}, "/", str(tmp_path), []).message_fields(line) == b'"msg": ' + line
    assert Redactor({}, "", "", []).message_fields(line) == b'"msg": ' + line
