"""Anthropic Messages, which Claude Code speaks."""

import json
from collections.abc import Iterator, Mapping

from ...session import Json
from .dialect import USAGE, Dialect, Event, content, member, members, pieces, text
from .script import Answer, Asked, Made, Offered, Seen


def _read(path: str, body: Mapping[str, Json]) -> Asked:
    whole = dict(body)
    blocks = [block for message in members(whole, "messages") for block in members(message, "content")]
    return Asked(
        model=text(whole, "model"),
        streamed=whole.get("stream") is True,
        offered=tuple(
            Offered(text(tool, "name"), None, text(tool, "description"), member(tool, "input_schema"))
            for tool in members(whole, "tools")
        ),
        results=tuple(
            Seen(text(block, "tool_use_id"), content(member(block, "content")), member(block, "is_error") is True)
            for block in blocks
            if member(block, "type") == "tool_result"
        ),
    )


def _whole(asked: Asked, answer: Answer) -> Json:
    usage: Json = {"input_tokens": USAGE, "output_tokens": USAGE}
    return {**_message(asked), "content": _blocks(answer), "stop_reason": _reason(answer), "usage": usage}


def _message(asked: Asked) -> dict[str, Json]:
    return {
        "id": "msg_lab",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": USAGE, "output_tokens": 0},
    }


def _blocks(answer: Answer) -> list[Json]:
    return [_call(made) for made in answer.calls] or [{"type": "text", "text": answer.text}]


def _call(made: Made) -> Json:
    return {"type": "tool_use", "id": made.id, "name": made.tool.name, "input": dict(made.arguments)}


def _reason(answer: Answer) -> str:
    return "tool_use" if answer.calls else "end_turn"


def _events(asked: Asked, answer: Answer) -> Iterator[Event]:
    for name, data in _plain_events(asked, answer):
        yield name, {"type": name, **data}


def _plain_events(asked: Asked, answer: Answer) -> Iterator[tuple[str, dict[str, Json]]]:
    yield "message_start", {"message": _message(asked)}
    for index, block in enumerate(_blocks(answer)):
        where: dict[str, Json] = {"index": index}
        yield "content_block_start", {**where, "content_block": _begun(block)}
        for delta in _deltas(block):
            yield "content_block_delta", {**where, "delta": delta}
        yield "content_block_stop", where
    yield (
        "message_delta",
        {"delta": {"stop_reason": _reason(answer), "stop_sequence": None}, "usage": {"output_tokens": USAGE}},
    )
    yield "message_stop", {}


def _begun(block: Json) -> Json:
    assert isinstance(block, dict)
    return {**block, "text": ""} if block["type"] == "text" else {**block, "input": {}}


def _deltas(block: Json) -> Iterator[Json]:
    if member(block, "type") == "text":
        for piece in pieces(text(block, "text")):
            yield {"type": "text_delta", "text": piece}
    else:
        for piece in pieces(json.dumps(member(block, "input"))):
            yield {"type": "input_json_delta", "partial_json": piece}


def _fault(message: str) -> Json:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}


ANTHROPIC = Dialect(name="anthropic", read=_read, whole=_whole, events=_events, fault=_fault)
