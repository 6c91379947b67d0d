from connect_mcp.conformance.mirrored import as_header, at, is_token, mirrored

NESTED = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "where": {"type": "object", "properties": {"zone": {"type": "integer", "x-mcp-header": "Zone"}}},
        "rows": {"type": "array", "items": {"type": "object", "properties": {"a": {"x-mcp-header": "Row"}}}},
        "bad": {"type": "string", "x-mcp-header": "no name\r\nX: y"},
        "plain": True,
    },
}


def test_parameters_are_found_over_properties_alone_and_only_under_names_that_headers_can_have() -> None:
    listed = {"result": {"tools": [{"name": "t", "inputSchema": NESTED}, {"name": "u"}, {"name": 1}, None]}}
    assert dict(mirrored(listed)) == {"t": (("Region", ("region",)), ("Zone", ("where", "zone"))), "u": ()}
    others: tuple[object, ...] = (None, [], {"result": []}, {"result": {"tools": {}}}, {"error": {}})
    for odd in others:
        assert dict(mirrored(odd)) == {}


def test_an_argument_is_found_at_its_path() -> None:
    assert at({"where": {"zone": 7}}, ("where", "zone")) == 7
    for arguments in ({}, {"where": None}, {"where": [1]}, None):
        assert at(arguments, ("where", "zone")) is None


def test_texts_whole_numbers_and_truths_go_into_headers() -> None:
    values = ["a", 42, -7, True, False, None, 1.5, [], {}]
    assert [as_header(value) for value in values] == ["a", "42", "-7", "true", "false", None, None, None, None]


def test_the_name_of_a_header_is_a_token() -> None:
    assert [is_token(name) for name in ("Region", "a.b~c", "", "a b", "a\n", "é", 7, None)] == [
        True,
        True,
        *[False] * 6,
    ]
