"""Keeping secrets out of whatever is printed, logged or reported.

Two nets: values known to be secret because of the name they stand under, and texts that have the form of a credential
or of an assignment to a secret-looking name. Either masks more than it must rather than less.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, Union

MASK = "********"

Plain: TypeAlias = Union[str, int, float, bool, None, Sequence["Plain"], Mapping[str, "Plain"]]

_NAME = r"(?:key|token|secret|passw|passphrase|pwd|auth|cred|private|cookie|session|bearer|dsn)"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_NOT_SECRET = re.compile(
    r"(?:^|[_-])(?:author|keyboard|keymap|keyword|monkey)|_(?:file|path|dir)$|^env_?vars?$|env_var$", re.IGNORECASE
)

# Forms that the issuers document: Connect, OpenAI and Anthropic, GitHub, GitLab, Slack, AWS, Google, JWTs.
_TOKEN = re.compile(
    r"arc_(?:live|test)_[A-Za-z0-9_-]+"
    r"|\bsk-[A-Za-z0-9_-]{8,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_[A-Za-z0-9_]{16,}|\bglpat-[A-Za-z0-9_-]{16,}"
    r"|\bxox[a-z]-[A-Za-z0-9-]{8,}|\bAKIA[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{30,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
)
_BEARER = re.compile(r"(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}")
_USERINFO = re.compile(r"(://[^/\s:@\"']*:)[^@\s/\"']+(?=@)")
_ASSIGNED = re.compile(
    rf"(?i)(?P<name>[\w.-]*{_NAME}[\w.-]*)(?P<between>[\"']?\s*[:=]\s*)(?P<value>\"(?:[^\"\\\n]|\\.)+\"|'[^'\n]+'|[^\s,\"'}}\]\[{{|>]+)"
)
_OPAQUE = re.compile(r"(?=[^\s]*[0-9])(?=[^\s]*[A-Za-z])[A-Za-z0-9+/_=-]{24,}")


def looks_secret(name: str) -> bool:
    """Whether a variable, header, option or key of this name usually holds a credential."""
    return bool(_SECRET_NAME.search(name)) and not _NOT_SECRET.search(name)


def masked(text: str, values: Iterable[str] = ()) -> str:
    """`text` with every known value, credential-like string and value of a secret-looking name replaced by a mask."""
    for value in sorted({value for value in values if len(value) > 3}, key=len, reverse=True):
        text = text.replace(value, MASK)
    text = _TOKEN.sub(MASK, text)
    text = _BEARER.sub(rf"\1{MASK}", text)
    text = _USERINFO.sub(rf"\1{MASK}", text)
    return _ASSIGNED.sub(_mask_assigned, text)


def secret_values(value: Plain, name: str = "") -> set[str]:
    """The strings in a configuration value that are secret.

    By the name above them, by their form, or as an option's argument (`--token`, `abc`).
    """
    return set(_secrets(value, name))


def _mask_assigned(found: re.Match[str]) -> str:
    name, between, value = found.group("name", "between", "value")
    plain = value.strip("\"'")
    if not looks_secret(name) or plain.lower() in {"true", "false", "null", "none"} or _is_reference(plain):
        return found.group()
    quote = value[0] if value[0] in "\"'" else ""
    return f"{name}{between}{quote}{MASK}{quote}"


def _is_reference(value: str) -> bool:
    """`${env:X}`, `{env:X}`, `$X`, `${{ secrets.X }}`: names a secret and holds none."""
    return bool(re.fullmatch(r"\$?\{.*\}|\$\w+|\*+", value))


def _secrets(value: Plain, name: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets(item, key)
    elif isinstance(value, str):
        if value and not _is_reference(value) and (looks_secret(name) or _OPAQUE.fullmatch(value)):
            yield value
    elif isinstance(value, Sequence):
        before = ""
        for item in value:
            option = before if before.startswith("-") and "=" not in before else ""
            yield from _secrets(item, option or ("" if isinstance(item, str) else name))
            before = item if isinstance(item, str) else ""
