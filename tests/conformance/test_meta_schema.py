import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connect_mcp.base.fixtures import fixtures
from connect_mcp.conformance.meta_schema import _INSIDE, invalid_place, is_plain

DRAFTS = (jsonschema.Draft7Validator, jsonschema.Draft201909Validator, jsonschema.Draft202012Validator)

_WORDS: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, -1, 0, 3, 2.0, 2.5, "", "string", "object", "no such type", [], {}, ["a"], ["a", "a"], ["null"]]
)
_KEYWORDS = st.sampled_from([*_INSIDE, "x-more", "patternProperties", "$schema", "$id", "dependencies"])
_SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    _WORDS,
    lambda inner: (
        st.dictionaries(_KEYWORDS, inner, max_size=3)
        | st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "type", "items"]), inner, max_size=2)
    ),
    max_leaves=10,
)


@given(st.dictionaries(_KEYWORDS, _SCHEMAS, max_size=4))
def test_what_is_called_plain_is_a_schema_in_every_draft(schema: dict[str, Any]) -> None:
    if is_plain(schema):
        for draft in DRAFTS:
            assert not list(draft(draft.META_SCHEMA).iter_errors(schema))


@pytest.mark.parametrize("keyword", _INSIDE)
@pytest.mark.parametrize(
    "value", ["string", "x", 1, -1, 1.5, True, None, [], {}, [{}], [1], ["a", "b"], ["a", "a"], {"a": {}}]
)
def test_each_keyword_takes_only_what_every_draft_takes(keyword: str, value: object) -> None:
    schema = {keyword: value}
    if is_plain(schema):
        assert all(not list(draft(draft.META_SCHEMA).iter_errors(schema)) for draft in DRAFTS)


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"type": "object", "properties": {"a": {"type": "text"}}}, "properties/a/type"),
        ({"type": "object", "required": "a"}, "required"),
        ({"type": "object", "x-more": 1}, None),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": True, "minimum": 1}, None),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": 1}, "exclusiveMinimum"),
        ({"exclusiveMinimum": True}, "exclusiveMinimum"),
        ({"$schema": []}, "$schema"),
        ({"$schema": None}, "$schema"),
    ],
)
def test_jsonschema_has_the_last_word(schema: dict[str, Any], place: str | None) -> None:
    assert not is_plain(schema)
    assert invalid_place(schema) == place


def test_the_schemas_of_the_bundled_server_are_plain() -> None:
    tools = [json.loads(file.read_text(encoding="utf-8")) for file in (fixtures() / "tools").glob("*.json")]
    assert tools
    for tool in tools:
        assert is_plain(tool["inputSchema"])
        assert is_plain(tool["outputSchema"])
