"""JSON as it goes over the wire: read strictly, written as one line of ASCII.

On the way to the first tools/list answer: the standard library only, and only what starts fast.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BOM = b"\xef\xbb\xbf"

_CONTAINERS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]')

_MOST_CONTAINERS = 100_000


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def parse(data: bytes) -> Any:
    """The one JSON value in `data`, a leading byte order mark aside.

    Raises:
        ValueError: for what is not UTF-8 or not JSON (NaN and Infinity are not).
        RecursionError: for JSON that is nested more deeply than the interpreter reads.
    """
    return _DECODER.decode(data.removeprefix(BOM).decode("utf-8"))


def encode(message: Any) -> bytes:
    """`message` as one line, LF included.

    ASCII, because some clients also end a line at U+2028 or U+0085, which JSON may hold unescaped.
    """
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def outline(data: bytes) -> Any:
    """The JSON value in `data` with null for every container below the top one; None where that cannot be read.

    For messages that are nested too deeply for `parse`: who sent them still learns so under the right id, unless the
    look would take so long that everybody else had to wait.
    """
    if data.count(b"[") + data.count(b"{") > _MOST_CONTAINERS:
        return None
    text = data.removeprefix(BOM).decode("utf-8", "replace")
    kept, depth, start = [], 0, 0
    for token in _CONTAINERS.finditer(text):
        if token.group() in "[{":
            depth += 1
            if depth == 2:
                kept.append(text[start : token.start()] + "null")
        elif token.group() in "]}":
            depth -= 1
            if depth == 1:
                start = token.end()
    try:
        return _DECODER.decode("".join(kept) + text[start:])
    except ValueError:
        return None
