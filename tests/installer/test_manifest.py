import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.machine import Machine
from connect_mcp.installer.manifest import Ask, Resolved, Values, Wanted, parsed, resolved
from connect_mcp.installer.spec import ServerSpec
from support.machines import machine

CASES = sorted((Path(__file__).parents[2] / "fixtures" / "manifests").glob("*.json"))


def come_to(
    text: str,
    var: Mapping[str, list[str]] | None = None,
    *,
    here: Machine | None = None,
    package: Any = None,
    elsewhere: frozenset[str] = frozenset(),
    ask: Ask | None = None,
) -> Resolved:
    here = here or machine(env={"PATH": "/usr/bin"}, executable=frozenset({"/usr/bin/npx", "/usr/bin/uvx"}))
    return resolved(parsed(text, "server.json"), Values(var or {}, elsewhere, ask, here), here, package)


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_a_manifest_comes_to_what_its_fixture_says(file: Path) -> None:
    case = json.loads(file.read_text(encoding="utf-8"))
    env = {"PATH": "/usr/bin", **case["machine"].get("env", {})}
    here = machine(env=env, executable=frozenset(f"/usr/bin/{name}" for name in case["machine"]["programs"]))
    var: dict[str, list[str]] = {}
    for option in case["options"].get("var", []):
        name, equals, value = option.partition("=")
        var.setdefault(name, []).append(value if equals else env[name])
    found = come_to(json.dumps(case["manifest"]), var, here=here, package=case["options"].get("package"))
    wanted = case["comes_to"]
    assert found.spec == ServerSpec(**{**wanted, "args": tuple(wanted.get("args", ()))})
    assert (sorted(found.secrets), list(found.warnings)) == (case["secrets"], case["warnings"])


def with_package(**changed: Any) -> str:
    package = {"registryType": "npm", "identifier": "mcp-x", "version": "1.0.0", "transport": {"type": "stdio"}}
    package = {key: value for key, value in {**package, **changed}.items() if value is not None}
    return json.dumps({"name": "a.b/x", "description": "x", "version": "1", "packages": [package]})


