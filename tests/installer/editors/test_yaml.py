"""The YAML editor: byte for byte on what people write, refusals with their places, and the laws on generated texts."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel import yaml as ruamel_yaml

from connect_mcp.base.errors import Refused
from connect_mcp.installer.editors.engine import edit, read, reverse
from connect_mcp.installer.editors.model import Change, Put, Quirk, Remove, Section, Table, Tree, Value
from connect_mcp.installer.editors.yaml import YAML
from connect_mcp.installer.editors.yaml_load import load, scalar_tree
from connect_mcp.installer.editors.yaml_nodes import Found
from connect_mcp.installer.editors.yaml_scan import scan
from support.editing_laws import check_laws
from support.examples import examples
from support.yaml_texts import AWKWARD, LIST, MAP, Document, documents, entries, mangled

RUN: dict[str, Value] = {"command": "/usr/bin/x", "args": ["serve", "-p 1"], "env": {"A": "b"}}
SHORT: dict[str, Value] = {"command": "/usr/bin/x"}
DEEP = Section(("a", "b", "servers"))
TOP = {"name": "Local Config", "version": "1.0.0", "schema": "v1"}


def put(entry: dict[str, Value], section: Section = LIST, *drop: str) -> Put:
    return Put(section, "connect", entry, drop=frozenset((key,) for key in drop))


def remove(section: Section = LIST) -> Remove:
    return Remove(section, "connect")


INSERTED = {
    "after the last item's line and its comment, before what leads to the next key": (
        "mcpServers:\n  - name: a\n    command: x # its own\n\n# about models\nmodels: []\n",
        put(SHORT),
        "mcpServers:\n  - name: a\n    command: x # its own\n  - name: connect\n    command: /usr/bin/x\n\n"
        "# about models\nmodels: []\n",
    ),
    "after comments that are indented into the last item": (
        "mcpServers:\n  - name: a\n    # command: y\nnext: 1\n",
        put(SHORT),
        "mcpServers:\n  - name: a\n    # command: y\n  - name: connect\n    command: /usr/bin/x\nnext: 1\n",
    ),
    "with the siblings' way of writing args and env": (
        "mcpServers:\n  - name: a\n    args:\n      - q\n    env:\n        X: 'y'\n",
        put(RUN),
        "mcpServers:\n  - name: a\n    args:\n      - q\n    env:\n        X: 'y'\n"
        "  - name: connect\n    command: /usr/bin/x\n    args:\n      - serve\n      - '-p 1'\n"
        "    env:\n        A: 'b'\n",
    ),
    "in a list at its key's column": (
        "mcpServers:\n- name: a\n  args:\n  - q\nz: 1\n",
        put(RUN),
        "mcpServers:\n- name: a\n  args:\n  - q\n- name: connect\n  command: /usr/bin/x\n  args:\n  - serve\n"
        '  - "-p 1"\n  env:\n    A: "b"\nz: 1\n',
    ),
    "with wide dashes": (
        "mcpServers:\n  -   name: a\n      command: x\n",
        put(SHORT),
        "mcpServers:\n  -   name: a\n      command: x\n  -   name: connect\n      command: /usr/bin/x\n",
    ),
    "with quoted keys and words like its siblings": (
        "'mcpServers':\n  - 'name': 'a'\n    'command': 'x'\n",
        put(SHORT),
        "'mcpServers':\n  - 'name': 'a'\n    'command': 'x'\n  - 'name': 'connect'\n    'command': '/usr/bin/x'\n",
    ),
    "after a block scalar that looks like servers": (
        "mcpServers:\n  - name: a\n    text: |\n      - name: connect\n      # no comment\n\nz: 1\n",
        put(SHORT),
        "mcpServers:\n  - name: a\n    text: |\n      - name: connect\n      # no comment\n"
        "  - name: connect\n    command: /usr/bin/x\n\nz: 1\n",
    ),
    "after the blank lines that a block scalar keeps": (
        "mcpServers:\n- text: |+\n    kept\n\n\nz: 1\n",
        put(SHORT),
        "mcpServers:\n- text: |+\n    kept\n\n\n- name: connect\n  command: /usr/bin/x\nz: 1\n",
    ),
    "after quoted and plain text over lines": (
        'mcpServers:\n  - name: a\n    one: "x\nmcpServers: y"\n    two: some\n      more # c\n',
        put(SHORT),
        'mcpServers:\n  - name: a\n    one: "x\nmcpServers: y"\n    two: some\n      more # c\n'
        "  - name: connect\n    command: /usr/bin/x\n",
    ),
    "beside an item that is an alias": (
        "x: &x {name: a}\nmcpServers:\n  - *x\n",
        put(SHORT),
        "x: &x {name: a}\nmcpServers:\n  - *x\n  - name: connect\n    command: /usr/bin/x\n",
    ),
    "as one line where the siblings are": (
        "mcpServers:\n  - {name: a, command: x}\n",
        put(RUN),
        "mcpServers:\n  - {name: a, command: x}\n"
        '  - {name: connect, command: /usr/bin/x, args: [serve, "-p 1"], env: {A: "b"}}\n',
    ),
    "without a last line break": (
        "mcpServers:\n  - name: a",
        put(SHORT),
        "mcpServers:\n  - name: a\n  - name: connect\n    command: /usr/bin/x",
    ),
    "with CRLF after a byte order mark": (
        "\ufeffmcpServers:\r\n  - name: a\r\nz: 1\r\n",
        put(SHORT),
        "\ufeffmcpServers:\r\n  - name: a\r\n  - name: connect\r\n    command: /usr/bin/x\r\nz: 1\r\n",
    ),
    "with the line break of the line above where they are mixed": (
        "a: 1\nmcpServers:\r\n  - name: a\r\nz: 1\n",
        put(SHORT),
        "a: 1\nmcpServers:\r\n  - name: a\r\n  - name: connect\r\n    command: /usr/bin/x\r\nz: 1\n",
    ),
    "into a flow list": (
        "mcpServers: [{name: a, command: b}] # c\n",
        put(RUN),
        "mcpServers: [{name: a, command: b}, "
        '{name: connect, command: /usr/bin/x, args: [serve, "-p 1"], env: {A: "b"}}] # c\n',
    ),
    "into a flow list that ends in a comma": (
        "mcpServers: [{ name: a },]\n",
        put(SHORT),
        "mcpServers: [{ name: a }, { name: connect, command: /usr/bin/x },]\n",
    ),
    "into a flow list over lines": (
        "mcpServers: [\n    {name: a}, # one\n    {name: b}  # two\n  ]\n",
        put(SHORT),
        "mcpServers: [\n    {name: a}, # one\n    {name: b},  # two\n    {name: connect, command: /usr/bin/x}\n  ]\n",
    ),
    "into a flow list over lines that ends in a comma": (
        "mcpServers: [\n    {name: a}, # one\n  ]\n",
        put(SHORT),
        "mcpServers: [\n    {name: a}, # one\n    {name: connect, command: /usr/bin/x},\n  ]\n",
    ),
    "into an empty flow list": (
        "mcpServers: [] # none\n",
        put(SHORT),
        "mcpServers: [{name: connect, command: /usr/bin/x}] # none\n",
    ),
    "into an empty flow list with a comment in it": (
        "mcpServers: [ # none\n  ]\n",
        put(SHORT),
        "mcpServers: [ # none\n  {name: connect, command: /usr/bin/x}]\n",
    ),
    "into an empty flow map": (
        "mcpServers: { }\n",
        put(SHORT, MAP),
        "mcpServers: {connect: {command: /usr/bin/x}}\n",
    ),
    "into JSON": (
        '{"mcpServers": {\n  "a": {"command": "x"}\n}}\n',
        put(SHORT, MAP),
        '{"mcpServers": {\n  "a": {"command": "x"},\n  "connect": {"command": "/usr/bin/x"}\n}}\n',
    ),
    "under a key without a value": (
        "mcpServers: # none yet\n  # - name: old\nz: 1\n",
        put(SHORT),
        "mcpServers: # none yet\n  # - name: old\n  - name: connect\n    command: /usr/bin/x\nz: 1\n",
    ),
    "in place of a written null": (
        "mcpServers: ~ # none\nz: 1\n",
        put(SHORT, MAP),
        "mcpServers: # none\n  connect:\n    command: /usr/bin/x\nz: 1\n",
    ),
    "in place of a null in a flow map": (
        "{mcpServers: , z: 1}\n",
        put(SHORT, MAP),
        "{mcpServers: {connect: {command: /usr/bin/x}}, z: 1}\n",
    ),
    "under a key of a flow map that has no colon": (
        "{mcpServers}\n",
        put(SHORT, MAP),
        "{mcpServers: {connect: {command: /usr/bin/x}}}\n",
    ),
    "as a section at the end, before the document's end and the blank lines there": (
        "---\nz: 1\n# last\n\n...\n",
        put(SHORT),
        "---\nz: 1\n# last\nmcpServers:\n  - name: connect\n    command: /usr/bin/x\n\n...\n",
    ),
    "as a section with the indentation of the others": (
        "models:\n- name: x\nbase:\n    k: v\n",
        put(RUN),
        "models:\n- name: x\nbase:\n    k: v\nmcpServers:\n- name: connect\n  command: /usr/bin/x\n"
        '  args: [serve, "-p 1"]\n  env:\n      A: "b"\n',
    ),
    "as a map": (
        "mcpServers:\n    a:\n        command: x\n",
        put(RUN, MAP),
        "mcpServers:\n    a:\n        command: x\n    connect:\n        command: /usr/bin/x\n"
        '        args: [serve, "-p 1"]\n        env:\n            A: "b"\n',
    ),
    "deep inside": (
        "a:\n  z: 1\n  b:\n    # c\nq: 1\n",
        put(SHORT, DEEP),
        "a:\n  z: 1\n  b:\n    # c\n    servers:\n      connect:\n        command: /usr/bin/x\nq: 1\n",
    ),
    "deep inside what is not there": (
        "a:\n   z:\n      y: 1\n",
        put(SHORT, DEEP),
        "a:\n   z:\n      y: 1\n   b:\n      servers:\n         connect:\n            command: /usr/bin/x\n",
    ),
    "beside merge keys, complex keys, tags and aliases that are not ours": (
        "? [a]\n: x\nb: &b {c: 1}\nmcpServers:\n  a: !t\n    <<: *b\n  ? k\n  : v: 1\n",
        put(SHORT, MAP),
        "? [a]\n: x\nb: &b {c: 1}\nmcpServers:\n  a: !t\n    <<: *b\n  ? k\n  : v: 1\n"
        "  connect:\n    command: /usr/bin/x\n",
    ),
}

UPDATED = {
    "key by key, where comments and the user's own keys stay": (
        "mcpServers:\n  - name: connect\n    url: http://x  # c\n    disabled: true # mine\n"
        "    env:\n      A: x # a\n      MINE: 1\n\n# tail\n",
        put({"command": "y z", "env": {"A": "b", "NEW": "c"}}, LIST, "url"),
        "mcpServers:\n  - name: connect\n    disabled: true # mine\n"
        '    env:\n      A: "b" # a\n      MINE: 1\n      NEW: "c"\n    command: "y z"\n\n# tail\n',
    ),
    "on the line of the dash": (
        "mcpServers:\n  - url: x # c\n    name: connect\n",
        put(SHORT, LIST, "url"),
        "mcpServers:\n  - name: connect\n    command: /usr/bin/x\n",
    ),
    "on the line of the dash, with a comment below": (
        "mcpServers:\n  - url: x\n    # about the name\n    name: connect\n",
        put(SHORT, LIST, "url"),
        "mcpServers:\n  -\n    # about the name\n    name: connect\n    command: /usr/bin/x\n",
    ),
    "from values over lines to short ones": (
        "mcpServers:\n- name: connect\n  command: |- # c\n    foo\n\n    bar\n  cwd: 'a\n    b' # d\n"
        "  args:\n  - a\n  - b\n",
        put({"command": "x", "cwd": "/", "args": ["q"]}),
        "mcpServers:\n- name: connect\n  command: x # c\n  cwd: / # d\n  args:\n  - q\n",
    ),
    "from a flow list to a flow list": (
        "mcpServers:\n- name: connect\n  args: [a,\n    b] # c\n  z: 1\n",
        put({"args": ["q", "r"]}),
        "mcpServers:\n- name: connect\n  args: [q, r] # c\n  z: 1\n",
    ),
    "from nothing to a map, and from a map to nothing in it": (
        "mcpServers:\n  connect:\n    env: # c\n    args:\n      - a\n    z: 1\n",
        put({"env": {"A": "b"}, "args": []}, MAP),
        'mcpServers:\n  connect:\n    env: # c\n      A: "b"\n    args: []\n    z: 1\n',
    ),
    "in one line": (
        "mcpServers: [{name: connect, url: x, disabled: true}]\n",
        put(SHORT, LIST, "url"),
        "mcpServers: [{name: connect, disabled: true, command: /usr/bin/x}]\n",
    ),
    "in one line where the last key goes": (
        "mcpServers: [{name: connect, url: x}]\n",
        put(SHORT, LIST, "url"),
        "mcpServers: [{name: connect, command: /usr/bin/x}]\n",
    ),
    "from an empty entry": (
        "mcpServers:\n  connect:\n  z: {}\n",
        put(SHORT, MAP),
        "mcpServers:\n  connect:\n    command: /usr/bin/x\n  z: {}\n",
    ),
    "from a spelling that parsers read differently": (
        "mcpServers:\n  - name: connect\n    env:\n      A: yes\n      B: 017 # c\n      C: 'on'\n",
        put({"env": {"A": "yes", "B": "017", "C": "on"}}),
        "mcpServers:\n  - name: connect\n    env:\n      A: 'yes'\n      B: '017' # c\n      C: 'on'\n",
    ),
    "at the end of a text without a last line break": (
        "mcpServers:\n  connect:\n    url: x",
        put(SHORT, MAP, "url"),
        "mcpServers:\n  connect:\n    command: /usr/bin/x",
    ),
}

REMOVED = {
    "with its lines and the comments in it": (
        "mcpServers:\n  # a\n  - name: a\n  # connect\n  - name: connect # c\n    # d\n    command: x\n    # e\n\n"
        "  # b\n  - name: b\n",
        remove(),
        "mcpServers:\n  # a\n  - name: a\n  # connect\n\n  # b\n  - name: b\n",
    ),
    "as the last one of a list": (
        "mcpServers: # c\n- name: connect\n  command: |\n    x\n\n# z\nz: 1\n",
        remove(),
        "mcpServers: [] # c\n\n# z\nz: 1\n",
    ),
    "as the last one of an anchored list that nothing repeats": (
        "mcpServers: &s\n- name: connect\n",
        remove(),
        "mcpServers: &s []\n",
    ),
    "as the last one of a map": (
        "mcpServers:\n  # old\n  connect:\n    command: x\n  # z\n",
        remove(MAP),
        "mcpServers: {}\n  # old\n  # z\n",
    ),
    "at the end of a text without a last line break": (
        "mcpServers:\r\n  - name: a\r\n  - name: connect\r\n    command: x",
        remove(),
        "mcpServers:\r\n  - name: a",
    ),
    "after a block scalar at the end of a text without a last line break": (
        "mcpServers:\n  - text: |\n      a\n  - name: connect",
        remove(),
        "mcpServers:\n  - text: |\n      a\n",
    ),
    "as an alias": (
        "a: &a {b: 1}\nmcpServers:\n  x: *a\n  connect: *a\n",
        remove(MAP),
        "a: &a {b: 1}\nmcpServers:\n  x: *a\n",
    ),
    "with an anchor that nothing repeats": (
        "mcpServers:\n  - &c\n    name: connect\n    env: &e {}\n  - name: a\n",
        remove(),
        "mcpServers:\n  - name: a\n",
    ),
    "from one line": ("mcpServers: [{name: a}, {name: connect}]\n", remove(), "mcpServers: [{name: a}]\n"),
    "from the start of one line": ("mcpServers: [{name: connect}, a]\n", remove(), "mcpServers: [a]\n"),
    "from one line that ends in a comma": (
        "mcpServers: {a: {}, connect: {},}\n",
        remove(MAP),
        "mcpServers: {a: {},}\n",
    ),
    "as the last one of one line": ("mcpServers: {connect: {}}\n", remove(MAP), "mcpServers: {}\n"),
    "from a flow list over lines": (
        "mcpServers: [\n  {name: a}, # a\n  {name: connect} # c\n]\n",
        remove(),
        "mcpServers: [\n  {name: a} # a\n]\n",
    ),
    "from the start of a flow list over lines": (
        "mcpServers: [\n  {name: connect}, # c\n  # a\n  {name: a}\n]\n",
        remove(),
        "mcpServers: [\n  # a\n  {name: a}\n]\n",
    ),
}


@pytest.mark.parametrize(("before", "change", "after"), INSERTED.values(), ids=INSERTED.keys())
def test_a_new_entry_goes_in(before: str, change: Change, after: str) -> None:
    added = edit(before, YAML, [change])
    assert added.new == after
    assert edit(after, YAML, [change]).new == after
    assert reverse(added, [change], after, YAML).new == before


@pytest.mark.parametrize(("before", "change", "after"), UPDATED.values(), ids=UPDATED.keys())
def test_an_entry_is_updated(before: str, change: Change, after: str) -> None:
    updated = edit(before, YAML, [change])
    assert updated.new == after
    assert edit(after, YAML, [change]).new == after
    assert reverse(updated, [change], after, YAML).new == before


@pytest.mark.parametrize(("before", "change", "after"), REMOVED.values(), ids=REMOVED.keys())
def test_an_entry_is_removed(before: str, change: Change, after: str) -> None:
    removed = edit(before, YAML, [change])
    assert removed.new == after
    assert edit(after, YAML, [change]).new == after
    assert reverse(removed, [change], after, YAML).new == before


@pytest.mark.parametrize(
    ("before", "start", "end"),
    [
        ("", "", "\n"),
        ("\ufeff", "\ufeff", "\n"),
        (" \n\n", " \n\n", "\n"),
        ("# only this", "# only this\n", ""),
        ("# one\r\n", "# one\r\n", "\r\n"),
        ("---\n", "---\n", "\n"),
        ("---", "---\n", ""),
        ("%YAML 1.2\n--- # c\n# d\n...\n", "%YAML 1.2\n--- # c\n# d\n", "\n...\n"),
    ],
)
def test_a_document_that_holds_nothing_gets_what_the_host_needs_first(before: str, start: str, end: str) -> None:
    change = Put(LIST, "connect", SHORT, top=TOP)
    lines = (
        'name: "Local Config"\nversion: "1.0.0"\nschema: v1\nmcpServers:\n  - name: connect\n    command: /usr/bin/x'
    )
    if "\r" in end:
        lines = lines.replace("\n", "\r\n")
    added = edit(before, YAML, [change])
    assert added.new == start + lines + end
    assert reverse(added, [change], added.new, YAML).new == before
    assert edit("a: 1\n", YAML, [change]).new.startswith("a: 1\nmcpServers:")


REFUSED = {
    "a list that is never closed": ("a: 1\nb: [1, {c: d\n", LIST, 2, 8, "what starts here is never closed"),
    "a quote that is never closed": ("a: 1\nb: 'x\n", LIST, 2, 4, "what starts here is never closed"),
    "a text that ends early": ("a: 1\nb: [", LIST, 2, 5, "the file ends here"),
    "a missing comma": ("a: [1\nb: 2]\nc: 3\n", LIST, 2, 2, "is not closed, or lacks a comma"),
    "two colons": ("\ufeffa: b: c\n", LIST, 1, 5, "a second colon"),
    "a key without a colon": ("a: 1\nb\n", LIST, 2, 1, "a key without a colon"),
    "a key without a colon between others": ("a: 1\nb\nc: 1\n", LIST, 2, 1, "a key without a colon"),
    "wrong indentation": ("a:\n   b: 1\n  c: 1\n", LIST, 3, 3, "not indented like"),
    "a tab as indentation": ("a:\r\n\tb: 1\r\n", LIST, 2, 1, "a tab stands where only spaces may"),
    "a control character": ("\ufeffa: \x07\n", LIST, 1, 4, "a control character"),
    "an unknown escape": ('a: "\\q"\n', LIST, 1, 6, "unknown escape"),
    "several documents": ("a: 1\n---\nb: 2\n", LIST, 2, 1, "a second YAML document starts here"),
    "a key twice": ("a: {b: 1}\nc: {d: 1, 'd': 2}\n", LIST, 2, 11, "the key 'd' is there twice"),
    "the section twice": ("mcpServers: []\nmcpServers: []\n", LIST, 2, 1, "the key 'mcpServers' is there twice"),
    "the server twice": ("mcpServers: [{name: connect}, {name: connect}]\n", LIST, 1, 31, "is there twice"),
    "an alias of nothing": ("a: *b\n", LIST, 1, 4, "the alias *b has no anchor"),
    "a map where a list must be": ("mcpServers: {}\n", LIST, 1, 13, "mcpServers is a map"),
    "a list where a map must be": ("mcpServers:\n- a\n", MAP, 2, 1, "mcpServers is a list"),
    "a scalar where a list must be": ("mcpServers: x\n", LIST, 1, 13, "mcpServers is a single value"),
    "a document that is a list": ("- a\n", LIST, 1, 1, "the document is a list"),
    "a document that is a null": ("~\n", LIST, 1, 1, "the document is empty"),
    "an alias as the section": ("a: &a []\nmcpServers: *a\n", LIST, 2, 13, "mcpServers is only an alias"),
    "an alias as the entry": ("a: &a {}\nmcpServers:\n  connect: *a\n", MAP, 3, 12, "only an alias (*a)"),
    "an alias as the item": ("a: &a {name: connect}\nmcpServers:\n- *a\n", LIST, 3, 3, "only as an alias (*a)"),
    "a section that is used elsewhere": ("mcpServers: &s\n- x\nz: *s\n", LIST, 1, 13, "is used elsewhere"),
    "a merge key in the entry": ("a: &a {}\nmcpServers:\n  connect:\n    <<: *a\n", MAP, 4, 5, "with <<"),
    "a merge conflict": ("a: 1\n<<<<<<< x\nb: 1\n=======\nb: 2\n>>>>>>> y\n", LIST, 2, 1, "merge conflict"),
    "a block scalar that a line break would change": ("a: |\n  x", LIST, 2, 4, "would change if a line"),
}


@pytest.mark.parametrize(("text", "section", "line", "column", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_a_document_is_refused_with_its_place(text: str, section: Section, line: int, column: int, what: str) -> None:
    with pytest.raises(Refused) as refusal:
        edit(text, YAML, [put(SHORT, section)], path="config.yaml")
    place = refusal.value.place
    assert place is not None
    assert (place.line, place.column) == (line, column)
    assert what in refusal.value.what
    assert refusal.value.mend


@pytest.mark.parametrize(
    ("text", "section"),
    [
        ("mcpServers:\n- &c\n  name: connect\nz: *c\n", LIST),
        ("mcpServers:\n  connect:\n    env: &e {}\nz: [*e]\n", MAP),
    ],
)
def test_an_entry_whose_anchor_is_used_elsewhere_is_not_removed(text: str, section: Section) -> None:
    with pytest.raises(Refused, match="is used elsewhere"):
        edit(text, YAML, [remove(section)])


@pytest.mark.parametrize("section", [LIST, MAP], ids=["list", "map"])
@pytest.mark.parametrize("value", AWKWARD)
def test_any_string_reads_back_as_the_same_string(value: str, section: Section) -> None:
    entry: dict[str, Value] = {"command": value, "args": [value], "env": {value: value}}
    for text in ("", "mcpServers: [{name: 'a'}]\n" if section.keyed_by else "mcpServers: {'a': {'b': 'c'}}\n"):
        new = edit(text, YAML, [Put(section, value, entry)]).new
        named = {"name": value} if section.keyed_by else {}
        assert read(new, YAML, section)[value] == {**named, **entry}
        for version in ((1, 1), (1, 2)):
            yaml = ruamel_yaml.YAML(typ="safe", pure=True)
            yaml.version = version
            servers = yaml.load(new)["mcpServers"]
            assert (servers[-1] if section.keyed_by else servers[value]) == {**named, **entry}


@pytest.mark.parametrize("value", [True, None, 0, -5, 10**17, 10**30, 1.5, 1e100, -0.25])
def test_other_scalars_read_back_too(value: Value) -> None:
    new = edit("a: 1\n", YAML, [put({"command": "x", "timeout": value}, MAP)]).new
    assert ruamel_yaml.YAML(typ="safe", pure=True).load(new)["mcpServers"]["connect"]["timeout"] == value
    assert not edit(new, YAML, [put({"command": "x"}, MAP)]).changed


def test_a_byte_order_mark_is_the_only_quirk() -> None:
    assert YAML.quirks("\ufeffa: 1\n") == [Quirk("bom", 0)]
    assert YAML.quirks("# c\na: [1,]\n") == []


def test_values_are_read_decoded() -> None:
    text = (
        "mcpServers:\n  a: {b: 'it''s', c: \"\\x41\\u00e9\\t\", d: 1.5, e: 0x1F, f: [~, true]}\n"
        '  g: |\n    x\n     y\n  h: >-\n    x\n    y\n  i: x\n   y\n  j: "x\n\n    \\\n  y"\n  k: !!str 5\n'
    )
    assert read(text, YAML, MAP) == {
        "a": {"b": "it's", "c": "Aé\t", "d": 1.5, "e": "0x1F", "f": [None, True]},
        "g": "x\n y\n",
        "h": "x y",
        "i": "x y",
        "j": "x\ny",
        "k": "5",
    }


def test_trees_differ_where_a_spelling_or_an_alias_does() -> None:
    texts = [
        "a: 1",
        "a: 1.0",
        "a: 1.00",
        "a: '1'",
        "a: 0x1",
        "a: true",
        "a: yes",
        "a: 'yes'",
        "a: ~",
        "a: !t 1",
        "a: [1]",
    ]
    texts += ["b: 1", "a: {}", "a: []", "a: !t []", "x: &x 1\na: *x", "x: &y 1\na: *y", "x: &x 1\na: 1"]
    trees = [load(text) for text in texts]
    assert all(one != two for i, one in enumerate(trees) for two in trees[:i])


def test_nesting_and_aliases_of_aliases_do_no_harm() -> None:
    laughs = "a0: &a0 [x]\n" + "".join(f"a{i + 1}: &a{i + 1} [{f'*a{i}, ' * 9}]\n" for i in range(30))
    deep = "deep: " + "[" * 300 + "]" * 300 + "\n" + "".join(" " * i + f"k{i}:\n" for i in range(150))
    for text in (laughs, deep):
        assert edit(text, YAML, [put(SHORT)]).changed
    assert load(deep) != load(deep.replace("k149", "k150"))


def tree_of(node: Found) -> Tree:
    """What our own scanner found, in the form in which the verifying parser's tree comes."""
    if node.kind == "map":
        return Table(
            (child.name() if child.name()[:1] != "\0" else "\0", tree_of(child.node)) for child in node.children
        )
    if node.kind == "list":
        return [tree_of(child.node) for child in node.children]
    if node.kind == "alias" or node.tag:
        return ("*" if node.kind == "alias" else "tag",)
    return ("str", node.decoded()) if node.style not in ("plain", "") else scalar_tree(node.decoded())


