import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from connect_mcp.base.errors import Refused
from connect_mcp.installer.editors.engine import edit, read, reverse
from connect_mcp.installer.editors.model import Change, KeyPath, Put, Remove, Section, Value
from connect_mcp.installer.editors.toml import TOML
from connect_mcp.installer.editors.toml_scan import tomllib
from support.editing_laws import check_laws
from support.examples import examples
from support.toml_texts import Generated, documents, names

SECTION = Section(("mcp_servers",))
LISTED = Section(("mcp_servers",), keyed_by="name")
ENTRY: dict[str, Value] = {"command": "/bin/c", "args": ["serve"], "env": {"A": "b"}}
SHORT: dict[str, Value] = {"command": "c"}
REMOTE: frozenset[KeyPath] = frozenset({("url",), ("http_headers",), ("bearer_token_env_var",)})

generated = examples(150)


def put(entry: Mapping[str, Value] = ENTRY, name: str = "connect", **more: Any) -> Put:
    return Put(SECTION, name, entry, **more)


def after(before: str, *changes: Change) -> str:
    return edit(before, TOML, changes or [put()]).new


def loaded(text: str) -> dict[str, Any]:
    document: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff"))
    return document


WHOLE = '[mcp_servers.connect]\ncommand = "/bin/c"\nargs = ["serve"]\nenv = { A = "b" }\n'

