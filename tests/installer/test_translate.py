"""Entries of one host as another has them: over all pairs, and what is said of what has no equivalent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connect_mcp.base.errors import Refused
from connect_mcp.base.record import replace
from connect_mcp.installer.editors.model import Value
from connect_mcp.installer.hosts.all_hosts import HOSTS, find
from connect_mcp.installer.hosts.model import Host
from connect_mcp.installer.spec import Reference, ServerSpec, Template
from connect_mcp.installer.translate import Translated, translated
from support.machines import machine

hosts = st.sampled_from(list(HOSTS))
plain = st.text("ab /-.", min_size=1, max_size=6)
references = st.builds(
    Reference,
    st.sampled_from(["env", "input", "secret", "workspace", "home", "separator"]),
    st.just("X_TOKEN"),
).map(lambda reference: reference if reference.kind in ("env", "input", "secret") else Reference(reference.kind))
texts = plain | st.lists(plain | references, min_size=1, max_size=3).map(
    lambda parts: Template(*parts) if any(isinstance(part, Reference) for part in parts) else "".join(map(str, parts))
)
names = st.sampled_from(["A", "B_TOKEN", "X_TOKEN"])
started = st.builds(
    ServerSpec,
    plain,
    st.lists(texts, max_size=2).map(tuple),
    st.dictionaries(names, texts, max_size=2),
    plain | st.just(""),
)
called = st.builds(
    lambda transport, headers: ServerSpec(url="https://x.example/mcp", transport=transport, headers=headers),
    st.sampled_from(["http", "sse"]),
    st.dictionaries(names, texts, max_size=2),
)


@given(source=hosts, target=hosts, spec=started | called)
def test_whatever_one_host_has_another_has_alike_or_it_is_refused(source: Host, target: Host, spec: ServerSpec) -> None:
    try:
        entry = source.render(spec)
    except Refused:
        return  # the source has no form for it, so it cannot have it
    meant = source.read(entry)
    assert meant is not None
    try:
        server = translated(source, entry, target, machine())
    except Refused:
        return
    written = {**target.render(server.spec), **server.extra}
    there = target.read(written)
    assert there is not None
    assert {**target.render(there), **server.extra} == written, "what is written reads back as what was meant"
    if not server.notes and not {part.kind for part in meant.references} & {"home", "separator"}:
        assert target.render(meant) == target.render(there), "where nothing is said, nothing is changed"
    again = translated(target, written, target, machine())
    assert again == Translated(there, server.extra, ()), "to itself it is the same, without a word"


def of_cursor(target: str, entry: dict[str, Value]) -> Translated:
    return translated(find("cursor"), entry, find(target), machine())


def test_a_reference_stays_one_in_the_other_hosts_spelling() -> None:
    server = of_cursor("vscode", {"command": "a", "env": {"K": "x-${env:TOKEN}"}})
    assert find("vscode").render(server.spec)["env"] == {"K": "x-${env:TOKEN}"}
    server = of_cursor("opencode", {"command": "a", "env": {"K": "x-${env:TOKEN}"}})
    assert find("opencode").render(server.spec)["environment"] == {"K": "x-{env:TOKEN}"}
    server = of_cursor("codex", {"command": "a", "env": {"TOKEN": "${env:TOKEN}"}})
    assert find("codex").render(server.spec) == {"command": "a", "env_vars": ["TOKEN"]}


def test_the_home_folder_is_put_in_where_the_other_host_has_no_name_for_it() -> None:
    server = of_cursor("codex", {"command": "${userHome}/bin/a", "args": ["${userHome}${/}b"]})
    assert (server.spec.command, server.spec.args) == ("/home/user/bin/a", ("/home/user/b",))


def test_what_a_host_asks_for_becomes_a_variable_and_that_is_said() -> None:
    entry: dict[str, Value] = {"type": "stdio", "command": "a", "env": {"API_KEY": "${input:key}"}}
    server = translated(find("vscode"), entry, find("cursor"), machine())
    assert server.spec.env == {"API_KEY": Template(Reference("env", "API_KEY"))}
    assert server.notes == ("API_KEY: ${input:key} has no equivalent: set API_KEY where the host is started",)


def test_a_default_that_is_lost_is_said() -> None:
    entry: dict[str, Value] = {"type": "stdio", "command": "a", "args": ["${PORT:-80}"]}
    server = translated(find("claude-code"), entry, find("cursor"), machine())
    assert server.spec.args == (Template(Reference("env", "PORT")),)
    assert server.notes == ("args: the default of PORT is lost, so that variable must be set",)


@pytest.mark.parametrize(
    ("source", "entry", "target", "extra"),
    [
        ("codex", {"command": "a", "startup_timeout_sec": 20}, "continue", {"connectionTimeout": 20000}),
        ("codex", {"command": "a", "startup_timeout_ms": 1500}, "opencode", {"timeout": 1500}),
        ("continue", {"name": "x", "command": "a", "connectionTimeout": 1500}, "codex", {"startup_timeout_sec": 1.5}),
        ("claude-code", {"command": "a", "timeout": 60000}, "codex", {"tool_timeout_sec": 60}),
        ("opencode", {"type": "local", "command": ["a"], "enabled": False}, "codex", {"enabled": False}),
        ("codex", {"command": "a", "startup_timeout_sec": 90, "tool_timeout_sec": 60}, "cline", {"timeout": 90}),
        ("cline", {"command": "a", "type": "stdio", "timeout": 60}, "goose", {"timeout": 60}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_timeouts_change_their_unit_and_switches_their_key(
    source: str, entry: dict[str, Value], target: str, extra: dict[str, Value]
) -> None:
    server = translated(find(source), entry, find(target), machine())
    assert dict(server.extra) == extra
    assert all(type(server.extra[key]) is type(value) for key, value in extra.items())
    assert all("waits for the server's start" in note for note in server.notes)


def test_what_has_no_equivalent_is_named_and_its_value_is_not() -> None:
    server = of_cursor("codex", {"command": "a", "envFile": ".secret-file", "autoApprove": ["secret-tool"], "env": {}})
    assert server.notes == ("envFile, autoApprove: Cursor's own, not copied",)
    entry: dict[str, Value] = {"command": "a", "enabled": False, "startup_timeout_sec": 20, "cwd": "/w"}
    server = translated(find("codex"), entry, find("cursor"), machine())
    assert server.spec == ServerSpec("a")
    assert len(server.notes) == 3
    assert any("working folder" in note for note in server.notes)
    assert any("switched off in OpenAI Codex" in note for note in server.notes)


def test_a_server_that_the_other_host_has_no_form_for_is_refused() -> None:
    with pytest.raises(Refused, match="no form for a server over HTTP"):
        of_cursor("claude-desktop", {"url": "https://x"})
    with pytest.raises(Refused, match="no form for"):
        of_cursor("claude-desktop", {"command": "a", "env": {"K": "${env:K}"}})
    with pytest.raises(Refused, match="cannot use this entry itself"):
        of_cursor("codex", {"command": 7})


def test_every_pair_of_hosts_takes_a_plain_server() -> None:
    spec = ServerSpec("/opt/x", ("a", "b"), {"K": "v"})
    for source in HOSTS:
        for target in HOSTS:
            server = translated(source, source.render(spec), target, machine())
            assert (server.spec, dict(server.extra), server.notes) == (replace(spec), {}, ())
