"""What to write into a JSON text: values in the style of their neighbours, commas where they are due."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from connect_mcp.base.record import record, replace

from .json_scan import BLANK, COMMENT, JsonNode, Slot
from .model import Fault, Rewrite, Splice, Value

_LINE_END = re.compile(r"\r\n|\n|\r")
_SURROGATE = re.compile(r"[\ud800-\udfff]")

_NEIGHBOURS = 16
_LARGE = 65536
"""Only so many neighbours, none larger than this, are looked at for their style."""


@record
class _Style:
    """How the neighbours are written.

    Attributes:
        newline: the line end.
        unit: one step of indentation.
        colon: what stands between a key and its value.
        comma: what stands between two entries on one line.
        map_pad: what stands inside the braces of a map on one line.
        list_pad: the same for a list.
        flat_map: whether a map that is put here stands on one line.
        flat_inner: whether the maps inside it do.
        flat_list: whether lists do.
    """

    newline: str = "\n"
    unit: str = "  "
    colon: str = ": "
    comma: str = ", "
    map_pad: str = ""
    list_pad: str = ""
    flat_map: bool = False
    flat_inner: bool = False
    flat_list: bool = False


def rewritten(rewrite: Rewrite) -> list[Splice]:
    """The splices that carry out a rewrite, in file order, disjoint.

    Raises:
        Fault: for a value that JSON cannot hold.
    """
    node = rewrite.container
    assert isinstance(node, JsonNode)
    try:
        return sorted(_Rewriting(node, rewrite).splices(), key=lambda splice: (splice.start, splice.end))
    except ValueError:
        raise Fault(node.start, "a number that is not finite has no place in JSON") from None


class _Rewriting:
    """One container's rewrite: its text, its slots and who of them stays."""

    def __init__(self, node: JsonNode, rewrite: Rewrite) -> None:
        self.node = node
        self.text = node.text
        self.rewrite = rewrite
        self.slots = node.slots()
        self.staying = [index for index in range(len(self.slots)) if index not in rewrite.delete]
        self.trailing = bool(self.slots) and self.slots[-1].comma >= 0

    @cached_property
    def style(self) -> _Style:
        return _style(self.node)

    def splices(self) -> Iterator[Splice]:
        for index, value in self.rewrite.replace.items():
            yield self._replaced(index, value)
        if not self.rewrite.insert:
            yield from self._deleted(frozenset())
        elif not self.slots:
            yield self._filled()
        elif self.staying:
            yield from self._deleted(frozenset())
            yield from self._appended(self.slots[self.staying[-1]])
        else:  # the new ones take the place of the last one
            last = len(self.slots) - 1
            yield from self._deleted(frozenset({last}))
            yield self._instead(self.slots[last])

    def _replaced(self, index: int, value: Value) -> Splice:
        slot, old = self.slots[index], self.node.nodes()[index]
        style = self.style
        if isinstance(value, (Mapping, list, tuple)) and old.slots():
            flat = _is_flat(old)
            style = replace(style, flat_map=flat, flat_list=flat)
            if flat and old.kind == "list":
                style = replace(style, list_pad=_pad(old))
        flat = _is_flat(self.node)
        return Splice(slot.value, slot.end, _render(value, style, _indentation(self.text, slot.start), flat))

    def _entries(self, style: _Style, indent: str, flat: bool) -> list[str]:
        return [
            ("" if key is None else _scalar(key) + style.colon) + _render(value, style, indent, flat)
            for key, value in self.rewrite.insert
        ]

    def _appended(self, last: Slot) -> Iterator[Splice]:
        """Insert after the last slot that stays, its comma and the comments on its line."""
        text, style = self.text, self.style
        after = last.end if last.comma < 0 else last.comma + 1
        at, line_end, commented = _after_own_comments(text, after)
        begins_line = _begins_line(text, last.start)
        base = _indentation(text, last.start)
        if begins_line or commented:
            at = line_end or at
            shared = not begins_line and _on_one_line(text, self.node.start, last.start)
            indent = base + style.unit if shared else base
            newline = _newline_at(text, at) or _newline_before(text, last.start) or style.newline
            style = replace(style, newline=newline)
            new = "".join(newline + indent + entry + "," for entry in self._entries(style, indent, flat=False))
        else:
            flat = _on_one_line(text, last.start, last.end)
            new = "".join(style.comma[1:] + entry + "," for entry in self._entries(style, base, flat))
        if not self.trailing:
            new = new[:-1]
        if last.comma >= 0:
            yield Splice(at, at, new)
        elif at == after:
            yield Splice(at, at, "," + new)
        else:
            yield Splice(after, after, ",")
            yield Splice(at, at, new)

    def _instead(self, slot: Slot) -> Splice:
        text, style = self.text, self.style
        if _begins_line(text, slot.start):
            indent = _indentation(text, slot.start)
            joint = "," + style.newline + indent
            return Splice(slot.start, slot.end, joint.join(self._entries(style, indent, flat=False)))
        return Splice(slot.start, slot.end, style.comma.join(self._entries(style, "", flat=True)))

    def _filled(self) -> Splice:
        """Insert into a container without entries, after the comments in it."""
        node, text, style = self.node, self.text, self.style
        if node.is_void:
            return self._document()
        close = node.end - 1
        at = _end_of_comments(text, node.start + 1, close)
        tail = text[at:close]
        base = _indentation(text, node.start)
        if self._fills_flat():
            pad = tail if at == node.start + 1 else " "
            joined = style.comma.join(self._entries(style, "", flat=True))
            return Splice(at, close, pad + joined + tail)
        indent = base + style.unit
        last_line = text.rfind("\n", node.start, at) + 1
        if at > node.start + 1 and last_line and len(own := _indentation(text, last_line)) > len(base):
            indent = own
        newline = style.newline
        joined = "".join(newline + indent + entry + "," for entry in self._entries(style, indent, flat=False))
        lines = list(_LINE_END.finditer(tail))
        return Splice(at, close, joined[:-1] + newline + (tail[lines[-1].end() :] if lines else base))

    def _fills_flat(self) -> bool:
        """Whether what goes into an empty container stays on its line: in a one-line file, or where its siblings do."""
        node, parent = self.node, self.node.parent
        if parent is None or not _is_flat(node):
            return False
        root = parent
        while root.parent is not None:
            root = root.parent
        siblings = [other for other in _few(parent.nodes()) if other.kind == node.kind and other.slots()]
        depth = 1 + max(_depth(value) for _, value in self.rewrite.insert)
        return _is_flat(root) or bool(siblings and _is_flat(siblings[0]) and depth <= 2)

    def _document(self) -> Splice:
        """The first object of a text that holds nothing but blanks and comments."""
        text, style = self.text, self.style
        start = int(text.startswith("\ufeff"))
        at = _end_of_comments(text, start, len(text))
        entries = self._entries(style, style.unit, flat=False)
        lines = f",{style.newline}".join(style.unit + entry for entry in entries)
        new = style.newline.join(["{", lines, "}"])
        if at == start:
            return Splice(at, len(text), new + style.newline)
        return Splice(at, at, style.newline + new)

    def _deleted(self, kept: frozenset[int]) -> Iterator[Splice]:
        """Take out what goes, but for those whose place is taken, with the commas that are not due any more."""
        going = self.rewrite.delete - kept
        if going and len(going) == len(self.slots) and not self.rewrite.insert and self._only_blanks_stay():
            yield Splice(self.node.start + 1, self.node.end - 1, "")
            return
        cuts: list[tuple[int, int]] = []
        last = self.staying[-1] if self.staying else -1
        if last < len(self.slots) - 1 and last >= 0 and not self.rewrite.insert and not self.trailing:
            cuts.append((self.slots[last].comma, self.slots[last].comma + 1))
        for index in sorted(going):
            slot = self.slots[index]
            cuts.append((slot.start, slot.end))
            if slot.comma >= 0:
                cuts.append((slot.comma, slot.comma + 1))
        for start, end in _joined(self.text, sorted(cuts)):
            yield self._cut(start, end, at_end=not kept and (last < 0 or start > self.slots[last].start))

    def _only_blanks_stay(self) -> bool:
        edges = [self.node.start + 1]
        for slot in self.slots:
            edges += [slot.start, slot.end, *((slot.comma, slot.comma + 1) if slot.comma >= 0 else ())]
        edges.append(self.node.end - 1)
        return not any(self.text[a:b].strip(BLANK) for a, b in zip(edges[::2], edges[1::2], strict=True))

    def _cut(self, start: int, end: int, at_end: bool) -> Splice:
        """Widen a cut over the blanks around it: a line that it leaves empty goes whole."""
        text = self.text
        left, right = start, end
        while left > 0 and text[left - 1] in " \t":
            left -= 1
        while right < len(text) and text[right] in " \t":
            right += 1
        line_end = _newline_at(text, right)
        if line_end:
            return Splice(left, right + len(line_end) if text[left - 1] in "\r\n" else right, "")
        if at_end and text[left - 1] not in "\r\n":
            return Splice(left, end, "")
        return Splice(start, right, "")


