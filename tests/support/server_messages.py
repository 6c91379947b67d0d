"""One good message of every kind that a server may send, with every member that the revisions give it."""

from typing import Any

from connect_mcp.conformance.schemas import MODERN, REVISIONS

Message = dict[str, Any]

A, B, C, D, E = REVISIONS

BASE64 = "aGVsbG8="
URI = "test://one/two"


def since(revision: str, first: str, **members: Any) -> Message:
    """Members that a revision has if it is `first` or later."""
    return members if revision >= first else {}


def answered(revision: str) -> dict[str, Message]:
    """By the method of a request, its result in this revision."""
    legacy: dict[str, Message] = {
        "initialize": {
            "protocolVersion": revision,
            "capabilities": capabilities(revision),
            "serverInfo": program(revision),
            "instructions": "Be kind.",
        },
        "ping": {},
        "logging/setLevel": {},
        "resources/subscribe": {},
        "resources/unsubscribe": {"_meta": {"a": 1}},
    }
    modern: dict[str, Message] = {
        "server/discover": {
            "supportedVersions": [E],
            "capabilities": capabilities(revision),
            "instructions": "Be kind.",
        },
        "subscriptions/listen": {"_meta": {"io.modelcontextprotocol/subscriptionId": 1}},
    }
    results = {
        **(modern if revision == MODERN else legacy),
        **(tasks() if revision == D else {}),
        "tools/list": {"tools": [tool(revision), {"name": "b", "inputSchema": {"type": "object"}}], "nextCursor": "2"},
        "tools/call": {
            "content": contents(revision),
            "isError": False,
            **since(revision, C, structuredContent={"a": 1}),
            "_meta": {"more": [1]},
        },
        "resources/list": {"resources": [resource(revision)], "nextCursor": ""},
        "resources/templates/list": {
            "resourceTemplates": [
                {**without(resource(revision), "uri", "size"), "uriTemplate": "test://{one}"},
                {"name": "n", "uriTemplate": "test://{+two}"},
            ]
        },
        "resources/read": {
            "contents": [
                {"uri": URI, "mimeType": "text/plain", "text": "x", **since(revision, C, _meta={})},
                {"uri": URI, "blob": BASE64},
            ]
        },
        "prompts/list": {"prompts": [prompt(revision), {"name": "q"}]},
        "prompts/get": {
            "description": "d",
            "messages": [{"role": "user", "content": block} for block in contents(revision)],
        },
        "completion/complete": {"completion": {"values": ["a", "b"], "total": 2, "hasMore": False}},
    }
    if revision != MODERN:
        return results
    return {method: {**modern_members(method), **result} for method, result in results.items()}


def modern_members(method: str) -> Message:
    more: Message = {"resultType": "complete"}
    if method == "server/discover" or method.endswith(("/list", "/read")):
        more |= {"ttlMs": 0, "cacheScope": "private"}
    if method != "subscriptions/listen":
        more["_meta"] = {"io.modelcontextprotocol/serverInfo": program(MODERN)}
    return more


def input_required() -> Message:
    return {
        "resultType": "input_required",
        "requestState": "s",
        "inputRequests": {
            "one": {"method": "elicitation/create", "params": form(MODERN)},
            "two": {"method": "sampling/createMessage", "params": sampling(MODERN)},
            "three": {"method": "roots/list"},
            "four": {"method": "elicitation/create", "params": {"mode": "url", "message": "m", "url": "https://a.b"}},
        },
    }


def notified(revision: str) -> dict[str, Message | None]:
    """By method, the params of a notification in this revision."""
    more: dict[str, Message | None] = {}
    if revision == D:
        more = {
            "notifications/elicitation/complete": {"elicitationId": "e"},
            "notifications/tasks/status": {**task(), "_meta": {}},
        }
    if revision == MODERN:
        filters = {"toolsListChanged": True, "promptsListChanged": False, "resourcesListChanged": True}
        more["notifications/subscriptions/acknowledged"] = {
            "_meta": {"io.modelcontextprotocol/subscriptionId": "s"},
            "notifications": {**filters, "resourceSubscriptions": [URI]},
        }
    return {
        **more,
        "notifications/cancelled": {"requestId": 7, "reason": "r"},
        "notifications/message": {"level": "info", "logger": "l", "data": {"any": None}},
        "notifications/progress": {
            "progressToken": "t",
            "progress": 0.5,
            "total": 2,
            **since(revision, B, message="half"),
        },
        "notifications/prompts/list_changed": None,
        "notifications/resources/list_changed": {"_meta": {}},
        "notifications/resources/updated": {"uri": URI},
        "notifications/tools/list_changed": {},
    }


