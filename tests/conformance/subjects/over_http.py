# mypy: ignore-errors
# A program that the kit is pointed at, not a part of anything: it stays plain.
"""The correct server over Streamable HTTP, on a port of its own that it writes to standard output.

It has sessions, a stream for its own messages, and streams that go on where they broke off.
"""

import base64
import http.server
import itertools
import json
import socket
import threading
import uuid

from reference import META, MODERN, Server

NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


class Policy:
    """What a fault or an oddity changes about HTTP."""

    def __init__(self):
        self.server = ""  # which row of oddities.py it is
        self.foreign_origin = 403
        self.notified = (202, b"")
        self.get = 200
        self.get_modern = 405
        self.content_type = "application/json"
        self.wrap_body = lambda body: body
        self.bad_body = 400
        self.has_sessions = True
        self.session_id = lambda: uuid.uuid4().hex
        self.modern_session = None
        self.missing_session = 400
        self.forgets_sessions = True
        self.unknown_session = 404
        self.unknown_version = 400
        self.compared = {"version", "method", "method-missing", "name", "name-missing", "param", "param-missing"}
        self.decodes = True
        self.expects_absent = False
        self.numerically = True
        self.takes_raw = False
        self.default_version = None
        self.header = lambda headers, name: headers.get(name)
        self.statuses = {-32601: 404, -32022: 400, -32602: 400, -32020: 400, -32600: 400, -32700: 400}
        self.event_id = lambda: uuid.uuid4().hex
        self.primes = True
        self.polls = False
        self.retry = b"retry: 10\n"
        self.frame = frame
        self.last = lambda event: event
        self.ends_streams = True
        self.buffering = "no"
        self.resumes = True
        self.replayed = lambda stream, at, all_streams: stream.log[at + 1 :]
        self.everywhere = lambda message: False
        self.json_alone = False


def frame(ident, data, more=b""):
    return (b"id: " + ident.encode() + b"\n" if ident else b"") + more + b"event: message\ndata: " + data + b"\n\n"


class Refused(Exception):
    def __init__(self, status, code, text, ident=None):
        self.status = status
        self.body = {"jsonrpc": "2.0", "id": ident, "error": {"code": code, "message": text}}


class Stream:
    """Events as they were or will be sent, whoever listens."""

    def __init__(self):
        self.log = []
        self.done = False
        self.changed = threading.Condition()

    def add(self, ident, event):
        with self.changed:
            self.log.append((ident, event))
            self.changed.notify_all()

    def end(self):
        with self.changed:
            self.done = True
            self.changed.notify_all()


class Session:
    def __init__(self, server):
        self.server = server
        self.streams = []
        self.listening = []


class Reply:
    """What the server says about one message: JSON where it is the answer alone, else a stream."""

    def __init__(self, handler, session, message):
        self.handler, self.policy, self.session = handler, handler.policy, session
        self.batch = isinstance(message, list)
        self.asked = isinstance(message, dict) and "method" in message and "id" in message
        self.needs_no_stream = self.asked and message["method"] != "subscriptions/listen"
        self.said = []
        self.stream = None
        self.gone = False
        self.answered = False

    def append(self, message):
        answers = "method" not in message
        if self.session and self.policy.everywhere(message):
            for stream in self.session.listening:
                stream.add("", frame("", json.dumps(message).encode()))
        if self.batch:
            self.said.append(message)
        elif answers and self.stream is None:
            self.answered = True
            self.handler.answer(self, message)
        elif answers or (self.asked and not (self.policy.json_alone and self.needs_no_stream)):
            self.answered = self.answered or answers
            self.event(message, answers)
        elif not self.asked and self.session and self.session.listening:
            ident = self.policy.event_id()
            self.session.listening[-1].add(ident, self.policy.frame(ident, json.dumps(message).encode()))

    def event(self, message, answers):
        if self.stream is None:
            self.stream = Stream()
            if self.session:
                self.session.streams.append(self.stream)
            self.begin()
        ident = self.policy.event_id() if self.session else ""
        event = self.policy.frame(ident, json.dumps(message).encode())
        self.say(ident, self.policy.last(event) if answers else event)

    def begin(self):
        try:
            self.handler.begin_stream()
        except OSError:
            self.gone = True
        if self.session and self.policy.primes and self.session.server.session == "2025-11-25":
            ident = self.policy.event_id()
            if ident:
                self.say(ident, b"id: " + ident.encode() + b"\n" + self.policy.retry + b"data:\n\n")
            if self.policy.polls and ident:
                self.gone = True
                self.handler.hang_up()

    def say(self, ident, event):
        self.stream.add(ident, event)
        if not self.gone:
            try:
                self.handler.wfile.write(event)
            except OSError:
                self.gone = True

    def end(self):
        if len(self.said) == 1:
            self.batch = False
            self.append(self.said[0])
        elif self.said:
            self.answered = True
            for message in self.said:
                self.event(message, False)
        if self.stream is not None:
            self.stream.end()


