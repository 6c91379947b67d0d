"""Keeping secrets out of whatever is printed, logged or reported.

Two nets: values known to be secret because of the name they stand under, and texts that have the form of a credential
or of an assignment to a secret-looking name. Either masks more than it must rather than less.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, Union

MASK = "********"

Plain: TypeAlias = Union[str, int, float, bool, None, Sequence["Plain"], Mapping[str, "Plain"]]

# Compiled where they are first used (`re` keeps them): most commands need two of them, and compiling all takes 5 ms.
# Searched in lowered text: ignoring case in the pattern itself takes ten times as long.
_TELLING = r"key|token|secret|passw|passphrase|pwd|auth|cred|private|cookie|session|bearer|dsn"
_HARMLESS = (
    r"(?:^|[_-])(?:author(?!i[sz]ation)|keyboard|keymap|keyword|monkey)"
    r"|_(?:file|path|dir)$|^env_?vars?$|env_var$|^private$"
    r"|(?-i:^(?:OLD)?PWD$)"  # where a shell is, and was
    r"|(?-i:^KeyError$)"  # a traceback's last line says which name was missing
)

# Forms that the issuers document: Connect, OpenAI and Anthropic, GitHub, GitLab, Slack, AWS, Google, JWTs.
# Each begins with a literal, and looks back from there, since that is what the search is fast at.
_CREDENTIAL = (
    r"arc_(?:live|test)_[A-Za-z0-9_-]+"
    r"|sk-(?<!\wsk-)[A-Za-z0-9_-]{8,}"
    r"|gh[pousr]_(?<!\wgh.{2})[A-Za-z0-9]{16,}|github_pat_(?<!\wgithub_pat_)[A-Za-z0-9_]{16,}"
    r"|glpat-(?<!\wglpat-)[A-Za-z0-9_-]{16,}|xox[a-z]-(?<!\wxox.{2})[A-Za-z0-9-]{8,}"
    r"|AKIA(?<!\wAKIA)[0-9A-Z]{16}\b|AIza(?<!\wAIza)[0-9A-Za-z_-]{30,}"
    r"|eyJ(?<![\w-]eyJ)[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
)
_SCHEME = (
    r"(?P<before>(?:(?:Bearer|bearer|BEARER)(?<!\w.{6})|(?:Basic|basic|BASIC)(?<!\w.{5}))\s+)"
    r"(?P<secret>[A-Za-z0-9._~+/=-]{6,})"
)
_USERINFO = r"(?P<before>://[^/\s:@\"']*:)(?P<secret>[^@\s/\"']+)(?=@)"
_WORD = r"[\w.-]+"
_BETWEEN = r"\\*[\"']?\s*[:=]\s*"
_VALUE = r"\"(?:[^\"\\\n]|\\.)+\"|\\+\"[^\"\n]+\"|'[^'\n]+'|[^\s,\"'}\]\[{|>]+"
_OPAQUE = r"(?=[^\s]*[0-9])(?=[^\s]*[A-Za-z])[A-Za-z0-9+/_=-]{24,}"


@functools.lru_cache(maxsize=1024)
def looks_secret(name: str) -> bool:
    """Whether a variable, header, option or key of this name usually holds a credential."""
    return bool(re.search(_TELLING, name.lower())) and not re.search(_HARMLESS, name, re.IGNORECASE)


def masked(text: str, values: Iterable[str] = ()) -> str:
    """`text` with every known value, credential-like string and value of a secret-looking name replaced by a mask."""
    return without_secrets(text, lambda _: MASK, values)


def without_secrets(text: str, replace: Callable[[str], str], values: Iterable[str] = ()) -> str:
    """`text` with what `masked` would mask replaced by what `replace` makes of it.

    What `replace` gives must not look like a secret itself: a mask, or a reference in braces.
    """
    known = sorted({re.escape(value) for value in values if len(value) > 3}, key=len, reverse=True)
    if known:
        text = re.sub("|".join(known), lambda found: replace(found.group()), text)
    text = re.sub(_CREDENTIAL, lambda found: replace(found.group()), text)
    lowered = text.lower()
    for form, sign in ((_SCHEME, "bearer"), (_SCHEME, "basic"), (_USERINFO, "://")):
        if sign in lowered:
            text = re.sub(form, lambda found: found["before"] + _unless_replaced(found["secret"], replace), text)
    return "".join(_without_assigned(text, replace))


def telling_values(variables: Mapping[str, str]) -> set[str]:
    """The values of those variables, or headers, whose names say that they are secret."""
    return {value for name, value in variables.items() if looks_secret(name)}


def secret_values(value: Plain, name: str = "") -> set[str]:
    """The strings in a configuration value that are secret.

    By the name above them, by their form, or as an option's argument (`--token`, `abc`).
    """
    return set(_secrets(value, name))


def _without_assigned(text: str, replace: Callable[[str], str]) -> Iterator[str]:
    """The pieces of `text`; each word is looked at once, so that it takes linear time whoever wrote the text."""
    word, between_them, a_value = re.compile(_WORD), re.compile(_BETWEEN), re.compile(_VALUE)
    at = seen = 0
    for hint in re.finditer(_TELLING, _lowered(text)):
        if hint.start() < seen:
            continue
        begin = hint.start()
        while begin > seen and word.match(text[begin - 1]):
            begin -= 1
        seen = _end(word, text, begin)
        between = between_them.match(text, seen)
        value = a_value.match(text, between.end()) if between and looks_secret(text[begin:seen]) else None
        plain = value.group().strip("\\\"'") if value else ""
        if value and plain and plain.lower() not in {"true", "false", "null", "none"}:
            yield text[at : value.start()] + value.group().replace(plain, _unless_replaced(plain, replace), 1)
            at = seen = value.end()
    yield text[at:]


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


def _lowered(text: str) -> str:
    """`text` in lower case, with as many characters."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if char.isascii() else char for char in text)


def _unless_replaced(value: str, replace: Callable[[str], str]) -> str:
    return value if _is_reference(value) else replace(value)


def _is_reference(value: str) -> bool:
    """`${env:X}`, `{env:X}`, `$X`, `Bearer ${{ secrets.X }}`: names a secret and holds none."""
    return bool(re.fullmatch(r"(?:[Bb]earer |[Bb]asic |token )?(?:\$?\{.*\}|\$\w+|\*+)", value))


def _secrets(value: Plain, name: str) -> Iterator[str]:
    """With a stack of its own: a config may be nested deeper than calls can be."""
    rest = [(value, name)]
    while rest:
        value, name = rest.pop()
        if isinstance(value, Mapping):
            rest += [(item, key) for key, item in value.items()]
        elif isinstance(value, str):
            if value and not _is_reference(value) and (looks_secret(name) or re.fullmatch(_OPAQUE, value)):
                yield value
        elif isinstance(value, Sequence):
            rest += _items(value, name)


def _items(values: Sequence[Plain], name: str) -> Iterator[tuple[Plain, str]]:
    """The items of a list, each with the name it stands under: the option before it, or that of the list."""
    before, starting = "", ""
    for item in values:
        option = before if before.startswith("-") and "=" not in before else ""
        starting = str(item) if item in ("run", "--") else starting
        if starting == "run" and option == "--secret":  # `connect-mcp run --secret NAME`: the name of one
            option = ""
        yield item, option or ("" if isinstance(item, str) else name)
        before = item if isinstance(item, str) else ""