NEW_SERVERS = {
    "an empty file": ("", WHOLE),
    "a byte order mark alone": ("\ufeff", "\ufeff" + WHOLE),
    "a blank file": ("  \n\n", "  \n\n" + WHOLE),
    "a blank file without a line end": ("  ", "  \n" + WHOLE),
    "comments alone": ("# mine\n", "# mine\n\n" + WHOLE),
    "a section to be made": ('model = "o4" # c\n', 'model = "o4" # c\n\n' + WHOLE),
    "a section to be made below a table": ("[tui]\n\n\n", "[tui]\n\n\n" + WHOLE),
    "no final newline": ("[tui]\na = 1", "[tui]\na = 1\n\n" + WHOLE.rstrip("\n")),
    "no final newline behind a comment": ("[tui] # t", "[tui] # t\n\n" + WHOLE.rstrip("\n")),
    "CRLF": ("[tui]\r\na = 1\r\n", "[tui]\r\na = 1\r\n\r\n" + WHOLE.replace("\n", "\r\n")),
    "mixed line ends": (
        "[mcp_servers.a]\r\ncommand = 'x'\n\n[tui]\r\n",
        "[mcp_servers.a]\r\ncommand = 'x'\n\n" + WHOLE + "\n[tui]\r\n",
    ),
    "an empty section": ("[mcp_servers]\n\n[tui]\n", "[mcp_servers]\n\n" + WHOLE + "\n[tui]\n"),
    "a section with a comment below": (
        "[mcp_servers]\n# none yet\n\n[tui]\n",
        "[mcp_servers]\n# none yet\n\n" + WHOLE + "\n[tui]\n",
    ),
    "comments that lead into the next table": (
        "[mcp_servers.a]\ncommand = 'x' # own\n\n# about the screen\n[tui]\n",
        "[mcp_servers.a]\ncommand = 'x' # own\n\n" + WHOLE + "\n# about the screen\n[tui]\n",
    ),
    "a comment between two tables that touch": (
        "[mcp_servers.a]\ncommand = 'x'\n# about the screen\n[tui]\n",
        "[mcp_servers.a]\ncommand = 'x'\n" + WHOLE + "# about the screen\n[tui]\n",
    ),
    "commented-out keys": (
        "[mcp_servers.a]\ncommand = 'x'\n# args = []\n\n[tui]\n",
        "[mcp_servers.a]\ncommand = 'x'\n# args = []\n\n" + WHOLE + "\n[tui]\n",
    ),
    "a commented-out server at the end": (
        "[mcp_servers.a]\ncommand = 'x'\n\n# [mcp_servers.b]\n# command = 'y'\n",
        "[mcp_servers.a]\ncommand = 'x'\n\n" + WHOLE + "\n# [mcp_servers.b]\n# command = 'y'\n",
    ),
    "tables in between": (
        "[mcp_servers.a]\nurl = 'x'\n\n[tui]\n\n[mcp_servers.b]\nurl = 'y'\n\n[[many]]\n\n"
        "[mcp_servers.a.tools.t]\nm = 1\n\n[z]\n",
        "[mcp_servers.a]\nurl = 'x'\n\n[tui]\n\n[mcp_servers.b]\nurl = 'y'\n\n[[many]]\n\n"
        "[mcp_servers.a.tools.t]\nm = 1\n\n" + WHOLE + "\n[z]\n",
    ),
    "a super-table defined later": (
        "[mcp_servers.a]\nurl = 'x'\n\n[mcp_servers]\n\n[tui]\n",
        "[mcp_servers.a]\nurl = 'x'\n\n[mcp_servers]\n\n" + WHOLE + "\n[tui]\n",
    ),
    "header-looking text in strings": (
        'a = \'\'\'\n[mcp_servers]\n\'\'\'\n[mcp_servers.a]\nb = """\n[tui]\n\\"""\n# c""" # real\n[tui]\n',
        'a = \'\'\'\n[mcp_servers]\n\'\'\'\n[mcp_servers.a]\nb = """\n[tui]\n\\"""\n# c""" # real\n'
        + WHOLE
        + "[tui]\n",
    ),
    "indented tables": (
        '[mcp_servers.a]\n  command = "x"\n\n  [mcp_servers.a.env]\n    B = "1"\n\n[tui]\n',
        '[mcp_servers.a]\n  command = "x"\n\n  [mcp_servers.a.env]\n    B = "1"\n\n'
        '[mcp_servers.connect]\n  command = "/bin/c"\n  args = ["serve"]\n\n'
        '  [mcp_servers.connect.env]\n    A = "b"\n\n[tui]\n',
    ),
    "tabs and tight equals signs": (
        "[tui]\n\t[tui.x]\n\ta=1\n[mcp_servers]\n\t[mcp_servers.a]\n\t\turl='x'\n",
        "[tui]\n\t[tui.x]\n\ta=1\n[mcp_servers]\n\t[mcp_servers.a]\n\t\turl='x'\n"
        '\t[mcp_servers.connect]\n\t\tcommand="/bin/c"\n\t\targs=["serve"]\n\t\tenv={ A="b" }\n',
    ),
    "env under a header of its own": (
        "[mcp_servers.a]\ncommand = 'x'\n\n[mcp_servers.a.env]\nB = '1'\n",
        "[mcp_servers.a]\ncommand = 'x'\n\n[mcp_servers.a.env]\nB = '1'\n\n"
        '[mcp_servers.connect]\ncommand = "/bin/c"\nargs = ["serve"]\n\n[mcp_servers.connect.env]\nA = "b"\n',
    ),
    "env by dotted keys": (
        "[mcp_servers.a]\ncommand = 'x'\nenv.B = '1'\n",
        "[mcp_servers.a]\ncommand = 'x'\nenv.B = '1'\n\n"
        '[mcp_servers.connect]\ncommand = "/bin/c"\nargs = ["serve"]\nenv.A = "b"\n',
    ),
    "an inline section": (
        "mcp_servers = { a = { command = 'x' } } # c\ntail = 1\n",
        "mcp_servers = { a = { command = 'x' }, "
        'connect = { command = "/bin/c", args = ["serve"], env = { A = "b" } } } # c\ntail = 1\n',
    ),
    "an empty inline section": (
        "mcp_servers = {}\n",
        'mcp_servers = { connect = { command = "/bin/c", args = ["serve"], env = { A = "b" } } }\n',
    ),
    "an inline section of dotted keys": (
        "mcp_servers = {a.command='x',a.cwd='/'}\n",
        'mcp_servers = {a.command=\'x\',a.cwd=\'/\',connect={ command="/bin/c", args=["serve"], env={ A="b" } }}\n',
    ),
    "inline entries": (
        "[mcp_servers]\na = { command = 'x' } # c\n\n[tui]\n",
        "[mcp_servers]\na = { command = 'x' } # c\n"
        'connect = { command = "/bin/c", args = ["serve"], env = { A = "b" } }\n\n[tui]\n',
    ),
    "inline entries at the root": (
        "mcp_servers.a = { command = 'x' }\n[tui]\n",
        "mcp_servers.a = { command = 'x' }\n"
        'mcp_servers.connect = { command = "/bin/c", args = ["serve"], env = { A = "b" } }\n[tui]\n',
    ),
    "dotted keys at the root": (
        "mcp_servers.a.command = 'x' # c\nmodel = 1\n[tui]\n",
        "mcp_servers.a.command = 'x' # c\n"
        'mcp_servers.connect.command = "/bin/c"\nmcp_servers.connect.args = ["serve"]\n'
        'mcp_servers.connect.env = { A = "b" }\nmodel = 1\n[tui]\n',
    ),
    "dotted keys at the root, with blank lines and a quoted section": (
        "\"mcp_servers\".a.env.B = 'x'\n\n\"mcp_servers\".b.command = 'x'\n",
        "\"mcp_servers\".a.env.B = 'x'\n\n\"mcp_servers\".b.command = 'x'\n\n"
        '"mcp_servers".connect.command = "/bin/c"\n"mcp_servers".connect.args = ["serve"]\n'
        '"mcp_servers".connect.env.A = "b"\n',
    ),
    "dotted keys under the section": (
        "[mcp_servers]\n  a.command = 'x'\n  a.args = []\n",
        "[mcp_servers]\n  a.command = 'x'\n  a.args = []\n"
        '  connect.command = "/bin/c"\n  connect.args = ["serve"]\n  connect.env = { A = "b" }\n',
    ),
    "a dotted server and one with a header": (
        "mcp_servers.a.command = 'x'\n\n[mcp_servers.b]\nurl = 'y'\n\n[tui]\n",
        "mcp_servers.a.command = 'x'\n\n[mcp_servers.b]\nurl = 'y'\n\n" + WHOLE + "\n[tui]\n",
    ),
    "a byte order mark before the section": (
        "\ufeff[mcp_servers.a]\nurl = 'x'\n",
        "\ufeff[mcp_servers.a]\nurl = 'x'\n\n" + WHOLE,
    ),
}


