"""Questions to a person, when there is one."""

import os
import sys
from collections.abc import Sequence

from connect_mcp.base.errors import Misuse


def somebody_is_there() -> bool:
    """Whether a person can be asked: questions and answers both go over a terminal."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def confirmed(question: str) -> bool:
    """Ask; a return key agrees, and an unusable answer is asked for again."""
    while True:
        answer = _answer(f"{question} [Y/n] ").lower()
        if answer in {"", "y", "yes", "n", "no"}:
            return answer[:1] != "n"


def chosen(title: str, choices: Sequence[str]) -> list[int]:
    """Ask for some of `choices`, all of which are proposed.

    A list to move in with the arrow keys, where the terminal can draw one; otherwise numbers.

    Returns:
        The indexes that were chosen, sorted; empty for none.

    Raises:
        KeyboardInterrupt: for Ctrl-C.
    """
    if os.environ.get("TERM", "") in ("dumb", "unknown"):
        return _numbered(title, choices)
    import questionary  # draws with prompt_toolkit, which takes longer to import than all else

    listed = [questionary.Choice(choice, value=index, checked=True) for index, choice in enumerate(choices)]
    keys = "(space: on or off, a: all, i: invert, return: go on)"
    picked: list[int] = questionary.checkbox(title, choices=listed, instruction=keys).unsafe_ask()
    return sorted(picked)


def _numbered(title: str, choices: Sequence[str]) -> list[int]:
    """The same by numbers; a return key takes all, and an unusable answer is asked for again."""
    lines = [title, *(f"  {number}. {choice}" for number, choice in enumerate(choices, 1))]
    sys.stdout.write("\n".join(lines) + "\n")
    while True:
        answer = _answer("Numbers, `all` or `none` [all]: ").lower()
        words = [word.strip() for part in answer.split() for word in part.rstrip(",").split(",")]
        if words in ([], ["all"]):
            return list(range(len(choices)))
        if words == ["none"]:
            return []
        if all(word.isdecimal() and 1 <= int(word) <= len(choices) for word in words):
            return sorted({int(word) - 1 for word in words})


def asked(question: str, default: str = "", choices: Sequence[str] = ()) -> str:
    """Ask for a text; a return key takes the default, and what is none of the choices is asked for again.

    Raises:
        Misuse: where the question is not answered.
    """
    while True:
        answer = _answer(question) or default
        if answer in choices or not choices:
            return answer


def hidden(question: str) -> str:
    """Ask for what is not shown while it is typed.

    Raises:
        Misuse: where the question is not answered.
    """
    import getpass  # few commands ask for a secret

    try:
        return getpass.getpass(question)
    except EOFError:
        sys.stderr.write("\n")
        raise Misuse("the question was not answered") from None


def _answer(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        sys.stdout.write("\n")
        raise Misuse("the question was not answered", mend="answer it, or repeat the command with --yes") from None
