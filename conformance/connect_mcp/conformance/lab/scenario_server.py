"""A small, correct server whose faults can be switched on one by one.

    python -m connect_mcp.conformance.lab.scenario_server [--fault NAME[=VALUE]] …

Hosts wait for a server for as little as a second, so that it imports nothing that takes time. It speaks all five
revisions. A fault is a row that replaces one part of it; the value is seconds, a number, or nothing.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from connect_mcp.base.errors import Misuse
from connect_mcp.base.record import record
from connect_mcp.conformance.session import Json

REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN = "2026-07-28"
BATCHES = "2025-03-26"
"""The one revision in which several messages may come in an array."""

META = "io.modelcontextprotocol/"
_WITHOUT_LINKS = ("2024-11-05", "2025-03-26")
_ONLY_MODERN = frozenset({"server/discover", "subscriptions/listen"})
_ONLY_LEGACY = frozenset({"initialize", "ping", "logging/setLevel"})
INFO: dict[str, Json] = {"name": "scenario-server", "version": "1.0.0"}
CRASHED = 3
"""The exit code of a crash."""

LAST_WORDS = "scenario server: the disk is gone"
"""What it writes to standard error before it crashes."""

MARK = ".scenario-server-crashed"
"""The file in the working folder by which a server that crashes once knows that it did."""

Answers = Callable[[Mapping[str, Any]], dict[str, Json]]
"""What a method or a tool gives for its params or arguments.

Raises:
    RpcError: where the answer is an error.
    Silence: where none is given.