@pytest.mark.parametrize(("before", "expected"), NEW_SERVERS.values(), ids=NEW_SERVERS)
def test_a_new_server_is_written_as_its_neighbours_are(before: str, expected: str) -> None:
    assert after(before) == expected
    assert check_laws(before, TOML, SECTION, ENTRY) == expected


@pytest.mark.parametrize(("before", "expected"), NEW_SERVERS.values(), ids=NEW_SERVERS)
def test_tomlkit_reads_the_result_as_the_old_document_and_the_entry(before: str, expected: str) -> None:
    old = loaded(before)
    old.setdefault("mcp_servers", {})["connect"] = ENTRY
    assert tomlkit.parse(expected.removeprefix("\ufeff")).unwrap() == old


REMOVALS = {
    "one of several": ("[a]\nx = 1\n\n[mcp_servers.connect]\ny = 1 # c\n\n[b]\n", "[a]\nx = 1\n\n[b]\n"),
    "the first of the file": ("[mcp_servers.connect]\ny = 1\n\n# b's\n[b]\n", "# b's\n[b]\n"),
    "the last of the file": ("[a]\nx = 1\n\n[mcp_servers.connect]\ny = 1", "[a]\nx = 1\n"),
    "the only thing there": ("[mcp_servers.connect]\ny = 1\n", ""),
    "comments above it and above the next": (
        "[a]\n\n# about us\n[mcp_servers.connect]\n# inside\ny = 1\n# b's\n[b]\n",
        "[a]\n\n# about us\n# b's\n[b]\n",
    ),
    "scattered tables": (
        "[mcp_servers.connect.env]\nA = 1\n\n[x]\n\n[mcp_servers.connect]\nc = 1\n\n# m\n[[m]]\n\n"
        "[mcp_servers.connect.tools.y]\nz = 1\n\n[[m]]\n\n[mcp_servers.other]\nc = 2\n",
        "[x]\n\n# m\n[[m]]\n\n[[m]]\n\n[mcp_servers.other]\nc = 2\n",
    ),
    "an array of tables inside": (
        "[mcp_servers.connect]\n[[mcp_servers.connect.rules]]\nr = 1\n"
        "[mcp_servers.connect.rules.s]\n[[mcp_servers.connect.rules]]\n[b]\n",
        "[b]\n",
    ),
    "dotted keys between others": (
        "mcp_servers.connect.command = 'x'\nmodel = 1 # m\nmcp_servers.connect.env.A = '''\n'''\nmcp_servers.b.c = 1\n",
        "model = 1 # m\nmcp_servers.b.c = 1\n",
    ),
    "dotted keys and a header": (
        "mcp_servers.connect.command = 'x'\n\n[mcp_servers.connect.env]\nA = 1\n\n[b]\n",
        "[b]\n",
    ),
    "an inline entry, first": ("mcp_servers = { connect = { a = [1, 2] }, b = 1 }\n", "mcp_servers = { b = 1 }\n"),
    "an inline entry, last": ("mcp_servers = { a = '}', connect = {} } # c\n", "mcp_servers = { a = '}' } # c\n"),
    "an inline entry, alone": ("mcp_servers = { connect = {} }\n", "mcp_servers = {}\n"),
    "an inline entry in pieces": (
        "mcp_servers = { connect.a = 1, b.c = 2, connect.d = 3, connect.e = 4 }\n",
        "mcp_servers = { b.c = 2 }\n",
    ),
    "an entry on a line of its own": ("[mcp_servers]\nconnect = { a = 1 } # c\nb = {}\n", "[mcp_servers]\nb = {}\n"),
    "quoted keys": (
        "['mcp_servers' . \"c\\u006fnnect\"]\na = 1\n\n[mcp_servers.'con.nect']\n",
        "[mcp_servers.'con.nect']\n",
    ),
}


