"""Options that several commands share."""

from argparse import ArgumentParser
from pathlib import Path

SCOPES = ("user", "project", "local")


def add_place(parser: ArgumentParser) -> None:
    """Which entry in which file: `--name`, `--scope`, `--project`."""
    parser.add_argument("--name", default="connect", help="the entry's name (default: connect)")
    parser.add_argument("--scope", choices=SCOPES, default="user", help="whose file (default: user)")
    add_project(parser)


def add_project(parser: ArgumentParser) -> None:
    """`--project`."""
    parser.add_argument("--project", type=Path, metavar="DIR", help="the project's folder (default: this one)")


def add_writing(parser: ArgumentParser) -> None:
    """What a command that writes hosts' files takes: `--in-place`, `--dry-run`, `--yes`, and those of `add_output`."""
    parser.add_argument(
        "--in-place", action="store_true", help="write through files that cannot be replaced (mounts, hard links)"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the change as a diff, write nothing")
    add_yes(parser)
    add_output(parser)


def add_yes(parser: ArgumentParser) -> None:
    """`--yes`."""
    parser.add_argument("--yes", "-y", action="store_true", help="take the proposed answer to every question")


def add_output(parser: ArgumentParser) -> None:
    """`--json` and `--quiet`, of which one can be given."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--json", action="store_true", help="print the outcome as JSON")
    either.add_argument("--quiet", "-q", action="store_true", help="print nothing unless something is wrong")
