"""What is shipped is what is in the tree: build backends have lost files silently before."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("installer", "server", "conformance")
STAYS_IN_THE_REPO = ("fixtures/configs/", "fixtures/doctor/", "fixtures/manifests/", "fixtures/tools/")


def tracked() -> set[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).exists()}


def in_wheel(name: str) -> str | None:
    top, _, rest = name.partition("/")
    if top in PARTS:
        return rest
    if top == "fixtures" and not name.startswith(STAYS_IN_THE_REPO):
        return f"connect_mcp/{name}"
    return None


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, built from a copy that holds the tracked files and nothing else."""
    copy, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", str(out)]
    subprocess.run(command, cwd=copy, check=True, capture_output=True, timeout=120)
    return out


def test_the_wheel_holds_every_module_and_fixture_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        files = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert files == {path for path in map(in_wheel, tracked()) if path}


def test_the_sdist_holds_every_tracked_file_and_nothing_else(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        files = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert files == tracked() | {"PKG-INFO"}


def test_no_part_is_a_regular_package_since_that_would_hide_the_others() -> None:
    assert not [name for name in tracked() if name.endswith("connect_mcp/__init__.py")]
