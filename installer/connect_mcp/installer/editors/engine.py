"""The one engine behind every config edit: plan on one parse, splice, read back with another parser, compare.

Pure: texts in, texts out. The promise it keeps: the new document equals the old one plus exactly the change, read by a
parser that is not ours, and every byte outside the splices is the one that was there. Otherwise it raises and nothing
is written.
"""

import functools
import gc
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.record import replace

from .model import (
    NAMES,
    Change,
    Edit,
    Fault,
    Format,
    KeyPath,
    Member,
    Node,
    Put,
    Remove,
    Rewrite,
    Section,
    Splice,
    Table,
    Tree,
    Value,
)

BOM = "\ufeff"

QUIRK_TEXT = {
    "comment": "a comment, which this host does not accept here",
    "trailing-comma": "a trailing comma, which this host does not accept here",
    "bom": "a byte order mark, which this host does not accept here",
    "duplicate-key": "a key given twice, which this host does not accept here",
}

_TOO_DEEP = "this document is nested too deep to be edited safely"

_LINE_END = re.compile(r"\r\n|\r|\n")

# What git writes around the two sides of a conflict, in the order in which it must be found.
_MARKERS = tuple(re.compile(rf"^\ufeff?{mark}{{7}}(?: [^\n]*)?\r?$", re.MULTILINE) for mark in "<=>")

# Where a text changed both before and after our splices, they are found again by what stands around them, if only once.
_MARGINS = (160, 40, 10)


