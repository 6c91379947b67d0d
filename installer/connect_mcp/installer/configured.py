"""What is configured on a machine: every host's files and the entries in them, read and never changed."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping

from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.record import field, record, replace

from .editors.engine import decode, read
from .editors.formats import format_named
from .editors.model import Value
from .hosts.model import Host, Location, Scope


@record
class ConfiguredFile:
    """One file that a host reads servers from, as it is now.

    Attributes:
        host: whose it is.
        scope: for which scope.
        location: where it is and how it is laid out.
        exists: whether it is there.
        rank: 0 for the file that we write; those that the host reads beside it have more where an entry in that one
            wins, and less where theirs does.
        entries: the entries in it by name; never shown whole, since they hold secrets.
        refusal: why it cannot be read, or None.
    """

    host: Host
    scope: Scope
    location: Location
    exists: bool
    rank: int = 0
    entries: Mapping[str, Value] = field(default_factory=dict, repr=False)
    refusal: Refused | None = None


def text_of(machine: Machine, location: Location) -> str:
    """A config file's text; "" where there is none.

    Raises:
        Refused: where it is there and cannot be read, or is not UTF-8.
    """
    data = machine.files.read(location.path)
    if data is None and machine.exists(location.path):
        if machine.is_dir(location.path):
            what, mend = "this is a folder, and a config is a file", "move it away and run the command again"
        else:
            what, mend = "this file cannot be read", "look at its permissions and at what kind of file it is"
        raise Refused(what, place=Place(location.path), mend=mend)
    return decode(data or b"", location.path)


def entries_of(text: str, location: Location) -> dict[str, Value]:
    """The entries in a config file's text.

    Raises:
        Refused: where the text does not parse or its section has the wrong type.
    """
    if not text:  # nothing to parse, so no format to import
        return {}
    return read(text, format_named(location.format), location.section, location.path)


def configured_files(machine: Machine, host: Host, project: str | None = None) -> Iterator[ConfiguredFile]:
    """Every file of a host: the one to write of each of its scopes, whether it is there or not, and those beside it.

    A project that is the home folder has no file of its own in hosts whose paths are alike in both: it is the user's.
    """
    seen = set()
    for scope in host.scopes:
        own = host.locate(machine, scope, project)
        above, others = host.above(machine, scope, project), host.others(machine, scope, project)
        ranked = [(0, own), *((-1 - rank, place) for rank, place in enumerate(above)), *enumerate(others, 1)]
        for rank, location in ranked:
            servers_of = (machine.files.real(location.path), location.section)
            if servers_of not in seen:
                seen.add(servers_of)
                yield file_at(machine, host, scope, location, rank)


def file_at(machine: Machine, host: Host, scope: Scope, location: Location, rank: int = 0) -> ConfiguredFile:
    """One file of a host, looked into."""
    if not machine.exists(location.path):
        return ConfiguredFile(host, scope, location, exists=False, rank=rank)
    try:
        entries = entries_of(text_of(machine, location), location)
    except Refused as refusal:
        return ConfiguredFile(host, scope, location, exists=True, rank=rank, refusal=refusal)
    return ConfiguredFile(host, scope, location, exists=True, rank=rank, entries=entries)


def used_first(files: Iterable[ConfiguredFile]) -> list[ConfiguredFile]:
    """One host's files, that one first whose entries win where several have the same name."""

    def rank(file: ConfiguredFile) -> tuple[int, int]:
        order = file.host.precedence
        return (order.index(file.scope) if file.scope in order else len(order), file.rank)

    return sorted(files, key=rank)


def off_lists(machine: Machine, host: Host, project: str | None = None) -> list[Location]:
    """The lists that a host keeps of the names of servers that are off, the one to write first.

    Where that is in the user's settings, a project's settings may have one too, and both count (gemini 0.61.0, live).
    """
    if host.off_names is None:
        return []
    own = host.off_names.locate(machine, machine.join(machine.cwd, project or ""))
    if not {"user", "project"} <= set(host.scopes) or host.locate(machine, "user", project).path != own.path:
        return [own]
    other = replace(host.locate(machine, "project", project), section=own.section)
    return [own, other] if other.path != own.path else [own]


def switched_off(machine: Machine, host: Host, project: str | None = None) -> frozenset[str]:
    """The names in a host's lists of what is off; those of a list that cannot be read are not among them."""
    names: set[str] = set()
    for location in off_lists(machine, host, project):
        with contextlib.suppress(Refused):
            names.update(entries_of(text_of(machine, location), location))
    return frozenset(names)
