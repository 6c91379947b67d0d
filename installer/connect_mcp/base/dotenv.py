r"""One variable out of a `.env` file, in the forms that such files usually have.

    # a comment
    NAME=value              # from a blank and # on, a comment
    export NAME = "a \"quoted\" value"
    NAME='as it stands, $ and \ included'

Programs do not agree on `${OTHER}`: some put the other variable in, some do not. A value with one is refused instead.
"""

from .errors import Place, Refused

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "'": "'", "`": "`"}


def value_in(text: str, name: str, path: str) -> str | None:
    """The value of one variable; the last one where it is there several times, None where it is not there.

    Args:
        text: the file's text.
        name: the variable.
        path: the file, for messages.

    Raises:
        Refused: where a quotation does not end, or the value refers to another variable.
    """
    found, at = None, 0
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    while at < len(text):
        end = _line_end(text, at)
        key, equals, rest = text[at:end].partition("=")
        key = key.strip().removeprefix("export ").strip()
        if not equals or key.startswith("#"):
            at = end + 1
            continue
        line = text.count("\n", 0, at) + 1
        value, at = _value(text, end - len(rest), Place(path, line))
        if key == name:
            found, place = value, Place(path, line)
    if found is None:
        return None
    literal, text = found
    if not literal and "${" in text:
        raise Refused(
            f"{name} refers to another variable there",
            place=place,
            mend="give its whole value on standard input",
        )
    return text


def _value(text: str, at: int, place: Place) -> tuple[tuple[bool, str], int]:
    """A value from behind the `=`: whether it is literal, and its text; and where the next line begins."""
    end = _line_end(text, at)
    while at < end and text[at] in " \t":
        at += 1
    quote = text[at] if at < end else ""
    if quote not in ("'", '"', "`"):
        plain = text[at:end]
        for sign in (" #", "\t#"):
            plain = plain.partition(sign)[0]
        return (False, "" if plain.startswith("#") else plain.strip()), end + 1
    parts, at = [], at + 1
    while at < len(text) and text[at] != quote:
        if quote == '"' and text[at] == "\\" and text[at + 1 : at + 2] in _ESCAPES:
            parts.append(_ESCAPES[text[at + 1]])
            at += 2
        else:
            parts.append(text[at])
            at += 1
    if at >= len(text):
        raise Refused("a quotation that begins here does not end", place=place, mend="mend the file at that line")
    return (quote == "'", "".join(parts)), _line_end(text, at) + 1


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
