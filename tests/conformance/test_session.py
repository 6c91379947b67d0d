import json
import os
from pathlib import Path

import jsonschema
import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.fixtures import fixtures
from connect_mcp.conformance.session import (
    FORMAT,
    META_REVISION,
    Agreement,
    Event,
    Header,
    Json,
    Session,
    Writer,
    member,
    parsed_message,
)

HEADER = json.dumps({"format": FORMAT, "version": 1, "host": "codex", "recorded": "2026-11-21", "scenario": "call"})


def session(folder: Path, *lines: str | bytes, header: str = HEADER) -> Session:
    path = folder / "session.jsonl"
    encoded = [line if isinstance(line, bytes) else line.encode() for line in (header, *lines)]
    path.write_bytes(b"".join(line + b"\n" for line in encoded))
    return Session(path)


def refusal(folder: Path, *lines: str | bytes, header: str = HEADER) -> Refused:
    with pytest.raises(Refused) as caught:
        list(session(folder, *lines, header=header).events())
    return caught.value


def test_a_header_and_every_kind_of_event_are_read(tmp_path: Path) -> None:
    read = session(
        tmp_path,
        '{"t": 0.1, "ev": "spawn", "env": ["HOME"], "own_group": true}',
        '{"t": 0.2, "ev": "host", "msg": {"id": 1}, "end": "\\r\\n"}',
        '{"t": 0.3, "ev": "server", "raw": "héllo", "later": 1}',
        '{"t": 0.4, "ev": "stderr", "base64": "//4=", "end": ""}',
        '{"t": 0.5, "ev": "signal", "name": "SIGTERM"}',
        '{"t": 0.6, "ev": "eof", "of": "stdin"}',
        '{"t": 1, "ev": "exit", "code": null, "signal": "SIGKILL"}',
    )
    assert read.header == Header("codex", None, None, "2026-11-21", {"scenario": "call"})
    assert list(read.events()) == [
        Event(2, 0.1, "spawn", more={"env": ["HOME"], "own_group": True}),
        Event(3, 0.2, "host", msg={"id": 1}, end="\r\n"),
        Event(4, 0.3, "server", raw="héllo".encode(), more={"later": 1}),
        Event(5, 0.4, "stderr", raw=b"\xff\xfe", end=""),
        Event(6, 0.5, "signal", more={"name": "SIGTERM"}),
        Event(7, 0.6, "eof", more={"of": "stdin"}),
        Event(8, 1, "exit", more={"code": None, "signal": "SIGKILL"}),
    ]


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("", "this is no JSON"),
        ("[]", "no JSON object"),
        ('{"format": "notes"}', "this is no session"),
        (json.dumps({"format": FORMAT, "version": 2}), "the session has version 2; this program reads 1"),
        (json.dumps({"format": FORMAT, "version": True}), "the session has version true"),
        (json.dumps({"format": FORMAT, "version": 1, "host": 7}), "host is a string or null"),
    ],
)
def test_a_header_that_is_none_is_refused(tmp_path: Path, header: str, what: str) -> None:
    caught = refusal(tmp_path, header=header)
    assert what in caught.what
    assert caught.place is not None
    assert caught.place.line == 1


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "this is no JSON"),
        (b'{"t": 0, "ev": "server", "raw": "\xff"}', "not UTF-8"),
        ("7", "no JSON object"),
        ('{"ev": "spawn"}', "t, the seconds"),
        ('{"t": -1, "ev": "spawn"}', "t, the seconds"),
        ('{"t": true, "ev": "spawn"}', "t, the seconds"),
        ('{"t": 0, "ev": "dance"}', 'ev is "dance"; it is one of spawn, host'),
        ('{"t": 0, "ev": "host"}', "exactly one of msg, raw and base64"),
        ('{"t": 0, "ev": "host", "raw": "a", "msg": {}}', "exactly one of msg, raw and base64"),
        ('{"t": 0, "ev": "host", "msg": 7}', "msg is a JSON object or array"),
        ('{"t": 0, "ev": "stderr", "msg": {}}', "msg is a JSON object or array from the host or the server"),
        ('{"t": 0, "ev": "host", "raw": 7}', "raw is a string"),
        ('{"t": 0, "ev": "host", "raw": "a\\nb"}', "raw holds a line end"),
        ('{"t": 0, "ev": "host", "raw": "\\ud800"}', "raw cannot be decoded"),
        ('{"t": 0, "ev": "host", "base64": "***"}', "base64 cannot be decoded"),
        ('{"t": 0, "ev": "host", "raw": "a", "end": "x"}', "end is"),
        ('{"t": 0, "ev": "eof", "of": "fd3"}', "of is one of stdin, stdout, stderr"),
        ('{"t": 0, "ev": "closed"}', "of is one of"),
        ('{"t": 0, "ev": "signal"}', "name, the name of the signal"),
        ('{"t": 0, "ev": "exit", "code": "0"}', "code is a number or null"),
    ],
)
def test_an_event_that_is_none_is_refused_with_its_line(tmp_path: Path, line: str | bytes, what: str) -> None:
    caught = refusal(tmp_path, '{"t": 0, "ev": "spawn"}', line)
    assert what in caught.what
    assert caught.place is not None
    assert caught.place.line == 3


def test_a_recording_that_was_cut_off_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_text(HEADER + '\n{"t": 0, "ev": "ho', encoding="utf-8")
    with pytest.raises(Refused, match="not whole"):
        list(Session(path).events())


