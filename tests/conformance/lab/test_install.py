"""Host programs come from npm once, at the version that is asked for, into a folder of their own."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.record import replace
from connect_mcp.conformance.lab.install import CACHE, LATEST, cache_folder, install, installed, node_and_npm
from connect_mcp.conformance.lab.recipe import Carrier, Recipe

SKIP = "CONNECT_MCP_TEST_SKIP_HOSTS"
SMALL = Recipe("codex", "semver", "7.6.3", "semver", "chat", (), 1.0, "a small program that does not change")

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]


@pytest.fixture(autouse=True)
def wanted() -> None:
    if os.environ.get(SKIP):
        pytest.skip(f"{SKIP} is set")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_a_program_is_installed_and_runs_and_says_its_version(cache: Path) -> None:
    program = install(SMALL, cache, os.environ)

    done = subprocess.run(
        [str(program.path), "1.2.3"], env={"PATH": program.search}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1.2.3"
    assert program.version == "7.6.3"
    assert program.path.is_relative_to(cache / "codex" / "7.6.3")


def test_what_is_installed_needs_no_npm_again(cache: Path) -> None:
    first = install(SMALL, cache, os.environ)

    again = install(SMALL, cache, {"PATH": ""})

    assert again.path == first.path
    assert installed(SMALL, cache, {"PATH": ""}) == again


def test_two_versions_stand_beside_each_other(cache: Path) -> None:
    install(SMALL, cache, os.environ)

    other = install(SMALL, cache, os.environ, "7.6.2")

    assert other.version == "7.6.2"
    found = installed(SMALL, cache, os.environ)
    assert found is not None
    assert found.version == "7.6.3"


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    assert installed(SMALL, tmp_path, os.environ) is None


def test_a_host_in_a_package_of_another_version_is_told_by_both(tmp_path: Path) -> None:
    carried = replace(SMALL, carrier=Carrier("lib/product.json", "carrier"))
    package = install(carried, tmp_path, os.environ).folder / "node_modules" / "semver"
    plain = installed(carried, tmp_path, os.environ)
    assert plain is not None
    assert (plain.version, plain.package_version, plain.shown_version) == ("7.6.3", "7.6.3", "7.6.3"), "no such file"
    (package / "lib").mkdir()
    (package / "lib" / "product.json").write_text('{"version": "1.2.3"}')

    program = installed(carried, tmp_path, os.environ)

    assert program is not None
    assert (program.version, program.package_version) == ("1.2.3", "7.6.3")
    assert program.shown_version == "1.2.3 (semver 7.6.3)"


@pytest.mark.skipif(sys.platform == "win32", reason="the old ones are shell scripts")
def test_a_node_that_is_too_old_gives_way_to_the_one_from_pypi(tmp_path: Path) -> None:
    for name, said in (("node", "echo v3.2.1"), ("npm", "exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{said}\n")
        (tmp_path / name).chmod(0o755)
    old = {"PATH": str(tmp_path)}

    assert node_and_npm(old, oldest=3) == node_and_npm(old) == (tmp_path, [str(tmp_path / "npm")])
    newer = node_and_npm(old, oldest=4)
    assert newer == node_and_npm({"PATH": ""}), "the same as where there is none"
    if newer is not None:
        done = subprocess.run([newer[0] / "node", "--version"], capture_output=True, text=True, check=True)
        assert int(done.stdout[1:].partition(".")[0]) >= 4


def test_a_version_that_does_not_exist_is_refused_with_what_npm_says(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"npm could not install semver@0\.0\.0-none") as refused:
        install(SMALL, tmp_path, os.environ, "0.0.0-none")

    assert "0.0.0-none" in refused.value.why
    assert installed(SMALL, tmp_path, os.environ, "0.0.0-none") is None


def test_a_package_that_no_longer_has_the_program_is_reported_as_that(tmp_path: Path) -> None:
    changed = Recipe("codex", "semver", "7.6.3", "another-name", "chat", (), 1.0, "")

    with pytest.raises(Refused, match="there is no `another-name` in it") as refused:
        install(changed, tmp_path, os.environ)

    assert "changed" in refused.value.why


def test_the_cache_folder_is_the_users_unless_a_variable_names_one(home: Path, tmp_path: Path) -> None:
    assert cache_folder({CACHE: str(tmp_path)}) == tmp_path
    assert cache_folder({}).is_relative_to(home)


def test_what_is_half_installed_is_not_there_and_is_installed_again(tmp_path: Path) -> None:
    program = install(SMALL, tmp_path, os.environ)
    (program.folder / "node_modules" / "semver" / "package.json").write_text('{"vers')
    assert installed(SMALL, tmp_path, os.environ) is None

    assert install(SMALL, tmp_path, os.environ).version == "7.6.3"


def test_an_update_that_fails_half_way_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    install(SMALL, tmp_path, os.environ, LATEST)
    offline = {**os.environ, "npm_config_registry": "http://127.0.0.1:9", "npm_config_fetch_retries": "0"}

    with pytest.raises(Refused, match=r"npm could not install semver@latest"):
        install(SMALL, tmp_path, offline, LATEST)

    assert installed(SMALL, tmp_path, os.environ, LATEST) is None


def test_two_that_install_at_once_take_turns(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: install(SMALL, tmp_path, os.environ), range(2))

    assert one == two


def test_a_cache_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")

    with pytest.raises(Refused, match="there is no cache folder"):
        install(SMALL, tmp_path / "file", os.environ)
