# mypy: ignore-errors
# A program that the kit is pointed at, not a part of anything: it stays plain.
"""One fault for each requirement: what is done to the correct server so that it breaks that rule."""

import os
import sys
import time

from reference import Rejected


def wrap(server, name, around):
    """Replace a method by one that is given the usual one first."""
    usual = getattr(server, name)
    setattr(server, name, lambda *args: around(usual, *args))


def result_of(method, change):
    """The result of a method is another one."""

    def fault(server):
        usual = server.methods[method]
        server.methods[method] = lambda params, message: change(usual(params, message))

    return fault


def line_lost(lost):
    """Lines of which this is true are dropped."""
    return lambda server: wrap(server, "line", lambda usual, line: None if lost(line) else usual(line))


def chunked_reads(server):
    def read_line():
        return os.read(0, 65536)

    server.read_line = read_line


def parsed_lines(server):
    def around(usual, line):
        for piece in line.decode("utf-8", "replace").splitlines():
            usual(piece.encode() + b"\n")

    wrap(server, "line", around)


def banner(server):
    server.started = lambda: os.write(1, b"Server is running\n")


def offers_what_it_refuses(server):
    usual = server.methods["initialize"]

    def initialize(params, message):
        asked = params.get("protocolVersion")
        return {**usual(params, message), "protocolVersion": "2024-11-05" if asked == "2025-11-25" else "2025-11-25"}

    server.methods["initialize"] = initialize


def never_ends(server):
    def at_end():
        while True:
            time.sleep(60)

    server.at_end = at_end


def wrong_ids(server):
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


def answers_notifications(server):
    def notified(usual, message):
        usual(message)
        if message["method"] == "notifications/does_not_exist":
            server.write({"jsonrpc": "2.0", "id": 0, "error": {"code": -32601, "message": "Method not found"}})

    wrap(server, "notified", notified)


def no_parse_errors(server):
    server.unreadable = lambda code, text: sys.stderr.write(text)


FAULTS = {
    "STDOUT-PURE": banner,
    "FRAME-SPLIT": chunked_reads,
    "FRAME-U2028": parsed_lines,
    "VER-ECHO": offers_what_it_refuses,
    "EOF-EXIT": never_ends,
    "PING-EMPTY": result_of("ping", lambda result: {"ok": True}),
    "ID-ECHO": wrong_ids,
    "METHOD-NF": other_code(-32602),
    "PARSE-TRUNC": no_parse_errors,
    "NOTIF-UNKNOWN": answers_notifications,
}
