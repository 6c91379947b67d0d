"""What a program can do with hosts' files: plan, apply, status. See the package for how they go together."""

from collections.abc import Iterable, Mapping, Sequence

from connect_mcp.base.errors import Misuse
from connect_mcp.base.folders import Folders
from connect_mcp.base.folders import folders as usual_folders
from connect_mcp.base.machine import Machine, this_machine
from connect_mcp.base.record import field, record
from connect_mcp.base.secrets import Store

from .apply import Planned, Target, write
from .apply import plan as plan_targets
from .diff import diffs
from .hosts.all_hosts import HOSTS, find_all
from .hosts.model import Host, Scope
from .journal import Journal
from .placing import Foreseen, job_of, must_be_readable
from .secrecy import Mode, Spot, Wanted, hide, keeping
from .servers import State, standing
from .spec import ServerSpec


@record
class Change:
    """One entry that a plan writes.

    Attributes:
        host: the host's id.
        title: what people call the host.
        path: the file that the entry goes to.
        name: the entry's name.
        action: "add", "update", or "nothing" where it is there already.
        warnings: sentences for people.
        reload: one sentence for people: how the host picks the change up.
    """

    host: str
    title: str
    path: str
    name: str
    action: str
    warnings: tuple[str, ...]
    reload: str


@record
class Plan:
    """What `apply` is to do; nothing is written yet.

    Attributes:
        changes: the entries, one for each host.
        diffs: the unified diff of each file by its path, with secrets masked; "" where nothing changes.
    """

    changes: tuple[Change, ...]
    diffs: Mapping[str, str]
    _targets: tuple[Target, ...] = field(repr=False)
    _planned: tuple[Planned, ...] = field(repr=False)
    _hosts: tuple[Host, ...] = field(repr=False)
    _keep: Mapping[str, str] = field(repr=False)
    _folders: Folders = field(repr=False)
    _force: bool = field(repr=False)


@record
class Applied:
    """What `apply` did.

    Attributes:
        changes: the entries, as planned.
        files: the files that were written.
        id: the transaction's number, for `connect-mcp undo`; None where there was nothing to write.
    """

    changes: tuple[Change, ...]
    files: tuple[str, ...]
    id: int | None
    _folders: Folders = field(repr=False)

    def undo(self) -> None:
        """Give every file the bytes back that it had; where others wrote to it since, take out this change alone.

        Raises:
            Refused: where a file cannot be written, or it is undone already.
        """
        from .history import undo

        if self.id is not None:
            undo(self._folders, self.id)


@record
class Entry:
    """One server in a host's file.

    Attributes:
        host: the host's id.
        scope: whose file it is: "user", "project" or "local".
        path: the file.
        name: the entry's name.
        state: "present", "changed" by hand since we put it, "missing" since we put it, "shadowed" by another file's
            entry, "disabled", or "broken".
        ours: whether it was put there by `apply` or by `connect-mcp`.
        spec: the server as the entry has it; None where there is none that the host would take.
    """

    host: str
    scope: str
    path: str
    name: str
    state: State
    ours: bool
    spec: ServerSpec | None = field(repr=False)


