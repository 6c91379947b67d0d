"""TOML: OpenAI Codex's `config.toml` and its like."""

import re
from collections.abc import Sequence
from typing import cast

from .deep import with_deep_stack
from .model import Fault, Node, Quirk, Rewrite, Splice, Tree, Value
from .toml_scan import BOM, comments, scan, tomllib
from .toml_splices import plan
from .toml_tree import TableNode, document
from .toml_values import SpelledFloat, key_text, tree

_WHERE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_HUGE_NUMBER = re.compile(r"[0-9][0-9_]{4299,}")
_MEND = "mend that line, or restore the file from a backup, and run the command again"


class Toml:
    """The TOML format; it holds no state."""

    name = "toml"

    def parse(self, text: str) -> TableNode:
        """See `Format.parse`."""
        return document(text)

    def splices(self, text: str, root: Node, rewrites: Sequence[Rewrite]) -> list[Splice]:
        """See `Format.splices`."""
        return plan(text, cast("TableNode", root), rewrites)

    def load(self, text: str) -> Tree:
        """See `Format.load`; a byte order mark is taken off, as hosts do."""
        body = text.removeprefix(BOM)
        try:
            try:
                return tree(tomllib.loads(body, parse_float=SpelledFloat))
            except RecursionError:
                return tree(with_deep_stack(tomllib.loads, body, parse_float=SpelledFloat))
        except RecursionError:
            raise Fault(0, "this file is nested too deep to be checked after an edit", _MEND) from None
        except ValueError as error:
            raise _fault(text, body, str(error)) from None

    def tree(self, value: Value) -> Tree:
        """See `Format.tree`."""
        return tree(value)

    def quirks(self, text: str) -> list[Quirk]:
        """See `Format.quirks`: comments and a byte order mark."""
        found = [Quirk("comment", offset) for offset in comments(text)]
        return [Quirk("bom", 0), *found] if text.startswith(BOM) else found


TOML = Toml()


def _fault(text: str, body: str, message: str) -> Fault:
    """What tomllib says, in our words where a table or key is there twice, at an offset into `text`."""
    where = _WHERE.search(message)
    if where is None:  # Python's own refusal of a number with thousands of digits
        huge = _HUGE_NUMBER.search(text)
        return Fault(huge.start() if huge else 0, "this is not valid TOML: a number has too many digits", _MEND)
    offset = len(text) - len(body) + (_offset(body, int(where[1]), int(where[2])) if where[1] else len(body))
    reason = message[: where.start()]
    if reason.startswith("Cannot"):
        return _defined_twice(text, offset)
    if not where[1]:  # what began where and never ended says more than where the file ends
        try:
            scan(text)
        except Fault as fault:
            offset, reason = fault.offset, fault.what
    return Fault(offset, f"this is not valid TOML: {reason[0].lower()}{reason[1:]}", _MEND)


def _offset(body: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = body.index("\n", start) + 1
    return start + column - 1


def _defined_twice(text: str, offset: int) -> Fault:
    """Point at the key, not behind its value, which is where tomllib notices."""
    name, start = "this key", offset
    try:
        statements = [
            (where, keys)
            for block in scan(text)
            for where, keys in ((block.start, block.keys), *((pair.keys[0].start, pair.keys) for pair in block.pairs))
        ]
    except Fault:  # the rest of the file is broken too; tomllib's own place will do
        statements = []
    for where, keys in statements:
        if keys and where <= offset:
            name, start = key_text(*(key.name for key in keys)), where
    return Fault(
        start,
        f"{name} is defined a second time here, and TOML allows that once",
        "join the two by hand, or take one out, and run the command again",
    )
