"""Streams of events are read as the HTML standard has it, in whatever pieces they come."""

import pytest

from connect_mcp.base.errors import Misuse
from connect_mcp.conformance.http_client import Endpoint, Event, events, header_bytes, header_value
from connect_mcp.conformance.wire import LONGEST


def event(*data: bytes, whole: bool = True, unknown: tuple[bytes, ...] = (), **fields: str) -> Event:
    return Event(data, fields, unknown, whole)


STREAMS = {
    "an-event": (b"data: x\n\n", [event(b"x")]),
    "no-space": (b"data:x\n\n", [event(b"x")]),
    "one-space-is-left-out": (b"data:  x\n\n", [event(b" x")]),
    "crlf": (b"data: x\r\n\r\ndata: y\r\n\r\n", [event(b"x"), event(b"y")]),
    "cr": (b"data: x\r\rdata: y\r\r", [event(b"x"), event(b"y")]),
    "several-lines": (b"data: x\ndata\ndata: y\n\n", [event(b"x", b"", b"y")]),
    "a-byte-order-mark": (b"\xef\xbb\xbfdata: x\n\n", [event(b"x")]),
    "comments": (b": hello\n\n:\ndata: x\n:bye\n\n", [event(b"x")]),
    "fields": (b"id: 7\nevent: message\nretry: 10\ndata: x\n\n", [event(b"x", id="7", event="message", retry="10")]),
    "the-last-of-several": (b"id: 7\nid: 8\ndata: x\n\n", [event(b"x", id="8")]),
    "an-id-alone": (b"id: 7\ndata:\n\n", [event(b"", id="7")]),
    "unknown-fields": (b'data: {\n "a": 1\n}\n\n', [event(b"{", unknown=(b' "a"', b"}"))]),
    "cut-off": (b"data: x\n\ndata: y\n", [event(b"x"), event(b"y", whole=False)]),
    "cut-off-in-a-line": (b"data: x", [event(b"x", whole=False)]),
    "nothing": (b"\n\n: a\n\n", []),
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_stream_is_read_in_whatever_pieces_it_comes(name: str, size: int) -> None:
    stream, expected = STREAMS[name]
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert list(events(pieces)) == expected


def test_what_is_no_whole_event_is_no_message() -> None:
    assert event(b'{"a":', b"1}").line == b'{"a": 1}'
    assert event(b"{}", whole=False).line == b""
    assert event(b"").line == b""


def test_an_id_with_a_zero_byte_is_none_and_an_event_without_a_type_is_a_message() -> None:
    assert event(id="a\0b").id is None
    assert event().id is None
    assert event(id="").id == ""
    assert (event().type, event(event="").type, event(event="endpoint").type) == ("message", "message", "endpoint")


def test_a_line_without_end_and_an_event_without_end_are_bounded() -> None:
    found = list(events([b"data: " + b"x" * 65536] * (LONGEST // 65536 + 10) + [b"\n\n"]))
    assert [len(one.line) for one in found] == [LONGEST - len(b"data: ")]
    found = list(events([b"data: " + b"x" * 65536 + b"\n"] * (LONGEST // 65536 + 10) + [b"\n"]))
    assert len(found[0].line) <= LONGEST


def test_lines_without_end_come_to_one() -> None:
    def comments() -> "list[bytes]":
        return [b":\n" * 10_000] * 100 + [b"data: x\n\n"]

    assert list(events(comments())) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("us-west1", "us-west1"),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
    ],
)
def test_a_header_carries_what_it_can_and_the_rest_in_base64(text: str, value: str) -> None:
    assert header_value(text) == value


def test_the_bytes_of_a_text_go_into_a_header_as_they_are() -> None:
    assert header_bytes("é\ud800").encode("latin-1") == b"\xc3\xa9\xed\xa0\x80"


@pytest.mark.parametrize("url", ["ftp://h/", "http://", "h:1", "http://h:99999999/", "http://h:x/", "http://[::1/"])
def test_a_url_that_is_none_is_misuse(url: str) -> None:
    with pytest.raises(Misuse, match="is no http:// or https:// URL"):
        Endpoint(url, {}, 1)


def test_another_url_is_of_the_same_server_or_none() -> None:
    here = Endpoint("http://host/sse", {}, 1)
    same = here.beside("/messages?id=1")
    assert same is not None
    assert same.name == "http://host/messages"
    assert here.beside("http://host:80/messages") is not None
    for reference in (
        "http://elsewhere/messages",
        "//elsewhere/x",
        "https://host/messages",
        "http://host:81/",
        "ftp:/x",
    ):
        assert here.beside(reference) is None


def test_a_name_shows_no_password_and_no_query() -> None:
    assert Endpoint("http://me:secret@host:1/mcp?token=abc", {}, 1).name == "http://host:1/mcp"
