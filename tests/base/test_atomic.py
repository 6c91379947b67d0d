import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.atomic import IN_PLACE, Changed, check, delete, look, put, save
from connect_mcp.base.errors import Refused
from connect_mcp.base.system import System
from support.systems import Counting

# The children only run what is tested and end at once; pytest-xdist's own thread in the parent is no concern of theirs.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def replace(path: Path, data: bytes, *, mode: int | None = None, in_place: bool = False, system: System) -> None:
    seen = look(str(path), system)
    put(str(path), data, seen, temp=f"{path}.tmp", mode=mode, in_place=in_place, system=system)


@pytest.fixture
def system() -> Counting:
    return Counting()


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path, system: System) -> None:
    old = os.umask(0o027)
    try:
        replace(tmp_path / "new.json", b"{}", system=system)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new.json").stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_that_is_named_whatever_the_umask(tmp_path: Path, system: System) -> None:
    replace(tmp_path / "new.json", b"{}", mode=0o600, system=system)
    assert stat.S_IMODE((tmp_path / "new.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_an_existing_file_keeps_its_mode(tmp_path: Path, system: System, mode: int) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"old")
    path.chmod(mode)
    replace(path, b"new", mode=0o600, system=system)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", mode)


def test_extended_attributes_come_along(tmp_path: Path, system: System) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"old")
    os.setxattr(path, "user.connect-mcp-test", b"kept")
    inode = path.stat().st_ino
    replace(path, b"new", system=system)
    assert path.stat().st_ino != inode
    assert os.getxattr(path, "user.connect-mcp-test") == b"kept"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_keeps_the_owner_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"old")
    os.chown(path, 1234, 2345)
    replace(path, b"new", system=System(environ={}))
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_sudo_is_refused_for_another_users_file_and_folder(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"old")
    os.chown(path, 1234, 2345)
    sudo = System(environ={"SUDO_UID": "1234"})
    with pytest.raises(Refused, match="belongs to another user"):
        replace(path, b"new", system=sudo)
    os.chown(tmp_path, 1234, 2345)
    with pytest.raises(Refused, match="without sudo"):
        check(str(tmp_path / "not" / "there.json"), look(str(tmp_path / "not" / "there.json")), system=sudo)
    assert os.listdir(tmp_path) == ["config.json"]


def as_nobody(act: Callable[[], None]) -> str:
    """Run `act` in a child process that is not root; the words of its refusal."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(4321)
                os.setuid(4321)
            act()
        except Refused as refusal:
            os.write(writer, str(refusal).encode())
        except BaseException as error:  # noqa: BLE001 - the child must end here
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        words = pipe.read().decode()
    os.waitpid(child, 0)
    return words


@pytest.fixture
def open_tmp(tmp_path: Path) -> Path:
    """A folder that the user of `as_nobody` can reach."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != folder.parent:
            folder.chmod(folder.stat().st_mode | 0o055)
    return tmp_path


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to have another user's file")
def test_another_users_file_is_refused_and_can_be_written_in_place(open_tmp: Path) -> None:
    open_tmp.chmod(0o777)
    path = open_tmp / "config.json"
    path.write_bytes(b"old")
    path.chmod(0o666)
    words = as_nobody(lambda: replace(path, b"new", system=System()))
    assert "belongs to another user" in words
    assert "--in-place" in words
    assert path.read_bytes() == b"old"
    assert as_nobody(lambda: replace(path, b"new", in_place=True, system=System())) == ""
    assert (path.read_bytes(), path.stat().st_uid) == (b"new", 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to leave a file to another user")
def test_a_read_only_folder_is_refused_naming_in_place_and_in_place_works_there(open_tmp: Path) -> None:
    path = open_tmp / "config.json"
    path.write_bytes(b"old")
    os.chown(path, 4321, 4321)
    words = as_nobody(lambda: replace(path, b"new", system=System()))
    assert "permission denied" in words
    assert "--in-place" in words
    assert os.listdir(open_tmp) == ["config.json"]
    assert as_nobody(lambda: replace(path, b"new", in_place=True, system=System())) == ""
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to leave a file to another user")
def test_a_read_only_file_is_refused(open_tmp: Path) -> None:
    path = open_tmp / "config.json"
    path.write_bytes(b"old")
    path.chmod(0o444)
    os.chown(path, 4321, 4321)
    os.chown(open_tmp, 4321, 4321)
    assert "read-only" in as_nobody(lambda: replace(path, b"new", system=System()))
    assert path.read_bytes() == b"old"


def test_a_file_that_is_mounted_on_its_own_is_refused_naming_in_place(tmp_path: Path) -> None:
    # What the kernel answers for a bind mount; making a real one takes rights that a test run seldom has.
    def busy(_: int, function: Callable[..., Any], _args: tuple[Any, ...]) -> None:
        if function is os.replace:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    path = tmp_path / "config.json"
    path.write_bytes(b"old")
    with pytest.raises(Refused) as refusal:
        replace(path, b"new", system=Counting(busy))
    assert refusal.value.mend == IN_PLACE
    assert os.listdir(tmp_path) == ["config.json"]
    replace(path, b"new", in_place=True, system=Counting(busy))
    assert path.read_bytes() == b"new"


def test_a_second_hard_link_is_refused_and_keeps_its_content_in_place(tmp_path: Path, system: System) -> None:
    path, other = tmp_path / "config.json", tmp_path / "other.json"
    path.write_bytes(b"old and longer")
    os.link(path, other)
    with pytest.raises(Refused, match="hard link") as refusal:
        replace(path, b"new", system=system)
    assert refusal.value.mend == IN_PLACE
    replace(path, b"new", in_place=True, system=system)
    assert path.read_bytes() == other.read_bytes() == b"new"


def test_folders_pipes_and_loops_of_links_are_refused(tmp_path: Path, system: System) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for name, words in (("folder", "a folder"), ("pipe", "not a regular file"), ("one", "symbolic links")):
        with pytest.raises(Refused, match=words):
            look(str(tmp_path / name), system)


@pytest.mark.parametrize("in_place", [False, True])
def test_a_write_by_somebody_else_between_reading_and_replacing_is_noticed(tmp_path: Path, in_place: bool) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"old")
    seen = look(str(path))
    path.write_bytes(b"theirs")
    with pytest.raises(Changed):
        put(str(path), b"ours", seen, temp=f"{path}.tmp", in_place=in_place)
    assert path.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["config.json"]


