"""The command line of `connect-mcp serve`.

On the way to the first tools/list answer: the standard library only, and only what starts fast; no argparse.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

USAGE = """\
usage: connect-mcp serve [--embedded | --profile NAME] [--read-only] [--toolset NAME...] [--tools NAME...]
                         [--log-file FILE] [--config-dir DIR] [--state-dir DIR] [--data-dir DIR]
                         [--transport http [--host HOST] [--port PORT] [--token-env NAME]]

Serves Connect's tools over MCP on stdin and stdout; a host starts this, not a person.

which API:
  --embedded         answer from the embedded workspace, without network and account
  --profile NAME     base URL and key that are kept for this profile, whatever the environment says; what keeps them is
                     `connect-mcp secret set NAME/ARYTHMATIC_API_BASE_URL`, and the same with NAME/ARYTHMATIC_API_KEY
  Without either, ARYTHMATIC_API_BASE_URL and ARYTHMATIC_API_KEY say which: the environment's, and otherwise those that
  `connect-mcp secret set` keeps. They are read at the first call, and again when they change. A key that is kept goes
  to no other API than the one that is kept with it.

which tools (all 47 where nothing is said; resources and prompts go with the tools that they need):
  --toolset NAME...  these groups: discovery, channels, feed, messages, longform, polls, quizzes, notifications,
                     tickets, admin
  --tools NAME...    these tools, besides those of the groups
  --read-only        of these, only tools that change nothing

over HTTP instead, for several clients at a time:
  --transport http   Streamable HTTP; the URL is written to stderr, SIGINT or SIGTERM ends it
  --host HOST        where to listen, 127.0.0.1 if nothing is said; where other machines can reach it a token is needed
  --port PORT        any that is free if nothing is said, or 0
  --token-env NAME   clients must send the value of this environment variable as a bearer token; TLS is for a proxy
                     in front of this server to add

  --log-file FILE    append what was called, how long it took and how it ended; made with mode 0600, holds no
                     arguments, answers or secrets
  --config-dir DIR   where settings are kept, instead of the user's folder
  --state-dir DIR    where state is kept, instead of the user's folder
  --data-dir DIR     where the embedded workspace is kept, instead of the user's folder
"""

_FLAGS = {"--embedded": "embedded", "--read-only": "read_only", "--help": "help", "-h": "help"}
_FOLDERS = {"--config-dir": "config", "--state-dir": "state", "--data-dir": "data"}
_SINGLE = {
    "--log-file": ("log_file", "a file"),
    "--profile": ("profile", "a name"),
    "--transport": ("transport", "stdio or http"),
    "--host": ("host", "a name or an address"),
    "--port": ("port", "a number"),
    "--token-env": ("token_env", "the name of a variable"),
}
_HTTP = {"--host": "host", "--port": "port", "--token-env": "token_env"}
_LAST_PORT = 65535
_MANY = {"--toolset": "toolsets", "--tools": "tools"}


class Usage(Exception):
    """The arguments cannot be meant; the text says why."""


class Options:
    """What the command line asks for.

    Attributes:
        embedded: use the embedded workspace.
        read_only: leave out what changes anything.
        help: only say how it is used.
        toolsets: groups of tools to offer.
        tools: names of tools to offer.
        log_file: where to log to, if anywhere.
        profile: whose settings to use; None for the environment's.
        folders: by kind; None for the user's own.
        transport: stdio or http.
        host: where to listen; None for loopback.
        port: digits; None for any that is free.
        token_env: the variable that holds what clients must know; None for nothing.
    """

    __slots__ = (
        "embedded",
        "folders",
        "help",
        "host",
        "log_file",
        "port",
        "profile",
        "read_only",
        "token_env",
        "tools",
        "toolsets",
        "transport",
    )

    def __init__(self) -> None:
        self.embedded = False
        self.read_only = False
        self.help = False
        self.toolsets: list[str] = []
        self.tools: list[str] = []
        self.log_file: str | None = None
        self.profile: str | None = None
        self.transport = "stdio"
        self.host: str | None = None
        self.port: str | None = None
        self.token_env: str | None = None
        self.folders: dict[str, str | None] = dict.fromkeys(_FOLDERS.values())


def read_options(argv: list[str]) -> Options:
    """The options in `argv`; `--name value` and `--name=value` are the same.

    Raises:
        Usage: for anything else.
    """
    options, rest = Options(), list(argv)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name in _FLAGS:
            if equals:
                raise Usage(f"{name} takes no value")
            setattr(options, _FLAGS[name], True)
        elif name in _FOLDERS:
            options.folders[_FOLDERS[name]] = _value(name, "a folder", equals, value, rest)
        elif name in _SINGLE:
            attribute, what = _SINGLE[name]
            setattr(options, attribute, _value(name, what, equals, value, rest))
        elif name in _MANY:
            values = getattr(options, _MANY[name])
            values.append(_value(name, "a name", equals, value, rest))
            while not equals and rest and not rest[0].startswith("-"):
                values.append(rest.pop(0))
        else:
            raise Usage(f"unknown argument: {name}{nearest(name, (*_FLAGS, *_FOLDERS, *_SINGLE, *_MANY))}")
    if options.embedded and options.profile is not None:
        raise Usage("--embedded needs no account: it cannot be combined with --profile")
    _check_transport(options)
    return options


def _check_transport(options: Options) -> None:
    if options.transport not in ("stdio", "http"):
        raise Usage(f"--transport is stdio or http, not {options.transport}")
    for name, attribute in _HTTP.items():
        if options.transport != "http" and getattr(options, attribute) is not None:
            raise Usage(f"{name} belongs to --transport http")
    port = options.port or "0"
    if not (port.isascii() and port.isdigit() and len(port) <= len(str(_LAST_PORT)) and int(port) <= _LAST_PORT):
        raise Usage(f"--port is a number up to {_LAST_PORT}, not {port}")


def nearest(name: str, known: Iterable[str]) -> str:
    """What is nearest to `name`, as the end of a sentence; "" if nothing is near."""
    import difflib  # not at the top: it is needed for mistakes only

    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; the nearest is {found[0]}" if found else ""


def _value(name: str, what: str, equals: str, value: str, rest: list[str]) -> str:
    if not equals and rest and not rest[0].startswith("--"):
        value = rest.pop(0)
    if not value:
        raise Usage(f"{name} needs {what}")
    return value
