"""What hosts do with a model, in each of the four dialects: small clients that keep a conversation and read answers.

They are written from the makers' descriptions of their interfaces and from what the real hosts were seen to send, and
share nothing with the scripted model.
"""

import http.client
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

KEY = "sk-lab-0123456789abcdef"
"""What every client sends as its key."""


class Tool(NamedTuple):
    """A tool that is offered."""

    name: str
    description: str = "Does something."
    schema: Mapping[str, Any] = {"type": "object", "properties": {"text": {"type": "string"}}}


class Called(NamedTuple):
    """A call that the model made."""

    id: str
    name: str
    arguments: Any


@dataclass
class Answered:
    """What the model answered."""

    calls: list[Called]
    text: str
    reason: str
    events: list[tuple[str, Any]] = field(default_factory=list)


def posted(url: str, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """POST once; the status and the body."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def events_of(stream: bytes) -> Iterator[tuple[str, Any]]:
    """The events of a stream, each as its name and its data, which is JSON but for the end of one dialect."""
    for block in stream.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        data = fields.pop("data")
        yield fields.pop("event", ""), data if data == "[DONE]" else json.loads(data)
        assert not fields


class Client(ABC):
    """One conversation of a host with its model."""

    dialect: str
    knows_errors: bool
    headers: Mapping[str, str] = {"Authorization": f"Bearer {KEY}"}

    def __init__(self, url: str, tools: Sequence[Tool], *, streamed: bool) -> None:
        self.url = url
        self.tools = list(tools)
        self.streamed = streamed
        self.history: list[Any] = []
        self.say("Please use the tool.")

    def ask(self) -> Answered:
        """Send the conversation so far; the answer becomes a part of it."""
        status, data = posted(self.url, self.path(), json.dumps(self.body()).encode(), self.headers)
        assert status == 200, data
        if not self.streamed:
            return self.read(json.loads(data))
        events = list(events_of(data))
        answered = self.read(self.joined(events))
        answered.events = events
        return answered

    @abstractmethod
    def path(self) -> str: ...

    @abstractmethod
    def body(self) -> dict[str, Any]: ...

    @abstractmethod
    def say(self, text: str) -> None:
        """Add what the user says."""

    @abstractmethod
    def give(self, call: Called, text: str, *, is_error: bool = False) -> None:
        """Add a call's result."""

    @abstractmethod
    def read(self, whole: Any) -> Answered:
        """Add an answer."""

    @abstractmethod
    def joined(self, events: Sequence[tuple[str, Any]]) -> Any:
        """The answer that events are parts of."""


class Responses(Client):
    """As Codex: the tools of a server in a group."""

    dialect = "responses"
    knows_errors = False

    def path(self) -> str:
        return "/v1/responses"

    def body(self) -> dict[str, Any]:
        tools = [
            {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.schema}
            for tool in self.tools
        ]
        group = {"type": "namespace", "name": "mcp__lab", "tools": tools}
        return {
            "model": "lab-1",
            "input": self.history,
            "stream": self.streamed,
            "tools": [group, {"type": "web_search"}] if tools else [],
        }

    def say(self, text: str) -> None:
        self.history.append({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})

    def give(self, call: Called, text: str, *, is_error: bool = False) -> None:
        self.history.append({"type": "function_call_output", "call_id": call.id, "output": text})

    def read(self, whole: Any) -> Answered:
        assert whole["status"] == "completed"
        assert whole["usage"]["total_tokens"] == whole["usage"]["input_tokens"] + whole["usage"]["output_tokens"]
        self.history += whole["output"]
        calls = [
            Called(item["call_id"], f"{item['namespace']}__{item['name']}", json.loads(item["arguments"]))
            for item in whole["output"]
            if item["type"] == "function_call"
        ]
        text = [part["text"] for item in whole["output"] if item["type"] == "message" for part in item["content"]]
        return Answered(calls, "".join(text), whole["status"])

    def joined(self, events: Sequence[tuple[str, Any]]) -> Any:
        assert [data["sequence_number"] for _, data in events] == list(range(len(events)))
        assert all(data["type"] == name for name, data in events)
        deltas: dict[str, str] = {}
        done = []
        for name, data in events:
            if name.endswith(".delta"):
                deltas[data["item_id"]] = deltas.get(data["item_id"], "") + data["delta"]
            elif name == "response.output_item.done":
                done.append(data["item"])
        for item in done:
            assert deltas[item["id"]] == (item.get("arguments") or item["content"][0]["text"])
        assert events[-1][0] == "response.completed"
        whole = events[-1][1]["response"]
        assert whole["output"] == done
        return whole


class Anthropic(Client):
    """As Claude Code."""

    dialect = "anthropic"
    knows_errors = True
    headers: Mapping[str, str] = {"X-Api-Key": KEY}

    def path(self) -> str:
        return "/v1/messages?beta=true"

    def body(self) -> dict[str, Any]:
        tools = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.schema} for tool in self.tools
        ]
        return {"model": "lab-1", "max_tokens": 99, "messages": self.history, "stream": self.streamed, "tools": tools}

    def say(self, text: str) -> None:
        self.history.append({"role": "user", "content": text})

    def give(self, call: Called, text: str, *, is_error: bool = False) -> None:
        flag = {"is_error": True} if is_error else {}
        block = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": text}], **flag}
        if self.history[-1]["role"] == "user":
            self.history[-1]["content"].append(block)
        else:
            self.history.append({"role": "user", "content": [block]})

    def read(self, whole: Any) -> Answered:
        assert whole["usage"]["output_tokens"] > 0
        self.history.append({"role": "assistant", "content": whole["content"]})
        calls = [
            Called(block["id"], block["name"], block["input"])
            for block in whole["content"]
            if block["type"] == "tool_use"
        ]
        text = [block["text"] for block in whole["content"] if block["type"] == "text"]
        return Answered(calls, "".join(text), whole["stop_reason"])

    def joined(self, events: Sequence[tuple[str, Any]]) -> Any:
        assert all(data["type"] == name for name, data in events)
        names = [name for name, _ in events]
        assert (names[0], names[-2], names[-1]) == ("message_start", "message_delta", "message_stop")
        whole = dict(events[0][1]["message"])
        blocks: list[Any] = []
        raw: list[str] = []
        for name, data in events[1:-2]:
            assert data["index"] == len(blocks) - (name != "content_block_start")
            if name == "content_block_start":
                blocks.append(data["content_block"])
                raw.append("")
            elif name == "content_block_delta":
                raw[-1] += data["delta"].get("partial_json", "") + data["delta"].get("text", "")
            else:
                assert name == "content_block_stop"
                part = {"text": raw[-1]} if blocks[-1]["type"] == "text" else {"input": json.loads(raw[-1])}
                blocks[-1].update(part)
        whole.update(events[-2][1]["delta"])
        whole["usage"] = {**whole["usage"], **events[-2][1]["usage"]}
        return {**whole, "content": blocks}