@pytest.mark.parametrize(("before", "expected"), REMOVALS.values(), ids=REMOVALS)
def test_removing_an_entry_takes_all_its_pieces_and_nothing_else(before: str, expected: str) -> None:
    edited = edit(before, TOML, [Remove(SECTION, "connect")])
    assert edited.new == expected
    assert reverse(edited, [Remove(SECTION, "connect")], edited.new, TOML).new == before


@pytest.mark.parametrize(("before", "expected"), NEW_SERVERS.values(), ids=NEW_SERVERS)
def test_removing_without_a_record_leaves_what_was_there_but_for_a_line_end_or_blanks(
    before: str, expected: str
) -> None:
    removed = after(expected, Remove(SECTION, "connect"))
    assert "".join(removed.split()) == "".join(before.split())
    assert removed.count("\n") <= before.count("\n") + 1


UPDATES: dict[str, tuple[str, str]] = {
    "the user's keys stay": (
        "[mcp_servers.connect]\n# pinned\ncommand = 'old' # c\nenabled = false\nstartup_timeout_sec = 2.50\n"
        "args = [\n  'x', # one\n] # two\n\n[mcp_servers.connect.tools.search]\napproval_mode = 'auto'\n\n[tui]\n",
        '[mcp_servers.connect]\n# pinned\ncommand = "/bin/c" # c\nenabled = false\nstartup_timeout_sec = 2.50\n'
        "args = [\"serve\"] # two\n\n[mcp_servers.connect.tools.search]\napproval_mode = 'auto'\n\n"
        '[mcp_servers.connect.env]\nA = "b"\n\n[tui]\n',
    ),
    "keys go below the last one of the table, above its sub-tables": (
        "[mcp_servers.connect]\nenabled = true # c\n# note\n\n[mcp_servers.connect.env]\nB = '1' # b\n",
        '[mcp_servers.connect]\nenabled = true # c\ncommand = "/bin/c"\nargs = ["serve"]\n# note\n\n'
        "[mcp_servers.connect.env]\nB = '1' # b\nA = \"b\"\n",
    ),
    "a remote server becomes a local one": (
        "[mcp_servers.connect]\nurl = 'https://x' # u\nenabled = false\nbearer_token_env_var = 'T'\n\n"
        "[mcp_servers.connect.http_headers]\nX = 'y'\n\n[tui]\n",
        '[mcp_servers.connect]\nenabled = false\ncommand = "/bin/c"\nargs = ["serve"]\n\n'
        '[mcp_servers.connect.env]\nA = "b"\n\n[tui]\n',
    ),
    "a remote server alone becomes a local one": (
        "[mcp_servers.connect]\nurl = 'https://x'",
        '[mcp_servers.connect]\ncommand = "/bin/c"\nargs = ["serve"]\nenv = { A = "b" }\n',
    ),
    "an inline remote server becomes a local one": (
        "mcp_servers = { connect = { url = 'x', http_headers = { X = 'y' } } }\n",
        'mcp_servers = { connect = { command = "/bin/c", args = ["serve"], env = { A = "b" } } }\n',
    ),
    "an inline entry keeps its keys": (
        "[mcp_servers]\nconnect = { command='old', url='x', enabled=false, env={} } # c\n",
        '[mcp_servers]\nconnect = { command="/bin/c", enabled=false, env={ A="b" }, args=["serve"] } # c\n',
    ),
    "a dotted remote server inside braces": (
        "mcp_servers = { connect.url = 'x', b.url = 'y' }\n",
        'mcp_servers = { connect.command = "/bin/c", connect.args = ["serve"], connect.env = { A = "b" }, '
        "b.url = 'y' }\n",
    ),
    "a dotted entry": (
        "mcp_servers.connect.url = 'x'\nmcp_servers.connect.env.B = '1' # c\n\nmodel = 1\n",
        "mcp_servers.connect.env.B = '1' # c\nmcp_servers.connect.command = \"/bin/c\"\n"
        'mcp_servers.connect.args = ["serve"]\nmcp_servers.connect.env.A = "b"\n\nmodel = 1\n',
    ),
    "an entry without a header of its own": (
        "[mcp_servers.connect.env]\nA = 'b'\n\n[tui]\n",
        "[mcp_servers.connect.env]\nA = 'b'\n\n"
        '[mcp_servers.connect]\ncommand = "/bin/c"\nargs = ["serve"]\n\n[tui]\n',
    ),
    "an empty entry": (
        "[mcp_servers.connect] # ours\n\n[mcp_servers.b]\nenv.X = '1'\n",
        '[mcp_servers.connect] # ours\ncommand = "/bin/c"\nargs = ["serve"]\nenv.A = "b"\n\n'
        "[mcp_servers.b]\nenv.X = '1'\n",
    ),
    "an entry of the wrong type": (
        "[mcp_servers]\nconnect = 'x' # c\n",
        '[mcp_servers]\nconnect = { command = "/bin/c", args = ["serve"], env = { A = "b" } } # c\n',
    ),
    "arguments as an array of tables": (
        "[mcp_servers.connect]\ncommand = '/bin/c'\n[[mcp_servers.connect.args]]\nx = 1\n[tui]\n",
        '[mcp_servers.connect]\ncommand = \'/bin/c\'\nargs = ["serve"]\n[mcp_servers.connect.env]\nA = "b"\n[tui]\n',
    ),
}


