"""The schemas in fixtures/config-schemas: well formed, one for every host, and true of all that we and hosts write."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from connect_mcp.base.record import replace
from connect_mcp.installer.dialects import KEYWORDS, SHARED, Fault, faults, rejects_files, schema_of
from connect_mcp.installer.editors.engine import decode, edit
from connect_mcp.installer.editors.formats import format_named
from connect_mcp.installer.hosts.all_hosts import HOSTS, find
from connect_mcp.installer.hosts.model import Host, Scope
from connect_mcp.installer.spec import ServerSpec
from support.judged_files import JUDGED, Judged
from support.machines import machine

FIXTURES = Path(__file__).parents[2] / "fixtures"
SCHEMAS = sorted((FIXTURES / "config-schemas").glob("*.json"))
CASES = sorted(path.parent for path in (FIXTURES / "configs").glob("*/*/case.json"))
ENDING = {"jsonc": "json", "yaml": "yaml", "toml": "toml"}
ANNOTATIONS = {"$schema", "$comment", "title", "$defs"}
CONFIDENCE = ("Live: ", "Source: ", "Docs: ", "Peer: ")

each_schema = pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
each_host = pytest.mark.parametrize("host", list(HOSTS), ids=lambda host: host.id)


def load(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def subschemas(schema: Mapping[str, Any], what: str = "") -> Iterator[tuple[Mapping[str, Any], str]]:
    """Every schema in a schema, with the description that holds for it."""
    what = schema.get("description", what)
    yield schema, what
    for key in ("additionalProperties", "propertyNames", "items", "not", "if", "then", "else"):
        if key in schema:
            yield from subschemas(schema[key], what)
    for key in ("properties", "$defs"):
        for inner in schema.get(key, {}).values():
            yield from subschemas(inner, "" if key == "$defs" else what)
    for key in ("allOf", "anyOf"):
        for inner in schema.get(key, ()):
            yield from subschemas(inner, what)


@each_schema
def test_a_schema_is_json_schema_2020_12_and_uses_only_what_we_judge_by(path: Path) -> None:
    schema = load(path)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for inner, _ in subschemas(schema):
        assert set(inner) <= KEYWORDS | ANNOTATIONS


@each_schema
def test_a_schema_says_whose_it_is_and_how_its_facts_are_known(path: Path) -> None:
    schema = load(path)
    assert schema["title"]
    assert schema["description"].endswith(".")
    assert schema["$comment"].startswith(CONFIDENCE)


@each_schema
def test_every_rule_is_said_in_plain_words(path: Path) -> None:
    schema = load(path)
    known = set(schema.get("$defs", {}))
    for inner, what in subschemas(schema):
        assert inner.get("x-consequence", "file") in ("file", "entry", "ignored")
        assert inner.get("$ref", "#/$defs/").removeprefix("#/$defs/") in known | {""}
        if inner is not schema and "description" in inner:
            assert not what.endswith(".")
            assert len(what) < 120


@each_host
def test_every_host_has_a_schema(host: Host) -> None:
    path = FIXTURES / "config-schemas" / f"{SHARED.get(host.id, host.id)}.json"
    assert path.exists(), f"{host.id} has a row and no schema: write {path.name} beside the others"


def test_every_schema_has_a_host() -> None:
    assert {path.stem for path in SCHEMAS} == {SHARED.get(host.id, host.id) for host in HOSTS}


@each_host
def test_whether_a_host_rejects_whole_files_is_known_without_parsing_its_schema(host: Host) -> None:
    said = [schema.get("x-consequence") for schema, _ in subschemas(schema_of(host))]
    assert rejects_files(host) is ("file" in said)


def servers(host: Host) -> Iterator[ServerSpec]:
    """Servers of each kind that the host can hold."""
    bare = ServerSpec("/opt/x")
    yield bare
    yield replace(bare, args=("serve", "--port", "8080"))
    yield replace(bare, args=("serve",), env={"A": "1", "EMPTY": "", "YES": "yes"})
    if "cwd" in host.stdio.fields:
        yield replace(bare, cwd="/srv/x")
    if host.remote:
        for transport in sorted(host.remote.transports):
            plain = ServerSpec(url="https://mcp.example.com/mcp", transport=transport)
            yield plain
            if "headers" in host.remote.fields:
                yield replace(plain, headers={"X-Team": "docs"})


def renderings() -> list[Any]:
    return [
        pytest.param(host, scope, spec, id=f"{host.id}-{scope}-{index}")
        for host in HOSTS
        for scope in host.scopes
        for index, spec in enumerate(servers(host))
    ]


@pytest.mark.parametrize(("host", "scope", "spec"), renderings())
def test_a_file_that_we_make_is_what_the_host_wants_to_the_last_key(host: Host, scope: Scope, spec: ServerSpec) -> None:
    location = host.locate(machine(), scope, "/home/user/project")
    changes = host.changes(location, "connect", spec)
    text = edit("", format_named(location.format), changes).new
    assert faults(host, location, text) == ()


def severe(found: tuple[Fault, ...]) -> set[tuple[str, str]]:
    return {(fault.name, fault.what) for fault in found if fault.consequence != "ignored"}


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_a_file_that_we_edited_is_no_worse_than_it_was(folder: Path) -> None:
    case = load(folder / "case.json")
    host = find(folder.parent.name)
    location = host.locate(machine(), case["scope"], case.get("project", "/home/user/project"))
    before, after = (folder / f"{name}.{ENDING[location.format]}" for name in ("before", "after"))
    if not after.exists():
        return
    was = faults(host, location, decode(before.read_bytes(), "before")) if before.exists() else ()
    now = faults(host, location, decode(after.read_bytes(), "after"))
    assert severe(now) <= severe(was)
    if "written by hand" not in case["provenance"]:
        assert severe(was) == set(), "a host writes nothing that it would not use itself"


def agrees(host: Host, document: object) -> None:
    """Our judgement of a JSON document and the jsonschema package's are the same."""
    text = json.dumps(document)
    location = replace(host.locate(machine()), format="jsonc", rejects=frozenset())
    errors = list(Draft202012Validator(schema_of(host)).iter_errors(document))
    assert (faults(host, location, text) == ()) is (errors == []), (text, errors)


