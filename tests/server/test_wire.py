import json

import pytest

from connect_mcp.server import wire


def test_a_message_is_one_line_of_ascii() -> None:
    message = {"text": "a\nb\r\u2028\u2029\u0085é👍\ud800", "n": 1}
    line = wire.encode(message)
    assert line.endswith(b"\n")
    assert len(line.splitlines()) == len(line.decode("ascii").splitlines()) == 1
    assert json.loads(line) == message


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_not_json_is_not_read(constant: bytes) -> None:
    with pytest.raises(ValueError, match="no JSON"):
        wire.parse(b"[" + constant + b"]")


def test_what_is_not_json_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        wire.encode(float("nan"))


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b'{"id":1,"params":{"a":[{}]},"method":"m"}', {"id": 1, "params": None, "method": "m"}),
        (b'{"id":"]","params":[[1],"}"],"a":{}}', {"id": "]", "params": None, "a": None}),
        (b"[1,[2],{}]", [1, None, None]),
        (b'{"a":{', None),
        (b"]]]", None),
    ],
)
def test_an_outline_keeps_the_top_container_only(data: bytes, seen: object) -> None:
    assert wire.outline(data) == seen
