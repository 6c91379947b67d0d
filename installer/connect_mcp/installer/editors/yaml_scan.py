"""Our own scanner of YAML: every value's place in the text, found in one pass without recursion.

Strict about structure, lax about contents: what is no YAML is the business of the verifying parser, which always runs.
Lines of quoted, flow and block scalars are recognised wherever they stand.
"""

import re

from .model import Fault
from .yaml_lines import line_end, next_line
from .yaml_nodes import Child, Found, Kind, absent, is_null

BOM = "\ufeff"

_W = " \\t\\r\\n"  # white space, for use in a character class
_F = ",\\[\\]{}"  # what ends an unquoted scalar in a flow collection
_BLANK_LINE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|\Z)")
_SPACES = re.compile(r" *")
_BLANKS = re.compile(r"[ \t]*")
_REST = re.compile(r"(?:[ \t]+#[^\r\n]*|[ \t]*)(?=[\r\n]|\Z)")
_TRIVIA = re.compile(rf"(?:[{_W}]+|(?<![^{_W}])#[^\r\n]*)*")
_MARKER = re.compile(rf"(---|\.\.\.)(?=[{_W}]|\Z)")
_PROPERTY = re.compile(rf"(?:&(?P<anchor>[^{_W}{_F}]+)|(?P<tag>!<[^>\r\n]*>|![^{_W}{_F}]*))(?=[{_W}{_F}]|\Z)[ \t]*")
_ALIAS = re.compile(rf"\*[^{_W}{_F}]+?(?=:?(?:[{_W}{_F}]|\Z))")
_COLON = re.compile(rf"[ \t]*:(?=[{_W}]|\Z)")
_DOUBLE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SINGLE = re.compile(r"'[^']*(?:''[^']*)*'")
_PLAIN = re.compile(rf"(?:[^{_W}:#]+|:(?![{_W}]|\Z)|(?<![{_W}])#|[ \t]+(?![{_W}#]|:(?:[{_W}]|\Z)|\Z))+")
_FLOW_PLAIN = re.compile(
    rf"(?:[^{_W}{_F}:#]+|:(?![{_W}{_F}]|\Z)|(?<![{_W}])#|[{_W}]+(?![{_W}{_F}#]|:(?:[{_W}{_F}]|\Z)|\Z))+"
)

_BLOCK_HEADER = re.compile(r"[|>](?:[+-]?([1-9])?|[1-9][+-])(?=[ \t\r\n]|\Z)")
_INDICATOR = re.compile(rf"[-?:](?=[{_W}]|\Z)")


def scan(text: str) -> Found:
    """The root of the only document in `text`; an absent one is an empty map.

    Raises:
        Fault: for a structure that cannot be made out, and for a second document.
    """
    return _Scanner(text).document()


