"""Checks a call's arguments against its tool's schema: the few keywords of JSON Schema that the table uses."""

from typing import Any

from connect_mcp.server.results import Failure
from connect_mcp.server.tools.model import Tool

_KINDS = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}
_SIZES = {
    "string": ("minLength", "maxLength", "characters"),
    "array": ("minItems", "maxItems", "items"),
    "integer": ("minimum", "maximum", ""),
}


def checked(tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with defaults filled in and without those that say nothing.

    An optional argument says nothing if it is null where no null is allowed, or blank where an empty text is: models
    that fill in every argument write that.

    Raises:
        Failure: INVALID_ARG that names each argument that is wrong and what was expected.
    """
    given = {name: value for name, value in arguments.items() if not _says_nothing(tool, name, value)}
    problems: dict[str, str] = {}
    for name in given:
        if name not in tool.properties:
            problems[name] = f"unknown; {tool.name} takes {', '.join(tool.properties) or 'no arguments'}"
    for name, schema in tool.properties.items():
        if name in given:
            given[name] = _whole(given[name])
            problem = violation(schema, given[name])
            if problem:
                problems[name] = problem
        elif name in tool.required:
            problems[name] = f"missing; expected {expected(schema)}"
        elif "default" in schema:
            given[name] = schema["default"]
    if tool.one_of and not any(name in arguments for name in (*tool.one_of, *problems) if name in given):
        problems |= dict.fromkeys(tool.one_of, f"expected at least one of {' and '.join(tool.one_of)}")
    if problems:
        raise invalid(problems)
    return given


def invalid(problems: dict[str, str]) -> Failure:
    """INVALID_ARG for problems by argument, in the shape of the API's own validation errors."""
    message = "; ".join(f"{name}: {problem}" for name, problem in problems.items()) + "."
    return Failure("INVALID_ARG", message, details={name: [problem] for name, problem in problems.items()})


def violation(schema: dict[str, Any], value: Any) -> str:
    """What is wrong with a value, or ""; never quotes a text."""
    kind = _KINDS[type(value)]
    allowed = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if kind not in allowed:
        return f"expected {expected(schema)}, got {_article(kind)}"
    if "enum" in schema and value not in schema["enum"]:
        return f"expected {expected(schema)}"
    if kind in _SIZES:
        least, most, unit = _SIZES[kind]
        size = value if kind == "integer" else len(value)
        if not schema.get(least, size) <= size <= schema.get(most, size):
            return f"expected {expected(schema)}, got {size} {unit}".rstrip()
    if kind == "string" and not _is_unicode(value):
        return "expected text, got half a surrogate pair"
    if kind == "array":
        for index, item in enumerate(value):
            problem = violation(schema["items"], item)
            if problem:
                return f"item {index}: {problem}"
    return ""


def expected(schema: dict[str, Any]) -> str:
    """What a schema asks for, in words."""
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    least, most, unit = _SIZES.get(kinds[0], ("", "", ""))
    filled = bool(unit) and schema.get(least) == 1
    words = " or ".join(_article("non-empty " + kind if filled and kind != "null" else kind) for kind in kinds)
    bounds = [f"at least {schema[least]}"] if least in schema and not filled else []
    bounds += [f"at most {schema[most]}"] if most in schema else []
    return f"{words} of {' and '.join(bounds)} {unit}".rstrip() if bounds else words


def _says_nothing(tool: Tool, name: str, value: Any) -> bool:
    schema = tool.properties.get(name)
    if schema is None or name in tool.required:
        return False
    if value is None:
        return "null" not in schema["type"]
    return isinstance(value, str) and not value.strip() and "minLength" not in schema


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 50.0 is the integer 50."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _article(kind: str) -> str:
    if kind == "null":
        return kind
    return f"an {kind}" if kind[0] in "aio" else f"a {kind}"