"""


class Silence(Exception):
    """No answer at all."""


class RpcError(Exception):
    """A JSON-RPC error as an answer."""

    def __init__(self, code: int, message: str, data: Json = None) -> None:
        super().__init__(message)
        self.value: dict[str, Json] = {"code": code, "message": message, **({} if data is None else {"data": data})}


def text(said: str) -> dict[str, Json]:
    """A result that is one text."""
    return {"content": [{"type": "text", "text": said}]}


def tool(name: str, about: str, *, required: Sequence[str] = (), **properties: Json) -> dict[str, Json]:
    """A tool that changes nothing."""
    schema: dict[str, Json] = {"type": "object", "properties": properties, "required": list(required)}
    return {"name": name, "description": about, "inputSchema": schema, "annotations": {"readOnlyHint": True}}


_TEXT: dict[str, Json] = {"type": "string"}
_NUMBER: dict[str, Json] = {"type": "number", "minimum": 0}
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class ScenarioServer:
    """The server.

    Attributes:
        tools: what it lists, and what a call of each gives, by its name.
        methods: what it answers, by method.
        capabilities: what it says that it can do.
        page: how many tools are on a page; 0 for all.
        say: writes a message.
        told: what is done at a notification, by its method.
        at_start: what is done before anything is read.
        at_signal, at_end: what is done when a signal asks it to end, and when its input ends.
    """

    def __init__(self) -> None:
        self.tools: list[dict[str, Json]] = [
            tool("echo", "Says the text again.", required=["text"], text=_TEXT),
            tool("fail", "Always fails, and says so in its result."),
            tool("error", "Is answered with a JSON-RPC error."),
            tool("slow", "Waits so many seconds.", required=["seconds"], seconds=_NUMBER),
            tool("big", "Gives a text of so many bytes.", required=["bytes"], bytes=_NUMBER),
            tool("rich", "Gives a text, a picture, a link and a resource."),
            tool("structured", "Gives structured content."),
            tool("add_tool", "Adds a tool to the list."),
        ]
        self.results: dict[str, Answers] = {
            "echo": lambda given: text(str(given.get("text", ""))),
            "fail": lambda given: {**text("This failed: there is no such record."), "isError": True},
            "error": self._error,
            "slow": self._slow,
            "big": lambda given: text(long_text(int(given.get("bytes", 0)))),
            "rich": lambda given: _rich(links=self._revision not in _WITHOUT_LINKS),
            "structured": lambda given: {**text('{"sum": 42}'), "structuredContent": {"sum": 42}},
            "add_tool": self._add_tool,
        }
        self.methods: dict[str, Answers] = {
            "initialize": self._initialize,
            "server/discover": lambda params: {
                "supportedVersions": [MODERN],
                "capabilities": self.capabilities,
                "serverInfo": INFO,
            },
            "subscriptions/listen": lambda params: {},
            "ping": lambda params: {},
            "tools/list": self._list,
            "tools/call": self._call,
        }
        self.capabilities: dict[str, Json] = {"tools": {"listChanged": True}}
        self.page = 0
        self.say: Callable[[dict[str, Json]], None] = self._write
        self.told: dict[str, Callable[[], None]] = {}
        self.at_start: Callable[[], None] = lambda: None
        self.at_signal: Callable[[], None] = _end
        self.at_end: Callable[[], None] = _end
        self._writing = threading.Lock()
        self._running: set[Json] = set()
        self._listening: set[Json] = set()
        self._revision: str | None = None  # of those with initialize; None where there was none

    def run(self) -> None:
        """Serve until the input ends or a signal comes."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: self.at_signal())
        self.at_start()
        for line in sys.stdin.buffer:
            if line.strip():
                self._line(line)
        self.at_end()

    def _line(self, line: bytes) -> None:
        try:
            message = json.loads(line.decode())
        except (ValueError, RecursionError):
            self._fault(None, -32700, "Parse error")
        else:
            self._take(message)

    def raw(self, line: str) -> None:
        """Write a line as it stands."""
        self._send(line.encode() + b"\n")

    def notify(self, method: str, params: dict[str, Json] | None = None) -> None:
        """Send a notification."""
        self.say({"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})})

    # What comes

    def _take(self, message: Any) -> None:
        if isinstance(message, list) and message and self._revision == BATCHES:
            for one in message:
                self._take(one)
        elif not isinstance(message, dict):
            self._fault(None, -32600, "Invalid request")
        elif "method" not in message and ("result" in message or "error" in message):
            pass  # the answer to something that was asked
        elif "id" not in message and isinstance(message.get("method"), str):
            self._note(message["method"], message.get("params"))
        elif isinstance(message.get("id"), bool) or not isinstance(message.get("id"), (str, int)):
            self._fault(None, -32600, "Invalid request")
        else:
            self._request(message)

    def _note(self, method: str, params: object) -> None:
        if method == "notifications/cancelled" and isinstance(params, dict):
            identity = params.get("requestId")
            if isinstance(identity, (str, int)):
                self._running.discard(identity)
                self._listening.discard(identity)
        self.told.get(method, lambda: None)()

    def _request(self, message: dict[str, Any]) -> None:
        try:
            answers = self._answers(message)
        except RpcError as error:
            self._fault(message["id"], **error.value)
            return
        if message["method"] == "tools/call":
            self._running.add(message["id"])
            threading.Thread(target=self._answer, args=(message, answers), daemon=True).start()
        elif message["method"] == "subscriptions/listen":
            self._listen(message)
        else:
            self._answer(message, answers)

    def _answers(self, message: dict[str, Any]) -> Answers:
        """What answers a request; an error where it is not as its revision wants it."""
        method, params = message.get("method"), message.get("params", {})
        if message.get("jsonrpc") != "2.0" or not isinstance(method, str):
            raise RpcError(-32600, "Invalid request")
        if not isinstance(params, dict):
            raise RpcError(-32602, "params is no object")
        modern = self._is_modern(message)
        if modern:
            self._check_meta(params.get("_meta"))
        if method not in self.methods or method in (_ONLY_LEGACY if modern else _ONLY_MODERN):
            raise RpcError(-32601, "Method not found")
        if not modern and self._revision is None and method not in ("initialize", "ping"):
            raise RpcError(-32600, "initialize comes first")
        return self.methods[method]

    @staticmethod
    def _is_modern(message: dict[str, Any]) -> bool:
        meta = message.get("params", {}).get("_meta")
        return message["method"] in _ONLY_MODERN or (isinstance(meta, dict) and META + "protocolVersion" in meta)

    @staticmethod
    def _check_meta(meta: Any) -> None:
        asked = meta.get(META + "protocolVersion") if isinstance(meta, dict) else None
        if not isinstance(asked, str):
            raise RpcError(-32602, "The protocol version is missing")
        if asked != MODERN:
            raise RpcError(-32022, "Unsupported version", {"supported": [MODERN], "requested": asked})
        if not isinstance(meta.get(META + "clientCapabilities"), dict):
            raise RpcError(-32602, "The client's capabilities are missing")

    def _answer(self, message: dict[str, Any], answers: Answers) -> None:
        method, identity = message["method"], message["id"]
        try:
            said: dict[str, Json] = {"result": self._shaped(message, answers(message.get("params", {})))}
        except RpcError as error:
            said = {"error": error.value}
        except Silence:
            return
        if method != "tools/call" or identity in self._running:  # a cancelled call is not answered
            self.say({"jsonrpc": "2.0", "id": identity, **said})
        self._running.discard(identity)

    def _shaped(self, message: dict[str, Any], result: dict[str, Json]) -> dict[str, Json]:
        """A result as the revision of the request wants it."""
        if not self._is_modern(message):
            return result
        kept: dict[str, Json] = {}
        if message["method"].endswith(("/list", "/discover", "/read")):
            kept = {"ttlMs": 0, "cacheScope": "private"}
        return {"resultType": "complete", **kept, **result, "_meta": {META + "serverInfo": INFO}}

    # What goes out

    def _fault(self, identity: Json, code: Json, message: Json, **data: Json) -> None:
        self.say({"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": message, **data}})

    def _write(self, message: dict[str, Json]) -> None:
        self._send(json.dumps(message, ensure_ascii=False).encode() + b"\n")

    def _send(self, data: bytes) -> None:
        with self._writing:
            while data:
                data = data[os.write(1, data) :]

    # Methods

    def _initialize(self, params: Mapping[str, Any]) -> dict[str, Json]:
        asked = params.get("protocolVersion")
        if not isinstance(asked, str):
            raise RpcError(-32602, "protocolVersion is missing")
        self._revision = asked if asked in REVISIONS else REVISIONS[-1]
        return {"protocolVersion": self._revision, "capabilities": self.capabilities, "serverInfo": INFO}

    def _list(self, params: Mapping[str, Any]) -> dict[str, Json]:
        cursor = params.get("cursor", "0")
        if not isinstance(cursor, str) or not cursor.isdecimal() or int(cursor) > len(self.tools):
            raise RpcError(-32602, "There is no such page")
        begin = int(cursor)
        end = begin + (self.page or len(self.tools))
        listed: dict[str, Json] = {"tools": list[Json](self.tools[begin:end])}
        return {**listed, **({"nextCursor": str(end)} if end < len(self.tools) else {})}

    def _call(self, params: Mapping[str, Any]) -> dict[str, Json]:
        name, given = params.get("name"), params.get("arguments", {})
        if not isinstance(name, str) or name not in self.results:
            raise RpcError(-32602, f"Unknown tool: {name}")
        if not isinstance(given, dict):
            raise RpcError(-32602, "arguments is no object")
        if wrong := self._wrong(name, given):
            return {**text(wrong), "isError": True}
        return self.results[name](given)

    def _wrong(self, name: str, given: Mapping[str, Any]) -> str:
        """What is wrong with the arguments of a tool; "" where nothing is."""
        (schema,) = (one["inputSchema"] for one in self.tools if one["name"] == name)
        assert isinstance(schema, dict)
        required, properties = schema["required"], schema["properties"]
        assert isinstance(required, list)
        assert isinstance(properties, dict)
        missing = [str(one) for one in required if one not in given]
        if missing:
            return f"{missing[0]} is missing."
        for key, value in given.items():
            wanted = str if properties.get(key) == _TEXT else (int, float)
            if key in properties and (isinstance(value, bool) or not isinstance(value, wanted)):
                return f"{key} is not as the schema says."
        return ""

    def _listen(self, message: dict[str, Any]) -> None:
        """Open a subscription, which is answered when it ends."""
        wanted = message["params"].get("notifications")
        if not isinstance(wanted, dict):
            self._fault(message["id"], -32602, "notifications is missing")
            return
        given: dict[str, Json] = {"toolsListChanged": True} if wanted.get("toolsListChanged") is True else {}
        if given:
            self._listening.add(message["id"])
        about: dict[str, Json] = {META + "subscriptionId": message["id"]}
        self.notify("notifications/subscriptions/acknowledged", {"_meta": about, "notifications": given})

    # Tools

    @staticmethod
    def _error(given: Mapping[str, Any]) -> NoReturn:
        raise RpcError(-32603, "The back end gave up")

    @staticmethod
    def _slow(given: Mapping[str, Any]) -> dict[str, Json]:
        time.sleep(min(float(given["seconds"]), 600.0))
        return text(f"waited {given['seconds']:g} seconds")

    def _add_tool(self, given: Mapping[str, Any]) -> dict[str, Json]:
        self.add("added", "Was added while the host was running.")
        changed = "notifications/tools/list_changed"
        if self._revision is not None:
            self.notify(changed)
        for identity in self._listening:
            self.notify(changed, {"_meta": {META + "subscriptionId": identity}})
        return text("a tool named added is there now")

    def add(self, name: str, about: str) -> None:
        """Add a tool that gives its own description."""
        if name not in self.results:
            self.tools.append(tool(name, about))
            self.results[name] = lambda given: text(about)


def _end() -> None:
    os._exit(0)


def long_text(size: int) -> str:
    """A text of so many bytes, in numbered lines, so that what is cut away can be seen."""
    lines = "".join(f"line {number}\n" for number in range(size // 7 + 1))
    return lines[:size]


def _rich(*, links: bool) -> dict[str, Json]:
    link: dict[str, Json] = {"type": "resource_link", "uri": "memo://one", "name": "one"}
    return {
        "content": [
            {"type": "text", "text": "a text, a picture, a link and a resource"},
            {"type": "image", "data": _PIXEL, "mimeType": "image/png"},
            *([link] if links else []),
            {"type": "resource", "resource": {"uri": "memo://two", "text": "the text of the resource"}},
        ]
    }


# The faults


@record
class Fault:
    """One fault.

    Attributes:
        about: what the server does then.
        plant: does it to a server; is given the value.
        usual: the value where none is given.
    """

    about: str
    plant: Callable[[ScenarioServer, float], None]
    usual: float = 0.0


def _crash() -> NoReturn:
    os.write(2, LAST_WORDS.encode() + b"\n")
    os._exit(CRASHED)


def _crash_once() -> None:
    if not os.path.exists(MARK):
        open(MARK, "x").close()
        _crash()


def _before(method: str, do: Callable[[], object]) -> Callable[[ScenarioServer, float], None]:
    """Before a method is answered, something is done."""

    def plant(server: ScenarioServer, value: float) -> None:
        usual = server.methods[method]

        def first(params: Mapping[str, Any]) -> dict[str, Json]:
            do()
            return usual(params)

        server.methods[method] = first

    return plant


def _wait(method: str) -> Callable[[ScenarioServer, float], None]:
    """A method is answered after so many seconds."""
    return lambda server, value: _before(method, lambda: time.sleep(value))(server, value)


def _nothing() -> NoReturn:
    raise Silence


def _never_ready(server: ScenarioServer, value: float) -> None:
    for method in ("initialize", "server/discover"):
        _before(method, _nothing)(server, value)


def _stray(before: str | None, after: str | None, *, once: bool = False) -> Callable[[ScenarioServer, float], None]:
    """A line is written before or after every answer, or only the first."""

    def plant(server: ScenarioServer, value: float) -> None:
        usual, left = server.say, [1] if once else None

        def say(message: dict[str, Json]) -> None:
            now = left is None or bool(left and left.pop())
            if now and before is not None:
                server.raw(before)
            usual(message)
            if now and after is not None:
                server.raw(after)

        server.say = say

    return plant


def _no_tools(server: ScenarioServer, value: float) -> None:
    server.tools.clear()


def _undeclared(server: ScenarioServer, value: float) -> None:
    server.capabilities.clear()


def _paged(server: ScenarioServer, value: float) -> None:
    server.page = int(value)


def _long_name(server: ScenarioServer, value: float) -> None:
    name = ("a_very_long_name_" * int(value))[: int(value) - 4]
    server.add(f"{name}_end", "Has a long name.")


def _odd_names(server: ScenarioServer, value: float) -> None:
    for name in ("files.read", "files/write", "with space", "größe"):
        server.add(name, f"Is named {name}.")


def _changes(server: ScenarioServer, value: float) -> None:
    server.add("change", "Changes something.")
    server.tools[-1]["annotations"] = {"readOnlyHint": False}


def _unicode_texts(server: ScenarioServer, value: float) -> None:
    server.tools[0]["description"] = "Sagt den Text noch einmal: 日本語, עברית, 🦊."
    server.tools[0]["title"] = "Écho 🦊"


def _rpc_errors(server: ScenarioServer, value: float) -> None:
    server.methods["tools/call"] = server.results["error"]


def _structured_only(server: ScenarioServer, value: float) -> None:
    usual = server.methods["tools/call"]

    def call(params: Mapping[str, Any]) -> dict[str, Json]:
        result = usual(params)
        content = result["content"]
        said = content[0].get("text") if isinstance(content, list) and isinstance(content[0], dict) else None
        return {**result, "content": [], "structuredContent": {"said": said}}

    server.methods["tools/call"] = call


def _deaf(server: ScenarioServer, value: float) -> None:
    server.at_signal = lambda: None
    server.at_end = _go_on


def _go_on() -> None:
    while True:
        time.sleep(3600)


def _two_forms(server: ScenarioServer, value: float) -> None:
    server.results["structured"] = lambda given: {**text("said as text"), "structuredContent": {"said": "as structure"}}


def _older(server: ScenarioServer, value: float) -> None:
    for method in _ONLY_MODERN:
        server.methods.pop(method)


def _revision(server: ScenarioServer, value: float) -> None:
    usual = server.methods["initialize"]
    server.methods["initialize"] = lambda params: {**usual(params), "protocolVersion": "1999-01-01"}


_ASKED: Mapping[str, dict[str, Json]] = {
    "ping": {},
    "roots/list": {},
    "elicitation/create": {
        "params": {"message": "Which one?", "requestedSchema": {"type": "object", "properties": {"one": _TEXT}}}
    },
    "sampling/createMessage": {
        "params": {
            "messages": [{"role": "user", "content": {"type": "text", "text": "Say hello."}}],
            "maxTokens": 10,
        }
    },
    "labs/unknown": {},
}
"""What a server may ask its host for, and something that no host knows."""


def _asks(server: ScenarioServer, value: float) -> None:
    def ask() -> None:
        for method, params in _ASKED.items():
            server.say({"jsonrpc": "2.0", "id": f"asked {method}", "method": method, **params})

    server.told["notifications/initialized"] = ask


def _all_features(server: ScenarioServer, value: float) -> None:
    told: dict[str, Json] = {"listChanged": True}
    server.capabilities.update({"resources": told, "prompts": told, "completions": {}, "logging": {}})
    memo: dict[str, Json] = {"uri": "memo://one", "name": "one", "mimeType": "text/plain"}
    contents: list[Json] = [{"uri": "memo://one", "mimeType": "text/plain", "text": "one"}]
    said: list[Json] = [{"role": "user", "content": {"type": "text", "text": "Say hello."}}]
    server.methods |= {
        "resources/list": lambda params: {"resources": [memo]},
        "resources/templates/list": lambda params: {"resourceTemplates": []},
        "resources/read": lambda params: {"contents": contents},
        "prompts/list": lambda params: {"prompts": [{"name": "greet", "description": "Greets."}]},
        "prompts/get": lambda params: {"messages": said},
        "completion/complete": lambda params: {"completion": {"values": []}},
        "logging/setLevel": lambda params: {},
    }


def _slow_start(server: ScenarioServer, value: float) -> None:
    server.at_start = lambda: time.sleep(value)


def _crash_at_start(server: ScenarioServer, value: float) -> None:
    server.at_start = _crash


FAULTS: Mapping[str, Fault] = {
    "slow-start": Fault("reads nothing for so many seconds", _slow_start, 5),
    "never-ready": Fault("never answers initialize", _never_ready),
    "slow-list": Fault("answers tools/list after so many seconds", _wait("tools/list"), 5),
    "no-list": Fault("never answers tools/list", _before("tools/list", _nothing)),
    "no-tools": Fault("lists no tools", _no_tools),
    "undeclared": Fault("does not say that it has tools", _undeclared),
    "slow-call": Fault("answers calls after so many seconds", _wait("tools/call"), 5),
    "no-answer": Fault("never answers a call", _before("tools/call", _nothing)),
    "crash-at-start": Fault("ends before it reads anything", _crash_at_start),
    "crash-at-initialize": Fault("ends when it is asked to initialize", _before("initialize", _crash)),
    "crash-in-call": Fault("ends when a tool is called", _before("tools/call", _crash)),
    "crash-once": Fault("ends when a tool is first called in this working folder", _before("tools/call", _crash_once)),
    "text-first": Fault(
        "writes a line of text before its first answer", _stray("Starting the server…", None, once=True)
    ),
    "text-each": Fault("writes a line of text before each answer", _stray("DEBUG answering", None)),
    "json-first": Fault("writes a line of JSON that is no message first", _stray('{"level": "info"}', None, once=True)),
    "blank-lines": Fault("writes a blank line after each answer", _stray(None, "")),
    "paged": Fault("lists so many tools on a page", _paged, 1),
    "long-name": Fault("has a tool whose name has so many characters", _long_name, 128),
    "odd-names": Fault("has tools with . / a space or ö in their names", _odd_names),
    "changes": Fault("has a tool that is not annotated as read-only", _changes),
    "unicode-texts": Fault("describes a tool in many scripts", _unicode_texts),
    "rpc-errors": Fault("answers every call with a JSON-RPC error", _rpc_errors),
    "structured-only": Fault("answers calls with structured content and no text", _structured_only),
    "two-forms": Fault("gives a result whose text is not what its structured content says", _two_forms),
    "deaf": Fault("goes on when its input ends and when it is asked to end", _deaf),
    "nonsense-revision": Fault("answers initialize with a revision that there is not", _revision),
    "older": Fault("does not know the revision without initialize", _older),
    "asks": Fault("asks its host for all that a server may ask for, and for something unknown", _asks),
    "all-features": Fault("has resources and prompts, too", _all_features),
}


def planted(faults: Sequence[str]) -> ScenarioServer:
    """A server with these faults, each NAME or NAME=VALUE.

    Raises:
        Misuse: for a fault that there is not, or a value that is no number.
    """
    server = ScenarioServer()
    for fault in faults:
        name, _, value = fault.partition("=")
        if name not in FAULTS:
            raise Misuse(f"there is no fault {name!r}", why=f"there are {', '.join(FAULTS)}")
        try:
            number = float(value) if value else FAULTS[name].usual
        except ValueError:
            raise Misuse(f"the value of the fault {name} is no number") from None
        FAULTS[name].plant(server, number)
    return server


def main(argv: Sequence[str]) -> int:
    """Serve on the standard streams."""
    names, flags = argv[1::2], argv[::2]
    if len(names) != len(flags) or any(flag != "--fault" for flag in flags):
        sys.stderr.write("usage: scenario_server [--fault NAME[=VALUE]] …\n")
        for name, fault in FAULTS.items():
            sys.stderr.write(f"  {name:20} {fault.about}\n")
        return Misuse.exit_code
    try:
        server = planted(names)
    except Misuse as misuse:
        sys.stderr.write(f"scenario_server: {misuse}\n")
        return misuse.exit_code
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
