"""One run of one host: configured by `connect-mcp configure`, started, talked to by the scripted model, and ended."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from connect_mcp.base.errors import Refused
from connect_mcp.base.offspring import Found, Offspring
from connect_mcp.base.record import field, record, replace
from connect_mcp.base.text import printable

from ..dictation import finished, is_scribe
from ..record import MARK
from .evidence import Evidence, Leftover, Returned, start_of
from .install import Program
from .isolation import Scratch, apart, environment, scratch
from .isolation import interrupt as interrupt_group
from .model.naming import named
from .model.script import NameOf, Script
from .model.server import ScriptedModel
from .quick import converse
from .recipe import Quick, Recipe, Settings, filled

ENTRY = "lab"
"""The name of the server's entry in every host."""

PROMPT = "Please use the tool now and tell me its result."
_SETTLE = 5.0  # seconds for what the host started to end by itself after it: Claude Code and opencode take up to 4
_CONFIGURING = 60.0  # seconds; it takes less than one on a quiet machine
_WRITING = 30.0  # seconds for a recorder's scribe to write what was said to it; 64 MB of it take 10 to 20
_TICK = 0.02
_KEPT = 20_000  # characters kept of what a host prints

Talk = Callable[["subprocess.Popen[bytes]", IO[bytes]], Returned]
"""Speaks with a started host, and keeps what it says in the file."""


@record
class Server:
    """The server that the host is given.

    Attributes:
        command: its program and arguments.
        env: variables that the entry gives it.
        cwd: the folder that it runs in; None for the host's choice.
    """

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None


def drive(
    recipe: Recipe,
    program: Program,
    server: Server,
    script: Script,
    root: Path,
    *,
    patience: float = 120.0,
    patient: bool = False,
    approved: bool = True,
    cut_off: bool = False,
    interrupt: float | None = None,
    scope: str = "user",
    quick: bool = False,
) -> Evidence:
    """Run the host once.

    Args:
        recipe: how it is driven.
        program: the installed program.
        server: what it is given.
        script: what its model does.
        root: an empty folder for the run, which is kept.
        patience: seconds after which the host is ended.
        patient: whether it is told to wait for a slow server.
        approved: whether every call is approved beforehand; there is nobody who could be asked.
        cut_off: whether the network was cut off for this process.
        interrupt: seconds after the first call reached the server at which the host gets an interrupt (Ctrl-C).
        scope: whose file the server's entry is written to, as `configure` takes it.
        quick: whether the host makes the script's calls through its own channel, one by one, and has no model.

    Raises:
        Refused: where the host could not be configured or started, or has no channel, which says nothing about the
            server.
    """
    recipe = _quickly(recipe) if quick else recipe
    place = scratch(root)
    with ScriptedModel(script, naming(recipe)) as model:
        places = _places(place, program, model.url, patience)
        env = _environment(recipe, program, place, places, cut_off=cut_off, patient=patient)
        more = [(recipe.approving_settings, recipe.approving_argv) if approved else ((), recipe.asking_argv)]
        more += [(recipe.patient_settings, recipe.patient_argv)] * patient
        _write_settings([*recipe.settings, *(one for settings, _ in more for one in settings)], places)
        _configure(recipe, program.version, server, place, env, scope)
        offspring = Offspring()
        try:
            words = [*recipe.argv, *(word for _, argv in more for word in argv)]
            argv = [str(program.path), *filled(words, places)]
            talk = _talk(recipe.quick, script, patience) if quick and recipe.quick else None
            ran = _run(argv, env, place, offspring, patience, interrupt, talk)
            left = _left(recipe, place, offspring)
        finally:
            _end(place, offspring)
        starts = tuple(start_of(recording, ran.seen.get(recording, 0.0)) for recording in _recordings(place))
        return Evidence(
            recipe.host_id,
            program.version,
            tuple(sorted(starts, key=lambda start: start.spawned)),
            tuple(replace(turn, at=turn.at - ran.began) for turn in model.turns),
            ran.code,
            ran.seconds,
            _end_of(place.run / "stdout"),
            _end_of(place.run / "stderr"),
            left,
            cut_off,
            tuple(sorted(place.run.glob("*.png"), key=lambda picture: picture.stat().st_mtime)),
            ran.returned,
        )


