from collections.abc import Mapping

import pytest

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.machine import Machine
from connect_mcp.installer.hosts.all_hosts import find
from connect_mcp.installer.installation import CommandForm
from connect_mcp.installer.launch import located, network, taken_for_references
from connect_mcp.installer.spec import ServerSpec
from support.machines import machine

NPX = ServerSpec("npx", ("-y", "server"))


def linux(*programs: str, env: Mapping[str, str] | None = None, links: Mapping[str, str] | None = None) -> Machine:
    return machine(env={"PATH": "/usr/bin", **(env or {})}, executable=frozenset(programs), links=links, cwd="/work")


def command(spec: ServerSpec) -> list[str]:
    return [spec.command, *spec.args]


@pytest.mark.parametrize(
    ("given", "how", "portable", "written"),
    [
        ("npx", "auto", False, "/usr/bin/npx"),
        ("npx", "auto", True, "npx"),
        ("npx", "name", False, "npx"),
        ("npx", "absolute", True, "/usr/bin/npx"),
        ("./run.sh", "auto", False, "/work/run.sh"),
        ("./run.sh", "auto", True, "./run.sh"),
        ("absent", "auto", False, "absent"),
        ("/opt/x", "auto", False, "/opt/x"),
    ],
)
def test_a_program_is_named_by_its_path_where_only_this_user_has_the_file(
    given: str, how: CommandForm, portable: bool, written: str
) -> None:
    spec, said = located(
        linux("/usr/bin/npx", "/work/run.sh"), find("cursor"), ServerSpec(given, ("a",)), how=how, portable=portable
    )
    assert command(spec) == [written, "a"]
    assert said == ()


def test_a_program_whose_path_is_asked_for_must_be_there() -> None:
    with pytest.raises(Refused, match="npx is not found"):
        located(linux(), find("cursor"), NPX, how="absolute", portable=False)


def test_our_own_forms_are_not_for_others_servers() -> None:
    with pytest.raises(Misuse, match="--command uvx is for the bundled server"):
        located(linux(), find("cursor"), NPX, how="uvx", portable=False)


def test_a_path_that_one_shell_has_is_written_as_the_one_that_stays() -> None:
    session = "/run/user/1000/fnm_multishells/12_34/bin"
    stays = "/home/user/.local/share/fnm/node-versions/v22/installation/bin"
    here = linux(f"{session}/npx", env={"PATH": session}, links={session: stays})
    assert command(located(here, find("cursor"), NPX, how="auto", portable=False)[0])[0] == f"{stays}/npx"


BREW = "/opt/homebrew/bin"
ENV_NODE = b"#!/usr/bin/env node\n"


def mac(*programs: str, files: Mapping[str, bytes] | None = None, path: str = f"{BREW}:/usr/bin") -> Machine:
    return machine("macos", env={"PATH": path}, files=files, executable=frozenset(programs))


@pytest.mark.parametrize(
    ("host", "path"),
    [("cursor", f"{BREW}:/usr/bin:/bin:/usr/sbin:/sbin"), ("claude-code", None), ("codex", None)],
)
def test_a_host_that_is_started_from_the_dock_gets_a_path_on_which_node_is_found(host: str, path: str | None) -> None:
    spec, said = located(mac(f"{BREW}/npx", f"{BREW}/node"), find(host), NPX, how="auto", portable=False)
    assert spec.command == f"{BREW}/npx"
    assert spec.env.get("PATH") == path
    assert bool(said) == bool(path)


def test_the_interpreter_that_a_script_names_is_on_that_path_as_well() -> None:
    here = mac("/opt/a/tool", f"{BREW}/node", files={"/opt/a/tool": ENV_NODE}, path=f"/opt/a:{BREW}")
    spec, _ = located(here, find("cursor"), ServerSpec("tool"), how="auto", portable=False)
    assert spec.env["PATH"] == f"/opt/a:{BREW}:/usr/bin:/bin:/usr/sbin:/sbin"


def test_a_path_that_was_given_and_a_program_on_the_short_path_need_no_other() -> None:
    given = ServerSpec("npx", env={"PATH": "/mine"})
    assert located(mac(f"{BREW}/npx"), find("cursor"), given, how="auto", portable=False)[0].env == {"PATH": "/mine"}
    assert located(mac("/usr/bin/git"), find("cursor"), ServerSpec("git"), how="auto", portable=False)[0].env == {}


