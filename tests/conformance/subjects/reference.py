# mypy: ignore-errors
# A program that the kit is pointed at, not a part of anything: it stays plain.
"""A small, correct MCP server in all five revisions, whose parts a fault or an oddity replaces one at a time.

    python reference.py [NAME]          over stdio; NAME is a row of faults.py or of oddities.py
    python reference.py --http [NAME]   over Streamable HTTP, on a port that it prints
    python reference.py --sse [URL]     over the transport of 2024-11-05; URL is where it says that it takes messages

It shares no code with the kit and none with the server that is shipped: what the kit says of it was not built into it.
"""

import json
import os
import signal
import sys
import threading
import time

LEGACY = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"
INFO = {"name": "reference", "version": "1.0"}
LEVELS = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]


class Rejected(Exception):
    def __init__(self, code, message, data=None):
        self.error = {"code": code, "message": message, **({} if data is None else {"data": data})}


def invalid(message):
    return Rejected(-32602, message)


def tool(name, properties, required=(), read_only=True, output=None):
    schema = {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}
    return {
        "name": name,
        "description": f"The tool {name}.",
        "inputSchema": schema,
        "annotations": {"readOnlyHint": read_only},
        **({"outputSchema": output} if output else {}),
    }


INTEGER = {"type": "integer"}
SUM = {"type": "object", "properties": {"sum": INTEGER}, "required": ["sum"]}
TOOLS = [
    tool("add", {"a": {**INTEGER, "x-mcp-header": "A"}, "b": INTEGER}, ["a", "b"], output=SUM),
    tool("echo", {"text": {"type": "string", "x-mcp-header": "Text"}}),
    tool("wait", {"ms": {"type": "integer", "default": 480}}, ["ms"]),
    tool("fail", {}),
    tool("ask", {}),
    tool("write", {"text": {"type": "string"}}, read_only=False),
]
RESOURCES = [
    {"uri": "memo://one", "name": "one", "mimeType": "text/plain"},
    {"uri": "memo://dot", "name": "dot", "mimeType": "application/octet-stream"},
]
TEMPLATES = [{"uriTemplate": "memo://by-name/{name}", "name": "by name"}]
PROMPTS = [
    {"name": "greet", "description": "Greets.", "arguments": [{"name": "name", "required": True}]},
    {"name": "plain", "description": "Says a line."},
]


