import json
import os
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.conformance.session import FORMAT, Event, Header, Session, Writer, member, parsed_message

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


def test_a_writer_that_cannot_write_remembers_why_and_does_not_raise() -> None:
    reader, writer_end = os.pipe()
    os.close(reader)
    writer = Writer(writer_end, Header())
    writer.event(0, "spawn")
    os.close(writer_end)
    assert writer.failure == "Broken pipe"


@pytest.mark.parametrize(
    "line",
    [b"7", b'"a"', b"", b"{", b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"\xff": 1}', b"[" * 100_000, b"\xef\xbb\xbf{}"],
)
def test_a_line_is_a_message_only_if_it_survives_being_written_again(line: bytes) -> None:
    assert parsed_message(line) is None
