"""Whether the command of an entry can be started with what its host passes on."""

from collections.abc import Iterator

from connect_mcp.base.machine import Machine
from connect_mcp.base.text import printable

from ...bundled import is_bundled
from ...installation import SCRIPT
from ...stored import unwrapped
from ..executables import kind_of, needs_interpreter
from ..model import Finding, Server, Sight
from ..shells import path_lines, script_folders
from ..words import entry, named, offered, ours, shown

RUNNERS = {"npx": "node", "npm": "node", "pnpm": "node", "yarn": "node"}
"""Programs that are scripts for another one."""

HEAD = 4096
"""Bytes at the start of a program that say what it is made for; the whole of node would be a hundred megabytes."""

CACHES = ("/.cache/uv/", "/uv/cache/", "/archive-v0/", "/.local/pipx/.cache/", "/pipx/.cache/", "/_npx/")
"""Parts of paths inside caches of package runners, which are emptied now and then."""


def command_is_there(sight: Sight, server: Server) -> Iterator[Finding]:
    """The command is found with the PATH that this host passes on, and may be run."""
    if server.off or server.started is None or server.started.is_remote or server.program is not None:
        return
    machine, command = sight.machine, server.started.command
    path = server.env.get("PATH") or ""
    if _is_path(machine, command):
        yield _missing_file(sight, server)
        return
    here = machine.which(command) or next(
        (found for folder in script_folders(machine) if (found := machine.which(machine.join(folder, command)))), None
    )
    if here:
        folder = machine.parent(here)
        beyond = machine.which(command) is None
        why = f"it passes on PATH={printable(path)}, and {printable(command)} is in {printable(folder)}"
        if beyond:
            why += f"; to have it in your shells as well: {path_lines(machine, folder)}"
        yield _command_finding(
            server,
            "command-off-path",
            f"{printable(command)} is not on the PATH that it passes on",
            why,
            _absolute(server, here),
        )
        return
    yield _command_finding(
        server,
        "command-not-found",
        f"{printable(command)} is not installed, or in no folder of PATH",
        f"it passes on PATH={printable(path)}",
        ours(server, "configure", *_embedded(server)) if is_bundled(server.started) else ours(server, "remove"),
        before="" if is_bundled(server.started) else f"install {printable(command)}, or take the entry out: ",
    )


def _missing_file(sight: Sight, server: Server) -> Finding:
    machine = sight.machine
    assert server.started is not None
    path = machine.join(machine.cwd, server.started.command)
    if machine.exists(path) and not machine.is_dir(path):
        return _command_finding(
            server,
            "command-not-executable",
            f"{printable(server.started.command)} is there and may not be run",
            "its mode does not let this user run it",
            ("chmod", "+x", path),
        )
    cached = any(part in path.replace("\\", "/") for part in CACHES)
    why = "it lay in the cache of a package runner, which was emptied" if cached else "nothing is at that path"
    bundled = is_bundled(server.started)
    words = ours(server, "configure", *_embedded(server)) if bundled else ours(server, "remove")
    before = "" if bundled else "install it again, or take the entry out: "
    what = f"there is no program at {printable(server.started.command)}"
    return _command_finding(server, "command-gone", what, why, words, before=before)


def _command_finding(
    server: Server, identity: str, what: str, why: str, words: tuple[str, ...], *, before: str = ""
) -> Finding:
    line = shown(words, server) if words else ""
    if not line:
        words, before = (), ""
        line = (
            f"rename the entry {named(server)} in the file"
            if not server.name.isprintable()
            else "correct the entry's command"
        )
    title = f"{server.host.title} cannot start {named(server)}: {what}"
    return Finding(identity, "error", title, entry(server), why, before + line, words)


def _absolute(server: Server, program: str) -> tuple[str, ...]:
    assert server.spec is not None
    if is_bundled(server.spec):
        return ours(server, "configure", *_embedded(server))
    return ours(server, "configure", "--", program, *server.spec.args)


