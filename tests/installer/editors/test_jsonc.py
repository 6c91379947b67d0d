"""The JSON and JSONC editor: byte for byte by example, by law on generated texts, and by what it refuses."""

import itertools
import json
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connect_mcp.base.errors import Refused
from connect_mcp.installer.editors.engine import BOM, decode, edit, read, reverse
from connect_mcp.installer.editors.jsonc import JSONC
from connect_mcp.installer.editors.model import Change, Fault, KeyPath, Put, Remove, Section, Splice
from support.editing_laws import check_laws
from support.json_texts import Document, Json, Layout, documents, entries, layouts, mutated, names, seeds, values

SERVERS = Section(("mcpServers",))
PUT = Put(SERVERS, "connect", {"command": "c", "args": ["x"]})
HTTP = Put(SERVERS, "connect", {"url": "u", "headers": {"A": "1"}}, drop=frozenset({("command",), ("args",), ("env",)}))

often = settings(max_examples=200, deadline=None, database=None)

FRESH = """\
{
  "mcpServers": {
    "connect": {
      "command": "c",
      "args": [
        "x"
      ]
    }
  }
}
"""

ADDED = {
    "an empty text": ("", FRESH),
    "blanks": (" \n\t\n", FRESH),
    "blanks with CRLF": ("\r\n", FRESH.replace("\n", "\r\n")),
    "a byte order mark alone": (BOM, BOM + FRESH),
    "a comment alone": ("// mine\n\n", "// mine\n" + FRESH.rstrip() + "\n\n"),
    "comments without a final newline": ("// a\n/* b */", "// a\n/* b */\n" + FRESH.rstrip()),
    "an empty object": ("{}\n", FRESH),
    "an empty object between comments": ("// a\n{ } // b", "// a\n" + FRESH.rstrip() + " // b"),
    "an empty object with a comment in it": (
        "{ /* none */ }\n",
        FRESH.replace("{\n", "{ /* none */\n", 1),
    ),
    "one line stays one line": ('{"a":1}', '{"a":1,"mcpServers":{"connect":{"command":"c","args":["x"]}}}'),
    "one line with blanks": (
        '{ "a": 1 }\n',
        '{ "a": 1, "mcpServers": { "connect": { "command": "c", "args": ["x"] } } }\n',
    ),
    "an empty section on one line": (
        '{"mcpServers":{},"b":[1,2]}',
        '{"mcpServers":{"connect":{"command":"c","args":["x"]}},"b":[1,2]}',
    ),
    "an empty section in a file of many lines": (
        '{\n\t"mcpServers": {}\n}',
        FRESH.rstrip().replace("  ", "\t"),
    ),
    "an empty section with a comment": (
        '{\n  "mcpServers": { // none yet\n  },\n  "list": [1]\n}\n',
        '{\n  "mcpServers": { // none yet\n    "connect": {\n      "command": "c",\n      "args": ["x"]\n    }\n  },\n'
        '  "list": [1]\n}\n',
    ),
    "an empty section with a comment between its braces": (
        '{\n  "mcpServers": { /* none */ }\n}\n',
        '{\n  "mcpServers": { /* none */\n    "connect": {\n      "command": "c",\n      "args": [\n        "x"\n'
        "      ]\n    }\n  }\n}\n",
    ),
    "only servers that are commented out": (
        '{\n    "mcpServers": {\n        // "old": {},\n    }\n}\n',
        '{\n    "mcpServers": {\n        // "old": {},\n        "connect": {\n            "command": "c",\n'
        '            "args": [\n                "x"\n            ]\n        }\n    }\n}\n',
    ),
    "servers commented out at the end, after the last one's own comment": (
        '{\n  "mcpServers": {\n    "a": {\n      "args": ["y"]\n    } // mine\n    // "b": {},\n  }\n}\n',
        '{\n  "mcpServers": {\n    "a": {\n      "args": ["y"]\n    }, // mine\n    "connect": {\n'
        '      "command": "c",\n      "args": ["x"]\n    }\n    // "b": {},\n  }\n}\n',
    ),
    "a comment behind the last comma": (
        '{\n  "mcpServers": {\n    "a": {"args": []}, /* one */ // two\n  },\n}\n',
        '{\n  "mcpServers": {\n    "a": {"args": []}, /* one */ // two\n'
        '    "connect": {"command": "c", "args": ["x"]},\n  },\n}\n',
    ),
    "a comment before the last comma": (
        '{\n  "mcpServers": {\n    "a": {} // mine\n    ,\n  }\n}\n',
        '{\n  "mcpServers": {\n    "a": {} // mine\n    ,\n    "connect": {\n      "command": "c",\n      "args": [\n'
        '        "x"\n      ]\n    },\n  }\n}\n',
    ),
    "a comment over two lines": (
        '{\n "mcpServers": {\n  "a": 1 /* x\n  y */\n }\n}\n',
        '{\n "mcpServers": {\n  "a": 1, /* x\n  y */\n  "connect": {\n   "command": "c",\n   "args": [\n    "x"\n   ]\n'
        "  }\n }\n}\n",
    ),
    "a line comment in a section on one line": (
        '{"mcpServers": {"a": 1 // mine\n}}\n',
        '{"mcpServers": {"a": 1, // mine\n  "connect": {\n    "command": "c",\n    "args": [\n      "x"\n    ]\n'
        "  }\n}}\n",
    ),
    "CRLF": (
        '{\r\n  "mcpServers": {\r\n    "a": {"args": []}\r\n  }\r\n}\r\n',
        '{\r\n  "mcpServers": {\r\n    "a": {"args": []},\r\n    "connect": {"command": "c", "args": ["x"]}\r\n'
        "  }\r\n}\r\n",
    ),
    "mixed line ends follow the neighbouring line": (
        '{\r\n  "mcpServers": {\r\n    "a": {\n      "args": ["y"]\n    }\n  }\r\n}\r\n',
        '{\r\n  "mcpServers": {\r\n    "a": {\n      "args": ["y"]\n    },\n    "connect": {\n      "command": "c",\n'
        '      "args": ["x"]\n    }\n  }\r\n}\r\n',
    ),
    "a lone CR as line end": (
        '{\r "mcpServers": {\r  "a": {"args": []}\r }\r}\r',
        '{\r "mcpServers": {\r  "a": {"args": []},\r  "connect": {"command": "c", "args": ["x"]}\r }\r}\r',
    ),
    "tabs after blanks": (
        '{\n  "mcpServers": {\n  \t"a": {\n  \t\t"args": ["y"]\n  \t}\n  }\n}\n',
        '{\n  "mcpServers": {\n  \t"a": {\n  \t\t"args": ["y"]\n  \t},\n  \t"connect": {\n  \t\t"command": "c",\n'
        '  \t\t"args": ["x"]\n  \t}\n  }\n}\n',
    ),
    "padding in braces and brackets": (
        '{\n  "mcpServers": {\n    "a" : { "command" : "y", "args" : [ "z" ] }\n  }\n}\n',
        '{\n  "mcpServers": {\n    "a" : { "command" : "y", "args" : [ "z" ] },\n'
        '    "connect" : { "command" : "c", "args" : [ "x" ] }\n  }\n}\n',
    ),
    "blanks at the line's end": (
        '{\n  "mcpServers": {\n    "a": {"args": []}  \n  }\n}\n',
        '{\n  "mcpServers": {\n    "a": {"args": []},  \n    "connect": {"command": "c", "args": ["x"]}\n  }\n}\n',
    ),
    "braces that share their lines": (
        '{ "x": {\n    "args": ["y"]\n} }\n',
        '{ "x": {\n    "args": ["y"]\n}, "mcpServers": {\n    "connect": {\n        "command": "c",\n'
        '        "args": ["x"]\n    }\n} }\n',
    ),
    "a comma before each entry": (
        '{ "mcpServers":\n  { "a": 1\n  , "b": 2\n  }\n}\n',
        '{ "mcpServers":\n  { "a": 1\n  , "b": 2, "connect": {"command": "c", "args": ["x"]}\n  }\n}\n',
    ),
    "escapes and other scripts": (
        '{"mcpServers":{"\\u0061\\/\\"":{"command":"日本\\n\\ud800"}}}',
        '{"mcpServers":{"\\u0061\\/\\"":{"command":"日本\\n\\ud800"},"connect":{"command":"c","args":["x"]}}}',
    ),
    "number spellings, and brackets in strings": (
        '{"n":[1.0,1e3,-0,1E+2,123456789012345678901234567890],"s":"}]//\\"/*","mcpServers":{}}',
        '{"n":[1.0,1e3,-0,1E+2,123456789012345678901234567890],"s":"}]//\\"/*",'
        '"mcpServers":{"connect":{"command":"c","args":["x"]}}}',
    ),
}


