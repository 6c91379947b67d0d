"""How we are installed, as the real uv 0.13.9 and pipx 1.18.4 lay it out; `test_real_runners` runs them themselves."""

import json
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine, Platform
from connect_mcp.installer.installation import (
    CommandForm,
    Installation,
    cached_by,
    our_command,
    requirement,
    this_installation,
)
from support.machines import HOMES, machine

WHEEL = "/srv/connect_mcp-1-py3-none-any.whl"
FROM_WHEEL = json.dumps({"url": f"file://{WHEEL}", "archive_info": {}})
FROM_GIT = json.dumps(
    {
        "url": "https://user:hunter2@git.example/connect-mcp",
        "vcs_info": {"vcs": "git", "commit_id": "c0ffee", "requested_revision": "main"},
    }
)
UV = b"home = /usr/bin\nuv = 0.13.9\nrelocatable = true\n"
UVX = "/home/user/.cache/uv/archive-v0/p9rXr3jvp0agyAIT"
PIPX_RUN = "/home/user/.cache/pipx/4cb61892c23a7ab"
TOOL = "/home/user/.local/share/uv/tools/connect-mcp"
VENV = "/home/user/venv"


def at(prefix: str, direct_url: str | None = None, *, scripts: tuple[str, ...] | None = None) -> Installation:
    found = (f"{prefix}/bin/connect-mcp",) if scripts is None else scripts
    return Installation(f"{prefix}/bin/python", prefix, found, lambda: direct_url)


def here(
    prefix: str = VENV,
    *,
    files: Mapping[str, bytes | None] | None = None,
    programs: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
) -> Machine:
    content = {f"{prefix}/pyvenv.cfg": UV, WHEEL: b"", **(files or {})}
    return machine(
        env={"PATH": "/usr/bin:/home/user/.local/bin", **(env or {})},
        files=content,
        executable=frozenset(programs),
        links=links,
    )


@pytest.mark.parametrize(
    ("prefix", "files", "runner"),
    [
        (UVX, {}, "uvx"),
        ("/home/user/.cache/uv/builds-v0/.tmp6DNAPc", {}, "uvx"),
        ("/home/user/.cache/uv/environments-v2/x-1", {}, "uvx"),
        (TOOL, {f"{TOOL}/uv-receipt.toml": b"[tool]"}, None),
        (PIPX_RUN, {f"{PIPX_RUN}/pipx_metadata.json": b"{}"}, "pipx"),
        (
            "/home/user/.local/share/pipx/venvs/connect-mcp",
            {"/home/user/.local/share/pipx/venvs/connect-mcp/pipx_metadata.json": b"{}"},
            None,
        ),
        (VENV, {}, None),
        ("/usr", {}, None),
    ],
)
def test_an_installation_in_a_runners_cache_is_told_from_one_that_stays(
    prefix: str, files: dict[str, bytes], runner: str | None
) -> None:
    assert cached_by(here(prefix, files=files), at(prefix)) == runner


@pytest.mark.parametrize(
    ("prefix", "direct_url", "how", "portable", "command"),
    [
        (VENV, None, "auto", False, [f"{VENV}/bin/connect-mcp"]),
        (VENV, None, "auto", True, ["connect-mcp"]),
        (VENV, None, "name", False, ["connect-mcp"]),
        (VENV, None, "absolute", True, [f"{VENV}/bin/connect-mcp"]),
        (VENV, None, "python", False, [f"{VENV}/bin/python", "-m", "connect_mcp"]),
        (VENV, FROM_WHEEL, "uvx", False, ["/usr/bin/uvx", "--from", WHEEL, "connect-mcp"]),
        (VENV, FROM_WHEEL, "pipx", False, ["/usr/bin/pipx", "run", "--spec", WHEEL, "connect-mcp"]),
        (UVX, FROM_WHEEL, "auto", False, ["/usr/bin/uvx", "--from", WHEEL, "connect-mcp"]),
        (UVX, FROM_WHEEL, "auto", True, ["connect-mcp"]),
        (UVX, FROM_WHEEL, "absolute", False, [f"{UVX}/bin/connect-mcp"]),
        (
            UVX,
            FROM_GIT,
            "auto",
            False,
            ["/usr/bin/uvx", "--from", "git+https://git.example/connect-mcp@c0ffee", "connect-mcp"],
        ),
        (UVX, FROM_GIT, "auto", True, ["uvx", "--from", "git+https://git.example/connect-mcp@c0ffee", "connect-mcp"]),
        (TOOL, FROM_WHEEL, "auto", False, [f"{TOOL}/bin/connect-mcp"]),
    ],
)
def test_the_command_fits_the_installation_and_the_scope(
    prefix: str, direct_url: str | None, how: CommandForm, portable: bool, command: list[str]
) -> None:
    found = our_command(
        here(prefix, programs=("/usr/bin/uvx", "/usr/bin/pipx")), at(prefix, direct_url), how, portable=portable
    )
    assert [found[0], *found[1]] == command