def asked(revision: str) -> dict[str, Message | None]:
    """By method, the params of a request from the server in this revision."""
    if revision == MODERN:
        return {}
    requests: dict[str, Message | None] = {
        "ping": None,
        "roots/list": {"_meta": {"progressToken": 1}},
        "sampling/createMessage": sampling(revision),
    }
    if revision >= C:
        requests["elicitation/create"] = form(revision)
    if revision == D:
        requests |= {
            "tasks/get": {"taskId": "t"},
            "tasks/result": {"taskId": "t"},
            "tasks/cancel": {"taskId": "t"},
            "tasks/list": {"cursor": "c"},
        }
    return requests


def failed(revision: str) -> list[Message]:
    """Errors, each as the member of a response."""
    errors: list[Message] = [{"code": -32601, "message": "m"}, {"code": 7, "message": "", "data": None}]
    if revision == D:
        errors.append({"code": -32042, "message": "m", "data": {"elicitations": [visit()]}})
    if revision == MODERN:
        errors += [
            {"code": -32022, "message": "m", "data": {"supported": [E], "requested": "x"}},
            {"code": -32021, "message": "m", "data": {"requiredCapabilities": {"elicitation": {"form": {}}}}},
        ]
    return errors


def capabilities(revision: str) -> Message:
    listed = {"listChanged": True}
    return {
        "experimental": {"x": {"y": 1}},
        "logging": {},
        "prompts": listed,
        "resources": {**listed, "subscribe": False},
        "tools": listed,
        **since(revision, B, completions={}),
        **(
            {"tasks": {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}}
            if revision == D
            else since(revision, E, extensions={"io.modelcontextprotocol/ui": {}})
        ),
    }


def program(revision: str) -> Message:
    return {
        "name": "n",
        "version": "1",
        **since(revision, C, title="t"),
        **since(revision, D, description="d", websiteUrl="https://a.b", icons=icons()),
    }


def icons() -> list[Message]:
    return [{"src": "data:image/png;base64,aaaa", "mimeType": "image/png", "sizes": ["any"], "theme": "dark"}]


def annotations(revision: str) -> Message:
    return {"audience": ["user", "assistant"], "priority": 0.5, **since(revision, C, lastModified="2025-01-01")}


def named(revision: str) -> Message:
    return {
        "name": "n",
        "description": "d",
        **since(revision, C, title="t", _meta={"a": 1}),
        **since(revision, D, icons=icons()),
    }


def tool(revision: str) -> Message:
    hints = dict.fromkeys(("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"), True)
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    return {
        **named(revision),
        "inputSchema": {**schema, **since(revision, D, **{"$schema": "https://json-schema.org/draft/2020-12/schema"})},
        **since(revision, B, annotations={"title": "t", **hints}),
        **since(revision, C, outputSchema=schema),
        **({"execution": {"taskSupport": "optional"}} if revision == D else {}),
    }


def resource(revision: str) -> Message:
    return {
        **named(revision),
        "uri": URI,
        "mimeType": "text/plain",
        "size": 3,
        "annotations": annotations(revision),
    }


def contents(revision: str) -> list[Message]:
    blocks: list[Message] = [
        {"type": "text", "text": "x", "annotations": annotations(revision)},
        {"type": "image", "data": BASE64, "mimeType": "image/png"},
        {"type": "resource", "resource": {"uri": URI, "text": "x"}, "annotations": {}},
        {"type": "resource", "resource": {"uri": URI, "blob": BASE64, "mimeType": "a/b"}},
    ]
    if revision >= B:
        blocks.append({"type": "audio", "data": BASE64, "mimeType": "audio/wav"})
    if revision >= C:
        blocks.append({"type": "resource_link", **resource(revision)})
    return blocks


