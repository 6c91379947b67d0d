"""Both sides of WSL, as far as they can be simulated: no Windows machine has been tried."""

from collections.abc import Mapping

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import Section
from connect_mcp.installer.hosts.all_hosts import find
from connect_mcp.installer.hosts.model import Location
from connect_mcp.installer.launch import located
from connect_mcp.installer.spec import ServerSpec
from connect_mcp.installer.wsl import across_wsl, on_windows_alone
from support.machines import machine

NPX = ServerSpec("npx", ("-y", "server"))


def linux(
    *programs: str, env: Mapping[str, str] | None = None, files: Mapping[str, bytes | None] | None = None
) -> Machine:
    return machine(env={"PATH": "/usr/bin", **(env or {})}, executable=frozenset(programs), files=files)


def command(spec: ServerSpec) -> list[str]:
    return [spec.command, *spec.args]


WSL = {"WSL_DISTRO_NAME": "Ubuntu"}


def place(path: str) -> Location:
    return Location(path, Section(("mcpServers",)), "jsonc")


def test_a_windows_hosts_file_gets_an_entry_that_starts_the_server_in_wsl() -> None:
    spec = ServerSpec("/usr/bin/npx", ("-y", "$x"), {"A": "1", "B": "2"})
    there, said = across_wsl(linux(env=WSL), place("/mnt/c/Users/user/.cursor/mcp.json"), spec, named=True)
    assert command(there) == ["wsl.exe", "-d", "Ubuntu", "--exec", "/usr/bin/npx", "-y", "$x"]
    assert there.env == {"A": "1", "B": "2", "WSLENV": "A/u:B/u"}
    assert "in WSL, from Windows" in said


@pytest.mark.parametrize(
    ("path", "env", "named"),
    [
        ("/mnt/c/Users/user/.cursor/mcp.json", WSL, False),
        ("/home/user/.cursor/mcp.json", WSL, True),
        ("/mnt/c/Users/user/.cursor/mcp.json", {}, True),
        ("/mnt/data/mcp.json", WSL, True),
    ],
)
def test_any_other_file_is_that_of_a_host_on_this_side(path: str, env: dict[str, str], named: bool) -> None:
    assert across_wsl(linux(env=env), place(path), NPX, named=named) == (NPX, "")


@pytest.mark.parametrize("path", ["\\\\wsl$\\Ubuntu\\home\\user\\mcp.json", "\\\\wsl.localhost\\Ubuntu\\x.json"])
def test_from_windows_a_file_in_wsl_is_refused(path: str) -> None:
    with pytest.raises(Refused) as caught:
        across_wsl(machine("windows"), place(path), NPX, named=True)
    assert "in that distribution" in caught.value.mend


def test_a_windows_program_that_wsl_finds_is_named_as_one() -> None:
    here = linux("/mnt/c/nodejs/npx", env={**WSL, "PATH": "/mnt/c/nodejs"})
    assert "is a Windows program" in located(here, find("codex"), NPX, how="auto", portable=False)[1][0]


ROAMING = "/mnt/c/Users/Ann Lee/AppData/Roaming"


@pytest.mark.parametrize(
    ("host", "files", "path"),
    [
        ("claude-desktop", [f"{ROAMING}/Claude"], f"{ROAMING}/Claude/claude_desktop_config.json"),
        (
            "claude-desktop",
            ["/mnt/c/Users/Ann Lee/AppData/Local/Packages/Claude_x/LocalCache/Roaming/Claude"],
            "/mnt/c/Users/Ann Lee/AppData/Local/Packages/Claude_x/LocalCache/Roaming/Claude/claude_desktop_config.json",
        ),
        ("cursor", ["/mnt/c/Users/Ann Lee/.cursor", f"{ROAMING}/x"], "/mnt/c/Users/Ann Lee/.cursor/mcp.json"),
        ("cursor", ["/mnt/c/Users/Ann Lee/.cursor", f"{ROAMING}/x", "/home/user/.cursor"], None),
        ("cursor", [f"{ROAMING}/x"], None),
        ("cursor", ["/mnt/c/Users/Public/.cursor", "/mnt/c/Users/Public/AppData"], None),
    ],
)
def test_a_host_that_is_on_the_windows_side_alone_is_found_there(host: str, files: list[str], path: str | None) -> None:
    assert on_windows_alone(linux(env=WSL, files=dict.fromkeys(files)), find(host)) == path
    assert on_windows_alone(linux(files=dict.fromkeys(files)), find(host)) is None


def test_a_windows_program_on_path_does_not_make_a_host_one_of_this_side() -> None:
    code = "/mnt/c/Programs/code"
    files = {f"{ROAMING}/Code": None}
    here = linux(code, env={**WSL, "PATH": "/mnt/c/Programs"}, files=files)
    assert on_windows_alone(here, find("vscode")) == f"{ROAMING}/Code/User/mcp.json"
    there = linux("/usr/bin/code", env=WSL, files=files)
    assert on_windows_alone(there, find("vscode")) is None