@pytest.mark.parametrize(("before", "expected"), UPDATES.values(), ids=UPDATES)
def test_an_entry_of_that_name_is_updated_key_by_key(before: str, expected: str) -> None:
    change = put(drop=REMOTE)
    edited = edit(before, TOML, [change])
    assert edited.new == expected
    assert not edit(edited.new, TOML, [change]).changed
    assert reverse(edited, [change], edited.new, TOML).new == before
    assert tomlkit.parse(expected).unwrap() == loaded(expected)


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("a-b_C9", "a-b_C9"),
        ("io.github/x", '"io.github/x"'),
        ("two words", '"two words"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("é", '"é"'),
        ("", '""'),
        ("a\tb\x7f\x00\u2028", '"a\\tb\\u007F\\u0000\\u2028"'),
    ],
)
def test_names_are_quoted_where_they_must_be(name: str, spelled: str) -> None:
    text = after("", put({"command": name}, name=name))
    assert (
        text
        == f"[mcp_servers.{spelled}]\ncommand = {spelled if spelled[0] == chr(34) else chr(34) + spelled + chr(34)}\n"
    )
    assert read(text, TOML, SECTION) == {name: {"command": name}}


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
@generated
def test_any_string_is_read_back(name: str, value: str) -> None:
    for before in ("", "mcp_servers = {}", "mcp_servers.'an unlikely name'.b = 1"):
        new = after(before, put({"command": value, "env": {value: value}}, name=name))
        assert loaded(new)["mcp_servers"][name] == {"command": value, "env": {value: value}}
        assert tomlkit.parse(new).unwrap()["mcp_servers"][name] == {"command": value, "env": {value: value}}


