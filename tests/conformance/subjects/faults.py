# mypy: ignore-errors
# A program that the kit is pointed at, not a part of anything: it stays plain.
"""One fault for each requirement: what is done to the correct server so that it breaks that rule."""

import json
import os
import signal
import subprocess
import threading
import time

from reference import INFO, LEGACY, META, Rejected, Server


def wrap(server, name, around):
    """Replace a method by one that is given the usual one first."""
    usual = getattr(server, name)
    setattr(server, name, lambda *args: around(usual, *args))


def wrapped(name, around):
    """A fault that replaces a method by one that is given the usual one first."""
    return lambda server: wrap(server, name, around)


def result_of(method, change):
    """The result of a method is another one."""

    def fault(server):
        usual = server.methods[method]
        server.methods[method] = lambda params, message: change(usual(params, message))

    return fault


def when(method, wrong, answer):
    """A method answers something else where its params are so."""

    def fault(server):
        usual = server.methods[method]
        server.methods[method] = lambda params, message: answer(params) if wrong(params) else usual(params, message)

    return fault


def code_of(method, code):
    """What a method refuses, it refuses with this code."""

    def fault(server):
        usual = server.methods[method]

        def changed(params, message):
            try:
                return usual(params, message)
            except Rejected as rejected:
                raise Rejected(code, "Something is wrong", rejected.error.get("data")) from None

        server.methods[method] = changed

    return fault


def without_tools_call_thread(server):
    """Calls are made in the thread that reads."""

    def call_apart(method, message):
        server.check_call(message["params"])
        server.running[message["id"]] = None
        server.run_call(method, message)

    server.call_apart = call_apart
    server.at_end = lambda: os._exit(0)


def drops_lines(lost):
    """Lines of which this is true are dropped."""
    return wrapped("line", lambda usual, line: None if lost(line) else usual(line))


def dies_of(lost):
    """Lines of which this is true end the server."""
    return wrapped("line", lambda usual, line: os._exit(1) if lost(line) else usual(line))


def no_code(code):
    """Errors about unreadable lines with this code are not sent."""
    return wrapped("unreadable", lambda usual, given, text: None if given == code else usual(given, text))


def drops_messages(lost):
    """Messages of which this is true are dropped."""

    def around(usual, message):
        if not (isinstance(message, dict) and lost(message)):
            usual(message)

    return wrapped("message", around)


def serves_messages(wrong, mend):
    """Messages of which this is true are mended and served."""

    def around(usual, message):
        usual(mend(message) if isinstance(message, dict) and wrong(message) else message)

    return wrapped("message", around)


def writes(change):
    """What is written is something else; None is nothing."""

    def around(usual, said):
        changed = change(said)
        if changed is not None:
            usual(changed)

    return wrapped("write", around)


def results(change):
    """Every result is another one."""
    return writes(lambda said: {**said, "result": change(said["result"])} if "result" in said else said)


def says_first(*messages):
    """Something is sent right after the answer to initialize."""

    def around(usual, said):
        usual(said)
        if "protocolVersion" in said.get("result", {}):
            for message in messages:
                usual(message)

    return wrapped("write", around)


def at_ready(*messages):
    """Something is sent when the client is ready."""

    def fault(server):
        def around(usual, message):
            usual(message)
            if message["method"] == "notifications/initialized":
                for said in messages:
                    server.write(said)

        wrap(server, "notified", around)

    return fault


def asking(method, ident="asked"):
    return {"jsonrpc": "2.0", "id": ident, "method": method}


def note(method, params):
    return {"jsonrpc": "2.0", "method": method, "params": params}


def answering(method, answer):
    """A notification of this method is answered."""

    def fault(server):
        def around(usual, message):
            usual(message)
            if message["method"] == method:
                server.write(answer(message))

        wrap(server, "notified", around)

    return fault


def refusal(message):
    return {"jsonrpc": "2.0", "id": None, "error": {"code": -32601, "message": "Method not found"}}


