"""Files of a project, written whole."""

import sys
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.conformance.saving import save


def test_a_file_and_the_folders_that_it_lies_in_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.yml"
    save(path, "é\n")
    assert path.read_bytes() == "é\n".encode()
    assert [one.name for one in path.parent.iterdir()] == ["c.yml"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes and links of POSIX")
def test_a_link_is_followed_and_a_mode_is_kept(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    save(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["folder", "file/below"])
def test_what_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("a")
    with pytest.raises(Refused):
        save(tmp_path / name, "b")
    assert (tmp_path / "file").read_text() == "a"