def test_every_kind_of_value_is_read_back_as_itself() -> None:
    entry: dict[str, Value] = {"i": 1, "f": 1.0, "t": True, "big": 1e22, "deep": [[1, {"x": []}]], "none": {}}
    text = after("", put(entry))
    assert text.splitlines()[1:] == [
        "i = 1", "f = 1.0", "t = true", "big = 1e+22", "deep = [[1, { x = [] }]]", "none = {}",
    ]  # fmt: skip
    assert not edit(text, TOML, [put(entry)]).changed
    assert edit(text, TOML, [put({"i": True, "t": 1, "f": 1})]).new.splitlines()[1:4] == ["i = true", "f = 1", "t = 1"]


@pytest.mark.parametrize("value", [None, ["x", None], "half \ud800"])
def test_what_toml_cannot_hold_is_refused(value: Value) -> None:
    with pytest.raises(Refused, match="TOML"):
        after("", put({"command": value}))


LISTS = {
    "none yet": ("a = 1\n", 'a = 1\n\n[[mcp_servers]]\nname = "connect"\ncommand = "c"\n'),
    "an array of tables": (
        "[[mcp_servers]]\nname = 'a'\n\n[mcp_servers.env]\nX = '1'\n\n[tui]\n",
        "[[mcp_servers]]\nname = 'a'\n\n[mcp_servers.env]\nX = '1'\n\n"
        '[[mcp_servers]]\nname = "connect"\ncommand = "c"\n\n[tui]\n',
    ),
    "an array on one line": (
        "mcp_servers = [{ name = 'a' }] # c\n",
        'mcp_servers = [{ name = \'a\' }, { name = "connect", command = "c" }] # c\n',
    ),
    "an empty array": ("mcp_servers = []\n", 'mcp_servers = [{ name = "connect", command = "c" }]\n'),
    "an array on lines": (
        "mcp_servers = [\n  { name = 'a' }, # a\n  # end\n]\n",
        'mcp_servers = [\n  { name = \'a\' }, # a\n  { name = "connect", command = "c" },\n  # end\n]\n',
    ),
    "an array on lines without a last comma": (
        "mcp_servers = [\r\n  { name = 'a' } # a\r\n]\r\n",
        'mcp_servers = [\r\n  { name = \'a\' }, # a\r\n  { name = "connect", command = "c" }\r\n]\r\n',
    ),
}


@pytest.mark.parametrize(("before", "expected"), LISTS.values(), ids=LISTS)
def test_a_section_can_be_a_list_of_named_entries(before: str, expected: str) -> None:
    change = Put(LISTED, "connect", SHORT)
    edited = edit(before, TOML, [change])
    assert edited.new == expected
    assert not edit(expected, TOML, [change]).changed
    assert read(expected, TOML, LISTED)["connect"] == {"name": "connect", **SHORT}
    assert reverse(edited, [change], expected, TOML).new == before
    removed = edit(expected, TOML, [Remove(LISTED, "connect")]).new
    assert "".join(removed.split()) in ("".join(before.split()), "".join(before.replace("}", "},").split()))
    assert loaded(removed).get("mcp_servers", []) == loaded(before).get("mcp_servers", [])


def test_taking_an_item_out_of_an_array_on_lines_leaves_every_comment() -> None:
    before = "mcp_servers = [\n  # first\n  { name = 'connect' }, # c\n  # second\n  { name = 'b' },\n]\n"
    removed = edit(before, TOML, [Remove(LISTED, "connect")]).new
    assert removed == "mcp_servers = [\n  # first\n   # c\n  # second\n  { name = 'b' },\n]\n"