@pytest.mark.parametrize("case", ADDED)
def test_an_entry_is_added_in_the_style_of_its_neighbours(case: str) -> None:
    before, after = ADDED[case]
    assert edit(before, JSONC, [PUT]).new == after
    assert check_laws(before, JSONC, SERVERS, PUT.entry) == after


COMMENTED = """\
{
  "mcpServers": {
    "a": {"x": 1}, // a
    // about b
    "b": {
      "x": 1 // in b
    }, // b
    "c": {"x": 3} // c
    // end
  }
}
"""


def without(text: str, *parts: str) -> str:
    for part in parts:
        assert text.count(part) == 1
        text = text.replace(part, "")
    return text


REMOVED: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "the first, whose comment stays": (COMMENTED, ("a",), without(COMMENTED, '"a": {"x": 1}, ')),
    "one in the middle": (COMMENTED, ("b",), without(COMMENTED, '"b": {\n      "x": 1 // in b\n    }, ')),
    "the last, and the comma before it": (
        COMMENTED,
        ("c",),
        without(COMMENTED, '"c": {"x": 3} ').replace("}, // b", "} // b"),
    ),
    "the last two": (
        COMMENTED,
        ("b", "c"),
        without(COMMENTED, '"b": {\n      "x": 1 // in b\n    }, ', '"c": {"x": 3} ').replace("}, // a", "} // a"),
    ),
    "all of them": (
        COMMENTED,
        ("a", "b", "c"),
        without(COMMENTED, '"a": {"x": 1}, ', '"b": {\n      "x": 1 // in b\n    }, ', '"c": {"x": 3} '),
    ),
    "the only one": ('{\n  "mcpServers": {\n    "a": 1\n  }\n}', ("a",), '{\n  "mcpServers": {}\n}'),
    "the only one, with a trailing comma": ('{"mcpServers": { "a": 1, }}', ("a",), '{"mcpServers": {}}'),
    "the only one, among comments": (
        '{"mcpServers": { "a": 1 /* x */ , /* y */ }}',
        ("a",),
        '{"mcpServers": { /* x */ /* y */ }}',
    ),
    "the last before a trailing comma": (
        '{\n  "mcpServers": {\n    "a": 1,\n    "b": 2,\n  },\n}\n',
        ("b",),
        '{\n  "mcpServers": {\n    "a": 1,\n  },\n}\n',
    ),
    "the first on one line": ('{"mcpServers": { "a": 1, "b": 2 }}', ("a",), '{"mcpServers": { "b": 2 }}'),
    "the last on one line": ('{"mcpServers": { "a": 1, "b": 2 }}', ("b",), '{"mcpServers": { "a": 1 }}'),
    "one in the middle of a line": ('{"mcpServers":{"a":1,"b":2,"c":3}}', ("b",), '{"mcpServers":{"a":1,"c":3}}'),
    "the last on the brace's line": (
        '{\r\n  "mcpServers": {\r\n    "a": 1,\r\n    "b": 2 }\r\n}',
        ("b",),
        '{\r\n  "mcpServers": {\r\n    "a": 1 }\r\n}',
    ),
    "one behind a leading comma": (
        '{ "mcpServers":\n  { "a": 1\n  , "b": 2\n  }\n}\n',
        ("b",),
        '{ "mcpServers":\n  { "a": 1\n  }\n}\n',
    ),
    "one that is not there": ('{"mcpServers": { "a": 1, }} // x', ("b",), '{"mcpServers": { "a": 1, }} // x'),
}


