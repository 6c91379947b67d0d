"""`connect-mcp conformance surface`: what a server offers, kept in a file and compared with it."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.text import printable

from .requirement import REVISIONS


def surface(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Print a server's surface, write it, or compare it with one that was written.

    Raises:
        Refused: where the server cannot be asked, or a file cannot be read or written.
    """
    from connect_mcp.base.offspring import Offspring

    from .engine import spoken
    from .guard import Guard
    from .result import Ended, quoted
    from .subject import StdioSubject
    from .surface import surface as looked
    from .surface import without_secrets
    from .trial import Options, Trial

    before = _kept(args.check) if args.check else None
    with Offspring(), Guard() as guard:
        trial = Trial(StdioSubject(command, guard), Options(args.timeout))
        revision = str(before["revision"]) if before else spoken(trial)[0]
        try:
            found = looked(trial, revision)
        except Ended as ended:
            why = quoted(ended.why, trial.secrets)
            raise Refused("the server cannot be asked what it offers", why=why) from None
    try:
        found = without_secrets(found, trial.secrets)
        text = _text(found)
        if args.out:
            _write(args.out, text)
        if before is not None:  # it may have been written by hand
            return _compare(args, without_secrets(before, trial.secrets), found)
    except RecursionError:
        raise Refused("what the server offers is nested too deeply to be kept or compared") from None
    sys.stdout.write(text if not args.out else f"{_size(found)}; written to {printable(str(args.out))}\n")
    return 0


def _text(found: Mapping[str, Any]) -> str:
    """A surface as JSON in which whatever could control a terminal, or is no character, is an escape."""
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def _compare(args: argparse.Namespace, before: Mapping[str, Any], found: Mapping[str, Any]) -> int:
    from .surface import differences

    changes = differences(before, found)
    breaking = any(change.kind == "breaking" for change in changes)
    if args.json:
        data = {"version": 1, "changes": [change._asdict() for change in changes], "size": found["size"]}
        sys.stdout.write(json.dumps({**data, "breaking": breaking}, indent=2) + "\n")
    else:
        for change in changes:
            sys.stdout.write(f"{change.kind}: {change.where} {change.what}\n")
        sys.stdout.write(f"{_count(changes)}{', some breaking' if breaking else ''}; {_size(found)}\n")
    return 1 if breaking or (args.strict and changes) else 0


def _count(changes: Sequence[object]) -> str:
    return "1 change" if len(changes) == 1 else f"{len(changes) or 'no'} changes"


def _size(found: Mapping[str, Any]) -> str:
    size = found["size"]
    return f"{size['tools']} tools, {size['bytes']:,} bytes, about {size['tokens_estimated']:,} tokens (an estimate)"


def _kept(path: Path) -> Mapping[str, Any]:
    from .surface import VERSION

    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused("the surface cannot be read", place=Place(str(path)), why=error.strerror or "") from None
    except (ValueError, RecursionError):
        raise Refused("this is no surface: it is not JSON", place=Place(str(path)), mend=_MEND) from None
    if not isinstance(value, dict) or value.get("version") != VERSION or not _is_whole(value):
        raise Refused(f"this is no surface of version {VERSION}", place=Place(str(path)), mend=_MEND)
    return value


def _is_whole(value: Mapping[str, Any]) -> bool:
    lists = [value.get(name) for name in ("tools", "prompts", "resources", "templates")]
    items = [item for one in lists if isinstance(one, dict) for item in one.values()]
    return value.get("revision") in REVISIONS and all(isinstance(one, dict) for one in (*lists, *items))


_MEND = "connect-mcp conformance surface --out FILE -- COMMAND writes one"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused("the surface cannot be written", place=Place(str(path)), why=error.strerror or "") from None


def add_parser(commands: Any, seconds: Any) -> None:
    """The options of this command."""
    parser = commands.add_parser(
        "surface",
        help="what a server offers to its callers, and what a change does to them",
        description="List a server's tools, prompts and resources with their schemas, or compare them with a list.",
        usage="connect-mcp conformance surface [--out FILE] [--check FILE] [--strict] [--json] -- COMMAND [ARG…]",
        allow_abbrev=False,
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it to this file")
    parser.add_argument("--check", type=Path, metavar="FILE", help="compare with this one: exit 1 where callers break")
    parser.add_argument("--strict", action="store_true", help="exit 1 for any difference")
    parser.add_argument("--timeout", type=seconds, default=10.0, metavar="S", help="seconds to wait for an answer")
    parser.add_argument("--json", action="store_true", help="print the differences as JSON")
