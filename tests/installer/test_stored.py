from typing import Any

import pytest

from connect_mcp.installer.hosts.all_hosts import HOSTS
from connect_mcp.installer.hosts.model import Host
from connect_mcp.installer.spec import ServerSpec
from connect_mcp.installer.stored import needs, our_arguments, unwrapped, wrapped

KEY, URL = "ARYTHMATIC_API_KEY", "ARYTHMATIC_API_BASE_URL"
SPEC = ServerSpec("npx", ("-y", "server", "--", "run"), {"A_TOKEN": "x", "B": "y"}, cwd="/c")
OURS = ("/opt/bin/connect-mcp", ("run", "--config-dir", "/c"))


@pytest.mark.parametrize(
    ("secrets", "options"),
    [
        ({"A_TOKEN": "A_TOKEN"}, ["--secret", "A_TOKEN"]),
        ({"A_TOKEN": "acme/A_TOKEN"}, ["--secret", "acme/A_TOKEN"]),
        ({"A_TOKEN": "OTHER", "C": "acme/x/D"}, ["--secret", "OTHER=A_TOKEN", "--secret", "acme/x/D=C"]),
    ],
)
def test_a_server_is_wrapped_and_found_again(secrets: dict[str, str], options: list[str]) -> None:
    spec = wrapped(SPEC, secrets, OURS)
    assert spec.command == "/opt/bin/connect-mcp"
    assert list(spec.args) == ["run", "--config-dir", "/c", *options, "--", "npx", "-y", "server", "--", "run"]
    assert (spec.env, spec.cwd) == ({"B": "y"}, "/c")
    inner, names = unwrapped(spec)
    assert (inner.command, inner.args, inner.cwd, names) == ("npx", SPEC.args, "/c", secrets)


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.id)
def test_every_host_keeps_it_as_it_was_wrapped(host: Host) -> None:
    spec = wrapped(ServerSpec("npx", ("-y", "server"), {"A_TOKEN": "x"}), {"A_TOKEN": "acme/A_TOKEN"}, OURS)
    read = host.read(host.render(spec))
    assert read is not None
    assert unwrapped(read)[1] == {"A_TOKEN": "acme/A_TOKEN"}


NEEDS: list[tuple[list[str], dict[str, str], dict[str, str]]] = [
    (["connect-mcp", "serve"], {}, {URL: URL, KEY: KEY}),
    (["C:\\bin\\connect-mcp.exe", "serve", "--read-only"], {}, {URL: URL, KEY: KEY}),
    (["/usr/bin/python3", "-m", "connect_mcp", "serve"], {}, {URL: URL, KEY: KEY}),
    (["uvx", "--from", "git+https://x/connect-mcp", "connect-mcp", "serve"], {URL: "x"}, {KEY: KEY}),
    (["connect-mcp", "serve"], {KEY: "x"}, {URL: URL}),
    (["connect-mcp", "serve"], {KEY: "x", URL: "y"}, {}),
    (["connect-mcp", "serve", "--embedded"], {}, {}),
    (["connect-mcp", "serve", "--profile", "a"], {KEY: "x"}, {KEY: f"a/{KEY}", URL: f"a/{URL}"}),
    (["connect-mcp", "serve", "--profile=a"], {}, {KEY: f"a/{KEY}", URL: f"a/{URL}"}),
    (["connect-mcp", "run", "--secret", "A", "--", "x"], {}, {"A": "A"}),
    (["connect-mcp", "run", "--profile", "p", "--secret", "A=B", "--", "x"], {}, {"B": "p/A"}),
    (["connect-mcp", "run", "--secret", "P", "--", "connect-mcp", "serve"], {}, {"P": "P", URL: URL, KEY: KEY}),
    (["connect-mcp", "run", "--secret", KEY, "--", "connect-mcp", "serve"], {URL: "x"}, {KEY: KEY}),
    (["connect-mcp", "run", "--wrong"], {}, {}),
    (["connect-mcp", "workspace", "serve"], {}, {}),
    (["npx", "connect-mcp-like", "run", "--secret", "A", "--", "x"], {}, {}),
    (["npx", "x", "--", "connect-mcp", "run", "--secret", "A", "--", "y"], {}, {}),
    (["x"], {}, {}),
]


@pytest.mark.parametrize(("argv", "env", "needed"), NEEDS, ids=lambda value: " ".join(value) if value else "-")
def test_what_an_entry_needs_from_the_store(argv: list[str], env: dict[str, str], needed: dict[str, Any]) -> None:
    assert needs(ServerSpec(argv[0], tuple(argv[1:]), env)) == needed


def test_what_starts_something_else_has_no_arguments_of_ours() -> None:
    assert our_arguments(ServerSpec("serve", ("connect-mcp",))) == ()
    assert our_arguments(ServerSpec(url="https://connect-mcp/serve", transport="http")) == ()