@pytest.mark.parametrize("case", REMOVED)
def test_an_entry_goes_without_the_comments_of_others(case: str) -> None:
    before, gone, after = REMOVED[case]
    assert edit(before, JSONC, [Remove(SERVERS, name) for name in gone]).new == after


def entry(*lines: str) -> str:
    inside = "".join(f"      {line}\n" for line in lines)
    return f'{{\n  "mcpServers": {{\n    "connect": {{\n{inside}    }}\n  }}\n}}\n'


UPDATED: Mapping[str, tuple[str, Put, str]] = {
    "keys in the middle go, new ones come last": (
        entry('"command": "y", // cmd', '"args": [],', '"env": {"B": "2"},', '"disabled": true'),
        HTTP,
        entry("// cmd", '"disabled": true,', '"url": "u",', '"headers": {"A": "1"}'),
    ),
    "the last keys go": (
        entry('"disabled": true, // off', '"command": "y",', '"args": []'),
        HTTP,
        entry('"disabled": true, // off', '"url": "u",', '"headers": {', '  "A": "1"', "}"),
    ),
    "all keys go, before a trailing comma": (
        entry('"command": "y",', '"args": [],'),
        HTTP,
        entry('"url": "u",', '"headers": {', '  "A": "1"', "},"),
    ),
    "on one line": (
        '{"mcpServers":{"connect":{"command":"y","disabled":true,"env":{"B":"2"},"args":[]}}}',
        HTTP,
        '{"mcpServers":{"connect":{"disabled":true,"url":"u","headers":{"A":"1"}}}}',
    ),
    "all keys of one line": (
        '{\n  "mcpServers": {\n    "connect": { "command": "y", "args": [] }\n  }\n}\n',
        HTTP,
        '{\n  "mcpServers": {\n    "connect": { "url": "u", "headers": { "A": "1" } }\n  }\n}\n',
    ),
    "a list keeps its shape and a map is merged": (
        entry('"args": ["a" /* x */, "b"],', '"env": {"B": "2"}, // env', '"command": "c"'),
        Put(SERVERS, "connect", {"args": ["x", "y"], "env": {"C": "3"}}),
        entry('"args": ["x", "y"],', '"env": {"B": "2", "C": "3"}, // env', '"command": "c"'),
    ),
    "a list over many lines stays so": (
        entry('"args": [', '  "a"', "]"),
        Put(SERVERS, "connect", {"args": ["x", "y"]}),
        entry('"args": [', '  "x",', '  "y"', "]"),
    ),
    "a scalar where the entry should be": (
        '{\n  "mcpServers": {\n    "connect": false\n  }\n}\n',
        Put(SERVERS, "connect", {"command": "c"}),
        entry('"command": "c"'),
    ),
    "a value that is there in another spelling stays": (
        entry('"\\u0063ommand": "\\u0063",', '"timeout": 6e1'),
        Put(SERVERS, "connect", {"command": "c", "timeout": 60.0}),
        entry('"\\u0063ommand": "\\u0063",', '"timeout": 6e1'),
    ),
}


