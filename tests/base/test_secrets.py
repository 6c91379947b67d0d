import json
import os
import stat
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.folders import folders
from connect_mcp.base.secrets import (
    LONGEST,
    Kept,
    Store,
    check_name,
    check_value,
    is_profile,
    known_values,
    qualified,
)
from connect_mcp.base.system import System
from support.systems import Counting, dying

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

PLANTED = "planted-0123456789"


def store_in(folder: Path, system: System | None = None) -> Store:
    return Store(folder / "config", system or Counting(clock=lambda: 1_790_000_000.0))


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_value_comes_back_and_its_file_and_folder_are_for_their_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = store_in(tmp_path)
        store.put("GITHUB_TOKEN", PLANTED)
        store.put("acme/API_KEY", "ünï $cöde \"'")
    finally:
        os.umask(old)
    assert (store.value("GITHUB_TOKEN"), store.value("acme/API_KEY")) == (PLANTED, "ünï $cöde \"'")
    assert [mode(path) for path in (tmp_path / "config", store.path, f"{store.path}.lock")] == [0o700, 0o600, 0o600]
    assert store.kept()["GITHUB_TOKEN"] == Kept("GITHUB_TOKEN", 1_790_000_000, False, PLANTED)


def test_what_is_not_there_is_none_and_nothing_is_made_by_looking(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    assert (store.value("A"), store.kept(), store.state()) == (None, {}, None)
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_put_back_as_it_was(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.put("A", "one")
    before = Path(store.path).read_bytes()
    was = store.kept()["A"]
    store.put("A", "two")
    store.restore("A", was)
    store.put("B", "three")
    store.restore("B", None)
    assert Path(store.path).read_bytes() == before


def test_a_value_is_not_part_of_what_a_secret_looks_like() -> None:
    assert PLANTED not in repr(Kept("A", 0, False, PLANTED))


def test_the_state_changes_with_every_write_also_within_one_tick_of_the_clock(tmp_path: Path) -> None:
    store, states = store_in(tmp_path), []
    for value in "abab":
        store.put("A", value)
        states.append(store.state())
    assert all(one != other for one, other in pairwise(states))


@pytest.mark.parametrize("open_to", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_may_read_or_write_is_refused_with_the_line_that_mends_it(
    tmp_path: Path, open_to: int
) -> None:
    store = Store(tmp_path / "a folder's")
    store.put("A", PLANTED)
    os.chmod(store.path, open_to)
    for use in (store.kept, lambda: store.value("A"), lambda: store.put("B", "x")):
        with pytest.raises(Refused, match="others on this machine may read it") as refusal:
            use()
        assert PLANTED not in str(refusal.value)
    subprocess.run(refusal.value.mend, shell=True, check=True)
    assert store.value("A") == PLANTED


def test_on_windows_a_mode_says_nothing(tmp_path: Path) -> None:
    store_in(tmp_path).put("A", PLANTED)
    os.chmod(store_in(tmp_path).path, 0o666)
    assert store_in(tmp_path, System(platform="win32")).value("A") == PLANTED


ODD: dict[str, str | bytes] = {
    "no JSON": "{",
    "a value in the wrong place": f'{{"{PLANTED}": 1',
    "too deep": "[" * 100_000,
    "a list": "[]",
    "no secrets": '{"version": 1}',
    "another version": '{"version": 2, "secrets": {}}',
    "not UTF-8": b"\xff\xfe{}",
}


@pytest.mark.parametrize("name", ODD)
def test_what_this_program_did_not_write_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    content = ODD[name]
    data = content if isinstance(content, bytes) else content.encode()
    store = store_in(tmp_path)
    os.makedirs(os.path.dirname(store.path))
    Path(store.path).write_bytes(data)
    os.chmod(store.path, 0o600)
    for use in (store.kept, lambda: store.value("A"), lambda: store.put("A", "x")):
        with pytest.raises(Refused) as refusal:
            use()
        assert refusal.value.place is not None
        assert PLANTED not in str(refusal.value)
    assert Path(store.path).read_bytes() == data


@pytest.mark.parametrize("row", [5, None, {}, {"set": 1}, {"set": "x", "value": "y"}, {"set": 1, "value": 5}])
def test_a_secret_that_is_kept_in_an_odd_way_is_refused_and_can_be_set_again(tmp_path: Path, row: object) -> None:
    store = store_in(tmp_path)
    store.put("A", "x")
    content = json.loads(Path(store.path).read_text(encoding="utf-8"))
    content["secrets"]["A"] = row
    Path(store.path).write_text(json.dumps(content), encoding="utf-8")
    if row is not None:
        with pytest.raises(Refused) as refusal:
            store.value("A")
        assert refusal.value.mend == "connect-mcp secret set A"
    store.put("A", "y")
    assert store.value("A") == "y"


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    real, store = tmp_path / "dotfiles" / "s.json", store_in(tmp_path)
    os.makedirs(os.path.dirname(store.path))
    os.symlink(real, store.path)
    store.put("A", "x")
    assert os.path.islink(store.path)
    assert (mode(real), store.value("A")) == (0o600, "x")


@pytest.mark.parametrize("name", ["A", "_", "GITHUB_TOKEN", "acme/KEY", "io.github/x@1:a+b/KEY", "a_b-c/KEY1"])
def test_names_of_variables_with_a_profile_are_names_of_secrets(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "1A",
        "A B",
        "A-B",
        "A=b",
        "/A",
        "a//A",
        "a/",
        "a b/A",
        "-a/A",
        ".a/A",
        "Ä",
        "a/\n/A",
        "A\n",
        "arc_live_planted",
    ],
)
def test_what_can_be_no_name_or_looks_like_a_value_is_refused_unseen(name: str) -> None:
    with pytest.raises(Misuse) as misuse:
        check_name(name)
    assert len(name) < 3 or name not in str(misuse.value)


def test_a_profile_is_put_before_a_name_that_has_none() -> None:
    assert [qualified(name, "p") for name in ("A", "q/A")] == ["p/A", "q/A"]
    assert qualified("A", None) == "A"
    assert [is_profile(name) for name in ("", "a", "a/b", "a/", "/a", "-a")] == [False, True, True, False, False, False]


@pytest.mark.parametrize(
    "value", ["", "  ", "a\nb", "a\n", "a\rb", "\ta", "a\0", "a\x1b[m", "a\x7f", "a\x85", "\udc80"]
)
def test_a_value_that_cannot_stand_in_a_variable_is_refused_unseen(tmp_path: Path, value: str) -> None:
    with pytest.raises(Refused) as refusal:
        store_in(tmp_path).put("A", value)
    assert value.strip() == "" or value not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_value_may_be_as_long_as_a_variable_can_be_on_every_system() -> None:
    check_value("é" * LONGEST)
    with pytest.raises(Refused, match=f"{LONGEST + 1} characters"):
        check_value("x" * (LONGEST + 1))


def test_whenever_it_is_killed_the_old_values_are_there_or_the_new_ones_and_the_next_write_works(
    tmp_path: Path,
) -> None:
    whole = Counting()
    store_in(tmp_path / "0", whole).put("A", "x" * 5000)
    steps = len(whole.calls)
    assert "replace" in whole.calls
    seen = set()
    for number in range(1, steps + 1):
        folder = tmp_path / str(number)
        store_in(folder).put("A", "old")
        child = os.fork()
        if not child:
            store_in(folder, dying(number)).put("A", "new" * 2000)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (0, 42)
        store = store_in(folder)
        value = store.value("A")
        assert value in ("old", "new" * 2000)
        seen.add(str(value)[:3])
        leftovers = [mode(path) for path in (folder / "config").iterdir()]
        assert set(leftovers) == {0o600}
        store.put("B", "next")
        assert (store.value("A"), store.value("B")) == (value, "next")
        assert not [path for path in (folder / "config").iterdir() if path.name.endswith(".tmp")]
    assert seen == {"old", "new"}


PUT = """
import sys
from connect_mcp.base.secrets import Store
for i in range(10):
    Store(sys.argv[1]).put(f"{sys.argv[2]}{i}", "x")
"""


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    writers = [subprocess.Popen([sys.executable, "-c", PUT, str(tmp_path), name], env=env) for name in "ABCD"]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert len(Store(tmp_path).kept()) == 40


def test_what_is_kept_is_known_for_masking_but_for_plain_addresses(home: Path) -> None:
    store = Store(folders().config)
    assert known_values() == set()
    for name, value in {"A": "x", "p/A": "y", "B_URL": "https://x.example", "C_URL": "https://u:p@x.example"}.items():
        store.put(name, value)
    assert known_values() == {"x", "y", "https://u:p@x.example"}
    os.chmod(store.path, 0o644)
    assert known_values() == set()
