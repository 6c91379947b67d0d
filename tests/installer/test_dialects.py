"""What is said of a config file that its host would not read, or not wholly, and the check before a write."""

from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.installer.dialects import Fault, faults, refuse_rejected
from connect_mcp.installer.hosts.all_hosts import find
from support.cli import CommandLine
from support.judged_files import CODEX_HEAD, JUDGED, Judged
from support.machines import machine


def judged(host: str, text: str) -> tuple[Fault, ...]:
    return faults(find(host), find(host).locate(machine()), text)


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.id)
def test_each_fault_is_found_with_its_place_and_its_consequence(case: Judged) -> None:
    found = judged(case.host, case.text)
    if case.consequence is None:
        assert found == ()
        return
    (fault,) = found
    assert (fault.name, fault.consequence, (fault.line, fault.column)) == (case.name, case.consequence, case.place)
    assert fault.what
    assert "planted" not in fault.what


def test_faults_come_in_file_order_and_one_of_the_wrong_type_is_one_fault() -> None:
    text = '{"mcp": {"a": 5, "b": {"type": "local", "command": "x", "environment": {"A": 1, "B": "c"}}}}'
    assert [fault.name for fault in judged("opencode", text)] == ["mcp.a", "mcp.b.command", "mcp.b.environment.A"]


@pytest.mark.parametrize("host", ["gemini-cli", "qwen-code"])
def test_null_in_place_of_an_entry_ends_these_hosts_though_nothing_else_does(host: str) -> None:
    found = judged(host, '{"mcpServers": {"x": null, "y": {"command": 5}}}')
    assert [(fault.name, fault.consequence) for fault in found] == [
        ("mcpServers.x", "file"),
        ("mcpServers.x", "entry"),
        ("mcpServers.y.command", "entry"),
    ]


def test_places_are_counted_in_characters_behind_a_byte_order_mark_crlf_and_wide_characters() -> None:
    text = '\ufeff{\r\n  // ü\r\n  "mcp": { "ü𝄞": { "type": "nope" } }\r\n}\r\n'
    (fault,) = judged("opencode", text)
    assert (fault.line, fault.column, fault.name) == (3, 20, "mcp.ü𝄞.type")


def test_the_last_of_two_equal_keys_counts_as_it_does_for_hosts() -> None:
    text = '{"mcp": {"a": {"type": "local", "command": "x", "command": ["x"]}}}'
    assert judged("opencode", text) == ()


def test_what_the_row_says_a_host_rejects_is_a_fault_of_the_file_too() -> None:
    (fault,) = judged("claude-code", '{\n  // mine\n  "mcpServers": {}\n}\n')
    assert (fault.consequence, fault.line, fault.column) == ("file", 2, 3)


def test_a_name_is_safe_to_print() -> None:
    (fault,) = judged("opencode", '{"mcp": {"a\\u001b[31m": 5}}')
    assert "\x1b" not in fault.name


@pytest.mark.parametrize("text", ["", " \n", "# mine\n"])
def test_a_blank_file_has_no_faults(text: str) -> None:
    assert judged("codex", text) == ()


def test_a_text_that_cannot_be_read_is_refused_with_its_place() -> None:
    with pytest.raises(Refused) as caught:
        judged("opencode", '{"mcp": {\n  "a" 5}}')
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (2, 7)


def test_a_fault_that_the_write_mends_does_not_stop_it() -> None:
    row = find("codex")
    location = row.locate(machine())
    bad, good = f"{CODEX_HEAD}command = 1\n", f'{CODEX_HEAD}command = "true"\n'
    refuse_rejected(row, location, bad, good)
    with pytest.raises(Refused):
        refuse_rejected(row, location, bad, bad + '[mcp_servers.connect]\ncommand = "a"\n')


def test_a_fault_is_shown_where_it_is_now_and_not_where_it_would_be() -> None:
    row = find("continue")
    before = "name: mine\nmcpServers: []\nversion: 1.0\n"
    after = "name: mine\nmcpServers:\n  - name: a\n    command: b\nversion: 1.0\n"
    with pytest.raises(Refused) as caught:
        refuse_rejected(row, row.locate(machine()), before, after)
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (3, 1)


def test_where_there_is_more_than_one_fault_all_of_them_can_be_asked_for() -> None:
    row = find("continue")
    text = "name: mine\nversion: 1.0\nmcpServers:\n  - name: 5\n    command: a\n"
    with pytest.raises(Refused) as caught:
        refuse_rejected(row, row.locate(machine()), text, text)
    assert caught.value.why == "the file's version is a text: 1.0 needs quotes, 1.0.0 does not"
    assert "and 1 more like it (`connect-mcp doctor continue`)" in caught.value.mend


@pytest.fixture
def connect_mcp(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


def a_broken_codex(home: Path) -> Path:
    path = home / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text(f'{CODEX_HEAD}url = "https://x"\nbearer_token = "sk-planted-1234567890"\n', encoding="utf-8")
    return path


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_configure_refuses_a_file_that_the_host_would_reject_and_says_where_and_why(
    connect_mcp: CommandLine, home: Path, dry: tuple[str, ...]
) -> None:
    path = a_broken_codex(home)
    before = path.read_bytes()
    ran = connect_mcp("configure", "codex", "--embedded", "--no-verify", *dry)
    assert ran.code == 1
    assert f"{path}:6:1" in ran.err
    assert "mcp_servers.x.bearer_token" in ran.err
    assert "bearer_token_env_var" in ran.err
    assert "--force" in ran.err
    assert "planted" not in ran.out + ran.err
    assert path.read_bytes() == before


def test_force_writes_it_all_the_same(connect_mcp: CommandLine, home: Path) -> None:
    path = a_broken_codex(home)
    assert connect_mcp("configure", "codex", "--embedded", "--no-verify", "--force").code == 0
    assert b"[mcp_servers.connect]" in path.read_bytes()


def test_an_entry_that_the_host_only_skips_does_not_stop_a_write(connect_mcp: CommandLine, home: Path) -> None:
    (home / ".claude.json").write_text('{"mcpServers": {"x": {"command": 5}}}', encoding="utf-8")
    assert connect_mcp("configure", "claude", "--embedded", "--no-verify").code == 0


def test_nothing_is_written_for_any_host_where_one_would_reject_its_file(connect_mcp: CommandLine, home: Path) -> None:
    a_broken_codex(home)
    assert connect_mcp("configure", "cursor", "codex", "--embedded", "--no-verify").code == 1
    assert not (home / ".cursor").exists()
