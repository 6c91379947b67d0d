"""Completion of commands, options and hosts in a shell, by argcomplete: the shell asks this program at each tab."""

import argparse

from .hosts.all_hosts import HOSTS


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell that asks what could come next, and leave; nothing happens where none asks."""
    import argcomplete

    for action in _actions(parser):
        if str(action.metavar).startswith("HOST"):
            action.completer = _hosts  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser, always_complete_options=False)


def _hosts(prefix: str, **_: object) -> list[str]:
    before, comma, begun = prefix.rpartition(",")  # some options take several
    names = [name for host in HOSTS for name in (host.id, *host.aliases) if name.startswith(begun)]
    return [f"{before}{comma}{name}" for name in names]


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    actions = []
    for action in parser._actions:  # argparse has no public way to its actions; argcomplete itself goes this one
        actions.append(action)
        if isinstance(action.choices, dict):
            for command in action.choices.values():
                actions += _actions(command)
    return actions
