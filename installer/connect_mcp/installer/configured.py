"""What is configured on a machine: every host's files and the entries in them, read and never changed."""

from collections.abc import Iterator, Mapping

from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.record import field, record

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
        entries: the entries in it by name; never shown whole, since they hold secrets.
        refusal: why it cannot be read, or None.
    """

    host: Host
    scope: Scope
    location: Location
    exists: bool
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
    """Every file of a host, one for each of its scopes, whether it is there or not.

    A project that is the home folder has no file of its own in hosts whose paths are alike in both: it is the user's.
    """
    seen = set()
    for scope in host.scopes:
        location = host.locate(machine, scope, project)
        servers_of = (machine.files.real(location.path), location.section)
        if servers_of in seen:
            continue
        seen.add(servers_of)
        if not machine.exists(location.path):
            yield ConfiguredFile(host, scope, location, exists=False)
            continue
        try:
            entries = entries_of(text_of(machine, location), location)
        except Refused as refusal:
            yield ConfiguredFile(host, scope, location, exists=True, refusal=refusal)
        else:
            yield ConfiguredFile(host, scope, location, exists=True, entries=entries)
