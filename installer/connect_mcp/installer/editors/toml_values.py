"""Values in TOML: how they are written, and the trees in which two documents are compared."""

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from .model import Fault, Table, Tree, Value

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}

_LEAVES = frozenset({str, int, float, bool})  # asked first: being no Mapping is a slow question

T = TypeVar("T")


class SpelledFloat(str):
    """A float as the file spells it, so that 1.0 and 1.00 differ."""

    __slots__ = ()


class TomlTable(Table):
    """A table in a tree. The order of keys has no meaning in TOML, so it does not count.

    A map that the expected tree was left with after all that was in it had been taken out (a plain, empty `Table`; what
    a file holds is always a `TomlTable`) may be missing: a table that only ever existed as `[a.b]` is gone with it.
    Comparing is iterative: documents can be deep.
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        todo: list[tuple[Tree, Tree]] = [(self, other)]
        while todo:
            one, two = todo.pop()
            if isinstance(one, Table) and isinstance(two, Table):
                mine, theirs = dict(one), dict(two)
                if any(key not in theirs for key in mine):
                    return False
                if any(key not in mine and not _is_left_over(value) for key, value in two):
                    return False
                todo += [(mine[key], theirs[key]) for key in mine]
            elif isinstance(one, list) and isinstance(two, list):
                if len(one) != len(two):
                    return False
                todo += zip(one, two, strict=True)
            elif type(one) is not type(two) or one != two:
                return False
        return True

    def __ne__(self, other: object) -> bool:
        return not self == other


class TomlList(list[Tree]):
    """An array in a tree; a plain list was changed by the engine, see `TomlTable`."""


def tree(value: Any) -> Tree:
    """The tree of a value, read or to be written.

    Numbers become ("number", …) and times ("time", …), so that True, 1, 1.0 and a string of that spelling differ.
    """
    return _fold(value, _scalar_tree, TomlTable, TomlList)


def inline(value: Value, equals: str = " = ") -> str:
    """A value on one line, with this equals sign in its tables.

    Raises:
        Fault: for what TOML cannot hold, at offset 0.
    """
    return _fold(value, _scalar_text, lambda pairs: _table_text(pairs, equals), lambda items: f"[{', '.join(items)}]")


def key_text(*names: str) -> str:
    """A key, dotted where there are several names, each quoted where it must be."""
    return ".".join(name if _BARE.fullmatch(name) else _string_text(name) for name in names)


def _fold(
    value: Any,
    scalar: Callable[[Any], T],
    mapping: Callable[[list[tuple[str, T]]], T],
    sequence: Callable[[list[T]], T],
) -> T:
    """A value turned into something else from the leaves up, without recursion."""
    order = [value] if _is_container(value) else []
    for container in order:  # which grows
        order += filter(_is_container, _inner(container))
    done: dict[int, T] = {}

    def turned(part: Any) -> T:
        return done[id(part)] if _is_container(part) else scalar(part)

    for container in reversed(order):
        if isinstance(container, Mapping):
            done[id(container)] = mapping([(key, turned(part)) for key, part in container.items()])
        else:
            done[id(container)] = sequence([turned(part) for part in container])
    return turned(value)


def _is_container(value: Any) -> bool:
    return type(value) not in _LEAVES and isinstance(value, (Mapping, list, tuple))


def _inner(container: Any) -> Iterable[Any]:
    return container.values() if isinstance(container, Mapping) else container


def _is_left_over(value: Tree) -> bool:
    """Whether the engine emptied it: see `TomlTable`."""
    while type(value) is Table and len(value) == 1:
        value = value[0][1]
    return (type(value) is Table or type(value) is list) and not value


def _scalar_tree(value: Any) -> Tree:
    if isinstance(value, SpelledFloat):
        return ("number", str(value))
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return ("number", value)
    if isinstance(value, float):
        return ("number", repr(value))
    if isinstance(value, (datetime.date, datetime.time)):
        return ("time", value.isoformat())
    return value


def _scalar_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string_text(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    raise Fault(0, "an entry for this file must not hold an empty value: TOML has none")


def _table_text(pairs: list[tuple[str, str]], equals: str) -> str:
    inner = ", ".join(f"{key_text(key)}{equals}{text}" for key, text in pairs)
    return f"{{ {inner} }}" if inner else "{}"


def _string_text(value: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise Fault(0, "an entry for this file must not hold half a surrogate pair: TOML cannot write it")
    return '"' + "".join(map(_char_text, value)) + '"'


def _char_text(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}"