@pytest.mark.parametrize("case", UPDATED)
def test_an_entry_of_the_same_name_is_updated_key_by_key(case: str) -> None:
    before, put, after = UPDATED[case]
    made = edit(before, JSONC, [put])
    assert made.new == after
    assert not edit(after, JSONC, [put]).changed
    assert reverse(made, [put], after, JSONC).new == before


@pytest.mark.parametrize(
    "name", ["a.b/c", 'quo"te', "back\\slash", "", "日本 😀", "line\nbreak", "\x00\u2028", "//", "}"]
)
def test_any_name_can_be_added_and_removed(name: str) -> None:
    text = '{\n  "mcpServers": {\n    "a": {}\n  }\n}\n'
    made = edit(text, JSONC, [Put(SERVERS, name, {"command": name})]).new
    assert read(made, JSONC, SERVERS) == {"a": {}, name: {"command": name}}
    assert edit(made, JSONC, [Remove(SERVERS, name)]).new == text
    assert "\x00" not in made
    assert "\\u65e5" not in made


def test_a_lone_surrogate_is_escaped_and_a_pair_is_the_character_it_makes() -> None:
    made = edit("{}", JSONC, [Put(SERVERS, "connect", {"command": "\ud800", "other": "\ud83d\ude00"})]).new
    assert '"\\ud800"' in made
    made.encode("utf-8")
    assert read(made, JSONC, SERVERS) == {"connect": {"command": "\ud800", "other": "😀"}}