def bare(tree: Any) -> Tree:
    """A tree without what the scanner does not tell: tags, aliases' names, keys that are no text."""
    if isinstance(tree, Table):
        return Table((key if key[:1] != "\0" else "\0", bare(value)) for key, value in tree if key != "\0tag")
    if isinstance(tree, list):
        return [bare(item) for item in tree if item[:1] != ("tag",) or len(item) > 2]
    return tree[:1] if tree[:1] in (("*",), ("tag",)) else tree


CHECKED = examples(75)


@CHECKED
@given(st.sampled_from((LIST, MAP)).flatmap(documents))
def test_our_scanner_finds_what_the_verifying_parser_reads(document: Document) -> None:
    assert tree_of(scan(document.text)) == bare(load(document.text))
    assert read(document.text, YAML, document.section) == document.entries


@CHECKED
@given(documents(LIST), entries())
def test_the_laws_hold_for_lists(document: Document, entry: dict[str, Value]) -> None:
    check_laws(document.text, YAML, LIST, entry, top=TOP)


@CHECKED
@given(documents(MAP), entries())
def test_the_laws_hold_for_maps(document: Document, entry: dict[str, Value]) -> None:
    check_laws(document.text, YAML, MAP, entry)


@examples(250)
@given(st.text(max_size=40) | mangled(), st.sampled_from((LIST, MAP)), st.sampled_from(("connect", "alpha")))
def test_any_text_is_edited_or_refused(text: str, section: Section, name: str) -> None:
    changes: Sequence[Change] = [Remove(section, name), Put(section, name, RUN, drop=frozenset({("timeout",)}))]
    for change in changes:
        try:
            once = edit(text, YAML, [change]).new
        except Refused:
            continue
        assert edit(once, YAML, [change]).new == once
        assert (name in read(once, YAML, section)) is isinstance(change, Put)