class _Scanner:
    """One pass over the lines of a document.

    `_open` are the block collections that the current line may continue; `_slot` is the absent value that a node
    starting here would be.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._first = int(text.startswith(BOM))
        self._root = absent(text, self._first, None)
        self._slot: Found | None = self._root
        self._open: list[Found] = []
        self._explicit: list[Child] = []

    def document(self) -> Found:
        text, at, started, ended = self._text, self._first, False, False
        while at < len(text):
            blank = _BLANK_LINE.match(text, at)
            if blank:
                at = blank.end()
                continue
            marker = _MARKER.match(text, at)
            if marker and marker[1] == "...":
                ended, at = True, next_line(text, at)
            elif ended or (marker and started):
                raise Fault(at, "a second YAML document starts here, and hosts read only one", "take one of them out")
            elif marker:
                started, at = True, self._after_marker(marker.end(), at)
            elif text[at] == "%" and not started:
                at = next_line(text, at)
            else:
                started, at = True, self._line(at)
        return self._finish()

    def _after_marker(self, at: int, line: int) -> int:
        self._root.start = self._root.head = self._root.body = self._root.until = at
        if _REST.match(self._text, at):
            return next_line(self._text, at)
        return self._value(_past(_BLANKS, self._text, at), line, key_allowed=True)

    def _finish(self) -> Found:
        for child in self._explicit:
            if child.key is None:  # `? key` without a value
                child.key, child.node = child.node, absent(self._text, child.node.end, child.node.parent)
        if self._root.style == "" and not self._root.tag:
            self._root.kind = "map"
        return self._root

    def _line(self, line: int) -> int:
        """Take the line at `line` and all that its last value spans; where the next line starts is returned."""
        at = _past(_SPACES, self._text, line)
        if self._text[at] == "\t":
            raise Fault(at, "a tab stands where only spaces may", "replace the tab by spaces")
        column, dash = at - line, self._indicator(at) == "-"
        while self._open:
            top = self._open[-1]
            if top.column < column or (top.column == column and (top.kind == "map" or dash)):
                break
            self._open.pop()
            self._slot = None
        if self._open and self._open[-1].column == column and self._open[-1].kind == "map" and not dash:
            self._slot = None
        return self._node(at, line)

    def _node(self, at: int, line: int) -> int:
        """A value at `at` that may be a block collection, several of them deep on one line (`- - key: value`)."""
        while True:
            indicator = self._indicator(at)
            if indicator == "":
                return self._keyed(at, line)
            self._start(at, line, indicator)
            if _REST.match(self._text, at + 1):
                return next_line(self._text, at)
            at = _past(_BLANKS, self._text, at + 1)

    def _start(self, at: int, line: int, indicator: str) -> None:
        """A dash, `?` or `:` at `at`: the item, key or value after it is the slot now."""
        into = self._into("list" if indicator == "-" else "map", at, line)
        child = into.children[-1] if into.children else None
        if indicator == ":" and child is not None and child.explicit and child.key is None:
            child.key, child.after = child.node, at + 1
            child.node = self._slot = absent(self._text, at + 1, into)
            return
        slot = self._slot = absent(self._text, at + 1, into)
        key = absent(self._text, at, into) if indicator == ":" else None
        into.children.append(Child(at, key, at + 1, slot, explicit=indicator == "?"))
        if indicator == "?":
            self._explicit.append(into.children[-1])

    def _keyed(self, at: int, line: int) -> int:
        """`key: value`, or a value alone."""
        key = self._key(at)
        if key is None:
            return self._value(at, line)
        node, colon = key
        into = self._into("map", at, line)
        node.parent = into
        self._slot = absent(self._text, colon, into)
        into.children.append(Child(at, node, colon, self._slot))
        if _REST.match(self._text, colon):
            return next_line(self._text, colon)
        return self._value(_past(_BLANKS, self._text, colon), line)

    def _into(self, kind: Kind, at: int, line: int) -> Found:
        """The open collection that a child at `at` belongs to, or a new one in the slot."""
        column = at - line
        top = self._open[-1] if self._open else None
        if top is not None and top.column == column and top.kind == kind:
            return top
        slot = self._slot
        if slot is None or slot.style != "":
            raise Fault(at, "this line is not indented like the ones it belongs to", "mend its indentation")
        slot.kind, slot.style, slot.column, slot.body = kind, "block", column, at
        if slot.head == slot.until and not (slot.anchor or slot.tag):
            slot.start = at
        self._open.append(slot)
        self._slot = None
        return slot

    def _indicator(self, at: int) -> str:
        found = _INDICATOR.match(self._text, at)
        return found[0] if found else ""

    def _key(self, at: int) -> tuple[Found, int] | None:
        """The key that starts at `at`, and the offset after its colon; None where there is no key."""
        text = self._text
        node = absent(text, at, None)
        body = self._properties(node, at)
        node.body = body
        mark = text[body : body + 1]
        if mark in ('"', "'"):
            quoted = (_DOUBLE if mark == '"' else _SINGLE).match(text, body)
            end, node.style, node.kind = quoted.end() if quoted else -1, mark, "scalar"  # type: ignore[assignment]
        elif mark in ("[", "{"):
            end = _flow(text, body, node)
        elif mark == "*":
            alias = _ALIAS.match(text, body)
            end, node.style, node.kind = alias.end() if alias else -1, "*", "alias"
        else:
            plain = _PLAIN.match(text, body)
            end, node.style, node.kind = plain.end() if plain else body, "plain", "scalar"
            if end == body:
                node.style, node.kind = "", "null"
        colon = _COLON.match(text, end) if end >= 0 else None
        if colon is None or next_line(text, at) < end:
            return None
        node.until = end
        return node, colon.end()

    def _properties(self, node: Found, at: int) -> int:
        """Take anchors and tags at `at`; the offset after them and the blanks behind them."""
        found = _PROPERTY.match(self._text, at)
        if found and not (node.anchor or node.tag):
            node.start = at
        while found:
            node.anchor, node.tag = found["anchor"] or node.anchor, found["tag"] or node.tag
            at = found.end()
            node.head = node.body = node.until = at - len(found[0]) + len(found[0].rstrip(" \t"))
            found = _PROPERTY.match(self._text, at)
        return at

    def _value(self, at: int, line: int, *, key_allowed: bool = False) -> int:
        """A scalar, alias or flow collection at `at` goes into the slot; where the next line starts is returned."""
        text, slot = self._text, self._slot
        if slot is None or slot.style != "":
            raise Fault(at, "this line is not indented like the ones it belongs to", "mend its indentation")
        at = self._properties(slot, at)
        if at >= len(text) or text[at] in "\r\n" or (text[at] == "#" and text[at - 1] in " \t"):
            return next_line(text, at)
        if key_allowed and self._key(at) is not None:
            return self._keyed(at, line)
        self._slot = None
        slot.body = at
        if not (slot.anchor or slot.tag):
            slot.start = at
        if text[at] in "|>":
            return self._block_scalar(slot)
        if text[at] in "[{":
            _flow(text, at, slot)
        elif text[at] in "\"'*":
            _token(text, at, slot)
        else:
            return self._plain(slot)
        return self._rest(slot.until)

    def _rest(self, at: int) -> int:
        if not _REST.match(self._text, at):
            raise Fault(
                at, "something stands after a value that is complete", "correct this place and run the command again"
            )
        return next_line(self._text, at)

    def _above(self) -> int:
        return self._open[-1].column if self._open else -1

    def _plain(self, slot: Found) -> int:
        """An unquoted scalar and the deeper lines that continue it."""
        text = self._text
        piece = _PLAIN.match(text, slot.body)
        if piece is None or self._indicator(slot.body):
            raise Fault(slot.body, "a value cannot start like this", "quote it and run the command again")
        slot.style, slot.until = "plain", piece.end()
        following = self._rest(piece.end())
        at, comment = following, "#" in text[piece.end() : following]
        while at < len(text) and not comment:
            here = _past(_SPACES, text, at)
            if here >= len(text) or text[here] in "\r\n":
                at = next_line(text, here)
                continue
            piece = _PLAIN.match(text, here)
            if here - at <= self._above() or _MARKER.match(text, at) or piece is None or text[here] == "#":
                break
            slot.until = piece.end()
            at = following = self._rest(piece.end())
            comment = "#" in text[piece.end() : at]
        slot.kind = _plain_kind(slot)
        return following

    def _block_scalar(self, slot: Found) -> int:
        """A literal or folded scalar; trailing blank lines belong to it where it keeps them."""
        text = self._text
        header = _BLOCK_HEADER.match(text, slot.body)
        if header is None:
            raise Fault(
                slot.body, "a block scalar cannot start like this", "correct this place and run the command again"
            )
        slot.kind, slot.style, slot.column = "scalar", text[slot.body], self._above()  # type: ignore[assignment]
        at = self._rest(header.end())
        slot.until = header.end()
        digit = next((char for char in header[0] if char.isdigit()), "")
        indent = max(slot.column + 1, 1) + int(digit) - 1 if digit else self._indent(at, slot.column + 1)
        blank = slot.until
        while at < len(text):
            end, here = line_end(text, at), _past(_SPACES, text, at)
            wide = here - at
            if here == end and wide <= indent:
                blank = end
            elif wide < indent or (indent == 0 and _MARKER.match(text, at)):
                break
            else:
                slot.until = blank = end
            at = next_line(text, end)
        if "+" in header[0]:
            slot.until = blank
        return next_line(text, slot.until)

    def _indent(self, at: int, least: int) -> int:
        """The indentation of a block scalar's lines that does not say so itself."""
        while at < len(self._text):
            here = _past(_SPACES, self._text, at)
            least = max(least, here - at)
            if here < len(self._text) and self._text[here] not in "\r\n":
                break
            at = next_line(self._text, here)
        return least