def test_the_uvx_beside_the_uv_that_started_us_is_taken() -> None:
    here_ = here(UVX, programs=("/opt/uv/uvx", "/usr/bin/uvx"), env={"UV": "/opt/uv/uv"})
    assert our_command(here_, at(UVX, FROM_WHEEL))[0] == "/opt/uv/uvx"


def test_a_link_on_path_that_leads_to_our_script_is_named_since_it_stays() -> None:
    cellar = "/opt/homebrew/Cellar/connect-mcp/1.0/bin/connect-mcp"
    link = "/home/user/.local/bin/connect-mcp"
    here_ = here(programs=(cellar, link), links={link: cellar})
    assert our_command(here_, at("/opt/homebrew/Cellar/connect-mcp/1.0", scripts=(cellar,))) == (link, ())


def test_another_program_of_our_name_on_path_is_not_taken_for_us() -> None:
    here_ = here(programs=("/usr/bin/connect-mcp", f"{VENV}/bin/connect-mcp"))
    assert our_command(here_, at(VENV)) == (f"{VENV}/bin/connect-mcp", ())


def test_without_a_script_the_interpreter_is_named() -> None:
    assert our_command(here(), at(VENV, scripts=())) == (f"{VENV}/bin/python", ("-m", "connect_mcp"))


@pytest.mark.parametrize(
    ("direct_url", "what"),
    [
        (None, "it is not known where the package runner has this program from"),
        ("{", "it is not known where"),
        ('{"url": "file:///gone.whl", "archive_info": {}}', "is no longer at /gone.whl"),
    ],
)
def test_a_bare_name_on_an_index_is_never_written(direct_url: str | None, what: str) -> None:
    with pytest.raises(Refused) as caught:
        our_command(here(UVX, programs=("/usr/bin/uvx",)), at(UVX, direct_url))
    assert what in caught.value.what
    assert "--command absolute" in caught.value.mend


def test_a_runner_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refused, match="pipx is not found on PATH"):
        our_command(here(), at(VENV, FROM_WHEEL), "pipx")


@pytest.mark.parametrize(
    ("platform", "url", "path"),
    [
        ("linux", "file:///srv/a%20b", "/srv/a b"),
        ("macos", "file:///Users/user/connect", "/Users/user/connect"),
        ("windows", "file:///C:/Users/user/connect%20mcp", "C:\\Users\\user\\connect mcp"),
        ("windows", "file://server/share/x.whl", "\\\\server\\share\\x.whl"),
    ],
)
def test_a_file_url_becomes_a_path_of_its_platform(platform: Platform, url: str, path: str) -> None:
    assert HOMES[platform]
    noted = json.dumps({"url": url, "dir_info": {"editable": True}})
    assert requirement(machine(platform, files={path: b""}), noted) == path


@pytest.mark.parametrize(
    ("noted", "source"),
    [
        ({"url": "https://x.example/a.whl", "archive_info": {}}, "https://x.example/a.whl"),
        (
            {"url": "https://x.example/a.zip", "archive_info": {}, "subdirectory": "py"},
            "https://x.example/a.zip#subdirectory=py",
        ),
        (
            {"url": "ssh://git@x.example/r", "vcs_info": {"vcs": "git", "commit_id": "abc"}, "subdirectory": "a/b"},
            "git+ssh://git@x.example/r@abc#subdirectory=a/b",
        ),
        (
            {"url": "file:///srv/repo", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "git+file:///srv/repo@abc",
        ),
    ],
)
def test_a_source_is_named_as_runners_take_it(noted: dict[str, object], source: str) -> None:
    assert requirement(machine(), json.dumps(noted)) == source


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An interpreter in a folder without our script, and the folders of two more, as `sysconfig` names them."""
    for folder in ("bin", "scripts", "user"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setattr(sys, "argv", ["/elsewhere/__main__.py"])
    paths = {None: tmp_path / "scripts", sysconfig.get_preferred_scheme("user"): tmp_path / "user"}
    monkeypatch.setattr(sysconfig, "get_path", lambda name, scheme=None: str(paths[scheme]))
    return tmp_path


def script(folder: Path) -> str:
    (folder / "connect-mcp").write_text("")
    return str(folder / "connect-mcp")


def test_the_script_that_was_started_is_ours(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, started = script(python / "bin"), script(python)
    monkeypatch.setattr(sys, "argv", [started, "configure"])
    assert this_installation().scripts == (started, beside)


def test_else_the_one_beside_the_interpreter_is(python: Path) -> None:
    beside = script(python / "bin")
    assert this_installation().scripts == (beside,)


@pytest.mark.parametrize("folder", ["scripts", "user"])
def test_else_the_one_where_installers_put_scripts_is(python: Path, folder: str) -> None:
    put = script(python / folder)  # Homebrew and framework builds; `pip install --user`
    assert this_installation().scripts == (put,)


def test_else_there_is_none(python: Path) -> None:
    assert this_installation().scripts == ()
    assert our_command(machine(), this_installation()) == (str(python / "bin" / "python"), ("-m", "connect_mcp"))
