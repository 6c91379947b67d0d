"""Writing the reports of the lab that were asked for."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..results import Matrix


def write(matrix: "Matrix", args: argparse.Namespace) -> None:
    """Write a file for each of `--markdown` and `--html`; Markdown is added to what is there.

    Raises:
        Refused: where one cannot be written.
    """
    from ...reports.writing import put

    if args.markdown:
        from . import markdown

        put(args.markdown, markdown.render(matrix), mode="a")  # a job's summary is shared by its steps
    if args.html:
        from . import html

        put(args.html, html.render(matrix))
