"""YAML as ruamel.yaml reads it, which verifies every edit.

It is driven event by event, so that neither depth nor an alias of an alias of an alias can hurt.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .model import Fault, Table, Tree
from .yaml_nodes import Verbatim, plain_value

if TYPE_CHECKING:
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.events import Event

_BOM = "\ufeff"
_DEEPEST = 40
"""Deeper values are kept as one flat tuple of events: nothing we write is that deep, and `==` is recursive."""

_SENTENCES = (
    ("found character '\\t'", "a tab stands where only spaces may", "replace the tab by spaces"),
    ("mapping values are not allowed", "a second colon on this line, or wrong indentation above", ""),
    ("expected ',' or ']'", "a list that is opened with [ is not closed, or lacks a comma", ""),
    ("expected ',' or '}'", "a map that is opened with { is not closed, or lacks a comma", ""),
    ("expected the node content", "a value is expected here", ""),
    ("sequence entries are not allowed", "a list item cannot start here", ""),
    ("expected <block end>", "this line is not indented like the ones it belongs to", ""),
    ("expected '<document start>'", "this line is not indented like the ones it belongs to", ""),
    (
        "special characters are not allowed",
        "a control character",
        "take it out, or write it as an escape in double quotes",
    ),
)

_MEND = "correct this place and run the command again"

_BUGS = (ValueError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError, NotImplementedError)
"""What ruamel.yaml raises besides its own errors on texts that are not YAML."""


def load(text: str) -> Tree:
    """The document as `model.Tree`; a blank one is `Table()`.

    Raises:
        Fault: for what is not YAML, a second document, a key given twice or an alias of nothing.
    """
    return _Builder().document(text)


def decode(source: str, column: int) -> str:
    """The text of one scalar that spans lines.

    Args:
        source: the scalar, with its last line break.
        column: that of the block collection it stands in, or -1 for none.

    Raises:
        Fault: where it does not parse alone.
    """
    head = "--- " if column < 0 else " " * column + "k: "
    values = [event.value for event in events(head + source) if hasattr(event, "value")]
    return str(values[-1])


def scalar_tree(text: str) -> Tree:
    """How an unquoted scalar without a tag compares."""
    value = plain_value(text)
    if value is None:
        return ("null",)
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, Verbatim):
        return ("plain", text)
    return ("str", text) if isinstance(value, str) else ("number", text)


def verbatim_tree(source: str) -> Tree:
    """How a scalar compares that is written as `source`, an alias of something outside it included."""
    return _Builder(aliases=False).document(f"--- {source}\n")


def events(text: str) -> "Iterator[Event]":
    """The events of a text.

    Raises:
        Fault: where it is no YAML, at the right offset.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    shift = int(text.startswith(_BOM))
    try:
        yield from YAML(typ="safe", pure=True).parse(text[shift:])
    except MarkedYAMLError as error:
        raise _marked(error, text, shift) from None
    except ReaderError as error:
        raise _fault(error.reason, text.find(chr(error.character))) from None
    except (YAMLError, *_BUGS) as error:
        raise _fault(str(error).partition("\n")[0], 0) from None


def _marked(error: "MarkedYAMLError", text: str, shift: int) -> Fault:
    """A text that ends too early is at fault where that began which is not complete."""
    problem, context = error.problem_mark, error.context_mark
    at, began = (mark.index + shift if mark else 0 for mark in (problem, context))
    if "expected ':'" in str(error.problem):
        return Fault(began, "a key without a colon", _MEND)
    if at < len(text.rstrip()):
        return _fault(str(error.problem or error.context), at)
    if context and began < len(text.rstrip()):
        return Fault(began, "what starts here is never closed", _MEND)
    return Fault(at, "the file ends here in the middle of something", _MEND)


def _fault(problem: str, offset: int) -> Fault:
    for part, what, mend in _SENTENCES:
        if part in problem:
            return Fault(offset, what, mend or _MEND)
    return Fault(offset, f"this is not valid YAML: {problem}", _MEND)


class _Level:
    """A map or list that is being read; `flat` takes everything in it where it lies too deep for a tree."""

    def __init__(self, is_map: bool, tag: str | None, at: int, flat: list[Tree] | None) -> None:
        self.is_map = is_map
        self.at = at
        self.flat = flat
        self._key: str | None = None
        self._keys: set[str] = set()
        self._pairs: list[tuple[str, Tree]] = [("\0tag", tag)] if tag and is_map else []
        self._items: list[Tree] = [("tag", tag)] if tag and not is_map else []
        if flat is not None:
            flat.append(("map" if is_map else "list", tag))

    def take(self, tree: Tree, at: int, name: str | None) -> None:
        if self.flat is not None:
            self.flat.append(tree)
        if not self.is_map:
            self._items.append(tree)
        elif self._key is None:
            self._key = self._unique(f"\0{tree!r}" if name is None else name, at)
        else:
            self._pairs.append((self._key, tree))
            self._key = None

    def _unique(self, name: str, at: int) -> str:
        if name in self._keys and name != "<<":
            what = "a key" if name.startswith("\0") else f"the key {name!r}"
            raise Fault(
                at,
                f"{what} is there twice in one map, which most hosts reject",
                "take one of the two out and run the command again",
            )
        self._keys.add(name)
        return name

    def tree(self) -> Tree:
        if self.flat is not None:
            return tuple(self.flat)
        return Table(self._pairs) if self.is_map else self._items


class _Builder:
    """Builds a tree from events, iteratively."""

    def __init__(self, *, aliases: bool = True) -> None:
        self._check_aliases = aliases
        self._anchors: set[str | None] = set()
        self._open: list[_Level] = []
        self._root: Tree = Table()
        self._documents = 0

    def document(self, text: str) -> Tree:
        shift = int(text.startswith(_BOM))
        for event in events(text):
            self._event(event, event.start_mark.index + shift if event.start_mark else 0)
        return self._root

    def _event(self, event: Any, at: int) -> None:
        kind = type(event).__name__
        if kind == "ScalarEvent":
            self._anchors.add(event.anchor)
            self._scalar(event, at)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._anchors.add(event.anchor)
            flat = self._open[-1].flat or ([] if len(self._open) >= _DEEPEST else None) if self._open else None
            self._open.append(_Level(kind == "MappingStartEvent", event.tag, at, flat))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            level = self._open.pop()
            inside = level.flat is not None and self._open[-1].flat is not None
            self._put("end" if inside else level.tree(), level.at, f"\0{len(level.flat or ())}" if inside else None)
        elif kind == "AliasEvent":
            self._alias(event.anchor, at)
        elif kind == "DocumentStartEvent":
            self._document(at)

    def _put(self, tree: Tree, at: int, name: str | None) -> None:
        if self._open:
            self._open[-1].take(tree, at, name)
        else:
            self._root = tree

    def _scalar(self, event: Any, at: int) -> None:
        if event.tag is not None:
            self._put(("tag", event.tag, event.style, event.value), at, None)
        elif event.style:
            self._put(("str", event.value), at, event.value)
        elif event.value or self._open:  # an empty document is not a null
            self._put(scalar_tree(event.value), at, event.value)

    def _alias(self, name: str, at: int) -> None:
        if self._check_aliases and name not in self._anchors:
            raise Fault(at, f"the alias *{name} has no anchor before it", _MEND)
        self._put(("*", name), at, None)

    def _document(self, at: int) -> None:
        self._documents += 1
        if self._documents > 1:
            raise Fault(
                at,
                "a second YAML document starts here, and hosts read only one",
                "take one of the documents out and run the command again",
            )
