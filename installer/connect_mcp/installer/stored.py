"""Entries that take secrets from the store: written so, read back, and found in the hosts' files."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.record import record, replace
from connect_mcp.base.secrets import qualified

from .bundled import KEY_VARIABLE, SCRIPT
from .hosts.model import Host, Scope
from .spec import ServerSpec

URL_VARIABLE = "ARYTHMATIC_API_BASE_URL"


@record
class Use:
    """An entry that needs a stored secret.

    Attributes:
        secret: its stored name.
        variable: what the server reads it from.
        host: whose entry it is.
        scope: of its file.
        path: its file.
        entry: the entry's name.
        spec: the server as the entry has it.
    """

    secret: str
    variable: str
    host: Host
    scope: Scope
    path: str
    entry: str
    spec: ServerSpec


def wrapped(spec: ServerSpec, secrets: Mapping[str, str], program: tuple[str, Sequence[str]]) -> ServerSpec:
    """The same server, started with stored secrets: `connect-mcp run --secret NAME -- COMMAND`.

    Args:
        spec: a server that is started.
        secrets: stored names, by the variables that they go into; those leave the entry.
        program: how the host starts us, and the options for `run`.
    """
    options = []
    for variable, name in secrets.items():
        usual = name.rpartition("/")[2] == variable
        options += ["--secret", name if usual else f"{name}={variable}"]
    command, arguments = program
    return replace(
        spec,
        command=command,
        args=(*arguments, *options, "--", spec.command, *spec.args),
        env={key: text for key, text in spec.env.items() if key not in secrets},
    )


def unwrapped(spec: ServerSpec) -> tuple[ServerSpec, dict[str, str]]:
    """The server that an entry ends up with, and the stored names it gets, by variable; undoes `wrapped`."""
    arguments = our_arguments(spec)
    if arguments[:1] != ("run",):
        return spec, {}
    from .commands.run import read

    try:
        wanted = read(arguments[1:])
    except Refused:  # written by hand, and not what `run` takes
        return spec, {}
    inner = replace(spec, command=wanted.command[0], args=tuple(wanted.command[1:]))
    return inner, dict(wanted.secrets)


def needs(spec: ServerSpec) -> dict[str, str]:
    """The stored names of the secrets that an entry cannot do without, by variable."""
    inner, secrets = unwrapped(spec)
    arguments = our_arguments(inner)
    if arguments[:1] == ("serve",) and "--embedded" not in arguments:
        profile = _option(arguments, "--profile")
        own = [name for name in (URL_VARIABLE, KEY_VARIABLE) if profile is not None or name not in inner.env]
        return {**{name: qualified(name, profile) for name in own}, **secrets}
    return secrets


def uses(machine: Machine, project: str | None = None) -> Iterator[Use]:
    """Every entry on this machine that needs a stored secret; files that cannot be read are passed over."""
    from .configured import configured_files
    from .hosts.all_hosts import HOSTS

    for host in HOSTS:
        for file in configured_files(machine, host, project):
            for name, entry in file.entries.items():
                if spec := host.read(entry):
                    for variable, secret in _of_store(machine, host, spec).items():
                        yield Use(secret, variable, host, file.scope, file.location.path, name, spec)


def _of_store(machine: Machine, host: Host, spec: ServerSpec) -> dict[str, str]:
    """What an entry takes from the store on this machine: the bundled server looks at its environment first."""
    wanted, env = needs(spec), host.server_env(machine, spec.env)
    started_with = unwrapped(spec)[1]
    given = {name for name in wanted if wanted[name] == name and name not in started_with and env.get(name)}
    return {name: secret for name, secret in wanted.items() if name not in given}


def our_arguments(spec: ServerSpec) -> tuple[str, ...]:
    """What an entry gives `connect-mcp` as arguments, from `run` or `serve` on; () where it starts something else.

    It may stand behind a runner: `uvx --from … connect-mcp serve`, `python -m connect_mcp serve`.
    """
    argv = (spec.command, *spec.args)
    for at, (word, following) in enumerate(pairwise(argv)):
        program = word.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")
        if following in ("run", "serve") and (program == SCRIPT or argv[at - 1 : at + 1] == ("-m", "connect_mcp")):
            return argv[at + 1 :]
        if word == "--":
            return ()
    return ()


def _option(arguments: Sequence[str], name: str) -> str | None:
    for at, argument in enumerate(arguments):
        if argument == name:
            return arguments[at + 1] if at + 1 < len(arguments) else None
        if argument.startswith(f"{name}="):
            return argument.partition("=")[2]
    return None