def test_a_list_of_named_entries_is_edited_as_well() -> None:
    section = Section(("servers",), keyed_by="name")
    put = Put(section, "connect", {"command": "c"}, top={"version": 1})
    text = '{\n  "servers": [\n    {"name": "a"}, // a\n    // {"name": "b"}\n  ]\n}\n'
    made = edit(text, JSONC, [put])
    assert made.new == (
        '{\n  "servers": [\n    {"name": "a"}, // a\n    {"name": "connect", "command": "c"},\n'
        '    // {"name": "b"}\n  ]\n}\n'
    )
    assert edit(made.new, JSONC, [Remove(section, "a")]).new == (
        '{\n  "servers": [\n    // a\n    {"name": "connect", "command": "c"},\n    // {"name": "b"}\n  ]\n}\n'
    )
    assert edit("", JSONC, [put]).new == (
        '{\n  "version": 1,\n  "servers": [\n    {\n      "name": "connect",\n      "command": "c"\n    }\n  ]\n}\n'
    )


SYNTAX = {
    "a missing comma": ('{\n  "a": 1\n  "b": 2\n}', 3, 3, "expected a comma or a closing bracket"),
    "a missing colon": ('{"a" 1}', 1, 6, "expected a colon after the key"),
    "a missing value": ('{"a": }', 1, 7, "expected a value"),
    "a key without quotes": ("{\r\n\ta: 1}", 2, 2, "expected a key in double quotes"),
    "a key in single quotes": ("{'a': 1}", 1, 2, "expected a key in double quotes, and a single quote is none"),
    "a string in single quotes": ("{\"a\": 'b'}", 1, 7, "expected a value, and a single quote is none"),
    "a hash comment": ('{\n  # x\n  "a": 1\n}', 2, 3, "expected a key in double quotes; a comment begins with //"),
    "two commas": ('{"a": [1,,]}', 1, 10, "expected a value"),
    "a comma alone": ('{"a": [ /* x */ , ]}', 1, 17, "expected a value"),
    "a comma alone in a map": ('{"a": {,}}', 1, 8, "expected a key in double quotes"),
    "a line break in a string": ('{"a": "b\nc"}', 1, 9, "a line break or another control character inside a string"),
    "an escape that is none": ('{"a": "\\x"}', 1, 8, "a backslash sequence that JSON does not have"),
    "a string that stays open": ('{"a": "b}', 1, 7, "this string is never closed"),
    "a comment that stays open": ('{"a": 1} /* b', 1, 10, "this comment is never closed"),
    "a slash": ('{"a": 1} / b', 1, 10, "a slash that begins no comment"),
    "a truncated file": ('{\n  "mcpServers": {\n    "a": {\n', 4, 1, "the document ends here before it is complete"),
    "a truncated value": ('{"a": tru', 1, 7, "expected a value"),
    "two documents": ("{}\n{}", 2, 1, "something follows the end of the document"),
    "NaN": ('{"NaN": [1, /* NaN */ NaN]}', 1, 23, "NaN is not JSON"),
    "minus infinity": ('{"a": -Infinity}', 1, 7, "-Infinity is not JSON"),
    "a BOM inside": ('{"a": \ufeff1}', 1, 7, "expected a value"),
    "a BOM before an error": ('\ufeff{"a" 1}', 1, 6, "expected a colon after the key"),
    "a merge conflict": (
        '{\n<<<<<<< HEAD\n  "a": 1\n=======\n  "a": 2\n>>>>>>> other branch\n}\n',
        *(2, 1, "an unresolved merge conflict starts here"),
    ),
    "a section given twice": (
        '{"mcpServers": {},\n "mcpServers": {}}',
        *(2, 2, "the key 'mcpServers' is there twice, and hosts differ in which they read"),
    ),
    "a section given twice in two spellings": (
        '{"mcpServers": {}, "mcp\\u0053ervers": {}}',
        *(1, 20, "the key 'mcpServers' is there twice, and hosts differ in which they read"),
    ),
    "a server given twice": (
        '{"mcpServers": {"connect": {}, "connect": {}}}',
        *(1, 32, "the key 'connect' is there twice, and hosts differ in which they read"),
    ),
    "a list as section": ('{"mcpServers": []}', 1, 16, "mcpServers is a list, and this host wants a map of servers"),
    "a null as section": (
        '{\n"mcpServers": null}',
        *(2, 15, "mcpServers is a single value, and this host wants a map of servers"),
    ),
    "a list as document": ("[]", 1, 1, "the document is a list, and this host wants a map"),
    "a string as document": ('// x\n"x"', 2, 1, "the document is a single value, and this host wants a map"),
}


