# mypy: ignore-errors
# A program that the kit is pointed at, not a part of anything: it stays plain.
"""The correct server over the transport of 2024-11-05, on a port of its own that it writes to standard output."""

import http.server
import json
import queue
import threading
import uuid


def serve(make, endpoint):
    """`endpoint` makes of a conversation's own URL what the server says that it is."""
    streams = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def do_GET(self):
            if self.path != "/sse":
                self.reply(404)
                return
            ident, said = uuid.uuid4().hex, queue.Queue()
            server = make()
            server.write = lambda message: said.put(json.dumps(message).encode())
            streams[ident] = server
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            try:
                self.say(b"endpoint", endpoint(f"/messages?session={ident}").encode())
                while True:
                    try:
                        self.say(b"message", said.get(timeout=0.2))
                    except queue.Empty:
                        self.wfile.write(b": alive\n\n")
            except OSError:
                del streams[ident]

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server = streams.get(self.path.partition("session=")[2])
            if not self.path.startswith("/messages"):
                self.reply(405)
            elif server is None:
                self.reply(404)
            else:
                self.reply(202)
                server.line(body)

        def say(self, kind, data):
            self.wfile.write(b"event: " + kind + b"\ndata: " + data + b"\n\n")

        def reply(self, status):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{listening.server_address[1]}/sse", flush=True)
    input()
