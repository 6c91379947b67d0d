"""What doctor looks at, and what it finds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from connect_mcp.base.machine import Machine
from connect_mcp.base.record import field, record

from ..apply import Target
from ..configured import ConfiguredFile
from ..editors.model import Section, Value
from ..hosts.all_hosts import HOSTS
from ..hosts.model import Host
from ..journal import Installed
from ..servers import Server as Standing
from ..servers import is_its_own, sections_read, standing
from ..spec import ServerSpec

Severity = Literal["error", "warning", "note"]
"""The host cannot use the server; it might not, or something is at risk; a person should know."""

SEVERITIES: Sequence[Severity] = ("error", "warning", "note")
"""Worst first."""


@record
class Finding:
    """One thing that is wrong, or might be.

    Attributes:
        id: what kind of finding it is, for programs.
        severity: how bad it is.
        what: one sentence.
        where: the file, with line and column where known, or the entry.
        why: what the judgement rests on.
        mend: what mends it: a command, or a step for a person.
        command: the command's words, where a command mends it; () where a person must act.
        fix: the change of the host's file that mends it, where one does; `--fix` applies it.

    All of them but `fix` are safe to print.
    """

    id: str
    severity: Severity
    what: str
    where: str
    why: str
    mend: str
    command: tuple[str, ...] = ()
    fix: Target | None = field(default=None, repr=False)


@record
class Server:
    """One entry of a host's file, or one of ours that should be there.

    Attributes:
        file: the file.
        standing: how it stands.
        entry: the entry as it is; not safe to print.
        spec: the server; None where the host cannot use the entry.
        env: what a server that the host starts gets from it; not safe to print.
        started: the server with what it refers to put in; None where that is not known here; not safe to print.
        program: the program that would be started; None where there is none, or the server is remote.
    """

    file: ConfiguredFile
    standing: Standing
    entry: Value = field(repr=False)
    spec: ServerSpec | None = field(repr=False)
    env: Mapping[str, str] = field(repr=False)
    started: ServerSpec | None = field(repr=False)
    program: str | None

    @property
    def name(self) -> str:
        """The entry's name; not safe to print."""
        return self.standing.name

    @property
    def off(self) -> bool:
        """Whether it is switched off."""
        return self.standing.off

    @property
    def host(self) -> Host:
        """Whose it is."""
        return self.file.host


class Program(NamedTuple):
    """The connect-mcp that looks.

    Attributes:
        version: its version.
        machine: the processor that it runs on, as `platform.machine` names it; "" where that is not known.
    """

    version: str
    machine: str = ""


@record
class Sight:
    """A machine as doctor sees it.

    Attributes:
        machine: the machine.
        project: the project's folder, absolute.
        hosts: the hosts that are looked at.
        files: their files, whether there or not.
        of_hosts: the entries in them, by the host's id.
        program: connect-mcp itself.
        secrets: the names in our own store of secrets.
        read_as: the sections that any host on this machine reads from a file, by its real path.
    """

    machine: Machine
    project: str
    hosts: tuple[Host, ...]
    files: tuple[ConfiguredFile, ...]
    of_hosts: Mapping[str, tuple[Server, ...]]
    program: Program
    secrets: frozenset[str] = frozenset()
    read_as: Mapping[str, frozenset[Section]] = field(default_factory=dict)

    @property
    def servers(self) -> tuple[Server, ...]:
        """The entries of all hosts."""
        return tuple(server for servers in self.of_hosts.values() for server in servers)

    def servers_of(self, host: Host) -> tuple[Server, ...]:
        """The entries of one host."""
        return self.of_hosts.get(host.id, ())


HostCheck: TypeAlias = Callable[[Sight, Host], Iterable[Finding]]
FileCheck: TypeAlias = Callable[[Sight, ConfiguredFile], Iterable[Finding]]
ServerCheck: TypeAlias = Callable[[Sight, Server], Iterable[Finding]]


def sight(
    machine: Machine,
    hosts: Iterable[Host],
    project: str | None,
    program: Program,
    *,
    name: str | None = None,
    secrets: Iterable[str] = (),
    installed: Sequence[Installed] = (),
) -> Sight:
    """Look at a machine; nothing is started, and nothing leaves it.

    Args:
        machine: the machine.
        hosts: the hosts to look at.
        project: the project's folder; the working folder where it is not given.
        program: connect-mcp itself.
        name: the one entry to look at in every file, or None for all.
        secrets: the names in our own store of secrets.
        installed: what we put into hosts' files.
    """
    hosts, folder = tuple(hosts), machine.join(machine.cwd, project or "")
    found = [host for host in HOSTS if host.detect(machine)]
    read_as = sections_read(machine, found, folder)
    files: list[ConfiguredFile] = []
    of_hosts: dict[str, tuple[Server, ...]] = {}
    for host in hosts:
        for file, standings in standing(machine, host, installed, project):
            if host not in found and not is_its_own(machine, file, read_as):
                continue
            files.append(file)
            wanted = [one for one in standings if name is None or one.name == host.entry_key(name)]
            of_hosts[host.id] = (*of_hosts.get(host.id, ()), *(_server(machine, file, one, folder) for one in wanted))
    return Sight(machine, folder, hosts, tuple(files), of_hosts, program, frozenset(secrets), read_as)


def _server(machine: Machine, file: ConfiguredFile, standing: Standing, project: str) -> Server:
    entry = file.entries.get(standing.name)
    spec = file.host.read(entry)
    local = spec is not None and not spec.is_remote
    env = file.host.server_env(machine, spec.env) if spec and local else {}
    started = file.host.put_in(machine, spec, project) if spec else None
    program = machine.which(started.command, env.get("PATH")) if started and local else None
    return Server(file, standing, entry, spec, env, started, program)