@pytest.mark.parametrize(
    ("text", "what", "at"),
    [
        (
            '{"name": "a/b",\n "packages": [\n   {"registryType": 7}]}',
            "packages[0].registryType: this must be a text",
            "7}",
        ),
        ('{"name": "a/b",\n "packages": {}}', "packages: this must be a list", "{}"),
        ('{"name": "a/b",\n "packages": [3]}', "packages[0]: this must be an object", "3]"),
        ('{"name": "a/b"}', "the manifest: there is no package in it that can be used here", "{"),
        ('{"name": "a/b/"}', "name: this must end with the server's own name", '"a/b/"'),
        ('{"name": " "}', "name: this is empty", '" "'),
        ('{"packages": []}', "the manifest: name is missing", "{"),
        ("[]", "the manifest: this must be an object", "["),
        (with_package(registryType=None, registry_type="npm"), "packages[0]: registryType is missing", '{"identifier"'),
        (with_package(version="^1.0"), "packages[0].version: this must be one version", '"^1.0"'),
        (with_package(version="latest"), "packages[0].version: this must be one version", '"latest"'),
        (with_package(identifier="--registry=x"), "packages[0].identifier: --registry=x is not the name", '"--reg'),
        (with_package(identifier="git+https://x.example/x"), "packages[0].identifier: git+https", '"git'),
        (with_package(identifier="../x"), "packages[0].identifier: ../x is not the name", '"../x'),
        (with_package(registryType="oci", identifier="--privileged"), "packages[0].identifier: --priv", '"--priv'),
        (with_package(registryType="pypi", identifier="x @ https://e.example"), "packages[0].identifier: x @", '"x @'),
        (
            with_package(registryBaseUrl="https://x.example"),
            "packages[0].registryBaseUrl: this is https://x",
            '"https://x',
        ),
        (
            with_package(environmentVariables=[{"name": "A=B", "value": "x"}]),
            "Variables[0].name: this is no name",
            '"A=B"',
        ),
        (
            with_package(environmentVariables=[{"name": "LD_PRELOAD", "value": "x"}]),
            "name: LD_PRELOAD makes",
            '"LD_PRE',
        ),
        (with_package(environmentVariables=[{"name": "Path", "default": "x"}]), "name: Path makes programs", '"Path'),
        (with_package(environmentVariables=[{"value": "x"}]), "Variables[0]: name is missing", '{"value"'),
        (
            with_package(packageArguments=[{"type": "positional"}]),
            "Arguments[0]: a positional argument",
            '{"type": "pos',
        ),
        (with_package(packageArguments=[{"type": "odd"}]), "Arguments[0].type: this must be positional", '"odd"'),
        (
            with_package(packageArguments=[{"type": "positional", "value": "a\nb"}]),
            "value: this text holds a control",
            '"a',
        ),
        (with_package(environmentVariables=[{"name": "A", "isSecret": "yes"}]), "isSecret: this must be true", '"yes"'),
        (
            with_package(runtimeHint="sh", runtimeArguments=[{"type": "positional", "value": "-c"}]),
            "packages[0].runtimeHint: sh is not started for a package on npm",
            '"sh"',
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_path_and_its_place(text: str, what: str, at: str) -> None:
    with pytest.raises(Refused) as caught:
        come_to(text)
    assert what in caught.value.what
    before = text[: text.rindex(at)]
    line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    assert str(caught.value.place) == f"server.json:{line}:{column}"


def test_a_text_that_is_no_json_is_refused_with_its_place() -> None:
    with pytest.raises(Refused) as caught:
        come_to('{"name": "a/b",\n "packages" []}')
    assert str(caught.value.place) == "server.json:2:13"


@pytest.mark.parametrize(
    ("kind", "said"),
    [("nuget", "dotnet tool install"), ("mcpb", "open the bundle in the host"), ("deb", "deb packages are not known")],
)
def test_a_package_that_is_not_run_here_says_what_else_can_be_done(kind: str, said: str) -> None:
    with pytest.raises(Refused) as caught:
        come_to(with_package(registryType=kind))
    assert said in caught.value.why


def test_a_package_that_serves_http_by_itself_is_not_started() -> None:
    with pytest.raises(Refused) as caught:
        come_to(with_package(transport={"type": "streamable-http", "url": "http://localhost:{port}/mcp"}))
    assert "start it, and use --url" in caught.value.why


KEY = {"name": "API_KEY", "description": "The\x1bkey", "isRequired": True, "isSecret": True}
REGION = {"name": "REGION", "choices": ["eu", "us"], "isRequired": True}


def test_every_missing_value_is_named_at_once() -> None:
    with pytest.raises(Misuse) as caught:
        come_to(with_package(environmentVariables=[KEY, REGION]))
    assert caught.value.why.splitlines() == ["API_KEY (secret): The\\x1bkey", "REGION: one of eu, us"]
    assert "--var API_KEY" in caught.value.mend
    assert "=VALUE" not in caught.value.mend  # a secret does not belong on a command line


def test_a_value_that_the_server_gets_in_another_way_need_not_be_given() -> None:
    found = come_to(with_package(environmentVariables=[KEY]), elsewhere=frozenset({"API_KEY"}))
    assert found.spec.env == {}


def test_an_image_is_handed_a_variable_that_comes_later_and_no_other() -> None:
    text = with_package(registryType="oci", identifier="ghcr.io/x/y:1", version=None, environmentVariables=[KEY])
    found = come_to(text, elsewhere=frozenset({"API_KEY", "OTHER"}))
    assert found.spec.args == ("run", "-i", "--rm", "-e", "API_KEY", "ghcr.io/x/y:1")


def test_a_header_that_is_given_in_another_way_needs_no_parts() -> None:
    header = {"name": "Authorization", "value": "Bearer {token}", "variables": {"token": {"isRequired": True}}}
    remote = {"type": "streamable-http", "url": "https://x.example/", "headers": [header]}
    text = json.dumps({"name": "a/x", "remotes": [remote]})
    assert come_to(text, elsewhere=frozenset({"authorization"})).spec.headers == {}
    with pytest.raises(Misuse):
        come_to(text)


@pytest.mark.parametrize(
    ("var", "said"),
    [
        ({"REGION": ["mars"]}, "--var REGION must be one of eu, us"),
        ({"REGION": ["eu", "us"]}, "given twice"),
        ({"REGION": ["eu"], "COLOUR": ["red"]}, "asks for no COLOUR"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(var: dict[str, list[str]], said: str) -> None:
    with pytest.raises(Misuse, match=said):
        come_to(with_package(environmentVariables=[REGION]), var)


def test_a_person_is_asked_once_for_what_is_required() -> None:
    asked: list[Wanted] = []

    def answer(wanted: Wanted) -> str:
        asked.append(wanted)
        return "s3cret-value"

    argument = {"type": "named", "name": "--key", "value": "{API_KEY}", "variables": {"API_KEY": KEY}}
    text = with_package(environmentVariables=[KEY, {"name": "OPTIONAL"}], packageArguments=[argument])
    found = come_to(text, ask=answer)
    assert [(wanted.name, wanted.secret) for wanted in asked] == [("API_KEY", True)]
    assert found.spec.args[-2:] == ("--key", "s3cret-value")
    assert found.secrets == {"s3cret-value"}


def test_an_option_whose_variable_is_not_given_is_left_out() -> None:
    argument = {"type": "named", "name": "-e", "value": "DB={db}", "variables": {"db": {"description": "which"}}}
    assert come_to(with_package(packageArguments=[argument])).spec.args == ("-y", "mcp-x@1.0.0")
    assert come_to(with_package(packageArguments=[argument]), {"db": ["pg"]}).spec.args[-2:] == ("-e", "DB=pg")


def test_braces_that_are_no_variable_stay() -> None:
    argument = {"type": "positional", "value": '{"a": {b}}'}
    assert come_to(with_package(packageArguments=[argument])).spec.args[-1] == '{"a": {b}}'


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["npm", "oci", "{a}", "-y", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "type", "value"]), inner),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where anything stands in a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], by)
    return copy


@given(data=st.data(), file=st.sampled_from(CASES), by=JSON)
def test_a_manifest_with_anything_anywhere_comes_to_a_known_program_or_a_refusal(
    data: st.DataObject, file: Path, by: Any
) -> None:
    manifest = json.loads(file.read_text(encoding="utf-8"))["manifest"]
    changed = replaced(manifest, data.draw(st.sampled_from(list(places(manifest)))), by)
    try:
        spec = come_to(json.dumps(changed), ask=lambda wanted: "given").spec
    except Refused:
        return
    assert spec.command in {"", "npx", "bunx", "uvx", "pipx", "docker", "podman"}
    assert all(isinstance(text, str) and "\x00" not in text for text in (*spec.args, *spec.env, *spec.env.values()))
