"""YAML documents for the editor's tests: a text full of trivia, with a model of the servers that it holds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from connect_mcp.installer.editors.model import Section, Value

LIST = Section(("mcpServers",), keyed_by="name")
MAP = Section(("mcpServers",))

AWKWARD = (
    *("yes", "no", "on", "Off", "y", "n", "1:30", "017", "0x1F", "0o17", "1_000", "1e3", ".5", ".inf", "2024-01-01"),
    *("~", "null", "true", "", " lead", "trail ", "a: b", "a:", "#x", "x #y", "- x", "-", "?", "? x", ":", ": x", "@x"),
    *("%x", "{x", "}", "[x]", "a,b", "*x", "&x", "!x", "|", ">", "'", '"', "`", "<<", "=", "---", "...", "é", "😀"),
    *(
        "line\nbreak",
        "\n",
        "tab\there",
        "\x00\x07\x1b",
        "\x7f\x85\xa0\u2028\ufeff",
        "\\",
        "C:\\x\\new",
        "it's",
        "${{ a }}",
    ),
)

strings = st.sampled_from(AWKWARD) | st.text(max_size=12) | st.sampled_from(("plain", "/usr/bin/x", "--port", "a b"))
names = st.sampled_from(("alpha", "my server", "a.b/c", "on", "1:30", "é", "it's", "a: b", "zeta"))

FOREIGN = (
    "models:\n- name: fast\n  key: &key 'x'\n- {name: slow, key: *key}\n",
    "rules:\n  - |\n    mcpServers:\n      - name: connect\n    # no comment\n  - >-\n     folded\n\n     - text\n",
    "text: |+\n  kept\n\n\n",
    'prompt: "first\nmcpServers: second\n  # third"\n',
    "single: 'it''s\n\n  - name: connect'\n",
    "long: a plain text\n  - over lines: no\n".replace(": no", " no"),
    "flow: {a: [1, 2], # comment\n  'b: c': {},\nmcpServers: 1}\n",
    "? complex key\n: - one\n  - two\n",
    "? [a, b]\n: x\n",
    "base: &base\n    url: http://x:80/#a # note\n\nuse:\n    <<: *base\n    deep: {x: *base}\n",
    '\'quoted\': 1\n"double \\" key": 017\n',
    "when: 2024-01-01\nold: 0x1F\non: yes\n",
    "tagged: !custom {a: 1}\nother: !!str 5\n",
    "nothing:\nnull2: ~ # null\n",
    "nested:\n - - a\n   - b: c\n     d: e\n -\n   x: y\n",
    "# a comment\nlast: 1\n\n",
)


@dataclass(frozen=True)
class Document:
    """A text and what it holds."""

    text: str
    entries: Mapping[str, Value]
    section: Section


@dataclass(frozen=True)
class Layout:
    """How one generated section is indented and quoted."""

    step: int
    dash: int
    gap: int
    quote: str
    flow: bool


layouts = st.builds(
    Layout,
    step=st.sampled_from((1, 2, 4)),
    dash=st.sampled_from((0, 2, 3)),
    gap=st.sampled_from((1, 3)),
    quote=st.sampled_from(('"', "'", "")),
    flow=st.booleans(),
)
comments = st.sampled_from(("", "", "", " # note", "  # a: b", " #"))


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Value]:
    """A server's entry without its name."""
    entry: dict[str, Value] = {"command": draw(strings)}
    if draw(st.booleans()):
        entry["args"] = draw(st.lists(strings, max_size=3))
    if draw(st.booleans()):
        entry["env"] = draw(st.dictionaries(st.sampled_from(("A", "B_C", "on", "x y")), strings, max_size=2))
    if draw(st.booleans()):
        entry["timeout"] = draw(st.integers(-5, 10**6) | st.booleans() | st.none() | st.floats(0, 9))
    return entry


def _agreed(entry: dict[str, Value]) -> dict[str, Value]:
    """The entry with a number that is spelled without an exponent: parsers differ over the others."""
    timeout = entry.get("timeout")
    return {**entry, "timeout": round(timeout, 3)} if isinstance(timeout, float) else entry