def _embedded(server: Server) -> tuple[str, ...]:
    return ("--embedded",) if server.spec and "--embedded" in server.spec.args else ()


def _is_path(machine: Machine, command: str) -> bool:
    return "/" in command or (machine.platform == "windows" and "\\" in command)


def wrapped_command_is_there(sight: Sight, server: Server) -> Iterator[Finding]:
    """What `connect-mcp run` would become is found as well."""
    if server.off or server.spec is None or server.program is None:
        return
    inner, _ = unwrapped(server.spec)
    if inner is server.spec or sight.machine.which(inner.command, server.env.get("PATH")) is not None:
        return
    yield _command_finding(
        server,
        "command-not-found",
        f"{printable(inner.command)} is not on the PATH that it passes on, or not installed",
        "connect-mcp run is to become it",
        ours(server, "remove"),
        before=f"install {printable(inner.command)}, or take the entry out: ",
    )


def command_is_absolute(sight: Sight, server: Server) -> Iterator[Finding]:
    """The command does not depend on the folder that its host happens to be in."""
    spec = server.spec
    if spec is None or spec.is_remote or server.off or server.file.scope != "user" or server.started is None:
        return
    command = server.started.command
    if _is_path(sight.machine, command) and sight.machine.join("/nowhere", command) != sight.machine.join("/", command):
        yield Finding(
            "command-relative",
            "warning",
            f"{server.host.title} starts {named(server)} only from the right folder: {printable(command)} is relative",
            entry(server),
            "a host's working folder is the project that is open in it",
            "write the whole path of the program into the entry",
        )


def program_fits_the_machine(sight: Sight, server: Server) -> Iterator[Finding]:
    """The program is made for this system, and the interpreter that its first line names is there."""
    if server.program is None or server.off:
        return
    head = sight.machine.files.read(server.program, HEAD)
    if head is None:
        return
    if (other := kind_of(head)) and not other.runs_on(sight.machine.platform, sight.program.machine):
        yield _command_finding(
            server,
            "program-foreign",
            f"{printable(server.program)} is made for {other}",
            f"this machine runs {sight.machine.platform} on {sight.program.machine or 'another processor'}",
            (),
        )
    interpreter = needs_interpreter(head)
    if interpreter and sight.machine.platform != "windows" and not sight.machine.files.is_executable(interpreter):
        bundled = server.spec is not None and is_bundled(server.spec)
        yield _command_finding(
            server,
            "interpreter-gone",
            f"{printable(server.program)} needs {printable(interpreter)}, which is gone",
            "the first line of the program names it",
            ours(server, "configure", *_embedded(server)) if bundled else (),
        )


def runner_has_what_it_runs_on(sight: Sight, server: Server) -> Iterator[Finding]:
    """A program that is a script for another one finds that one with the host's PATH."""
    if server.program is None or server.off or server.spec is None:
        return
    name = server.program.replace("\\", "/").rpartition("/")[2].split(".")[0]
    needed = RUNNERS.get(name)
    if needed and sight.machine.which(needed, server.env.get("PATH")) is None:
        here = sight.machine.which(needed)
        folder = printable(sight.machine.parent(here)) if here else f"the folder of {needed}"
        yield Finding(
            "runner-without-its-program",
            "error",
            f"{server.host.title} cannot start {named(server)}: {name} is found and {needed} is not",
            entry(server),
            f"it passes on PATH={printable(server.env.get('PATH') or '')}",
            f"add {folder} to PATH in the entry's variables" if here else f"install {needed}",
        )


def folder_is_there(sight: Sight, server: Server) -> Iterator[Finding]:
    """The folder that the entry wants the server started in is there."""
    spec = server.spec
    if spec is None or server.off or not spec.cwd or server.started is None:
        return
    if not sight.machine.is_dir(server.started.cwd):
        yield Finding(
            "folder-missing",
            "error",
            f"{server.host.title} cannot start {named(server)}: its folder {printable(spec.cwd)} does not exist",
            entry(server),
            "a program cannot be started in a folder that is not there",
            "make the folder, or take `cwd` out of the entry",
        )


