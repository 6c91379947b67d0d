"""What a host must start: the same value for every host, which each row renders into its own dialect and reads back."""

from collections.abc import Mapping

from connect_mcp.base.record import field, record


@record
class ServerSpec:
    """A server that is started as a child process and spoken to over its stdin and stdout.

    Attributes:
        command: the program: a path, or a name that the host looks up.
        args: its arguments.
        env: variables that the host sets for it beyond those it passes on; never shown, since they may hold secrets.
    """

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
