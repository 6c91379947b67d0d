"""Putting placeholders where a recorded line holds a secret, or what is true of this machine or this run only."""

import base64
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote

from connect_mcp.base.masking import looks_secret, secret_values, without_secrets
from connect_mcp.base.secrets import known_values

from .session import Json, member, parsed_message

_HEX4 = "[0-9a-fA-F]{4}"
UUID = f"{_HEX4}{_HEX4}-{_HEX4}-{_HEX4}-{_HEX4}-{_HEX4}{_HEX4}{_HEX4}"
_UUID = re.compile(rf"(?<![0-9a-fA-F]){UUID}(?![0-9a-fA-F])")
_UUID_CORE = re.compile(rf"-{_HEX4}-{_HEX4}-{_HEX4}-")  # begins with a literal, so it is fast to rule a text out
_CONTAINER = re.compile(r'"\s*:\s*[\[{]')
_ESCAPED = re.compile(r"\\u00[2-7][0-9a-fA-F]|\\/")

_HARMLESS = frozenset({"true", "false", "none", "null", "auto", "default", "disabled", "enabled"})
# User names that many machines share, and that ordinary text is full of.
_ANYBODY = frozenset({"root", "user", "users", "home", "admin", "runner", "ubuntu", "debian", "node", "app", "test"})
_STRUCTURE = frozenset({"jsonrpc", "method", "protocolVersion", "type", "role"})
# What the protocol says under those names, between its slashes: no secret, though a variable with a telling name may
# have the same value, as XDG_SESSION_CLASS has `user`.
_SPOKEN = """
    2.0 user assistant text image audio resource resource_link tool_use tool_result
    object array string number integer boolean null
    acknowledged call cancel cancelled complete completion create createMessage discover elicitation get initialize
    initialized list list_changed listen logging message notifications ping progress prompts read resources result
    roots sampling server setLevel status subscribe subscriptions tasks templates tools unsubscribe updated
"""
_WORDS = frozenset(_SPOKEN.split())
_SCHEMAS = frozenset({"inputSchema", "outputSchema", "requestedSchema"})
_MOST_KEYS = 1000  # names of members whose cleaned form is remembered
_HOLDS_SECRETS = re.compile(r"secret|token|passw|credential")

Place: TypeAlias = Callable[[str, str], str]
"""From a kind and a value to the placeholder that stands for it."""