def _past(what: "re.Pattern[str]", text: str, at: int) -> int:
    """Past what matches at `at`, which may be nothing."""
    found = what.match(text, at)
    return found.end() if found else at


def _plain_kind(node: Found) -> Kind:
    return "null" if not node.tag and is_null(node.text[node.body : node.until]) else "scalar"


def _token(text: str, at: int, node: Found) -> None:
    """A quoted scalar or an alias at `at` becomes `node`."""
    mark = text[at]
    found = {'"': _DOUBLE, "'": _SINGLE, "*": _ALIAS}[mark].match(text, at)
    if found is None:
        raise Fault(at, "a quote that is opened here is never closed", "close it and run the command again")
    node.kind, node.style = ("alias" if mark == "*" else "scalar"), mark  # type: ignore[assignment]
    node.body, node.until = at, found.end()


def _flow(text: str, at: int, node: Found) -> int:
    """The flow collection at `at` becomes `node`; the offset after its closing bracket is returned."""
    return _FlowScanner(text, node).collection(at)


class _FlowScanner:
    """One pass over a flow collection; `_open` are the collections not closed yet, the outermost first.

    While a collection is open, its `comma` says that the next value starts a new child.
    """

    def __init__(self, text: str, node: Found) -> None:
        self._text = text
        self._node = node
        self._open: list[Found] = []

    def collection(self, at: int) -> int:
        self._enter(at, self._node)
        at += 1
        while self._open:
            at = _past(_TRIVIA, self._text, at)
            if at >= len(self._text):
                raise Fault(self._open[-1].body, "a bracket that is opened here is never closed", "close it")
            at = self._take(at)
        return at

    def _take(self, at: int) -> int:
        text, char = self._text, self._text[at]
        if char in "[{":
            self._enter(at, self._slot(at))
        elif char in "]}":
            self._close(at)
        elif char == ",":
            self._separate(at)
        elif char == ":" and self._is_colon(at):
            self._colon(at)
        elif char in "&!":
            return self._property(at)
        elif char in "\"'*":
            slot = self._slot(at)
            _token(text, at, slot)
            return slot.until
        elif char == "?" and text[at + 1 : at + 2] in (" ", "\t", "\r", "\n"):
            self._slot(at)
        else:
            return self._plain(at)
        return at + 1

    def _enter(self, at: int, node: Found) -> None:
        if not (node.anchor or node.tag):
            node.start = at
        node.kind, node.style = ("list" if self._text[at] == "[" else "map"), "flow"
        node.body, node.comma = at, at + 1
        self._open.append(node)

    def _slot(self, at: int) -> Found:
        """The absent value that a token at `at` fills."""
        top = self._open[-1]
        if top.comma >= 0:
            top.children.append(Child(at, None, -1, absent(self._text, at, top)))
            top.comma = -1
        slot = top.children[-1].node
        if slot.style != "":
            raise Fault(
                at, "a comma or a closing bracket is missing here", "correct this place and run the command again"
            )
        if not (slot.anchor or slot.tag):
            slot.start = slot.body = slot.until = at
        return slot

    def _property(self, at: int) -> int:
        found = _PROPERTY.match(self._text, at)
        if found is None:
            raise Fault(at, "an anchor or a tag without a name", "correct this place and run the command again")
        slot = self._slot(at)
        slot.anchor, slot.tag = found["anchor"] or slot.anchor, found["tag"] or slot.tag
        slot.head = slot.body = slot.until = at + len(found[0].rstrip(" \t"))
        return found.end()

    def _plain(self, at: int) -> int:
        found = _FLOW_PLAIN.match(self._text, at)
        if found is None:
            raise Fault(at, "a value cannot start like this", "quote it and run the command again")
        slot = self._slot(at)
        slot.style, slot.body, slot.until = "plain", at, found.end()
        slot.kind = _plain_kind(slot)
        return slot.until

    def _is_colon(self, at: int) -> bool:
        """Whether a colon separates: before a blank or the like, or right after a quoted or bracketed key."""
        if self._text[at + 1 : at + 2] in ("", *" \t\r\n,[]{}"):
            return True
        top = self._open[-1]
        if top.comma >= 0:
            return False
        child = top.children[-1]
        return child.after < 0 and child.node.style in ("'", '"', "flow")

    def _colon(self, at: int) -> None:
        top = self._open[-1]
        if top.comma >= 0:
            self._slot(at)
        child = top.children[-1]
        if child.after >= 0:
            raise Fault(at, "a second colon in one pair", "correct this place and run the command again")
        if top.kind == "map":
            child.key, child.after, child.node = child.node, at + 1, absent(self._text, at + 1, top)
            return
        pair = absent(self._text, child.at, top)
        pair.kind, pair.style = "map", "pair"
        pair.children.append(Child(child.at, child.node, at + 1, absent(self._text, at + 1, pair)))
        child.node.parent, child.node = pair, pair
        self._open.append(pair)

    def _finish_child(self) -> Found:
        """The collection around what ends here, its last child complete."""
        top = self._open[-1]
        if top.style == "pair":
            top.until = top.children[-1].node.until
            self._open.pop()
            top = self._open[-1]
        if top.kind == "map" and top.comma < 0 and top.children[-1].after < 0:
            child = top.children[-1]
            child.key, child.node = child.node, absent(self._text, child.node.until, top)
        return top

    def _separate(self, at: int) -> None:
        top = self._finish_child()
        if top.comma >= 0:
            raise Fault(at, "a comma without a value before it", "take it out and run the command again")
        top.children[-1].comma = at
        top.comma = at + 1

    def _close(self, at: int) -> None:
        top = self._finish_child()
        if self._text[top.body] + self._text[at] not in ("[]", "{}"):
            raise Fault(
                at, "this closing bracket does not fit the opening one", "correct this place and run the command again"
            )
        if not top.children:
            top.comma = -1
        top.until = at + 1
        self._open.pop()