NODE = "C:\\Program Files\\nodejs"


def windows(*programs: str) -> Machine:
    return machine("windows", env={"PATH": NODE}, executable=frozenset(programs))


@pytest.mark.parametrize(
    ("host", "program", "written"),
    [
        ("claude-desktop", "npx.cmd", ["cmd", "/c", "npx", "-y", "server"]),
        ("cursor", "npx.cmd", ["cmd", "/c", "npx", "-y", "server"]),
        ("claude-code", "npx.cmd", ["npx", "-y", "server"]),
        ("continue", "npx.cmd", ["npx", "-y", "server"]),
        ("claude-desktop", "npx.exe", [f"{NODE}\\npx.exe", "-y", "server"]),
    ],
)
def test_on_windows_a_cmd_file_goes_through_cmd_where_the_host_does_not_see_to_it(
    host: str, program: str, written: list[str]
) -> None:
    spec, _ = located(windows(f"{NODE}\\{program}"), find(host), NPX, how="auto", portable=False)
    assert command(spec) == written


def test_continue_sees_to_some_programs_alone() -> None:
    spec, _ = located(windows(f"{NODE}\\npm.cmd"), find("continue"), ServerSpec("npm"), how="auto", portable=False)
    assert command(spec) == ["cmd", "/c", "npm"]


@pytest.mark.parametrize("argument", ["a & calc", "%PATH%", "x|y", "^", "a>b", 'say "x"', "https://x.example/?a=1&b=2"])
def test_what_cmd_would_read_anew_is_refused(argument: str) -> None:
    spec = ServerSpec("npx", ("-y", argument))
    here = windows(f"{NODE}\\npx.cmd")
    with pytest.raises(Refused, match="would not pass on"):
        located(here, find("cursor"), spec, how="auto", portable=False)
    assert located(here, find("claude-code"), spec, how="auto", portable=False)[0] == spec


NETWORK = {"HTTPS_PROXY": "http://proxy.example:3128", "no_proxy": ".local", "NODE_EXTRA_CA_CERTS": "/ca.pem"}


def test_network_settings_that_a_host_drops_go_into_its_entry() -> None:
    here = linux(env={**NETWORK, "OTHER": "x"})
    assert network(here, find("codex"), NPX) == NETWORK
    assert network(here, find("claude-code"), NPX) == {}
    assert network(here, find("codex"), ServerSpec("npx", env={"no_proxy": "mine"})) == {
        key: value for key, value in NETWORK.items() if key != "no_proxy"
    }


def test_a_host_from_the_dock_has_not_what_this_shell_has() -> None:
    here = machine("macos", env=NETWORK)
    assert network(here, find("cursor"), NPX) == NETWORK
    assert network(machine(env=NETWORK), find("cursor"), NPX) == {}


@pytest.mark.parametrize(
    ("host", "spec", "said"),
    [
        ("cursor", ServerSpec("x", env={"K": "a${env:HOME}"}), "a part of env K for a reference"),
        ("claude-code", ServerSpec(url="https://x/", transport="http", headers={"A": "${X}"}), "a part of headers A"),
        ("cursor", ServerSpec("x", ("--dir", "${workspaceFolder}")), "a part of the arguments `${workspaceFolder}`"),
        ("opencode", ServerSpec("x", env={"PASSWORD": "hunter2{env:HOME}"}), "a part of env PASSWORD for a reference"),
        ("gemini-cli", ServerSpec("x", env={"PASSWORD": "hunter2$abc"}), "a part of env PASSWORD for a reference"),
        ("codex", ServerSpec("x", env={"K": "${X}"}), None),
        ("claude-code", ServerSpec("x", env={"K": "$X"}), None),
    ],
)
def test_a_text_that_the_host_would_replace_is_named_and_never_shown(
    host: str, spec: ServerSpec, said: str | None
) -> None:
    found = taken_for_references(find(host), spec)
    assert [said in sentence for sentence in found if said] == ([True] if said else [])
    assert len(found) == bool(said)
    assert "hunter2" not in "".join(found)
