"""Every host that is known. A new one is a module beside this one, and a line here."""

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import overload

from connect_mcp.base.errors import Misuse

from .model import Host

_MODULES = {
    "amp": "amp",
    "antigravity": "antigravity",
    "claude-code": "claude_code",
    "claude-desktop": "claude_desktop",
    "cline": "cline",
    "codex": "codex",
    "continue": "continue_",
    "copilot-cli": "copilot_cli",
    "crush": "crush",
    "cursor": "cursor",
    "factory-droid": "factory_droid",
    "gemini-cli": "gemini_cli",
    "goose": "goose",
    "hermes": "hermes",
    "junie": "junie",
    "kilo": "kilo",
    "kiro": "kiro",
    "lm-studio": "lm_studio",
    "opencode": "opencode",
    "qwen-code": "qwen_code",
    "roo-code": "roo_code",
    "trae": "trae",
    "visual-studio": "visual_studio",
    "vscode": "vscode",
    "vscode-insiders": "vscode_insiders",
    "vscodium": "vscodium",
    "warp": "warp",
    "windsurf": "windsurf",
    "zed": "zed",
}
"""The module of each host's row, by id, sorted."""


class _Rows(Sequence[Host]):
    """The rows in the order of their ids. Each is imported when it is asked for: a command uses one or two of them."""

    def __len__(self) -> int:
        return len(_MODULES)

    def __iter__(self) -> Iterator[Host]:
        return map(_row, _MODULES)

    @overload
    def __getitem__(self, index: int) -> Host: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Host]: ...
    def __getitem__(self, index: int | slice) -> Host | Sequence[Host]:
        return tuple(self)[index]


HOSTS: Sequence[Host] = _Rows()


def find(name: str) -> Host:
    """The host of that id or alias; upper case, spaces and underscores do not matter.

    Raises:
        Misuse: where there is none, with the names that come nearest.
    """
    wanted = name.strip().lower().replace("_", "-").replace(" ", "-")
    if wanted in _MODULES:
        return _row(wanted)
    for host in HOSTS:
        if wanted in host.aliases:
            return host
    from difflib import get_close_matches

    near = get_close_matches(wanted, [key for host in HOSTS for key in (host.id, *host.aliases)], n=3, cutoff=0.6)
    raise Misuse(
        f"no host is called {name!r}",
        why=f"known are {', '.join(_MODULES)}",
        mend=f"did you mean {' or '.join(near)}?" if near else "",
    )


def find_all(names: Iterable[str]) -> list[Host]:
    """The hosts of these ids and aliases, each once, in the order in which they are first named.

    Raises:
        Misuse: where there is none of a name.
    """
    return list({host.id: host for host in map(find, names)}.values())


def _row(identity: str) -> Host:
    row: Host = import_module(f"{__package__}.{_MODULES[identity]}").HOST
    return row
