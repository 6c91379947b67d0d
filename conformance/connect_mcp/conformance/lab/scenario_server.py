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
META = "io.modelcontextprotocol/"
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
            "rich": lambda given: _rich(),
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
        self._listening: list[Json] = []

    def run(self) -> None:
        """Serve until the input ends or a signal comes."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: self.at_signal())
        self.at_start()
        for line in sys.stdin.buffer:
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                self._fault(None, -32700, "Parse error")
                continue
            if isinstance(message, dict):
                self._take(message)
            else:
                self._fault(None, -32600, "Invalid request")
        self.at_end()

    def raw(self, line: str) -> None:
        """Write a line as it stands."""
        self._send(line.encode() + b"\n")

    def notify(self, method: str, params: dict[str, Json] | None = None) -> None:
        """Send a notification."""
        self.say({"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})})

    # What comes

    def _take(self, message: dict[str, Any]) -> None:
        method, identity = message.get("method"), message.get("id")
        if not isinstance(method, str):
            if "result" not in message and "error" not in message:
                self._fault(None, -32600, "Invalid request")
        elif "id" not in message:
            self._note(method, message.get("params"))
        elif isinstance(identity, bool) or not isinstance(identity, (str, int)):
            self._fault(None, -32600, "Invalid request")
        elif method == "tools/call":
            self._running.add(identity)
            threading.Thread(target=self._answer, args=(message,), daemon=True).start()
        elif method == "subscriptions/listen":
            self._listen(identity)
        else:
            self._answer(message)

    def _note(self, method: str, params: object) -> None:
        if method == "notifications/cancelled" and isinstance(params, dict):
            identity = params.get("requestId")
            self._running.discard(identity if isinstance(identity, (str, int)) else None)
        self.told.get(method, lambda: None)()

    def _answer(self, message: dict[str, Any]) -> None:
        method, identity, params = message["method"], message["id"], message.get("params", {})
        try:
            if not isinstance(params, dict):
                raise RpcError(-32602, "params is no object")
            result = self._shaped(method, params, self._method(method)(params))
        except RpcError as error:
            if self._is_due(method, identity):
                self.say({"jsonrpc": "2.0", "id": identity, "error": error.value})
            return
        except Silence:
            return
        if self._is_due(method, identity):
            self.say({"jsonrpc": "2.0", "id": identity, "result": result})

    def _method(self, method: str) -> Answers:
        if method not in self.methods:
            raise RpcError(-32601, "Method not found")
        return self.methods[method]

    def _is_due(self, method: str, identity: Json) -> bool:
        """Whether a request is still to be answered: a call may have been cancelled."""
        if method != "tools/call":
            return True
        due = identity in self._running
        self._running.discard(identity)
        return due

    @staticmethod
    def _shaped(method: str, params: Mapping[str, Any], result: dict[str, Json]) -> dict[str, Json]:
        """A result as the revision of the request wants it."""
        meta = params.get("_meta")
        asked = meta.get(META + "protocolVersion") if isinstance(meta, dict) else None
        if asked is None and method != "server/discover":
            return result
        if asked not in (None, MODERN):
            raise RpcError(-32022, "Unsupported version", {"supported": [MODERN], "requested": str(asked)})
        kept: dict[str, Json] = {"ttlMs": 0, "cacheScope": "private"} if method.endswith(("/list", "/discover")) else {}
        return {"resultType": "complete", **kept, **result, "_meta": {META + "serverInfo": INFO}}

    # What goes out

    def _fault(self, identity: Json, code: int, message: str) -> None:
        self.say({"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": message}})

    def _write(self, message: dict[str, Json]) -> None:
        self._send(json.dumps(message, ensure_ascii=False).encode() + b"\n")

    def _send(self, data: bytes) -> None:
        with self._writing:
            while data:
                data = data[os.write(1, data) :]

    # Methods

    def _initialize(self, params: Mapping[str, Any]) -> dict[str, Json]:
        asked = params.get("protocolVersion")
        revision = asked if asked in REVISIONS else REVISIONS[-1]
        return {"protocolVersion": revision, "capabilities": self.capabilities, "serverInfo": INFO}

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
        if wrong := self._wrong(name, given):
            return {**text(wrong), "isError": True}
        return self.results[name](given)

    def _wrong(self, name: str, given: object) -> str:
        if not isinstance(given, dict):
            return "The arguments are no object."
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

    def _listen(self, identity: Json) -> None:
        self._listening.append(identity)
        about: dict[str, Json] = {META + "subscriptionId": identity}
        self.notify(
            "notifications/subscriptions/acknowledged",
            {"_meta": about, "notifications": {"toolsListChanged": True}},
        )

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
        if not self._listening:
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


def _rich() -> dict[str, Json]:
    return {
        "content": [
            {"type": "text", "text": "a text, a picture, a link and a resource"},
            {"type": "image", "data": _PIXEL, "mimeType": "image/png"},
            {"type": "resource_link", "uri": "memo://one", "name": "one"},
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


def _paged(server: ScenarioServer, value: float) -> None:
    server.page = int(value)


def _long_name(server: ScenarioServer, value: float) -> None:
    name = ("a_very_long_name_" * int(value))[: int(value) - 4]
    server.add(f"{name}_end", "Has a long name.")


def _odd_names(server: ScenarioServer, value: float) -> None:
    for name in ("files.read", "files/write", "with space", "größe"):
        server.add(name, f"Is named {name}.")


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


def _revision(server: ScenarioServer, value: float) -> None:
    usual = server.methods["initialize"]
    server.methods["initialize"] = lambda params: {**usual(params), "protocolVersion": "1999-01-01"}


def _asks(server: ScenarioServer, value: float) -> None:
    def ask() -> None:
        for method in ("ping", "roots/list", "labs/unknown"):
            server.say({"jsonrpc": "2.0", "id": f"asked {method}", "method": method})

    server.told["notifications/initialized"] = ask


def _all_features(server: ScenarioServer, value: float) -> None:
    server.capabilities.update({"resources": {}, "prompts": {}, "completions": {}, "logging": {}})
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
    "unicode-texts": Fault("describes a tool in many scripts", _unicode_texts),
    "rpc-errors": Fault("answers every call with a JSON-RPC error", _rpc_errors),
    "structured-only": Fault("answers calls with structured content and no text", _structured_only),
    "deaf": Fault("goes on when its input ends and when it is asked to end", _deaf),
    "nonsense-revision": Fault("answers initialize with a revision that there is not", _revision),
    "asks": Fault("asks its host for a ping, the roots and something unknown", _asks),
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
