"""Colour for a person at a terminal: which kinds of lines stand out. What a program reads has none."""

from collections.abc import Sequence

LINES: Sequence[tuple[str, str]] = (
    ("--- ", "bold"),
    ("+++ ", "bold"),
    ("@@ ", "cyan"),
    ("+", "green"),
    ("-", "red"),
    ("error: ", "bold red"),
    ("warning: ", "yellow"),
    ("note: ", "cyan"),
    ("mend: ", "green"),
    ("undo with: ", "dim"),
)
"""How a line begins, after its indentation, and its style (rich)."""


def show(text: str) -> None:
    """Print text to the terminal on stdout; NO_COLOR and a terminal without colours are kept to.

    Lines stay as long as they are, so that what they show can be copied.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    for line in text.split("\n"):
        console.print(Text(line, style=_style(line)))


def _style(line: str) -> str:
    bare = line.lstrip()
    return next((style for start, style in LINES if bare.startswith(start)), "")