class Chat(Client):
    """As opencode and four others."""

    dialect = "chat"
    knows_errors = False

    def path(self) -> str:
        return "/v1/chat/completions"

    def body(self) -> dict[str, Any]:
        tools = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
            }
            for tool in self.tools
        ]
        more = {"stream_options": {"include_usage": True}} if self.streamed else {}
        offered = {"tools": tools, "tool_choice": "auto"} if tools else {}
        return {"model": "lab-1", "messages": self.history, "stream": self.streamed, **offered, **more}

    def say(self, text: str) -> None:
        self.history.append({"role": "user", "content": text})

    def give(self, call: Called, text: str, *, is_error: bool = False) -> None:
        self.history.append({"role": "tool", "tool_call_id": call.id, "content": text})

    def read(self, whole: Any) -> Answered:
        (choice,) = whole["choices"]
        message = choice["message"]
        assert whole["usage"]["total_tokens"] > 0
        assert message["role"] == "assistant"
        self.history.append(message)
        calls = [
            Called(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in message.get("tool_calls", ())
        ]
        return Answered(calls, message["content"] or "", choice["finish_reason"])

    def joined(self, events: Sequence[tuple[str, Any]]) -> Any:
        assert events[-1] == ("", "[DONE]")
        message: dict[str, Any] = {"role": None, "content": None}
        calls: list[Any] = []
        whole: dict[str, Any] = {}
        reason = None
        for name, chunk in events[:-1]:
            assert (name, chunk["object"]) == ("", "chat.completion.chunk")
            if not chunk["choices"]:
                whole["usage"] = chunk["usage"]
                continue
            (choice,) = chunk["choices"]
            assert reason is None
            reason = choice["finish_reason"]
            message["role"] = choice["delta"].get("role") or message["role"]
            if choice["delta"].get("content") is not None:
                message["content"] = (message["content"] or "") + choice["delta"]["content"]
            for delta in choice["delta"].get("tool_calls", ()):
                if delta["index"] == len(calls):
                    calls.append({"id": delta["id"], "type": "function", "function": dict(delta["function"])})
                else:
                    calls[delta["index"]]["function"]["arguments"] += delta["function"]["arguments"]
        if calls:
            message["tool_calls"] = calls
        return {**whole, "choices": [{"index": 0, "message": message, "finish_reason": reason}]}


class Gemini(Client):
    """As Gemini CLI."""

    dialect = "gemini"
    knows_errors = True
    headers: Mapping[str, str] = {"x-goog-api-key": KEY}

    def path(self) -> str:
        return (
            f"/v1beta/models/lab-1:{'streamGenerateContent?alt=sse&' if self.streamed else 'generateContent?'}key={KEY}"
        )

    def body(self) -> dict[str, Any]:
        declared = [
            {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.schema}
            for tool in self.tools
        ]
        return {"contents": self.history, "tools": [{"functionDeclarations": declared}] if declared else []}

    def say(self, text: str) -> None:
        self.history.append({"role": "user", "parts": [{"text": text}]})

    def give(self, call: Called, text: str, *, is_error: bool = False) -> None:
        response = {"error" if is_error else "output": text}
        part = {"functionResponse": {"id": call.id, "name": call.name, "response": response}}
        if self.history[-1]["role"] == "user":
            self.history[-1]["parts"].append(part)
        else:
            self.history.append({"role": "user", "parts": [part]})

    def read(self, whole: Any) -> Answered:
        (candidate,) = whole["candidates"]
        assert whole["usageMetadata"]["totalTokenCount"] > 0
        parts = candidate["content"]["parts"]
        self.history.append(candidate["content"])
        made = [part["functionCall"] for part in parts if "functionCall" in part]
        text = "".join(part["text"] for part in parts if "text" in part)
        return Answered(
            [Called(call["id"], call["name"], call["args"]) for call in made], text, candidate["finishReason"]
        )

    def joined(self, events: Sequence[tuple[str, Any]]) -> Any:
        assert not any(name for name, _ in events)
        candidates = [candidate for _, data in events for candidate in data["candidates"]]
        assert not any("finishReason" in candidate for candidate in candidates[:-1])
        parts = [part for candidate in candidates for part in candidate["content"]["parts"]]
        return {**events[-1][1], "candidates": [{**candidates[-1], "content": {"role": "model", "parts": parts}}]}


CLIENTS: tuple[type[Client], ...] = (Responses, Anthropic, Chat, Gemini)