def prompt(revision: str) -> Message:
    argument = {"name": "a", "description": "d", "required": True, **since(revision, C, title="t")}
    return {**named(revision), "arguments": [argument, {"name": "b"}]}


def sampling(revision: str) -> Message:
    content: list[Any] = [{"type": "text", "text": "x"}, {"type": "image", "data": BASE64, "mimeType": "image/png"}]
    if revision >= D:
        use = {"type": "tool_use", "id": "i", "name": "n", "input": {}}
        result = {"type": "tool_result", "toolUseId": "i", "content": contents(revision), "isError": True}
        content.append([{**use, "_meta": {}}, {**result, "structuredContent": {"a": 1}}])
    return {
        "messages": [{"role": "user", "content": item} for item in content],
        "maxTokens": 10,
        "includeContext": "none",
        "metadata": {},
        "modelPreferences": {
            "hints": [{"name": "x"}],
            "costPriority": 0,
            "speedPriority": 1,
            "intelligencePriority": 0.5,
        },
        "stopSequences": ["."],
        "systemPrompt": "s",
        "temperature": 0.1,
        **since(revision, D, tools=[tool(revision)], toolChoice={"mode": "auto"}),
        **({"task": {"ttl": 5}} if revision == D else {}),
    }


def form(revision: str) -> Message:
    about = {"title": "t", "description": "d"}
    fields: Message = {
        "text": {"type": "string", **about, "format": "email", "minLength": 1, "maxLength": 9},
        "choice": {"type": "string", "enum": ["a"], "enumNames": ["A"]},
        "number": {"type": "number", "minimum": 1, "maximum": 2.5},
        "integer": {"type": "integer"},
        "boolean": {"type": "boolean", "default": True},
    }
    if revision >= D:
        choice = {"const": "a", "title": "A"}
        fields |= {
            "titled": {"type": "string", "oneOf": [choice], "default": "a"},
            "several": {"type": "array", "items": {"type": "string", "enum": ["a"]}, "minItems": 1, "default": ["a"]},
            "titles": {"type": "array", "items": {"anyOf": [choice]}, "maxItems": 1},
        }
    return {
        "message": "m",
        "requestedSchema": {"type": "object", "properties": fields, "required": ["text"]},
        **since(revision, D, mode="form"),
    }


def visit() -> Message:
    return {"mode": "url", "message": "m", "url": "https://a.b", "elicitationId": "e"}


def task() -> Message:
    times = {"createdAt": "2025-01-01T00:00:00Z", "lastUpdatedAt": "2025-01-01T00:00:00Z"}
    return {"taskId": "t", "status": "working", "statusMessage": "s", **times, "ttl": None, "pollInterval": 5}


def tasks() -> dict[str, Message]:
    return {
        "tasks/get": task(),
        "tasks/cancel": {**task(), "status": "cancelled", "ttl": 5},
        "tasks/list": {"tasks": [task()], "nextCursor": "c"},
        "tasks/result": {"content": [], "_meta": {}},
    }


def without(value: Message, *keys: str) -> Message:
    return {key: item for key, item in value.items() if key not in keys}


def messages(revision: str) -> list[tuple[str | None, Message]]:
    """Every message, each with the method that it answers, if it is an answer."""
    made: list[tuple[str | None, Message]] = [
        (method, {"jsonrpc": "2.0", "id": 1, "result": result}) for method, result in answered(revision).items()
    ]
    if revision == MODERN:
        made += [
            (method, {"jsonrpc": "2.0", "id": "x", "result": input_required()})
            for method in ("tools/call", "prompts/get", "resources/read")
        ]
    made += [("tools/call", {"jsonrpc": "2.0", "id": 1, "error": error}) for error in failed(revision)]
    for ident, params in (({}, notified(revision)), ({"id": 3}, asked(revision))):
        made += [
            (None, message({"jsonrpc": "2.0", **ident, "method": method}, given)) for method, given in params.items()
        ]
    return made


def message(head: Message, params: Message | None) -> Message:
    return head if params is None else {**head, "params": params}
