# mypy: ignore-errors
# A program that the kit is pointed at, not a part of anything: it stays plain.
"""The correct server over Streamable HTTP, on a port of its own that it writes to standard output."""

import http.server
import json
import threading
import uuid

from reference import META, MODERN, Server

NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


class Policy:
    """What a fault changes about HTTP."""

    def __init__(self):
        self.foreign_origin = 403
        self.notified = (202, b"")
        self.get = 405
        self.content_type = "application/json"
        self.wrap_body = lambda body: body
        self.bad_body = 400
        self.session_id = lambda: uuid.uuid4().hex
        self.missing_session = 400
        self.forgets_sessions = True
        self.unknown_session = 404
        self.event_id = lambda: uuid.uuid4().hex
        self.unknown_version = 400
        self.compared = {"version", "method", "method-missing", "name"}
        self.statuses = {-32601: 404, -32022: 400, -32602: 400, -32020: 400, -32600: 400, -32700: 400}


class Refused(Exception):
    def __init__(self, status, code, text, ident=None):
        self.status = status
        self.body = {"jsonrpc": "2.0", "id": ident, "error": {"code": code, "message": text}}


def serve(make, change):
    sessions, policy = {}, Policy()
    change(policy)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def do_GET(self):
            self.reply(policy.get, b"", "text/plain")

        def do_DELETE(self):
            if policy.forgets_sessions:
                sessions.pop(self.headers.get("Mcp-Session-Id"), None)
            self.reply(200, b"", None)

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                self.post(body)
            except TimeoutError:
                self.close_connection = True
            except Refused as refused:
                self.reply(refused.status, json.dumps(refused.body).encode(), "application/json")

        def post(self, body):
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
            server = self.modern(message, meta) if modern else self.legacy(message)
            said = self.answers(server, message)
            answer = next((one for one in said if "id" in one and "method" not in one), None)
            if answer is None and "id" in message:
                self.stream(said)
                return
            if answer is None:
                self.reply(policy.notified[0], policy.notified[1], None)
                return
            status = policy.statuses.get(answer.get("error", {}).get("code"), 200) if modern else 200
            self.send_messages(status, said, server)

        def modern(self, message, meta):
            version, method = self.headers.get("MCP-Protocol-Version"), self.headers.get("Mcp-Method")
            name = message["params"].get(NAMED_BY.get(str(message["method"]), ""))
            wrong = (
                ("version" in policy.compared and version != meta[META + "protocolVersion"])
                or ("method-missing" in policy.compared and method is None)
                or ("method" in policy.compared and method is not None and method != message["method"])
                or ("name" in policy.compared and name is not None and self.headers.get("Mcp-Name") != name)
            )
            if wrong:
                raise Refused(400, -32020, "the headers say something else", message.get("id"))
            return make()

        def legacy(self, message):
            if isinstance(message, dict) and message.get("method") == "initialize":
                return make()
            if isinstance(message, dict) and message.get("method") == "server/discover":
                return make()
            version = self.headers.get("MCP-Protocol-Version")
            if version and version not in (*Server().legacy, MODERN) and policy.unknown_version != 200:
                raise Refused(policy.unknown_version, -32600, "no such version")
            ident = self.headers.get("Mcp-Session-Id")
            if ident is None:
                if isinstance(message, dict) and message.get("method") == "ping" and version is None:
                    return make()
                if policy.missing_session != 200:
                    raise Refused(policy.missing_session, -32600, "which session?")
                return next(iter(sessions.values()))
            if ident not in sessions:
                if policy.unknown_session == 200:
                    return next(iter(sessions.values()))
                raise Refused(policy.unknown_session, -32600, "no such session")
            return sessions[ident]

        def answers(self, server, message):
            said = []
            server.local.said = said
            server.message(message)
            return said

        def send_messages(self, status, said, server):
            if server.session and server not in sessions.values() and "protocolVersion" in said[-1].get("result", {}):
                self.session = policy.session_id()
                sessions[self.session] = server
            if len(said) == 1:
                self.reply(status, policy.wrap_body(json.dumps(said[0]).encode()), policy.content_type)
                return
            events = b"".join(
                f"id: {policy.event_id()}\nevent: message\ndata: {json.dumps(one)}\n\n".encode() for one in said
            )
            self.reply(status, events, "text/event-stream")

        def stream(self, said):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for one in said:
                self.wfile.write(b"event: message\ndata: " + json.dumps(one).encode() + b"\n\n")
            self.wfile.flush()
            self.connection.settimeout(5)
            self.rfile.read(1)  # until the client goes

        def reply(self, status, body, kind):
            self.send_response(status)
            if kind:
                self.send_header("Content-Type", kind)
            if getattr(self, "session", None):
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
