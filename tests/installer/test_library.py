"""The installer as other programs use it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import connect_mcp.installer as library
from connect_mcp.installer import Misuse, Reference, Refused, ServerSpec, Template, apply, plan, status

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "examples" / "myserver.py"
PLANTED = "ghp_planted0000000000000001"
SERVER = ServerSpec("/opt/myserver", ("serve",))


def cursor_file(home: Path) -> Path:
    return home / ".cursor" / "mcp.json"


def myserver(*argv: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, EXAMPLE, *argv], capture_output=True, text=True, check=False, timeout=60)


def test_the_example_configures_hosts_from_a_process_of_its_own(home: Path) -> None:
    ran = myserver("cursor", "codex")
    assert ran.returncode == 0, ran.stderr
    assert f"Cursor: add myserver in {cursor_file(home)}" in ran.stdout
    assert json.loads(cursor_file(home).read_text())["mcpServers"]["myserver"]["args"] == ["serve"]
    assert "[mcp_servers.myserver]" in (home / ".codex" / "config.toml").read_text()


def test_the_example_says_what_was_refused_and_ends_with_its_code(home: Path) -> None:
    cursor_file(home).parent.mkdir()
    cursor_file(home).write_text("{")
    ran = myserver("cursor")
    assert ran.returncode == 1
    assert "mcp.json:1" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert myserver("curser").returncode == 2


def test_a_plan_writes_nothing_and_apply_says_how_to_take_it_back(home: Path) -> None:
    planned = plan(SERVER, name="x", hosts=["cursor", "claude"])
    assert [(change.host, change.action) for change in planned.changes] == [("cursor", "add"), ("claude-code", "add")]
    assert '+    "x": {' in planned.diffs[str(cursor_file(home))]
    assert list(home.iterdir()) == []
    done = apply(planned, command="myserver configure")
    assert set(done.files) == {str(cursor_file(home)), str(home / ".claude.json")}
    done.undo()
    assert not cursor_file(home).exists()
    assert not (home / ".claude.json").exists()
    with pytest.raises(Refused):
        done.undo()


def test_applying_twice_writes_once(home: Path) -> None:
    apply(plan(SERVER, name="x", hosts=["cursor"]))
    again = plan(SERVER, name="x", hosts=["cursor"])
    assert [change.action for change in again.changes] == ["nothing"]
    done = apply(again)
    assert (done.id, done.files) == (None, ())
    done.undo()
    assert "x" in json.loads(cursor_file(home).read_text())["mcpServers"]


def test_status_tells_what_is_there_and_what_a_host_wiped(home: Path) -> None:
    apply(plan(SERVER, name="x", hosts=["cursor", "codex"]))
    cursor_file(home).write_text('{"mcpServers": {"other": {"command": "o"}}}')
    found = {(entry.host, entry.name): entry for entry in status()}
    assert (found["cursor", "x"].state, found["cursor", "x"].ours, found["cursor", "x"].spec) == ("missing", True, None)
    assert (found["cursor", "other"].state, found["cursor", "other"].ours) == ("present", False)
    assert found["codex", "x"].spec == SERVER
    assert [entry.host for entry in status("x", hosts=["codex"])] == ["codex"]


def test_secrets_are_kept_apart_or_written_as_the_program_wants(home: Path, tmp_path: Path) -> None:
    server = ServerSpec("/opt/myserver", env={"MY_TOKEN": PLANTED})
    planned = plan(server, name="x", hosts=["cursor"])
    assert PLANTED not in repr(planned) + str(planned.diffs)
    apply(planned)
    assert PLANTED not in cursor_file(home).read_text()
    apply(plan(server, name="x", hosts=["codex"], secrets="inline"))
    assert PLANTED in (home / ".codex" / "config.toml").read_text()
    assert (home / ".codex" / "config.toml").stat().st_mode & 0o077 == 0
    with pytest.raises(Refused, match="shared with others"):
        plan(server, name="x", hosts=["cursor"], scope="project", project=str(tmp_path), secrets="inline")
    referring = ServerSpec("/opt/myserver", env={"MY_TOKEN": Template(Reference("env", "MY_TOKEN"))})
    apply(plan(referring, name="y", hosts=["cursor"]))
    entries = json.loads(cursor_file(home).read_text())["mcpServers"]
    assert entries["y"]["env"] == {"MY_TOKEN": "${env:MY_TOKEN}"}


def test_one_host_that_cannot_keeps_all_as_they_were(home: Path) -> None:
    with pytest.raises(Refused, match="no form for a server over HTTP"):
        plan(ServerSpec(url="https://x", transport="http"), name="x", hosts=["cursor", "claude-desktop"])
    assert list(home.iterdir()) == []


def test_what_cannot_be_meant_is_a_misuse(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for hosts in (["curser"], "cursor"):
        with pytest.raises(Misuse):
            plan(SERVER, name="x", hosts=hosts)
    with pytest.raises(Misuse):
        plan(SERVER, name="x", hosts=["continue"], scope="local")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Misuse, match="none was found"):
        plan(SERVER, name="x")


@pytest.mark.parametrize("first", ["import connect_mcp.installer.apply", "import connect_mcp.installer"])
def test_what_the_package_offers_is_the_same_whatever_was_imported_before(first: str) -> None:
    script = (
        f"{first}\nfrom connect_mcp.installer import apply, plan, status, ServerSpec\n"
        "from connect_mcp.installer.apply import Target\nfrom connect_mcp.installer import apply as again\n"
        "assert apply is again and callable(apply) and apply.__module__ == 'connect_mcp.installer.library'\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)


def test_importing_it_loads_nothing_that_is_not_used() -> None:
    script = "import sys\nbefore = set(sys.modules)\nimport connect_mcp.installer\nprint(*set(sys.modules) - before)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    loaded = {name for name in ran.stdout.split() if name.startswith("connect_mcp")}
    assert loaded <= {"connect_mcp", "connect_mcp.installer"}
    assert not {"argparse", "json", "ruamel"} & set(ran.stdout.split())


def test_everything_that_is_offered_is_there_and_documented() -> None:
    for name in library.__all__:
        assert getattr(library, name).__doc__, name
    with pytest.raises(AttributeError):
        library.nothing  # noqa: B018
