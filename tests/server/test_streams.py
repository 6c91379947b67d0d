"""The server as a real process: what only shows on real pipes, in time, or from one process to the next."""

import io
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from connect_mcp.base.secrets import Store
from support.keychains import ALT, NONE
from support.stdio_client import PATIENCE, SERVE, Client, line, server
from support.talking import META
from support.upstream import KEY, Answer, Upstream, as_json

# the modern era


def modern(ident: object, method: str, **params: object) -> bytes:
    return line({"jsonrpc": "2.0", "id": ident, "method": method, "params": {**params, "_meta": META}})


def test_a_client_of_the_modern_era_needs_no_handshake(client: Client) -> None:
    """What Copilot CLI 1.0.102 does: discover, listen, list, call, cancel the subscription, go."""
    client.write(modern(0, "server/discover"))
    assert client.read()["result"]["supportedVersions"] == ["2026-07-28"]
    client.write(modern(1, "subscriptions/listen", notifications={"toolsListChanged": True}))
    assert client.read()["method"] == "notifications/subscriptions/acknowledged"
    client.write(modern(2, "tools/list"))
    assert len(client.read()["result"]["tools"]) == 47
    client.write(modern(3, "tools/call", name="get_current_user", arguments={}))
    result = client.read()["result"]
    assert (result["structuredContent"], result["resultType"]) == ({"id": "1"}, "complete")
    client.notify("notifications/cancelled", {"requestId": 1})
    assert client.close() == []
    assert (client.process.returncode, client.errors()) == (0, "")


def test_an_open_subscription_is_answered_at_the_end(client: Client) -> None:
    client.write(modern("s", "subscriptions/listen", notifications={}))
    client.read()
    [ended] = client.close()
    assert (ended["id"], ended["result"]["resultType"]) == ("s", "complete")


def test_another_process_gives_the_same_lists(tmp_path: Path) -> None:
    said = []
    for _ in range(2):
        with server(tmp_path) as client:
            client.write(b"{\n")
            client.read()
            for method in ("tools/list", "prompts/list", "resources/list", "server/discover"):
                client.write(modern("x", method))
            said.append([client.read_line() for _ in range(4)])
    assert said[0] == said[1]


# streams


def test_thirty_requests_back_to_back_get_thirty_answers(client: Client) -> None:
    client.initialize()
    client.write(b"".join(line({"jsonrpc": "2.0", "id": f"n{at}", "method": "ping"}) for at in range(30)))
    assert [client.read()["id"] for _ in range(30)] == [f"n{at}" for at in range(30)]


def test_nothing_is_said_unasked(client: Client) -> None:
    """Neither before nor after notifications/initialized, nor at the end."""
    client.ask("initialize", {"protocolVersion": "2025-11-25"})
    assert client.ask("ping")["result"] == {}
    client.notify("notifications/initialized")
    assert client.ask("ping")["result"] == {}
    assert client.close() == []


def test_a_thousand_calls_on_one_connection_are_all_answered(client: Client) -> None:
    client.initialize()
    calls = [client.send("tools/call", {"name": "get_current_user"}) for _ in range(1000)]
    answers = [client.read() for _ in calls]
    assert sorted(answer["id"] for answer in answers) == calls
    assert all(answer["result"]["isError"] is False for answer in answers)


def test_a_message_of_16_mib_is_answered_and_one_of_5000_levels_too(client: Client) -> None:
    client.initialize()
    assert client.ask("ping", {"_meta": {"x": "x" * (16 << 20)}})["result"] == {}
    deep = b"[" * 5000 + b"]" * 5000
    client.write(b'{"jsonrpc":"2.0","id":"d","method":"ping","params":{"_meta":{"x":' + deep + b"}}}\n")
    assert client.read()["id"] == "d"
    assert client.ask("ping")["result"] == {}


LOUD = """
import os, sys, threading
from connect_mcp.server import main
threading.Thread(target=lambda: [os.write(2, b"x" * 4096) for _ in range(1000)], daemon=True).start()
sys.exit(main.main([]))
"""


