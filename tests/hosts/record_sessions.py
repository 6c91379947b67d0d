"""Record the real hosts with the bundled server into fixtures/sessions. Run as `python -m tests.hosts.record_sessions`.

Each host is configured by our own `configure` with the recorder as the server's command, so that what is recorded is
what that host does with the entry that we write.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from connect_mcp.__main__ import main as connect_mcp  # noqa: E402
from support.real_hosts import ClaudeControl, CodexAppServer, HostPrograms, install  # noqa: E402

SESSIONS = ROOT / "fixtures" / "sessions"


def codex(programs: HostPrograms, home: Path) -> None:
    server = CodexAppServer(programs, home, home)
    assert len(server.tools("connect")) == 47
    server.call("connect", "list_workspaces", {})
    server.close()


def claude(programs: HostPrograms, home: Path) -> None:
    control = ClaudeControl(programs, home, home)
    assert control.server("connect")["status"] == "connected"
    control.call("connect", "list_workspaces", {})
    control.close()


def opencode(programs: HostPrograms, home: Path) -> None:
    assert "connected" in programs.run(home, "opencode", "mcp", "list").stdout


DRIVERS: dict[str, tuple[str, str, Callable[[HostPrograms, Path], None]]] = {
    "codex": ("codex", "call", codex),
    "claude-code": ("claude", "call", claude),
    "opencode": ("opencode", "handshake", opencode),
}


def main() -> None:
    """Record every host; what was there before is replaced."""
    programs = install()
    SESSIONS.mkdir(parents=True, exist_ok=True)
    for old in SESSIONS.glob("*.jsonl"):
        old.unlink()
    for host, (program, scenario, drive) in DRIVERS.items():
        version = programs.installed[program].version
        with tempfile.TemporaryDirectory() as folder:
            record(programs, host, version, scenario, drive, Path(folder))


def record(
    programs: HostPrograms,
    host: str,
    version: str,
    scenario: str,
    drive: Callable[[HostPrograms, Path], None],
    folder: Path,
) -> None:
    """One host's session: the longest of those that it started, since Codex starts a server twice."""
    home, out = folder / "home", folder / "session.jsonl"
    home.mkdir()
    os.environ["HOME"] = str(home)
    ours = [sys.executable, "-m", "connect_mcp"]
    recorder = [*ours, "conformance", "record", "--out", str(out), "--host", host, "--host-version", version]
    server = [*ours, "serve", "--embedded"]
    assert connect_mcp(["configure", host, "--no-verify", "--", *recorder, "--", *server]) == 0
    drive(programs, home)
    longest = max(folder.glob("session*.jsonl"), key=lambda path: path.stat().st_size)
    header, *events = longest.read_text(encoding="utf-8").splitlines(keepends=True)
    facts = {**json.loads(header), "scenario": scenario, "provenance": "recorded with tests/hosts/record_sessions.py"}
    (SESSIONS / f"{host}-{version}-{scenario}.jsonl").write_text(
        json.dumps(facts, ensure_ascii=False) + "\n" + "".join(events), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
