"""TOML documents with trivia and every way of writing a table, generated together with what they mean."""

import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from random import Random
from typing import Any

from hypothesis import strategies as st

Literal = tuple[str, Any]
Path = tuple[str, ...]
Pair = tuple[Path, Literal]

BARE = string.ascii_letters + string.digits + "_-"

SCALARS: list[Literal] = [
    ('"plain"', "plain"),
    ("'C:\\path'", "C:\\path"),
    ('"tab\\t quote\\" \\u00e9 # no comment"', 'tab\t quote" é # no comment'),
    ('"""\n[mcp_servers.ghost]\ncommand = "x" ""\\"\n"""', '[mcp_servers.ghost]\ncommand = "x" """\n'),
    ("'''\n[ghost]\n# no comment\n''y'''", "[ghost]\n# no comment\n''y"),
    ('""""quoted""""', '"quoted"'),
    ('"""line \\\n    goes on"""', "line goes on"),
    ("0x1F", 31),
    ("1_000", 1000),
    ("-7", -7),
    ("1.50", 1.5),
    ("6e3", 6000.0),
    ("true", True),
    ("false", False),
    ("1979-05-27", date(1979, 5, 27)),
    ("1979-05-27 07:32:00", datetime(1979, 5, 27, 7, 32)),  # a local time, as it is written
    ("07:32:00", time(7, 32)),
    ("[]", []),
    ("{}", {}),
    ("[ \"a\", # one ]\n  'b',\n\n]", ["a", "b"]),
    ("[[1, 2], [ ]]", [[1, 2], []]),
    ('[ { a = "]" }, {b=[1,]} ]', [{"a": "]"}, {"b": [1]}]),
    ('{ a.b = 1, a."c d" = { e = [] } }', {"a": {"b": 1, "c d": {"e": []}}}),
]

names = st.sampled_from(
    ["a", "b-1", "srv_2", "1", "io.github/x", "with space", 'q"uote', "it's", "é", "", "env", "[x]"]
)
other_names = st.sampled_from(["model", "history", "x.y", "projects", "mcp", "tui", "profile"])
inner_keys = st.sampled_from(["command", "url", "enabled", "startup_timeout_sec", "k k", "args", "cwd"])
env_keys = st.sampled_from(["A", "PATH", "B.C", "TOKEN"])

COMMENTS = ["# note", "#", "# [mcp_servers.off]", '# command = "x"', "#é\t", "# don't"]


@dataclass
class Block:
    """A header with its pairs; the path is empty for the document's first block."""

    path: Path
    many: bool = False
    pairs: list[Pair] = field(default_factory=list)


@dataclass(frozen=True)
class Generated:
    """A text and what it means."""

    text: str
    model: dict[str, Any]


def meaning(blocks: Sequence[Block]) -> dict[str, Any]:
    """What blocks mean, put together without any parser."""
    root: dict[str, Any] = {}
    for block in blocks:
        table = root
        for index, key in enumerate(block.path):
            if block.many and index == len(block.path) - 1:
                table.setdefault(key, []).append({})
            inner = table.setdefault(key, {})
            table = inner[-1] if isinstance(inner, list) else inner
        for path, (_, value) in block.pairs:
            inside = table
            for key in path[:-1]:
                inside = inside.setdefault(key, {})
            inside[path[-1]] = value
    return root


def key_text(path: Path, chance: Random) -> str:
    """A dotted key, its parts quoted in any way that they allow."""
    return chance.choice([".", ".", " . "]).join(chance.choice(_spellings(name)) for name in path)


def _spellings(name: str) -> list[str]:
    basic = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    found = [basic, basic.replace("é", "\\u00E9")]
    if name and all(char in BARE for char in name):
        found += [name] * 6
    if "'" not in name:
        found.append(f"'{name}'")
    return found


@st.composite
def servers(draw: st.DrawFn, name: str, section: Path) -> list[Block]:
    """One server as header blocks, in any order: its own, if any, and those of the tables in it."""
    path = (*section, name)
    own = Block(path, pairs=[((key,), draw(st.sampled_from(SCALARS))) for key in draw(unique(inner_keys, 4))])
    blocks = [own] if draw(st.booleans()) or own.pairs else []
    env = [(key, draw(st.sampled_from(SCALARS[:3]))) for key in draw(unique(env_keys, 3))]
    how = draw(st.sampled_from(["header", "dotted", "inline", "none"]))
    if how == "header" or not blocks:
        blocks.append(Block((*path, "env"), pairs=[((key,), literal) for key, literal in env]))
    elif how == "dotted":
        own.pairs += [(("env", key), literal) for key, literal in env]
    elif how == "inline":
        own.pairs.append((("env",), inline_table(env)))
    if draw(st.integers(0, 4)) == 0:
        blocks.append(Block((*path, "tools", "y"), pairs=[(("approval_mode",), ('"auto"', "auto"))]))
    if draw(st.integers(0, 6)) == 0:
        blocks += [Block((*path, "rules"), many=True), Block((*path, "rules", "r"))]
        return blocks  # in this order: the last one is inside the one before
    return list(draw(st.permutations(blocks)))