def test_a_file_that_is_not_there_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        Session(tmp_path / "none")
    (tmp_path / "empty").touch()
    with pytest.raises(Refused, match="empty"):
        Session(tmp_path / "empty")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "written.jsonl"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    header = Header("h", "1", None, None, {"os": "linux"})
    writer = Writer(descriptor, header)
    writer.event(0.1234567, "eof", {"of": "stdout"})
    writer.line(0.5, "server", member("raw", "a\u2028b \u202e"))
    writer.line(0.6, "server", member("msg", {"lone": "\ud800"}))
    os.close(descriptor)
    read = Session(path)
    assert read.header == header
    assert [(event.t, event.msg, event.raw) for event in read.events()] == [
        (0.123457, None, None),
        (0.5, None, "a\u2028b \u202e".encode()),
        (0.6, {"lone": "\ud800"}, None),
    ]


def test_a_writer_that_cannot_write_says_why() -> None:
    reader, writer_end = os.pipe()
    writer = Writer(writer_end, Header())
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        writer.event(0, "spawn")
    os.close(writer_end)


@pytest.mark.parametrize(
    "line",
    [b"7", b'"a"', b"", b"{", b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"\xff": 1}', b"[" * 100_000, b"\xef\xbb\xbf{}"],
)
def test_a_line_is_a_message_only_if_it_survives_being_written_again(line: bytes) -> None:
    assert parsed_message(line) is None


SCHEMA = json.loads((fixtures() / "sessions" / "schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted((fixtures() / "sessions").glob("*.jsonl")), ids=lambda path: path.stem)
def test_a_session_in_the_repository_fits_the_schema_and_names_its_revision(path: Path) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    header, *rest = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [error.message for line in (header, *rest) for error in validator.iter_errors(line)] == []
    agreement = Agreement()
    for event in Session(path).events():
        agreement.see(event.msg, from_host=event.ev == "host")
    assert header["revision"] == agreement.revision
    assert agreement.revision
    assert header["provenance"]


@pytest.mark.parametrize(
    "line",
    [
        '{"format": "notes", "version": 1}',
        '{"format": "connect-mcp session", "version": 2}',
        '{"format": "connect-mcp session", "version": 1, "host": 7}',
        '{"format": "connect-mcp session"}',
        "7",
        '{"t": -1, "ev": "spawn"}',
        '{"t": 0, "ev": "dance"}',
        '{"t": 0, "ev": "host"}',
        '{"t": 0, "ev": "host", "raw": "a", "msg": {}}',
        '{"t": 0, "ev": "host", "msg": 7}',
        '{"t": 0, "ev": "stderr", "msg": {}}',
        '{"t": 0, "ev": "server", "raw": "a\\nb"}',
        '{"t": 0, "ev": "server", "raw": "a", "end": "x"}',
        '{"t": 0, "ev": "eof", "of": "stdout2"}',
        '{"t": 0, "ev": "signal"}',
        '{"t": 0, "ev": "exit", "code": "0"}',
    ],
)
def test_what_the_schema_refuses_this_program_refuses_too(tmp_path: Path, line: str) -> None:
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(json.loads(line))
    if "format" in line:
        refusal(tmp_path, header=line)
    else:
        refusal(tmp_path, line)


def host(**params: Json) -> dict[str, Json]:
    return {"jsonrpc": "2.0", "id": 1, "method": "any", "params": params}


MODERN: dict[str, Json] = {META_REVISION: "2026-07-28"}


@pytest.mark.parametrize(
    ("messages", "revision"),
    [
        ([host(protocolVersion="2025-11-25"), {"id": 1, "result": {"protocolVersion": "2024-11-05"}}], "2024-11-05"),
        ([host(_meta=MODERN), {"id": 1, "result": {"resultType": "complete"}}], "2026-07-28"),
        ([host(_meta=MODERN), {"id": 1, "error": {"code": -32601}}], None),
        (
            [
                host(_meta=MODERN),
                {"id": 1, "error": {}},
                host(),
                {"id": 2, "result": {"protocolVersion": "2025-11-25"}},
            ],
            "2025-11-25",
        ),
        ([host(), {"id": 1, "result": {}}], None),
        ([host(), {"id": 1, "result": {"protocolVersion": "x" * 10}}], None),
        ([host(), {"id": 1, "result": {"protocolVersion": 5}}, 7, [], {"id": 3, "result": []}], None),
    ],
)
def test_the_revision_is_the_one_that_both_sides_agree_on(messages: list[Json], revision: str | None) -> None:
    agreement = Agreement()
    for message in messages:
        agreement.see(message, from_host=isinstance(message, dict) and "method" in message)
    assert agreement.revision == revision


def test_a_revision_takes_its_place_in_the_header_and_moves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        log = Writer(descriptor, Header("codex", None, None, "2026-11-21", {"provenance": '"revision": null'}))
        log.line(0.1, "host", b'"msg": {}')
        before = path.read_bytes()
        log.name_revision("2026-07-28")
        log.event(0.2, "eof", {"of": "stdin"})
    finally:
        os.close(descriptor)
    assert path.read_bytes().startswith(before.replace(b"null        ", b'"2026-07-28"', 1))
    read = Session(path)
    assert (read.header.revision, read.header.more) == ("2026-07-28", {"provenance": '"revision": null'})
    assert [event.ev for event in read.events()] == ["host", "eof"]
