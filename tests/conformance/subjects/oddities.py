# mypy: ignore-errors
# A program that the kit is pointed at, not a part of anything: it stays plain.
"""Servers that are unusual and yet keep every rule: nothing may be said against them."""

import base64
import json
import os
import threading
import time

from faults import wrap, writes
from reference import META, MODERN, Rejected, tool


def crlf(server):
    server.write = lambda message: server.write_bytes(server.encode(message) + b"\r\n")


def spaced(server):
    server.encode = lambda message: b" " + json.dumps(message, separators=(" , ", " : ")).encode() + b"\t"


def escaped(server):
    server.encode = lambda message: json.dumps(message, ensure_ascii=True, sort_keys=True).encode()


def in_pieces(server):
    def write_bytes(data):
        with server.lock:
            for at in range(0, len(data), 7):
                os.write(1, data[at : at + 7])

    server.write_bytes = write_bytes


def several_in_one_write(server):
    held = []

    def flush():
        with server.lock:
            if held:
                os.write(1, b"".join(held))
                held.clear()

    def write_bytes(data):
        with server.lock:
            held.append(data)
        threading.Timer(0.03, flush).start()

    server.write_bytes = write_bytes
    wrap(server, "at_end", lambda usual: (flush(), usual()))


def out_of_order(server):
    """Answers to lists come later than what was asked after them."""

    def around(usual, said):
        if "tools" in said.get("result", {}):
            threading.Timer(0.05, usual, [said]).start()
        else:
            usual(said)

    wrap(server, "write", around)
    wrap(server, "at_end", lambda usual: (time.sleep(0.2), usual()))


def only_newest(server):
    server.legacy = ["2025-11-25"]
    server.modern = []


def only_oldest(server):
    server.legacy = ["2024-11-05"]
    server.modern = []


def only_modern(server):
    server.legacy = []


def silent_on_discover(server):
    """A legacy server that does not answer what comes before initialize."""
    server.modern = []

    def around(usual, message):
        if server.session is not None or message["method"] in ("initialize", "ping"):
            usual(message)

    wrap(server, "request", around)


def refuses_unknown_versions(server):
    usual = server.methods["initialize"]

    def initialize(params, message):
        asked = params.get("protocolVersion")
        if isinstance(asked, str) and asked not in server.legacy:
            raise Rejected(-32602, "Unsupported protocol version", {"supported": server.legacy, "requested": asked})
        return usual(params, message)

    server.methods["initialize"] = initialize


def refuses_a_second_initialize(server):
    usual = server.methods["initialize"]

    def initialize(params, message):
        if server.session is not None:
            raise Rejected(-32600, "it was initialized before")
        return usual(params, message)

    server.methods["initialize"] = initialize


def begins_again(server):
    """A second initialize begins a session of its own, which wants notifications/initialized like the first."""
    usual_initialize, usual_method = server.methods["initialize"], server.method

    def initialize(params, message):
        again, answer = server.session is not None, usual_initialize(params, message)
        server.initialized, server.is_second = False, again
        return answer

    def method(message):
        if server.is_second and not server.initialized and message["method"] not in ("initialize", "ping"):
            raise Rejected(-32600, "notifications/initialized comes first")
        return usual_method(message)

    server.is_second = False
    server.methods["initialize"], server.method = initialize, method


def without(*capabilities):
    def fault(server):
        for name in capabilities:
            del server.capabilities[name]

    return fault


def tools_alone(server):
    server.capabilities = {"tools": {"listChanged": True}}
    server.instructions = ""


def nothing_at_all(server):
    server.capabilities = {}


def no_tools_listed(server):
    server.tools = []


def one_a_page(server):
    server.page = 1


def odd_cursors(server):
    """The empty text is a cursor too."""
    usual = server.listed

    def listed(name, items, params):
        given = params.get("cursor")
        taken = {**params, "cursor": str(server.page)} if given == "" else params
        result = usual(name, items, taken)
        return {**result, "nextCursor": ""} if result.get("nextCursor") == str(server.page) else result

    server.listed = listed


def many_tools(server):
    server.tools = [
        *server.tools,
        *(tool(f"t.{n}_{'x' * 100}", {"a": {"$ref": "#/$defs/a"}}, read_only=False) for n in range(300)),
    ]
    for row in server.tools[6:]:
        row["inputSchema"]["$defs"] = {"a": {"type": ["string", "null"], "maxLength": 3}}
    server.page = 500


def old_dialect(server):
    first = json.loads(json.dumps(server.tools[0]))
    first["inputSchema"]["$schema"] = "http://json-schema.org/draft-07/schema#"
    first["inputSchema"]["definitions"] = {"a": {"type": "integer"}}
    first["inputSchema"]["properties"]["c"] = {"$ref": "#/definitions/a"}
    server.tools = [first, *server.tools[1:]]


