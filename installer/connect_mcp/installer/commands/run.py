"""`connect-mcp run`: set variables from the store of secrets and become a server, so that no config file holds them.

A host starts this in the server's place and may wait one second for it: `__main__` comes here before it builds a
parser, and nothing is imported that the way to the server does not need. Standard output belongs to the server.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.folders import config_folder
from connect_mcp.base.secrets import Store, check_name, is_profile, is_variable, qualified, set_line
from connect_mcp.base.text import printable

USAGE = """\
usage: connect-mcp run --secret NAME[=VARIABLE]... [--profile NAME] [--config-dir DIR] -- COMMAND [ARG...]

Sets variables to stored secrets and becomes COMMAND; a host starts this, so that its config holds no secret.

  --secret NAME      the stored secret NAME in the variable NAME; where it names a profile, as in acme/API_KEY, the
                     variable is what stands after the slash
  --secret NAME=VARIABLE
                     the stored secret NAME in another variable
  --profile NAME     the secrets are those of this profile
  --config-dir DIR   where settings are kept, instead of the user's folder

A stored secret goes before a variable that is set already. What is missing is set with `connect-mcp secret set NAME`.
"""

_NOT_FOUND = "no folder on the PATH that this was started with holds it"


class Wanted(NamedTuple):
    """What the command line asks for.

    Attributes:
        secrets: the stored names, by the variables that they go into.
        command: what to become.
        config: the settings folder; None for the user's own.
    """

    secrets: Mapping[str, str]
    command: Sequence[str]
    config: str | None


def main(argv: Sequence[str]) -> int:
    """Become the command; where the system cannot do that, run it and give its exit code.

    Raises:
        Refused: where a secret is missing or the command cannot be started; nothing was written to standard output.
        Misuse: where the arguments cannot be meant.
    """
    if argv and argv[0] in ("--help", "-h"):
        sys.stdout.write(USAGE)
        return 0
    wanted = read(argv)
    env = {**os.environ, **values(wanted)}
    if sys.platform == "win32":
        from connect_mcp.base.jobs import kernel32
        from connect_mcp.base.stand_in import stand_in  # where a process cannot become another

        return stand_in(wanted.command, env, kernel32())
    return _become(wanted.command, env)


def read(argv: Sequence[str]) -> Wanted:
    """The arguments; `--name value` and `--name=value` are the same.

    Raises:
        Misuse: where they cannot be meant.
    """
    rest, secrets, single = list(argv), [], {"--profile": "", "--config-dir": ""}
    while rest and rest[0] != "--":
        name, equals, value = rest.pop(0).partition("=")
        if name != "--secret" and name not in single:
            raise _misuse(f"`run` does not know {printable(name)}" if name.startswith("-") else "-- is missing")
        if not equals and rest and rest[0] != "--":
            value = rest.pop(0)
        if not value:
            raise _misuse(f"{name} needs a value")
        if name == "--secret":
            secrets.append(value)
        else:
            single[name] = value
    command = rest[1:]
    if not secrets:
        raise _misuse("no --secret is named")
    if not command or not command[0].strip():
        raise _misuse("there is no command after --")
    profile = single["--profile"] or None
    if profile is not None and not is_profile(profile):
        raise _misuse("--profile is letters, digits and `-._@:+/`")
    return Wanted(dict(_pair(secret, profile) for secret in secrets), command, single["--config-dir"] or None)


def values(wanted: Wanted) -> dict[str, str]:
    """The variables to set.

    Raises:
        Refused: where a secret is missing, or the store cannot be read.
    """
    store, found, missing = Store(config_folder(wanted.config)), {}, []
    for variable, name in wanted.secrets.items():
        value = store.value(name)
        if value is None:
            missing.append(name)
        else:
            found[variable] = value
    if missing:
        raise Refused(
            f"{'this secret is' if len(missing) == 1 else 'these secrets are'} not stored: {', '.join(missing)}",
            mend="; ".join(map(set_line, missing)),
        )
    return found


def _pair(secret: str, profile: str | None) -> tuple[str, str]:
    """The variable and the stored name that `NAME[=VARIABLE]` means."""
    name, equals, variable = secret.partition("=")
    check_name(name)
    variable = variable if equals else name.rpartition("/")[2]
    if not is_variable(variable):
        raise _misuse(f"--secret {name}=…: what stands after = is no variable's name")
    return variable, qualified(name, profile)


def _become(command: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    import signal

    # Python ignores these two, and what is ignored stays so through exec: a server would not end with its reader.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if number := getattr(signal, name, None):
            signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(command[0], list(command), dict(env))  # noqa: S606 - it is what this is for
    except FileNotFoundError:
        why = "there is no such file" if "/" in command[0] else _NOT_FOUND
        raise Refused(f"`{printable(command[0])}` was not found", why=why) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the command cannot be passed to the system"
        raise Refused(f"`{printable(command[0])}` was not started", why=str(reason)) from None


def _misuse(what: str) -> Misuse:
    return Misuse(what, mend="connect-mcp run --help")