REFUSALS: dict[str, tuple[str, tuple[int, int], str]] = {
    "a syntax error": ("a = 1\nb = = 2\n", (2, 5), "invalid value"),
    "a syntax error behind CRLF and a byte order mark": ("\ufeffa = 1\r\nb = = 2\r\n", (2, 5), "invalid value"),
    "a syntax error in the first line behind a byte order mark": ("\ufeffb = = 2\n", (1, 5), "invalid value"),
    "a cut-off string": ('a = 1\nb = """x\n', (2, 5), "this string is never closed"),
    "a cut-off array": ("a = [1,\n", (1, 5), "this bracket is never closed"),
    "a cut-off header": ("[mcp_servers", (1, 13), "expected ]"),
    "a lone carriage return": ("a = 1\rb = 2\n", (1, 6), "this is not valid TOML"),
    "a table twice": (
        "[mcp_servers.a]\nx = 1\n\n[mcp_servers.'a'] # again\ny = 2\n",
        (4, 1), "mcp_servers.a is defined a second time",
    ),
    "a key twice": ("[mcp_servers.a]\nx = 1\n  x = [\n 2]\n", (3, 3), "x is defined a second time"),
    "a key twice, with more that is wrong": ("x = 1\nx = 2\n[", (2, 6), "this key is defined a second time"),
    "a table that braces have closed": ("mcp_servers = {}\n[mcp_servers.a]\n", (2, 1), "mcp_servers.a is defined"),
    "a section that is an array of tables": ("a = 1\n[[mcp_servers]]\n", (2, 1), "mcp_servers is a list"),
    "a section that is an array": ("mcp_servers = []\n", (1, 15), "mcp_servers is a list"),
    "a section that is a scalar": ("\n  mcp_servers = 'x'\n", (2, 17), "mcp_servers is a single value"),
    "a merge conflict": (
        "a = 1\n<<<<<<< HEAD\nb = 1\n=======\nb = 2\n>>>>>>> x\n", (2, 1), "an unresolved merge conflict",
    ),
    "a number that Python will not read": ("a = 1\nb = " + "1" * 5000, (2, 5), "too many digits"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "place", "what"), REFUSALS.values(), ids=REFUSALS)
def test_it_is_refused_with_line_and_column(text: str, place: tuple[int, int], what: str) -> None:
    with pytest.raises(Refused) as refusal:
        edit(text, TOML, [put()], path="config.toml")
    found = refusal.value
    assert found.place
    assert (found.place.line, found.place.column) == place
    assert what in found.what
    assert found.mend


def test_a_file_cut_off_anywhere_is_refused_or_read_as_far_as_it_goes() -> None:
    whole = "x = {a = [1, '''\n''']}\n[mcp_servers.\"q\"]\ncommand = \"a\\\"b\" # c\nargs = [\n'x',\n]\n"
    for end in range(len(whole)):
        _keeps_the_promise(whole[:end])


NESTS = {
    "arrays": lambda depth: "[" * depth + "]" * depth,
    "inline tables": lambda depth: "{ a = " * depth + "1" + " }" * depth,
    "dotted keys": lambda depth: "{ " + ".".join("a" * depth) + " = 1 }",
}


@pytest.mark.parametrize("nest", NESTS.values(), ids=NESTS)
@pytest.mark.parametrize("depth", [250, 1500])
def test_deep_nesting_is_edited_around_or_refused_where_the_parser_has_a_limit(
    nest: Callable[[int], str], depth: int
) -> None:
    deep = nest(depth)
    for before in (f"x = {deep}\n", f"[mcp_servers.a]\nx = {deep}\n", f"mcp_servers = {{ a = {{ x = {deep} }} }}\n"):
        try:
            new = after(before)
        except Refused as refusal:  # tomli has one near 1,000
            assert depth > 1000
            assert "nested too deep" in refusal.what  # noqa: PT017
        else:
            assert "connect" in read(new, TOML, SECTION)
            assert deep in new


def test_deep_headers_are_edited_around() -> None:
    before = "[" + ".".join("a" * 400) + "]\nb = 1\n"
    assert after(before) == before + "\n" + WHOLE


def test_the_order_of_other_servers_is_that_of_the_file() -> None:
    text = "[mcp_servers.b]\n[mcp_servers.a]\n[mcp_servers.b.env]\n[x]\n[mcp_servers]\nc.d = 1\n"
    assert list(read(text, TOML, SECTION)) == ["b", "a", "c"]