def test_a_replacement_by_the_same_bytes_or_a_change_of_mode_is_noticed_too(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    disturbances: list[Callable[[], object]] = [
        lambda: os.replace(tmp_path / "same", path),
        lambda: path.chmod(0o600),
    ]
    for disturb in disturbances:
        path.write_bytes(b"old")
        path.chmod(0o644)
        (tmp_path / "same").write_bytes(b"old")
        seen = look(str(path))
        disturb()
        with pytest.raises(Changed):
            put(str(path), b"ours", seen, temp=f"{path}.tmp")


def test_a_file_that_appears_or_goes_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    nothing = look(str(path))
    path.write_bytes(b"theirs")
    with pytest.raises(Changed):
        put(str(path), b"ours", nothing, temp=f"{path}.tmp")
    seen = look(str(path))
    path.unlink()
    with pytest.raises(Changed):
        delete(str(path), seen)
    assert os.listdir(tmp_path) == []


def test_the_data_is_synced_before_the_rename_and_the_folder_after_it(tmp_path: Path, system: Counting) -> None:
    replace(tmp_path / "config.json", b"new", system=system)
    at = system.calls.index("replace")
    assert "fsync" in system.calls[:at]
    assert "fsync" in system.calls[at:]
    assert "write" not in system.calls[system.calls.index("fsync") :]


def test_windows_tries_again_while_the_file_is_held_open(tmp_path: Path) -> None:
    held = 3

    def hold(_: int, function: Callable[..., Any], _args: tuple[Any, ...]) -> None:
        nonlocal held
        if function is os.replace and held:
            held -= 1
            raise PermissionError(errno.EACCES, "The process cannot access the file")

    path = tmp_path / "config.json"
    path.write_bytes(b"old")
    system = Counting(hold, platform="win32")
    replace(path, b"new", system=system)
    assert path.read_bytes() == b"new"
    assert system.calls.count("sleep") == 3
    assert not {"fchmod", "fchown", "setxattr"} & set(system.calls)


def test_windows_gives_up_in_the_end_and_leaves_nothing_behind(tmp_path: Path) -> None:
    def hold(_: int, function: Callable[..., Any], _args: tuple[Any, ...]) -> None:
        if function is os.replace:
            raise PermissionError(errno.EACCES, "The process cannot access the file")

    path = tmp_path / "config.json"
    path.write_bytes(b"old")
    with pytest.raises(Refused, match="cannot access"):
        replace(path, b"new", system=Counting(hold, platform="win32"))
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["config.json"])


def test_saving_our_own_file_survives_what_a_crash_left(tmp_path: Path, system: System) -> None:
    path = tmp_path / "ours.json"
    (tmp_path / "ours.json.tmp").write_bytes(b"half")
    save(str(path), b"whole", system=system)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"whole", ["ours.json"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