@pytest.mark.parametrize("case", SYNTAX)
def test_what_cannot_be_edited_is_refused_with_line_and_column(case: str) -> None:
    text, line, column, what = SYNTAX[case]
    with pytest.raises(Refused) as refused:
        edit(text, JSONC, [PUT], path="some.json")
    place = refused.value.place
    assert place is not None
    assert (place.path, place.line, place.column) == ("some.json", line, column)
    assert refused.value.what == what
    assert refused.value.mend


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        ('{"a": 1}'.encode("utf-16"), 1, 1),
        ('{"a": 1}'.encode("utf-16-le"), 1, 1),
        ('{"a": 1}'.encode("utf-32"), 1, 1),
        (b'{\r\n "\xc3\xa9": "\xe9"}', 2, 8),
        (b'\xef\xbb\xbf{"a": "\xed\xa0\x80"}', 1, 8),
    ],
)
def test_bytes_that_are_not_utf_8_are_refused_with_line_and_column(data: bytes, line: int, column: int) -> None:
    with pytest.raises(Refused) as refused:
        decode(data, "some.json")
    place = refused.value.place
    assert place is not None
    assert (place.line, place.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{}", []),
        ('{"//": "/* , */", "a": [",]"]}', []),
        ("\ufeff{}", [("bom", 0)]),
        ('{"a": 1, /* x */ // y\n}', [("trailing-comma", 7), ("comment", 9), ("comment", 17)]),
        ('{"a": {"b": 1, "c": {"b": 2}, "\\u0062": 3}}', [("duplicate-key", 30)]),
        ('[{"b": 1}, {"b": 1},] // x', [("trailing-comma", 19), ("comment", 22)]),
    ],
)
def test_what_a_host_may_reject_is_named_with_its_place(text: str, found: list[tuple[str, int]]) -> None:
    assert [(quirk.kind, quirk.offset) for quirk in JSONC.quirks(text)] == found


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, '{"a":' + "[" * 200_000 + "]" * 200_000 + "}"])
def test_a_document_nested_beyond_any_stack_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="nested too deep"):
        edit(text, JSONC, [PUT])


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_a_deeply_nested_document_is_edited(opening: str, closing: str) -> None:
    deep = opening * 5_000 + "1.0" + closing * 5_000
    text = f'{{"x":{deep},"mcpServers":{{"other":{{"deep":{deep}}}}}}}'
    made = edit(text, JSONC, [PUT])
    assert made.new == text[:-2] + ',"connect":{"command":"c","args":["x"]}}}'
    assert edit(made.new, JSONC, [Remove(SERVERS, "connect")]).new == text
    assert JSONC.quirks(text) == []


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "' + "\\\\" * 200_000,
        '{"a": "' + '\\"' * 200_000,
        '{"a": 1 /*' + "*" * 400_000,
        '{"a": 1 ' + "/*" * 200_000,
        '{"a": [' + "," * 200_000 + "]}",
        '{"a": ' + '"' * 200_000,
        '{"a": [1' + (", " + " " * 40) * 10_000 + "]}",
        '{"a": 1' + ",//}\n" * 50_000 + "}",
        "<<<<<<< a\n" * 50_000,
    ],
)
def test_malformed_text_of_any_length_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        edit(text, JSONC, [PUT])