def naming(recipe: Recipe) -> NameOf:
    """How the server's tools are found among those that the host offers."""
    return named(ENTRY, bare=recipe.bare)


def _quickly(recipe: Recipe) -> Recipe:
    """The recipe by which the host is started to be spoken to."""
    if recipe.quick is None:
        raise Refused(f"{recipe.title} has no channel to its MCP client", mend="drive it with the scripted model")
    return replace(
        recipe, argv=recipe.quick.argv, approving_argv=(), asking_argv=(), env={**recipe.env, **recipe.quick.env}
    )


def _talk(quick: Quick, script: Script, patience: float) -> Talk:
    return lambda process, keep: converse(quick.channel, process, keep, ENTRY, script, patience)


def _places(place: Scratch, program: Program, url: str, patience: float) -> dict[str, str]:
    return {
        "home": str(place.home),
        "project": str(place.project),
        "run": str(place.run),
        "installed": str(program.folder),
        "url": url,
        "server": ENTRY,
        "prompt": PROMPT,
        "patience": f"{patience:.0f}",
    }


def _environment(
    recipe: Recipe, program: Program, place: Scratch, places: Mapping[str, str], *, cut_off: bool, patient: bool
) -> dict[str, str]:
    env = environment(place, program.search, os.environ, cut_off=cut_off)
    env |= filled(recipe.env, places)
    env |= filled(recipe.patient_env, places) if patient else {}
    return {name: value for name, value in env.items() if name not in recipe.not_env}


def _write_settings(files: Sequence[Settings], places: Mapping[str, str]) -> None:
    for settings in files:
        path = Path(filled(settings.path, places))
        path.parent.mkdir(parents=True, exist_ok=True)
        content = filled(settings.content, places)
        if not isinstance(content, str):
            import json

            content = json.dumps(content, indent=2) + "\n"
        path.write_text(content, encoding="utf-8")


