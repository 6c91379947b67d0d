"""What the engine plans, proves and takes back, shown on JSON documents."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connect_mcp.base.errors import Refused
from connect_mcp.installer.editors.engine import apply_splices, edit, position, positions, read, reverse
from connect_mcp.installer.editors.jsonc import JSONC
from connect_mcp.installer.editors.model import (
    NAMES,
    Change,
    Edit,
    Format,
    Node,
    Put,
    Quirk,
    Remove,
    Rewrite,
    Section,
    Splice,
    Tree,
    Value,
)
from support.editing_laws import check_laws

SERVERS = Section(("mcpServers",))


def document(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def servers(**entries: object) -> str:
    return document({"theme": "dark", "mcpServers": entries, "editor": {"size": 12}})


def test_an_update_keeps_the_users_keys_and_merges_env() -> None:
    old = {"command": "old", "disabled": True, "env": {"MINE": "1", "URL": "a"}, "autoApprove": ["x"]}
    put = Put(SERVERS, "connect", {"command": "new", "args": ["serve"], "env": {"URL": "b", "KEY": "k"}})
    assert edit(servers(connect=old), JSONC, [put]).new == servers(
        connect={
            "command": "new",
            "disabled": True,
            "env": {"MINE": "1", "URL": "b", "KEY": "k"},
            "autoApprove": ["x"],
            "args": ["serve"],
        }
    )


def test_keys_that_contradict_the_entry_go_at_any_depth() -> None:
    old = {"command": "c", "args": [], "headers": {"Old": "1", "Mine": "2"}, "auth": {"kind": "x"}, "timeout": 5}
    drop = frozenset({("command",), ("args",), ("headers", "Old"), ("auth", "kind"), ("absent",), ("timeout", "x")})
    put = Put(SERVERS, "connect", {"url": "u", "headers": {"New": "3"}}, drop)
    assert edit(servers(connect=old), JSONC, [put]).new == servers(
        connect={"headers": {"Mine": "2", "New": "3"}, "auth": {}, "timeout": 5, "url": "u"}
    )


def test_a_key_that_the_entry_gives_is_never_dropped() -> None:
    put = Put(SERVERS, "connect", {"url": "u", "env": {"A": "1"}}, frozenset({("url",), ("env",), ("env", "A")}))
    assert edit(servers(connect={"url": "old", "env": {"B": "2"}}), JSONC, [put]).new == servers(
        connect={"url": "u", "env": {"B": "2", "A": "1"}}
    )


def test_a_scalar_and_a_map_take_each_others_place() -> None:
    put = Put(SERVERS, "connect", {"env": {"A": "1"}, "tools": "all"}, frozenset({("tools", "x")}))
    assert edit(servers(connect={"env": None, "tools": {"x": 1}}), JSONC, [put]).new == servers(
        connect={"env": {"A": "1"}, "tools": "all"}
    )


def test_true_is_not_one_and_one_is_not_one_point_nought() -> None:
    old = '{"mcpServers": {"connect": {"a": 1, "b": true, "c": 1.0, "d": [1.0], "e": 1e0}}}'
    put = Put(SERVERS, "connect", {"a": True, "b": 1, "c": 1, "d": [1], "e": 1.0})
    assert edit(old, JSONC, [put]).new == '{"mcpServers": {"connect": {"a": true, "b": 1, "c": 1, "d": [1], "e": 1e0}}}'


def test_several_changes_are_made_in_order_and_only_once_each() -> None:
    changes: list[Change] = [
        Remove(SERVERS, "old"),
        Put(SERVERS, "new", {"command": "n"}),
        Remove(SERVERS, "absent"),
        Put(Section(("inputs",)), "key", {"type": "promptString"}),
    ]
    made = edit(servers(old={}, other={}), JSONC, changes)
    assert json.loads(made.new) == {
        "theme": "dark",
        "mcpServers": {"other": {}, "new": {"command": "n"}},
        "editor": {"size": 12},
        "inputs": {"key": {"type": "promptString"}},
    }
    assert [bool(step) for step in made.steps] == [True, True, False, True]
    current = made.old
    for step in made.steps:
        current = apply_splices(current, step)
    assert current == made.new
    assert reverse(made, changes, made.new, JSONC).new == made.old


def test_the_first_lines_of_a_new_document_are_written_once() -> None:
    put = Put(SERVERS, "connect", {"command": "c"}, top={"name": "mine", "version": 1})
    made = edit("", JSONC, [put]).new
    assert made == document({"name": "mine", "version": 1, "mcpServers": {"connect": {"command": "c"}}})
    assert edit('{"x": 1}', JSONC, [put]).new == '{"x": 1, "mcpServers": {"connect": {"command": "c"}}}'


def test_reading_gives_plain_values_and_nothing_where_nothing_is() -> None:
    assert read(servers(a={"n": 1.5}, b=None), JSONC, SERVERS) == {"a": {"n": 1.5}, "b": None}
    assert read("", JSONC, SERVERS) == {}
    assert read("{}", JSONC, Section(("mcp", "servers"))) == {}
    with pytest.raises(Refused, match=r"config:1:9: mcp is a list, and this host wants a map"):
        read('{"mcp": []}', JSONC, Section(("mcp", "servers")))


@pytest.mark.parametrize(
    ("text", "kind", "line", "column"),
    [
        ('{\n  "a": 1 // x\n}', "comment", 2, 10),
        ('{\n  "a": 1,\n}', "trailing-comma", 2, 9),
        ("\ufeff{}", "bom", 1, 1),
        ('{"a": {"b": 1, "b": 2}}', "duplicate-key", 1, 16),
        ("// only a comment", "comment", 1, 1),
    ],
)
def test_what_the_host_rejects_is_refused_unless_forced(text: str, kind: str, line: int, column: int) -> None:
    put = Put(SERVERS, "connect", {"command": "c"})
    with pytest.raises(Refused, match="this host does not accept") as refused:
        edit(text, JSONC, [put], rejects={kind}, path="some.json")
    assert str(refused.value).startswith(f"some.json:{line}:{column}: ")
    assert "--force" in refused.value.mend
    others = {"comment", "trailing-comma", "bom", "duplicate-key"} - {kind}
    assert edit(text, JSONC, [put], rejects=others).changed


def test_a_fault_in_a_later_change_is_told_at_its_place_in_the_users_text() -> None:
    text = '{\n  "mcpServers": {},\n  "inputs": []\n}\n'
    changes: list[Change] = [
        Put(SERVERS, "connect", {"command": "c", "args": ["x"]}),
        Put(Section(("inputs",)), "key", {"type": "x"}),
    ]
    with pytest.raises(Refused, match=r"config:3:13: inputs is a list"):
        edit(text, JSONC, changes)


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        ("ab", 1, (1, 2)),
        ("a\nb", 2, (2, 1)),
        ("a\r\nb", 3, (2, 1)),
        ("a\rb", 2, (2, 1)),
        ("\ufeffa", 1, (1, 1)),
        ("", 0, (1, 1)),
    ],
)
def test_a_position_counts_lines_of_any_kind(text: str, offset: int, place: tuple[int, int]) -> None:
    assert position(text, offset) == place
    assert positions(text)(offset) == place


@given(text=st.text(alphabet="a\r\n\ufeffü", max_size=20), data=st.data())
def test_many_positions_are_found_like_one(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    if text[offset - 1 : offset + 1] != "\r\n":  # nothing stands between the two halves of a line's end
        assert positions(text)(offset) == position(text, offset)


class _Wrapped:
    """The JSON format with one part of it gone wrong."""

    name = "wrapped"

    def __init__(self, fmt: Format, extra: Splice) -> None:
        self.fmt = fmt
        self.extra = extra

    def parse(self, text: str) -> Node:
        return self.fmt.parse(text)

    def splices(self, text: str, root: Node, rewrites: Sequence[Rewrite]) -> list[Splice]:
        return [*self.fmt.splices(text, root, rewrites), self.extra]

    def load(self, text: str) -> Tree:
        return self.fmt.load(text)

    def tree(self, value: Value) -> Tree:
        return self.fmt.tree(value)

    def quirks(self, text: str) -> list[Quirk]:
        return self.fmt.quirks(text)


@pytest.mark.parametrize(
    "extra",
    [
        Splice(6, 7, "2"),
        Splice(6, 7, "1.0"),
        Splice(6, 7, "true"),
        Splice(6, 7, ""),
        Splice(2, 3, "A"),
        Splice(1, 9, ""),
    ],
)
def test_an_edit_that_changes_anything_else_is_refused(extra: Splice) -> None:
    text = '{"a": 1, "b": 1, "mcpServers": {}}'
    with pytest.raises(Refused, match="this place cannot be edited"):
        edit(text, _Wrapped(JSONC, extra), [Put(SERVERS, "connect", {"command": "c"})])


PUT = Put(SERVERS, "connect", {"url": "u", "env": {"B": "2"}}, frozenset({("command",)}))
OLD = {"command": "mine", "env": {"A": "1", "B": "0"}, "disabled": True}


def test_taking_back_gives_the_bytes_where_only_other_places_changed() -> None:
    text = servers(first={}, connect=OLD, last={})
    made = edit(text, JSONC, [PUT])
    for old, new in (
        ('"dark"', '"light"'),
        ("12", "[13, 14]"),
        ('"first": {}', '"first": {"x": 1}'),
        ("{\n", "{ \n\n"),
    ):
        assert reverse(made, [PUT], made.new.replace(old, new, 1), JSONC).new == text.replace(old, new, 1)
    both = made.new.replace('"dark"', '"light"').replace("12", "13")
    assert reverse(made, [PUT], both, JSONC).new == text.replace('"dark"', '"light"').replace("12", "13")


def test_taking_back_a_section_that_we_made_takes_the_section() -> None:
    put = Put(SERVERS, "connect", {"command": "c"})
    made = edit('{"theme": "dark"}', JSONC, [put])
    assert reverse(made, [put], made.new.replace("dark", "light"), JSONC).new == '{"theme": "light"}'
    beside = edit(made.new, JSONC, [Put(SERVERS, "other", {})]).new
    assert reverse(made, [put], beside, JSONC).new == '{"theme": "dark", "mcpServers": {"other": {}}}'


def test_taking_back_a_removal_puts_the_entry_where_it_was() -> None:
    remove = Remove(SERVERS, "connect")
    text = servers(first={}, connect=OLD, last={})
    made = edit(text, JSONC, [remove])
    assert reverse(made, [remove], made.new, JSONC).new == text
    changed = made.new.replace('"dark"', '"light"').replace("12", "13")
    assert reverse(made, [remove], changed, JSONC).new == text.replace('"dark"', '"light"').replace("12", "13")
    elsewhere = document({"mcpServers": {"z": {}}})
    assert reverse(made, [remove], elsewhere, JSONC).new == document({"mcpServers": {"z": {}, "connect": OLD}})


def test_taking_back_an_update_that_was_touched_gives_back_the_values_that_it_replaced() -> None:
    made = edit(servers(connect=OLD), JSONC, [PUT])
    touched = servers(connect={"env": {"A": "7", "B": "2", "C": "3"}, "disabled": False, "url": "u", "tools": []})
    assert reverse(made, [PUT], touched, JSONC).new == servers(
        connect={"env": {"A": "7", "B": "0", "C": "3"}, "disabled": False, "tools": [], "command": "mine"}
    )


def test_taking_back_an_entry_that_was_touched_takes_the_entry_alone() -> None:
    put = Put(SERVERS, "connect", {"command": "c"})
    made = edit(servers(a={}), JSONC, [put])
    touched = servers(a={}, connect={"command": "c", "disabled": True}, b={})
    assert reverse(made, [put], touched, JSONC).new == servers(a={}, b={})
    assert reverse(made, [put], servers(a={}), JSONC).new == servers(a={})


def test_taking_back_what_changed_nothing_changes_nothing() -> None:
    put = Put(SERVERS, "connect", {"command": "c"})
    made = edit(servers(connect={"command": "c"}), JSONC, [put])
    assert not made.changed
    assert not reverse(made, [put], servers(connect={"command": "other"}), JSONC).changed


def test_taking_back_from_a_text_that_does_not_parse_is_refused() -> None:
    put = Put(SERVERS, "connect", {"command": "c"})
    made = edit(servers(), JSONC, [put])
    with pytest.raises(Refused, match=r"some\.json:1:5: "):
        reverse(made, [put], '{"a"', JSONC, path="some.json")


def test_a_recorded_edit_needs_no_steps_to_be_taken_back() -> None:
    put = Put(SERVERS, "connect", {"command": "c"})
    made = edit(servers(), JSONC, [put])
    back = reverse(Edit(made.old, made.new, ()), [put], made.new + "\n", JSONC)
    assert back.new == made.old + "\n"
    assert apply_splices(back.old, back.steps[0]) == back.new


@settings(max_examples=200, deadline=None, database=None)
@given(st.text("ab", max_size=8), st.text("ab", max_size=8), st.text("ab", max_size=4), st.text("ab", max_size=4))
def test_names_that_share_their_letters_are_told_apart_when_one_is_taken_back(a: str, b: str, c: str, d: str) -> None:
    put = Put(SERVERS, a, {"command": a})
    text = servers(**{name: {"command": name} for name in (b, c) if name != a})
    made = edit(text, JSONC, [put])
    current = edit(made.new, JSONC, [Put(SERVERS, d, {"command": d})]).new if d != a else made.new
    expected = {**json.loads(text)["mcpServers"], **({d: {"command": d}} if d != a else {})}
    assert read(reverse(made, [put], current, JSONC).new, JSONC, SERVERS) == expected


OFF = Section(("mcp", "excluded"), NAMES)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"mcp": {"excluded": []}}', '{"mcp": {"excluded": ["connect"]}}'),
        ('{"mcp": {"excluded": ["a",],}}', '{"mcp": {"excluded": ["a", "connect",],}}'),
        ('{\n  "mcp": {"excluded": [\n    "a", // mine\n    7\n  ]}\n}\n', None),
        ('{"theme": "dark"}', None),
        ("", None),
    ],
)
def test_a_list_of_bare_names_keeps_the_same_laws(before: str, after: str | None) -> None:
    new = check_laws(before, JSONC, OFF, {})
    assert after in (None, new)
    assert "connect" in read(new, JSONC, OFF)