@st.composite
def documents(draw: st.DrawFn, section: Section) -> Document:
    """A whole document; its section is missing, absent, empty or full."""
    layout, found = draw(layouts), draw(st.dictionaries(names, entries().map(_agreed), max_size=3))
    shape = draw(st.sampled_from(("full", "full", "full", "missing", "absent", "empty")))
    if shape != "full":
        found = {}
    parts = draw(st.lists(st.sampled_from(FOREIGN), max_size=4, unique=True))
    if shape != "missing":
        parts.insert(draw(st.integers(0, len(parts))), _section(draw, layout, found, section, absent=shape == "absent"))
    text = "".join(parts)
    if draw(st.booleans()):
        text = draw(st.sampled_from(("---\n", "# head\n--- # start\n", "%YAML 1.2\n---\n"))) + text
    if draw(st.booleans()):
        text += draw(st.sampled_from(("...\n" if parts else "", "\n\n", "  # end\n", "# end\n")))
    if draw(st.integers(0, 3)) == 0 and not text.rstrip("\n").endswith("kept"):
        text = text.rstrip("\n")
    text = text.replace("\n", draw(st.sampled_from(("\n", "\n", "\r\n"))))
    if section.keyed_by:
        found = {name: {"name": name, **entry} for name, entry in found.items()}
    return Document(draw(st.sampled_from(("", "\ufeff"))) + text, found, section)


def _section(
    draw: st.DrawFn, layout: Layout, found: dict[str, dict[str, Value]], section: Section, *, absent: bool
) -> str:
    head = draw(st.sampled_from(("mcpServers:", "'mcpServers':", "mcpServers :"))) + draw(comments).replace("#", " #")
    if absent:
        return head + "\n" + draw(st.sampled_from(("", "  # - name: old\n", "\n")))
    key = head.partition(":")[0] + ":"
    if not found:
        return f"{key} {'[]' if section.keyed_by else '{}'}{draw(comments)}\n"
    values = [{"name": name, **value} for name, value in found.items()] if section.keyed_by else found
    if layout.flow:
        glue = draw(st.sampled_from((", ", ",", ",\n  ", ", # note\n    ")))
        return f"{key} {_flow(values, layout, glue)}{draw(comments)}\n"
    if isinstance(values, list):
        inner = "".join(_item(draw, value, layout.dash, layout) for value in values)
    else:
        inner = _block(draw, values, layout.step, layout)
    return f"{head}\n{inner}"


def _item(draw: st.DrawFn, value: Mapping[str, Value], column: int, layout: Layout) -> str:
    lead = draw(st.sampled_from(("", "", "\n", " " * column + "# - name: fake\n")))
    inner = _block(draw, value, column + 1 + layout.gap, layout)
    return lead + " " * column + "-" + inner[column + 1 :]


def _block(draw: st.DrawFn, pairs: Mapping[str, Value], column: int, layout: Layout) -> str:
    text = ""
    for key, value in pairs.items():
        head = " " * column + _scalar(key, layout) + ":"
        note = draw(comments)
        if isinstance(value, Mapping) and value:
            text += f"{head}{note}\n{_block(draw, value, column + layout.step, layout)}"
        elif isinstance(value, list) and value and draw(st.booleans()):
            indent = " " * (column + layout.dash)
            text += f"{head}{note}\n" + "".join(f"{indent}- {_scalar(item, layout)}\n" for item in value)
        else:
            text += f"{head} {_flow(value, layout, ', ')}{note}\n"
    return text


def _flow(value: Value, layout: Layout, glue: str) -> str:
    if isinstance(value, Mapping):
        return (
            "{" + glue.join(f"{_scalar(key, layout)}: {_flow(item, layout, glue)}" for key, item in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + glue.join(_flow(item, layout, glue) for item in value) + "]"
    return _scalar(value, layout)


def _scalar(value: Value, layout: Layout) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if layout.quote == "" and value.isascii() and value.isalpha() and value not in AWKWARD:
        return value
    if layout.quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return '"' + "".join(_escaped(char) for char in value) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return char if char.isprintable() else f"\\U{ord(char):08x}"


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """A document in which pieces were cut out, doubled or put in: often still YAML, and seldom as it was meant."""
    text = draw(st.sampled_from((LIST, MAP)).flatmap(documents)).text
    pieces = st.sampled_from(
        (*"-:?[]{},#&*!|>'\"%@ \t\n\r", "- ", ": ", "\n  ", "---\n", "<<: ", "&x ", "*x", "connect")
    )
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from((0, 0, 1, 2, 9))))
        text = text[:start] + draw(st.just("") | pieces | st.just(text[start:end] * 2)) + text[end:]
    return text
