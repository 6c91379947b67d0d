"""What becomes of secrets, over every host row and platform."""

import json
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Platform
from connect_mcp.base.record import replace
from connect_mcp.base.secrets import Store
from connect_mcp.installer.hosts.all_hosts import HOSTS, find
from connect_mcp.installer.hosts.model import Host, Scope
from connect_mcp.installer.secrecy import Spot, Wanted, hide
from connect_mcp.installer.spec import Reference, ServerSpec, Template
from connect_mcp.installer.stored import unwrapped
from support.machines import machine

PLANTED = "planted-0123456789"
SERVER = ServerSpec("/opt/server", ("--flag",), {"GITHUB_TOKEN": PLANTED, "PLAIN": "1"})
REMOTE = ServerSpec(url="https://x.example/mcp", transport="http", headers={"Authorization": f"Bearer {PLANTED}"})

REFER = ("claude-code", "codex", "continue", "copilot-cli", "cursor", "gemini-cli", "opencode", "qwen-code", "vscode")
"""Hosts whose forms for references were seen with the real program, or in its source or documentation."""


def refers(host: Host) -> bool:
    """Whether the row knows how."""
    return host.syntax is None or bool(host.syntax.forms)


def test_the_rows_know_how_hosts_refer_to_variables() -> None:
    assert all(refers(find(name)) for name in REFER)
    assert not refers(find("claude-desktop"))


@pytest.fixture
def wish(tmp_path: Path) -> Wanted:
    return Wanted(Store(tmp_path / "config"))


def spot(host: Host, platform: Platform = "linux", scope: Scope = "user", **env: str) -> Spot:
    where = machine(platform, env=env)
    return Spot(where, host, scope, host.locate(where, scope), "gh")


def told(host: Host, spec: ServerSpec) -> str:
    """All that the host's file would say of a server."""
    at = spot(host)
    changes = host.changes(at.location, "gh", spec)
    return json.dumps([change.entry for change in changes], default=str)


@pytest.mark.parametrize("platform", ["linux", "macos", "windows"])
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.id)
def test_the_store_leaves_nothing_of_a_secret_in_any_hosts_file(host: Host, platform: Platform, wish: Wanted) -> None:
    done = hide(spot(host, platform), SERVER, wish)
    assert PLANTED not in told(host, done.spec)
    assert (dict(done.keep), done.inline, done.values) == ({"GITHUB_TOKEN": PLANTED}, False, frozenset({PLANTED}))
    inner, names = unwrapped(done.spec)
    assert (inner.command, inner.env, names) == ("/opt/server", {"PLAIN": "1"}, {"GITHUB_TOKEN": "GITHUB_TOKEN"})
    assert PLANTED not in repr(done)


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.id)
def test_a_reference_is_in_the_hosts_own_form_or_refused_with_what_can_be_done(host: Host, wish: Wanted) -> None:
    asked = replace(wish, mode="reference")
    if not refers(host):
        with pytest.raises(Refused, match="cannot be told where a secret is") as refusal:
            hide(spot(host), SERVER, asked)
        assert "--secrets store keeps them out of the file; --secrets inline writes them" in refusal.value.mend
        return
    done = hide(spot(host), SERVER, asked)
    assert PLANTED not in told(host, done.spec)
    assert (dict(done.keep), done.inline) == ({}, False)
    read = host.read(host.render(done.spec))
    assert read is not None
    text = read.env["GITHUB_TOKEN"]
    assert isinstance(text, Template)
    [reference] = text.references
    assert reference == done.spec.env["GITHUB_TOKEN"].references[0]  # type: ignore[attr-defined]
    kind = {"vscode": "input", "vscode-insiders": "input", "vscodium": "input", "visual-studio": "input"}
    kind["continue"] = "secret"
    assert reference.kind == kind.get(host.id, "env")


@pytest.mark.parametrize("host", [host for host in HOSTS if host.remote], ids=lambda host: host.id)
def test_a_header_of_a_server_at_a_url_is_referred_to_or_refused(host: Host, wish: Wanted) -> None:
    assert host.remote is not None
    if "http" not in host.remote.transports or "headers" not in host.remote.fields:
        pytest.skip("it cannot send a header")
    asked = replace(wish, mode="reference")
    if not refers(host):
        with pytest.raises(Refused, match="cannot be told where a secret is") as refusal:
            hide(spot(host), REMOTE, asked)
        assert refusal.value.mend == "--secrets inline writes them into it"
        return
    done = hide(spot(host), REMOTE, asked)
    assert PLANTED not in told(host, done.spec)
    read = host.read(host.render(done.spec))
    assert read is not None
    text = read.headers["Authorization"]
    assert isinstance(text, Template)
    assert text.parts[0] == "Bearer "


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.id)
def test_inline_is_the_value_and_says_so(host: Host, wish: Wanted) -> None:
    done = hide(spot(host), SERVER, replace(wish, mode="inline"))
    assert PLANTED in told(host, done.spec)
    assert (done.inline, done.values) == (True, frozenset({PLANTED}))


def test_the_folder_of_the_store_is_named_where_the_host_would_not_find_it(wish: Wanted) -> None:
    for host, named in (("codex", True), ("cursor", False)):
        done = hide(spot(find(host), XDG_CONFIG_HOME="/moved"), SERVER, wish)
        assert ("--config-dir" in done.spec.args) is named
        if named:
            assert done.spec.args[done.spec.args.index("--config-dir") + 1] == "/moved/connect-mcp"


