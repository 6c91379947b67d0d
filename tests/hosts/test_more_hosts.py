"""Six further hosts from npm, for `.ci/full`: they read what we write, and reach a started server and a remote one."""

import contextlib
import http.server
import json
import queue
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from support.cli import CommandLine
from support.http_server import http_server
from support.real_hosts import PATIENCE, HostPrograms, install_more

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("more-hosts")]

TOKEN = {"FAR_TOKEN": "what-the-server-wants"}
NAMES = ("near", "far", "locked")
NO_REFERENCES = ("cline",)
"""Hosts that are given the token itself."""

Reached = Callable[[HostPrograms, Path], dict[str, bool]]
"""Whether a host reached each of its servers."""


@pytest.fixture(scope="session")
def programs() -> HostPrograms:
    return install_more()


@pytest.fixture
def connect_mcp(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def url() -> Iterator[str]:
    with http_server("--embedded", "--port", "0", "--token-env", "FAR_TOKEN", env=TOKEN) as server:
        yield server.url


def by_list(*command: str, mark: str) -> Reached:
    """What a command that connects says: a line for each server, with `mark` in that of one that was reached."""

    def reached(programs: HostPrograms, home: Path) -> dict[str, bool]:
        ran = programs.run(home, *command, env=TOKEN)
        said = re.sub(r"\x1b[^m]*m", "", ran.stdout + ran.stderr)
        found = {}
        for name in NAMES:
            (line,) = [line for line in said.splitlines() if re.search(rf"\b{name}\b", line)]
            found[name] = mark in line
        return found

    return reached


def by_copilot(programs: HostPrograms, home: Path) -> dict[str, bool]:
    """What Copilot says of its servers at the start of a session, whose model is where nobody listens."""
    nowhere = {
        "COPILOT_PROVIDER_BASE_URL": "http://127.0.0.1:9/v1",
        "COPILOT_PROVIDER_TYPE": "openai",
        "COPILOT_PROVIDER_API_KEY": "sk-none",
        "COPILOT_MODEL": "none",
    }
    argv = ("copilot", "-p", "hello", "--output-format", "json", "--disable-builtin-mcps", "--allow-all-tools")
    said = programs.run(home, *argv, env={**TOKEN, **nowhere}).stdout
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    loaded = [event["data"] for event in events if event["type"] == "session.mcp_server_tools_loaded"]
    tools = {one["serverName"]: one["toolCount"] for one in loaded}
    return {name: tools.get(name) == 47 for name in NAMES}


def by_cn(programs: HostPrograms, home: Path) -> dict[str, bool]:
    """Whom Continue complains of: it does not start where a server fails, and says which."""
    ran = programs.run(home, "cn", "--config", str(home / CONTINUE), "-p", "hello", "--auto", env=TOKEN)
    said = json.loads((ran.stdout + ran.stderr).strip().splitlines()[-1])["message"]
    assert "failed to load" in said
    return {name: f"\n{name}:" not in said for name in NAMES}


def by_cline(programs: HostPrograms, home: Path) -> dict[str, bool]:
    """Whose tools Cline offers to its model, which answers nothing of use."""
    settings = home / ".cline" / "data" / "settings" / "providers.json"
    with useless_model() as (url, asked):
        options = {"provider": "openai-compatible", "apiKey": "sk-none", "model": "none", "baseUrl": url}
        provider = {"settings": options, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}
        providers = {"openai-compatible": provider}
        settings.write_text(
            json.dumps({"version": 1, "lastUsedProvider": "openai-compatible", "modes": {}, "providers": providers})
        )
        argv = programs.argv("cline", "--json", "-P", "openai-compatible", "-m", "none", "-k", "sk-none")
        process = subprocess.Popen(
            [*argv, "say hello"],
            env=programs.environment(home, TOKEN),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            request = asked.get(timeout=PATIENCE)
        finally:
            process.kill()
            process.wait()
            end_daemon(home)
    offered = [tool["function"]["name"] for tool in json.loads(request)["tools"]]
    return {name: sum(tool.startswith(f"{name}__") for tool in offered) == 47 for name in NAMES}


@contextlib.contextmanager
def useless_model() -> Iterator[tuple[str, "queue.Queue[bytes]"]]:
    """A model's endpoint that refuses every request; its URL, and the requests that came."""
    asked: queue.Queue[bytes] = queue.Queue()

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_error(400)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        server.server_close()


def end_daemon(home: Path) -> None:
    """End the daemon that Cline left behind for this home."""
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "--cline-hub-daemon" in command and str(home) in command:
            process.kill()


LISTS: dict[str, Reached] = {
    "gemini-cli": by_list("gemini", "mcp", "list", mark="- Connected"),
    "kilo": by_list("kilo", "mcp", "list", mark=" connected"),
    "qwen-code": by_list("qwen", "mcp", "list", mark="- Connected"),
    "copilot-cli": by_copilot,
    "continue": by_cn,
    "cline": by_cline,
}
CONTINUE = ".continue/config.yaml"
BEFORE = {
    "continue": (
        CONTINUE,
        "name: mine\nversion: 1.0.0\nschema: v1\nmodels:\n  - name: none\n    provider: openai\n    model: none\n"
        "    apiBase: http://127.0.0.1:9/v1\n    apiKey: sk-none\n    roles: [chat]\n",
    )
}
"""What must be in a host's file before, for it to start at all."""


@pytest.mark.parametrize("host", LISTS)
def test_a_host_reaches_a_server_that_it_starts_and_a_remote_one_and_fills_in_its_token(
    programs: HostPrograms, connect_mcp: CommandLine, home: Path, url: str, host: str
) -> None:
    if host in BEFORE:
        path, text = BEFORE[host]
        (home / path).parent.mkdir(parents=True)
        (home / path).write_text(text, encoding="utf-8")
    assert connect_mcp("configure", host, "--name", "near", "--embedded", "--no-verify").code == 0
    secret: tuple[str, ...] = ("--secret", "FAR_TOKEN=Authorization", "--secrets", "reference")
    if host in NO_REFERENCES:
        secret = ("--header", f"Authorization=Bearer {TOKEN['FAR_TOKEN']}", "--secrets", "inline")
    assert connect_mcp("configure", host, "--name", "far", "--url", url, *secret, "--no-verify", "--yes").code == 0
    assert connect_mcp("configure", host, "--name", "locked", "--url", url, "--no-verify", "--yes").code == 0
    assert LISTS[host](programs, home) == {"near": True, "far": True, "locked": False}
