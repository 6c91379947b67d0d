"""Many runs of hosts, in processes of their own that have no network and take along what a host leaves behind."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NoReturn

from connect_mcp.base.errors import Refused
from connect_mcp.base.offspring import adopt_orphans
from connect_mcp.base.record import record

from .drive import Server, drive
from .evidence import Evidence
from .install import Program
from .isolation import cut_off_network, end_with_parent
from .model.script import Script
from .recipe import Recipe

_cut_off = False
"""Whether this process, one of the pool's, has lost the network."""


@record
class Run:
    """One run that is to be made.

    Attributes:
        recipe, program, server, script, folder, patience, patient, approved, interrupt, quick: as `drive` takes them.
    """

    recipe: Recipe
    program: Program
    server: Server
    script: Script
    folder: Path
    patience: float = 120.0
    patient: bool = False
    approved: bool = True
    interrupt: float | None = None
    quick: bool = False


def make(runs: Sequence[Run], at_once: int) -> Iterator[tuple[int, Evidence | Refused]]:
    """Make the runs, in the order given where one at a time is made.

    Args:
        runs: what is to be made.
        at_once: how many at the same time. Hosts that wait a second for a server see a busy machine as a slow one.

    Yields:
        The place of a run in `runs`, and what happened; Refused where the host could not be driven.
    """
    if not runs:
        return
    context, others = multiprocessing.get_context("spawn"), set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(min(at_once, len(runs)), mp_context=context, initializer=_alone)
    try:
        places: dict[Future[Evidence], int] = {pool.submit(_make, run): place for place, run in enumerate(runs)}
        waiting = set(places)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=places.__getitem__):
                yield places[future], _outcome(future)
    except BaseException:  # an interrupt, for one: it is not waited until the hosts are done
        if sys.platform != "win32":  # nothing would be ended on the way out there
            for ours in set(multiprocessing.active_children()) - others:
                ours.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _outcome(future: "Future[Evidence]") -> Evidence | Refused:
    try:
        return future.result()
    except Refused as refusal:
        return refusal
    except BrokenProcessPool:
        return Refused("the process that ran the host was ended from outside")


def _alone() -> None:
    """Prepare a process of the pool; a network of its own it can have only before it has a second thread."""
    global _cut_off
    if sys.platform != "win32":
        signal.signal(signal.SIGTERM, leave)  # so that what was started is ended on the way out
        # A terminal interrupts us, too, and the first process ends us. What is ignored would be so in hosts as well.
        signal.signal(signal.SIGINT, lambda number, frame: None)
    adopt_orphans()
    _cut_off = cut_off_network()
    end_with_parent()


def leave(number: int, frame: object) -> NoReturn:
    """A signal's handler: end this process in order, once."""
    signal.signal(number, signal.SIG_IGN)  # a second one would break off the ending of what was started
    raise SystemExit(128 + number)


def _make(run: Run) -> Evidence:
    try:
        return _drive(run)
    except SystemExit as leaving:
        os._exit(int(leaving.code or 0))  # the pool would keep it as this run's outcome, and go on with the next


def _drive(run: Run) -> Evidence:
    return drive(
        run.recipe,
        run.program,
        run.server,
        run.script,
        run.folder,
        patience=run.patience,
        patient=run.patient,
        approved=run.approved,
        cut_off=_cut_off,
        interrupt=run.interrupt,
        quick=run.quick,
    )
