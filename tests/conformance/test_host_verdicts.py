import json
import re
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.machine import Machine, this_machine
from connect_mcp.base.record import replace
from connect_mcp.conformance.host_verdicts import HostVerdict, judge, shown_name, verdict
from connect_mcp.conformance.profiles import load, profile_ids
from connect_mcp.conformance.replay import Calls, Server
from connect_mcp.conformance.visit import Seen, visit
from connect_mcp.installer.hosts.all_hosts import find
from support.http_server import http_server
from support.servers import server

ANY = Calls(any_tool=True)
GOOD = Seen(ready=0.2, revision="2025-11-25", tools=({"name": "echo"},), end_seconds=0.1)


def machine() -> Machine:
    return this_machine()


def at(folder: Path, host: str, faults: str = "", **more: Any) -> HostVerdict:
    command = Server(server(folder, faults))
    return judge(load(host), command, machine(), ANY, timeout=more.pop("timeout", 20), **more)


@pytest.mark.parametrize("host", profile_ids())
def test_an_honest_server_works_in_every_host(tmp_path: Path, host: str) -> None:
    said = at(tmp_path, host)
    assert (said.outcome, said.findings) == ("works", ())
    assert re.fullmatch(
        r".+ [\d.-]+ works with this server: 3 tools after \d\.\d\d s(, and it waits [\d.]+ s)?; echo answered .+\.",
        said.sentence,
    )
    assert said.data()["host"] == host


ASKS_LATER = """
import threading
answered = threading.Event()

def ask():
    time.sleep(0.3)
    say({"jsonrpc": "2.0", "id": "roots", "method": "roots/list"})
    answered.wait(60)

def handle(line, usual=handle):
    message = json.loads(line)
    if message.get("id") == "roots":
        answered.set()
    elif message.get("method") == "notifications/initialized":
        threading.Thread(target=ask).start()
    else:
        usual(line)
"""
"""A server that asks its host something a moment after the handshake, and does not end before it is answered."""


def test_a_host_is_there_long_enough_to_be_asked_something(tmp_path: Path) -> None:
    said = at(tmp_path, "qwen-code", ASKS_LATER)
    assert (said.outcome, said.findings) == ("works", ())


LOG = 'log = open(LOG, "a")\ndef handle(line, usual=handle): log.write(line.decode()); log.flush(); usual(line)\n'
FEATURES = """
def result(m, p, usual=result):
    if m == "initialize":
        return {**usual(m, p), "capabilities": {"tools": {}, "prompts": {}, "resources": {}}}
    return {"prompts": []} if m == "prompts/list" else {"resources": []} if m == "resources/list" else usual(m, p)
"""


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("codex", [("initialize", 0), ("notifications/initialized", None), ("tools/list", 1), ("tools/call", 2)]),
        (
            "claude-code",
            [
                ("initialize", 0),
                ("notifications/initialized", None),
                ("tools/list", 1),
                ("prompts/list", 2),
                ("resources/list", 3),
                ("tools/call", 4),
            ],
        ),
        (
            "opencode",
            [
                ("initialize", 0),
                ("notifications/initialized", None),
                ("tools/list", 1),
                ("tools/call", 2),
                ("notifications/cancelled", None),
            ],
        ),
        (
            "gemini-cli",
            [
                ("initialize", 0),
                ("notifications/initialized", None),
                ("prompts/list", 1),
                ("tools/list", 2),
                ("resources/list", 3),
                ("tools/call", 4),
            ],
        ),
        (
            "copilot-cli",
            [
                ("server/discover", 0),
                ("initialize", 1),
                ("notifications/initialized", None),
                ("tools/list", 2),
                ("tools/call", 3),
            ],
        ),
        (
            "continue",
            [
                ("initialize", 0),
                ("notifications/initialized", None),
                ("prompts/list", 1),
                ("tools/list", 2),
                ("tools/call", 3),
            ],
        ),
        ("cline", [("initialize", 1), ("notifications/initialized", None), ("tools/list", 2), ("tools/call", 3)]),
        (
            "qwen-code",
            [
                ("initialize", 0),
                ("notifications/initialized", None),
                ("prompts/list", 1),
                ("tools/list", 2),
                ("tools/list", 3),
                ("tools/call", 4),
            ],
        ),
    ],
)
def test_a_visit_says_what_the_host_was_recorded_to_say(
    tmp_path: Path, host: str, asked: list[tuple[str, int | None]]
) -> None:
    """The order and the ids are those of the recordings that the profiles were made from."""
    log = tmp_path / "log"
    command = Server(server(tmp_path, LOG.replace("LOG", repr(str(log)), 1) + FEATURES))
    assert visit(load(host), command, ANY, timeout=20, name="mine").failure == ""
    got = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [(message["method"], message.get("id")) for message in got] == asked
    if host == "qwen-code":
        assert got[0]["params"]["clientInfo"]["name"] == "qwen-cli-mcp-client-mine"
    if host == "opencode":
        assert got[-1]["params"]["requestId"] == 2