def banner(server):
    def started():
        time.sleep(0.05)
        os.write(1, b"Server is running\n")

    server.started = started


def prints_in_tools(server):
    wrap(server, "tool_result", lambda usual, *args: subprocess.run(["echo", "hello"], check=True) and usual(*args))


def indented(server):
    def around(usual, said):
        return json.dumps(said, indent=1).encode() if "contents" in said.get("result", {}) else usual(said)

    wrap(server, "encode", around)


def no_last_line_feed(server):
    def around(usual):
        server.write_bytes(server.encode(note("notifications/message", {"level": "info", "data": "bye"})))
        usual()

    wrap(server, "at_end", around)


def reads_chunks(server):
    """What one read brings are whole lines to it: several in one are told apart, one in several is not put together."""
    held = []

    def read_line():
        held.extend([] if held else os.read(0, 65536).splitlines(keepends=True))
        return held.pop(0) if held else b""

    server.read_line = read_line


def reads_first_line_of_chunks(server):
    server.read_line = lambda: os.read(0, 65536).partition(b"\n")[0] + b"\n"


def splits_at_all_lines(server):
    def around(usual, line):
        for piece in line.decode("utf-8", "replace").splitlines():
            usual(piece.encode() + b"\n")

    wrap(server, "line", around)


def decodes_chunks(server):
    held = bytearray()

    def read_line():
        while b"\n" not in held:
            chunk = os.read(0, 65536)
            if not chunk:
                return b""
            held.extend(chunk.decode("utf-8", "replace").encode())
        line, _, rest = bytes(held).partition(b"\n")
        held[:] = rest
        return line + b"\n"

    server.read_line = read_line


def hoards(server):
    kept = []

    def around(usual, line):
        if len(line) > 8 << 20:
            kept.append(b"x" * (600 << 20))
        usual(line)

    wrap(server, "line", around)


def logs_latin(server):
    server.started = lambda: os.write(2, "démarré\n".encode("latin-1"))


def tells_environment(server):
    server.started = lambda: os.write(2, f"environment: {dict(os.environ)}\n".encode())


def chatters(server):
    wrap(server, "line", lambda usual, line: (os.write(2, b"." * 2000 + b"\n"), usual(line)))


def twice_the_same_key(server):
    wrap(server, "encode", lambda usual, said: usual(said).replace(b'"tools": [', b'"tools": [], "tools": [', 1))


def half_a_surrogate(server):
    def around(usual, said):
        return usual(said).replace(b"The tool add", b"The tool \\ud83d")

    wrap(server, "encode", around)


def offers_what_it_refuses(server):
    usual = server.methods["initialize"]

    def initialize(params, message):
        asked = params.get("protocolVersion")
        return {**usual(params, message), "protocolVersion": "2024-11-05" if asked == "2025-11-25" else "2025-11-25"}

    server.methods["initialize"] = initialize


def echoes(version):
    def fault(server):
        usual = server.methods["initialize"]

        def initialize(params, message):
            result = usual(params, message)
            return {**result, "protocolVersion": version} if params["protocolVersion"] == version else result

        server.methods["initialize"] = initialize

    return fault


def offers_the_oldest(server):
    usual = server.methods["initialize"]

    def initialize(params, message):
        known = params.get("protocolVersion") in LEGACY
        return usual(params if known else {**params, "protocolVersion": LEGACY[0]}, message)

    server.methods["initialize"] = initialize


def refuses_unknown_members(server):
    usual = server.methods["initialize"]

    def initialize(params, message):
        if set(params) - {"protocolVersion", "capabilities", "clientInfo", "_meta"}:
            raise Rejected(-32602, "unknown params")
        return usual(params, message)

    server.methods["initialize"] = initialize


def no_ping_before(server):
    def ping(params, message):
        if server.session is None:
            raise Rejected(-32600, "initialize comes first")
        return {}

    server.methods["ping"] = ping


