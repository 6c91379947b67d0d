import json

from connect_mcp.server import wire
from connect_mcp.server.results import Failure, failure, success


def test_text_and_structured_content_are_one_and_the_same_object() -> None:
    value = {"results": [{"text": 'é👍\u2028"', "n": 1.5, "none": None}]}
    result = success(value)
    [block] = result["content"]
    assert block["type"] == "text"
    assert json.loads(block["text"]) == result["structuredContent"] == value
    assert result["isError"] is False


def test_half_a_surrogate_pair_does_not_reach_the_client() -> None:
    result = success({"text": "cut \ud83d"})
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"] == {"text": "cut ?"}


def test_a_failure_says_only_what_is_known() -> None:
    result = failure(Failure("NOT_FOUND", "No such thing."))
    assert result["isError"] is True
    assert result["structuredContent"] == {"code": "NOT_FOUND", "message": "No such thing.", "retryable": False}
    full = Failure("RATE_LIMITED", "m", retryable=True, hint="h", details={"f": ["x"]}, status=429, retry_after_ms=0)
    assert list(full.as_dict()) == ["code", "message", "retryable", "hint", "details", "status", "retry_after_ms"]


def nested(depth: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(depth):
        value = {"in": value}
    return value


def test_what_is_told_at_all_is_never_too_deep_for_the_message_around_it() -> None:
    sayable, unsayable = 0, 200_000
    while unsayable - sayable > 1:
        depth = (sayable + unsayable) // 2
        try:
            success(nested(depth))
            sayable = depth
        except RecursionError:
            unsayable = depth
    assert sayable > 100
    assert wire.encode([{"jsonrpc": "2.0", "id": 1, "result": success(nested(sayable))}])