def plan(
    spec: ServerSpec,
    *,
    name: str,
    hosts: Iterable[str] = (),
    scope: Scope = "user",
    project: str | None = None,
    secrets: Mode | None = None,
    force: bool = False,
    folders: Folders | None = None,
    machine: Machine | None = None,
) -> Plan:
    """Work out what puts a server into hosts' own files; nothing is written.

    Args:
        spec: the server. A `Template` with a `Reference` in it is written in each host's own form for a variable.
        name: the entry's name.
        hosts: ids or aliases; all that are found on the machine where none are named.
        scope: whose file.
        project: the project's folder, for project and local scope; the working folder where it is not given.
        secrets: what becomes of values that are secret, by the names that they stand under: "store" keeps them in the
            store of `connect-mcp secret`, and the entry starts `connect-mcp run`, which starts the server with them;
            "reference" leaves them to the host's own variables; "inline" writes them into the entry. None: what
            `connect-mcp configure` does by itself.
        force: write also what the host is known to reject, and while it runs, and secrets into a project's file.
        folders: where the journal and the store are; the user's own folders of connect-mcp where they are not given.
        machine: where; this machine where it is not given.

    Raises:
        Refused: where a host cannot have such a server, its file cannot be edited, or no host was found.
        Misuse: for a host that is not known, or a scope that it does not have.
    """
    machine = machine or this_machine()
    chosen = _chosen(hosts, machine, scope)
    ours = folders or usual_folders()
    foreseen = Foreseen(ours.config)
    wish = Wanted(foreseen, secrets, force=force)
    jobs = []
    for host in chosen:
        spot = Spot(machine, host, scope, host.locate(machine, scope, project), name)
        server = hide(spot, spec, wish)
        jobs.append(job_of(spot, server, force=force))
        foreseen.pending.update(server.keep)
    targets = tuple(job.target for job in jobs)
    planned = plan_targets(targets)
    if not force:
        must_be_readable(jobs, planned)
    written = {target.path for item in planned if item.changed for target in item.targets}
    changes = tuple(
        Change(
            job.host.id,
            job.host.title,
            job.location.path,
            name,
            "nothing" if job.location.path not in written else "add" if job.is_new else "update",
            job.warnings,
            job.host.reload,
        )
        for job in jobs
    )
    shown = diffs(planned, frozenset().union(*(job.secrets for job in jobs)))
    return Plan(changes, shown, targets, planned, tuple(chosen), foreseen.pending, ours, force)


def apply(plan: Plan, *, command: str = "a program") -> Applied:
    """Carry a plan out: all of it in one transaction, or nothing.

    Args:
        plan: what `plan` gave.
        command: what to call it in `connect-mcp undo --list`.

    Raises:
        Refused: where a host must be closed first, or a file cannot be written; every file is as it was then.
    """
    from .running import must_be_closed

    for host in plan._hosts:
        must_be_closed(host, force=plan._force)
    with keeping(Store(plan._folders.config), plan._keep):
        done = write(plan._targets, plan._folders, command=command, known=plan._planned)
    return Applied(plan.changes, tuple(item.path for item in done.files), done.id, plan._folders)


def status(
    name: str | None = None,
    *,
    hosts: Iterable[str] = (),
    project: str | None = None,
    folders: Folders | None = None,
    machine: Machine | None = None,
) -> tuple[Entry, ...]:
    """The servers in hosts' files, and those that were put there and are missing; looking changes nothing.

    A file that cannot be read is passed over, but for what was put into it: that is "broken".

    Args:
        name: only servers of this name.
        hosts: ids or aliases of the hosts to look at; all where none are named.
        project: the project's folder; the working folder where it is not given.
        folders: as for `plan`.
        machine: where; this machine where it is not given.

    Raises:
        Misuse: for a host that is not known.
    """
    machine = machine or this_machine()
    installed = Journal(folders or usual_folders()).installed()
    found = []
    for host in _named(hosts) or HOSTS:
        for file, servers in standing(machine, host, installed, project):
            for server in servers:
                if name is None or server.name == host.entry_key(name):
                    spec = host.read(file.entries.get(server.name))
                    found.append(
                        Entry(host.id, file.scope, file.location.path, server.name, server.state, server.ours, spec)
                    )
    return tuple(found)


def _chosen(hosts: Iterable[str], machine: Machine, scope: Scope) -> Sequence[Host]:
    chosen = _named(hosts) or [host for host in HOSTS if scope in host.scopes and host.detect(machine)]
    if not chosen:
        raise Misuse("no host is named, and none was found on this machine")
    return chosen


def _named(hosts: Iterable[str]) -> Sequence[Host]:
    if isinstance(hosts, str):
        raise Misuse("hosts are given as a list of names")
    return find_all(hosts)
