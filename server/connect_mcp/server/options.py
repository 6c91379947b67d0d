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

Serves Connect's tools over MCP on stdin and stdout; a host starts this, not a person.

which API:
  --embedded         answer from the embedded workspace, without network and account
  --profile NAME     base URL and key of this name in profiles.json in the settings folder, a file of mode 0600:
                     {"NAME": {"base_url": "https://.../api/v1", "api_key": "..."}}
  Without either, ARYTHMATIC_API_BASE_URL and ARYTHMATIC_API_KEY say which. A profile that is named is used as it
  stands, whatever the environment says.

which tools (all 47 where nothing is said; resources and prompts go with the tools that they need):
  --toolset NAME...  these groups: discovery, channels, feed, messages, longform, polls, quizzes, notifications,
                     tickets, admin
  --tools NAME...    these tools, besides those of the groups
  --read-only        of these, only tools that change nothing

  --log-file FILE    append what was called, how long it took and how it ended; made with mode 0600, holds no
                     arguments, answers or secrets
  --config-dir DIR   where settings are kept, instead of the user's folder
  --state-dir DIR    where state is kept, instead of the user's folder
  --data-dir DIR     where the embedded workspace is kept, instead of the user's folder
"""

_FLAGS = {"--embedded": "embedded", "--read-only": "read_only", "--help": "help", "-h": "help"}
_FOLDERS = {"--config-dir": "config", "--state-dir": "state", "--data-dir": "data"}
_SINGLE = {"--log-file": ("log_file", "a file"), "--profile": ("profile", "a name")}
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
    """

    __slots__ = ("embedded", "folders", "help", "log_file", "profile", "read_only", "tools", "toolsets")

    def __init__(self) -> None:
        self.embedded = False
        self.read_only = False
        self.help = False
        self.toolsets: list[str] = []
        self.tools: list[str] = []
        self.log_file: str | None = None
        self.profile: str | None = None
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
    return options


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