def test_the_scanner_names_what_it_cannot_read_by_itself() -> None:
    for text in (
        '{"a": [',
        '{"a": "',
        '{"a": {"b": "',
        '{"a" "b"}',
        "{1: 2}",
        '{"a": 1 "b"}',
        '{"a": /*',
        '{"a": 1',
        '{"a":[1 /',
    ):
        with pytest.raises(Fault):
            JSONC.parse(text).members()


def test_a_value_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(Refused, match="not finite"):
        edit("{}", JSONC, [Put(SERVERS, "connect", {"timeout": float("inf")})])


def test_an_int_of_any_length_can_be_read() -> None:
    text = '{"mcpServers": {"a": {"n": ' + "9" * 5000 + ', "m": 1}}}'
    assert read(text, JSONC, SERVERS) == {"a": {"n": float("inf"), "m": 1}}
    assert edit(text, JSONC, [PUT, Remove(SERVERS, "connect")]).new == text


def put_into(document: Document, name: str, wanted: dict[str, Json], drop: frozenset[KeyPath] = frozenset()) -> Json:
    """The document's value with the entry, worked out apart from the editor."""
    value: Json = json.loads(json.dumps(document.value))
    inside = value
    for key in document.section.path:
        assert isinstance(inside, dict)
        inside = inside.setdefault(key, {})
    assert isinstance(inside, dict)
    inside[name] = merged(inside.get(name), wanted, drop)
    return value


def merged(old: Json, wanted: dict[str, Json], drop: frozenset[KeyPath]) -> Json:
    if not isinstance(old, dict):
        return wanted
    result: dict[str, Json] = {}
    for key, value in old.items():
        below = frozenset(path[1:] for path in drop if len(path) > 1 and path[0] == key)
        new = wanted.get(key, {} if below else None)
        if (key,) in drop and key not in wanted:
            continue
        if isinstance(value, dict) and isinstance(new, dict):
            result[key] = merged(value, new, below)
        else:
            result[key] = new if key in wanted else value
    return {**result, **{key: value for key, value in wanted.items() if key not in old}}


def updates(document: Document) -> st.SearchStrategy[Put]:
    """Any update of any entry that the document has."""

    def of(name: str) -> st.SearchStrategy[Put]:
        old = document.servers[name]
        inner = old if isinstance(old, dict) else {}
        paths = [(key,) for key in inner]
        deeper = [(key, below) for key, value in inner.items() if isinstance(value, dict) for below in value]
        drop: st.SearchStrategy[frozenset[KeyPath]] = (
            st.frozensets(st.sampled_from([*paths, *deeper])) if paths else st.just(frozenset())
        )
        keys = names | st.sampled_from(sorted(inner)) if inner else names
        wanted = st.dictionaries(keys, values, max_size=3)
        return st.builds(lambda entry, gone: Put(document.section, name, entry, gone), wanted, drop)

    return st.sampled_from(sorted(document.servers)).flatmap(of)


with_servers = documents(least=1)


@often
@given(documents(), entries)
def test_the_laws_hold_on_any_document(document: Document, wanted: dict[str, Json]) -> None:
    assert JSONC.load(document.text) == JSONC.tree(document.value)
    assert read(document.text, JSONC, document.section) == document.servers
    new = check_laws(document.text, JSONC, document.section, wanted)
    assert JSONC.load(new) == JSONC.tree(put_into(document, "connect", wanted))
    assert all(mark in new for mark in document.comments)


