"""What holds for every row, and what each row says about entries, names and environments."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import connect_mcp.installer.hosts.model as model
from connect_mcp.base.errors import Misuse
from connect_mcp.base.machine import Platform
from connect_mcp.base.record import replace
from connect_mcp.installer.editors.model import Put, Value
from connect_mcp.installer.hosts.all_hosts import HOSTS, find
from connect_mcp.installer.hosts.model import DOCK_PATH, Host, PassedOn
from connect_mcp.installer.spec import Reference, ServerSpec, Template
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


def test_the_registry_and_the_modules_agree() -> None:
    folder = Path(model.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"model", "all_hosts", "own_locks", "syntax"}
    assert {host.id.replace("-", "_") for host in HOSTS} == {module.rstrip("_") for module in modules}
    assert len(HOSTS) == len(modules)


def test_the_rows_are_sorted_and_their_names_are_unique() -> None:
    assert [host.id for host in HOSTS] == sorted(host.id for host in HOSTS)
    names = [name for host in HOSTS for name in (host.id, *host.aliases)]
    assert len(names) == len(set(names))
    assert all(name == name.lower() for name in names)
    assert HOSTS[0] is next(iter(HOSTS))
    assert HOSTS[1:3] == (find("claude-desktop"), find("codex"))


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
        "precedence",
        "entry_key",
        "companions",
        "shims",
    ):
        if getattr(host, optional) != defaults[optional]:
            expected.add(optional)
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
    assert host.read(entry) == spec
    assert all(value not in ([], {}, None, "") for value in entry.values())


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


REMOTE: dict[str, tuple[dict[str, Value], set[str]]] = {
    "claude-code": (
        {"type": "http", "url": "https://x", "headers": {}, "oauth": {}, "timeout": 5},
        {"url", "headers", "oauth"},
    ),
    "claude-desktop": ({"type": "http", "url": "https://x", "headers": {}}, {"type", "url", "headers"}),
    "codex": (
        {"url": "https://x", "bearer_token_env_var": "T", "http_headers": {}, "enabled": False, "tool_timeout_sec": 5},
        {"url", "bearer_token_env_var", "http_headers"},
    ),
    "continue": (
        {"url": "https://x", "type": "sse", "requestOptions": {}, "connectionTimeout": 5},
        {"url", "type", "requestOptions"},
    ),
    "cursor": ({"url": "https://x", "headers": {}, "auth": {}, "disabled": True}, {"url", "headers", "auth"}),
    "opencode": ({"type": "remote", "url": "https://x", "headers": {}, "enabled": False}, {"url", "headers"}),
    "vscode": ({"type": "http", "url": "https://x", "dev": {}}, {"url"}),
    "vscode-insiders": ({"type": "sse", "url": "https://x", "headers": {}}, {"url", "headers"}),
    "vscodium": ({"type": "http", "url": "https://x", "oauth": {}}, {"url", "oauth"}),
}


@each_host
def test_a_remote_entry_is_not_read_as_a_command_and_loses_what_contradicts_one(host: Host) -> None:
    entry, gone = REMOTE[host.id]
    remote = host.read(entry)
    assert (remote.url, remote.is_remote) == ("https://x", True) if host.remote and remote else remote is None
    put, *_ = host.changes(host.locate(machine()), "connect", SPEC, entry)
    assert put.drop == {(key,) for key in gone}
    assert put.entry.items() >= host.render(SPEC).items()


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


@pytest.mark.parametrize(
    ("host", "platform", "there"),
    [
        ("claude-code", "linux", "/home/user/.claude.json"),
        ("claude-code", "windows", "C:\\Users\\user\\.claude"),
        ("claude-desktop", "linux", "/home/user/.config/Claude"),
        ("claude-desktop", "macos", "/Applications/Claude.app"),
        ("claude-desktop", "windows", "C:\\Users\\user\\AppData\\Local\\Packages\\Claude_pzs8sxrjxfjjc"),
        ("codex", "macos", "/Users/user/.codex"),
        ("continue", "linux", "/home/user/.continue"),
        ("cursor", "macos", "/Users/user/.cursor"),
        ("cursor", "windows", "C:\\Users\\user\\AppData\\Local\\Programs\\cursor"),
        ("opencode", "linux", "/home/user/.config/opencode"),
        ("vscode", "macos", "/Applications/Visual Studio Code.app"),
        ("vscode", "linux", "/home/user/.config/Code"),
        ("vscode-insiders", "windows", "C:\\Users\\user\\AppData\\Roaming\\Code - Insiders"),
        ("vscodium", "linux", "/home/user/.config/VSCodium"),
    ],
)
def test_a_host_is_found_by_what_it_leaves_behind_and_no_other_is(host: str, platform: Platform, there: str) -> None:
    here = machine(platform, files={there: None})
    assert {row.id: row.detect(here) for row in HOSTS if row.detect(here)} == {host: there}


@pytest.mark.parametrize(
    ("host", "command"),
    [
        ("claude-code", "claude"),
        ("codex", "codex"),
        ("continue", "cn"),
        ("cursor", "cursor-agent"),
        ("opencode", "opencode"),
        ("vscode", "code"),
        ("vscode-insiders", "code-insiders"),
        ("vscodium", "codium"),
    ],
)
def test_a_host_is_found_by_its_command(host: str, command: str) -> None:
    program = f"/opt/bin/{command}"
    here = machine(env={"PATH": "/opt/bin"}, executable=frozenset({program}))
    assert [row.id for row in HOSTS if row.detect(here)] == [host]
    assert find(host).detect(here) == program
