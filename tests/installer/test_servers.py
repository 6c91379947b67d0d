"""How servers stand, on every platform and for every host, on machines whose files are a dictionary."""

from typing import get_args

import pytest

from connect_mcp.base.machine import Machine, Platform
from connect_mcp.base.record import replace
from connect_mcp.installer.editors.engine import edit
from connect_mcp.installer.editors.formats import format_named
from connect_mcp.installer.hosts.all_hosts import HOSTS
from connect_mcp.installer.hosts.model import Host, Location, Scope
from connect_mcp.installer.journal import Installed
from connect_mcp.installer.servers import Server, elsewhere, standing, state_of
from connect_mcp.installer.spec import ServerSpec
from support.machines import FakeFiles, machine

SPEC = ServerSpec("/opt/x", ("a",))
each_host = pytest.mark.parametrize("host", list(HOSTS), ids=lambda host: host.id)
on_each_platform = pytest.mark.parametrize("platform", get_args(Platform))


def holding(where: Machine, host: Host, location: Location, *names: str, spec: ServerSpec = SPEC) -> Machine:
    """The same machine with servers in one of a host's files."""
    assert isinstance(where.files, FakeFiles)
    changes = [put for name in names for put in host.changes(location, name, spec)]
    text = edit("", format_named(location.format), changes).new
    return replace(where, files=FakeFiles({**where.files.content, location.path: text.encode()}))


def row(host: Host, location: Location, name: str, spec: ServerSpec = SPEC) -> Installed:
    entry = host.changes(location, name, spec)[0].entry
    return Installed(location.path, location.path, location.format, location.section, name, entry, (host.id,))


def found(where: Machine, host: Host, scope: Scope, *rows: Installed) -> dict[str, Server]:
    files = [(file, servers) for file, servers in standing(where, host, rows) if file.scope == scope and not file.rank]
    return {server.name: server for _, servers in files for server in servers}


@each_host
@on_each_platform
def test_what_we_put_is_present_missing_or_changed(host: Host, platform: Platform) -> None:
    scope = next(iter(host.scopes))
    where = machine(platform)
    location = host.locate(where, scope)
    keys = [host.entry_key(name) for name in ("ours", "theirs")]
    where = holding(where, host, location, "ours", "theirs")
    location = host.locate(where, scope)

    servers = found(where, host, scope, row(host, location, keys[0]))
    assert (servers[keys[0]].state, servers[keys[0]].ours) == ("present", True)
    assert (servers[keys[1]].state, servers[keys[1]].ours) == ("present", False)

    other = row(host, location, keys[0], ServerSpec("/opt/another"))
    assert found(where, host, scope, other)[keys[0]].state == "changed"
    assert found(where, host, scope, row(host, location, "gone"))["gone"].state == "missing"
    somebody = replace(row(host, location, "gone"), hosts=("another",))
    assert "gone" not in found(where, host, scope, somebody)


@pytest.mark.parametrize("host", [host for host in HOSTS if len(host.scopes) > 1], ids=lambda host: host.id)
@on_each_platform
def test_the_scope_that_comes_first_hides_the_others_where_one_wins(host: Host, platform: Platform) -> None:
    where, project = machine(platform), "/p" if platform != "windows" else "C:\\p"
    ranked = [scope for scope in host.precedence or host.scopes if scope in host.scopes]
    key = host.entry_key("x")
    where = replace(where, cwd=project)
    locations = {scope: host.locate(where, scope) for scope in ranked}
    paths = {location.path for location in locations.values()}
    if len(paths) < len(ranked):
        return  # one file for several scopes: test_status has it
    for location in locations.values():
        where = holding(where, host, location, "x")
    states = {scope: found(where, host, scope)[key] for scope in ranked}
    assert states[ranked[0]].state == "present"
    for scope in ranked[1:]:
        if not host.precedence:  # it uses every one
            assert states[scope].state == "present"
            continue
        winner = states[scope].shadowed_by
        assert states[scope].state == "shadowed"
        assert winner is not None
        assert winner.scope == ranked[0]


@each_host
def test_an_entry_in_a_file_that_is_not_looked_at_stands_elsewhere(host: Host) -> None:
    where = machine()
    scope = next(iter(host.scopes))
    location = replace(host.locate(where, scope), path="/elsewhere/config")
    where = holding(where, host, location, "x")
    rows = [row(host, location, host.entry_key("x")), row(host, location, "gone")]
    told = list(elsewhere(where, host, rows, standing(where, host, rows)))
    assert [(one.name, state) for one, state in told] == [(host.entry_key("x"), "present"), ("gone", "missing")]


def test_a_file_that_does_not_parse_tells_nothing_of_what_is_in_it() -> None:
    host = HOSTS[0]
    location = replace(host.locate(machine()), path="/elsewhere/config")
    where = machine(files={"/elsewhere/config": b"{"})
    assert state_of(row(host, location, "x"), host, where) == "broken"


@pytest.mark.parametrize("host", [host for host in HOSTS if host.off], ids=lambda host: host.id)
def test_that_it_is_off_is_no_change_of_what_we_put(host: Host) -> None:
    scope, where = next(iter(host.scopes)), machine()
    location, key = host.locate(where, scope), host.entry_key("x")
    put = host.changes(location, "x", SPEC)[0]
    off = replace(put, entry={**put.entry, **dict(host.off[:1])})
    text = edit("", format_named(location.format), [off]).new
    where = replace(where, files=FakeFiles({location.path: text.encode()}))
    server = found(where, host, scope, row(host, location, key))[key]
    assert (server.state, server.off, server.changed) == ("disabled", True, False)