@pytest.mark.parametrize(
    ("host", "faults", "outcome", "said"),
    [
        (
            "codex",
            "time.sleep(1.1)",
            "fails",
            r"would start without this server's tools: ready after 1\.\d s, it waits 1 s in .+ otherwise\); .+ longer",
        ),
        (
            "opencode",
            "sys.exit(3)",
            "fails",
            r"would start without this server's tools: the server exited with code 3 .+",
        ),
        (
            "codex",
            "os.environ['ONLY_HERE']",
            "fails",
            r"would start .+ and works where it is given more variables than HOME, .+USER, .+",
        ),
        (
            "gemini-cli",
            "def answer(m, usual=answer): say(''); usual(m)",
            "fails",
            r"would lose all tools of this server: it writes blank lines to its standard output",
        ),
        ("claude-code", "def answer(m, usual=answer): say(''); usual(m)", "works", "works with this server: .+"),
        (
            "gemini-cli",
            "def answer(m, usual=answer): say('log'); usual(m)",
            "fails",
            r"would lose all tools of this server: it writes lines that are no JSON between its answers to .+",
        ),
        ("gemini-cli", "say('Welcome')", "works", "works with this server: .+"),
        ("cline", "say('Welcome')", "fails", r"would drop this server: it writes a line that is no JSON to .+"),
        (
            "continue",
            "def result(m, p, usual=result):\n"
            "    return {'tools': TOOLS[:1], 'nextCursor': 'x'} if m == 'tools/list' else usual(m, p)",
            "loses",
            r"would see only 1 tool: it asks for the first page alone, and there are more",
        ),
        (
            "claude-code",
            "TOOLS += [tool('a.b'), tool('a/b')]",
            "loses",
            r"would confuse a\.b and a/b: all become mcp__server__a_b",
        ),
        (
            "qwen-code",
            "ERROR = {'code': 1, 'message': 'm'}\n"
            "def answer(m, usual=answer):\n"
            "    if m['method'] == 'tools/call': say({'jsonrpc': '2.0', 'id': m['id'], 'error': ERROR})\n"
            "    else: usual(m)",
            "loses",
            r"makes a call 4 times where it is answered with a JSON-RPC error, as echo was: .+",
        ),
        (
            "codex",
            "def call(n, a, usual=call): return {**usual(n, a), 'structuredContent': {'other': 1}}",
            "risk",
            r"shows its model structuredContent instead of the text, and those of echo do not say the same",
        ),
        (
            "codex",
            "def call(n, a, usual=call): return {**usual(n, a), 'structuredContent': {'result': n + ': {}'}}",
            "works",
            "works with this server: .+",
        ),
        (
            "codex",
            "def call(n, a): return {'content': [{'type': 'text', 'text': '3'}], 'structuredContent': {'result': 3}}",
            "works",
            "works with this server: .+",
        ),
        (
            "opencode",
            "def call(n, a): return {'content': [], 'structuredContent': {'a': 1}}",
            "loses",
            r"shows its model nothing of what echo answers: it has structuredContent alone",
        ),
        (
            "cline",
            "def answer(m, usual=answer):\n"
            "    usual(m)\n"
            "    m['method'] == 'tools/list' and say({'jsonrpc': '2.0', 'id': 'r', 'method': 'roots/list'})",
            "risk",
            r"never answers roots/list, which this server asks",
        ),
        (
            "continue",
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nimport atexit; atexit.register(time.sleep, 600)",
            "loses",
            r"would leave this server running: it does not end when its input does, and nobody kills it",
        ),
        (
            "codex",
            "del TOOLS[0]['inputSchema']",
            "risk",
            r"may not understand this server: not what 2025-06-18 has: tools/list: .+\[0\] has no inputSchema",
        ),
    ],
)
def test_a_fault_is_told_for_the_host_that_it_matters_to(
    tmp_path: Path, host: str, faults: str, outcome: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONLY_HERE", "1")
    monkeypatch.setattr("connect_mcp.conformance.visit._ORPHAN_PATIENCE", 0.3)
    found = at(tmp_path, host, faults)
    assert found.outcome == outcome
    assert re.fullmatch(rf".+ \d[\d.]+ {said}( \(and \d more\))?\.", found.sentence), found.sentence
    assert found.outcome == "works" or found.evidence


@pytest.mark.parametrize(
    ("host", "seen", "said"),
    [
        (
            "claude-code",
            replace(GOOD, ready=2.4),
            "ready after 2.4 s, it waits 2 s in a headless run (30 s otherwise); MCP_",
        ),
        ("opencode", replace(GOOD, ready=29.9), "works with this server: 1 tool after 29.90 s"),
        (
            "claude-code",
            replace(GOOD, revision="1999-01-01"),
            "would refuse this server: it answers with the revision 1999",
        ),
        ("codex", replace(GOOD, revision="1999-01-01"), "works with this server"),
        ("codex", replace(GOOD, ready=None), "would have none of this server's tools"),
        (
            "continue",
            replace(GOOD, called="slow", call_seconds=61.0, call_result={"result": {}}),
            "gives up slow: it took 61 s, it waits 60 s",
        ),
        (
            "copilot-cli",
            replace(GOOD, tools=({"name": "x" * 70},)),
            "under a cut name: with the prefix it is longer than 64",
        ),
        ("codex", replace(GOOD, ends=False), "works with this server"),
    ],
)
def test_a_verdict_follows_from_what_was_seen(host: str, seen: Seen, said: str) -> None:
    assert said in verdict(load(host), seen).sentence


@pytest.mark.parametrize(
    ("host", "told"),
    [
        (
            "codex",
            "1 of 2 tools are called without being approved: the read-only (unapproved: seen with codex 0.169",
        ),
        ("claude-code", "calls are refused until they are approved"),
        ("opencode", "calls are made without being approved"),
        ("gemini-cli", "tools are not offered to the model before the server is trusted"),
    ],
)
def test_the_evidence_says_which_calls_need_a_person(host: str, told: str) -> None:
    tools = ({"name": "a", "annotations": {"readOnlyHint": True}}, {"name": "b", "annotations": 5})
    assert [line for line in verdict(load(host), replace(GOOD, tools=tools)).evidence if told in line]


def test_what_rests_on_memory_alone_is_told_as_probable() -> None:
    profile = load("vscode")
    fails = replace(profile, stdout={**profile.stdout, "first": "fails"})
    found = verdict(fails, replace(GOOD, strays=(1, 0)))
    assert found.outcome == "risk"
    assert "probably would drop this server" in found.sentence
    assert any("remembered, not checked, of VS Code 1.139.1" in line for line in found.evidence)


def test_nothing_is_said_of_what_is_not_known_and_that_is_named() -> None:
    seen = replace(
        GOOD,
        has_more=True,
        tools=({"name": "same"}, {"name": "same"}),
        called="same",
        call_seconds=9999.0,
        call_result={"error": {"code": -32603, "message": "x"}},
        ends=False,
    )
    found = verdict(load("cursor"), seen)
    assert (found.outcome, found.findings) == ("works", ())
    (told,) = [line for line in found.evidence if "not known of it" in line]
    assert {"follows pages", "call patience", "name", "leaves orphan"} <= set(told.partition(": ")[2].split(", "))


@pytest.mark.parametrize(
    ("host", "seen", "said"),
    [
        ("claude-desktop", replace(GOOD, has_more=True), "would see only 1 tool: it asks for the first page alone"),
        ("claude-desktop", replace(GOOD, strays=(1, 1)), "works with this server"),
        (
            "claude-desktop",
            replace(GOOD, called="slow", call_seconds=241.0, call_result={"result": {}}),
            "gives up slow: it took 241 s, it waits 240 s",
        ),
        ("cursor", replace(GOOD, strays=(1, 0)), "works with this server"),
        ("cursor", replace(GOOD, strays=(0, 1)), "would drop this server: it writes lines that are no JSON between"),
        ("cursor", replace(GOOD, blanks=1), "would drop this server: it writes blank lines"),
    ],
)
def test_a_desktop_host_is_told_of_as_its_logs_show_it(host: str, seen: Seen, said: str) -> None:
    found = verdict(load(host), seen)
    assert said in found.sentence
    assert not any("seen with" in line for line in found.evidence)


def test_the_worst_comes_first_and_the_rest_is_counted() -> None:
    seen = replace(GOOD, ready=5.0, tools=({"name": "a b"}, {"name": "a.b"}), faults=("x has no y",))
    found = verdict(load("codex"), seen)
    assert [finding.weight for finding in found.findings] == ["fails", "loses", "risk"]
    assert found.sentence.endswith("makes it wait longer (and 2 more).")


@pytest.mark.parametrize(
    ("host", "tool", "shown"),
    [
        ("codex", "a-b.c", "mcp__srv__a_b_c"),
        ("claude-code", "a-b.c", "mcp__srv__a-b_c"),
        ("opencode", "a/b", "srv_a_b"),
        ("gemini-cli", "a.b/c", "mcp_srv_a.b_c"),
        ("copilot-cli", "aüb", "srv-xn--ab-xka"),
        ("copilot-cli", "odd.na/me ü", "srv-odd-xn--na-me--8ya"),
        ("continue", "a b/ü", "a b/ü"),
        ("cline", "a.b", "srv__a_b"),
        ("copilot-cli", "x" * 100, "srv-" + "x" * 60),
        ("qwen-code", "a" * 50 + "b" * 50, "mcp__srv__" + "a" * 18 + "___" + "b" * 32),
        ("gemini-cli", "a" * 50 + "b" * 50, "mcp_srv_" + "a" * 22 + "..." + "b" * 30),
    ],
)
def test_a_tools_name_becomes_what_the_hosts_model_sees(host: str, tool: str, shown: str) -> None:
    assert shown_name(load(host), "srv", {"name": "another"}, tool) == shown


@pytest.mark.parametrize(
    ("info", "shown"),
    [
        ({"name": "connect", "title": "Connect"}, "mcp_connect_files_read"),
        ({"name": "connect"}, "mcp_connect_files_read"),
        ({"name": "scenario-server"}, "mcp_scenario-serv_files_read"),
        ({"name": "x", "title": "My  Server & more"}, "mcp_my_server_mor_files_read"),
        ({"name": "io.github/a {tool}"}, "mcp_io_github_a_t_files_read"),
        ({"title": "", "name": 7}, "mcp_srv_files_read"),
        ({}, "mcp_srv_files_read"),
    ],
)
@pytest.mark.parametrize("host", ["vscode", "vscode-insiders", "vscodium"])
def test_vs_code_names_tools_after_what_the_server_calls_itself(host: str, info: dict[str, Any], shown: str) -> None:
    profile = load("vscode")
    assert find(host).limits == profile.host.limits
    assert shown_name(profile, "srv", info, "files.read") == shown
    assert shown_name(profile, "srv", info, "x" * 128) == (shown.removesuffix("files_read") + "x" * 128)[:64]


def test_two_tools_that_one_host_confuses_are_parted_by_the_rule_of_another(tmp_path: Path) -> None:
    dotted = server(tmp_path, "TOOLS = [tool('a.b'), tool('a_b')]; INFO['title'] = 'Small Things'")
    confused = judge(load("vscode"), Server(dotted), this_machine(), Calls())
    assert "all become mcp_small_things_a_b" in confused.sentence
    assert judge(load("gemini-cli"), Server(dotted), this_machine(), Calls()).outcome == "works"


def test_a_server_behind_a_url_is_visited_too(tmp_path: Path) -> None:
    with http_server("--embedded", "--data-dir", str(tmp_path)) as http:
        for host in ("codex", "copilot-cli", "gemini-cli"):
            found = judge(load(host), Server(url=http.url), machine(), Calls(), timeout=60)
            assert found.outcome == "works", found.sentence
