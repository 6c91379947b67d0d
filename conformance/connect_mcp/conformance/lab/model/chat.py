"""OpenAI chat completions, which opencode, Copilot, Continue, Cline and Qwen Code speak to a model of one's own."""

import json
from collections.abc import Iterator, Mapping

from ...session import Json
from .dialect import USAGE, Dialect, Event, content, member, members, pieces, text
from .script import Answer, Asked, Made, Offered, Seen

_USAGE: Json = {"prompt_tokens": USAGE, "completion_tokens": USAGE, "total_tokens": 2 * USAGE}


def _read(path: str, body: Mapping[str, Json]) -> Asked:
    whole = dict(body)
    return Asked(
        model=text(whole, "model"),
        streamed=whole.get("stream") is True,
        offered=tuple(_tool(entry) for entry in members(whole, "tools")),
        results=tuple(
            Seen(text(message, "tool_call_id"), content(member(message, "content")), None)
            for message in members(whole, "messages")
            if member(message, "role") == "tool"
        ),
    )


def _tool(entry: Json) -> Offered:
    function = member(entry, "function")
    name = text(function, "name") or text(entry, "type")
    return Offered(name, None, text(function, "description"), member(function, "parameters"))


def _whole(asked: Asked, answer: Answer) -> Json:
    calls: list[Json] = [_call(made, json.dumps(made.arguments)) for made in answer.calls]
    message: dict[str, Json] = {"role": "assistant", "content": None if calls else answer.text}
    choice: Json = {
        "index": 0,
        "message": {**message, "tool_calls": calls} if calls else message,
        "finish_reason": _reason(answer),
    }
    return {**_about(asked, "chat.completion"), "choices": [choice], "usage": _USAGE}


def _about(asked: Asked, kind: str) -> dict[str, Json]:
    return {"id": "chatcmpl-lab", "object": kind, "created": 0, "model": asked.model}


def _call(made: Made, arguments: str) -> dict[str, Json]:
    return {"id": made.id, "type": "function", "function": {"name": made.tool.name, "arguments": arguments}}


def _reason(answer: Answer) -> str:
    return "tool_calls" if answer.calls else "stop"


def _events(asked: Asked, answer: Answer) -> Iterator[Event]:
    about = _about(asked, "chat.completion.chunk")
    for delta in _deltas(answer):
        yield "", {**about, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield "", {**about, "choices": [{"index": 0, "delta": {}, "finish_reason": _reason(answer)}]}
    yield "", {**about, "choices": [], "usage": _USAGE}


def _deltas(answer: Answer) -> Iterator[Json]:
    yield {"role": "assistant", "content": None if answer.calls else ""}
    for index, made in enumerate(answer.calls):
        yield {"tool_calls": [{"index": index, **_call(made, "")}]}
        for piece in pieces(json.dumps(made.arguments)):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
    for piece in pieces(answer.text):
        yield {"content": piece}


def _fault(message: str) -> Json:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


CHAT = Dialect(name="chat", read=_read, whole=_whole, events=_events, fault=_fault, end=b"data: [DONE]\n\n")
