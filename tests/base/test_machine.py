"""Paths and programs are looked up as each platform does it."""

import os
import sys
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Platform, this_machine
from support.machines import machine


@pytest.mark.parametrize(
    ("platform", "env", "template", "path"),
    [
        ("linux", {}, "~/.x/y.json", "/home/user/.x/y.json"),
        ("macos", {}, "~/Library/Application Support/x", "/Users/user/Library/Application Support/x"),
        ("windows", {}, "~/.x/y.json", "C:\\Users\\user\\.x\\y.json"),
        ("linux", {}, "~", "/home/user"),
        ("linux", {}, "$XDG_CONFIG_HOME/x", "/home/user/.config/x"),
        ("linux", {"XDG_CONFIG_HOME": ""}, "$XDG_CONFIG_HOME/x", "/home/user/.config/x"),
        ("linux", {"XDG_CONFIG_HOME": "/cfg"}, "$XDG_CONFIG_HOME/x", "/cfg/x"),
        ("windows", {"XDG_CONFIG_HOME": "D:\\cfg"}, "$XDG_CONFIG_HOME/x", "D:\\cfg\\x"),
        ("windows", {}, "%APPDATA%/x", "C:\\Users\\user\\AppData\\Roaming\\x"),
        ("windows", {"AppData": "D:\\Roaming"}, "%APPDATA%/x", "D:\\Roaming\\x"),
        ("windows", {}, "%LOCALAPPDATA%/x/y", "C:\\Users\\user\\AppData\\Local\\x\\y"),
        ("windows", {"LOCALAPPDATA": "\\\\server\\share"}, "%LOCALAPPDATA%/x", "\\\\server\\share\\x"),
        ("linux", {}, "/etc/x", "/etc/x"),
        ("linux", {}, "rel/x", "/home/user/rel/x"),
    ],
)
def test_a_template_becomes_a_native_path(platform: Platform, env: dict[str, str], template: str, path: str) -> None:
    assert machine(platform, env=env).path(template) == path


def test_a_later_absolute_part_wins_a_join_and_dots_are_taken_out() -> None:
    assert machine().join("/a", "/b", "../c") == "/c"
    assert machine("windows").join("C:\\a", "D:\\b", "c/./d") == "D:\\b\\c\\d"


def test_only_windows_does_not_tell_variables_apart_by_case() -> None:
    assert machine("windows", env={"Path": "C:\\bin"}).variable("PATH") == "C:\\bin"
    assert machine("linux", env={"Path": "/bin"}).variable("PATH") is None


def test_a_program_is_found_in_the_order_of_the_path() -> None:
    posix = machine(env={"PATH": "/a:/b"}, executable=frozenset({"/b/tool", "/c/tool", "/home/user/tool"}))
    assert posix.which("tool") == "/b/tool"
    assert posix.which("tool", "/c:/b") == "/c/tool"
    assert posix.which("tool", "/nowhere") is None
    assert posix.which("tool", "/nowhere:") == "/home/user/tool", "an empty folder is the working folder"
    assert posix.which("./tool") == "/home/user/tool"
    assert posix.which("/c/tool") == "/c/tool"
    assert posix.which("/d/tool") is None


def test_windows_tries_the_usual_endings() -> None:
    programs = frozenset({"C:\\bin\\tool.cmd", "C:\\bin\\other.exe", "C:\\bin\\script.py"})
    windows = machine("windows", env={"Path": "C:\\none;;C:\\bin"}, executable=programs)
    assert windows.which("tool") == "C:\\bin\\tool.cmd"
    assert windows.which("other.exe") == "C:\\bin\\other.exe"
    assert windows.which("script.py") is None, "not an ending that Windows runs"
    assert windows.which("C:\\bin\\other") == "C:\\bin\\other.exe"


def test_without_a_path_variable_posix_still_searches_the_system_folders() -> None:
    assert machine(executable=frozenset({"/usr/bin/tool"})).which("tool") == "/usr/bin/tool"


def test_a_glob_takes_the_folder_before_the_star_literally() -> None:
    windows = machine(
        "windows",
        env={"LOCALAPPDATA": "C:\\[odd]"},
        files={"C:\\[odd]\\Packages\\Claude_b": None, "C:\\[odd]\\Packages\\Claude_a\\deep": None},
    )
    assert windows.glob("%LOCALAPPDATA%/Packages/Claude_*") == [
        "C:\\[odd]\\Packages\\Claude_a",
        "C:\\[odd]\\Packages\\Claude_b",
    ]


def test_neither_environment_nor_files_show_in_a_repr() -> None:
    assert "hunter2" not in repr(machine(env={"PASSWORD": "hunter2"}, files={"/x": b"hunter2"}))


def test_this_machine_sees_the_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECT_TEST_VARIABLE", "1")
    folder = home / "a[1]"
    (folder / "Claude_x").mkdir(parents=True)
    (folder / "file").write_bytes(b"\xff")
    tool = folder / ("tool.exe" if sys.platform == "win32" else "tool")
    tool.touch()
    tool.chmod(0o700)
    here = this_machine()
    assert here.home == str(home)
    assert here.variable("CONNECT_TEST_VARIABLE") == "1"
    assert here.path("~/x") == os.path.join(str(home), "x")
    assert here.is_dir(str(folder))
    assert not here.is_dir(str(folder / "file"))
    assert here.exists(str(folder / "file"))
    assert here.files.read(str(folder / "file")) == b"\xff"
    assert here.files.read(str(folder / "file"), 0) == b""
    assert here.files.read(str(folder)) is None
    assert here.which("tool", str(folder)) == str(tool)
    assert here.which("file", str(folder)) is None or sys.platform == "win32"
    assert here.glob("~/a[1]/Claude_*") == [str(folder / "Claude_x")]
    assert here.files.real(str(folder / "..")) == os.path.realpath(home)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_read_since_it_would_wait_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert this_machine().files.read(str(tmp_path / "pipe")) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not remove a folder that is in use")
def test_a_working_folder_that_is_gone_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(Refused, match="no longer exists"):
        this_machine()


def test_what_may_not_be_looked_at_is_not_called_missing(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert this_machine().exists(str(loop))
    assert not this_machine().exists(str(tmp_path / "nothing"))
    assert not this_machine().exists(str(Path(__file__) / "below-a-file"))