def more_members(server):
    def change(said):
        if said.get("result"):
            return {**said, "result": {**said["result"], "x-more": {"a": [None]}}, "trace": "7"}
        return said

    writes(change)(server)


def chatty(server):
    def around(usual, message):
        os.write(2, "DEBUG ein Gruß ✓\n".encode() * 3)
        usual(message)

    wrap(server, "request", around)


def announces(server):
    server.capabilities["tools"] = {"listChanged": True}

    def around(usual, message):
        if server.session and not server.is_modern(message):
            server.notify("notifications/tools/list_changed", {})
        usual(message)

    wrap(server, "request", around)


def pings_all_the_time(server):
    count = [0]

    def around(usual, message):
        if server.session and not server.is_modern(message) and message["method"] != "initialize":
            count[0] += 1
            server.write({"jsonrpc": "2.0", "id": -count[0], "method": "ping"})
        usual(message)

    wrap(server, "request", around)


def fractional_progress(server):
    wrap(server, "progress", lambda usual, message, step, steps: usual(message, step / 8 - 2.5, 0.5))


def slow_start(server):
    wrap(server, "started", lambda usual: (time.sleep(0.6), usual()))


def error_without_id(server):
    """Newer schemas have no id where none could be read."""
    server.unreadable = lambda code, text: server.write({"jsonrpc": "2.0", "error": {"code": code, "message": text}})


def batches_as_one(server):
    """The answers to a batch come as a batch."""
    usual_batch, usual_write = server.batch, server.write
    held = []

    def batch(messages):
        if server.session != "2025-03-26" or not messages:
            usual_batch(messages)
            return
        server.write = held.append
        usual_batch(messages)
        server.write = usual_write
        if held:
            server.write_bytes(json.dumps(held).encode() + b"\n")
            held.clear()

    server.batch = batch


def error_data(server):
    wrap(
        server,
        "error",
        lambda usual, message, error: usual(
            message, {**error, "data": {"why": ["x"], "at": None}} if "data" not in error else error
        ),
    )


def no_subscriptions(server):
    """Nothing ever changes, and subscriptions/listen is there all the same."""
    server.capabilities["resources"] = {}
    del server.methods["resources/subscribe"], server.methods["resources/unsubscribe"]


def binary_result(server):
    image = base64.b64encode(b"\x89PNG").decode()
    server.tool_echo = lambda arguments, message: {
        "content": [
            {"type": "image", "data": image, "mimeType": "image/png"},
            {"type": "resource", "resource": {"uri": "memo://one", "text": "a\u2028b"}},
        ]
    }


def unicode_everywhere(server):
    server.instructions = "\u202edesrever \U0001f600 \x00 \u2028"
    server.resources = [*server.resources, {"uri": "memo://one?q=%C3%A9#x", "name": "é \U0001f600"}]
    usual = server.methods["resources/read"]
    server.methods["resources/read"] = lambda params, message: usual(
        {**params, "uri": params["uri"].partition("?")[0]} if isinstance(params.get("uri"), str) else params, message
    )


def strict_about_meta(server):
    """Requests of the other era are refused whatever their method."""
    server.legacy = []

    def around(usual, message):
        if META + "protocolVersion" not in server.meta(message) and message["method"] != "initialize":
            raise Rejected(-32602, f"_meta must name {MODERN}")
        usual(message)

    wrap(server, "check_era", around)


def own_error_codes(server):
    def tool_fail(arguments, message):
        raise Rejected(1234, "the machine is on fire")

    server.tool_fail = tool_fail


ODDITIES = {
    "crlf": crlf,
    "spaced": spaced,
    "escaped": escaped,
    "in-pieces": in_pieces,
    "several-in-one-write": several_in_one_write,
    "out-of-order": out_of_order,
    "only-newest": only_newest,
    "only-oldest": only_oldest,
    "only-modern": only_modern,
    "silent-on-discover": silent_on_discover,
    "refuses-unknown-versions": refuses_unknown_versions,
    "refuses-a-second-initialize": refuses_a_second_initialize,
    "begins-again": begins_again,
    "without-completions": without("completions", "logging"),
    "tools-alone": tools_alone,
    "nothing-at-all": nothing_at_all,
    "no-tools-listed": no_tools_listed,
    "one-a-page": one_a_page,
    "odd-cursors": odd_cursors,
    "many-tools": many_tools,
    "old-dialect": old_dialect,
    "more-members": more_members,
    "chatty": chatty,
    "announces": announces,
    "pings-all-the-time": pings_all_the_time,
    "fractional-progress": fractional_progress,
    "slow-start": slow_start,
    "error-without-id": error_without_id,
    "batches-as-one": batches_as_one,
    "error-data": error_data,
    "no-subscriptions": no_subscriptions,
    "binary-result": binary_result,
    "unicode-everywhere": unicode_everywhere,
    "strict-about-meta": strict_about_meta,
    "own-error-codes": own_error_codes,
}