def lists_before(server):
    def around(usual, message):
        if message["method"] != "tools/list":
            usual(message)

    wrap(server, "check_era", around)


def poisoned_by(method):
    """A request of this method before initialize ends all hope."""

    def fault(server):
        broken = []

        def around(usual, message):
            if message["method"] == method and server.session is None:
                broken.append(method)
            if message["method"] == "initialize" and broken:
                raise Rejected(-32603, "already broken")
            usual(message)

        wrap(server, "check_era", around)

    return fault


def forgets_on(second):
    """An initialize of which this is true ends the session."""

    def fault(server):
        usual = server.methods["initialize"]

        def initialize(params, message):
            if second(server, params):
                server.session = None
                raise Rejected(-32602, "no")
            return usual(params, message)

        server.methods["initialize"] = initialize

    return fault


def never_ends(server):
    def at_end():
        while True:
            time.sleep(60)

    server.at_end = at_end


def ends_badly(server):
    server.at_end = lambda: os._exit(1)


def ends_only_after_a_line(server):
    usual = server.at_end

    def at_end():
        while server.session is None and not server.seen:
            time.sleep(60)
        usual()

    server.seen = False
    server.at_end = at_end


def forgets_what_is_pending(server):
    lines = []

    def around(usual, line):
        import select

        if b"tools/list" in line and not select.select([0], [], [], 0.3)[0]:
            return usual(line)
        lines.append(line)
        if b"tools/list" not in line:
            usual(line)
        return None

    wrap(server, "line", around)


def hangs_on_half_a_line(server):
    def around(usual, line):
        while not line.endswith(b"\n"):
            time.sleep(60)
        usual(line)

    wrap(server, "line", around)


