import os
import stat
from pathlib import Path

import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from connect_mcp.base.folders import Folders, folders, private_folder


def test_linux_has_three_folders_of_its_own(home: Path) -> None:
    found = folders(locations=Unix("connect-mcp", appauthor=False))
    assert found == Folders(
        home / ".config/connect-mcp", home / ".local/state/connect-mcp", home / ".local/share/connect-mcp"
    )


def test_macos_has_one_folder_so_each_purpose_gets_its_own_below_it(home: Path) -> None:
    found = folders(locations=MacOS("connect-mcp", appauthor=False))
    below = home / "Library/Application Support/connect-mcp"
    assert found == Folders(below / "config", below / "state", below / "data")


def test_windows_has_one_folder_so_each_purpose_gets_its_own_below_it() -> None:
    class Windows:  # platformdirs asks the registry for the real ones
        user_config_dir = user_state_dir = user_data_dir = "local/connect-mcp"

    found = folders(locations=Windows())
    assert found == Folders(*(Path("local/connect-mcp", name) for name in ("config", "state", "data")))


def test_a_named_folder_is_taken_as_it_is_and_made_absolute(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    found = folders(state="elsewhere", config="~/mine", locations=MacOS("connect-mcp", appauthor=False))
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
