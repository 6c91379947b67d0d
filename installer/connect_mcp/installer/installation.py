"""How this program is installed, and the command that starts it again for a host.

The forms were seen with uv 0.13.9 and pipx 1.18.4 on Linux: what `uvx` and `pipx run` start lies in a cache that is
emptied now and then, so an entry must name the runner instead, with the source that it was given.
"""

import sys
from collections.abc import Callable
from typing import Literal

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.record import field, record

SCRIPT = "connect-mcp"

CommandForm = Literal["auto", "absolute", "name", "python", "uvx", "pipx"]
"""How an entry names a program: by its path, by its name alone, through Python, or through a package runner; "auto" is
what fits the scope and how we are installed."""
COMMAND_FORMS: tuple[CommandForm, ...] = ("auto", "absolute", "name", "python", "uvx", "pipx")

Runner = Literal["uvx", "pipx"]

_UV_CACHE = ("archive-v", "builds-v", "environments-v")
"""What the folders of uv's cache begin with in which `uvx` and `uv run --with` keep environments."""


@record
class Installation:
    """One installation of this program.

    Attributes:
        python: its interpreter, absolute.
        prefix: the folder of its environment.
        scripts: where its console script may be, the likeliest first, absolute.
        direct_url: reads what the package installer noted of the source (PEP 610); None where it came from an index.
    """

    python: str
    prefix: str
    scripts: tuple[str, ...]
    direct_url: Callable[[], str | None] = field(repr=False)


def this_installation() -> Installation:
    """The one that is running."""
    import os

    name = SCRIPT + (".exe" if sys.platform == "win32" else "")
    python = os.path.abspath(sys.executable)
    folder, called = os.path.split(os.path.abspath(sys.argv[0]))
    started = os.path.join(folder, name) if called in (SCRIPT, name) else ""  # Windows leaves the .exe out
    beside = os.path.join(os.path.dirname(python), name)
    scripts = [path for path in (started, beside) if path and os.path.isfile(path)]
    if not scripts:
        scripts = [path for folder in _script_folders() if os.path.isfile(path := os.path.join(folder, name))]
    return Installation(python, os.path.abspath(sys.prefix), tuple(scripts), _direct_url)


def our_command(
    machine: Machine, installation: Installation, how: CommandForm = "auto", *, portable: bool = False
) -> tuple[str, tuple[str, ...]]:
    """What a host starts to run `connect-mcp`: a program, and the arguments that come before our own.

    Args:
        machine: where the host runs.
        installation: how we are installed there.
        how: the form.
        portable: whether the entry is shared with people whose paths differ.

    Raises:
        Refused: where a runner is to start us and it is not known what it should fetch, or the runner is not there.
    """
    runner = cached_by(machine, installation)
    if how == "auto" and runner and not (portable and not _portable_source(installation)):
        how = runner
    elif how == "auto":
        how = "name" if portable else "absolute"
    if how == "name":
        return SCRIPT, ()
    if how == "absolute" and installation.scripts:
        return _launcher(machine, installation.scripts[0]), ()
    if how in ("absolute", "python"):
        return installation.python, ("-m", "connect_mcp")
    source = requirement(machine, installation.direct_url())
    if how == "pipx":
        return _runner(machine, "pipx", portable=portable), ("run", "--spec", source, SCRIPT)
    return _runner(machine, "uvx", portable=portable), ("--from", source, SCRIPT)


def cached_by(machine: Machine, installation: Installation) -> Runner | None:
    """The runner in whose cache we lie, and which may throw us away; None for an installation that stays."""
    folders = installation.prefix.replace("\\", "/").split("/")
    if any(folder.startswith(_UV_CACHE) for folder in folders):
        settings = machine.files.read(machine.join(installation.prefix, "pyvenv.cfg")) or b""
        return "uvx" if b"uv = " in settings or b"extends-environment" in settings else None
    noted = machine.join(installation.prefix, "pipx_metadata.json")
    return "pipx" if folders[-2:-1] != ["venvs"] and machine.exists(noted) else None


def requirement(machine: Machine, direct_url: str | None) -> str:
    """What a runner is told to fetch: a path, or a URL of an archive or a repository at the commit that runs now.

    Raises:
        Refused: where that is not known, or no longer there.
    """
    noted = _noted(direct_url)
    if noted is None:
        raise Refused(
            "it is not known where the package runner has this program from",
            why=f"it came from an index, and on the public one the name {SCRIPT} need not be ours",
            mend="run it with --from and a path or URL (uvx) or with --spec (pipx), install it, or use "
            "--command absolute",
        )
    url, kind = noted
    if kind != "file":
        return url
    path = _path(machine, url)
    if not machine.exists(path):
        raise Refused(
            f"what this program was installed from is no longer at {path}",
            mend="install it from where it stays, or use --command absolute",
        )
    return path


def _noted(direct_url: str | None) -> tuple[str, str] | None:
    """The source as a runner takes it, and whether it is a "file" or "remote"."""
    if not direct_url:
        return None
    import json
    from urllib.parse import urlsplit, urlunsplit

    try:
        noted = json.loads(direct_url)
        parts = urlsplit(noted["url"])
        vcs = noted.get("vcs_info") or {}
        if parts.scheme == "file" and not vcs:
            return noted["url"], "file"
        host = parts.netloc.rpartition("@")[2]  # a password in it is nobody else's business
        user = "git@" if parts.netloc.startswith("git@") else ""
        url = urlunsplit((parts.scheme, user + host, parts.path, parts.query, ""))
        folder = f"#subdirectory={noted['subdirectory']}" if noted.get("subdirectory") else ""
        return (f"{vcs['vcs']}+{url}@{vcs['commit_id']}{folder}" if vcs else url + folder), "remote"
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _portable_source(installation: Installation) -> bool:
    noted = _noted(installation.direct_url())
    return noted is not None and noted[1] == "remote"


def _path(machine: Machine, url: str) -> str:
    """A `file:` URL as a path of this machine."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    path = unquote(parts.path)
    if machine.platform == "windows":
        path = f"//{parts.netloc}{path}" if parts.netloc else path.lstrip("/")
    return machine.join(path)


def _launcher(machine: Machine, script: str) -> str:
    """The link on PATH that leads to the script, if there is one.

    It stays where the folder behind it is replaced (Homebrew, `pipx install`, `uv tool install`).
    """
    link = machine.which(SCRIPT)
    return link if link and machine.files.real(link) == machine.files.real(script) else script


def _runner(machine: Machine, name: Runner, *, portable: bool) -> str:
    """The runner's program; uv tells what it starts where it is itself."""
    if portable:
        return name
    uv = machine.variable("UV") if name == "uvx" else None
    beside = machine.join(machine.parent(uv), "uvx") if uv else ""
    found = (machine.which(beside) if beside else None) or machine.which(name)
    if found is None:
        raise Refused(f"{name} is not found on PATH", mend=f"install {name}, or use another --command")
    return found


def _script_folders() -> list[str]:
    """Where package installers put console scripts for this interpreter; a user's own ones last."""
    import sysconfig  # only where the script is not beside the interpreter: Homebrew, framework builds, `pip --user`

    user = sysconfig.get_preferred_scheme("user")
    return [sysconfig.get_path("scripts"), sysconfig.get_path("scripts", user)]


def _direct_url() -> str | None:
    from importlib import metadata

    try:
        return metadata.distribution(SCRIPT).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return None
