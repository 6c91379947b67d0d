import os
import stat
import sys
from pathlib import Path

import pytest
from platformdirs.api import PlatformDirsABC
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from connect_mcp.base.folders import Folders, config_folder, folders, private_folder


def usual(found: PlatformDirsABC) -> Folders:
    return Folders(Path(found.user_config_dir), Path(found.user_state_dir), Path(found.user_data_dir))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs is asked")
@pytest.mark.parametrize("value", [None, "", "/else/where", "/else/where//", "relative", "~/tilde", "  "])
@pytest.mark.parametrize("name", ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"])
def test_on_linux_the_folders_are_those_of_platformdirs(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv(name, value)
    assert folders() == usual(Unix("connect-mcp", appauthor=False))


def test_linux_has_three_folders_of_its_own(home: Path) -> None:
    found = folders(usual=usual(Unix("connect-mcp", appauthor=False)))
    assert found == Folders(
        home / ".config/connect-mcp", home / ".local/state/connect-mcp", home / ".local/share/connect-mcp"
    )


def test_macos_has_one_folder_so_each_purpose_gets_its_own_below_it(home: Path) -> None:
    found = folders(usual=usual(MacOS("connect-mcp", appauthor=False)))
    below = home / "Library/Application Support/connect-mcp"
    assert found == Folders(below / "config", below / "state", below / "data")


def test_windows_has_one_folder_so_each_purpose_gets_its_own_below_it() -> None:
    one = Path("local/connect-mcp")  # platformdirs can ask for the real one only there
    assert folders(usual=Folders(one, one, one)) == Folders(one / "config", one / "state", one / "data")


def test_a_named_folder_is_taken_as_it_is_and_made_absolute(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    found = folders(state="elsewhere", config="~/mine", usual=usual(MacOS("connect-mcp", appauthor=False)))
    assert (found.config, found.state) == (home / "mine", home / "elsewhere")
    assert found.data == home / "Library/Application Support/connect-mcp/data"


def test_a_private_folder_and_those_made_above_it_are_open_to_their_owner_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert private_folder(tmp_path / "one/two") == tmp_path / "one/two"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, tmp_path / "one", tmp_path / "one/two")]
    assert modes == [0o755, 0o700, 0o700]


def test_a_private_folder_that_is_there_loses_the_rights_of_others(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "open", 0o755)
    private_folder(tmp_path / "open")
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o700


def test_a_file_in_the_place_of_a_private_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        private_folder(tmp_path / "file")


@pytest.mark.parametrize("value", [None, "", "/else/where", "relative"])
def test_the_settings_folder_alone_is_the_same(monkeypatch: pytest.MonkeyPatch, home: Path, value: str | None) -> None:
    if value is not None:
        monkeypatch.setenv("XDG_CONFIG_HOME", value)
    assert Path(config_folder()) == folders().config
    assert Path(config_folder("~/mine")) == folders(config="~/mine").config == home / "mine"