def test_a_reference_to_what_is_set_is_written_without_a_word(wish: Wanted) -> None:
    spec = replace(SERVER, env={})
    asked = replace(wish, mode="reference", named={"GITHUB_TOKEN": "GITHUB_TOKEN"})
    assert hide(spot(find("claude-code"), GITHUB_TOKEN="x"), spec, asked).warnings == ()
    [said] = hide(spot(find("cursor")), spec, asked).warnings
    assert said == "GITHUB_TOKEN is not set here, and Cursor must be started where it is"
    [said] = hide(spot(find("cursor"), "macos", GITHUB_TOKEN="x"), spec, asked).warnings
    assert "from a terminal, not from a dock or menu" in said


def test_continue_finds_a_secret_in_its_own_file(wish: Wanted) -> None:
    host, asked = find("continue"), replace(wish, mode="reference")
    spec = replace(SERVER, env={"GITHUB_TOKEN": Template(Reference("env", "X"))})
    named = replace(asked, named={"GITHUB_TOKEN": "GITHUB_TOKEN"})
    for content, count in ((b"GITHUB_TOKEN=x\n", 0), (b"OTHER=x\n", 1)):
        where = machine(files={"/home/user/.continue/.env": content})
        at = Spot(where, host, "user", host.locate(where), "gh")
        done = hide(at, replace(spec, env={}), named)
        assert len(done.warnings) == count
        assert all("put it into /home/user/.continue/.env" in warning for warning in done.warnings)


def test_what_is_a_reference_already_is_left_alone(wish: Wanted) -> None:
    spec = replace(SERVER, env={"A_TOKEN": Template(Reference("env", "X")), "B_TOKEN": "${env:Y}", "EMPTY_TOKEN": ""})
    for mode in ("store", "reference", "inline", None):
        assert hide(spot(find("cursor")), spec, replace(wish, mode=mode)).spec == spec


def test_a_password_in_a_proxys_address_is_a_secret_of_the_bundled_server_too(wish: Wanted) -> None:
    proxy = "http://ada:planted-0123456789@proxy.example:8080"
    spec = ServerSpec("/opt/connect-mcp", ("serve",), {"HTTPS_PROXY": proxy, "NO_PROXY": "localhost"})
    done = hide(spot(find("codex")), spec, wish)
    inner, names = unwrapped(done.spec)
    assert (names, inner.env) == ({"HTTPS_PROXY": "HTTPS_PROXY"}, {"NO_PROXY": "localhost"})
    assert (inner.command, inner.args) == ("/opt/connect-mcp", ("serve",))
    assert done.keep == {"HTTPS_PROXY": proxy}


def test_what_somebody_says_is_secret_is_one_whatever_it_is_called(wish: Wanted) -> None:
    done = hide(spot(find("cursor")), replace(SERVER, env={"PLAIN": "1", "ID": "42x"}), wish, frozenset({"42x"}))
    assert (dict(done.keep), done.spec.env) == ({"ID": "42x"}, {"PLAIN": "1"})


def test_an_entrys_name_becomes_a_profile_whatever_it_holds(wish: Wanted) -> None:
    wish.store.put("GITHUB_TOKEN", "another")
    for entry, name in (("io.github/x y=z", "io.github/x-y-z/GITHUB_TOKEN"), ("-ä-", "entry/GITHUB_TOKEN")):
        at = replace(spot(find("cursor")), entry=entry)
        assert dict(hide(at, SERVER, wish).keep) == {name: PLANTED}


ARGUMENTS = {
    ("--api-key", "abc"): {"abc"},
    ("--api-key=abc",): {"--api-key=abc"},
    ("-H", "Authorization: Bearer abcdef123456"): {"Authorization: Bearer abcdef123456"},
    ("sk-0123456789abcdef",): {"sk-0123456789abcdef"},
    ("http://ada:pw12345@x.example",): {"http://ada:pw12345@x.example"},
    ("--key", "/etc/ssl/key.pem", "--token", "~/token", "--auth", "--verbose"): set(),
    ("--token", "${TOKEN}", "--token", "$TOKEN"): set(),
    ("/opt/node22/lib/server/with/a/long/path/in1t", "@scope/server", "--port", "80"): set(),
}


@pytest.mark.parametrize("args", ARGUMENTS, ids=lambda args: " ".join(args))
def test_secrets_among_the_arguments_are_seen_and_paths_are_none(args: tuple[str, ...], wish: Wanted) -> None:
    done = hide(spot(find("cursor")), ServerSpec("/opt/server", args), wish)
    assert (done.values, done.inline, done.spec.args) == (frozenset(ARGUMENTS[args]), bool(ARGUMENTS[args]), args)


def test_a_variable_is_filled_from_the_hosts_variable_that_is_named(wish: Wanted) -> None:
    asked = replace(wish, mode="reference", named={"GH_PAT": "acme/GITHUB_TOKEN"})
    done = hide(spot(find("cursor")), replace(SERVER, env={}), asked)
    assert done.spec.env == {"GH_PAT": Template(Reference("env", "GITHUB_TOKEN"))}
    with pytest.raises(Refused, match="cannot be told"):  # it hands variables on by their names alone
        hide(spot(find("codex")), replace(SERVER, env={}), asked)


def test_in_a_project_everybody_keeps_their_own(wish: Wanted) -> None:
    done = hide(spot(find("cursor"), scope="project"), SERVER, replace(wish, mode="store"))
    assert done.warnings == ("everybody who gets this file keeps their own: connect-mcp secret set GITHUB_TOKEN",)
