"""How one real host is driven: a row for each in `recipes/`.

A recipe says everything but the server: that entry is written by `connect-mcp configure` and by nothing else.

Texts in a row may hold `{home}`, `{project}` and `{run}`, the scratch folders of a run (the user's home, the working
folder, and one for what the host is asked to log); `{installed}`, the folder of the program in the cache; `{url}`,
where the scripted model listens; `{server}`, the name of the entry; `{prompt}`; and `{patience}`, the seconds after
which the host is ended.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from connect_mcp.base.record import field, record
from connect_mcp.installer.hosts.all_hosts import find
from connect_mcp.installer.hosts.model import Host

if TYPE_CHECKING:
    from .quick import Channel

Dialect = Literal["responses", "anthropic", "chat", "gemini"]


@record
class Settings:
    """A file of the host's own that is there before the server's entry is written.

    Attributes:
        path: where it is, such as `{home}/.codex/config.toml`.
        content: its text, or the JSON value that it holds.
    """

    path: str
    content: str | Mapping[str, Any]


@record
class Carrier:
    """A package that brings a host under a name and a version of its own.

    Attributes:
        product: the file in the package whose JSON has the host's own `version`.
        name: what the host calls itself on the wire there.
    """

    product: str
    name: str


@record
class Needed:
    """A program of the machine's own that a host is driven with.

    Attributes:
        names: those that it may have; one that is there will do.
        mend: the command that brings it.
    """

    names: tuple[str, ...]
    mend: str


@record
class Quick:
    """A way to a host's own MCP client that needs no model.

    Attributes:
        channel: how the host is spoken to.
        argv: its arguments.
        env: variables that it is given besides the recipe's.
    """

    channel: "type[Channel]"
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


@record
class Recipe:
    """One host.

    Attributes:
        host_id: that of the installer's row.
        package, version: its package on npm, and the version that all of this was seen with.
        executable: the program that the package installs.
        dialect: which of the scripted model's languages it speaks.
        argv: its arguments for one prompt without a person.
        settings: its own files: model, approval, telemetry.
        env: variables that it is given besides HOME, PATH and what keeps every host quiet.
        not_env: of those that keep every host quiet, the ones that it must not have.
        approving_argv: more arguments, by which every call is approved beforehand.
        approving_settings: more files to the same end.
        asking_argv: more arguments, by which none is; empty where that is so without any.
        patient_env: more of them that make it wait for a slow server; empty where nothing does or nothing need.
        patient_argv: more arguments to the same end.
        patient_settings: more files to the same end. Where only a key of the server's entry does it, an entry of the
            same name that holds the key as a person would have added it: `configure` keeps what it does not write.
        bare: whether its model may see a tool without the entry's name before it, so that only the tool's own name
            tells it from those of the host.
        daemon: a word in the command line of a process that it leaves running by design; "" for none.
        beside: further packages that are installed with it, as name@version.
        node: the version of Node that it is built and run with, which npm brings as well; "" where any will do.
        build: the command that brings what its native parts are built with; "" where it has none.
        needs: programs of the machine's own without which it cannot be driven.
        on_request: whether it is driven only where it is named: it needs more than npm has.
        quick: a way to its MCP client that needs no model; None where there is none.
        carrier: what is to be known of the package where it is not the host's own; None where it is.
        takes: seconds that a whole run took on a quiet machine, for the order and the bounds.
        source: how this is known.
    """

    host_id: str
    package: str
    version: str
    executable: str
    dialect: Dialect
    argv: tuple[str, ...]
    takes: float
    source: str
    settings: tuple[Settings, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    not_env: tuple[str, ...] = ()
    approving_argv: tuple[str, ...] = ()
    approving_settings: tuple[Settings, ...] = ()
    asking_argv: tuple[str, ...] = ()
    patient_env: Mapping[str, str] = field(default_factory=dict)
    patient_argv: tuple[str, ...] = ()
    patient_settings: tuple[Settings, ...] = ()
    bare: bool = False
    daemon: str = ""
    beside: tuple[str, ...] = ()
    node: str = ""
    build: str = ""
    needs: tuple[Needed, ...] = ()
    on_request: bool = False
    quick: Quick | None = None
    carrier: Carrier | None = None

    @property
    def host(self) -> Host:
        """The installer's row of this host."""
        return find(self.host_id)

    @property
    def title(self) -> str:
        """What it is called in a report."""
        return self.host.title


def filled(value: Any, places: Mapping[str, str]) -> Any:
    """`value` with the names in braces replaced, however deep they are, in keys as well."""
    if isinstance(value, str):
        for name, text in places.items():
            value = value.replace("{" + name + "}", text)
        return value
    if isinstance(value, Mapping):
        return {filled(key, places): filled(one, places) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(filled(one, places) for one in value)
    return value