@contextmanager
def _collection_paused() -> Iterator[None]:
    """No search for garbage cycles meanwhile: on a big document, where there are none, it takes half the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def decode(data: bytes, path: str) -> str:
    """The text of a config file, its byte order mark and line ends kept.

    Raises:
        Refused: for UTF-16, UTF-32 or bytes that are not UTF-8, with the line and column of the first bad one.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data[:4]:
        raise Refused(
            "this file is UTF-16 or UTF-32, and hosts read UTF-8",
            place=Place(path, 1, 1),
            mend="save it as UTF-8 and run the command again",
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise Refused(
            f"byte 0x{data[error.start]:02x} is not valid UTF-8",
            place=Place(path, *position(before, len(before))),
            mend="mend that byte, or save the file as UTF-8, and run the command again",
        ) from None


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of an offset; LF, CRLF and a lone CR end a line, and a BOM has no width."""
    before = text[:offset].removeprefix(BOM).replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def positions(text: str) -> Callable[[int], tuple[int, int]]:
    """The same as `position`, for many offsets into one text."""
    from bisect import bisect_right  # wanted only where there is something to say about a file

    starts = [0, *(end.end() for end in _LINE_END.finditer(text))]
    bom = int(text.startswith(BOM))

    def position(offset: int) -> tuple[int, int]:
        line = bisect_right(starts, offset)
        return line, max(1, offset - starts[line - 1] + 1 - (bom if line == 1 else 0))

    return position


@functools.lru_cache(maxsize=2)
def _loaded(fmt: Format, text: str) -> Tree:
    """What the verifying parser reads: a command looks at a text, then edits it, and it is parsed once."""
    return fmt.load(text)


@_collection_paused()
def read(text: str, fmt: Format, section: Section, path: str = "config") -> dict[str, Value]:
    """The entries of a section by name, as plain values; none where there is no such section.

    Raises:
        Refused: where the file does not parse or the section has the wrong type.
    """
    try:
        _refuse_conflict(text)
        _loaded(fmt, text)
        node = _descend(fmt.parse(text), section.path)[0]
        if node is None or node.kind == "null":
            return {}
        _expect(node, section)
        if section.keyed_by is None:
            return {member.key: member.node.value() for member in node.members()}
        return {name: item.value() for item in node.items() if (name := _name_of(item, section.keyed_by)) is not None}
    except Fault as fault:
        raise _refused(fault, text, path) from None
    except RecursionError:
        raise _refused(Fault(0, _TOO_DEEP), text, path) from None


@_collection_paused()
def edit(
    text: str, fmt: Format, changes: Sequence[Change], *, rejects: Collection[str] = (), path: str = "config"
) -> Edit:
    """Plan, make and verify `changes`.

    Args:
        text: the document; "" for one that is to be made.
        fmt: its format.
        changes: what to do, in order.
        rejects: kinds of `Quirk` that the host is known not to survive.
        path: the file's name, for messages.

    Raises:
        Refused: where anything is not as the promise wants it; nothing is changed then.
    """
    try:
        _refuse_conflict(text)
        for quirk in fmt.quirks(text) if rejects and text.strip() else ():
            if quirk.kind in rejects:
                raise Fault(quirk.offset, QUIRK_TEXT[quirk.kind], "take it out, or repeat the command with --force")
        steps: list[tuple[Splice, ...]] = []
        current, tree = text, _loaded(fmt, text)
        for change in changes:
            try:
                splices, current, tree = _step(current, tree, fmt, change)
            except Fault as fault:
                fault.offset = _origin(fault.offset, steps)
                raise
            steps.append(splices)
        return Edit(text, current, tuple(steps))
    except Fault as fault:
        raise _refused(fault, text, path) from None
    except RecursionError:
        raise _refused(Fault(0, _TOO_DEEP), text, path) from None


@_collection_paused()
def reverse(edited: Edit, changes: Sequence[Change], current: str, fmt: Format, path: str = "config") -> Edit:
    """Take an edit back out of a text that has changed since, and nothing else.

    Where what changed since lies apart from our splices, they are undone exactly, which is proven by making the change
    once more; otherwise the same is reached through the editor: an entry that we made goes, one that we changed gets
    back the values that we replaced.

    Args:
        edited: what was done then.
        changes: the changes it was made of.
        current: the text as it is now.
        fmt: its format.
        path: the file's name, for messages.

    Raises:
        Refused: as `edit` does.
    """
    if not edited.changed:
        return Edit(current, current, ())
    splice = _unsplice(edited, current)
    if splice is not None:
        exact = Edit(current, apply_splices(current, (splice,)), ((splice,),))
        if exact.new == edited.old or _leads_to(current, exact.new, changes, fmt):
            return exact
    careful = edit(current, fmt, opposites(changes, edited.old, current, fmt, path), path=path)
    return exact if splice is not None and reads_alike(exact.new, careful.new, fmt) else careful


def opposites(changes: Sequence[Change], old: str, current: str, fmt: Format, path: str = "config") -> list[Change]:
    """The changes that take `changes` back out of the text `current`, given the text `old` that they were made to.

    Raises:
        Refused: where a text does not parse.
    """
    found = (_opposite(change, old, current, fmt, path) for change in reversed(changes))
    return [change for change in found if change is not None]


def reads_alike(one: str, two: str, fmt: Format) -> bool:
    """Whether the verifying parser reads the same in both texts."""
    try:
        return one == two or _same_tree(_loaded(fmt, one), _loaded(fmt, two))
    except Fault:
        return False


def _leads_to(current: str, start: str, changes: Sequence[Change], fmt: Format) -> bool:
    """Whether the changes turn the text `start` into one that reads like `current`."""
    try:
        return reads_alike(edit(start, fmt, changes).new, current, fmt)
    except Refused:
        return False


def apply_splices(text: str, splices: Sequence[Splice]) -> str:
    """The text with the splices carried out; they are sorted and disjoint."""
    parts, at = [], 0
    for splice in splices:
        parts += [text[at : splice.start], splice.text]
        at = splice.end
    return "".join([*parts, text[at:]])


def _step(text: str, tree: Tree, fmt: Format, change: Change) -> tuple[tuple[Splice, ...], str, Tree]:
    root = fmt.parse(text)
    rewrites, change = _plan(root, change)
    if not rewrites:
        return (), text, tree
    splices = tuple(sorted(fmt.splices(text, root, rewrites), key=lambda splice: (splice.start, splice.end)))
    for one, two in itertools.pairwise(splices):
        if one.end > two.start:
            raise AssertionError(f"overlapping splices: {one}, {two}")
    new = apply_splices(text, splices)
    try:
        found = _loaded(fmt, new)
    except Fault as fault:
        raise Fault(_offset_of(splices), f"this place cannot be edited safely ({fault.what})") from None
    if not _same_tree(found, _expected(tree, change, fmt)):
        raise Fault(_offset_of(splices), "this place cannot be edited without changing something else")
    return splices, new, found


def _plan(root: Node, change: Change) -> tuple[list[Rewrite], Change]:
    """The rewrites, and what of the change is not true already: that is what the outcome is held against."""
    section = change.section
    node, depth, parent, index = _descend(root, section.path)
    if isinstance(change, Remove):
        return (_plan_removal(node, change) if node is not None and node.kind != "null" else []), change
    if node is None or node.kind == "null":
        new: Value = {change.name: dict(change.entry)} if section.keyed_by is None else [_item(change)]
        for key in reversed(section.path[depth:]):
            new = {key: new}
        if node is not None:  # an absent value under a key that is there
            return [Rewrite(parent, replace={index: new})], change
        assert isinstance(new, Mapping)
        top = change.top if depth == 0 and not root.members() else {}
        return [Rewrite(parent, insert=(*top.items(), *new.items()))], change
    _expect(node, section)
    found = _find(node, change.name, section)
    if found is None:
        pair = (change.name, dict(change.entry)) if section.keyed_by is None else (None, _item(change))
        return [Rewrite(node, insert=(pair,))], change
    where, old = found
    if section.keyed_by == NAMES:
        return [], change
    if old.kind != "map":
        return [Rewrite(node, replace={where: dict(change.entry)})], change
    drop = frozenset(keys for keys in change.drop if not _gives(change.entry, keys))
    pending = replace(change, entry=_pending(old, change.entry), drop=drop)
    return _plan_update(old, pending.entry, drop), pending


def _item(change: Put) -> Value:
    """A new item of a list."""
    keyed_by = change.section.keyed_by
    return change.name if not keyed_by else {keyed_by: change.name, **change.entry}


def _plan_removal(node: Node, change: Remove) -> list[Rewrite]:
    _expect(node, change.section)
    found = _find(node, change.name, change.section)
    return [Rewrite(node, delete=frozenset({found[0]}))] if found else []


def _gives(wanted: Value, path: KeyPath) -> bool:
    for key in path:
        if not isinstance(wanted, Mapping) or key not in wanted:
            return False
        wanted = wanted[key]
    return True


def _pending(node: Node, wanted: Mapping[str, Value]) -> dict[str, Value]:
    """What of `wanted` a map does not hold yet."""
    members = _unique(node)
    pending: dict[str, Value] = {}
    for key, value in wanted.items():
        old = members[key][1] if key in members else None
        if old is not None and old.kind == "map" and isinstance(value, Mapping):
            if inner := _pending(old, value):
                pending[key] = inner
        elif old is None or not _same(old.value(), value):
            pending[key] = value
    return pending


def _below(drop: Collection[KeyPath], key: str) -> frozenset[KeyPath]:
    return frozenset(path[1:] for path in drop if path[0] == key and len(path) > 1)


def _plan_update(node: Node, wanted: Mapping[str, Value], drop: Collection[KeyPath]) -> list[Rewrite]:
    """What brings one map to hold `wanted` and none of `drop`: itself first, then the maps in it."""
    replaced: dict[int, Value] = {}
    deleted: set[int] = set()
    inner: list[Rewrite] = []
    members = _unique(node)
    for key, (index, old) in members.items():
        value, below = wanted.get(key), _below(drop, key)
        if (key,) in drop:
            deleted.add(index)
        elif old.kind == "map" and (isinstance(value, Mapping) or (key not in wanted and below)):
            inner += _plan_update(old, value if isinstance(value, Mapping) else {}, below)
        elif key in wanted:
            replaced[index] = value
    insert = tuple((key, value) for key, value in wanted.items() if key not in members)
    if replaced or deleted or insert:
        return [Rewrite(node, replaced, frozenset(deleted), insert), *inner]
    return inner


def _same(one: Value, two: Value) -> bool:
    """Equality that tells True from 1 and 1 from 1.0, and takes a tuple for a list."""
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        return list(one) == list(two) and all(_same(one[key], two[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(two, (list, tuple)):
        return len(one) == len(two) and all(map(_same, one, two))
    return type(one) is type(two) and one == two


def _same_tree(one: Tree, two: Tree) -> bool:
    """Equality of trees of any depth: Python's own recurses, and counts how deep."""
    try:
        return one == two
    except RecursionError:
        todo = [(one, two)]
    while todo:
        one, two = todo.pop()
        if isinstance(one, (tuple, list)) and isinstance(two, (tuple, list)):
            if isinstance(one, tuple) is not isinstance(two, tuple) or len(one) != len(two):
                return False
            todo += zip(one, two, strict=True)
        elif one != two:
            return False
    return True


def _unique(node: Node) -> dict[str, tuple[int, Node]]:
    found: dict[str, tuple[int, Node]] = {}
    for index, member in enumerate(node.members()):
        if member.key in found:
            raise _twice(member)
        found[member.key] = (index, member.node)
    return found


def _twice(member: Member) -> Fault:
    return Fault(
        member.key_start,
        f"the key {member.key!r} is there twice, and hosts differ in which they read",
        "take one of the two out and run the command again",
    )


def _only(node: Node, key: str) -> tuple[int, Member] | None:
    found = [(index, member) for index, member in enumerate(node.members()) if member.key == key]
    if len(found) > 1:
        raise _twice(found[1][1])
    return found[0] if found else None


def _descend(root: Node, path: KeyPath) -> tuple[Node | None, int, Node, int]:
    """Follow `path`: the node there or None; how many keys were found; the last map; the index of the node in it.

    An absent value ends the way early: it is returned as the node, and the depth counts its key.
    """
    parent, index, node = root, -1, root
    for depth, key in enumerate(path):
        if node.kind == "null" and node is not root:
            return node, depth, parent, index
        if node.kind != "map":
            raise _wrong(node, ".".join(path[:depth]) or "the document", "a map")
        found = _only(node, key)
        if found is None:
            return None, depth, node, -1
        parent, index, node = node, found[0], found[1].node
    return node, len(path), parent, index


def _wrong(node: Node, name: str, wanted: str) -> Fault:
    kinds = {"map": "a map", "list": "a list", "scalar": "a single value", "null": "empty", "alias": "only an alias"}
    return Fault(
        node.start,
        f"{name} is {kinds[node.kind]}, and this host wants {wanted}",
        "mend it by hand, or move the file away, and run the command again",
    )


def _expect(node: Node, section: Section) -> None:
    wanted = "map" if section.keyed_by is None else "list"
    if node.kind != wanted:
        raise _wrong(node, ".".join(section.path), f"a {wanted} of servers")


def _name_of(item: Node, keyed_by: str) -> str | None:
    if keyed_by == NAMES:
        value = item.value() if item.kind == "scalar" else None
    else:
        found = _only(item, keyed_by) if item.kind == "map" else None
        value = found[1].node.value() if found else None
    return value if isinstance(value, str) else None


def _find(node: Node, name: str, section: Section) -> tuple[int, Node] | None:
    if section.keyed_by is None:
        found = _only(node, name)
        return (found[0], found[1].node) if found else None
    named = [(i, item) for i, item in enumerate(node.items()) if _name_of(item, section.keyed_by) == name]
    if len(named) > 1:
        raise Fault(
            named[1][1].start,
            f"the server {name!r} is there twice",
            "take one of the two out and run the command again",
        )
    return named[0] if named else None


def _expected(tree: Tree, change: Change, fmt: Format) -> Tree:
    """The tree that the change must lead to, built from the old one by the verifying parser's own values."""
    section = change.section
    top = list(change.top.items()) if isinstance(change, Put) and tree == Table() else []
    root = Table((key, fmt.tree(value)) for key, value in top) if top else tree
    return _expected_at(root, section.path, change, fmt)


def _expected_at(tree: Tree, path: KeyPath, change: Change, fmt: Format) -> Tree:
    if path:
        pairs = tree if isinstance(tree, Table) else Table()
        return _with(pairs, path[0], lambda old: _expected_at(old, path[1:], change, fmt), make=isinstance(change, Put))
    keyed_by = change.section.keyed_by
    if keyed_by is None:
        pairs = tree if isinstance(tree, Table) else Table()
        if isinstance(change, Remove):
            return Table(pair for pair in pairs if pair[0] != change.name)
        return _with(pairs, change.name, lambda old: _merged(old, change.entry, change.drop, fmt), make=True)
    items = list(tree) if isinstance(tree, list) else []
    wanted = fmt.tree(change.name)
    if keyed_by == NAMES:
        ours = [i for i, item in enumerate(items) if item == wanted]
    else:
        ours = [i for i, item in enumerate(items) if isinstance(item, Table) and (keyed_by, wanted) in item]
    if isinstance(change, Remove):
        return [item for i, item in enumerate(items) if i not in ours]
    if not ours:
        return [*items, fmt.tree(_item(change))]
    if keyed_by == NAMES:
        return items
    items[ours[0]] = _merged(items[ours[0]], change.entry, change.drop, fmt)
    return items


def _with(pairs: Table, key: str, give: Callable[[Tree], Tree], *, make: bool) -> Table:
    if any(pair[0] == key for pair in pairs):
        return Table((name, give(value) if name == key else value) for name, value in pairs)
    return Table((*pairs, (key, give(None)))) if make else pairs


def _merged(old: Tree, wanted: Mapping[str, Value], drop: Collection[KeyPath], fmt: Format) -> Tree:
    if not isinstance(old, Table):
        return fmt.tree(dict(wanted))
    pairs = []
    for key, value in old:
        want, below = wanted.get(key), _below(drop, key)
        if (key,) in drop:
            continue
        if isinstance(value, Table) and (isinstance(want, Mapping) or (key not in wanted and below)):
            value = _merged(value, want if isinstance(want, Mapping) else {}, below, fmt)
        elif key in wanted:
            value = fmt.tree(want)
        pairs.append((key, value))
    have = {key for key, _ in old}
    return Table([*pairs, *((key, fmt.tree(value)) for key, value in wanted.items() if key not in have)])


def _opposite(change: Change, old: str, current: str, fmt: Format, path: str) -> Change | None:
    """The change that takes `change` back, by the text before it and the one now; None where nothing of it is left."""
    before = read(old, fmt, change.section, path).get(change.name)
    now = read(current, fmt, change.section, path).get(change.name)
    if isinstance(change, Remove):
        return Put(change.section, change.name, before) if isinstance(before, Mapping) and now is None else None
    if not isinstance(before, Mapping):
        return Remove(change.section, change.name)
    if not isinstance(now, Mapping):
        return None
    drop = frozenset(keys for keys in change.drop if not _gives(change.entry, keys))
    back, added = _replaced(before, change.entry, now, drop), frozenset(_added(before, change.entry))
    return Put(change.section, change.name, back, added) if back or added else None


def _replaced(
    before: Mapping[str, Value], wanted: Mapping[str, Value], now: Mapping[str, Value], drop: Collection[KeyPath]
) -> dict[str, Value]:
    """What of the values before was dropped or given another value, and is so still."""
    back: dict[str, Value] = {}
    for key, old in before.items():
        want, is_now, below = wanted.get(key), now.get(key), _below(drop, key)
        if (key,) in drop:
            if key not in now:
                back[key] = old
        elif isinstance(old, Mapping) and (isinstance(want, Mapping) or (key not in wanted and below)):
            wants, nows = (value if isinstance(value, Mapping) else {} for value in (want, is_now))
            if inner := _replaced(old, wants, nows, below):
                back[key] = inner
        elif key in wanted and not _same(old, want) and key in now and _same(is_now, want):
            back[key] = old
    return back


def _added(before: Mapping[str, Value], entry: Mapping[str, Value]) -> list[KeyPath]:
    paths: list[KeyPath] = []
    for key, value in entry.items():
        old = before.get(key)
        if key not in before:
            paths.append((key,))
        elif isinstance(value, Mapping) and isinstance(old, Mapping):
            paths += [(key, *rest) for rest in _added(old, value)]
    return paths


def _unsplice(edited: Edit, current: str) -> Splice | None:
    """What undoes our splices in the current text, where everything from the first to the last stands untouched."""
    new, old = edited.new, edited.old
    first = _shared_head(new, old)
    rest = min(_shared_tail(new, old), min(len(new), len(old)) - first)
    # new[first:last] holds all that we changed, `before` is what was there.
    last, before = len(new) - rest, old[first : len(old) - rest]
    if last <= _shared_head(new, current):
        return Splice(first, last, before)
    if first >= len(new) - _shared_tail(new, current):
        shift = len(current) - len(new)
        return Splice(first + shift, last + shift, before)
    for margin in _MARGINS:
        begin = max(first - margin, 0)
        found = new[begin : last + margin]
        at = current.find(found)
        if at >= 0 and current.find(found, at + 1) < 0:
            return Splice(at + first - begin, at + last - begin, before)
    return None


def _shared_head(one: str, two: str) -> int:
    """How many characters two texts have in common at their beginning, found by halving."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == two[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _shared_tail(one: str, two: str) -> int:
    return _shared_head(one[::-1], two[::-1])


def _origin(offset: int, steps: Sequence[Sequence[Splice]]) -> int:
    """Where a place in the text that the steps led to was in the text that they began with."""
    for splices in reversed(steps):
        grown = 0
        for splice in splices:
            if offset - grown < splice.start:
                break
            if offset - grown < splice.start + len(splice.text):
                offset = splice.start + grown
                break
            grown += len(splice.text) - (splice.end - splice.start)
        offset -= grown
    return offset


def _offset_of(splices: Sequence[Splice]) -> int:
    return splices[0].start if splices else 0


def _refuse_conflict(text: str) -> None:
    if "<<<<<<<" not in text:
        return
    found = [_MARKERS[0].search(text)]
    for marker in _MARKERS[1:]:
        found.append(marker.search(text, found[-1].end()) if found[-1] else None)
    if found[0] and all(found):
        raise Fault(
            found[0].start(),
            "an unresolved merge conflict starts here",
            "settle the conflict and run the command again",
        )


def _refused(fault: Fault, text: str, path: str) -> Refused:
    return Refused(fault.what, place=Place(path, *position(text, fault.offset)), mend=fault.mend)