def _configure(
    recipe: Recipe, version: str, server: Server, place: Scratch, env: Mapping[str, str], scope: str
) -> None:
    """Have our own installer write the entry, whose command is the recorder in front of the server."""
    ours = [sys.executable, "-m", "connect_mcp"]
    out = str(_recording(place))
    about = ["--host", recipe.host_id, "--host-version", version]
    recorder = [*ours, "conformance", "record", "--out", out, "--mark", *about]
    recorder += ["--cwd", server.cwd] if server.cwd else []
    variables = [argument for name in server.env for argument in ("--env", name)]
    argv = [
        *ours,
        "configure",
        recipe.host_id,
        "--scope",
        scope,
        "--name",
        ENTRY,
        "--no-verify",
        "--yes",
        "--secrets",
        "inline",
    ]
    what = f"the server could not be configured in {recipe.title}"
    try:
        done = subprocess.run(
            [*argv, *variables, "--", *recorder, "--", *server.command],
            env={**env, **server.env},
            cwd=place.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_CONFIGURING,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refused(what, why=f"`connect-mcp configure` took more than {_CONFIGURING:.0f} s") from None
    if done.returncode != 0:
        raise Refused(what, why=printable(done.stderr.decode(errors="replace").strip()[-1000:]))


@record
class _Ran:
    """One process of a host.

    Attributes:
        began: when it was started, in seconds of the monotonic clock.
        code: its exit code; None where its time was over.
        seconds: how long it ran.
        seen: when each recording began, in seconds after the start.
        returned: what it gave back, where it was spoken with.
    """

    began: float
    code: int | None
    seconds: float
    seen: Mapping[Path, float]
    returned: Returned | None


def _run(
    argv: Sequence[str],
    env: Mapping[str, str],
    place: Scratch,
    offspring: Offspring,
    patience: float,
    interrupt: float | None,
    talk: Talk | None,
) -> _Ran:
    seen: dict[Path, float] = {}
    with (place.run / "stdout").open("wb") as out, (place.run / "stderr").open("wb") as err:
        began = time.monotonic()
        try:
            process = subprocess.Popen(
                list(argv),
                env=dict(env),
                cwd=place.project,
                stdin=subprocess.PIPE if talk else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talk else out,
                stderr=err,
                **apart(),
            )
        except OSError as error:
            raise Refused(f"{printable(argv[0])} could not be started", why=error.strerror or "") from None
        talking = ThreadPoolExecutor(1).submit(talk, process, out) if talk else None
        while process.poll() is None and time.monotonic() - began < patience:
            _note(place, seen, began)
            offspring.remember()
            if interrupt is not None and _has_called(place):
                time.sleep(interrupt)
                interrupt = None
                interrupt_group(process.pid)
            time.sleep(_TICK)
        seconds = time.monotonic() - began
        code = process.poll()
        if code is None:
            _end(place, offspring)
            process.wait()
        _note(place, seen, began)
        return _Ran(began, code, seconds, seen, talking.result() if talking else None)


def _end(place: Scratch, offspring: Offspring) -> None:
    """End whatever there is, those last that write the recordings: they end by themselves when they have done so."""
    offspring.end(_is_scribe)
    for recording in _recordings(place):
        finished(recording, _WRITING)
    offspring.end()


def _is_scribe(found: Found) -> bool:
    return is_scribe(found.command)


def _has_called(place: Scratch) -> bool:
    return any(b'"tools/call"' in recording.read_bytes() for recording in _recordings(place))


def _note(place: Scratch, seen: dict[Path, float], began: float) -> None:
    for recording in _recordings(place):
        seen.setdefault(recording, time.monotonic() - began)


def _recording(place: Scratch) -> Path:
    """The recording of the server's first start, from whose name those of the others are made."""
    return place.run / "session.jsonl"


def _recordings(place: Scratch) -> list[Path]:
    return sorted(place.run.glob("session*.jsonl"))


def _left(recipe: Recipe, place: Scratch, offspring: Offspring) -> tuple[Leftover, ...]:
    """What still lives some seconds after the host's end, but for what it leaves by design and for our recorders."""

    def by_design(found: Found) -> bool:
        return bool(recipe.daemon) and recipe.daemon in " ".join(found.command)

    left, started = offspring.left(_SETTLE, by_design), _started_by_recorders(place)
    if _end_orphaned(started, left):
        left = offspring.left(_SETTLE, by_design)
    theirs = [found for found in left if str(_recording(place)) not in found.command and not _is_scribe(found)]
    return tuple(Leftover(found.name, _is_servers(found, place, started)) for found in theirs)


def _end_orphaned(started: Collection[int], left: Sequence[Found]) -> bool:
    """End each server whose host killed our recorder: without one it would have killed the server.

    What such a server started itself is not ended, since the host would not have reached it either.
    """
    there = {found.process.pid for found in left}
    orphaned = [found for found in left if found.process.pid in started and _parent(found) not in there]
    for found in orphaned:
        found.kill()
    return bool(orphaned)


def _is_servers(found: Found, place: Scratch, started: Collection[int]) -> bool:
    """Whether a process is the server or was started by it, however it calls itself now.

    One that overwrites its environment, or is started with none, is known only where the recorder started it.
    """
    return found.process.pid in started or found.variable(MARK).startswith(str(place.run))


def _started_by_recorders(place: Scratch) -> set[int]:
    """The numbers of the processes that our recorders started."""
    noted = (path.read_text(encoding="ascii") for path in place.run.glob("session*.pid"))
    return {int(number) for number in noted if number}  # none where a recorder was killed before it wrote it down


def _parent(found: Found) -> int | None:
    import psutil

    with contextlib.suppress(psutil.Error):
        return found.process.ppid()
    return None


def _end_of(path: Path) -> str:
    return path.read_bytes()[-_KEPT:].decode(errors="replace")
