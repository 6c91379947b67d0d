"""Conversations that are had with our server and with the SDK's alike, and what differs between two answers."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx2

from connect_mcp.server.revisions import LEGACY, REVISIONS
from support.http_server import BOTH
from support.stdio_client import Client
from support.talking import ABSENT, META, NEWEST, request

EVERY = tuple(REVISIONS)
OLD = tuple(LEGACY)
NEW = (NEWEST,)
A, B, C, D, E = EVERY

NOTHING = "nothing"
"""What stands in a difference for an answer or a member that is not there."""

SLOW = "slow"
"""An id that the API does not answer for as long as a conversation lasts."""


class Say(NamedTuple):
    """One message of a client; its id, if it has one, is its name in the conversation.

    Attributes:
        method: None where `params` is the whole line, as bytes.
        params: ABSENT for none.
        revisions: in which conversations it is said.
        bare: without the `_meta` of a modern request.
        answered: it is a request to which an answer is due.
        more: members of the message besides.
    """

    method: Any
    params: Any = ABSENT
    revisions: tuple[str, ...] = EVERY
    bare: bool = False
    answered: bool = True
    more: Mapping[str, Any] = MappingProxyType({})

    def line(self, name: str, revision: str) -> bytes:
        """The message as one line without its end."""
        if self.method is None:
            line: bytes = self.params
            return line
        params = self.params
        if revision == NEWEST and not self.bare and params is ABSENT:
            params = {"_meta": META}
        elif revision == NEWEST and not self.bare and isinstance(params, dict):
            params = {**params, "_meta": {**META, **params.get("_meta", {})}}
        return request(self.method, params, **{"ident": name, **self.more})


def raw(line: str | bytes, *revisions: str, answered: bool = False) -> Say:
    """A line as it stands."""
    data = line.encode() if isinstance(line, str) else line
    return Say(None, data, revisions or EVERY, answered=answered)


def note(method: str, params: Any = ABSENT) -> Say:
    """A notification."""
    return Say(method, params, answered=False, more={"ident": ABSENT})


def hello(revision: object) -> dict[str, Any]:
    """What initialize carries."""
    return {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "k", "version": "1"}}


def call(name: object, arguments: Any = ABSENT) -> Say:
    """A tool call."""
    return Say("tools/call", {"name": name} if arguments is ABSENT else {"name": name, "arguments": arguments})


def named(**changes: object) -> dict[str, Any]:
    """Params of a modern request whose `_meta` is changed; by the last part of a name."""
    meta = {**META, **{f"io.modelcontextprotocol/{name}": value for name, value in changes.items()}}
    return {"_meta": {name: value for name, value in meta.items() if value is not ABSENT}}


DEEP = "[" * 40_000 + "]" * 40_000

SESSION: dict[str, Say] = {
    "initialize": Say("initialize", None, OLD),  # the params depend on the revision
    "server/discover": Say("server/discover", revisions=NEW),
    "initialized": note("notifications/initialized"),
    # what is offered
    "tools/list": Say("tools/list"),
    "resources/list": Say("resources/list"),
    "resources/templates/list": Say("resources/templates/list"),
    "prompts/list": Say("prompts/list"),
    "a cursor that was never given": Say("tools/list", {"cursor": "!!bogus!!"}),
    "a cursor that is a number": Say("prompts/list", {"cursor": 5}),
    "a cursor that is null": Say("prompts/list", {"cursor": None}),
    # calls
    "a call": call("get_current_user", {}),
    "a call without arguments": call("list_workspaces"),
    "a call with arguments": call("get_ticket", {"ticket_id": "t 1 é"}),
    "a call whose argument is missing": call("get_ticket", {}),
    "a call whose argument is of the wrong type": call("get_ticket", {"ticket_id": 5}),
    "a call with an argument that nobody knows": call("get_ticket", {"ticket_id": "1", "zzz": 1}),
    "a call that the API refuses": call("get_ticket", {"ticket_id": "forbidden"}),
    "a call of an unknown tool": call("no_such_tool_xyz", {}),
    "a call without a name": Say("tools/call", {}),
    "a call of a number": call(5),
    "a call with a list of arguments": call("get_current_user", [1]),
    "a call with null for arguments": call("get_current_user", None),
    "a call with a progress token": Say("tools/call", {"name": "get_current_user", "_meta": {"progressToken": 7}}),
    "a call that is cancelled": Say(
        "tools/call", {"name": "get_ticket", "arguments": {"ticket_id": SLOW}}, answered=False
    ),
    "its cancellation": note("notifications/cancelled", {"requestId": "a call that is cancelled"}),
    # resources and prompts
    "a resource": Say("resources/read", {"uri": "connect://me"}),
    "a resource of a template": Say("resources/read", {"uri": "connect://channels/c%201/messages"}),
    "a resource that does not exist": Say("resources/read", {"uri": "connect://nobody"}),
    "a resource whose uri is none": Say("resources/read", {"uri": "no uri"}),
    "resources/read without a uri": Say("resources/read", {}),
    "a prompt": Say("prompts/get", {"name": "weekly_digest", "arguments": {"workspace_slug": "w"}}),
    "an unknown prompt": Say("prompts/get", {"name": "nope"}),
    "prompts/get without a name": Say("prompts/get", {}),
    "a prompt whose argument is missing": Say("prompts/get", {"name": "weekly_digest"}),
    "a prompt whose argument is a number": Say(
        "prompts/get", {"name": "weekly_digest", "arguments": {"workspace_slug": 5}}
    ),
    # utilities
    "ping": Say("ping"),
    "ping with params null": raw(
        '{"jsonrpc":"2.0","id":"ping with params null","method":"ping","params":null}', *OLD, answered=True
    ),
    "a log level": Say("logging/setLevel", {"level": "emergency"}),
    "a log level that is none": Say("logging/setLevel", {"level": "shouty"}),
    "completion, which is not declared": Say(
        "completion/complete",
        {"ref": {"type": "ref/prompt", "name": "weekly_digest"}, "argument": {"name": "a", "value": ""}},
    ),
    "subscribing, which is not declared": Say("resources/subscribe", {"uri": "connect://me"}),
    "an unknown method": Say("does/not_exist"),
    # messages that are none
    "an empty line": raw(""),
    "a truncated request": raw('{"jsonrpc":"2.0","id":1,"method":"ping"'),
    "plain text": raw("hello world"),
    "bytes that are not UTF-8": raw(b'{"jsonrpc":"2.0","id":"bytes that are not UTF-8","method":"\xff\xfe"}'),
    "a number": raw("42"),
    "an empty list": raw("[]"),
    "a batch": raw('[{"jsonrpc":"2.0","id":"in a batch","method":"ping"}]'),
    "no jsonrpc": Say("prompts/list", answered=False, more={"jsonrpc": ABSENT}),
    "jsonrpc 1.0": Say("prompts/list", answered=False, more={"jsonrpc": "1.0"}),
    "a method that is a number": Say(1, answered=False),
    "an id that is null": Say("prompts/list", answered=False, more={"ident": None}),
    "an id that is a fraction": Say("prompts/list", answered=False, more={"ident": 1.5}),
    "params as a list": Say("prompts/list", [1], answered=False),
    "params as a text": Say("prompts/list", "x", answered=False),
    "40000 nested lists": raw(
        '{"jsonrpc":"2.0","id":"40000 nested lists","method":"ping","params":{"x":' + DEEP + "}}"
    ),
    # messages that are unusual
    "CRLF": raw('{"jsonrpc":"2.0","id":"CRLF","method":"ping"}\r', *OLD, answered=True),
    "a member that nobody knows": Say("prompts/list", more={"zzz": 1}),
    "an id of U+2028": raw('{"jsonrpc":"2.0","id":"an id of U+2028","method":"x\u2028y"}', *OLD, answered=True),
    "an unknown notification": note("notifications/x"),
    "a request's method without an id": note("prompts/list", {}),
    "a cancellation that is malformed": note("notifications/cancelled", {"requestId": {}}),
    "a cancellation of nothing": note("notifications/cancelled", {"requestId": 4711}),
    "an answer that nobody asked for": raw('{"jsonrpc":"2.0","id":987654,"result":{}}'),
    # one era's requests in the other's
    "no _meta": Say("prompts/list", {}, NEW, bare=True),
    "no revision in _meta": Say("prompts/list", named(protocolVersion=ABSENT), NEW, bare=True),
    "no capabilities in _meta": Say("prompts/list", named(clientCapabilities=ABSENT), NEW, bare=True),
    "a revision that is not supported": Say("prompts/list", named(protocolVersion="1900-01-01"), NEW),
    "a legacy revision in _meta": Say("prompts/list", named(protocolVersion=D), NEW),
    "a revision that is a number": Say("prompts/list", named(protocolVersion=20260728), NEW),
    "who the client is": Say("prompts/list", named(clientInfo={"name": "k", "version": "1"}), NEW),
    "a log level in _meta that is none": Say("prompts/list", named(logLevel="shouty"), NEW),
    "subscriptions/listen to nothing": Say("subscriptions/listen", {}, NEW),
    "subscriptions/listen": Say(
        "subscriptions/listen", {"notifications": {"toolsListChanged": True}}, NEW, answered=False
    ),
    "the end of listening": note("notifications/cancelled", {"requestId": "subscriptions/listen"}),
    "initialize with _meta": Say("initialize", hello(D), NEW),
    "a modern request": Say("prompts/list", {"_meta": META}, OLD),
    "a second initialize": Say("initialize", hello(D), OLD),
    "initialize without params": Say("initialize", {}, OLD),
    "tools/list at the end": Say("tools/list"),
}
"""All that a client may say in one session, right and wrong."""

BEGINNINGS: dict[str, dict[str, Say]] = {
    "requests before initialize": {
        "ping before initialize": Say("ping"),
        "tools/list before initialize": Say("tools/list"),
        "initialize at last": Say("initialize", hello(D)),
    },
    "a modern probe, then initialize": {
        "the probe": Say("server/discover", {"_meta": META}),
        "initialize after the probe": Say("initialize", hello(D)),
        "prompts/list after the probe": Say("prompts/list"),
    },
    "initialize again and again": {
        "no revision": Say("initialize", {}),
        "an unknown revision": Say("initialize", hello("1999-01-01")),
        "a modern revision": Say("initialize", hello(E)),
    },
    "a request without _meta first": {
        "server/discover without _meta": Say("server/discover", {}),
        "server/discover with it": Say("server/discover", {"_meta": META}),
    },
}
"""What a client may say first."""


def conversations() -> Iterator[tuple[str, str, dict[str, Say]]]:
    """Name, revision and messages of each."""
    for revision in EVERY:
        said = {name: say for name, say in SESSION.items() if revision in say.revisions}
        if "initialize" in said:
            said["initialize"] = said["initialize"]._replace(params=hello(revision))
        yield f"a session of {revision}", revision, said
    for name, said in BEGINNINGS.items():
        yield name, "", said


def over_stdio(client: Client, revision: str, said: dict[str, Say]) -> dict[str, list[Any]]:
    """Have a whole conversation; by message, what came back for it.

    Where an answer is due it is waited for. After anything else comes a request that is always answered: once its
    answer is there, nothing else was to come. What comes later still counts, by its id.
    """
    came: dict[str, list[Any]] = {name: [] for name in said}

    def take(name: str, message: Any) -> None:
        ident = _about(message)
        came[ident if isinstance(ident, str) and ident in said else name].append(message)

    name = ""
    for name, say in said.items():
        client.write(say.line(name, revision) + b"\n")
        until = name
        if not say.answered:
            until = f"after {name}"
            client.write(Say("server/discover" if revision == NEWEST else "ping").line(until, revision) + b"\n")
        while not (_answers(message := client.read(), until)):
            take(name, message)
        if say.answered:
            take(name, message)
    for message in client.close():
        take(name, message)
    return came


def over_http(client: httpx2.Client, url: str, revision: str, said: Mapping[str, Say]) -> dict[str, list[Any]]:
    """Have a whole conversation; by message, the status and the messages that came back."""
    session: dict[str, str] = {}
    came = {}
    for name, say in said.items():
        line = say.line(name, revision)
        came[name], begun = _posted(client, url, line, {**BOTH, **(session or _mirrored(line, revision))})
        session = begun or session
    return came


def _posted(client: httpx2.Client, url: str, body: bytes, headers: dict[str, str]) -> tuple[list[Any], dict[str, str]]:
    """Status and messages of an answer, only the first event of a stream; the headers of the session that it begins."""
    with client.stream("POST", url, content=body, headers=headers) as answer:
        messages: list[Any] = [{"status": answer.status_code}]
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            data = next(line for line in answer.iter_lines() if line.startswith("data: {"))
            return [*messages, json.loads(data.removeprefix("data: "))], {}
        text = answer.read()
    messages += [json.loads(text)] if text else []
    if "mcp-session-id" not in answer.headers or _kind(messages[-1]) != "result":
        return messages, {}
    spoken = messages[-1]["result"].get("protocolVersion")
    begun = {"Mcp-Session-Id": answer.headers["mcp-session-id"], "MCP-Protocol-Version": spoken}
    return messages, begun if spoken else {}


def _mirrored(line: bytes, revision: str) -> dict[str, str]:
    """The headers of a modern request: they repeat what its body says."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    params = message.get("params") if isinstance(message, dict) else None
    params = params if isinstance(params, dict) else {}
    meta = params.get("_meta") or {}
    spoken = meta.get("io.modelcontextprotocol/protocolVersion", revision)
    headers = {"MCP-Protocol-Version": str(spoken)} if spoken else {}
    if spoken and isinstance(message, dict):
        headers["Mcp-Method"] = str(message.get("method"))
        named = params.get("uri", params.get("name"))
        headers |= {"Mcp-Name": named} if isinstance(named, str) else {}
    return headers


