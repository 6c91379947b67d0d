"""OpenAI Responses, which Codex speaks.

Seen with codex 0.169.0: tools of a server come in a group (`"type": "namespace"`), and a call names the group and the
tool apart. An answer is streamed always.
"""

import json
from collections.abc import Iterator, Mapping

from ...session import Json
from .dialect import USAGE, Dialect, Event, content, member, members, pieces, text
from .script import Answer, Asked, Made, Offered, Seen

_ID = "resp_lab"


def _read(path: str, body: Mapping[str, Json]) -> Asked:
    whole = dict(body)
    return Asked(
        model=text(whole, "model"),
        streamed=whole.get("stream") is True,
        offered=tuple(tool for entry in members(whole, "tools") for tool in _tools(entry)),
        results=tuple(
            Seen(text(item, "call_id"), content(member(item, "output")), None)
            for item in members(whole, "input")
            if member(item, "type") == "function_call_output"
        ),
    )


def _tools(entry: Json) -> Iterator[Offered]:
    """A tool, the tools of a group, or one that the maker of the model has and that is known by its type."""
    if member(entry, "type") == "namespace":
        for tool in members(entry, "tools"):
            yield _tool(tool, text(entry, "name"))
    else:
        yield _tool(entry, None)


def _tool(entry: Json, namespace: str | None) -> Offered:
    name = text(entry, "name") or text(entry, "type")
    return Offered(name, namespace, text(entry, "description"), member(entry, "parameters"))


def _whole(asked: Asked, answer: Answer) -> Json:
    return _response(asked, "completed", _items(answer))


def _response(asked: Asked, status: str, output: list[Json]) -> dict[str, Json]:
    usage: Json = {
        "input_tokens": USAGE,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": USAGE,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 2 * USAGE,
    }
    return {
        "id": _ID,
        "object": "response",
        "created_at": 0,
        "model": asked.model,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "output": output,
        "usage": usage if status == "completed" else None,
    }


def _items(answer: Answer) -> list[Json]:
    return [_call(made) for made in answer.calls] or [_message(answer.text)]


def _call(made: Made) -> Json:
    group: dict[str, Json] = {"namespace": made.tool.namespace} if made.tool.namespace else {}
    return {
        "type": "function_call",
        "id": f"fc_{made.id}",
        "call_id": made.id,
        **group,
        "name": made.tool.name,
        "arguments": json.dumps(made.arguments),
        "status": "completed",
    }


def _message(said: str) -> Json:
    part: Json = {"type": "output_text", "text": said, "annotations": []}
    return {"type": "message", "id": "msg_lab", "status": "completed", "role": "assistant", "content": [part]}


def _events(asked: Asked, answer: Answer) -> Iterator[Event]:
    for number, (name, data) in enumerate(_plain_events(asked, answer)):
        yield name, {"type": name, "sequence_number": number, **data}


def _plain_events(asked: Asked, answer: Answer) -> Iterator[tuple[str, dict[str, Json]]]:
    items = _items(answer)
    yield "response.created", {"response": _response(asked, "in_progress", [])}
    yield "response.in_progress", {"response": _response(asked, "in_progress", [])}
    for index, item in enumerate(items):
        assert isinstance(item, dict)
        where: dict[str, Json] = {"item_id": item["id"], "output_index": index}
        empty: dict[str, Json] = {"arguments": ""} if item["type"] == "function_call" else {"content": []}
        yield (
            "response.output_item.added",
            {"output_index": index, "item": {**item, **empty, "status": "in_progress"}},
        )
        yield from _call_events(item, where) if item["type"] == "function_call" else _text_events(item, where)
        yield "response.output_item.done", {"output_index": index, "item": item}
    yield "response.completed", {"response": _response(asked, "completed", items)}


def _call_events(item: Json, where: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    for piece in pieces(text(item, "arguments")):
        yield "response.function_call_arguments.delta", {**where, "delta": piece}
    yield "response.function_call_arguments.done", {**where, "arguments": text(item, "arguments")}


def _text_events(item: Json, where: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    (part,) = members(item, "content")
    where = {**where, "content_index": 0}
    yield "response.content_part.added", {**where, "part": {"type": "output_text", "text": "", "annotations": []}}
    for piece in pieces(text(part, "text")):
        yield "response.output_text.delta", {**where, "delta": piece}
    yield "response.output_text.done", {**where, "text": text(part, "text")}
    yield "response.content_part.done", {**where, "part": part}


def _fault(message: str) -> Json:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


RESPONSES = Dialect(name="responses", read=_read, whole=_whole, events=_events, fault=_fault)