@pytest.mark.parametrize("case", [case for case in JUDGED if case.text.startswith("{")], ids=lambda case: case.id)
def test_the_jsonschema_package_judges_alike(case: Judged) -> None:
    agrees(find(case.host), json.loads(case.text))


def keys_of(schema: Mapping[str, Any]) -> list[str]:
    return sorted({key for inner, _ in subschemas(schema) for key in (*inner.get("properties", ()), "x y", "zzz")})


def words_of(schema: Mapping[str, Any]) -> list[object]:
    """The values that the schema names, and some of each type."""
    named = {word for inner, _ in subschemas(schema) for word in (*inner.get("enum", ()), inner.get("const", "a"))}
    return [*sorted(map(str, named)), "https://x", "", 0, 1, -1, 0.5, True, False, None]


def documents(host: Host) -> st.SearchStrategy[object]:
    """Documents that look like the host's, with a fault here and there."""
    schema = schema_of(host)
    scalar = st.sampled_from(words_of(schema))
    value = scalar | st.lists(scalar, max_size=2) | st.dictionaries(st.sampled_from(["A", "name"]), scalar, max_size=2)
    entry = st.dictionaries(st.sampled_from(keys_of(schema)), value, max_size=5) | scalar
    names = st.sampled_from(["x", "a b", "workspace", "servers"])
    section = st.dictionaries(names, entry, max_size=2) | st.lists(entry, max_size=2)
    return st.dictionaries(st.sampled_from(sorted(schema["properties"])), section | value, max_size=3) | value


@each_host
def test_the_jsonschema_package_judges_alike_whatever_the_document(host: Host) -> None:
    @given(documents(host))
    def alike(document: object) -> None:
        agrees(host, document)

    alike()
