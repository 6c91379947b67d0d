"""The scenario server is a good server whose faults come one at a time, each as its row says."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.errors import Misuse
from connect_mcp.base.handshake import handshake
from connect_mcp.conformance.lab.scenario_server import (
    CRASHED,
    FAULTS,
    LAST_WORDS,
    MARK,
    META,
    MODERN,
    REVISIONS,
    long_text,
    planted,
)
from support.scenario_servers import PROGRAM, with_faults

PATIENCE = 60.0


class Client:
    """The server as a process, spoken with line by line."""

    def __init__(self, *faults: str, cwd: Path | None = None) -> None:
        command = with_faults(*faults).command
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd)
        self.lines: list[str] = []
        self._last = 0

    def send(self, method: str, params: Mapping[str, Any] | None = None, *, notification: bool = False) -> int:
        assert self.process.stdin
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})}
        if not notification:
            self._last += 1
            message["id"] = self._last
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()
        return self._last

    def read(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline().decode()
        if line:
            self.lines.append(line.rstrip("\n"))
        return line

    def answer(self, identity: int) -> dict[str, Any]:
        """The answer of that id; what comes before it is kept in `lines`."""
        while line := self.read():
            if not line.startswith("{"):
                continue
            message: dict[str, Any] = json.loads(line)
            if message.get("id") == identity and "method" not in message:
                return message
        raise AssertionError("the server ended without an answer")

    def ask(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self.answer(self.send(method, params))

    def begin(self, revision: str = REVISIONS[-1]) -> dict[str, Any]:
        said = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        answer = self.ask("initialize", said)
        self.send("notifications/initialized", notification=True)
        return answer

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return self.ask("tools/call", {"name": tool, "arguments": arguments})

    def names(self) -> list[str]:
        return [tool["name"] for tool in self.ask("tools/list")["result"]["tools"]]

    def end(self) -> int:
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(PATIENCE)


@pytest.fixture
def clients() -> Iterator[list[Client]]:
    opened: list[Client] = []
    yield opened
    for client in opened:
        client.process.kill()
        for stream in (client.process.stdin, client.process.stdout, client.process.stderr):
            assert stream is not None
            stream.close()
        client.process.wait(PATIENCE)


@pytest.fixture
def start(clients: list[Client]) -> Any:
    def started(*faults: str, cwd: Path | None = None) -> Client:
        clients.append(Client(*faults, cwd=cwd))
        return clients[-1]

    return started


def test_the_conformance_kit_finds_nothing_wrong_with_it() -> None:
    kit = [sys.executable, "-m", "connect_mcp", "conformance", "run", "--json", "--call-tools"]
    argv = [*kit, "--example", 'echo={"text": "a"}', "--", *PROGRAM]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)

    results = json.loads(done.stdout)["results"]
    assert [one for one in results if one["outcome"] in ("fail", "warn", "inconclusive")] == []
    assert len([one for one in results if one["outcome"] == "pass"]) > 100


@pytest.mark.parametrize("revision", REVISIONS)
def test_it_speaks_every_revision_with_initialize(revision: str) -> None:
    ready = handshake(with_faults().command, None, None, revision=revision)

    assert ready.revision == revision
    assert ready.tools == ("echo", "fail", "error", "slow", "big", "rich", "structured", "add_tool")
    assert not ready.stray
    assert not ready.lingers


def test_a_call_is_answered_while_another_is_under_way(start: Any) -> None:
    client = start()
    client.begin()
    slow = client.send("tools/call", {"name": "slow", "arguments": {"seconds": 1}})

    assert client.call("echo", text="meanwhile")["result"]["content"][0]["text"] == "meanwhile"
    assert client.answer(slow)["result"]["content"][0]["text"] == "waited 1 seconds"


def test_what_a_tool_cannot_do_is_told_in_its_result_and_an_error_is_an_error(start: Any) -> None:
    client = start()
    client.begin()

    assert client.call("fail")["result"]["isError"] is True
    assert client.call("echo")["result"] == {"content": [{"type": "text", "text": "text is missing."}], "isError": True}
    assert client.call("error")["error"] == {"code": -32603, "message": "The back end gave up"}


def test_a_long_text_has_the_length_that_was_asked_for_and_shows_what_is_cut() -> None:
    assert len(long_text(100_000)) == 100_000
    assert long_text(20) == "line 0\nline 1\nline 2"[:20]


def test_a_tool_is_added_and_said_so(start: Any) -> None:
    client = start()
    client.begin()
    client.call("add_tool")

    assert any("notifications/tools/list_changed" in line for line in client.lines)
    assert client.names()[-1] == "added"
    assert client.call("added")["result"]["content"][0]["text"] == "Was added while the host was running."


def test_nothing_is_answered_that_is_never_answered(start: Any) -> None:
    for fault, method in (("never-ready", "initialize"), ("no-list", "tools/list"), ("no-answer", "tools/call")):
        client = start(fault)
        if method != "initialize":
            client.begin()
        said = {"protocolVersion": REVISIONS[-1]} if method == "initialize" else {"name": "echo", "arguments": {}}
        silent = client.send(method, said if method != "tools/list" else None)
        client.ask("ping")
        assert not any(json.loads(line).get("id") == silent for line in client.lines)


@pytest.mark.parametrize(
    ("fault", "method"), [("slow-start=0.6", "initialize"), ("slow-list=0.6", "tools/list"), ("slow-call=0.6", "call")]
)
def test_what_is_slow_takes_its_time(start: Any, fault: str, method: str) -> None:
    client = start(fault)
    began = time.monotonic()
    client.begin()
    times = {"initialize": time.monotonic() - began}
    began = time.monotonic()
    client.names()
    times["tools/list"] = time.monotonic() - began
    began = time.monotonic()
    client.call("echo", text="a")
    times["call"] = time.monotonic() - began

    assert times[method] >= 0.6


@pytest.mark.parametrize("fault", ["crash-at-start", "crash-at-initialize", "crash-in-call"])
def test_a_crash_comes_when_it_should_with_last_words_and_an_exit_code(start: Any, fault: str) -> None:
    client = start(fault)
    if fault == "crash-in-call":
        client.begin()
        assert client.names()
        client.send("tools/call", {"name": "echo", "arguments": {"text": "a"}})
    elif fault == "crash-at-initialize":
        client.send("initialize", {"protocolVersion": REVISIONS[-1]})

    assert client.process.wait(PATIENCE) == CRASHED
    assert client.process.stderr is not None
    assert client.process.stderr.read().decode() == f"{LAST_WORDS}\n"


def test_a_server_that_crashes_once_is_well_afterwards(start: Any, tmp_path: Path) -> None:
    first = start("crash-once", cwd=tmp_path)
    first.begin()
    first.send("tools/call", {"name": "echo", "arguments": {"text": "a"}})
    assert first.process.wait(PATIENCE) == CRASHED
    assert (tmp_path / MARK).exists()

    again = start("crash-once", cwd=tmp_path)
    again.begin()
    assert again.call("echo", text="well")["result"]["content"][0]["text"] == "well"


def test_text_on_standard_output_stands_where_the_row_says(start: Any) -> None:
    kinds = {}
    for fault in ("text-first", "text-each", "json-first", "blank-lines"):
        client = start(fault)
        client.begin()
        client.names()
        client.end()
        while client.read():
            pass
        kinds[fault] = ["message" if '"jsonrpc"' in line else line for line in client.lines]

    assert kinds["text-first"] == ["Starting the server…", "message", "message"]
    assert kinds["text-each"] == ["DEBUG answering", "message", "DEBUG answering", "message"]
    assert kinds["json-first"] == ['{"level": "info"}', "message", "message"]
    assert kinds["blank-lines"] == ["message", "", "message", ""]


def test_a_page_holds_as_many_tools_as_it_is_told() -> None:
    assert handshake(with_faults("paged=3").command, None, None).first_page == 3
    assert handshake(with_faults("paged").command, None, None).first_page == 1
    assert len(handshake(with_faults("paged").command, None, None).tools) == 8


def test_tools_are_named_oddly_and_work(start: Any) -> None:
    client = start("odd-names", "long-name=128")
    client.begin()
    names = client.names()

    assert names[8:12] == ["files.read", "files/write", "with space", "größe"]
    assert len(names[12]) == 128
    assert client.call("größe")["result"]["content"][0]["text"] == "Is named größe."


def test_a_server_without_tools_lists_none() -> None:
    assert handshake(with_faults("no-tools").command, None, None).tools == ()


def test_a_server_may_not_say_that_it_has_tools(start: Any) -> None:
    assert start("undeclared").begin()["result"]["capabilities"] == {}


def test_every_call_is_an_error_where_results_belong(start: Any) -> None:
    client = start("rpc-errors")
    client.begin()

    assert "error" in client.call("echo", text="a")
    assert "error" in client.call("fail")


def test_a_result_may_be_structured_and_nothing_else(start: Any) -> None:
    client = start("structured-only")
    client.begin()

    assert client.call("echo", text="a")["result"] == {"content": [], "structuredContent": {"said": "a"}}


def test_a_tool_is_described_in_many_scripts(start: Any) -> None:
    client = start("unicode-texts")
    client.begin()

    (echo, *_) = client.ask("tools/list")["result"]["tools"]
    assert (echo["title"], "日本語" in echo["description"]) == ("Écho 🦊", True)


def test_a_revision_that_there_is_not_is_answered(start: Any) -> None:
    assert start("nonsense-revision").begin()["result"]["protocolVersion"] == "1999-01-01"


def test_a_result_may_say_two_things(start: Any) -> None:
    client = start("two-forms")
    client.begin()

    result = client.call("structured")["result"]
    assert (result["content"][0]["text"], result["structuredContent"]) == ("said as text", {"said": "as structure"})


def test_an_older_server_does_not_know_the_newest_revision(start: Any) -> None:
    meta = {"_meta": {f"{META}protocolVersion": MODERN, f"{META}clientCapabilities": {}}}

    assert start().ask("server/discover", meta)["result"]["supportedVersions"] == [MODERN]
    assert start("older").ask("server/discover", meta)["error"]["code"] == -32601


def test_the_host_is_asked_for_all_that_a_server_may_ask_for(start: Any) -> None:
    client = start("asks")
    client.begin()
    client.names()

    asked = [json.loads(line).get("method") for line in client.lines]
    expected = ["ping", "roots/list", "elicitation/create", "sampling/createMessage", "labs/unknown"]
    assert [method for method in asked if method] == expected


def test_all_features_can_be_used(start: Any) -> None:
    client = start("all-features")
    said = client.begin()["result"]["capabilities"]

    assert set(said) == {"tools", "resources", "prompts", "completions", "logging"}
    for method in ("resources/list", "resources/templates/list", "prompts/list", "prompts/get", "resources/read"):
        assert "result" in client.ask(method), method


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_a_deaf_server_goes_on_and_a_good_one_does_not(start: Any) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        good = start()
        good.begin()
        os.kill(good.process.pid, number)
        assert good.process.wait(PATIENCE) == 0

    deaf = start("deaf")
    deaf.begin()
    os.kill(deaf.process.pid, signal.SIGTERM)
    assert deaf.names()
    assert deaf.process.stdin is not None
    deaf.process.stdin.close()
    os.kill(deaf.process.pid, signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        deaf.process.wait(0.5)


def test_a_fault_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    done = subprocess.run([*PROGRAM, "--fault", "nonsense"], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert "there is no fault 'nonsense'" in done.stderr
    assert "never-ready" in done.stderr


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(Misuse, match="slow-start is no number"):
        planted(["slow-start=soon"])


def test_its_help_names_every_fault() -> None:
    done = subprocess.run([*PROGRAM, "--help"], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert all(f"  {name} " in done.stderr for name in FAULTS)