class Redactor:
    """Replaces values by placeholders, the same value by the same one.

    Args:
        env: the environment whose secrets are known.
        home: the home folder.
        cwd: the working folder.
        tmp: folders for temporary files.
        argv: a command whose secrets are known, as the arguments of options that usually have one.
    """

    def __init__(
        self, env: Mapping[str, str], home: str, cwd: str, tmp: Iterable[str], argv: Sequence[str] = ()
    ) -> None:
        self._numbers: dict[str, dict[str, int]] = {}
        self._keys: dict[str, str] = {}
        secrets = [*_secret_values(env), *secret_values(list(argv))]
        self._secrets = _spellings(secrets)
        self._known = _alternatives(self._secrets)
        self._folders = dict.fromkeys(_spellings([cwd]), "{{cwd}}") | dict.fromkeys(_spellings([home]), "{{home}}")
        sought = "".join([*secrets, home, cwd])
        self._is_plain = json.dumps(sought) == f'"{sought}"'  # spelled alike at every depth of JSON inside JSON
        temporary = _spellings(tmp)
        self._beginnings = (*self._folders, *temporary)
        self._paths = _paths(self._folders, temporary)
        users = {env.get(name, "") for name in ("USER", "LOGNAME", "USERNAME")} | {os.path.basename(home)}
        self._names = [user for user in users if len(user) > 2 and user.lower() not in _ANYBODY]
        self._users = re.compile(rf"(?<![\w{{])(?:{'|'.join(map(re.escape, self._names))})(?![\w}}])")

    def message_fields(self, line: bytes) -> bytes:
        """A line without its end as the member of an event: `"msg"` where it is one, else `"raw"` or `"base64"`."""
        message = parsed_message(line)
        if message is None:
            return self.raw_fields(line)
        if self._looks_clean(line.decode()):
            return b'"msg": ' + line  # as it was spelled
        clean = self._value(message)
        return b'"msg": ' + line if clean == message else member("msg", clean)

    def raw_fields(self, line: bytes) -> bytes:
        """A line without its end as the member of an event, `"raw"`, or `"base64"` where it is not UTF-8."""
        cleaned = self._text(line.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        try:
            return member("raw", cleaned.decode())
        except UnicodeDecodeError:
            return member("base64", base64.b64encode(cleaned).decode())

    def _looks_clean(self, text: str) -> bool:
        """Whether the JSON text shows without being walked through that nothing in it is replaced."""
        if "\\" in text and (not self._is_plain or _ESCAPED.search(text)):
            return False
        ends = [found.start() for found in _CONTAINER.finditer(text)]
        if any(looks_secret(text[text.rfind('"', 0, end) + 1 : end]) for end in ends):
            return False
        try:
            return self._replaced(text, _found) == text
        except _Found:
            return False

    def _value(self, value: Json, name: str = "", *, within: bool = False) -> Json:
        """A value inside a message; `name` is the key above it, `within` whether something further up holds secrets."""
        if isinstance(value, dict):
            if name in _SCHEMAS:
                return {key: self._described(item) for key, item in value.items()}
            return {
                self._key(key): self._value(item, key, within=within or bool(_HOLDS_SECRETS.search(key.lower())))
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._value(item, name, within=within) for item in value]
        if isinstance(value, str):
            if name in _STRUCTURE:
                return value if _WORDS.issuperset(value.split("/")) else self._without_known(value)
            cleaned = self._text(value)
            return self._secret(value) if cleaned == value and (within or looks_secret(name)) else cleaned
        if isinstance(value, (int, float)) and self._known and self._known.fullmatch(json.dumps(value)):
            return self._secret(json.dumps(value))
        return value

    def _described(self, value: Json) -> Json:
        """A value inside a JSON Schema: its keys describe secrets and hold none."""
        if isinstance(value, dict):
            return {key: self._described(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._described(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        cleaned = self._replaced(text, self._placeholder)
        if _ESCAPED.search(cleaned):  # JSON inside a text, or with a fault, whose escapes may hide what is looked for
            plain = _ESCAPED.sub(_unescaped, cleaned)
            without = self._replaced(plain, self._placeholder)
            return cleaned if without == plain else without
        return cleaned

    def _key(self, key: str) -> str:
        """A member's name; the same few come again and again in a long list."""
        if key not in self._keys:
            if len(self._keys) >= _MOST_KEYS:
                self._keys.clear()
            self._keys[key] = self._text(key)
        return self._keys[key]

    def _secret(self, value: str) -> str:
        return _placed(value, self._placeholder)

    def _replaced(self, text: str, place: Place) -> str:
        # `in` before each pattern: it is the faster by far, and most texts hold nothing.
        text = self._without_known(text, place)
        if _UUID_CORE.search(text):
            text = _UUID.sub(lambda found: place("uuid", found[0]), text)
        text = without_secrets(text, lambda value: _placed(value, place))
        if any(beginning in text for beginning in self._beginnings):
            text = self._paths.sub(lambda found: self._folders.get(found[0]) or place("tmp", found[0]), text)
        return self._users.sub("{{user}}", text) if any(name in text for name in self._names) else text

    def _without_known(self, text: str, place: Place | None = None) -> str:
        if self._known and any(secret in text for secret in self._secrets):
            return self._known.sub(lambda found: _placed(found[0], place or self._placeholder), text)
        return text

    def _placeholder(self, kind: str, value: str) -> str:
        numbers = self._numbers.setdefault(kind, {})
        return f"{{{{{kind}:{numbers.setdefault(value, len(numbers) + 1)}}}}}"


class _Found(Exception):
    """There is something to replace."""


def _found(kind: str, value: str) -> str:
    raise _Found


def _placed(value: str, place: Place) -> str:
    """What stands for a secret; a switch or a small number under a secret-looking name is none."""
    if value.lower() in _HARMLESS or (value.isdigit() and len(value) < 6) or not value:
        return value
    return place("uuid" if _UUID.fullmatch(value) else "secret", value)


def _unescaped(found: re.Match[str]) -> str:
    return "/" if found[0] == "\\/" else chr(int(found[0][2:], 16))


def _secret_values(env: Mapping[str, str]) -> list[str]:
    """The values that can be told from ordinary text: long enough, no switch, no path that is there."""
    telling = {value for name, value in env.items() if looks_secret(name)}
    values = {value for value in telling | known_values() if len(value) > 3}
    return [value for value in values if not (os.path.isabs(value) and os.path.exists(value))]


def _spellings(values: Iterable[str]) -> list[str]:
    """Each value, and how it is spelled in JSON, in a text inside JSON, in a URL, in base64, or with other slashes."""
    found: dict[str, None] = {}
    for value in values:
        data = value.encode("utf-8", "surrogateescape")
        escaped, readable = json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]
        real = os.path.realpath(value) if os.path.isabs(value) else value
        found.update(dict.fromkeys((value, real, value.replace("\\", "/"), escaped, readable)))
        found.update(dict.fromkeys((json.dumps(escaped)[1:-1], json.dumps(readable, ensure_ascii=False)[1:-1])))
        found.update(dict.fromkeys((quote(data), quote(data, safe=""), base64.b64encode(data).decode())))
    return [spelling for spelling in found if len(spelling) > 2]


def _alternatives(values: Iterable[str]) -> re.Pattern[str] | None:
    ordered = sorted(values, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _paths(folders: Iterable[str], temporary: Iterable[str]) -> re.Pattern[str]:
    """The named folders, and what lies directly in a temporary one; a folder ends where its name ends."""
    named = "|".join(map(re.escape, sorted(folders, key=len, reverse=True)))
    passing = "|".join(map(re.escape, sorted(temporary, key=len, reverse=True)))
    parts = [rf"(?:{named})(?![\w-])" if named else "", rf"(?:{passing})/[\w.@+~-]+" if passing else ""]
    return re.compile(rf"(?<![\w.])(?:{'|'.join(filter(None, parts)) or '(?!)'})")
