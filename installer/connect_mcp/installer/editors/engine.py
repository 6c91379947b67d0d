"""The one engine behind every config edit: plan on one parse, splice, read back with another parser, compare.

Pure: texts in, texts out. The promise it keeps: the new document equals the old one plus exactly the change, read by a
parser that is not ours, and every byte outside the splices is the one that was there. Otherwise it raises and nothing
is written.
"""

import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from connect_mcp.base.errors import Place, Refused

from .model import (
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

_QUIRK_TEXT = {
    "comment": "a comment, which this host does not accept here",
    "trailing-comma": "a trailing comma, which this host does not accept here",
    "bom": "a byte order mark, which this host does not accept here",
    "duplicate-key": "a key given twice, which this host does not accept here",
}

_CONFLICT = re.compile(r"^(<{7}(?: [^\n]*)?\r?)$(?=[\s\S]*?^={7}\r?$[\s\S]*?^>{7}(?: [^\n]*)?\r?$)", re.MULTILINE)


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


def read(text: str, fmt: Format, section: Section, path: str = "config") -> dict[str, Value]:
    """The entries of a section by name, as plain values; none where there is no such section.

    Raises:
        Refused: where the file does not parse or the section has the wrong type.
    """
    try:
        fmt.load(text)
        node = _descend(fmt.parse(text), section.path)[0]
        if node is None or node.kind == "null":
            return {}
        _expect(node, section)
        if section.keyed_by is None:
            return {member.key: member.node.value() for member in node.members()}
        return {name: item.value() for item in node.items() if (name := _name_of(item, section.keyed_by)) is not None}
    except Fault as fault:
        raise _refused(fault, text, path) from None


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
                raise Fault(quirk.offset, _QUIRK_TEXT[quirk.kind], "take it out, or repeat the command with --force")
        steps = []
        current, tree = text, fmt.load(text)
        for change in changes:
            splices, current, tree = _step(current, tree, fmt, change)
            steps.append(splices)
        return Edit(text, current, tuple(steps))
    except Fault as fault:
        raise _refused(fault, text, path) from None


def reverse(edited: Edit, changes: Sequence[Change], current: str, fmt: Format, path: str = "config") -> Edit:
    """Take an edit back out of a text that has changed since, and nothing else.

    Where what changed lies apart from our splices, they are undone exactly; otherwise the same is reached through the
    editor: an entry that we made goes, one that we changed gets its own values back.

    Args:
        edited: what was done then.
        changes: the changes it was made of.
        current: the text as it is now.
        fmt: its format.
        path: the file's name, for messages.

    Raises:
        Refused: as `edit` does.
    """
    backwards = [_opposite(change, edited.old, fmt) for change in reversed(changes)]
    careful = edit(current, fmt, backwards, path=path)
    exact = _unsplice(edited, current)
    if exact is None or exact == careful.new:
        return careful
    try:
        same = fmt.load(exact) == fmt.load(careful.new) or exact == edited.old
    except Fault:
        same = False
    return Edit(current, exact, ((Splice(0, len(current), exact),),)) if same else careful


def apply_splices(text: str, splices: Sequence[Splice]) -> str:
    """The text with the splices carried out; they are sorted and disjoint."""
    parts, at = [], 0
    for splice in splices:
        parts += [text[at : splice.start], splice.text]
        at = splice.end
    return "".join([*parts, text[at:]])


def _step(text: str, tree: Tree, fmt: Format, change: Change) -> tuple[tuple[Splice, ...], str, Tree]:
    root = fmt.parse(text)
    rewrites = _plan(root, change)
    if not rewrites:
        return (), text, tree
    splices = tuple(sorted(fmt.splices(text, root, rewrites), key=lambda splice: (splice.start, splice.end)))
    for one, two in itertools.pairwise(splices):
        if one.end > two.start:
            raise AssertionError(f"overlapping splices: {one}, {two}")
    new = apply_splices(text, splices)
    try:
        found = fmt.load(new)
    except Fault as fault:
        raise Fault(_offset_of(splices), f"this place cannot be edited safely ({fault.what})") from None
    if found != _expected(tree, change, fmt):
        raise Fault(_offset_of(splices), "this place cannot be edited without changing something else")
    return splices, new, found


def _plan(root: Node, change: Change) -> list[Rewrite]:
    section = change.section
    node, depth, parent, index = _descend(root, section.path)
    if isinstance(change, Remove):
        return _plan_removal(node, change) if node is not None and node.kind != "null" else []
    keyed_by, entry_value = section.keyed_by, dict(change.entry)
    new: Value = {change.name: entry_value} if keyed_by is None else [{keyed_by: change.name, **entry_value}]
    if node is None or node.kind == "null":
        for key in reversed(section.path[depth:]):
            new = {key: new}
        if node is not None:  # an absent value under a key that is there
            return [Rewrite(parent, replace={index: new})]
        assert isinstance(new, Mapping)
        top = change.top if depth == 0 and not root.members() else {}
        return [Rewrite(parent, insert=(*top.items(), *new.items()))]
    _expect(node, section)
    found = _find(node, change.name, section)
    if found is None:
        pair = (change.name, dict(change.entry)) if section.keyed_by is None else (None, new[0])  # type: ignore[index]
        return [Rewrite(node, insert=(pair,))]
    where, entry = found
    if entry.kind != "map":
        return [Rewrite(node, replace={where: dict(change.entry)})]
    return list(_plan_update(entry, change.entry, change.drop))


def _plan_removal(node: Node, change: Remove) -> list[Rewrite]:
    _expect(node, change.section)
    found = _find(node, change.name, change.section)
    return [Rewrite(node, delete=frozenset({found[0]}))] if found else []


def _plan_update(node: Node, wanted: Mapping[str, Value], drop: Collection[KeyPath]) -> list[Rewrite]:
    """What brings one map to hold `wanted`: itself first, then the maps in it."""
    replace: dict[int, Value] = {}
    inner: list[Rewrite] = []
    members = _unique(node)
    for key, value in wanted.items():
        if key not in members:
            continue
        index, old = members[key]
        below = frozenset(path[1:] for path in drop if path[0] == key and len(path) > 1)
        if old.kind == "map" and isinstance(value, Mapping):
            inner += _plan_update(old, value, below)
        elif not _same(old.value(), value):
            replace[index] = value
    for key in {path[0] for path in drop if len(path) > 1} - wanted.keys():
        if key in members and members[key][1].kind == "map":
            below = frozenset(path[1:] for path in drop if path[0] == key)
            inner += _plan_update(members[key][1], {}, below)
    delete = frozenset(members[path[0]][0] for path in drop if len(path) == 1 and path[0] in members)
    insert = tuple((key, value) for key, value in wanted.items() if key not in members)
    if replace or delete or insert:
        return [Rewrite(node, replace, delete, insert), *inner]
    return inner


def _same(one: Value, two: Value) -> bool:
    """Equality that tells True from 1 and 1 from 1.0, and takes a tuple for a list."""
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        return list(one) == list(two) and all(_same(one[key], two[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(two, (list, tuple)):
        return len(one) == len(two) and all(map(_same, one, two))
    return type(one) is type(two) and one == two


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
    kinds = {"map": "a map", "list": "a list", "scalar": "a single value", "null": "empty"}
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
    if item.kind != "map":
        return None
    found = _only(item, keyed_by)
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
    ours = [i for i, item in enumerate(items) if isinstance(item, Table) and (keyed_by, wanted) in item]
    if isinstance(change, Remove):
        return [item for i, item in enumerate(items) if i not in ours]
    if not ours:
        return [*items, fmt.tree({keyed_by: change.name, **change.entry})]
    items[ours[0]] = _merged(items[ours[0]], change.entry, change.drop, fmt)
    return items


class _Missing:
    """Stands for a key that is not there."""


def _with(pairs: Table, key: str, give: Callable[[Tree], Tree], *, make: bool) -> Table:
    if any(pair[0] == key for pair in pairs):
        return Table((name, give(value) if name == key else value) for name, value in pairs)
    return Table((*pairs, (key, give(_Missing)))) if make else pairs


def _merged(old: Tree, wanted: Mapping[str, Value], drop: Collection[KeyPath], fmt: Format) -> Tree:
    if not isinstance(old, Table):
        return fmt.tree(dict(wanted))
    gone = {path[0] for path in drop if len(path) == 1}
    pairs = []
    for key, value in old:
        below = frozenset(path[1:] for path in drop if path[0] == key and len(path) > 1)
        if key in gone:
            continue
        want = wanted.get(key, _Missing)
        if isinstance(value, Table) and (isinstance(want, Mapping) or below):
            value = _merged(value, want if isinstance(want, Mapping) else {}, below, fmt)
        elif want is not _Missing and fmt.tree(want) != value:  # type: ignore[arg-type]
            value = fmt.tree(want)  # type: ignore[arg-type]
        pairs.append((key, value))
    have = {key for key, _ in old}
    return Table([*pairs, *((key, fmt.tree(value)) for key, value in wanted.items() if key not in have)])


def _opposite(change: Change, old: str, fmt: Format) -> Change:
    """The change that takes `change` back, given the text before it."""
    before = read(old, fmt, change.section).get(change.name) if old.strip() else None
    if before is None:
        return Remove(change.section, change.name)
    if isinstance(change, Remove) or not isinstance(before, Mapping):
        return Put(change.section, change.name, before if isinstance(before, Mapping) else {})
    added = frozenset(_added(before, change.entry))
    touched = set(change.entry) | {path[0] for path in change.drop}
    return Put(change.section, change.name, {k: v for k, v in before.items() if k in touched}, added)


def _added(before: Mapping[str, Value], entry: Mapping[str, Value]) -> list[KeyPath]:
    paths: list[KeyPath] = []
    for key, value in entry.items():
        old = before.get(key)
        if key not in before:
            paths.append((key,))
        elif isinstance(value, Mapping) and isinstance(old, Mapping):
            paths += [(key, *rest) for rest in _added(old, value)]
    return paths


def _unsplice(edited: Edit, current: str) -> str | None:
    """The current text with our splices undone where they stand untouched, or None."""
    new, old = edited.new, edited.old
    if current == new:
        return old
    shortest = min(len(new), len(current))
    head = next((i for i in range(shortest) if new[i] != current[i]), shortest)
    tail = next((i for i in range(shortest - head) if new[-1 - i] != current[-1 - i]), shortest - head)
    start = next((i for i in range(min(len(new), len(old))) if new[i] != old[i]), min(len(new), len(old)))
    rest = min(len(new), len(old)) - start
    end = next((i for i in range(rest) if new[-1 - i] != old[-1 - i]), rest)
    # new[first:last] is all that we changed, old[first : len(old) - end] is what was there.
    first, last = start, len(new) - end
    if last <= head:
        return current[:first] + old[first : len(old) - end] + current[last:]
    if first >= len(new) - tail:
        shift = len(current) - len(new)
        return current[: first + shift] + old[first : len(old) - end] + current[last + shift :]
    return None


def _offset_of(splices: Sequence[Splice]) -> int:
    return splices[0].start if splices else 0


def _refuse_conflict(text: str) -> None:
    found = _CONFLICT.search(text)
    if found:
        raise Fault(
            found.start(),
            "an unresolved merge conflict starts here",
            "settle the conflict and run the command again",
        )


def _refused(fault: Fault, text: str, path: str) -> Refused:
    return Refused(fault.what, place=Place(path, *position(text, fault.offset)), mend=fault.mend)