def _joined(text: str, cuts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The cuts, those with nothing but blanks between them made one."""
    joined: list[tuple[int, int]] = []
    for start, end in cuts:
        if joined and not text[joined[-1][1] : start].strip(BLANK):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _after_own_comments(text: str, at: int) -> tuple[int, int, bool]:
    """Where the comments end that begin on this line; where the line does, or 0; whether a `//` comment ends it."""
    end, in_line = at, False
    while True:
        blank = at
        while text[blank : blank + 1] in (" ", "\t"):
            blank += 1
        if _newline_at(text, blank):
            return end, blank, in_line
        comment = COMMENT.match(text, blank)
        if comment is None:
            return end, 0, in_line
        at = end = comment.end()
        in_line = comment[0].startswith("//")


def _end_of_comments(text: str, start: int, stop: int) -> int:
    """Where the last comment between the two offsets ends; `start` where there is none."""
    end = at = start
    while at < stop:
        if text[at] in BLANK:
            at += 1
        else:
            comment = COMMENT.match(text, at)
            assert comment is not None
            end = at = comment.end()
    return end


def _begins_line(text: str, at: int) -> bool:
    while at > 0 and text[at - 1] in " \t":
        at -= 1
    return at > 0 and text[at - 1] in "\r\n"


def _indentation(text: str, at: int) -> str:
    """The blanks that the line of `at` begins with."""
    begin = at = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    while text[at : at + 1] in (" ", "\t"):
        at += 1
    return text[begin:at]


def _newline_at(text: str, at: int) -> str:
    match = _LINE_END.match(text, at)
    return match[0] if match else ""


def _newline_before(text: str, at: int) -> str:
    end = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at))
    if end < 0:
        return ""
    return "\r\n" if text[end] == "\n" and text[end - 1 : end] == "\r" else text[end]


def _newline_after(text: str, at: int) -> str:
    ends = [end for end in (text.find("\n", at), text.find("\r", at)) if end >= 0]
    return _newline_at(text, min(ends)) if ends else ""


def _on_one_line(text: str, start: int, end: int) -> bool:
    return text.find("\n", start, end) < 0 and text.find("\r", start, end) < 0


def _is_flat(node: JsonNode) -> bool:
    return _on_one_line(node.text, node.start, node.end)


def _few(nodes: Sequence[JsonNode]) -> list[JsonNode]:
    """The last of the nodes, nearest first, but for those too large to look into."""
    return [node for node in nodes[: -_NEIGHBOURS - 1 : -1] if node.end - node.start < _LARGE]


def _filled_ones(nodes: Iterable[JsonNode], kind: str) -> list[JsonNode]:
    return [node for node in nodes if node.kind == kind and node.slots()]


def _pad(node: JsonNode) -> str:
    """The blanks after the opening bracket of a container on one line."""
    gap = node.text[node.start + 1 : node.slots()[0].start]
    return gap if not gap.strip(" \t") else ""


def _style(node: JsonNode) -> _Style:
    """The style for what is put into `node`, from its children, theirs, and those of its siblings."""
    text = node.text
    near = _few(node.nodes())
    below = [inner for child in near for inner in _few(child.nodes())]
    siblings = [other for other in _few(node.parent.nodes()) if other is not node] if node.parent else []
    beside = [inner for sibling in siblings for inner in _few(sibling.nodes())]
    ancestors = list(_ancestors(node))

    maps = _filled_ones([*near, *beside], "map")
    inner_maps = _filled_ones(below, "map")
    lists = _filled_ones([*near, *below, *beside, *siblings], "list")
    all_maps = [*_filled_ones([node, *near], "map"), *_filled_ones([*siblings, *ancestors], "map"), *inner_maps]
    flat_maps = [one for one in all_maps if _is_flat(one)]
    colon = next((found for one in all_maps if (found := _colon(one)) is not None), ": ")
    commas = (found for one in [node, *all_maps, *lists] if (found := _comma(one)) is not None)
    newline = _newline_after(text, node.start) or _newline_before(text, node.start) or "\n"
    return _Style(
        newline=newline,
        unit=next((found for one in [*near, node, *ancestors, *siblings] if (found := _unit(one))), "  "),
        colon=colon,
        comma=next(commas, ", " if colon[-1:] == " " else ","),
        map_pad=_pad(flat_maps[0]) if flat_maps else "",
        list_pad=next((_pad(one) for one in lists if _is_flat(one)), ""),
        flat_map=bool(maps) and _is_flat(maps[0]),
        flat_inner=bool(inner_maps) and _is_flat(inner_maps[0]),
        flat_list=bool(lists) and _is_flat(lists[0]),
    )


def _ancestors(node: JsonNode) -> Iterator[JsonNode]:
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def _colon(node: JsonNode) -> str | None:
    """What stands between the last key of a map and its value, where that is not a line end or a comment."""
    slot = node.slots()[-1]
    found = node.text[slot.key_end : slot.value]
    return found if not found.strip(" \t:") else None


def _comma(node: JsonNode) -> str | None:
    """What stands between two entries that are on one line."""
    for one, two in itertools.pairwise(node.slots()[:_NEIGHBOURS]):
        found = node.text[one.end : two.start]
        if found in (",", ", "):
            return found
    return None


def _unit(node: JsonNode) -> str:
    """How much deeper the first entry of a container stands than its own line, where it begins a line."""
    slots = node.slots()
    if not slots or not _begins_line(node.text, slots[0].start):
        return ""
    outer, inner = _indentation(node.text, node.start), _indentation(node.text, slots[0].start)
    return inner[len(outer) :] if inner.startswith(outer) else ""


def _depth(value: Value) -> int:
    """How deep containers are nested in a value: 0 for a scalar."""
    if isinstance(value, Mapping):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, (list, tuple)):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _scalar(value: Value) -> str:
    """A scalar as JSON; what is not ASCII stays, but for lone surrogates, which UTF-8 cannot hold."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _render(value: Value, style: _Style, indent: str, flat: bool) -> str:
    if isinstance(value, Mapping):
        flat = flat or (style.flat_map and _depth(value) <= 2)
        style = replace(style, flat_map=style.flat_inner)
        inner = indent + style.unit
        parts = [_scalar(key) + style.colon + _render(item, style, inner, flat) for key, item in value.items()]
        return _bracketed("{}", parts, style, indent, style.map_pad, flat)
    if isinstance(value, (list, tuple)):
        flat = flat or style.flat_list
        inner = indent + style.unit
        return _bracketed(
            "[]", [_render(item, style, inner, flat) for item in value], style, indent, style.list_pad, flat
        )
    return _scalar(value)


def _bracketed(pair: str, parts: Sequence[str], style: _Style, indent: str, pad: str, flat: bool) -> str:
    if not parts:
        return pair
    if flat:
        return pair[0] + pad + style.comma.join(parts) + pad + pair[1]
    lines = f",{style.newline}".join(indent + style.unit + part for part in parts)
    return style.newline.join([pair[0], lines, indent + pair[1]])
