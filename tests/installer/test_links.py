"""Links are read back the way each host reads them; no secret stands in one."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connect_mcp.base.errors import Refused
from connect_mcp.installer.hosts.all_hosts import HOSTS
from connect_mcp.installer.hosts.model import Host
from connect_mcp.installer.links import LINKED, PROGRAMS, link, without_secrets
from connect_mcp.installer.spec import Reference, ServerSpec, Template

PLANTED = "ghp_planted0000000000000001"
BY_ID = {host.id: host for host in HOSTS}
BASE64 = [host for host in HOSTS if host.id in ("cursor", "lm-studio")]
VSCODES = [host for host in HOSTS if host.id.startswith("vsc")]
each_linked = pytest.mark.parametrize("host", [host for host in HOSTS if host.id in LINKED], ids=lambda host: host.id)

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(
    str.strip
)
names = st.text("abc/._- é&=+#%", min_size=1, max_size=8).filter(str.strip)
started = st.builds(
    ServerSpec,
    words,
    st.lists(words, max_size=3).map(tuple),
    st.dictionaries(st.sampled_from(["A", "B_C", "PORT"]), words, max_size=2),
)
called = st.builds(
    lambda headers: ServerSpec(url="https://x.example/mcp?a=b&c=d e", transport="http", headers=headers),
    st.dictionaries(st.sampled_from(["X-A", "Accept"]), words, max_size=2),
)


def config_of(url: str, start: str) -> tuple[str, Any]:
    """Cursor and LM Studio: the name, and the entry as JSON in base64."""
    assert url.startswith(start)
    query = {key: value for key, (value,) in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}
    assert set(query) == {"name", "config"}
    return query["name"], json.loads(base64.b64decode(query["config"], validate=True))


def of_vscode(url: str, scheme: str) -> dict[str, Any]:
    """VS Code: everything behind the question mark is JSON."""
    assert url.startswith(f"{scheme}:mcp/install?")
    found: dict[str, Any] = json.loads(unquote(url.partition("?")[2]))
    return found


def of_goose(url: str) -> dict[str, list[str]]:
    """Goose: parameters, several of which may be repeated."""
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("goose", "extension")
    return parse_qs(parts.query, keep_blank_values=True)


@given(host=st.sampled_from(BASE64), name=names, spec=started | called)
def test_a_link_in_base64_holds_the_very_entry(host: Host, name: str, spec: ServerSpec) -> None:
    try:
        made = link(host, name, spec)
    except Refused:
        return  # what was generated looks like a secret
    start = {"cursor": "cursor://anysphere.cursor-deeplink/mcp/install?", "lm-studio": "lmstudio://add_mcp?"}[host.id]
    assert config_of(made.url, start) == (
        name,
        json.loads(json.dumps(host.render(without_secrets(host, name, spec)[0]))),
    )


@given(host=st.sampled_from(VSCODES), name=names, spec=started | called)
def test_a_link_for_vs_code_holds_the_entry_and_its_name(host: Host, name: str, spec: ServerSpec) -> None:
    try:
        made = link(host, name, spec)
    except Refused:
        return
    scheme = "vscode-insiders" if host.id == "vscode-insiders" else host.id
    found = of_vscode(made.url, scheme)
    assert found.pop("name") == name
    found.pop("inputs", None)
    assert host.read(found) == without_secrets(host, name, spec)[0]


@given(name=names, program=st.sampled_from(sorted(PROGRAMS)), spec=started)
def test_a_link_for_goose_names_every_argument_and_variable(name: str, program: str, spec: ServerSpec) -> None:
    if "goose" not in BY_ID or "-c" in spec.args:
        return
    try:
        found = of_goose(link(BY_ID["goose"], name, ServerSpec(program, spec.args, spec.env)).url)
    except Refused:
        return
    assert found["cmd"] == [program]
    assert found.get("arg", []) == list(spec.args)
    assert [text.partition("=")[0] for text in found.get("env", [])] == list(spec.env)
    assert found["name"] == [name]


@pytest.mark.parametrize("command", ["/usr/bin/npx", r"C:\Program Files\nodejs\npx.cmd"])
def test_goose_knows_a_program_by_its_name_and_not_by_its_path(command: str) -> None:
    found = of_goose(link(BY_ID["goose"], "x", ServerSpec(command, ("-y", "foo"))).url)
    assert (found["cmd"], found["arg"]) == ([re.split(r"[/\\]", command)[-1]], ["-y", "foo"])


@each_linked
def test_no_secret_stands_in_a_link(host: Host) -> None:
    program = "npx"
    spec = ServerSpec(program, ("-y", "x"), {"GITHUB_TOKEN": PLANTED, "PLAIN": "v"})
    made = link(host, "gh", spec)
    assert PLANTED not in made.url
    assert base64.b64encode(PLANTED.encode()).decode().strip("=")[3:-3] not in made.url
    assert "GITHUB_TOKEN" in made.missing
    if host.remote is None:
        return
    made = link(
        host, "gh", ServerSpec(url="https://x", transport="http", headers={"Authorization": f"Bearer {PLANTED}"})
    )
    assert PLANTED not in made.url + unquote(made.url)
    assert made.missing or host.id == "goose"


@each_linked
@pytest.mark.parametrize(
    "spec",
    [
        ServerSpec("npx", ("--token", PLANTED)),
        ServerSpec("npx", (f"--key={PLANTED}",)),
        ServerSpec(url=f"https://user:{PLANTED}@x.example/mcp", transport="http"),
    ],
    ids=["an argument", "an option", "the URL"],
)
def test_a_secret_that_nothing_can_stand_in_for_makes_no_link(host: Host, spec: ServerSpec) -> None:
    with pytest.raises(Refused) as caught:
        link(host, "x", spec)
    assert PLANTED not in str(caught.value)


def test_vs_code_asks_for_what_was_left_out() -> None:
    spec = ServerSpec("npx", (), {"API_KEY": PLANTED})
    found = of_vscode(link(BY_ID["vscode"], "gh", spec).url, "vscode")
    (asked,) = found["inputs"]
    assert (asked["type"], asked["password"]) == ("promptString", True)
    assert found["env"] == {"API_KEY": f"${{input:{asked['id']}}}"}


def test_a_reference_stays_one() -> None:
    spec = ServerSpec("npx", (), {"API_KEY": Template(Reference("env", "KEY"))})
    made = link(BY_ID["cursor"], "gh", spec)
    _, entry = config_of(made.url, "cursor://")
    assert entry["env"] == {"API_KEY": "${env:KEY}"}
    assert made.missing == ()


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (ServerSpec("/opt/x"), "starts only"),
        (ServerSpec("npx", ("-c", "x")), "npx -c"),
        (ServerSpec(url="https://x", transport="sse"), "none over SSE"),
        (ServerSpec("npx", (Template(Reference("home")),)), "no references"),
    ],
    ids=["program", "shell", "transport", "reference"],
)
def test_what_goose_takes_from_no_link_is_refused(spec: ServerSpec, says: str) -> None:
    if goose := BY_ID.get("goose"):
        with pytest.raises(Refused, match=says):
            link(goose, "x", spec)


def test_every_host_with_links_is_a_row() -> None:
    links: Mapping[str, object] = LINKED
    assert set(links) <= set(BY_ID)
    with pytest.raises(Refused, match="takes no links"):
        link(BY_ID["codex"], "x", ServerSpec("npx"))
