"""Writing the reports that were asked for."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.text import printable

if TYPE_CHECKING:  # this module is on the way to `record` too, for which some hosts wait only a second
    from ..verdicts import Verdict


def make_way(args: argparse.Namespace) -> None:
    """Make the folders of the reports that are asked for, and see that they can be written, before a long run.

    Raises:
        Refused: where one cannot be.
    """
    for path in (args.junit, args.sarif, args.markdown, args.html):
        if path:
            is_new = not os.path.lexists(path)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.open("ab").close()
                if is_new:
                    path.unlink()
            except (OSError, ValueError) as error:
                raise _refused(path, error) from None


def write(verdict: "Verdict", args: argparse.Namespace) -> None:
    """Write a file for each of `--junit`, `--sarif`, `--markdown` and `--html`; Markdown is added to what is there.

    Raises:
        Refused: where one cannot be written.
    """
    if args.junit:
        from . import junit

        put(args.junit, junit.render(verdict))
    if args.sarif:
        from . import sarif

        put(args.sarif, sarif.render(verdict, args.sarif_file or sarif.default_place(Path.cwd())))
    if args.markdown:
        from . import markdown

        put(args.markdown, markdown.render(verdict), mode="a")  # a job's summary is shared by its steps
    if args.html:
        from . import html

        put(args.html, html.render(verdict))


def put(path: Path, text: str, mode: str = "w") -> None:
    """Write a report.

    Raises:
        Refused: where it cannot be written.
    """
    try:
        with path.open(mode, encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise _refused(path, error) from None


def _refused(path: Path, error: Exception) -> Refused:
    why = getattr(error, "strerror", None) or "no file can have such a name"
    return Refused("the report cannot be written", place=Place(printable(str(path))), why=why)


def add_options(run: Any) -> None:
    """The options of `conformance run` that ask for reports."""
    for name, what in (
        ("junit", "write JUnit XML"),
        ("sarif", "write SARIF, for code scanning"),
        ("markdown", "add a summary in Markdown, such as to $GITHUB_STEP_SUMMARY"),
        ("html", "write one page that stands alone"),
    ):
        run.add_argument(f"--{name}", type=Path, metavar="FILE", help=what)
    run.add_argument(
        "--sarif-file",
        default="",
        metavar="PATH",
        help="the file of the repository that SARIF results point at (default: pyproject.toml, package.json, …)",
    )