def test_what_some_hosts_reject_is_found() -> None:
    text = "\ufeff# one\na = '#' # two\nb = [\n'''\n#''', # three\n]\n"
    found = [(quirk.kind, text[quirk.offset :].split("\n")[0]) for quirk in TOML.quirks(text)]
    assert found == [("bom", "\ufeff# one"), ("comment", "# one"), ("comment", "# two"), ("comment", "# three")]


def test_a_changed_number_spelling_or_time_zone_is_a_difference() -> None:
    texts = ["a = 1", "a = 1.0", "a = 1.00", "a = true", "a = '1'", "a = [1]", "a = 07:00:00", "a = '07:00:00'",
             "a = 1979-05-27T07:00:00Z", "a = 1979-05-27T08:00:00+01:00", "a = {}", "a = []", ""]  # fmt: skip
    trees = [TOML.load(text) for text in texts]
    assert all((one == two) == (one is two) for one in trees for two in trees)
    assert TOML.load("a = 1\nb = 2\n") == TOML.load("b = 2\na = 1\n"), "the order of keys has no meaning in TOML"


@given(documents())
@generated
def test_the_laws_hold_for_generated_documents(document: Generated) -> None:
    assert loaded(document.text) == document.model, "the generator itself is right"
    assert read(document.text, TOML, SECTION) == document.model.get("mcp_servers", {})
    new = check_laws(document.text, TOML, SECTION, ENTRY)
    expected = copy.deepcopy(document.model)
    expected.setdefault("mcp_servers", {})["connect"] = ENTRY
    assert loaded(new) == expected
    (splices,) = edit(document.text, TOML, [put()]).steps
    assert all(not document.text[splice.start : splice.end].strip() for splice in splices), "adding only inserts"


@given(documents(), names)
@generated
def test_updating_any_entry_changes_its_named_keys_alone(document: Generated, name: str) -> None:
    expected = copy.deepcopy(document.model)
    _merge(expected.setdefault("mcp_servers", {}), {name: ENTRY})
    for key in ("url", "cwd"):
        expected["mcp_servers"][name].pop(key, None)
    change = put(name=name, drop=frozenset({("url",), ("cwd",)}))
    edited = edit(document.text, TOML, [change])
    assert loaded(edited.new) == expected
    assert not edit(edited.new, TOML, [change]).changed
    assert reverse(edited, [change], edited.new, TOML).new == document.text


@given(documents(), names)
@generated
def test_removing_any_entry_takes_out_that_alone(document: Generated, name: str) -> None:
    new = after(document.text, Remove(SECTION, name))
    expected = copy.deepcopy(document.model)
    expected.get("mcp_servers", {}).pop(name, None)
    found = loaded(new)
    if not expected.get("mcp_servers", True):
        found.setdefault("mcp_servers", {})  # a table that only its entries implied is gone with them
    assert found == expected
    assert _is_within(new, document.text), "removing only takes out"


@given(documents(), st.data())
@generated
def test_mutated_documents_are_refused_or_edited_as_promised(document: Generated, data: st.DataObject) -> None:
    text = document.text
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        end = min(len(text), at + data.draw(st.integers(0, 3)))
        text = text[:at] + data.draw(st.text("[]{}=.,\"'#\\\n\r\t a1_-é\ufeff", max_size=3)) + text[end:]
    _keeps_the_promise(text)


@given(st.lists(st.sampled_from([
    "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "mcp_servers", "connect", "a", '"', "'", '"""', "'''", "\\", "#",
    "\n", "\r\n", " ", "1", "1.5", "true", "'x'", '"y"', "mcp_servers.a = ", "[mcp_servers.connect]\n",
    "[[mcp_servers.a]]\n",
]), max_size=14).map("".join))  # fmt: skip
@generated
def test_arbitrary_text_is_refused_or_edited_as_promised(text: str) -> None:
    _keeps_the_promise(text)


def _keeps_the_promise(text: str) -> None:
    try:
        new = after(text)
    except Refused:
        return
    expected = loaded(text)
    _merge(expected.setdefault("mcp_servers", {}), {"connect": ENTRY})
    assert loaded(new) == expected


def _merge(into: dict[str, Any], entry: Mapping[str, Any]) -> None:
    for key, value in entry.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)


def _is_within(few: str, many: str) -> bool:
    rest = iter(many)
    return all(char in rest for char in few)