def test_a_stderr_that_nobody_reads_holds_nothing_up() -> None:
    """A library that logs more than a pipe holds waits; the protocol does not."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipe, command = subprocess.PIPE, [sys.executable, "-c", LOUD]
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        client = Client(process, io.BytesIO())
        client.initialize()
        assert client.call("get_current_user")["isError"] is True
        assert client.close() == []
        assert process.returncode == 0


@pytest.mark.parametrize("way", ["eof", signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("busy", [False, True])
def test_it_ends_by_itself_and_cleanly(client: Client, api: Upstream, way: str | signal.Signals, busy: bool) -> None:
    """Its own bound is 1.5 s for calls that still run; a host waits about two seconds before it kills."""
    event = threading.Event()
    api.answer = lambda _: Answer(wait_for=event)
    client.initialize()
    if busy:
        client.send("tools/call", {"name": "get_current_user"})
        assert client.ask("ping")["result"] == {}
    if isinstance(way, signal.Signals):
        assert client.end_by(way) == 0
    else:
        assert len(client.close()) == busy
        assert client.process.returncode == 0
    event.set()
    assert client.errors() == ""


# what a call reports while it runs

IMPATIENT = """
import sys
from connect_mcp.server import calls, main
calls.Calls.__init__.__defaults__ = (None, 0.02)
sys.exit(main.main(sys.argv[1:]))
"""


def test_a_call_that_takes_long_gives_signs_of_life_until_it_is_answered(tmp_path: Path, api: Upstream) -> None:
    event = threading.Event()
    api.answer = lambda _: Answer(wait_for=event)
    environment = {"ARYTHMATIC_API_BASE_URL": api.url, "ARYTHMATIC_API_KEY": KEY}
    with server(tmp_path, command=(sys.executable, "-c", IMPATIENT), env=environment) as client:
        client.initialize()
        ident = client.send("tools/call", {"name": "get_current_user", "_meta": {"progressToken": "p"}})
        told = [client.read()["params"] for _ in range(3)]
        assert [params["progress"] for params in told] == [1, 2, 3]
        assert {params["progressToken"] for params in told} == {"p"}
        event.set()
        while "method" in (message := client.read()):
            assert message["params"]["progress"] > 3
        assert message["id"] == ident
        assert client.close() == []


def test_a_wait_before_another_try_is_progress_and_is_logged(client: Client, api: Upstream) -> None:
    answers = iter([Answer(503, b'{"detail": "busy"}', {"Retry-After": "0"}), Answer()])
    api.answer = lambda _: next(answers)
    client.initialize()
    client.ask("logging/setLevel", {"level": "info"})
    ident = client.send("tools/call", {"name": "get_current_user", "_meta": {"progressToken": 5}})
    logged, progress, answer = client.read(), client.read(), client.read()
    assert logged["params"]["level"] == "info"
    assert "Trying again" in logged["params"]["data"]["message"]
    assert (progress["params"]["progressToken"], progress["params"]["progress"]) == (5, 1)
    assert "Trying again" in progress["params"]["message"]
    assert (answer["id"], answer["result"]["isError"]) == (ident, False)
    assert client.close() == []


def test_a_client_that_wants_to_know_is_told_of_failures_without_the_key(client: Client, api: Upstream) -> None:
    api.answer = lambda asked: Answer(500, json.dumps({"detail": f"you sent {asked.headers}"}).encode())
    client.initialize()
    client.ask("logging/setLevel", {"level": "error"})
    client.send("tools/call", {"name": "create_ticket", "arguments": {"title": "t", "body": "b"}})
    logged, answer = client.read(), client.read()
    assert (logged["params"]["level"], logged["params"]["logger"]) == ("error", "connect")
    assert logged["params"]["data"]["error"] == answer["result"]["structuredContent"]
    assert KEY not in json.dumps([logged, answer])


# resources through the whole server


def test_resources_are_read_side_by_side_through_the_api(client: Client, api: Upstream) -> None:
    together = threading.Barrier(3, timeout=PATIENCE)

    def answer(_: object) -> Answer:
        together.wait()
        return as_json({"results": []})

    api.answer = answer
    client.initialize()
    uris = ["connect://me", "connect://workspaces", "connect://channels/c%201/messages"]
    for uri in uris:
        client.send("resources/read", {"uri": uri})
    contents = [client.read()["result"]["contents"][0] for _ in uris]
    assert sorted(content["uri"] for content in contents) == sorted(uris)
    assert sorted(asked.target for asked in api.asked) == [
        "/api/v1/auth/me/",
        "/api/v1/channels/c%201/messages/?limit=50",
        "/api/v1/spaces/",
    ]


def test_an_address_that_would_reach_another_endpoint_is_not_found(client: Client, api: Upstream) -> None:
    client.initialize()
    for uri in ("connect://channels/..%2F..%2Fusers/messages", "connect://channels/%2E%2E/messages"):
        assert client.ask("resources/read", {"uri": uri})["error"]["code"] == -32002
    assert api.asked == []


# options


def test_only_what_was_chosen_is_offered(tmp_path: Path) -> None:
    with server(tmp_path, "--toolset", "polls", "discovery", "--tools=create_ticket") as client:
        client.initialize()
        names = [tool["name"] for tool in client.ask("tools/list")["result"]["tools"]]
        assert (names[0], names[-1], len(names)) == ("get_current_user", "create_ticket", 9)
        assert client.ask("tools/call", {"name": "get_ticket"})["error"]["code"] == -32602
        assert client.ask("prompts/list")["error"]["code"] == -32601


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--toolset", "pols"], "there is no toolset pols; the nearest is polls"),
        (["--tools", "get_poll", "creat_poll"], "there is no tool creat_poll; the nearest is create_poll"),
        (["--read-only", "--tools", "create_poll"], "--read-only leaves create_poll out, which --tools names"),
        (["--read-onli"], "unknown argument: --read-onli; the nearest is --read-only"),
        (["--read-only=1"], "--read-only takes no value"),
        (["--tools"], "--tools needs a name"),
        (["--toolset", "--read-only"], "--toolset needs a name"),
        (["--log-file"], "--log-file needs a file"),
        (["--profile="], "--profile needs a name"),
        (["--embedded", "--profile", "a"], "--embedded needs no account: it cannot be combined with --profile"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_is_nearest(
    arguments: list[str], problem: str, tmp_path: Path
) -> None:
    with server(tmp_path, *arguments) as client:
        assert client.process.wait(PATIENCE) == 2
        assert client.errors().startswith(f"connect-mcp serve: {problem}\n\nusage: connect-mcp serve ")


def test_the_log_file_says_what_was_called_and_nothing_of_what_was_said(tmp_path: Path, api: Upstream) -> None:
    log = tmp_path / "serve.log"
    log.touch(0o644)
    environment = {"ARYTHMATIC_API_BASE_URL": api.url, "ARYTHMATIC_API_KEY": KEY}
    with server(tmp_path, "--log-file", str(log), env=environment) as client:
        client.initialize()
        client.call("search_content", {"query": "private words"})
        api.answer = lambda asked: Answer(500, str(asked.headers).encode())
        client.call("create_ticket", {"title": "private words", "body": "b"})
        assert client.close() == []
        assert client.errors() == ""
    written = log.read_text(encoding="utf-8")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert [row.split(" ", 2)[1] for row in written.splitlines()] == ["info", "info", "error"]
    assert "search_content: done in" in written
    assert "create_ticket: UPSTREAM_ERROR (HTTP 500) after" in written
    assert KEY not in written
    assert "private words" not in written


def test_a_log_file_that_cannot_be_written_is_said_before_serving(tmp_path: Path) -> None:
    with server(tmp_path, "--log-file", str(tmp_path / "none" / "log")) as client:
        assert client.process.wait(PATIENCE) == 1
        assert client.errors() == "connect-mcp serve: the log file cannot be written: No such file or directory\n"


def test_a_profile_is_used_whatever_the_environment_says(tmp_path: Path, api: Upstream) -> None:
    config = tmp_path / "config"
    for variable, value in (("ARYTHMATIC_API_BASE_URL", api.url), ("ARYTHMATIC_API_KEY", KEY)):
        Store(config).put(f"acme/{variable}", value)
    other = {"ARYTHMATIC_API_BASE_URL": "http://127.0.0.1:1/api/v1", "ARYTHMATIC_API_KEY": "arc_test_other_0123456789"}
    with server(tmp_path, "--profile", "acme", "--config-dir", str(config), env=other) as client:
        client.initialize()
        assert client.call("get_current_user")["isError"] is False
    assert api.asked[0].headers["Authorization"] == f"Bearer {KEY}"


def test_a_profile_that_is_not_there_does_not_keep_the_server_from_saying_so(tmp_path: Path) -> None:
    with server(tmp_path, "--profile", "acme", "--config-dir", str(tmp_path)) as client:
        client.initialize()
        assert len(client.ask("tools/list")["result"]["tools"]) == 47
        told = client.call("get_current_user")["structuredContent"]
        assert (told["code"], told["message"]) == (
            "UNAUTHENTICATED",
            "The profile acme has no ARYTHMATIC_API_BASE_URL and no ARYTHMATIC_API_KEY.",
        )


@pytest.mark.parametrize(("backend", "code"), [(ALT, None), (NONE, "UNAUTHENTICATED")])
def test_a_key_in_the_keychain_is_read_at_the_first_call(
    tmp_path: Path, api: Upstream, backend: str, code: str | None
) -> None:
    chosen = {"PYTHON_KEYRING_BACKEND": ALT, "HOME": str(tmp_path)}
    keep = [sys.executable, "-m", "connect_mcp", "secret", "set", "ARYTHMATIC_API_KEY", "--keychain"]
    subprocess.run(keep, input=KEY.encode(), env={**os.environ, **chosen}, check=True, capture_output=True)
    env = {**chosen, "PYTHON_KEYRING_BACKEND": backend, "ARYTHMATIC_API_BASE_URL": api.url}
    with server(tmp_path, env=env) as client:
        client.initialize()
        told = client.call("get_current_user")["structuredContent"]
    assert told.get("code") == code
    if code:
        assert told["message"] == "The keychain could not be read."
        assert "no keychain can be reached from here" in told["hint"]
    else:
        assert api.asked[0].headers["Authorization"] == f"Bearer {KEY}"


def test_a_key_that_is_kept_after_the_start_is_found_at_the_next_call_and_so_is_another(
    tmp_path: Path, api: Upstream
) -> None:
    store, other = Store(tmp_path), "arc_test_other_0123456789"
    with server(tmp_path, "--config-dir", str(tmp_path), env={"ARYTHMATIC_API_BASE_URL": api.url}) as client:
        client.initialize()
        assert client.call("get_current_user")["structuredContent"]["code"] == "UNAUTHENTICATED"
        store.put("ARYTHMATIC_API_KEY", KEY)
        assert client.call("get_current_user")["isError"] is False
        store.put("SOMETHING_ELSE", "x")
        assert client.call("get_current_user")["isError"] is False
        store.put("ARYTHMATIC_API_KEY", other)
        assert client.call("get_current_user")["isError"] is False
        store.restore("ARYTHMATIC_API_KEY", None)
        assert client.call("get_current_user")["structuredContent"]["code"] == "UNAUTHENTICATED"
    assert [asked.headers["Authorization"] for asked in api.asked] == [f"Bearer {key}" for key in (KEY, KEY, other)]


def test_help_documents_every_option() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([*SERVE, "--help"], capture_output=True, text=True, env=environment, timeout=PATIENCE)
    for option in ("--embedded", "--profile", "--toolset", "--tools", "--read-only", "--log-file", "--config-dir"):
        assert f"\n  {option}" in done.stdout