def leaves_a_child(server):
    def around(usual, *args):
        subprocess.Popen(["sleep", "30"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return usual(*args)

    wrap(server, "tool_result", around)
    server.patience = 0.3


def ignores(name):
    def started():
        signal.signal(getattr(signal, name), signal.SIG_IGN)

    return lambda server: setattr(server, "started", started)


def numbers_from_texts(server):
    def write(usual, said):
        ident = said.get("id")
        usual({**said, "id": int(ident)} if isinstance(ident, str) and ident.isdigit() else said)

    wrap(server, "write", write)


def other_code(code):
    def fault(server):
        def method(usual, message):
            try:
                return usual(message)
            except Rejected:
                raise Rejected(code, "Something is wrong") from None

        wrap(server, "method", method)

    return fault


def loses_some(server):
    def around(usual, message):
        if message["id"] != "many-17":
            usual(message)

    wrap(server, "request", around)


def needs_params(server):
    def around(usual, message):
        if "params" not in message and message["method"] != "ping":
            raise Rejected(-32602, "params are missing")
        usual(message)

    wrap(server, "check_envelope", around)


def token_is_text(server):
    def around(usual, message):
        if isinstance(server.meta(message).get("progressToken"), int):
            raise Rejected(-32602, "progressToken is a text")
        usual(message)

    wrap(server, "check_envelope", around)


def lossy(server):
    server.parse = lambda line: json.loads(line.decode("utf-8", "replace"))


def takes_any_id(server):
    server.is_id = lambda ident: True


def answers_answers(server):
    server.answered = lambda message: server.error(message, {"code": -32600, "message": "Invalid request"})


def twice(server):
    def around(usual, said):
        usual(said)
        if "prompts" in said.get("result", {}):
            usual(said)

    wrap(server, "write", around)


def own_ids(server):
    def around(usual, said):
        usual(said)
        if "prompts" in said.get("result", {}):
            usual({**said, "id": 4711})

    wrap(server, "write", around)


def no_batches(server):
    server.batch = lambda messages: server.unreadable(-32600, "Invalid request")


def batches_always(server):
    def batch(messages):
        for message in messages:
            server.message(message)

    server.batch = batch


def empty_batch_answer(server):
    def around(usual, messages):
        usual(messages)
        if not any("id" in message for message in messages if isinstance(message, dict)):
            server.write_bytes(b"[]\n")

    wrap(server, "batch", around)


def batches_of_objects(server):
    wrap(server, "batch", lambda usual, messages: usual([one for one in messages if isinstance(one, dict)]))


def batches_before(server):
    def around(usual, messages):
        if server.session is None:
            server.session = "2025-03-26"
        usual(messages)

    wrap(server, "batch", around)


def tools(change):
    """The tools are others."""

    def fault(server):
        server.tools = change([json.loads(json.dumps(tool)) for tool in server.tools])
        server.page = 99

    return fault


def first_tool(**members):
    return tools(lambda rows: [{**rows[0], **members}, *rows[1:]])


def shuffles(server):
    usual = server.methods["tools/list"]

    def listed(params, message):
        server.tools = server.tools[::-1]
        return usual(params, message)

    server.page = 99
    server.methods["tools/list"] = listed


def unknown_tool_is_error(server):
    def around(usual, method, message):
        known = [row["name"] for row in server.tools]
        if isinstance(message["params"].get("name"), str) and message["params"]["name"] not in known:
            server.answer(message, server.failed("no such tool"))
        else:
            usual(method, message)

    wrap(server, "call_apart", around)


def call_checks(code):
    def fault(server):
        def around(usual, method, message):
            try:
                usual(method, message)
            except Rejected:
                raise Rejected(code, "Something is wrong") from None

        wrap(server, "call_apart", around)

    return fault


def takes_arrays(server):
    def around(usual, method, message):
        if isinstance(message["params"].get("arguments"), list):
            message = {**message, "params": {**message["params"], "arguments": {}}}
        usual(method, message)

    wrap(server, "call_apart", around)


def takes_anything(server):
    server.wrong = lambda schema, arguments: ""
    server.tool_add = lambda arguments, message: server.text("3")


def needs_arguments(server):
    def around(usual, method, message):
        if "arguments" not in message["params"]:
            raise Rejected(-32602, "arguments are missing")
        usual(method, message)

    wrap(server, "call_apart", around)


def tool_gives(name, change):
    """The result of a tool is another one."""
    return wrapped("tool_" + name, lambda usual, *args: change(usual(*args)))


def traces(server):
    text = 'Traceback (most recent call last):\n  File "/srv/app/tools.py", line 12, in call\nKeyError: 1'
    server.tool_fail = lambda arguments, message: server.failed(text)


def cursor(wrong, params_for):
    """A cursor of which this is true is taken for another one."""

    def fault(server):
        for method in ("tools/list", "prompts/list", "resources/list"):
            usual = server.methods[method]
            server.methods[method] = lambda params, message, usual=usual: usual(
                params_for if wrong(params.get("cursor")) else params, message
            )

    return fault


def pages_in_a_circle(server):
    usual = server.methods["tools/list"]
    server.methods["tools/list"] = lambda params, message: {**usual(params, message), "nextCursor": "0"}


def scope_by_page(server):
    usual = server.methods["tools/list"]

    def listed(params, message):
        return {**usual(params, message), **({"cacheScope": "public"} if "cursor" in params else {})}

    server.methods["tools/list"] = listed


def asks_for_nothing(server):
    wrap(server, "tool_ask", lambda usual, *args: {"resultType": "input_required"})


def asks_everybody(server):
    def tool_ask(arguments, message):
        if "elicitation" in server.meta(message).get(META + "clientCapabilities", {}):
            return Server.tool_ask(server, arguments, message)
        raise Rejected(-32603, "cannot ask")

    server.tool_ask = tool_ask


def undeclared(server):
    del server.capabilities["completions"]
    server.of_capability.pop("completion/")


def unknown_resource(answer):
    return when("resources/read", lambda params: str(params.get("uri")).startswith("nowhere"), answer)


def raising(code):
    def raise_it(params):
        raise Rejected(code, "Something is wrong")

    return raise_it


def no_threshold(server):
    def log(message, level, text):
        if server.session and server.level:
            server.notify("notifications/message", {"level": "info", "data": text})

    server.log = log


def wrong_progress(change):
    def fault(server):
        def around(usual, said):
            if said.get("method") == "notifications/progress":
                said = {**said, "params": change(said["params"])}
            usual(said)

        wrap(server, "write", around)

    return fault


def progress_after(server):
    def around(usual, message, result):
        usual(message, result)
        token = server.meta(message).get("progressToken")
        if token is not None:
            server.notify("notifications/progress", {"progressToken": token, "progress": 99})

    wrap(server, "answer", around)


def answers_cancellations(server):
    def around(usual, message):
        usual(message)
        if message["method"] == "notifications/cancelled":
            error = {"code": -32602, "message": "no such request"}
            server.write({"jsonrpc": "2.0", "id": message["params"]["requestId"], "error": error})

    wrap(server, "notified", around)


def answers_done_cancellations(server):
    def around(usual, message):
        usual(message)
        if message["method"] == "notifications/cancelled" and isinstance(message["params"]["requestId"], int):
            error = {"code": -32602, "message": "it is done"}
            server.write({"jsonrpc": "2.0", "id": message["params"]["requestId"], "error": error})

    wrap(server, "notified", around)


def never_cancels(server):
    def around(usual, message):
        if message["method"] != "notifications/cancelled":
            usual(message)

    wrap(server, "notified", around)


def modern_first(server):
    seen = []

    def around(usual, message):
        if message["method"] == "server/discover":
            seen.append(message)
        elif not seen and server.is_modern(message):
            raise Rejected(-32600, "server/discover comes first")
        usual(message)

    wrap(server, "check_era", around)


def meta_checks(skip):
    """What is wrong with _meta in this way is let through."""

    def around(usual, message):
        try:
            usual(message)
        except Rejected as rejected:
            if skip not in rejected.error["message"]:
                raise

    return wrapped("check_era", around)


def needs_client_info(server):
    def around(usual, message):
        usual(message)
        if server.is_modern(message) and META + "clientInfo" not in server.meta(message):
            raise Rejected(-32602, "who is it?")

    wrap(server, "check_era", around)


def modern_error(change):
    """Errors about versions are others."""

    def around(usual, message, error):
        usual(message, change(error) if error["code"] == -32022 else error)

    return wrapped("error", around)


def acknowledges_late(server):
    def listen(params, message):
        about = {META + "subscriptionId": message["id"]}
        server.notify("notifications/tools/list_changed", {"_meta": about})
        return Server.listen(server, params, message)

    server.methods["subscriptions/listen"] = listen


def sends_unwanted(server):
    def around(usual, params, message):
        result = usual(params, message)
        if server.listening:
            server.notify("notifications/tools/list_changed", {"_meta": {META + "subscriptionId": "?"}})
        return result

    server.methods["tools/list"] = lambda params, message: around(
        lambda params, message: server.listed("tools", server.tools, params), params, message
    )


def answers_cancelled_subscriptions(server):
    def around(usual, message):
        usual(message)
        if message["method"] == "notifications/cancelled" and server.listened:
            ident = message["params"]["requestId"]
            about = {META + "serverInfo": INFO, META + "subscriptionId": ident}
            late = {"jsonrpc": "2.0", "id": ident, "result": {"resultType": "complete", "_meta": about}}
            threading.Timer(0.03, server.write, [late]).start()

    def listen(params, message):
        server.listened = True
        return Server.listen(server, params, message)

    server.listened = False
    server.methods["subscriptions/listen"] = listen
    wrap(server, "notified", around)


def modern_only_and_silent_about_it(server):
    server.legacy = []
    modern_error(lambda error: {"code": -32601, "message": "Method not found"})(server)


def remembers_failures(server):
    def around(usual, message, error):
        usual(message, error)
        server.tools = server.tools[:2]

    wrap(server, "error", around)


PADDED = {"uri": "memo://dot", "blob": "AAEC!", "mimeType": "application/octet-stream"}
BAD_TEXT = {"content": [{"type": "text"}]}

FAULTS = {
    "STDOUT-PURE": banner,
    "START-SILENT": lambda server: setattr(
        server, "started", lambda: server.notify("notifications/message", {"level": "info", "data": "ready"})
    ),
    "STDOUT-CALL": prints_in_tools,
    "FRAME-ONE-LINE": indented,
    "FRAME-LF": no_last_line_feed,
    "FRAME-SPLIT": reads_chunks,
    "FRAME-TWO": reads_first_line_of_chunks,
    "FRAME-CRLF": drops_lines(lambda line: line.endswith(b"\r\n")),
    "FRAME-WS": drops_lines(lambda line: line[:1] not in (b"{", b"[")),
    "FRAME-U2028": splits_at_all_lines,
    "FRAME-MBSPLIT": decodes_chunks,
    "FRAME-BOM": dies_of(lambda line: line.startswith(b"\xef\xbb\xbf")),
    "EMPTY-LINE": dies_of(lambda line: not line.strip()),
    "BIG-1M": dies_of(lambda line: len(line) > 1 << 20),
    "BIG-16M": hoards,
    "DEEP-5000": drops_lines(lambda line: b"[" * 1000 in line),
    "STDERR-UTF8": logs_latin,
    "STDERR-SECRETS": tells_environment,
    "STDERR-FULL": chatters,
    "JSON-KEYS": twice_the_same_key,
    "JSON-UNICODE": half_a_surrogate,
    "INIT-SCHEMA": result_of("initialize", lambda result: {**result, "serverInfo": {"name": "reference"}}),
    "INIT-EXTRA": refuses_unknown_members,
    "VER-ECHO": offers_what_it_refuses,
    "VER-UNKNOWN": echoes("1999-01-01"),
    "VER-2026-INIT": echoes("2026-07-28"),
    "VER-LATEST": offers_the_oldest,
    "PREINIT-PING": no_ping_before,
    "PREINIT-LIST": lists_before,
    "PREINIT-THEN-INIT": poisoned_by("tools/list"),
    "FALLBACK": lambda server: (server.modern.clear(), poisoned_by("server/discover")(server)),
    "REINIT": forgets_on(lambda server, params: server.session is not None),
    "INIT-BADPARAMS": code_of("initialize", -32603),
    "INIT-BAD-THEN-OK": forgets_on(lambda server, params: "protocolVersion" not in params),
    "CAP-UNUSED": at_ready(note("notifications/tools/list_changed", {})),
    "CLIENT-CAP": at_ready(asking("roots/list")),
    "PREINIT-REQUESTS": says_first(asking("roots/list")),
    "EOF-EXIT": never_ends,
    "EOF-CLEAN": ends_badly,
    "EOF-EARLY": ends_only_after_a_line,
    "EOF-PENDING": forgets_what_is_pending,
    "EOF-PARTIAL": hangs_on_half_a_line,
    "EOF-RUNNING": leaves_a_child,
    "SIGTERM-EXIT": ignores("SIGTERM"),
    "SIGINT-EXIT": ignores("SIGINT"),
    "PING-EMPTY": result_of("ping", lambda result: {"ok": True}),
    "ID-ECHO": numbers_from_texts,
    "METHOD-NF": other_code(-32602),
    "CONC-30": loses_some,
    "EXTRA-FIELDS": drops_messages(lambda message: "zzz" in message),
    "PARAMS-ABSENT": needs_params,
    "META-UNKNOWN": token_is_text,
    "PARSE-TRUNC": no_code(-32700),
    "PARSE-GARBAGE": no_code(-32700),
    "PARSE-UTF8": lossy,
    "REQ-SCALAR": no_code(-32600),
    "REQ-EMPTYARR": no_code(-32600),
    "REQ-NOVERSION": serves_messages(lambda message: "jsonrpc" not in message, lambda one: {**one, "jsonrpc": "2.0"}),
    "REQ-V1": serves_messages(lambda message: message["jsonrpc"] == "1.0", lambda one: {**one, "jsonrpc": "2.0"}),
    "REQ-METHODNUM": drops_messages(lambda message: message.get("method") == 1),
    "REQ-NULLID": takes_any_id,
    "REQ-FRACID": takes_any_id,
    "REQ-PARAMSARR": drops_messages(lambda message: isinstance(message.get("params"), list)),
    "REQ-PARAMSSTR": drops_messages(lambda message: isinstance(message.get("params"), str)),
    "NOTIF-UNKNOWN": answering("notifications/does_not_exist", refusal),
    "NOTIF-REQMETHOD": answering("tools/list", refusal),
    "NOTIF-BADPARAMS": answering("notifications/cancelled", refusal),
    "RESP-UNSOLICITED": answers_answers,
    "RESP-SHAPE": writes(lambda said: {**said, "error": None} if "prompts" in said.get("result", {}) else said),
    "CALL-SHAPE": at_ready({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}),
    "RESP-ONCE": twice,
    "RESP-KNOWN": own_ids,
    "SERVER-IDS": at_ready(asking("ping", 1), asking("ping", 1)),
    "MSG-SCHEMA": result_of("resources/list", lambda result: {"resources": [{"uri": "memo://one"}]}),
    "ERR-CODES": code_of("prompts/get", 0),
    "ERR-CODES-2026": code_of("resources/read", -32042),
    "BATCH-0326": no_batches,
    "BATCH-NOTIFS": empty_batch_answer,
    "BATCH-MIXED": batches_of_objects,
    "BATCH-INIT": batches_before,
    "BATCH-REJ": batches_always,
    "TOOLS-SCHEMA": first_tool(inputSchema=None),
    "TOOLS-INSCHEMA": first_tool(inputSchema={"type": "object", "properties": {"a": {"type": "int"}}}),
    "TOOLS-NAMES": first_tool(name="add two numbers"),
    "TOOLS-UNIQUE": tools(lambda rows: [*rows, rows[1]]),
    "TOOLS-ORDER": shuffles,
    "TOOLS-XHEADER": first_tool(
        inputSchema={"type": "object", "properties": {"a": {"type": "integer", "x-mcp-header": "A header"}}}
    ),
    "TOOLS-XHEADER-PLACE": first_tool(
        inputSchema={"type": "object", "properties": {"a": {"anyOf": [{"type": "string", "x-mcp-header": "A"}]}}}
    ),
    "TOOL-UNKNOWN": unknown_tool_is_error,
    "TOOL-NONAME": call_checks(-32603),
    "TOOL-ARGSARR": takes_arrays,
    "TOOL-MISSARG": takes_anything,
    "TOOL-BADTYPE": takes_anything,
    "TOOL-NOARGS": needs_arguments,
    "TOOL-RESULT": tool_gives("echo", lambda result: BAD_TEXT),
    "TOOL-OUTPUT": tool_gives("add", lambda result: {**result, "structuredContent": {"sum": "two"}}),
    "TOOL-OUTPUT-TEXT": tool_gives("add", lambda result: {**result, "content": []}),
    "TOOL-LEAK": traces,
    "CURSOR-BAD": cursor(lambda given: given == "!!bogus!!", {}),
    "CURSOR-TYPE": cursor(lambda given: given == 5, {}),
    "PAGES": pages_in_a_circle,
    "CACHE-PAGES": scope_by_page,
    "INPUT-ASKED": asks_for_nothing,
    "MODERN-CAPERR": asks_everybody,
    "CAP-UNDECL": undeclared,
    "RES-SCHEMA": result_of("resources/list", lambda result: {"resources": [{"uri": "memo://one"}]}),
    "RES-TEMPLATES": when("resources/templates/list", lambda params: True, raising(-32601)),
    "RES-URI": lambda server: setattr(server, "resources", [{"uri": "one two.txt", "name": "one"}]),
    "RES-READ": when("resources/read", lambda params: params.get("uri") == "memo://one", raising(-32603)),
    "RES-BLOB": when(
        "resources/read", lambda params: params.get("uri") == "memo://dot", lambda _: {"contents": [PADDED]}
    ),
    "RES-NF": unknown_resource(raising(-32602)),
    "RES-NF-2026": unknown_resource(raising(-32002)),
    "RES-NF-EMPTY": unknown_resource(lambda params: {"contents": []}),
    "RES-NOURI": code_of("resources/read", -32603),
    "RES-SUBSCRIBE": when("resources/subscribe", lambda params: True, raising(-32601)),
    "PROMPTS-SCHEMA": result_of("prompts/list", lambda result: {"prompts": [{"description": "nameless"}]}),
    "PROMPT-GET": result_of("prompts/get", lambda result: {"messages": [{"role": "system", "content": "Hello"}]}),
    "PROMPT-NF": code_of("prompts/get", -32603),
    "PROMPT-MISSARG": when("prompts/get", lambda params: params.get("name") == "greet", lambda _: {"messages": []}),
    "COMPLETE": result_of("completion/complete", lambda result: {"completion": {"values": ["x"] * 101}}),
    "COMPLETE-NF": code_of("completion/complete", -32603),
    "LOG-SET": when("logging/setLevel", lambda params: params.get("level") == "notice", raising(-32602)),
    "LOG-LEVEL": when("logging/setLevel", lambda params: params.get("level") == "shouty", lambda _: {}),
    "LOG-THRESHOLD": no_threshold,
    "PROGRESS-TOKEN": wrong_progress(lambda params: {**params, "progressToken": "another"}),
    "PROGRESS-RISING": wrong_progress(lambda params: {**params, "progress": 1}),
    "PROGRESS-DONE": progress_after,
    "CANCEL-UNKNOWN": answers_cancellations,
    "CANCEL-DONE": answers_done_cancellations,
    "CANCEL-INFLIGHT": never_cancels,
    "PING-DURING-CALL": without_tools_call_thread,
    "DISCOVER": result_of("server/discover", lambda result: {**result, "supportedVersions": "2026-07-28"}),
    "MODERN-LIST": modern_first,
    "MODERN-RT": results(lambda result: {key: value for key, value in result.items() if key != "resultType"}),
    "MODERN-CACHE": results(lambda result: {**result, "ttlMs": -1} if "ttlMs" in result else result),
    "MODERN-SERVERINFO": results(lambda result: {key: value for key, value in result.items() if key != "_meta"}),
    "MODERN-NOREQUESTS": wrapped(
        "tool_result", lambda usual, *args: os.write(1, json.dumps(asking("ping")).encode() + b"\n") and usual(*args)
    ),
    "MODERN-NOLOG": lambda server: setattr(
        server,
        "log",
        lambda message, level, text: server.notify("notifications/message", {"level": level, "data": text}),
    ),
    "MODERN-LOGLEVEL": meta_checks("no such level"),
    "MODERN-NOMETA": meta_checks("version is missing"),
    "MODERN-NOCAPS": meta_checks("capabilities are missing"),
    "MODERN-NOINFO": needs_client_info,
    "MODERN-UNSUPVER": modern_error(lambda error: {"code": -32022, "message": error["message"]}),
    "MODERN-NOPING": lambda server: server.of_legacy.discard("ping"),
    "LISTEN-ACK": acknowledges_late,
    "LISTEN-ONLY": sends_unwanted,
    "LISTEN-CANCEL": answers_cancelled_subscriptions,
    "MODERN-ONLY-INIT": modern_only_and_silent_about_it,
    "MODERN-STATELESS": remembers_failures,
}