def _about(message: Any) -> Any:
    """The id of the request that a message belongs to, where it says so."""
    if not isinstance(message, dict):
        return None
    meta = message.get("params", {}).get("_meta", {})
    return message.get("id", meta.get("io.modelcontextprotocol/subscriptionId"))


def _answers(message: Any, ident: str) -> bool:
    return isinstance(message, dict) and message.get("id") == ident


def differences(ours: list[Any], theirs: list[Any]) -> set[tuple[str, str, str]]:
    """Where two lists of answers differ: the place, what ours has there, what the SDK's has.

    The texts of errors are free, and are not compared.
    """
    if [_kind(answer) for answer in ours] != [_kind(answer) for answer in theirs]:
        return {("answer", _told(ours), _told(theirs))}
    return {found for one, other in zip(ours, theirs, strict=True) for found in _differing("", one, other)}


def _told(answers: list[Any]) -> str:
    return ", ".join(_kind(answer) for answer in answers) or NOTHING


def _kind(answer: Any) -> str:
    if isinstance(answer, list):
        return f"batch of {len(answer)}"
    if "status" in answer:
        return f"HTTP {answer['status']}"
    if "method" in answer:
        return str(answer["method"])
    return f"error {answer['error']['code']}" if "error" in answer else "result"


def _differing(place: str, one: Any, other: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            inner = f"{place}.{name}" if place else name
            if inner != "error.message":
                yield from _differing(inner, one.get(name, ABSENT), other.get(name, ABSENT))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for here, there in zip(one, other, strict=True):
            yield from _differing(f"{place}[]", here, there)
    elif type(one) is not type(other) or one != other:
        yield place, _shown(one), _shown(other)


def _shown(value: Any) -> str:
    """A word for what a member is; its value only where that is short."""
    if value is ABSENT:
        return NOTHING
    return json.dumps(value) if isinstance(value, bool | int | float) else f"a {type(value).__name__}"
