"""Lines of a text, by offsets. LF, CRLF and a lone CR end a line; a byte order mark is part of none."""

import re

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_BREAK = re.compile(r"\r\n|\r|\n")
_NOTHING = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|\Z)")
_COMMENT = re.compile(r"( *)#")


def line_start(text: str, at: int) -> int:
    """Where the line starts that `at` lies in."""
    start = text.rfind("\n", 0, at) + 1
    start = max(start, text.rfind("\r", start, at) + 1)
    return 1 if start == 0 and text.startswith("\ufeff") else start


def line_end(text: str, at: int) -> int:
    """Where the line ends that `at` lies in, its line break left out."""
    found = _BREAK.search(text, at)
    return found.start() if found else len(text)


def next_line(text: str, at: int) -> int:
    """Where the line after the one starts that `at` lies in, or the end of the text."""
    found = _LINE.match(text, at)
    assert found is not None
    return found.end()


def starts_line(text: str, at: int) -> bool:
    """Whether only blanks stand before `at` on its line."""
    return not text[line_start(text, at) : at].strip(" \t")


def ends_line(text: str, at: int) -> bool:
    """Whether only blanks and a comment stand after `at` on its line."""
    return _NOTHING.match(text, at) is not None


def line_break(text: str, at: int) -> str:
    """The line break before `at`, else the one after it, else LF."""
    start = line_start(text, at)
    if start > 1:
        return "\r\n" if text[start - 2 : start] == "\r\n" else text[start - 1]
    after = _BREAK.search(text, at)
    return after[0] if after else "\n"


def after_comments(text: str, at: int, column: int) -> int:
    """The start of the line after a value that ends at `at`, past comment lines indented deeper than `column`."""
    at = next_line(text, at)
    while line_start(text, at) == at and (found := _COMMENT.match(text, at)) and len(found[1]) > column:
        at = next_line(text, at)
    return at


def after_trivia(text: str, at: int, *, blank: bool) -> int:
    """The start of the line after the comment lines from `at` on; with `blank`, after blank ones at their end too."""
    end = at
    while at < len(text) and (found := _NOTHING.match(text, at)):
        at = found.end()
        if blank or found[0].strip():
            end = at
    return end
