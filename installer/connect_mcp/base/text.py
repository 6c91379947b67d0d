"""Text from elsewhere (a server, a config, a file name) made safe to print."""

# Spaces other than the plain one, and the two joiners that emoji and several scripts are written with: none of them
# moves the cursor or reorders what stands around it.
_KEPT = frozenset("\u00a0\u1680\u202f\u205f\u3000\u200c\u200d") | {chr(code) for code in range(0x2000, 0x200B)}


def printable(text: str) -> str:
    r"""`text` on one line, with whatever could control a terminal or reorder it shown as an escape.

    Control characters (so every ANSI sequence, line end and tab), bidirectional and other invisible format characters,
    line separators and lone surrogates become `\n`, `\x1b`, `\u202e`; every other character stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in _KEPT else _escape(char) for char in text)


def shortened(text: str, limit: int) -> str:
    """`text` if it has at most `limit` characters, else its beginning and a note of how many more there were."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
