"""Gemini generateContent, which Gemini CLI speaks; whether the answer is streamed, the path says."""

import json
from collections.abc import Iterator, Mapping

from ...session import Json
from .dialect import USAGE, Dialect, Event, member, members, pieces, text
from .script import Answer, Asked, Made, Offered, Seen

WHOLE, STREAMED = ":generateContent", ":streamGenerateContent"

_USAGE: Json = {"promptTokenCount": USAGE, "candidatesTokenCount": USAGE, "totalTokenCount": 2 * USAGE}


def _read(path: str, body: Mapping[str, Json]) -> Asked:
    whole = dict(body)
    parts = [part for entry in members(whole, "contents") for part in members(entry, "parts")]
    return Asked(
        model=path.rpartition("/")[2].partition(":")[0],
        streamed=path.endswith(STREAMED),
        offered=tuple(
            _tool(declared) for tools in members(whole, "tools") for declared in members(tools, "functionDeclarations")
        ),
        results=tuple(
            _seen(member(part, "functionResponse")) for part in parts if member(part, "functionResponse") is not None
        ),
    )


def _tool(declared: Json) -> Offered:
    schema = member(declared, "parametersJsonSchema") or member(declared, "parameters")
    return Offered(text(declared, "name"), None, text(declared, "description"), schema)


def _seen(result: Json) -> Seen:
    """A result, whose response is by convention either an `output` or an `error`."""
    response = member(result, "response")
    failed = isinstance(response, dict) and "error" in response
    said = member(response, "error" if failed else "output")
    whole = said if isinstance(said, str) else json.dumps(response, ensure_ascii=False)
    return Seen(text(result, "id"), whole, failed)


def _whole(asked: Asked, answer: Answer) -> Json:
    return _chunk(asked, _parts(answer), last=True)


def _parts(answer: Answer) -> list[Json]:
    return [_call(made) for made in answer.calls] or [{"text": answer.text}]


def _call(made: Made) -> Json:
    return {"functionCall": {"id": made.id, "name": made.tool.name, "args": dict(made.arguments)}}


def _chunk(asked: Asked, parts: list[Json], *, last: bool) -> Json:
    ended: dict[str, Json] = {"finishReason": "STOP"} if last else {}
    candidate: Json = {"index": 0, "content": {"role": "model", "parts": parts}, **ended}
    usage: dict[str, Json] = {"usageMetadata": _USAGE} if last else {}
    return {"candidates": [candidate], "modelVersion": asked.model, "responseId": "lab", **usage}


def _events(asked: Asked, answer: Answer) -> Iterator[Event]:
    """A call comes whole in one event, and a text in pieces."""
    parts: list[Json] = [_call(made) for made in answer.calls] or [{"text": piece} for piece in pieces(answer.text)]
    for at, part in enumerate(parts, 1):
        yield "", _chunk(asked, [part], last=at == len(parts))


def _fault(message: str) -> Json:
    return {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}


GEMINI = Dialect(name="gemini", read=_read, whole=_whole, events=_events, fault=_fault)