@often
@given(documents(), entries)
def test_adding_takes_nothing_but_blanks_away(document: Document, wanted: dict[str, Json]) -> None:
    (splices,) = edit(document.text, JSONC, [Put(document.section, "connect", wanted)]).steps
    assert not "".join(document.text[splice.start : splice.end] for splice in splices).strip()


def dangling_commas(text: str) -> int:
    return sum(quirk.kind == "trailing-comma" for quirk in JSONC.quirks(text))


@often
@given(with_servers, st.data())
def test_removing_an_entry_keeps_all_comments_outside_it(document: Document, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(document.servers)))
    new = edit(document.text, JSONC, [Remove(document.section, name)]).new
    gone = (*document.section.path, name)
    assert read(new, JSONC, document.section) == {k: v for k, v in document.servers.items() if k != name}
    assert all(mark in new for mark, path in document.comments.items() if path[: len(gone)] != gone)
    assert dangling_commas(new) <= dangling_commas(document.text)


@often
@given(with_servers, st.data())
def test_updating_an_entry_leads_to_its_keys_merged_with_the_new_ones(document: Document, data: st.DataObject) -> None:
    put = data.draw(updates(document))
    made = edit(document.text, JSONC, [put])
    wanted = put_into(document, put.name, dict(put.entry), put.drop)  # type: ignore[arg-type]
    assert JSONC.load(made.new) == JSONC.tree(wanted)
    assert dangling_commas(made.new) <= dangling_commas(document.text)
    assert not edit(made.new, JSONC, [put]).changed
    assert reverse(made, [put], made.new, JSONC).new == document.text
    beside = edit(made.new, JSONC, [Put(document.section, "zz", {"a": 1})]).new
    assert read(reverse(made, [put], beside, JSONC).new, JSONC, document.section) == {
        **document.servers,
        "zz": {"a": 1},
    }


many_keys = documents(comments=False).filter(lambda document: bool(document.value))


@often
@given(layouts, many_keys, entries)
def test_a_file_that_a_program_wrote_stays_as_it_would_write_it(
    layout: Layout, document: Document, wanted: dict[str, Json]
) -> None:
    made = edit(layout.write(document.value), JSONC, [Put(document.section, "connect", wanted)]).new
    assert made == layout.write(put_into(document, "connect", wanted))


@often
@given(layouts, documents(comments=False, least=1), st.data())
def test_a_file_that_a_program_wrote_stays_so_through_updates_and_removals(
    layout: Layout, document: Document, data: st.DataObject
) -> None:
    put = data.draw(updates(document))
    text = layout.write(document.value)
    assert edit(text, JSONC, [put]).new == layout.write(
        put_into(document, put.name, dict(put.entry), put.drop)  # type: ignore[arg-type]
    )
    removed = edit(layout.write(put_into(document, "connect", {})), JSONC, [Remove(document.section, "connect")]).new
    assert removed == text


@often
@given(documents(), seeds, entries)
def test_a_document_with_slips_in_it_is_refused_or_edited_as_promised(
    document: Document, seed: int, wanted: dict[str, Json]
) -> None:
    for text in itertools.islice(mutated(document.text, Random(seed)), 5):
        changes: list[Change] = [Put(document.section, "connect", wanted)]
        try:
            made = edit(text, JSONC, changes)
        except Refused:
            continue
        entry = read(made.new, JSONC, document.section)["connect"]
        assert isinstance(entry, dict)
        assert entry.items() >= wanted.items()
        assert reverse(made, changes, made.new, JSONC).new == text


@often
@given(st.text(alphabet='{}[]",:/*\\\n\r \t#1tn-.aé\ufeff'))
def test_any_text_is_refused_or_edited(text: str) -> None:
    try:
        made = edit(text, JSONC, [PUT])
    except Refused:
        return
    assert "connect" in read(made.new, JSONC, SERVERS)


def test_a_splice_touches_only_the_place_of_the_entry() -> None:
    text = '{"z": [1, 2],\n "mcpServers": {"a" :1}\n,"y":{}}'
    (splices,) = edit(text, JSONC, [PUT]).steps
    assert splices == (Splice(36, 36, ', "connect" :{"command" :"c", "args" :["x"]}'),)
