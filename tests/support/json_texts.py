"""JSON and JSONC documents for the editor's tests: a text full of trivia, with a model of what it holds."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from hypothesis import strategies as st

from connect_mcp.installer.editors.model import KeyPath, Section

Json: TypeAlias = "str | int | float | bool | None | list[Json] | dict[str, Json]"

SECTIONS = (Section(("mcpServers",)), Section(("mcp", "servers")), Section(("servers.d", "")))

NAMES = (
    *("a", "git", "my server", "io.github/x.y", 'quo"te', "it's", "back\\slash", "", "é", "日本", "😀", "//", "/* */"),
    *("{", "]", ",", ":", "\t", "tab\there", "line\nbreak", "\u2028", "\x7f", "__proto__", "mcpServers", "connect2"),
)

names = st.sampled_from(NAMES) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)

scalars: st.SearchStrategy[Json] = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | names
)

values: st.SearchStrategy[Json] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)

entries: st.SearchStrategy[dict[str, Json]] = st.fixed_dictionaries(
    {"command": names},
    optional={
        "args": st.lists(names, max_size=3),
        "env": st.dictionaries(names, names, max_size=2),
        "disabled": st.booleans(),
        "timeout": st.integers(0, 10**6),
    },
)


# A plain Random from a seed shrinks less well than one that hypothesis draws from, and is much faster.
seeds = st.integers(0, 2**32)


@dataclass(frozen=True)
class Layout:
    """How a document is written, by rules as a program keeps them.

    Attributes:
        indent: one step of indentation; None for everything on one line.
        newline: the line end.
        tight: on one line, without a blank after colons and commas.
        bom: whether a byte order mark comes first.
        end: what follows the document.
    """

    indent: str | None = "  "
    newline: str = "\n"
    tight: bool = False
    bom: bool = False
    end: str = "\n"

    def write(self, value: Json) -> str:
        """The value in this layout, as the json module writes it."""
        separators = (",", ":") if self.tight else (", ", ": ") if self.indent is None else (",", ": ")
        text = json.dumps(value, indent=self.indent, separators=separators, ensure_ascii=False)
        return "\ufeff" * self.bom + text.replace("\n", self.newline) + self.end


layouts = st.builds(
    Layout,
    indent=st.sampled_from((None, " ", "  ", "    ", "\t")),
    newline=st.sampled_from(("\n", "\r\n")),
    tight=st.booleans(),
    bom=st.booleans(),
    end=st.sampled_from(("", "\n", "\r\n", "\n\n", "  ")),
)


@dataclass(frozen=True)
class Document:
    """A text and what it holds.

    Attributes:
        text: the text.
        value: what a reader of the text must find.
        section: where its servers are.
        comments: where each comment stands, by a mark that it alone holds: the keys of the maps around it.
    """

    text: str
    value: dict[str, Json]
    section: Section
    comments: Mapping[str, KeyPath]

    @property
    def servers(self) -> Mapping[str, Json]:
        """The section's entries."""
        inside: Json = self.value
        for key in self.section.path:
            inside = inside.get(key, {}) if isinstance(inside, dict) else {}
        assert isinstance(inside, dict)
        return inside


class _Writer:
    """Writes values with any trivia between any two tokens."""

    def __init__(self, random: Random, comments: bool, commas: bool, newlines: tuple[str, ...]) -> None:
        self.random = random
        self.comments: dict[str, KeyPath] = {}
        self.with_comments = comments
        self.with_commas = commas
        self.newlines = newlines

    def value(self, value: Json, path: KeyPath, depth: int) -> str:
        if isinstance(value, dict):
            members = [self.member(key, item, (*path, key), depth) for key, item in value.items()]
            return self.bracketed("{}", members, path, depth)
        if isinstance(value, list):
            return self.bracketed("[]", [self.value(item, path, depth + 1) for item in value], path, depth)
        return self.literal(value) if isinstance(value, str) else json.dumps(value)

    def member(self, key: str, value: Json, path: KeyPath, depth: int) -> str:
        colon = self.gap(path, depth) + ":" + self.gap(path, depth)
        return self.literal(key) + colon + self.value(value, path, depth + 1)

    def literal(self, text: str) -> str:
        return json.dumps(text, ensure_ascii=self.random.random() < 0.3)

    def bracketed(self, pair: str, parts: list[str], path: KeyPath, depth: int) -> str:
        written = pair[0] + self.gap(path, depth)
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            comma = "," if not last or (self.with_commas and self.random.random() < 0.5) else ""
            written += part + self.gap(path, depth) + comma + self.gap(path, depth)
        return written + pair[1]

    def gap(self, path: KeyPath, depth: int) -> str:
        """Nothing, a blank, or lines of trivia."""
        choice = self.random.random()
        if choice < 0.4:
            return ""
        if choice < 0.6:
            return self.random.choice((" ", "  ", "\t"))
        newline, indent = self.random.choice(self.newlines), self.random.choice(("", "  ", "\t", "    ")) * depth
        if choice < 0.8 or not self.with_comments:
            return newline + indent
        mark = f"mark{len(self.comments)}."
        self.comments[mark] = path
        body = self.random.choice(("note", '"old": {"command": "x"},', "}", '"', "it's, ] * /", "", "é"))
        if choice < 0.9:
            return f" // {mark}{body}" + newline + indent
        return self.random.choice((" ", newline)) + f"/* {mark}{body} */" + self.random.choice(("", newline + indent))


@st.composite
def documents(draw: st.DrawFn, comments: bool = True, least: int = 0, taken: str = "connect") -> Document:
    """A document with any trivia; its section, if it is there, has `least` entries or more and none named `taken`."""
    section = draw(st.sampled_from(SECTIONS))
    value = draw(
        st.dictionaries(names.filter(lambda name: name not in {s.path[0] for s in SECTIONS}), values, max_size=3)
    )
    free = names.filter(lambda name: name != taken)
    servers: dict[str, Json] = draw(st.dictionaries(free, entries | values, min_size=least, max_size=4))
    deep = len(section.path) if servers else draw(st.integers(0, len(section.path)))
    for key in reversed(section.path[:deep]):
        servers = {key: servers}
    value = dict(draw(st.permutations([*value.items(), *servers.items()])))
    newlines = draw(st.sampled_from((("\n",), ("\r\n",), ("\n", "\r\n"), ("\r",))))
    writer = _Writer(Random(draw(seeds)), comments, comments and draw(st.booleans()), newlines)
    text = writer.gap((), 0) + writer.value(value, (), 1) + writer.gap((), 0)
    return Document("\ufeff" * draw(st.booleans()) + text, value, section, writer.comments)


def mutated(text: str, random: Random) -> Iterator[str]:
    """Texts that a few slips of the hand make of a text."""
    changes: tuple[Callable[[int, int], str], ...] = (
        lambda at, to: text[:at] + text[to:],
        lambda at, to: text[:to] + text[at:],
        lambda at, _: text[:at] + random.choice('{}[]",:/*\\\n\r \t\x00#1tnN-.\ufeff') + text[at:],
        lambda at, to: text[:at] + text[at:to][::-1] + text[to:],
        lambda at, _: text[:at],
        lambda at, to: text[at:to],
    )
    while True:
        at, to = sorted((random.randint(0, len(text)), random.randint(0, len(text))))
        if random.random() < 0.7:
            to = min(to, at + 3)
        text = random.choice(changes)(at, to)
        yield text