def inline_table(pairs: Sequence[tuple[str, Literal]]) -> Literal:
    """An inline table of pairs whose keys need no care."""
    inner = ", ".join(f'"{key}" = {text}' for key, (text, _) in pairs)
    return (f"{{ {inner} }}" if inner else "{}"), {key: value for key, (_, value) in pairs}


def unique(keys: st.SearchStrategy[str], most: int) -> st.SearchStrategy[list[str]]:
    """A few different ones."""
    return st.lists(keys, max_size=most, unique=True)


@st.composite
def inline_servers(draw: st.DrawFn) -> Literal:
    """An entry as an inline table."""
    one_line = [literal for literal in SCALARS if "\n" not in literal[0]]
    pairs = [(key, draw(st.sampled_from(one_line))) for key in draw(unique(inner_keys, 3))]
    if draw(st.booleans()):
        pairs.append(("env", inline_table([(key, ('"v"', "v")) for key in draw(unique(env_keys, 2))])))
    return inline_table(pairs)


@st.composite
def sections(draw: st.DrawFn, section: Path) -> tuple[list[Pair], list[list[Block]]]:
    """The pairs at the root and the groups of blocks that a section with its servers consists of."""
    style = draw(st.sampled_from(["none", "headers", "headers", "headers", "inline", "dotted", "under", "mixed"]))
    found = draw(unique(names, 4))
    if style == "none":
        return [], []
    if style == "inline":
        inner = [(name, draw(inline_servers())) for name in found]
        text = ", ".join(f"{_spellings(name)[0]}={literal[0]}" for name, literal in inner)
        return [(section, (f"{{{text}}}", {name: literal[1] for name, literal in inner}))], []
    at_root: list[Pair] = []
    groups: list[list[Block]] = []
    under = Block(section)
    for name in found:
        how = {"headers": "header", "dotted": "dotted", "under": "under"}.get(style) or draw(
            st.sampled_from(["header", "dotted"])
        )
        if how == "header":
            made = draw(servers(name, section))
            groups += [made] if any(block.many for block in made) else [[block] for block in made]
        elif how == "under" and draw(st.booleans()):
            under.pairs.append(((name,), draw(inline_servers())))
        else:
            pairs = [((name, key), draw(st.sampled_from(SCALARS))) for key in ["command", *draw(unique(env_keys, 2))]]
            if how == "under":
                under.pairs += pairs
            else:
                at_root += [((*section, *path), literal) for path, literal in pairs]
    if style == "under" or (style == "headers" and draw(st.integers(0, 3)) == 0):
        groups.append([under])
    return at_root, groups


@st.composite
def documents(draw: st.DrawFn, section: Path = ("mcp_servers",)) -> Generated:
    """A whole document: the section in any style among other tables, with trivia, line ends and a BOM or none."""
    at_root, groups = draw(sections(section))
    root = Block((), pairs=list(at_root))
    others = draw(unique(other_names, 4))
    for name in others:
        how = draw(st.sampled_from(["pair", "table", "many"]))
        pairs: list[Pair] = [((key,), draw(st.sampled_from(SCALARS))) for key in draw(unique(inner_keys, 3))]
        if how == "pair":
            root.pairs.insert(draw(st.integers(0, len(root.pairs))), ((name,), draw(st.sampled_from(SCALARS))))
        elif how == "table":
            groups += [[Block((name,), pairs=pairs)], [Block((name, "sub", "deep"))]]
        else:
            groups += [[Block((name,), many=True, pairs=pairs), Block((name, "in"))], [Block((name,), many=True)]]
    blocks = [root, *(block for group in draw(st.permutations(groups)) for block in group)]
    # How it is spelled hangs on one number: drawn one by one, blanks and quotes would take most of the time.
    return Generated(_text(blocks, Random(draw(st.integers(0, 2**32)))), meaning(blocks))


def _text(blocks: Sequence[Block], chance: Random) -> str:
    """The blocks as a text with trivia."""
    deep = chance.choice(["", "", "  ", "\t"])
    equals = chance.choice([" = ", "=", "   = "])
    lines: list[str] = []
    for block in blocks:
        lines += _trivia(chance)
        lead = deep * max(len(block.path) - 2, 0)
        if block.path:
            brackets = ("[[", "]]") if block.many else ("[", "]")
            lines.append(f"{lead}{brackets[0]}{key_text(block.path, chance)}{brackets[1]}{_behind(chance)}")
        for path, literal in block.pairs:
            lines += _trivia(chance) if chance.random() < 0.25 else []
            lines.append(f"{lead}{deep}{key_text(path, chance)}{equals}{literal[0]}{_behind(chance)}")
    lines += _trivia(chance)
    text = "\n".join(lines) + chance.choice(["\n", "\n", "\n", ""])
    every = chance.choice([0, 0, 1, 2, 3])  # which line ends are CRLF
    parts = text.split("\n")
    ends = ["\r\n" if every and index % every == 0 else "\n" for index in range(len(parts) - 1)]
    text = "".join(map("".join, zip(parts, [*ends, ""], strict=True)))
    return chance.choice(["", "", "", "\ufeff"]) + text


def _trivia(chance: Random) -> list[str]:
    return [chance.choice(["", "", "  ", *COMMENTS]) for _ in range(chance.choice([0, 0, 0, 1, 1, 2]))]


def _behind(chance: Random) -> str:
    return chance.choice(["", "", "", " ", "  " + chance.choice(COMMENTS)])