def serve(make, change):
    sessions, policy = {}, Policy()
    change(policy)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        session = None

        def log_message(self, *args):
            pass

        @property
        def policy(self):
            return policy

        def guarded(self, act):
            self.session = None
            try:
                act()
            except (OSError, TimeoutError):
                self.close_connection = True
            except Refused as refused:
                self.reply(refused.status, json.dumps(refused.body).encode(), "application/json")

        def do_GET(self):
            self.guarded(self.listen)

        def do_POST(self):
            self.guarded(self.post)

        def do_DELETE(self):
            if policy.forgets_sessions:
                sessions.pop(self.headers.get("Mcp-Session-Id"), None)
            self.reply(200, b"", None)

        def listen(self):
            if not make(policy.server).legacy:
                self.reply(policy.get_modern, b"", "text/plain")
                return
            session = self.find(None)
            last = self.headers.get("Last-Event-ID")
            if policy.get != 200 or (last is not None and not policy.resumes):
                self.reply(policy.get if policy.get != 200 else 405, b"", "text/plain")
                return
            logs = [(stream, at, ident) for stream in session.streams for at, (ident, _) in enumerate(stream.log)]
            found = [(stream, at) for stream, at, ident in logs if ident == last]
            if last is not None and found:
                stream, at = found[0]
                with stream.changed:
                    missed, before = policy.replayed(stream, at, session.streams), len(stream.log)
                self.begin_stream()
                for _, event in missed:
                    self.wfile.write(event)
                self.follow(stream, before)
                return
            stream = Stream()
            session.streams.append(stream)
            session.listening.append(stream)
            try:
                self.begin_stream()
                self.follow(stream, 0)
            finally:
                session.listening.remove(stream)

        def follow(self, stream, at):
            while True:
                with stream.changed:
                    if at == len(stream.log) and not stream.done:
                        stream.changed.wait(0.05)
                    events, at = stream.log[at:], len(stream.log)
                    over = stream.done
                for _, event in events:
                    self.wfile.write(event)
                if not events and over:
                    return
                if not events:
                    self.wfile.write(b": alive\n")

        def post(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            origin = self.headers.get("Origin")
            if origin and policy.foreign_origin != 200 and "127.0.0.1" not in origin:
                raise Refused(policy.foreign_origin, -32600, "this origin may not")
            try:
                message = json.loads(body.decode())
            except (ValueError, RecursionError):
                raise Refused(policy.bad_body, -32700, "Parse error") from None
            params = message.get("params") if isinstance(message, dict) else None
            meta = params.get("_meta") if isinstance(params, dict) else None
            modern = isinstance(meta, dict) and META + "protocolVersion" in meta
            session = None if modern else self.legacy(message)
            server = self.modern(message, meta) if modern else session.server
            reply = Reply(self, session if session in sessions.values() else None, message)
            reply.modern, reply.begun = modern, session
            server.local.said = reply
            server.message(message)
            reply.end()
            if reply.stream is not None and not (reply.answered and policy.ends_streams):
                self.until_gone()  # a subscription
            elif reply.stream is None and not reply.answered and reply.asked:
                self.begin_stream()
                self.until_gone()
            elif reply.stream is None and not reply.answered:
                self.reply(policy.notified[0], policy.notified[1], None)

        def modern(self, message, meta):
            named = policy.header
            version, method = named(self.headers, "MCP-Protocol-Version"), named(self.headers, "Mcp-Method")
            version = version or policy.default_version
            name = message["params"].get(NAMED_BY.get(str(message["method"]), ""))
            told = named(self.headers, "Mcp-Name")
            server = make(policy.server)
            wrong = (
                ("version" in policy.compared and version != meta[META + "protocolVersion"])
                or ("method-missing" in policy.compared and method is None)
                or ("method" in policy.compared and method is not None and method != message["method"])
                or ("name-missing" in policy.compared and name is not None and told is None)
                or ("name" in policy.compared and None not in (name, told) and self.decoded(told) != name)
                or (message["method"] == "tools/call" and self.params_differ(server, message["params"]))
            )
            if wrong:
                raise Refused(policy.statuses[-32020], -32020, "the headers say something else", message.get("id"))
            return server

        def params_differ(self, server, params):
            tool = next((one for one in server.tools if one["name"] == params.get("name")), None)
            arguments = params.get("arguments")
            if tool is None or not isinstance(arguments, dict):
                return False
            for name, schema in tool["inputSchema"]["properties"].items():
                if "x-mcp-header" not in schema:
                    continue
                value, told = arguments.get(name), self.headers.get("Mcp-Param-" + schema["x-mcp-header"])
                if told is None:
                    missing = policy.expects_absent or isinstance(value, (str, int, bool))
                    if missing and "param-missing" in policy.compared:
                        return True
                elif "param" in policy.compared and not self.same(told, value):
                    return True
            return False

        def same(self, told, value):
            if not told.isascii():
                return policy.takes_raw
            told = self.decoded(told)
            if isinstance(value, bool):
                return told == ("true" if value else "false")
            if isinstance(value, int) and policy.numerically:
                try:
                    return float(told) == value
                except ValueError:
                    return False
            return told == str(value)

        def decoded(self, told):
            if policy.decodes and told.startswith("=?base64?") and told.endswith("?="):
                return base64.b64decode(told[9:-2]).decode()
            return told

        def legacy(self, message):
            method = message.get("method") if isinstance(message, dict) else None
            if method in ("initialize", "server/discover"):
                return Session(make(policy.server))
            version = self.headers.get("MCP-Protocol-Version")
            if version and version not in (*Server().legacy, MODERN) and policy.unknown_version != 200:
                raise Refused(policy.unknown_version, -32600, "no such version")
            return self.find(method)

        def find(self, method):
            ident = self.headers.get("Mcp-Session-Id")
            if ident is None:
                version = self.headers.get("MCP-Protocol-Version")
                if method == "ping" and version is None:
                    return Session(make(policy.server))
                if not policy.has_sessions:
                    if version == MODERN:
                        raise Refused(400, -32600, "one message at a time, with _meta")
                    server = make(policy.server)
                    server.session = version if version in server.legacy else "2025-03-26"
                    return Session(server)
                if policy.missing_session != 200:
                    raise Refused(policy.missing_session, -32600, "which session?")
                return next(iter(sessions.values()))
            if ident not in sessions:
                if policy.unknown_session == 200:
                    return next(iter(sessions.values()))
                raise Refused(policy.unknown_session, -32600, "no such session")
            return sessions[ident]

        def answer(self, reply, message):
            code = message.get("error", {}).get("code")
            status = policy.statuses.get(code, 200) if reply.modern else 200
            if not reply.modern and policy.has_sessions and "protocolVersion" in message.get("result", {}):
                self.session = policy.session_id()
                sessions[self.session] = reply.begun
            if reply.modern:
                self.session = policy.modern_session
            self.reply(status, policy.wrap_body(json.dumps(message).encode()), policy.content_type)

        def begin_stream(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            if policy.buffering:
                self.send_header("X-Accel-Buffering", policy.buffering)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.flush()
            self.close_connection = True

        def hang_up(self):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

        def until_gone(self):
            self.wfile.flush()
            self.connection.settimeout(5)
            self.rfile.read(1)

        def reply(self, status, body, kind):
            self.send_response(status)
            if kind:
                self.send_header("Content-Type", kind)
            if self.session:
                self.send_header("Mcp-Session-Id", self.session)
                self.session = None
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{listening.server_address[1]}/mcp", flush=True)
    input()


def in_one_thread(server):
    """Over HTTP each request has a thread already, and what is said in it belongs to its answer."""
    server.write = lambda said: server.local.said.append(said)

    def call_apart(method, message):
        params = message.get("params", {})
        Server.check_call(server, params)
        server.running[message["id"]] = None
        server.run_call(method, message)

    server.call_apart = call_apart
    return server


def counting():
    """Ids that count up, over all streams."""
    numbers = itertools.count(1)
    return lambda: str(next(numbers))
