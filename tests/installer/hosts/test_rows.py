"""What holds for every row, and what each row says about entries, names and environments."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import connect_mcp.installer.hosts.model as model
from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.machine import Platform
from connect_mcp.base.record import replace
from connect_mcp.installer.editors.model import Put, Value
from connect_mcp.installer.hosts.all_hosts import HOSTS, find
from connect_mcp.installer.hosts.model import DOCK_PATH, Form, Host, PassedOn
from connect_mcp.installer.spec import Reference, ServerSpec, Template, Transport
from support.machines import machine

SPEC = ServerSpec("/opt/x", ("a", "b"), {"K": "v"})

each_host = pytest.mark.parametrize("host", list(HOSTS), ids=lambda host: host.id)

hosts = st.sampled_from(list(HOSTS))
specs = st.builds(
    ServerSpec,
    command=st.text(min_size=1),
    args=st.lists(st.text()).map(tuple),
    env=st.dictionaries(st.text(min_size=1), st.text()),
)


def as_understood(host: Host, spec: ServerSpec) -> ServerSpec:
    """What a host takes a server for: a text that looks like a reference is one to it."""
    return spec.mapped(host.syntax.understood) if host.syntax else spec


def test_the_registry_and_the_modules_agree() -> None:
    folder = Path(model.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"model", "all_hosts", "syntax", "own_locks", "places"}
    assert {host.id.replace("-", "_") for host in HOSTS} == {module.rstrip("_") for module in modules}
    assert len(HOSTS) == len(modules)


def test_the_rows_are_sorted_and_their_names_are_unique() -> None:
    assert [host.id for host in HOSTS] == sorted(host.id for host in HOSTS)
    names = [name for host in HOSTS for name in (host.id, *host.aliases)]
    assert len(names) == len(set(names))
    assert all(name == name.lower() for name in names)
    assert HOSTS[0] is next(iter(HOSTS))
    assert HOSTS[1:3] == tuple(HOSTS)[1:3]


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("claude", "claude-code"),
        ("desktop", "claude-desktop"),
        ("Claude Desktop", "claude-desktop"),
        ("code", "vscode"),
        ("vs-code", "vscode"),
        ("VS_Code", "vscode"),
        ("insiders", "vscode-insiders"),
        ("codium", "vscodium"),
        ("cn", "continue"),
        ("codex", "codex"),
    ],
)
def test_short_names_are_understood(name: str, identity: str) -> None:
    assert find(name).id == identity


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(Misuse) as caught:
        find("curser")
    assert "cursor" in caught.value.mend
    assert "opencode" in caught.value.why
    with pytest.raises(Misuse) as caught:
        find("zzzzzz")
    assert caught.value.mend == ""


@each_host
def test_every_fact_says_how_it_is_known(host: Host) -> None:
    expected = {"detection", "entry", "passed_on", "reload", "tolerance", *(f"scopes.{scope}" for scope in host.scopes)}
    defaults = {name: about.default for name, about in Host.__record_fields__.items()}  # type: ignore[attr-defined]
    for optional in (
        "off",
        "off_names",
        "off_by_hand",
        "waits",
        "name_rules",
        "patience",
        "protocol",
        "closed_first",
        "before_create",
        "remote",
        "syntax",
        "limits",
        "entry_key",
        "companions",
        "shims",
    ):
        if getattr(host, optional) != defaults[optional]:
            expected.add(optional)
    if len(host.scopes) > 1:
        expected.add("precedence")
    assert set(host.evidence) == expected
    assert all(evidence.source for evidence in host.evidence.values())


@each_host
def test_every_text_for_people_is_a_sentence(host: Host) -> None:
    texts = [host.reload, *(rule.why for rule in host.name_rules)]
    texts += [file.note for file in host.scopes.values() if file.note]
    texts += [text for text in (host.off_by_hand, host.off_names and host.off_names.note) if text]
    assert all(text[0].isupper() or text.startswith(host.title) for text in texts)
    assert all(text.endswith(".") for text in texts)


@given(host=hosts, spec=specs)
def test_what_is_rendered_reads_back_and_says_no_more_than_it_must(host: Host, spec: ServerSpec) -> None:
    entry = host.render(spec)
    assert host.read(entry) == as_understood(host, spec)
    assert all(value not in ({}, None, "") for value in entry.values())
    assert [] not in entry.values() or host.id == "goose", "it will not do without its arguments"


@given(
    host=hosts,
    entry=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["command", "args", "env", "environment", "type", "url"]) | st.text(), inner
            )
        ),
    ),
)
def test_no_entry_is_too_odd_to_be_read(host: Host, entry: Value) -> None:
    spec = host.read(entry)
    assert spec is None or host.read(host.render(spec)) == spec


REMOTES = [(host, transport) for host in HOSTS if host.remote for transport in sorted(host.remote.transports)]
each_remote = pytest.mark.parametrize(
    ("host", "transport"), REMOTES, ids=[f"{host.id}-{transport}" for host, transport in REMOTES]
)


def remote_spec(transport: Transport, **headers: str) -> ServerSpec:
    return ServerSpec(url="https://mcp.example/x?y=1", transport=transport, headers=headers)


@each_remote
def test_a_remote_server_reads_back(host: Host, transport: Transport) -> None:
    for spec in (remote_spec(transport), remote_spec(transport, Authorization="Bearer t", Other="x")):
        entry = host.render(spec)
        found = host.read(entry)
        assert found is not None
        assert (found.url, found.headers) == (spec.url, spec.headers)
        told_apart = (
            host.render(remote_spec("http")) != host.render(remote_spec("sse")) if len(transports(host)) > 1 else 1
        )
        assert found.transport == (transport if told_apart else "http")
        assert all(value not in ([], {}, None, "") for value in entry.values())
        assert set(entry) <= {*entry_keys(host), "type"}


ALL_REMOTE: frozenset[Transport] = frozenset({"http", "sse"})


def transports(host: Host) -> frozenset[Transport]:
    return host.remote.transports if host.remote else frozenset()


def entry_keys(host: Host) -> tuple[str, ...]:
    return (*host.stdio.keys, *(host.remote.keys if host.remote else ()))


@each_host
def test_every_type_that_a_form_takes_is_read(host: Host) -> None:
    for form, spec in ((host.stdio, SPEC), *((host.remote, remote_spec(one)) for one in transports(host))):
        for said in form.types if form else ():
            found = host.read({**host.render(spec), "type": said})
            assert found is not None, said
            assert found.is_remote is spec.is_remote


@each_host
def test_a_host_without_a_form_for_a_server_says_what_to_do_instead(host: Host) -> None:
    for transport in ALL_REMOTE - transports(host):
        with pytest.raises(Refused, match="has no form for a server over") as caught:
            host.render(remote_spec(transport))
        assert "mcp-remote" in caught.value.mend


def after(existing: Mapping[str, Value], put: Put) -> dict[str, Value]:
    """The entry that an edit leaves: maps are merged, and what is to be dropped goes."""
    kept = {key: value for key, value in existing.items() if (key,) not in put.drop}
    return {**kept, **put.entry}


@each_remote
def test_an_entry_that_becomes_another_kind_loses_what_contradicts_it(host: Host, transport: Transport) -> None:
    location, remote = host.locate(machine()), remote_spec(transport, Authorization="Bearer t")
    started, reached = host.render(replace(SPEC, cwd="/srv")), host.render(remote)
    for old, spec, form in ((reached, SPEC, host.stdio), (started, remote, host.remote)):
        existing = {**old, **dict.fromkeys(form_keys(host, form), "left over"), "mine": 1}
        put = host.changes(location, "connect", spec, existing)[0]
        now = after(existing, put)
        assert now["mine"] == 1
        found = host.read({key: value for key, value in now.items() if key != host.name_in})
        assert found is not None
        assert (found.command, found.args, found.url, found.headers) == (
            (spec.command, spec.args, spec.url, spec.headers)
        )
        assert "left over" not in now.values()


def form_keys(host: Host, form: Form | None) -> tuple[str, ...]:
    """The keys of the other form, and those that say again what this one says."""
    other = host.remote if form is host.stdio else host.stdio
    return (*(other.keys if other else ()), *(form.again if form else ()))


@each_remote
def test_a_remote_entry_keeps_what_the_user_added_and_loses_another_spelling(host: Host, transport: Transport) -> None:
    assert host.remote
    remote = remote_spec(transport)
    entry = host.render(remote)
    existing = {**entry, "mine": 1, **dict.fromkeys(host.remote.again, "old")}
    put = host.changes(host.locate(machine()), "connect", remote, existing)[0]
    now = after(existing, put)
    assert now["mine"] == 1
    assert "old" not in now.values()
    assert host.read(now) == host.read(entry)


def test_a_url_that_an_older_version_wrote_into_claude_desktops_file_goes() -> None:
    row = find("claude-desktop")
    put = row.changes(row.locate(machine()), "connect", SPEC, {"type": "http", "url": "https://x", "headers": {}})[0]
    assert put.drop == {("type",), ("url",), ("headers",)}


def form_rows() -> Iterator[Any]:
    for host in HOSTS:
        for kind in host.syntax.forms if host.syntax else ():
            for field in sorted(host.syntax.fields if host.syntax else ()):
                yield pytest.param(host, kind, field, id=f"{host.id}-{kind}-{field}")


@pytest.mark.parametrize(("host", "kind", "field"), list(form_rows()))
def test_every_form_of_a_reference_reads_back(host: Host, kind: str, field: str) -> None:
    assert host.syntax
    plain, _, default = kind.partition("-default") if kind.endswith("-default") else (kind, "", None)
    named = plain in ("env", "input", "secret", "file")
    reference = Reference(plain, "NAME" if named else "", None if default is None else "else")  # type: ignore[arg-type]
    text = Template("a:", reference, "/z")
    written = host.syntax.written(field, text)
    found = host.syntax.understood(field, written)
    assert isinstance(found, Template), written
    if (host.id, kind) == ("continue", "env"):  # Continue looks for a secret in the environment as well
        reference = Reference("secret", "NAME")
    assert found.parts == ("a:", reference, "/z")
    assert host.syntax.written(field, found) == written


@each_host
def test_a_reference_that_a_host_has_no_form_for_is_refused(host: Host) -> None:
    odd = Template(
        Reference("file", "x") if not host.syntax or "file" not in host.syntax.forms else Reference("input", "x")
    )
    with pytest.raises(Refused, match="has no form for"):
        host.render(ServerSpec("/opt/x", (), {"K": odd}))


@pytest.mark.parametrize("host", ["codex", "goose"])
def test_a_host_whose_keys_name_variables_reads_them_back(host: str) -> None:
    row, token = find(host), Reference("env", "TOKEN")
    local = ServerSpec("/opt/x", ("a",), {"TOKEN": Template(token), "K": "v"})
    found = row.read(row.render(local))
    assert found is not None
    assert (dict(found.env), found.references) == (dict(local.env), (token,))
    remote = ServerSpec(url="https://x", transport="http", headers={"Authorization": Template("Bearer ", token)})
    found = row.read(row.render(remote))
    assert found is not None
    assert (found.headers, found.references) == (remote.headers, (token,))
    for odd in (Template("x", token), Template(Reference("env", "ELSE"))):
        with pytest.raises(Refused, match="has no form for"):
            row.render(ServerSpec("/opt/x", (), {"TOKEN": odd}))


def test_goose_is_given_names_that_it_looks_up_and_none_that_it_refuses() -> None:
    row = find("goose")
    (put,) = row.changes(
        row.locate(machine()), "My Server", replace(SPEC, env={"K": Template(Reference("secret", "K"))})
    )
    assert (put.name, put.entry["name"]) == ("myserver", "My Server")
    assert put.entry == {
        "name": "My Server",
        "type": "stdio",
        "cmd": "/opt/x",
        "args": ["a", "b"],
        "env_keys": ["K"],
        "enabled": True,
        "timeout": 300,
    }
    again = row.changes(row.locate(machine()), "My Server", SPEC, {**put.entry, "enabled": False})[0]
    assert "enabled" not in again.entry, "what the person chose stays"
    with pytest.raises(Refused, match="does not let an extension set Path"):
        row.render(ServerSpec("/opt/x", (), {"Path": "/x"}))


def test_a_projects_file_of_kilo_takes_no_reference() -> None:
    row, spec = find("kilo"), ServerSpec("/opt/x", (), {"K": Template(Reference("env", "K"))})
    assert row.changes(row.locate(machine()), "connect", spec)
    with pytest.raises(Refused, match="takes no reference in this file"):
        row.changes(row.locate(machine(), "project"), "connect", spec)


@each_host
def test_a_folder_that_the_host_would_not_start_a_server_in_is_not_written(host: Host) -> None:
    there = ServerSpec("/opt/x", cwd="/srv")
    found = host.read(host.render(there))
    assert found is not None
    assert (found.cwd == "/srv") is ("cwd" in host.stdio.fields) is not bool(host.unheld(there))


@each_host
def test_nothing_is_dropped_from_an_entry_that_starts_a_command(host: Host) -> None:
    existing = {**host.render(SPEC), "type": (*host.stdio.types, "stdio")[0], "timeout": 5, "disabled": False}
    for before in (existing, None, "not a map"):
        assert host.changes(host.locate(machine()), "connect", SPEC, before)[0].drop == frozenset()


def test_arguments_that_are_no_longer_wanted_go() -> None:
    bare = ServerSpec("/opt/x")
    put = find("cursor").changes(find("cursor").locate(machine()), "connect", bare, {"command": "y", "args": ["old"]})[
        0
    ]
    assert put == Put(put.section, "connect", {"command": "/opt/x"}, frozenset({("args",)}))


def test_a_new_continue_config_says_what_it_is() -> None:
    row = find("continue")
    assert list(row.changes(row.locate(machine()), "connect", SPEC)[0].top) == ["name", "version", "schema"]


@pytest.mark.parametrize(
    ("host", "entry", "spec"),
    [
        ("cursor", {"command": "x", "type": "stdio", "disabled": True}, ServerSpec("x")),
        ("cursor", {"command": "x", "url": "https://x"}, ServerSpec(url="https://x", transport="http")),
        ("cursor", {"command": "x", "args": "a"}, None),
        ("cursor", {"command": ""}, None),
        ("claude-code", {"command": "x", "env": {"N": 1}}, None),
        (
            "vscode",
            {"command": "x", "env": {"N": 1, "F": 1.5, "NONE": None}},
            ServerSpec("x", (), {"N": "1", "F": "1.5"}),
        ),
        ("vscode", {"command": "x", "env": {"B": True}}, None),
        ("vscode", {"command": "x", "env": ["B"]}, None),
        ("opencode", {"type": "local", "command": ["x", "y"]}, ServerSpec("x", ("y",))),
        ("opencode", {"type": "local", "command": []}, None),
        ("opencode", {"type": "local", "command": "x"}, None),
        ("opencode", {"command": ["x"]}, None),
        ("qwen-code", {"url": "https://x", "type": "http"}, ServerSpec(url="https://x", transport="sse")),
        ("qwen-code", {"httpUrl": "https://x"}, ServerSpec(url="https://x", transport="http")),
        ("gemini-cli", {"httpUrl": "https://y", "url": "https://x"}, ServerSpec(url="https://y", transport="http")),
        ("gemini-cli", {"command": "x", "url": "https://x"}, ServerSpec(url="https://x", transport="http")),
        ("cline", {"url": "https://x"}, ServerSpec(url="https://x", transport="sse")),
        ("cline", {"url": "https://x", "transportType": "http"}, ServerSpec(url="https://x", transport="http")),
        ("cline", {"transport": {"type": "stdio", "command": "x"}, "disabled": True}, ServerSpec("x")),
        ("roo-code", {"url": "https://x"}, None),
        ("crush", {"command": "x"}, None),
        ("goose", {"type": "sse", "uri": "https://x"}, None),
        (
            "goose",
            {"type": "streamable_http", "uri": "https://x", "envs": {"A": "b"}, "headers": {"H": "$A"}},
            ServerSpec(url="https://x", transport="http", headers={"H": "b"}),
        ),
        ("windsurf", {"url": "https://x"}, ServerSpec(url="https://x", transport="http")),
        ("warp", {"command": "x", "working_directory": "/w"}, ServerSpec("x", cwd="/w")),
        ("hermes", {"url": "https://x", "transport": "sse"}, ServerSpec(url="https://x", transport="sse")),
        ("codex", {"command": "x", "env_vars": ["A"]}, ServerSpec("x", (), {"A": Template(Reference("env", "A"))})),
    ],
)
def test_entries_that_people_wrote(host: str, entry: dict[str, Value], spec: ServerSpec | None) -> None:
    assert find(host).read(entry) == spec


def test_an_entry_can_be_off() -> None:
    assert find("codex").is_off({"command": "x", "enabled": False})
    assert find("opencode").is_off({"type": "local", "disabled": True})
    assert not find("opencode").is_off({"type": "local", "enabled": True})
    assert not find("opencode").is_off("odd")
    assert not find("cursor").is_off({"command": "x", "disabled": True}), "Cursor keeps that elsewhere"


@each_host
def test_the_default_name_suits_every_host_and_an_invisible_one_none(host: Host) -> None:
    assert host.refuse_name("connect") is None
    assert all(host.refuse_name(name) for name in ("", "  ", "a\nb", "a\x1b[31m", "a\u202eb"))


@pytest.mark.parametrize(
    ("host", "name", "refused"),
    [
        ("codex", "a b", True),
        ("codex", "ü", True),
        ("codex", 'a"b', True),
        ("codex", "io.github.foo/bar-1_2:3@4", False),
        ("claude-code", "workspace", True),
        ("claude-code", "Claude Preview", True),
        ("claude-code", "my.server", False),
        ("opencode", "servers", True),
        ("cursor", "a b", False),
        ("gemini-cli", "a_b", True),
        ("gemini-cli", "a-b", False),
        ("kilo", "servers", True),
    ],
)
def test_names_that_a_host_cannot_use_are_refused(host: str, name: str, refused: bool) -> None:
    assert (find(host).refuse_name(name) is not None) is refused


ENV = {
    "HOME": "/home/user",
    "PATH": "/home/user/bin:/usr/bin",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/bus",
    "XDG_CONFIG_HOME": "/cfg",
    "HTTPS_PROXY": "http://proxy.example",
    "LANG": "C.UTF-8",
    "GITHUB_TOKEN": "t",
}


@pytest.mark.parametrize(
    ("host", "platform", "names"),
    [
        ("codex", "linux", {"HOME", "PATH", "LANG"}),
        ("continue", "linux", {"HOME", "PATH"}),
        ("claude-desktop", "macos", {"HOME", "PATH"}),
        ("claude-code", "linux", {*ENV, "CLAUDECODE"}),
        ("opencode", "linux", {*ENV, "AGENT", "OPENCODE"}),
        ("cursor", "linux", set(ENV)),
        ("gemini-cli", "linux", {*ENV, "GEMINI_CLI"} - {"GITHUB_TOKEN"}),
        ("cline", "linux", {"HOME", "PATH"}),
    ],
)
def test_a_server_sees_what_its_host_passes_on(host: str, platform: Platform, names: set[str]) -> None:
    env = find(host).server_env(machine(platform, env=ENV), {"OURS": "1"})
    assert set(env) == {*names, "OURS"}


def test_an_entrys_own_variables_win() -> None:
    assert find("codex").server_env(machine(env=ENV), {"HOME": "/else"})["HOME"] == "/else"
    windows = find("codex").server_env(machine("windows", env={"Path": "C:\\a", "Secret": "s"}), {"path": "C:\\b"})
    assert windows == {"PATH": "C:\\b"}


def test_what_is_started_from_the_dock_has_its_short_path() -> None:
    for host in ("cursor", "claude-desktop"):
        assert find(host).server_env(machine("macos", env=ENV), {})["PATH"] == DOCK_PATH
        assert find(host).server_env(machine("linux", env=ENV), {})["PATH"] == ENV["PATH"]
    assert find("codex").server_env(machine("macos", env=ENV), {})["PATH"] == ENV["PATH"]


def test_a_host_can_hold_back_what_looks_secret() -> None:
    careful = replace(find("cursor"), passed_on=PassedOn(withheld="token|secret"))
    assert set(careful.server_env(machine(env=ENV), {})) == set(ENV) - {"GITHUB_TOKEN"}


PLATFORMS: tuple[Platform, ...] = ("linux", "macos", "windows")


@each_host
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_host_is_found_by_each_thing_that_it_leaves_behind_and_no_other_is(host: Host, platform: Platform) -> None:
    for template in (*host.detection.paths, *host.detection.on.get(platform, ())):
        there = machine(platform).path(template.replace("*", "17.0_a1"))
        here = machine(platform, files={there: None})
        assert host.detect(here) == there
        # A host inside another one shows that the other is there as well.
        assert all(found == there or there.startswith(found) for row in HOSTS if (found := row.detect(here)))


@each_host
def test_a_host_is_found_by_its_command_and_no_other_is(host: Host) -> None:
    for command in host.detection.commands:
        program = f"/opt/bin/{command}"
        here = machine(env={"PATH": "/opt/bin"}, executable=frozenset({program}))
        assert host.detect(here) == program
        assert [row.id for row in HOSTS if row.detect(here)] == [host.id]


@each_host
def test_a_host_can_be_found_where_it_can_run(host: Host) -> None:
    runs = ("windows",) if host.id == "visual-studio" else PLATFORMS
    for platform in runs:
        assert host.detection.commands or host.detection.paths or host.detection.on.get(platform)


@each_host
def test_a_server_can_be_switched_off_or_it_is_said_how(host: Host) -> None:
    assert host.off or host.off_names or host.off_by_hand