class Server:
    def __init__(self):
        self.legacy = list(LEGACY)
        self.modern = [MODERN]
        self.tools, self.resources, self.templates, self.prompts = TOOLS, RESOURCES, TEMPLATES, PROMPTS
        self.capabilities = {
            "tools": {},
            "resources": {"subscribe": True},
            "prompts": {},
            "completions": {},
            "logging": {},
        }
        self.instructions = "Say hello."
        self.asked = 0
        self.page = 4
        self.session = None
        self.initialized = False
        self.level = None
        self.running = {}
        self.listening = {}
        self.lock = threading.Lock()
        self.patience = 1.0
        self.local = threading.local()
        self.methods = {
            "initialize": self.initialize,
            "ping": lambda params, message: {},
            "logging/setLevel": self.set_level,
            "resources/subscribe": self.subscribe,
            "resources/unsubscribe": self.subscribe,
            "server/discover": self.discover,
            "subscriptions/listen": self.listen,
            "tools/list": lambda params, message: self.listed("tools", self.tools, params),
            "tools/call": self.call,
            "resources/list": lambda params, message: self.listed("resources", self.resources, params),
            "resources/templates/list": lambda p, m: self.listed("resourceTemplates", self.templates, p),
            "resources/read": self.read,
            "prompts/list": lambda params, message: self.listed("prompts", self.prompts, params),
            "prompts/get": self.get_prompt,
            "completion/complete": self.complete,
        }
        self.of_modern = {"server/discover", "subscriptions/listen"}
        self.of_legacy = {"initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"}
        self.of_capability = {
            "tools/": "tools",
            "resources/": "resources",
            "prompts/": "prompts",
            "completion/": "completions",
            "logging/": "logging",
        }

    # lines in and out

    def run(self):
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        signal.signal(signal.SIGINT, lambda *_: self.stop())
        self.started()
        while line := self.read_line():
            self.line(line)
        self.at_end()

    def started(self):
        os.write(2, b"reference: ready\n")

    def read_line(self):
        return sys.stdin.buffer.readline()

    def stop(self):
        os._exit(0)

    def at_end(self):
        until = time.monotonic() + self.patience
        for thread in list(self.running.values()):
            thread.join(max(0, until - time.monotonic()))
        os._exit(0)

    def line(self, line):
        if not line.strip():
            return
        try:
            message = self.parse(line)
        except (ValueError, RecursionError):
            self.unreadable(-32700, "Parse error")
            return
        self.message(message)

    def parse(self, line):
        return json.loads(line.decode())

    def write(self, message):
        self.write_bytes(self.encode(message) + b"\n")

    def encode(self, message):
        return json.dumps(message, ensure_ascii=False).encode()

    def write_bytes(self, data):
        with self.lock:
            while data:
                data = data[os.write(1, data) :]

    def notify(self, method, params):
        self.write({"jsonrpc": "2.0", "method": method, "params": params})

    # messages

    def message(self, message):
        if isinstance(message, list):
            self.batch(message)
        elif not isinstance(message, dict):
            self.unreadable(-32600, "Invalid request")
        elif "method" not in message and ("result" in message or "error" in message):
            self.answered(message)
        elif "id" not in message and isinstance(message.get("method"), str):
            self.notified(message)
        elif not self.is_id(message.get("id")):
            self.unreadable(-32600, "Invalid request")
        else:
            self.request(message)

    def is_id(self, ident):
        return isinstance(ident, (str, int)) and not isinstance(ident, bool)

    def answered(self, message):
        pass

    def unreadable(self, code, text):
        self.write({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": text}})

    def batch(self, messages):
        if not messages or self.session != "2025-03-26":
            self.unreadable(-32600, "Invalid request")
            return
        for message in messages:
            self.message(message)

    def request(self, message):
        try:
            self.check_envelope(message)
            self.check_era(message)
            method = self.method(message)
            if message["method"] == "tools/call":
                self.call_apart(method, message)
                return
            result = method(message.get("params", {}), message)
        except Rejected as rejected:
            self.error(message, rejected.error)
            return
        if result is not None:
            self.answer(message, result)

    def check_envelope(self, message):
        if message.get("jsonrpc") != "2.0" or not isinstance(message.get("method"), str):
            raise Rejected(-32600, "Invalid request")
        if not isinstance(message.get("params", {}), dict):
            raise invalid("params is an object")

    def meta(self, message):
        params = message.get("params")
        meta = params.get("_meta") if isinstance(params, dict) else None
        return meta if isinstance(meta, dict) else {}

    def is_modern(self, message):
        return (
            META + "protocolVersion" in self.meta(message)
            or str(message["method"]) in self.of_modern
            or not self.legacy
        )

    def check_era(self, message):
        meta = self.meta(message)
        if message["method"] == "initialize" and META + "protocolVersion" not in meta and self.legacy:
            return
        if self.is_modern(message):
            asked = meta.get(META + "protocolVersion")
            if not self.modern:
                raise Rejected(-32601, "Method not found")
            if not self.legacy and message["method"] == "initialize":
                raise Rejected(-32022, "Unsupported version", {"supported": self.modern, "requested": "none"})
            if not isinstance(asked, str):
                raise invalid("the protocol version is missing")
            if asked not in self.modern:
                raise Rejected(-32022, "Unsupported version", {"supported": self.modern, "requested": asked})
            if not isinstance(meta.get(META + "clientCapabilities"), dict):
                raise invalid("the client capabilities are missing")
            if meta.get(META + "logLevel", "info") not in LEVELS:
                raise invalid("no such level")
        elif self.session is None and message["method"] != "ping":
            raise Rejected(-32600, "initialize comes first")

    def method(self, message):
        name = message["method"]
        hidden = self.of_legacy if self.is_modern(message) else self.of_modern
        capability = next((value for key, value in self.of_capability.items() if name.startswith(key)), None)
        if name not in self.methods or name in hidden or (capability and capability not in self.capabilities):
            raise Rejected(-32601, "Method not found")
        return self.methods[name]

    def answer(self, message, result):
        if self.is_modern(message):
            result = self.shaped(message, result)
        self.write({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def shaped(self, message, result):
        result = {"resultType": "complete", **result}
        result["_meta"] = {META + "serverInfo": INFO, **result.get("_meta", {})}
        if message["method"].endswith(("/list", "/read", "/discover")):
            result = {"ttlMs": 1000, "cacheScope": "private", **result}
        return result

    def error(self, message, error):
        self.write({"jsonrpc": "2.0", "id": message["id"], "error": error})

    def notified(self, message):
        params = message.get("params")
        if message["method"] == "notifications/initialized":
            self.initialized = True
            self.asked += 1  # an id is used once, also where a client begins again
            self.write({"jsonrpc": "2.0", "id": f"are you there? {self.asked}", "method": "ping"})
        if message["method"] == "notifications/cancelled" and isinstance(params, dict):
            ident = params.get("requestId")
            if self.is_id(ident):
                self.running.pop(ident, None)
                self.listening.pop(ident, None)

    # methods

    def initialize(self, params, message):
        asked = params.get("protocolVersion")
        if not isinstance(asked, str):
            raise invalid("protocolVersion is missing")
        self.session = asked if asked in self.legacy else self.legacy[-1]
        return {
            "protocolVersion": self.session,
            "capabilities": self.declared(),
            "serverInfo": INFO,
            "instructions": self.instructions,
        }

    def declared(self):
        return dict(self.capabilities)

    def discover(self, params, message):
        return {"supportedVersions": self.modern, "capabilities": self.declared(), "instructions": self.instructions}

    def set_level(self, params, message):
        if params.get("level") not in LEVELS:
            raise invalid("no such level")
        self.level = params["level"]
        return {}

    def subscribe(self, params, message):
        if not isinstance(params.get("uri"), str):
            raise invalid("uri is missing")
        return {}

    def listen(self, params, message):
        wanted = params.get("notifications")
        if not isinstance(wanted, dict):
            raise invalid("notifications is missing")
        self.listening[message["id"]] = wanted
        about = {META + "subscriptionId": message["id"]}
        self.notify("notifications/subscriptions/acknowledged", {"_meta": about, "notifications": {}})

    def listed(self, name, items, params):
        cursor = params.get("cursor", "0")
        if not isinstance(cursor, str) or not cursor.isdigit() or int(cursor) > len(items):
            raise invalid("no such cursor")
        begin = int(cursor)
        end = begin + self.page
        return {name: items[begin:end], **({"nextCursor": str(end)} if end < len(items) else {})}

    def read(self, params, message):
        uri = params.get("uri")
        if not isinstance(uri, str):
            raise invalid("uri is missing")
        if uri == "memo://one":
            return {"contents": [{"uri": uri, "text": "one\ntwo", "mimeType": "text/plain"}]}
        if uri == "memo://dot":
            return {"contents": [{"uri": uri, "blob": "AAEC", "mimeType": "application/octet-stream"}]}
        raise Rejected(-32602 if self.is_modern(message) else -32002, "Resource not found", {"uri": uri})

    def get_prompt(self, params, message):
        arguments = params.get("arguments", {})
        if not isinstance(arguments, dict) or params.get("name") not in [prompt["name"] for prompt in self.prompts]:
            raise invalid("no such prompt")
        if params["name"] == "greet" and "name" not in arguments:
            raise invalid("name is missing")
        text = {"type": "text", "text": f"Hello {arguments.get('name', '')}"}
        return {"description": "A greeting.", "messages": [{"role": "user", "content": text}]}

    def complete(self, params, message):
        about, argument = params.get("ref"), params.get("argument")
        if not isinstance(about, dict) or not isinstance(argument, dict):
            raise invalid("ref and argument are missing")
        known = [prompt["name"] for prompt in self.prompts] + [row["uriTemplate"] for row in self.templates]
        if about.get("name", about.get("uri")) not in known:
            raise invalid("nothing to complete")
        return {"completion": {"values": ["Ada", "Alan"], "total": 2, "hasMore": False}}

    # tools

    def call(self, params, message):
        return self.tool_result(params["name"], params.get("arguments", {}), message)

    def call_apart(self, method, message):
        self.check_call(message.get("params", {}))
        thread = threading.Thread(target=self.run_call, args=(method, message), daemon=True)
        self.running[message["id"]] = thread
        thread.start()

    def check_call(self, params):
        if not isinstance(params.get("name"), str) or not isinstance(params.get("arguments", {}), dict):
            raise invalid("name is a text, arguments an object")
        if params["name"] not in [row["name"] for row in self.tools]:
            raise invalid("no such tool")

    def run_call(self, method, message):
        try:
            result = method(message["params"], message)
        except Rejected as rejected:
            error = rejected.error
            self.finished(message, lambda: self.error(message, error))
            return
        self.finished(message, lambda: self.answer(message, result))

    def finished(self, message, say):
        if message["id"] in self.running:
            self.running.pop(message["id"], None)
            say()

    def tool_result(self, name, arguments, message):
        row = next(row for row in self.tools if row["name"] == name)
        wrong = self.wrong(row["inputSchema"], arguments)
        if wrong:
            return self.failed(wrong)
        self.log(message, "info", f"{name} was called")
        return getattr(self, "tool_" + name)(arguments, message)

    def wrong(self, schema, arguments):
        for name in schema.get("required", ()):
            if name not in arguments and "default" not in schema["properties"][name]:
                return f"{name} is missing"
        types = {"integer": int, "string": str, "boolean": bool, "object": dict, "array": list, "number": (int, float)}
        for name, value in arguments.items():
            kind = schema["properties"].get(name, {}).get("type")
            if kind and not isinstance(value, types[kind]):
                return f"{name} is no {kind}"
        return ""

    def failed(self, text):
        return {"content": [{"type": "text", "text": text}], "isError": True}

    def text(self, text):
        return {"content": [{"type": "text", "text": text}]}

    def tool_add(self, arguments, message):
        total = {"sum": arguments["a"] + arguments["b"]}
        return {**self.text(json.dumps(total)), "structuredContent": total}

    def tool_echo(self, arguments, message):
        return self.text(arguments.get("text", "nothing\nat all"))

    def tool_wait(self, arguments, message):
        steps = 4
        for step in range(steps):
            time.sleep(max(0, arguments.get("ms", 480)) / 1000 / steps)
            if message["id"] not in self.running:
                return self.text("stopped")
            self.progress(message, step + 1, steps)
        return self.text("done")

    def progress(self, message, step, steps):
        token = self.meta(message).get("progressToken")
        if token is not None and message["id"] in self.running:
            self.notify("notifications/progress", {"progressToken": token, "progress": step, "total": steps})

    def tool_fail(self, arguments, message):
        return self.failed("it did not work")

    def tool_ask(self, arguments, message):
        if not self.is_modern(message):
            return self.text("nobody to ask")
        params = message["params"]
        if "inputResponses" in params:
            return self.text("thank you")
        if "elicitation" not in self.meta(message)[META + "clientCapabilities"]:
            needed = {"requiredCapabilities": {"elicitation": {"form": {}}}}
            raise Rejected(-32021, "the client cannot be asked", needed)
        asked = {"mode": "form", "message": "Your name?", "requestedSchema": {"type": "object", "properties": {}}}
        return {
            "resultType": "input_required",
            "inputRequests": {"name": {"method": "elicitation/create", "params": asked}},
        }

    def tool_write(self, arguments, message):
        return self.text("written")

    def log(self, message, level, text):
        wanted = self.meta(message).get(META + "logLevel") if self.is_modern(message) else self.level
        if wanted in LEVELS and LEVELS.index(level) >= LEVELS.index(wanted):
            self.notify("notifications/message", {"level": level, "logger": "reference", "data": text})


def changed(name):
    server = Server()
    if name:
        import faults
        import oddities

        {**faults.FAULTS, **oddities.ODDITIES}[name](server)
    return server


def change_of_http(name):
    import http_faults

    return {**http_faults.FAULTS, **http_faults.ODDITIES}.get(name, lambda policy: None)


def main(words):
    if "--http" in words:
        import over_http

        names = [word for word in words if word != "--http"]
        over_http.serve(lambda name: over_http.in_one_thread(changed(name)), change_of_http("".join(names[:1])))
    elif "--sse" in words:
        import over_sse

        urls = [word for word in words if word != "--sse"]
        over_sse.serve(lambda: changed(""), lambda url: urls[0] if urls else url)
    else:
        changed("".join(words[:1])).run()


if __name__ == "__main__":
    import reference  # the module that faults.py changes, and not this second copy of it

    reference.main(sys.argv[1:])