def program_is_kept(sight: Sight, server: Server) -> Iterator[Finding]:
    """The program does not lie in a cache that is emptied now and then."""
    if server.program is None or server.off or server.spec is None:
        return
    if any(part in server.program.replace("\\", "/") for part in CACHES):
        words = ours(server, "configure", *_embedded(server)) if is_bundled(server.spec) else ()
        yield Finding(
            "program-in-cache",
            "warning",
            f"{named(server)} lies in the cache of a package runner, which is emptied now and then",
            entry(server),
            printable(server.program),
            shown(words, server) or "name the runner itself (uvx, pipx run, npx) as the command",
            words,
        )


def our_program_is_this_one(sight: Sight, server: Server) -> Iterator[Finding]:
    """An entry for the bundled server starts the version that is looking."""
    if server.program is None or server.off or server.spec is None or not is_bundled(server.spec):
        return
    version = _version_beside(sight.machine, server.program)
    if version and version != sight.program.version:
        words = ours(server, "configure", *_embedded(server))
        yield Finding(
            "version-other",
            "warning",
            f"{named(server)} starts connect-mcp {printable(version)}, and this is {sight.program.version}",
            entry(server),
            f"it is the one of {printable(server.program)}",
            shown(words, server),
            words,
        )


def _version_beside(machine: Machine, script: str) -> str | None:
    """The version of connect-mcp in the environment that a script belongs to."""
    root = machine.parent(machine.parent(script))
    for pattern in ("lib/*/site-packages/connect_mcp-*.dist-info", "Lib/site-packages/connect_mcp-*.dist-info"):
        for folder in machine.files.glob(root, pattern):
            return folder.replace("\\", "/").rpartition("/connect_mcp-")[2].removesuffix(".dist-info")
    return None


def the_right_one_of_several(sight: Sight, server: Server) -> Iterator[Finding]:
    """A bare name does not pick one of several programs of the same name."""
    spec, machine = server.spec, sight.machine
    if spec is None or server.program is None or server.off or _is_path(machine, spec.command) or not is_bundled(spec):
        return
    found: dict[str, str] = {}
    for folder in (server.env.get("PATH") or "").split(";" if machine.platform == "windows" else ":"):
        if folder and (program := machine.which(machine.join(folder, SCRIPT))):
            found.setdefault(machine.files.real(program), program)
    if len(found) > 1:
        first, *rest = found.values()
        yield Finding(
            "programs-several",
            "warning",
            f"{named(server)} starts the first of {len(found)} programs called {SCRIPT}",
            entry(server),
            f"{printable(first)} wins over {', '.join(map(printable, rest))}",
            "uninstall those that are not wanted, or name one by its path",
        )


def _started_by_itself(server: Server) -> bool:
    """Whether the host goes through the shell on its own for this command."""
    assert server.spec is not None
    return "*" in server.host.shims or server.spec.command.lower().removesuffix(".cmd") in server.host.shims


def windows_script_has_its_shell(sight: Sight, server: Server) -> Iterator[Finding]:
    """A `.cmd` or `.bat` is started through `cmd /c`, where the host does not do so by itself."""
    if sight.machine.platform != "windows" or server.program is None or server.off or server.spec is None:
        return
    if not server.program.lower().endswith((".cmd", ".bat")) or _started_by_itself(server):
        return
    words = ours(server, "configure", "--", "cmd", "/c", server.spec.command, *server.spec.args)
    yield Finding(
        "script-without-shell",
        "error",
        f"{server.host.title} cannot start {named(server)}: {printable(server.program)} is a script for cmd.exe",
        entry(server),
        "Windows starts .cmd and .bat files through their shell alone",
        *offered(words, server, "make `cmd` the command, and `/c` and the script its first arguments"),
    )
